"""Figures over a project: regions by term, person, image and time; and totals of the hub."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.clock import now_ms
from store.errors import Invalid
from store.tables.containers import Placement, Project
from store.tables.images import Image
from store.tables.jobs import Job
from store.tables.ontologies import Ontology, Term
from store.tables.people import User
from store.tables.rois import Roi
from web.rest.cytomine import parameters, people_lists, search
from web.rest.cytomine.marshal.ontologies import colour
from web.rest.cytomine.resource import Answer, resource

DAY_MS = 86_400_000
TOTALS: dict[str, Any] = {
    "project": Project, "imageinstance": Placement, "abstractimage": Image, "user": User,
    "annotation": Roi, "userannotation": Roi, "ontology": Ontology, "term": Term, "job": Job,
}  # fmt: skip


async def by_term(request: Request, hub: Hub) -> Answer:
    """Count the regions of a project that bear each term of its ontology."""
    return await _terms(request, hub, "regions")


async def images_by_term(request: Request, hub: Hub) -> Answer:
    """Count the images of a project on which each term of its ontology was given."""
    return await _terms(request, hub, "images")


async def _terms(request: Request, hub: Hub, what: str) -> Answer:
    project = await hub.catalog.one(Project, request.path_params["id"])
    found = await hub.tallies.by_term(project.id)
    items = [
        {
            "id": term.id,
            "key": term.name,
            "color": colour(term.color),
            "value": getattr(found[term.id], what) if term.id in found else 0,
        }
        for term in await hub.tallies.terms(project.ontology_id)
    ]
    return search.page(request.query_params, items)


async def by_user(request: Request, hub: Hub) -> Answer:
    """Count the regions that each member of a project, and each job, drew."""
    return await _people(request, hub, "regions")


async def images_by_user(request: Request, hub: Hub) -> Answer:
    """Count the images of a project that each member, and each job, drew on."""
    return await _people(request, hub, "images")


async def _people(request: Request, hub: Hub, what: str) -> Answer:
    project = await hub.catalog.one(Project, request.path_params["id"])
    found = await hub.tallies.by_author(project.id)
    members = (await hub.members.of([project.id]))[project.id]
    people = await people_lists.written(hub, [*(one.user_id for one in members), *sorted(found)])
    items = [
        {
            "id": one["id"],
            "key": one["fullName"] or one["username"],
            "username": one["username"],
            "value": getattr(found[one["id"]], what) if one["id"] in found else 0,
        }
        for one in people
    ]
    return search.page(request.query_params, items)


async def terms_by_user(request: Request, hub: Hub) -> Answer:
    """Count the regions of a project by who drew them and which terms they bear."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    found = await hub.tallies.by_author_and_term(project.id)
    terms = await hub.tallies.terms(project.ontology_id)
    people = await people_lists.written(hub, sorted({author for author, _term in found}))
    items = [
        {
            "id": one["id"],
            "key": one["fullName"] or one["username"],
            "terms": [
                {
                    "id": term.id,
                    "name": term.name,
                    "color": colour(term.color),
                    "value": found.get((one["id"], term.id), 0),
                }
                for term in terms
            ],
        }
        for one in people
    ]
    return search.page(request.query_params, items)


async def evolution(request: Request, hub: Hub) -> Answer:
    """Count the regions of a project over time: ``daysRange``, ``startDate``, ``endDate``.

    Each period adds to those before it, unless ``accumulate=false``; ``term`` narrows.
    """
    project = await hub.catalog.one(Project, request.path_params["id"])
    given = request.query_params
    days = parameters.whole(given, "daysRange", 1) or 1
    if days < 1:
        raise Invalid("daysRange", "is a number of days.")
    since = parameters.whole(given, "startDate", project.created_at) or 0
    until = parameters.whole(given, "endDate", now_ms() + 1) or 0
    term = parameters.whole(given, "term")
    found = await hub.tallies.over_time(project.id, days * DAY_MS, since, until, term)
    accumulate, total, items = parameters.flag(given, "accumulate", True), 0, []
    for start, count in found:
        total = total + count if accumulate else count
        items.append(
            {"id": start, "date": start, "endDate": min(start + days * DAY_MS, until),
             "size": total}
        )  # fmt: skip
    return search.page(given, items)


async def total(request: Request, hub: Hub) -> Answer:
    """Count the objects of a class that the caller sees."""
    word = request.path_params["domain"].rpartition(".")[2].lower()
    noun = TOTALS.get(word)
    if noun is None:
        raise Invalid("domain", f"{word[:40]!r} is not one of {', '.join(TOTALS)}.")
    return {"total": await hub.catalog.count(hub.catalog.select(noun))}


_STATS = "/api/project/{id:number}/stats"
ROUTES = [
    *resource(f"{_STATS}/term", get=by_term),
    *resource(f"{_STATS}/termimage", get=images_by_term),
    *resource(f"{_STATS}/termslide", get=images_by_term),
    *resource(f"{_STATS}/user", get=by_user),
    *resource(f"{_STATS}/userslide", get=images_by_user),
    *resource(f"{_STATS}/userannotations", get=terms_by_user),
    *resource(f"{_STATS}/annotationevolution", get=evolution),
    *resource("/api/total/{domain}", get=total),
]
