"""Regions by plane, their counts, where one stands among all, and the grey values inside."""

from __future__ import annotations

import math
import re

from starlette.requests import Request

from adapters.hub import Hub
from adapters.pixels import Box
from adapters.roi_lists import Narrowed
from store.errors import Invalid
from store.tables.rois import Roi
from web.parameters import indexes, whole
from web.rest.omero.marshal.values import finite
from web.rest.omero.parameters import read as read_number
from web.rest.omero.parameters import slice_of
from web.rest.omero.resource import Answer, View
from web.rest.omero.rois import enveloped, written

MOST_CHANNELS = 10_000  # a bound for reading; the image has its own
_SPAN = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", re.ASCII)


async def rois_by_plane(request: Request, hub: Hub) -> Answer:
    """List the regions with a shape on planes from z to z2 and t to t2, with all their shapes."""
    place = request.path_params
    which = Narrowed(place["image"], z=_span(place["z"], "z"), t=_span(place["t"], "t"))
    part = slice_of(request)
    page = await hub.roi_lists.page(which, offset=part.offset, limit=part.limit)
    items, frame = await written(request, hub, page.rows, links=True)
    return enveloped(request, items, frame, page.total)


async def plane_shape_counts(request: Request, hub: Hub) -> Answer:
    """Count the shapes on each plane, by z and then t; one on every plane counts on each."""
    image_id = request.path_params["image"]
    view = await hub.pixels.view(image_id)
    size_z, size_t = view.pixels.size_z or 1, view.pixels.size_t or 1
    counts = [[0] * size_t for _ in range(size_z)]
    for z, t, count in await hub.roi_lists.counts_by_plane(image_id):
        for row in range(size_z) if z is None else range(z, z + 1):
            for column in range(size_t) if t is None else range(t, t + 1):
                counts[row][column] += count
    return {"data": counts}


def page_data(noun: str) -> View:
    """Return the view that tells where a region, or a shape's, stands among those of its image."""

    async def view(request: Request, hub: Hub) -> Answer:
        row = await region_of(hub, noun, request.path_params["id"])
        index, count = await hub.roi_lists.place_of(row)
        return {"image": {"id": row.image_id}, "roi_index": index, "roi_count": count}

    view.__doc__ = f"Tell where the region of a {noun} stands among those of its image."
    return view


async def region_of(hub: Hub, noun: str, id: int) -> Roi:
    """Return a region by its own id or by that of one of its shapes. Raises NotFound."""
    if noun == "roi":
        return await hub.roi_lists.region(id)
    return (await hub.roi_lists.shape(id))[1]


async def shape_stats(request: Request, hub: Hub) -> Answer:
    """Measure the samples inside shapes, channel by channel.

    A shape is measured on its own plane; one without, on the plane asked for.
    """
    ids = list(dict.fromkeys(read_number(one) for one in _asked(request, "ids").split(",")))
    measured = await hub.shape_statistics.of(
        ids,
        channels=indexes(request, "cs", MOST_CHANNELS),
        z=whole(request, "z", 0),
        t=whole(request, "t", 0),
    )
    return {
        str(id): [
            {
                "index": one.channel,
                "points": one.statistics.count,
                "min": finite(one.statistics.minimum),
                "max": finite(one.statistics.maximum),
                "sum": finite(one.statistics.sum),
                "mean": finite(one.statistics.mean),
                "std_dev": finite(one.statistics.std),
            }
            for one in inside
        ]
        for id, inside in measured.items()
    }


async def get_intensity(request: Request, hub: Hub) -> Answer:
    """Tell the samples of one pixel by channel; null for what is no finite number."""
    view = await hub.pixels.view(read_number(_asked(request, "image")))
    pixels = view.pixels
    x = _within(request, "x", pixels.size_x)
    y = _within(request, "y", pixels.size_y)
    z, t = _within(request, "z", pixels.size_z, 0), _within(request, "t", pixels.size_t, 0)
    channels = indexes(request, "c", pixels.size_c or 0) or range(pixels.size_c or 0)
    found = await hub.pixels.region(
        view, Box(x, y, 1, 1), channels=channels, z=(z, z + 1), t=(t, t + 1)
    )
    values = found[0, :, 0, 0, 0].tolist()
    return {
        str(channel): value if math.isfinite(value) else None
        for channel, value in zip(channels, values, strict=True)
    }


def _within(request: Request, name: str, size: int | None, default: int | None = None) -> int:
    """Return an index on an axis. Raises Invalid."""
    text = request.query_params.get(name)
    place = default if default is not None and not text else read_number(_asked(request, name))
    if not 0 <= place < (size or 0):
        raise Invalid(name, f"{place} is not between 0 and {(size or 0) - 1}.")
    return place


def _asked(request: Request, name: str) -> str:
    text = request.query_params.get(name)
    if not text:
        raise Invalid(name, "this parameter is missing.")
    return text


def _span(text: str, axis: str) -> tuple[int, int]:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise Invalid(axis, f"{text[:40]!r} is not a plane or a range such as 2-5.")
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if last < first:
        raise Invalid(axis, f"the last plane {last} is before {first}.")
    return first, last
