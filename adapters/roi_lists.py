"""Regions and shapes listed by offset, as older clients page, with what writing them takes.

A page is found by ids first, so that skipping rows never reads wide ones, and its rows then come by
id. Reviewed copies are left out throughout: whoever measures would count every object twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlmodel import SQLModel

from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols, table
from store.tables.images import Image
from store.tables.ontologies import Term
from store.tables.rois import Roi, RoiKind, RoiTerm, Shape

Row = TypeVar("Row")

_roi, _shape, _image = cols(Roi), cols(Shape), cols(Image)
_roi_term, _term = cols(RoiTerm), cols(Term)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """Which regions: on one image, of one owner, of one group, on planes from and to, included."""

    image_id: int | None = None
    owner_id: int | None = None
    group_id: int | None = None
    z: tuple[int, int] | None = None
    t: tuple[int, int] | None = None


EVERY = Narrowed()


@dataclass(frozen=True, slots=True)
class Sliced(Generic[Row]):
    """Rows of one page, and how many there are in all."""

    rows: Sequence[Row]
    total: int


class Written(NamedTuple):
    """What writing a shape takes: bits and texts derived from the footprint can be megabytes."""

    id: int
    roi_id: int
    image_id: int
    kind: str
    c: int | None
    z: int | None
    t: int | None
    footprint: bytes
    params: dict[str, Any] | None
    style: dict[str, Any] | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Named:
    """The terms of a region as one caption, and the colour of the first."""

    text: str
    color: int


class RoiLists:
    """Verbs that list regions and shapes by offset. Each is a constant number of statements."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def page(self, which: Narrowed, *, offset: int, limit: int) -> Sliced[Roi]:
        """Return regions in the order of their ids."""
        return await self._page(Roi, self._regions(which), offset, limit)

    async def ids(self, which: Narrowed, *, at_once: int = 5000) -> AsyncIterator[list[int]]:
        """Give the ids of all regions, ascending, so many at a time: for whoever reads them all."""
        last = 0
        while True:
            statement = (
                self._regions(which)
                .with_only_columns(_roi.id, maintain_column_froms=True)
                .where(_roi.id > last)
                .order_by(_roi.id)
                .limit(at_once)
            )
            found = [row[0] for row in await self._catalog.rows(statement)]
            if found:
                yield found
                last = found[-1]
            if len(found) < at_once:
                return

    async def shapes_page(self, which: Narrowed, *, offset: int, limit: int) -> Sliced[Written]:
        """Return shapes in the order of their ids."""
        joined = table(Shape).join(table(Roi), _roi.id == _shape.roi_id)
        statement = self._regions(which).with_only_columns(_shape.id).select_from(joined)
        return await self._page(Shape, statement, offset, limit)

    async def region(self, id: int) -> Roi:
        """Return one region. Raises NotFound, also for a reviewed copy."""
        found = (await self._catalog.by_ids(Roi, [id]))[0]
        if found is None or found.kind == RoiKind.REVIEWED:
            raise NotFound("roi", id)
        return found

    async def shape(self, id: int) -> tuple[Shape, Roi]:
        """Return one shape and its region. Raises NotFound, also inside a reviewed copy."""
        found = (await self._catalog.by_ids(Shape, [id]))[0]
        if found is None:
            raise NotFound("shape", id)
        try:
            return found, await self.region(found.roi_id)
        except NotFound as error:
            raise NotFound("shape", id) from error

    async def shapes_of(self, roi_ids: Collection[int]) -> dict[int, list[Written]]:
        """Return what writing the shapes of regions takes, in order, of those seen before."""
        gathered: dict[int, list[Written]] = {id: [] for id in roi_ids}
        if not gathered:
            return gathered
        for one in await self._written(_shape.roi_id, roi_ids):
            gathered[one.roi_id].append(one)
        return gathered

    async def names_of(self, roi_ids: Collection[int]) -> dict[int, Named]:
        """Return the terms of each region that carries any the actor may see."""
        if not roi_ids:
            return {}
        found = await self._catalog.rows(
            select(_roi_term.roi_id, _term.name, _term.color)
            .join(table(Term), _term.id == _roi_term.term_id)
            .where(self._catalog.members(_roi_term.roi_id, set(roi_ids)))
            .order_by(_roi_term.id),
            settled=("roi_term",),
        )
        gathered: dict[int, dict[str, int]] = {}
        for one in found:
            gathered.setdefault(one.roi_id, {}).setdefault(one.name, one.color)
        return {
            id: Named(", ".join(terms), next(iter(terms.values())))
            for id, terms in gathered.items()
        }

    async def seen_of(self, roi_ids: Collection[int]) -> dict[int, Roi]:
        """Return regions by id, of those found visible before."""
        if not roi_ids:
            return {}
        rows = await self._catalog.all(
            Roi,
            self._catalog.select(Roi).where(self._catalog.members(_roi.id, set(roi_ids))),
            settled=("roi",),
        )
        return {row.id: row for row in rows}

    async def counts_of(self, image_ids: Sequence[int]) -> dict[int, int]:
        """Count the regions of each image, in one statement."""
        statement = self._regions(EVERY).where(self._catalog.members(_roi.image_id, image_ids))
        return await self._catalog.counts(statement, _roi.image_id)

    async def place_of(self, row: Roi) -> tuple[int, int]:
        """Return how many regions of the same image come before one, and how many there are."""
        of_image = self._regions(Narrowed(image_id=row.image_id))
        before = await self._catalog.count(of_image.where(_roi.id < row.id))
        return before, await self._catalog.count(of_image)

    async def counts_by_plane(self, image_id: int) -> list[tuple[int | None, int | None, int]]:
        """Return z, t and the number of shapes there; None stands for every plane of an axis."""
        statement = (
            self._regions(Narrowed(image_id=image_id))
            .with_only_columns(_shape.z, _shape.t, func.count(_shape.id))
            .select_from(table(Shape).join(table(Roi), _roi.id == _shape.roi_id))
            .group_by(_shape.z, _shape.t)
        )
        found = await self._catalog.rows(statement, settled=("shape",))
        return [(row[0], row[1], row[2]) for row in found]

    def _regions(self, which: Narrowed) -> Select[Any]:
        statement = self._catalog.select(Roi).where(_roi.kind != RoiKind.REVIEWED.value)
        if which.image_id is not None:
            statement = statement.where(_roi.image_id == which.image_id)
        if which.owner_id is not None:
            statement = statement.where(_roi.owner_id == which.owner_id)
        if which.group_id is not None:
            of_group = select(_image.id).where(_image.group_id == which.group_id)
            statement = statement.where(_roi.image_id.in_(of_group))
        planes = [*_within(_shape.z, which.z), *_within(_shape.t, which.t)]
        if planes:
            drawn = select(_shape.id).where(
                _shape.roi_id == _roi.id, _shape.trashed_by.is_(None), *planes
            )
            statement = statement.where(drawn.exists())
        return statement

    async def _page(
        self, noun: type[SQLModel], statement: Select[Any], offset: int, limit: int
    ) -> Sliced[Any]:
        id, settled = cols(noun).id, (table(noun).name,)
        # Shapes are as visible as the regions they are joined to.
        hanging = () if noun is Roi else settled
        counted = await self._catalog.rows(
            statement.with_only_columns(func.count(id)),
            settled=hanging,
        )
        total: int = counted[0][0]
        if limit <= 0 or offset >= total:
            return Sliced([], total)
        found = await self._catalog.rows(
            statement.with_only_columns(id).order_by(id).offset(offset).limit(limit),
            settled=hanging,
        )
        ids = [row[0] for row in found]
        if noun is Shape:
            return Sliced(await self._written(_shape.id, ids), total)
        rows = await self._catalog.all(
            noun,
            self._catalog.select(noun).where(self._catalog.members(id, ids)).order_by(id),
            settled=settled,
        )
        return Sliced(rows, total)

    async def _written(self, column: Any, ids: Collection[int]) -> list[Written]:
        """Return shapes by a column, in the order of their ids, of those seen before."""
        found = await self._catalog.rows(
            select(*(_shape[name] for name in Written._fields))
            .where(self._catalog.members(column, ids))
            .order_by(_shape.id),
            settled=("shape",),
        )
        return list(map(Written._make, found))


def _within(column: Any, planes: tuple[int, int] | None) -> list[ColumnElement[bool]]:
    if planes is None:
        return []
    return [or_(column.is_(None), column.between(*planes))]


__all__ = ["EVERY", "Named", "Narrowed", "RoiLists", "Sliced", "Written"]
