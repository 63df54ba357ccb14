"""Shapes in the older form of ``get_rois_json``: ready for drawing, colours as texts, SVG paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.geometry.points import number_text
from adapters.plain_shapes import Plain, plain_shapes, points_text
from adapters.roi_lists import Named
from web.rest.omero.marshal.rois import TYPES
from web.rest.omero.marshal.values import present

_TYPES = TYPES | {"polyline": "PolyLine"}
_NAMES = {"rx": "radiusX", "ry": "radiusY"}
_IDENTITY = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


def old_shapes(rows: Sequence[Any], names: Mapping[int, Named]) -> list[dict[str, Any]]:
    """Return shapes in their order; terms are given by region."""
    return [
        old_shape(row, plain, names.get(row.roi_id))
        for row, plain in zip(rows, plain_shapes(rows), strict=True)
    ]


def old_shape(row: Any, plain: Plain, named: Named | None) -> dict[str, Any]:
    """Return one shape."""
    style = row.style or {}
    stroke = style.get("stroke_color")
    written: dict[str, Any] = {"id": row.id, "type": _TYPES[row.kind]}
    for name, value in plain.numbers.items():
        written[_NAMES.get(name, name)] = float(value)
    if plain.points is not None:
        written["points"] = _path(plain.points, closed=row.kind == "polygon")
    transform = _IDENTITY if plain.transform is None else plain.transform
    written |= present(
        {
            "theZ": row.z,
            "theT": row.t,
            "theC": row.c,
            **_color("fill", style.get("fill_color")),
            **_color("stroke", named.color if stroke is None and named is not None else stroke),
            "strokeWidth": style.get("stroke_width"),
            "textValue": named.text if row.text is None and named is not None else row.text,
            "fontSize": style.get("font_size"),
            "fontStyle": style.get("font_style"),
            "fontFamily": style.get("font_family"),
        }
    )
    written["transform"] = f"matrix({' '.join(number_text(value) for value in transform)})"
    return written


def _path(points: NDArray[np.float64], *, closed: bool) -> str:
    steps = points_text(points).replace(" ", " L ").replace(",", " ")
    return f"M {steps} z" if closed else f"M {steps}"


def _color(name: str, value: int | None) -> dict[str, Any]:
    if value is None:
        return {}
    bits = value & 0xFFFFFFFF
    return {f"{name}Color": f"#{bits >> 8:06x}", f"{name}Alpha": (bits & 0xFF) / 255}
