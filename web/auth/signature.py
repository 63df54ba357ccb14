"""Signed requests: a public key, and an HMAC-SHA1 over a few headers by the private one.

Clients of three generations sign different texts (see ``docs/compat/cytomine.md``). All are tried,
with and without the content type, since some leave that out: A, method, MD5, type and date; B, also
path and query as on the wire; C, the whole address behind ``/api/``, which older clients sign for
addresses outside it. A signature of form A covers neither address nor body, so keys are secrets
like tokens and want TLS.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator

from starlette.requests import HTTPConnection

from store.errors import Unauthenticated
from web.auth.identity import Identity, Kind, Services

SCHEME = "cytomine"
REFUSED = "The public key is not known or the signature is not right."


def parsed(credentials: str) -> tuple[str, str]:
    """Return public key and signature of the text behind the scheme. Raises Unauthenticated."""
    public, colon, signature = credentials.strip().partition(":")
    if not colon or not public or not signature:
        raise Unauthenticated("The Authorization header is not `CYTOMINE key:signature`.")
    return public, signature


async def identify(services: Services, public: str) -> tuple[Identity, str]:
    """Return whose key this is and its private half. Raises Unauthenticated."""
    pair = await services.credentials.key_pair(public)
    if pair is None:
        raise Unauthenticated(REFUSED)
    return Identity(Kind.KEYS, pair.user_id), pair.private


def require(connection: HTTPConnection, private: str, signature: str) -> None:
    """Raise Unauthenticated unless the signature is right for this request."""
    key, given = private.encode(), signature.encode("utf-8", "replace")
    right = False
    for text in texts(connection):
        wanted = base64.b64encode(hmac.new(key, text, hashlib.sha1).digest())
        right |= hmac.compare_digest(wanted, given)
    if not right:
        raise Unauthenticated(REFUSED)


def texts(connection: HTTPConnection) -> Iterator[bytes]:
    """Return every text that a client may have signed for this request."""
    headers = connection.headers
    method = str(connection.scope.get("method", "GET"))
    date = headers.get("date") or headers.get("datefull") or ""
    kinds = dict.fromkeys((headers.get("content-type", ""), ""))
    places = _places(connection)
    for kind in kinds:
        form_a = f"{method}\n{headers.get('content-md5', '')}\n{kind}\n{date}".encode()
        yield form_a
        for place in places:
            yield form_a + b"\n" + place


def _places(connection: HTTPConnection) -> list[bytes]:
    """Return path and query as they came over the wire, then the address behind ``/api/``."""
    scope = connection.scope
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope.get("query_string", b"")
    wire = path.partition(b"?")[0] + (b"?" + query if query else b"")
    root = str(scope.get("root_path", "")).encode()
    host = connection.headers.get("host", "").encode()
    own = [wire, root + wire] if root else [wire]
    return own + [
        b"/api/" + scheme + b"://" + host + place for scheme in (b"http", b"https") for place in own
    ]
