"""Storages, and who may use them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Conflict, Invalid
from web.rest.cytomine import parameters, people_lists, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.storages import storage
from web.rest.cytomine.resource import Answer, resource

STORAGE = domain("Storage")
OK = {"data": {"message": "OK"}}


async def storages(request: Request, hub: Hub) -> Answer:
    """List the caller's storages; with ``all``, every storage an administrator sees."""
    given = request.query_params
    everything = parameters.flag(given, "all") and hub.actor.full
    rows = await (hub.storages.all() if everything else hub.storages.mine())
    items = search.found(given, [storage(row) for row in rows], sort="id", order="asc")
    return search.page(given, items)


async def access(request: Request, hub: Hub) -> Answer:
    """List the caller's storages with what they may do there."""
    rows = await hub.storages.mine()
    items = [
        {
            "id": row.id,
            "name": row.name,
            "user": row.owner_id,
            "permission": "ADMINISTRATION"
            if row.owner_id == hub.actor.user_id
            else hub.actor.storages.get(row.id, "read").upper(),
        }
        for row in rows
    ]
    return sliced(request, items, lambda item: item)


async def one_storage(request: Request, hub: Hub) -> Answer:
    """Return a storage."""
    return storage(await hub.storages.get(request.path_params["id"]))


async def create(request: Request, hub: Hub) -> Answer:
    """Make a storage, for the caller unless ``user`` or ``userId`` is told."""
    given = await parameters.object_of(request)
    owner = parameters.whole(given, "user")
    if owner is None:
        owner = parameters.whole(given, "userId")
    name = _name(given)
    with receipt() as noted:
        made = await hub.storages.create(name, owner)
    return done("Add", STORAGE, storage(made), noted, f"Storage {made.id} ({made.name}) added")


async def change(request: Request, hub: Hub) -> Answer:
    """Rename a storage."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    with receipt() as noted:
        if given.get("name") is None:
            stored = await hub.storages.get(id)
        else:
            stored = await hub.storages.rename(id, _name(given))
    return done("Edit", STORAGE, storage(stored), noted, f"Storage {id} ({stored.name}) edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a storage that holds no files."""
    with receipt() as noted:
        try:
            gone = await hub.storages.delete(request.path_params["id"])
        except Conflict as error:
            raise Invalid("storage", error.message) from error
    return done("Delete", STORAGE, storage(gone), noted, f"Storage {gone.id} ({gone.name}) deleted")


def _name(given: Mapping[str, Any]) -> str:
    name = parameters.text(given, "name")
    if name is None or not name.strip():
        raise Invalid("name", "is needed.")
    return name


# members


async def members(request: Request, hub: Hub) -> Answer:
    """List the owner and the members of a storage."""
    ids = await hub.storages.members(request.path_params["id"])
    return people_lists.page(request, await people_lists.written(hub, ids))


async def admit(request: Request, hub: Hub) -> Answer:
    """Make somebody, or all of ``users``, members of a storage."""
    await hub.storages.admit(request.path_params["id"], _people(request))
    return OK


async def expel(request: Request, hub: Hub) -> Answer:
    """Take somebody, or all of ``users``, out of a storage; its owner stays."""
    try:
        await hub.storages.expel(request.path_params["id"], _people(request))
    except Conflict as error:
        raise Invalid("user", error.message) from error
    return OK


def _people(request: Request) -> list[int]:
    if "user" in request.path_params:
        return [request.path_params["user"]]
    found = parameters.ids(request.query_params, "users")
    if not found:
        raise Invalid("users", "is needed.")
    return found


async def statistics(request: Request, hub: Hub) -> Answer:
    """List how many files of which total size each member has in a storage."""
    shares = await hub.storages.shares(request.path_params["id"])
    people = {one["id"]: one for one in
              await people_lists.written(hub, [share.user_id for share in shares])}  # fmt: skip
    items = [
        {
            **people[share.user_id],
            "numberOfFiles": share.files,
            "totalSize": share.size,
        }
        for share in shares
        if share.user_id in people
    ]
    return people_lists.page(request, items)


ROUTES = [
    *resource("/api/storage", get=storages, post=create),
    *resource("/api/storage/access", get=access),
    *resource("/api/storage/{id:number}", get=one_storage, put=change, delete=delete),
    *resource("/api/storage/{id:number}/usersstats", get=statistics),
    *resource("/api/storage/{id:number}/user", get=members, post=admit, delete=expel),
    *resource("/api/storage/{id:number}/user/{user:number}", post=admit, delete=expel),
]
