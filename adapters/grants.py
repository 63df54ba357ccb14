"""Grants: access to one container or image for a user, a group, or whoever holds a secret link.

A link's text is shown once and kept as a hash. Whoever comes with a link only, without an account,
is capped at reading; annotating by link needs an account besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.tokens import digest, new_secret
from store.access.capabilities import Can
from store.access.visible import LABELLED
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Invalid
from store.statement import cols
from store.tables.access import Grant, GrantLevel
from store.tables.people import SYSTEM_GROUP, USER_GROUP, Group, User, UserKind
from store.unit import Unit

LINK_PREFIX = "ihl_"
LINK_LEVELS = (GrantLevel.READ, GrantLevel.ANNOTATE)
_grant = cols(Grant)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A secret link just made; `plain` is shown now and never again."""

    grant: Grant
    plain: str = field(repr=False)


class Grants:
    """Verbs on grants. Giving and taking needs the right to share the object, or to manage it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def give(
        self,
        target_type: str,
        target_id: int,
        level: str,
        *,
        user_id: int | None = None,
        group_id: int | None = None,
        expires_at: int | None = None,
    ) -> Grant:
        """Give one user or one group a level on an object; an earlier grant is replaced.

        `expires_at` in ms UTC. Raises NotFound for what the actor cannot see, Forbidden, Invalid.
        """
        if (user_id is None) == (group_id is None):
            raise Invalid("grantee", "name either a user or a group.")
        if group_id in (SYSTEM_GROUP, USER_GROUP):
            raise Invalid("group_id", "the built-in groups cannot be granted anything.")
        chosen = checked_level(level)
        noun = _target(target_type)
        check_end(expires_at)

        async def work(unit: Unit) -> Grant:
            await unit.one(noun, target_id)
            await self._check_grantee(unit, user_id, group_id)
            there = await unit.all(
                Grant,
                _grant.target_type == target_type,
                _grant.target_id == target_id,
                _grant.user_id == user_id if group_id is None
                else _grant.grantee_group_id == group_id,
            )  # fmt: skip
            grantee = f"user {user_id}" if group_id is None else f"group {group_id}"
            unit.journal.summary = f"grant {grantee} {chosen} on {target_type} {target_id}"
            if there:
                return await unit.change(Grant, there[0].id, level=chosen, expires_at=expires_at)
            await unit.command_id()
            return await unit.add(
                Grant(
                    id=await unit.take_ids(),
                    user_id=user_id,
                    grantee_group_id=group_id,
                    target_type=target_type,
                    target_id=target_id,
                    level=chosen,
                    expires_at=expires_at,
                    given_by=unit.actor.author_id,
                    created_at=now_ms(),
                )
            )

        return await self._catalog.write("give_grant", work)

    async def give_link(
        self,
        target_type: str,
        target_id: int,
        level: str = GrantLevel.READ,
        *,
        expires_at: int | None = None,
    ) -> NewLink:
        """Make a secret link to an object, to read or to annotate. Raises as `give`."""
        chosen = checked_level(level)
        if chosen not in LINK_LEVELS:
            raise Invalid("level", "a link gives read or annotate; name a user to give more.")
        noun = _target(target_type)
        check_end(expires_at)
        plain = new_secret(LINK_PREFIX)

        async def work(unit: Unit) -> Grant:
            await unit.one(noun, target_id)
            unit.journal.summary = f"make a link to {target_type} {target_id}"
            await unit.command_id()
            return await unit.add(
                Grant(
                    id=await unit.take_ids(),
                    link_hash=digest(plain),
                    target_type=target_type,
                    target_id=target_id,
                    level=chosen,
                    expires_at=expires_at,
                    given_by=unit.actor.author_id,
                    created_at=now_ms(),
                )
            )

        return NewLink(await self._catalog.write("give_link", work), plain)

    async def revoke(self, id: int) -> None:
        """Take a grant or link back at once. Raises NotFound or Forbidden."""

        async def work(unit: Unit) -> None:
            # Seen first: who cannot see the object learns nothing of its grants.
            grant = await unit.one(Grant, id)
            unit.journal.summary = f"revoke a grant on {grant.target_type} {grant.target_id}"
            await unit.remove(Grant, id)

        await self._catalog.write("revoke_grant", work)

    async def of(self, target_type: str, target_ids: Sequence[int]) -> list[list[Grant]]:
        """Return the grants on each object, also ended ones. Two statements.

        Links are listed only to whoever may make some.
        """
        noun = _target(target_type)
        statement = (
            self._catalog.select(Grant)
            .where(
                _grant.target_type == target_type,
                self._catalog.members(_grant.target_id, set(target_ids)),
            )
            .order_by(_grant.id)
        )
        gathered: dict[int, list[Grant]] = {id: [] for id in target_ids}
        for grant in await self._catalog.all(Grant, statement):
            gathered[grant.target_id].append(grant)
        actor = self._catalog.actor
        targets: list[Any] = await self._catalog.by_ids(noun, target_ids)
        listed = []
        for target, id in zip(targets, target_ids, strict=True):
            shares = target is not None and (
                actor.can(target) & Can.SHARE or actor.projects.get(id) == GrantLevel.MANAGE
            )
            listed.append([one for one in gathered[id] if shares or one.link_hash is None])
        return listed

    async def _check_grantee(self, unit: Unit, user_id: int | None, group_id: int | None) -> None:
        if group_id is not None:
            await unit.one(Group, group_id)
        elif user_id is not None:
            person = await unit.one(User, user_id)
            if person.kind != UserKind.HUMAN.value:
                raise Conflict(f"User {user_id} is the account of a job; grant to its human.")


def _target(target_type: str) -> Any:
    if target_type not in LABELLED:
        raise Invalid("target_type", f"use one of {', '.join(LABELLED)}.")
    return LABELLED[target_type]


def checked_level(level: str) -> str:
    """Return the word of a level. Raises Invalid."""
    try:
        return GrantLevel(level).value
    except ValueError:
        known = ", ".join(one.value for one in GrantLevel)
        raise Invalid("level", f"there is no level {level!r}; use {known}.") from None


def check_end(expires_at: int | None) -> None:
    """Raise Invalid for an end that is past already."""
    if expires_at is not None and expires_at <= now_ms():
        raise Invalid("expires_at", "this moment is already past.")
