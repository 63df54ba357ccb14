"""One address and its methods: who is calling, then the method, then the view.

Every JSON address answers with and without ``.json`` and never redirects; nothing may be cached,
because the client keeps an HTTP cache that believes such headers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.hub import Hub
from store.errors import HubError, Unauthenticated
from web.auth.identity import Authenticated
from web.auth.resolve import authenticate
from web.dialects import CYTOMINE
from web.errors import headers_of, status_of
from web.parameters import NumberConvertor as NumberConvertor  # registers ``{id:number}``
from web.rest.cytomine.phrase import body

Answer = Response | dict[str, Any] | list[Any]
View = Callable[[Request, Hub], Awaitable[Answer]]
OpenView = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Resource:
    """One address: its views by method."""

    views: Mapping[str, View | OpenView]
    open: bool = False

    async def respond(self, request: Request) -> Response:
        """Answer a request, whatever happens inside."""
        try:
            answer = await self._answer(request)
        except HubError as error:
            answer = refused(error)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    async def _answer(self, request: Request) -> Response:
        view: Any = self.views.get("GET" if request.method == "HEAD" else request.method)
        if self.open and view is not None:
            return _response(await view(request))
        request.state.caller = await caller_of(request)
        if view is None:
            return self._not_offered(request.method)
        hub = request.app.state.services.hub(request.state.caller.actor)
        return _response(await view(request, hub))

    def _not_offered(self, method: str) -> Response:
        allowed = ", ".join(sorted(self.views))
        text = f"{method} is not offered at this address; use {allowed}."
        return JSONResponse(body(text), 405, {"Allow": allowed})


def resource(
    path: str,
    *,
    get: View | OpenView | None = None,
    post: View | OpenView | None = None,
    put: View | OpenView | None = None,
    delete: View | OpenView | None = None,
    open: bool = False,
    suffix: bool = True,
) -> list[Route]:
    """Return the routes of an address, given without ``.json``.

    Views get the request and the hub as its caller sees it; with `open` nobody need be known and
    views get the request alone. ``request.state.caller`` is who is calling. `suffix` adds the form
    that ends in ``.json``.
    """
    given = {"GET": get, "POST": post, "PUT": put, "DELETE": delete}
    endpoint = Resource({name: view for name, view in given.items() if view is not None}, open)
    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    forms = (f"{path}.json", path) if suffix else (path,)
    return [Route(one, endpoint.respond, methods=methods) for one in forms]


async def caller_of(request: Request) -> Authenticated:
    """Return who is calling. Raises Unauthenticated for nobody."""
    caller = await authenticate(request, CYTOMINE.credentials, plain=True)
    if not caller.actor.signed_in:
        raise Unauthenticated("Full authentication is required to access this resource.")
    return caller


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON."""
    return Response(
        orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS),
        status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def refused(error: HubError) -> Response:
    """Return a refusal with the status such clients know."""
    headers = headers_of(error)
    headers.pop("WWW-Authenticate", None)
    return JSONResponse(body(error.message), status_of(error), headers)


def _response(answer: Answer) -> Response:
    return answer if isinstance(answer, Response) else as_json(answer)
