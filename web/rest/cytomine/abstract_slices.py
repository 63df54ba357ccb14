"""Planes of images in storages: computed where there are pixels, declared where there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request

from adapters.colors import pack, parse
from adapters.hub import Hub
from adapters.image_pages import Pictured, Which
from adapters.planes import Plane
from store.catalog import receipt
from store.errors import NotFound
from store.tables.files import StoredFile
from store.tables.images import Image
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, slice_of
from web.rest.cytomine.marshal.images import blinded
from web.rest.cytomine.marshal.slices import Around, abstract_slice
from web.rest.cytomine.marshal.users import user
from web.rest.cytomine.resource import Answer, resource

SLICE = domain("AbstractSlice")
_PLACES = {"channel": "c", "zStack": "z", "time": "t"}


async def _around(hub: Hub, seen: Pictured) -> Around:
    image = seen.image
    channels = [] if seen.pixels.rgb else (await hub.images.channels([image.id]))[image.id]
    return Around(
        created=image.created_at,
        path=blinded(image.id) if seen.nameless else image.name,
        file_id=image.file_id,
        channels=channels,
    )


async def _written(hub: Hub, image_id: int, planes: list[Plane]) -> list[dict[str, Any]]:
    frame = await _around(hub, await hub.image_pages.get(image_id))
    return [abstract_slice(plane, frame) for plane in planes]


async def of_image(request: Request, hub: Hub) -> Answer:
    """List the slices of an image, by time, z and channel."""
    stack = await hub.planes.of_image(request.path_params["id"])
    asked = slice_of(request.query_params)
    stop = None if asked.limit is None else asked.offset + asked.limit
    planes = list(stack.planes(asked.offset, stop))
    return collection(await _written(hub, stack.image_id, planes), len(stack), asked)


async def of_file(request: Request, hub: Hub) -> Answer:
    """List the slices of the images that came from an uploaded file."""
    file = await hub.catalog.one(StoredFile, request.path_params["id"])
    rows = await hub.image_pages.page(Which(file_id=file.id), descending=False)
    stacks = await hub.planes.of_images([one.image.id for one in rows])
    asked = slice_of(request.query_params)
    total, items = 0, []
    for one in rows:
        stack = stacks[one.image.id]
        start = max(0, asked.offset - total)
        stop = None if asked.limit is None else max(0, asked.offset + asked.limit - total)
        planes = list(stack.planes(start, stop))
        if planes:
            frame = await _around(hub, one)
            items += [abstract_slice(plane, frame) for plane in planes]
        total += len(stack)
    return collection(items, total, asked)


async def at_place(request: Request, hub: Hub) -> Answer:
    """Return the slice at a channel, z and time."""
    path = request.path_params
    stack = await hub.planes.of_image(path["id"])
    plane = stack.at(path["c"], path["z"], path["t"])
    if plane is None:
        raise NotFound("slice", f"{path['c']}/{path['z']}/{path['t']}")
    return (await _written(hub, stack.image_id, [plane]))[0]


async def one_slice(request: Request, hub: Hub) -> Answer:
    """Return a slice of an image."""
    plane, _stack = await hub.planes.one(request.path_params["id"], placed=False)
    return (await _written(hub, plane.image_id, [plane]))[0]


async def owner(request: Request, hub: Hub) -> Answer:
    """Return who owns the image of a slice."""
    plane, _stack = await hub.planes.one(request.path_params["id"], placed=False)
    image = await hub.catalog.one(Image, plane.image_id)
    return user(await hub.people.get(image.owner_id))


async def create(request: Request, hub: Hub) -> Answer:
    """Declare a slice of a declared image.

    Images with pixels have all their slices: another one is a conflict.
    """
    given = await parameters.object_of(request)
    image_id = parameters.required(given, "image")
    c, z, t = (parameters.whole(given, name, 0) or 0 for name in _PLACES)
    with receipt() as noted:
        plane, _stack = await hub.declared.create_plane(image_id, c, z, t, **_said(given))
    (item,) = await _written(hub, plane.image_id, [plane])
    return _done("Add", item, noted, "added")


def _said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body says of a slice, apart from its place; null says nothing."""
    color = parameters.text(given, "channelColor")
    said = {
        "file_id": parameters.whole(given, "uploadedFile"),
        "mime": parameters.text(given, "mime"),
        "name": parameters.text(given, "channelName"),
        "color": pack(parse(color)) if color else None,
    }
    return {name: value for name, value in said.items() if value is not None}


async def change(request: Request, hub: Hub) -> Answer:
    """Change a declared slice; of an image with pixels, name and colour of the channel it shows.

    What is left out or sent back as it was stays.
    """
    id, given = request.path_params["id"], await parameters.object_of(request)
    plane, _stack = await hub.planes.one(id, placed=False)
    (seen,) = await _written(hub, plane.image_id, [plane])
    fresh = {name: value for name, value in given.items() if seen.get(name) != value}
    changed = _said(fresh)
    for theirs, ours in _PLACES.items():
        at = parameters.whole(fresh, theirs)
        if at is not None:
            changed[ours] = at
    with receipt() as noted:
        plane, _stack = await hub.declared.update_plane(id, **changed)
    (item,) = await _written(hub, plane.image_id, [plane])
    return _done("Edit", item, noted, "edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a declared slice with those of projects; slices with pixels cannot be."""
    plane, _stack = await hub.planes.one(request.path_params["id"], placed=False)
    (item,) = await _written(hub, plane.image_id, [plane])
    with receipt() as noted:
        await hub.declared.delete_plane(plane.id)
    return _done("Delete", item, noted, "deleted")


def _done(verb: str, item: Mapping[str, Any], noted: Any, said: str) -> dict[str, Any]:
    place = f"{item['channel']},{item['zStack']},{item['time']}"
    text = f"Abstract slice {item['id']} ({place}) {said} in image {item['image']}"
    return done(verb, SLICE, item, noted, text, imageID=item["image"])


ROUTES = [
    *resource("/api/abstractslice", post=create),
    *resource("/api/abstractslice/{id:number}", get=one_slice, put=change, delete=delete),
    *resource("/api/abstractslice/{id:number}/user", get=owner),
    *resource("/api/abstractimage/{id:number}/abstractslice", get=of_image),
    *resource(
        "/api/abstractimage/{id:number}/{c:number}/{z:number}/{t:number}/abstractslice",
        get=at_place,
    ),
    *resource("/api/uploadedfile/{id:number}/abstractslice", get=of_file),
]
