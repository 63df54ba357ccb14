"""Is a stored image still what was written?

To a reader of zarr a chunk that is not there is empty, so a lost file would go unnoticed. The
writer's record says how many files and bytes each level has and what the checksum of level 0 is;
the levels above follow from level 0 and are made again for a deep check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from store.disk import size_of_tree
from store.errors import HubError
from store.pixels.base import PixelReader
from store.pixels.digest import RunningDigest
from store.pixels.geometry import CHUNK
from store.pixels.pyramid import halve

_BAND = 32 << 20


class Checkable(Protocol):
    """What of a store the check needs."""

    def folder(self, store_key: str) -> Path: ...
    def record(self, store_key: str) -> Mapping[str, Any]: ...
    def open(self, store_key: str) -> PixelReader: ...


def verify(store: Checkable, store_key: str, *, deep: bool = False) -> Sequence[str]:
    """Return what is wrong with an image, in sentences; empty if nothing is."""
    try:
        record = store.record(store_key)
        reader = store.open(store_key)
    except HubError as error:
        return [error.message]
    problems = list(_files(store.folder(store_key), reader, record))
    if deep:
        try:
            problems += _samples(reader, record)
        except HubError as error:
            problems.append(error.message)
    return problems


def _files(folder: Path, reader: PixelReader, record: Mapping[str, Any]) -> Iterator[str]:
    noted = {level["path"]: level for level in record["levels"]}
    for level in reader.levels:
        where = folder / level.path
        if level.path not in noted or not (where / "zarr.json").is_file():
            yield f"Level {level.path} has no metadata."
            continue
        files, size = size_of_tree(where / "c")
        expected = noted[level.path]
        if files != expected["files"]:
            yield f"Level {level.path} has {files} chunk files, {expected['files']} were written."
        elif size != expected["bytes"]:
            yield f"Level {level.path} has {size} bytes, {expected['bytes']} were written."


def _samples(reader: PixelReader, record: Mapping[str, Any]) -> Iterator[str]:
    digest = RunningDigest(reader.layout)
    wrong: set[int] = set()
    last = len(reader.levels) - 1
    while not digest.complete:
        t, c, z = digest.next_plane
        for number, level in enumerate(reader.levels):
            size_y, size_x = level.shape[3:]
            rows = _rows(size_x * np.dtype(reader.layout.dtype).itemsize)
            for top in range(0, size_y, rows):
                y = slice(top, min(top + rows, size_y))
                band = reader.region(level=number, t=t, c=c, z=z, y=y)[0, 0, 0]
                if number == 0:
                    digest.update(band)
                if number < last:
                    half = halve(band, labels=record["labels"])
                    y = slice(top // 2, top // 2 + half.shape[0])
                    above = reader.region(level=number + 1, t=t, c=c, z=z, y=y)[0, 0, 0]
                    if not np.array_equal(half, above, equal_nan=half.dtype.kind == "f"):
                        wrong.add(number + 1)
    if digest.hexdigest() != record["sha256"]:
        yield "The samples do not match their checksum."
    for number in sorted(wrong):
        yield f"Level {number} does not follow from level {number - 1}."


def _rows(row_bytes: int) -> int:
    """Return an even number of rows that make a band; whole chunks where they fit."""
    rows = max(2, _BAND // row_bytes)
    return rows // CHUNK * CHUNK or rows // 2 * 2
