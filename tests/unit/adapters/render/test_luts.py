from __future__ import annotations

import numpy as np
import pytest

from adapters.render import luts
from store.errors import Invalid


@pytest.mark.parametrize("name", luts.names())
def test_every_table_has_256_colours_and_cannot_be_changed_by_a_caller(name):
    table = luts.table(name)

    assert table.shape == (256, 3)
    assert table.dtype == np.uint8
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 7


@pytest.mark.parametrize("written", ["fire", "FIRE", "fire.lut", "Fire.LUT"])
def test_a_table_is_found_whatever_the_spelling_of_its_name(written):
    assert np.array_equal(luts.table(written), luts.table("fire"))


@pytest.mark.parametrize(
    ("name", "index", "color"),
    [
        # Known values of the published tables.
        ("viridis", 0, (68, 1, 84)),
        ("viridis", 255, (253, 231, 37)),
        ("magma", 255, (252, 253, 191)),
        ("inferno", 0, (0, 0, 4)),
        ("plasma", 0, (13, 8, 135)),
        ("fire", 8, (0, 0, 61)),
        ("fire", 12, (0, 0, 78)),  # half way from 61 to 96, truncated
        ("fire", 255, (255, 255, 255)),
        ("ice", 0, (0, 156, 140)),
        ("spectrum", 85, (0, 255, 0)),
        ("3-3-2_rgb", 0b101_110_01, (160, 192, 64)),
        ("red-green", 127, (254, 0, 0)),
        ("red-green", 255, (0, 254, 0)),
        ("cool", 100, (100, 155, 255)),
        ("hot", 100, (255, 45, 0)),
        ("magenta", 77, (77, 0, 77)),
        ("16_colors", 16, (1, 1, 171)),
        ("grays", 200, (200, 200, 200)),
    ],
)
def test_tables_hold_the_colours_they_are_known_for(name, index, color):
    assert tuple(luts.table(name)[index]) == color


def test_the_table_for_labels_has_256_different_colours_with_black_for_the_background():
    table = luts.table("glasbey")

    assert tuple(table[0]) == (0, 0, 0)
    assert len({tuple(color) for color in table}) == 256
    # The first few are far apart, so that neighbouring labels can be told apart.
    first = table[:12].astype(int)
    gaps = [np.abs(a - b).max() for i, a in enumerate(first) for b in first[:i]]
    assert min(gaps) >= 80


def test_an_unknown_table_is_refused_with_the_known_names():
    with pytest.raises(Invalid, match=r"no lookup table 'nosuch'.*viridis") as refusal:
        luts.table("nosuch")
    assert refusal.value.field == "lut"


def test_a_custom_table_wins_over_a_built_in_one():
    mine = np.zeros((256, 3), dtype=np.uint8)

    assert np.array_equal(luts.table("fire.lut", {"fire": mine}), mine)


@pytest.mark.parametrize(
    "values", [np.zeros((255, 3)), np.full((256, 3), 256), np.full((256, 3), np.nan)]
)
def test_a_custom_table_of_a_wrong_shape_or_range_is_refused(values):
    with pytest.raises(Invalid, match="lookup table"):
        luts.table("mine", {"mine": values})


def test_swatches_stack_ten_rows_per_table():
    picture = luts.swatches(("red", "blue"))

    assert picture.shape == (20, 256, 3)
    assert tuple(picture[9, 255]) == (255, 0, 0)
    assert tuple(picture[10, 255]) == (0, 0, 255)
