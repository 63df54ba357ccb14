"""The application: routes of every dialect on one port, and what happens around each request.

Slashes are never redirected and nothing catches what no route knows: an unknown address is a JSON
404 in the words of whoever's prefix it has.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from resolvers.context import Context
from resolvers.root import graphql_schema
from store.errors import HubError, Unauthenticated
from store.settings import Settings
from web import about, health, session_routes, tiles, transfers, zarr
from web.auth import csrf
from web.auth.identity import Kind
from web.auth.resolve import authenticate, by_bearer
from web.bootstrap import Services, assemble
from web.errors import hub_response
from web.graphql import EndpointSettings, GraphQLEndpoint
from web.pages import STATIC, page_routes

log = logging.getLogger(__name__)
SIGNED_IN = (Kind.SESSION, Kind.BEARER, Kind.LINK)


def create_app(settings: Settings) -> Starlette:
    """Return the ASGI application over prepared data (`web.bootstrap.prepare`)."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        services = assemble(settings)
        app.state.services = services
        await services.start()
        try:
            yield
        finally:
            await services.stop()

    endpoint = GraphQLEndpoint(
        graphql_schema,
        _context,
        _check_request,
        EndpointSettings(
            body_limit=settings.body_limit,
            page=STATIC / "graphiql.html",
            allowed_origins=settings.cors_origins,
        ),
    )
    app = Starlette(
        routes=[
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            *session_routes.routes,
            *about.ROUTES,
            *health.ROUTES,
            *tiles.ROUTES,
            *zarr.ROUTES,
            *transfers.ROUTES,
            *page_routes(),
        ],
        middleware=_middleware(settings),
        exception_handlers={
            HubError: _refused,
            HTTPException: _unrouted,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    if not settings.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            allow_credentials=True,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"],
            allow_headers=["Authorization", "Content-Type", "Range", csrf.HEADER],
            expose_headers=["Content-Range", "Content-Length", "ETag", "X-Shape", "X-Dtype"],
        )
    ]


async def _context(request: Request | WebSocket, parameters: Mapping[str, Any] | None) -> Context:
    services: Services = request.app.state.services
    token = _bearer(parameters)
    if token is not None:
        caller = await by_bearer(services, token)
    else:
        _require_same_origin(request, services)
        caller = await authenticate(request, SIGNED_IN)
    return Context(
        request=request,
        hub=services.hub(caller.actor),
        actor=caller.actor,
        session_id=None if caller.session is None else caller.session.id,
    )


def _bearer(parameters: Mapping[str, Any] | None) -> str | None:
    """Return the token of a socket's first message, as ``Authorization`` or ``token``."""
    if not parameters:
        return None
    headers = parameters.get("headers")
    places = [parameters, headers if isinstance(headers, Mapping) else {}]
    for place in places:
        for name in ("Authorization", "authorization", "token"):
            value = place.get(name)
            if isinstance(value, str) and value:
                return value.removeprefix("Bearer ").strip()
    return None


def _require_same_origin(request: HTTPConnection, services: Services) -> None:
    """A page elsewhere may open a socket here, and the browser sends the cookie along."""
    if request.scope["type"] != "websocket" or "cookie" not in request.headers:
        return
    if csrf.origin_problem(request, services.settings.cors_origins):
        raise Unauthenticated("A socket opened by another site may not use this browser's sign-in.")


def _check_request(request: Request) -> None:
    if "authorization" not in request.headers and request.cookies.get("sessionid"):
        csrf.require(request, trusted=request.app.state.services.settings.cors_origins)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    return hub_response(error)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "error")
    what = f"There is nothing at {request.url.path}." if code == "not_found" else error.detail
    return JSONResponse(
        {"error": {"code": code, "message": what}}, error.status_code, headers=error.headers
    )


async def _failed(request: Request, error: Exception) -> Response:
    log.error("request to %s failed", request.url.path, exc_info=error)
    return JSONResponse(
        {"error": {"code": "internal", "message": "The hub made a mistake; its log says more."}},
        500,
    )
