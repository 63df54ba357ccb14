"""Shapes as clients of OMERO send them, with every value checked.

What is sent back as we would write it is no change: `redrawn` compares what a body says with what
our own writing of the stored shape says, part by part, and keeps the stored part where both agree.
So an ellipse stays one, holes stay holes, and a term shown as text does not become a text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.geometry.bits import bits_needed
from adapters.geometry.drawn import Affine, Drawn, Kind
from adapters.geometry.points import parse_points
from adapters.plain_shapes import plain_shapes
from adapters.roi_lists import Named
from adapters.shapes import Draft, stored_drawn
from store.errors import Invalid
from store.tables.rois import Shape
from web.rest.omero.marshal import rois
from web.rest.omero.marshal.units import stored
from web.rest.omero.marshal.values import signed

_KINDS = {name: Kind(kind) for kind, name in rois.TYPES.items()}
_NUMBERS = {
    Kind.RECTANGLE: ("x", "y", "width", "height"),
    Kind.MASK: ("x", "y", "width", "height"),
    Kind.ELLIPSE: ("x", "y", "rx", "ry"),
    Kind.LINE: ("x1", "y1", "x2", "y2"),
    Kind.POINT: ("x", "y"),
    Kind.LABEL: ("x", "y"),
}
_AXES = {"c": "TheC", "z": "TheZ", "t": "TheT"}
_COLORS = {"fill_color": "FillColor", "stroke_color": "StrokeColor"}
_SIZES = {"stroke_width": "StrokeWidth", "font_size": "FontSize"}
LONGEST_WORD = 1000
_SCHEMA = "http://www.openmicroscopy.org/Schemas/"


@dataclass(frozen=True, slots=True)
class Sent:
    """One shape as it was sent: geometry, transform, planes, style and text, each by itself."""

    kind: Kind
    params: Mapping[str, Any]
    transform: Affine | None
    planes: Mapping[str, int | None]
    style: Mapping[str, Any]
    text: str | None

    def draft(self) -> Draft:
        """Return what is to be drawn. Raises Invalid for numbers that cannot be."""
        drawn = Drawn(self.kind, self.params, self.transform)
        return Draft(drawn, **self.planes, style=self.style or None, text=self.text)


def read(item: object) -> Sent:
    """Read a shape. Raises Invalid naming the key."""
    if not isinstance(item, Mapping):
        raise Invalid("shape", "must be an object.")
    kind = _kind(item.get("@type"))
    return Sent(
        kind,
        _params(kind, item),
        _transform(item.get("Transform")),
        {axis: _plane(item.get(key), key) for axis, key in _AXES.items()},
        _style(kind, item),
        _word(item.get("Text"), "Text", None),
    )


def id_of(item: object) -> int:
    """Return the id of a shape that was sent. Raises Invalid."""
    id = item.get("@id") if isinstance(item, Mapping) else None
    if isinstance(id, bool) or not isinstance(id, int) or id <= 0:
        raise Invalid("@id", "must be the number of a shape.")
    return id


def redrawn(sent: Sent, row: Shape, named: Named | None) -> Draft | None:
    """Return what a stored shape is to become; None if it is sent back as we would write it.

    Raises Invalid where its kind differs, or a mask changes its size without new bits.
    """
    (plain,) = plain_shapes([row])
    known = read(rois.shape(row, plain, None, named))
    if sent.kind is not known.kind:
        was, wanted = rois.TYPES[known.kind], rois.TYPES[sent.kind]
        raise Invalid("@type", f"shape {row.id} is a {was} and cannot become a {wanted}.")
    if sent == known:
        return None
    return Draft(
        _drawn(sent, known, row),
        **_kept(sent.planes, known.planes, {axis: getattr(row, axis) for axis in _AXES}),
        style=_kept_style(sent.style, known.style, row.style or {}),
        text=row.text if sent.text == known.text else sent.text,
        label=row.label,
    )


def _drawn(sent: Sent, known: Sent, row: Shape) -> Drawn:
    drawn = stored_drawn(row)
    if drawn is None:
        return Drawn(sent.kind, sent.params, sent.transform)
    # The caption is the draft's; left here it would come back when it is taken away.
    drawn = replace(drawn, text=None)
    if sent.transform != known.transform:
        drawn = replace(drawn, transform=sent.transform)
    if sent.params == known.params:
        return drawn
    moved = Drawn(sent.kind, sent.params, drawn.transform)
    if drawn.bits is None:
        return moved
    if bits_needed(*moved.frame) != len(drawn.bits) or moved.frame != drawn.frame:
        raise Invalid("Width", "the frame of a mask may be moved here, but keeps its size.")
    return replace(moved, bits=drawn.bits)


def _kept(
    sent: Mapping[str, Any], known: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    return {name: stored[name] if sent[name] == known[name] else sent[name] for name in sent}


def _kept_style(
    sent: Mapping[str, Any], known: Mapping[str, Any], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the style with what was changed; what this dialect does not write stays."""
    style = dict(stored)
    for name in _PARTS:
        if sent.get(name) != known.get(name):
            style.pop(name, None)
            if sent.get(name) is not None:
                style[name] = sent[name]
    return style


_PARTS = (
    *_COLORS, *rois.TEXTS, *rois.MARKERS, *_SIZES, *(f"{name}_unit" for name in _SIZES), "locked",
)  # fmt: skip


def _kind(value: object) -> Kind:
    schema, _, name = value.rpartition("#") if isinstance(value, str) else ("", "", "")
    if name not in _KINDS or not schema.startswith(_SCHEMA):
        raise Invalid("@type", f"{str(value)[:100]!r} is not one of {', '.join(_KINDS)}.")
    return _KINDS[name]


def _params(kind: Kind, item: Mapping[str, Any]) -> dict[str, Any]:
    if kind in _NUMBERS:
        return {name: _number(item.get(rois.NUMBERS[name]), name) for name in _NUMBERS[kind]}
    points = item.get("Points")
    if not isinstance(points, str):
        raise Invalid("Points", "must be a text such as 1,2 3,4.")
    return {"points": parse_points(points, "Points")}


def _number(value: object, name: str) -> float:
    key = rois.NUMBERS.get(name, name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Invalid(key, "this number is missing." if value is None else "must be a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid(key, "must be a finite number.")
    return number


def _transform(value: object) -> Affine | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Invalid("Transform", "must be an object with A00 to A12.")
    return Affine(*(_number(value.get(name.upper()), name.upper()) for name in Affine._fields))


def _plane(value: object, key: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(key, "must be a whole number.")
    return None if value < 0 else value


def _style(kind: Kind, item: Mapping[str, Any]) -> dict[str, Any]:
    style: dict[str, Any] = {}
    for name, key in _COLORS.items():
        style[name] = _color(item.get(key), key)
    words = rois.TEXTS | (rois.MARKERS if kind in (Kind.LINE, Kind.POLYLINE) else {})
    for name, key in words.items():
        style[name] = _word(item.get(key), key, LONGEST_WORD)
    for name, key in _SIZES.items():
        style[name], style[f"{name}_unit"] = _size(item.get(key), key)
    locked = item.get("Locked")
    if locked is not None and not isinstance(locked, bool):
        raise Invalid("Locked", "must be true or false.")
    style["locked"] = locked
    return {name: value for name, value in style.items() if value is not None}


def _color(value: object, key: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**31) <= value < 2**32:
        raise Invalid(key, "must be a colour as a signed number of 32 bits.")
    return signed(value)


def _word(value: object, key: str, longest: int | None) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or "\x00" in value:
        raise Invalid(key, "must be a text.")
    if longest is not None and len(value) > longest:
        raise Invalid(key, f"has more than {longest} characters.")
    return value


def _size(value: object, key: str) -> tuple[float | None, str | None]:
    """Return a width or a font size with its unit; a bare number has none."""
    if value is None:
        return None, None
    if not isinstance(value, Mapping):
        return _number(value, key), None
    name = value.get("Unit")
    unit = stored(name) if isinstance(name, str) else None
    if name is not None and unit is None:
        raise Invalid(key, f"{str(name)[:40]!r} is not a unit of length.")
    return _number(value.get("Value"), key), unit
