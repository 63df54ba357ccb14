"""Regions of interest from images."""

from __future__ import annotations

from shapely.affinity import translate

from adapters.geometry import outlines
from adapters.operations import Frame, Labels, ObjectWise, Region, Regions, operation


@operation(
    "roi.from_labels",
    menu="Analyze > Regions from Labels",
    locality=ObjectWise(),
    working_bytes=16,
)
def from_labels(labels: Labels, frame: Frame) -> Regions:
    """Outline every object of a label image by the edges of its pixels, one region per label.

    Holes stay holes; an object in several pieces becomes one region of several polygons.
    """
    return [
        Region(label, translate(polygon, frame.x, frame.y) if frame.x or frame.y else polygon)
        for label, polygon in sorted(outlines(labels).items())
    ]
