"""Files that jobs keep beside their results, whoever sees the job."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence

from adapters.containers import checked_name
from adapters.files import PLAIN, forget, storage_of
from adapters.infrastructure import Infrastructure
from store.access.capabilities import Can
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.files import Stream
from store.pixels.base import StoredBytes
from store.statement import cols
from store.tables.files import StoredFile
from store.tables.jobs import Job, JobData
from store.unit import Unit

_data, _file = cols(JobData), cols(StoredFile)
KEY_LENGTH = 255


class JobFiles:
    """Verbs on the files of jobs."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    async def all(self) -> Sequence[JobData]:
        """Return the files of all jobs that the actor sees, oldest first."""
        return await self._catalog.all(JobData, self._catalog.select(JobData).order_by(_data.id))

    async def of_jobs(self, job_ids: Sequence[int]) -> dict[int, list[JobData]]:
        """Return the files of each job. One statement."""
        found = await self._catalog.grouped(JobData, "job_id", job_ids)
        return dict(zip(job_ids, found, strict=True))

    async def get(self, id: int) -> JobData:
        """Return one. Raises NotFound."""
        return await self._catalog.one(JobData, id)

    async def many(self, ids: Sequence[int]) -> dict[int, JobData]:
        """Return the visible ones of these. One statement."""
        found = await self._catalog.by_ids(JobData, ids) if ids else []
        return {row.id: row for row in found if row is not None}

    async def files(self, rows: Sequence[JobData]) -> dict[int, StoredFile]:
        """Return the stored file of each of these that has one. One statement.

        Whoever sees the job sees its files, in whose storage they may lie.
        """
        ids = {row.file_id for row in rows if row.file_id is not None}
        if not ids:
            return {}
        everything = Catalog(self._catalog.database, Actor.system())
        known = {
            file.id: file
            for file in await everything.all(
                StoredFile, everything.select(StoredFile).where(everything.members(_file.id, ids))
            )
        }
        return {row.id: known[row.file_id] for row in rows if row.file_id in known}

    async def add(self, items: Sequence[tuple[int, str, str]]) -> list[JobData]:
        """Announce files of jobs by job, key and name; their bytes come by `keep`."""
        checked = [(job, _checked_key(key), checked_name(name)) for job, key, name in items]

        async def work(unit: Unit) -> list[JobData]:
            made = []
            for job_id, key, name in checked:
                job = await unit.one(Job, job_id, can=Can.EDIT)
                unit.journal.summary = f"add {name} to job {job.id}"
                made.append(
                    await unit.add(JobData(job_id=job_id, key=key, filename=name), tell=False)
                )
            return made

        return await self._catalog.write("add_job_data", work)

    async def change(self, id: int, *, key: str, filename: str) -> JobData:
        """Give a file another key or name."""
        word, name = _checked_key(key), checked_name(filename)

        async def work(unit: Unit) -> JobData:
            unit.journal.summary = f"rename job data {id}"
            return await unit.change(JobData, id, key=word, filename=name)

        return await self._catalog.write("change_job_data", work)

    async def remove(self, id: int) -> JobData:
        """Put a file of a job into the trash; return it."""

        async def work(unit: Unit) -> JobData:
            seen = await unit.one(JobData, id)
            unit.journal.summary = f"delete {seen.filename} of job {seen.job_id}"
            await unit.trash(JobData, [id])
            return seen

        return await self._catalog.write("delete_job_data", work)

    async def keep(self, id: int, source: Stream | Iterable[bytes]) -> JobData:
        """Keep the bytes of a file; those it had before go to the trash.

        Raises TooLarge beyond the upload limit, Forbidden for who may not change the job.
        """
        seen = await self.get(id)
        await self._catalog.one(Job, seen.job_id, can=Can.EDIT)
        limit = self._infrastructure.settings.upload_limit
        blob = await self._infrastructure.run_long(
            self._infrastructure.files.receive, source, limit
        )

        async def work(unit: Unit) -> JobData:
            row = await unit.one(JobData, id)
            unit.journal.summary = f"upload {row.filename} of job {row.job_id}"
            job = await unit.one(Job, row.job_id)
            made = await unit.add(
                StoredFile(
                    storage_id=await storage_of(unit), name=row.filename, size=blob.size,
                    media_type=mimetypes.guess_type(row.filename)[0] or PLAIN,
                    sha256=blob.sha256, owner_id=unit.actor.author_id, group_id=job.group_id,
                )
            )  # fmt: skip
            if row.file_id is not None:
                await unit.stamp(StoredFile, [row.file_id])
            return await unit.change(JobData, id, file_id=made.id)

        try:
            return await self._catalog.write("upload_job_data", work)
        except Exception:
            await forget(self._infrastructure, blob.sha256)
            raise

    async def located(self, id: int) -> tuple[JobData, StoredFile, StoredBytes]:
        """Return a file and where its bytes lie. Raises NotFound before they were uploaded."""
        row = await self.get(id)
        file = (await self.files([row])).get(id)
        if file is None or not self._infrastructure.files.exists(file.sha256 or ""):
            raise NotFound("the bytes of job data", id)
        path = self._infrastructure.files.path(file.sha256 or "")
        return row, file, StoredBytes(file.size, path, etag=file.sha256 or "")


def _checked_key(key: str) -> str:
    cleaned = key.strip()
    if not 0 < len(cleaned) <= KEY_LENGTH or not cleaned.isprintable():
        raise Invalid("key", f"takes 1 to {KEY_LENGTH} printable characters.")
    return cleaned
