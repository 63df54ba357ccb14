"""Regions as the pages of OMERO.web draw them: the older JSON, masks, and small pictures.

Lists are not paged here, so they are written by parts and off the event loop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from adapters.roi_lists import Narrowed
from store.errors import Invalid, NotFound
from store.tables.images import Image
from web.rest.omero.marshal.old_rois import old_shapes
from web.rest.omero.resource import GATEWAY, Answer, resource

WIDTH = 250
YELLOW = -65281
_COLOR = re.compile(r"[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?", re.ASCII)


async def get_rois_json(request: Request, hub: Hub) -> Answer:
    """List all regions of an image with their shapes."""
    image = await hub.containers.get(Image, request.path_params["image"])
    answer: Answer = await _listed(hub, Narrowed(image.id))
    return answer


async def plane_shapes(request: Request, hub: Hub) -> Answer:
    """List the regions of one plane, with their shapes there."""
    path = request.path_params
    image, z, t = await hub.containers.get(Image, path["image"]), path["z"], path["t"]
    answer: Answer = await _listed(hub, Narrowed(image.id, z=(z, z), t=(t, t)))
    return answer


async def _listed(hub: Hub, which: Narrowed) -> Any:
    parts = []
    async for ids in hub.roi_lists.ids(which):
        shapes = await hub.roi_lists.shapes_of(ids)
        names = await hub.roi_lists.names_of(ids)
        flat = [row for id in ids for row in shapes[id] if _on(row, which)]
        parts.append(await asyncio.to_thread(_written, ids, flat, names))
    return orjson.Fragment(b"[" + b",".join(parts) + b"]")


def _on(row: Any, which: Narrowed) -> bool:
    places = ((row.z, which.z), (row.t, which.t))
    return all(span is None or place in (None, span[0]) for place, span in places)


def _written(ids: Sequence[int], rows: Sequence[Any], names: Any) -> bytes:
    inside: dict[int, list[dict[str, Any]]] = {id: [] for id in ids}
    for row, shape in zip(rows, old_shapes(rows, names), strict=True):
        inside[row.roi_id].append(shape)
    return orjson.dumps([{"id": id, "shapes": shapes} for id, shapes in inside.items()])[1:-1]


async def get_shape_json(request: Request, hub: Hub) -> Answer:
    """Show one shape of a region."""
    path = request.path_params
    row, roi = await hub.roi_lists.shape(path["id"])
    if roi.id != path["roi"]:
        raise NotFound("shape", row.id)
    names = await hub.roi_lists.names_of([roi.id])
    return old_shapes([row], names)[0]


async def render_shape_mask(request: Request, hub: Hub) -> Answer:
    """Draw the bits of a mask."""
    row, _ = await hub.roi_lists.shape(request.path_params["id"])
    color = (row.style or {}).get("fill_color")
    bits = (YELLOW if color is None else color) & 0xFFFFFFFF
    picture = await hub.shape_pictures.mask(
        row, (bits >> 24, bits >> 16 & 255, bits >> 8 & 255, bits & 255)
    )
    return Response(picture, media_type="image/png")


async def render_roi_thumbnail(request: Request, hub: Hub) -> Answer:
    """Draw the place where a region lies."""
    roi = await hub.roi_lists.region(request.path_params["id"])
    rows = (await hub.rois.shapes_of([roi.id]))[roi.id]
    if not rows:
        raise NotFound("roi", roi.id)
    return await _thumbnail(request, hub, rows)


async def render_shape_thumbnail(request: Request, hub: Hub) -> Answer:
    """Draw the place where a shape lies."""
    row, _ = await hub.roi_lists.shape(request.path_params["id"])
    return await _thumbnail(request, hub, [row])


async def _thumbnail(request: Request, hub: Hub, rows: Sequence[Any]) -> Response:
    color = _rgb(request.query_params.get("color") or "fff")
    view = await hub.pixels.view(rows[0].image_id)
    picture = await hub.shape_pictures.thumbnail(view, rows, color=color, width=WIDTH)
    return Response(picture, media_type="image/jpeg")


def _rgb(text: str) -> tuple[int, int, int]:
    if _COLOR.fullmatch(text) is None:
        raise Invalid("color", f"{text[:20]!r} is not three or six hexadecimal digits.")
    if len(text) == 3:
        text = "".join(digit * 2 for digit in text)
    red, green, blue = bytes.fromhex(text)
    return red, green, blue


_PATH = "/webgateway"
ROUTES = [
    *resource(f"{_PATH}/get_rois_json/{{image:number}}", get=get_rois_json, manner=GATEWAY),
    *resource(
        f"{_PATH}/plane_shapes/{{image:number}}/{{z:number}}/{{t:number}}",
        get=plane_shapes, manner=GATEWAY,
    ),
    *resource(
        f"{_PATH}/get_shape_json/{{roi:number}}/{{id:number}}", get=get_shape_json, manner=GATEWAY
    ),
    *resource(f"{_PATH}/render_shape_mask/{{id:number}}", get=render_shape_mask, manner=GATEWAY),
    *resource(
        f"{_PATH}/render_roi_thumbnail/{{id:number}}", get=render_roi_thumbnail, manner=GATEWAY
    ),
    *resource(
        f"{_PATH}/render_shape_thumbnail/{{id:number}}", get=render_shape_thumbnail, manner=GATEWAY
    ),
]  # fmt: skip
