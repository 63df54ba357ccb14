"""Labels against scipy, and the laws of a watershed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from adapters.operations import registry
from adapters.ops.segment import label, watershed


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("density", [0.1, 0.4, 0.6])
@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (301, 403)])
def test_labels_equal_scipy_in_number_and_order(
    connectivity: int, density: float, shape: tuple[int, int]
) -> None:
    mask = np.random.default_rng(7).random(shape) < density
    joins = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    expected, _ = ndimage.label(mask, joins)
    found = label(mask, connectivity)  # type: ignore[arg-type]
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, expected)


def test_labels_of_a_large_mask_are_in_raster_order_whatever_the_threads() -> None:
    mask = ndimage.uniform_filter(np.random.default_rng(1).random((2000, 1500)), 5) > 0.5
    np.testing.assert_array_equal(label(mask, 8), ndimage.label(mask, np.ones((3, 3)))[0])


def test_an_empty_mask_has_no_objects() -> None:
    assert not label(np.zeros((5, 6), bool)).any()
    assert not watershed(np.zeros((5, 6), bool)).any()


def test_two_touching_discs_are_split_where_they_meet() -> None:
    y, x = np.mgrid[:60, :90]
    left, right = np.hypot(x - 30, y - 30) < 18, np.hypot(x - 60, y - 30) < 18
    mask = left | right
    assert label(mask).max() == 1
    parts = watershed(mask, 1.0, 5)
    assert parts.max() == 2
    np.testing.assert_array_equal(parts > 0, mask)
    assert parts[30, 25] == 1
    assert parts[30, 65] == 2
    seam = np.flatnonzero(np.diff(parts[30]) == 1)
    assert abs(int(seam[-1]) - 45) <= 1


def test_the_parts_of_a_watershed_are_numbered_in_raster_order() -> None:
    mask = ndimage.uniform_filter(np.random.default_rng(4).random((120, 130)), 9) > 0.5
    parts = watershed(mask, 1.0, 3)
    flat = parts[parts > 0]
    _, first = np.unique(flat, return_index=True)
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(parts > 0, mask)


def test_connectivity_is_four_or_eight() -> None:
    with pytest.raises(Exception, match="connectivity"):
        registry.get("segment.label")(mask=np.zeros((3, 3), bool), connectivity=6)


def test_a_small_object_beside_a_large_one_is_not_lost() -> None:
    mask = np.zeros((30, 30), bool)
    mask[2:20, 2:20] = True
    mask[10, 22] = True
    parts = watershed(mask, 0.0, 10)
    np.testing.assert_array_equal(parts > 0, mask)
    assert parts[10, 22] not in (0, parts[10, 10])


def test_a_mask_without_background_is_one_object() -> None:
    assert set(watershed(np.ones((12, 9), bool)).ravel()) == {1}
