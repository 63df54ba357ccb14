"""Loading an actor: who they are, and what each label is worth to them.

A label is one row per distinct (group, set of objects above a row that carry grants). What an actor
may do under a label follows from the group's level and the actor's grants, so it is worked out here
once per request; a list then needs one ``label_id IN (…)`` and a single object none at all.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import and_, or_, select
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
from store.tables.people import Group, Membership, User, UserRole
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
_ORDER = ("read", "annotate", "write", "manage")


async def load_actor(
    database: Database,
    user_id: int,
    *,
    scopes: Iterable[str] = (),
    read_only: bool = False,
    link_hash: str | None = None,
) -> Actor:
    """Return the actor of a user account.

    `scopes` are those of the token used: ``admin`` opens administration, ``read`` alone caps
    everything at reading. Raises `Unauthenticated` for an account that is gone or disabled.
    """
    granted_scopes = frozenset(scopes)
    async with database.reading() as connection:
        person = (
            await connection.execute(
                select(
                    _user.username, _user.enabled, _user.default_group_id, _user.admin_open_until
                ).where(_user.id == user_id, _user.trashed_by.is_(None))
            )
        ).first()
        if person is None or not person.enabled:
            raise Unauthenticated("This account does not exist any more or is disabled.")
        roles = set(
            await connection.scalars(select(_user_role.role).where(_user_role.user_id == user_id))
        )
        administrator = any(role >= ADMINISTRATOR for role in roles)
        open_session = (person.admin_open_until or 0) > now_ms()
        actor = Actor(
            user_id=user_id,
            username=person.username,
            default_group=person.default_group_id,
            administrator=administrator,
            full=administrator and (open_session or "admin" in granted_scopes),
            read_only=read_only or (bool(roles) and roles <= {GUEST}),
            scopes=granted_scopes,
        )
        actor = await _with_groups(connection, actor)
        return await _with_grants(database, connection, actor, link_hash)


async def load_link(database: Database, link_hash: str) -> Actor:
    """Return the actor of a secret link: nobody, with the grants of that link."""
    async with database.reading() as connection:
        return await _with_grants(database, connection, Actor.nobody(), link_hash)


async def _with_groups(connection: AsyncConnection, actor: Actor) -> Actor:
    rows = await connection.execute(
        select(_membership.group_id, _membership.leader, _group.level)
        .join(table(Group), _group.id == _membership.group_id)
        .where(_membership.user_id == actor.user_id)
    )
    groups = {row.group_id: Standing(row.level, row.leader) for row in rows}
    levels: dict[int, int] = {}
    if actor.administrator:
        levels = {
            row.id: row.level for row in await connection.execute(select(_group.id, _group.level))
        }
    return replace(actor, groups=groups, levels=levels)


async def _with_grants(
    database: Database, connection: AsyncConnection, actor: Actor, link_hash: str | None
) -> Actor:
    mine = [_grant.link_hash == link_hash] if link_hash else []
    if actor.user_id is not None:
        mine += [
            _grant.user_id == actor.user_id,
            _grant.grantee_group_id.in_(list(actor.groups)),
        ]
    if not mine:
        return actor
    live = or_(
        *(
            and_(
                _grant.target_type == name,
                _grant.target_id.in_(select(cols(noun).id).where(cols(noun).trashed_by.is_(None))),
            )
            for name, noun in _TARGETS.items()
        )
    )
    fresh = or_(_grant.expires_at.is_(None), _grant.expires_at > now_ms())
    grants: dict[int, str] = {}
    projects: dict[int, str] = {}
    for row in await connection.execute(
        select(_grant.target_type, _grant.target_id, _grant.level).where(or_(*mine), fresh, live)
    ):
        best = max(grants.get(row.target_id, "read"), row.level, key=_ORDER.index)
        grants[row.target_id] = best
        if row.target_type == "project":
            projects[row.target_id] = best
    storages = await _storages(connection, actor)
    actor = replace(actor, grants=grants, projects=projects, storages=storages)
    labels = await _labels(database, connection, actor)
    return replace(actor, labels=labels, hiding=await _hiding(connection, actor))


async def _storages(connection: AsyncConnection, actor: Actor) -> dict[int, str]:
    """Storages of others that the actor is a member of; the own one adds nothing to ownership."""
    rows = await connection.execute(
        select(_storage_member.storage_id, _storage_member.level)
        .join(table(Storage), _storage.id == _storage_member.storage_id)
        .where(
            _storage_member.user_id == actor.user_id,
            _storage_member.trashed_by.is_(None),
            _storage.trashed_by.is_(None),
            _storage.owner_id != actor.user_id,
        )
    )
    return {row.storage_id: row.level for row in rows}


async def _labels(database: Database, connection: AsyncConnection, actor: Actor) -> dict[int, Can]:
    if actor.full:
        return {}
    worth: dict[int, Can] = {}
    readable = [group for group in actor.groups if actor.in_group(group)]
    if readable:
        for row in await connection.execute(
            select(_label.id, _label.group_id).where(database.members(_label.group_id, readable))
        ):
            worth[row.id] = actor.in_group(row.group_id)
    objects = {*actor.grants, *actor.storages}
    if objects:
        for row in await connection.execute(
            select(_label_object.label_id, _label_object.object_id).where(
                database.members(_label_object.object_id, objects)
            )
        ):
            given = _given(actor, row.object_id)
            worth[row.label_id] = worth.get(row.label_id, Can.NOTHING) | actor.capped(given)
    return worth


def _given(actor: Actor, object_id: int) -> Can:
    if object_id in actor.grants:
        return GRANT[actor.grants[object_id]]
    return Can.READ | (Can.PLACE if actor.storages[object_id] == "write" else Can.NOTHING)


async def _hiding(connection: AsyncConnection, actor: Actor) -> tuple[HidingProject, ...]:
    if actor.sees_all:
        return ()
    rows = (
        await connection.execute(
            select(
                _project.id, _project.owner_id, _project.group_id, _project.label_id,
                _project.hide_members, _project.hide_managers,
            ).where(
                or_(_project.hide_members, _project.hide_managers),
                _project.trashed_by.is_(None),
            )
        )
    ).all()  # fmt: skip
    hiding = [row for row in rows if not actor.manages(row, row.id)]
    if not hiding:
        return ()
    managers: dict[int, list[int]] = {row.id: [row.owner_id] for row in hiding}
    for row in await connection.execute(
        select(_grant.target_id, _grant.user_id).where(
            _grant.target_type == "project", _grant.level == "manage",
            _grant.target_id.in_(list(managers)),
            _grant.user_id.is_not(None),
        )
    ):  # fmt: skip
        managers[row.target_id].append(row.user_id)
    return tuple(
        HidingProject(row.id, row.hide_members, row.hide_managers, tuple(managers[row.id]))
        for row in hiding
    )
