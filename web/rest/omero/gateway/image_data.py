"""``imgData``: all a viewer asks of an image before it draws it.

`described` is the whole of it, for other addresses that answer with more around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.colors import Color, bare
from adapters.hub import Hub
from adapters.images import View
from adapters.render.settings import Model, RenderSettings
from adapters.render.split import BORDER, grid
from store.access.capabilities import Can
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from web.rest.omero.gateway.viewing import table_name, viewed
from web.rest.omero.marshal.values import finite, pixels_type
from web.rest.omero.parameters import flag
from web.rest.omero.pyramid import TILE, is_pyramid, resolutions
from web.rest.omero.resource import GATEWAY, Answer, resource

_MANY = "Multiple"  # what stands for none or several containers


async def image_data(request: Request, hub: Hub) -> Answer:
    """Return everything, or what a dotted path into it names; ``{}`` if it names nothing."""
    view = await viewed(request, hub)
    settings = view.settings
    if flag(request, "getDefaults"):
        settings = await hub.renderings.imported(view.image.id, view.pixels, view.channels)
    found: Any = await described(hub, view, settings)
    for part in request.path_params.get("key", "").split("."):
        if not part:
            continue
        if isinstance(found, list):
            found = found[int(part)] if part.isascii() and part.isdigit() and (
                len(part) < 6 and int(part) < len(found)
            ) else {}  # fmt: skip
        else:
            found = found.get(part, {}) if isinstance(found, dict) else {}
    answer: Answer = found
    return answer


async def described(hub: Hub, view: View, settings: RenderSettings) -> dict[str, Any]:
    """Return what is told of an image shown with these settings; at most seven statements."""
    image, pixels = view.image, view.pixels
    can = hub.actor.can(image)
    told: dict[str, Any] = {
        "id": image.id,
        "meta": await _meta(hub, view),
        "perms": {
            "canAnnotate": bool(can & Can.ANNOTATE),
            "canEdit": bool(can & Can.EDIT),
            "canDelete": bool(can & Can.DELETE),
            "canLink": bool(can & Can.PLACE),
        },
        **_tiling(view),
        "interpolate": True,
        "size": {
            "width": pixels.size_x,
            "height": pixels.size_y,
            "z": pixels.size_z,
            "t": pixels.size_t,
            "c": pixels.size_c,
        },
        "pixel_size": {
            "x": finite(pixels.physical_size_x),
            "y": finite(pixels.physical_size_y),
            "z": finite(pixels.physical_size_z),
        },
        "init_zoom": 0,
    }
    if finite(image.magnification) is not None:
        told["nominalMagnification"] = finite(image.magnification)
    low, high = sample_range(pixels.dtype)
    told["pixel_range"] = [low, high]
    told["channels"] = channels_of(view, settings)
    told["split_channel"] = {
        kind: _places(view, (pixels.size_c or 0) + more) for kind, more in (("g", 0), ("c", 1))
    }
    projection = settings.projection
    told["rdefs"] = {
        "model": "greyscale" if settings.model is Model.GREYSCALE else "color",
        "projection": "normal" if projection is None else projection.method.value,
        "defaultZ": settings.z,
        "defaultT": settings.t,
        "invertAxis": False,
    }
    return told


def sample_range(dtype: str | None) -> tuple[int, int]:
    """Return the least and greatest sample of a type; floats are told as integers of their size.

    So does OMERO, whose viewers take the range for the ends of their sliders.
    """
    name = dtype or "uint8"
    bits = 8 if name == "bool" else int("".join(one for one in name if one.isdigit()) or 8)
    if name.startswith("u") or name == "bool":
        return 0, 2**bits - 1
    return -(2 ** (bits - 1)), 2 ** (bits - 1) - 1


def channels_of(view: View, settings: RenderSettings) -> list[dict[str, Any]]:
    """Return the channels: what they are called, what they hold, how they are shown."""
    low, high = sample_range(view.pixels.dtype)
    rows = {channel.position: channel for channel in view.channels}
    told = []
    for index, look in enumerate(settings.channels):
        row = rows.get(index)
        least, greatest = (None, None) if row is None else (row.minimum, row.maximum)
        one = {
            "label": (row.name if row is not None else None) or str(index),
            "emissionWave": None if row is None else finite(row.emission_nm),
            "color": bare(Color(*look.color)),
            "inverted": look.inverted,
            "reverseIntensity": look.inverted,
            "family": look.family.value,
            "coefficient": look.coefficient,
            "window": {
                "min": float(low) if least is None else least,
                "max": float(high) if greatest is None else greatest,
                "start": look.start,
                "end": look.end,
            },
            "active": look.active,
        }
        if look.lut is not None:
            one["lut"] = table_name(look.lut)
        told.append(one)
    return told


async def _meta(hub: Hub, view: View) -> dict[str, Any]:
    image = view.image
    (author,) = await hub.people.by_ids([image.owner_id])
    datasets = (await hub.containers.parents(Dataset, Image, [image.id]))[image.id]
    (fields,) = await hub.screens.fields_with([image.id])
    dataset = datasets[0] if len(datasets) == 1 and not fields else None
    projects: Sequence[Any] = ()
    if dataset is not None:
        projects = (await hub.containers.parents(Project, Dataset, [dataset.id]))[dataset.id]
    project = projects[0] if len(projects) == 1 else None
    field = fields[0] if len(fields) == 1 and not datasets else None
    name = "" if author is None else f"{author.first_name} {author.last_name}".strip()
    shown = image.acquired_at if image.acquired_at is not None else image.created_at
    return {
        "imageName": image.name,
        "imageDescription": image.description or "",
        "imageAuthor": name or ("" if author is None else author.username),
        "imageArchived": image.archived,
        **_container("project", project),
        **_container("dataset", dataset),
        "wellSampleId": "" if field is None else field.id,
        "wellId": "" if field is None else field.well_id,
        "imageTimestamp": shown / 1000,
        "imageId": image.id,
        "pixelsType": pixels_type(view.pixels.dtype),
    }


def _container(word: str, row: Any) -> dict[str, Any]:
    return {
        f"{word}Name": _MANY if row is None else row.name,
        f"{word}Id": None if row is None else row.id,
        f"{word}Description": "" if row is None else row.description or "",
    }


def _tiling(view: View) -> dict[str, Any]:
    """Return what is said of resolutions; of an image with one, only that it has one."""
    if not is_pyramid(view.pixels):
        return {"tiles": False}
    sizes = resolutions(view.pixels)
    full = sizes[0][1]
    return {
        "tiles": True,
        "tile_size": {"width": TILE, "height": TILE},
        "levels": len(sizes),
        "resolutions": {
            str(level): {"sizeX": size_x, "sizeY": size_y}
            for level, (size_y, size_x) in enumerate(sizes)
        },
        "zoomLevelScaling": {str(level): size_x / full for level, (_, size_x) in enumerate(sizes)},
    }


def _places(view: View, pictures: int) -> dict[str, int]:
    places = grid(view.pixels.size_x or 0, view.pixels.size_y or 0, pictures)
    return {
        "width": places.width,
        "height": places.height,
        "border": BORDER,
        "gridx": places.across,
        "gridy": places.down,
    }


ROUTES = [
    route
    for family in ("webgateway", "webclient")
    for rest in ("", "/{key}")
    for route in resource(
        f"/{family}/imgData/{{image:number}}{rest}", get=image_data, manner=GATEWAY
    )
]
