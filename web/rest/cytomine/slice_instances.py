"""Planes of images in projects. Those of images with pixels are all there and always will be."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.placements import Placed
from adapters.planes import Plane
from store.catalog import receipt
from store.errors import Invalid, NotFound
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, slice_of
from web.rest.cytomine.marshal.images import blinded
from web.rest.cytomine.marshal.slices import Around, slice_instance
from web.rest.cytomine.resource import Answer, resource

SLICE = domain("SliceInstance")


async def around(request: Request, hub: Hub, placed: Placed) -> Around:
    """Return what slices borrow from an image in a project. One statement."""
    image = placed.image
    channels = [] if placed.pixels.rgb else (await hub.images.channels([image.id]))[image.id]
    return Around(
        created=placed.row.created_at,
        path=blinded(image.id) if placed.nameless else image.name,
        file_id=image.file_id,
        channels=channels,
        project_id=placed.row.project_id,
        base=str(request.base_url),
    )


async def written(
    request: Request, hub: Hub, placed: Placed, planes: list[Plane]
) -> list[dict[str, Any]]:
    """Write planes of one image in a project."""
    frame = await around(request, hub, placed)
    return [slice_instance(plane, frame) for plane in planes]


async def of_image(request: Request, hub: Hub) -> Answer:
    """List the slices of an image in a project, by time, z and channel."""
    placed, stack = await hub.placements.stack(request.path_params["id"])
    asked = slice_of(request.query_params)
    stop = None if asked.limit is None else asked.offset + asked.limit
    items = await written(request, hub, placed, list(stack.planes(asked.offset, stop)))
    return collection(items, len(stack), asked)


async def reference(request: Request, hub: Hub) -> Answer:
    """Return the slice that stands for an image: the middle in z and channel, the first in time.

    A declared image without slices gets its only one now.
    """
    placed, stack = await hub.placements.stack(request.path_params["id"], fill=True)
    plane = stack.reference()
    if plane is None:
        raise NotFound("reference slice of image", request.path_params["id"])
    return (await written(request, hub, placed, [plane]))[0]


async def at_place(request: Request, hub: Hub) -> Answer:
    """Return the slice at a channel, z and time."""
    path = request.path_params
    placed, stack = await hub.placements.stack(path["id"])
    plane = stack.at(path["c"], path["z"], path["t"])
    if plane is None:
        raise NotFound("slice", f"{path['c']}/{path['z']}/{path['t']}")
    return (await written(request, hub, placed, [plane]))[0]


async def one_slice(request: Request, hub: Hub) -> Answer:
    """Return a slice of an image in a project."""
    return (await _seen(request, hub, request.path_params["id"]))[1]


async def _seen(request: Request, hub: Hub, id: int) -> tuple[Plane, dict[str, Any]]:
    plane, _stack = await hub.planes.one(id, placed=True)
    return plane, await _written(request, hub, plane)


async def _written(request: Request, hub: Hub, plane: Plane) -> dict[str, Any]:
    placed = await hub.placements.get(plane.placement_id or 0)
    return (await written(request, hub, placed, [plane]))[0]


async def create(request: Request, hub: Hub) -> Answer:
    """Make a slice of a declared image known in a project.

    Images with pixels have all their slices: another one is a conflict.
    """
    given = await parameters.object_of(request)
    placed = await hub.placements.get(parameters.required(given, "image"))
    base = parameters.required(given, "baseSlice")
    project = parameters.whole(given, "project")
    if project is not None and project != placed.row.project_id:
        raise Invalid("project", f"image {placed.row.id} is not in project {project}.")
    with receipt() as noted:
        plane, _stack = await hub.declared.create_placed_plane(placed.row.id, base)
    (item,) = await written(request, hub, placed, [plane])
    return _done("Add", item, noted, "added")


async def change(request: Request, hub: Hub) -> Answer:
    """Send a slice back; where a slice lies follows from its base slice and stays."""
    await parameters.object_of(request)
    with receipt() as noted:
        _plane, item = await _seen(request, hub, request.path_params["id"])
    return _done("Edit", item, noted, "edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a declared slice from a project; those with pixels cannot be."""
    plane, item = await _seen(request, hub, request.path_params["id"])
    with receipt() as noted:
        await hub.declared.delete_plane(plane.id)
    return _done("Delete", item, noted, "deleted")


def _done(verb: str, item: dict[str, Any], noted: Any, said: str) -> dict[str, Any]:
    place = f"{item['channel']},{item['zStack']},{item['time']}"
    text = f"Slice instance {item['id']} ({place}) {said} in image {item['image']}"
    return done(verb, SLICE, item, noted, text, imageID=item["image"], projectID=item["project"])


ROUTES = [
    *resource("/api/sliceinstance", post=create),
    *resource("/api/sliceinstance/{id:number}", get=one_slice, put=change, delete=delete),
    *resource("/api/imageinstance/{id:number}/sliceinstance", get=of_image),
    *resource("/api/imageinstance/{id:number}/sliceinstance/reference", get=reference),
    *resource(
        "/api/imageinstance/{id:number}/{c:number}/{z:number}/{t:number}/sliceinstance",
        get=at_place,
    ),
]
