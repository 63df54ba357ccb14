"""Cuts an array into tiles that fit in memory, each with the halo its function looks at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

LEAST_TILE = 32
EFFICIENT_TILE = 256
"""Tiles smaller than a chunk read the same chunk again; other axes are cut before that."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The part to compute (`core`) and the part to read (`outer`), slices by axis."""

    core: Mapping[str, slice]
    outer: Mapping[str, slice]

    def inner(self, axis: str) -> slice:
        """Where the core lies in what was read."""
        start = self.core[axis].start - self.outer[axis].start
        return slice(start, start + self.core[axis].stop - self.core[axis].start)


def cut(
    sizes: Mapping[str, int], tile: Mapping[str, int], halo: Mapping[str, int]
) -> Iterator[Tile]:
    """Walk the tiles in raster order; halos are clipped to the array."""
    steps = [range(0, size, tile[axis]) for axis, size in sizes.items()]
    for starts in itertools.product(*steps):
        core, outer = {}, {}
        for (axis, size), start in zip(sizes.items(), starts, strict=True):
            stop = min(start + tile[axis], size)
            core[axis] = slice(start, stop)
            outer[axis] = slice(max(0, start - halo[axis]), min(size, stop + halo[axis]))
        yield Tile(core, outer)


def count(sizes: Mapping[str, int], tile: Mapping[str, int]) -> int:
    """How many tiles `cut` gives."""
    return math.prod(-(-size // tile[axis]) for axis, size in sizes.items())


def fitting_tile(
    sizes: Mapping[str, int],
    splittable: str,
    largest: int,
    fits: Callable[[Mapping[str, int]], bool],
) -> dict[str, int] | None:
    """Find the largest tile that fits, or None if not even the least does.

    y and x start at `largest` and are halved down to a chunk, then the other splittable axes are
    halved, then y and x again.
    """
    tile = {
        axis: min(size, largest) if axis in "yx" and axis in splittable else size
        for axis, size in sizes.items()
    }
    while not fits(tile):
        axis = _next_to_halve(tile, splittable)
        if axis is None:
            return None
        tile[axis] = -(-tile[axis] // 2)
    return tile


def _next_to_halve(tile: Mapping[str, int], splittable: str) -> str | None:
    flat = [axis for axis in tile if axis in "yx" and axis in splittable]
    deep = [axis for axis in tile if axis not in "yx" and axis in splittable]
    for axes, least in ((flat, EFFICIENT_TILE), (deep, 1), (flat, LEAST_TILE)):
        open_axes = [axis for axis in axes if tile[axis] > least]
        if open_axes:
            return max(open_axes, key=lambda axis: tile[axis])
    return None
