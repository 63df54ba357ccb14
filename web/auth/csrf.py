"""Proof that a request that rides on a cookie was meant by the page it comes from.

The secret lies in a cookie that only pages of this host can read, and comes back in a header or a
form field: plain, or masked anew each time so that compression of an answer cannot betray it. It is
never renewed at sign-in, because scripted clients fetch it once before and use it for hours. The
masked form and the reasons of refusal are those of Django (``django.middleware.csrf``), which such
clients were written against.
"""

from __future__ import annotations

import hmac
import secrets
import string
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from store.errors import Forbidden

COOKIE = "csrftoken"
HEADER = "X-CSRFToken"
FIELD = "csrfmiddlewaretoken"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
SECRET_LENGTH = 32
MASKED_LENGTH = 2 * SECRET_LENGTH
COOKIE_SECONDS = 364 * 24 * 3600
_ALPHABET = string.ascii_letters + string.digits
_PLACE = {letter: place for place, letter in enumerate(_ALPHABET)}
_DEFAULT_PORTS = {"http": 80, "https": 443}


def new_secret() -> str:
    """Return 32 random letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(SECRET_LENGTH))


def secret_of(connection: HTTPConnection) -> str | None:
    """Return the secret in the cookie, or None if there is none or it is malformed."""
    secret = connection.cookies.get(COOKIE, "")
    return secret if len(secret) == SECRET_LENGTH and _well_formed(secret) else None


def set_cookie(response: Response, secret: str, *, secure: bool) -> None:
    """Hand the secret to the browser; pages of this host may read it."""
    response.set_cookie(
        COOKIE, secret, max_age=COOKIE_SECONDS, path="/", samesite="lax", secure=secure
    )


def mask(secret: str) -> str:
    """Return 64 characters that hide the secret differently each time."""
    pad = new_secret()
    return pad + _shifted(secret, pad, 1)


def unmask(token: str) -> str:
    """Return the secret of a token of 32 (plain) or 64 (masked) letters and digits."""
    if len(token) == SECRET_LENGTH:
        return token
    return _shifted(token[SECRET_LENGTH:], token[:SECRET_LENGTH], -1)


def problem(
    connection: HTTPConnection, *, field: str | None = None, trusted: Collection[str] = ()
) -> str | None:
    """Return why a request that changes something is not believed, or None.

    `field` is the form field `FIELD`, which counts where there is no header. `trusted` are origins
    beside the request's own host.
    """
    refusal = origin_problem(connection, trusted)
    if refusal is not None:
        return refusal
    secret = secret_of(connection)
    if secret is None:
        return "CSRF cookie not set."
    given = connection.headers.get(HEADER)
    if given:
        return _mismatch(given, secret, "the 'X-Csrftoken' HTTP header")
    if field:
        return _mismatch(field, secret, "POST")
    return "CSRF token missing."


def require(
    connection: HTTPConnection, *, field: str | None = None, trusted: Collection[str] = ()
) -> None:
    """Raise Forbidden if the request is not believed."""
    why = problem(connection, field=field, trusted=trusted)
    if why is not None:
        raise Forbidden("send", "request", connection.url.path, why)


def origin_problem(connection: HTTPConnection, trusted: Collection[str] = ()) -> str | None:
    """Return why the page a request comes from is foreign, or None. Also for web sockets.

    Over HTTPS either Origin or Referer must be there; over HTTP scripts often send neither.
    """
    origin = connection.headers.get("origin")
    if origin is not None:
        if _same_host(connection, origin) or origin in trusted:
            return None
        return f"Origin checking failed - {origin} does not match any trusted origins."
    if connection.url.scheme != "https":
        return None
    referer = connection.headers.get("referer")
    if not referer:
        return "Referer checking failed - no Referer."
    place = urlsplit(referer)
    if _same_host(connection, referer) or f"{place.scheme}://{place.netloc}" in trusted:
        return None
    return f"Referer checking failed - {referer} does not match any trusted origins."


def _mismatch(token: str, secret: str, source: str) -> str | None:
    if len(token) not in (SECRET_LENGTH, MASKED_LENGTH):
        return f"CSRF token from {source} has incorrect length."
    if not _well_formed(token):
        return f"CSRF token from {source} has invalid characters."
    if not hmac.compare_digest(unmask(token), secret):
        return f"CSRF token from {source} incorrect."
    return None


def _well_formed(text: str) -> bool:
    return text.isascii() and text.isalnum()


def _shifted(text: str, pad: str, direction: int) -> str:
    """Add or subtract letters of the alphabet place by place, round its end."""
    return "".join(
        _ALPHABET[(_PLACE[letter] + direction * _PLACE[by]) % len(_ALPHABET)]
        for letter, by in zip(text, pad, strict=True)
    )


def _same_host(connection: HTTPConnection, url: str) -> bool:
    try:
        there, here = urlsplit(url), urlsplit(str(connection.url))
        ports = [part.port or _DEFAULT_PORTS.get(part.scheme) for part in (there, here)]
    except ValueError:
        return False
    if here.scheme in ("ws", "wss"):
        # A socket's page has a scheme of its own; a default port is then the page's.
        ports[1] = here.port or ports[0]
    return there.hostname is not None and (there.hostname, ports[0]) == (here.hostname, ports[1])
