"""Which software a project offers to its members."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid, NotFound
from store.tables.containers import ProjectOperation
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each, sliced
from web.rest.cytomine.marshal.software import software_project
from web.rest.cytomine.resource import Answer, as_json, resource

LINK = domain("SoftwareProject")


async def _written(hub: Hub, links: Sequence[ProjectOperation]) -> list[dict[str, Any]]:
    operations = await hub.external.many(sorted({link.operation_id for link in links}))
    return [
        software_project(link, operations[link.operation_id])
        for link in links
        if link.operation_id in operations
    ]


async def listing(request: Request, hub: Hub) -> Answer:
    """List what the projects that the caller sees offer."""
    items = await _written(hub, await hub.project_operations.all())
    return sliced(request, items, lambda item: item)


async def of_project(request: Request, hub: Hub) -> Answer:
    """List what a project offers."""
    links = await hub.project_operations.of_project(request.path_params["id"])
    return sliced(request, await _written(hub, links), lambda item: item)


async def one(request: Request, hub: Hub) -> Answer:
    """Return one offer."""
    return await _one(hub, request.path_params["id"])


async def _one(hub: Hub, id: int) -> dict[str, Any]:
    found = await _written(hub, [await hub.project_operations.get(id)])
    if not found:
        raise NotFound("software of a project", id)
    return found[0]


async def create(request: Request, hub: Hub) -> Answer:
    """Offer a software in a project, or each of an array; for its managers."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda item: _created(hub, item), "softwareprojects")
        return as_json(answer, status)
    with receipt() as noted:
        id = await _created(hub, given)
    item = await _one(hub, id)
    text = f"Software {item['name']} added to project {item['project']}"
    return done("Add", LINK, item, noted, text, projectID=item["project"])


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    made = await hub.project_operations.offer(
        parameters.required(given, "project"), parameters.required(given, "software")
    )
    return made.id


async def delete(request: Request, hub: Hub) -> Answer:
    """Offer a software in a project no longer."""
    item = await _one(hub, request.path_params["id"])
    with receipt() as noted:
        await hub.project_operations.withdraw(item["id"])
    text = f"Software {item['name']} taken from project {item['project']}"
    return done("Delete", LINK, item, noted, text, projectID=item["project"])


ROUTES = [
    *resource("/api/softwareproject", get=listing, post=create),
    *resource("/api/softwareproject/{id:number}", get=one, delete=delete),
    *resource("/api/project/{id:number}/softwareproject", get=of_project),
]
