"""Shapes as they were drawn: a kind and its numbers, kept verbatim.

What was drawn is the truth; an ellipse stays an ellipse and a rectangle is not a polygon.
Coordinates are pixels of the full resolution, origin top left, y down; the pixel in row r and
column c covers [c, c+1] × [r, r+1]. Everything derived is made in `footprint`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from numbers import Real
from typing import Any, NamedTuple, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.bits import bits_needed, unpack_bits
from adapters.geometry.outlines import outlines
from store.errors import Invalid

# No image is as large; beyond it, areas would lose the digits that matter.
FARTHEST = 1e12

# A multiple of four, so that the polygon touches the ellipse at its four extremes.
ELLIPSE_VERTICES = 64


class Kind(StrEnum):
    """The eight shapes."""

    RECTANGLE = "rectangle"
    ELLIPSE = "ellipse"
    POLYGON = "polygon"
    POLYLINE = "polyline"
    LINE = "line"
    POINT = "point"
    MASK = "mask"
    LABEL = "label"


AREAS = frozenset({Kind.RECTANGLE, Kind.ELLIPSE, Kind.POLYGON, Kind.MASK})

_NUMBERS: dict[Kind, tuple[str, ...]] = {
    Kind.RECTANGLE: ("x", "y", "width", "height"),
    Kind.ELLIPSE: ("x", "y", "rx", "ry"),
    Kind.POLYGON: (),
    Kind.POLYLINE: (),
    Kind.LINE: ("x1", "y1", "x2", "y2"),
    Kind.POINT: ("x", "y"),
    Kind.MASK: ("x", "y", "width", "height"),
    Kind.LABEL: ("x", "y"),
}
_LENGTHS = frozenset({"width", "height", "rx", "ry"})


class Affine(NamedTuple):
    """``x' = a00·x + a01·y + a02``, ``y' = a10·x + a11·y + a12``."""

    a00: float
    a10: float
    a01: float
    a11: float
    a02: float
    a12: float

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Read the six numbers by name; raises `Invalid` naming a missing or impossible one."""
        return cls(*(_number(values.get(name), name) for name in cls._fields))

    @property
    def determinant(self) -> float:
        """Factor by which areas grow; negative if the transform mirrors."""
        return self.a00 * self.a11 - self.a01 * self.a10

    def apply(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Transform points ``(n, 2)``."""
        linear = np.array(((self.a00, self.a10), (self.a01, self.a11)))
        return np.asarray(points @ linear + np.array((self.a02, self.a12)))


@dataclass(frozen=True, slots=True)
class Drawn:
    """One shape as drawn.

    Parameters
    ----------
    params
        By kind: rectangle and mask ``x, y, width, height``; ellipse ``x, y`` (centre), ``rx, ry``;
        line ``x1, y1, x2, y2``; point and label ``x, y``; polyline and polygon ``points`` as pairs,
        polygon also ``holes``, a list of such lists. Rings need not be closed.
    transform
        Applied to the shape to get its place in the image.
    text
        The words of a label or the caption of any other shape.
    bits
        Of a mask: one bit per pixel of ``ceil(width) × ceil(height)``, row by row without padding,
        the highest bit of a byte first. Without bits the whole frame counts.

    Raises `Invalid` naming the field for numbers that are missing, unknown, not finite, too far
    away or negative where lengths are meant.
    """

    kind: Kind
    params: Mapping[str, Any]
    transform: Affine | None = None
    text: str | None = None
    bits: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", _kind(self.kind))
        object.__setattr__(self, "params", _checked(self.kind, self.params))
        if self.transform is not None:
            numbers = dict(zip(Affine._fields, self.transform, strict=True))
            object.__setattr__(self, "transform", Affine.of(numbers))
        if self.bits is not None:
            self._check_bits(self.bits)

    def _check_bits(self, bits: bytes) -> None:
        if self.kind is not Kind.MASK:
            raise Invalid("bits", f"a {self.kind} has no bits; only a mask does.")
        needed = bits_needed(*self.frame)
        if len(bits) != needed:
            width, height = self.frame
            raise Invalid(
                "bits", f"a mask of {width} × {height} pixels has {needed} bytes, not {len(bits)}."
            )

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of a mask in whole pixels."""
        return math.ceil(self.params["width"]), math.ceil(self.params["height"])


def outline(drawn: Drawn) -> BaseGeometry:
    """Make the shape's geometry as drawn, transformed: perhaps invalid, perhaps degenerate.

    An ellipse becomes a polygon of 64 vertices on it; a label becomes a point.
    """
    geometry = _MAKERS[drawn.kind](drawn)
    if drawn.transform is None:
        return geometry
    return shapely.transform(geometry, drawn.transform.apply)


def polygon_of(
    shell: NDArray[np.float64], holes: Sequence[NDArray[np.float64]] = ()
) -> BaseGeometry:
    """Make a polygon, or what is left of it: a line from two points, a point from one."""
    if len(shell) > 2:
        return shapely.Polygon(shell, [hole for hole in holes if len(hole) > 2])
    return line_of(shell)


def line_of(points: NDArray[np.float64]) -> BaseGeometry:
    """Make a line, or a point if it has no length."""
    if len(points) < 2 or bool(np.all(points == points[0])):
        return shapely.Point(points[0])
    return shapely.LineString(points)


def _kind(value: str) -> Kind:
    try:
        return Kind(value)
    except ValueError:
        raise Invalid("kind", f"{value!r} is not one of {', '.join(Kind)}.") from None


def _checked(kind: Kind, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters as plain numbers and lists, ready for JSON."""
    names = _NUMBERS[kind]
    optional = {"holes"} if kind is Kind.POLYGON else set()
    for name in params:
        if name not in names and name not in optional and (names or name != "points"):
            raise Invalid(str(name), f"a {kind} has no such number.")
    if names:
        return {name: _number(params.get(name), name) for name in names}
    checked: dict[str, Any] = {"points": _points(params.get("points"), "points")}
    if params.get("holes"):
        checked["holes"] = [_points(hole, "holes") for hole in params["holes"]]
    return checked


def _number(value: object, name: str) -> float:
    if value is None:
        raise Invalid(name, "this number is missing.")
    if isinstance(value, bool) or not isinstance(value, Real):
        raise Invalid(name, f"{str(value)[:40]!r} is not a number.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Invalid(name, f"{number} is not a finite number.")
    if abs(number) > FARTHEST:
        raise Invalid(name, f"{number} is farther away than {FARTHEST:.0e} pixels.")
    if number < 0 and name in _LENGTHS:
        raise Invalid(name, f"{number} is negative; a length is 0 or more.")
    return number


def _points(values: object, name: str) -> list[list[float]]:
    try:
        points = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        points = np.empty(0)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise Invalid(name, "this is not a list of one or more pairs of numbers.")
    if not np.isfinite(points).all():
        raise Invalid(name, "every coordinate must be a finite number.")
    if np.abs(points).max() > FARTHEST:
        raise Invalid(name, f"a point is farther away than {FARTHEST:.0e} pixels.")
    pairs: list[list[float]] = points.tolist()
    return pairs


def _box(drawn: Drawn) -> BaseGeometry:
    x, y, width, height = (drawn.params[name] for name in _NUMBERS[Kind.RECTANGLE])
    if width == 0 or height == 0:
        return line_of(np.array(((x, y), (x + width, y + height))))
    return shapely.Polygon(((x, y), (x + width, y), (x + width, y + height), (x, y + height)))


def _ellipse(drawn: Drawn) -> BaseGeometry:
    x, y, rx, ry = (drawn.params[name] for name in _NUMBERS[Kind.ELLIPSE])
    if rx == 0 or ry == 0:
        return line_of(np.array(((x - rx, y - ry), (x + rx, y + ry))))
    return shapely.Polygon(_CIRCLE * (rx, ry) + (x, y))


def _circle() -> NDArray[np.float64]:
    angle = np.arange(ELLIPSE_VERTICES) * (2 * math.pi / ELLIPSE_VERTICES)
    points = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    points[np.abs(points) < 1e-12] = 0
    return points


_CIRCLE = _circle()


def _polygon(drawn: Drawn) -> BaseGeometry:
    holes = [np.array(hole) for hole in drawn.params.get("holes", ())]
    return polygon_of(np.array(drawn.params["points"]), holes)


def _polyline(drawn: Drawn) -> BaseGeometry:
    return line_of(np.array(drawn.params["points"]))


def _line(drawn: Drawn) -> BaseGeometry:
    return line_of(np.array([drawn.params[name] for name in _NUMBERS[Kind.LINE]]).reshape(2, 2))


def _point(drawn: Drawn) -> BaseGeometry:
    return shapely.Point(drawn.params["x"], drawn.params["y"])


def _mask(drawn: Drawn) -> BaseGeometry:
    """Outline the set bits; an empty or missing mask counts with its whole frame."""
    columns, rows = drawn.frame
    if not drawn.bits or not columns or not rows:
        return _box(drawn)
    found = outlines(unpack_bits(drawn.bits, columns, rows).astype(np.uint8))
    if 1 not in found:
        return _box(drawn)
    x, y, width, height = (drawn.params[name] for name in _NUMBERS[Kind.MASK])
    scale = np.array((width / columns, height / rows))
    return shapely.transform(found[1], lambda points: points * scale + np.array((x, y)))


_MAKERS = {
    Kind.RECTANGLE: _box,
    Kind.ELLIPSE: _ellipse,
    Kind.POLYGON: _polygon,
    Kind.POLYLINE: _polyline,
    Kind.LINE: _line,
    Kind.POINT: _point,
    Kind.MASK: _mask,
    Kind.LABEL: _point,
}
