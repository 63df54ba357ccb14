"""Key pairs for signed requests: the public half is looked up, the private half is sealed.

A signature can only be checked by reading the private key, so it is encrypted with the server's key
and not hashed. Both halves are random UUIDs in text form, which is what clients of signed requests
expect to find in their settings.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from sqlalchemy import update

from adapters.tokens import Scope, require_free
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Forbidden, NotFound
from store.sealing import Sealing
from store.statement import cols, table
from store.tables.people import User
from store.unit import Unit

_user = cols(User)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """The two halves of an account's key."""

    user_id: int
    public: str
    private: str = field(repr=False)


class Keys:
    """Key pairs, readable to their account and to administrators."""

    def __init__(self, catalog: Catalog, sealing: Sealing) -> None:
        self._catalog = catalog
        self._sealing = sealing

    async def of(self, user_id: int) -> KeyPair:
        """Return the key pair of an account, making one if it has none.

        Raises NotFound, or Forbidden for somebody else's without being an administrator.
        """
        found = await self._as_hub().all(
            User, self._catalog.select(User).where(_user.id == user_id)
        )
        # A job may read its own keys, and so may its human, with whose rights they sign.
        human = found[0].human_id if found else None
        if user_id != self._catalog.actor.job_user_id:
            self._require(user_id if human is None else human, "read the keys of")
        if not found:
            raise NotFound("user", user_id)
        pair = unsealed(found[0], self._sealing)
        return pair or await self._write(user_id, only_missing=True)

    async def renew(self, user_id: int) -> KeyPair:
        """Replace the key pair of an account; the old one is refused from now on."""
        self._require(user_id, "renew the keys of")
        return await self._write(user_id, only_missing=False)

    def _require(self, user_id: int, action: str) -> None:
        actor = self._catalog.actor
        if actor.full and actor.user_id is None:
            return
        mine = require_free(actor, action)
        admin = actor.administrator and (not actor.scopes or Scope.ADMIN in actor.scopes)
        if mine != user_id and not admin:
            raise Forbidden(action, "user", user_id, "only that person or an administrator may.")

    async def _write(self, user_id: int, *, only_missing: bool) -> KeyPair:
        fresh = KeyPair(user_id, str(uuid.uuid4()), str(uuid.uuid4()))
        sealed = self._sealing.seal(fresh.private, purpose(user_id))

        async def work(unit: Unit) -> KeyPair:
            person = await unit.one(User, user_id)
            there = unsealed(person, self._sealing) if only_missing else None
            if there is not None:
                return there
            # Unjournalled: history must hold no key, not even a sealed one.
            await unit.execute(
                update(table(User))
                .where(_user.id == user_id)
                .values(public_key=fresh.public, private_key_sealed=sealed)
            )
            unit.tell("changed", User, person)
            return fresh

        return await self._as_hub().write("renew_keys", work)

    def _as_hub(self) -> Catalog:
        return Catalog(self._catalog.database, Actor.system())


def purpose(user_id: int) -> str:
    """Return what a private key is sealed for, so that one row's seal does not open in another."""
    return f"private key of user {user_id}"


def unsealed(person: User, sealing: Sealing) -> KeyPair | None:
    """Return the key pair of an account row, or None. Raises Unavailable for another server's."""
    if person.public_key is None or person.private_key_sealed is None:
        return None
    private = sealing.open(person.private_key_sealed, purpose(person.id))
    return KeyPair(person.id, person.public_key, private)
