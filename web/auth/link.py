"""Secret links: ``?token=`` or the header ``X-Link-Token`` opens what one grant gives.

A link adds to whoever is signed in and is enough to read without an account.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from adapters.tokens import digest
from store.errors import Unauthenticated
from store.tables.access import Grant
from web.auth.identity import Services

PARAMETER = "token"
HEADER = "X-Link-Token"


def presented(connection: HTTPConnection) -> str | None:
    """Return the link token of a request, if it carries one; the header goes first."""
    return connection.headers.get(HEADER) or connection.query_params.get(PARAMETER) or None


async def granted(services: Services, plain: str) -> Grant:
    """Return the grant of a link. Raises Unauthenticated for an unknown, ended or revoked one."""
    grant = await services.credentials.link(plain)
    if grant is None:
        raise Unauthenticated("This link does not exist, was taken back or has ended.")
    return grant


def hashed(plain: str) -> str:
    """Return what the store keeps of a link token."""
    return digest(plain)
