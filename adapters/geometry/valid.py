"""What makes a geometry fit to be kept: checked, clipped, repaired."""

from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.drawn import FARTHEST
from adapters.geometry.points import number_text
from store.errors import Invalid

_POLYGONAL = ("Polygon", "MultiPolygon")
_DIMENSION = {"Point": 0, "LineString": 1, "LinearRing": 1, "Polygon": 2}


def checked(geometry: BaseGeometry, field: str) -> BaseGeometry:
    """Return a geometry from outside without z, if it is one that can be drawn."""
    geometry = shapely.force_2d(geometry)
    points = shapely.get_coordinates(geometry)
    if len(points) == 0:
        raise Invalid(field, f"the {geometry.geom_type} has no points.")
    if not np.isfinite(points).all():
        raise Invalid(field, "a coordinate is not a finite number.")
    if np.abs(points).max() > FARTHEST:
        raise Invalid(field, f"a point is farther away than {FARTHEST:.0e} pixels.")
    if not geometry.is_valid:
        raise Invalid(field, f"the geometry is not valid: {shapely.is_valid_reason(geometry)}.")
    return geometry


def clipped(
    geometry: BaseGeometry, image_width: float, image_height: float, field: str = "location"
) -> BaseGeometry:
    """Cut a valid geometry at the image's borders; parts that only touch one from outside go.

    Raises `Invalid` for `field` if nothing is left.
    """
    x0, y0, x1, y1 = shapely.bounds(geometry).tolist()
    if x0 >= 0 and y0 >= 0 and x1 <= image_width and y1 <= image_height:
        return geometry
    image = shapely.box(0, 0, image_width, image_height)
    left = [
        part
        for whole in flat(geometry)
        for part in flat(shapely.intersection(whole, image))
        if _DIMENSION[part.geom_type] == _DIMENSION[whole.geom_type]
    ]
    if not left:
        size = f"{number_text(image_width)} × {number_text(image_height)}"
        raise Invalid(field, f"the geometry lies outside the image of {size} pixels.")
    return left[0] if len(left) == 1 else shapely.GeometryCollection(left)


def repaired(geometry: BaseGeometry) -> BaseGeometry:
    """Return a valid geometry without the parts that collapsed.

    A polygon that crosses itself becomes the area it encloses; a polygon without area becomes a
    line, a line without length a point.
    """
    if geometry.is_valid and not (geometry.geom_type in _POLYGONAL and geometry.area == 0):
        return geometry
    valid = shapely.make_valid(geometry, method="structure", keep_collapsed=True)
    areas = [part for part in flat(valid) if part.geom_type == "Polygon" and part.area > 0]
    if areas:
        return areas[0] if len(areas) == 1 else shapely.MultiPolygon(areas)
    points = shapely.get_coordinates(geometry)
    if bool(np.all(points == points[0])):
        return shapely.Point(points[0])
    # Dissolving counts a line that runs to and fro once.
    lines = geometry.boundary if geometry.geom_type in _POLYGONAL else geometry
    dissolved = shapely.unary_union(lines)
    if dissolved.geom_type == "MultiLineString":
        dissolved = shapely.line_merge(dissolved)
    return dissolved


def flat(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Return the simple parts of a geometry, out of nested collections too, without empty ones."""
    if hasattr(geometry, "geoms"):
        return [part for member in geometry.geoms for part in flat(member)]
    return [] if geometry.is_empty else [geometry]


def count_vertices(geometry: BaseGeometry) -> int:
    """Count vertices without the closing ones of rings."""
    every = int(shapely.get_num_coordinates(geometry))
    if geometry.geom_type == "Polygon":
        return every - 1 - int(shapely.get_num_interior_rings(geometry))
    polygons = [part for part in flat(geometry) if part.geom_type == "Polygon"]
    return every - sum(1 + int(shapely.get_num_interior_rings(part)) for part in polygons)
