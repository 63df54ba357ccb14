"""How much space images and files take, by person and by group, and how much is left.

Every number counts what the actor may see, so a plain user finds their own things, and of their
groups as much as the groups show; administrators find everything. What lies in the trash is left
out, although it takes space until it is purged. Files are charged to every row that names them;
`kept` counts bytes that several rows share only once, as the disk does.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import case, func, select

from adapters.infrastructure import Infrastructure
from store.catalog import Catalog
from store.errors import Unauthenticated
from store.statement import cols, table
from store.tables.annotations import Annotation
from store.tables.files import StoredFile
from store.tables.images import Image, Pixels

_image, _pixels, _file, _annotation = cols(Image), cols(Pixels), cols(StoredFile), cols(Annotation)


@dataclass(frozen=True, slots=True)
class Use:
    """Counts, and bytes: samples of images, files as they were uploaded, and files attached."""

    images: int = 0
    pixels: int = 0
    files: int = 0
    originals: int = 0
    attachments: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(
            self.images + other.images,
            self.pixels + other.pixels,
            self.files + other.files,
            self.originals + other.originals,
            self.attachments + other.attachments,
        )

    @property
    def bytes(self) -> int:
        """All bytes together."""
        return self.pixels + self.originals + self.attachments


@dataclass(frozen=True, slots=True)
class Held:
    """What one person has in one group."""

    owner_id: int
    group_id: int
    use: Use


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk that the data folder lies on, in bytes; others may use it as well."""

    size: int
    used: int
    free: int


class Space:
    """Questions about space."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    async def used(self, *, user_id: int | None = None, group_id: int | None = None) -> list[Held]:
        """Return what each person has in each group, or those asked for. Two statements.

        Raises Unauthenticated unless somebody is signed in.
        """
        self._require_account()
        found: dict[tuple[int, int], Use] = {}
        for owner, group, images, size in await self._catalog.rows(self._images(user_id, group_id)):
            found[owner, group] = Use(images=images, pixels=int(size or 0))
        for owner, group, files, size, attached in await self._catalog.rows(
            self._files(user_id, group_id)
        ):
            held = Use(
                files=files,
                originals=int(size or 0) - int(attached or 0),
                attachments=int(attached or 0),
            )
            found[owner, group] = found.get((owner, group), Use()) + held
        return [Held(owner, group, use) for (owner, group), use in sorted(found.items())]

    def _images(self, user_id: int | None, group_id: int | None) -> Any:
        # The image settles who may see its pixels: a subquery carries no rule of its own.
        sized = select(_pixels.image_id, _pixels.bytes).subquery()
        statement = (
            select(_image.owner_id, _image.group_id, func.count(), func.sum(sized.c.bytes))
            .select_from(table(Image).outerjoin(sized, sized.c.image_id == _image.id))
            .group_by(_image.owner_id, _image.group_id)
        )
        return _of(statement, _image, user_id, group_id)

    def _files(self, user_id: int | None, group_id: int | None) -> Any:
        attached = select(_annotation.file_id).where(_annotation.file_id.is_not(None))
        statement = select(
            _file.owner_id,
            _file.group_id,
            func.count(),
            func.sum(_file.size),
            func.sum(case((_file.id.in_(attached), _file.size), else_=0)),
        ).group_by(_file.owner_id, _file.group_id)
        return _of(statement, _file, user_id, group_id)

    async def kept(self) -> int:
        """Return the bytes of all files the actor may see, equal ones once. One statement."""
        self._require_account()
        blobs = (
            select(_file.sha256, func.max(_file.size).label("size"))
            .where(_file.sha256.is_not(None), _file.id.in_(self._catalog.visible_ids(StoredFile)))
            .group_by(_file.sha256)
            .subquery()
        )
        (row,) = await self._catalog.rows(select(func.sum(blobs.c.size)))
        return int(row[0] or 0)

    async def disk(self) -> Disk:
        """Return the space on the disk of the data folder. Raises Unauthenticated."""
        self._require_account()
        found = await self._infrastructure.run(
            shutil.disk_usage, self._infrastructure.settings.data
        )
        return Disk(found.total, found.used, found.free)

    def _require_account(self) -> None:
        if not self._catalog.actor.signed_in:
            raise Unauthenticated


def by_user(shares: Iterable[Held]) -> list[tuple[int, Use]]:
    """Add up what each person has, the greatest first."""
    return _summed((one.owner_id, one.use) for one in shares)


def by_group(shares: Iterable[Held]) -> list[tuple[int, Use]]:
    """Add up what lies in each group, the greatest first."""
    return _summed((one.group_id, one.use) for one in shares)


def total(shares: Sequence[Held]) -> Use:
    """Add up everything."""
    return sum((one.use for one in shares), Use())


def _summed(pairs: Iterable[tuple[int, Use]]) -> list[tuple[int, Use]]:
    sums: dict[int, Use] = {}
    for id, use in pairs:
        sums[id] = sums.get(id, Use()) + use
    return sorted(sums.items(), key=lambda pair: (-pair[1].bytes, pair[0]))


def _of(statement: Any, columns: Any, user_id: int | None, group_id: int | None) -> Any:
    if user_id is not None:
        statement = statement.where(columns.owner_id == user_id)
    if group_id is not None:
        statement = statement.where(columns.group_id == group_id)
    return statement
