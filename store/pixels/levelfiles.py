"""The chunk files of one level while they are filled."""

from __future__ import annotations

import os
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from store.pixels.base import Level
from store.pixels.geometry import Grid, Key, file_name
from store.pixels.shards import ChunkFile, GrowingFile


class Descriptors:
    """Files open for writing, at most `limit`; the one used longest ago is closed first."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: OrderedDict[Path, int] = OrderedDict()

    def get(self, path: Path) -> int:
        """Return the descriptor of a file, made with its folders if it is new."""
        descriptor = self._open.get(path)
        if descriptor is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._open[path] = descriptor
            if len(self._open) > self._limit:
                os.close(self._open.popitem(last=False)[1])
        else:
            self._open.move_to_end(path)
        return descriptor

    def close(self, path: Path) -> None:
        """Close one file; silent if it is not open."""
        descriptor = self._open.pop(path, None)
        if descriptor is not None:
            os.close(descriptor)

    def close_all(self) -> None:
        """Close every file."""
        while self._open:
            os.close(self._open.popitem()[1])


class LevelFiles:
    """Chunks of one level, put in any order; a file is sealed as soon as it is complete.

    `put_before` has one cell per chunk ``(t, c, z, row, column)``.
    """

    def __init__(self, folder: Path, level: Level, descriptors: Descriptors) -> None:
        self.grid = Grid.of(level)
        self.put_before: NDArray[np.bool_] = np.zeros(
            (*level.shape[:3], self.grid.rows, self.grid.columns), np.bool_
        )
        self._folder = folder
        self._descriptors = descriptors
        self._growing: dict[Key, GrowingFile] = {}

    def put(self, key: Key, encoded: bytes | None) -> None:
        """Store one encoded chunk; None stores nothing, which reads as zeros."""
        file, slot = self.grid.file_of(key), self.grid.slot_of(key)
        growing = self._growing_of(file)
        if encoded is None:
            growing.drop(slot)
        else:
            growing.put(self._descriptors.get(self._path(file)), slot, encoded)
        if not self.put_before[key]:
            self.put_before[key] = True
            growing.waiting -= 1
        if growing.waiting == 0 and not growing.reopened:
            self._seal(file)

    def get(self, key: Key) -> bytes | None:
        """Return a chunk that was put before, None if it holds only zeros."""
        file, slot = self.grid.file_of(key), self.grid.slot_of(key)
        growing = self._growing.get(file)
        if growing is not None:
            if not growing.has(slot):
                return None
            return growing.get(self._descriptors.get(self._path(file)), slot)
        try:
            return ChunkFile(self._path(file), self.grid.slots, self.grid.sharded).read(slot)
        except FileNotFoundError:
            return None

    def seal_all(self) -> None:
        """Seal the files that are still open; what was never put is missing in them."""
        for file in list(self._growing):
            self._seal(file)

    def _growing_of(self, file: Key) -> GrowingFile:
        growing = self._growing.get(file)
        if growing is None:
            grid = self.grid
            rows, columns = grid.shard_rows, grid.shard_columns
            top, left = file[3] * rows, file[4] * columns
            before = self.put_before[file[:3]][top : top + rows, left : left + columns]
            if before.any():
                growing = GrowingFile.reopen(self._path(file), grid.slots, grid.sharded)
            else:
                waiting = grid.chunks_in(file)
                growing = GrowingFile(self._path(file), grid.slots, grid.sharded, waiting)
            self._growing[file] = growing
        return growing

    def _seal(self, file: Key) -> None:
        growing = self._growing.pop(file)
        path = self._path(file)
        if not growing.empty:
            growing.seal(self._descriptors.get(path))
        self._descriptors.close(path)
        if growing.empty:
            path.unlink(missing_ok=True)

    def _path(self, file: Key) -> Path:
        return self._folder / file_name(file)
