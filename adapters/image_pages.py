"""Lists of images by offset, wherever they lie: with their sizes, of a file, or of no project.

Images that are being written are left out; declared ones are there. A blind project is the only way
to some images: their names are then kept from the actor, as in the project itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, case, exists, or_, select

from adapters.placement_fields import Column, Narrowing, condition, hides_names, sorting
from adapters.placements import Part
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Placement, PlacementState, Project
from store.tables.images import Image, ImageState, Pixels
from store.tables.records import records
from store.tables.screens import WellSample

_image, _pixels, _placement = cols(Image), cols(Pixels), cols(Placement)
_link, _dataset, _field = cols(DatasetImage), cols(Dataset), cols(WellSample)


@dataclass(frozen=True, slots=True)
class Pictured:
    """An image with its pixels; `nameless` if its name is kept from the actor."""

    image: Image
    pixels: Any
    nameless: bool = False


@dataclass(frozen=True, slots=True)
class Which:
    """What a list is narrowed to; None narrows nothing. `unused`: in no container at all."""

    file_id: int | None = None
    unused: bool = False
    tests: Sequence[Narrowing] = ()


class ImagePages:
    """Verbs that list images."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, id: int) -> Pictured:
        """Return an image. Raises NotFound."""
        found = await self.by_ids([id])
        if not found:
            raise NotFound("image", id)
        return found[0]

    async def by_ids(self, ids: Sequence[int]) -> list[Pictured]:
        """Return those of these images that the actor sees, in their order. Two statements."""
        statement = self._all().where(self._catalog.members(_image.id, set(ids)))
        found = {one.image.id: one for one in await self._read(statement)}
        return [found[id] for id in dict.fromkeys(ids) if id in found]

    async def page(
        self,
        which: Which,
        *,
        sort: str | None = None,
        descending: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[Pictured]:
        """Return images, the newest first unless told. Two statements."""
        chosen = FIELDS.get(sort or "", FIELDS["created_at"])()
        statement = self._narrowed(which).order_by(
            *sorting(chosen, _image.id, descending=descending)
        )
        if limit is not None or offset:
            # SQLite knows no OFFSET alone.
            statement = statement.limit(2**53 if limit is None else limit).offset(offset)
        return await self._read(statement)

    async def count(self, which: Which) -> int:
        """Count what `page` goes through. One statement."""
        return await self._catalog.count(self._narrowed(which), settled=("pixels",))

    async def inside(self, project_id: int, image_ids: Sequence[int]) -> set[int]:
        """Return those of these images that lie in a project. One statement."""
        rows = await self._catalog.rows(
            select(_placement.image_id).where(
                _placement.project_id == project_id,
                self._catalog.members(_placement.image_id, set(image_ids)),
            )
        )
        return {row.image_id for row in rows}

    def _all(self) -> Select[Any]:
        return (
            select(*table(Image).c, *(_pixels[name].label(f"pixels_{name}") for name in _PIXELS))
            .select_from(table(Image).outerjoin(table(Pixels), _pixels.image_id == _image.id))
            .where(_image.state != ImageState.IMPORTING.value)
        )

    def _narrowed(self, which: Which) -> Select[Any]:
        statement = self._all()
        if which.file_id is not None:
            statement = statement.where(_image.file_id == which.file_id)
        if which.unused:
            statement = statement.where(~or_(*_held()))
        for test in which.tests:
            if test.field not in FIELDS:
                raise Invalid(f"{test.field}[{test.op}]", "there is no such field to filter by.")
            statement = statement.where(condition(FIELDS[test.field](), test))
        return statement

    async def _read(self, statement: Select[Any]) -> list[Pictured]:
        rows = await self._catalog.rows(statement, settled=("pixels",))
        width = len(table(Image).c)
        images = records([row[:width] for row in rows], Image)
        hidden = await self._nameless(images)
        return [
            Pictured(
                image, Part(dict(zip(_PIXELS, row[width:], strict=True))), image.id in hidden
            )
            for image, row in zip(images, rows, strict=True)
        ]  # fmt: skip

    async def _nameless(self, images: Sequence[Image]) -> set[int]:
        """Return the images that the actor reaches only through projects that hide names.

        One statement, and none for those whom their groups let read.
        """
        actor = self._catalog.actor
        doubtful = {
            one.id
            for one in images
            if not actor.can_owned(one) and one.id not in actor.grants and not actor.sees_all
        }
        if not doubtful:
            return set()
        rows = await self._catalog.rows(
            select(_placement.image_id, *table(Project).c)
            .join(table(Project), cols(Project).id == _placement.project_id)
            .where(self._catalog.members(_placement.image_id, doubtful))
        )
        hiding: dict[int, list[bool]] = {}
        for row, project in zip(rows, records([row[1:] for row in rows], Project), strict=True):
            hiding.setdefault(row[0], []).append(hides_names(actor, project))
        return {id for id, ways in hiding.items() if all(ways)}


_PIXELS = ("size_t", "size_c", "size_z", "size_y", "size_x", "dtype", "rgb", "physical_size_x",
           "physical_size_y", "physical_size_z", "store_key")  # fmt: skip


def _number(column: Any) -> Callable[[], Column]:
    return lambda: Column("number", column)


FIELDS: Mapping[str, Callable[[], Column]] = {
    "id": _number(_image.id),
    "created_at": _number(_image.created_at),
    "updated_at": _number(_image.updated_at),
    "image_name": lambda: Column("text", _image.name, _image.name_key),
    "file_id": _number(_image.file_id),
    "added_by": _number(_image.owner_id),
    "fps": _number(_image.fps),
    "magnification": _number(_image.magnification),
    "channels": _number(case((_pixels.rgb, 1), else_=_pixels.size_c)),
    "samples": _number(case((_pixels.rgb, 3), else_=1)),
    **{name: _number(_pixels[name]) for name in _PIXELS if name.startswith(("size", "physical"))},
}


def _held() -> list[Any]:
    """Return the tests that something live holds an image."""
    project = cols(Project)
    return [
        exists(
            select(_placement.id)
            .join(table(Project), project.id == _placement.project_id)
            .where(
                _placement.image_id == _image.id,
                _placement.state == PlacementState.LIVE.value,
                project.trashed_by.is_(None),
            )
            .correlate(table(Image))
        ),
        exists(
            select(_link.id)
            .join(table(Dataset), _dataset.id == _link.dataset_id)
            .where(
                and_(
                    _link.image_id == _image.id,
                    _link.trashed_by.is_(None),
                    _dataset.trashed_by.is_(None),
                )
            )
            .correlate(table(Image))
        ),
        exists(
            select(_field.id)
            .where(_field.image_id == _image.id, _field.trashed_by.is_(None))
            .correlate(table(Image))
        ),
    ]
