"""Roles in the whole hub: guest, user, administrator, super-administrator.

A role is the only thing that makes an administrator; membership of the group ``system`` follows it
in the same unit of work, since clients look there. The hub never loses its last administrator.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select

from adapters.tokens import Scope
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Conflict, Forbidden
from store.statement import cols, table
from store.tables.people import SYSTEM_GROUP, Membership, Role, User, UserKind, UserRole
from store.unit import Unit

_user = cols(User)
_role = cols(UserRole)
_membership = cols(Membership)


class Roles:
    """Who holds which role."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of(self, user_ids: Sequence[int]) -> list[list[Role]]:
        """Return the roles of each account, lowest first. One statement."""
        found = await self._catalog.grouped(
            UserRole, "user_id", user_ids, order=(_role.user_id, _role.role)
        )
        return [[Role(row.role) for row in rows] for rows in found]

    async def rows(self, user_id: int) -> list[UserRole]:
        """Return the rows of the roles that an account holds, lowest first."""
        (found,) = await self._catalog.grouped(UserRole, "user_id", [user_id], order=(_role.role,))
        return found

    async def give(self, user_id: int, role: Role) -> None:
        """Give a role; one already held is left as it is.

        Raises Forbidden for all but administrators; super-administrators are made by their like.
        """

        async def work(unit: Unit) -> None:
            await self._authorise(unit, user_id, [role])
            held = await roles_of(unit, user_id)
            if role not in held:
                await add_roles(unit, user_id, [role])
                await _follow(unit, user_id, {*held, role})
                await _sign(unit, f"give user {user_id} the role {role.name}")

        await self._catalog.write("give_role", work)

    async def take(self, user_id: int, role: Role) -> None:
        """Take a role away. Raises Conflict for the last administrator's."""

        async def work(unit: Unit) -> None:
            await self._authorise(unit, user_id, [role], going=[role])
            await self._take(unit, user_id, [role])
            await _sign(unit, f"take from user {user_id} the role {role.name}")

        await self._catalog.write("take_role", work)

    async def define(self, user_id: int, role: Role) -> None:
        """Make `role` the highest role of an account: lower ones stay, higher ones go."""

        async def work(unit: Unit) -> None:
            higher = [one for one in Role if one > role]
            held = await roles_of(unit, user_id)
            touched = [role, *(one for one in higher if one in held)]
            await self._authorise(unit, user_id, touched, going=higher)
            if role not in held:
                await add_roles(unit, user_id, [role])
                await _follow(unit, user_id, {*held, role})
            await self._take(unit, user_id, higher)
            await _sign(unit, f"make {role.name} the highest role of user {user_id}")

        await self._catalog.write("define_role", work)

    async def _authorise(
        self, unit: Unit, user_id: int, roles: Iterable[Role], going: Sequence[Role] = ()
    ) -> None:
        require_administrator(unit.actor, "change the roles of", user_id)
        if going:
            await keep_administrators(unit, self._catalog, user_id, going)
        person = await unit.one(User, user_id)
        if person.kind != UserKind.HUMAN.value:
            raise Conflict(f"User {user_id} is the account of a job; roles are for people.")
        if Role.super_admin in roles:
            await require_super(unit, "change the role super_admin of", user_id)

    async def _take(self, unit: Unit, user_id: int, roles: Sequence[Role]) -> None:
        held = await unit.all(UserRole, _role.user_id == user_id)
        for row in held:
            if row.role in roles:
                await unit.remove(UserRole, row.id)
        await _follow(unit, user_id, {Role(row.role) for row in held} - set(roles))


def is_administrator(actor: Actor) -> bool:
    """Whether an actor may administer people: not by a token without the scope `admin`."""
    allowed = actor.full or actor.administrator
    return allowed and not actor.read_only and (not actor.scopes or Scope.ADMIN in actor.scopes)


def require_administrator(actor: Actor, action: str, user_id: int | str) -> None:
    """Raise Forbidden unless the actor may administer people."""
    if not is_administrator(actor):
        raise Forbidden(action, "user", user_id, "only an administrator may.")


def require_self_or_administrator(actor: Actor, action: str, user_id: int) -> None:
    """Raise Forbidden unless the account is the actor's own or theirs to administer."""
    if actor.user_id != user_id and not is_administrator(actor):
        raise Forbidden(action, "user", user_id, "only that person or an administrator may.")


async def require_super(unit: Unit, action: str, user_id: int) -> None:
    """Raise Forbidden unless the actor is a super-administrator or the hub itself."""
    actor = unit.actor
    if actor.full and actor.user_id is None:
        return
    if actor.user_id is None or Role.super_admin not in await roles_of(unit, actor.user_id):
        raise Forbidden(action, "user", user_id, "only a super-administrator may.")


async def require_rank(unit: Unit, action: str, user_id: int) -> None:
    """Raise Forbidden if an administrator reaches for the account of a super-administrator."""
    if unit.actor.user_id != user_id and Role.super_admin in await roles_of(unit, user_id):
        await require_super(unit, action, user_id)


async def roles_of(unit: Unit, user_id: int) -> set[Role]:
    """Return the roles an account holds."""
    return {Role(row.role) for row in await unit.all(UserRole, _role.user_id == user_id)}


async def add_roles(unit: Unit, user_id: int, roles: Iterable[Role]) -> None:
    """Insert roles that an account does not hold yet."""
    for role in roles:
        await unit.add(UserRole(id=await unit.take_ids(), user_id=user_id, role=role.value))


async def keep_administrators(
    unit: Unit, catalog: Catalog, user_id: int, roles: Iterable[Role] | None = None
) -> None:
    """Raise Conflict if without these roles of an account (all: None) nobody could administer.

    Locks every such role until the unit ends, or two administrators could remove each other. Call
    it before any account is locked, or the two would wait for one another.
    """
    statement = (
        select(_role.user_id, _role.role)
        .join(table(User), _user.id == _role.user_id)
        .where(_role.role >= Role.admin.value, _user.enabled, _user.trashed_by.is_(None))
        .order_by(_role.id)
    )
    held = await unit.rows(catalog.database.for_update(statement))
    going = set(Role) if roles is None else set(roles)
    if not any(row.user_id == user_id and row.role in going for row in held):
        return
    left = [row.role for row in held if row.user_id != user_id or row.role not in going]
    for rank in (Role.super_admin, Role.admin):
        before = any(row.role >= rank for row in held)
        if before and not any(role >= rank for role in left):
            title = "super-administrator" if rank is Role.super_admin else "administrator"
            raise Conflict(
                f"User {user_id} is the last {title}; make somebody else one first.",
                noun="user",
                id=user_id,
            )


async def _follow(unit: Unit, user_id: int, roles: Iterable[Role]) -> None:
    """Make membership of the group ``system`` agree with the roles."""
    there = await unit.all(
        Membership, _membership.user_id == user_id, _membership.group_id == SYSTEM_GROUP
    )
    wanted = any(role >= Role.admin for role in roles)
    if wanted and not there:
        await join(unit, user_id, SYSTEM_GROUP)
    for row in there:
        if not wanted:
            await unit.remove(Membership, row.id)


async def join(unit: Unit, user_id: int, group_id: int, *, leader: bool = False) -> Membership:
    """Insert a membership."""
    return await unit.add(
        Membership(id=await unit.take_ids(), user_id=user_id, group_id=group_id, leader=leader)
    )


async def _sign(unit: Unit, summary: str) -> None:
    """Put a change of memberships or roles into history; it is taken back by hand, not by undo."""
    await unit.command_id()
    unit.journal.undoable = False
    unit.journal.summary = summary
