"""Files that a program sends in ranges, in any order, before they are kept under their hash.

The hash that the sender expects proves that nothing is missing: ranges never written are 0.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from adapters.containers import checked_name
from adapters.drafts import Drafts
from adapters.files import Files
from adapters.infrastructure import Infrastructure
from store.catalog import Catalog
from store.drafts import Draft
from store.errors import Conflict, Invalid, TooLarge
from store.tables.files import StoredFile

_HASH = re.compile(r"[0-9a-f]{64}\Z")


class FileDrafts(Drafts):
    """Verbs that make stored files of ranges."""

    kind = "file"
    most_bytes = 4 << 30

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog, files: Files) -> None:
        super().__init__(infrastructure, catalog)
        self._files = files

    async def begin(
        self, name: str, *, media_type: str | None = None, group_id: int | None = None
    ) -> Draft:
        """Start a file whose bytes follow. Raises Invalid, Forbidden, Conflict."""
        self._require_writing()
        await self._check_group(group_id, None)
        header = {"name": checked_name(name), "media_type": media_type, "group_id": group_id}
        return await self._begin(header, 0)

    async def write(self, key: str, offset: int, data: bytes) -> Draft:
        """Put bytes at a place; the file grows as far as they reach. Raises TooLarge."""
        self._require_writing()
        await self.get(key)
        if offset < 0:
            raise Invalid("offset", f"must not be negative, found {offset}.")
        if offset + len(data) > self._most():
            raise TooLarge(f"A file of {offset + len(data):,} bytes", self._most(), "bytes")
        return await self._run(self._store.write, key, [(offset, memoryview(data))])

    async def finish(self, key: str, sha256: str) -> StoredFile:
        """Keep the file in the actor's own storage. Raises Conflict if its hash is another one.

        If keeping is refused, the draft is as it was.
        """
        self._require_writing()
        wanted = sha256.lower()
        if not _HASH.match(wanted):
            raise Invalid("sha256", "send 64 hexadecimal digits.")
        await self.get(key)
        return await self._catalog.database.keep(self._finish(key, wanted))

    async def _finish(self, key: str, sha256: str) -> StoredFile:
        draft = await self.get(key)
        path = await self._run(self._store.take, key)
        try:
            await self._infrastructure.run_long(_check, path, sha256)
            with path.open("rb") as file:
                kept = await self._files.keep(
                    draft.header["name"], file,
                    media_type=draft.header["media_type"], group_id=draft.header["group_id"],
                )  # fmt: skip
        except BaseException:
            await self._run(self._store.give_back, key)
            raise
        await self._run(self._store.drop, key)
        return kept

    def _most(self) -> int:
        return min(self.most_bytes, self._infrastructure.settings.upload_limit)


def _check(path: Path, sha256: str) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        size = file.tell()
    if found != sha256:
        raise Conflict(
            f"The {size:,} bytes have the hash {found}, not {sha256}; send what is missing or "
            "wrong.",
            sha256=found,
        )
