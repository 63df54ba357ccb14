"""``m/images/``: lists with pixels, single images with channels too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.tables.containers import Dataset
from store.tables.images import Image
from web.rest.omero.frames import frame_of
from web.rest.omero.lists import How, Item, Kind, list_routes, nested_routes, single_routes
from web.rest.omero.marshal import images as marshal
from web.rest.omero.marshal.details import Frame


async def written(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], Frame]:
    """Write images with their pixels; a single one with its channels."""
    frame = await frame_of(request, hub, rows)
    allowed = await hub.catalog.capabilities(Image, rows)
    channels = await hub.images.channels([row.id for row in rows]) if how.single else {}
    base, made = frame.links.to("images"), []
    for row, can in zip(rows, allowed, strict=True):
        details = frame.details(row.owner_id, row.group_id, can)
        item = marshal.image_with_pixels(row, details, channels.get(row.id))
        address = f"{base}{row.id}/"
        item["url:datasets"] = f"{address}datasets/"
        if how.single:
            item["url:rois"] = f"{address}rois/"
        else:
            item["url:image"] = address
        made.append(item)
    return made, frame


IMAGES = Kind(Image, "Image", "images", written, {"dataset": Dataset})

ROUTES = [
    *list_routes(IMAGES),
    *single_routes(IMAGES),
    *nested_routes("datasets", Dataset, IMAGES),
]
