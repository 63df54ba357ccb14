"""Uploaded files: roots with what was made of them, and how far each has come.

Files that only carry an annotation are not listed here. A file goes with the images made from it,
which must lie nowhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select

from adapters.containers import checked_name
from adapters.files import PLAIN
from adapters.storages import require_writable
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Invalid
from store.statement import cols, table
from store.tables.annotations import Annotation
from store.tables.containers import Dataset, DatasetImage, Placement, PlacementState, Project
from store.tables.files import FileStatus, ImageFile, StoredFile
from store.tables.images import Image
from store.tables.people import COMMONS_GROUP
from store.tables.screens import Well, WellSample
from store.unit import Unit

_file, _note, _image, _use = cols(StoredFile), cols(Annotation), cols(Image), cols(ImageFile)
_placement, _link, _field = cols(Placement), cols(DatasetImage), cols(WellSample)
_project, _dataset, _well = cols(Project), cols(Dataset), cols(Well)
STATUSES = frozenset(FileStatus)
FIELDS = ("name", "media_type", "size", "status", "parent_id", "storage_id")


class UploadedFiles:
    """Verbs on uploaded files."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(
        self, *, parent_id: int | None = None, root_id: int | None = None, roots: bool = False
    ) -> Sequence[StoredFile]:
        """Return the uploads that the actor sees, the newest first.

        `parent_id` narrows to what was made of one, `root_id` to one with what was made of it,
        `roots` to those made of nothing else.
        """
        statement = self._catalog.select(StoredFile).where(
            ~exists(select(_note.id).where(_note.file_id == _file.id))
        )
        if parent_id is not None:
            statement = statement.where(_file.parent_id == parent_id)
        if root_id is not None:
            statement = statement.where((_file.id == root_id) | (_file.parent_id == root_id))
        if roots:
            statement = statement.where(_file.parent_id.is_(None))
        return await self._catalog.all(StoredFile, statement.order_by(_file.id.desc()))

    async def get(self, id: int) -> StoredFile:
        """Return an uploaded file. Raises NotFound."""
        return await self._catalog.one(StoredFile, id)

    async def images_of(self, ids: Sequence[int]) -> dict[int, list[int]]:
        """Return the ids of the visible images made from each file, in one statement."""
        found: dict[int, list[int]] = {id: [] for id in ids}
        for row in await self._catalog.rows(
            select(_image.id, _image.file_id)
            .where(self._catalog.members(_image.file_id, set(ids)))
            .order_by(_image.id)
        ):
            found[row.file_id].append(row.id)
        return found

    async def create(
        self,
        name: str,
        storage_id: int,
        *,
        parent_id: int | None = None,
        media_type: str | None = None,
        size: int = 0,
        status: int = FileStatus.UPLOADED,
    ) -> StoredFile:
        """Note a file without bytes. Raises Invalid, NotFound, Forbidden."""
        title = checked_name(name)
        _require_sound(size, status)
        storage = await require_writable(self._catalog, storage_id)

        async def work(unit: Unit) -> StoredFile:
            unit.journal.summary = f"note uploaded file {title}"
            if parent_id is not None:
                await unit.one(StoredFile, parent_id)
            return await unit.add(
                StoredFile(
                    storage_id=storage.id, parent_id=parent_id, name=title, size=size,
                    media_type=media_type or PLAIN, status=int(status),
                    owner_id=unit.actor.author_id,
                    group_id=unit.actor.default_group or COMMONS_GROUP,
                )
            )  # fmt: skip

        return await self._catalog.write("create_uploaded_file", work)

    async def change(self, id: int, **after: Any) -> StoredFile:
        """Change name, type, size, status, parent or storage; the size of kept bytes stays.

        Raises NotFound, Forbidden, Invalid.
        """
        for name in after:
            if name not in FIELDS:
                raise Invalid(name, "an uploaded file has no such field to set.")
        seen = await self.get(id)
        fresh = {name: value for name, value in after.items() if getattr(seen, name) != value}
        if seen.sha256 is not None:
            fresh.pop("size", None)
        if "name" in fresh:
            fresh["name"] = checked_name(fresh["name"])
        _require_sound(fresh.get("size", 0), fresh.get("status", 0))
        if "storage_id" in fresh:
            await require_writable(self._catalog, fresh["storage_id"])
        if fresh.get("parent_id") == id:
            raise Invalid("parent", "a file is not made of itself.")

        async def work(unit: Unit) -> StoredFile:
            unit.journal.summary = f"change uploaded file {seen.name}"
            if fresh.get("parent_id") is not None:
                await unit.one(StoredFile, fresh["parent_id"])
            return await unit.change(StoredFile, id, **fresh)

        return await self._catalog.write("update_uploaded_file", work) if fresh else seen

    async def delete(self, id: int) -> StoredFile:
        """Put a file into the trash, with what was made of it and its images.

        Raises NotFound, Forbidden, Conflict while an image of it lies in a project, dataset or
        well, whether the actor sees that or not.
        """

        async def work(unit: Unit) -> StoredFile:
            row = await unit.one(StoredFile, id, can=Can.DELETE)
            unit.journal.summary = f"delete uploaded file {row.name}"
            files = [id, *await unit.scalars(_live(StoredFile, _file.parent_id == id))]
            images = await unit.scalars(_live(Image, unit.members(_image.file_id, files)))
            if images:
                await _require_unused(unit, images)
                await unit.trash(Image, images)
            await unit.trash(StoredFile, files)
            return row

        return await self._catalog.write("delete_uploaded_file", work)


def _live(noun: Any, where: Any) -> Any:
    row = cols(noun)
    return select(row.id).where(where, row.trashed_by.is_(None)).order_by(row.id)


def _require_sound(size: int, status: int) -> None:
    if size < 0:
        raise Invalid("size", f"must not be negative, found {size}.")
    if status not in STATUSES:
        raise Invalid("status", f"{status} is not one of {sorted(int(one) for one in STATUSES)}.")


async def _require_unused(unit: Unit, images: Sequence[int]) -> None:
    """Raise Conflict if anything live holds one of these images. Three statements."""
    for link, above, parent, where in (
        (Placement, _placement.project_id, Project,
         (_placement.state == PlacementState.LIVE.value, _project.trashed_by.is_(None))),
        (DatasetImage, _link.dataset_id, Dataset,
         (_link.trashed_by.is_(None), _dataset.trashed_by.is_(None))),
        (WellSample, _field.well_id, Well,
         (_field.trashed_by.is_(None), _well.trashed_by.is_(None))),
    ):  # fmt: skip
        held = await unit.scalars(
            select(cols(link).image_id)
            .join(table(parent), cols(parent).id == above)
            .where(unit.members(cols(link).image_id, images), *where)
            .limit(1)
        )
        if held:
            noun = table(parent).name
            raise Conflict(f"Image {held[0]} lies in a {noun}; take it out first.", image=held[0])
