"""What all pictures share: the image asked for, how the address wants it drawn, and the ETag."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from adapters.images import PALETTE, View
from adapters.pixels import Picture
from adapters.render import compact, luts
from adapters.render.encode import DEFAULT_QUALITY, Format
from adapters.render.settings import RenderSettings
from store.errors import Invalid, NotFound
from web.ranges import VARY, unchanged

ASKED_AGAIN = "private, max-age=0, must-revalidate"
# What clients call a table that came with the image and has no name anywhere else.
OWN_TABLE = "palette"
_MODELS = {"color": "c", "rgb": "c", "greyscale": "g"}


async def viewed(request: Request, hub: Hub) -> View:
    """Return the image of the path. Raises NotFound, also for one without pixels."""
    return await view_of(hub, request.path_params["image"])


async def view_of(hub: Hub, image_id: int) -> View:
    """Return an image that can be drawn. Raises NotFound."""
    try:
        return await hub.pixels.view(image_id)
    except Invalid as error:
        raise NotFound("image", image_id) from error


def drawn_as(asked: Mapping[str, str], view: View) -> RenderSettings:
    """Return the caller's settings changed by ``c``, ``m``, ``p`` and ``maps``. Raises Invalid."""
    base = view.settings
    if not (asked.get("c") or asked.get("maps") or asked.get("p") or asked.get("m")):
        return base
    model = asked.get("m")
    if base.custom:
        base = replace(base, custom={**base.custom, OWN_TABLE: next(iter(base.custom.values()))})
    read = compact.read(
        base,
        c=asked.get("c"),
        m=None if model is None else _MODELS.get(model, model),
        p=asked.get("p"),
        maps=asked.get("maps"),
    )
    return replace(_with_own_tables(read, view), custom=view.settings.custom)


def _with_own_tables(settings: RenderSettings, view: View) -> RenderSettings:
    """Put the image's own table in the place of its nickname, channel by channel."""
    if not settings.custom:
        return settings
    own = {channel.position: channel.lut for channel in view.channels}
    channels = tuple(
        replace(channel, lut=own.get(index)) if channel.lut == OWN_TABLE else channel
        for index, channel in enumerate(settings.channels)
    )
    return replace(settings, channels=channels)


def table_name(lut: str) -> str:
    """Return the name by which clients are told of a lookup table, and name it again."""
    return f"{OWN_TABLE if lut.startswith(PALETTE) else luts.canonical(lut)}.lut"


def at_plane(settings: RenderSettings, view: View, z: int | None, t: int | None) -> RenderSettings:
    """Return settings for a plane, from 0; None is the plane shown first. Raises NotFound."""
    z, t = settings.z if z is None else z, settings.t if t is None else t
    if not (0 <= z < (view.pixels.size_z or 0) and 0 <= t < (view.pixels.size_t or 0)):
        raise NotFound("plane", f"z {z}, t {t}")
    return replace(settings, z=z, t=t)


def format_of(request: Request) -> Format:
    """Return the format asked for, JPEG by default. Raises Unsupported."""
    return Format.named(request.query_params.get("format") or "jpeg")


def quality_of(request: Request) -> int:
    """Return the quality of a JPEG, 1-100. Raises Invalid."""
    text = request.query_params.get("q")
    return compact.read_quality(text) if text else DEFAULT_QUALITY


async def answered(
    request: Request, view: View, parts: tuple[Any, ...], draw: Callable[[], Awaitable[Picture]]
) -> Response:
    """Draw a picture unless the client has it; `parts` are all that it depends on but the pixels.

    Raises what `draw` does.
    """
    text = repr((view.image.id, view.pixels.store_key, view.pixels.generation, parts))
    etag = f'"{hashlib.blake2b(text.encode(), digest_size=12).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": ASKED_AGAIN,
        "Vary": VARY,
        "X-Content-Type-Options": "nosniff",
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    drawn = await draw()
    return Response(drawn.data, media_type=drawn.media_type, headers=headers)
