"""``/tile``: raw samples of one channel, by the small service that QuPath looks for.

Resolutions count from the smallest here, the reverse of every other address; there are as many as
``imgData`` tells, so that of a small image only the full one is there. Samples without a format are
big-endian; a TIFF has one band in the image's own type, uncompressed.
"""

from __future__ import annotations

from importlib.metadata import version
from io import BytesIO
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from adapters.images import View
from adapters.pixels import Box
from adapters.render import encode
from store.errors import Invalid, Unsupported
from web.rest.omero.parameters import read
from web.rest.omero.pyramid import resolutions
from web.rest.omero.resource import PIXELS, Answer, resource

MOST_SAMPLES = 1 << 26
_KINDS = {"tif": "image/tiff", "tiff": "image/tiff", "png": "image/png"}


async def available(request: Request) -> Answer:
    """Say that this service is here."""
    return {
        "provider": "PixelBufferMicroservice",
        "version": version("imagehub"),
        "features": [],
    }


async def tile(request: Request, hub: Hub) -> Answer:
    """Give the samples of a box of one plane of one channel."""
    path = request.path_params
    format = request.query_params.get("format") or "raw"
    if format not in ("raw", *_KINDS):
        raise Unsupported(f"{format[:20]!r} is not one of raw, tif, png.")
    view = await hub.pixels.view(path["image"])
    pixels = view.pixels
    sizes = {"z": pixels.size_z, "c": pixels.size_c, "t": pixels.size_t}
    for axis, size in sizes.items():
        if path[axis] >= (size or 0):
            raise Invalid(axis, f"{path[axis]} is not between 0 and {(size or 0) - 1}.")
    box = _box(request, view)
    found = await hub.pixels.region(
        view, box, channels=[path["c"]],
        z=(path["z"], path["z"] + 1), t=(path["t"], path["t"] + 1),
    )  # fmt: skip
    data, kind = await hub.infrastructure.run(_encoded, found[0, 0, 0], format)
    return Response(data, media_type=kind, headers={"X-Content-Type-Options": "nosniff"})


def _box(request: Request, view: View) -> Box:
    """Return the box asked for. Raises Invalid unless it lies within its level."""
    sizes = resolutions(view.pixels)
    last = len(sizes) - 1
    resolution = _number(request, "resolution", last)
    if not 0 <= resolution <= last:
        raise Invalid("resolution", f"{resolution} is not between 0, the smallest, and {last}.")
    size_y, size_x = sizes[last - resolution]
    x, y = _number(request, "x", 0), _number(request, "y", 0)
    width, height = _number(request, "w", size_x - x), _number(request, "h", size_y - y)
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > size_x or y + height > size_y:
        raise Invalid(
            "region",
            f"x {x}, y {y}, {width} × {height} is outside resolution {resolution}, which has "
            f"{size_x} × {size_y} pixels.",
        )
    if width * height > MOST_SAMPLES:
        raise Invalid("region", f"ask for {MOST_SAMPLES:,} pixels at most.")
    return Box(x, y, width, height, last - resolution)


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name)
    return default if text is None else read(text)


def _encoded(samples: NDArray[Any], format: str) -> tuple[bytes, str]:
    """Return one plane ``(y, x)`` as a client asked for it, and the media type."""
    if samples.dtype == np.bool_:
        samples = samples.astype(np.uint8)
    if format == "raw":
        return samples.astype(samples.dtype.newbyteorder(">")).tobytes(), "application/octet-stream"
    if format == "png":
        if samples.dtype not in (np.uint8, np.uint16):
            raise Unsupported(f"a PNG holds uint8 or uint16, this image {samples.dtype}; use tif.")
        return encode.png(samples), _KINDS[format]
    out = BytesIO()
    tifffile.imwrite(out, samples, photometric="minisblack", compression=None, metadata=None)
    return out.getvalue(), _KINDS[format]


ROUTES = [
    *resource("/tile", options=available, manner=PIXELS, open=True, csrf=False),
    *resource(
        "/tile/{image:number}/{z:number}/{c:number}/{t:number}",
        get=tile, manner=PIXELS, csrf=False,
    ),
]  # fmt: skip
