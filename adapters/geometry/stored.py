"""What of a drawn shape must be stored beside its footprint, and how it is read back.

Most polygons, lines and points are their footprint. Numbers are stored only where it does not give
them back exactly: rectangles, ellipses, masks, transforms, and whatever had to be repaired.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.footprint import Footprint


def stored_params(drawn: Drawn, footprint: Footprint) -> dict[str, Any] | None:
    """Return what must be stored beside the footprint to get the drawn shape back, or None.

    A transform lies under ``transform``, by the names of its six numbers.
    """
    if drawn.transform is None and recall(drawn.kind, None, footprint.wkb) == replace(
        drawn, text=None, bits=None
    ):
        return None
    stored = dict(drawn.params)
    if drawn.transform is not None:
        stored["transform"] = drawn.transform._asdict()
    return stored


def recall(
    kind: Kind,
    params: dict[str, Any] | None,
    wkb: bytes,
    text: str | None = None,
    bits: bytes | None = None,
) -> Drawn | None:
    """Get a drawn shape back from what is stored; None if the footprint alone does not tell."""
    if params is not None:
        numbers = dict(params)
        transform = numbers.pop("transform", None)
        affine = Affine.of(transform) if transform is not None else None
        return Drawn(kind, numbers, affine, text, bits)
    found = _params_of(kind, shapely.from_wkb(wkb))
    return None if found is None else Drawn(kind, found, None, text, bits)


def _params_of(kind: Kind, geometry: BaseGeometry) -> dict[str, Any] | None:
    """Read parameters off a geometry that shows all of them."""
    points = shapely.get_coordinates(geometry)
    shown = geometry.geom_type
    if kind in (Kind.POINT, Kind.LABEL) and shown == "Point":
        return {"x": points[0, 0], "y": points[0, 1]}
    if kind is Kind.LINE and shown == "LineString" and len(points) == 2:
        return dict(zip(("x1", "y1", "x2", "y2"), points.ravel().tolist(), strict=True))
    if kind is Kind.POLYLINE and shown == "LineString":
        return {"points": points.tolist()}
    if kind is Kind.POLYGON and shown == "Polygon":
        rings = [shapely.get_coordinates(ring)[:-1].tolist() for ring in geometry.interiors]
        shell = shapely.get_coordinates(geometry.exterior)[:-1].tolist()
        return {"points": shell, "holes": rings} if rings else {"points": shell}
    return None
