"""Otsu's level against its definition, computed exactly, and against scikit-image."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import tifffile
from skimage.filters import threshold_otsu

from adapters.intensities import histogram
from adapters.operations import Blocks, registry
from adapters.ops.threshold import manual


def two_classes(dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = rng.normal(60, 12, (120, 150))
    image[30:80, 40:100] += 100
    return np.clip(image, 0, 255).astype(dtype)


def exact_variance(values: np.ndarray, level: int) -> Fraction:
    """Variance between classes at most and above a level, in whole-number arithmetic."""
    below = [int(v) for v in values.ravel() if v <= level]
    above = [int(v) for v in values.ravel() if v > level]
    if not below or not above:
        return Fraction(0)
    gap = Fraction(sum(below), len(below)) - Fraction(sum(above), len(above))
    return len(below) * len(above) * gap * gap


@pytest.mark.parametrize("seed", range(8))
def test_otsu_finds_the_greatest_variance_between_classes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 30, (9, 11)).astype(np.uint8)
    level = registry.get("threshold.otsu")(image=image)["threshold"]
    best = max(exact_variance(image, candidate) for candidate in range(31))
    assert exact_variance(image, int(level)) == best


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32", "float64"])
def test_otsu_equals_scikit_image(dtype: str) -> None:
    for seed in range(3):
        image = two_classes(dtype, seed)
        found = registry.get("threshold.otsu")(image=image)
        assert found["threshold"] == pytest.approx(float(threshold_otsu(image)), rel=1e-6)
        np.testing.assert_array_equal(found["mask"], image > found["threshold"])


def test_otsu_of_a_real_image_equals_scikit_image(shared_data: Path) -> None:
    image = tifffile.imread(shared_data / "fluorescence" / "human_D03f00d0.tif").squeeze()
    level = registry.get("threshold.otsu")(image=image)["threshold"]
    assert level == float(threshold_otsu(image))


def test_light_background_keeps_the_rest() -> None:
    image = two_classes("uint8")
    op = registry.get("threshold.otsu")
    dark, light = op(image=image), op(image=image, background="light")
    np.testing.assert_array_equal(dark["mask"], ~light["mask"])


def test_a_constant_image_and_one_without_numbers_have_no_foreground() -> None:
    op = registry.get("threshold.otsu")
    assert not op(image=np.full((5, 5), 7, np.uint16))["mask"].any()
    assert not op(image=np.full((5, 5), 7.5, np.float32))["mask"].any()
    assert not op(image=np.full((5, 5), np.nan, np.float32))["mask"].any()


def test_samples_that_are_no_numbers_do_not_move_the_level() -> None:
    image = two_classes("float32")
    level = registry.get("threshold.otsu")(image=image)["threshold"]
    holed = np.vstack([image, np.full((3, 150), np.nan, np.float32), np.full((1, 150), np.inf)])
    assert registry.get("threshold.otsu")(image=holed.astype(np.float32))["threshold"] == level


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float32"])
@pytest.mark.parametrize("level", [-1e9, -0.5, 0, 99, 99.5, 254, 255, 1e9])
def test_a_manual_threshold_is_strict(dtype: str, level: float) -> None:
    image = np.arange(256).astype(dtype).reshape(16, 16)
    expected = [[float(v) > level for v in row] for row in image.tolist()]
    assert manual(image, level).tolist() == expected


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "int32", "uint32"])
def test_histograms_of_integers_count_every_level(dtype: str) -> None:
    rng = np.random.default_rng(1)
    low = max(np.iinfo(dtype).min, -300)
    image = rng.integers(low, 120, (50, 60)).astype(dtype)
    found = histogram(Blocks.of([image[:20], image[20:]])).trimmed()
    values, counts = np.unique(image, return_counts=True)
    filled = found.counts > 0
    assert found.centres[filled].tolist() == values.tolist()
    assert found.counts[filled].tolist() == counts.tolist()


def test_histograms_of_very_wide_integers_and_floats_have_equal_bins() -> None:
    rng = np.random.default_rng(1)
    for image in (rng.integers(0, 2**31, (50, 60)), rng.normal(0, 1, (50, 60))):
        found = histogram(Blocks.of([image[:20], image[20:]]), bins=16)
        counts, edges = np.histogram(image, 16)
        assert found.counts.tolist() == counts.tolist()
        np.testing.assert_allclose(found.edges, edges[:-1])
