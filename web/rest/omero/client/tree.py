"""``webclient/api/``: what lies where, page by page, as the tree of the web client asks for it.

Every list is a constant number of statements. A parent that cannot be seen holds nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.tree import Branch
from store.errors import Invalid, NotFound
from store.paging import Keyset, OrderKey
from store.tables.annotations import Annotation, AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.people import USER_GROUP, Group
from store.tables.screens import Acquisition, Plate, Screen
from web.rest.omero.client import items
from web.rest.omero.client.reading import asked, chosen, group, numbers, page, slice_of
from web.rest.omero.parameters import flag
from web.rest.omero.resource import WEBCLIENT, Answer, resource

ORPHANED = "Orphaned Images"


async def groups(request: Request, hub: Hub) -> Answer:
    """List groups, those of a member if one is named; never the one everybody is in."""
    offset, limit = page(request)
    member = chosen(request, "member")
    found: Sequence[Any] = await hub.tree.list(Group)
    if member is not None:
        (memberships,) = await hub.people.groups.of_users([member])
        mine = {one.group_id for one in memberships}
        found = [one for one in found if one.id in mine]
    found = [one for one in found if one.id != USER_GROUP]
    return {"groups": [items.group(one) for one in found[slice_of(found, offset, limit)]]}


async def experimenters(request: Request, hub: Hub) -> Answer:
    """List people by user name, those of a group if one is named."""
    offset, limit = page(request)
    order = (OrderKey("username_key", str), OrderKey("id", int))
    most = 1_000_000 if limit is None else min(offset + limit, 1_000_000)
    found = await hub.people.page(Keyset(order, most), group_id=chosen(request, "group"))
    rows = list(found.rows)
    return {
        "experimenters": [items.experimenter(one) for one in rows[slice_of(rows, offset, limit)]]
    }


async def experimenter(request: Request, hub: Hub) -> Answer:
    """Return one person."""
    return {"experimenter": items.experimenter(await hub.people.get(request.path_params["id"]))}


async def everybody(request: Request, hub: Hub) -> Answer:
    """Return who stands for all members: any number below zero."""
    name = {"omeName": "All members", "firstName": "All", "lastName": "members"}
    return {"experimenter": {"id": -1, **name}}


async def containers(request: Request, hub: Hub) -> Answer:
    """List what stands at the top for a person and a group: all that lies in nothing else."""
    offset, limit = page(request)
    owner, within = chosen(request, "id"), group(request, hub)
    top = Branch(owner_id=owner, group_id=within)
    loose = Branch(owner_id=owner, group_id=within, orphaned=True)
    found: dict[str, Any] = {}
    for key, noun, branch in (
        ("projects", Project, top),
        ("datasets", Dataset, loose),
        ("screens", Screen, top),
        ("plates", Plate, loose),
    ):
        rows = await hub.tree.list(noun, branch, offset=offset, limit=limit)
        found[key] = await _containers(hub, noun, rows)
    found["orphaned"] = {
        "id": -1 if owner is None else owner,
        "childCount": await hub.tree.count(Image, loose),
        "name": ORPHANED,
    }
    return found


async def datasets(request: Request, hub: Hub) -> Answer:
    """List the datasets of a project, or all."""
    return {"datasets": await _children(request, hub, Project, Dataset)}


async def plates(request: Request, hub: Hub) -> Answer:
    """List the plates of a screen, or all."""
    return {"plates": await _children(request, hub, Screen, Plate)}


async def _children(request: Request, hub: Hub, parent: type[Any], child: type[Any]) -> list[Any]:
    offset, limit = page(request)
    id = chosen(request, "id")
    branch = Branch(None if id is None else (parent, id), group_id=group(request, hub))
    rows = await hub.tree.list(child, branch, offset=offset, limit=limit)
    return await _containers(hub, child, rows)


async def _containers(hub: Hub, noun: type[Any], rows: Sequence[Any]) -> list[Any]:
    if not rows:
        return []
    ids = [row.id for row in rows]
    if noun is Plate:
        # What the tree shows below a plate are its runs.
        runs = await hub.screens.acquisitions_of(ids)
        counts = {id: len(found) for id, found in zip(ids, runs, strict=True)}
    else:
        counts = await hub.counts.children(noun, ids)
    allowed = await hub.catalog.capabilities(noun, rows)
    return [
        items.container(hub.actor, row, can, counts.get(row.id, 0))
        for row, can in zip(rows, allowed, strict=True)
    ]


async def acquisitions(request: Request, hub: Hub) -> Answer:
    """List the runs of a plate."""
    offset, limit = page(request)
    id = chosen(request, "id")
    if id is None:
        raise Invalid("id", "id (plate) must be specified")
    (found,) = await hub.screens.acquisitions_of([id])
    rows = found[slice_of(found, offset, limit)]
    allowed = await hub.catalog.capabilities(Acquisition, rows)
    listed = [
        items.acquisition(hub.actor, row, can) for row, can in zip(rows, allowed, strict=True)
    ]
    return {"acquisitions": listed}


async def images(request: Request, hub: Hub) -> Answer:
    """List the images of a dataset, those in no container, or all."""
    offset, limit = page(request)
    id = chosen(request, "id")
    branch = Branch(
        None if id is None else (Dataset, id),
        owner_id=chosen(request, "experimenter_id"),
        group_id=group(request, hub),
        orphaned=flag(request, "orphaned"),
    )
    rows = await hub.tree.list(Image, branch, offset=offset, limit=limit)
    return {"images": await _images(request, hub, rows)}


async def _images(request: Request, hub: Hub, rows: Sequence[Any]) -> list[Any]:
    sizes, version = flag(request, "sizeXYZ"), flag(request, "thumbVersion")
    pixels = {}
    if rows and (sizes or version):
        pixels = await hub.tree.pixels([row.id for row in rows])
    allowed = await hub.catalog.capabilities(Image, rows)
    return [
        items.image(
            hub.actor, row, can, pixels=pixels.get(row.id), sizes=sizes, version=version,
            dates=flag(request, "date"),
        )
        for row, can in zip(rows, allowed, strict=True)
    ]  # fmt: skip


async def tags(request: Request, hub: Hub) -> Answer:
    """List tags; with an id, the objects that bear that tag instead."""
    offset, limit = page(request)
    id = chosen(request, "id")
    if id is not None:
        return await _tagged(request, hub, id)
    rows = await hub.tree.tags(
        owner_id=chosen(request, "experimenter_id"), group_id=group(request, hub),
        offset=offset, limit=limit,
    )  # fmt: skip
    counts = await hub.annotation_links.counts_of([row.id for row in rows]) if rows else {}
    return {
        "tags": [
            items.tag(hub.actor, row, hub.annotations.can(row), counts.get(row.id, 0))
            for row in rows
        ]
    }


async def _tagged(request: Request, hub: Hub, id: int) -> Answer:
    found = await hub.annotations.targets_of([id])
    ids: dict[str, list[int]] = {}
    for noun, target in found[id]:
        ids.setdefault(noun, []).append(target)
    answer: dict[str, Any] = {"tags": []}
    for key, noun, kind in (
        ("projects", "project", Project),
        ("datasets", "dataset", Dataset),
        ("screens", "screen", Screen),
        ("plates", "plate", Plate),
        ("acquisitions", "acquisition", Acquisition),
    ):
        rows = [one for one in await _rows(hub, kind, ids.get(noun, [])) if one is not None]
        if kind is Acquisition:
            allowed = await hub.catalog.capabilities(kind, rows)
            answer[key] = [
                items.acquisition(hub.actor, row, can)
                for row, can in zip(rows, allowed, strict=True)
            ]
        else:
            answer[key] = await _containers(hub, kind, rows)
    shown = [one for one in await _rows(hub, Image, ids.get("image", [])) if one is not None]
    answer["images"] = await _images(request, hub, shown)
    return answer


async def _rows(hub: Hub, noun: type[Any], ids: Sequence[int]) -> Sequence[Any]:
    return await hub.catalog.by_ids(noun, ids) if ids else []


async def delete_tags(request: Request, hub: Hub) -> Answer:
    """Move tags to the trash, with what they were put on left as it is."""
    ids = numbers(asked(request), "id")
    found = await hub.annotations.many(ids)
    for id in ids:
        if id not in found or found[id].kind != AnnotationKind.TAG.value:
            raise NotFound("tag", id)
    if ids:
        await hub.containers.delete(Annotation, ids)
    return ""


ROUTES = [
    *resource("/webclient/api/groups", get=groups, manner=WEBCLIENT),
    *resource("/webclient/api/experimenters", get=experimenters, manner=WEBCLIENT),
    *resource("/webclient/api/experimenters/{id:number}", get=experimenter, manner=WEBCLIENT),
    *resource("/webclient/api/experimenters/-{id:number}", get=everybody, manner=WEBCLIENT),
    *resource("/webclient/api/containers", get=containers, manner=WEBCLIENT),
    *resource("/webclient/api/datasets", get=datasets, manner=WEBCLIENT),
    *resource("/webclient/api/plates", get=plates, manner=WEBCLIENT),
    *resource("/webclient/api/plate_acquisitions", get=acquisitions, manner=WEBCLIENT),
    *resource("/webclient/api/images", get=images, manner=WEBCLIENT),
    *resource("/webclient/api/tags", get=tags, delete=delete_tags, manner=WEBCLIENT),
]
