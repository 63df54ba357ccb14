"""Small pictures of whole planes: one as a JPEG, or many as data addresses in one JSON."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.hub import Hub
from adapters.images import View, custom_tables
from adapters.pixels import Picture
from adapters.render.encode import Format
from adapters.render.region import MAX_PIXELS
from adapters.render.settings import RenderSettings
from store.errors import HubError, Invalid, NotFound
from web.rest.omero.gateway.viewing import answered, at_plane, viewed
from web.rest.omero.parameters import number, read
from web.rest.omero.resource import GATEWAY, Answer, resource

SIDE = 96
LONGEST = 16_384
LARGEST_ENLARGED = 2048  # pixels; a small image is not blown up beyond it
MOST_AT_ONCE = 50


async def thumbnail(request: Request, hub: Hub) -> Response:
    """Draw a plane so that its longer side has the width asked for, or that it fits a box."""
    view = await viewed(request, hub)
    settings = await _settings(request, hub, view)
    side = _side(view, request.path_params.get("width"), request.path_params.get("height"))
    return await answered(
        request,
        view,
        ("thumbnail", side, settings.key()),
        lambda: _drawn(hub, view, settings, side),
    )


async def as_address(request: Request, hub: Hub) -> Answer:
    """Return a thumbnail as a data address, a JSON string."""
    view = await viewed(request, hub)
    settings = await _settings(request, hub, view)
    side = _side(view, request.path_params.get("width"), None)
    return _address(await _drawn(hub, view, settings, side))


async def as_addresses(request: Request, hub: Hub) -> Answer:
    """Return thumbnails of many images by their ids; null for those that cannot be shown."""
    ids = list(dict.fromkeys(read(text) for text in request.query_params.getlist("id")))
    if len(ids) > MOST_AT_ONCE:
        return PlainTextResponse(f"At most {MOST_AT_ONCE} thumbnails at once", 400)
    views = await hub.pixels.views([id for id in ids if id > 0]) if ids else {}
    width = request.path_params.get("width")
    drawn = await asyncio.gather(*(_try(hub, views.get(id), width) for id in ids))
    return {str(id): address for id, address in zip(ids, drawn, strict=True)}


async def _try(hub: Hub, view: View | None, width: int | None) -> str | None:
    if view is None:
        return None
    try:
        return _address(await _drawn(hub, view, view.settings, _side(view, width, None)))
    except Invalid:
        raise
    except HubError:
        return None


async def _settings(request: Request, hub: Hub, view: View) -> RenderSettings:
    """Return the caller's settings, or those of the number given, at the plane asked for."""
    settings, rdef = view.settings, number(request, "rdefId")
    if rdef is not None:
        saved = await hub.renderings.one(rdef)
        if saved.image_id != view.image.id:
            raise NotFound("rendering", rdef)
        settings = replace(saved.settings, custom=custom_tables(view.channels))
    return at_plane(settings, view, number(request, "z"), number(request, "t"))


def _side(view: View, width: int | None, height: int | None) -> int:
    """Return the longer side of the picture in pixels. Raises Invalid."""
    size_x, size_y = view.pixels.size_x or 1, view.pixels.size_y or 1
    longer = max(size_x, size_y)
    if width is None:
        return SIDE
    if not all(1 <= side <= LONGEST for side in (width, width if height is None else height)):
        raise Invalid("size", f"a thumbnail has 1 to {LONGEST} pixels on each side.")
    side = width
    if height is not None:
        side = max(1, round(longer * min(width / size_x, height / size_y)))
    side = min(side, max(longer, LARGEST_ENLARGED))
    if side * side * min(size_x, size_y) // longer > MAX_PIXELS:
        raise Invalid("size", f"a picture has at most {MAX_PIXELS} pixels; ask for tiles.")
    return side


async def _drawn(hub: Hub, view: View, settings: RenderSettings, side: int) -> Picture:
    return await hub.pixels.thumbnail(view, settings, side, Format.JPEG, enlarge=True)


def _address(picture: Picture) -> str:
    return f"data:{picture.media_type};base64,{b64encode(picture.data).decode()}"


def _sized(paths: Sequence[str]) -> list[Route]:
    return [route for path in paths for route in resource(path, get=thumbnail, manner=GATEWAY)]


_IMAGE = "{image:number}"
ROUTES = [
    *_sized(
        [
            f"/{family}/{word}/{_IMAGE}{rest}"
            for family in ("webgateway", "webclient")
            for word in ("render_thumbnail", "render_birds_eye_view")
            for rest in ("", "/{width:number}", "/{width:number}/{height:number}")
        ]
    ),
    *_sized([f"/webclient/render_thumbnail/size/{{width:number}}/{_IMAGE}"]),
    *(
        route
        for family in ("webgateway", "webclient")
        for rest in ("", "/{width:number}")
        for route in (
            *resource(f"/{family}/get_thumbnail/{_IMAGE}{rest}", get=as_address, manner=GATEWAY),
            *resource(f"/{family}/get_thumbnails{rest}", get=as_addresses, manner=GATEWAY),
        )
    ),
]
