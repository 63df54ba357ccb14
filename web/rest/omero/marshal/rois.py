"""Regions and their shapes as OMERO's JSON writes them.

A shape without a text or a colour of its own shows the terms of its region instead: that is how
users of such clients see labels given elsewhere. Holes are slits in the ring, and the bits of a
mask never travel here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.plain_shapes import Plain, plain_shapes, points_text
from adapters.roi_lists import Named
from store.tables.rois import Roi
from web.rest.omero.marshal.units import FONT, STROKE, name_of, symbol_of
from web.rest.omero.marshal.values import finite, present, typed

TYPES = {
    "rectangle": "Rectangle",
    "ellipse": "Ellipse",
    "polygon": "Polygon",
    "polyline": "Polyline",
    "line": "Line",
    "point": "Point",
    "mask": "Mask",
    "label": "Label",
}
NUMBERS = {
    "x": "X", "y": "Y", "width": "Width", "height": "Height", "rx": "RadiusX", "ry": "RadiusY",
    "x1": "X1", "y1": "Y1", "x2": "X2", "y2": "Y2",
}  # fmt: skip
TEXTS = {
    "fill_rule": "FillRule",
    "font_family": "FontFamily",
    "font_style": "FontStyle",
    "stroke_dash": "StrokeDashArray",
}
MARKERS = {"marker_start": "MarkerStart", "marker_end": "MarkerEnd"}
_TYPED = {kind: typed(name) for kind, name in TYPES.items()}
_AFFINE = typed("AffineTransform")
_ROI = typed("ROI")


def roi(
    row: Roi, shapes: Sequence[Mapping[str, Any]], details: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a region; `shapes` is there even if empty, since some clients rely on it."""
    written: dict[str, Any] = {"@id": row.id, "@type": _ROI}
    if row.name is not None:
        written["Name"] = row.name
    if row.description is not None:
        written["Description"] = row.description
    written["omero:details"] = details
    written["shapes"] = shapes
    return written


def shapes(
    rows: Sequence[Any],
    details: Mapping[int, Mapping[str, Any]],
    names: Mapping[int, Named],
) -> list[dict[str, Any]]:
    """Return shapes in their order; details and terms are given by region."""
    return [
        shape(row, plain, details[row.roi_id], names.get(row.roi_id))
        for row, plain in zip(rows, plain_shapes(rows), strict=True)
    ]


def shape(
    row: Any, plain: Plain, details: Mapping[str, Any] | None, named: Named | None
) -> dict[str, Any]:
    """Return one shape; without `details` only what a client may send back."""
    written: dict[str, Any] = {"@id": row.id, "@type": _TYPED[row.kind]}
    for name, value in plain.numbers.items():
        written[NUMBERS[name]] = float(value)
    if plain.points is not None:
        written["Points"] = points_text(plain.points)
    written |= present({"TheC": row.c, "TheZ": row.z, "TheT": row.t})
    text = row.text
    if text is None and named is not None:
        text = named.text
    if text is not None:
        written["Text"] = text
    _style(written, row.kind, row.style or {}, named)
    if plain.transform is not None:
        written["Transform"] = _transform(row.id, plain, details)
    if details is not None:
        written["omero:details"] = details
    return written


def _style(
    written: dict[str, Any], kind: str, style: Mapping[str, Any], named: Named | None
) -> None:
    color = style.get("stroke_color")
    if color is None and named is not None:
        color = named.color
    written.update(
        present(
            {
                "FillColor": style.get("fill_color"),
                "StrokeColor": color,
                "StrokeWidth": _quantity(style, "stroke_width", STROKE),
                "FontSize": _quantity(style, "font_size", FONT),
                "Locked": style.get("locked"),
            }
        )
    )
    for name, key in TEXTS.items():
        if name in style:
            written[key] = style[name]
    if kind in ("line", "polyline"):
        for name, key in MARKERS.items():
            if name in style:
                written[key] = style[name]


def _quantity(style: Mapping[str, Any], name: str, default: str) -> dict[str, Any] | None:
    value = finite(style.get(name))
    if value is None:
        return None
    unit = name_of(style.get(f"{name}_unit"), default)
    return {"@type": "TBD#LengthI", "Unit": unit, "Symbol": symbol_of(unit), "Value": value}


def _transform(id: int, plain: Plain, details: Mapping[str, Any] | None) -> dict[str, Any]:
    assert plain.transform is not None
    written: dict[str, Any] = {"@type": _AFFINE, "@id": id}
    for name, value in plain.transform._asdict().items():
        written[name.upper()] = float(value)
    if details is not None:
        written["omero:details"] = details
    return written
