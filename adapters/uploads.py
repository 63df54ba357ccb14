"""Uploads: a file that is sent becomes images in a storage, placed in projects, with properties.

While its sender waits, an upload leaves everything or nothing. Otherwise the file is kept at once
and its row tells how far it has come; what cannot be read stays there with the code of its failure.
Images go into the group of their projects.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import update

from adapters.containers import checked_name
from adapters.files import PLAIN, forget
from adapters.imports import ImportOptions, Imports
from adapters.infrastructure import Infrastructure
from adapters.placements import Placements
from adapters.properties import NewProperty, Properties
from adapters.storages import require_writable
from store.actor import Actor
from store.catalog import Catalog
from store.disk import disk_errors
from store.errors import Conflict, Forbidden, HubError, Invalid, TooLarge, Unsupported
from store.files import Stream
from store.statement import cols, table
from store.tables.containers import Project, ProjectDataset
from store.tables.files import FileStatus, StoredFile
from store.tables.images import Image
from store.tables.people import COMMONS_GROUP
from store.unit import Unit

_file = cols(StoredFile)


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an upload goes: a storage, projects, and what its images are to bear.

    properties: keys and values; ns: the namespace of the maps they go into.
    """

    storage_id: int
    project_ids: Sequence[int] = ()
    properties: Sequence[tuple[str, str]] = ()
    ns: str = ""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """What an upload came to: the file's row, and by image the ids of its placements."""

    file: StoredFile
    images: dict[int, list[int]] = field(default_factory=dict)


class Uploads:
    """Verbs that take files in."""

    def __init__(
        self,
        infrastructure: Infrastructure,
        catalog: Catalog,
        imports: Imports,
        placements: Placements,
        properties: Properties,
    ) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._imports = imports
        self._placements = placements
        self._properties = properties

    async def now(self, name: str, source: Stream, to: Destination) -> Uploaded:
        """Take a file in and wait for its images.

        Raises Invalid, Unsupported, TooLarge for a file that cannot be read, NotFound or Forbidden
        for storage and projects, Conflict for projects of several groups; nothing is stored then.
        """
        title = checked_name(name)
        group = await self.check(to)
        folder = await self._infrastructure.run_long(self._spool, title, source)
        try:
            options = ImportOptions(storage_id=to.storage_id, group_id=group)
            images = await self._imports.files([folder / title], options)
            placed = await self._finish(images, to)
        finally:
            await self._infrastructure.run_long(shutil.rmtree, folder, True)
        (first, *_) = images
        return Uploaded(await self._catalog.one(StoredFile, first.file_id or 0), placed)

    async def later(self, name: str, source: Stream, to: Destination) -> StoredFile:
        """Keep a file, go on without its sender, and return its row at once. Raises as `now`."""
        title = checked_name(name)
        group = await self.check(to)
        files, limit = self._infrastructure.files, self._infrastructure.settings.upload_limit
        folder = await self._infrastructure.run_long(self._spool, title, source)
        try:
            blob = await self._infrastructure.run_long(files.adopt, folder / title, limit)
            row = await self._noted(title, blob.size, blob.sha256, to.storage_id, group)
        except BaseException:
            await self._infrastructure.run_long(shutil.rmtree, folder, True)
            raise
        self._infrastructure.later(self._go_on(row, folder, to, group))
        return row

    async def check(self, to: Destination) -> int:
        """Return the group images go into. Raises what can be told before the bytes come."""
        for key, value in to.properties:
            if not key.strip() or "\0" in key + value:
                raise Invalid("keys", "a key must not be empty.")
        await require_writable(self._catalog, to.storage_id)
        groups: list[int] = []
        for id in to.project_ids:
            project = await self._catalog.one(Project, id)
            groups.append(project.group_id)

            async def allowed(unit: Unit, id: int = id) -> None:
                if not await unit.judge.may_put_into(ProjectDataset, {"project_id": id}):
                    raise Forbidden("add to", "project", id)

            await self._catalog.rehearse("place_image", allowed)
        actor = self._catalog.actor
        if len(set(groups)) > 1:
            raise Conflict("The projects are of several groups; an image is of one.")
        group = groups[0] if groups else actor.default_group or COMMONS_GROUP
        if group not in actor.groups and not actor.leads(group):
            raise Forbidden("upload to", "group", group, "you are not a member of it.")
        return group

    def _spool(self, name: str, source: Stream) -> Path:
        """Put what is sent into a folder of its own, under its name; return the folder."""
        limit = self._infrastructure.settings.upload_limit
        with disk_errors("the folder for temporary files"):
            folder = Path(tempfile.mkdtemp(prefix="upload-"))
            try:
                with (folder / name).open("xb") as file:
                    while (piece := source.read(1 << 20)) and file.tell() <= limit:
                        file.write(piece)
                    size = file.tell()
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
        if size > limit:
            shutil.rmtree(folder, ignore_errors=True)
            raise TooLarge("The upload", limit, "bytes")
        return folder

    async def _noted(
        self, name: str, size: int, sha256: str, storage_id: int, group: int
    ) -> StoredFile:
        async def work(unit: Unit) -> StoredFile:
            unit.journal.summary = f"upload {name}"
            return await unit.add(
                StoredFile(
                    storage_id=storage_id, name=name, size=size, sha256=sha256, media_type=PLAIN,
                    owner_id=unit.actor.author_id, group_id=group,
                    status=int(FileStatus.UPLOADED),
                )
            )  # fmt: skip

        try:
            return await self._catalog.write("upload_file", work)
        except Exception:
            await forget(self._infrastructure, sha256)
            raise

    async def _go_on(self, row: StoredFile, folder: Path, to: Destination, group: int) -> None:
        """Make images of a kept file; its status tells how that went."""
        failure: FileStatus | None = FileStatus.ERROR_EXTRACTION
        try:
            await self._set(row.id, FileStatus.EXTRACTING_DATA)
            options = ImportOptions(storage_id=to.storage_id, group_id=group, file_id=row.id)
            images = await self._imports.files([folder / row.name], options)
            failure = FileStatus.ERROR_DEPLOYMENT
            await self._finish(images, to)
            await self._set(row.id, FileStatus.DEPLOYED)
            failure = None
        except (Invalid, Unsupported, TooLarge) as _unreadable:
            if failure is FileStatus.ERROR_EXTRACTION:
                failure = FileStatus.ERROR_FORMAT
        except HubError as _refused:
            pass
        finally:
            await asyncio.shield(self._end(row.id, folder, failure))

    async def _end(self, id: int, folder: Path, failure: FileStatus | None) -> None:
        if failure is not None:
            await self._set(id, failure)
        await self._infrastructure.run_long(shutil.rmtree, folder, True)

    async def _set(self, id: int, status: FileStatus) -> None:
        """Tell how far a file has come; no history of its own."""

        async def work(unit: Unit) -> None:
            unit.journal.undoable = False
            await unit.execute(
                update(table(StoredFile)).where(_file.id == id).values(status=int(status))
            )

        system = Catalog(self._catalog.database, Actor.system())
        await system.write("set_upload_status", work)

    async def _finish(self, images: Sequence[Image], to: Destination) -> dict[int, list[int]]:
        """Place images and give them their properties; return the placements by image."""
        placed: dict[int, list[int]] = {}
        for image in images:
            placed[image.id] = [
                (await self._placements.add(image.id, project_id)).row.id
                for project_id in dict.fromkeys(to.project_ids)
            ]
        wanted = [
            NewProperty(("image", image.id), key, value)
            for image in images
            for key, value in dict(to.properties).items()
        ]
        if wanted:
            for answer in await self._properties.add_many(wanted, ns=to.ns):
                if isinstance(answer, HubError):
                    raise answer
        return placed


def pairs_of(keys: Sequence[str], values: Sequence[str]) -> list[tuple[str, str]]:
    """Return keys with their values. Raises Invalid if there are not as many."""
    if len(keys) != len(values):
        raise Invalid("values", f"there are {len(keys)} keys and {len(values)} values.")
    return list(zip(keys, values, strict=True))
