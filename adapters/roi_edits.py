"""Many edits of the regions of one image in one unit of work, each answered for itself.

New regions, shapes redrawn in place, shapes and regions deleted: what may be done is done in one
transaction, as one command with its events; what may not is told item by item and changes nothing.
A redrawn shape keeps its id, because clients hold on to it, and undo sets its columns back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select

from adapters.drawing import IN_THREAD, NewRoi, add_regions
from adapters.shapes import Canvas, Columns, Draft, prepared
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from store.statement import cols
from store.tables.images import Image, Pixels
from store.tables.rois import Roi, RoiKind, Shape
from store.unit import Unit

_roi, _shape = cols(Roi), cols(Shape)


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A shape as somebody saw it, and all of what it is to be: one kind of shape, on its plane."""

    seen: Shape
    draft: Draft


@dataclass(frozen=True, slots=True)
class Edits:
    """What is to be done on one image. Each new region has one shape."""

    new: Sequence[Draft] = ()
    redrawn: Sequence[Redrawn] = ()
    deleted_shapes: Collection[int] = ()
    deleted_rois: Collection[int] = ()


@dataclass(slots=True)
class Edited:
    """What was done: by the place of a new item, by the id of others; and what was refused why."""

    new: dict[int, tuple[int, int]] = field(default_factory=dict)  # place → region, shape
    redrawn: dict[int, int] = field(default_factory=dict)  # shape → region
    deleted_shapes: dict[int, int] = field(default_factory=dict)  # shape → region
    deleted_rois: set[int] = field(default_factory=set)
    new_refused: dict[int, HubError] = field(default_factory=dict)
    shapes_refused: dict[int, HubError] = field(default_factory=dict)
    rois_refused: dict[int, HubError] = field(default_factory=dict)

    @property
    def refused(self) -> list[HubError]:
        """Everything that was not done, in the order new, redrawn or deleted shapes, regions."""
        found = (self.new_refused, self.shapes_refused, self.rois_refused)
        return [error for one in found for error in one.values()]


class RoiEdits:
    """The verb that edits the regions of an image."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def edit(self, image_id: int, edits: Edits) -> Edited:
        """Do what may be done, in one command.

        Raises NotFound for the image, and Invalid for one without a size; nothing else.
        """
        await self._catalog.one(Image, image_id)
        if not (edits.new or edits.redrawn or edits.deleted_shapes or edits.deleted_rois):
            return Edited()
        canvas = Canvas.of(await self._catalog.one(Pixels, image_id))
        drafts = [*edits.new, *(one.draft for one in edits.redrawn)]
        found = await _columns(drafts, canvas)
        fresh = found[: len(edits.new)]
        again = list(zip(edits.redrawn, found[len(edits.new) :], strict=True))

        async def work(unit: Unit) -> Edited:
            # Made anew here, because a unit that collided with another is run again.
            done = Edited()
            await _draw(unit, image_id, edits.new, fresh, done)
            await _Present.change(unit, image_id, edits, again, done)
            unit.journal.summary = f"edit regions of image {image_id}"
            return done

        return await self._catalog.write("edit_rois", work)


async def _columns(drafts: Sequence[Draft], canvas: Canvas) -> list[Columns | HubError]:
    """Return the columns of each draft, or why it cannot be drawn."""
    if len(drafts) > IN_THREAD:
        return await asyncio.to_thread(_each, drafts, canvas)
    return _each(drafts, canvas)


def _each(drafts: Sequence[Draft], canvas: Canvas) -> list[Columns | HubError]:
    try:
        return [one for (one,) in prepared(drafts, canvas)]
    except Invalid:
        return [_one(draft, canvas) for draft in drafts]


def _one(draft: Draft, canvas: Canvas) -> Columns | HubError:
    try:
        ((columns,),) = prepared([draft], canvas)
    except Invalid as error:
        return Invalid(error.field.removeprefix("shapes[0]."), error.reason)
    return columns


async def _draw(
    unit: Unit,
    image_id: int,
    drafts: Sequence[Draft],
    found: Sequence[Columns | HubError],
    done: Edited,
) -> None:
    good: list[tuple[int, Draft, Columns]] = []
    for place, (draft, columns) in enumerate(zip(drafts, found, strict=True)):
        if isinstance(columns, HubError):
            done.new_refused[place] = columns
        else:
            good.append((place, draft, columns))
    if not good:
        return
    try:
        ids = await add_regions(
            unit, image_id, [NewRoi([draft]) for _, draft, _ in good],
            [[columns] for _, _, columns in good],
            project_id=None, kind=RoiKind.USER, author_id=None,
        )  # fmt: skip
    except (Forbidden, NotFound) as error:  # both are raised before anything is stored
        done.new_refused.update((place, error) for place, _, _ in good)
        return
    drawn = await unit.rows(
        select(_shape.roi_id, _shape.id).where(unit.members(_shape.roi_id, ids))
    )
    shape_of = {row.roi_id: row.id for row in drawn}
    done.new.update(
        (place, (id, shape_of[id])) for id, (place, _, _) in zip(ids, good, strict=True)
    )


@dataclass(slots=True)
class _Present:
    """The regions and shapes that edits of one unit are about, locked and judged."""

    unit: Unit
    image_id: int
    done: Edited
    rois: Mapping[int, Roi]
    shapes: Mapping[int, Shape]
    editable: frozenset[int]
    grown: set[int] = field(default_factory=set)

    @classmethod
    async def change(
        cls,
        unit: Unit,
        image_id: int,
        edits: Edits,
        again: Sequence[tuple[Redrawn, Columns | HubError]],
        done: Edited,
    ) -> None:
        """Redraw and delete what may be, and raise the version of each region that changed."""
        wanted = {one.seen.id for one, _ in again} | set(edits.deleted_shapes)
        if not wanted and not edits.deleted_rois:
            return
        here = await cls._read(unit, image_id, wanted, edits.deleted_rois, done)
        await here._redraw(again)
        await here._delete_shapes(edits.deleted_shapes)
        await here._delete_rois(edits.deleted_rois)
        for id in sorted(here.grown - done.deleted_rois):
            await unit.grow(Roi, here.rois[id])

    @classmethod
    async def _read(
        cls,
        unit: Unit,
        image_id: int,
        shape_ids: Collection[int],
        roi_ids: Collection[int],
        done: Edited,
    ) -> _Present:
        parents = set(roi_ids)
        if shape_ids:
            owning = await unit.all(Shape, unit.members(_shape.id, shape_ids))
            parents |= {row.roi_id for row in owning}
        seen = await unit.all(
            Roi, unit.members(_roi.id, parents), _roi.kind != RoiKind.REVIEWED.value
        )
        rois = {row.id: row for row in await unit.stored(Roi, [row.id for row in seen])}
        rows = list(rois.values())
        allowed = await unit.judge.capabilities(Roi, rows)
        editable = frozenset(
            row.id for row, can in zip(rows, allowed, strict=True) if can & Can.EDIT
        )
        # Read again behind the locks: what others did meanwhile counts.
        shapes = {
            row.id: row
            for row in await unit.stored(Shape, shape_ids)
            if row.trashed_by is None and row.roi_id in rois
        }
        return cls(unit, image_id, done, rois, shapes, editable)

    def _judged(self, id: int) -> Shape:
        """Return a shape that may be changed. Raises NotFound, Invalid, Forbidden."""
        row = self.shapes.get(id)
        if row is None:
            raise NotFound("shape", id)
        if row.image_id != self.image_id:
            raise Invalid("id", f"shape {id} is not on image {self.image_id}.")
        if row.roi_id not in self.editable:
            raise Forbidden("change", "roi", row.roi_id)
        return row

    async def _redraw(self, again: Sequence[tuple[Redrawn, Columns | HubError]]) -> None:
        for one, columns in again:
            id = one.seen.id
            try:
                row = self._judged(id)
                if isinstance(columns, HubError):
                    raise columns
                if Columns.of(row) != Columns.of(one.seen):
                    raise Conflict(f"Shape {id} was changed meanwhile; read it again.")
            except HubError as error:
                self.done.shapes_refused[id] = error
                continue
            if columns != Columns.of(row):
                await self.unit.put(Shape, row, columns._asdict(), tell=False)
                self.grown.add(row.roi_id)
            self.done.redrawn[id] = row.roi_id

    async def _delete_shapes(self, ids: Collection[int]) -> None:
        good: dict[int, int] = {}
        for id in ids:
            try:
                good[id] = self._judged(id).roi_id
            except HubError as error:
                self.done.shapes_refused[id] = error
        if good:
            await self.unit.stamp(Shape, good)
            self.done.deleted_shapes.update(good)
            self.grown.update(good.values())

    async def _delete_rois(self, ids: Collection[int]) -> None:
        good = []
        for id in dict.fromkeys(ids):
            row = self.rois.get(id)
            if row is None:
                self.done.rois_refused[id] = NotFound("roi", id)
            elif row.image_id != self.image_id:
                reason = f"region {id} is not on image {self.image_id}."
                self.done.rois_refused[id] = Invalid("id", reason)
            elif id not in self.editable:
                self.done.rois_refused[id] = Forbidden("delete", "roi", id)
            else:
                good.append(row)
        await self._discard(good)

    async def _discard(self, rows: Sequence[Roi]) -> None:
        """Trash regions together; where one may not go, each by itself."""
        if not rows:
            return
        try:
            await self.unit.discard(Roi, rows)
            self.done.deleted_rois.update(row.id for row in rows)
        except Conflict as error:  # raised before anything is stored
            if len(rows) == 1:
                self.done.rois_refused[rows[0].id] = error
                return
            for row in rows:
                await self._discard([row])
