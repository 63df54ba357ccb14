"""Stored files: keeping bytes under a row of their own, for attachments and originals.

The bytes are kept first and named by the transaction that follows; a crash in between leaves bytes
that no row names, which ``imagehub doctor`` finds.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Sequence

from sqlalchemy import select

from adapters.containers import checked_name
from adapters.infrastructure import Infrastructure
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.files import Stream
from store.inventory import Inventory
from store.pixels.base import StoredBytes
from store.statement import cols, table
from store.tables.files import FileRole, ImageFile, Storage, StoredFile
from store.tables.images import Image
from store.tables.people import COMMONS_GROUP
from store.tables.records import records
from store.unit import Unit

_storage, _use, _image = cols(Storage), cols(ImageFile), cols(Image)
PLAIN = "application/octet-stream"


class Files:
    """Verbs on stored files."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    async def keep(
        self,
        name: str,
        source: Stream | Iterable[bytes],
        *,
        media_type: str | None = None,
        group_id: int | None = None,
    ) -> StoredFile:
        """Keep a file in the actor's own storage; the type follows from the name if not given.

        Raises Invalid for a name, TooLarge beyond the upload limit, Forbidden for a group the actor
        does not belong to.
        """
        title = checked_name(name)
        group = self._catalog.actor.default_group if group_id is None else group_id
        if group is None:
            raise Invalid("group", "you have no default group; name one.")
        limit = self._infrastructure.settings.upload_limit
        blob = await self._infrastructure.run(self._infrastructure.files.receive, source, limit)

        async def work(unit: Unit) -> StoredFile:
            unit.journal.summary = f"keep file {title}"
            return await unit.add(
                StoredFile(
                    storage_id=await storage_of(unit), name=title, size=blob.size,
                    media_type=media_type or mimetypes.guess_type(title)[0] or PLAIN,
                    sha256=blob.sha256, owner_id=unit.actor.author_id, group_id=group,
                )
            )  # fmt: skip

        try:
            return await self._catalog.write("keep_file", work)
        except Exception:
            await forget(self._infrastructure, blob.sha256)
            raise

    async def originals(self, image_ids: Sequence[int]) -> dict[int, list[StoredFile]]:
        """Return the files that images came from. Two statements, however many images.

        Whoever sees an image may have its original, wherever the file is kept.
        """
        seen = await self._catalog.rows(
            select(_image.id).where(self._catalog.members(_image.id, set(image_ids)))
        )
        found: dict[int, list[StoredFile]] = {id: [] for id in image_ids}
        everything = Catalog(self._catalog.database, Actor.system())
        for image_id, *values in await everything.rows(
            select(_use.image_id, *table(StoredFile).c)
            .join(table(StoredFile), cols(StoredFile).id == _use.file_id)
            .where(
                self._catalog.members(_use.image_id, [row.id for row in seen]),
                _use.role == FileRole.ORIGINAL.value,
            )
            .order_by(_use.image_id, cols(StoredFile).id)
        ):
            found[image_id] += records([values], StoredFile)
        return found

    def bytes_of(self, file: StoredFile) -> StoredBytes:
        """Return where the bytes of a file lie. Raises NotFound if they are gone."""
        sha256 = file.sha256 or ""
        if not sha256 or not self._infrastructure.files.exists(sha256):
            raise NotFound("stored file", file.id)
        return StoredBytes(file.size, self._infrastructure.files.path(sha256), etag=sha256)


async def storage_of(unit: Unit) -> int:
    """Return the id of the actor's own storage, made if there is none."""
    mine = await unit.all(Storage, _storage.owner_id == unit.actor.author_id, order=_storage.id)
    if mine:
        return mine[0].id
    made = await unit.add(
        Storage(
            name=f"{unit.actor.username} storage",
            owner_id=unit.actor.author_id,
            group_id=unit.actor.default_group or COMMONS_GROUP,
        ),
        tell=False,
    )
    return made.id


async def forget(infrastructure: Infrastructure, sha256: str) -> None:
    """Remove a blob unless a row names it, in the trash or not.

    Nobody may write meanwhile: the same bytes may be about to get a row.
    """
    async with infrastructure.database.turn():
        if not await Inventory(infrastructure.database).names(sha256):
            await infrastructure.run(infrastructure.files.delete, sha256)
