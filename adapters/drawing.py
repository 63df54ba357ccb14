"""Drawing regions within a unit of work: checked first, then stored in bulk.

A region is written in bulk even when it is one, because a job draws thousands: three inserts and
a handful of checks, whatever their number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from adapters.containers import checked_name
from adapters.shapes import Canvas, Columns, Draft, prepared
from store.clock import now_ms
from store.errors import Forbidden, Invalid, NotFound
from store.statement import cols, table
from store.tables.columns import name_key
from store.tables.containers import Placement, Project
from store.tables.images import Image
from store.tables.ontologies import Term
from store.tables.rois import Roi, RoiKind, RoiTerm, Shape
from store.unit import Unit

_roi, _shape, _image = cols(Roi), cols(Shape), cols(Image)
_term, _placement = cols(Term), cols(Placement)
TOLD_ONE_BY_ONE = 200  # beyond, subscribers are told of the image
IN_THREAD = 50  # shapes whose footprints take longer than a switch of threads

_ROI_COLUMNS = (
    "image_id", "project_id", "owner_id", "author_id", "kind", "name", "name_key", "description",
    "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewRoi:
    """A region to be drawn: its shapes, in order, and the terms its author gives it."""

    shapes: Sequence[Draft]
    terms: Sequence[int] = ()
    name: str | None = None
    description: str | None = None


async def made_ready(news: Sequence[NewRoi], canvas: Canvas) -> list[list[Columns]]:
    """Return the columns of each region's shapes; raises Invalid before anything is stored."""
    if any(not new.shapes for new in news):
        raise Invalid("shapes", "a region needs at least one shape.")
    drafts = [draft for new in news for draft in new.shapes]
    if len(drafts) > IN_THREAD:
        found = await asyncio.to_thread(prepared, drafts, canvas)
    else:
        found = prepared(drafts, canvas)
    columns = iter(found)
    return [[one for _ in new.shapes for one in next(columns)] for new in news]


async def add_regions(
    unit: Unit,
    image_id: int,
    news: Sequence[NewRoi],
    ready: Sequence[Sequence[Columns]],
    *,
    project_id: int | None,
    kind: RoiKind,
    author_id: int | None,
) -> range:
    """Store regions whose columns are ready: three bulk inserts, whatever their number."""
    if not news:
        return range(0)
    owner, author = unit.actor.author_id, author_id or unit.actor.draws_as
    if unit.actor.job_user_id is not None and kind is RoiKind.USER:
        kind = RoiKind.ALGO
    await _may_draw(unit, image_id, project_id, kind, owner, author)
    await check_terms(unit, {term for new in news for term in new.terms}, project_id)
    now = now_ms()
    names = [None if new.name is None else checked_name(new.name) for new in news]
    ids = await unit.add_many(
        Roi,
        _ROI_COLUMNS,
        [
            (image_id, project_id, owner, author, kind.value, name,
             None if name is None else name_key(name), new.description, now)
            for name, new in zip(names, news, strict=True)
        ],
    )  # fmt: skip
    await unit.add_many(
        Shape,
        ("roi_id", "image_id", *Columns._fields),
        [
            (id, image_id, *columns)
            for id, shapes in zip(ids, ready, strict=True)
            for columns in shapes
        ],
    )
    await unit.add_many(
        RoiTerm,
        ("roi_id", "term_id", "author_id", "owner_id", "created_at"),
        [
            (id, term, author, owner, now)
            for id, new in zip(ids, news, strict=True)
            for term in dict.fromkeys(new.terms)
        ],
    )
    await _tell_created(unit, image_id, ids)
    return ids


async def _may_draw(
    unit: Unit,
    image_id: int,
    project_id: int | None,
    kind: RoiKind,
    owner: int,
    author: int,
) -> None:
    if not await unit.all(Image, _image.id == image_id):
        raise NotFound("image", image_id)
    if project_id is not None:
        if not await unit.all(Project, cols(Project).id == project_id):
            raise NotFound("project", project_id)
        if not await unit.all(
            Placement,
            _placement.project_id == project_id,
            _placement.image_id == image_id,
        ):
            raise Invalid("project", f"image {image_id} does not lie in project {project_id}.")
    template = Roi(
        image_id=image_id, project_id=project_id, owner_id=owner, author_id=author,
        kind=kind.value,
    )  # fmt: skip
    if not await unit.judge.may_add(Roi, template):
        raise Forbidden("draw on", "image", image_id)


async def check_terms(unit: Unit, term_ids: Collection[int], project_id: int | None) -> None:
    """Raise unless the terms can be seen and, in a project with an ontology, are of it."""
    if not term_ids:
        return
    terms = await unit.all(Term, unit.members(_term.id, set(term_ids)))
    missing = set(term_ids) - {term.id for term in terms}
    if missing:
        raise NotFound("term", min(missing))
    if project_id is None:
        return
    (wanted,) = await unit.scalars(
        select(cols(Project).ontology_id).where(cols(Project).id == project_id)
    ) or [None]
    for term in terms:
        if term.ontology_id != wanted:
            raise Invalid("terms", f"{term.name!r} is not a term of the project's ontology.")


async def replace_shapes(unit: Unit, roi: Roi, wanted: Sequence[Columns]) -> bool:
    """Trash the shapes that are no longer wanted and add the new ones; tell if any differ."""
    old = await unit.all(Shape, _shape.roi_id == roi.id, order=_shape.id)
    kept = [(Columns.of(row), row.id) for row in old]
    fresh: list[Columns] = []
    for columns in wanted:
        place = next((n for n, (known, _) in enumerate(kept) if known == columns), None)
        if place is None:
            fresh.append(columns)
        else:
            kept.pop(place)
    if kept:
        await unit.stamp(Shape, [id for _, id in kept])
    await unit.add_many(
        Shape,
        ("roi_id", "image_id", *Columns._fields),
        [(roi.id, roi.image_id, *columns) for columns in fresh],
    )
    return bool(kept or fresh)


async def _tell_created(unit: Unit, image_id: int, ids: range) -> None:
    if len(ids) > TOLD_ONE_BY_ONE:
        (image,) = await unit.all(Image, _image.id == image_id)
        unit.tell("changed", Image, image)
        return
    for row in await unit.rows(select(table(Roi)).where(unit.members(_roi.id, ids))):
        unit.tell("created", Roi, row)


def tell_changed(unit: Unit, rows: Sequence[Roi], changed: set[int]) -> None:
    """Announce those regions that changed."""
    for row in rows:
        if row.id in changed:
            unit.tell("changed", Roi, row)
