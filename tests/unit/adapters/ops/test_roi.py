"""Outlines cover exactly the pixels they stand for."""

from __future__ import annotations

import numpy as np
import shapely
from scipy import ndimage

from adapters.operations import Frame
from adapters.ops.roi import from_labels


def test_outlines_rasterise_back_to_the_labels() -> None:
    smooth = ndimage.uniform_filter(np.random.default_rng(2).random((60, 70)), 5)
    labels, _ = ndimage.label(smooth > 0.52)
    found = from_labels(labels.astype(np.int32), Frame())
    assert [region.label for region in found] == list(range(1, labels.max() + 1))
    y, x = np.mgrid[:60, :70]
    centres = shapely.points(x + 0.5, y + 0.5)
    back = np.zeros_like(labels)
    for region in found:
        assert region.geometry.is_valid
        assert region.geometry.area == (labels == region.label).sum()
        back[shapely.contains(region.geometry, centres)] = region.label
    np.testing.assert_array_equal(back, labels)


def test_holes_and_pieces_stay() -> None:
    labels = np.zeros((12, 12), np.uint16)
    labels[1:6, 1:6] = 5
    labels[2:4, 2:4] = 0
    labels[8:10, 8:11] = 5
    (region,) = from_labels(labels, Frame(y=100, x=10))
    assert region.label == 5
    assert region.geometry.geom_type == "MultiPolygon"
    assert region.geometry.area == 25 - 4 + 6
    assert region.geometry.bounds == (11.0, 101.0, 21.0, 110.0)
    assert shapely.from_wkb(region.wkb).equals(region.geometry)
