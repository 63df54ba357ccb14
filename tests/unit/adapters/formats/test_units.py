"""Units and moments of files in the hub's own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.formats.units import iso_moment, micrometres, nanometres, seconds, tag_moment


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (250, "nm", 0.25),
        ("0.65", "µm", 0.65),
        (0.65, "\u03bcm", 0.65),
        (0.65, "micron", 0.65),
        (1, "inch", 25400.0),
        (1, "pixel", None),
        (1, "reference frame", None),
        (1, None, None),
        (0, "µm", None),
        (-1, "µm", None),
        ("nan", "µm", None),
        ("inf", "µm", None),
        ("wide", "µm", None),
    ],
)
def test_lengths_become_micrometres_or_unknown(value, unit, expected):
    assert micrometres(value, unit) == expected


def test_wavelengths_and_durations():
    assert nanometres("0.488", "µm") == 488.0
    assert seconds("2", "min") == 120.0
    assert seconds(40, "ms") == 0.04


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-03-04T05:06:07", datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)),
        ("2021-03-04T05:06:07.250Z", datetime(2021, 3, 4, 5, 6, 7, 250000, tzinfo=UTC)),
        ("2021-03-04T05:06:07+02:00", datetime(2021, 3, 4, 3, 6, 7, tzinfo=UTC)),
    ],
)
def test_moments_without_a_zone_are_utc(text, moment):
    assert iso_moment(text) == int(moment.timestamp() * 1000)


@pytest.mark.parametrize("text", ["", None, "yesterday", "0001-01-01T00:00:00", "9" * 50])
def test_what_is_no_moment_is_unknown(text):
    assert iso_moment(text) is None
    assert tag_moment(text) is None


def test_the_moment_of_a_tag():
    expected = int(datetime(2008, 2, 21, 12, 32, 27, tzinfo=UTC).timestamp() * 1000)
    assert tag_moment("2008:02:21 12:32:27\0") == expected
