"""Planes and their numbers: computed from a block of ids, or the rows of a declared image.

An image with pixels holds a block of ids, and each of its placements another: a plane is the first
id of the block plus its rank, ``c + C * (z + Z * t)`` where RGB counts as one channel. So a stack
of 200,000 planes is no row at all. A declared image has a row for each plane instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, literal, select, union_all

from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols, table
from store.tables.containers import Placement
from store.tables.images import Image, ImageSlice, ImageState, Pixels
from store.tables.records import records

FIRST_PLANE = 1 << 40  # ids of computed planes begin here; rows lie below
_ASKED_AT_ONCE = 200  # ids in one compound statement; SQLite takes 500
_image, _pixels, _placement, _slice = cols(Image), cols(Pixels), cols(Placement), cols(ImageSlice)


@dataclass(frozen=True, slots=True)
class Plane:
    """One plane: of an image, or of an image in a project.

    base_id: the image's own plane; the plane itself where it is that.
    row: of a declared image only.
    """

    id: int
    c: int
    z: int
    t: int
    rank: int
    image_id: int
    placement_id: int | None
    base_id: int | None
    row: ImageSlice | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """The planes of an image, or of an image in a project, without naming each.

    `base` is the first id of its block, `image_base` that of the image's own; both None where
    planes are `rows`, in order of rank.
    """

    image_id: int
    placement_id: int | None
    channels: int
    depth: int
    duration: int
    declared: bool
    base: int | None = None
    image_base: int | None = None
    rows: tuple[ImageSlice, ...] = ()

    def __len__(self) -> int:
        """Return the number of planes."""
        if self.declared:
            return len(self.rows)
        return 0 if self.base is None else self.channels * self.depth * self.duration

    def rank(self, c: int, z: int, t: int) -> int:
        """Return the place of a plane in the stack."""
        return c + self.channels * (z + self.depth * t)

    def id_of(self, c: int, z: int, t: int) -> int | None:
        """Return the id of a plane; None where there is no such plane."""
        found = self.at(c, z, t)
        return None if found is None else found.id

    def at(self, c: int, z: int, t: int) -> Plane | None:
        """Return a plane; None where there is none."""
        if self.declared:
            return next(
                (self._of(row) for row in self.rows if (row.c, row.z, row.t) == (c, z, t)), None
            )
        sizes = (self.channels, self.depth, self.duration)
        inside = all(0 <= at < size for at, size in zip((c, z, t), sizes, strict=True))
        return self.ranked(self.rank(c, z, t)) if inside and self.base is not None else None

    def ranked(self, rank: int) -> Plane:
        """Return the computed plane of a rank."""
        above, c = divmod(rank, self.channels)
        t, z = divmod(above, self.depth)
        assert self.base is not None, "planes of declared images are rows"
        own = None if self.image_base is None else self.image_base + rank
        return Plane(
            self.base + rank, c, z, t, rank, self.image_id, self.placement_id, own
        )  # fmt: skip

    def plane(self, id: int) -> Plane | None:
        """Return the plane of an id; None for another's."""
        if self.declared:
            return next((self._of(row) for row in self.rows if row.id == id), None)
        if self.base is None or not self.base <= id < self.base + len(self):
            return None
        return self.ranked(id - self.base)

    def planes(self, start: int = 0, stop: int | None = None) -> Iterator[Plane]:
        """Yield planes by rank, of a range of places."""
        if self.declared:
            yield from (self._of(row) for row in self.rows[start:stop])
        else:
            yield from (self.ranked(rank) for rank in range(len(self))[start:stop])

    def reference(self) -> Plane | None:
        """Return the plane that stands for the whole: the middle in z and c, the first in time."""
        middle = self.at(self.channels // 2, self.depth // 2, 0)
        if middle is None and self.declared and self.rows:
            return self._of(self.rows[len(self.rows) // 2])
        return middle

    def _of(self, row: ImageSlice) -> Plane:
        rank = self.rank(row.c, row.z, row.t)
        base = row.id if self.placement_id is None else row.base_id
        return Plane(
            row.id, row.c, row.z, row.t, rank, row.image_id, row.placement_id, base, row
        )  # fmt: skip


class Planes:
    """Verbs that number planes."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of_images(self, image_ids: Iterable[int]) -> dict[int, Stack]:
        """Return the planes of images the actor sees. Two statements, however many."""
        wanted = set(image_ids)
        rows = await self._catalog.rows(
            self._images(self._catalog.members(_image.id, wanted)), settled=("pixels",)
        )
        slices = await self._rows([row.id for row in rows if _declared(row)], placed=False)
        return {
            row.id: _stack(row, None, row.slice_base, slices.get(row.id, ())) for row in rows
        }  # fmt: skip

    async def of_placements(self, placements: Sequence[Placement]) -> dict[int, Stack]:
        """Return the planes of images in projects, by placement. Two statements, however many."""
        rows = await self._catalog.rows(
            self._images(self._catalog.members(_image.id, {one.image_id for one in placements})),
            settled=("pixels",),
        )
        images = {row.id: row for row in rows}
        slices = await self._rows(
            [one.id for one in placements if _declared(images.get(one.image_id))], placed=True
        )
        return {
            one.id: _stack(
                images[one.image_id], one.id, one.slice_base, slices.get(one.id, ())
            )
            for one in placements
            if one.image_id in images
        }  # fmt: skip

    async def of_placement(self, placement: Placement) -> Stack:
        """Return the planes of one image in a project. Raises NotFound."""
        found = await self.of_placements([placement])
        if placement.id not in found:
            raise NotFound("image", placement.image_id)
        return found[placement.id]

    async def of_image(self, image_id: int) -> Stack:
        """Return the planes of one image. Raises NotFound."""
        found = await self.of_images([image_id])
        if image_id not in found:
            raise NotFound("image", image_id)
        return found[image_id]

    async def located(self, ids: Iterable[int]) -> dict[int, Plane]:
        """Return the planes of ids, those the actor sees. Seven statements at most."""
        stacks = await self.stacks_of(ids)
        found = {id: stack.plane(id) for id, stack in stacks.items()}
        return {id: plane for id, plane in found.items() if plane is not None}

    async def one(self, id: int, *, placed: bool | None = None) -> tuple[Plane, Stack]:
        """Return a plane with the stack it is of. Raises NotFound.

        `placed` asks for one of an image in a project, or for an image's own.
        """
        stack = (await self.stacks_of([id])).get(id)
        plane = None if stack is None else stack.plane(id)
        if stack is None or plane is None:
            raise NotFound("plane", id)
        if placed is not None and placed != (plane.placement_id is not None):
            raise NotFound("plane", id)
        return plane, stack

    async def stacks_of(self, ids: Iterable[int]) -> dict[int, Stack]:
        """Return the stack that each id may lie in; ids of nothing are left out."""
        wanted = sorted(set(ids))
        low = [id for id in wanted if 0 < id < FIRST_PLANE]
        bases = await self._bases([id for id in wanted if id >= FIRST_PLANE])
        slices = await self._catalog.by_ids(ImageSlice, low) if low else []
        declared = [one for one in slices if one is not None]
        own = set(bases.values())
        images = await self._holding(Image, own, [])
        placed = await self._holding(
            Placement, own, [one.placement_id for one in declared if one.placement_id is not None]
        )
        by_image = await self.of_images(
            {one.id for one in images.values()}
            | {one.image_id for one in declared if one.placement_id is None}
        )
        by_placement = await self.of_placements(list(placed.values()))
        found: dict[int, Stack] = {}
        for id, base in bases.items():
            at = images.get(base)
            where = placed.get(base)
            if at is not None and at.id in by_image:
                found[id] = by_image[at.id]
            elif where is not None and where.id in by_placement:
                found[id] = by_placement[where.id]
        for one in declared:
            stack = (
                by_image.get(one.image_id)
                if one.placement_id is None
                else by_placement.get(one.placement_id)
            )
            if stack is not None:
                found[one.id] = stack
        return found

    async def _holding(
        self, noun: type[Any], bases: set[int], ids: Sequence[int]
    ) -> dict[int, Any]:
        """Return rows by the first id of their block; those asked for by id, by the id."""
        if not bases and not ids:
            return {}
        row = cols(noun)
        where = self._catalog.members(row.slice_base, bases)
        if ids:
            where = where | self._catalog.members(row.id, set(ids))
        rows = await self._catalog.all(noun, self._catalog.select(noun).where(where))
        return {one.slice_base if one.slice_base is not None else one.id: one for one in rows}

    async def _bases(self, ids: Sequence[int]) -> dict[int, int]:
        """Return for each id the greatest first id of a block that is not above it."""
        found: dict[int, int] = {}
        for start in range(0, len(ids), _ASKED_AT_ONCE):
            asked = ids[start : start + _ASKED_AT_ONCE]
            arms = [
                select(
                    literal(id).label("id"),
                    _greatest(_image.slice_base, id).label("own"),
                    _greatest(_placement.slice_base, id).label("placed"),
                )
                for id in asked
            ]
            every = union_all(*arms).subquery()
            for row in await self._catalog.rows(select(every.c.id, every.c.own, every.c.placed)):
                bases = [base for base in (row.own, row.placed) if base is not None]
                if bases:
                    found[int(row.id)] = max(bases)
        return found

    @staticmethod
    def _images(where: Any) -> Any:
        return (
            select(
                _image.id, _image.state, _image.slice_base, _pixels.size_c, _pixels.size_z,
                _pixels.size_t, _pixels.rgb,
            )
            .select_from(table(Image).outerjoin(table(Pixels), _pixels.image_id == _image.id))
            .where(where)
        )  # fmt: skip

    async def _rows(self, ids: Sequence[int], *, placed: bool) -> dict[int, list[ImageSlice]]:
        """Return the rows of declared images by image, or by placement."""
        if not ids:
            return {}
        above = _slice.placement_id if placed else _slice.image_id
        statement = select(table(ImageSlice)).where(self._catalog.members(above, set(ids)))
        if not placed:
            statement = statement.where(_slice.placement_id.is_(None))
        rows = await self._catalog.rows(
            statement.order_by(_slice.t, _slice.z, _slice.c, _slice.id), settled=("image_slice",)
        )
        gathered: dict[int, list[ImageSlice]] = {}
        for one in records(rows, ImageSlice):
            key = one.placement_id if placed else one.image_id
            gathered.setdefault(key or 0, []).append(one)
        return gathered


def planes_of(pixels: Pixels) -> int:
    """Return how many planes an image of these sizes has; RGB counts as one channel."""
    colors = 1 if pixels.rgb else pixels.size_c or 1
    return colors * (pixels.size_z or 1) * (pixels.size_t or 1)


def _greatest(column: Any, id: int) -> Any:
    return (
        select(func.max(column)).where(column <= id).correlate(None).scalar_subquery()
    )  # fmt: skip


def _declared(row: Any) -> bool:
    return row is not None and row.state == ImageState.DECLARED.value


def _stack(
    row: Any, placement_id: int | None, base: int | None, slices: Iterable[ImageSlice]
) -> Stack:
    declared = _declared(row)
    return Stack(
        image_id=row.id,
        placement_id=placement_id,
        channels=1 if row.rgb else row.size_c or 1,
        depth=row.size_z or 1,
        duration=row.size_t or 1,
        declared=declared,
        base=None if declared else base,
        image_base=None if declared else row.slice_base,
        rows=tuple(slices),
    )
