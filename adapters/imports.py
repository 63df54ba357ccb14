"""Import: a file becomes images, all of them or none.

The original is kept under its hash; samples stream into a fresh folder; one transaction then names
everything. An error, a cancel or a crash at any instant leaves no row, and what lies in incoming
folders is found by ``imagehub doctor``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.containers import checked_name, inside
from adapters.files import forget, storage_of
from adapters.formats.base import Axis, ImageSource, open_file
from adapters.formats.combine import combine_channels
from adapters.images import Images, NewImage
from adapters.infrastructure import Infrastructure
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Invalid
from store.files import StoredBlob
from store.pixels.base import Progress, Written
from store.statement import cols, table
from store.tables.containers import Dataset
from store.tables.files import FileStatus, ImageFile, StoredFile
from store.tables.images import Image
from store.unit import Unit

COMMONS = 3  # the group of people who chose none
Report = Callable[[Progress], None]


class Cancelled(Exception):  # it is asked for, not a failure
    """The import was asked to stop; nothing of it remains."""


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How files become images.

    channels: the files are one channel each of one image.
    unnamed_axis: what an axis is that a file does not name: t, c or z.
    again: import a file even if the dataset has it already.
    name: name of the one image; default: the file's.
    storage_id: where the originals lie; default: the importer's own storage.
    file_id: the stored file that the one original is kept as already.
    """

    dataset_id: int | None = None
    group_id: int | None = None
    channels: bool = False
    unnamed_axis: Axis = "z"
    again: bool = False
    name: str | None = None
    storage_id: int | None = None
    file_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Original:
    path: Path
    blob: StoredBlob | None
    name: str


class Imports:
    """Verbs that bring files in."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog, images: Images) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._images = images

    async def files(
        self,
        paths: Sequence[Path],
        options: ImportOptions,
        *,
        report: Report = lambda progress: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Image]:
        """Import one file, or with ``options.channels`` several as channels of one image.

        Returns the images made. Raises Invalid, Unsupported or TooLarge for a file that cannot be
        read, Conflict for one the dataset has already, NotFound or Forbidden for the dataset.
        """
        gone = threading.Event()
        work = self._files(paths, options, report, lambda: gone.is_set() or cancelled())
        try:
            # Kept to its end: what it began it also clears away, or publishes.
            return await self._catalog.database.keep(work)
        except asyncio.CancelledError:
            gone.set()
            raise

    async def _files(
        self,
        paths: Sequence[Path],
        options: ImportOptions,
        report: Report,
        cancelled: Callable[[], bool],
    ) -> list[Image]:
        if not paths:
            raise Invalid("paths", "name at least one file.")
        if options.dataset_id is not None:
            await self._catalog.one(Dataset, options.dataset_id, can=Can.EDIT)
        run = self._infrastructure.run_long
        sources = await run(self._open, list(paths), options)
        originals = [await run(self._keep, path) for path in paths]
        try:
            if not options.again:
                await self._refuse_known(originals, options)
            written = await run(self._write_all, sources, report, cancelled)
        except BaseException:
            await self._forget(originals)
            raise
        try:
            return await self._publish(sources, written, originals, options)
        except BaseException:
            for one in written:
                await run(self._infrastructure.pixels.delete, one.store_key)
            await self._forget(originals)
            raise

    def _open(self, paths: list[Path], options: ImportOptions) -> list[ImageSource]:
        opened = [
            open_file(path, name=path.name, unnamed_axis=options.unnamed_axis) for path in paths
        ]
        if options.channels and len(paths) > 1:
            singles = []
            for path, found in zip(paths, opened, strict=True):
                if len(found) != 1:
                    raise Invalid("channels", f"{path.name} holds {len(found)} images, not one.")
                singles.append(found[0])
            return [combine_channels(singles)]
        if len(paths) > 1:
            raise Invalid("paths", "several files at once are taken only as channels of one image.")
        return list(opened[0])

    def _keep(self, path: Path) -> _Original:
        if path.is_dir():
            return _Original(path, None, path.name)
        return _Original(path, self._infrastructure.files.adopt(path), path.name)

    async def _refuse_known(self, originals: list[_Original], options: ImportOptions) -> None:
        hashes = [one.blob.sha256 for one in originals if one.blob is not None]
        if not hashes or options.dataset_id is None:
            return
        image, file = cols(Image), cols(StoredFile)
        statement = (
            self._catalog.select(Image)
            .with_only_columns(image.id, image.name, file.sha256)
            .join(table(StoredFile), file.id == image.file_id)
            .where(file.sha256.in_(hashes), inside(Dataset, options.dataset_id))
        )
        known = await self._catalog.rows(statement)
        if known:
            raise Conflict(
                f"This file is in dataset {options.dataset_id} already, as image {known[0].id} "
                f"({known[0].name}); import it again on purpose if you want it twice.",
                image=known[0].id,
            )

    def _write_all(
        self, sources: list[ImageSource], report: Report, cancelled: Callable[[], bool]
    ) -> list[Written]:
        total = sum(_samples(source) for source in sources)
        done = 0
        written: list[Written] = []
        try:
            for source in sources:
                written.append(self._write(source, done, total, report, cancelled))
                done += _samples(source)
        except BaseException:
            for one in written:
                self._infrastructure.pixels.delete(one.store_key)
            raise
        return written

    def _write(
        self,
        source: ImageSource,
        before: int,
        total: int,
        report: Report,
        cancelled: Callable[[], bool],
    ) -> Written:
        description = source.description.for_store(source.name)
        writer = self._infrastructure.pixels.create(source.layout, description)
        done = before
        try:
            for block in source.blocks():
                _heed(cancelled)
                writer.write(block.samples, t=block.t, c=block.c, z=block.z, y=block.y, x=block.x)
                done += block.samples.size
                report(Progress(done, total, source.name))
            return writer.finish()
        except BaseException:
            writer.discard()
            raise

    async def _publish(
        self,
        sources: list[ImageSource],
        written: list[Written],
        originals: list[_Original],
        options: ImportOptions,
    ) -> list[Image]:
        async def work(unit: Unit) -> list[Image]:
            for original in originals:
                await self._require_blob(original)
            files = await self._store_files(unit, originals, options)
            datasets = [] if options.dataset_id is None else [options.dataset_id]
            made = []
            for source, pixels in zip(sources, written, strict=True):
                name = options.name if options.name and len(sources) == 1 else source.name
                image = await self._images.publish(
                    unit,
                    NewImage(
                        name=_name(name),
                        written=pixels,
                        layout=source.layout,
                        metadata=source.description,
                        group_id=options.group_id,
                        format=source.format,
                        series=source.series,
                        file_id=files[0] if files else None,
                        dataset_ids=datasets,
                    ),
                )
                for position, file_id in enumerate(files):
                    await unit.add(
                        ImageFile(
                            image_id=image.id,
                            file_id=file_id,
                            role="original",
                            name=originals[position].name,
                        ),
                        tell=False,
                    )
                unit.tell("imported", Image, image)
                made.append(image)
            unit.journal.summary = f"import {', '.join(one.name for one in originals)}"
            return made

        return await self._catalog.write("import_images", work)

    async def _require_blob(self, original: _Original) -> None:
        """Keep the original again if a failed import of the same bytes took it away."""
        files, blob = self._infrastructure.files, original.blob
        if blob is not None and not await self._infrastructure.run(files.exists, blob.sha256):
            kept = await self._infrastructure.run(files.adopt, original.path)
            if kept.sha256 != blob.sha256:
                raise Conflict(f"{original.name} changed while it was imported; try again.")

    async def _store_files(
        self, unit: Unit, originals: list[_Original], options: ImportOptions
    ) -> list[int]:
        if options.file_id is not None:
            return [(await unit.one(StoredFile, options.file_id, can=Can.EDIT)).id]
        storage = options.storage_id
        if storage is None:
            storage = await storage_of(unit)
        group = options.group_id
        if group is None and options.dataset_id is not None:
            group = (await unit.one(Dataset, options.dataset_id)).group_id
        if group is None:
            group = unit.actor.default_group or COMMONS
        ids: list[int] = []
        for original in originals:
            if original.blob is None:
                continue
            stored = await unit.add(
                StoredFile(
                    storage_id=storage,
                    name=original.name,
                    media_type="application/octet-stream",
                    size=original.blob.size,
                    sha256=original.blob.sha256,
                    owner_id=unit.actor.author_id,
                    group_id=group,
                    parent_id=ids[0] if ids else None,
                    status=int(FileStatus.DEPLOYED),
                ),
                tell=False,
            )
            ids.append(stored.id)
        return ids

    async def _forget(self, originals: list[_Original]) -> None:
        """Remove blobs that came with a failed import and that no row names."""
        for original in originals:
            if original.blob is not None:
                with contextlib.suppress(OSError):
                    await forget(self._infrastructure, original.blob.sha256)


def _heed(cancelled: Callable[[], bool]) -> None:
    if cancelled():
        raise Cancelled


def _samples(source: ImageSource) -> int:
    t, c, z, y, x = source.layout.shape
    return t * c * z * y * x


def _name(text: str) -> str:
    """Return a name the hub keeps: control characters become blanks, length is cut."""
    cleaned = "".join(" " if ord(one) < 32 or ord(one) == 127 else one for one in text)
    return checked_name(cleaned[:255] or "image")
