"""Drafts: bytes that are put together piece by piece before they become an image or a file.

    root/<key>/header.json   whose it is and what it is to become; written last when it is begun
    root/<key>/bytes         the content so far, sparse: what was never written is 0
    root/<key>/marks         one byte for each part of it, 1 once something was written there
    root/taken-<key>/        being turned into what it is to become, or left by a crash

No row names a draft, so there is nothing half to be seen; whoever takes one renames it, and of two
who finish the same draft one finds it gone. Threads and processes may share the folder: a write
holds the bytes shared, a taker alone. What nobody touched for a day is removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.clock import now_ms
from store.disk import disk_errors, remove_tree
from store.errors import NotFound

_KEY = re.compile(r"[0-9a-f]{32}\Z")
_PLACE = "the place for drafts"
_TAKEN = "taken-"
EXPIRES_MS = 24 * 3_600_000
Run = tuple[int, memoryview]
"""Where bytes go, and the bytes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft as it is now: its header, which parts were written, and when it ends unless touched.

    `size` is the length of the content; `marks` holds one byte per part.
    """

    key: str
    header: Mapping[str, Any]
    size: int
    marks: bytes
    modified_ms: int

    @property
    def expires_at(self) -> int:
        """When it is removed unless somebody writes to it, in ms UTC."""
        return self.modified_ms + EXPIRES_MS

    @property
    def missing(self) -> int:
        """How many parts nothing was written to."""
        return self.marks.count(0)


class DraftStore:
    """Drafts below a local folder, which is made with the first of them."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()

    def begin(self, header: Mapping[str, Any], size: int = 0, parts: int = 0) -> Draft:
        """Start a draft of some bytes, all 0, in some parts. Raises Unavailable on a full disk."""
        key = uuid.uuid4().hex
        folder = self.root / key
        try:
            with disk_errors(_PLACE):
                folder.mkdir(parents=True)
                _sparse(folder / "bytes", size)
                _sparse(folder / "marks", parts)
                (folder / "header.new").write_text(json.dumps(dict(header)))
                (folder / "header.new").rename(folder / "header.json")
        except BaseException:
            remove_tree(folder)
            raise
        return self.get(key)

    def get(self, key: str) -> Draft:
        """Return a draft. Raises NotFound, also for one that is being taken or has ended."""
        found = self._read(self._folder(key)) if _KEY.match(key) else None
        if found is None or found.expires_at < now_ms():
            raise NotFound("draft", key[:40])
        return found

    def all(self) -> list[Draft]:
        """Return every draft that has not ended, in the order of their keys."""
        found = (self._read(folder) for folder in self._folders() if _KEY.match(folder.name))
        return [one for one in found if one is not None and one.expires_at >= now_ms()]

    def write(self, key: str, runs: Iterable[Run], parts: Iterable[int] = ()) -> Draft:
        """Put bytes into a draft, and mark parts of it as written.

        Raises NotFound if it was finished, discarded or has ended, Unavailable on a full disk.
        """
        self.get(key)
        folder = self._folder(key)
        with self._held(folder, fcntl.LOCK_SH) as content, disk_errors(_PLACE):
            for offset, piece in runs:
                _put(content, offset, piece)
            marks = os.open(folder / "marks", os.O_WRONLY)
            try:
                for part in parts:
                    os.pwrite(marks, b"\1", part)
            finally:
                os.close(marks)
            os.utime(folder)
        return self.get(key)

    def take(self, key: str) -> Path:
        """Take a draft away from everybody; return the path of its content.

        Waits for writes that have begun. Follow it by `drop` or `give_back`. Raises NotFound, also
        for whoever takes it second.
        """
        self.get(key)
        with self._held(self._folder(key), fcntl.LOCK_EX):
            try:
                self._folder(key).rename(self._taken(key))
            except FileNotFoundError as error:
                raise NotFound("draft", key) from error
        return self._taken(key) / "bytes"

    def give_back(self, key: str) -> None:
        """Make a draft that was taken what it was before."""
        self._taken(key).rename(self._folder(key))

    def drop(self, key: str) -> None:
        """Remove a draft that was taken."""
        remove_tree(self._taken(key))

    def discard(self, key: str) -> None:
        """Remove a draft; silent if it is gone."""
        remove_tree(self._folder(key))

    def ended(self, *, alone: bool = False) -> list[str]:
        """Return the names of what nobody will finish: drafts untouched for a day, and broken ones.

        `alone` says that nobody else has the folder open, so that what was being taken counts too.
        """
        names = []
        for folder in self._folders():
            draft = self._read(folder)
            modified = _modified(folder) if draft is None else draft.modified_ms
            over = modified is not None and modified + EXPIRES_MS < now_ms()
            if over or (alone and (draft is None or folder.name.startswith(_TAKEN))):
                names.append(folder.name)
        return names

    def clear(self, name: str) -> None:
        """Remove something that `ended` named."""
        if _KEY.match(name.removeprefix(_TAKEN)):
            remove_tree(self.root / name)

    def _folders(self) -> list[Path]:
        return sorted(self.root.iterdir()) if self.root.is_dir() else []

    def _folder(self, key: str) -> Path:
        return self.root / key

    def _taken(self, key: str) -> Path:
        return self.root / f"{_TAKEN}{key}"

    def _read(self, folder: Path) -> Draft | None:
        try:
            header = json.loads((folder / "header.json").read_text())
            marks = (folder / "marks").read_bytes()
            size = (folder / "bytes").stat().st_size
            modified = folder.stat().st_mtime_ns // 1_000_000
        except (OSError, ValueError):
            return None
        return Draft(folder.name.removeprefix(_TAKEN), header, size, marks, modified)

    @contextmanager
    def _held(self, folder: Path, how: int) -> Iterator[int]:
        """Open the content under a lock; raise NotFound if it was taken meanwhile."""
        try:
            content = os.open(folder / "bytes", os.O_RDWR)
        except FileNotFoundError as error:
            raise NotFound("draft", folder.name) from error
        try:
            fcntl.flock(content, how)
            if not (folder / "bytes").exists():
                raise NotFound("draft", folder.name)
            yield content
        finally:
            os.close(content)


def _sparse(path: Path, size: int) -> None:
    with path.open("xb") as file:
        file.truncate(size)


def _put(file: int, offset: int, piece: memoryview) -> None:
    while piece:
        written = os.pwrite(file, piece, offset)
        offset += written
        piece = piece[written:]


def _modified(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns // 1_000_000
    except FileNotFoundError:
        return None
