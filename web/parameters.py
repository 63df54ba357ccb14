"""Query parameters of the picture and pixel routes; a typo is an error, not a guess."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request

from store.errors import Invalid


def whole(request: Request, name: str, default: int) -> int:
    """Return a whole number. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default
    try:
        return int(text)
    except ValueError:
        raise Invalid(name, f"{text[:40]!r} is not a whole number.") from None


def span(request: Request, name: str, default: int, size: int) -> tuple[int, int]:
    """Return a half-open range from ``7``, ``2:5`` or ``:``. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return default, default + 1
    first, colon, last = text.partition(":")
    try:
        start = int(first) if first else 0
        stop = (int(last) if last else size) if colon else start + 1
    except ValueError:
        raise Invalid(name, f"{text[:40]!r} is neither an index nor a range such as 2:5.") from None
    if not 0 <= start < stop <= size:
        raise Invalid(name, f"{text[:40]} is outside 0:{size}.")
    return start, stop


def indexes(request: Request, name: str, size: int) -> Sequence[int] | None:
    """Return a list of indexes from ``0,2``; None if it is not given. Raises Invalid."""
    text = request.query_params.get(name)
    if text is None or text == "":
        return None
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        raise Invalid(name, f"{text[:40]!r} is not a list such as 0,2.") from None
    for index in found:
        if not 0 <= index < size:
            raise Invalid(name, f"there is no channel {index}; they are 0 to {size - 1}.")
    return found
