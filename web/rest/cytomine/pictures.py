"""Whole planes, windows and parts around a shape as pictures, and the file an image came from.

Windows count from the top left corner, shapes given as text from the bottom left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shapely.geometry.base import BaseGeometry
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from adapters.crops import Cover, box_around, size_of
from adapters.filters import AllOf, AnyOf, Condition, Filter, Holds
from adapters.formats.write_ome_zarr import StoreFile, zip_size, zip_stream
from adapters.geometry.text import read_wkt, turn
from adapters.hub import Hub
from adapters.image_pages import ImagePages
from adapters.rois import LARGEST_VIEW, labelled
from adapters.shapes import Shown
from adapters.subjects import Subject, shapes_shown
from store.errors import Forbidden, Invalid, NotFound, TooLarge
from store.spatial import Box
from store.tables.rois import RoiKind
from web.ranges import VARY, file_response
from web.rest.cytomine import parameters
from web.rest.cytomine.drawing import (
    IMAGES,
    PLANES,
    cover_of,
    drawn,
    file_of,
    frame_for,
    given_by,
    kind_of,
    manner_of,
    routes_of,
    shapes_for,
    subject_of,
)
from web.rest.cytomine.envelope import sliced
from web.rest.cytomine.resource import Answer, resource
from web.transfers import attachment, safe_name

_BOX = re.compile(r"(-?[0-9]{1,9})[-,](-?[0-9]{1,9})[-,]([0-9]{1,9})[-,]([0-9]{1,9})", re.ASCII)
_NOT_KEPT = "private, no-store"
THUMB = "thumb"
KEPT = "a project that holds it keeps originals to its managers."
MOST_NAMED = 10_000  # annotations by id in one picture


async def thumb(request: Request, hub: Hub) -> Response:
    """Draw a whole plane, its longer side at most ``maxSize``."""
    subject, given = await subject_of(request, hub), await given_by(request)
    frame = frame_for(given, subject, (0, 0, *size_of(subject.view)))
    return await drawn(request, hub, subject, frame, manner_of(given, subject, file_of(request)))


async def window(request: Request, hub: Hub) -> Response:
    """Draw a rectangle of a plane, with annotations as a mask, as opacity or outlined if asked."""
    return await _window(request, hub, save=False)


async def camera(request: Request, hub: Hub) -> Response:
    """Draw a rectangle of a plane as a file to be saved."""
    return await _window(request, hub, save=True)


async def _window(request: Request, hub: Hub, *, save: bool) -> Response:
    subject, given = await subject_of(request, hub), await given_by(request)
    file, box = file_of(request), _box(request.path_params["box"])
    frame, cover = frame_for(given, subject, box), cover_of(given)
    manner, shapes = manner_of(given, subject, file), None
    if cover is not Cover.NONE:
        shown = Box(frame.x, frame.y, frame.x + frame.width, frame.y + frame.height)
        shapes = shapes_for(given, cover, await _annotated(given, hub, subject, shown))
    # Not by the image's name, which may be kept from whoever asks.
    numbers = (request.path_params["id"], *box)
    name = f"{'-'.join(map(str, numbers))}.{file.value}" if save else None
    return await drawn(request, hub, subject, frame, manner, shapes, name=name)


def _box(text: str) -> tuple[int, int, int, int]:
    found = _BOX.fullmatch(text.strip())
    if found is None:
        raise Invalid("window", f"{text[:60]!r} is not x, y, width and height in pixels.")
    x, y, width, height = (int(part) for part in found.groups())
    return x, y, width, height


async def _annotated(
    given: Mapping[str, Any], hub: Hub, subject: Subject, shown: Box
) -> list[BaseGeometry]:
    """Return the annotations to be drawn: those named, else those in the window by term and user.

    Raises NotFound for one of another image, TooLarge where they are too many.
    """
    ids = parameters.ids(given, "annotations")
    if ids:
        return await _named(hub, subject, list(dict.fromkeys(ids)))
    image = subject.view.image.id
    seen = await hub.rois.in_view(
        image, shown, limit=LARGEST_VIEW, where=_which(given, subject), plane=subject.plane
    )
    if seen.truncated:
        raise TooLarge("The annotations in this window", LARGEST_VIEW)
    return [Shown(row).geometry for row in seen.shapes]


async def _named(hub: Hub, subject: Subject, ids: list[int]) -> list[BaseGeometry]:
    if len(ids) > MOST_NAMED:
        raise TooLarge(f"A picture of {len(ids)} annotations", MOST_NAMED)
    found = await hub.rois.many(ids)
    for id in ids:
        if id not in found or found[id].image_id != subject.view.image.id:
            raise NotFound("annotation", id)
    shapes = await hub.rois.shapes_of(ids)
    return [
        Shown(row).geometry
        for id in ids
        if shapes[id]
        for row in shapes_shown(shapes[id], subject.view, subject.plane)
    ]


def _which(given: Mapping[str, Any], subject: Subject) -> Filter:
    reviewed = parameters.flag(given, "reviewed")
    kinds = [RoiKind.REVIEWED] if reviewed else [RoiKind.USER, RoiKind.ALGO]
    parts: list[Filter] = [Condition("kind", "in", [kind.value for kind in kinds])]
    if subject.project_id is not None:
        bound = Condition("project_id", "eq", subject.project_id)
        parts.append(AnyOf((bound, Condition("project_id", "is_null", True))))
    users, terms = parameters.ids(given, "users"), parameters.ids(given, "terms")
    if users:
        parts.append(Condition("author_id", "in", users))
    if terms:
        parts.append(Holds(labelled(terms)))
    return AllOf(parts)


async def crop(request: Request, hub: Hub) -> Response:
    """Draw the part of a plane around a shape given as text, or within boundaries."""
    subject, given = await subject_of(request, hub), await given_by(request)
    manner, cover = manner_of(given, subject, file_of(request)), cover_of(given)
    geometry, box = _asked(given, subject)
    shapes = None if cover is Cover.NONE else shapes_for(given, cover, [geometry])
    return await drawn(request, hub, subject, frame_for(given, subject, box), manner, shapes)


def _asked(
    given: Mapping[str, Any], subject: Subject
) -> tuple[BaseGeometry, tuple[int, int, int, int]]:
    """Return the shape of a crop and the box around it. Raises Invalid."""
    location, boundaries = (parameters.text(given, name) for name in ("location", "boundaries"))
    said, field = (location, "location") if location else (boundaries, "boundaries")
    if not said:
        raise Invalid("location", "is needed: a geometry as WKT.")
    size_x, size_y = size_of(subject.view)
    numbers = _BOX.fullmatch("".join(said.split())) if said is boundaries else None
    if numbers is not None:
        x, y, width, height = (int(part) for part in numbers.groups())
        said = f"POLYGON (({x} {size_y - y}, {x + width} {size_y - y}, "
        said += f"{x + width} {size_y - y - height}, {x} {size_y - y - height}, {x} {size_y - y}))"
    geometry = turn(read_wkt(said, field), size_y)
    x0, y0, x1, y1 = geometry.bounds
    if x0 > size_x or y0 > size_y or x1 < 0 or y1 < 0:
        raise Invalid(field, f"it lies outside the image of {size_x} × {size_y} pixels.")
    return geometry, box_around(subject.view, [geometry], **increased(given))


def increased(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return how much more than the shape a crop shows. Raises Invalid."""
    increase = parameters.decimal(given, "increaseArea")
    return {
        "increase": 1.0 if increase is None else increase,
        "square": parameters.flag(given, "square"),
    }


async def list_associated(request: Request, hub: Hub) -> Answer:
    """List the pictures that belong to an image: the thumbnail; the hub keeps no others."""
    await subject_of(request, hub)
    return sliced(request, [THUMB], str)


async def associated(request: Request, hub: Hub) -> Response:
    """Draw a picture that belongs to an image, its longer side at most ``maxSize``."""
    if request.path_params["label"].lower() != THUMB:
        await subject_of(request, hub)
        raise NotFound("associated picture", request.path_params["label"][:40])
    return await thumb(request, hub)


async def download(request: Request, hub: Hub) -> Response:
    """Send the file an image came from, or a zip of several.

    A project that does not let images be downloaded, or hides their names, gives them to its
    managers alone.
    """
    id = request.path_params["id"]
    if kind_of(request) == "imageinstance":
        placed = await hub.placements.get(id)
        image_id, project = placed.row.image_id, placed.project
        kept = not project.downloadable and not hub.actor.oversees(project, project.id)
        if kept or placed.nameless:
            raise Forbidden("download", "image", id, KEPT)
        files = (await hub.files.originals([image_id]))[image_id]
    else:
        nameless = (await ImagePages(hub.catalog).get(id)).nameless
        files = (await hub.files.originals([id]))[id]
        allowed = await hub.file_access.many([file.id for file in files])
        if nameless or any(file.id not in allowed for file in files):
            raise Forbidden("download", "image", id, KEPT)
    if not files:
        raise NotFound("original file of image", id)
    if len(files) > 1:
        members = [
            StoreFile(f"{file.id}/{safe_name(file.name)}", hub.files.bytes_of(file))
            for file in files
        ]
        headers = attachment(f"{id}.zip") | {"Content-Length": str(zip_size(members))}
        content = iter(()) if request.method == "HEAD" else zip_stream(members)
        return StreamingResponse(content, media_type="application/zip", headers=headers)
    stored = hub.files.bytes_of(files[0])
    try:
        answer = await file_response(
            request, stored, etag=f'"{stored.etag}"', media_type=files[0].media_type,
            cache=_NOT_KEPT, vary=VARY,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NotFound("original file of image", id) from error
    answer.headers["Content-Disposition"] = attachment(files[0].name)["Content-Disposition"]
    return answer


_BOTH = IMAGES + PLANES
ROUTES = [
    *routes_of(_BOTH, "thumb.{format}", thumb),
    *routes_of(_BOTH, "preview.{format}", thumb),
    *routes_of(_BOTH, "window-{box}.{format}", window),
    *routes_of(_BOTH, "camera-{box}.{format}", camera),
    *routes_of(_BOTH, "crop.{format}", crop),
    *routes_of(IMAGES, "associated/{label}.{format}", associated),
    *(
        route
        for kind in IMAGES
        for route in (
            *resource(f"/api/{kind}/{{id:number}}/associated", get=list_associated),
            *resource(f"/api/{kind}/{{id:number}}/download", get=download, suffix=False),
        )
    ),
]
