"""Regions of interest: drawing, changing, labelling, and finding them by place.

What was drawn is kept as drawn; everything derived is made by `adapters.shapes` before the
transaction begins, and `adapters.drawing` stores it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from adapters.containers import checked_name
from adapters.drawing import (
    NewRoi,
    add_regions,
    made_ready,
    replace_shapes,
)
from adapters.filters import Filter, compiled
from adapters.labelling import give_terms, take_terms, writable_regions
from adapters.shapes import Canvas, Columns, Draft, Drawn, moved
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.paging import Keyset, Page
from store.spatial import Box, largest_in_box, prefers_size, rois_in_box
from store.statement import cols, table
from store.tables.containers import Placement
from store.tables.images import Image, Pixels
from store.tables.ontologies import Term
from store.tables.rois import Roi, RoiKind, RoiTerm, Shape
from store.unit import Unit

__all__ = ["LARGEST_VIEW", "NewRoi", "Rois", "Seen", "View", "drawn_on", "labelled", "on_plane"]

_roi, _shape, _roi_term, _image = cols(Roi), cols(Shape), cols(RoiTerm), cols(Image)
_term, _placement = cols(Term), cols(Placement)
LARGEST_VIEW = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """A region with what the actor may do to it, and the group of its image."""

    row: Roi
    can: Can
    group_id: int


@dataclass(frozen=True, slots=True)
class View:
    """The largest shapes in a viewport, and whether smaller ones were left out."""

    shapes: Sequence[Shape]
    truncated: bool


class Rois:
    """Verbs on regions of interest, their shapes and terms."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def get(self, id: int) -> Roi:
        """Return one region. Raises NotFound."""
        return await self._catalog.one(Roi, id)

    async def many(self, ids: Sequence[int]) -> dict[int, Roi]:
        """Return the visible ones of these regions by id, in one statement."""
        found = await self._catalog.by_ids(Roi, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def seen(self, rows: Iterable[Roi]) -> list[Seen]:
        """Return regions with capabilities and groups: three statements, whatever their number."""
        listed = list(rows)
        if not listed:
            return []
        allowed = await self._catalog.capabilities(Roi, listed)
        groups = await self._catalog.rows(
            select(_image.id, _image.group_id).where(
                self._catalog.members(_image.id, {row.image_id for row in listed})
            ),
            settled=("image",),
        )
        group = {row.id: row.group_id for row in groups}
        return [
            Seen(row, can | Can.READ, group.get(row.image_id, 0))
            for row, can in zip(listed, allowed, strict=True)
        ]

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Roi]:
        """Return one page of regions of all images; reviewed copies only if `where` asks."""
        return await self._catalog.page(Roi, self._list(where), keyset)

    async def count(self, where: Filter | None = None) -> int:
        """Count regions under a filter."""
        return await self._catalog.count(self._list(where))

    async def of_images(
        self,
        image_ids: Sequence[int],
        keyset: Keyset,
        where: Filter | None = None,
        box: Box | None = None,
    ) -> dict[int, Page[Any]]:
        """Return one page of regions for each image, in one statement; `box` narrows by place."""
        statement = self._of_images(image_ids, where, box)
        return await self._catalog.pages(Roi, statement, _roi.image_id, keyset)

    async def count_of_images(
        self, image_ids: Sequence[int], where: Filter | None = None, box: Box | None = None
    ) -> dict[int, int]:
        """Count the regions of each image, in one statement."""
        return await self._catalog.counts(self._of_images(image_ids, where, box), _roi.image_id)

    def _list(self, where: Filter | None) -> Select[Any]:
        return self._catalog.select(Roi).where(compiled(where, _roi))

    def _of_images(
        self, image_ids: Sequence[int], where: Filter | None, box: Box | None
    ) -> Select[Any]:
        statement = self._list(where).where(self._catalog.members(_roi.image_id, image_ids))
        if box is not None:
            inside = rois_in_box(self._catalog.database, image_ids, box)
            statement = statement.where(_roi.id.in_(inside))
        return statement

    async def in_view(
        self,
        image_id: int,
        box: Box,
        *,
        limit: int = 1000,
        where: Filter | None = None,
        plane: Mapping[str, int | None] | None = None,
    ) -> View:
        """Return the largest shapes whose bounding box meets a viewport, largest first.

        `where` narrows the regions; of `plane`, the axes that are given count, and a shape without
        a value on an axis is on every plane of it. Raises Invalid for a limit out of range.
        """
        if not 1 <= limit <= LARGEST_VIEW:
            raise Invalid("limit", f"must be from 1 to {LARGEST_VIEW}, found {limit}.")
        image = await self._catalog.one(Image, image_id)
        canvas = await self._canvas(image_id)
        share = box.share_of(canvas.width, canvas.height)
        statement = (
            self._catalog.select(Shape)
            .join(table(Roi), _roi.id == _shape.roi_id)
            .where(compiled(where, _roi), *on_plane(plane or {}))
        )
        statement = largest_in_box(
            self._catalog.database, statement, image_id, box, limit + 1,
            by_size=prefers_size(share, image.roi_count, limit),
        )  # fmt: skip
        found = await self._catalog.all(Shape, statement, settled=("shape",))
        return View(found[:limit], truncated=len(found) > limit)

    async def shapes_of(self, roi_ids: Sequence[int]) -> dict[int, list[Shape]]:
        """Return the shapes of regions found visible before, in order; one statement."""
        return await self._grouped(Shape, roi_ids)

    async def terms_of(self, roi_ids: Sequence[int]) -> dict[int, list[RoiTerm]]:
        """Return who gave which term to regions found visible before; one statement."""
        return await self._grouped(RoiTerm, roi_ids)

    async def _grouped(self, noun: Any, roi_ids: Sequence[int]) -> dict[int, list[Any]]:
        row = cols(noun)
        found = await self._catalog.all(
            noun,
            self._catalog.select(noun)
            .where(self._catalog.members(row.roi_id, set(roi_ids)))
            .order_by(row.id),
            settled=(table(noun).name,),
        )
        gathered: dict[int, list[Any]] = {id: [] for id in roi_ids}
        for one in found:
            gathered[one.roi_id].append(one)
        return gathered

    async def shapes(self, ids: Sequence[int]) -> dict[int, Shape]:
        """Return the visible ones of these shapes by id, in one statement."""
        found = await self._catalog.by_ids(Shape, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def _canvas(self, image_id: int) -> Canvas:
        return Canvas.of(await self._catalog.one(Pixels, image_id))

    # writing

    async def create(
        self,
        image_id: int,
        shapes: Sequence[Draft],
        *,
        terms: Sequence[int] = (),
        project_id: int | None = None,
        name: str | None = None,
        description: str | None = None,
    ) -> Roi:
        """Draw one region, bound to a project if one is given.

        Raises Invalid for a shape that cannot be, NotFound, Forbidden, Conflict.
        """
        new = NewRoi(shapes, terms, name, description)
        (id,) = await self.create_many(image_id, [new], project_id=project_id)
        return await self.get(id)

    async def create_many(
        self,
        image_id: int,
        news: Sequence[NewRoi],
        *,
        project_id: int | None = None,
        kind: RoiKind = RoiKind.USER,
        author_id: int | None = None,
    ) -> range:
        """Draw regions in one command; return their ids, in order. All are checked before any."""
        await self._catalog.one(Image, image_id)
        ready = await made_ready(news, await self._canvas(image_id))

        async def work(unit: Unit) -> range:
            unit.journal.summary = f"draw {len(news)} regions on image {image_id}"
            return await add_regions(
                unit, image_id, news, ready, project_id=project_id, kind=kind, author_id=author_id
            )

        return await self._catalog.write("create_roi", work)

    async def draw(
        self,
        unit: Unit,
        image: Image,
        drawn: Drawn | Sequence[Drawn],
        *,
        kind: RoiKind = RoiKind.ALGO,
        c: int | None = None,
        z: int | None = None,
        t: int | None = None,
        label: int | None = None,
        project_id: int | None = None,
        author_id: int | None = None,
    ) -> int:
        """Draw one region within a unit of work; return its id. For many, use `draw_many`."""
        parts = [drawn] if isinstance(drawn, Drawn) else drawn
        new = NewRoi([Draft(part, c, z, t, label=label) for part in parts])
        (id,) = await self.draw_many(
            unit, image.id, [new], kind=kind, project_id=project_id, author_id=author_id
        )
        return id

    async def draw_many(
        self,
        unit: Unit,
        image_id: int,
        news: Sequence[NewRoi],
        *,
        kind: RoiKind = RoiKind.ALGO,
        project_id: int | None = None,
        author_id: int | None = None,
    ) -> range:
        """Draw regions within a unit of work: what a job found; return their ids, in order."""
        ready = await made_ready(news, Canvas.of(await unit.one(Pixels, image_id)))
        return await add_regions(
            unit, image_id, news, ready, project_id=project_id, kind=kind, author_id=author_id
        )

    async def update(
        self,
        id: int,
        *,
        expected: int | None = None,
        shapes: Sequence[Draft] | None = None,
        **fields: Any,
    ) -> Roi:
        """Change name, description or all shapes; what is sent back as it is changes nothing.

        Shapes sent unchanged keep their ids; others are replaced. Raises Conflict on a stale
        version.
        """
        for name in fields:
            if name not in ("name", "description"):
                raise Invalid(name, "a region has no such field to set.")
        if fields.get("name") is not None:
            fields["name"] = checked_name(fields["name"])
        before = await self.get(id)
        ready: list[Columns] | None = None
        if shapes is not None:
            if not shapes:
                raise Invalid("shapes", "a region needs at least one shape.")
            (found,) = await made_ready([NewRoi(shapes)], await self._canvas(before.image_id))
            ready = list(found)

        async def work(unit: Unit) -> Roi:
            unit.journal.summary = f"change region {id}"
            seen = await unit.one(Roi, id)
            row = await unit.change(Roi, id, expected=expected, **fields)
            replaced = ready is not None and await replace_shapes(unit, row, ready)
            if replaced and row.version == seen.version:
                row = await unit.grow(Roi, row)
            return row

        return await self._catalog.write("update_roi", work)

    async def move(
        self,
        id: int,
        *,
        dx: float = 0.0,
        dy: float = 0.0,
        plane: Mapping[str, int | None] | None = None,
        expected: int | None = None,
    ) -> Roi:
        """Move all shapes of a region by a vector in pixels, and perhaps to another plane."""
        before = await self.get(id)
        canvas = await self._canvas(before.image_id)

        async def work(unit: Unit) -> Roi:
            unit.journal.summary = f"move region {id}"
            row = await unit.change(Roi, id, expected=expected)
            rows = await unit.all(Shape, _shape.roi_id == id, order=_shape.id)
            if await replace_shapes(unit, row, moved(rows, canvas, dx, dy, plane)):
                row = await unit.grow(Roi, row)
            return row

        return await self._catalog.write("move_roi", work)

    async def delete(self, ids: Sequence[int]) -> None:
        """Put regions with their shapes into the trash. Raises NotFound, Forbidden, Conflict."""

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"delete {len(ids)} regions"
            await unit.trash(Roi, ids)

        await self._catalog.write("delete_roi", work)

    async def delete_shape(self, id: int) -> None:
        """Put one shape into the trash; its region stays, also without any. Raises as `delete`."""

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"delete shape {id}"
            found = await unit.all(Shape, _shape.id == id)
            if not found:
                raise NotFound("shape", id)
            row = await unit.one(Roi, found[0].roi_id, can=Can.EDIT)
            if not await unit.stamp(Shape, [id]):
                raise NotFound("shape", id)
            await unit.grow(Roi, row)

        await self._catalog.write("delete_shape", work)

    async def add_terms(self, roi_ids: Collection[int], term_ids: Collection[int]) -> int:
        """Give terms to regions in the actor's name; return how many are new."""

        async def work(unit: Unit) -> int:
            rows = await writable_regions(unit, roi_ids)
            unit.journal.summary = f"label {len(rows)} regions"
            return await give_terms(unit, rows, term_ids)

        return await self._catalog.write("add_terms", work)

    async def remove_terms(self, roi_ids: Collection[int], term_ids: Collection[int]) -> int:
        """Take terms off regions, whoever gave them; return how many went."""

        async def work(unit: Unit) -> int:
            rows = await writable_regions(unit, roi_ids)
            unit.journal.summary = f"take terms off {len(rows)} regions"
            return await take_terms(unit, rows, term_ids)

        return await self._catalog.write("remove_terms", work)


# what lists are narrowed by, for `Holds`


def on_plane(plane: Mapping[str, int | None]) -> list[ColumnElement[bool]]:
    """Return tests that a shape is on a plane: one per axis that is given."""
    return [
        or_(_shape[axis].is_(None), _shape[axis] == place)
        for axis, place in plane.items()
        if place is not None
    ]


def drawn_on(plane: Mapping[str, int | None]) -> Any:
    """Return the predicate that a region has a shape on a plane."""
    return (
        select(_shape.id)
        .where(_shape.roi_id == _roi.id, _shape.trashed_by.is_(None), *on_plane(plane))
        .exists()
    )


def labelled(term_ids: Sequence[int]) -> Any:
    """Return the predicate that a region carries one of these terms."""
    return _roi.id.in_(
        select(_roi_term.roi_id).where(
            _roi_term.term_id.in_(term_ids), _roi_term.trashed_by.is_(None)
        )
    )
