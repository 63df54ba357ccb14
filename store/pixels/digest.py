"""The checksum and the extremes of the samples, taken while they pass by.

The checksum is SHA-256 over the samples of level 0 as little-endian bytes in C order of
``(t, c, z, y, x)``, so it does not depend on codec, chunks or the order of writing. Blocks that
continue that order are hashed as they come; whatever comes out of order is read back at the end.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.pixels.base import Layout


class RunningDigest:
    """SHA-256 of a growing prefix of the samples: all planes before `plane`, then `row` rows."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._hash = hashlib.sha256()
        self.plane = 0
        self.row = 0

    def plane_number(self, t: int, c: int, z: int) -> int:
        """Return the place of a plane in canonical order."""
        return (t * self._layout.size_c + c) * self._layout.size_z + z

    @property
    def next_plane(self) -> tuple[int, int, int]:
        """The plane ``(t, c, z)`` that the prefix ends in."""
        rest, z = divmod(self.plane, self._layout.size_z)
        t, c = divmod(rest, self._layout.size_c)
        return t, c, z

    def continues(self, plane: int, y: int, x: int, width: int) -> bool:
        """Tell whether a block starts where the prefix ends and spans whole rows."""
        return (plane, y) == (self.plane, self.row) and x == 0 and width == self._layout.size_x

    def update(self, rows: NDArray[Any]) -> None:
        """Hash the next whole rows ``(y, x)``."""
        if sys.byteorder == "big":
            rows = rows.byteswap()
        self._hash.update(memoryview(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data))
        self.row += rows.shape[0]
        if self.row == self._layout.size_y:
            self.plane, self.row = self.plane + 1, 0

    def restart(self) -> None:
        """Forget the prefix."""
        self._hash = hashlib.sha256()
        self.plane = self.row = 0

    @property
    def complete(self) -> bool:
        """True when every plane is in."""
        layout = self._layout
        return self.plane == layout.size_t * layout.size_c * layout.size_z

    def hexdigest(self) -> str:
        """Return the digest of the prefix."""
        return self._hash.hexdigest()


class Extremes:
    """Smallest and largest sample of each channel; NaN is ignored."""

    def __init__(self, size_c: int) -> None:
        self._low: list[Any] = [None] * size_c
        self._high: list[Any] = [None] * size_c

    def add(self, c: int, samples: NDArray[Any]) -> None:
        """Take in a block of channel `c`."""
        low, high = _extremes(samples)
        if low != low:
            return
        known = self._low[c]
        self._low[c] = low if known is None else min(known, low)
        self._high[c] = high if known is None else max(self._high[c], high)

    @property
    def minima(self) -> tuple[float, ...]:
        """The smallest sample per channel, NaN where there is none."""
        return tuple(float("nan") if value is None else float(value) for value in self._low)

    @property
    def maxima(self) -> tuple[float, ...]:
        """The largest sample per channel, NaN where there is none."""
        return tuple(float("nan") if value is None else float(value) for value in self._high)


def _extremes(samples: NDArray[Any]) -> tuple[Any, Any]:
    low, high = samples.min(), samples.max()
    if low != low:
        low, high = np.fmin.reduce(samples, axis=None), np.fmax.reduce(samples, axis=None)
    return low, high
