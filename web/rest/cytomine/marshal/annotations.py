"""Annotations as such clients know them: whole objects, and items of listings by column groups.

Addresses of pictures end in ``crop.png``, because clients rewrite that tail into other pictures.
Times are texts in objects and numbers in listings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from adapters.geometry.measures import calibrate
from adapters.region_lists import Groups, Region
from store.tables.rois import RoiKind
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.users import common

CLASSES = {
    RoiKind.USER.value: "UserAnnotation",
    RoiKind.ALGO.value: "AlgoAnnotation",
    RoiKind.REVIEWED.value: "ReviewedAnnotation",
    RoiKind.REGION.value: "RoiAnnotation",
}
SHOWN_BY_DEFAULT = frozenset({"basic", "meta", "term"})
GROUPS = {
    "basic": "showBasic",
    "meta": "showMeta",
    "wkt": "showWKT",
    "gis": "showGIS",
    "term": "showTerm",
    "track": "showTrack",
    "image": "showImage",
    "slice": "showSlice",
    "user": "showUser",
    "algo": "showAlgo",
    "imageGroup": "showImageGroup",
    "link": "showLink",
}


def annotation(one: Region, base: str) -> dict[str, Any]:
    """Write a whole annotation; `base` is the hub's own address without a slash."""
    row = one.row
    more: dict[str, Any] = {}
    if row.kind == RoiKind.REVIEWED:
        more = {
            "parentIdent": row.original_id,
            "status": 1 if row.status is None else row.status,
            "reviewUser": row.reviewer_id,
            "terms": _terms(one),
        }
    return (
        common(CLASSES[row.kind], row.id, row.created_at, row.updated_at)
        | _place(one)
        | _text(one)
        | _measures(one)
        | {"term": _terms(one), "track": _tracks(one)}
        | _addresses(one, base)
        | more
    )


def groups_of(shown: Collection[str]) -> Groups:
    """Return what must be fetched for groups of columns."""
    return Groups(
        text="wkt" in shown,
        measures="gis" in shown,
        terms="term" in shown or "algo" in shown,
        tracks="track" in shown,
        people="user" in shown,
        counts="meta" in shown,
    )


def item(one: Region, base: str, shown: Collection[str]) -> dict[str, Any]:
    """Write an item of a listing with the groups that were asked for."""
    written: dict[str, Any] = {}
    for name, write in _WRITERS.items():
        if name in shown:
            written |= write(one)
    if "meta" in shown:
        written |= _addresses(one, base)
    return written


def _basic(one: Region) -> dict[str, Any]:
    return {"class": domain(CLASSES[one.row.kind]).java, "id": one.id}


def _meta(one: Region) -> dict[str, Any]:
    more = {}
    if one.row.kind == RoiKind.REVIEWED:
        more = {"parentIdent": one.row.original_id, "reviewUser": one.row.reviewer_id}
    return {"created": one.row.created_at, "updated": one.row.updated_at} | _place(one) | more


def _place(one: Region) -> dict[str, Any]:
    place = one.place.row
    return {
        "slice": one.slice_id,
        "image": place.id,
        "project": place.project_id,
        "user": one.row.author_id,
        "nbComments": one.comments,
        "countReviewedAnnotations": one.copies,
        "reviewed": one.copies > 0 or one.row.kind == RoiKind.REVIEWED,
    }


def _addresses(one: Region, base: str) -> dict[str, Any]:
    place = one.place.row
    crop = f"{base}/api/{CLASSES[one.row.kind].lower()}/{one.id}/crop.png"
    return {
        "cropURL": crop,
        "smallCropURL": f"{crop}?maxSize=256",
        "url": crop,
        "imageURL": f"{base}/#/project/{place.project_id}/image/{place.id}/annotation/{one.id}",
    }


def _text(one: Region) -> dict[str, Any]:
    return {"location": one.wkt, "geometryCompression": 0.0}


def _measures(one: Region) -> dict[str, Any]:
    outline = one.footprint
    assert outline is not None, "measures were fetched"
    scaled = calibrate(outline, one.place.own("physical_size_x"), one.place.own("physical_size_y"))
    known = scaled.area is not None and scaled.perimeter is not None
    return {
        "area": scaled.area if known else outline.area,
        "areaUnit": "micron²" if known else "pixels²",
        "perimeter": (scaled.perimeter or 0.0) / 1000 if known else outline.perimeter,
        "perimeterUnit": "mm" if known else "pixels",
        "centroid": {
            "x": outline.cx,
            "y": (one.place.pixels.size_y or 0) - outline.cy,
        },
    }


def _terms(one: Region) -> list[int]:
    return list(dict.fromkeys(row.term_id for row in one.terms))


def _by_term(one: Region) -> dict[str, Any]:
    gathered: dict[int, dict[str, Any]] = {}
    for row in one.terms:
        known = gathered.setdefault(row.term_id, {"id": row.id, "term": row.term_id, "user": []})
        known["user"].append(row.author_id)
    return {"term": list(gathered), "userByTerm": list(gathered.values())}


def _tracks(one: Region) -> list[int]:
    return [row.track_id for row in one.tracks]


def _by_track(one: Region) -> dict[str, Any]:
    rows = [{"id": row.id, "track": row.track_id} for row in one.tracks]
    return {"track": _tracks(one), "annotationTrack": rows}


def _image(one: Region) -> dict[str, Any]:
    if one.place.nameless:
        hidden = str(one.place.row.id)
        return {"originalFilename": hidden, "instanceFilename": hidden}
    return {"originalFilename": one.place.image.name, "instanceFilename": one.place.name}


def _slice(one: Region) -> dict[str, Any]:
    c, z, t = one.plane
    return {"channel": c, "zStack": z, "time": t}


def _user(one: Region) -> dict[str, Any]:
    person = one.person
    return {
        "creator": getattr(person, "username", None),
        "lastname": getattr(person, "last_name", None),
        "firstname": getattr(person, "first_name", None),
    }


def _algo(one: Region) -> dict[str, Any]:
    said = next((row for row in one.terms if row.rate is not None), None)
    return {
        "rate": None if said is None else said.rate,
        "idTerm": None if said is None else said.term_id,
        "idExpectedTerm": None if said is None else said.expected_term_id,
    }


_WRITERS: dict[str, Callable[[Region], dict[str, Any]]] = {
    "basic": _basic,
    "meta": _meta,
    "wkt": _text,
    "gis": _measures,
    "term": _by_term,
    "track": _by_track,
    "image": _image,
    "slice": _slice,
    "user": _user,
    "algo": _algo,
}
