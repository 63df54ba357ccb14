"""Groups of users, who belongs to them, who leads them, and which is somebody's default.

Three groups are fixed: ``system`` (administrators, follows the role), ``user`` (every person, holds
no data) and ``commons`` (private, for whoever has no group). Their levels cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from adapters.filters import Filter, compiled
from adapters.roles import is_administrator, join
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables import ALL
from store.tables.access import Grant
from store.tables.columns import name_key
from store.tables.people import (
    COMMONS_GROUP,
    SYSTEM_GROUP,
    USER_GROUP,
    Group,
    GroupLevel,
    Membership,
    User,
    UserKind,
)
from store.unit import Impact, Unit, word

NAME_LENGTH = 255
MOST_CHANGES = 500  # of memberships, in one command
FIXED = (SYSTEM_GROUP, USER_GROUP, COMMONS_GROUP)
_FIELDS = frozenset({"name", "description", "level"})
_group = cols(Group)
_membership = cols(Membership)
_user = cols(User)


class Place(Enum):
    """What somebody is to be in a group."""

    NONE = "none"
    MEMBER = "member"
    LEADER = "leader"

    @property
    def leader(self) -> bool:
        """Whether it is the place of a leader."""
        return self is Place.LEADER


@dataclass(frozen=True, slots=True)
class MemberChange:
    """What somebody is to be in a group from now on."""

    group_id: int
    user_id: int
    place: Place


class Groups:
    """Verbs on groups and memberships."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, id: int) -> Group:
        """Return one group. Raises NotFound."""
        return await self._catalog.one(Group, id)

    async def by_ids(self, ids: Sequence[int]) -> list[Group | None]:
        """Return groups in the order of the ids; None for an unknown one. One statement."""
        return await self._catalog.by_ids(Group, ids)

    async def by_name(self, name: str) -> Group | None:
        """Return the group of a name, in any case of letters, or None."""
        found = await self._catalog.all(
            Group, self._catalog.select(Group).where(_group.name_key == name_key(name))
        )
        return found[0] if found else None

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Group]:
        """Return one page of groups."""
        return await self._catalog.page(Group, self._list(where), keyset)

    async def count(self, where: Filter | None = None) -> int:
        """Count groups under a filter."""
        return await self._catalog.count(self._list(where))

    def _list(self, where: Filter | None) -> Any:
        return self._catalog.select(Group).where(compiled(where, _group))

    async def of_users(self, user_ids: Sequence[int]) -> list[list[Membership]]:
        """Return the memberships of each user, by group id. One statement."""
        return await self._catalog.grouped(
            Membership, "user_id", user_ids, order=(_membership.group_id,)
        )

    async def members(self, group_ids: Sequence[int]) -> list[list[Membership]]:
        """Return the memberships of each group, by user id. One statement."""
        return await self._catalog.grouped(
            Membership, "group_id", group_ids, order=(_membership.user_id,)
        )

    async def leaders(self, group_ids: Sequence[int]) -> Sequence[Membership]:
        """Return the leading memberships of these groups. One statement."""
        return await self._catalog.all(
            Membership, self._members(group_ids).where(_membership.leader).order_by(_membership.id)
        )

    async def member_pages(
        self, group_ids: Sequence[int], keyset: Keyset
    ) -> dict[int, Page[Membership]]:
        """Return one page of memberships for each group, in one statement."""
        return await self._catalog.pages(
            Membership, self._members(group_ids), _membership.group_id, keyset
        )

    async def count_members(self, group_ids: Sequence[int]) -> dict[int, int]:
        """Count the members of each group, in one statement."""
        return await self._catalog.counts(self._members(group_ids), _membership.group_id)

    def _members(self, group_ids: Sequence[int]) -> Any:
        return self._catalog.select(Membership).where(
            self._catalog.members(_membership.group_id, set(group_ids))
        )

    async def create(
        self,
        name: str,
        *,
        description: str = "",
        level: int = GroupLevel.private,
        members: Iterable[int] = (),
        leaders: Iterable[int] = (),
    ) -> Group:
        """Make a group. Raises Forbidden for all but administrators, Conflict for a taken name."""
        title, openness = _checked_name(name), _checked_level(level)
        leading = dict.fromkeys(leaders)

        async def work(unit: Unit) -> Group:
            self._require_administrator("create", name)
            group = await unit.add(
                Group(
                    id=await unit.take_ids(),
                    created_at=now_ms(),
                    name=title,
                    name_key=name_key(title),
                    description=description,
                    level=openness,
                )
            )
            for user_id in dict.fromkeys([*leading, *members]):
                await self._person(unit, user_id)
                await join(unit, user_id, group.id, leader=user_id in leading)
            unit.journal.summary = f"create group {title}"
            return group

        return await self._catalog.write("create_group", work)

    async def change(self, id: int, *, expected: int | None = None, **fields: Any) -> Group:
        """Change name, description or level; fields left out stay.

        Raises Forbidden for all but administrators, Conflict for the fixed groups or a stale
        version.
        """
        unknown = fields.keys() - _FIELDS
        if unknown:
            raise Invalid(min(unknown), "a group has no such field to change.")
        after = dict(fields)
        if "name" in after:
            after["name"] = _checked_name(after["name"])
            after["name_key"] = name_key(after["name"])
        if "level" in after:
            after["level"] = _checked_level(after["level"])

        async def work(unit: Unit) -> Group:
            seen = await unit.one(Group, id)
            self._require_administrator("change", id)
            if id in FIXED and any(
                after.get(name, getattr(seen, name)) != getattr(seen, name)
                for name in ("name", "level")
            ):
                raise Conflict(
                    f"Group {seen.name} is built in; only its description can change.",
                    noun="group",
                    id=id,
                )
            unit.journal.summary = f"change group {seen.name}"
            return await unit.change(Group, id, expected=expected, **after)

        return await self._catalog.write("change_group", work)

    async def delete(self, id: int) -> Impact:
        """Put an empty group into the trash.

        Raises Conflict while anything lies in it, or while it is somebody's default group.
        """

        async def work(unit: Unit) -> Impact:
            group = await unit.one(Group, id)
            self._require_administrator("delete", id)
            if id in FIXED:
                raise Conflict(f"Group {group.name} is built in and stays.", noun="group", id=id)
            await self._refuse_used(unit, group)
            for row in await unit.all(Membership, _membership.group_id == id):
                await unit.remove(Membership, row.id)
            grant = cols(Grant)
            for given in await unit.scalars(select(grant.id).where(grant.grantee_group_id == id)):
                await unit.remove(Grant, given)
            unit.journal.summary = f"delete group {group.name}"
            return await unit.trash(Group, [id])

        return await self._catalog.write("delete_group", work)

    async def put_member(
        self, group_id: int, user_id: int, *, leader: bool | None = False
    ) -> Membership:
        """Make a person a member, as leader or plain; whoever is one already keeps the row.

        `leader` None leaves a member what they are and makes anybody else a plain one. Raises
        Forbidden unless the actor leads the group or is an administrator.
        """

        async def work(unit: Unit) -> Membership:
            return await self._put(unit, group_id, user_id, leader)

        return await self._catalog.write("put_member", work)

    async def remove_member(self, group_id: int, user_id: int) -> None:
        """Take a person out of a group; what they own there stays, out of their reach.

        Raises Conflict for `user`, `system` and a default group, Forbidden as `put_member`.
        """

        async def work(unit: Unit) -> None:
            await self._take_out(unit, group_id, user_id)

        await self._catalog.write("remove_member", work)

    async def change_members(self, changes: Sequence[MemberChange]) -> list[Membership]:
        """Let people into groups and take them out, in any number of groups, in one command.

        Changes are made in their order; whoever is what a change asks for stays it. Returns the
        memberships as they are now, without those taken out. Raises as `put_member` and
        `remove_member`, and then changes nothing; TooLarge beyond 500 changes.
        """
        if len(changes) > MOST_CHANGES:
            raise TooLarge(f"A list of {len(changes)} changes", MOST_CHANGES, "changes")

        async def work(unit: Unit) -> list[Membership]:
            for one in changes:
                if one.place is not Place.NONE:
                    await self._put(unit, one.group_id, one.user_id, one.place.leader)
                elif await self._membership(unit, one.group_id, one.user_id) is not None:
                    await self._take_out(unit, one.group_id, one.user_id)
                else:
                    self._require_lead("remove members from", one.group_id)
            unit.journal.summary = f"change {len(changes)} memberships"
            return [
                there
                for group_id, user_id in dict.fromkeys(
                    (one.group_id, one.user_id) for one in changes
                )
                if (there := await self._membership(unit, group_id, user_id)) is not None
            ]

        return await self._catalog.write("change_members", work)

    async def set_default(self, user_id: int, group_id: int) -> None:
        """Choose where a person's new objects go. By that person or an administrator.

        Raises Conflict if they are not a member, or for `system` and `user`, which hold no data.
        """

        async def work(unit: Unit) -> None:
            group = await unit.one(Group, group_id)
            person = await unit.one(User, user_id)
            if user_id != unit.actor.user_id:
                self._require_administrator("set as default", group_id)
            if group_id in (SYSTEM_GROUP, USER_GROUP):
                raise Conflict(f"Group {group.name} holds no data; choose another.")
            if await self._membership(unit, group_id, user_id) is None:
                raise Conflict(f"{person.username} is not a member of {group.name}.")
            unit.journal.summary = f"make {group.name} the default group of {person.username}"
            await unit.change(User, user_id, default_group_id=group_id)

        await self._catalog.write("set_default_group", work)

    # inside

    async def _put(
        self, unit: Unit, group_id: int, user_id: int, leader: bool | None
    ) -> Membership:
        group = await unit.one(Group, group_id)
        self._require_lead("add members to", group_id)
        if group_id == SYSTEM_GROUP:
            raise Conflict("Membership of system follows the role of administrator.")
        person = await self._person(unit, user_id)
        there = await self._membership(unit, group_id, user_id)
        if there is not None and leader in (None, there.leader):
            return there
        await unit.command_id()
        unit.journal.undoable = False
        role = "leader" if leader else "member"
        unit.journal.summary = f"make {person.username} {role} of {group.name}"
        if there is None:
            return await join(unit, user_id, group_id, leader=bool(leader))
        return await unit.change(Membership, there.id, leader=leader)

    async def _take_out(self, unit: Unit, group_id: int, user_id: int) -> None:
        group = await unit.one(Group, group_id)
        self._require_lead("remove members from", group_id)
        if group_id in (SYSTEM_GROUP, USER_GROUP):
            raise Conflict(f"Membership of {group.name} follows from the account itself.")
        there = await self._membership(unit, group_id, user_id)
        if there is None:
            raise NotFound("member", user_id)
        person = await unit.one(User, user_id)
        if person.default_group_id == group_id:
            raise Conflict(
                f"{group.name} is the default group of {person.username}; choose another "
                "default first.",
                noun="user",
                id=user_id,
            )
        unit.journal.summary = f"remove {person.username} from {group.name}"
        await unit.remove(Membership, there.id)

    async def _membership(self, unit: Unit, group_id: int, user_id: int) -> Membership | None:
        found = await unit.all(
            Membership, _membership.group_id == group_id, _membership.user_id == user_id
        )
        return found[0] if found else None

    async def _person(self, unit: Unit, user_id: int) -> User:
        person = await unit.one(User, user_id)
        if person.kind != UserKind.HUMAN.value:
            raise Conflict(f"User {user_id} is the account of a job; groups are for people.")
        return person

    async def _refuse_used(self, unit: Unit, group: Group) -> None:
        person = await unit.scalars(
            select(_user.id).where(_user.default_group_id == group.id, _user.trashed_by.is_(None))
        )
        if person:
            raise Conflict(
                f"{group.name} is the default group of user {person[0]}; choose another first.",
                noun="user",
                id=person[0],
            )
        for noun in _holding():
            held = cols(noun)
            found = await unit.scalars(select(held.id).where(held.group_id == group.id).limit(1))
            if found:
                raise Conflict(
                    f"{group.name} still holds {word(noun)} {found[0]}; move or purge it first.",
                    noun=word(noun),
                    id=found[0],
                )

    def _require_administrator(self, action: str, group: int | str) -> None:
        if not is_administrator(self._catalog.actor):
            raise Forbidden(action, "group", group, "only an administrator may.")

    def _require_lead(self, action: str, group_id: int) -> None:
        actor = self._catalog.actor
        standing = actor.groups.get(group_id)
        leads = standing is not None and standing.leader and not actor.read_only
        if not (is_administrator(actor) or leads):
            raise Forbidden(action, "group", group_id, "only its leaders may.")


def _holding() -> list[type[SQLModel]]:
    """Return the nouns whose rows lie in a group, in the trash or not."""
    return [noun for noun in ALL if {"owner_id", "group_id"} <= set(table(noun).c.keys())]


def _checked_name(name: str | None) -> str:
    title = (name or "").strip()
    if not title or len(title) > NAME_LENGTH or not title.isprintable():
        raise Invalid("name", f"use 1 to {NAME_LENGTH} printable characters.")
    return title


def _checked_level(level: int) -> int:
    try:
        return GroupLevel(level).value
    except ValueError:
        raise Invalid("level", f"there is no level {level}; use 0, 1, 2 or 3.") from None
