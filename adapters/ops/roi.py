"""Regions of interest from images."""

from __future__ import annotations

from adapters.geometry.outlines import outlines
from adapters.operations import Frame, Labels, ObjectWise, Region, Regions, operation


@operation(
    "roi.from_labels",
    menu="Analyze > Regions from Labels",
    locality=ObjectWise(),
    working_bytes=48,
)
def from_labels(labels: Labels, frame: Frame) -> Regions:
    """Outline every object of a label image by the edges of its pixels, one region per label.

    Holes stay holes; an object in several pieces becomes one region of several polygons.
    """
    found = outlines(labels, x0=frame.x, y0=frame.y)
    return [Region(label, shape) for label, shape in found.items() if label > 0]
