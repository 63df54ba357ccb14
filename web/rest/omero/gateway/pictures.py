"""Whole planes, regions, tiles and channels side by side, drawn as the address says.

Resolutions count from 0, the full one; tiles and regions are cut to the image. The texts of
refusals are those of OMERO.web, which clients show to people.
"""

from __future__ import annotations

import re
from functools import wraps

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.hub import Hub
from adapters.images import View
from adapters.pixels import Box
from adapters.render.settings import RenderSettings
from store.errors import NotFound
from web.rest.omero.gateway.viewing import (
    answered,
    at_plane,
    drawn_as,
    format_of,
    quality_of,
    viewed,
)
from web.rest.omero.pyramid import TILE, resolutions
from web.rest.omero.resource import GATEWAY, resource
from web.rest.omero.resource import View as Handler

LONGEST_TILE = 1024
# A channel that says everything about itself: number|start:end$look.
_WHOLE_CHANNEL = re.compile(r"\s*-?[0-9]+\|[^:$]+:[^:$]+\$.+")


class _Refused(Exception):  # a way out of reading, never seen by callers
    """The address asks for a box that cannot be; its text is for the client."""


async def image(request: Request, hub: Hub) -> Response:
    """Draw a whole plane."""
    view = await viewed(request, hub)
    size_y, size_x = resolutions(view.pixels)[0]
    return await _box(request, hub, view, Box(0, 0, size_x, size_y))


async def region(request: Request, hub: Hub) -> Response:
    """Draw a tile of a resolution, or a region in pixels of the full one."""
    view = await viewed(request, hub)
    try:
        box = _asked_box(request, view)
    except _Refused as refused:
        return PlainTextResponse(str(refused), 400)
    return await _box(request, hub, view, _cut(box, view))


async def split_channel(request: Request, hub: Hub) -> Response:
    """Draw the active channels side by side, and all together at the end."""
    view = await viewed(request, hub)
    settings, format, quality = _settings(request, view), format_of(request), quality_of(request)
    looks = tuple(settings.channels), settings.model, settings.projection
    return await answered(
        request,
        view,
        ("split", looks, settings.z, settings.t, format, quality),
        lambda: hub.pixels.split(view, settings, format, quality),
    )


async def _box(request: Request, hub: Hub, view: View, box: Box) -> Response:
    settings, format, quality = _settings(request, view), format_of(request), quality_of(request)
    return await answered(
        request,
        view,
        ("picture", box, settings.key(), format, quality),
        lambda: hub.pixels.picture(view, box, settings, format, quality),
    )


def _settings(request: Request, view: View) -> RenderSettings:
    """Return how to draw, at the plane of the path. Raises Invalid, NotFound."""
    z, t = (request.path_params.get(axis) for axis in "zt")
    if request.query_params.get("ia") == "1":
        z, t = t, z
    return at_plane(drawn_as(request.query_params, view), view, z, t)


def _asked_box(request: Request, view: View) -> Box:
    tile, asked = request.query_params.get("tile"), request.query_params.get("region")
    if tile:
        return _tile(tile, len(resolutions(view.pixels)) - 1)
    if not asked:
        raise _Refused("tile or region argument required")
    numbers = _numbers(asked)
    if len(numbers) < 4:
        raise _Refused(f"malformed region argument, region={asked}")
    return Box(*numbers[:4])


def _tile(text: str, highest: int) -> Box:
    """Read ``level,x,y[,w,h]``; sides up to 0 are ours, those above the longest are cut to it."""
    numbers = _numbers(text)
    if len(numbers) < 3 or len(numbers) == 4:
        raise _Refused(f"malformed tile argument, tile={text}")
    level, x, y = numbers[:3]
    width, height = (
        TILE if side <= 0 else min(side, LONGEST_TILE) for side in numbers[3:5] or (0, 0)
    )
    if level < 0:
        raise _Refused(f"Invalid resolution level {level} < 0")
    if level > highest:
        if highest == 0:
            raise _Refused(f"Invalid resolution level {level}, non pyramid file")
        raise _Refused(f"Invalid resolution level, {level} > number of available levels {highest} ")
    return Box(x * width, y * height, width, height, level)


def _numbers(text: str) -> list[int]:
    """Return whole numbers between commas; none at all if one cannot be read."""
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[+-]?[0-9]{1,18}", part, re.ASCII) for part in parts):
        return []
    return [int(part) for part in parts]


def _cut(box: Box, view: View) -> Box:
    """Cut a box to its level. Raises NotFound when nothing is left."""
    size_y, size_x = view.pixels.levels[box.level]["shape"][3:]
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.width, size_x), min(box.y + box.height, size_y)
    if right <= left or bottom <= top:
        raise NotFound("region", f"{box.x},{box.y},{box.width},{box.height}")
    return Box(left, top, right - left, bottom - top, box.level)


def _complete(view: Handler) -> Handler:
    """Return a view that draws only what its address says in full, whatever settings are kept."""

    @wraps(view)
    async def checked(request: Request, hub: Hub) -> Response:
        asked = request.query_params
        channels = asked.get("c")
        if not channels:
            return PlainTextResponse("Rendering settings must specify channels as c", 400)
        if not all(_WHOLE_CHANNEL.fullmatch(part) for part in channels.split(",")):
            return PlainTextResponse("Number of channels, windows, and colors must match", 400)
        if not asked.get("m"):
            return PlainTextResponse("Rendering settings must specify model as m", 400)
        answer = await view(request, hub)
        assert isinstance(answer, Response)
        return answer

    return checked


def _at_planes(path: str, view: Handler) -> list[Route]:
    """Return the routes of an address with, and without, its plane."""
    return [
        route
        for rest in ("/{z:number}/{t:number}", "/{z:number}", "")
        for route in resource(f"{path}/{{image:number}}{rest}", get=view, manner=GATEWAY)
    ]


ROUTES = [
    *_at_planes("/webgateway/render_image_region", region),
    *_at_planes("/webgateway/render_image", image),
    *_at_planes("/webgateway/render_image_region_rdef", _complete(region)),
    *_at_planes("/webgateway/render_image_rdef", _complete(image)),
    *_at_planes("/webgateway/render_split_channel", split_channel),
    *_at_planes("/webclient/render_image_region", region),
    *_at_planes("/webclient/render_image", image),
]
