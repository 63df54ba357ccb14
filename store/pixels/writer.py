"""Filling one new image, from the first block to the rename that makes it a published folder.

Everything happens below ``incoming/<key>``; `finish` flushes it to the disk and renames it, so a
crash at any moment leaves either a whole image or a leftover that nothing names.
"""

from __future__ import annotations

import json
import math
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.disk import disk_errors, flush_tree, publish, remove_tree, size_of_tree
from store.errors import Conflict, Invalid
from store.pixels import metadata
from store.pixels.base import ImageDescription, Layout, Written
from store.pixels.codec import Codec
from store.pixels.digest import Extremes, RunningDigest
from store.pixels.geometry import CHUNK, pyramid
from store.pixels.growth import GrowingPyramid, Plane, workers
from store.pixels.reader import OpenFiles, ZarrPixelReader
from store.pixels.samples import as_stored, stored_dtype

_PLACE = "the pixel store"
_READ_BACK = 32 << 20
_WORTH_A_THREAD = 1 << 20


class ZarrPixelWriter:
    """Fills one image. Blocks may come in any order and size; `layout` is what is stored.

    Quickest are blocks of whole rows, from the top, in multiples of 256 rows. Samples that are
    never written are 0. Threads may share it; one writes at a time.
    """

    def __init__(
        self,
        folder: Path,
        target: Path,
        layout: Layout,
        description: ImageDescription,
        codec: Codec,
        *,
        labels: bool,
    ) -> None:
        self._dtype = stored_dtype(layout.dtype)
        self.layout = replace(layout, dtype=self._dtype.name)
        _check_sizes(self.layout)
        self._levels = pyramid(self.layout)
        self._folder = folder
        self._data = folder / "image.zarr"
        self._target = target
        self._description = description
        self._codec = codec
        self._labels = labels
        self._lock = threading.Lock()
        self._state = "open"
        self._digest = RunningDigest(self.layout)
        self._extremes = Extremes(self.layout.size_c)
        with disk_errors(_PLACE):
            self._data.mkdir(parents=True)
        self._growing = GrowingPyramid(
            self._data, folder, self._levels, self._dtype, codec, labels=labels
        )

    def write(
        self, samples: NDArray[Any], *, t: int, c: int, z: int, y: int = 0, x: int = 0
    ) -> None:
        """Store a 2-D block ``(y, x)`` of level 0 at this plane and offset.

        Raises
        ------
        Invalid
            If the block does not lie inside the image or its type does not fit.
        Unavailable
            If the disk is full; the image can then only be discarded.
        Conflict
            After `finish`, `discard` or a failure.
        """
        _check_block(self.layout, samples, (t, c, z), y, x)
        block = as_stored(samples, self._dtype)
        if not block.size:
            return
        with self._lock:
            self._require_open()
            self._state = "failed"
            hashed = self._hash((t, c, z), block, y, x)
            try:
                self._extremes.add(c, block)
                with disk_errors(_PLACE):
                    self._growing.add((t, c, z), block, y, x)
                    os.utime(self._folder)  # tells others that somebody is at work here
            finally:
                if hashed is not None:
                    hashed.result()
            self._state = "open"

    def finish(self) -> Written:
        """Store what is incomplete, write the metadata, flush all to the disk and publish it.

        After this returned, a crash loses nothing. Samples that came out of order are read back
        for the checksum.
        """
        with self._lock:
            self._require_open()
            self._state = "failed"
            with disk_errors(_PLACE):
                whole = self._growing.close()
                self._take_in(whole)
                size = self._write_documents()
                flush_tree(self._folder)
                publish(self._data, self._target)
                remove_tree(self._folder)
            self._state = "finished"
        return Written(
            store_key=self._target.name.removesuffix(".zarr"),
            levels=self._levels,
            bytes=size,
            sha256=self._digest.hexdigest(),
            minima=self._extremes.minima,
            maxima=self._extremes.maxima,
        )

    def discard(self) -> None:
        """Remove everything written; safe to call twice, after a failure and after `finish`.

        A finished image is published and stays.
        """
        with self._lock:
            if self._state in {"finished", "discarded"}:
                return
            self._state = "discarded"
            self._growing.abandon()
            remove_tree(self._folder)

    def _require_open(self) -> None:
        if self._state != "open":
            raise Conflict(f"This image is {self._state}; start a new one.", state=self._state)

    def _hash(self, plane: Plane, block: NDArray[Any], y: int, x: int) -> Future[None] | None:
        """Hash a block beside the encoding if it continues the canonical order."""
        number = self._digest.plane_number(*plane)
        if not self._digest.continues(number, y, x, block.shape[1]):
            return None
        if block.nbytes < _WORTH_A_THREAD:
            self._digest.update(block)
            return None
        return workers().submit(self._digest.update, block)

    def _take_in(self, whole: list[bool]) -> None:
        """Complete checksum and extremes by reading back what did not pass by in order."""
        again = self._growing.overlapped
        if again:
            self._digest.restart()
            self._extremes = Extremes(self.layout.size_c)
        for channel, complete in enumerate(whole):
            if not complete:
                self._extremes.add(channel, np.zeros(1, self._dtype))
        reader = ZarrPixelReader(self._data, self.layout, self._levels, OpenFiles())
        rows = max(1, _READ_BACK // (self.layout.size_x * self._dtype.itemsize))
        rows = rows // CHUNK * CHUNK or rows
        while not self._digest.complete:
            t, c, z = self._digest.next_plane
            y = slice(self._digest.row, min(self._digest.row + rows, self.layout.size_y))
            band = reader.region(t=t, c=c, z=z, y=y)[0, 0, 0]
            self._digest.update(band)
            if again:
                self._extremes.add(c, band)

    def _write_documents(self) -> int:
        """Write every ``zarr.json``; return the bytes of the whole image."""
        record: dict[str, Any] = {
            "version": 1,
            "sha256": self._digest.hexdigest(),
            "dtype": self.layout.dtype,
            "rgb": self.layout.rgb,
            "labels": self._labels,
            "minima": [_plain(value) for value in self._extremes.minima],
            "maxima": [_plain(value) for value in self._extremes.maxima],
            "created": int(time.time() * 1000),
            "levels": [],
        }
        total = 0
        for level in self._levels:
            files, size = size_of_tree(self._data / level.path)
            record["levels"].append({"path": level.path, "files": files, "bytes": size})
            document = metadata.array_document(level, self._dtype, self._codec)
            total += size + _write_json(self._data / level.path / "zarr.json", document)
        ome = metadata.ome_document(
            self.layout,
            self._levels,
            self._description,
            self._extremes.minima,
            self._extremes.maxima,
            labels=self._labels,
        )
        return total + _write_json(self._data / "zarr.json", metadata.group_document(ome, record))


def _check_sizes(layout: Layout) -> None:
    for axis, size in zip("tczyx", layout.shape, strict=True):
        if size < 1:
            raise Invalid(f"size_{axis}", f"{size} was given, an image has at least 1")


def _check_block(layout: Layout, samples: NDArray[Any], plane: Plane, y: int, x: int) -> None:
    if samples.ndim != 2:
        raise Invalid("samples", f"a block is (y, x), this one has {samples.ndim} axes")
    sizes = (layout.size_t, layout.size_c, layout.size_z)
    for axis, number, size in zip("tcz", plane, sizes, strict=True):
        if not 0 <= number < size:
            raise Invalid(axis, f"{number} was given, there are {size}")
    height, width = samples.shape
    for axis, start, length, size in (
        ("y", y, height, layout.size_y),
        ("x", x, width, layout.size_x),
    ):
        if start < 0 or start + length > size:
            raise Invalid(axis, f"{start}:{start + length} was given, the range is 0:{size}")


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _write_json(path: Path, document: Mapping[str, Any]) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.write_bytes(json.dumps(document, indent=1, allow_nan=False).encode())
