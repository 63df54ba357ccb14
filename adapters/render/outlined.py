"""A picture of shapes: the part of an image around them, with their outlines drawn over it.

Pure: geometries and a picture in, a picture out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from adapters.geometry.valid import flat
from adapters.render.quantise import Bytes
from adapters.render.settings import RGB

ASPECT = 3 / 2  # of the part that is shown
MARGIN = 1.5  # of the part's sides to the shapes' own
SMALLEST = 50.0  # pixels: points are shown with something around them
_LINE = 2
_FRACTION_BITS = 4  # OpenCV takes points in sixteenths of a pixel


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of an image, in pixels of full resolution."""

    x: float
    y: float
    width: float
    height: float


def part_around(
    bounds: tuple[float, float, float, float], image_width: int, image_height: int
) -> Part:
    """Return the part of an image to show for shapes with these bounds.

    It has some margin and the shape 3:2 where the image is large enough, and lies inside the image
    also for shapes that do not.
    """
    x0, y0, x1, y1 = bounds
    width = max((x1 - x0) * MARGIN, SMALLEST)
    height = max((y1 - y0) * MARGIN, SMALLEST / ASPECT)
    width, height = max(width, height * ASPECT), max(height, width / ASPECT)
    width, height = min(width, float(image_width)), min(height, float(image_height))
    left = min(max((x0 + x1 - width) / 2, 0.0), image_width - width)
    top = min(max((y0 + y1 - height) / 2, 0.0), image_height - height)
    return Part(left, top, width, height)


def outlined(
    picture: Bytes,
    part: Part,
    geometries: Sequence[BaseGeometry],
    color: RGB,
    thickness: int = _LINE,
) -> Bytes:
    """Draw outlines over a picture ``(y, x, 3)`` of a part of the image; a point is a cross."""
    canvas = np.ascontiguousarray(picture)
    height, width = canvas.shape[:2]
    scale = np.array((width / part.width, height / part.height))
    corner = np.array((part.x, part.y))
    for geometry in geometries:
        for piece in flat(geometry):
            _draw(canvas, piece, corner, scale, color, thickness)
    return canvas


def _draw(
    canvas: Bytes,
    piece: BaseGeometry,
    corner: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    scale: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    color: RGB,
    thickness: int,
) -> None:
    closed = piece.geom_type == "Polygon"
    lines = shapely.get_rings(piece) if closed else [piece]
    for line in lines:
        points = (shapely.get_coordinates(line) - corner) * scale
        # Far outside, fixed point numbers would wrap.
        points = np.clip(points, -16_000, 16_000)
        if len(points) == 1:
            x, y = (math.floor(value) for value in points[0])
            cv2.drawMarker(canvas, (x, y), color, cv2.MARKER_CROSS, 10, thickness)
            continue
        fixed = np.round(points * (1 << _FRACTION_BITS)).astype(np.int32)
        cv2.polylines(canvas, [fixed], closed, color, thickness, cv2.LINE_AA, _FRACTION_BITS)
