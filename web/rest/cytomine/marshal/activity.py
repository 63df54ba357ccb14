"""What people looked at and did, as such clients know it; y grows upwards here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.activity import Look, Visit
from adapters.placed import Spot
from store.tables.activity import Activity
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.users import common

_KINDS = {
    "user": "UserAnnotation",
    "algo": "AlgoAnnotation",
    "reviewed": "ReviewedAnnotation",
    "region": "RoiAnnotation",
}


def _trace(name: str, row: Activity, spot: Spot | None) -> dict[str, Any]:
    return common(name, row.id, row.at) | {
        "user": row.user_id,
        "project": row.project_id,
        "image": None if spot is None else spot.id,
    }


def action(row: Activity, spot: Spot | None) -> dict[str, Any]:
    """Write what somebody did with a region."""
    data = row.data or {}
    return _trace("AnnotationAction", row, spot) | {
        "slice": None if spot is None else spot.slice_id(row.slice),
        "action": data.get("action"),
        "annotationIdent": data.get("roi"),
        "annotationClassName": domain(_KINDS.get(data.get("kind", ""), "UserAnnotation")).java,
        "annotationCreator": data.get("author"),
    }


def consultation(look: Look, spot: Spot | None, base: str) -> dict[str, Any]:
    """Write a look at an image; `base` is the address of the server."""
    return _trace("PersistentImageConsultation", look.row, spot) | {
        "imageName": None if spot is None else spot.name,
        "imageThumb": None if spot is None else f"{base}/api/imageinstance/{spot.id}/thumb.png",
        "mode": (look.row.data or {}).get("mode"),
        "projectConnection": look.visit_id,
        "time": look.lasted,
        "countCreatedAnnotations": look.drawn,
    }


def connection(visit: Visit) -> dict[str, Any]:
    """Write a time in a project."""
    data = visit.row.data or {}
    return common("PersistentProjectConnection", visit.row.id, visit.row.at) | {
        "user": visit.row.user_id,
        "project": visit.row.project_id,
        "time": visit.lasted,
        "os": data.get("os"),
        "browser": data.get("browser"),
        "browserVersion": data.get("browser_version"),
        "countViewedImages": visit.viewed,
        "countCreatedAnnotations": visit.drawn,
    }


def position(row: Activity, spot: Spot | None) -> dict[str, Any]:
    """Write which part of an image somebody saw."""
    data = row.data or {}
    points = corners(row, spot)
    middle = [sum(axis) / len(points) for axis in zip(*points, strict=True)] if points else None
    ring = ", ".join(f"{_plain(x)} {_plain(y)}" for x, y in [*points, *points[:1]])
    return _trace("PersistentUserPosition", row, spot) | {
        "slice": None if spot is None else spot.slice_id(row.slice),
        "zoom": data.get("zoom"),
        "rotation": data.get("rotation"),
        "broadcast": bool(data.get("broadcast")),
        "location": f"POLYGON (({ring}))" if points else None,
        "x": None if middle is None else middle[0],
        "y": None if middle is None else middle[1],
    }


def corners(row: Activity, spot: Spot | None) -> list[tuple[float, float]]:
    """Return the corners of what was seen, y up."""
    given: Sequence[Sequence[float]] = (row.data or {}).get("corners", [])
    height = None if spot is None else spot.height
    return [(x, y if height is None else height - y) for x, y in given]


def _plain(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else repr(float(number))
