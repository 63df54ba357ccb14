"""Tracks: an object followed through the slices of an image in a project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid, NotFound
from store.tables.containers import Project
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.tracks import track
from web.rest.cytomine.ontologies import needed
from web.rest.cytomine.resource import Answer, as_json, resource
from web.rest.cytomine.terms import read_colour

TRACK = domain("Track")


async def placed(request: Request, hub: Hub, row: Any) -> Any:
    """Return the image in a project at which a track is shown. Raises NotFound."""
    asked = parameters.whole(request.query_params, "project")
    found = (await hub.reviews.homes([row], asked)).get(row.id)
    if found is None:
        raise NotFound("track", row.id)
    return found


async def tracks_of_project(request: Request, hub: Hub) -> Answer:
    """List the tracks on the images of a project."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    rows = await hub.tracks.of_project(project.id)
    return await _listed(request, hub, rows, project.id)


async def tracks_of_image(request: Request, hub: Hub) -> Answer:
    """List the tracks on an image in a project."""
    place = await hub.reviews.of(request.path_params["id"])
    rows = (await hub.tracks.of_images([place.image_id]))[place.image_id]
    shown = [row for row in rows if row.project_id in (None, place.project_id)]
    return await _listed(request, hub, shown, place.project_id)


async def _listed(request: Request, hub: Hub, rows: Sequence[Any], project_id: int) -> Answer:
    homes = await hub.reviews.homes(rows, project_id) if rows else {}
    given = request.query_params
    items = [track(row, homes[row.id]) for row in rows if row.id in homes]
    return search.page(given, search.found(given, items))


async def one_track(request: Request, hub: Hub) -> Answer:
    """Return a track."""
    row = await hub.tracks.get(request.path_params["id"])
    return track(row, await placed(request, hub, row))


async def create(request: Request, hub: Hub) -> Answer:
    """Make a track on an image of a project, or each of an array. A taken name is a conflict."""
    given = await parameters.json_of(request)
    if isinstance(given, list):

        async def made(one: Any) -> int:
            id: int = (await _made(hub, one))[0].id
            return id

        data, status = await each(given, made, "tracks")
        return as_json(data, status)
    with receipt() as noted:
        row, place = await _made(hub, given)
    return _done("Add", row, place, noted)


async def _made(hub: Hub, given: Any) -> tuple[Any, Any]:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    name = needed(given, "name")
    color = read_colour(given)
    place = await hub.reviews.of(parameters.required(given, "image"))
    row = await hub.tracks.create(
        place.image_id, name, color=-1 if color is None else color, project_id=place.project_id
    )
    return row, place


async def change(request: Request, hub: Hub) -> Answer:
    """Change name or colour of a track; its image stays."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    before = await hub.tracks.get(id)
    place = await placed(request, hub, before)
    fields: dict[str, Any] = {"color": read_colour(given, before.color)}
    name = parameters.text(given, "name")
    if name is not None:
        fields["name"] = name
    with receipt() as noted:
        row = await hub.tracks.update(id, **fields)
    return _done("Edit", row, place, noted)


async def remove(request: Request, hub: Hub) -> Answer:
    """Delete a track; the annotations in it stay."""
    row = await hub.tracks.get(request.path_params["id"])
    place = await placed(request, hub, row)
    with receipt() as noted:
        await hub.tracks.delete([row.id])
    return _done("Delete", row, place, noted)


def _done(verb: str, row: Any, place: Any, noted: Any) -> dict[str, Any]:
    how = {"Add": "added", "Edit": "edited", "Delete": "deleted"}[verb]
    return done(
        verb, TRACK, track(row, place), noted, f"Track {row.id} ({row.name}) {how}",
        projectID=place.project_id, imageID=place.id,
    )  # fmt: skip


ROUTES = [
    *resource("/api/track", post=create),
    *resource("/api/track/{id:number}", get=one_track, put=change, delete=remove),
    *resource("/api/project/{id:number}/track", get=tracks_of_project),
    *resource("/api/imageinstance/{id:number}/track", get=tracks_of_image),
]
