"""What a credential comes to: an identity first, then the actor that every service is given.

The files beside this one each read one kind of credential and know nothing of the others;
`web.auth.resolve` puts them in order. `Services` is all they need of the running server.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from adapters.credentials import Credentials
from store.access.cache import VerdictCache
from store.actor import Actor
from store.engine import Database
from store.sealing import Sealing
from store.settings import Settings
from store.tables.access import Session


class Kind(StrEnum):
    """How somebody proved who they are."""

    SESSION = "session"
    BEARER = "bearer"
    BASIC = "basic"
    LINK = "link"
    KEYS = "keys"
    SIGNED = "signed"
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True)
class Identity:
    """The account a credential stands for, and what the credential itself limits.

    `scopes` of a token narrow the account; empty means no narrowing. `username` is set where the
    client named an account that must be the same. `expires_at` is in ms UTC.
    """

    kind: Kind
    user_id: int | None
    scopes: frozenset[str] = frozenset()
    read_only: bool = False
    username: str | None = None
    session: Session | None = field(default=None, repr=False)
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who is asking. `session` is the row of a cookie's session, up to five seconds old."""

    actor: Actor
    kind: Kind
    session: Session | None = field(default=None, repr=False)


class Services(Protocol):
    """What the running server offers to every request, as ``app.state.services``."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def sealing(self) -> Sealing: ...

    @property
    def credentials(self) -> Credentials: ...

    @property
    def verdicts(self) -> VerdictCache: ...


def key_of(kind: Kind, hashed: str, *more: Hashable) -> Hashable:
    """Return the key a verdict is kept under; it holds hashes only, never a secret."""
    return (kind, hashed, *more)
