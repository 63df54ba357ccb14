"""Geometries as GeoJSON, y as it is: image coordinates, not longitude and latitude."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.text import first_line
from adapters.geometry.valid import checked
from store.errors import Invalid


def geojson(geometry: BaseGeometry) -> dict[str, Any]:
    """Write a GeoJSON geometry with lists for coordinates, y as it is."""
    if hasattr(geometry, "geoms") and geometry.geom_type == "GeometryCollection":
        return {
            "type": "GeometryCollection",
            "geometries": [geojson(part) for part in geometry.geoms],
        }
    interface = shapely.geometry.mapping(geometry)
    return {"type": interface["type"], "coordinates": _listed(interface["coordinates"])}


def read_geojson(value: object, field: str = "geometry") -> BaseGeometry:
    """Read a GeoJSON geometry, Feature or FeatureCollection, checked like WKT.

    Raises `Invalid` for `field` with the reason.
    """
    return checked(_geometry(value, field, depth=0), field)


def _geometry(value: object, field: str, depth: int) -> BaseGeometry:
    if depth > 8:
        raise Invalid(field, "collections are nested more than eight deep.")
    if not isinstance(value, Mapping) or not isinstance(value.get("type"), str):
        raise Invalid(field, "this is not a GeoJSON object with a type.")
    kind = value["type"]
    if kind == "Feature":
        return _geometry(value.get("geometry"), field, depth + 1)
    members = {"FeatureCollection": "features", "GeometryCollection": "geometries"}.get(kind)
    if members is not None:
        listed = value.get(members)
        if not isinstance(listed, list):
            raise Invalid(field, f"a {kind} needs a list of {members}.")
        return shapely.GeometryCollection(
            [_geometry(member, field, depth + 1) for member in listed]
        )
    if kind not in _BUILDERS:
        raise Invalid(field, f"{kind[:40]!r} is not a GeoJSON geometry.")
    try:
        return _BUILDERS[kind](value["coordinates"])
    except KeyError:
        raise Invalid(field, f"the {kind} has no coordinates.") from None
    except (TypeError, ValueError, IndexError, OverflowError, shapely.errors.ShapelyError) as error:
        raise Invalid(
            field, f"the coordinates do not make a {kind}: {first_line(error)}"
        ) from error


def _positions(values: Any) -> NDArray[np.float64]:
    positions = np.asarray(values, dtype=np.float64)
    if positions.size == 0:
        return np.empty((0, 2))
    if positions.ndim != 2 or positions.shape[1] < 2:
        raise ValueError("a position is two numbers")
    if not np.isfinite(positions).all():
        raise ValueError("a coordinate is not a finite number")
    return positions[:, :2]


def _polygon(rings: Any) -> BaseGeometry:
    shell, *holes = [_positions(ring) for ring in rings] or [np.empty((0, 2))]
    return shapely.Polygon(shell, holes)


_BUILDERS: dict[str, Callable[[Any], BaseGeometry]] = {
    "Point": lambda values: shapely.Point(_positions([values])[0]),
    "MultiPoint": lambda values: shapely.MultiPoint(_positions(values)),
    "LineString": lambda values: shapely.LineString(_positions(values)),
    "MultiLineString": lambda values: shapely.MultiLineString([_positions(v) for v in values]),
    "Polygon": _polygon,
    "MultiPolygon": lambda values: shapely.MultiPolygon([_polygon(v) for v in values]),
}


def _listed(values: Any) -> Any:
    return [_listed(value) for value in values] if isinstance(values, tuple) else values
