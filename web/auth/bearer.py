"""``Authorization: Bearer`` with a token of the hub."""

from __future__ import annotations

from adapters.tokens import reads_only
from store.errors import Unauthenticated
from web.auth.identity import Identity, Kind, Services

SCHEME = "bearer"


async def identify(services: Services, plain: str, kind: Kind = Kind.BEARER) -> Identity:
    """Return whose token this is. Raises Unauthenticated for an unknown, revoked or ended one."""
    token = await services.credentials.token(plain)
    if token is None:
        raise Unauthenticated("This token is not known, was revoked or has ended; make a new one.")
    return Identity(
        kind,
        token.user_id,
        scopes=frozenset(token.scopes),
        read_only=reads_only(token.scopes),
        expires_at=token.expires_at,
    )
