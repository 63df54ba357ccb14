"""Relations between terms: one above another, or beside it. The two kinds are built in."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Conflict, Invalid, NotFound
from store.tables.ontologies import PARENT, Term
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.ontologies import RELATIONS, relation, relation_term
from web.rest.cytomine.resource import Answer, as_json, resource

RELATION_TERM = domain("RelationTerm")


async def relations(request: Request, hub: Hub) -> Answer:
    """List the relations that two terms may have."""
    given = request.query_params
    items = [relation(id) for id in RELATIONS]
    return search.page(given, search.found(given, items, sort="id", order="asc"))


async def one_relation(request: Request, hub: Hub) -> Answer:
    """Return a relation."""
    return relation(_relation(request))


def _relation(request: Request) -> int:
    id: int = request.path_params.get("relation", PARENT)
    if id not in RELATIONS:
        raise NotFound("relation", id)
    return id


async def relate(request: Request, hub: Hub) -> Answer:
    """Put ``term2`` below ``term1``, or beside it; a relation that is there is a conflict."""
    kind, given = _relation(request), await parameters.json_of(request)
    if isinstance(given, list):

        async def made(one: Any) -> int:
            id: int = (await _related(hub, one, kind)).id
            return id

        data, status = await each(given, made, "relationterms")
        return as_json(data, status)
    with receipt() as noted:
        row = await _related(hub, given, kind)
    text = f"Relation {row.id} between terms {row.parent_term_id} and {row.child_term_id} added"
    return done("Add", RELATION_TERM, relation_term(row), noted, text)


async def _related(hub: Hub, given: Any, kind: int) -> Any:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    first, second = parameters.required(given, "term1"), parameters.required(given, "term2")
    try:
        return await hub.ontologies.relate(first, second, kind, anew=True)
    except Conflict as error:
        if error.fields.get("noun") == "term":  # a circle
            raise Invalid("term2", error.message) from error
        raise


async def _found(request: Request, hub: Hub) -> Any:
    pair = request.path_params
    return await hub.ontologies.relation_of(pair["first"], pair["second"], _relation(request))


async def one_relation_term(request: Request, hub: Hub) -> Answer:
    """Return the relation of two terms."""
    return relation_term(await _found(request, hub))


async def unrelate(request: Request, hub: Hub) -> Answer:
    """Cut the relation of two terms; both stay."""
    row = await _found(request, hub)
    with receipt() as noted:
        await hub.ontologies.unrelate(row.parent_term_id, row.child_term_id, row.relation)
    text = f"Relation {row.id} between terms {row.parent_term_id} and {row.child_term_id} deleted"
    return done("Delete", RELATION_TERM, relation_term(row), noted, text)


async def relations_of_term(request: Request, hub: Hub) -> Answer:
    """List the relations of a term, or those in which it is the first or the second."""
    id, side = request.path_params["id"], request.path_params.get("side")
    if side not in (None, 1, 2):
        raise Invalid("position", "must be 1 (the term above) or 2 (the term below).")
    await hub.catalog.one(Term, id)
    rows = (await hub.ontologies.relations_of([id]))[id]
    ends = {1: ("parent_term_id",), 2: ("child_term_id",)}.get(
        side or 0, ("parent_term_id", "child_term_id")
    )
    items = [relation_term(row) for row in rows if any(getattr(row, end) == id for end in ends)]
    given = request.query_params
    return search.page(given, search.found(given, items))


ROUTES = [
    *resource("/api/relation", get=relations),
    *resource("/api/relation/parent/term", post=relate),
    *resource(
        "/api/relation/parent/term1/{first:number}/term2/{second:number}",
        get=one_relation_term,
        delete=unrelate,
    ),
    *resource("/api/relation/term/{side:number}/{id:number}", get=relations_of_term),
    *resource("/api/relation/term/{id:number}", get=relations_of_term),
    *resource("/api/relation/{relation:number}", get=one_relation),
    *resource("/api/relation/{relation:number}/term", post=relate),
    *resource(
        "/api/relation/{relation:number}/term1/{first:number}/term2/{second:number}",
        get=one_relation_term,
        delete=unrelate,
    ),
]
