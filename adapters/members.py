"""Members of projects: the owner, and whoever a grant lets in, by name or with a group.

A manager holds the grant ``manage``, a member ``annotate``; the owner needs none and cannot be
removed. A project always has somebody to ask: its representatives, of whom one is left to the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sqlalchemy import or_, select

from adapters.layers import represented_by
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden
from store.statement import cols, table
from store.tables.access import Grant, GrantLevel
from store.tables.containers import Project
from store.tables.people import Membership, User, UserKind
from store.unit import Unit

_grant, _membership, _user, _project = cols(Grant), cols(Membership), cols(User), cols(Project)


class Standing(IntEnum):
    """What somebody is in a project, the most last."""

    READER = 1
    MEMBER = 2
    MANAGER = 3
    OWNER = 4


STANDING: Mapping[str, Standing] = {
    GrantLevel.READ: Standing.READER,
    GrantLevel.ANNOTATE: Standing.MEMBER,
    GrantLevel.WRITE: Standing.MEMBER,
    GrantLevel.MANAGE: Standing.MANAGER,
}


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a project; `by_group` if only a group let them in."""

    user_id: int
    standing: Standing
    by_group: bool = False

    @property
    def manages(self) -> bool:
        """Whether members and settings are theirs to change."""
        return self.standing >= Standing.MANAGER


class Members:
    """Verbs on the members of projects. Changing them needs a manager."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of(self, project_ids: Sequence[int]) -> dict[int, list[Member]]:
        """Return the members of each project that the actor sees, by user id. Three statements."""
        wanted = list(dict.fromkeys(project_ids))
        projects = await self._catalog.by_ids(Project, wanted)
        owners = {one.id: one.owner_id for one in projects if one is not None}
        grants = await self._catalog.all(
            Grant,
            self._catalog.select(Grant).where(
                self._catalog.members(_grant.target_id, owners), *_letting_in()
            ),
        )
        groups = {one.grantee_group_id for one in grants} - {None}
        joined: dict[int, list[int]] = {}
        if groups:
            for row in await self._catalog.all(
                Membership,
                self._catalog.select(Membership).where(
                    self._catalog.members(_membership.group_id, [id for id in groups if id])
                ),
            ):
                joined.setdefault(row.group_id, []).append(row.user_id)
        return {id: _gathered(id, owner, grants, joined) for id, owner in owners.items()}

    async def projects_of(self, user_id: int) -> dict[int, Standing]:
        """Return what somebody is in each project that the actor sees. Three statements."""
        groups = await self._catalog.all(
            Membership, self._catalog.select(Membership).where(_membership.user_id == user_id)
        )
        mine = or_(
            _grant.user_id == user_id,
            self._catalog.members(_grant.grantee_group_id, [one.group_id for one in groups]),
        )
        grants = await self._catalog.rows(
            select(_grant.target_id, _grant.level)
            .join(table(Project), _project.id == _grant.target_id)
            .where(mine, *_letting_in())
        )
        found: dict[int, Standing] = {}
        for id, level in grants:
            found[id] = max(found.get(id, Standing.READER), STANDING[level])
        owned = await self._catalog.rows(select(_project.id).where(_project.owner_id == user_id))
        return found | {row.id: Standing.OWNER for row in owned}

    async def add(self, project_id: int, user_ids: Iterable[int], *, manager: bool = False) -> None:
        """Let people in, as members or managers; nobody is made less than they are.

        Raises Forbidden unless the actor manages the project, NotFound, Conflict for the account
        of a job.
        """
        wanted = list(dict.fromkeys(user_ids))
        standing = Standing.MANAGER if manager else Standing.MEMBER

        async def work(unit: Unit) -> None:
            project = await managed(unit, project_id, "add people to")
            people = await humans(unit, wanted)
            await admit(unit, project, wanted, standing)
            title = "managers of" if manager else "members of"
            unit.journal.summary = f"make {_names(people)} {title} project {project.name}"

        await self._catalog.write("add_members", work)

    async def remove(self, project_id: int, user_ids: Iterable[int]) -> None:
        """Take people out; what they drew stays. Who is not in it stays out.

        Raises Forbidden unless the actor manages the project, Conflict for the owner and for
        somebody whom a group lets in.
        """
        wanted = list(dict.fromkeys(user_ids))

        async def work(unit: Unit) -> None:
            project = await managed(unit, project_id, "take people out of")
            people = await humans(unit, wanted)
            await expel(unit, project, wanted)
            unit.journal.summary = f"take {_names(people)} out of project {project.name}"

        await self._catalog.write("remove_members", work)

    async def demote(self, project_id: int, user_ids: Iterable[int]) -> None:
        """Make managers plain members; others stay what they are. Raises as `remove`."""
        wanted = list(dict.fromkeys(user_ids))

        async def work(unit: Unit) -> None:
            project = await managed(unit, project_id, "change the managers of")
            people = await humans(unit, wanted)
            refuse_owner(project, wanted)
            for grant in (await _granted(unit, project_id, wanted)).values():
                if grant.level == GrantLevel.MANAGE:
                    await unit.change(Grant, grant.id, level=GrantLevel.ANNOTATE.value)
            unit.journal.summary = f"make {_names(people)} plain members of project {project.name}"

        await self._catalog.write("demote_members", work)


async def managed(unit: Unit, project_id: int, action: str) -> Project:
    """Return a project, locked. Raises Forbidden unless the actor manages it."""
    project = await unit.one(Project, project_id)
    if not unit.actor.manages(project, project_id):
        raise Forbidden(action, "project", project_id, "only its managers may.")
    return project


async def humans(unit: Unit, user_ids: Sequence[int]) -> list[User]:
    """Return accounts of people. Raises NotFound, Conflict for the account of a job."""
    found = []
    for id in user_ids:
        person = await unit.one(User, id)
        if person.kind != UserKind.HUMAN.value:
            raise Conflict(f"User {id} is the account of a job; let in its human.")
        found.append(person)
    return found


async def admit(unit: Unit, project: Project, user_ids: Sequence[int], standing: Standing) -> None:
    """Give people at least a standing in a project; who may do so was settled."""
    level = GrantLevel.MANAGE if standing >= Standing.MANAGER else GrantLevel.ANNOTATE
    there = await _granted(unit, project.id, user_ids)
    for id in user_ids:
        if id == project.owner_id:
            continue
        grant = there.get(id)
        if grant is None:
            await unit.add(
                Grant(
                    user_id=id, target_type="project", target_id=project.id, level=level.value,
                    given_by=unit.actor.author_id, created_at=now_ms(),
                )
            )  # fmt: skip
        else:
            kept = max(STANDING[grant.level], STANDING[level])
            chosen = grant.level if STANDING[grant.level] == kept else level.value
            await unit.change(Grant, grant.id, level=chosen, expires_at=None)


async def expel(unit: Unit, project: Project, user_ids: Sequence[int]) -> None:
    """Take people out of a project, and from those to ask about it."""
    refuse_owner(project, user_ids)
    there = await _granted(unit, project.id, user_ids)
    await unit.remove_many(Grant, [grant.id for grant in there.values()])
    for group in await unit.all(
        Grant, _grant.target_id == project.id, _grant.grantee_group_id.is_not(None), *_letting_in()
    ):
        held = await unit.scalars(
            select(_membership.user_id).where(
                _membership.group_id == group.grantee_group_id,
                unit.members(_membership.user_id, user_ids),
            )
        )
        if held:
            raise Conflict(
                f"User {held[0]} is let in by group {group.grantee_group_id}; take the group out "
                "instead.",
                noun="user", id=held[0],
            )  # fmt: skip
    await represented_by(unit, project, without=user_ids)


async def set_members(
    unit: Unit, project: Project, members: Sequence[int] | None, managers: Sequence[int] | None
) -> None:
    """Make these the members and the managers of a project; None leaves that list as it is."""
    there = {
        one.user_id: one
        for one in await unit.all(
            Grant, _grant.target_id == project.id, _grant.user_id.is_not(None), *_letting_in()
        )
        if one.user_id is not None
    }
    leading = {id for id, one in there.items() if one.level == GrantLevel.MANAGE}
    wanted = leading if managers is None else set(managers) - {project.owner_id}
    plain = there.keys() - leading if members is None else set(members) - {project.owner_id}
    await humans(unit, sorted(wanted | plain))
    gone = sorted(there.keys() - wanted - plain)
    if gone:
        await expel(unit, project, gone)
    for id in sorted((leading - wanted) & plain):
        await unit.change(Grant, there[id].id, level=GrantLevel.ANNOTATE.value)
    await admit(unit, project, sorted(plain - wanted - there.keys()), Standing.MEMBER)
    await admit(unit, project, sorted(wanted - leading), Standing.MANAGER)


def refuse_owner(project: Project, user_ids: Sequence[int]) -> None:
    """Raise Conflict if the owner is among these."""
    if project.owner_id in user_ids:
        raise Conflict(
            f"User {project.owner_id} owns project {project.name} and stays its manager.",
            noun="user", id=project.owner_id,
        )  # fmt: skip


def _letting_in() -> tuple[Any, ...]:
    fresh = or_(_grant.expires_at.is_(None), _grant.expires_at > now_ms())
    return _grant.target_type == "project", _grant.link_hash.is_(None), fresh


async def _granted(unit: Unit, project_id: int, user_ids: Sequence[int]) -> dict[int, Grant]:
    """Return what these people were granted by name on a project, also what has ended."""
    found = await unit.all(
        Grant,
        _grant.target_type == "project",
        _grant.target_id == project_id,
        unit.members(_grant.user_id, user_ids),
    )
    return {one.user_id: one for one in found if one.user_id is not None}


def _gathered(
    project_id: int, owner: int, grants: Sequence[Grant], joined: Mapping[int, Sequence[int]]
) -> list[Member]:
    best = {owner: Member(owner, Standing.OWNER)}
    named = sorted(
        (one for one in grants if one.target_id == project_id), key=lambda one: one.user_id is None
    )
    for grant in named:
        standing, by_group = STANDING[grant.level], grant.user_id is None
        people = joined.get(grant.grantee_group_id or 0, []) if by_group else [grant.user_id or 0]
        for id in people:
            known = best.get(id)
            if known is None or known.standing < standing:
                best[id] = Member(id, standing, known.by_group if known else by_group)
    return [best[id] for id in sorted(best)]


def _names(people: Sequence[User]) -> str:
    names = [one.username for one in people[:3]]
    more = len(people) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")
