"""What the database says should exist: stored pixels and files, labels, running jobs.

For upkeep by the hub itself (doctor, backup): rows in the trash count too, since they can come back
until they are purged.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from sqlalchemy import literal, select
from sqlmodel import SQLModel

from store.access.labels import Mislabelled, mislabelled
from store.access.visible import LABELLED
from store.clock import now_ms
from store.engine import Database
from store.statement import cols, table
from store.tables.files import StoredFile
from store.tables.images import Image, LabelSet, Pixels
from store.tables.jobs import Job
from store.tables.results import WorkspaceObject

_BATCH = 2000
_pixels, _image, _labels = cols(Pixels), cols(Image), cols(LabelSet)
_file, _job, _object = cols(StoredFile), cols(Job), cols(WorkspaceObject)


@dataclass(frozen=True, slots=True)
class Stored:
    """Something whose samples lie in the pixel store under a key."""

    noun: str
    id: int | str
    name: str
    store_key: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A file whose bytes lie in the file store under their hash."""

    id: int
    name: str
    size: int
    sha256: str


class Inventory:
    """Reads what a database names; changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stored(self) -> list[Stored]:
        """Return everything with samples: images, label sets, objects of workspaces."""
        statements = (
            select(literal("image"), _pixels.image_id, _image.name, _pixels.store_key)
            .join(table(Image), _image.id == _pixels.image_id)
            .where(_pixels.store_key.is_not(None))
            .order_by(_pixels.image_id),
            select(literal("label set"), _labels.id, _labels.name, _labels.store_key).order_by(
                _labels.id
            ),
            select(literal("workspace object"), _object.key, _object.class_, _object.store_key)
            .where(_object.store_key.is_not(None))
            .order_by(_object.key),
        )
        found: list[Stored] = []
        async with self._database.reading() as connection:
            for statement in statements:
                found += [Stored(*row) for row in await connection.execute(statement)]
        return found

    async def kept(self) -> list[Kept]:
        """Return every stored file that has bytes."""
        statement = (
            select(_file.id, _file.name, _file.size, _file.sha256)
            .where(_file.sha256.is_not(None))
            .order_by(_file.id)
        )
        async with self._database.reading() as connection:
            return [Kept(*row) for row in await connection.execute(statement)]

    async def names(self, sha256: str) -> bool:
        """Tell whether any row names these bytes."""
        async with self._database.reading() as connection:
            found = await connection.scalar(select(_file.id).where(_file.sha256 == sha256).limit(1))
            return found is not None

    async def mislabelled(self) -> AsyncIterator[tuple[str, Mislabelled]]:
        """Yield noun and row of each access label that is not what the slow rule gives."""
        for word, noun in LABELLED.items():
            after = 0
            while ids := await self._ids(noun, after):
                after = ids[-1]
                for row in await self._differing(noun, set(ids)):
                    yield word, row

    async def _ids(self, noun: type[SQLModel], after: int) -> Sequence[int]:
        row = cols(noun)
        statement = select(row.id).where(row.id > after, row.trashed_by.is_(None))
        async with self._database.reading() as connection:
            found = await connection.scalars(statement.order_by(row.id).limit(_BATCH))
            return list(found)

    async def _differing(self, noun: type[SQLModel], ids: set[int]) -> list[Mislabelled]:
        """Look twice: a unit of work may commit between two of the statements of one look."""
        for _ in range(2):
            async with self._database.reading() as connection:
                rows = await mislabelled(self._database, connection, noun, ids)
            if not rows:
                return []
            ids = {row.id for row in rows}
        return rows

    async def lost_jobs(self, *, alone: bool = False) -> list[int]:
        """Return running jobs that no worker holds: the lease ran out, or nobody is there."""
        statement = select(_job.id).where(_job.state == "running").order_by(_job.id)
        if not alone:
            statement = statement.where(_job.lease_until < now_ms())
        async with self._database.reading() as connection:
            return list(await connection.scalars(statement))
