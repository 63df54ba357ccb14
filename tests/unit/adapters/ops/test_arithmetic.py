"""Arithmetic against Python's own whole numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from adapters.intensities import stored, wrapped
from adapters.operations import registry
from adapters.ops.arithmetic import add, combine, gamma, invert, log, multiply, subtract

INTEGERS = ["uint8", "uint16", "int8", "int16", "int32", "uint32"]


def levels(dtype: str) -> np.ndarray:
    """Samples of a type, enough of them that the table is used."""
    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    image = rng.integers(info.min, info.max, (400, 400), dtype=dtype, endpoint=True)
    image[0, :2] = info.min, info.max
    return image


def clipped(value: float, dtype: str) -> int:
    info = np.iinfo(dtype)
    return min(max(math.floor(value + 0.5), info.min), info.max)


def modulo(value: float, dtype: str) -> int:
    info = np.iinfo(dtype)
    span = info.max - info.min + 1
    return (math.trunc(value) - info.min) % span + info.min


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("overflow", ["clip", "wrap"])
@pytest.mark.parametrize("shape", [(400, 400), (5, 7)])
def test_constants_clip_or_wrap(dtype: str, overflow: str, shape: tuple[int, int]) -> None:
    image = levels(dtype)[: shape[0], : shape[1]]
    rule = clipped if overflow == "clip" else modulo
    for function, exact in (
        (add, lambda v: v + 100.5),
        (subtract, lambda v: v - 77),
        (multiply, lambda v: v * 1.75),
    ):
        value = {add: 100.5, subtract: 77, multiply: 1.75}[function]
        found = function(image, value, overflow)
        assert found.dtype == image.dtype
        expected = [rule(exact(int(v)), dtype) for v in image.ravel()[:500]]
        assert found.ravel()[:500].tolist() == expected


def test_two_hundred_plus_a_hundred_is_255_or_44() -> None:
    image = np.array([[200]], np.uint8)
    assert add(image, 100.0, "clip").item() == 255
    assert add(image, 100.0, "wrap").item() == 44


@pytest.mark.parametrize("dtype", INTEGERS)
def test_inverting_twice_is_nothing_and_once_swaps_the_limits(dtype: str) -> None:
    image = levels(dtype)
    info = np.iinfo(dtype)
    once = invert(image)
    assert once.dtype == image.dtype
    assert once[0, 0] == info.max
    assert once[0, 1] == info.min
    np.testing.assert_array_equal(invert(once), image)
    assert invert(np.array([[1.5]], np.float32)).item() == -1.5


def test_gamma_keeps_both_ends_and_follows_the_power() -> None:
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    found = gamma(image, 0.5).ravel()
    assert found[0] == 0
    assert found[255] == 255
    assert found[64] == math.floor(255 * math.sqrt(64 / 255) + 0.5)
    assert gamma(np.array([[-4.0, 9.0]]), 0.5).tolist() == [[0.0, 3.0]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32"])
def test_log_of_the_exponential_gives_it_back(dtype: str) -> None:
    image = np.array([[1, 10, 100, 0, 127]], dtype).repeat(400, 0).repeat(100, 1)
    found = log(image)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, ::100][:3], np.log([1, 10, 100]), rtol=1e-6)
    assert found[0, 300] == -np.inf


@pytest.mark.parametrize("overflow", ["clip", "wrap"])
def test_two_images_combine_in_the_type_of_the_first(overflow: str) -> None:
    a = np.array([[200, 7, 0, 255]], np.uint8)
    b = np.array([[100, 0, 3, 2]], np.uint16)
    rule = clipped if overflow == "clip" else modulo
    exact = {
        "add": [300, 7, 3, 257],
        "subtract": [100, 7, -3, 253],
        "multiply": [20000, 0, 0, 510],
        "divide": [2, 0, 0, 127],
        "difference": [100, 7, 3, 253],
        "average": [150, 3.5, 1.5, 128.5],
        "min": [100, 0, 0, 2],
        "max": [200, 7, 3, 255],
    }
    for method, values in exact.items():
        found = combine(a, b, method, overflow)  # type: ignore[arg-type]
        assert found.dtype == np.uint8
        assert found.ravel().tolist() == [rule(v, "uint8") for v in values], method


def test_float_division_by_zero_follows_ieee() -> None:
    found = combine(np.array([[1.0, 0.0]]), np.array([[0.0, 0.0]]), "divide")
    assert found[0, 0] == np.inf
    assert np.isnan(found[0, 1])


@pytest.mark.parametrize("dtype", [*INTEGERS, "int64", "uint64"])
def test_storing_clips_at_the_exact_limits_of_every_type(dtype: str) -> None:
    info = np.iinfo(dtype)
    for real in (np.float32, np.float64):
        values = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 2.5, 1.49, 0.0], real)
        found = stored(values.copy(), dtype)
        assert found.tolist() == [0, info.max, info.min, info.max, info.min, 3, 1, 0]
        assert found.dtype == dtype


def test_storing_wider_integers_clips() -> None:
    assert stored(np.array([-5, 300, 7]), "uint8").tolist() == [0, 255, 7]
    assert stored(np.array([2**64 - 1], np.uint64), "int32").tolist() == [2**31 - 1]
    assert wrapped(np.array([-1, 300]), "uint8").tolist() == [255, 44]
    assert wrapped(np.array([-1.9, 256.7, np.nan]), "uint8").tolist() == [255, 0, 0]


def test_bad_constants_are_refused() -> None:
    op = registry.get("math.gamma")
    for bad in (0, -1, 11, float("nan")):
        with pytest.raises(Exception, match="exponent"):
            op(image=np.zeros((2, 2), np.uint8), exponent=bad)
