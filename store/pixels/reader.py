"""Reading one published image.

Chunks are read and decoded here rather than by a zarr library: our own files are known to the last
byte, and one tile costs a third of what the quickest library takes (docs/adr/0002). Images made
elsewhere are read in `foreign`.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid, Unavailable
from store.pixels.base import Layout, Level
from store.pixels.codec import decode_into
from store.pixels.geometry import Grid, Key, file_name
from store.pixels.growth import Plane, workers
from store.pixels.selection import channel_list, checked_level, index_range
from store.pixels.shards import ChunkFile, CorruptShard

_ALONE = 8


class OpenFiles:
    """Chunk files open for reading, at most `limit` of them, shared by all readers of a store."""

    def __init__(self, limit: int = 512) -> None:
        self._limit = limit
        self._files: OrderedDict[str, ChunkFile] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str, grid: Grid) -> ChunkFile | None:
        """Return an open file, or None if it does not exist."""
        with self._lock:
            file = self._files.get(path)
            if file is not None:
                self._files.move_to_end(path)
                return file
        try:
            file = ChunkFile(path, grid.slots, grid.sharded)
        except FileNotFoundError:
            return None
        with self._lock:
            self._files[path] = file
            if len(self._files) > self._limit:
                self._files.popitem(last=False)
        return file

    def forget(self, folder: Path) -> None:
        """Drop every file below a folder."""
        prefix = f"{folder}{os.sep}"
        with self._lock:
            for path in [path for path in self._files if path.startswith(prefix)]:
                del self._files[path]


class ZarrPixelReader:
    """Reads regions of one image; threads may share it."""

    def __init__(
        self, folder: Path, layout: Layout, levels: tuple[Level, ...], files: OpenFiles
    ) -> None:
        self.layout = layout
        self.levels = levels
        self._dtype = np.dtype(layout.dtype)
        self._files = files
        self._grids = [Grid.of(level) for level in levels]
        self._folders = [f"{folder / level.path}{os.sep}" for level in levels]

    def region(
        self,
        *,
        level: int = 0,
        t: slice | int = 0,
        c: slice | int | Sequence[int] = slice(None),
        z: slice | int = 0,
        y: slice = slice(None),
        x: slice = slice(None),
    ) -> NDArray[Any]:
        """Return samples as ``(t, c, z, y, x)`` in native byte order; an integer gives length 1.

        Raises
        ------
        Invalid
            For an index outside the level; nothing is clipped.
        Unavailable
            If a chunk on the disk is damaged.
        """
        checked_level(level, len(self.levels))
        size_t, size_c, size_z, size_y, size_x = self.levels[level].shape
        ts, zs = index_range("t", t, size_t), index_range("z", z, size_z)
        cs = channel_list(c, size_c)
        ys, xs = index_range("y", y, size_y), index_range("x", x, size_x)
        out = np.empty((len(ts), len(cs), len(zs), len(ys), len(xs)), self._dtype)
        pieces = [
            (out[i, j, k], (number_t, number_c, number_z))
            for i, number_t in enumerate(ts)
            for j, number_c in enumerate(cs)
            for k, number_z in enumerate(zs)
        ]
        self._fill(level, pieces, ys, xs)
        return out

    def tile(
        self, *, row: int, column: int, c: Sequence[int], level: int = 0, t: int = 0, z: int = 0
    ) -> NDArray[Any]:
        """Return one tile of the grid of 256² as ``(c, y, x)``, cut at the right and bottom edge.

        The quickest read there is: a tile is a chunk.

        Raises
        ------
        Invalid
            For an index outside the level.
        """
        grid = self._grids[checked_level(level, len(self.levels))]
        size_t, size_c, size_z = self.levels[level].shape[:3]
        if not (0 <= row < grid.rows and 0 <= column < grid.columns):
            raise Invalid("tile", f"{row}, {column} was asked for of {grid.rows}×{grid.columns}")
        t, z = index_range("t", t, size_t).start, index_range("z", z, size_z).start
        cs = channel_list(c, size_c)
        out = np.empty((len(cs), grid.chunk_y, grid.chunk_x), self._dtype)
        for number, channel in enumerate(cs):
            self._decode(level, (t, channel, z, row, column), out[number])
        height, width = grid.extent(row, column)
        return out if out.shape[1:] == (height, width) else out[:, :height, :width]

    def _fill(
        self, level: int, planes: list[tuple[NDArray[Any], Plane]], ys: range, xs: range
    ) -> None:
        grid = self._grids[level]
        jobs = []
        for row in range(ys.start // grid.chunk_y, -(-ys.stop // grid.chunk_y)):
            y, inner_y = _overlap(row * grid.chunk_y, grid.chunk_y, ys)
            for column in range(xs.start // grid.chunk_x, -(-xs.stop // grid.chunk_x)):
                x, inner_x = _overlap(column * grid.chunk_x, grid.chunk_x, xs)
                jobs += [
                    (out[y, x], (*plane, row, column), inner_y, inner_x) for out, plane in planes
                ]

        def run(part: list[tuple[NDArray[Any], Key, slice, slice]]) -> None:
            for target, key, inner_y, inner_x in part:
                if target.shape == (grid.chunk_y, grid.chunk_x) and target.flags.c_contiguous:
                    self._decode(level, key, target)
                else:
                    chunk = np.empty((grid.chunk_y, grid.chunk_x), self._dtype)
                    self._decode(level, key, chunk)
                    target[...] = chunk[inner_y, inner_x]

        if len(jobs) <= _ALONE:
            run(jobs)
            return
        count = os.cpu_count() or 1
        for _ in workers().map(run, [jobs[number::count] for number in range(count)]):
            pass

    def _decode(self, level: int, key: Key, chunk: NDArray[Any]) -> None:
        """Fill a contiguous chunk with the samples of `key`, zeros if it is not stored."""
        grid = self._grids[level]
        path = self._folders[level] + file_name(grid.file_of(key))
        try:
            file = self._files.get(path, grid)
            encoded = None if file is None else file.read(grid.slot_of(key))
            if encoded is None:
                chunk.fill(0)
            else:
                decode_into(encoded, chunk)
        except (CorruptShard, ValueError, RuntimeError) as error:
            raise Unavailable(
                "the pixel store",
                f"chunk {key} of level {level} is damaged ({error}); run `imagehub doctor`",
            ) from error


def _overlap(start: int, size: int, asked: range) -> tuple[slice, slice]:
    """Return what a chunk shares with a range: in samples of the range, and of the chunk."""
    low, high = max(start, asked.start), min(start + size, asked.stop)
    return slice(low - asked.start, high - asked.start), slice(low - start, high - start)
