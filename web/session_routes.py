"""Signing in and out for the web application: ``/app/session``.

The sign-in takes JSON only. A form of a foreign page cannot send that without asking first, so
nobody can be signed in to somebody else's account unawares, although no secret is checked there.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.people import People
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Forbidden, Invalid, TooLarge, Unauthenticated, Unsupported
from store.tables.people import User
from web.auth import csrf, session
from web.auth.identity import Authenticated, Services
from web.auth.resolve import by_session, services_of

PATH = "/app/session"
BODY_LIMIT = 16 * 1024


async def show(request: Request) -> Response:
    """Tell who is signed in, and hand out the CSRF secret."""
    services, key = services_of(request), session.presented(request)
    if key is None:
        return _answer(request, None)
    try:
        return _answer(request, await _account(services, await by_session(services, key)))
    except Unauthenticated:
        response = _answer(request, None)
        session.clear_cookie(response, secure=_secure(request))
        return response


async def sign_in(request: Request) -> Response:
    """Open a session by user name and password; a session open before in this browser ends."""
    services = services_of(request)
    trusted = services.settings.cors_origins
    foreign = csrf.origin_problem(request, trusted) if "origin" in request.headers else None
    if foreign is not None:
        raise Forbidden("sign in from", "page", request.headers["origin"], foreign)
    username, password = await _typed(request)
    address = request.client.host if request.client is not None else ""
    signed_in = await services.credentials.login(username, password, address=address)
    before = session.presented(request)
    if before is not None and await services.credentials.logout(before):
        services.verdicts.clear()
    account = await _account(services, await by_session(services, signed_in.key))
    response = _answer(request, account)
    session.set_cookie(response, signed_in.key, secure=_secure(request))
    return response


async def sign_out(request: Request) -> Response:
    """Close the session of this browser; done already is done."""
    services = services_of(request)
    csrf.require(request, trusted=services.settings.cors_origins)
    key = session.presented(request)
    if key is not None and await services.credentials.logout(key):
        services.verdicts.clear()
    response = _answer(request, None)
    session.clear_cookie(response, secure=_secure(request))
    return response


routes = [
    Route(PATH, show, methods=["GET"]),
    Route(PATH, sign_in, methods=["POST"]),
    Route(PATH, sign_out, methods=["DELETE"]),
]


async def _typed(request: Request) -> tuple[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Unsupported("Send user name and password as application/json.")
    try:
        body = orjson.loads(await _body(request))
    except orjson.JSONDecodeError as error:
        raise Invalid("body", "it is not valid JSON.") from error
    fields = body if isinstance(body, dict) else {}
    typed = [fields.get(name) for name in ("username", "password")]
    for name, value in zip(("username", "password"), typed, strict=True):
        if not isinstance(value, str) or not value:
            raise Invalid(name, "this text is needed.")
    return str(typed[0]), str(typed[1])


async def _body(request: Request) -> bytes:
    gathered = bytearray()
    async for chunk in request.stream():
        gathered += chunk
        if len(gathered) > BODY_LIMIT:
            raise TooLarge("The request", BODY_LIMIT, "bytes")
    return bytes(gathered)


async def _account(services: Services, caller: Authenticated) -> dict[str, Any]:
    actor: Actor = caller.actor
    assert actor.user_id is not None
    person = await People(Catalog(services.database, actor)).get(actor.user_id)
    return {
        "id": person.id,
        "username": person.username,
        "name": full_name(person),
        "admin": actor.administrator,
    }


def full_name(person: User) -> str:
    """Return the names of a person in reading order, or the user name if there are none."""
    names = (person.first_name, person.middle_name, person.last_name)
    return " ".join(name for name in names if name) or person.username


def _answer(request: Request, user: dict[str, Any] | None) -> Response:
    secret = csrf.secret_of(request) or csrf.new_secret()
    response = JSONResponse(
        {"user": user, "csrf": csrf.mask(secret)}, headers={"Cache-Control": "no-store"}
    )
    csrf.set_cookie(response, secret, secure=_secure(request))
    return response


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
