"""Pictures and raw samples of one image: tiles, regions, thumbnails, with ETags.

``/tiles/{image}/{level}/{y}/{x}``, ``/tiles/{image}/thumbnail``, ``/tiles/{image}/picture`` draw;
``/tiles/{image}/region`` gives raw samples, little-endian in C order ``(t, c, z, y, x)``, with
shape and type in the headers. Samples under an address with the pixels' generation (``v``), and
pictures under one that also names the settings (``s``), may be kept for ever; everything else is
asked again by its ETag.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from adapters.hub import Hub
from adapters.images import View
from adapters.pixels import Box, Picture
from adapters.render import compact
from adapters.render.encode import DEFAULT_QUALITY, Format
from adapters.render.settings import RenderSettings
from store.errors import Invalid
from web.dialects import TILES, caller_of
from web.parameters import indexes, span, whole
from web.ranges import PIECE, VARY, unchanged

KEPT = "private, max-age=31536000, immutable"
AT_ONCE = 4 * PIECE


async def _viewed(request: Request) -> tuple[Hub, View]:
    """Return the hub of the caller and the image asked for. Raises NotFound."""
    caller = await caller_of(request)
    hub: Hub = request.app.state.services.hub(caller.actor)
    return hub, await hub.pixels.view(request.path_params["image"])


def _settings(request: Request, view: View) -> RenderSettings:
    """Return how to draw: as the caller sees the image, changed by the address."""
    asked = request.query_params
    settings = view.settings
    if asked.get("c") or asked.get("maps") or asked.get("p") or asked.get("m"):
        settings = compact.read(
            settings, c=asked.get("c"), m=asked.get("m"), p=asked.get("p"), maps=asked.get("maps")
        )
    z, t = whole(request, "z", settings.z), whole(request, "t", settings.t)
    if not (0 <= z < (view.pixels.size_z or 0) and 0 <= t < (view.pixels.size_t or 0)):
        raise Invalid("plane", f"z {z}, t {t} is outside the image.")
    return replace(settings, z=z, t=t)


def _format(request: Request) -> Format:
    return Format.named(request.query_params.get("format", "jpeg"))


def _etag(view: View, *parts: object) -> str:
    text = repr((view.image.id, view.pixels.store_key, view.pixels.generation, parts))
    return f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'


def _quality(request: Request) -> int:
    quality = whole(request, "q", DEFAULT_QUALITY)
    if not 1 <= quality <= 100:
        raise Invalid("q", f"{quality} is not between 1 and 100.")
    return quality


def _kept(etag: str, keep: bool) -> dict[str, str]:
    """Return the headers of an answer, which may be kept only if the address says all it shows."""
    return {
        "ETag": etag,
        "Cache-Control": KEPT if keep else TILES.cache,
        "Vary": VARY,
        "X-Content-Type-Options": "nosniff",
    }


def _headers(request: Request, view: View, key: str, etag: str) -> dict[str, str]:
    """Return the headers of a picture drawn by settings of this key."""
    named = (str(view.pixels.generation), key)
    return _kept(etag, (request.query_params.get("v"), request.query_params.get("s")) == named)


async def tile(request: Request) -> Response:
    """Draw one tile of the grid of a level."""
    hub, view = await _viewed(request)
    settings, format = _settings(request, view), _format(request)
    level, y, x = (request.path_params[name] for name in ("level", "y", "x"))
    size = whole(request, "size", 256)
    if not 16 <= size <= 2048:
        raise Invalid("size", f"{size} is not between 16 and 2048.")
    quality = _quality(request)
    key = settings.key()
    etag = _etag(view, "tile", level, y, x, size, key, format, quality)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, key, etag))
    picture = await hub.pixels.tile(
        view, settings, level=level, tx=x, ty=y, size=size, format=format, quality=quality
    )
    return _picture(request, view, key, etag, picture)


async def picture(request: Request) -> Response:
    """Draw a rectangle of a level."""
    hub, view = await _viewed(request)
    settings, format, box = _settings(request, view), _format(request), _box(request, view)
    quality = _quality(request)
    key = settings.key()
    etag = _etag(view, "picture", box, key, format, quality)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, key, etag))
    drawn = await hub.pixels.picture(view, box, settings, format, quality)
    return _picture(request, view, key, etag, drawn)


async def thumbnail(request: Request) -> Response:
    """Draw the whole plane small."""
    hub, view = await _viewed(request)
    settings, format = _settings(request, view), _format(request)
    size = whole(request, "size", 96)
    if not 1 <= size <= 2048:
        raise Invalid("size", f"{size} is not between 1 and 2048.")
    key = settings.key()
    etag = _etag(view, "thumbnail", size, key, format)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, key, etag))
    drawn = await hub.pixels.thumbnail(view, settings, size, format)
    return _picture(request, view, key, etag, drawn)


async def region(request: Request) -> Response:
    """Give raw samples of a box."""
    hub, view = await _viewed(request)
    pixels, box = view.pixels, _box(request, view)
    channels = indexes(request, "c", pixels.size_c or 0)
    z, t = span(request, "z", 0, pixels.size_z or 0), span(request, "t", 0, pixels.size_t or 0)
    etag = _etag(view, "region", box, channels, z, t)
    headers = _kept(etag, request.query_params.get("v") == str(pixels.generation))
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    samples = await hub.pixels.region(view, box, channels=channels, z=z, t=t)
    headers |= {
        "X-Shape": ",".join(map(str, samples.shape)),
        "X-Dtype": samples.dtype.name,
        "X-Byte-Order": "little",
    }
    return _samples(samples, headers)


def _samples(samples: NDArray[Any], headers: dict[str, str]) -> Response:
    """Answer an array's bytes without copying them; many go out piece by piece."""
    if sys.byteorder == "big":
        samples = samples.astype(samples.dtype.newbyteorder("<"))
    body = np.ascontiguousarray(samples).reshape(-1).view(np.uint8).data
    kind = "application/octet-stream"
    if body.nbytes <= AT_ONCE:
        return Response(body, media_type=kind, headers=headers)
    headers["Content-Length"] = str(body.nbytes)

    def parts() -> Iterator[memoryview]:
        for at in range(0, body.nbytes, PIECE):
            yield body[at : at + PIECE]

    return StreamingResponse(parts(), media_type=kind, headers=headers)


def _box(request: Request, view: View) -> Box:
    level = whole(request, "level", 0)
    levels = view.pixels.levels
    if not 0 <= level < len(levels):
        raise Invalid("level", f"there is no level {level}; they are 0 to {len(levels) - 1}.")
    size_y, size_x = levels[level]["shape"][3:]
    x, y = whole(request, "x", 0), whole(request, "y", 0)
    width = whole(request, "width", size_x - x)
    height = whole(request, "height", size_y - y)
    if x < 0 or y < 0 or width < 1 or height < 1 or x + width > size_x or y + height > size_y:
        raise Invalid(
            "region",
            f"x {x}, y {y}, {width} × {height} is outside level {level} of {size_x} × {size_y}.",
        )
    return Box(x, y, width, height, level)


def _picture(request: Request, view: View, key: str, etag: str, drawn: Picture) -> Response:
    return Response(
        drawn.data, media_type=drawn.media_type, headers=_headers(request, view, key, etag)
    )


ROUTES = [
    Route("/tiles/{image:number}/thumbnail", thumbnail),
    Route("/tiles/{image:number}/picture", picture),
    Route("/tiles/{image:number}/region", region),
    Route("/tiles/{image:number}/{level:number}/{y:number}/{x:number}", tile),
]
