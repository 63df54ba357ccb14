"""Scalars and global ids, against values worked out by hand."""

import math
from typing import Any

import pytest
from graphql import GraphQLError

from schema import scalars
from store.errors import Invalid


def test_an_id_is_the_base64_of_noun_and_number() -> None:
    assert scalars.encode_id("Image", 1024) == "SW1hZ2U6MTAyNA"
    assert scalars.split_id("SW1hZ2U6MTAyNA") == ("Image", 1024)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1024",
        "Image:1024",
        "SW1hZ2U6MTAyNA==",  # padded: another spelling of the same id
        "SW1hZ2U6MTAyNB",  # the unused bits are not zero
        "SW1hZ2U6 MTAyNA",
        "SW1hZ2U6MDAx",  # Image:001
        "SW1hZ2U6LTE",  # Image:-1
        "SW1hZ2U6",
        "aW1hZ2U6MQ",  # image:1
        "SW1hZ2U62aE",  # Image:١, a digit of another script
        "ééé",
        "x" * 100_000,
    ],
)
def test_anything_but_an_id_is_refused_with_the_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        scalars.decode_id(text, "Image", field="imageId")
    assert refused.value.field == "imageId"
    assert len(refused.value.message) < 250


def test_an_id_beyond_what_a_javascript_client_holds_is_refused() -> None:
    assert scalars.decode_id(scalars.encode_id("Image", 2**53 - 1), "Image") == 2**53 - 1
    with pytest.raises(Invalid, match="largest id"):
        scalars.decode_id(scalars.encode_id("Image", 2**53), "Image")


def test_an_id_of_another_noun_is_refused_by_name() -> None:
    with pytest.raises(Invalid, match="expected the id of a Project or Dataset, found one of a Im"):
        scalars.decode_id(scalars.encode_id("Image", 7), "Project", "Dataset")


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_714_979_289_010, "2024-05-06T07:08:09.010Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (-62_135_596_800_000, "0001-01-01T00:00:00.000Z"),
    ],
)
def test_moments_are_written_in_utc_with_milliseconds(milliseconds: int, text: str) -> None:
    assert scalars.write_date_time(milliseconds) == text
    assert scalars.read_date_time(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("2024-05-06T09:08:09+02:00", 1_714_979_289_000),
        ("2024-05-06T07:08:09.0109999Z", 1_714_979_289_010),
        ("2024-05-06T07:08Z", 1_714_979_280_000),
    ],
)
def test_moments_are_read_in_any_zone(text: str, milliseconds: int) -> None:
    assert scalars.read_date_time(text) == milliseconds


@pytest.mark.parametrize(
    "value", ["2024-05-06", "2024-05-06T07:08:09", "2024-13-06T07:08:09Z", "soon", 5, None, True]
)
def test_a_moment_without_zone_or_sense_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError, match="ISO-8601"):
        scalars.read_date_time(value)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(0, "PT0S"), (1500, "PT1.5S"), (60_000, "PT1M"), (-3_661_001, "-PT1H1M1.001S")],
)
def test_durations_are_written_and_read(milliseconds: int, text: str) -> None:
    assert scalars.write_duration(milliseconds) == text
    assert scalars.read_duration(text) == milliseconds


def test_a_duration_of_days_is_read_and_nothing_is_not() -> None:
    assert scalars.read_duration("P2DT1H") == 49 * 3_600_000
    for text in ("P", "PT", "1s", ""):
        with pytest.raises(GraphQLError):
            scalars.read_duration(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [(-1, "#FFFFFFFF"), (255, "#000000FF"), (-16776961, "#FF0000FF"), (0x00FF0080, "#00FF0080")],
)
def test_colours_are_signed_rgba_inside(number: int, text: str) -> None:
    assert scalars.write_color(number) == text
    assert scalars.read_color(text.lower()) == number


def test_a_colour_without_opacity_is_opaque_and_nonsense_is_refused() -> None:
    assert scalars.write_color(scalars.read_color("#123456")) == "#123456FF"
    for value in ("red", "#12345", "#1234567", 255, None):
        with pytest.raises(GraphQLError, match="#RRGGBBAA"):
            scalars.read_color(value)


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (2**31, 2**31),
        (2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992"),
        (-(2**63), "-9223372036854775808"),
    ],
)
def test_numbers_javascript_cannot_hold_are_texts(number: int, written: Any) -> None:
    assert scalars.write_big_int(number) == written
    assert scalars.read_big_int(written) == number


@pytest.mark.parametrize("value", [True, 1.5, "1.5", "", "٣", 2**63, None])
def test_what_is_not_a_whole_number_of_64_bits_is_refused(value: Any) -> None:
    with pytest.raises(GraphQLError):
        scalars.read_big_int(value)


def test_numbers_that_are_not_finite_are_texts_in_json() -> None:
    value = {"a": [math.nan, math.inf, -math.inf, 1.5], 3: (None, True, 2**64)}
    assert scalars.write_json(value) == {
        "a": ["NaN", "Infinity", "-Infinity", 1.5],
        "3": [None, True, "18446744073709551616"],
    }
    with pytest.raises(GraphQLError, match="cannot hold a bytes"):
        scalars.write_json(b"x")
