"""Terms on annotations: one per term and author; jobs and classifiers also say how sure they are.

Which ontology counts is that of the project the annotation is bound to; for one that is shown in
every project, that of the project it is found in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.labelling import Verdict
from store.catalog import receipt
from store.errors import Invalid
from store.tables.ontologies import Term
from store.tables.people import User
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done
from web.rest.cytomine.marshal.ontologies import annotation_term
from web.rest.cytomine.resource import Answer, resource

PLAIN, ALGO = domain("AnnotationTerm"), domain("AlgoAnnotationTerm")


async def _home(request: Request, hub: Hub) -> tuple[Any, int | None]:
    """Return the annotation of an address, and the project whose ontology counts."""
    roi = await hub.rois.get(request.path_params["annotation"])
    asked = parameters.whole(request.query_params, "project")
    place = (await hub.reviews.homes([roi], asked)).get(roi.id)
    return roi, roi.project_id or (None if place is None else place.project_id)


async def _listed(
    request: Request, hub: Hub, keep: Callable[[Any], bool] = lambda row: True
) -> Answer:
    roi, project_id = await _home(request, hub)
    rows: Sequence[Any] = await hub.roi_terms.of(roi.id)
    items = [annotation_term(row, roi, project_id) for row in rows if keep(row)]
    given = request.query_params
    return search.page(given, search.found(given, items))


async def terms_of_annotation(request: Request, hub: Hub) -> Answer:
    """List who gave which term to an annotation; ``idUser`` keeps those of one account."""
    author = parameters.whole(request.query_params, "idUser")
    return await _listed(request, hub, lambda row: author is None or row.author_id == author)


async def terms_of_others(request: Request, hub: Hub) -> Answer:
    """List the terms of an annotation that another account than this one gave."""
    but = request.path_params["user"]
    return await _listed(request, hub, lambda row: row.author_id != but)


async def one(request: Request, hub: Hub) -> Answer:
    """Return a term on an annotation: the caller's own link, another's, or a named account's."""
    roi, project_id = await _home(request, hub)
    row = await hub.roi_terms.find(
        roi.id, request.path_params["term"], request.path_params.get("user")
    )
    return annotation_term(row, roi, project_id)


async def give(request: Request, hub: Hub) -> Answer:
    """Give a term to an annotation in the caller's name, with the rate a classifier sends."""
    given = await parameters.object_of(request)
    roi, project_id = await _home(request, hub)
    with receipt() as noted:
        row = await hub.roi_terms.give(
            roi.id, await _term(request, hub), _verdict(hub, given), within=project_id
        )
    return _done("Add", row, roi, project_id, noted)


async def replace(request: Request, hub: Hub) -> Answer:
    """Give a term and take the caller's others off; with ``clearForAll`` everybody's."""
    given = await parameters.object_of(request)
    roi, project_id = await _home(request, hub)
    everybodys = parameters.flag(request.query_params, "clearForAll")
    with receipt() as noted:
        row = await hub.roi_terms.replace(
            roi.id,
            await _term(request, hub),
            _verdict(hub, given),
            everybodys=everybodys,
            within=project_id,
        )
    return _done("Add", row, roi, project_id, noted)


async def take(request: Request, hub: Hub) -> Answer:
    """Take a term off an annotation: the caller's own link, or that of a named account."""
    roi, project_id = await _home(request, hub)
    author = request.path_params.get("user")
    if author is not None:
        await hub.catalog.one(User, author)
    with receipt() as noted:
        row = await hub.roi_terms.take(roi.id, request.path_params["term"], author)
    return _done("Delete", row, roi, project_id, noted)


async def _term(request: Request, hub: Hub) -> int:
    id: int = request.path_params["term"]
    await hub.catalog.one(Term, id)
    return id


def _verdict(hub: Hub, given: Any) -> Verdict:
    """Return what a classifier says; a job that gives no rate is sure."""
    rate = parameters.decimal(given, "rate")
    expected = parameters.whole(given, "expectedTerm")
    if rate is None and (hub.actor.job_user_id is not None or expected is not None):
        rate = 1.0
    if rate is not None and not 0 <= rate <= 1:
        raise Invalid("rate", "must lie between 0 and 1.")
    return Verdict(rate, expected)


def _done(verb: str, row: Any, roi: Any, project_id: int | None, noted: Any) -> dict[str, Any]:
    item = annotation_term(row, roi, project_id)
    kind = PLAIN if row.rate is None else ALGO
    how = {"Add": "added to", "Delete": "deleted from"}[verb]
    text = f"Term {row.term_id} {how} annotation {row.roi_id}"
    answer = done(
        verb, kind, item, noted, text,
        annotationID=row.roi_id, termID=row.term_id, projectID=project_id, imageID=None,
    )  # fmt: skip
    # Clients look under the class they sent, whoever they are.
    return answer | {PLAIN.key: item, ALGO.key: item}


_ADDRESS = "/api/annotation/{annotation:number}"
ROUTES = [
    *resource(f"{_ADDRESS}/term", get=terms_of_annotation),
    *resource(f"{_ADDRESS}/notuser/{{user:number}}/term", get=terms_of_others),
    *resource(f"{_ADDRESS}/term/{{term:number}}", get=one, post=give, delete=take),
    *resource(f"{_ADDRESS}/term/{{term:number}}/clearBefore", post=replace),
    *resource(f"{_ADDRESS}/term/{{term:number}}/user/{{user:number}}", get=one, delete=take),
]
