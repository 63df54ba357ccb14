"""Numbers about samples, streamed block by block: histogram, moments, percentiles, projections.

All take a reader and a region of one level and hold a few blocks at a time, whatever the size.
NaN is left out, except that a projection of NaN is NaN; infinities fall into no bin. Pass a small
`level` for a quick estimate: means of samples have a narrower spread than the samples.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid
from store.pixels.base import RegionReader
from store.pixels.geometry import CHUNK
from store.pixels.selection import channel_list, checked_level, index_range

ProjectionKind = Literal["max", "min", "mean", "sum", "median", "std"]

_BLOCK = 2 << 20  # samples; some steps widen them to 8 bytes
_STACK_BYTES = 32 << 20
_FINE_BINS = 65_536
_COLLECTED = 4_000_000


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts per bin and the ``bins + 1`` edges; the last bin includes its upper edge."""

    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Statistics:
    """Moments of a set of samples. `std` divides by `count`; all but `count` NaN if it is 0."""

    count: int
    minimum: float
    maximum: float
    sum: float
    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class Selection:
    """The samples to look at: a box of one channel, all of its axes as in `PixelReader.region`."""

    c: int = 0
    t: slice | int = 0
    z: slice | int = 0
    y: slice = field(default_factory=lambda: slice(None))
    x: slice = field(default_factory=lambda: slice(None))
    level: int = 0


def histogram(
    reader: RegionReader,
    selection: Selection,
    *,
    bins: int = 256,
    limits: tuple[float, float] | None = None,
) -> Histogram:
    """Count samples in bins of equal width between `limits`, by default the extremes.

    Samples outside the limits are not counted, as in `numpy.histogram`.

    Raises
    ------
    Invalid
        For fewer than 1 or more than 65 536 bins, or limits that are not an ascending pair.
    """
    if not 1 <= bins <= _FINE_BINS:
        raise Invalid("bins", f"{bins} was asked for, 1 to {_FINE_BINS} are possible")
    if limits is None:
        found = statistics(reader, selection)
        usable = found.count and math.isfinite(found.minimum) and math.isfinite(found.maximum)
        limits = (found.minimum, found.maximum) if usable else (0.0, 1.0)
    low, high = limits
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise Invalid("limits", f"{low} to {high} is not a range")
    edges = np.histogram_bin_edges(np.empty(0), bins, (low, high)).astype(np.float64)
    counts = np.zeros(bins, np.int64)
    dtype = np.dtype(reader.layout.dtype)
    if _countable(dtype):
        values, weights = _value_counts(reader, selection)
        counts += np.histogram(values, bins, (low, high), weights=weights)[0].astype(np.int64)
    else:
        for block in _blocks(reader, selection):
            counts += np.histogram(_finite(block).astype(np.float64), bins, (low, high))[0]
    return Histogram(counts, edges)


def statistics(reader: RegionReader, selection: Selection) -> Statistics:
    """Return count, extremes, sum, mean and standard deviation.

    Sums of integers are exact; mean and deviation are merged block by block, which stays accurate
    for any number of samples (Chan, Golub and LeVeque 1979, parallel variance).
    """
    if _countable(np.dtype(reader.layout.dtype)):
        return _counted_statistics(*_value_counts(reader, selection))
    count, mean, spread = 0, 0.0, 0.0
    total: int | float = 0
    low, high = math.inf, -math.inf
    for block in _blocks(reader, selection):
        samples = block[~np.isnan(block)] if block.dtype.kind == "f" else block.reshape(-1)
        size = samples.size
        if not size:
            continue
        low, high = min(low, float(samples.min())), max(high, float(samples.max()))
        part = _exact_sum(samples)
        total += part
        with np.errstate(invalid="ignore", over="ignore"):
            here = float(part) / size
            offset = samples - np.float64(here)
            beyond = here - mean
            spread += float(offset @ offset) + beyond * beyond * count * size / (count + size)
            mean += beyond * size / (count + size)
        count += size
    if not count:
        return Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan)
    mean = float(total) / count
    return Statistics(count, low, high, float(total), mean, math.sqrt(spread / count))


def percentiles(
    reader: RegionReader, selection: Selection, ranks: Sequence[float]
) -> tuple[float, ...]:
    """Return percentiles for ranks 0 to 100, interpolated between samples as numpy does.

    Exact for integers of up to 16 bits. For other types the samples around each rank are collected
    in a second pass; only if more than 4 million differing ones crowd into 1/65 536 of the range
    is the answer interpolated there. NaN if there are no samples.

    Raises
    ------
    Invalid
        For a rank outside 0 to 100.
    """
    for rank in ranks:
        if not 0 <= rank <= 100:
            raise Invalid("ranks", f"{rank} was asked for, the range is 0 to 100")
    if _countable(np.dtype(reader.layout.dtype)):
        values, weights = _value_counts(reader, selection)
        ends = np.cumsum(weights)

        def counted(order: int) -> float:
            return float(values[int(np.searchsorted(ends, order, side="right"))])

        return tuple(_interpolated(counted, int(ends[-1]), rank) for rank in ranks)
    fine = histogram(reader, selection, bins=_FINE_BINS)
    count = int(fine.counts.sum())
    if not count:
        return (math.nan,) * len(ranks)
    orders = {order for rank in ranks for order in _orders(count, rank)}
    found = _collect(reader, selection, fine, sorted(orders))
    return tuple(_interpolated(found.__getitem__, count, rank) for rank in ranks)


def projection(
    reader: RegionReader,
    kind: ProjectionKind,
    axis: Literal["z", "t"] = "z",
    *,
    start: int = 0,
    end: int | None = None,
    level: int = 0,
    t: int = 0,
    z: int = 0,
    c: slice | int | Sequence[int] = slice(None),
    y: slice = slice(None),
    x: slice = slice(None),
) -> NDArray[Any]:
    """Project planes `start` up to, not including, `end` of an axis to one: ``(c, y, x)``.

    `max`, `min` keep the sample type. `sum` is int64 or uint64 for integers, else float64. `mean`,
    `median`, `std` are float32 for samples of up to 16 bits and float32, else float64; `std`
    divides by the number of planes. The other of `t` and `z` says which planes. Beside the result,
    memory is bounded for any number of planes.

    Raises
    ------
    Invalid
        For an index outside the level, or an unknown kind or axis.
    """
    if kind not in _KINDS:
        raise Invalid("kind", f"{kind!r} is not known, choose one of {', '.join(_KINDS)}")
    if axis not in ("z", "t"):
        raise Invalid("axis", f"{axis!r} is not known, choose z or t")
    shape = reader.levels[checked_level(level, len(reader.levels))].shape
    planes = index_range(axis, slice(start, end), shape[2 if axis == "z" else 0])
    channels = channel_list(c, shape[1])
    ys, xs = index_range("y", y, shape[3]), index_range("x", x, shape[4])
    dtype = np.dtype(reader.layout.dtype)
    out = np.empty((len(channels), len(ys), len(xs)), _projected_type(kind, dtype))
    share = _BLOCK if kind != "median" else _STACK_BYTES // (len(planes) * dtype.itemsize)
    for number, channel in enumerate(channels):
        for rows, columns in _boxes(ys, xs, share):
            where = {"level": level, "c": channel, "y": rows, "x": columns}
            stack = (
                reader.region(**{**where, "t": t, "z": z, axis: plane})[0, 0, 0]  # type: ignore[arg-type]  # one dictionary for all axes
                for plane in planes
            )
            top, left = rows.start - ys.start, columns.start - xs.start
            bottom, right = rows.stop - ys.start, columns.stop - xs.start
            out[number, top:bottom, left:right] = _reduced(kind, stack)
    return out


_KINDS = ("max", "min", "mean", "sum", "median", "std")


def _projected_type(kind: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if kind in ("max", "min"):
        return dtype
    if kind == "sum":
        return np.dtype({"u": np.uint64, "i": np.int64, "f": np.float64}[dtype.kind])
    small = dtype.itemsize <= 2 or dtype == np.float32
    return np.dtype(np.float32 if small else np.float64)


def _reduced(kind: str, planes: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """Reduce planes to one."""
    if kind == "median":
        stack = np.stack(list(planes))
        middle: NDArray[Any] = np.median(stack, axis=0, overwrite_input=True)
        return middle
    first = next(planes)
    if kind in ("max", "min"):
        pick = np.maximum if kind == "max" else np.minimum
        result = first.copy()
        for plane in planes:
            pick(result, plane, out=result)
        return result
    if kind == "sum":
        total = first.astype(_projected_type("sum", first.dtype))
        for plane in planes:
            total += plane
        return total
    return _moments(kind, first, planes)


def _moments(kind: str, first: NDArray[Any], planes: Iterator[NDArray[Any]]) -> NDArray[Any]:
    """Return mean or deviation by Welford's update, accurate for any number of planes."""
    mean = first.astype(np.float64)
    spread = np.zeros_like(mean)
    count = 1
    for count, plane in enumerate(planes, 2):
        before = plane - mean
        mean += before / count
        if kind == "std":
            spread += before * (plane - mean)
    deviation: NDArray[Any] = np.sqrt(spread / count)
    return deviation if kind == "std" else mean


def _boxes(ys: range, xs: range, samples: int) -> Iterator[tuple[slice, slice]]:
    """Cut a region into boxes of about `samples`, along the chunks where they fit."""
    width = min(len(xs), max(CHUNK, samples // CHUNK // CHUNK * CHUNK))
    height = max(1, samples // width)
    if height > CHUNK:
        height = height // CHUNK * CHUNK
    for top, bottom in _cuts(ys, height):
        for left, right in _cuts(xs, width):
            yield slice(top, bottom), slice(left, right)


def _cuts(asked: range, step: int) -> Iterator[tuple[int, int]]:
    start = asked.start
    while start < asked.stop:
        stop = min(asked.stop, (start // step + 1) * step)
        yield start, stop
        start = stop


def _blocks(reader: RegionReader, selection: Selection) -> Iterator[NDArray[Any]]:
    """Yield the samples of a selection as 2-D blocks."""
    level = checked_level(selection.level, len(reader.levels))
    shape = reader.levels[level].shape
    c = index_range("c", selection.c, shape[1]).start
    ys, xs = index_range("y", selection.y, shape[3]), index_range("x", selection.x, shape[4])
    for t in index_range("t", selection.t, shape[0]):
        for z in index_range("z", selection.z, shape[2]):
            for rows, columns in _boxes(ys, xs, _BLOCK):
                region = reader.region(level=level, t=t, c=c, z=z, y=rows, x=columns)
                yield region[0, 0, 0]


def _finite(block: NDArray[Any]) -> NDArray[Any]:
    return block[np.isfinite(block)] if block.dtype.kind == "f" else block


def _countable(dtype: np.dtype[Any]) -> bool:
    return dtype.kind in "ui" and dtype.itemsize <= 2


def _value_counts(
    reader: RegionReader, selection: Selection
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the values that occur, ascending, and how often each does; for up to 16 bits."""
    info = np.iinfo(reader.layout.dtype)
    counts = np.zeros(int(info.max) - int(info.min) + 1, np.int64)
    for block in _blocks(reader, selection):
        shifted = block.reshape(-1)
        if info.min:
            shifted = shifted.astype(np.int64) - int(info.min)
        counts += np.bincount(shifted, minlength=counts.size)
    present = np.flatnonzero(counts)
    return present + int(info.min), counts[present]


def _counted_statistics(values: NDArray[np.int64], counts: NDArray[np.int64]) -> Statistics:
    """Return the moments of values that occur some times each, from exact sums."""
    count = int(counts.sum())
    total = int(values @ counts)
    squares = sum(int(value) ** 2 * int(times) for value, times in zip(values, counts, strict=True))
    std = math.sqrt(squares * count - total * total) / count
    low, high = float(values[0]), float(values[-1])
    return Statistics(count, low, high, float(total), total / count, std)


def _exact_sum(samples: NDArray[Any]) -> int | float:
    if samples.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):
            return float(samples.sum(dtype=np.float64))
    if samples.dtype.itemsize < 8:
        return int(samples.sum(dtype=np.int64))
    # Two halves of 32 bits, so that 64-bit samples cannot overflow the sum.
    high, low = samples >> 32, samples & 0xFFFFFFFF
    return (int(high.sum()) << 32) + int(low.sum())


def _orders(count: int, rank: float) -> tuple[int, int]:
    position = (count - 1) * rank / 100
    return math.floor(position), math.ceil(position)


def _interpolated(sample: Any, count: int, rank: float) -> float:
    """Return a percentile from a function that gives the sample of an order, 0 the smallest."""
    lower, upper = _orders(count, rank)
    low, high = sample(lower), sample(upper)
    part = (count - 1) * rank / 100 - lower
    return float(low + (high - low) * part)


def _collect(
    reader: RegionReader, selection: Selection, fine: Histogram, orders: list[int]
) -> dict[int, float]:
    """Return the samples of some orders: gather those in the bins that hold them, and sort."""
    ends = np.cumsum(fine.counts)
    bins = {order: int(np.searchsorted(ends, order, side="right")) for order in orders}
    gathered: dict[int, list[NDArray[Any]]] = {number: [] for number in set(bins.values())}
    sizes = dict.fromkeys(gathered, 0)
    last = len(fine.counts) - 1
    for block in _blocks(reader, selection):
        samples = _finite(block).astype(np.float64)
        for number, parts in gathered.items():
            low, high = fine.edges[number], fine.edges[number + 1]
            upper = samples <= high if number == last else samples < high
            part = samples[(samples >= low) & upper]
            if sizes[number] + part.size > _COLLECTED:
                # Too many to keep: where they are all alike their extremes still are exact.
                part = np.array([part.min(), part.max()])
            parts.append(part)
            sizes[number] += part.size
    found = {}
    for order, number in bins.items():
        start = int(ends[number] - fine.counts[number])
        found[order] = _pick(np.concatenate(gathered[number]), order - start, fine, number)
    return found


def _pick(samples: NDArray[Any], order: int, fine: Histogram, number: int) -> float:
    count = int(fine.counts[number])
    if samples.size == count:
        return float(np.partition(samples, order)[order])
    low, high = float(samples.min()), float(samples.max())
    return low + (high - low) * order / max(1, count - 1)
