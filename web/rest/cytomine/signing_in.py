"""Who is there, administration opened and closed, and tokens for those who sign in by password.

Administration is bound to the account and not to a cookie, since signing clients keep none: an
administrator is a plain user until it is opened, and again after it is closed or has run out.
"""

from __future__ import annotations

import uuid
from importlib.metadata import version
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.tokens import Scope, Tokens, require_free
from store.access.load import load_actor
from store.clock import now_ms
from store.errors import Forbidden, Invalid, Unauthenticated
from store.tables.people import Role
from web.auth.identity import Services
from web.auth.resolve import services_of
from web.rest.cytomine import parameters
from web.rest.cytomine.resource import Answer, caller_of, resource

ADMIN_OPEN_MS = 2 * 3_600_000
SIGNED_IN_MS, REMEMBERED_MS = 24 * 3_600_000, 30 * 24 * 3_600_000
MINUTE_MS = 60_000


async def ping(request: Request) -> Answer:
    """Say that the server is there, whoever asks; clients wait for this at their start."""
    services = services_of(request)
    try:
        user = (await caller_of(request)).actor.user_id
    except Unauthenticated:
        user = None
    return {
        "alive": True,
        "authenticated": user is not None,
        "version": version("imagehub"),
        "serverURL": str(request.base_url).rstrip("/"),
        "serverID": str(uuid.uuid5(uuid.NAMESPACE_OID, services.sealing.sign("the server itself"))),
        "user": user,
    }


async def open_admin(request: Request, hub: Hub) -> Answer:
    """Open administration for the caller's account. Raises Forbidden for all but administrators."""
    return await _administered(request, hub, now_ms() + ADMIN_OPEN_MS)


async def close_admin(request: Request, hub: Hub) -> Answer:
    """Close administration; a plain user may ask too."""
    if await _highest(hub) < Role.admin:
        return await admin_info(request, hub)
    return await _administered(request, hub, 0)


async def admin_info(request: Request, hub: Hub) -> Answer:
    """Tell the highest role of the account, and the one it acts in now."""
    return standing(await _highest(hub), full=hub.actor.full)


def standing(highest: Role, *, full: bool) -> dict[str, bool]:
    """Return which role an account holds and which it acts in."""
    admin = highest >= Role.admin
    return {
        "admin": admin,
        "user": highest == Role.user,
        "guest": highest == Role.guest,
        "adminByNow": admin and full,
        "userByNow": highest == Role.user or admin,
        "guestByNow": highest >= Role.guest,
    }


async def _administered(request: Request, hub: Hub, until: int) -> Answer:
    services: Any = request.app.state.services
    actor = hub.actor
    if actor.user_id is None or actor.job_user_id is not None:
        raise Forbidden("open administration for", "account", actor.user_id)
    whole = await load_actor(services.database, actor.user_id, scopes=actor.scopes)
    await services.hub(whole).people.open_administration(until)
    services.verdicts.clear()
    return standing(await _highest(hub), full=until > 0)


async def _highest(hub: Hub) -> Role:
    if hub.actor.user_id is None or hub.actor.job_user_id is not None:
        return Role.user
    (held,) = await hub.people.roles.of([hub.actor.user_id])
    return max(held, default=Role.guest)


async def sign_in(request: Request) -> Answer:
    """Give a bearer token for user name and password."""
    given = await parameters.object_of(request)
    username, password = (parameters.text(given, name) or "" for name in ("username", "password"))
    if not username or not password:
        raise Invalid("username", "user name and password are needed.")
    services = services_of(request)
    address = request.client.host if request.client is not None else ""
    person = await services.credentials.verify(username, password, address=address)
    life = REMEMBERED_MS if parameters.flag(given, "rememberMe") else SIGNED_IN_MS
    plain = await _token(request, services, person.id, "signed in", life)
    return {"id_token": plain, "token": plain}


async def token(request: Request, hub: Hub) -> Answer:
    """Make a token of the caller's, good for some minutes."""
    require_free(hub.actor, "make a token of")
    given = await parameters.object_of(request)
    named = parameters.text(given, "username")
    if named is not None and named.casefold() != hub.actor.username.casefold():
        raise Forbidden("make a token of", "user", named, "only that person may.")
    minutes = parameters.whole(given, "validity", 60) or 60
    if not 0 < minutes <= 525_600:
        raise Invalid("validity", "is in minutes, at most a year.")
    assert hub.actor.user_id is not None
    plain = await _token(
        request, services_of(request), hub.actor.user_id, "by request", minutes * MINUTE_MS
    )
    expires = now_ms() + minutes * MINUTE_MS
    made = {"tokenKey": plain, "username": hub.actor.username, "validity": str(expires)}
    return {"success": True, "token": made}


async def _token(request: Request, services: Services, user_id: int, name: str, life: int) -> str:
    actor = await load_actor(services.database, user_id)
    catalog = request.app.state.services.hub(actor).catalog
    made = await Tokens(catalog).create(name, [Scope.READ, Scope.WRITE], expires_at=now_ms() + life)
    return made.plain


ROUTES = [
    *resource("/server/ping", get=ping, post=ping, open=True),
    *resource("/session/admin/open", get=open_admin, post=open_admin),
    *resource("/session/admin/close", get=close_admin, post=close_admin),
    *resource("/session/admin/info", get=admin_info),
    *resource("/api/authenticate", post=sign_in, open=True),
    *resource("/api/token", post=token),
]
