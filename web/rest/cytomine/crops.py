"""Annotations as pictures: the part of the image around one, its mask, and the part cut out.

A crop is as large as the annotation, moved into the image where it would stick out of it. Which
word stands for the kind of annotation makes no difference.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from adapters.crops import Cover, box_around
from adapters.hub import Hub
from adapters.shapes import Shown
from web.rest.cytomine.drawing import (
    cover_of,
    drawn,
    file_of,
    frame_for,
    given_by,
    manner_of,
    routes_of,
    shapes_for,
)
from web.rest.cytomine.pictures import increased

KINDS = (
    "annotation", "userannotation", "algoannotation", "reviewedannotation", "roiannotation",
)  # fmt: skip


async def crop(request: Request, hub: Hub) -> Response:
    """Draw the part of the image around an annotation, outlined or as a mask if asked."""
    return await _cropped(request, hub, None)


async def mask(request: Request, hub: Hub) -> Response:
    """Draw an annotation in white on black."""
    return await _cropped(request, hub, Cover.MASK)


async def alphamask(request: Request, hub: Hub) -> Response:
    """Draw the part of the image around an annotation, transparent outside of it."""
    return await _cropped(request, hub, Cover.ALPHA)


async def _cropped(request: Request, hub: Hub, cover: Cover | None) -> Response:
    file, given = file_of(request), await given_by(request)
    region = await hub.subjects.of_region(request.path_params["id"])
    geometries = [Shown(row).geometry for row in region.shapes]
    box = box_around(region.subject.view, geometries, **increased(given))
    frame, manner = frame_for(given, region.subject, box), manner_of(given, region.subject, file)
    shapes = shapes_for(given, cover_of(given) if cover is None else cover, geometries)
    return await drawn(request, hub, region.subject, frame, manner, shapes)


ROUTES = [
    *routes_of(KINDS, "crop.{format}", crop),
    *routes_of(KINDS, "mask.{format}", mask),
    *routes_of(KINDS, "alphamask.{format}", alphamask),
]
