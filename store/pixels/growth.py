"""A pyramid that grows with the data: blocks of level 0 in, chunks of all levels out.

A block is cut along the chunks. A chunk that is whole is encoded by worker threads, appended to its
shard at once, halved, and pasted into the chunk above it, which follows the same way when its four
quarters are there. So nothing is read twice, blocks may come in any order, and only incomplete
chunks are held (`partials`, bounded). A block written over an earlier one replaces its samples,
pyramid and all, at the price of a decode and an encode per chunk.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.pixels.base import Level
from store.pixels.codec import Codec, decode
from store.pixels.geometry import CHUNK, Key
from store.pixels.levelfiles import Descriptors, LevelFiles
from store.pixels.partials import Coverage, Partial, Partials
from store.pixels.pyramid import halve

Chunk = tuple[Key, NDArray[Any]]
Plane = tuple[int, int, int]
"""``(t, c, z)``."""

_HALF = CHUNK // 2
_BATCH = 64
_OPEN_FILES = 64
_PARTIAL_BYTES = 64 << 20


@cache
def workers() -> ThreadPoolExecutor:
    """Return the threads that encode and decode chunks, shared by the process."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="chunks")


class GrowingPyramid:
    """All levels of one image below `folder`, whose scratch file goes to `scratch`.

    `overlapped` turns true when a sample is written a second time.
    """

    def __init__(
        self,
        folder: Path,
        scratch: Path,
        levels: Sequence[Level],
        dtype: np.dtype[Any],
        codec: Codec,
        *,
        labels: bool,
    ) -> None:
        self._descriptors = Descriptors(_OPEN_FILES)
        self._files = [
            LevelFiles(folder / level.path, level, self._descriptors) for level in levels
        ]
        self._partials = Partials(scratch, _PARTIAL_BYTES)
        self._dtype = dtype
        self._codec = codec
        self._labels = labels
        self.overlapped = False

    def add(self, plane: Plane, block: NDArray[Any], y: int, x: int) -> None:
        """Store a block ``(y, x)`` of level 0 whose first sample is at ``(y, x)``."""
        self._emit(0, self._cut(plane, block, y, x))

    def close(self) -> list[bool]:
        """Store what is incomplete, with 0 where nothing was written, and seal every file.

        Returns, for each channel, whether every sample of it was written.
        """
        whole = [True] * self._files[0].put_before.shape[1]
        for level, files in enumerate(self._files):
            waiting = self._partials.drain(level)
            if level == 0:
                waiting = self._noting(waiting, whole)
            self._emit(level, ((key, partial.samples) for key, partial in waiting))
            files.seal_all()
        put = [bool(one.all()) for one in self._files[0].put_before.swapaxes(0, 1)]
        self.abandon()
        return [complete and all_put for complete, all_put in zip(whole, put, strict=True)]

    def abandon(self) -> None:
        """Close every file as it is."""
        self._partials.close()
        self._descriptors.close_all()

    @staticmethod
    def _noting(
        waiting: Iterator[tuple[Key, Partial]], whole: list[bool]
    ) -> Iterator[tuple[Key, Partial]]:
        for key, partial in waiting:
            whole[key[1]] = False
            yield key, partial

    def _cut(self, plane: Plane, block: NDArray[Any], y: int, x: int) -> Iterator[Chunk]:
        grid = self._files[0].grid
        height, width = block.shape
        for row in range(y // grid.chunk_y, -(-(y + height) // grid.chunk_y)):
            top = row * grid.chunk_y
            rows = slice(max(top - y, 0), min(top + grid.chunk_y - y, height))
            for column in range(x // grid.chunk_x, -(-(x + width) // grid.chunk_x)):
                left = column * grid.chunk_x
                columns = slice(max(left - x, 0), min(left + grid.chunk_x - x, width))
                part = block[rows, columns]
                key = (*plane, row, column)
                if part.shape == grid.extent(row, column):
                    known = self._partials.take((0, key)) is not None
                    self.overlapped |= known or bool(self._files[0].put_before[key])
                    yield key, part
                else:
                    whole = self._paste(key, part, y + rows.start - top, x + columns.start - left)
                    if whole is not None:
                        yield key, whole

    def _paste(self, key: Key, part: NDArray[Any], y: int, x: int) -> NDArray[Any] | None:
        """Put part of a chunk of level 0 in its place; return the chunk if that makes it whole."""
        partial = self._take(0, key)
        height, width = part.shape
        self.overlapped |= partial.coverage.add(y, x, height, width)
        partial.samples[y : y + height, x : x + width] = part
        if partial.coverage.missing == 0:
            return partial.samples
        self._partials.keep((0, key), partial)
        return None

    def _take(self, level: int, key: Key) -> Partial:
        """Return a chunk as far as it is known: waiting, stored, or empty."""
        partial = self._partials.take((level, key))
        if partial is not None:
            return partial
        files = self._files[level]
        height, width = extent = files.grid.extent(key[3], key[4])
        cells = extent if level == 0 else (-(-height // _HALF), -(-width // _HALF))
        partial = Partial(np.zeros(extent, self._dtype), Coverage(*cells))
        if files.put_before[key]:
            partial.coverage.fill()
            encoded = files.get(key)
            if encoded is not None:
                shape = (files.grid.chunk_y, files.grid.chunk_x)
                partial.samples[:] = decode(encoded, shape, self._dtype)[:height, :width]
        return partial

    def _emit(self, level: int, chunks: Iterable[Chunk]) -> None:
        """Encode and store whole chunks, and everything above that they complete."""
        chunks = iter(chunks)
        last = level + 1 == len(self._files)
        while batch := list(islice(chunks, _BATCH)):
            complete: dict[Key, None] = {}
            for key, encoded, half in self._encode(level, batch, last):
                self._files[level].put(key, encoded)
                if half is not None and (above := self._raise(level + 1, key, half)):
                    complete[above] = None
            # Taken only now: two quarters of one stored chunk may lie in the same batch.
            taken = {key: self._partials.take((level + 1, key)) for key in complete}
            ready = [(key, part.samples) for key, part in taken.items() if part is not None]
            if ready:
                self._emit(level + 1, ready)

    def _raise(self, level: int, below: Key, half: NDArray[Any]) -> Key | None:
        """Paste a halved chunk into the one above; return that one's key if it is whole now."""
        t, c, z, row, column = below
        key = (t, c, z, row // 2, column // 2)
        partial = self._take(level, key)
        y, x = row % 2, column % 2
        height, width = half.shape
        partial.samples[y * _HALF : y * _HALF + height, x * _HALF : x * _HALF + width] = half
        partial.coverage.add(y, x, 1, 1)
        self._partials.keep((level, key), partial)
        return key if partial.coverage.missing == 0 else None

    def _encode(
        self, level: int, batch: list[Chunk], last: bool
    ) -> Iterator[tuple[Key, bytes | None, NDArray[Any] | None]]:
        grid = self._files[level].grid
        shape = (grid.chunk_y, grid.chunk_x)

        def encode(chunks: list[Chunk]) -> list[tuple[Key, bytes | None, NDArray[Any] | None]]:
            results = []
            for key, given in chunks:
                samples = np.ascontiguousarray(given)
                half = None if last else halve(samples, labels=self._labels)
                results.append((key, self._codec.encode(_padded(samples, shape)), half))
            return results

        if len(batch) == 1:
            return iter(encode(batch))
        count = min(len(batch), os.cpu_count() or 1)
        groups = [batch[number::count] for number in range(count)]
        return (result for group in workers().map(encode, groups) for result in group)


def _padded(samples: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    """Return a chunk of the full shape, with 0 outside the level."""
    if samples.shape == shape:
        return samples
    chunk = np.zeros(shape, samples.dtype)
    chunk[: samples.shape[0], : samples.shape[1]] = samples
    return chunk
