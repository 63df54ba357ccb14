"""Versions, addresses, the CSRF token, signing in and out: what a client does first.

The token handed out before the sign-in stays valid after it, and a session's key may stand for user
name and password: both as OMERO.web does, because clients fetch the token once and join sessions.
"""

from __future__ import annotations

import html
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from adapters.hub import Hub
from store.errors import Throttled, Unauthenticated
from store.tables.people import SYSTEM_GROUP, USER_GROUP
from web.auth import csrf, session
from web.auth.identity import Authenticated
from web.auth.resolve import by_session, services_of
from web.bodies import body_of
from web.rest.omero.links import Links
from web.rest.omero.marshal.values import SCHEMA
from web.rest.omero.resource import (
    WEBCLIENT,
    Answer,
    as_json,
    caller_of,
    form_of,
    message,
    resource,
)

SERVER = {"id": 1, "host": "", "port": 4064, "server": "omero"}
WRONG = "Connection not available, please check your user name and password."
POST_ONLY = "POST only with username, password, server and csrftoken"
LONGEST_NAME = 255


async def versions(request: Request) -> Answer:
    """List the versions of the API; there is one."""
    return {"data": [{"version": "0", "url:base": f"{Links(request).api}/"}]}


async def base(request: Request) -> Answer:
    """List the addresses to start from; every value is a text, some clients insist."""
    links = Links(request)
    nouns = {
        "experimenters": "experimenters",
        "experimentergroups": "experimentergroups",
        "projects": "projects",
        "datasets": "datasets",
        "images": "images",
        "screens": "screens",
        "plates": "plates",
        "wells": "wells",
        "rois": "rois",
        "shapes": "shapes",
    }
    found = {f"url:{name}": links.to(path) for name, path in nouns.items()}
    found |= {f"url:{name}": links.of(name) for name in ("token", "servers", "login")}
    return {**found, "url:save": links.to("save"), "url:schema": SCHEMA.rstrip("#")}


async def servers(request: Request) -> Answer:
    """List the servers one may sign in to: this one."""
    return {"data": [{**SERVER, "host": request.url.hostname or ""}]}


async def token(request: Request) -> Answer:
    """Hand out the CSRF token, masked anew each time, and the cookie if there is none."""
    known = csrf.secret_of(request)
    secret = known or csrf.new_secret()
    response = as_json({"data": csrf.mask(secret)})
    if known is None:
        csrf.set_cookie(response, secret, secure=_secure(request))
    return response


async def sign_in_only_by_post(request: Request) -> Answer:
    """Say how to sign in."""
    return message(405, POST_ONLY, {"Allow": "POST"})


async def sign_in(request: Request) -> Answer:
    """Open a session, or join the one whose key is given as user name and password."""
    typed = await _typed(request)
    if not any(typed.values()):
        joined = await _joined(request)
        if joined is not None:
            return await _success(request, *joined)
    why = _incomplete(typed)
    if why is not None:
        return message(403, why)
    try:
        caller, key = await _opened(request, typed["username"], typed["password"])
    except Throttled as error:
        return message(403, error.message, {"Retry-After": str(round(error.retry_after) + 1)})
    except Unauthenticated:
        return message(403, WRONG)
    response = await _success(request, caller, key)
    session.set_cookie(response, key, secure=_secure(request))
    return response


def _incomplete(typed: dict[str, str]) -> str | None:
    """Return what is wrong with the fields of a form, field by field."""
    wrong = []
    name = typed["username"]
    for field in ("username", "password", "server"):
        if not typed[field]:
            wrong.append(f"{field.capitalize()}: This field is required.")
        elif field == "username" and name == "guest":
            wrong.append("Username: Guest account is not supported.")
        elif field == "username" and len(name) > LONGEST_NAME:
            wrong.append(
                f"Username: Ensure this value has at most {LONGEST_NAME} characters"
                f" (it has {len(name)})."
            )
        elif field == "server" and typed["server"] != str(SERVER["id"]):
            wrong.append(
                "Server: Select a valid choice. That choice is not one of the available choices."
            )
    return " ".join(wrong) or None


async def _typed(request: Request) -> dict[str, str]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields: Any
    if kind == "application/json":
        try:
            fields = orjson.loads(await body_of(request))
        except orjson.JSONDecodeError:
            fields = {}
        if not isinstance(fields, dict):
            fields = {}
    else:
        fields = await form_of(request)
    found = {}
    for name in ("username", "password", "server"):
        value = fields.get(name)
        plain = isinstance(value, str | int) and not isinstance(value, bool)
        found[name] = str(value) if plain else ""
    found["username"] = found["username"].strip()
    found["server"] = found["server"].strip()
    return found


async def _joined(request: Request) -> tuple[Authenticated, str] | None:
    key = session.presented(request)
    if key is None:
        return None
    try:
        return await by_session(services_of(request), key), key
    except Unauthenticated:
        return None


async def _opened(request: Request, username: str, password: str) -> tuple[Authenticated, str]:
    services = services_of(request)
    if username == password:
        try:
            return await by_session(services, username), username
        except Unauthenticated:
            pass  # it may still be somebody's password
    address = request.client.host if request.client is not None else ""
    opened = await services.credentials.login(username, password, address=address)
    return await by_session(services, opened.key), opened.key


async def _success(request: Request, caller: Authenticated, key: str) -> Response:
    actor, opened = caller.actor, caller.session
    assert opened is not None
    hub: Hub = request.app.state.services.hub(actor)
    (group,) = await hub.people.groups.by_ids([opened.group_id])
    groups = dict.fromkeys([opened.group_id, *sorted(actor.groups), USER_GROUP])
    if actor.administrator:
        groups[SYSTEM_GROUP] = None
    return as_json(
        {
            "success": True,
            "eventContext": {
                "sessionId": opened.id,
                "sessionUuid": key,
                "userId": actor.user_id,
                "userName": actor.username,
                "groupId": opened.group_id,
                "groupName": "" if group is None else group.name,
                "isAdmin": actor.administrator,
                "eventId": -1,
                "eventType": "User",
                "memberOfGroups": list(groups),
                "leaderOfGroups": [id for id, standing in actor.groups.items() if standing.leader],
            },
        }
    )


async def sign_out(request: Request) -> Answer:
    """Close the session and go to the sign-in page."""
    services, key = services_of(request), session.presented(request)
    if key is not None and await services.credentials.logout(key):
        services.verdicts.clear()
    response = RedirectResponse(f"{_root(request)}/webclient/login/", 302)
    session.clear_cookie(response, secure=_secure(request))
    return response


async def sign_out_page(request: Request) -> Answer:
    """Show a button; asking alone never signs anybody out."""
    return _page(request, "Sign out", '<button type="submit">Sign out</button>', "logout")


async def sign_in_page(request: Request) -> Answer:
    """Show a form for people whom a link of an image brought here."""
    wanted = html.escape(request.query_params.get("url", ""), quote=True)
    fields = (
        '<p><label>User name <input name="username" autofocus required></label></p>'
        '<p><label>Password <input name="password" type="password" required></label></p>'
        '<input type="hidden" name="server" value="1">'
        f'<input type="hidden" name="url" value="{wanted}">'
        '<p><button type="submit">Sign in</button></p>'
    )
    return _page(request, "Sign in", fields, "login")


async def sign_in_by_form(request: Request) -> Answer:
    """Sign in from the form and go where the person wanted to."""
    typed = await _typed(request)
    form = await form_of(request)
    wanted = form.get("url")
    try:
        _caller, key = await _opened(request, typed["username"], typed["password"])
    except (Unauthenticated, Throttled):
        return PlainTextResponse(WRONG, 403)
    inside = isinstance(wanted, str) and wanted.startswith("/") and wanted[1:2] not in ("/", "\\")
    response = RedirectResponse(str(wanted) if inside else f"{_root(request)}/webclient/", 302)
    session.set_cookie(response, key, secure=_secure(request))
    return response


async def keep_alive(request: Request) -> Answer:
    """Say whether the session is open; asking keeps it so. Never a redirect."""
    try:
        await caller_of(request)
    except Unauthenticated:
        return PlainTextResponse("Connection Failed")
    return PlainTextResponse("OK")


def _page(request: Request, title: str, fields: str, action: str) -> Response:
    known = csrf.secret_of(request)
    secret = known or csrf.new_secret()
    response = HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><form method="post" action="{_root(request)}/webclient/{action}/">'
        f'<input type="hidden" name="{csrf.FIELD}" value="{csrf.mask(secret)}">{fields}</form>'
        "</body></html>",
        headers={"X-Frame-Options": "DENY"},
    )
    if known is None:
        csrf.set_cookie(response, secret, secure=_secure(request))
    return response


def _root(request: Request) -> str:
    root: str = request.scope.get("root_path", "")
    return root


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"


ROUTES = [
    *resource("/api", get=versions, open=True),
    *resource("/api/v0", get=base, open=True),
    *resource("/api/v0/token", get=token, open=True),
    *resource("/api/v0/servers", get=servers, open=True),
    *resource("/api/v0/login", get=sign_in_only_by_post, post=sign_in, open=True),
    *resource(
        "/webclient/login", get=sign_in_page, post=sign_in_by_form, open=True, manner=WEBCLIENT
    ),
    *resource("/webclient/logout", get=sign_out_page, post=sign_out, open=True, manner=WEBCLIENT),
    *resource("/webclient/keepalive_ping", get=keep_alive, open=True, manner=WEBCLIENT),
]
