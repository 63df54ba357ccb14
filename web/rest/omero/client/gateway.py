"""``webgateway``'s lists: projects, datasets, images, the fields of wells, and plates as grids.

Scripts that know nothing else walk a hub by them. Lists come whole, each in a constant number of
statements.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from starlette.requests import Request

from adapters.descriptions import plain
from adapters.hub import Hub
from adapters.screens import ordinal
from adapters.tree import Branch
from store.errors import NotFound
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate
from web.rest.omero.client.items import full_name
from web.rest.omero.parameters import number
from web.rest.omero.resource import GATEWAY, Answer, message, resource

# Grids are filled up to whole plates of 96 wells unless another layout is asked for.
FULL_ROWS, FULL_COLUMNS = 8, 12
LAYOUTS = ("expand", "shrink", "trim")
NO_TABLES = "Tables are not served here; result tables are in GraphQL."


async def projects(request: Request, hub: Hub) -> Answer:
    """List all projects."""
    return [_plain(one) for one in await hub.tree.list(Project)]


async def project(request: Request, hub: Hub) -> Answer:
    """Return one project."""
    return {"type": "Project", **_plain(await hub.containers.get(Project, _id(request)))}


async def dataset(request: Request, hub: Hub) -> Answer:
    """Return one dataset."""
    return {"type": "Dataset", **_plain(await hub.containers.get(Dataset, _id(request)))}


async def datasets(request: Request, hub: Hub) -> Answer:
    """List the datasets of a project; of an unknown one, none."""
    rows = await hub.tree.list(Dataset, Branch((Project, _id(request))))
    counts = await hub.counts.children(Dataset, [row.id for row in rows]) if rows else {}
    return [
        {"type": "Dataset", **_plain(row), "child_count": counts.get(row.id, 0)} for row in rows
    ]


async def images(request: Request, hub: Hub) -> Answer:
    """List the images of a dataset. Raises NotFound."""
    await hub.containers.get(Dataset, _id(request))
    rows = await hub.tree.list(Image, Branch((Dataset, _id(request))))
    return list((await _images(request, hub, rows)).values())


async def fields(request: Request, hub: Hub) -> Answer:
    """List the images of a well, with their places on the stage. Raises NotFound."""
    id, run = _id(request), number(request, "run")
    if id not in await hub.screens.wells([id]):
        raise NotFound("well", id)
    (found,) = await hub.screens.fields_of([id])
    shown = [one for one in found if run is None or one.acquisition_id in (None, run)]
    known = await hub.catalog.by_ids(Image, [one.image_id for one in shown])
    written = await _images(request, hub, [one for one in known if one is not None])
    taken = sorted({one.acquisition_id for one in shown if one.acquisition_id is not None})
    runs = {one.id: one for one in await hub.screens.acquisitions(taken) if one is not None}
    listed = []
    for field in shown:
        if field.image_id in written:
            image = dict(written[field.image_id])
            place = {
                axis: {"value": value, "unit": (field.unit or "REFERENCEFRAME")}
                for axis, value in (("x", field.x), ("y", field.y))
                if value is not None
            }
            if place:
                image["position"] = place
            if field.acquisition_id in runs:
                image["name"] += f" [Run: {runs[field.acquisition_id].name}]"
            listed.append(image)
    return listed


async def plate(request: Request, hub: Hub) -> Answer:
    """Return one field of every well of a plate, as rows of cells. Raises NotFound."""
    id = _id(request)
    row = await hub.containers.get(Plate, id)
    field, run = request.path_params.get("field", 0), request.path_params.get("run")
    cells = (await hub.screens.grid([id], field, run))[id]
    high, wide, _deep = (await hub.screens.sizes([id])).get(id, (0, 0, 0))
    top, left, high, wide = _layout(request.query_params.get("layout"), high, wide, cells)
    known = await hub.catalog.by_ids(Image, [cell.field.image_id for cell in cells])
    written = await _images(
        request, hub, [one for one in known if one is not None], size=number(request, "size")
    )
    grid: list[list[Any]] = [[None] * (wide - left) for _ in range(high - top)]
    first = None
    for cell in cells:
        image = written.get(cell.field.image_id)
        if image is not None:
            first = first or cell.field.image_id
            more = {"wellId": cell.field.well_id, "field": field}
            grid[cell.row - top][cell.column - left] = {**image, **more}
    return {
        "grid": grid,
        "rowlabels": [_label(n, row.row_naming or "letter") for n in range(top, high)],
        "collabels": [_label(n, row.column_naming or "number") for n in range(left, wide)],
        "image_sizes": await _sizes(hub, first),
    }


def _layout(
    asked: str | None, high: int, wide: int, cells: Sequence[Any]
) -> tuple[int, int, int, int]:
    """Return top, left, bottom and right of the grid."""
    layout = asked if asked in LAYOUTS else LAYOUTS[0]
    if layout == "shrink" and cells:
        return min(c.row for c in cells), min(c.column for c in cells), high, wide
    if layout == "expand":
        high = max(1, -(-high // FULL_ROWS)) * FULL_ROWS
        wide = max(1, -(-wide // FULL_COLUMNS)) * FULL_COLUMNS
    return 0, 0, high, wide


def _label(index: int, naming: str) -> str | int:
    return index + 1 if naming == "number" else ordinal(index, naming)


async def _sizes(hub: Hub, image_id: int | None) -> list[dict[str, Any]]:
    """Return the size of one image, by which clients lay the grid out."""
    pixels = {} if image_id is None else await hub.tree.pixels([image_id])
    return [{"x": one.size_x, "y": one.size_y, "image_id": id} for id, one in pixels.items()]


async def _images(
    request: Request, hub: Hub, rows: Sequence[Any], *, size: int | None = None
) -> dict[int, dict[str, Any]]:
    """Return images as such lists have them, by id; one statement for their owners."""
    owners = sorted({row.owner_id for row in rows})
    people = await hub.people.by_ids(owners) if owners else []
    names = {id: full_name(one) for id, one in zip(owners, people, strict=True)}
    thumbnail = _thumbnails(request, size)
    return {
        row.id: {
            "type": "Image",
            **_plain(row),
            "author": names[row.owner_id],
            "date": (row.created_at if row.acquired_at is None else row.acquired_at) // 1000,
            "thumb_url": thumbnail(row.id),
        }
        for row in rows
    }


def _thumbnails(request: Request, size: int | None) -> Callable[[int], str]:
    root: str = request.scope.get("root_path", "")
    further = "" if size is None or size < 1 else f"{size}/"
    return lambda id: f"{root}/webgateway/render_thumbnail/{id}/{further}"


def _plain(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": plain(row.description, row.description_html) or "",
    }


def _id(request: Request) -> int:
    id: int = request.path_params["id"]
    return id


async def no_tables(request: Request, hub: Hub) -> Answer:
    """Say that tables have no query language here."""
    return message(404, NO_TABLES)


def _listed(path: str, view: Any) -> list[Any]:
    return resource(f"/webgateway/{path}", get=view, manner=GATEWAY)


ROUTES = [
    *_listed("proj/list", projects),
    *_listed("proj/{id:number}/children", datasets),
    *_listed("proj/{id:number}/detail", project),
    *_listed("dataset/{id:number}/children", images),
    *_listed("dataset/{id:number}/detail", dataset),
    *_listed("well/{id:number}/children", fields),
    *_listed("plate/{id:number}", plate),
    *_listed("plate/{id:number}/{field:number}", plate),
    *_listed("plate/{id:number}/{field:number}/{run:number}", plate),
    *_listed("table/{id:number}/query", no_tables),
    *_listed("table/{id:number}/metadata", no_tables),
    *_listed("table/{noun}/{id:number}/query", no_tables),
]
