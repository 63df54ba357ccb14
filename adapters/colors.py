"""Colours between their written forms and the one number the store keeps.

The store keeps a signed 32-bit integer, ``R<<24 | G<<16 | B<<8 | A``, because one of the wires
sends exactly that and a column of integers compares without parsing. Opaque white is -1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from store.errors import Invalid

_HEX = re.compile(r"#?(?:[0-9a-f]{3}|[0-9a-f]{4}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)


class Color(NamedTuple):
    """Red, green, blue and opacity, each 0-255."""

    red: int
    green: int
    blue: int
    alpha: int = 255

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour without its opacity."""
        return (self.red, self.green, self.blue)


def pack(color: Color) -> int:
    """Return the signed 32-bit integer that the store keeps."""
    for name, value in zip(Color._fields, color, strict=True):
        if not 0 <= value <= 255:
            raise Invalid("color", f"{name} is {value}; it must lie between 0 and 255.")
    unsigned = color.red << 24 | color.green << 16 | color.blue << 8 | color.alpha
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned


def unpack(value: int) -> Color:
    """Read the signed 32-bit integer; the same bits as an unsigned number are understood too.

    Raises `Invalid` for a number that does not fit into 32 bits.
    """
    if not -(1 << 31) <= value < 1 << 32:
        raise Invalid("color", f"{value} does not fit into 32 bits.")
    return Color(value >> 24 & 255, value >> 16 & 255, value >> 8 & 255, value & 255)


def parse(text: str) -> Color:
    """Read ``#rgb``, ``#rgba``, ``#rrggbb`` or ``#rrggbbaa``, in any case; ``#`` may be missing."""
    if not _HEX.fullmatch(text):
        raise Invalid(
            "color", f"{text[:40]!r} is not a colour; write six hexadecimal digits, as in #ff8000."
        )
    digits = text.removeprefix("#")
    if len(digits) <= 4:
        digits = "".join(digit * 2 for digit in digits)
    return Color(*bytes.fromhex(digits))


def hexadecimal(color: Color) -> str:
    """Write ``#rrggbb`` in lower case; the opacity is left out."""
    return "#{:02x}{:02x}{:02x}".format(*color.rgb)


def hexadecimal_alpha(color: Color) -> str:
    """Write ``#RRGGBBAA`` in upper case."""
    return "#{:02X}{:02X}{:02X}{:02X}".format(*color)


def bare(color: Color) -> str:
    """Write ``RRGGBB`` in upper case, without ``#`` and opacity."""
    return "{:02X}{:02X}{:02X}".format(*color.rgb)
