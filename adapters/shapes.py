"""Shapes on planes of an image: from what a caller draws to rows, and back.

A draft says what is drawn and where; `prepared` checks it against the image and derives the
columns. Two drafts are equal exactly when their columns are: that is how an echo is recognised.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.footprint import Footprint, footprints
from adapters.geometry.geojson import geojson
from adapters.geometry.incoming import parse_geojson, parse_wkt
from adapters.geometry.measures import Calibrated, calibrate
from adapters.geometry.stored import recall, stored_params
from adapters.geometry.text import wkt
from store.errors import Invalid
from store.tables.images import Pixels
from store.tables.rois import Shape

TEXT_LENGTH = 10_000

# What a style may say, and of which kind each value is. Colours are signed 32-bit RGBA; widths and
# font sizes go with a unit, since they come from files in more than one.
STYLE: dict[str, type | tuple[type, ...]] = {
    "stroke_color": int,
    "fill_color": int,
    "stroke_width": (int, float),
    "stroke_width_unit": str,
    "stroke_dash": str,
    "fill_rule": str,
    "font_family": str,
    "font_size": (int, float),
    "font_size_unit": str,
    "font_style": str,
    "marker_start": str,
    "marker_end": str,
    "locked": bool,
    "visible": bool,
}


@dataclass(frozen=True, slots=True)
class Wkt:
    """A geometry as well-known text; each part becomes a shape. `clip` cuts it at the image."""

    text: str
    y_up: bool = False
    clip: bool = False


@dataclass(frozen=True, slots=True)
class GeoJson:
    """A GeoJSON geometry, Feature or FeatureCollection in image pixels."""

    value: object
    y_up: bool = False
    clip: bool = False


@dataclass(frozen=True, slots=True)
class Draft:
    """What is drawn on one plane; an axis that is None stands for every plane of it."""

    what: Drawn | Wkt | GeoJson
    c: int | None = None
    z: int | None = None
    t: int | None = None
    style: Mapping[str, Any] | None = None
    text: str | None = None
    label: int | None = None


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size of what is drawn on, in pixels and planes."""

    width: int
    height: int
    size_c: int
    size_z: int
    size_t: int

    @classmethod
    def of(cls, pixels: Pixels) -> Canvas:
        """Return the canvas of an image. Raises Invalid for one declared without a height."""
        if not pixels.size_y or not pixels.size_x:
            raise Invalid(
                "image", f"image {pixels.image_id} has no size, so it cannot hold shapes."
            )
        return cls(
            pixels.size_x, pixels.size_y, pixels.size_c or 1, pixels.size_z or 1, pixels.size_t or 1
        )


class Columns(NamedTuple):
    """The columns of a shape that follow from a draft; the names are those of the table."""

    kind: str
    c: int | None
    z: int | None
    t: int | None
    footprint: bytes
    wkt: str
    params: dict[str, Any] | None
    style: dict[str, Any] | None
    text: str | None
    bits: bytes | None
    label: int | None
    area: float
    perimeter: float
    cx: float
    cy: float
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    points: int

    @classmethod
    def of(cls, row: Shape) -> Columns:
        """Read the columns of a stored shape."""
        return cls(*(getattr(row, name) for name in cls._fields))


def prepared(drafts: Sequence[Draft], canvas: Canvas) -> list[list[Columns]]:
    """Return the columns of each draft's shapes: one shape, or one per part of a text.

    Pure and slow for many: call it in a thread then. Raises Invalid naming the first bad draft.
    """
    placed: list[tuple[int, Draft, Drawn]] = []
    for place, draft in enumerate(drafts):
        try:
            _check_plane(draft, canvas)
            style_of(draft.style)
            placed += [(place, draft, drawn) for drawn in _drawn(draft, canvas)]
        except Invalid as error:
            raise Invalid(f"shapes[{place}].{error.field}", error.reason) from error
    found = footprints([drawn for _, _, drawn in placed], canvas.height)
    made: list[list[Columns]] = [[] for _ in drafts]
    for (place, draft, drawn), footprint in zip(placed, found, strict=True):
        made[place].append(_columns(draft, drawn, footprint))
    return made


def style_of(style: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a checked style without its empty values; None if nothing is left."""
    if not style:
        return None
    kept = {name: value for name, value in style.items() if value is not None}
    for name, value in kept.items():
        wanted = STYLE.get(name)
        if wanted is None:
            raise Invalid(f"style.{name}", "a shape has no such style.")
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise Invalid(f"style.{name}", f"{str(value)[:40]!r} is not of the right kind.")
        if isinstance(value, float) and not math.isfinite(value):
            raise Invalid(f"style.{name}", "must be a finite number.")
        if isinstance(value, int) and not -(2**31) <= value < 2**31:
            raise Invalid(f"style.{name}", "must fit into 32 bits, with a sign.")
    return kept or None


def moved(
    rows: Sequence[Shape],
    canvas: Canvas,
    dx: float,
    dy: float,
    plane: Mapping[str, int | None] | None = None,
) -> list[Columns]:
    """Return the columns of stored shapes moved by a vector in pixels, and perhaps to a plane.

    What was drawn is moved, so that a rectangle stays one. `plane` gives new values of c, z or t.
    """
    drafts = []
    for row in rows:
        drawn = stored_drawn(row)
        if drawn is None:
            raise Invalid("id", f"shape {row.id} cannot be read back and so not be moved.")
        at = {"c": row.c, "z": row.z, "t": row.t, **(plane or {})}
        drafts.append(
            Draft(translated(drawn, dx, dy), **at, style=row.style, text=row.text, label=row.label)
        )
    return [columns for found in prepared(drafts, canvas) for columns in found]


def translated(drawn: Drawn, dx: float, dy: float) -> Drawn:
    """Return a drawn shape moved by a vector."""
    if drawn.transform is not None:
        here = drawn.transform
        return replace(drawn, transform=here._replace(a02=here.a02 + dx, a12=here.a12 + dy))
    params = dict(drawn.params)
    for name, step in (("x", dx), ("x1", dx), ("x2", dx), ("y", dy), ("y1", dy), ("y2", dy)):
        if name in params:
            params[name] += step
    if "points" in params:
        params["points"] = _shifted(params["points"], dx, dy)
    if "holes" in params:
        params["holes"] = [_shifted(hole, dx, dy) for hole in params["holes"]]
    return replace(drawn, params=params)


def _shifted(points: Sequence[Sequence[float]], dx: float, dy: float) -> list[list[float]]:
    return [[x + dx, y + dy] for x, y in points]


def stored_drawn(row: Shape) -> Drawn | None:
    """Return a stored shape as it was drawn; None if it cannot be read back."""
    return recall(Kind(row.kind), row.params, row.footprint, row.text, row.bits)


class Shown:
    """A stored shape with everything that may be asked of it, worked out when asked."""

    def __init__(self, row: Shape) -> None:
        self.row = row

    @cached_property
    def drawn(self) -> Drawn | None:
        """The shape as drawn."""
        return stored_drawn(self.row)

    @cached_property
    def geometry(self) -> BaseGeometry:
        """The footprint, y down."""
        return shapely.from_wkb(self.row.footprint)

    def wkt(self, *, y_up: bool = False) -> str:
        """Return the footprint as text."""
        return self.row.wkt if y_up else wkt(self.geometry)

    def geojson(self) -> dict[str, Any]:
        """Return the footprint as a GeoJSON geometry, y down."""
        return geojson(self.geometry)

    def calibrated(self, size_x: float | None, size_y: float | None) -> Calibrated:
        """Return area and perimeter by the size of a pixel in µm."""
        return calibrate(_footprint(self.row), size_x, size_y)


def _footprint(row: Shape) -> Footprint:
    return Footprint(
        row.footprint, row.wkt, row.area, row.perimeter, row.cx, row.cy,
        row.x0, row.y0, row.x1, row.y1, row.size, row.points,
    )  # fmt: skip


def _check_plane(draft: Draft, canvas: Canvas) -> None:
    sizes = {"c": canvas.size_c, "z": canvas.size_z, "t": canvas.size_t}
    for axis, size in sizes.items():
        place = getattr(draft, axis)
        if place is not None and not 0 <= place < size:
            raise Invalid(axis, f"{place} is not between 0 and {size - 1}.")
    if draft.text is not None and len(draft.text) > TEXT_LENGTH:
        raise Invalid("text", f"has more than {TEXT_LENGTH} characters.")


def _drawn(draft: Draft, canvas: Canvas) -> list[Drawn]:
    what, width, height = draft.what, canvas.width, canvas.height
    match what:
        case Wkt(text, y_up, clip):
            return parse_wkt(text, width, height, y_up=y_up, clip=clip, field="wkt")
        case GeoJson(value, y_up, clip):
            return parse_geojson(value, width, height, y_up=y_up, clip=clip, field="geojson")
        case _:
            return [what]


def _columns(draft: Draft, drawn: Drawn, found: Footprint) -> Columns:
    return Columns(
        drawn.kind.value, draft.c, draft.z, draft.t, found.wkb, found.wkt_up,
        stored_params(drawn, found), style_of(draft.style),
        drawn.text if draft.text is None else draft.text, drawn.bits, draft.label,
        found.area, found.perimeter, found.cx, found.cy,
        found.x0, found.y0, found.x1, found.y1, found.size, found.points,
    )  # fmt: skip


__all__ = [
    "Affine",
    "Canvas",
    "Columns",
    "Draft",
    "Drawn",
    "GeoJson",
    "Kind",
    "Shown",
    "Wkt",
    "moved",
    "prepared",
    "stored_drawn",
    "style_of",
    "translated",
]
