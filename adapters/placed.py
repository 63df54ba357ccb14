"""Images in projects by what clients name them with: a placement, a plane of one, or a pair.

Planes are no rows: a placement has a run of ids, of which the plane of rank r has the r-th; images
that were only declared have rows for theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols, table
from store.tables.containers import Placement
from store.tables.images import Image, ImageSlice, Pixels

_placement, _image, _pixels = cols(Placement), cols(Image), cols(Pixels)
_slice = cols(ImageSlice)


@dataclass(frozen=True, slots=True)
class Spot:
    """An image in a project, with what is needed to write about it; heights in pixels."""

    id: int
    project_id: int
    image_id: int
    name: str
    slice_base: int | None
    height: int | None

    def slice_id(self, rank: int | None) -> int | None:
        """Return the id of a plane here; unknown ranks mean the first."""
        return None if self.slice_base is None else self.slice_base + (rank or 0)


class Placed:
    """Look-ups of placements."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, placement_id: int) -> Spot:
        """Return an image in a project. Raises NotFound."""
        found = await self._spots(_placement.id == placement_id)
        if not found:
            raise NotFound("image instance", placement_id)
        return found[0]

    async def of_slice(self, slice_id: int) -> tuple[Spot, int]:
        """Return the image in a project that a plane belongs to, and the plane's rank there.

        Raises NotFound for an id that is no plane of a placement one sees.
        """
        rows = await self._catalog.rows(
            select(_placement.id, _placement.slice_base, _image.slice_count)
            .join(table(Image), _image.id == _placement.image_id)
            .where(_placement.slice_base <= slice_id)
            .order_by(_placement.slice_base.desc())
            .limit(1)
        )
        for row in rows:
            rank = slice_id - row.slice_base
            if rank < (row.slice_count or 0):
                return await self.get(row.id), rank
        declared = await self._catalog.all(
            ImageSlice, self._catalog.select(ImageSlice).where(_slice.id == slice_id)
        )
        if declared and declared[0].placement_id is not None:
            return await self.get(declared[0].placement_id), 0
        raise NotFound("slice instance", slice_id)

    async def pairs(self, pairs: Iterable[tuple[int | None, int | None]]) -> dict[Any, Spot]:
        """Return the placements of pairs of project and image, by pair. One statement."""
        wanted = {pair for pair in pairs if None not in pair}
        if not wanted:
            return {}
        projects = [project for project, _ in wanted if project is not None]
        images = [image for _, image in wanted if image is not None]
        found = await self._spots(
            self._catalog.members(_placement.project_id, set(projects)),
            self._catalog.members(_placement.image_id, set(images)),
        )
        return {(one.project_id, one.image_id): one for one in found}

    async def _spots(self, *where: Any) -> Sequence[Spot]:
        rows = await self._catalog.rows(
            select(
                _placement.id, _placement.project_id, _placement.image_id, _image.name,
                _placement.slice_base, _pixels.size_y,
            )
            .select_from(
                table(Placement)
                .join(table(Image), _image.id == _placement.image_id)
                .outerjoin(table(Pixels), _pixels.image_id == _image.id)
            )
            .where(*where)
        )  # fmt: skip
        return [Spot(*row) for row in rows]
