"""How the samples of one plane of a channel are distributed, for the sliders of viewers."""

from __future__ import annotations

import math

from starlette.requests import Request

from adapters.hub import Hub
from adapters.images import View
from store.errors import NotFound
from web.rest.omero.gateway.viewing import viewed
from web.rest.omero.parameters import number
from web.rest.omero.pyramid import MOST_PLANE
from web.rest.omero.resource import GATEWAY, Answer, resource

BINS = 256


async def histogram(request: Request, hub: Hub) -> Answer:
    """Count samples in equal bins from the least to the greatest sample of the channel.

    Of a large plane the smaller levels are counted, whose means are distributed alike.
    """
    view = await viewed(request, hub)
    channel = request.path_params["channel"]
    z, t = number(request, "theZ", 0) or 0, number(request, "theT", 0) or 0
    pixels = view.pixels
    sizes = (pixels.size_c, pixels.size_z, pixels.size_t)
    if not all(0 <= one < (size or 0) for one, size in zip((channel, z, t), sizes, strict=True)):
        raise NotFound("plane", f"c {channel}, z {z}, t {t}")
    bins = number(request, "bins", BINS)
    found = await hub.pixels.histogram(
        view, channel=channel, z=_at_level(view, z), t=t, level=_level(view),
        bins=BINS if bins is None else bins, limits=_limits(view, channel),
    )  # fmt: skip
    return {"data": [int(count) for count in found.counts]}


def _limits(view: View, position: int) -> tuple[float, float] | None:
    for channel in view.channels:
        low, high = channel.minimum, channel.maximum
        if channel.position == position and low is not None and high is not None:
            return (low, high) if math.isfinite(low) and math.isfinite(high) else None
    return None


def _level(view: View) -> int:
    """Return the first level whose plane is not too large to be read at once."""
    for index, level in enumerate(view.pixels.levels):
        size_y, size_x = level["shape"][3:]
        if size_y * size_x <= MOST_PLANE:
            return index
    return len(view.pixels.levels) - 1


def _at_level(view: View, z: int) -> int:
    """Return the plane in the numbering of the level, which may hold fewer."""
    stored = int(view.pixels.levels[_level(view)]["shape"][2])
    return z * stored // (view.pixels.size_z or 1)


ROUTES = [
    *resource(
        "/webgateway/histogram_json/{image:number}/channel/{channel:number}",
        get=histogram,
        manner=GATEWAY,
    )
]
