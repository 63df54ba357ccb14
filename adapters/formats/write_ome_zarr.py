"""Exporting an image as OME-Zarr: the files of its store as one zip stream, or as a folder.

Chunks are compressed already, so the zip stores them as they are; sizes are known before the first
byte is sent, and a download can show how far it is. The root document comes first, then the other
documents from the top down, so that a reader over HTTP finds them in one request.

Source: PKWARE APPNOTE 6.3 (zip, zip64, data descriptors); order and comment follow NGFF RFC-9.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from store.errors import Conflict, Invalid
from store.pixels.base import Progress, StoredBytes

_PIECE = 2**20
_DATE = (1980, 1, 1, 0, 0, 0)
_COMMENT = json.dumps(
    {"ome": {"version": "0.5", "zipFile": {"centralDirectory": {"jsonFirst": True}}}}
).encode()
_ZIP64 = 2**31 - 1  # where the zip library turns to 64-bit sizes


class StoreFile(NamedTuple):
    """One file of a store: its path below the image's group, and where its bytes are."""

    path: str
    stored: StoredBytes


def folder_files(root: Path) -> list[StoreFile]:
    """Return every file below a local folder, documents first; links are not followed."""
    found = []
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                stored = StoredBytes(path.stat().st_size, path=path)
                found.append(StoreFile(path.relative_to(root).as_posix(), stored))
    return sorted(found, key=_rank)


def zip_stream(files: Iterable[StoreFile], *, prefix: str = "") -> Iterator[bytes]:
    """Yield a zip archive of the files, uncompressed, each below `prefix`, in pieces of ≤ 1 MiB.

    With no prefix the archive is itself an OME-Zarr store (``.ozx``). The bytes depend on the
    files alone, so a download can be resumed.

    Raises
    ------
    Conflict
        If a file has vanished or changed its size since it was listed.
    """
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        archive.comment = _COMMENT
        for file in files:
            entry = zipfile.ZipInfo(_joined(prefix, file.path), _DATE)
            entry.external_attr = 0o644 << 16
            entry.file_size = file.stored.size
            with archive.open(entry, "w") as member:
                for piece in _pieces(file):
                    member.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()


def zip_size(files: Sequence[StoreFile], *, prefix: str = "") -> int:
    """Return how many bytes `zip_stream` yields for these files."""
    offset = directory = 0
    for file in files:
        name, size = len(_joined(prefix, file.path).encode()), file.stored.size
        large, far = size > _ZIP64, offset > _ZIP64
        directory += 46 + name + (4 + (16 if large else 0) + (8 if far else 0)) * (large or far)
        # The header goes out before the size is sure, so the library leaves a margin of 5 %.
        offset += 30 + name + size + (20 + 24 if size * 1.05 > _ZIP64 else 16)
    many = len(files) > 65535 or offset > _ZIP64 or directory > _ZIP64
    return offset + directory + (76 if many else 0) + 22 + len(_COMMENT)


def write_folder(
    files: Sequence[StoreFile],
    target: Path,
    *,
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Copy the files below a new folder, which appears under its name only when it is whole.

    Raises
    ------
    Conflict
        If the folder exists, or a file has vanished or changed its size.
    """
    if target.exists():
        raise Conflict(f"{target.name} exists already; choose another name or remove it.")
    begun = target.with_name(f".{target.name}.incomplete")
    shutil.rmtree(begun, ignore_errors=True)
    total, done = sum(file.stored.size for file in files), 0
    try:
        for file in files:
            place = begun / _joined("", file.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as out:
                for piece in _pieces(file):
                    out.write(piece)
                    done += len(piece)
            if progress is not None:
                progress(Progress(done, total, "writing OME-Zarr"))
        begun.rename(target)
    except BaseException:
        shutil.rmtree(begun, ignore_errors=True)
        raise


def _rank(file: StoreFile) -> tuple[bool, int, str]:
    """Sort the root document first, then documents from the top down, then chunks."""
    path = PurePosixPath(file.path)
    return path.name != "zarr.json", len(path.parts), file.path


def _joined(prefix: str, path: str) -> str:
    """Return the path in the archive; it may not lead out of it."""
    joined = PurePosixPath(prefix) / path
    if joined.is_absolute() or ".." in joined.parts:
        raise Invalid("path", f"{path!r} leads out of the image")
    return str(joined)


def _pieces(file: StoreFile) -> Iterator[bytes]:
    """Yield exactly as many bytes as were announced."""
    if file.stored.data is not None:
        yield file.stored.data
        return
    left = file.stored.size
    try:
        with open(file.stored.path or "", "rb") as source:
            while left and (piece := source.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece
            longer = bool(source.read(1))
    except FileNotFoundError as error:
        raise Conflict(f"{file.path} was removed while it was sent; ask again.") from error
    if left or longer:
        raise Conflict(f"{file.path} changed while it was sent; ask again.")


class Sink(BytesIO):
    """Where the zip library writes: it keeps count of all bytes, and what is taken is forgotten."""

    def seekable(self) -> bool:
        """Deny it, so that sizes follow the data instead of being patched in before it."""
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Refuse, as a stream does."""
        raise OSError("a stream cannot seek")

    def tell(self) -> int:
        """Refuse, so that the library counts for itself."""
        raise OSError("a stream has no position")

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = self.getvalue()
        super().seek(0)
        super().truncate()
        return data
