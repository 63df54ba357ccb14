"""Bearer tokens: made once and shown once, kept as a hash, limited by scopes and an end.

A token never makes another credential, so that a leaked one cannot outlive its own scopes or its
revocation; only one with the scope `admin` may, which can do everything anyway.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import delete

from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Forbidden, Invalid, NotFound, Unauthenticated
from store.statement import cols, table
from store.tables.access import Token
from store.tables.columns import name_key
from store.unit import Unit

TOKEN_PREFIX = "ihb_"
NAME_LENGTH = 255
_token = cols(Token)


class Scope(StrEnum):
    """What a token is good for; each account right is still needed besides."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"  # administration, if the account is an administrator's; includes write
    WORKSPACE = "workspace"  # reading, and short-lived results in one's own workspace


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made; `plain` is shown now and never again."""

    token: Token
    plain: str = field(repr=False)


def new_secret(prefix: str = "") -> str:
    """Return 32 random bytes as URL-safe text behind a prefix."""
    return prefix + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """Return what is kept of a random secret: its SHA-256.

    No salt and no slow hash: 256 random bits cannot be guessed from it.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def reads_only(scopes: Iterable[str]) -> bool:
    """Whether a token with these scopes may change nothing but its workspace."""
    return not {Scope.WRITE, Scope.ADMIN} & set(scopes)


def require_free(actor: Actor, action: str) -> int:
    """Return the account of an actor who may handle credentials of their own.

    Raises Unauthenticated for nobody, Forbidden for a token without the scope `admin`.
    """
    if actor.user_id is None:
        raise Unauthenticated
    if actor.job_user_id is not None:
        raise Forbidden(action, "account", actor.user_id, "a job's account may not.")
    if actor.scopes and Scope.ADMIN not in actor.scopes:
        raise Forbidden(action, "account", actor.user_id, "a token needs the scope admin for this.")
    return actor.user_id


class Tokens:
    """The bearer tokens of one account."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(
        self, name: str, scopes: Iterable[str] = (Scope.READ,), *, expires_at: int | None = None
    ) -> NewToken:
        """Make a token of the actor's own. `expires_at` in ms UTC; None never ends.

        Raises Invalid for an unknown scope, no scope, an empty name or an end in the past.
        """
        user_id = require_free(self._catalog.actor, "make a token of")
        wanted = _checked_scopes(scopes)
        title = _checked_name(name)
        if expires_at is not None and expires_at <= now_ms():
            raise Invalid("expires_at", "this moment is already past.")
        plain = new_secret(TOKEN_PREFIX)

        async def work(unit: Unit) -> Token:
            return await unit.add(
                Token(
                    id=await unit.take_ids(),
                    hash=digest(plain),
                    user_id=user_id,
                    name=title,
                    name_key=name_key(title),
                    scopes=wanted,
                    created_at=now_ms(),
                    expires_at=expires_at,
                )
            )

        # A guest may have tokens although a guest writes nothing: the hub writes this row.
        return NewToken(await self._as_hub().write("create_token", work), plain)

    async def all(self) -> Sequence[Token]:
        """Return the actor's tokens, newest first; also those that ended."""
        mine = self._catalog.select(Token).where(_token.user_id == self._catalog.actor.user_id)
        return await self._catalog.all(Token, mine.order_by(_token.id.desc()))

    async def revoke(self, id: int) -> None:
        """End one of the actor's tokens at once. Raises NotFound for any other."""
        user_id = require_free(self._catalog.actor, "revoke a token of")

        async def work(unit: Unit) -> None:
            if not await end_tokens(unit, _token.id == id, _token.user_id == user_id):
                raise NotFound("token", id)

        await self._as_hub().write("revoke_token", work)

    def _as_hub(self) -> Catalog:
        return Catalog(self._catalog.database, Actor.system())


async def end_tokens(unit: Unit, *where: Any) -> int:
    """Delete tokens inside a unit of work, told to every process; return how many there were."""
    ended = await unit.rows(delete(table(Token)).where(*where).returning(_token.id))
    for row in ended:
        unit.tell("removed", Token, row)
    return len(ended)


def _checked_scopes(scopes: Iterable[str]) -> list[str]:
    given = list(scopes)
    known = [scope.value for scope in Scope]
    for scope in given:
        if scope not in known:
            raise Invalid("scopes", f"there is no scope {scope!r}; use {', '.join(known)}.")
    if not given:
        raise Invalid("scopes", f"name at least one of {', '.join(known)}.")
    return [scope for scope in known if scope in given]


def _checked_name(name: str) -> str:
    title = name.strip()
    if not title or len(title) > NAME_LENGTH or not title.isprintable():
        raise Invalid("name", f"use 1 to {NAME_LENGTH} printable characters.")
    return title
