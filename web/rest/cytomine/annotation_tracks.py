"""Annotations in tracks: one per track and slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.planes import Planes, Stack
from store.catalog import receipt
from store.errors import Invalid
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain, named
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.tracks import annotation_track
from web.rest.cytomine.resource import Answer, as_json, resource

ANNOTATION_TRACK = domain("AnnotationTrack")


async def written(
    request: Request, hub: Hub, rows: Sequence[Any], rois: dict[int, Any]
) -> list[dict[str, Any]]:
    """Write places in tracks: three statements, whatever their number."""
    if not rows:
        return []
    asked = parameters.whole(request.query_params, "project")
    homes = await hub.reviews.homes(list(rois.values()), asked)
    places = {one.id: one for one in homes.values()}
    stacks = await Planes(hub.catalog).of_placements(list(places.values()))
    return [
        annotation_track(row, rois[row.roi_id], _slice(row, homes.get(row.roi_id), stacks))
        for row in rows
        if row.roi_id in rois
    ]


def _slice(row: Any, place: Any | None, stacks: dict[int, Stack]) -> int | None:
    stack = None if place is None else stacks.get(place.id)
    if stack is None:
        return None
    if stack.declared:
        ranked = (plane for plane in stack.planes() if plane.rank == row.rank)
        return next((plane.id for plane in ranked), None)
    return stack.ranked(row.rank).id if row.rank < len(stack) else None


async def tracks_of_annotation(request: Request, hub: Hub) -> Answer:
    """List the tracks that an annotation is in."""
    roi = await hub.rois.get(request.path_params["id"])
    rows = (await hub.tracks.of_rois([roi.id]))[roi.id]
    return await _listed(request, hub, rows, {roi.id: roi})


async def annotations_of_track(request: Request, hub: Hub) -> Answer:
    """List the annotations of a track."""
    track = await hub.tracks.get(request.path_params["id"])
    rows = (await hub.tracks.members([track.id]))[track.id]
    rois = await hub.rois.many([row.roi_id for row in rows])
    return await _listed(request, hub, rows, rois)


async def _listed(request: Request, hub: Hub, rows: Sequence[Any], rois: dict[int, Any]) -> Answer:
    given = request.query_params
    return search.page(given, search.found(given, await written(request, hub, rows, rois)))


async def one(request: Request, hub: Hub) -> Answer:
    """Return that an annotation is in a track."""
    asked = request.path_params
    row = await hub.tracks.member(asked["track"], asked["annotation"])
    return await _item(request, hub, row)


async def _item(request: Request, hub: Hub, row: Any) -> dict[str, Any]:
    roi = await hub.rois.get(row.roi_id)
    (item,) = await written(request, hub, [row], {roi.id: roi})
    return item


async def add(request: Request, hub: Hub) -> Answer:
    """Put an annotation into a track of its image; a slice that is taken is a conflict."""
    given = await parameters.json_of(request)
    if isinstance(given, list):

        async def made(one: Any) -> int:
            id: int = (await _added(hub, *_pair(one, {}))).id
            return id

        data, status = await each(given, made, "annotationtracks")
        return as_json(data, status)
    with receipt() as noted:
        row = await _added(hub, *_pair(given, request.path_params))
    return _done("Add", await _item(request, hub, row), noted)


def _pair(given: Any, path: dict[str, Any]) -> tuple[int, int]:
    """Return annotation and track, of the address or else of the body."""
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    kind = parameters.text(given, "annotationClassName")
    if kind and named(kind).target != "roi":
        raise Invalid("annotationClassName", "must be a class of annotations.")
    roi = path.get("annotation") or parameters.required(given, "annotationIdent")
    return roi, path.get("track") or parameters.required(given, "track")


async def _added(hub: Hub, roi_id: int, track_id: int) -> Any:
    await hub.rois.get(roi_id)
    await hub.tracks.add(track_id, [roi_id], anew=True)
    return await hub.tracks.member(track_id, roi_id)


async def remove(request: Request, hub: Hub) -> Answer:
    """Take an annotation out of a track; both stay."""
    asked = request.path_params
    row = await hub.tracks.member(asked["track"], asked["annotation"])
    item = await _item(request, hub, row)
    with receipt() as noted:
        await hub.tracks.remove(row.track_id, [row.roi_id])
    return _done("Delete", item, noted)


def _done(verb: str, item: dict[str, Any], noted: Any) -> dict[str, Any]:
    how = {"Add": "added to", "Delete": "deleted from"}[verb]
    text = f"Annotation {item['annotationIdent']} {how} track {item['track']}"
    return done(
        verb, ANNOTATION_TRACK, item, noted, text,
        annotationID=item["annotationIdent"], trackID=item["track"],
    )  # fmt: skip


ROUTES = [
    *resource("/api/annotationtrack", post=add),
    *resource(
        "/api/annotationtrack/{annotation:number}/{track:number}",
        get=one,
        post=add,
        delete=remove,
    ),
    *resource("/api/track/{id:number}/annotationtrack", get=annotations_of_track),
    *resource("/api/annotation/{id:number}/annotationtrack", get=tracks_of_annotation),
]
