from __future__ import annotations

import json

import numpy as np
import pytest

from adapters.render import compact
from adapters.render.settings import (
    ChannelSettings,
    Family,
    Method,
    Model,
    Projection,
    RenderSettings,
)
from store.errors import Invalid

BASE = RenderSettings(
    tuple(ChannelSettings(start=10, end=20, color=color) for color in [(9, 9, 9)] * 3)
)


def test_windows_colours_and_switches_are_read_and_unnamed_channels_are_off():
    read = compact.read(BASE, c="1|300:8000$0000FF,-2|0:1500.5$00ff00", m="c")

    assert read.channels == (
        ChannelSettings(True, 300, 8000, (0, 0, 255)),
        ChannelSettings(False, 0, 1500.5, (0, 255, 0)),
        ChannelSettings(False, 10, 20, (9, 9, 9)),
    )


def test_window_and_colour_may_be_left_out():
    read = compact.read(BASE, c="3,1$f00,2|-5:5")

    assert [channel.active for channel in read.channels] == [True, True, True]
    assert read.channels[0].color == (255, 0, 0)
    assert read.channels[0].start == 10
    assert (read.channels[1].start, read.channels[1].end) == (-5, 5)


def test_a_lookup_table_is_read_and_a_later_colour_replaces_it():
    looked_up = compact.read(BASE, c="1$Cool.lut")
    recoloured = compact.read(looked_up, c="1$0000FF")

    assert looked_up.channels[0].lut == "cool"
    assert looked_up.channels[0].color == (9, 9, 9)
    assert recoloured.channels[0].lut is None


def test_a_custom_lookup_table_is_accepted():
    base = RenderSettings(BASE.channels, custom={"mine": np.zeros((256, 3), np.uint8)})

    assert compact.read(base, c="1$mine.lut").channels[0].lut == "mine"


def test_maps_belong_to_the_channels_in_the_order_they_are_named():
    maps = [
        {"inverted": {"enabled": True}},
        None,
        {"reverse": {"enabled": True}, "quantization": {"family": "polynomial", "coefficient": 2}},
    ]

    read = compact.read(BASE, c="3,1,2", maps=json.dumps(maps))

    assert [channel.inverted for channel in read.channels] == [False, True, True]
    assert read.channels[1].family is Family.POLYNOMIAL
    assert read.channels[1].coefficient == 2.0


@pytest.mark.parametrize(
    ("text", "projection"),
    [
        ("normal", None),
        ("intmax", Projection(Method.MAXIMUM)),
        ("intmean|5:25", Projection(Method.MEAN, 5, 25)),
        ("intsum|0:0", Projection(Method.SUM, 0, 0)),
    ],
)
def test_projections_are_read(text, projection):
    base = RenderSettings(BASE.channels, projection=Projection(Method.MINIMUM))

    assert compact.read(base, p=text).projection == projection


def test_nothing_given_changes_nothing():
    assert compact.read(BASE, c="", m=None, p="", maps=None) is BASE


def test_greyscale_is_read():
    assert compact.read(BASE, m="g").model is Model.GREYSCALE


@pytest.mark.parametrize(("text", "quality"), [("0.9", 90), ("0.900000", 90), ("0", 1), ("1", 100)])
def test_quality_is_a_fraction(text, quality):
    assert compact.read_quality(text) == quality


@pytest.mark.parametrize(
    ("texts", "field", "reason"),
    [
        ({"c": "x"}, "c", "'x' is not a channel"),
        ({"c": "1,,2"}, "c", "'' is not a channel"),
        ({"c": "4"}, "c", "no channel 4; the image has 1 to 3"),
        ({"c": "0"}, "c", "no channel 0"),
        ({"c": "1|5"}, "c", "'5' is not a window"),
        ({"c": "1|a:5"}, "c", "'a' is not a number"),
        ({"c": "1|nan:5"}, "c", "'nan' is not a finite number"),
        ({"c": "1|9:5"}, "c", "starts at 9, above its end 5"),
        ({"c": "1$zzz"}, "c", "'zzz' is neither a colour"),
        ({"m": "rgb"}, "m", "'rgb' is neither c"),
        ({"p": "intmedian"}, "p", "'intmedian' is not one of normal, intmax"),
        ({"p": "intmax|x"}, "p", "'x' is not a range"),
        ({"p": "intmax|5:2"}, "p", "the last plane 2 is before the first, 5"),
        ({"maps": "{"}, "maps", "not JSON"),
        ({"maps": "{}"}, "maps", "not a JSON list"),
        ({"maps": "[" * 100_000}, "maps", "not JSON"),
        ({"maps": "[1]"}, "maps", "an object or null, not '1'"),
        ({"c": "1", "maps": "[null,null]"}, "maps", "2 entries for 1 channels"),
        ({"maps": '[{"inverted":{"enabled":3}}]'}, "maps", "true or false, not '3'"),
        ({"maps": '[{"quantization":7}]'}, "maps", "family and coefficient"),
        ({"maps": '[{"quantization":{"family":"sine"}}]'}, "family", "'sine' is not one of"),
        ({"maps": '[{"quantization":{"coefficient":"a"}}]'}, "maps", "'a' is not a number"),
        ({"maps": '[{"quantization":{"coefficient":-1}}]'}, "coefficient", "-1.0 is not between"),
    ],
)
def test_texts_that_make_no_sense_are_refused_with_the_part_at_fault(texts, field, reason):
    with pytest.raises(Invalid) as refusal:
        compact.read(BASE, **texts)
    assert refusal.value.field == field
    assert reason in refusal.value.reason


@pytest.mark.parametrize("text", ["1.5", "-0.1", "nan", "high"])
def test_a_quality_outside_0_to_1_is_refused(text):
    with pytest.raises(Invalid, match="q: "):
        compact.read_quality(text)
