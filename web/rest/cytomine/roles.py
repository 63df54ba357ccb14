"""Roles of the hub, who holds which, groups, and who belongs to them.

Roles are kept by administrators who opened administration. The groups that the hub itself keeps are
not shown, for such clients know groups only as names for people.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.roles import require_self_or_administrator
from store.catalog import receipt
from store.errors import Conflict, Invalid, NotFound
from store.tables.people import (
    COMMONS_GROUP,
    SYSTEM_GROUP,
    USER_GROUP,
    Group,
    Membership,
    Role,
    UserRole,
)
from web.rest.cytomine import parameters, people_lists, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.users import group, held_role, membership, role
from web.rest.cytomine.resource import Answer, resource

HELD = domain("SecUserSecRole")
GROUP, MEMBERSHIP = domain("Group"), domain("UserGroup")
BUILT_IN = frozenset({SYSTEM_GROUP, USER_GROUP, COMMONS_GROUP})


# roles


async def roles(request: Request, hub: Hub) -> Answer:
    """List the four roles, the least first."""
    return sliced(request, list(Role), role)


async def one_role(request: Request, hub: Hub) -> Answer:
    """Return a role."""
    return role(_role(request.path_params["role"]))


def _role(id: int) -> Role:
    try:
        return Role(id)
    except ValueError:
        raise NotFound("role", id) from None


async def roles_of_user(request: Request, hub: Hub) -> Answer:
    """List the roles that an account holds, the least first; its own, or as administrator."""
    id = request.path_params["user"]
    return sliced(request, await _held(hub, id), held_role)


async def _held(hub: Hub, user_id: int) -> list[UserRole]:
    await hub.people.get(user_id)
    require_self_or_administrator(hub.actor, "read the roles of", user_id)
    return await hub.people.roles.rows(user_id)


async def _one_held(request: Request, hub: Hub) -> UserRole:
    wanted = _role(request.path_params["role"])
    for row in await _held(hub, request.path_params["user"]):
        if row.role == wanted:
            return row
    raise NotFound("role", wanted.value)


async def one_role_of_user(request: Request, hub: Hub) -> Answer:
    """Return that an account holds a role."""
    return held_role(await _one_held(request, hub))


async def give_role(request: Request, hub: Hub) -> Answer:
    """Give an account a role; for administrators, the highest one for its like."""
    id, given = request.path_params["user"], await parameters.object_of(request)
    wanted = _role(parameters.required(given, "role"))
    if parameters.whole(given, "user", id) != id:
        raise Invalid("user", "is another than the address names.")
    if any(row.role == wanted for row in await _held(hub, id)):
        raise Conflict(f"User {id} holds this role already.", noun="user", id=id)
    with receipt() as noted:
        await hub.people.roles.give(id, wanted)
    (row,) = [row for row in await _held(hub, id) if row.role == wanted]
    return done("Add", HELD, held_role(row), noted, f"Role {wanted.name} given to user {id}")


async def take_role(request: Request, hub: Hub) -> Answer:
    """Take a role from an account; for administrators, and never the last one's."""
    row = await _one_held(request, hub)
    with receipt() as noted:
        await hub.people.roles.take(row.user_id, Role(row.role))
    text = f"Role {Role(row.role).name} taken from user {row.user_id}"
    return done("Delete", HELD, held_role(row), noted, text)


async def define_role(request: Request, hub: Hub) -> Answer:
    """Make a role the highest of an account: higher ones go; for administrators."""
    id, wanted = request.path_params["user"], _role(request.path_params["role"])
    await _held(hub, id)
    with receipt() as noted:
        await hub.people.roles.define(id, wanted)
    (row,) = [row for row in await _held(hub, id) if row.role == wanted]
    text = f"Role {wanted.name} is the highest of user {id}"
    return done("Edit", HELD, held_role(row), noted, text)


# groups


async def groups(request: Request, hub: Hub) -> Answer:
    """List the groups, but for those that the hub keeps; ``withUser`` adds their members."""
    rows = [
        row
        for row in await hub.catalog.all(Group, hub.catalog.select(Group))
        if row.id not in BUILT_IN
    ]
    items = [group(row) for row in rows]
    if parameters.flag(request.query_params, "withUser"):
        joined = await hub.people.groups.members([row.id for row in rows])
        ids = sorted({one.user_id for there in joined for one in there})
        known = {one.id: one for one in await hub.people.by_ids(ids) if one is not None}
        for item, there in zip(items, joined, strict=True):
            item["users"] = [
                {"id": one.user_id, "username": known[one.user_id].username}
                for one in there
                if one.user_id in known and known[one.user_id].trashed_by is None
            ]
    given = request.query_params
    return search.page(given, search.found(given, items))


async def _group(hub: Hub, id: int) -> Group:
    if id in BUILT_IN:
        raise NotFound("group", id)
    return await hub.people.groups.get(id)


async def one_group(request: Request, hub: Hub) -> Answer:
    """Return a group."""
    return group(await _group(hub, request.path_params["group"]))


async def create_group(request: Request, hub: Hub) -> Answer:
    """Make a group, private to its members; for administrators. Its name is taken once."""
    given = await parameters.object_of(request)
    name = parameters.text(given, "name")
    if not name:
        raise Invalid("name", "is needed.")
    with receipt() as noted:
        made = await hub.people.groups.create(name)
    return done("Add", GROUP, group(made), noted, f"Group {made.id} ({made.name}) added")


async def change_group(request: Request, hub: Hub) -> Answer:
    """Change the name of a group; for administrators."""
    seen = await _group(hub, request.path_params["group"])
    name = parameters.text(await parameters.object_of(request), "name")
    with receipt() as noted:
        fields: dict[str, Any] = {} if name in (None, seen.name) else {"name": name}
        stored = await hub.people.groups.change(seen.id, **fields)
    return done("Edit", GROUP, group(stored), noted, f"Group {seen.id} ({stored.name}) edited")


async def delete_group(request: Request, hub: Hub) -> Answer:
    """Delete a group that holds nothing; for administrators."""
    seen = await _group(hub, request.path_params["group"])
    with receipt() as noted:
        await hub.people.groups.delete(seen.id)
    return done("Delete", GROUP, group(seen), noted, f"Group {seen.id} ({seen.name}) deleted")


async def users_of_group(request: Request, hub: Hub) -> Answer:
    """List the members of a group."""
    row = await _group(hub, request.path_params["group"])
    (there,) = await hub.people.groups.members([row.id])
    items = await people_lists.written(hub, [one.user_id for one in there])
    return people_lists.page(request, items)


async def groups_of_user(request: Request, hub: Hub) -> Answer:
    """List the groups that somebody belongs to."""
    return sliced(request, await _memberships(hub, request.path_params["user"]), membership)


async def _memberships(hub: Hub, user_id: int) -> list[Membership]:
    await hub.people.get(user_id)
    (there,) = await hub.people.groups.of_users([user_id])
    return [one for one in there if one.group_id not in BUILT_IN]


async def _one_membership(request: Request, hub: Hub) -> Membership:
    wanted = request.path_params["group"]
    for row in await _memberships(hub, request.path_params["user"]):
        if row.group_id == wanted:
            return row
    raise NotFound("group", wanted)


async def one_group_of_user(request: Request, hub: Hub) -> Answer:
    """Return that somebody belongs to a group."""
    return membership(await _one_membership(request, hub))


async def join_group(request: Request, hub: Hub) -> Answer:
    """Put somebody into a group; for its leaders and administrators."""
    id, given = request.path_params["user"], await parameters.object_of(request)
    row = await _group(hub, parameters.required(given, "group"))
    if any(one.group_id == row.id for one in await _memberships(hub, id)):
        raise Conflict(f"User {id} belongs to group {row.name} already.", noun="user", id=id)
    with receipt() as noted:
        made = await hub.people.groups.put_member(row.id, id)
    text = f"User {id} added to group {row.id} ({row.name})"
    return done("Add", MEMBERSHIP, membership(made), noted, text)


async def leave_group(request: Request, hub: Hub) -> Answer:
    """Take somebody out of a group; for its leaders and administrators."""
    row = await _one_membership(request, hub)
    with receipt() as noted:
        await hub.people.groups.remove_member(row.group_id, row.user_id)
    text = f"User {row.user_id} taken out of group {row.group_id}"
    return done("Delete", MEMBERSHIP, membership(row), noted, text)


ROUTES = [
    *resource("/api/role", get=roles),
    *resource("/api/role/{role:number}", get=one_role),
    *resource("/api/user/{user:number}/role", get=roles_of_user, post=give_role),
    *resource("/api/user/{user:number}/role/{role:number}", get=one_role_of_user, delete=take_role),
    *resource("/api/user/{user:number}/role/{role:number}/define", put=define_role),
    *resource("/api/group", get=groups, post=create_group),
    *resource("/api/group/{group:number}", get=one_group, put=change_group, delete=delete_group),
    *resource("/api/group/{group:number}/user", get=users_of_group),
    *resource("/api/user/{user:number}/group", get=groups_of_user, post=join_group),
    *resource(
        "/api/user/{user:number}/group/{group:number}", get=one_group_of_user, delete=leave_group
    ),
]
