"""Descriptions: one per object, HTML that is kept as it came; other clients see its text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Forbidden, Invalid
from web.rest.cytomine import parameters, subjects
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.metadata import description
from web.rest.cytomine.resource import Answer, resource

DESCRIPTION = domain("Description")


async def descriptions(request: Request, hub: Hub) -> Answer:
    """List every description; for administrators with an open session."""
    if not hub.actor.full:
        raise Forbidden("list", "descriptions", "of everybody")
    rows = await hub.descriptions.everywhere()
    on = await subjects.plain(hub, {(row.noun, row.object_id) for row in rows})
    shown = [row for row in rows if (row.noun, row.object_id) in on]
    return sliced(request, shown, lambda row: description(row, on[row.noun, row.object_id].written))


async def one(request: Request, hub: Hub) -> Answer:
    """Return the description of an object; 404 if there is none."""
    on = await subjects.of_path(request, hub)
    return description(await hub.descriptions.get(*on.target), on.written)


async def create(request: Request, hub: Hub) -> Answer:
    """Describe an object; a second description is a conflict."""
    on = await subjects.of_path(request, hub)
    text = _data(await parameters.object_of(request))
    with receipt() as noted:
        made = await hub.descriptions.add(*on.target, text)
    item = description(made, on.written)
    return done("Add", DESCRIPTION, item, noted, f"Description {made.id} added")


async def change(request: Request, hub: Hub) -> Answer:
    """Change the description of an object; left out, it stays."""
    on = await subjects.of_path(request, hub)
    given = await parameters.object_of(request)
    with receipt() as noted:
        if given.get("data") is None:
            stored = await hub.descriptions.get(*on.target)
        else:
            stored = await hub.descriptions.change(*on.target, _data(given))
    item = description(stored, on.written)
    return done("Edit", DESCRIPTION, item, noted, f"Description {stored.id} edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Take the description off an object."""
    on = await subjects.of_path(request, hub)
    with receipt() as noted:
        gone = await hub.descriptions.remove(*on.target)
    item = description(gone, on.written)
    return done("Delete", DESCRIPTION, item, noted, f"Description {gone.id} deleted")


def _data(given: Mapping[str, Any]) -> str:
    text = parameters.text(given, "data")
    if text is None:
        raise Invalid("data", "is needed.")
    return text


ROUTES = [
    *resource("/api/description", get=descriptions),
    *resource(
        "/api/domain/{domain}/{ident:number}/description",
        get=one,
        post=create,
        put=change,
        delete=delete,
    ),
]
