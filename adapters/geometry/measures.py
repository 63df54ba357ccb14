"""Measures of shapes in physical units."""

from __future__ import annotations

from dataclasses import dataclass

import shapely

from adapters.geometry.footprint import Footprint


@dataclass(frozen=True, slots=True)
class Calibrated:
    """Measures in µm² and µm; None where the pixel sizes are not known."""

    area: float | None
    perimeter: float | None


def calibrate(footprint: Footprint, size_x: float | None, size_y: float | None) -> Calibrated:
    """Convert measures by the physical size of a pixel in µm.

    Only `size_x` known means square pixels. With oblong pixels the perimeter is measured on the
    stretched outline, and an ellipse's in the same proportion as its polygon's.
    """
    size_y = size_x if size_y is None else size_y
    if size_x is None or size_y is None or not (size_x > 0 and size_y > 0):
        return Calibrated(None, None)
    area = footprint.area * size_x * size_y
    if size_x == size_y or footprint.perimeter == 0:
        return Calibrated(area, footprint.perimeter * size_x)
    geometry = footprint.geometry
    stretched = shapely.transform(geometry, lambda points: points * (size_x, size_y))
    ratio = float(shapely.length(stretched)) / float(shapely.length(geometry))
    return Calibrated(area, footprint.perimeter * ratio)
