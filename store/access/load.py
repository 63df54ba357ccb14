"""Loading an actor: who they are, and what each label is worth to them.

A label is one row per distinct (group, set of objects above a row that carry grants). What an actor
may do under a label follows from the group's level and the actor's grants, so it is worked out here
once per request; a list then needs one ``label_id IN (…)`` and a single object none at all. It
takes four statements, five for an administrator, however many groups, grants and labels there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    and_,
    cast,
    exists,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.capabilities import GRANT, Can
from store.actor import Actor, HidingProject, Standing
from store.clock import now_ms
from store.errors import Unauthenticated
from store.statement import cols, table
from store.tables.access import Grant, Label, LabelObject
from store.tables.containers import Dataset, Project
from store.tables.files import Storage, StorageMember
from store.tables.images import Image
from store.tables.jobs import Job
from store.tables.people import Group, Membership, User, UserKind, UserRole
from store.tables.screens import Plate, Screen

if TYPE_CHECKING:
    from store.engine import Database

GUEST, ADMINISTRATOR = 11, 13
_TARGETS: dict[str, type[SQLModel]] = {
    "project": Project, "dataset": Dataset, "image": Image, "screen": Screen, "plate": Plate,
}  # fmt: skip
_grant = cols(Grant)
_label_object = cols(LabelObject)
_label = cols(Label)
_project = cols(Project)
_storage = cols(Storage)
_storage_member = cols(StorageMember)
_group = cols(Group)
_membership = cols(Membership)
_user = cols(User)
_user_role = cols(UserRole)
_job = cols(Job)
_ORDER = ("read", "annotate", "write", "manage")


async def load_actor(
    database: Database,
    user_id: int,
    *,
    scopes: Iterable[str] = (),
    read_only: bool = False,
    link_hash: str | None = None,
    plain: bool = False,
) -> Actor:
    """Return the actor of a user account.

    `scopes` are those of the token used: ``admin`` opens administration, ``read`` alone caps
    everything at reading. `plain` takes an administrator for a plain user unless administration is
    open. The account of a job acts as its human and draws as itself. Raises `Unauthenticated` for
    an account that is gone or disabled.
    """
    granted_scopes = frozenset(scopes)

    async def ask(connection: AsyncConnection) -> Actor:
        actor = await _person(connection, user_id, granted_scopes)
        if plain and not actor.full:
            actor = replace(actor, administrator=False)
        actor = replace(actor, read_only=actor.read_only or read_only)
        return await _with_standing(database, connection, actor, link_hash)

    return await database.read(ask)


async def load_link(database: Database, link_hash: str) -> Actor:
    """Return the actor of a secret link: nobody, with the grants of that link."""

    async def ask(connection: AsyncConnection) -> Actor:
        return await _with_standing(database, connection, Actor.nobody(), link_hash)

    return await database.read(ask)


async def _person(connection: AsyncConnection, user_id: int, scopes: frozenset[str]) -> Actor:
    """Read account, highest role and memberships: one row per group, or one with none."""
    role = select(func.max(_user_role.role)).where(_user_role.user_id == user_id)
    rows = (
        await connection.execute(
            select(
                _user.username, _user.enabled, _user.default_group_id, _user.admin_open_until,
                _user.kind, _user.human_id, _user.job_id,
                role.scalar_subquery().label("role"),
                _group.id.label("group_id"), _group.level, _membership.leader,
            )
            .outerjoin(table(Membership), _membership.user_id == _user.id)
            .outerjoin(
                table(Group), (_group.id == _membership.group_id) & _group.trashed_by.is_(None)
            )
            .where(_user.id == user_id, _user.trashed_by.is_(None))
        )
    ).all()  # fmt: skip
    if not rows or not rows[0].enabled:
        raise Unauthenticated("This account does not exist any more or is disabled.")
    person = rows[0]
    if person.kind == UserKind.JOB.value and person.human_id is not None:
        human = await _person(connection, person.human_id, scopes)
        return replace(
            human, username=person.username, job_user_id=user_id, job_id=person.job_id,
            within=await _project_of(connection, person.job_id), administrator=False, full=False,
        )  # fmt: skip
    administrator = (person.role or 0) >= ADMINISTRATOR
    open_session = (person.admin_open_until or 0) > now_ms()
    return Actor(
        user_id=user_id,
        username=person.username,
        groups={
            row.group_id: Standing(row.level, row.leader)
            for row in rows
            if row.group_id is not None
        },
        default_group=person.default_group_id,
        administrator=administrator,
        full=administrator and (open_session or "admin" in scopes),
        read_only=person.role == GUEST,
        scopes=scopes,
    )


async def _project_of(connection: AsyncConnection, job_id: int | None) -> int:
    """Return the project of a live job; 0, which is none, for all others."""
    found = await connection.scalar(
        select(_job.project_id).where(_job.id == job_id, _job.trashed_by.is_(None))
    )
    return found or 0


async def _with_standing(
    database: Database, connection: AsyncConnection, actor: Actor, link_hash: str | None
) -> Actor:
    if actor.full:
        return actor
    if actor.administrator:
        levels = await connection.execute(select(_group.id, _group.level))
        actor = replace(actor, levels={row.id: row.level for row in levels})
    actor = await _with_grants(database, connection, actor, link_hash)
    actor = replace(actor, labels=await _labels(database, connection, actor))
    if actor.sees_all:
        return actor
    return replace(actor, hiding=await _hiding(connection, actor))


def _fresh() -> Any:
    return or_(_grant.expires_at.is_(None), _grant.expires_at > now_ms())


def _on_live_target() -> Any:
    return or_(
        *(
            and_(
                _grant.target_type == name,
                exists(
                    select(cols(noun).id).where(
                        cols(noun).id == _grant.target_id, cols(noun).trashed_by.is_(None)
                    )
                ),
            )
            for name, noun in _TARGETS.items()
        )
    )


async def _with_grants(
    database: Database, connection: AsyncConnection, actor: Actor, link_hash: str | None
) -> Actor:
    """Read grants on live objects, and memberships in storages of others, in one statement."""
    mine = [_grant.link_hash == link_hash] if link_hash else []
    if actor.user_id is not None:
        mine.append(_grant.user_id == actor.user_id)
        mine.append(database.members(_grant.grantee_group_id, actor.groups))
    if not mine:
        return actor
    granted = select(_grant.target_type, _grant.target_id, _grant.level).where(
        or_(*mine), _fresh(), _on_live_target()
    )
    # The own storage gives nothing that ownership of what lies in it does not.
    storages = (
        select(literal("storage"), _storage_member.storage_id, _storage_member.level)
        .join(table(Storage), _storage.id == _storage_member.storage_id)
        .where(
            _storage_member.user_id == actor.user_id,
            _storage_member.trashed_by.is_(None),
            _storage.trashed_by.is_(None),
            _storage.owner_id != actor.user_id,
        )
    )
    asked = granted if actor.user_id is None else union_all(granted, storages)
    best: dict[str, dict[int, str]] = defaultdict(dict)
    for kind, id, level in await connection.execute(asked):
        best[kind][id] = max(best[kind].get(id, "read"), level, key=_ORDER.index)
    lent = best.pop("storage", {})
    grants = {id: level for levels in best.values() for id, level in levels.items()}
    return replace(actor, grants=grants, projects=best.get("project", {}), storages=lent)


async def _labels(database: Database, connection: AsyncConnection, actor: Actor) -> dict[int, Can]:
    """Read what each label is worth: by its group, and by the objects it stands for."""
    asked = []
    # An administrator reads without labels; only what grants add to that counts.
    readable = [] if actor.administrator else [one for one in actor.groups if actor.in_group(one)]
    if readable:
        asked.append(
            select(_label.id, _label.group_id, cast(null(), BigInteger).label("object_id")).where(
                database.members(_label.group_id, readable)
            )
        )
    objects = {*actor.grants, *actor.storages}
    if objects:
        asked.append(
            select(_label_object.label_id, cast(null(), BigInteger), _label_object.object_id).where(
                database.members(_label_object.object_id, objects)
            )
        )
    worth: dict[int, Can] = defaultdict(lambda: Can.NOTHING)
    if asked:
        for label, group, object_id in await connection.execute(union_all(*asked)):
            given = _given(actor, object_id) if group is None else actor.in_group(group)
            worth[label] |= actor.capped(given)
    return dict(worth)


def _given(actor: Actor, object_id: int) -> Can:
    if object_id in actor.grants:
        return GRANT[actor.grants[object_id]]
    return Can.READ | (Can.PLACE if actor.storages[object_id] == "write" else Can.NOTHING)


async def _hiding(connection: AsyncConnection, actor: Actor) -> tuple[HidingProject, ...]:
    """Read the projects that hide layers from this actor, with their managers."""
    through = table(Membership).alias()
    rows = await connection.execute(
        select(
            _project.id, _project.owner_id, _project.group_id, _project.label_id,
            _project.hide_members, _project.hide_managers,
            func.coalesce(_grant.user_id, through.c.user_id).label("manager_id"),
        )
        .outerjoin(
            table(Grant),
            (_grant.target_id == _project.id) & (_grant.target_type == "project")
            & (_grant.level == "manage") & _fresh(),
        )
        .outerjoin(through, through.c.group_id == _grant.grantee_group_id)
        .where(
            or_(_project.hide_members, _project.hide_managers),
            _project.trashed_by.is_(None),
        )
    )  # fmt: skip
    hiding: dict[int, Any] = {}
    managers: dict[int, set[int]] = {}
    for row in rows:
        if not actor.oversees(row, row.id):
            hiding[row.id] = row
            managers.setdefault(row.id, {row.owner_id}).add(row.manager_id or row.owner_id)
    return tuple(
        HidingProject(row.id, row.hide_members, row.hide_managers, tuple(sorted(managers[row.id])))
        for row in hiding.values()
    )
