"""``m/rois/`` and ``m/shapes/``: lists by offset, single reads, and deletion.

A shape belongs to whoever its region belongs to. Deleting the last shape of a region leaves the
region, as OMERO does; deleting a region takes its shapes along.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.requests import Request

from adapters.hub import Hub
from adapters.roi_lists import Narrowed
from store.errors import Forbidden
from store.tables.rois import Roi
from web.rest.omero.frames import frame_of
from web.rest.omero.marshal import rois as marshal
from web.rest.omero.marshal.details import Frame
from web.rest.omero.parameters import MOST_LIMIT, flag, number, slice_of
from web.rest.omero.resource import Answer, resource

EVERY_GROUP = -1


class _Owned(NamedTuple):
    owner_id: int
    group_id: int


def narrowed(request: Request, image_id: int | None = None) -> Narrowed:
    """Return what a list is narrowed to; an image in the path goes before one in the query.

    Raises BadNumber.
    """
    group = number(request, "group", EVERY_GROUP)
    asked = number(request, "image")
    if group == EVERY_GROUP:
        group = None
    return Narrowed(asked if image_id is None else image_id, number(request, "owner"), group)


async def written(
    request: Request, hub: Hub, rows: Sequence[Roi], *, links: bool = False
) -> tuple[list[dict[str, Any]], Frame]:
    """Return regions with all their shapes, and the frame they were written in.

    `links` adds the address of each, as lists have it.
    """
    ids = [row.id for row in rows]
    shapes = await hub.roi_lists.shapes_of(ids)
    names = await hub.roi_lists.names_of(ids)
    frame, details = await _details(request, hub, rows)
    flat = [one for id in ids for one in shapes[id]]
    made = iter(marshal.shapes(flat, details, names))
    items = []
    for row in rows:
        inside = [next(made) for _ in shapes[row.id]]
        item = marshal.roi(row, inside, details[row.id])
        if links:
            item["url:roi"] = frame.links.to("rois", row.id)
        items.append(item)
    return items, frame


async def _details(
    request: Request, hub: Hub, rows: Sequence[Roi]
) -> tuple[Frame, dict[int, dict[str, Any]]]:
    seen = await hub.rois.seen(rows)
    frame = await frame_of(request, hub, {_Owned(one.row.owner_id, one.group_id) for one in seen})
    return frame, {
        one.row.id: frame.details(one.row.owner_id, one.group_id, one.can) for one in seen
    }


async def list_rois(request: Request, hub: Hub) -> Answer:
    """List regions with all their shapes."""
    part = slice_of(request)
    which = narrowed(request, request.path_params.get("image"))
    page = await hub.roi_lists.page(which, offset=part.offset, limit=part.limit)
    _require_readable(hub, which.group_id, page.total)
    items, frame = await written(request, hub, page.rows, links=True)
    return enveloped(request, items, frame, page.total)


def _require_readable(hub: Hub, group_id: int | None, total: int) -> None:
    """Refuse a group one is no member of, unless something in it was shared with the caller."""
    actor = hub.actor
    if group_id is None or total or actor.sees_all or group_id in actor.groups or actor.grants:
        return
    raise Forbidden("read", "group", group_id, "you are not a member of it.")


async def list_shapes(request: Request, hub: Hub) -> Answer:
    """List shapes of all regions."""
    part, which = slice_of(request), narrowed(request)
    page = await hub.roi_lists.shapes_page(which, offset=part.offset, limit=part.limit)
    _require_readable(hub, which.group_id, page.total)
    items, frame = await _shapes(request, hub, page.rows)
    return enveloped(request, items, frame, page.total)


async def _shapes(
    request: Request, hub: Hub, rows: Sequence[Any]
) -> tuple[list[dict[str, Any]], Frame]:
    parents = await hub.roi_lists.seen_of({row.roi_id for row in rows})
    names = await hub.roi_lists.names_of(parents)
    frame, details = await _details(request, hub, list(parents.values()))
    items = marshal.shapes(rows, details, names)
    for item, row in zip(items, rows, strict=True):
        item["url:roi"] = frame.links.to("rois", row.roi_id)
    return items, frame


def enveloped(
    request: Request, items: list[dict[str, Any]], frame: Frame, total: int
) -> dict[str, Any]:
    """Return a list with what was asked and how many there are."""
    part = slice_of(request)
    answer: dict[str, Any] = {
        "data": items,
        "meta": {
            "totalCount": total,
            "offset": part.offset,
            "limit": part.limit,
            "maxLimit": MOST_LIMIT,
        },
    }
    if flag(request, "normalize"):
        answer |= frame.normalised(items)
    return answer


async def one_roi(request: Request, hub: Hub) -> Answer:
    """Show one region."""
    row = await hub.roi_lists.region(request.path_params["id"])
    items, _ = await written(request, hub, [row])
    return {"data": items[0]}


async def one_shape(request: Request, hub: Hub) -> Answer:
    """Show one shape."""
    row, _ = await hub.roi_lists.shape(request.path_params["id"])
    items, _ = await _shapes(request, hub, [row])
    return {"data": items[0]}


async def delete_roi(request: Request, hub: Hub) -> Answer:
    """Delete a region; show it as it was."""
    row = await hub.roi_lists.region(request.path_params["id"])
    items, _ = await written(request, hub, [row])
    await hub.rois.delete([row.id])
    return {"data": items[0]}


async def delete_shape(request: Request, hub: Hub) -> Answer:
    """Delete a shape; show it as it was."""
    row, _ = await hub.roi_lists.shape(request.path_params["id"])
    items, _ = await _shapes(request, hub, [row])
    await hub.rois.delete_shape(row.id)
    return {"data": items[0]}


ROUTES = [
    *resource("/api/v0/m/rois", get=list_rois),
    *resource("/api/v0/m/rois/{id:number}", get=one_roi, delete=delete_roi),
    *resource("/api/v0/m/images/{image:number}/rois", get=list_rois),
    *resource("/api/v0/m/shapes", get=list_shapes),
    *resource("/api/v0/m/shapes/{id:number}", get=one_shape, delete=delete_shape),
]
