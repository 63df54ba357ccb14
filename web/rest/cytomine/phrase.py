"""Refusals of the dialect: one body that is readable both as a failed command and as a failed read.

Bodies are always JSON objects, also where no route was found: the client's logger reads them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

_NOT_KEPT = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def body(text: str) -> dict[str, Any]:
    """Return the body of a refusal."""
    return {"success": False, "errors": text, "message": text, "errorValues": {}}


def as_cytomine(status: int, facts: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    """Write a refusal outside any view."""
    return JSONResponse(body(str(facts["message"])), status, {**_NOT_KEPT, **headers})
