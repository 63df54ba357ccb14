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
from dataclasses import replace

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.hub import Hub
from adapters.images import View
from adapters.pixels import Box, Picture
from adapters.render import compact
from adapters.render.encode import Format
from adapters.render.settings import RenderSettings
from store.errors import Invalid
from web.auth.identity import Kind
from web.auth.resolve import authenticate
from web.parameters import indexes, span, whole

ACCEPTED = (Kind.SESSION, Kind.BEARER, Kind.BASIC, Kind.LINK)
PRIVATE = "private, max-age=0, must-revalidate"
KEPT = "private, max-age=31536000, immutable"


async def _viewed(request: Request) -> tuple[Hub, View]:
    """Return the hub of the caller and the image asked for. Raises NotFound."""
    caller = await authenticate(request, ACCEPTED)
    hub: Hub = request.app.state.services.hub(caller.actor)
    return hub, await hub.pixels.view(int(request.path_params["image"]))


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


def unchanged(request: Request, etag: str) -> bool:
    """Whether the client has what the ETag names already."""
    sent = request.headers.get("if-none-match")
    return sent is not None and (
        sent.strip() == "*" or etag in [part.strip().removeprefix("W/") for part in sent.split(",")]
    )


def _headers(request: Request, view: View, settings: RenderSettings, etag: str) -> dict[str, str]:
    """Return the headers of a picture; it may be kept only if the address says all it shows."""
    named = (str(view.pixels.generation), settings.key())
    keep = (request.query_params.get("v"), request.query_params.get("s")) == named
    return {
        "ETag": etag,
        "Cache-Control": KEPT if keep else PRIVATE,
        "Vary": "Cookie, Authorization",
    }


async def tile(request: Request) -> Response:
    """Draw one tile of the grid of a level."""
    hub, view = await _viewed(request)
    settings, format = _settings(request, view), _format(request)
    level, y, x = (int(request.path_params[name]) for name in ("level", "y", "x"))
    size = whole(request, "size", 256)
    if not 16 <= size <= 2048:
        raise Invalid("size", f"{size} is not between 16 and 2048.")
    quality = whole(request, "q", 0) or None
    etag = _etag(view, "tile", level, y, x, size, settings.key(), format, quality)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, settings, etag))
    picture = await hub.pixels.tile(
        view, settings, level=level, tx=x, ty=y, size=size, format=format, quality=quality
    )
    return _picture(request, view, settings, etag, picture)


async def picture(request: Request) -> Response:
    """Draw a rectangle of a level."""
    hub, view = await _viewed(request)
    settings, format, box = _settings(request, view), _format(request), _box(request, view)
    quality = whole(request, "q", 0) or None
    etag = _etag(view, "picture", box, settings.key(), format, quality)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, settings, etag))
    drawn = await hub.pixels.picture(view, box, settings, format, quality)
    return _picture(request, view, settings, etag, drawn)


async def thumbnail(request: Request) -> Response:
    """Draw the whole plane small."""
    hub, view = await _viewed(request)
    settings, format = _settings(request, view), _format(request)
    size = whole(request, "size", 96)
    if not 1 <= size <= 2048:
        raise Invalid("size", f"{size} is not between 1 and 2048.")
    etag = _etag(view, "thumbnail", size, settings.key(), format)
    if unchanged(request, etag):
        return Response(status_code=304, headers=_headers(request, view, settings, etag))
    drawn = await hub.pixels.thumbnail(view, settings, size, format)
    return _picture(request, view, settings, etag, drawn)


async def region(request: Request) -> Response:
    """Give raw samples of a box."""
    hub, view = await _viewed(request)
    pixels, box = view.pixels, _box(request, view)
    channels = indexes(request, "c", pixels.size_c or 0)
    z, t = span(request, "z", 0, pixels.size_z or 0), span(request, "t", 0, pixels.size_t or 0)
    etag = _etag(view, "region", box, channels, z, t)
    headers = {"ETag": etag, "Cache-Control": PRIVATE, "Vary": "Cookie, Authorization"}
    if request.query_params.get("v") == str(pixels.generation):
        headers["Cache-Control"] = KEPT
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    samples = await hub.pixels.region(view, box, channels=channels, z=z, t=t)
    if sys.byteorder == "big":
        samples = samples.astype(samples.dtype.newbyteorder("<"))
    headers |= {
        "X-Shape": ",".join(map(str, samples.shape)),
        "X-Dtype": samples.dtype.name,
        "X-Byte-Order": "little",
    }
    body = np.ascontiguousarray(samples).tobytes()
    return Response(body, media_type="application/octet-stream", headers=headers)


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


def _picture(
    request: Request, view: View, settings: RenderSettings, etag: str, drawn: Picture
) -> Response:
    return Response(
        drawn.data, media_type=drawn.media_type, headers=_headers(request, view, settings, etag)
    )


ROUTES = [
    Route("/tiles/{image:int}/thumbnail", thumbnail),
    Route("/tiles/{image:int}/picture", picture),
    Route("/tiles/{image:int}/region", region),
    Route("/tiles/{image:int}/{level:int}/{y:int}/{x:int}", tile),
]
