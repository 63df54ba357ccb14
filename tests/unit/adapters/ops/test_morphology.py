"""Morphology against scipy and against its laws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from adapters.ops.morphology import closing, dilate, erode, fill_holes, opening

DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint32", "float32", "float64"]


def picture(dtype: str) -> np.ndarray:
    rng = np.random.default_rng(5)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 100, (37, 45)).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, (37, 45), dtype=dtype, endpoint=True)


def footprint(radius: int, element: str) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    if element == "disc":
        return np.hypot(x, y) <= radius
    return (x * y == 0) if element == "cross" else np.ones(x.shape, bool)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("element", ["square", "disc", "cross"])
@pytest.mark.parametrize("radius", [0, 1, 4])
def test_erosion_and_dilation_equal_scipy_with_a_border_that_never_wins(
    dtype: str, element: str, radius: int
) -> None:
    image = picture(dtype)
    size = footprint(radius, element)
    real = image.astype(np.float64)
    low = ndimage.grey_erosion(real, footprint=size, mode="constant", cval=np.inf)
    high = ndimage.grey_dilation(real, footprint=size, mode="constant", cval=-np.inf)
    for found, expected in (
        (erode(image, radius, element), low),  # type: ignore[arg-type]
        (dilate(image, radius, element), high),  # type: ignore[arg-type]
    ):
        assert found.dtype == image.dtype
        np.testing.assert_array_equal(found.astype(np.float64), expected)


@pytest.mark.parametrize("element", ["square", "disc", "cross"])
def test_opening_and_closing_are_idempotent_ordered_and_dual(element: str) -> None:
    image = picture("uint8")
    opened = opening(image, 2, element)  # type: ignore[arg-type]
    closed = closing(image, 2, element)  # type: ignore[arg-type]
    assert (opened <= image).all()
    assert (closed >= image).all()
    np.testing.assert_array_equal(opening(opened, 2, element), opened)  # type: ignore[arg-type]
    np.testing.assert_array_equal(closing(closed, 2, element), closed)  # type: ignore[arg-type]
    np.testing.assert_array_equal(opening(~image, 2, element), ~closed)  # type: ignore[arg-type]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_holes_fill_as_in_scipy(connectivity: int) -> None:
    mask = np.random.default_rng(3).random((80, 90)) < 0.6
    joins = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    expected = ndimage.binary_fill_holes(mask, joins)
    found = fill_holes(mask, connectivity)  # type: ignore[arg-type]
    assert found.dtype == bool
    np.testing.assert_array_equal(found, expected)


def test_a_ring_fills_but_an_open_one_does_not() -> None:
    ring = np.zeros((9, 9), bool)
    ring[2:7, 2:7] = True
    ring[3:6, 3:6] = False
    assert fill_holes(ring).sum() == 25
    ring[2, 4] = False
    assert fill_holes(ring).sum() == ring.sum()
    corner = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 1]], bool)
    assert fill_holes(corner, 4)[1, 1]
    assert not fill_holes(corner, 8)[1, 1]
