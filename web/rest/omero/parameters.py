"""Query parameters as clients of the JSON API send them: numbers in Python's reading, exact flags.

A number that cannot be read is a 400 with the text that Python gives, which some scripts print. A
flag is on only for the exact text ``true``.
"""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from store.engine import MOST_ID
from store.errors import HubError, Invalid

DEFAULT_LIMIT, MOST_LIMIT = 200, 500


class BadNumber(Invalid):
    """A parameter that should be a number and is not; the text is the whole message."""

    def __init__(self, text: str) -> None:
        HubError.__init__(self, text)


@dataclass(frozen=True, slots=True)
class Slice:
    """Which rows of a list: `offset` from the start, at most `limit`."""

    offset: int
    limit: int


def number(request: Request, name: str, default: int | None = None) -> int | None:
    """Return a parameter as a number. Raises BadNumber with Python's own text."""
    text = request.query_params.get(name)
    if text is None:
        return default
    return read(text)


def read(text: str) -> int:
    """Return a text as a number, within what a database key holds. Raises BadNumber."""
    try:
        value = int(text)
    except ValueError as error:
        raise BadNumber(str(error)[:200]) from error
    return max(-MOST_ID, min(MOST_ID, value))


def flag(request: Request, name: str) -> bool:
    """Tell whether a parameter is exactly ``true``."""
    return request.query_params.get(name) == "true"


def slice_of(request: Request, *, most: int = MOST_LIMIT) -> Slice:
    """Return offset and limit; negative ones fall back to the defaults. Raises BadNumber."""
    offset, limit = number(request, "offset", 0), number(request, "limit", DEFAULT_LIMIT)
    assert offset is not None
    assert limit is not None
    if limit < 0:
        limit = DEFAULT_LIMIT
    return Slice(max(0, offset), min(limit, most))
