"""Access lists: what somebody holds on one object, given and taken object by object.

On a project they are its members and managers, on an image a grant to look or to draw; other
classes follow from the project or the storage they lie in and have no list of their own.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.errors import Forbidden, Invalid
from store.tables.access import GrantLevel
from store.tables.containers import Placement, Project
from store.tables.images import Image
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import Domain, named
from web.rest.cytomine.members import owner_stays
from web.rest.cytomine.resource import Answer, resource

READ, WRITE, ADMINISTRATION = 1, 2, 16
_WORDS = {"READ": READ, "WRITE": WRITE, "ADMIN": ADMINISTRATION, "ADMINISTRATION": ADMINISTRATION}
_MASKS: dict[str, list[int]] = {
    GrantLevel.READ: [READ],
    GrantLevel.ANNOTATE: [READ],
    GrantLevel.WRITE: [READ, WRITE],
    GrantLevel.MANAGE: [READ, ADMINISTRATION],
}


async def _target(request: Request, hub: Hub) -> tuple[str, int]:
    """Return what is meant: a project or an image. Raises Invalid for what has no list."""
    kind: Domain = named(request.path_params["domain"])
    id: int = request.path_params["id"]
    if kind.target == "project":
        await hub.catalog.one(Project, id)
        return "project", id
    if kind.name == "ImageInstance":
        return "image", (await hub.catalog.one(Placement, id)).image_id
    if kind.name == "AbstractImage":
        return "image", (await hub.catalog.one(Image, id)).id
    raise Invalid("domainClassName", f"{kind.name} has no access list of its own.")


async def held(request: Request, hub: Hub) -> Answer:
    """List what somebody holds on a project or an image: 1 reading, 2 writing, 16 managing."""
    kind, id = await _target(request, hub)
    await hub.people.get(request.path_params["user"])
    return await _masks(hub, kind, id, request.path_params["user"])


async def _masks(hub: Hub, kind: str, id: int, user_id: int) -> list[int]:
    row: Any = await hub.catalog.one(Project if kind == "project" else Image, id)
    if row.owner_id == user_id:
        return [READ, ADMINISTRATION]
    (grants,) = await hub.people.grants.of(kind, [id])
    return [mask for one in grants if one.user_id == user_id for mask in _MASKS[one.level]]


async def give(request: Request, hub: Hub) -> Answer:
    """Let somebody in to a project or an image: ``auth`` is READ, WRITE or ADMIN."""
    kind, id = await _target(request, hub)
    user_id: int = request.path_params["user"]
    mask = await _asked(request)
    if kind == "project":
        await hub.members.add(id, [user_id], manager=mask == ADMINISTRATION)
    else:
        level = {READ: GrantLevel.ANNOTATE, WRITE: GrantLevel.WRITE}.get(mask, GrantLevel.MANAGE)
        await hub.people.grants.give(kind, id, level, user_id=user_id)
    return await _masks(hub, kind, id, user_id)


async def take(request: Request, hub: Hub) -> Answer:
    """Take back what somebody holds: managing with ``auth=ADMIN``, else everything."""
    kind, id = await _target(request, hub)
    user_id: int = request.path_params["user"]
    mask = await _asked(request)
    if kind == "project":
        with owner_stays():
            verb = hub.members.demote if mask == ADMINISTRATION else hub.members.remove
            await verb(id, [user_id])
        return await _masks(hub, kind, id, user_id)
    (grants,) = await hub.people.grants.of(kind, [id])
    mine = [one for one in grants if one.user_id == user_id]
    if not mine:
        raise Forbidden("take from", "user", user_id, "nothing was given to them by name.")
    for one in mine:
        await hub.people.grants.revoke(one.id)
    return await _masks(hub, kind, id, user_id)


async def _asked(request: Request) -> int:
    given = request.query_params.get("auth")
    if given is None:
        given = parameters.text(await parameters.object_of(request), "auth") or "READ"
    if given.upper() not in _WORDS:
        raise Invalid("auth", f"is one of {', '.join(_WORDS)}.")
    return _WORDS[given.upper()]


ROUTES = [
    *resource(
        "/api/domain/{domain}/{id:number}/user/{user:number}", get=held, post=give, delete=take
    ),
]
