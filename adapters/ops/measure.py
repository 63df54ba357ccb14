"""Measurements: objects of a label image, statistics and histograms of grey values.

Objects are measured by their runs, the stretches of one label within a row: there are far fewer
runs than samples, so no sample is sorted or counted by itself. Coordinates follow the shapes of
the hub: pixel (x, y) covers [x, x+1] × [y, y+1], so the centroid of one pixel lies at its middle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from adapters.intensities import histogram as counted
from adapters.intensities import limits
from adapters.operations import (
    Column,
    Frame,
    Labels,
    ObjectWise,
    Plane,
    Port,
    Reduction,
    Streamed,
    Table,
    Values,
    operation,
)
from store.errors import Invalid

SCOPES = {"plane": "yx", "stack": "zyx", "channel": "tzyx", "image": "tczyx"}
Scope = Annotated[
    Literal["plane", "stack", "channel", "image"],
    Port("Samples counted together: a plane, all z, all z and times, or everything."),
]
BAND = 64
"""Rows compared at once, so that what is compared stays in the cache."""
SQRT2 = float(np.sqrt(2.0))
BORDER_WEIGHTS = np.zeros(50)
"""Length that a border pixel stands for, by 1 + 2·(border neighbours across an edge) + 10·(across a
corner). K. Benkrid, D. Crookes and A. Benkrid, Design and FPGA Implementation of a Perimeter
Estimator, 2000."""
BORDER_WEIGHTS[[5, 7, 15, 17, 25, 27]] = 1.0
BORDER_WEIGHTS[[21, 33]] = SQRT2
BORDER_WEIGHTS[[13, 23]] = (1.0 + SQRT2) / 2.0


def _scope(values: Values) -> str:
    return SCOPES[values["scope"]]


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of one label in a row. `objects` indexes `labels`, the sorted labels that occur."""

    labels: NDArray[Any]
    objects: NDArray[np.intp]
    y: NDArray[np.int64]
    x: NDArray[np.int64]
    length: NDArray[np.int64]

    def summed(self, per_run: NDArray[Any]) -> NDArray[Any]:
        """Add what each run has, by object."""
        return np.bincount(self.objects, weights=per_run, minlength=len(self.labels))


@operation(
    "measure.regions",
    menu="Analyze > Measure Regions...",
    locality=ObjectWise(),
    working_bytes=24,
)
def regions(
    labels: Labels,
    frame: Frame,
    intensity: Annotated[Plane | None, Port("Image whose grey values are measured.")] = None,
) -> Table:
    """Measure every object of a label image, one row per label.

    Area, centroid and perimeter are in µm when the image is calibrated (the perimeter only if its
    pixels are square), else in pixels; the bounding box is always in pixels. The standard deviation
    divides by n - 1 and is 0 for a single pixel.
    """
    if intensity is not None and intensity.shape != labels.shape:
        raise Invalid("intensity", f"is {intensity.shape}, but the labels are {labels.shape}.")
    runs = find_runs(labels)
    columns = [Column("label", runs.labels.astype(np.int64)), *_geometry(labels, runs, frame)]
    if intensity is not None:
        columns += _grey_values(labels, intensity, runs)
    return Table(tuple(columns))


@operation(
    "measure.statistics",
    menu="Analyze > Statistics",
    locality=Reduction(_scope),
)
def statistics(image: Streamed, scope: Scope = "plane") -> Table:
    """Describe grey values: count, mean, standard deviation (n - 1), least, greatest and sum.

    Samples that are not finite are left out. Blocks are merged after T. F. Chan, G. H. Golub and
    R. J. LeVeque, The American Statistician 37 (1983) 242-247.
    """
    count, mean, squares, total = 0, 0.0, 0.0, 0.0
    low, high = np.inf, -np.inf
    for block in image:
        flat = block.ravel()
        flat = flat[np.isfinite(flat)] if flat.dtype.kind == "f" else flat
        if not flat.size:
            continue
        part = float(flat.sum(dtype=np.float64))
        delta = part / flat.size - mean
        merged = count + flat.size
        deviation = flat - part / flat.size
        squares += float(np.vdot(deviation, deviation)) + delta * delta * count * flat.size / merged
        mean += delta * flat.size / merged
        count, total = merged, total + part
        low, high = min(low, float(flat.min())), max(high, float(flat.max()))
    spread = float(np.sqrt(squares / (count - 1))) if count > 1 else 0.0 if count else np.nan
    row = {
        "mean": mean if count else np.nan,
        "standard_deviation": spread,
        "minimum": low if count else np.nan,
        "maximum": high if count else np.nan,
        "sum": total,
    }
    values = tuple(Column(name, np.array([value])) for name, value in row.items())
    return Table((Column("samples", np.array([count], np.int64)), *values))


@operation(
    "measure.histogram",
    menu="Analyze > Histogram",
    locality=Reduction(_scope, passes=2),
)
def histogram(
    image: Streamed,
    bins: Annotated[int, Port("Number of equal bins.", ge=1, le=65536)] = 256,
    range: Annotated[
        Literal["data", "type"],
        Port("Bins reach over the values that occur, or over the whole type (0 to 1 for floats)."),
    ] = "data",
    scope: Scope = "plane",
) -> Table:
    """Count grey values in equal bins; the last bin includes its upper edge."""
    low, high = limits(image.dtype)
    if image.dtype.kind == "f" and range == "type":
        counts = sum(
            np.histogram(block[np.isfinite(block)], bins, (low, high))[0] for block in image
        )
        edges = np.linspace(low, high, bins + 1)
    else:
        exact = counted(image, bins).trimmed()
        if range == "data":
            low = exact.start
            last = len(exact.counts) - 1 if exact.levels else len(exact.counts)
            high = low + last * exact.step
        counts, edges = _rebinned(exact.centres, exact.counts, bins, low, high)
    return Table(
        (
            Column("bin_start", edges[:-1]),
            Column("bin_end", edges[1:]),
            Column("count", np.asarray(counts, np.int64)),
        )
    )


def find_runs(labels: Labels) -> Runs:
    """Find the runs of every label above 0 in raster order."""
    height, width = labels.shape
    change = np.empty(labels.shape, bool)
    change[:, :1] = True
    np.not_equal(labels[:, 1:], labels[:, :-1], out=change[:, 1:])
    starts = np.flatnonzero(change)
    lengths = np.diff(starts, append=height * width)
    numbers = labels.reshape(-1)[starts]
    kept = numbers > 0
    starts, numbers, lengths = starts[kept], numbers[kept], lengths[kept]
    present, objects = np.unique(numbers, return_inverse=True)
    y, x = np.divmod(starts, width)
    return Runs(present, objects, y, x, lengths)


def _geometry(labels: Labels, runs: Runs, frame: Frame) -> list[Column]:
    length = runs.length.astype(np.float64)
    area = runs.summed(length)
    centre_x = runs.summed(length * runs.x + length * (length - 1) / 2) / area + 0.5 + frame.x
    centre_y = runs.summed(length * runs.y) / area + 0.5 + frame.y
    left, top, right, bottom = _boxes(runs)
    size = (frame.calibration.physical_size_x, frame.calibration.physical_size_y)
    size_x, size_y = (s if size[0] and size[1] else None for s in size)
    square = size_x if size_x and size_y and np.isclose(size_x, size_y, rtol=1e-6) else None
    micrometre = None if size_x is None else "µm"
    return [
        Column("area", area * (size_x or 1) * (size_y or 1), "µm²" if micrometre else "pixel²"),
        Column("centroid_x", centre_x * (size_x or 1), micrometre or "pixel"),
        Column("centroid_y", centre_y * (size_y or 1), micrometre or "pixel"),
        Column("bbox_x", left + frame.x, "pixel"),
        Column("bbox_y", top + frame.y, "pixel"),
        Column("bbox_width", right - left, "pixel"),
        Column("bbox_height", bottom - top, "pixel"),
        Column("perimeter", _perimeters(labels, runs) * (square or 1), "µm" if square else "pixel"),
    ]


def _boxes(runs: Runs) -> tuple[NDArray[Any], ...]:
    if not len(runs.labels):
        return tuple(np.zeros(0, np.int64) for _ in range(4))
    order = np.argsort(runs.objects, kind="stable")
    first = np.searchsorted(runs.objects[order], np.arange(len(runs.labels)))
    x, y, end = runs.x[order], runs.y[order], (runs.x + runs.length)[order]
    return (
        np.minimum.reduceat(x, first),
        np.minimum.reduceat(y, first),
        np.maximum.reduceat(end, first),
        np.maximum.reduceat(y, first) + 1,
    )


def _perimeters(labels: Labels, runs: Runs) -> NDArray[Any]:
    """Length of the outline of each object by counting border pixels; see `BORDER_WEIGHTS`."""
    y, x = np.divmod(_border_pixels(labels), labels.shape[1])
    numbers = labels[y, x]
    width = labels.shape[1] + 2
    outlined = np.zeros((labels.shape[0] + 2) * width, labels.dtype)
    at = (y + 1) * width + x + 1
    outlined[at] = numbers
    code = np.ones(len(at), np.int64)
    for step in (-width, -1, 1, width):
        code += 2 * (outlined[at + step] == numbers)
    for step in (-width - 1, -width + 1, width - 1, width + 1):
        code += 10 * (outlined[at + step] == numbers)
    objects = np.searchsorted(runs.labels, numbers)
    return np.bincount(objects, BORDER_WEIGHTS[code], minlength=len(runs.labels))


def _border_pixels(labels: Labels) -> NDArray[np.intp]:
    """Flat indexes of object pixels that share an edge with another label or with the outside."""
    height, width = labels.shape
    found = []
    for top in range(0, height, BAND):
        rows = labels[top : top + BAND]
        border = np.zeros(rows.shape, bool)
        border[:, [0, -1]] = True
        across = rows[:, 1:] != rows[:, :-1]
        border[:, 1:] |= across
        border[:, :-1] |= across
        down = rows[1:] != rows[:-1]
        border[1:] |= down
        border[:-1] |= down
        border[0] |= rows[0] != labels[top - 1] if top else True
        bottom = top + len(rows)
        border[-1] |= rows[-1] != labels[bottom] if bottom < height else True
        border &= rows > 0
        found.append(np.flatnonzero(border) + top * width)
    return np.concatenate(found)


def _grey_values(labels: Labels, intensity: Plane, runs: Runs) -> list[Column]:
    names = ("mean_intensity", "min_intensity", "max_intensity", "std_intensity")
    if not len(runs.labels):
        return [Column(name, np.zeros(0)) for name in names]
    values = intensity[labels > 0]
    first = np.cumsum(runs.length) - runs.length
    area = runs.summed(runs.length)
    mean = runs.summed(np.add.reduceat(values, first, dtype=np.float64)) / area
    deviation = values - np.repeat(mean[runs.objects], runs.length)
    squares = runs.summed(np.add.reduceat(deviation * deviation, first))
    order = np.argsort(runs.objects, kind="stable")
    group = np.searchsorted(runs.objects[order], np.arange(len(runs.labels)))
    least = np.minimum.reduceat(np.minimum.reduceat(values, first)[order], group)
    greatest = np.maximum.reduceat(np.maximum.reduceat(values, first)[order], group)
    spread = np.sqrt(squares / np.maximum(area - 1, 1))
    return [
        Column(name, column.astype(np.float64))
        for name, column in zip(names, (mean, least, greatest, spread), strict=True)
    ]


def _rebinned(
    centres: NDArray[Any], counts: NDArray[Any], bins: int, low: float, high: float
) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.histogram(centres, bins, (low, high), weights=counts)
