"""Terms: the words of an ontology, with a colour; and those of a project, by its ontology."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.colors import pack, parse
from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid
from store.tables.containers import Project
from store.tables.ontologies import Term
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.ontologies import colour, parent_of, term
from web.rest.cytomine.ontologies import held, needed
from web.rest.cytomine.resource import Answer, as_json, resource

TERM = domain("Term")


def read_colour(given: Any, before: int | None = None) -> int | None:
    """Return the colour that is sent; what was written before stays as it is. Raises Invalid."""
    text = parameters.text(given, "color")
    if text is None or (before is not None and text.lower() == colour(before)):
        return before
    return pack(parse(text))


async def written(hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Write terms with their parents: one statement, whatever their number."""
    relations = await hub.ontologies.relations_of([row.id for row in rows]) if rows else {}
    return [term(row, parent_of(row.id, relations)) for row in rows]


async def terms(request: Request, hub: Hub) -> Answer:
    """List the terms of all ontologies that the caller sees."""
    return await _listed(request, hub, await hub.ontologies.all_terms())


async def terms_of_ontology(request: Request, hub: Hub) -> Answer:
    """List the terms of an ontology."""
    id = request.path_params["id"]
    await hub.ontologies.get(id)
    return await _listed(request, hub, (await hub.ontologies.terms_of([id]))[id])


async def terms_of_project(request: Request, hub: Hub) -> Answer:
    """List the terms of the ontology that a project uses; none without one."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    id = project.ontology_id
    rows = [] if id is None else (await hub.ontologies.terms_of([id]))[id]
    return await _listed(request, hub, rows)


async def _listed(request: Request, hub: Hub, rows: Sequence[Any]) -> Answer:
    given = request.query_params
    return search.page(given, search.found(given, await written(hub, rows)))


async def one_term(request: Request, hub: Hub) -> Answer:
    """Return a term."""
    (item,) = await written(hub, [await _row(hub, request.path_params["id"])])
    return item


async def _row(hub: Hub, id: int) -> Any:
    return await hub.catalog.one(Term, id)


async def create(request: Request, hub: Hub) -> Answer:
    """Add a term to an ontology, below another if ``parent`` names one; or each of an array."""
    given = await parameters.json_of(request)
    if isinstance(given, list):

        async def made(one: Any) -> int:
            id: int = (await _made(hub, one)).id
            return id

        data, status = await each(given, made, "terms")
        return as_json(data, status)
    with receipt() as noted:
        row = await _made(hub, given)
    return await _done(hub, "Add", row, noted, "added in")


async def _made(hub: Hub, given: Any) -> Any:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    needed(given, "color")
    color = read_colour(given)
    return await hub.ontologies.create_term(
        parameters.required(given, "ontology"),
        needed(given, "name"),
        color=-1 if color is None else color,
        comment=parameters.text(given, "comment"),
        parent_id=parameters.whole(given, "parent"),
    )


async def _done(hub: Hub, verb: str, row: Any, noted: Any, how: str) -> dict[str, Any]:
    ontology = await hub.ontologies.get(row.ontology_id)
    (item,) = await written(hub, [row])
    text = f"Term {row.id} ({row.name}) {how} ontology {ontology.name}"
    return done(verb, TERM, item, noted, text, ontologyID=row.ontology_id)


async def change(request: Request, hub: Hub) -> Answer:
    """Change name, colour or comment of a term."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    before = await _row(hub, id)
    fields: dict[str, Any] = {"color": read_colour(given, before.color)}
    name = parameters.text(given, "name")
    if name is not None:
        fields["name"] = name
    if "comment" in given:
        fields["comment"] = parameters.text(given, "comment")
    with receipt() as noted:
        row = await hub.ontologies.update_term(id, **fields)
    return await _done(hub, "Edit", row, noted, "edited in")


async def remove(request: Request, hub: Hub) -> Answer:
    """Delete a term with its relations; refused while it labels annotations."""
    row = await _row(hub, request.path_params["id"])
    ontology = await hub.ontologies.get(row.ontology_id)
    (item,) = await written(hub, [row])
    with receipt() as noted, held("term"):
        await hub.containers.delete(Term, [row.id])
    text = f"Term {row.id} ({row.name}) deleted from ontology {ontology.name}"
    return done("Delete", TERM, item, noted, text, ontologyID=row.ontology_id)


ROUTES = [
    *resource("/api/term", get=terms, post=create),
    *resource("/api/term/{id:number}", get=one_term, put=change, delete=remove),
    *resource("/api/ontology/{id:number}/term", get=terms_of_ontology),
    *resource("/api/project/{id:number}/term", get=terms_of_project),
]
