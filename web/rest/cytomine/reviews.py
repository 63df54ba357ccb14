"""The review of an image in a project: beginning and ending it, accepting annotations, rejecting.

A refusal for want of a review, or because somebody else reviews, is a bad request to such clients.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.placements import Placements
from store.catalog import Receipt, receipt
from store.errors import Invalid
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, slice_of
from web.rest.cytomine.marshal.images import image_instance
from web.rest.cytomine.marshal.reviews import progress
from web.rest.cytomine.resource import Answer, resource
from web.rest.cytomine.reviewed_annotations import REVIEWED, reviewing, written

IMAGE = domain("ImageInstance")


async def start(request: Request, hub: Hub) -> Answer:
    """Begin to review an image; the caller is its reviewer."""
    with receipt() as noted, reviewing():
        row = await hub.reviews.start(request.path_params["id"])
    return await _image(request, hub, row, noted, "is in review mode")


async def stop(request: Request, hub: Hub) -> Answer:
    """End the review of an image; with ``cancel`` take one step of it back."""
    id = request.path_params["id"]
    cancel = parameters.flag(request.query_params, "cancel")
    with receipt() as noted, reviewing():
        if not cancel:
            row = await hub.reviews.stop(id)
            return await _image(request, hub, row, noted, "is reviewed")
        row = await hub.reviews.cancel(id)
    how = "is not in review mode" if row.review_started_at is None else "is in review mode"
    return await _image(request, hub, row, noted, how)


async def _image(request: Request, hub: Hub, row: Any, noted: Receipt, how: str) -> Answer:
    placements = Placements(hub.catalog)
    placed = await placements.get(row.id)
    drawn = await placements.drawn([placed])
    item = image_instance(placed, drawn[row.id], str(request.base_url))
    text = f"Image {row.id} {how}"
    return done("Edit", IMAGE, item, noted, text, projectID=row.project_id)


async def review(request: Request, hub: Hub) -> Answer:
    """Accept an annotation: a reviewed copy with the terms sent, or with its own."""
    given = await _given(request)
    terms = parameters.ids(given, "terms")
    if terms is None:
        terms = parameters.ids(given, "term")
    with receipt() as noted, reviewing():
        row = await hub.reviews.review(
            request.path_params["id"], terms, project_id=parameters.whole(given, "project")
        )
    return await _reviewed(request, hub, "Add", [row], noted)


async def unreview(request: Request, hub: Hub) -> Answer:
    """Reject an annotation that was accepted, by its own id or that of its reviewed copy."""
    id = request.path_params["id"]
    asked = parameters.whole(request.query_params, "project")
    items = await written(request, hub, await _copies(hub, id))
    with receipt() as noted, reviewing():
        row = await hub.reviews.unreview(id, project_id=asked)
    item = next(item for item in items if item["id"] == row.id)
    return _done("Delete", item, noted)


async def _copies(hub: Hub, id: int) -> Sequence[Any]:
    roi = await hub.rois.get(id)
    found: Sequence[Any] = (await hub.reviews.copies_of([id]))[id]
    return [roi] if roi.original_id is not None else found


async def _given(request: Request) -> dict[str, Any]:
    """Return query and body together; the body wins. Either may name the terms."""
    sent = await parameters.json_of(request) if request.method != "GET" else {}
    body = sent if isinstance(sent, dict) else {"terms": sent}
    return {**request.query_params, **body}


async def _reviewed(
    request: Request, hub: Hub, verb: str, rows: Sequence[Any], noted: Receipt
) -> Answer:
    (item,) = await written(request, hub, rows)
    return _done(verb, item, noted)


def _done(verb: str, item: dict[str, Any], noted: Receipt) -> dict[str, Any]:
    how = {"Add": "added", "Delete": "deleted"}[verb]
    text = f"Reviewed annotation {item['id']} of annotation {item['parentIdent']} {how}"
    return done(
        verb, REVIEWED, item, noted, text,
        annotationID=item["id"], projectID=item["project"], imageID=item["image"],
    )  # fmt: skip


async def review_layers(request: Request, hub: Hub) -> Answer:
    """Accept all annotations of these users on an image; answers the ids of the copies."""
    with reviewing():
        rows = await hub.reviews.review_layers(request.path_params["id"], await _users(request))
    return _ids(request, rows)


async def unreview_layers(request: Request, hub: Hub) -> Answer:
    """Reject all accepted annotations of these users; answers the ids of the copies."""
    with reviewing():
        rows = await hub.reviews.unreview_layers(request.path_params["id"], await _users(request))
    return _ids(request, rows)


async def _users(request: Request) -> list[int]:
    users = parameters.ids(await _given(request), "users")
    if users is None:
        raise Invalid("users", "say whose annotations, as ids.")
    return users


def _ids(request: Request, rows: Sequence[Any]) -> dict[str, Any]:
    return collection([row.id for row in rows], len(rows), slice_of({}))


async def stats(request: Request, hub: Hub) -> Answer:
    """Return by user how many annotations an image has, and how many of them were reviewed."""
    items = [progress(one) for one in await hub.reviews.progress(request.path_params["id"])]
    return collection(items, len(items), slice_of({}))


ROUTES = [
    *resource("/api/imageinstance/{id:number}/review", post=start, put=start, delete=stop),
    *resource(
        "/api/imageinstance/{id:number}/annotation/review",
        post=review_layers,
        put=review_layers,
        delete=unreview_layers,
    ),
    *resource("/api/imageinstance/{id:number}/reviewedannotation/stats", get=stats),
    *resource(
        "/api/annotation/{id:number}/review",
        get=review,
        post=review,
        put=review,
        delete=unreview,
    ),
]
