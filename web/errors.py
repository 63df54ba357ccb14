"""Errors as HTTP: status and headers for all dialects, and the two ways the hub itself writes them.

Each dialect phrases the body in its own way and takes the status from the same table unless its
clients expect another; the domain itself knows no HTTP.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from store.errors import (
    Conflict,
    Forbidden,
    HubError,
    Invalid,
    NotFound,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)

STATUS: dict[type[HubError], int] = {
    NotFound: 404,
    Unauthenticated: 401,
    Forbidden: 403,
    Invalid: 400,
    Conflict: 409,
    Unsupported: 400,
    Unavailable: 503,
    TooLarge: 413,
    Throttled: 429,
}
CHALLENGE = 'Bearer realm="imagehub"'
Phrase = Callable[[int, Mapping[str, Any], Mapping[str, str]], Response]
"""How a dialect writes a refusal: from status, facts (``code``, ``message``, …) and headers."""

_NOT_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def status_of(error: HubError, table: Mapping[type[HubError], int] = STATUS) -> int:
    """Return the status of an error by its nearest class in a table; 500 if none is there."""
    for kind in type(error).__mro__:
        if kind in table:
            return table[kind]
    return 500


def headers_of(error: HubError, *, challenge: str = CHALLENGE) -> dict[str, str]:
    """Return the headers an answer needs beside the body."""
    if isinstance(error, Throttled):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after)))}
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": challenge}
    if isinstance(error, TooLarge):
        # The rest of the body is never read, so the connection cannot be used again.
        return {"Connection": "close"}
    return {}


def hub_body(error: HubError) -> dict[str, Any]:
    """Return the hub's own body: ``{"error": {"code", "message", …fields}}``."""
    fields = {name: _plain(value) for name, value in error.fields.items()}
    return {"error": {**fields, "code": error.code, "message": error.message}}


def hub_response(error: HubError) -> Response:
    """Return the hub's own answer to an error."""
    return refusal(error, as_json)


def refusal(error: HubError, phrase: Phrase) -> Response:
    """Return a dialect's answer to an error."""
    return phrase(status_of(error), hub_body(error)["error"], headers_of(error))


def as_json(status: int, facts: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write what went wrong as ``{"error": {"code", "message", …}}``."""
    return JSONResponse({"error": dict(facts)}, status, headers={**_NOT_KEPT, **headers})


def as_text(status: int, facts: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write what went wrong as one line; what is not there is just not found."""
    line = "not found" if status == 404 else str(facts["message"])
    return PlainTextResponse(line, status, headers={**_NOT_KEPT, **headers})


async def on_hub_error(_request: Request, error: Exception) -> Response:
    """Handle errors of the domain for Starlette (``exception_handlers``)."""
    assert isinstance(error, HubError)
    return hub_response(error)


def _plain(value: Any) -> Any:
    """Return a value JSON can hold; what it cannot becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    return str(value)
