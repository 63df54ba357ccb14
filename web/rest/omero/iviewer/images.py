"""``image_data``: what ``imgData`` tells and what the viewer wants besides; times; fields of wells.

Planes have no times of their own in the hub, so they follow from the time between two of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.images import View
from adapters.render.settings import Family
from store.errors import NotFound
from store.tables.images import Image
from web.rest.omero.gateway.image_data import described
from web.rest.omero.gateway.viewing import view_of
from web.rest.omero.iviewer.regions import region_of
from web.rest.omero.marshal.values import finite
from web.rest.omero.parameters import number
from web.rest.omero.resource import Answer, as_json
from web.rest.omero.resource import View as Answering

MICROMETER = ("µm", "MICROMETER")
SECOND = "s"


async def image_data(request: Request, hub: Hub) -> Answer:
    """Return all the viewer asks of an image before it shows it."""
    return await _told(hub, request.path_params["image"])


def region_image_data(noun: str) -> Answering:
    """Return the view that answers `image_data` for the image of a region or shape."""

    async def view(request: Request, hub: Hub) -> Answer:
        row = await region_of(hub, noun, request.path_params["id"])
        return await _told(hub, row.image_id)

    view.__doc__ = f"Return all the viewer asks of the image of a {noun}."
    return view


async def _told(hub: Hub, image_id: int) -> Answer:
    try:
        view = await view_of(hub, image_id)
    except NotFound:
        return as_json({"error": "Image not found"}, 404)
    told = await described(hub, view, view.settings)
    counts = await hub.roi_lists.counts_of([image_id])
    told["roi_count"] = counts.get(image_id, 0)
    told["families"] = [family.value for family in Family]
    told["import_date"] = _date(view.image.created_at)
    if view.image.acquired_at is not None:
        told["acquisition_date"] = _date(view.image.acquired_at)
    told["delta_t_unit_symbol"] = SECOND
    told["delta_t"] = _times(view)
    _units(told["pixel_size"])
    return told


def _units(sizes: dict[str, Any]) -> None:
    """Add to the sizes of a pixel the same with their units."""
    symbol, name = MICROMETER
    for axis in ("x", "y", "z"):
        if sizes[axis] is not None:
            sizes[f"unit_{axis}"] = sizes[axis]
            sizes[f"symbol_{axis}"] = symbol
            sizes[f"unit_id_{axis}"] = name


async def delta_t(request: Request, hub: Hub) -> Answer:
    """Return the time of each frame since the first; none if they are not known."""
    try:
        view = await view_of(hub, request.path_params["image"])
    except NotFound:
        return as_json({"error": "Image not found"}, 404)
    return {"delta_t": _times(view), "delta_t_unit_symbol": SECOND}


def _times(view: View) -> list[float]:
    step, count = finite(view.pixels.time_increment), view.pixels.size_t or 0
    return [] if step is None or count < 2 else [step * place for place in range(count)]


async def well_images(request: Request, hub: Hub) -> Answer:
    """List the images of a well, in the order of its fields."""
    well_id = number(request, "id", 0) or 0
    if well_id not in await hub.screens.wells([well_id]):
        raise NotFound("well", well_id)
    (fields,) = await hub.screens.fields_of([well_id])
    images = await hub.containers.many(Image, [field.image_id for field in fields])
    return {
        "data": [
            {"id": field.image_id, "name": images[field.image_id].name}
            for field in fields
            if field.image_id in images
        ]
    }


def _date(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
