"""Where regions lie: the plane each is shown on, and the exact answer to what an index finds.

A region is shown on one plane: the one asked about, otherwise its home, the plane of its first
shape, where no value stands for the middle in channel and depth and for the first in time. Indexes
know boxes only, so what they find is tested by geometry unless a box decides it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy import or_, select

from adapters.geometry.text import turn
from adapters.placements import Placed
from adapters.planes import Stack
from adapters.region_query import Near, OnPlane
from store.catalog import Catalog
from store.errors import Invalid
from store.spatial import Box, in_box, rois_in_box
from store.statement import cols
from store.tables.rois import Roi, Shape

_roi, _shape = cols(Roi), cols(Shape)
BOUNDS = ("x0", "y0", "x1", "y1")
Plane = tuple[int, int, int]


def shown(
    shapes: Sequence[Any], stack: Stack, planes: Iterable[OnPlane] | None = None
) -> tuple[Plane, list[Any]]:
    """Return the plane (c, z, t) a region is shown on, and its shapes there, in order."""
    for plane in planes or ():
        at = (plane.c or 0, plane.z, plane.t)
        there = [shape for shape in shapes if _lies(shape, at, stack)]
        if there:
            return at, there
    first = shapes[0]
    home = (
        _filled(first.c, stack.channels // 2) if stack.channels > 1 else 0,
        _filled(first.z, stack.depth // 2),
        _filled(first.t, 0),
    )
    if len(shapes) == 1:
        return home, list(shapes)
    return home, [shape for shape in shapes if _lies(shape, home, stack)]


def _filled(place: int | None, otherwise: int) -> int:
    return otherwise if place is None else place


def _lies(shape: Any, at: Plane, stack: Stack) -> bool:
    c = None if stack.channels == 1 else shape.c
    return all(
        place is None or place == wanted
        for place, wanted in zip((c, shape.z, shape.t), at, strict=True)
    )


def candidates(catalog: Catalog, near: Near, places: Mapping[int, Placed]) -> Any:
    """Return the condition that a region has a shape whose box comes near; by the index."""
    by_box: dict[Box, list[int]] = {}
    for image_id, place in places.items():
        by_box.setdefault(_box(near, place), []).append(image_id)
    if not by_box:
        return _roi.id.in_([])
    if len(by_box) == 1:
        ((box, images),) = by_box.items()
        return _roi.id.in_(rois_in_box(catalog.database, images, box))
    meeting = [in_box(catalog.database, images, box) for box, images in by_box.items()]
    return _roi.id.in_(select(_shape.roi_id).where(_shape.trashed_by.is_(None), or_(*meeting)))


def _box(near: Near, place: Placed) -> Box:
    x0, y0, x1, y1 = shapely.bounds(geometry_on(near, place)).tolist()
    reach = near.distance
    return Box(x0 - reach, y0 - reach, x1 + reach, y1 + reach)


def geometry_on(near: Near, place: Placed) -> BaseGeometry:
    """Return the geometry asked about as it lies on an image, y down. Raises Invalid."""
    if not near.y_up:
        return near.geometry
    height = place.pixels.size_y
    if not height:
        raise Invalid("image", f"image {place.row.id} has no size, so nothing lies on it.")
    return _turned(near.geometry, height)


@lru_cache(maxsize=16)
def _turned(geometry: BaseGeometry, height: int) -> BaseGeometry:
    return turn(geometry, height)


async def really_near(
    catalog: Catalog, near: Near, found: Mapping[int, tuple[Placed, Sequence[Any]]]
) -> set[int]:
    """Return which regions are near, of those the index found: by id, with shapes and their boxes.

    One statement more, for the shapes that their boxes do not decide.
    """
    sure: set[int] = set()
    open_: dict[int, tuple[int, BaseGeometry]] = {}
    for id, (place, shapes) in found.items():
        geometry = geometry_on(near, place)
        inside = _inside(geometry)
        if near.distance == 0 and inside and any(_within(shape, inside) for shape in shapes):
            sure.add(id)
        else:
            open_ |= {shape.id: (id, geometry) for shape in shapes}
    if not open_:
        return sure
    rows = await catalog.rows(
        select(_shape.id, _shape.footprint).where(catalog.members(_shape.id, open_)),
        settled=("shape",),
    )
    by_geometry: dict[int, tuple[BaseGeometry, list[int], list[bytes]]] = {}
    for row in rows:
        id, geometry = open_[row.id]
        kept = by_geometry.setdefault(id_of(geometry), (geometry, [], []))
        kept[1].append(id)
        kept[2].append(row.footprint)
    for geometry, ids, footprints in by_geometry.values():
        shapely.prepare(geometry)
        shapes_ = shapely.from_wkb(footprints)
        meets = (
            shapely.dwithin(geometry, shapes_, near.distance)
            if near.distance
            else shapely.intersects(geometry, shapes_)
        )
        sure |= {id for id, hit in zip(ids, meets.tolist(), strict=True) if hit}
    return sure


def id_of(geometry: BaseGeometry) -> int:
    """Return what tells geometries apart that are kept while this is used."""
    return id(geometry)


@lru_cache(maxsize=16)
def _inside(geometry: BaseGeometry) -> tuple[float, float, float, float] | None:
    """Return the bounds of an upright rectangle; None of anything else."""
    if geometry.geom_type != "Polygon" or not geometry.equals(geometry.envelope):
        return None
    x0, y0, x1, y1 = shapely.bounds(geometry).tolist()
    return x0, y0, x1, y1


def _within(shape: Any, inside: tuple[float, float, float, float]) -> bool:
    x0, y0, x1, y1 = inside
    return bool(x0 <= shape.x0 and y0 <= shape.y0 and shape.x1 <= x1 and shape.y1 <= y1)


__all__ = ["BOUNDS", "Plane", "candidates", "geometry_on", "really_near", "shown"]
