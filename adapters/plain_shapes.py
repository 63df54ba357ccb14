"""Stored shapes as a kind and numbers each, for dialects whose polygons are one ring.

Most shapes are read off their footprints, all of a page at once; a hole becomes part of the ring by
a slit of no width, and closing the slits gives the polygon back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.drawn import Affine, polygon_of
from adapters.geometry.slits import with_slits
from adapters.geometry.valid import flat
from store.tables.rois import ShapeKind

_POINTS = frozenset({ShapeKind.POLYGON.value, ShapeKind.POLYLINE.value})
_ENDS = ("x1", "y1", "x2", "y2")


class Plain(NamedTuple):
    """One shape: numbers by the names of `Drawn.params`, or points ``(n, 2)``; never both."""

    numbers: Mapping[str, float]
    points: NDArray[np.float64] | None
    transform: Affine | None


def plain_shapes(rows: Sequence[Any]) -> list[Plain]:
    """Return stored shapes (rows with kind, params and footprint), in their order."""
    bare = [row.footprint for row in rows if row.params is None]
    geometries = iter(shapely.from_wkb(np.array(bare, dtype=object)) if bare else ())
    return [
        _of_geometry(row.kind, next(geometries)) if row.params is None else _of_params(row)
        for row in rows
    ]


def points_text(points: NDArray[np.float64] | Sequence[Sequence[float]]) -> str:
    """Write points as ``x,y x,y``, each number as short as it is read back the same."""
    text = orjson.dumps(np.ascontiguousarray(points), option=orjson.OPT_SERIALIZE_NUMPY).decode()
    joined = text[2:-2].replace("],[", " ").replace(".0,", ",").replace(".0 ", " ")
    return joined.removesuffix(".0")


def _of_params(row: Any) -> Plain:
    numbers = dict(row.params)
    stored = numbers.pop("transform", None)
    transform = None if stored is None else Affine.of(stored)
    if row.kind not in _POINTS:
        return Plain(numbers, None, transform)
    ring = np.array(numbers["points"], dtype=np.float64)
    if numbers.get("holes"):
        whole = polygon_of(ring, [np.array(hole) for hole in numbers["holes"]])
        if whole.is_valid and whole.geom_type == "Polygon":
            ring = with_slits(whole)
    return Plain({}, ring, transform)


def _of_geometry(kind: str, geometry: BaseGeometry) -> Plain:
    """Read a shape off a footprint that shows all of it."""
    part = flat(geometry)[0] if hasattr(geometry, "geoms") else geometry
    if kind == ShapeKind.POLYGON and part.geom_type == "Polygon":
        return Plain({}, _ring(part), None)
    points = shapely.get_coordinates(part)
    if kind in _POINTS:
        return Plain({}, points, None)
    values = points.ravel().tolist()
    return Plain(
        dict(zip(_ENDS if len(values) == 4 else ("x", "y"), values, strict=False)), None, None
    )


def _ring(polygon: BaseGeometry) -> NDArray[np.float64]:
    if shapely.get_num_interior_rings(polygon):
        return with_slits(polygon)
    return np.asarray(shapely.get_coordinates(polygon)[:-1])
