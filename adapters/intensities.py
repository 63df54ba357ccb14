"""Numbers behind grey values: storing real results in sample types, and histograms of streams.

Families of operations do not import one another; what two of them need lies here. Real values are
stored by rounding half up and clipping to the type, which is what a reader of pixel values expects
of an average; wrapping is offered where a caller asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import DTypeLike, NDArray

from adapters.operations.samples import Blocks

EXACT_LEVELS = 1 << 20
"""Integers wider than 16 bits get one bin per level up to this range, and equal bins beyond it."""

COUNTED_AT_ONCE = 1 << 23
"""OpenCV counts in float32, which is exact below 2²⁴."""


def limits(dtype: DTypeLike) -> tuple[float, float]:
    """Answer the least and greatest value of an integer type, and 0 and 1 for a float type."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return 0.0, 1.0
    if kind.kind == "b":
        return 0.0, 1.0
    info = np.iinfo(kind)
    return float(info.min), float(info.max)


def stored(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Store real values in a sample type: integers round half up and clip, NaN becomes 0.

    `values` of a float type may be changed in place.
    """
    target = np.dtype(dtype)
    if target.kind == "f" or values.dtype == target:
        return values.astype(target, copy=False)
    if values.dtype.kind != "f":
        return _clipped_integers(values, target)
    info = np.iinfo(target)
    values += 0.5
    np.floor(values, out=values)
    np.nan_to_num(values, copy=False, nan=0.0)
    if target.itemsize <= 2:
        return np.clip(values, info.min, info.max, out=values).astype(target)
    # The limits of wide integers are no floats, so the cast must never meet them.
    above, below = values >= float(info.max), values <= float(info.min)
    values[above | below] = 0
    result = values.astype(target)
    result[above], result[below] = info.max, info.min
    return result


def wrapped(values: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Store real values modulo the range of an integer type, fractions cut towards zero."""
    target = np.dtype(dtype)
    if target.kind == "f":
        return values.astype(target, copy=False)
    if values.dtype.kind != "f":
        return values.astype(target)
    whole = np.trunc(np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0))
    if target.itemsize == 8:
        held = np.where(np.abs(whole) < 2.0**63, whole, 0)
        return np.asarray(held.astype(np.int64).astype(target))
    remainder = np.mod(whole, 2.0 ** (8 * target.itemsize))
    return np.asarray(remainder.astype(np.uint64).astype(target))


def by_table(
    image: NDArray[Any],
    function: Callable[[NDArray[Any]], NDArray[Any]],
    finish: Callable[[NDArray[Any]], NDArray[Any]],
) -> NDArray[Any]:
    """Apply a function of one grey value; 8- and 16-bit images by a table of all their levels.

    `function` receives float64 and is followed by `finish`, which answers the dtype of the result.
    """
    small = image.dtype.kind in "iu" and image.dtype.itemsize <= 2
    if not small or image.size < 2 << (8 * image.dtype.itemsize):
        real = np.float32 if image.dtype in (np.float32, np.float16) else np.float64
        return finish(function(image.astype(real)))
    info = np.iinfo(image.dtype)
    levels = np.arange(info.min, info.max + 1, dtype=np.float64)
    table = finish(function(levels))
    if image.dtype.kind == "i":  # negative levels are the upper half of the unsigned view
        table = np.roll(table, int(info.min))
    return looked_up(image.view(f"u{image.dtype.itemsize}"), table)


def looked_up(image: NDArray[Any], table: NDArray[Any]) -> NDArray[Any]:
    """Index a table of 2⁸ or 2¹⁶ entries with every sample."""
    if table.dtype not in (np.uint8, np.uint16, np.int16, np.float32, np.float64):
        return np.asarray(table[image])
    rows = np.ascontiguousarray(image).reshape(-1, image.shape[-1])
    return np.asarray(cv2.LUT(rows, table.reshape(1, -1))).reshape(image.shape)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of equal bins. `levels` means one bin per whole number, its centre the number itself.

    Samples that are not finite are not counted.
    """

    counts: NDArray[np.int64]
    start: float
    step: float
    levels: bool

    @property
    def centres(self) -> NDArray[Any]:
        """Centre of each bin."""
        offset = 0.0 if self.levels else 0.5
        return self.start + (np.arange(len(self.counts)) + offset) * self.step

    @property
    def edges(self) -> NDArray[Any]:
        """Lower edge of each bin; for levels the number itself."""
        return self.start + np.arange(len(self.counts)) * self.step

    @property
    def total(self) -> int:
        """How many samples were counted."""
        return int(self.counts.sum())

    def trimmed(self) -> Histogram:
        """Drop empty bins at both ends."""
        filled = np.flatnonzero(self.counts)
        if not len(filled):
            return self
        first, last = int(filled[0]), int(filled[-1]) + 1
        start = self.start + first * self.step
        return Histogram(self.counts[first:last], start, self.step, self.levels)


def histogram(blocks: Blocks, bins: int = 256) -> Histogram:
    """Count grey values of a stream.

    Integers up to 16 bits get one bin per level in one pass; wider integers too while they span
    less than `EXACT_LEVELS`, else `bins` equal bins between least and greatest, as floats do, in
    two passes.
    The last bin is closed.
    """
    dtype = blocks.dtype
    if dtype.kind == "b" or (dtype.kind in "iu" and dtype.itemsize <= 2):
        return _of_small_integers(blocks, dtype)
    low, high = value_range(blocks)
    if low > high:
        return Histogram(np.zeros(1, np.int64), 0.0, 1.0, levels=False)
    if dtype.kind in "iu" and high - low < EXACT_LEVELS:
        counts = np.zeros(int(high - low) + 1, np.int64)
        for block in blocks:
            shifted = (block.ravel() - dtype.type(low)).astype(np.int64)
            counts += np.bincount(shifted, minlength=len(counts))
        return Histogram(counts, low, 1.0, levels=True)
    if low == high:
        count = sum(int(np.count_nonzero(block == block.dtype.type(low))) for block in blocks)
        return Histogram(np.array([count], np.int64), low, 1.0, levels=True)
    counts = np.zeros(bins, np.int64)
    for block in blocks:
        counts += np.histogram(_finite(block), bins, (low, high))[0]
    return Histogram(counts, low, (high - low) / bins, levels=False)


def value_range(blocks: Blocks) -> tuple[float, float]:
    """Least and greatest finite value of a stream; infinity and minus infinity if there is none."""
    low, high = np.inf, -np.inf
    for block in blocks:
        least, greatest = float(block.min()), float(block.max())
        if not np.isfinite(least + greatest):
            finite = _finite(block)
            if not finite.size:
                continue
            least, greatest = float(finite.min()), float(finite.max())
        low, high = min(low, least), max(high, greatest)
    return low, high


def counted(blocks: Blocks, values: Mapping[str, Any]) -> Histogram:
    """Reduce a stream to its histogram, with the number of bins an operation was given."""
    return histogram(blocks, int(values.get("bins", 256)))


def _of_small_integers(blocks: Blocks, dtype: np.dtype[Any]) -> Histogram:
    size = 1 << (8 * dtype.itemsize)
    counts = np.zeros(size, np.int64)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    for block in blocks:
        flat = np.ascontiguousarray(block).view(unsigned).reshape(1, -1)
        for at in range(0, flat.shape[1], COUNTED_AT_ONCE):
            part = flat[:, at : at + COUNTED_AT_ONCE]
            counted_part = cv2.calcHist([part], [0], None, [size], [0, size])
            counts += np.asarray(counted_part).reshape(-1).astype(np.int64)
    if dtype.kind == "i":
        half = size // 2
        return Histogram(np.roll(counts, half), float(-half), 1.0, levels=True)
    return Histogram(counts, 0.0, 1.0, levels=True)


def _finite(block: NDArray[Any]) -> NDArray[Any]:
    flat = block.ravel()
    return flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat


def _clipped_integers(values: NDArray[Any], target: np.dtype[Any]) -> NDArray[Any]:
    if values.dtype.kind == "b":
        return values.astype(target)
    source, info = np.iinfo(values.dtype), np.iinfo(target)
    low, high = max(source.min, info.min), min(source.max, info.max)
    return np.asarray(np.clip(values, low, high).astype(target))
