"""``persist_rois``: the only address by which clients of OMERO save and delete regions over HTTP.

Every item is checked by itself; what may be done is done in one unit of work, and the others are
told in ``errors``, with status 200 as always. QuPath takes the letters "error" anywhere in an
answer for a failure, so nothing else here may contain them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.requests import Request

from adapters.hub import Hub
from adapters.roi_edits import Edited, Edits, Redrawn
from adapters.shapes import Draft
from store.engine import MOST_ID
from store.errors import HubError, Invalid, NotFound
from web.bodies import body_of
from web.rest.omero.marshal import shape_input
from web.rest.omero.marshal.shape_input import Sent
from web.rest.omero.resource import Answer

BODY_LIMIT = 64 * 2**20
"""Clients send thousands of shapes at once."""

MOST_PROBLEMS = 200
_IN_THREAD = 1 << 16  # bytes of a body whose reading would keep others waiting


class _Preliminary(Exception):
    """A body that is not looked into any further."""


@dataclass(slots=True)
class Body:
    """What was sent, item by item, each good one decoded; and what is wrong with the others."""

    image_id: int
    new: list[tuple[str | None, Draft]] = field(default_factory=list)
    modified: list[tuple[str | None, int, Sent]] = field(default_factory=list)
    deleted: dict[int, str] = field(default_factory=dict)  # shape → as the client calls it
    empty: dict[int, list[str]] = field(default_factory=dict)  # region → its shapes
    same: dict[str, str] = field(default_factory=dict)  # sent back as they were
    gone: list[str] = field(default_factory=list)  # made and deleted without being saved
    problems: list[str] = field(default_factory=list)


async def persist_rois(request: Request, hub: Hub) -> Answer:
    """Save new and changed shapes and delete others."""
    try:
        body = await _read(await body_of(request, BODY_LIMIT))
    except _Preliminary as found:
        return {"errors": [str(found)]}
    try:
        drafts = await _redrawn(hub, body)
        edits = Edits([draft for _, draft in body.new], drafts, body.deleted, body.empty)
        done = await hub.roi_edits.edit(body.image_id, edits)
    except NotFound:
        return {"errors": ["Could not find associated image!"]}
    except Invalid as error:
        return {"errors": [error.message]}
    ids = _ids(body, done, {one.seen.id for one in drafts})
    problems = body.problems + [_said(error) for error in done.refused]
    answer: dict[str, Any] = {"ids": ids}
    if problems:
        answer["errors"] = _first(problems)
    return answer


async def _read(text: bytes) -> Body:
    if len(text) > _IN_THREAD:
        return await asyncio.to_thread(_parsed, text)
    return _parsed(text)


def _parsed(text: bytes) -> Body:
    try:
        sent = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _Preliminary(f"Failed to load json: {error}") from error
    if not isinstance(sent, dict):
        raise _Preliminary("Failed to load json: an object is expected.")
    image_id, rois = sent.get("imageId"), sent.get("rois")
    if image_id is None:
        raise _Preliminary("No image id provided!")
    if isinstance(image_id, str) and image_id.isascii() and image_id.isdigit():
        image_id = int(image_id[:20])
    if not _is_id(image_id):
        raise _Preliminary("Could not find associated image!")
    if not isinstance(rois, dict):
        raise _Preliminary("No rois provided!")
    if rois.get("deleted") or rois.get("empty_rois"):
        rois = rois | _deletions(text)
    return _items(Body(image_id), rois)


def _deletions(text: bytes) -> dict[str, Any]:
    """Read the deletions again: their keys may repeat, which the quick parser cannot tell."""
    try:
        rois = json.loads(text, object_pairs_hook=_merged)["rois"]
    except (ValueError, RecursionError) as error:
        raise _Preliminary(f"Failed to load json: {str(error)[:200]}") from error
    return {key: rois.get(key) for key in ("deleted", "empty_rois")}


def _merged(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object whose keys may repeat: their lists together, else the last value."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        known = found.get(key)
        both = isinstance(known, list) and isinstance(value, list)
        found[key] = [*known, *value] if both else value  # type: ignore[misc]  # a list if both are
    return found


def _items(body: Body, rois: Mapping[str, Any]) -> Body:
    for item in _listed(body, rois, "new"):
        try:
            draft = shape_input.read(item).draft()
            body.new.append((_called(item), draft))
        except Invalid as error:
            body.problems.append(_about(item, error))
    for item in _listed(body, rois, "modified"):
        try:
            sent = shape_input.read(item)
            body.modified.append((_called(item), shape_input.id_of(item), sent))
        except Invalid as error:
            body.problems.append(_about(item, error))
    for _roi, names in _named(body, rois, "deleted"):
        for name in names:
            shape_id = _shape_id(name)
            if shape_id is None:
                body.problems.append(f"deleted: {name[:40]!r} does not name a shape.")
            else:
                body.deleted[shape_id] = name
    for roi_id, names in _named(body, rois, "empty_rois"):
        body.empty.setdefault(roi_id, []).extend(names)
    body.gone = [name for name in _listed(body, rois, "new_and_deleted") if isinstance(name, str)]
    return body


def _listed(body: Body, rois: Mapping[str, Any], key: str) -> list[Any]:
    value = rois.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        body.problems.append(f"{key}: must be a list.")
        return []
    return value


def _named(body: Body, rois: Mapping[str, Any], key: str) -> list[tuple[int, list[str]]]:
    """Return lists of shapes by region, as deletions come."""
    value = rois.get(key)
    if value is None or value == []:
        return []
    if not isinstance(value, dict):
        body.problems.append(f"{key}: must be an object of lists.")
        return []
    found = []
    for roi, names in value.items():
        id = int(roi[:20]) if roi.isascii() and roi.isdigit() else None
        if not _is_id(id) or not isinstance(names, list):
            body.problems.append(f"{key}: {roi[:40]!r} does not name a region and its shapes.")
            continue
        assert id is not None
        found.append((id, [name for name in names if isinstance(name, str)]))
    return found


def _shape_id(name: str) -> int | None:
    text = name.rpartition(":")[2]
    id = int(text[:20]) if text.isascii() and text.isdigit() else None
    return id if _is_id(id) else None


def _is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_ID


def _called(item: Any) -> str | None:
    name = item.get("oldId")
    if name is not None and (not isinstance(name, str) or len(name) > 100):
        raise Invalid("oldId", "must be a short text.")
    return name


def _about(item: Any, error: Invalid) -> str:
    name = item.get("oldId") if isinstance(item, dict) else None
    return f"{str(name)[:40]}: {error.message}" if name is not None else error.message


async def _redrawn(hub: Hub, body: Body) -> list[Redrawn]:
    """Return the changed shapes that differ from what is stored; note what cannot be."""
    ids = [id for _, id, _ in body.modified]
    rows = await hub.rois.shapes(ids) if ids else {}
    names = await hub.roi_lists.names_of({row.roi_id for row in rows.values()})
    drafts: dict[int, Redrawn] = {}
    for name, id, sent in body.modified:
        try:
            row = rows.get(id)
            if row is None:
                raise NotFound("shape", id)
            draft = shape_input.redrawn(sent, row, names.get(row.roi_id))
        except HubError as error:
            body.problems.append(_said(error))
            continue
        if draft is not None:
            drafts[id] = Redrawn(row, draft)
        elif name is not None:
            body.same[name] = f"{row.roi_id}:{id}"
    return list(drafts.values())


def _ids(body: Body, done: Edited, changed: set[int]) -> dict[str, str]:
    """Return what each item is called from now on; what is gone keeps its name."""
    ids = {name: name for name in body.gone} | body.same
    for place, (name, _) in enumerate(body.new):
        if name is not None and place in done.new:
            roi_id, shape_id = done.new[place]
            ids[name] = f"{roi_id}:{shape_id}"
    for name, id, _ in body.modified:
        if name is not None and id in changed and id in done.redrawn:
            ids[name] = f"{done.redrawn[id]}:{id}"
    ids |= {name: name for id, name in body.deleted.items() if id in done.deleted_shapes}
    for id, listed in body.empty.items():
        if id in done.deleted_rois:
            ids |= {name: name for name in listed}
    return {name: now for name, now in ids.items() if "error" not in name.casefold()}


def _said(error: HubError) -> str:
    if isinstance(error, NotFound):
        noun = {"roi": "Roi", "shape": "Shape"}.get(str(error.fields.get("noun")), "Image")
        return f"{noun} {error.fields.get('id')} not found"
    return error.message


def _first(problems: Sequence[str]) -> list[str]:
    found = list(dict.fromkeys(problems))
    more = len(found) - MOST_PROBLEMS
    return [*found[:MOST_PROBLEMS], f"and {more} more"] if more > 0 else found
