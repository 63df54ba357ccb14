"""Geometries with fewer vertices: as many as are asked for, no hole filled and no part lost."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.valid import count_vertices
from store.errors import Invalid

_STEPS = 40  # halvings of the tolerance; far below a pixel by then


def simplified(
    geometry: BaseGeometry, least: int | None, most: int | None
) -> tuple[BaseGeometry, float]:
    """Return a geometry with at least and at most so many vertices, and the tolerance in pixels.

    Topology is preserved (Douglas and Peucker 1973, as GEOS does it). Where no tolerance leaves a
    number in between, the nearest above `least` is taken. Raises Invalid if `least` is above
    `most`.
    """
    if least is not None and most is not None and least > most:
        raise Invalid("minPoint", f"{least} is more than maxPoint, {most}.")
    if most is None or count_vertices(geometry) <= most:
        return geometry, 0.0
    x0, y0, x1, y1 = shapely.bounds(geometry).tolist()
    low, high = 0.0, max(x1 - x0, y1 - y0)
    best, rate = geometry, 0.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        tried = shapely.simplify(geometry, middle, preserve_topology=True)
        count = count_vertices(tried)
        if least is not None and count < least:
            high = middle
            continue
        if tried.is_valid and count < count_vertices(best):
            best, rate = tried, middle
        if count <= most:
            high = middle
            if least is None or count >= least:
                break
        else:
            low = middle
    return best, rate


def filled(geometry: BaseGeometry) -> BaseGeometry:
    """Return a geometry without holes; areas that come to overlap are joined."""
    if geometry.geom_type == "Polygon":
        return shapely.Polygon(geometry.exterior)
    if geometry.geom_type == "MultiPolygon":
        return shapely.unary_union([shapely.Polygon(part.exterior) for part in geometry.geoms])
    if geometry.geom_type == "GeometryCollection":
        return shapely.GeometryCollection([filled(part) for part in geometry.geoms])
    return geometry
