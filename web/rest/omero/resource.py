"""One address and its methods, guarded in the order that clients of OMERO.web rely on.

First the CSRF secret, then who is calling, then whether the method is offered; each is refused in
its own words. Every address answers with and without its final slash, since some clients leave it
out and none should need a redirect.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote

import orjson
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from adapters.hub import Hub
from store.disk import disk_errors
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
from web.auth import csrf, session
from web.auth.identity import Authenticated, Kind
from web.auth.resolve import authenticate, by_session, services_of
from web.bodies import body_of
from web.errors import headers_of, status_of
from web.parameters import NumberConvertor as NumberConvertor  # registers ``{id:number}``

CREDENTIALS = (Kind.SESSION, Kind.BEARER)
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
MOST_FIELDS = 2000
VERSION_HEADER = {"X-OMERO-ApiVersion": "0.2"}
NOT_LOGGED_IN = "Not logged in"
STATUS: dict[type[HubError], int] = {
    NotFound: 404,
    Unauthenticated: 403,
    Forbidden: 403,
    Invalid: 400,
    Conflict: 409,
    Unsupported: 400,
    Unavailable: 503,
    TooLarge: 413,
    Throttled: 403,
}
# What such clients call our nouns, in the texts of refusals.
NAMES = {
    "project": "Project",
    "dataset": "Dataset",
    "image": "Image",
    "screen": "Screen",
    "plate": "Plate",
    "acquisition": "PlateAcquisition",
    "well": "Well",
    "roi": "Roi",
    "shape": "Shape",
    "user": "Experimenter",
    "group": "ExperimenterGroup",
}

Answer = Response | dict[str, Any] | list[Any] | str | bool | int | None
"""A view returns a response, or what JSON is to be made of."""
View = Callable[[Request, Hub], Awaitable[Answer]]
OpenView = Callable[[Request], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a family of addresses refuses and answers.

    pages: whoever is not signed in is sent to the sign-in page (scripts of pages get a bare 403).
    plain: refusals are plain text instead of ``{"message": …}``.
    scripts: ``?callback=name`` wraps JSON answers in a call of that function.
    """

    pages: bool = False
    plain: bool = False
    scripts: bool = False


API = Manner()
GATEWAY = Manner(pages=True, plain=True, scripts=True)
WEBCLIENT = Manner(pages=True)
PIXELS = Manner()


@dataclass(frozen=True, slots=True)
class Resource:
    """One address: its views by method, and what it says of methods it does not offer."""

    views: Mapping[str, View | OpenView]
    manner: Manner
    refusals: Mapping[str, str] = field(default_factory=dict)
    open: bool = False
    csrf: bool = True

    async def respond(self, request: Request) -> Response:
        """Answer a request, whatever happens inside."""
        try:
            answer = await self._answer(request)
        except HubError as error:
            answer = refused(request, error, self.manner)
        finally:
            await request.close()  # the files of a form, if one was read
        for name, value in VERSION_HEADER.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer

    async def _answer(self, request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if self.csrf and method not in csrf.SAFE_METHODS:
            why = await csrf_problem(request)
            if why is not None:
                return message(403, f"CSRF Failed: {why}")
        key = None
        if not self.open:
            caller, key = await caller_of(request)
            request.state.caller = caller
        response = await self._viewed(request, method)
        if key is not None:
            session.set_cookie(response, key, secure=request.url.scheme == "https")
        return response

    async def _viewed(self, request: Request, method: str) -> Response:
        view: Any = self.views.get(method)
        if view is None:
            return self._not_offered(request.method)
        if self.open:
            return _response(request, await view(request), self.manner)
        hub = request.app.state.services.hub(request.state.caller.actor)
        return _response(request, await view(request, hub), self.manner)

    def _not_offered(self, method: str) -> Response:
        text = self.refusals.get(method, f"{method} is not supported by this URL")
        return message(405, text, {"Allow": ", ".join(sorted(self.views))})


def resource(
    path: str,
    *,
    get: View | OpenView | None = None,
    post: View | OpenView | None = None,
    put: View | OpenView | None = None,
    delete: View | OpenView | None = None,
    options: View | OpenView | None = None,
    manner: Manner = API,
    refusals: Mapping[str, str] | None = None,
    open: bool = False,
    csrf: bool = True,
) -> list[Route]:
    """Return the routes of an address, given without its final slash.

    Views get the request and the hub as its caller sees it; with `open` nobody need be signed in
    and views get the request alone. `refusals` gives texts for methods that are not offered.
    ``request.state.caller`` is who is calling (`web.auth.identity.Authenticated`).
    """
    given = {"GET": get, "POST": post, "PUT": put, "DELETE": delete, "OPTIONS": options}
    views = {method: view for method, view in given.items() if view is not None}
    endpoint = Resource(views, manner, refusals or {}, open, csrf)

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    bare = path.rstrip("/")
    return [Route(one, endpoint.respond, methods=methods) for one in (f"{bare}/", bare)]


async def caller_of(request: Request) -> tuple[Authenticated, str | None]:
    """Return who is calling, and the session key to hand out if the address carried one.

    Raises Unauthenticated for nobody, also for an ended session.
    """
    key = request.query_params.get("bsession")
    if key:
        return await by_session(services_of(request), key), key
    caller = await authenticate(request, CREDENTIALS)
    if not caller.actor.signed_in:
        raise Unauthenticated(NOT_LOGGED_IN)
    return caller, None


async def csrf_problem(request: Request) -> str | None:
    """Return why a request that changes something is not believed; None with its own credential."""
    if "authorization" in request.headers:
        return None
    given = None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if csrf.HEADER not in request.headers and kind in FORMS:
        field = (await form_of(request)).get(csrf.FIELD)
        given = field if isinstance(field, str) else None
    trusted = services_of(request).settings.cors_origins
    return csrf.problem(request, field=given, trusted=trusted)


async def form_of(request: Request) -> FormData:
    """Return the fields of a form, read once; none for a body of another kind.

    Files in it are kept on disk beyond a megabyte; other fields must be small, and so must be all
    of it while nobody is signed in. Raises Invalid, TooLarge.
    """
    if request._form is None:
        limit = services_of(request).settings.body_limit
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            request._form = await _parts(request, limit)
        elif kind in ("", FORMS[0]):
            request._form = FormData(_pairs(await body_of(request, limit)))
        else:
            request._form = FormData()
    return request._form


def _pairs(body: bytes) -> list[tuple[str, str | UploadFile]]:
    """Read ``a=b&c=d``; some clients send letters beyond ASCII as they are, in UTF-8."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    try:
        return list(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError as error:
        raise Invalid("form", f"at most {MOST_FIELDS} fields are read.") from error


async def _parts(request: Request, limit: int) -> FormData:
    """Read a form of several parts; its whole length is bounded, whatever it says itself."""
    settings = services_of(request).settings
    most = limit + settings.upload_limit if await _known(request) else limit

    async def counted() -> AsyncGenerator[bytes, None]:
        came = 0
        async for piece in request.stream():
            came += len(piece)
            if came > most:
                raise TooLarge("The form", most, "bytes")
            yield piece

    try:
        with disk_errors("the folder for temporary files"):
            async with aclosing(counted()) as pieces:
                parser = MultiPartParser(
                    request.headers, pieces, max_fields=MOST_FIELDS, max_part_size=limit
                )
                return await parser.parse()
    except MultiPartException as error:
        raise Invalid("form", error.message) from error


async def _known(request: Request) -> bool:
    try:
        await caller_of(request)
    except Unauthenticated:
        return False
    return True


def message(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``{"message": text}``."""
    return as_json({"message": text}, status, headers)


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON; dates and numbers in it are plain already."""
    return Response(
        orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS),
        status,
        headers=dict(headers or {}),
        media_type="application/json",
    )


def refused(request: Request, error: HubError, manner: Manner) -> Response:
    """Return a refusal in the words and with the status such clients know."""
    status, headers = status_of(error, STATUS), headers_of(error)
    headers.pop("WWW-Authenticate", None)
    if isinstance(error, Unauthenticated):
        return _sign_in_first(request, manner)
    text = error.message
    if isinstance(error, NotFound):
        noun = str(error.fields.get("noun", ""))
        text = f"{NAMES.get(noun, noun.capitalize())} {error.fields.get('id', '')} not found"
    if manner.plain:
        return PlainTextResponse(text, status, headers)
    return message(status, text, headers)


def _sign_in_first(request: Request, manner: Manner) -> Response:
    if not manner.pages:
        return message(403, NOT_LOGGED_IN)
    if request.headers.get("x-requested-with", "").lower() == "xmlhttprequest":
        return Response(status_code=403)
    root = request.scope.get("root_path", "")
    query = request.url.query
    asked = f"{root}{request.scope['path']}" + (f"?{query}" if query else "")
    return RedirectResponse(f"{root}/webclient/login/?url={quote(asked)}", 302)


_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$.]{0,127}", re.ASCII)


def _response(request: Request, answer: Answer, manner: Manner) -> Response:
    if isinstance(answer, Response):
        return answer
    called = request.query_params.get("callback") if manner.scripts else None
    if called:
        if _IDENTIFIER.fullmatch(called) is None:
            return PlainTextResponse("Invalid callback", 400)
        text = orjson.dumps(answer, option=orjson.OPT_NON_STR_KEYS).decode()
        return Response(f"{called}({text})", media_type="application/javascript")
    return as_json(answer)
