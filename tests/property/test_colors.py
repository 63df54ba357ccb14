from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.colors import (
    Color,
    bare,
    hexadecimal,
    hexadecimal_alpha,
    pack,
    parse,
    unpack,
)
from store.errors import Invalid

byte = st.integers(0, 255)
colors = st.builds(Color, byte, byte, byte, byte)


@given(st.integers(-(2**31), 2**31 - 1))
def test_every_32_bit_number_is_one_colour_and_back(number):
    assert pack(unpack(number)) == number


@given(colors)
def test_every_written_form_is_read_back(color):
    assert unpack(pack(color)) == color
    assert parse(hexadecimal_alpha(color)) == color
    assert parse(hexadecimal(color)) == (*color.rgb, 255)
    assert parse(bare(color)) == (*color.rgb, 255)


@given(colors)
def test_the_number_has_red_in_its_highest_byte(color):
    unsigned = int.from_bytes(bytes(color), "big")

    assert pack(color) % 2**32 == unsigned
    assert unpack(unsigned) == color


@pytest.mark.parametrize(
    ("color", "number", "texts"),
    [
        (Color(255, 255, 255), -1, ("#ffffff", "#FFFFFFFF", "FFFFFF")),
        (Color(255, 0, 0), -16776961, ("#ff0000", "#FF0000FF", "FF0000")),
        (Color(0, 0, 171, 0), 43776, ("#0000ab", "#0000AB00", "0000AB")),
    ],
)
def test_known_colours(color, number, texts):
    assert pack(color) == number
    assert (hexadecimal(color), hexadecimal_alpha(color), bare(color)) == texts


def test_short_forms_double_each_digit():
    assert parse("#f80") == (255, 136, 0, 255)
    assert parse("F808") == (255, 136, 0, 136)


@pytest.mark.parametrize("text", ["", "#", "#12", "#12345", "#gggggg", "ff 00 00", "#1234567890"])
def test_what_is_no_colour_is_refused(text):
    with pytest.raises(Invalid, match="is not a colour"):
        parse(text)


@pytest.mark.parametrize("number", [2**32, -(2**31) - 1])
def test_a_number_beyond_32_bits_is_refused(number):
    with pytest.raises(Invalid, match="32 bits"):
        unpack(number)


def test_a_component_beyond_255_is_refused():
    with pytest.raises(Invalid, match="green is 256"):
        pack(Color(0, 256, 0))
