"""Images as OME-Zarr folders on a local disk.

    root/incoming/<key>/             being written, or left by a crash
    root/images/<ab>/<key>.zarr      published; <ab> are the first two letters of the key

A key is 32 random hexadecimal digits. Publishing is a rename, done by `finish`; the row that names
the key makes the image visible. An image never changes afterwards: new values are a new key.
"""

from __future__ import annotations

import json
import re
import stat
import threading
import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from store.disk import flush, remove_tree
from store.errors import Invalid, NotFound, Unavailable
from store.pixels.base import ImageDescription, Layout, Leftover, Level, StoredBytes
from store.pixels.check import verify
from store.pixels.codec import CodecName, codec_named
from store.pixels.geometry import pyramid
from store.pixels.reader import OpenFiles, ZarrPixelReader
from store.pixels.writer import ZarrPixelWriter

_KEY = re.compile(r"[0-9a-f]{32}\Z")
_READERS = 256


class ZarrPixelStore:
    """A local folder of images. Threads may share it."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).resolve()
        self._images = self.root / "images"
        self._incoming = self.root / "incoming"
        self._images.mkdir(parents=True, exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        self._files = OpenFiles()
        self._readers: OrderedDict[str, ZarrPixelReader] = OrderedDict()
        self._lock = threading.Lock()

    def create(
        self,
        layout: Layout,
        description: ImageDescription,
        *,
        labels: bool = False,
        codec: CodecName = "fast",
    ) -> ZarrPixelWriter:
        """Start a new image in a folder that nothing names yet.

        Parameters
        ----------
        labels
            Samples are object numbers: the pyramid takes the nearest sample instead of the mean,
            and the metadata says it is a label image.
        codec
            ``fast`` for quick tiles, ``compact`` for about a tenth less disk.

        Raises
        ------
        Invalid, Unsupported
            For a size below 1, for samples that cannot be stored, for an unknown codec.
        """
        key = uuid.uuid4().hex
        return ZarrPixelWriter(
            self._incoming / key,
            self.folder(key),
            layout,
            description,
            codec_named(codec),
            labels=labels,
        )

    def open(self, store_key: str) -> ZarrPixelReader:
        """Open a published image; the latest readers are kept.

        Raises
        ------
        NotFound
            If there is no such image.
        Unavailable
            If its metadata cannot be read.
        """
        with self._lock:
            reader = self._readers.get(store_key)
            if reader is not None:
                self._readers.move_to_end(store_key)
                return reader
        layout, levels = self._describe(store_key)
        reader = ZarrPixelReader(self.folder(store_key), layout, levels, self._files)
        with self._lock:
            self._readers[store_key] = reader
            if len(self._readers) > _READERS:
                self._readers.popitem(last=False)
        return reader

    def folder(self, store_key: str) -> Path:
        """Return where an image lies, or would lie."""
        if not _KEY.match(store_key):
            raise Invalid("store_key", f"{store_key!r} is not 32 hexadecimal digits")
        return self._images / store_key[:2] / f"{store_key}.zarr"

    def file(self, store_key: str, path: str) -> StoredBytes | None:
        """Find one file of the group; None if absent or outside it.

        Links are not followed, so nothing outside the folder can be reached.
        """
        # Split by hand: a path library keeps the root "//" of "//etc" as a part, and joining it
        # to the folder would leave the folder.
        parts = path.split("/")
        if any(part in {"", ".", ".."} or "\0" in part for part in parts):
            return None
        where = self.folder(store_key)
        try:
            for part in parts[:-1]:
                where /= part
                if not stat.S_ISDIR(where.lstat().st_mode):
                    return None
            where /= parts[-1]
            found = where.lstat()
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        etag = f'"{store_key[:16]}-{found.st_size:x}-{found.st_mtime_ns:x}"'
        return StoredBytes(size=found.st_size, path=where, etag=etag)

    def keys(self) -> Sequence[str]:
        """Every image folder that is published, in order."""
        return sorted(
            path.name.removesuffix(".zarr")
            for path in self._images.glob("??/*.zarr")
            if _KEY.match(path.name.removesuffix(".zarr"))
        )

    def incoming(self) -> Sequence[Leftover]:
        """What lies below ``incoming``, oldest first."""
        left = [
            Leftover(path.name, path.stat().st_mtime_ns // 1_000_000)
            for path in self._incoming.iterdir()
        ]
        return sorted(left, key=lambda one: one.modified_ms)

    def clear(self, leftover: str) -> None:
        """Remove a leftover of ``incoming``; the caller knows that nobody writes it."""
        if "/" in leftover or leftover in {"", ".", ".."}:
            raise Invalid("leftover", f"{leftover!r} is not a name below incoming")
        remove_tree(self._incoming / leftover)

    def delete(self, store_key: str) -> None:
        """Remove an image folder; silent if it is gone.

        It is renamed first, so that a crash leaves a leftover and no half image.
        """
        folder = self.folder(store_key)
        with self._lock:
            self._readers.pop(store_key, None)
        self._files.forget(folder)
        doomed = self._incoming / f"deleted-{store_key}"
        try:
            folder.rename(doomed)
        except FileNotFoundError:
            return
        flush(folder.parent)
        remove_tree(doomed)

    def attributes(self, store_key: str) -> Mapping[str, Any]:
        """The group's OME-Zarr attributes (the `ome` object)."""
        ome: Mapping[str, Any] = self._group(store_key)["ome"]
        return ome

    def record(self, store_key: str) -> Mapping[str, Any]:
        """What the writer noted beside them: checksum, files and bytes per level, extremes."""
        noted: Mapping[str, Any] = self._group(store_key)["imagehub"]
        return noted

    def verify(self, store_key: str, *, deep: bool = False) -> Sequence[str]:
        """Return what is wrong with an image, in sentences; empty if nothing is.

        Shallow compares the files and bytes of each level with what was written; `deep` decodes
        every chunk, compares the checksum and makes the pyramid again.
        """
        return verify(self, store_key, deep=deep)

    def _group(self, store_key: str) -> Mapping[str, Any]:
        document = self._json(store_key, "zarr.json")
        attributes: Mapping[str, Any] = document.get("attributes", {})
        if "ome" not in attributes or "imagehub" not in attributes:
            raise Unavailable("the pixel store", f"image {store_key} has lost its metadata")
        return attributes

    def _describe(self, store_key: str) -> tuple[Layout, tuple[Level, ...]]:
        shape = self._json(store_key, "0/zarr.json")["shape"]
        record = self.record(store_key)
        t, c, z, y, x = shape
        layout = Layout(t, c, z, y, x, dtype=record["dtype"], rgb=record["rgb"])
        return layout, pyramid(layout)

    def _json(self, store_key: str, path: str) -> Mapping[str, Any]:
        where = self.folder(store_key) / path
        try:
            document: Mapping[str, Any] = json.loads(where.read_bytes())
        except FileNotFoundError as error:
            raise NotFound("stored image", store_key) from error
        except ValueError as error:
            raise Unavailable(
                "the pixel store", f"{path} of image {store_key} is damaged: {error}"
            ) from error
        return document
