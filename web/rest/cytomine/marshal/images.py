"""Images in projects and in storages as such clients know them.

What a project says of an image wins over the image's own. A blind project tells an id instead of
names to everybody but its managers.
"""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Mapping
from typing import Any

from adapters.image_pages import Pictured
from adapters.placement_fields import bits_of
from adapters.placements import Placed
from store.tables.rois import RoiKind
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.users import common

TILE = 256  # pixels: what the tile addresses of the dialect cut an image into
PLAIN = "application/octet-stream"
INSTANCE, ABSTRACT = domain("ImageInstance"), domain("AbstractImage")


def blinded(image_id: int) -> str:
    """Return what stands for a name that is hidden."""
    return f"[BLIND]{image_id}"


def zoom_of(width: int | None, height: int | None) -> int:
    """Return the greatest zoom: how often an image is halved until it fits one tile."""
    longer = max(width or 0, height or 0)
    return math.ceil(math.log2(longer / TILE)) if longer > TILE else 0


def plain(number: float | None) -> int | float | None:
    """Write a whole number without its decimal point."""
    return int(number) if number is not None and float(number).is_integer() else number


def _sizes(pixels: Any) -> dict[str, Any]:
    width, height = pixels.size_x, pixels.size_y
    colors = 1 if pixels.rgb else pixels.size_c or 1
    samples = 3 if pixels.rgb else 1
    return {
        "width": width,
        "height": height,
        "depth": pixels.size_z or 1,
        "duration": pixels.size_t or 1,
        "channels": colors,
        "extrinsicChannels": colors,
        "apparentChannels": colors * samples,
        "zoom": zoom_of(width, height),
        "tileSize": TILE,
        "isVirtual": False,
        "bitPerSample": bits_of(pixels.dtype),
        "samplePerPixel": samples if pixels.dtype is not None else None,
        "colorspace": "rgb" if pixels.rgb else None,
    }


def _names(name: str, image_id: int, *, nameless: bool) -> dict[str, Any]:
    shown = blinded(image_id) if nameless else name
    return {
        "originalFilename": shown,
        "filename": shown,
        "path": shown,
        "contentType": mimetypes.guess_type(name)[0] or PLAIN,
    }


def _pictures(kind: str, id: int, base: str) -> dict[str, Any]:
    address = f"{base}api/{kind}/{id}"
    return {
        "thumb": f"{address}/thumb.png?maxSize=512",
        "preview": f"{address}/preview.png?maxSize=1024",
        "macroURL": f"{address}/associated/macro.png?maxSize=512",
    }


def image_instance(one: Placed, drawn: Mapping[str, int], base: str) -> dict[str, Any]:
    """Write an image in a project; `base` is the hub's own address, with its last slash."""
    row, image = one.row, one.image
    started, stopped = row.review_started_at, row.review_stopped_at
    return (
        common("ImageInstance", row.id, row.created_at, row.updated_at)
        | {
            "baseImage": image.id,
            "project": row.project_id,
            "projectName": one.project.name,
            "projectBlind": one.project.blind,
            "user": row.added_by,
            "instanceFilename": blinded(image.id) if one.nameless else one.name,
            "blindedName": blinded(image.id) if one.project.blind else None,
        }
        | _names(image.name, image.id, nameless=one.nameless)
        | _sizes(one.pixels)
        | {
            "physicalSizeX": one.own("physical_size_x"),
            "physicalSizeY": one.own("physical_size_y"),
            "physicalSizeZ": one.own("physical_size_z"),
            "fps": one.own("fps"),
            "magnification": plain(one.own("magnification")),
            "reviewStart": None if started is None else str(started),
            "reviewStop": None if stopped is None else str(stopped),
            "reviewUser": row.reviewer_id,
            "reviewed": stopped is not None,
            "inReview": started is not None and stopped is None,
        }
        | counts(drawn)
        | _pictures("imageinstance", row.id, base)
    )


def counts(drawn: Mapping[str, int]) -> dict[str, int]:
    """Write how much is drawn on an image in its project."""
    return {
        "numberOfAnnotations": drawn.get(RoiKind.USER, 0),
        "numberOfJobAnnotations": drawn.get(RoiKind.ALGO, 0),
        "numberOfReviewedAnnotations": drawn.get(RoiKind.REVIEWED, 0),
    }


def light(one: Placed) -> dict[str, Any]:
    """Write only what an image in a project is called."""
    return {
        "id": one.row.id,
        "instanceFilename": blinded(one.image.id) if one.nameless else one.name,
        "blindedName": blinded(one.image.id) if one.project.blind else None,
        "projectName": one.project.name,
        "project": one.row.project_id,
    }


def abstract_image(one: Pictured, base: str, *, inside: bool | None = None) -> dict[str, Any]:
    """Write an image in a storage; `inside` tells whether it lies in the project asked about."""
    image, pixels = one.image, one.pixels
    sizes = _sizes(pixels)
    return (
        common("AbstractImage", image.id, image.created_at, image.updated_at)
        | _names(image.name, image.id, nameless=one.nameless)
        | sizes
        | {
            "uploadedFile": image.file_id,
            "user": image.owner_id,
            "dimensions": f"{pixels.size_x}x{pixels.size_y}" if pixels.size_x else None,
            "physicalSizeX": pixels.physical_size_x,
            "physicalSizeY": pixels.physical_size_y,
            "physicalSizeZ": pixels.physical_size_z,
            "fps": image.fps,
            "magnification": plain(image.magnification),
            "inProject": bool(inside),
        }
        | _pictures("abstractimage", image.id, base)
    )
