"""Numbers in addresses and query parameters; what cannot be read is an error, not a guess.

Ids in paths use the convertor ``number``: digits that fit a database key. A longer run of digits
names nothing, so it is an unknown address and never reaches a statement.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from store.errors import Invalid

_WHOLE = re.compile(r"-?[0-9]{1,18}", re.ASCII)


class NumberConvertor(Convertor[int]):
    """``{image:number}`` in a route: 1 to 18 digits."""

    regex = "[0-9]{1,18}"

    def convert(self, value: str) -> int:
        """Read the digits."""
        return int(value)

    def to_string(self, value: int) -> str:
        """Write them."""
        return str(value)


register_url_convertor("number", NumberConvertor())


def whole(request: Request, name: str, default: int) -> int:
    """Return a whole number. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    return _read(name, text, "a whole number")


def span(request: Request, name: str, default: int, size: int) -> tuple[int, int]:
    """Return a half-open range from ``7``, ``2:5`` or ``:``. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default, default + 1
    first, colon, last = text.partition(":")
    what = "an index or a range such as 2:5"
    start = _read(name, first, what, text) if first or not colon else 0
    stop = start + 1
    if colon:
        stop = _read(name, last, what, text) if last else size
    if not 0 <= start < stop <= size:
        raise Invalid(name, f"{text[:40]} is outside 0:{size}.")
    return start, stop


def indexes(request: Request, name: str, size: int) -> Sequence[int] | None:
    """Return a list of indexes from ``0,2``; None if it is not given. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    found = [_read(name, part, "a list such as 0,2", text) for part in text.split(",")]
    for index in found:
        if not 0 <= index < size:
            raise Invalid(name, f"there is no channel {index}; they are 0 to {size - 1}.")
    return found


def _read(name: str, part: str, what: str, text: str | None = None) -> int:
    if _WHOLE.fullmatch(part) is None:
        raise Invalid(name, f"{(text or part)[:40]!r} is not {what}.")
    return int(part)
