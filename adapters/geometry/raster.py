"""Shapes to pixels.

A pixel is in when its centre is. Of a centre exactly on an edge, polygons count the left and the
upper edge only, so that polygons sharing an edge share no pixel and leave none out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.bits import unpack_bits
from adapters.geometry.drawn import Affine, Drawn, Kind, outline
from adapters.geometry.valid import flat, repaired
from store.errors import Invalid, TooLarge

# One mask takes at most a byte for each of these.
MAX_PIXELS = 1 << 28

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of whole pixels: column and row of the top left one, and how many."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            if getattr(self, name) < 1:
                raise Invalid(name, f"{getattr(self, name)} pixels is not a box.")
        if self.width * self.height > MAX_PIXELS:
            raise TooLarge(f"A mask of {self.width} × {self.height}", MAX_PIXELS, "pixels")


def pixel_box(x0: float, y0: float, x1: float, y1: float) -> Box:
    """Return the smallest box of whole pixels, at least one, that holds these bounds."""
    left, top = math.floor(x0), math.floor(y0)
    return Box(left, top, max(1, math.ceil(x1) - left), max(1, math.ceil(y1) - top))


def rasterise(shape: Drawn | BaseGeometry, box: Box) -> Mask:
    """Return which pixels of a box a shape covers: boolean ``(y, x)``.

    Ellipses are exact, masks are their bits. A line covers the pixels it passes, a point the pixel
    it lies in.
    """
    if isinstance(shape, Drawn):
        exact = _exact(shape, box)
        if exact is not None:
            return exact
        shape = repaired(outline(shape))
    mask = np.zeros((box.height, box.width), dtype=bool)
    parts = flat(shape)
    areas = [part for part in parts if part.geom_type == "Polygon"]
    if areas:
        mask |= _filled(shapely.get_rings(areas), box)
    for part in parts:
        if part.geom_type != "Polygon":
            _mark(mask, shapely.get_coordinates(part), box)
    return mask


def _exact(drawn: Drawn, box: Box) -> Mask | None:
    """Draw an ellipse or an untransformed mask without its polygon; None if that cannot be."""
    if drawn.kind is Kind.ELLIPSE and drawn.params["rx"] > 0 and drawn.params["ry"] > 0:
        return _ellipse(drawn, box)
    if drawn.kind is Kind.MASK and drawn.bits and drawn.transform is None:
        return _placed_bits(drawn, box)
    return None


def _ellipse(drawn: Drawn, box: Box) -> Mask | None:
    transform = drawn.transform or Affine(1, 0, 0, 1, 0, 0)
    determinant = transform.determinant
    if determinant == 0:
        return None
    x = np.arange(box.x, box.x + box.width)[None, :] + 0.5 - transform.a02
    y = np.arange(box.y, box.y + box.height)[:, None] + 0.5 - transform.a12
    across = (transform.a11 * x - transform.a01 * y) / determinant - drawn.params["x"]
    down = (transform.a00 * y - transform.a10 * x) / determinant - drawn.params["y"]
    return np.asarray((across / drawn.params["rx"]) ** 2 + (down / drawn.params["ry"]) ** 2 <= 1)


def _placed_bits(drawn: Drawn, box: Box) -> Mask | None:
    x, y, width, height = (drawn.params[name] for name in ("x", "y", "width", "height"))
    if not all(value == math.floor(value) for value in (x, y, width, height)):
        return None
    bits = unpack_bits(drawn.bits or b"", int(width), int(height))
    if not bits.any():
        return None
    mask = np.zeros((box.height, box.width), dtype=bool)
    left, top = max(int(x), box.x), max(int(y), box.y)
    right = min(int(x + width), box.x + box.width)
    bottom = min(int(y + height), box.y + box.height)
    if left < right and top < bottom:
        part = bits[top - int(y) : bottom - int(y), left - int(x) : right - int(x)]
        mask[top - box.y : bottom - box.y, left - box.x : right - box.x] = part
    return mask


def _filled(rings: NDArray[np.object_], box: Box) -> Mask:
    """Fill rings by the even-odd rule: an edge flips all pixels that lie right of it in its rows.

    All edges are handled at once: first the rows each edge crosses, then where, then the flips are
    summed from left to right.
    """
    points, ring = shapely.get_coordinates(rings, return_index=True)
    same = ring[1:] == ring[:-1]
    start, end = points[:-1][same], points[1:][same]
    # Both neighbours compute a shared edge in the same direction, hence to the same last bit.
    downwards = (start[:, 1] <= end[:, 1])[:, None]
    upper, lower = np.where(downwards, start, end), np.where(downwards, end, start)
    first = np.clip(np.ceil(upper[:, 1] - 0.5), box.y, box.y + box.height).astype(np.int64)
    stop = np.clip(np.ceil(lower[:, 1] - 0.5), box.y, box.y + box.height).astype(np.int64)
    count = stop - first
    edge = np.repeat(np.arange(len(count)), count)
    row = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    (x0, y0), (x1, y1) = upper[edge].T, lower[edge].T
    crossing = x0 + (row + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
    column = np.clip(np.ceil(crossing - 0.5), box.x, box.x + box.width).astype(np.int64) - box.x
    flips = np.zeros((box.height, box.width + 1), dtype=np.uint8)
    np.add.at(flips.ravel(), (row - box.y) * (box.width + 1) + column, np.uint8(1))
    # Sums wrap at 256, which leaves their parity as it is.
    return (np.cumsum(flips, axis=1, dtype=np.uint8)[:, :-1] & 1).astype(bool)


def _mark(mask: Mask, points: NDArray[np.float64], box: Box) -> None:
    """Set the pixels that a line of points passes, sampled at a quarter of a pixel."""
    spots = [points]
    for start, end in pairwise(points):
        steps = min(math.ceil(float(np.abs(end - start).max()) * 4), 1 << 22)
        spots.append(start + (end - start) * (np.arange(1, steps) / max(steps, 1))[:, None])
    column, row = np.floor(np.concatenate(spots)).T
    inside = (column >= box.x) & (column < box.x + box.width)
    inside &= (row >= box.y) & (row < box.y + box.height)
    mask[(row[inside] - box.y).astype(int), (column[inside] - box.x).astype(int)] = True
