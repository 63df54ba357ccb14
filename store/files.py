"""Originals and attachments: files kept under the SHA-256 of their bytes.

    root/incoming/<random>           being received, or left by a crash
    root/blobs/<ab>/<cd>/<sha256>    kept; the same bytes are kept once

Rows of `stored_file` name blobs; one blob may have many rows, so only the caller knows when the
last is gone. A blob appears by a rename after it was flushed, and never changes.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from store.disk import disk_errors, flush, publish
from store.errors import Invalid, NotFound, TooLarge
from store.pixels.base import Leftover

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_PIECE = 1 << 20
_PLACE = "the file store"


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A kept file: its hash in hexadecimal, its bytes, and where it lies."""

    sha256: str
    size: int
    path: Path


class Stream(Protocol):
    """Something bytes can be read from, such as an open file."""

    def read(self, size: int, /) -> bytes: ...


class FileStore:
    """Blobs below a local folder. Threads and processes may share it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()
        self._blobs = self.root / "blobs"
        self._incoming = self.root / "incoming"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)

    def receive(self, source: Stream | Iterable[bytes], limit: int | None = None) -> StoredBlob:
        """Keep what a stream, or an iterable of pieces, yields; it is never held as a whole.

        Parameters
        ----------
        limit
            Most bytes to accept; None for no limit.

        Raises
        ------
        TooLarge
            As soon as more than `limit` bytes have come.
        Unavailable
            If the disk is full. Whatever goes wrong, nothing is left behind.
        """
        with self.receiving(limit) as blob:
            for piece in _pieces(source):
                blob.write(piece)
            return blob.keep()

    @contextmanager
    def receiving(self, limit: int | None = None) -> Iterator[IncomingBlob]:
        """Open a blob to write piece by piece, for callers that are handed the pieces.

        What is not kept with `IncomingBlob.keep` before the block ends is removed.
        """
        path = self._incoming / uuid.uuid4().hex
        with disk_errors(_PLACE):
            file = path.open("xb", buffering=0)
        try:
            yield IncomingBlob(self, file, path, limit)
        finally:
            file.close()
            path.unlink(missing_ok=True)

    def adopt(self, path: Path, limit: int | None = None) -> StoredBlob:
        """Keep a copy of a local file; the file itself stays and may change later.

        Raises
        ------
        Invalid
            If it is not a file that can be read.
        """
        try:
            file = Path(path).open("rb")  # noqa: SIM115  # closed below; only opening may fail here
        except OSError as error:
            raise Invalid("path", f"{path} cannot be read: {error.strerror}") from error
        with file:
            return self.receive(file, limit)

    def path(self, sha256: str) -> Path:
        """Return where a blob lies, or would lie."""
        if not _HASH.match(sha256):
            raise Invalid("sha256", f"{sha256!r} is not 64 hexadecimal digits")
        return self._blobs / sha256[:2] / sha256[2:4] / sha256

    def exists(self, sha256: str) -> bool:
        """Tell whether a blob is kept."""
        return self.path(sha256).is_file()

    def size(self, sha256: str) -> int:
        """Return the bytes of a blob."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError as error:
            raise NotFound("stored file", sha256) from error

    def open_range(
        self, sha256: str, start: int = 0, end: int | None = None, piece: int = _PIECE
    ) -> Iterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end` (the end if None).

        A missing blob and a wrong range are told at once, not with the first byte.

        Raises
        ------
        NotFound
            If there is no such blob.
        Invalid
            If the range does not lie inside it.
        """
        size = self.size(sha256)
        end = size if end is None else end
        if not 0 <= start <= end <= size:
            raise Invalid("range", f"{start}:{end} was asked for, the file has {size} bytes")
        return _range(self.path(sha256), start, end, piece)

    def delete(self, sha256: str) -> None:
        """Remove a blob; silent if it is gone. The caller knows that no row names it."""
        self.path(sha256).unlink(missing_ok=True)

    def keys(self) -> Iterator[str]:
        """Yield the hash of every blob, in order."""
        for one in sorted(self._blobs.iterdir()):
            for two in sorted(one.iterdir()):
                yield from sorted(path.name for path in two.iterdir() if _HASH.match(path.name))

    def verify(self, sha256: str) -> Sequence[str]:
        """Read a blob again; return what is wrong with it, in sentences, empty if nothing is."""
        try:
            with self.path(sha256).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            return ["The file is missing."]
        except OSError as error:
            return [f"The file cannot be read: {error.strerror}."]
        return [] if found == sha256 else [f"The bytes have changed, their hash is now {found}."]

    def incoming(self) -> Sequence[Leftover]:
        """What is being received or was left by a crash, oldest first."""
        left = []
        for path in self._incoming.iterdir():
            try:
                left.append(Leftover(path.name, path.stat().st_mtime_ns // 1_000_000))
            except FileNotFoundError:
                continue
        return sorted(left, key=lambda one: one.modified_ms)

    def clear(self, leftover: str) -> None:
        """Remove a leftover by name; the caller knows that nobody receives it."""
        if "/" in leftover or leftover in {"", ".", ".."}:
            raise Invalid("leftover", f"{leftover!r} is not a name below incoming")
        (self._incoming / leftover).unlink(missing_ok=True)

    def free(self) -> int:
        """Return the bytes that are free on the disk of the store."""
        return shutil.disk_usage(self.root).free


class IncomingBlob:
    """A blob being received; `size` is what came so far."""

    def __init__(self, store: FileStore, file: Any, path: Path, limit: int | None) -> None:
        self._store = store
        self._file = file
        self._path = path
        self._limit = limit
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes | memoryview) -> None:
        """Append bytes; raises `TooLarge` beyond the limit and `Unavailable` on a full disk."""
        if self._limit is not None and self.size + len(piece) > self._limit:
            raise TooLarge("The file", self._limit, "bytes")
        self._hash.update(piece)
        view = memoryview(piece)
        with disk_errors(_PLACE):
            while view:
                view = view[self._file.write(view) :]
        self.size += len(piece)

    def keep(self) -> StoredBlob:
        """Flush the bytes and give them their name; the same bytes twice are one blob.

        A blob that is there already is replaced, which mends it if its bytes had changed.
        """
        sha256 = self._hash.hexdigest()
        target = self._store.path(sha256)
        with disk_errors(_PLACE):
            flush(self._path)
            publish(self._path, target)
        return StoredBlob(sha256, self.size, target)


def _pieces(source: Stream | Iterable[bytes]) -> Iterator[bytes]:
    if not hasattr(source, "read"):
        yield from source
        return
    while piece := source.read(_PIECE):
        yield piece


def _range(path: Path, start: int, end: int, piece: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        left = end - start
        while left:
            data = file.read(min(piece, left))
            if not data:
                raise NotFound("stored file", path.name)
            left -= len(data)
            yield data
