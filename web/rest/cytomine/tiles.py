"""Tiles of 256 pixels: zoom 0 is the whole plane in one tile, each further zoom twice as large.

The greatest zoom is full resolution. Every zoom is a stored level, so a tile is read as it lies
there; tiles at the right and lower border end with the image.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.crops import Frame
from adapters.hub import Hub
from adapters.subjects import Subject
from store.errors import NotFound
from web.rest.cytomine.drawing import (
    IMAGES,
    PLANES,
    drawn,
    file_of,
    given_by,
    manner_of,
    routes_of,
    subject_of,
)

TILE = 256


async def tile(request: Request, hub: Hub) -> Response:
    """Draw one tile of a plane."""
    subject, given = await subject_of(request, hub), await given_by(request)
    path = request.path_params
    frame = frame_of_tile(subject, path["zoom"], path["tx"], path["ty"])
    return await drawn(request, hub, subject, frame, manner_of(given, subject, file_of(request)))


def frame_of_tile(subject: Subject, zoom: int, tx: int, ty: int) -> Frame:
    """Return where a tile lies at full resolution, and its size. Raises NotFound."""
    levels = subject.view.pixels.levels
    level = len(levels) - 1 - zoom
    if level < 0:
        raise NotFound("zoom", zoom)
    (size_y, size_x), (high, wide) = levels[0]["shape"][3:], levels[level]["shape"][3:]
    left, top = tx * TILE, ty * TILE
    if left >= wide or top >= high:
        raise NotFound("tile", f"{tx}, {ty} of zoom {zoom}")
    right, bottom = min(left + TILE, wide), min(top + TILE, high)
    x, y = left * size_x // wide, top * size_y // high
    return Frame(
        x, y, max(1, right * size_x // wide - x), max(1, bottom * size_y // high - y),
        right - left, bottom - top, level, left, top,
    )  # fmt: skip


ROUTES = routes_of(
    IMAGES + PLANES,
    "normalized-tile/zoom/{zoom:number}/tx/{tx:number}/ty/{ty:number}.{format}",
    tile,
)
