"""Tags, and what they are put on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.tags import Tagging
from store.catalog import receipt
from store.errors import Invalid, NotFound
from web.rest.cytomine import parameters, search, subjects
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each, sliced
from web.rest.cytomine.marshal.metadata import tag, tagging
from web.rest.cytomine.resource import Answer, as_json, resource
from web.rest.cytomine.subjects import Subject

TAG, ASSOCIATION = domain("Tag"), domain("TagDomainAssociation")


async def _written(hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Write tags with the names of their makers; one statement more."""
    owners = sorted({row.owner_id for row in rows})
    people = await hub.people.by_ids(owners) if owners else []
    names = {one.id: one.username for one in people if one is not None}
    return [tag(row, names.get(row.owner_id)) for row in rows]


async def tags(request: Request, hub: Hub) -> Answer:
    """List the tags that the caller reads."""
    given = request.query_params
    return search.page(given, search.found(given, await _written(hub, await hub.tags.all())))


async def one_tag(request: Request, hub: Hub) -> Answer:
    """Return a tag."""
    (item,) = await _written(hub, [await hub.tags.get(request.path_params["id"])])
    return item


async def create(request: Request, hub: Hub) -> Answer:
    """Make a tag, or each of an array; a name that is there is a conflict."""
    given = await parameters.json_of(request)
    if isinstance(given, list):

        async def add(item: Any) -> int:
            return (await hub.tags.create(_name(item))).id

        answer, status = await each(given, add, "tags")
        return as_json(answer, status)
    with receipt() as noted:
        made = await hub.tags.create(_name(given))
    (item,) = await _written(hub, [made])
    return done("Add", TAG, item, noted, f"Tag {made.id} ({made.text}) added")


async def change(request: Request, hub: Hub) -> Answer:
    """Rename a tag."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    with receipt() as noted:
        if given.get("name") is None:
            stored = await hub.tags.get(id)
        else:
            stored = await hub.tags.rename(id, _name(given))
    (item,) = await _written(hub, [stored])
    return done("Edit", TAG, item, noted, f"Tag {id} ({stored.text}) edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a tag, also from everything it is on."""
    seen = await hub.tags.get(request.path_params["id"])
    (item,) = await _written(hub, [seen])
    with receipt() as noted:
        await hub.tags.delete(seen.id)
    return done("Delete", TAG, item, noted, f"Tag {seen.id} ({seen.text}) deleted")


def _name(given: Any) -> str:
    if not isinstance(given, Mapping):
        raise Invalid("body", "a JSON object is needed.")
    name = parameters.text(given, "name")
    if name is None or not name.strip():
        raise Invalid("name", "is needed.")
    return name


# on objects


async def associations(request: Request, hub: Hub) -> Answer:
    """List the tags on everything that the caller sees."""
    rows = await hub.tags.everywhere()
    on = await subjects.plain(hub, {row.target for row in rows})
    shown = [row for row in rows if row.target in on]
    return sliced(request, shown, lambda row: tagging(row, on[row.target].written))


async def on_object(request: Request, hub: Hub) -> Answer:
    """List the tags on an object."""
    on = await subjects.of_path(request, hub)
    rows = (await hub.tags.on([on.target]))[on.target]
    return sliced(request, rows, lambda row: tagging(row, on.written))


async def one_association(request: Request, hub: Hub) -> Answer:
    """Return a tag on an object."""
    row = await hub.tags.tagging(request.path_params["id"])
    return tagging(row, (await _of(hub, row)).written)


async def _of(hub: Hub, row: Tagging) -> Subject:
    on = (await subjects.plain(hub, [row.target])).get(row.target)
    if on is None:
        raise NotFound("tag association", row.id)
    return on


async def associate(request: Request, hub: Hub) -> Answer:
    """Put a tag on an object, or each of an array; one that is there is a conflict."""
    given = await parameters.json_of(request)
    at = await subjects.of_path(request, hub) if "ident" in request.path_params else None
    if isinstance(given, list):

        async def add(item: Any) -> int:
            return (await _put_on(hub, item, at))[0].id

        answer, status = await each(given, add, "tagdomainassociations")
        return as_json(answer, status)
    with receipt() as noted:
        made, on = await _put_on(hub, given, at)
    text = f"Tag {made.tag_id} ({made.name}) associated to {on.domain.name} {on.ident}"
    return done("Add", ASSOCIATION, tagging(made, on.written), noted, text)


async def _put_on(hub: Hub, given: Any, at: Subject | None) -> tuple[Tagging, Subject]:
    if not isinstance(given, Mapping):
        raise Invalid("body", "a JSON object is needed.")
    on = at if at is not None else await subjects.of_body(hub, given)
    return await hub.tags.put_on(parameters.required(given, "tag"), on.target), on


async def dissociate(request: Request, hub: Hub) -> Answer:
    """Take a tag off an object."""
    row = await hub.tags.tagging(request.path_params["id"])
    on = await _of(hub, row)
    with receipt() as noted:
        await hub.tags.take_off(row.id)
    text = f"Tag {row.tag_id} ({row.name}) taken off {on.domain.name} {on.ident}"
    return done("Delete", ASSOCIATION, tagging(row, on.written), noted, text)


ROUTES = [
    *resource("/api/tag", get=tags, post=create),
    *resource("/api/tag/{id:number}", get=one_tag, put=change, delete=delete),
    *resource("/api/tag_domain_association", get=associations, post=associate),
    *resource("/api/tag_domain_association/{id:number}", get=one_association, delete=dissociate),
    *resource(
        "/api/domain/{domain}/{ident:number}/tag_domain_association", get=on_object, post=associate
    ),
]
