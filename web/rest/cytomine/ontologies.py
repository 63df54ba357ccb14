"""Ontologies: the vocabularies that annotations are labelled with, each with its tree of terms."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Conflict, Invalid
from store.tables.ontologies import Ontology
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.ontologies import light, ontology
from web.rest.cytomine.resource import Answer, as_json, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

ONTOLOGY = domain("Ontology")


@contextmanager
def held(field: str) -> Iterator[None]:
    """Say that something cannot be done now as such clients expect it: as a bad request."""
    try:
        yield
    except Conflict as error:
        raise Invalid(field, error.message) from error


def needed(given: Any, name: str) -> str:
    """Return a text that must be there. Raises Invalid."""
    found = parameters.text(given, name)
    if found is None or not found.strip():
        raise Invalid(name, "is needed.")
    return found


async def written(hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Write ontologies with trees and projects: three statements, whatever their number."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    terms = await hub.ontologies.terms_of(ids)
    named = [term.id for found in terms.values() for term in found]
    relations = await hub.ontologies.relations_of(named) if named else {}
    projects = await hub.ontologies.projects_of(ids)
    return [ontology(row, terms[row.id], relations, projects[row.id]) for row in rows]


async def ontologies(request: Request, hub: Hub) -> Answer:
    """List the ontologies that the caller sees; with ``light`` only id and name."""
    rows, given = await hub.ontologies.all(), request.query_params
    if parameters.flag(given, "light"):
        return search.page(given, search.found(given, [light(row) for row in rows]))
    return search.page(given, search.found(given, await written(hub, rows)))


async def one_ontology(request: Request, hub: Hub) -> Answer:
    """Return an ontology with its tree of terms and the projects that use it."""
    (item,) = await written(hub, [await hub.ontologies.get(request.path_params["id"])])
    return item


async def create(request: Request, hub: Hub) -> Answer:
    """Make an ontology, or each of an array. A name that is there is a conflict."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        data, status = await each(given, lambda one: _made(hub, one), "ontologies")
        return as_json(data, status)
    with receipt() as noted:
        id = await _made(hub, given)
    (item,) = await written(hub, [await hub.ontologies.get(id)])
    return done("Add", ONTOLOGY, item, noted, f"Ontology {id} ({item['name']}) added")


async def _made(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    return (await hub.ontologies.create(needed(given, "name"))).id


async def change(request: Request, hub: Hub) -> Answer:
    """Rename an ontology; whatever else is sent stays as it is."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    with receipt() as noted:
        name = parameters.text(given, "name")
        fields: dict[str, Any] = {} if name is None else {"name": name}
        row = await hub.ontologies.update(id, **fields)
    (item,) = await written(hub, [row])
    return done("Edit", ONTOLOGY, item, noted, f"Ontology {id} ({item['name']}) edited")


async def remove(request: Request, hub: Hub) -> Answer:
    """Delete an ontology with its terms; refused while a project uses it."""
    id = request.path_params["id"]
    (item,) = await written(hub, [await hub.ontologies.get(id)])
    with receipt() as noted, held("ontology"):
        await hub.containers.delete(Ontology, [id])
    return done("Delete", ONTOLOGY, item, noted, f"Ontology {id} ({item['name']}) deleted")


ROUTES = [
    *resource("/api/ontology", get=ontologies, post=create),
    *resource("/api/ontology/{id:number}", get=one_ontology, put=change, delete=remove),
]
