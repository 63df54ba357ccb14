"""Chunks that are not complete yet, in bounded memory.

A writer's blocks come in any size and order, a chunk is encoded once it is whole. Until then its
samples wait here. Beyond a budget those touched longest ago move to an unnamed scratch file, each
to a slot of its own, and come back when they are touched again; so memory does not grow with the
width of an image or the number of planes that are open at once.
"""

from __future__ import annotations

import os
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.pixels.geometry import Key

Place = tuple[int, Key]
"""A chunk of a level."""


class Coverage:
    """Which cells of a chunk have been written: samples at level 0, quadrants above."""

    __slots__ = ("_cells", "_rows", "_width", "missing")

    def __init__(self, height: int, width: int) -> None:
        self._rows = np.zeros(height, np.bool_)
        self._cells: NDArray[np.bool_] | None = None
        self._width = width
        self.missing = height * width

    def add(self, y: int, x: int, height: int, width: int) -> bool:
        """Mark a rectangle as written; return True if part of it was so already."""
        if self._cells is None and width < self._width:
            self._cells = np.repeat(self._rows[:, None], self._width, axis=1)
        if self._cells is None:
            rows = self._rows[y : y + height]
            fresh = (height - int(np.count_nonzero(rows))) * width
            rows[:] = True
        else:
            cells = self._cells[y : y + height, x : x + width]
            fresh = cells.size - int(np.count_nonzero(cells))
            cells[:] = True
        self.missing -= fresh
        return fresh < height * width

    def fill(self) -> None:
        """Mark everything as written."""
        self._cells = None
        self._rows[:] = True
        self.missing = 0


class Partial:
    """One incomplete chunk: its samples, 0 where nothing was written, and what was."""

    __slots__ = ("coverage", "samples")

    def __init__(self, samples: NDArray[Any], coverage: Coverage) -> None:
        self.samples = samples
        self.coverage = coverage


class Partials:
    """Incomplete chunks by place, those beyond `budget` bytes on disk below `folder`."""

    def __init__(self, folder: Path, budget: int) -> None:
        self._folder = folder
        self._budget = budget
        self._held: OrderedDict[Place, Partial] = OrderedDict()
        self._bytes = 0
        self._spilled: dict[Place, tuple[int, Partial]] = {}
        self._free: dict[int, list[int]] = {}
        self._scratch: Any = None
        self._end = 0

    def take(self, place: Place) -> Partial | None:
        """Remove and return a chunk; None if nothing of it waits here."""
        partial = self._held.pop(place, None)
        if partial is not None:
            self._bytes -= partial.samples.nbytes
            return partial
        if place in self._spilled:
            return self._recall(place)
        return None

    def keep(self, place: Place, partial: Partial) -> None:
        """Put a chunk back; others may move to the scratch file."""
        self._held[place] = partial
        self._bytes += partial.samples.nbytes
        while self._bytes > self._budget and len(self._held) > 1:
            self._spill(*self._held.popitem(last=False))

    def drain(self, level: int) -> Iterator[tuple[Key, Partial]]:
        """Take every chunk of a level, in no particular order."""
        for place in [*self._held, *self._spilled]:
            if place[0] == level:
                partial = self.take(place)
                if partial is not None:
                    yield place[1], partial

    def close(self) -> None:
        """Forget everything and remove the scratch file."""
        self._held.clear()
        self._spilled.clear()
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None

    def _spill(self, place: Place, partial: Partial) -> None:
        size = partial.samples.nbytes
        self._bytes -= size
        if self._scratch is None:
            self._scratch = tempfile.TemporaryFile(  # noqa: SIM115  # open as long as the writer
                dir=self._folder, buffering=0
            )
        free = self._free.setdefault(size, [])
        if free:
            offset = free.pop()
        else:
            offset, self._end = self._end, self._end + size
        view = partial.samples.reshape(-1).view(np.uint8).data
        position = offset
        while view:
            written = os.pwrite(self._scratch.fileno(), view, position)
            view, position = view[written:], position + written
        # An empty array of the shape's size remembers shape and type, and takes no memory.
        hollow = np.broadcast_to(np.zeros((), partial.samples.dtype), partial.samples.shape)
        self._spilled[place] = (offset, Partial(hollow, partial.coverage))

    def _recall(self, place: Place) -> Partial:
        offset, hollow = self._spilled.pop(place)
        samples = np.empty(hollow.samples.shape, hollow.samples.dtype)
        data = os.pread(self._scratch.fileno(), samples.nbytes, offset)
        samples.reshape(-1).view(np.uint8)[:] = np.frombuffer(data, np.uint8)
        self._free.setdefault(samples.nbytes, []).append(offset)
        return Partial(samples, hollow.coverage)
