"""Query parameters and bodies as Python, Java and browser clients of this dialect send them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.datastructures import QueryParams
from starlette.requests import Request

from store.engine import MOST_ID
from store.errors import Invalid
from web.bodies import body_of

_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,18}(\.0*)?\s*", re.ASCII)
_TRUE, _FALSE = frozenset({"true", "1", "on", "yes"}), frozenset({"false", "0", "off", "no", ""})


def whole(
    given: Mapping[str, Any] | QueryParams, name: str, default: int | None = None
) -> int | None:
    """Return a parameter as a whole number; absent, empty and ``null`` are the default."""
    value = given.get(name)
    if value is None or value in ("", "null", "None"):
        return default
    return read_whole(name, value)


def read_whole(name: str, value: Any) -> int:
    """Return a value as a whole number. Raises Invalid."""
    if isinstance(value, bool):
        raise Invalid(name, "a whole number is needed.")
    if isinstance(value, int):
        number = value
    elif isinstance(value, float) and value.is_integer():
        number = int(value)
    elif isinstance(value, str) and _WHOLE.fullmatch(value):
        number = int(value.strip().partition(".")[0])
    else:
        raise Invalid(name, f"{str(value)[:40]!r} is not a whole number.")
    if abs(number) > MOST_ID:
        raise Invalid(name, "the number is too large.")
    return number


def required(given: Mapping[str, Any] | QueryParams, name: str) -> int:
    """Return a whole number that must be there. Raises Invalid."""
    found = whole(given, name)
    if found is None:
        raise Invalid(name, "is needed.")
    return found


def decimal(given: Mapping[str, Any] | QueryParams, name: str) -> float | None:
    """Return a parameter as a finite number. Raises Invalid."""
    value = given.get(name)
    if value is None or value in ("", "null", "None"):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise Invalid(name, f"{str(value)[:40]!r} is not a number.") from error
    if number != number or number in (float("inf"), float("-inf")):
        raise Invalid(name, "must be a finite number.")
    return number


def text(given: Mapping[str, Any] | QueryParams, name: str) -> str | None:
    """Return a parameter as text; a number is written out. Raises Invalid for anything else."""
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Invalid(name, "must be a text.")


def flag(given: Mapping[str, Any] | QueryParams, name: str, default: bool = False) -> bool:
    """Return a boolean in any spelling, ``True`` of Python included. Raises Invalid."""
    value = given.get(name)
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE or word in ("null", "none"):
        return False
    raise Invalid(name, f"{str(value)[:40]!r} is neither true nor false.")


def ids(given: Mapping[str, Any] | QueryParams, name: str) -> list[int] | None:
    """Return a list of ids: JSON, ``1,2,3``, ``1_2_3`` or one number; None if absent."""
    value = given.get(name)
    if value is None or value in ("", "null", "None"):
        return None
    if isinstance(value, list):
        return [read_whole(name, _id_of(one)) for one in value]
    if isinstance(value, str):
        parts = re.split(r"[,_]", value.strip().strip("[]"))
        return [read_whole(name, part) for part in parts if part.strip()]
    return [read_whole(name, _id_of(value))]


def _id_of(value: Any) -> Any:
    return value.get("id") if isinstance(value, dict) else value


async def json_of(request: Request, limit: int | None = None) -> Any:
    """Return the JSON of a body; a form that is called JSON is read as one. Raises Invalid.

    An empty body is an empty object. Repeated fields of a form become lists.
    """
    raw = await body_of(request, limit)
    if not raw.strip():
        return {}
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        try:
            pairs = parse_qsl(raw.decode(), strict_parsing=True, keep_blank_values=True)
        except (UnicodeDecodeError, ValueError):
            raise Invalid("body", "it is not valid JSON.") from error
    fields: dict[str, Any] = {}
    for key, value in pairs:
        fields[key] = value if key not in fields else [*_listed(fields[key]), value]
    return fields


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


async def object_of(request: Request, limit: int | None = None) -> dict[str, Any]:
    """Return the JSON object of a body. Raises Invalid for anything else."""
    found = await json_of(request, limit)
    if not isinstance(found, dict):
        raise Invalid("body", "a JSON object is needed.")
    return found
