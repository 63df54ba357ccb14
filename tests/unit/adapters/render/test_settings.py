from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from adapters.render.settings import (
    ChannelSettings,
    Family,
    Method,
    Model,
    Projection,
    RenderSettings,
    channels_json,
    channels_of,
    defaults,
)
from store.errors import Invalid
from store.pixels.base import Layout

RED, GREEN, BLUE, MAGENTA = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255)


def layout(size_c, dtype="uint16", rgb=False, size_z=1):
    return Layout(1, size_c, size_z, 8, 8, dtype, rgb)


def colors(settings):
    return [channel.color for channel in settings.channels]


def test_a_single_channel_is_grey_between_its_minimum_and_maximum():
    made = defaults(layout(1), [(90, 4095)])

    assert made.model is Model.GREYSCALE
    assert (made.channels[0].start, made.channels[0].end) == (90, 4095)
    assert made.channels[0].color == (255, 255, 255)


def test_a_single_channel_with_a_colour_of_its_own_is_coloured():
    assert defaults(layout(1), colors=[BLUE]).model is Model.COLOR


def test_a_colour_picture_shows_red_green_blue_over_the_full_range():
    made = defaults(layout(3, "uint8", rgb=True), [(3, 200)] * 3, emissions=[461, 520, 600])

    assert colors(made) == [RED, GREEN, BLUE]
    assert {(channel.start, channel.end) for channel in made.channels} == {(0, 255)}


def test_channels_are_coloured_by_position_without_wavelengths():
    assert colors(defaults(layout(3))) == [RED, GREEN, BLUE]


def test_channels_are_coloured_by_wavelength_and_the_far_red_one_differently_from_the_red():
    made = defaults(layout(4), emissions=[670, 461, 509, 590])

    assert colors(made) == [MAGENTA, BLUE, GREEN, RED]


def test_a_channel_without_wavelength_takes_a_colour_that_is_still_free():
    assert colors(defaults(layout(2), emissions=[None, 600])) == [GREEN, RED]


def test_only_the_first_three_channels_start_switched_on():
    made = defaults(layout(5))

    assert [channel.active for channel in made.channels] == [True, True, True, False, False]


def test_the_middle_plane_of_a_stack_is_shown_first():
    assert defaults(layout(1, size_z=7)).z == 3


@pytest.mark.parametrize(
    ("dtype", "window"),
    [("uint8", (0, 255)), ("int16", (-32768, 32767)), ("float32", (0, 1)), ("bool", (0, 1))],
)
def test_without_a_window_the_range_of_the_type_is_shown(dtype, window):
    channel = defaults(layout(1, dtype), [(math.nan, 4)]).channels[0]

    assert (channel.start, channel.end) == window


@pytest.mark.parametrize("value", [0.0, 7.0, 1e12])
def test_an_image_of_one_value_is_black_not_white(value):
    channel = defaults(layout(1), [(value, value)]).channels[0]

    assert channel.start == value < channel.end


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"start": math.nan}, "window"),
        ({"end": math.inf}, "window"),
        ({"start": 9.0, "end": 3.0}, "window"),
        ({"start": -1.7e308, "end": 1.7e308}, "window"),
        ({"color": (0, 0, 256)}, "color"),
        ({"color": (0, 0)}, "color"),
        ({"coefficient": 0.0}, "coefficient"),
        ({"coefficient": math.nan}, "coefficient"),
    ],
)
def test_impossible_channel_settings_are_refused_naming_the_field(change, field):
    with pytest.raises(Invalid) as refusal:
        ChannelSettings(**change)
    assert refusal.value.field == field


def test_the_key_changes_with_everything_that_shows():
    channel = ChannelSettings(start=1, end=9, color=RED)
    base = RenderSettings((channel, channel))
    changed = [
        replace(base, z=1),
        replace(base, t=1),
        replace(base, model=Model.GREYSCALE),
        replace(base, projection=Projection(Method.MAXIMUM)),
        replace(base, projection=Projection(Method.MAXIMUM, 0, 3)),
        *(
            replace(base, channels=(replace(channel, **change), channel))
            for change in (
                {"start": 2},
                {"end": 8},
                {"color": BLUE},
                {"lut": "fire"},
                {"inverted": True},
                {"active": False},
                {"family": Family.LOGARITHMIC},
            )
        ),
    ]

    keys = {settings.key() for settings in [base, *changed]}

    assert len(keys) == len(changed) + 1
    assert all(len(key) == 20 for key in keys)


def test_the_key_ignores_what_cannot_show():
    on, off = ChannelSettings(), ChannelSettings(active=False)
    base = RenderSettings((on, off))

    assert base.key() == RenderSettings((on, replace(off, start=3, lut="ice"))).key()
    assert base.key() == RenderSettings((replace(on, coefficient=2.0), off)).key()


def test_the_key_is_the_same_in_every_process():
    assert RenderSettings((ChannelSettings(),)).key() == "81bb407a74b190d583b9"


def test_the_key_follows_the_contents_of_a_custom_table():
    look = (ChannelSettings(lut="mine"),)
    black = RenderSettings(look, custom={"mine": np.zeros((256, 3), np.uint8)})
    white = RenderSettings(look, custom={"mine": np.full((256, 3), 255, np.uint8)})

    assert black.key() != white.key()


def test_stored_channels_are_read_back_the_same():
    channels = (
        ChannelSettings(False, 1.5, 9, (1, 2, 3), "fire", True, Family.POLYNOMIAL, 1.7),
        ChannelSettings(),
    )

    stored = channels_json(RenderSettings(channels))

    assert stored[0]["color"] == "010203"
    assert channels_of(stored) == channels


def test_a_stored_channel_may_leave_keys_out():
    assert channels_of([{"end": 7}]) == (ChannelSettings(end=7),)


def test_an_unknown_curve_is_refused():
    with pytest.raises(Invalid, match="'cubic' is not one of linear, polynomial"):
        channels_of([{"family": "cubic"}])


@pytest.mark.parametrize("planes", [(-1, 2), (4, 3)])
def test_a_projection_of_no_planes_is_refused(planes):
    with pytest.raises(Invalid, match="projection"):
        Projection(Method.SUM, *planes)
