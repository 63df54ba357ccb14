"""For operators: is the process alive, may it be sent requests."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from store.errors import Unavailable

PATIENCE = 5.0  # seconds the database has for an answer
_HEADERS = {"Cache-Control": "no-store"}


async def alive(request: Request) -> Response:
    """Say that the process answers."""
    return PlainTextResponse("ok", headers=_HEADERS)


async def ready(request: Request) -> Response:
    """Say whether the database answers too."""
    try:
        async with asyncio.timeout(PATIENCE):
            await request.app.state.services.database.ping()
    except Unavailable as error:
        return PlainTextResponse(error.message, 503, _HEADERS)
    except TimeoutError:
        return PlainTextResponse(f"The database is silent for {PATIENCE:.0f} s.", 503, _HEADERS)
    return PlainTextResponse("ready", headers=_HEADERS)


ROUTES = [Route("/healthz", alive), Route("/readyz", ready)]
