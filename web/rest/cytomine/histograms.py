"""Samples as numbers: histograms of images, planes and channels, and values in single pixels."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np
from shapely.geometry.base import BaseGeometry
from starlette.requests import Request
from starlette.routing import Route

from adapters.crops import size_of
from adapters.geometry.text import read_wkt, turn
from adapters.hub import Hub
from adapters.profiles import Spread
from adapters.shapes import Shown
from adapters.subjects import Subject
from store.errors import Invalid
from web.rest.cytomine import parameters
from web.rest.cytomine.crops import KINDS
from web.rest.cytomine.drawing import IMAGES, PLANES, given_by, kind_of, subject_of
from web.rest.cytomine.envelope import sliced
from web.rest.cytomine.resource import Answer, View, resource

BINS = 256


async def histogram(request: Request, hub: Hub) -> Answer:
    """Count the samples of an image, or of a plane, in ``nBins`` equal bins."""
    found = await _found(request, hub)
    return _bounds(found) | _counted(found)


async def bounds(request: Request, hub: Hub) -> Answer:
    """Tell the least and the greatest sample of an image, or of a plane."""
    return _bounds(await _found(request, hub))


async def channel_histograms(request: Request, hub: Hub) -> Answer:
    """Count the samples of each channel by itself."""
    found = await _each(request, hub)
    return sliced(request, found, lambda one: one[0] | _bounds(one[1]) | _counted(one[1]))


async def channel_bounds(request: Request, hub: Hub) -> Answer:
    """Tell the least and the greatest sample of each channel."""
    return sliced(request, await _each(request, hub), lambda one: one[0] | _bounds(one[1]))


async def _found(request: Request, hub: Hub) -> Spread:
    subject, bins = await subject_of(request, hub), await _bins(request)
    whole = kind_of(request) in IMAGES
    return await hub.profiles.spread(subject, subject.channels, bins=bins, whole=whole)


async def _each(request: Request, hub: Hub) -> list[tuple[dict[str, Any], Spread]]:
    subject, bins = await subject_of(request, hub), await _bins(request)
    whole = kind_of(request) in IMAGES
    names = {one.position: one.name for one in subject.view.channels}
    spreads = await asyncio.gather(
        *(hub.profiles.spread(subject, [at], bins=bins, whole=whole) for at in subject.channels)
    )
    return [
        ({"channel": at, "name": names.get(at)}, spread)
        for at, spread in zip(subject.channels, spreads, strict=True)
    ]


async def _bins(request: Request) -> int:
    asked = parameters.whole(await given_by(request), "nBins", BINS)
    return BINS if asked is None else asked


def _bounds(found: Spread) -> dict[str, Any]:
    return {
        "type": "COMPLETE" if found.exact else "FAST",
        "minimum": _plain(found.minimum),
        "maximum": _plain(found.maximum),
    }


def _counted(found: Spread) -> dict[str, Any]:
    filled = np.flatnonzero(found.counts)
    return {
        "firstBin": int(filled[0]) if len(filled) else 0,
        "lastBin": int(filled[-1]) if len(filled) else 0,
        "nBins": len(found.counts),
        "histogram": found.counts.tolist(),
    }


async def profile(request: Request, hub: Hub) -> Answer:
    """Tell the samples of all channels in the pixels that a shape covers; of a point alone."""
    subject, given = await subject_of(request, hub), await given_by(request)
    said = parameters.text(given, "geometry") or parameters.text(given, "location")
    if not said:
        raise Invalid("geometry", "is needed: a geometry as WKT.")
    geometry = turn(read_wkt(said, "geometry"), size_of(subject.view)[1])
    return await _profiled(request, hub, subject, [geometry])


async def annotation_profile(request: Request, hub: Hub) -> Answer:
    """Tell the samples of all channels in the pixels of an annotation."""
    region = await hub.subjects.of_region(request.path_params["id"])
    geometries = [Shown(row).geometry for row in region.shapes]
    return await _profiled(request, hub, region.subject, geometries)


async def _profiled(
    request: Request, hub: Hub, subject: Subject, geometries: list[BaseGeometry]
) -> Answer:
    if len(geometries) == 1 and geometries[0].geom_type == "Point":
        geometries = [_under(geometries[0], subject)]
    pixels, samples = await hub.profiles.along_channels(subject, geometries)
    height = size_of(subject.view)[1]
    # A pixel is named by its lower left corner, as the shape counts from there.
    places = np.stack((pixels[:, 0], height - 1 - pixels[:, 1]), axis=1)
    found = [
        {"point": place, "profile": [_plain(value) for value in values]}
        for place, values in zip(places.tolist(), samples.tolist(), strict=True)
    ]
    if geometries[0].geom_type == "Point" and len(found) == 1:
        return found[0]
    return sliced(request, found, lambda one: one)


def _under(point: BaseGeometry, subject: Subject) -> BaseGeometry:
    """Return the centre of the pixel whose lower left corner a point names.

    A point on an edge belongs to the pixel above it, as it does in the pixels of a box.
    """
    size_x = size_of(subject.view)[0]
    row, column = math.ceil(point.y) - 1, math.floor(point.x)
    # The far borders of the image belong to it.
    row = 0 if point.y == 0 else row
    column = size_x - 1 if point.x == size_x else column
    return type(point)(column + 0.5, row + 0.5)


def _plain(value: float) -> float | int | str:
    """Write a whole number without its decimal point, and what JSON has no number for as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return int(value) if float(value).is_integer() else value


def _both(kinds: tuple[str, ...], rest: str, view: View) -> list[Route]:
    return [
        route
        for kind in kinds
        for route in resource(f"/api/{kind}/{{id:number}}/{rest}", get=view, post=view)
    ]


_EVERY = IMAGES + PLANES
ROUTES = [
    *_both(_EVERY, "histogram/bounds", bounds),
    *_both(_EVERY, "histogram", histogram),
    *_both(_EVERY, "channelhistogram/bounds", channel_bounds),
    *_both(_EVERY, "channelhistogram", channel_histograms),
    *_both(_EVERY, "profile", profile),
    *_both(KINDS, "profile", annotation_profile),
]
