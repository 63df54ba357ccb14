"""The session cookie of a password sign-in.

The cookie lasts as long as the browser runs; how long the session itself lives is decided by the
server. Its name is the one that scripted clients of existing image servers look for.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.responses import Response

from store.errors import Unauthenticated
from web.auth.identity import Identity, Kind, Services

COOKIE = "sessionid"


def presented(connection: HTTPConnection) -> str | None:
    """Return the session key of a request, if it carries one."""
    return connection.cookies.get(COOKIE) or None


async def identify(services: Services, key: str) -> Identity:
    """Return whose session a key opens. Raises Unauthenticated for a closed or unknown one."""
    session = await services.credentials.session(key)
    if session is None:
        raise Unauthenticated("Your session has ended; sign in again.")
    return Identity(Kind.SESSION, session.user_id, session=session, expires_at=session.expires_at)


def set_cookie(response: Response, key: str, *, secure: bool) -> None:
    """Hand a session key to the browser; scripts of pages cannot read it."""
    response.set_cookie(COOKIE, key, path="/", httponly=True, samesite="lax", secure=secure)


def clear_cookie(response: Response, *, secure: bool) -> None:
    """Take the session key back from the browser."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
