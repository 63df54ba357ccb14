"""Cuts an array into tiles that fit in memory, each with the halo its function looks at."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

LEAST_TILE = 32
EFFICIENT_TILE = 256
"""Tiles smaller than a chunk read the same chunk again; other axes are cut before that."""
WIDEST_BAND = 8
"""Planes up to so many times the side of a tile are cut into bands of whole rows."""
ROWS_PER_HALO = 4
"""Rows of a band for each row of halo, so that most of what is read is used."""


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
    halo: Mapping[str, int],
    largest: int,
    fits: Callable[[Mapping[str, int]], bool],
) -> dict[str, int] | None:
    """Find the largest tile that fits, or None if not even the least does.

    A tile starts with about `largest` squared samples of a plane, in bands of whole rows unless the
    plane is very wide: bands are what a writer takes fastest. It is halved, first in y and x down
    to a chunk, then along the other splittable axes, then in y and x again.
    """
    tile = dict(sizes)
    if "y" in splittable:
        tile["x"] = sizes["x"] if sizes["x"] <= WIDEST_BAND * largest else largest
        step = min(largest, EFFICIENT_TILE)
        rows = max(largest * largest // tile["x"], ROWS_PER_HALO * halo["y"], step)
        tile["y"] = min(sizes["y"], rows // step * step)
    while not fits(tile):
        axis = _next_to_halve(tile, splittable)
        if axis is None:
            return None
        tile[axis] = -(-tile[axis] // 2)
    return tile


def _next_to_halve(tile: Mapping[str, int], splittable: str) -> str | None:
    deep = "".join(axis for axis in splittable if axis not in "yx")
    for axes, least in (
        ("y", EFFICIENT_TILE),
        ("x", EFFICIENT_TILE),
        (deep, 1),
        ("yx", LEAST_TILE),
    ):
        found = [axis for axis in axes if axis in splittable and tile[axis] > least]
        if found:
            return max(found, key=lambda axis: tile[axis])
    return None
