"""The shapes of a graph: worked out before the transaction, stored within it.

A shape that comes back with its id is redrawn in place and keeps the id; one without is new, unless
it equals a stored one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from adapters.drawing import IN_THREAD
from adapters.graph_plan import Many, Plan, Thing, at
from adapters.shapes import Canvas, Columns, prepared
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.statement import cols
from store.tables.images import Pixels
from store.tables.rois import Roi, Shape
from store.unit import Unit

_shape = cols(Shape)
Drawn = Mapping[Thing, Sequence[Columns]]


def image_of(plan: Plan, thing: Thing, rois: Mapping[int, Roi]) -> int | None:
    """Return the image that a region lies on, or is to; None if nothing says so."""
    if thing.id is not None and thing.id in rois:
        return rois[thing.id].image_id
    named = thing.one.get("image") or plan.homes.get(thing)
    return None if named is None else plan.target(named).id


async def draw(catalog: Catalog, plan: Plan) -> Drawn:
    """Return the columns of every shape that is drawn. Raises Invalid or NotFound with its path."""
    things = [one for one in plan.objects if one.noun is Roi and "shapes" in one.many]
    if not things:
        return {}
    ids = [one.id for one in things if one.id is not None]
    found = dict(zip(ids, await catalog.by_ids(Roi, ids), strict=True))
    rois = {id: row for id, row in found.items() if row is not None}
    images = {thing: image_of(plan, thing, rois) for thing in things}
    wanted = sorted({id for id in images.values() if id is not None})
    pixels = dict(zip(wanted, await catalog.by_ids(Pixels, wanted), strict=True))
    jobs = []
    for thing in things:
        shapes = [one for one in thing.many["shapes"].items if "draft" in one.fields]
        row = pixels.get(images[thing] or -1)
        if shapes and row is None:
            with at(thing.path):
                raise _without_image(thing, images[thing])
        if shapes and row is not None:
            with at(f"{thing.path}.image"):
                jobs.append((Canvas.of(row), shapes))
    if sum(len(shapes) for _, shapes in jobs) > IN_THREAD:
        return await asyncio.to_thread(_worked_out, jobs)
    return _worked_out(jobs)


def _without_image(thing: Thing, image_id: int | None) -> NotFound | Invalid:
    if thing.id is not None:
        return NotFound("roi", thing.id)
    if image_id is None:
        return Invalid("image", "is required by a new region.")
    return NotFound("image", image_id)


def _worked_out(jobs: Sequence[tuple[Canvas, Sequence[Thing]]]) -> Drawn:
    """Work out all shapes of a canvas together; where one cannot be, each for itself."""
    by_canvas: dict[Canvas, list[Thing]] = {}
    for canvas, shapes in jobs:
        by_canvas.setdefault(canvas, []).extend(shapes)
    made: dict[Thing, Sequence[Columns]] = {}
    for canvas, shapes in by_canvas.items():
        try:
            found = prepared([one.fields["draft"] for one in shapes], canvas)
        except Invalid:
            found = [_alone(one, canvas) for one in shapes]
        made.update(zip(shapes, found, strict=True))
    for one, columns in made.items():
        if one.id is not None and len(columns) != 1:
            with at(one.path):
                raise Invalid("id", f"{len(columns)} shapes cannot take the place of one.")
    return made


def _alone(shape: Thing, canvas: Canvas) -> list[Columns]:
    with at(shape.path):
        try:
            (columns,) = prepared([shape.fields["draft"]], canvas)
        except Invalid as error:
            raise Invalid(error.field.removeprefix("shapes[0]."), error.reason) from error
    return columns


async def reshape(unit: Unit, roi: Roi, many: Many, drawn: Drawn) -> bool:
    """Bring the shapes of a region that may be changed to what is wanted; tell if any differ."""
    rest = {row.id: row for row in await unit.all(Shape, _shape.roi_id == roi.id, order=_shape.id)}
    count, changed = len(rest), False
    fresh: list[Columns] = []
    for item in many.items:
        if item.id is None:
            fresh += drawn[item]
            continue
        with at(item.path):
            row = rest.pop(item.id, None)
            if row is None:
                raise NotFound("shape", item.id)
        if item in drawn and drawn[item][0] != Columns.of(row):
            await unit.put(Shape, row, drawn[item][0]._asdict(), tell=False)
            changed = True
    made = []
    for columns in fresh:
        same = next((id for id, row in rest.items() if Columns.of(row) == columns), None)
        if same is None:
            made.append(columns)
        else:
            del rest[same]
    gone = [] if many.filtered else list(rest)
    if count + len(made) == len(gone):
        raise Invalid("shapes", "a region needs at least one shape.")
    if gone:
        await unit.stamp(Shape, gone)
    await unit.add_many(
        Shape,
        ("roi_id", "image_id", *Columns._fields),
        [(roi.id, roi.image_id, *columns) for columns in made],
    )
    return changed or bool(gone or made)
