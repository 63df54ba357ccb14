"""Lookup tables: their names, their colours, and a picture of all of them.

The numbers are the tables' places in the alphabet: they are computed, not files with ids.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from adapters.render import encode, luts
from web.ranges import VARY, unchanged
from web.rest.omero.parameters import flag
from web.rest.omero.resource import GATEWAY, Answer, resource

ROW = 10  # pixels of height per table
_FOLDER = "luts/"
_BYTES = 3 * 256
_GRADIENT = "gradient.png"  # the last row: black, fading away to the right


async def listed(request: Request, hub: Hub) -> Answer:
    """Return all tables, with their 256 colours if ``rgb=true``."""
    colors = flag(request, "rgb")
    tables: list[dict[str, Any]] = []
    for index, name in enumerate(luts.names()):
        one: dict[str, Any] = {
            "id": index + 1,
            "path": _FOLDER,
            "name": f"{name}.lut",
            "size": _BYTES,
            "png_index": -1,
            "png_index_new": index,
        }
        if colors:
            one["rgb"] = luts.table(name).tolist()
        tables.append(one)
    return {
        "luts": tables,
        "png_luts": [],
        "png_luts_new": [*(f"{_FOLDER}{name}.lut" for name in luts.names()), _GRADIENT],
    }


async def pictured(request: Request, hub: Hub) -> Response:
    """Draw all tables under one another, 256 pixels wide, in the order of `listed`."""
    etag = '"luts-1"'
    headers = {"ETag": etag, "Cache-Control": "private, max-age=3600", "Vary": VARY,
               "X-Content-Type-Options": "nosniff"}  # fmt: skip
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(_picture(), media_type="image/png", headers=headers)


@cache
def _picture() -> bytes:
    ramps = luts.swatches(height=ROW)
    opaque = np.full((*ramps.shape[:2], 1), 255, np.uint8)
    fading = np.zeros((ROW, 256, 4), np.uint8)
    fading[..., 3] = np.arange(255, -1, -1)
    return encode.png(np.concatenate([np.concatenate([ramps, opaque], axis=2), fading]))


ROUTES = [
    *resource("/webgateway/luts", get=listed, manner=GATEWAY),
    *resource("/webgateway/luts_png", get=pictured, manner=GATEWAY),
]
