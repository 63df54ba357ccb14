"""Tracks, and annotations in them, as such clients know them."""

from __future__ import annotations

from typing import Any

from store.tables.rois import RoiKind
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.ontologies import colour
from web.rest.cytomine.marshal.users import common

CLASSES = {
    RoiKind.USER.value: "UserAnnotation",
    RoiKind.ALGO.value: "AlgoAnnotation",
    RoiKind.REVIEWED.value: "ReviewedAnnotation",
    RoiKind.REGION.value: "RoiAnnotation",
}


def track(row: Any, place: Any) -> dict[str, Any]:
    """Write a track; `place` is the image in the project where it is shown."""
    return common("Track", row.id, row.created_at, row.updated_at) | {
        "name": row.name,
        "color": colour(row.color),
        "image": place.id,
        "project": place.project_id,
    }


def annotation_track(row: Any, roi: Any, slice_id: int | None) -> dict[str, Any]:
    """Write that an annotation is in a track, on which slice."""
    return common("AnnotationTrack", row.id, row.created_at) | {
        "annotationIdent": row.roi_id,
        "annotationClassName": domain(CLASSES[roi.kind]).java,
        "track": row.track_id,
        "slice": slice_id,
    }
