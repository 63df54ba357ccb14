"""Reviewed annotations, and how far the review of an image has come, as such clients know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.geometry.drawn import Kind
from adapters.geometry.footprint import Footprint, join_shapes
from adapters.geometry.measures import calibrate
from adapters.placements import Placed
from adapters.planes import Stack
from adapters.reviews import Progress
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.tracks import CLASSES
from web.rest.cytomine.marshal.users import common

ACCEPTED = 1


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A reviewed annotation with what it is written from; `base` is the hub's own address."""

    row: Any
    original: Any | None
    shapes: Sequence[Any]
    terms: Sequence[int]
    tracks: Sequence[int]
    placed: Placed
    stack: Stack
    base: str

    @property
    def plane(self) -> dict[str, int]:
        """The plane of the first shape: where it names none, the middle in c and z, the first t."""
        first = self.shapes[0]
        return {
            "c": self.stack.channels // 2 if first.c is None else first.c,
            "z": self.stack.depth // 2 if first.z is None else first.z,
            "t": 0 if first.t is None else first.t,
        }

    @property
    def shown(self) -> list[Any]:
        """The shapes on that plane."""
        return [shape for shape in self.shapes if on_plane(shape, self.plane)]


def on_plane(shape: Any, plane: Mapping[str, int]) -> bool:
    """Whether a shape lies on a plane; a shape without an axis is on all of it."""
    return all(getattr(shape, axis) in (None, at) for axis, at in plane.items())


def reviewed(one: Reviewed) -> dict[str, Any]:
    """Write a reviewed annotation."""
    row, place = one.row, one.placed.row
    address = f"{one.base}/api/reviewedannotation/{row.id}"
    kind = CLASSES[one.original.kind] if one.original is not None else "UserAnnotation"
    page = f"{one.base}/#/project/{place.project_id}/image/{place.id}"
    return (
        common("ReviewedAnnotation", row.id, row.created_at, row.updated_at)
        | {
            "slice": one.stack.id_of(**one.plane) if one.shapes else None,
            "image": place.id,
            "project": place.project_id,
            "user": row.author_id,
            "reviewUser": row.reviewer_id,
            "parentIdent": row.original_id,
            "parentClassName": domain(kind).java,
            "status": ACCEPTED if row.status is None else row.status,
            "geometryCompression": 0.0,
        }
        | _geometry(one)
        | {
            "term": list(one.terms),
            "terms": list(one.terms),
            "track": list(one.tracks),
            "nbComments": 0,
            "reviewed": True,
            "cropURL": f"{address}/crop.png",
            "smallCropURL": f"{address}/crop.png?maxSize=256",
            "url": f"{address}/crop.png",
            "imageURL": f"{page}/annotation/{row.id}",
        }
    )


def _geometry(one: Reviewed) -> dict[str, Any]:
    """Write where it lies, y up, and its measures, by the scale the project gives the image."""
    if not one.shapes:
        empty = ("location", "centroid", "area", "areaUnit", "perimeter", "perimeterUnit")
        return dict.fromkeys(empty)
    height = one.placed.pixels.size_y or 0
    outline = outline_of(one.shown, height)
    size_x, size_y = one.placed.own("physical_size_x"), one.placed.own("physical_size_y")
    scaled = calibrate(outline, size_x, size_y)
    known = scaled.area is not None and scaled.perimeter is not None
    return {
        "location": outline.wkt_up,
        "centroid": {"x": outline.cx, "y": height - outline.cy},
        "area": scaled.area if known else outline.area,
        "areaUnit": "micron²" if known else "pixels²",
        "perimeter": (scaled.perimeter or 0.0) / 1000 if known else outline.perimeter,
        "perimeterUnit": "mm" if known else "pixels",
    }


def outline_of(shapes: Sequence[Any], height: int) -> Footprint:
    """Return shapes of one plane as one geometry."""
    return join_shapes(
        [
            (
                Kind(row.kind),
                Footprint(
                    row.footprint, row.wkt, row.area, row.perimeter, row.cx, row.cy,
                    row.x0, row.y0, row.x1, row.y1, row.size, row.points,
                ),
            )
            for row in shapes
        ],
        height,
    )  # fmt: skip


def progress(one: Progress) -> dict[str, Any]:
    """Write how much of one layer was reviewed."""
    return {"user": one.author_id, "all": one.all, "reviewed": one.reviewed}
