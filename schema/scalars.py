"""The scalars of the schema and the opaque global ids.

Each scalar is a `NewType` over what the store holds (milliseconds, a signed colour, a plain int),
so a type's `of(row)` only wraps and the conversion happens once, when the answer is written.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from store.errors import Invalid

BigInt = NewType("BigInt", int)
"""A 64-bit whole number; a JSON number below 2⁵³ in size, a text of digits beyond."""

DateTime = NewType("DateTime", int)
"""Milliseconds UTC since 1970 inside, ISO-8601 with ``Z`` outside."""

Duration = NewType("Duration", int)
"""Milliseconds inside, ISO-8601 (``PT1.5S``) outside."""

Color = NewType("Color", int)
"""A signed 32-bit ``R<<24|G<<16|B<<8|A`` inside, ``#RRGGBBAA`` outside."""

WKT = NewType("WKT", str)
"""A geometry as well-known text, in image pixels, origin top left, y down."""

JSON = NewType("JSON", object)
"""Any JSON value; NaN and the infinities are the texts ``NaN``, ``Infinity``, ``-Infinity``."""

LARGEST_ID = 2**53 - 1
_SAFE = 2**53
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_ISO_DURATION = re.compile(
    r"(-)?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,3})\d*)?S)?)?", re.ASCII
)
_COLOR = re.compile(r"#([0-9A-Fa-f]{6})([0-9A-Fa-f]{2})?", re.ASCII)
_ID = re.compile(r"([A-Z][A-Za-z]*):(0|[1-9][0-9]*)", re.ASCII)


def encode_id(noun: str, id: int) -> str:
    """Return the global id of an object: base64url of ``Noun:number`` without padding."""
    return base64.urlsafe_b64encode(f"{noun}:{id}".encode()).rstrip(b"=").decode()


def split_id(text: str, field: str = "id") -> tuple[str, int]:
    """Return the noun and number of a global id; raises `Invalid` for anything else.

    Only the one spelling `encode_id` makes is accepted, so equal objects have equal ids.
    """
    try:
        padded = text + "=" * (-len(text) % 4)
        plain = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        plain = ""
    match = _ID.fullmatch(plain)
    if match is None or len(plain) > 80 or encode_id(match[1], int(match[2])) != text:
        raise Invalid(
            field, f"{text[:80]!r} is not an id of this hub; send an id as the hub gave it."
        )
    number = int(match[2])
    if number > LARGEST_ID:
        raise Invalid(field, f"{number} is beyond the largest id.")
    return match[1], number


def decode_id(text: str, *allowed: str, field: str = "id") -> int:
    """Return the number of a global id of one of the allowed nouns.

    Raises `Invalid` naming `field` when the text is not an id, or is the id of another noun.
    """
    noun, number = split_id(text, field)
    if noun not in allowed:
        raise Invalid(field, f"expected the id of a {' or '.join(allowed)}, found one of a {noun}.")
    return number


def decode_ids(texts: list[strawberry.ID], *allowed: str, field: str = "ids") -> list[int]:
    """Return the numbers of several global ids, in their order; raises as `decode_id`."""
    return [decode_id(text, *allowed, field=field) for text in texts]


def write_big_int(value: Any) -> int | str:
    """Return a number a JavaScript client can hold, or its digits."""
    number = _whole(value)
    return number if -_SAFE < number < _SAFE else str(number)


def read_big_int(value: Any) -> BigInt:
    """Read a JSON number or a text of digits within 64 bits."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value, re.ASCII):
        value = int(value)
    number = _whole(value)
    if not -(2**63) <= number < 2**63:
        raise GraphQLError(f"BigInt cannot hold {number}: it is beyond 64 bits.")
    return BigInt(number)


def _whole(value: Any) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError(f"BigInt cannot hold {value!r}: it is not a whole number.")
    return value


def write_date_time(value: Any) -> str:
    """Return ``2024-05-06T07:08:09.010Z`` for milliseconds UTC."""
    moment = _EPOCH + _whole(value) * _MILLISECOND
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def read_date_time(value: Any) -> DateTime:
    """Read ISO-8601 with a zone; finer than milliseconds is cut off."""
    if isinstance(value, str) and _ISO.fullmatch(value):
        try:
            return DateTime((datetime.fromisoformat(value) - _EPOCH) // _MILLISECOND)
        except (ValueError, OverflowError):
            pass
    raise GraphQLError(
        f"DateTime cannot read {value!r}: send ISO-8601 with a zone, like 2024-05-06T07:08:09Z."
    )


def write_duration(value: Any) -> str:
    """Return ``PT1H2M3.5S`` for milliseconds."""
    number = _whole(value)
    sign, rest = ("-", -number) if number < 0 else ("", number)
    hours, rest = divmod(rest, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    seconds = f"{rest // 1000}.{rest % 1000:03d}".rstrip("0").rstrip(".")
    text = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    return f"{sign}PT{text}" + (f"{seconds}S" if rest or not text else "")


def read_duration(value: Any) -> Duration:
    """Read an ISO-8601 duration of days, hours, minutes and seconds."""
    match = _ISO_DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not any(match.groups()[1:]) or len(match[0]) > 40:
        raise GraphQLError(f"Duration cannot read {value!r}: send ISO-8601, like PT1M30.5S.")
    sign, days, hours, minutes, seconds, fraction = match.groups()
    whole = int(days or 0) * 86_400 + int(hours or 0) * 3600 + int(minutes or 0) * 60
    number = (whole + int(seconds or 0)) * 1000 + int((fraction or "").ljust(3, "0"))
    return Duration(-number if sign else number)


def write_color(value: Any) -> str:
    """Return ``#RRGGBBAA`` for a signed or unsigned 32-bit RGBA number."""
    return f"#{_whole(value) & 0xFFFFFFFF:08X}"


def read_color(value: Any) -> Color:
    """Read ``#RRGGBBAA``, or ``#RRGGBB`` which is opaque."""
    match = _COLOR.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise GraphQLError(f"Color cannot read {value!r}: send #RRGGBBAA or #RRGGBB.")
    number = int(match[1] + (match[2] or "FF"), 16)
    return Color(number - 2**32 if number >= 2**31 else number)


def read_wkt(value: Any) -> WKT:
    """Read a non-empty text; the geometry itself is checked where it is used."""
    if not isinstance(value, str) or not value.strip():
        raise GraphQLError("WKT cannot be empty: send text like POLYGON ((0 0, 4 0, 4 3, 0 0)).")
    return WKT(value)


def write_json(value: Any) -> Any:
    """Return a value any JSON reader takes: non-finite numbers become their texts."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else _non_finite(value)
    if isinstance(value, Mapping):
        return {str(key): write_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [write_json(item) for item in value]
    raise GraphQLError(f"JSON cannot hold a {type(value).__name__}.")


def finite(value: float) -> float | None:
    """Return a number a Float can hold; None for NaN and the infinities."""
    return value if math.isfinite(value) else None


def _non_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def read_json(value: Any) -> JSON:
    """Take any JSON value as it is; the texts for NaN and the infinities stay texts."""
    return JSON(value)


SCALARS: dict[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of up to 64 bits. Numbers of 2^53 and beyond are written as "
        "text, since JavaScript cannot hold them; both forms are read.",
        serialize=write_big_int,
        parse_value=read_big_int,
    ),
    DateTime: strawberry.scalar(
        name="DateTime",
        description="A moment, ISO-8601 in UTC with milliseconds: 2024-05-06T07:08:09.010Z.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
        serialize=write_date_time,
        parse_value=read_date_time,
    ),
    Duration: strawberry.scalar(
        name="Duration",
        description="A length of time, ISO-8601 in hours, minutes and seconds: PT1M30.5S.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#appendix-A",
        serialize=write_duration,
        parse_value=read_duration,
    ),
    Color: strawberry.scalar(
        name="Color",
        description="A colour with opacity, #RRGGBBAA; #RRGGBB is read as opaque.",
        serialize=write_color,
        parse_value=read_color,
    ),
    WKT: strawberry.scalar(
        name="WKT",
        description="A geometry as well-known text in image pixels; the origin is the top left "
        "corner and y grows downwards.",
        serialize=str,
        parse_value=read_wkt,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value. Numbers that are not finite are the texts NaN, Infinity and "
        "-Infinity.",
        serialize=write_json,
        parse_value=read_json,
    ),
}
