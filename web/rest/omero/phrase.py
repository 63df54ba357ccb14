"""Refusals outside any view of the dialect: unknown addresses, bodies too large, faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response

_NOT_KEPT = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-OMERO-ApiVersion": "0.2",
}
_NOT_FOUND = "<!doctype html><title>Not Found</title><h1>Not Found</h1><p>No such address.</p>"


def as_omero(status: int, facts: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write ``{"message": …}``; an unknown address is a page, as with OMERO.web."""
    given = {**_NOT_KEPT, **headers}
    if status == 404:
        return HTMLResponse(_NOT_FOUND, status, given)
    return JSONResponse({"message": str(facts["message"])}, status, given)
