"""The metadata of OME-Zarr images made elsewhere, of any version up to 0.5, in our words.

Other writers leave out or misspell much, so everything but the axes and the paths of the levels is
read if it makes sense and passed over if not. Sizes count only with a unit: a scale without one
says how samples relate, not how many µm they are.
Source: NGFF specification 0.1 to 0.5, `multiscales` and `omero`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from store.errors import Invalid, Unsupported
from store.pixels.base import ChannelDescription, ImageDescription

_MICROMETRES = {
    "angstrom": 1e-4,
    "centimeter": 1e4,
    "decimeter": 1e5,
    "foot": 304_800.0,
    "inch": 25_400.0,
    "kilometer": 1e9,
    "meter": 1e6,
    "micrometer": 1.0,
    "micron": 1.0,
    "um": 1.0,
    "µm": 1.0,
    "millimeter": 1e3,
    "mm": 1e3,
    "nanometer": 1e-3,
    "nm": 1e-3,
    "picometer": 1e-6,
    "yard": 914_400.0,
}
_SECONDS = {
    "day": 86_400.0,
    "hour": 3_600.0,
    "microsecond": 1e-6,
    "millisecond": 1e-3,
    "ms": 1e-3,
    "minute": 60.0,
    "nanosecond": 1e-9,
    "s": 1.0,
    "second": 1.0,
}
_ORDER = "tczyx"
_COLOR = re.compile(r"#?([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?\Z")


@dataclass(frozen=True, slots=True)
class Multiscale:
    """What the metadata says: `axes` as stored, paths of the levels from the largest down."""

    version: str
    axes: str
    paths: tuple[str, ...]
    description: ImageDescription


def read_multiscale(attributes: Mapping[str, Any], axes_count: int | None = None) -> Multiscale:
    """Return the first multiscale image of a group's attributes.

    Parameters
    ----------
    attributes
        Of a zarr v2 group as they are, of a zarr v3 group the same with an `ome` object.
    axes_count
        Number of axes of the arrays; needed for versions before 0.3, which do not name them.

    Raises
    ------
    Invalid
        If there is no usable `multiscales` entry.
    Unsupported
        For an axis other than t, c, z, y, x.
    """
    ome = attributes.get("ome", attributes)
    multiscales = ome.get("multiscales") if isinstance(ome, Mapping) else None
    if not isinstance(multiscales, list) or not multiscales or not _is_map(multiscales[0]):
        raise Invalid("multiscales", "the group does not describe an OME-Zarr image")
    first = multiscales[0]
    datasets = [item for item in first.get("datasets", ()) if _is_map(item) and item.get("path")]
    if not datasets:
        raise Invalid("multiscales", "no dataset with a path is listed")
    axes = _axes(first.get("axes"), axes_count)
    names = "".join(name for name, _ in axes)
    sizes = _physical_sizes(axes, _scale(first, len(axes)), _scale(datasets[0], len(axes)))
    omero = ome.get("omero")
    name = first.get("name") or (omero.get("name") if _is_map(omero) else None)
    return Multiscale(
        version=str(ome.get("version") or first.get("version") or "0.1"),
        axes=names,
        paths=tuple(str(item["path"]) for item in datasets),
        description=ImageDescription(name=str(name or ""), channels=_channels(omero), **sizes),
    )


def _axes(given: object, count: int | None) -> list[tuple[str, str | None]]:
    """Return names and units of the axes in stored order."""
    if not isinstance(given, list) or not given:
        names: list[tuple[str, str | None]] = [(name, None) for name in _ORDER]
        return names if count is None else names[len(_ORDER) - count :]
    axes: list[tuple[str, str | None]] = []
    for item in given:
        name = str(item.get("name") if _is_map(item) else item).lower()
        unit = item.get("unit") if _is_map(item) else None
        axes.append((name, unit if isinstance(unit, str) else None))
    found = [name for name, _ in axes]
    strange = [name for name in found if name not in set(_ORDER)]
    if strange or len(set(found)) != len(found) or not {"y", "x"} <= set(found):
        raise Unsupported(
            f"The axes are {', '.join(found)}; known are images with y and x, and t, c, z beside.",
            axes=found,
        )
    return axes


def _scale(holder: Mapping[str, Any], count: int) -> list[float]:
    transforms = holder.get("coordinateTransformations")
    for item in transforms if isinstance(transforms, list) else ():
        scale = item.get("scale") if _is_map(item) else None
        if isinstance(scale, list) and len(scale) == count and all(map(_is_number, scale)):
            return [float(value) for value in scale]
    return [1.0] * count


def _physical_sizes(
    axes: Sequence[tuple[str, str | None]], outer: list[float], inner: list[float]
) -> dict[str, float | None]:
    sizes: dict[str, float | None] = {}
    for (name, unit), one, other in zip(axes, outer, inner, strict=True):
        field = "time_increment" if name == "t" else f"physical_size_{name}"
        units = _SECONDS if name == "t" else _MICROMETRES
        factor = units.get(unit or "") or units.get((unit or "").lower())
        size = one * other * factor if factor else 0.0
        if name != "c":
            sizes[field] = size if math.isfinite(size) and size > 0 else None
    return sizes


def _channels(omero: object) -> tuple[ChannelDescription, ...]:
    given = omero.get("channels") if _is_map(omero) else None
    return tuple(map(_channel, given)) if isinstance(given, list) else ()


def _channel(given: object) -> ChannelDescription:
    if not _is_map(given):
        return ChannelDescription()
    noted = given.get("window")
    window = noted if _is_map(noted) else {}
    color = _COLOR.match(str(given.get("color") or ""))
    label = given.get("label")
    start, end = window.get("start"), window.get("end")
    return ChannelDescription(
        name=str(label) if label not in (None, "") else None,
        color=color[1].upper() if color else None,
        window_start=float(start) if _is_number(start) else None,
        window_end=float(end) if _is_number(end) else None,
        active=given.get("active") is not False,
    )


def _is_map(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
