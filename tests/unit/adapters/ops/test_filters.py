"""Filters against scipy, which computes them another way."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from adapters.operations import registry
from adapters.ops.filters import gaussian, gaussian_volume, mean, median, unsharp

SCIPY_MODES = {"reflect": "reflect", "mirror": "mirror", "nearest": "nearest", "zero": "constant"}
DTYPES = ["uint8", "uint16", "int8", "int16", "int32", "uint32", "float32", "float64"]


def picture(dtype: str, shape: tuple[int, ...] = (61, 83), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.normal(1000, 400, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("border", SCIPY_MODES)
@pytest.mark.parametrize("sigma", [0.3, 1.0, 3.0, 20.0])
def test_gaussian_agrees_with_scipy_in_double_precision(
    dtype: str, border: str, sigma: float
) -> None:
    image = picture(dtype)
    exact = ndimage.gaussian_filter(image.astype(np.float64), sigma, mode=SCIPY_MODES[border])
    found = gaussian(image, sigma, border)  # type: ignore[arg-type]
    assert found.dtype == image.dtype
    error = np.abs(found.astype(np.float64) - exact)
    if image.dtype.kind == "f":
        assert error.max() < (1e-3 if dtype == "float32" else 1e-9)
    else:
        info = np.iinfo(dtype)
        real = 6e-7 if image.dtype.itemsize <= 2 else 1e-9  # rounding of float32, of float64
        assert error.max() <= 0.5 + real * (float(info.max) - info.min)


def test_gaussian_keeps_a_constant_and_the_mean() -> None:
    assert (gaussian(np.full((40, 50), 12345, np.uint16), 3.0) == 12345).all()
    image = picture("float64")
    assert gaussian(image, 4.0, "reflect").mean() == pytest.approx(image.mean(), rel=1e-12)


def test_gaussian_of_no_width_changes_nothing_and_of_images_narrower_than_it_works() -> None:
    image = picture("uint16")
    np.testing.assert_array_equal(gaussian(image, 0.0), image)
    narrow = picture("float64", (3, 50))
    np.testing.assert_allclose(
        gaussian(narrow, 9.0), ndimage.gaussian_filter(narrow, 9.0), rtol=1e-10
    )


@pytest.mark.parametrize("sigma_z", [0.0, 0.7, 2.5])
@pytest.mark.parametrize("border", SCIPY_MODES)
def test_gaussian_of_a_volume_agrees_with_scipy(sigma_z: float, border: str) -> None:
    volume = picture("float64", (7, 31, 33))
    expected = ndimage.gaussian_filter(volume, (sigma_z, 2.0, 2.0), mode=SCIPY_MODES[border])
    found = gaussian_volume(volume, 2.0, sigma_z, border)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("radius", [1, 2, 3, 7])
@pytest.mark.parametrize("shape", ["square", "disc"])
def test_median_equals_scipy(dtype: str, radius: int, shape: str) -> None:
    image = picture(dtype)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disc = y * y + x * x <= radius * radius
    footprint = np.ones_like(disc) if shape == "square" else disc
    expected = ndimage.median_filter(image, footprint=footprint, mode="nearest")
    found = median(image, radius, shape)  # type: ignore[arg-type]
    assert found.dtype == image.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("levels", [40, 1500, 60_000])
def test_median_is_exact_for_few_and_for_many_grey_levels(levels: int) -> None:
    image = (np.random.default_rng(2).integers(0, levels, (90, 70)) + 5000).astype(np.uint16)
    expected = ndimage.median_filter(image, 11, mode="nearest")
    np.testing.assert_array_equal(median(image, 5), expected)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("border", SCIPY_MODES)
def test_mean_agrees_with_scipy(dtype: str, border: str) -> None:
    image = picture(dtype)
    exact = ndimage.uniform_filter(image.astype(np.float64), 7, mode=SCIPY_MODES[border])
    found = mean(image, 3, border)  # type: ignore[arg-type]
    assert found.dtype == image.dtype
    if image.dtype.kind == "f":
        np.testing.assert_allclose(found, exact, rtol=1e-6)
    else:
        assert np.abs(found.astype(np.float64) - exact).max() <= 0.5 + 1e-5


def test_difference_of_gaussians_is_zero_for_equal_widths_and_keeps_sign() -> None:
    op = registry.get("filter.difference_of_gaussians")
    spot = np.zeros((41, 41), np.uint8)
    spot[20, 20] = 255
    found = op(image=spot, sigma1=1.0, sigma2=3.0)["image"]
    assert found.dtype == np.float32
    assert found[20, 20] > 0 > found[20, 25]
    assert not op(image=spot, sigma1=2.0, sigma2=2.0)["image"].any()


def test_unsharp_follows_its_formula_and_clips() -> None:
    image = picture("float64")
    blurred = ndimage.gaussian_filter(image, 2.0, mode="nearest")
    np.testing.assert_allclose(unsharp(image, 2.0, 0.4), (image - 0.4 * blurred) / 0.6, rtol=1e-9)
    edge = np.zeros((20, 20), np.uint8)
    edge[:, 10:] = 255
    assert unsharp(edge, 2.0, 0.6).min() == 0
    assert unsharp(edge, 2.0, 0.6)[:, 10].min() == 255
