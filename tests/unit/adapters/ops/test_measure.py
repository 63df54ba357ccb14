"""Measurements against scikit-image, numpy and shapes whose values are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from skimage.measure import regionprops

from adapters.operations import Calibration, Frame, registry
from adapters.ops.measure import regions
from store.errors import Invalid


def objects(seed: int = 0, shape: tuple[int, int] = (140, 170)) -> np.ndarray:
    """Touching, holed and split objects with labels that skip numbers."""
    smooth = ndimage.uniform_filter(np.random.default_rng(seed).random(shape), 7)
    labels, count = ndimage.label(smooth > 0.51)
    tiles = (np.indices(shape) // 20).sum(axis=0)
    return np.where(labels > 0, (labels * 3 + tiles % 2) % (2 * count), 0).astype(np.int32)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_every_column_equals_scikit_image(seed: int, dtype: str) -> None:
    labels = objects(seed)
    intensity = (np.random.default_rng(seed).random(labels.shape) * 250).astype(dtype)
    table = regions(labels, Frame(), intensity)
    peers = regionprops(labels, intensity)
    assert len(table) == len(peers) > 20
    for row, peer in zip(table.rows(), peers, strict=True):
        found = dict(zip(table.names, row, strict=True))
        y0, x0, y1, x1 = peer.bbox
        inside = intensity[labels == peer.label].astype(np.float64)
        assert found["label"] == peer.label
        assert found["area"] == peer.area
        assert found["centroid_y"] == pytest.approx(peer.centroid[0] + 0.5)
        assert found["centroid_x"] == pytest.approx(peer.centroid[1] + 0.5)
        assert (found["bbox_x"], found["bbox_y"]) == (x0, y0)
        assert (found["bbox_width"], found["bbox_height"]) == (x1 - x0, y1 - y0)
        assert found["perimeter"] == pytest.approx(peer.perimeter)
        assert found["mean_intensity"] == pytest.approx(inside.mean(), rel=1e-6)
        assert found["min_intensity"] == inside.min()
        assert found["max_intensity"] == inside.max()
        spread = inside.std(ddof=1) if inside.size > 1 else 0.0
        assert found["std_intensity"] == pytest.approx(spread, rel=1e-5, abs=1e-9)


def test_calibration_gives_micrometres_and_only_square_pixels_a_length() -> None:
    labels = np.zeros((20, 20), np.uint8)
    labels[5:9, 10:15] = 1
    flat = regions(labels, Frame())
    size = Calibration(physical_size_x=0.5, physical_size_y=0.5)
    square = regions(labels, Frame(size))
    oblong = regions(labels, Frame(Calibration(physical_size_x=0.5, physical_size_y=2.0)))
    half = regions(labels, Frame(Calibration(physical_size_x=0.5)))
    assert [c.unit for c in flat.columns[1:]] == [
        "pixel²", "pixel", "pixel", "pixel", "pixel", "pixel", "pixel", "pixel",
    ]  # fmt: skip
    assert flat["area"][0] == 20
    assert square["area"][0] == 5.0
    assert square.column("area").unit == "µm²"
    assert square["centroid_x"][0] == 6.25
    assert square["perimeter"][0] == pytest.approx(flat["perimeter"][0] / 2)
    assert square.column("perimeter").unit == "µm"
    assert oblong["area"][0] == 20.0
    assert oblong["centroid_y"][0] == 14.0
    assert oblong.column("perimeter").unit == "pixel"
    assert half.column("area").unit == "pixel²"


def test_no_objects_give_an_empty_table_with_all_columns() -> None:
    table = regions(np.zeros((9, 9), np.uint16), Frame(), np.zeros((9, 9), np.uint8))
    assert len(table) == 0
    assert "std_intensity" in table.names
    assert list(table.rows()) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (30, 1)])
def test_thin_images_are_measured(shape: tuple[int, int]) -> None:
    table = regions(np.ones(shape, np.uint8), Frame())
    assert table["area"].tolist() == [shape[0] * shape[1]]


def test_an_intensity_image_of_another_size_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        regions(np.ones((4, 4), np.uint8), Frame(), np.ones((4, 5), np.uint8))
    assert caught.value.field == "intensity"


def test_statistics_leave_out_what_is_no_number() -> None:
    image = np.array([[1.0, 2.0, np.nan], [4.0, np.inf, 5.0]], np.float32)
    (row,) = registry.get("measure.statistics")(image=image)["table"].rows()
    assert row == pytest.approx((4, 3.0, np.std([1, 2, 4, 5], ddof=1), 1.0, 5.0, 12.0))
    (row,) = registry.get("measure.statistics")(image=np.full((2, 2), np.nan))["table"].rows()
    assert row[0] == 0
    assert np.isnan(row[1:5]).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_a_histogram_over_the_type_has_its_limits(dtype: str) -> None:
    image = (np.random.default_rng(0).random((40, 50)) * 100).astype(dtype)
    table = registry.get("measure.histogram")(image=image, bins=10, range="type")["table"]
    low, high = (0, 1) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    counts, edges = np.histogram(image.astype(np.float64), 10, (low, high))
    assert table["count"].tolist() == counts.tolist()
    np.testing.assert_allclose(table["bin_start"], edges[:-1])
    np.testing.assert_allclose(table["bin_end"], edges[1:])


def test_a_histogram_over_the_data_equals_numpy() -> None:
    for dtype in ("uint8", "uint16", "int32", "float32"):
        image = (np.random.default_rng(0).random((40, 50)) * 100 + 20).astype(dtype)
        table = registry.get("measure.histogram")(image=image, bins=13)["table"]
        counts, edges = np.histogram(image, 13)
        assert table["count"].tolist() == counts.tolist(), dtype
        np.testing.assert_allclose(table["bin_start"], edges[:-1], rtol=1e-6)
