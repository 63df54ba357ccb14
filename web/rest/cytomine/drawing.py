"""What all pictures share: what is asked for, how it is to be drawn, and the answer with its ETag.

Parameters come in the query, or in the body of a POST. Unknown ones are ignored, those that cannot
be read are refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import shapely
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from adapters.colors import parse
from adapters.crops import Cover, Frame, Manner, Shapes, frame_of
from adapters.hub import Hub
from adapters.render.encode import DEFAULT_QUALITY
from adapters.render.picture_file import PictureFile
from adapters.render.settings import RGB, Method, Projection
from adapters.render.tone import Tone
from adapters.subjects import Subject
from store.errors import Invalid
from web.ranges import VARY, unchanged
from web.rest.cytomine import parameters
from web.rest.cytomine.resource import View, resource
from web.transfers import attachment

ASKED_AGAIN = "private, max-age=0, must-revalidate"
IMAGES = ("imageinstance", "abstractimage")
PLANES = ("sliceinstance", "abstractslice")
_KIND = re.compile(r"/api/([a-z]+)/")
_BITS = {"8": 8, "16": 16, "32": 32, "max": None, "": 8, "null": 8, "none": 8}
_METHODS = {"min": Method.MINIMUM, "max": Method.MAXIMUM, "average": Method.MEAN}
_NOTHING = ("", "null", "none")
_RED: RGB = (255, 0, 0)
MOST_THICK = 255


async def given_by(request: Request) -> dict[str, Any]:
    """Return the parameters of a request; those of a body win. Raises Invalid."""
    given: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        given |= await parameters.object_of(request)
    return given


async def subject_of(request: Request, hub: Hub) -> Subject:
    """Return what the address names. Raises NotFound, also for an image without pixels."""
    id, word = request.path_params["id"], kind_of(request)
    if word in PLANES:
        return await hub.subjects.of_plane(id, placed=word == "sliceinstance")
    if word == "imageinstance":
        return await hub.subjects.of_placement(id)
    return await hub.subjects.of_image(id)


def kind_of(request: Request) -> str:
    """Return the word of the address that says what its id is of."""
    found = _KIND.search(request.scope["path"])
    return found[1] if found is not None else ""


def file_of(request: Request) -> PictureFile:
    """Return the format that the address ends in. Raises Unsupported."""
    return PictureFile.named(request.path_params["format"])


def manner_of(given: Mapping[str, Any], subject: Subject, file: PictureFile) -> Manner:
    """Return how a picture is drawn and written. Raises Invalid."""
    quality = parameters.whole(given, "jpegQuality")
    return Manner(
        settings=subject.settings(_projection(given)),
        file=file,
        bits=_bits(given),
        tone=_tone(given),
        quality=DEFAULT_QUALITY if quality is None else quality,
    )


def frame_for(given: Mapping[str, Any], subject: Subject, box: tuple[int, int, int, int]) -> Frame:
    """Return a part of an image at the size asked for. Raises Invalid."""
    return frame_of(
        subject.view,
        box,
        longest=parameters.whole(given, "maxSize"),
        halvings=parameters.whole(given, "zoom", 0) or 0,
    )


def cover_of(given: Mapping[str, Any]) -> Cover:
    """Return what shapes do to a picture, by flags or by ``type``. Raises Invalid."""
    kind = (parameters.text(given, "type") or "").strip().lower()
    for cover, flag in ((Cover.ALPHA, "alphaMask"), (Cover.MASK, "mask"), (Cover.OUTLINE, "draw")):
        if parameters.flag(given, flag) or kind == flag.lower():
            return cover
    return Cover.NONE


def shapes_for(
    given: Mapping[str, Any], cover: Cover, geometries: list[shapely.Geometry]
) -> Shapes:
    """Return shapes with the colour, thickness and background asked for. Raises Invalid."""
    thickness = parameters.whole(given, "thickness", 2)
    if thickness is None or not 1 <= thickness <= MOST_THICK:
        raise Invalid("thickness", f"{thickness} is not from 1 to {MOST_THICK} pixels.")
    clear = parameters.decimal(given, "alpha")
    clear = 100.0 if clear is None else clear
    if not 0 <= clear <= 100:
        raise Invalid("alpha", f"{clear} is not from 0 to 100.")
    return Shapes(
        cover,
        geometries,
        color=_color(given),
        thickness=thickness,
        background=round(255 * (100 - clear) / 100),
    )


async def drawn(
    request: Request,
    hub: Hub,
    subject: Subject,
    frame: Frame,
    manner: Manner,
    shapes: Shapes | None = None,
    *,
    name: str | None = None,
) -> Response:
    """Draw a picture unless the client has it; with `name` it is to be saved under that."""
    pixels, settings = subject.view.pixels, manner.settings
    covered = shapes and (
        shapes.cover, shapes.color, shapes.thickness, shapes.background,
        hashlib.blake2b(b"".join(shapely.to_wkb(list(shapes.geometries)))).digest(),
    )  # fmt: skip
    parts = (
        pixels.image_id, pixels.store_key, pixels.generation, frame, settings.model,
        settings.key(), manner.file, manner.bits, manner.tone, manner.quality, covered,
    )  # fmt: skip
    etag = f'"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'
    headers = {
        "ETag": etag,
        "Cache-Control": ASKED_AGAIN,
        "Vary": VARY,
        "X-Content-Type-Options": "nosniff",
    }
    if unchanged(request, etag):
        return Response(status_code=304, headers=headers)
    picture = await hub.crops.draw(subject.view, frame, manner, shapes)
    if name is not None:
        headers |= attachment(name)
    return Response(picture.data, media_type=picture.media_type, headers=headers)


def routes_of(kinds: tuple[str, ...], rest: str, view: View) -> list[Route]:
    """Return the routes of a picture, which take GET and POST alike."""
    return [
        route
        for kind in kinds
        for route in resource(
            f"/api/{kind}/{{id:number}}/{rest}", get=view, post=view, suffix=False
        )
    ]


def _bits(given: Mapping[str, Any]) -> int | None:
    said = (parameters.text(given, "bits") or "").strip().lower()
    if said not in _BITS:
        raise Invalid("bits", f"{said[:20]!r} is not one of 8, 16, 32, max.")
    return _BITS[said]


def _tone(given: Mapping[str, Any]) -> Tone:
    contrast, gamma = (parameters.decimal(given, name) for name in ("contrast", "gamma"))
    table = (parameters.text(given, "colormap") or "").strip()
    return Tone(
        contrast=1.0 if contrast is None else contrast,
        gamma=1.0 if gamma is None else gamma,
        inverted=parameters.flag(given, "inverse"),
        lut=None if table.lower() in _NOTHING else table,
    )


def _projection(given: Mapping[str, Any]) -> Projection | None:
    said = (parameters.text(given, "projection") or "").strip().lower()
    if said in _NOTHING:
        return None
    if said not in _METHODS:
        raise Invalid("projection", f"{said[:20]!r} is not one of min, max, average.")
    return Projection(_METHODS[said])


def _color(given: Mapping[str, Any]) -> RGB:
    said = (parameters.text(given, "color") or "").strip().lower()
    if said in _NOTHING:
        return _RED
    return parse(said.removeprefix("0x")).rgb
