"""The application: routes of every dialect on one port, and what happens around each request.

Slashes are never redirected and nothing catches what no route knows: an unknown address is a JSON
404 in the words of whoever's prefix it has (`web.dialects`).
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Match, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from resolvers.context import Context
from resolvers.root import graphql_schema
from store.errors import HubError, Unauthenticated
from store.settings import Settings
from web import about, health, metrics, session_routes, tiles, transfers, zarr
from web.auth import csrf
from web.auth.resolve import authenticate, by_bearer
from web.bootstrap import Services, assemble
from web.dialects import GRAPHQL, Readers, dialect_of, path_of
from web.errors import refusal
from web.forwarded import Forwarded
from web.graphql import EndpointSettings, GraphQLEndpoint
from web.pages import page_routes
from web.rest.cytomine.urls import ROUTES as CYTOMINE_ROUTES
from web.rest.omero.urls import ROUTES as OMERO_ROUTES

log = logging.getLogger(__name__)
READABLE = ["Accept-Ranges", "Content-Disposition", "Content-Length", "Content-Range", "ETag",
            "X-Byte-Order", "X-Dtype", "X-Shape"]  # fmt: skip
_CODES = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


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
            allowed_origins=settings.cors_origins,
        ),
    )
    app = Starlette(
        routes=[
            # What viewers ask for by the hundred comes first: routes are tried in order.
            *tiles.ROUTES,
            *zarr.ROUTES,
            Route("/graphql", endpoint),
            WebSocketRoute("/graphql", endpoint),
            *session_routes.routes,
            *about.ROUTES,
            *health.ROUTES,
            *metrics.ROUTES,
            *transfers.ROUTES,
            *OMERO_ROUTES,
            *CYTOMINE_ROUTES,
            *page_routes(),
        ],
        middleware=[
            Middleware(Forwarded, trusted=settings.trusted_proxies),
            Middleware(metrics.Metered),
            Middleware(CrossOrigin, origins=settings.cors_origins),
        ],
        exception_handlers={
            HubError: _refused,
            HTTPException: _unrouted,
            ClientDisconnect: _left,
            Exception: _failed,
        },
        lifespan=lifespan,
    )
    app.state.meter = metrics.Meter()
    app.router.redirect_slashes = False
    return app


class CrossOrigin:
    """Middleware that tells browsers which other pages may read an answer, by its path."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        def for_pages(of: tuple[str, ...], headers: list[str], *, credentials: bool) -> ASGIApp:
            methods = ["GET", "HEAD", "POST", "PUT", "DELETE"] if credentials else ["GET", "HEAD"]
            return CORSMiddleware(
                app, of, methods, headers, credentials, expose_headers=READABLE, max_age=600
            )

        validators = ["If-Match", "If-None-Match", "If-Range", "Range"]
        writing = ["Authorization", "Content-Type", "X-Link-Token", csrf.HEADER]
        self._apps: dict[Readers, ASGIApp] = {
            Readers.NONE: app,
            Readers.LISTED: for_pages(origins, [*validators, *writing], credentials=True)
            if origins
            else app,
            Readers.ANYONE: for_pages(("*",), validators, credentials=False),
        }
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if scope["type"] == "http":
            app = self._apps[dialect_of(scope["path"]).readers]
        await app(scope, receive, send)


async def _context(request: Request | WebSocket, parameters: Mapping[str, Any] | None) -> Context:
    services: Services = request.app.state.services
    token = _bearer(parameters)
    if token is not None:
        caller = await by_bearer(services, token)
    else:
        _require_same_origin(request, services)
        caller = await authenticate(request, GRAPHQL.credentials)
    return Context(
        request=request,
        hub=services.hub(caller.actor),
        actor=caller.actor,
        session_id=None if caller.session is None else caller.session.id,
        sign=partial(zarr.signed_url, services.sealing, caller.actor),
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
    return refusal(error, dialect_of(path_of(request)).phrase)


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, headers, path = error.status_code, dict(error.headers or {}), path_of(request)
    code, message = _CODES.get(status, "error"), error.detail
    if status == 404:
        message = f"There is nothing at {path[:200]}."
    elif status == 405:
        headers["Allow"] = ", ".join(_allowed(request))
        message = f"{path[:200]} is not asked by {request.method[:20]}; use {headers['Allow']}."
    facts = {"code": code, "message": message}
    return dialect_of(path).phrase(status, facts, headers)


def _allowed(request: Request) -> list[str]:
    """Return the methods of all routes of a path, each of which knows its own only."""
    known = [
        route.methods or ()
        for route in request.app.routes
        if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE
    ]
    return sorted({method for methods in known for method in methods})


async def _left(request: Request, error: Exception) -> Response:
    """End a request whose client has gone; nobody reads this answer."""
    log.debug("the client of %s left", path_of(request)[:200])
    return Response(status_code=metrics.CLIENT_LEFT)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("request to %s failed", path_of(request)[:200], exc_info=error)
    facts = {"code": "internal", "message": "The hub made a mistake; its log says more."}
    return dialect_of(path_of(request)).phrase(500, facts, {})
