"""Files that belong beside an image: profiles, measurements, what a program made of it."""

from __future__ import annotations

from typing import Any

from adapters.containers import checked_name
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Invalid, NotFound
from store.statement import cols
from store.tables.files import FileRole, ImageFile, StoredFile
from store.tables.images import Image
from store.unit import Unit

_use = cols(ImageFile)
TYPE_LENGTH = 255


class Companions:
    """Verbs on companion files. Changing them needs the right to change the image."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, id: int) -> ImageFile:
        """Return a companion file. Raises NotFound."""
        return _companion(await self._catalog.one(ImageFile, id))

    async def of_image(self, image_id: int) -> list[ImageFile]:
        """Return the companion files of an image. Raises NotFound."""
        await self._catalog.one(Image, image_id)
        return await self._list(_use.image_id == image_id)

    async def of_file(self, file_id: int) -> list[ImageFile]:
        """Return what a stored file is a companion of, as far as the actor sees it."""
        return await self._list(_use.file_id == file_id)

    async def _list(self, where: Any) -> list[ImageFile]:
        statement = self._catalog.select(ImageFile).where(
            where, _use.role == FileRole.COMPANION.value
        )
        return list(await self._catalog.all(ImageFile, statement.order_by(_use.id)))

    async def create(
        self, image_id: int, file_id: int, name: str, type: str, *, progress: int = 0
    ) -> ImageFile:
        """Put a stored file beside an image. Raises Invalid, Forbidden, NotFound."""
        title = checked_name(name)
        _require_sound(type, progress)

        async def work(unit: Unit) -> ImageFile:
            image = await unit.one(Image, image_id)
            file = await unit.one(StoredFile, file_id)
            unit.journal.summary = f"put {title} beside image {image.name}"
            return await unit.add(
                ImageFile(
                    image_id=image.id, file_id=file.id, role=FileRole.COMPANION.value, name=title,
                    type=type, progress=progress, created_at=now_ms(),
                )
            )  # fmt: skip

        return await self._catalog.write("create_companion", work)

    async def change(self, id: int, **given: Any) -> ImageFile:
        """Change name, type or progress. Raises Invalid, Forbidden, NotFound."""
        after = {k: v for k, v in given.items() if v is not None}
        if "name" in after:
            after["name"] = checked_name(after["name"])
        _require_sound(after.get("type", ""), after.get("progress", 0))

        async def work(unit: Unit) -> ImageFile:
            row = _companion(await unit.one(ImageFile, id))
            unit.journal.summary = f"change {row.name} beside image {row.image_id}"
            differing = {k: v for k, v in after.items() if getattr(row, k) != v}
            return await unit.change(ImageFile, id, **differing) if differing else row

        return await self._catalog.write("update_companion", work)

    async def delete(self, id: int) -> ImageFile:
        """Put a companion file into the trash; the stored file stays."""

        async def work(unit: Unit) -> ImageFile:
            row = _companion(await unit.one(ImageFile, id, can=Can.DELETE))
            unit.journal.summary = f"delete {row.name} beside image {row.image_id}"
            await unit.trash(ImageFile, [id])
            return row

        return await self._catalog.write("delete_companion", work)


def _companion(row: ImageFile) -> ImageFile:
    """Return a row that is a companion. Raises NotFound for an original."""
    if row.role != FileRole.COMPANION.value:
        raise NotFound("companion file", row.id)
    return row


def _require_sound(type: str, progress: int) -> None:
    if len(type) > TYPE_LENGTH:
        raise Invalid("type", f"at most {TYPE_LENGTH} characters.")
    if not 0 <= progress <= 100:
        raise Invalid("progress", f"is 0 to 100, found {progress}.")
