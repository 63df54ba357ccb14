"""Planes of images as such clients know them: slices, of an image or of an image in a project."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from adapters.colors import hexadecimal, unpack
from adapters.planes import Plane
from web.rest.cytomine.marshal.users import common

MIME = "application/zarr"  # how the hub keeps planes with pixels


@dataclass(frozen=True, slots=True)
class Around:
    """What slices borrow from their image: times, names, channels, and their project."""

    created: int
    path: str
    file_id: int | None
    channels: Sequence[Any]
    project_id: int | None = None
    base: str = ""


def abstract_slice(plane: Plane, around: Around) -> dict[str, Any]:
    """Write a plane of an image."""
    return (
        common("AbstractSlice", plane.id, around.created)
        | {"image": plane.image_id}
        | _plane(plane, around)
    )


def slice_instance(plane: Plane, around: Around) -> dict[str, Any]:
    """Write a plane of an image in a project."""
    return (
        common("SliceInstance", plane.id, around.created)
        | {
            "project": around.project_id,
            "image": plane.placement_id,
            "baseSlice": plane.base_id,
            "imageServerUrl": around.base.rstrip("/"),
        }
        | _plane(plane, around)
    )


def _plane(plane: Plane, around: Around) -> dict[str, Any]:
    row, channel = plane.row, None
    if row is None and plane.c < len(around.channels):
        channel = around.channels[plane.c]
    name = channel.name if channel is not None else None if row is None else row.name
    color = channel.color if channel is not None else None if row is None else row.color
    return {
        "uploadedFile": around.file_id if row is None or row.file_id is None else row.file_id,
        "path": around.path,
        "mime": MIME if row is None else row.mime,
        "channel": plane.c,
        "zStack": plane.z,
        "time": plane.t,
        "rank": plane.rank,
        "channelName": name,
        "channelColor": None if color is None else hexadecimal(unpack(color)),
    }
