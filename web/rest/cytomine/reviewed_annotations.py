"""Reviewed annotations: the copies a reviewer keeps of what others drew, each with its own shape.

They come into being by a review only: one that is posted names the annotation it is a copy of.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.placements import Placements
from adapters.planes import Planes
from adapters.reviews import Which
from adapters.shapes import Draft, Wkt, stored_drawn
from store.catalog import receipt
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.tables.containers import Project
from store.tables.rois import RoiKind
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, slice_of
from web.rest.cytomine.marshal.reviews import Reviewed, on_plane, reviewed
from web.rest.cytomine.resource import Answer, resource

REVIEWED = domain("ReviewedAnnotation")


@contextmanager
def reviewing() -> Iterator[None]:
    """Say that there is no review, or somebody else's, as such clients expect it."""
    try:
        yield
    except Forbidden as error:
        raise Invalid("review", error.message) from error
    except Conflict as error:
        if error.fields.get("noun") == "placement":
            raise Invalid("review", error.message) from error
        raise


async def gathered(request: Request, hub: Hub, rows: Sequence[Any]) -> list[Reviewed]:
    """Return reviewed annotations with all they are written from: eight statements at most."""
    if not rows:
        return []
    ids = [row.id for row in rows]
    homes = await hub.reviews.homes(rows)
    placed = await Placements(hub.catalog).by_ids(sorted({one.id for one in homes.values()}))
    by_id = {one.row.id: one for one in placed}
    stacks = await Planes(hub.catalog).of_placements([one.row for one in placed])
    shapes, terms = await hub.rois.shapes_of(ids), await hub.rois.terms_of(ids)
    tracks = await hub.tracks.of_rois(ids)
    originals = await hub.rois.many(sorted({row.original_id for row in rows} - {None}))
    base = str(request.base_url).rstrip("/")
    return [
        Reviewed(
            row=row,
            original=originals.get(row.original_id),
            shapes=shapes[row.id],
            terms=list(dict.fromkeys(one.term_id for one in terms[row.id])),
            tracks=[one.track_id for one in tracks[row.id]],
            placed=by_id[homes[row.id].id],
            stack=stacks[homes[row.id].id],
            base=base,
        )
        for row in rows
        if row.id in homes
    ]


async def written(request: Request, hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Write reviewed annotations; those whose image left their project are left out."""
    return [reviewed(one) for one in await gathered(request, hub, rows)]


async def _one(request: Request, hub: Hub) -> Reviewed:
    id = request.path_params["id"]
    row = await hub.rois.get(id)
    found = await gathered(request, hub, [row]) if row.kind == RoiKind.REVIEWED else []
    if not found:
        raise NotFound("reviewed annotation", id)
    return found[0]


async def listed(request: Request, hub: Hub) -> Answer:
    """List reviewed annotations, the newest first; of a ``project``, an ``image`` or a reviewer."""
    given = request.query_params
    image = parameters.whole(given, "image")
    place = None if image is None else await hub.reviews.of(image)
    project = parameters.whole(given, "project")
    if place is not None and project not in (None, place.project_id):
        raise Invalid("image", "it is of another project.")
    which = Which(
        project_id=project if place is None else place.project_id,
        image_id=None if place is None else place.image_id,
        reviewer_id=parameters.whole(given, "reviewUser"),
    )
    part = slice_of(given)
    rows = await hub.reviews.copies(which, offset=part.offset, limit=part.limit)
    return collection(await written(request, hub, rows), await hub.reviews.count(which), part)


async def one(request: Request, hub: Hub) -> Answer:
    """Return a reviewed annotation."""
    return reviewed(await _one(request, hub))


async def create(request: Request, hub: Hub) -> Answer:
    """Keep a reviewed copy of the annotation that ``parentIdent`` names, as a review does."""
    given = await parameters.object_of(request)
    terms = _terms(given)
    with receipt() as noted, reviewing():
        row = await hub.reviews.review(parameters.required(given, "parentIdent"), terms)
    (item,) = await written(request, hub, [row])
    return _done("Add", item, noted)


async def change(request: Request, hub: Hub) -> Answer:
    """Change where a reviewed annotation lies, or its terms; its original stays as it is."""
    before = await _one(request, hub)
    given = await parameters.object_of(request)
    item = reviewed(before)
    location, terms = parameters.text(given, "location"), _terms(given)
    with receipt() as noted:
        if location is not None and location != item["location"]:
            await hub.rois.update(before.row.id, shapes=_redrawn(before, location))
        if terms is not None and set(terms) != set(item["terms"]):
            await hub.reviews.set_terms(before.row.id, terms)
    row = await hub.rois.get(before.row.id)
    (after,) = await written(request, hub, [row])
    return _done("Edit", after, noted)


def _terms(given: Any) -> list[int] | None:
    terms = parameters.ids(given, "terms")
    return parameters.ids(given, "term") if terms is None else terms


def _redrawn(one: Reviewed, location: str) -> list[Draft]:
    """Return its shapes with those of the plane shown replaced by a location, y up."""
    kept = []
    for row in one.shapes:
        drawn = stored_drawn(row)
        if drawn is not None and not on_plane(row, one.plane):
            kept.append(Draft(drawn, row.c, row.z, row.t, row.style, row.text, row.label))
    first = one.shapes[0] if one.shapes else None
    at = (None, None, None) if first is None else (first.c, first.z, first.t)
    return [Draft(Wkt(location, y_up=True, clip=True), *at), *kept]


async def remove(request: Request, hub: Hub) -> Answer:
    """Delete a reviewed annotation; its original stays."""
    before = await _one(request, hub)
    with receipt() as noted:
        await hub.rois.delete([before.row.id])
    return _done("Delete", reviewed(before), noted)


def _done(verb: str, item: dict[str, Any], noted: Any) -> dict[str, Any]:
    how = {"Add": "added", "Edit": "edited", "Delete": "deleted"}[verb]
    return done(
        verb, REVIEWED, item, noted, f"Reviewed annotation {item['id']} {how}",
        annotationID=item["id"], projectID=item["project"], imageID=item["image"],
    )  # fmt: skip


async def count_of_project(request: Request, hub: Hub) -> Answer:
    """Count the reviewed annotations of a project, of a span of time if one is given."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    return {"total": await hub.reviews.count(_spanned(request, project_id=project.id))}


async def count_of_user(request: Request, hub: Hub) -> Answer:
    """Count what somebody reviewed, of a project if one is given."""
    user = await hub.people.get(request.path_params["id"])
    project = parameters.whole(request.query_params, "project")
    which = _spanned(request, reviewer_id=user.id, project_id=project)
    return {"total": await hub.reviews.count(which)}


def _spanned(request: Request, **narrowed: int | None) -> Which:
    given = request.query_params
    return Which(
        since=parameters.whole(given, "startDate"),
        until=parameters.whole(given, "endDate"),
        **narrowed,
    )


ROUTES = [
    *resource("/api/reviewedannotation", get=listed, post=create),
    *resource("/api/reviewedannotation/{id:number}", get=one, put=change, delete=remove),
    *resource("/api/project/{id:number}/reviewedannotation/count", get=count_of_project),
    *resource("/api/user/{id:number}/reviewedannotation/count", get=count_of_user),
]
