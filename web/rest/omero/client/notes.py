"""``webclient/api/annotations/``: what is attached to objects, link by link.

An annotation that two people put on an object is written twice, once for each link. Unlike the rest
of the dialect, nulls are written. With ``parents=true`` comes what lies on the containers of the
objects, and which of the objects each container holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from starlette.requests import Request

from adapters.annotation_links import Attached
from adapters.annotations import Target
from adapters.descriptions import plain
from adapters.filters import AllOf, AnyOf, Condition, Filter, Not
from adapters.hub import Hub
from adapters.paths import NOUNS as PLACED
from adapters.paths import Path
from adapters.screens import label
from store.access.capabilities import Can
from store.tables.annotations import AnnotationKind, AnnotationLink
from web.rest.omero.client.items import experimenter, moment, permissions
from web.rest.omero.client.reading import asked, targets
from web.rest.omero.parameters import flag, number
from web.rest.omero.resource import WEBCLIENT, Answer, resource

RATING = "openmicroscopy.org/omero/insight/rating"
CLIENT_MAP = "openmicroscopy.org/omero/client/mapAnnotation"
MOST_SHOWN = 10_000
CLASSES = {
    AnnotationKind.TAG: "TagAnnotationI",
    AnnotationKind.MAP: "MapAnnotationI",
    AnnotationKind.COMMENT: "CommentAnnotationI",
    AnnotationKind.FILE: "FileAnnotationI",
    AnnotationKind.LONG: "LongAnnotationI",
    AnnotationKind.DOUBLE: "DoubleAnnotationI",
    AnnotationKind.BOOLEAN: "BooleanAnnotationI",
    AnnotationKind.TIMESTAMP: "TimestampAnnotationI",
    AnnotationKind.XML: "XmlAnnotationI",
}
_VALUES = {
    AnnotationKind.TAG: ("textValue", "text"),
    AnnotationKind.COMMENT: ("textValue", "text"),
    AnnotationKind.XML: ("textValue", "text"),
    AnnotationKind.LONG: ("longValue", "whole"),
    AnnotationKind.DOUBLE: ("doubleValue", "number"),
    AnnotationKind.BOOLEAN: ("boolValue", "flag"),
    AnnotationKind.TIMESTAMP: ("timeValue", "at"),
}
_OBJECTS = {
    "project": "ProjectI",
    "dataset": "DatasetI",
    "image": "ImageI",
    "screen": "ScreenI",
    "plate": "PlateI",
    "acquisition": "PlateAcquisitionI",
    "well": "WellI",
}
_RATED = AllOf([Condition("kind", "eq", "long"), Condition("ns", "eq", RATING)])
_PLAIN_KINDS = ("tag", "file", "comment", "map")
_TYPES: dict[str, Filter] = {
    **{kind: Condition("kind", "eq", kind) for kind in _PLAIN_KINDS},
    "rating": _RATED,
    "custom": AllOf(
        [
            Not(Condition("kind", "in", list(_PLAIN_KINDS))),
            AnyOf([Condition("ns", "is_null", True), Condition("ns", "ne", RATING)]),
        ]
    ),
}


async def listing(request: Request, hub: Hub) -> Answer:
    """List what is attached to objects; kinds, namespaces and pages narrow the list."""
    wanted = targets(asked(request))
    where = AllOf(_narrowed(request))
    if not flag(request, "parents"):
        names = await _names(hub, wanted)
        shown = _page(request, await _attached(hub, list(names), where))
        return await _answer(hub, shown, names)
    names, lineage = await _lineage(hub, wanted)
    everything = _page(request, await _attached(hub, [*names], where))
    answer = await _answer(hub, everything, names)
    return _parted(answer, set(wanted), lineage)


def _narrowed(request: Request) -> list[Filter]:
    tests: list[Filter] = []
    kind, ns = request.query_params.get("type"), request.query_params.get("ns")
    if kind in _TYPES:
        tests.append(_TYPES[kind])
    if ns is not None:
        tests.append(Condition("ns", "eq", ns.replace("\0", "")))
    return tests


def _page(request: Request, found: Sequence[Attached]) -> Sequence[Attached]:
    which, limit = number(request, "page", 1), number(request, "limit", MOST_SHOWN)
    assert which is not None
    assert limit is not None
    if which <= 0:
        return found
    limit = min(limit, MOST_SHOWN) if limit > 0 else MOST_SHOWN
    return found[(which - 1) * limit : which * limit]


async def _attached(hub: Hub, seen: Sequence[Target], where: Filter) -> list[Attached]:
    gathered = await hub.annotation_links.on(seen, where)
    return [one for target in seen for one in gathered[target]]


async def _names(hub: Hub, wanted: Sequence[Target]) -> dict[Target, str | None]:
    """Return those objects that the caller sees, with their names: one statement for each noun."""
    names: dict[Target, str | None] = {}
    for noun in dict.fromkeys(word for word, _ in wanted):
        ids = [id for word, id in wanted if word == noun]
        if noun == "well":
            wells = await hub.screens.wells(ids)
            rows = [wells[id] for id in ids if id in wells]
        else:
            rows = [one for one in await hub.catalog.by_ids(PLACED[noun], ids) if one is not None]
        names |= {(noun, row.id): _name(noun, row) for row in rows}
    return names


def _name(noun: str, row: Any) -> str | None:
    if noun == "well":
        ways = (getattr(row, "row_naming", None), getattr(row, "column_naming", None))
        return label(row.row, row.column, *ways)
    if noun == "acquisition" and row.name is None:
        return f"Run {row.id}"
    name: str | None = row.name
    return name


async def _lineage(
    hub: Hub, wanted: Sequence[Target]
) -> tuple[dict[Target, str | None], dict[Target, list[dict[str, Any]]]]:
    """Return the names of the objects and of all containers above them, and who lies in whom."""
    names: dict[Target, str | None] = {}
    below: dict[Target, dict[Target, None]] = {}
    for noun in dict.fromkeys(word for word, _ in wanted):
        ids = [id for word, id in wanted if word == noun]
        for id, ways in (await hub.paths.of(noun, ids)).items():
            own = (noun, id)
            for step in _steps(ways):
                target = (step.noun, step.id)
                names.setdefault(target, _name(step.noun, step.row))
                if target != own:
                    below.setdefault(target, {})[own] = None
    wells = [id for noun, id in names if noun == "well"]
    if wells:
        names |= await _names(hub, [("well", id) for id in wells])
    described = {
        target: [
            {"id": id, "class": _OBJECTS[noun], "name": names[noun, id]} for noun, id in inside
        ]
        for target, inside in below.items()
    }
    return names, described


def _steps(ways: Sequence[Path]) -> list[Any]:
    return [step for way in ways for step in way.steps if step.noun in _OBJECTS]


def _parted(
    answer: dict[str, Any], wanted: set[Target], lineage: Mapping[Target, list[dict[str, Any]]]
) -> dict[str, Any]:
    """Part what lies on the objects themselves from what lies on their containers."""
    nouns = {written: noun for noun, written in _OBJECTS.items()}
    own, above = [], []
    told: dict[str, dict[str, Any]] = {}
    for one in answer["annotations"]:
        parent = one["link"]["parent"]
        target = (nouns[parent["class"]], parent["id"])
        if target in wanted:
            own.append(one)
        if target in lineage:
            above.append(one)
            told.setdefault(parent["class"], {})[str(parent["id"])] = lineage[target]
    return {
        "annotations": own,
        "parents": {"annotations": above, "lineage": told},
        "experimenters": answer["experimenters"],
    }


async def _answer(
    hub: Hub, shown: Sequence[Attached], names: Mapping[Target, str | None]
) -> dict[str, Any]:
    """Write links and annotations with their values, files and people."""
    of_kind: dict[str, list[int]] = {}
    for one in shown:
        of_kind.setdefault(one.annotation.kind, []).append(one.annotation.id)
    maps, files = of_kind.get(AnnotationKind.MAP, []), of_kind.get(AnnotationKind.FILE, [])
    pairs = await hub.annotations.pairs_of(maps) if maps else {}
    kept = await hub.annotations.files_of(files) if files else {}
    links = [
        SimpleNamespace(owner_id=one.owner_id, target_type=one.target[0], target_id=one.target[1])
        for one in shown
    ]
    allowed = await hub.catalog.capabilities(AnnotationLink, links) if links else []
    people = sorted({id for one in shown for id in (one.owner_id, one.annotation.owner_id)})
    known = await hub.people.by_ids(people) if people else []
    return {
        "annotations": [
            {
                **_annotation(hub, one.annotation, pairs, kept),
                "link": _link(one, can, names.get(one.target)),
            }
            for one, can in zip(shown, allowed, strict=True)
        ],
        "experimenters": [experimenter(one) for one in known if one is not None],
    }


def _annotation(
    hub: Hub, row: Any, pairs: Mapping[int, Sequence[Any]], files: Mapping[int, Any]
) -> dict[str, Any]:
    kind, can = AnnotationKind(row.kind), hub.annotations.can(row)
    found: dict[str, Any] = {
        "id": row.id,
        "ns": row.ns,
        "name": row.name,
        "description": plain(row.description, row.description_html),
        "owner": {"id": row.owner_id},
        "date": moment(row.created_at),
        "permissions": permissions(can),
        "class": CLASSES[kind],
    }
    if kind is AnnotationKind.MAP:
        found["values"] = [[pair.key, pair.value] for pair in pairs.get(row.id, ())]
    elif kind is AnnotationKind.FILE:
        found["permissions"]["canDownload"] = row.id in files
        found["file"] = _file(row, files.get(row.id))
    else:
        key, column = _VALUES[kind]
        found[key] = getattr(row, column)
    return found


def _file(row: Any, file: Any | None) -> dict[str, Any]:
    """Return a file; one that is gone keeps its number, since some clients need every key."""
    if file is None:
        return {"id": row.file_id, "name": "", "size": 0, "path": "/", "mimetype": ""}
    return {
        "id": file.id,
        "name": file.name,
        "size": file.size,
        "path": "/",
        "mimetype": file.media_type,
    }


def _link(one: Attached, can: Can, name: str | None) -> dict[str, Any]:
    noun, id = one.target
    return {
        "id": one.link_id,
        "owner": {"id": one.owner_id},
        "date": moment(one.created_at),
        "parent": {"id": id, "name": name, "class": _OBJECTS[noun]},
        "permissions": permissions(can),
    }


ROUTES = [*resource("/webclient/api/annotations", get=listing, manner=WEBCLIENT)]
