"""Who may have the bytes of a stored file: its owner, and whoever sees what names it.

A file is listed to the members of its storage; its bytes also go to whoever sees an annotation that
carries it, a job that keeps it, or an image it is the original of, unless a project holds the image
that does not let originals be downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select

from adapters.files import Files
from adapters.infrastructure import Infrastructure
from store.catalog import Catalog
from store.errors import Invalid, NotFound, TooLarge
from store.pixels.base import StoredBytes
from store.statement import cols, table
from store.tables.annotations import Annotation
from store.tables.containers import Placement, PlacementState, Project
from store.tables.files import ImageFile, StoredFile
from store.tables.jobs import JobData
from store.tables.records import records

MOST_BYTES = 4 << 20
_file, _annotation, _use = cols(StoredFile), cols(Annotation), cols(ImageFile)
_placement, _project, _data = cols(Placement), cols(Project), cols(JobData)


class FileAccess:
    """Verbs that read stored files."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog, files: Files) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._files = files

    async def many(self, ids: Sequence[int]) -> dict[int, StoredFile]:
        """Return those of these files whose bytes the actor may have; four statements at most."""
        wanted = set(ids)
        found = {
            row.id: row
            for row in await self._catalog.by_ids(StoredFile, sorted(wanted))
            if row is not None
        }
        named = select(*table(StoredFile).c)
        for statement in (
            named.join(table(Annotation), _annotation.file_id == _file.id),
            named.join(table(JobData), _data.file_id == _file.id),
            named.join(table(ImageFile), _use.file_id == _file.id).where(~_withheld()),
        ):
            missing = wanted - found.keys()
            if not missing:
                break
            rows = await self._catalog.rows(
                statement.where(self._catalog.members(_file.id, missing)),
                settled=("stored_file",),
            )
            found |= {row.id: row for row in records(rows, StoredFile)}
        return found

    async def get(self, id: int) -> StoredFile:
        """Return one file. Raises NotFound."""
        found = await self.many([id])
        if id not in found:
            raise NotFound("stored file", id)
        return found[id]

    async def located(self, id: int) -> tuple[StoredFile, StoredBytes]:
        """Return a file and where its bytes lie. Raises NotFound."""
        row = await self.get(id)
        return row, await self._infrastructure.run(self._files.bytes_of, row)

    async def read(self, row: StoredFile, start: int = 0, length: int | None = None) -> bytes:
        """Return bytes of a file that `get` or `many` gave, to its end if no length is told.

        Raises Invalid for a range outside the file, TooLarge beyond 4 MiB.
        """
        if not 0 <= start <= row.size:
            raise Invalid("start", f"{start} was asked for, the file has {row.size} bytes.")
        rest = row.size - start
        if length is not None and length < 0:
            raise Invalid("length", f"must not be negative, found {length}.")
        wanted = rest if length is None else min(length, rest)
        if wanted > MOST_BYTES:
            raise TooLarge(
                f"A range of {wanted:,} bytes for an answer; fetch it from "
                f"/transfers/files/{row.id}. It",
                MOST_BYTES,
                "bytes",
            )

        def read() -> bytes:
            sha256 = row.sha256 or ""
            if not sha256:
                raise NotFound("stored file", row.id)
            pieces = self._infrastructure.files.open_range(sha256, start, start + wanted)
            return b"".join(pieces)

        return await self._infrastructure.run(read)


def _withheld() -> Any:
    """Return the test that a project holds the image and keeps its originals to itself."""
    return exists(
        select(_placement.id)
        .join(table(Project), _project.id == _placement.project_id)
        .where(
            _placement.image_id == _use.image_id,
            _placement.state == PlacementState.LIVE.value,
            _project.downloadable.is_(False),
            _project.trashed_by.is_(None),
        )
    )
