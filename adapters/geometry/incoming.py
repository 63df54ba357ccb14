"""Geometries that come in as text become drawn shapes.

Text knows no rectangles and ellipses: what comes in is polygons, lines and points, clipped to the
image and valid, or it is refused.
"""

from __future__ import annotations

from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.drawn import Drawn, Kind
from adapters.geometry.geojson import read_geojson
from adapters.geometry.text import read_wkt, turn
from adapters.geometry.valid import clipped, flat


def parse_wkt(
    text: str,
    image_width: float,
    image_height: float,
    *,
    y_up: bool,
    clip: bool = True,
    field: str = "location",
) -> list[Drawn]:
    """Read WKT into drawn shapes, one per part, in order.

    POLYGON becomes one polygon (holes kept), MULTI… and GEOMETRYCOLLECTION one shape per part,
    LINESTRING of two points a line, of more a polyline, POINT a point.

    Parameters
    ----------
    y_up
        The text counts y from the bottom of the image.
    clip
        Cut off what lies outside the image. Shapes inside keep their vertices, in order.

    Raises `Invalid` for `field` if the text is no WKT, the geometry is empty or invalid, or nothing
    of it lies in the image.
    """
    return _drawn(read_wkt(text, field), image_width, image_height, y_up, clip, field)


def parse_geojson(
    value: object,
    image_width: float,
    image_height: float,
    *,
    y_up: bool = False,
    clip: bool = True,
    field: str = "geometry",
) -> list[Drawn]:
    """Read a GeoJSON geometry, Feature or FeatureCollection into drawn shapes, as `parse_wkt`."""
    return _drawn(read_geojson(value, field), image_width, image_height, y_up, clip, field)


def _drawn(
    geometry: BaseGeometry,
    image_width: float,
    image_height: float,
    y_up: bool,
    clip: bool,
    field: str,
) -> list[Drawn]:
    if clip:
        geometry = clipped(geometry, image_width, image_height, field)
    if y_up:
        geometry = turn(geometry, image_height)
    return [_shape(part) for part in flat(geometry)]


def _shape(part: BaseGeometry) -> Drawn:
    if part.geom_type == "Polygon":
        params: dict[str, Any] = {"points": shapely.get_coordinates(part.exterior)[:-1]}
        holes = [shapely.get_coordinates(ring)[:-1] for ring in part.interiors]
        return Drawn(Kind.POLYGON, params | ({"holes": holes} if holes else {}))
    points = shapely.get_coordinates(part)
    if part.geom_type == "Point":
        return Drawn(Kind.POINT, {"x": points[0, 0], "y": points[0, 1]})
    if len(points) == 2:
        ends = zip(("x1", "y1", "x2", "y2"), points.ravel().tolist(), strict=True)
        return Drawn(Kind.LINE, dict(ends))
    return Drawn(Kind.POLYLINE, {"points": points})
