"""For operators: is the process alive, may it be sent requests."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from store.errors import Unavailable


async def alive(request: Request) -> Response:
    """Say that the process answers."""
    return PlainTextResponse("ok")


async def ready(request: Request) -> Response:
    """Say whether the database answers too."""
    try:
        await request.app.state.services.database.ping()
    except Unavailable as error:
        return PlainTextResponse(error.message, 503)
    return PlainTextResponse("ready")


ROUTES = [Route("/healthz", alive), Route("/readyz", ready)]
