"""Grey values inside shapes: how many pixels, their extremes, sum, mean and deviation, by channel.

A pixel is inside when its centre is, as everywhere in the hub, and only what lies within the image
counts. A shape is measured on its own plane; where it is on all of them, on the plane asked for,
else in the middle of the stack at the first time. Large frames are read in bands of rows, so that
memory is bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.geometry.raster import Box, rasterise
from adapters.images import Images, View
from adapters.infrastructure import Infrastructure
from adapters.rois import Rois
from adapters.shapes import Shown, stored_drawn
from store.errors import Invalid, TooLarge
from store.pixels.base import PixelReader
from store.pixels.statistics import Statistics
from store.tables.rois import Shape

MOST_SHAPES = 1000
MOST_SAMPLES = 1 << 28
"""Of the frames of all shapes of one question together, times channels."""

_BAND = 1 << 22  # pixels read at once

Asked = tuple[int, tuple[int, ...] | None, int | None, int | None]
"""A shape, its channels (None: all), and the plane and time where it has none of its own."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one channel inside a shape, and the plane they were taken on."""

    shape_id: int
    channel: int
    z: int
    t: int
    statistics: Statistics


@dataclass(frozen=True, slots=True)
class _Task:
    row: Shape
    view: View
    frame: Box | None
    channels: tuple[int, ...]
    z: int
    t: int

    @property
    def samples(self) -> int:
        """How many samples have to be read."""
        frame = self.frame
        return 0 if frame is None else frame.width * frame.height * len(self.channels)


class ShapeStatistics:
    """Verbs that measure grey values inside shapes."""

    def __init__(self, infrastructure: Infrastructure, images: Images, rois: Rois) -> None:
        self._infrastructure = infrastructure
        self._images = images
        self._rois = rois

    async def of(
        self,
        ids: Sequence[int],
        *,
        channels: Sequence[int] | None = None,
        z: int | None = None,
        t: int | None = None,
    ) -> dict[int, list[Measured]]:
        """Measure the visible ones of these shapes. Raises as `each`."""
        wanted = None if channels is None else tuple(channels)
        found = await self.each([(id, wanted, z, t) for id in ids])
        return {key[0]: rows for key, rows in found.items()}

    async def each(self, asked: Sequence[Asked]) -> dict[Asked, list[Measured]]:
        """Measure shapes each in its own way; those one may not see are left out.

        Six statements, however many. Raises Invalid for a channel or plane that is not there,
        TooLarge beyond `MOST_SHAPES` or `MOST_SAMPLES`.
        """
        if len(asked) > MOST_SHAPES:
            raise TooLarge("The number of shapes", MOST_SHAPES)
        rows = await self._rois.shapes(list(dict.fromkeys(one[0] for one in asked)))
        views = await self._images.views(list(dict.fromkeys(r.image_id for r in rows.values())))
        tasks = {
            one: _task(rows[one[0]], views[rows[one[0]].image_id], one)
            for one in asked
            if one[0] in rows and rows[one[0]].image_id in views
        }
        if sum(task.samples for task in tasks.values()) > MOST_SAMPLES:
            raise TooLarge("The area of these shapes", MOST_SAMPLES, "samples")

        def work() -> dict[Asked, list[Measured]]:
            return {one: self._measured(task) for one, task in tasks.items()}

        return await self._infrastructure.run(work)

    def _measured(self, task: _Task) -> list[Measured]:
        reader = self._infrastructure.pixels.open(task.view.pixels.store_key or "")
        sums = {channel: _Sum() for channel in task.channels}
        for band, mask in _bands(task):
            for channel, total in sums.items():
                total.add(_read(reader, task, band, channel)[mask])
        return [
            Measured(task.row.id, channel, task.z, task.t, total.statistics())
            for channel, total in sums.items()
        ]


def _task(row: Shape, view: View, asked: Asked) -> _Task:
    _, wanted, z, t = asked
    pixels = view.pixels
    size_c, size_z, size_t = pixels.size_c or 0, pixels.size_z or 0, pixels.size_t or 0
    channels = tuple(range(size_c)) if wanted is None else wanted
    here = row.z if row.z is not None else size_z // 2 if z is None else z
    now = row.t if row.t is not None else 0 if t is None else t
    places = [("z", here, size_z), ("t", now, size_t), *(("c", c, size_c) for c in channels)]
    for axis, place, size in places:
        if not 0 <= place < size:
            raise Invalid(axis, f"{place} is not between 0 and {size - 1}.")
    return _Task(
        row, view, _frame(row, pixels.size_x or 0, pixels.size_y or 0), channels, here, now
    )


def _frame(row: Shape, width: int, height: int) -> Box | None:
    """Return the pixels of the image that a shape may cover; None if there are none.

    A line along a whole number covers the pixels right of it, or below.
    """
    left, top = max(0, math.floor(row.x0)), max(0, math.floor(row.y0))
    right = min(width, max(math.ceil(row.x1), math.floor(row.x1) + 1))
    bottom = min(height, max(math.ceil(row.y1), math.floor(row.y1) + 1))
    if left >= right or top >= bottom:
        return None
    return Box(left, top, right - left, bottom - top)


def _bands(task: _Task) -> Iterator[tuple[Box, NDArray[np.bool_]]]:
    """Cut the frame into bands of rows; give each with the pixels inside the shape."""
    frame = task.frame
    if frame is None:
        return
    shape = stored_drawn(task.row) or Shown(task.row).geometry
    rows = max(1, _BAND // frame.width)
    for top in range(frame.y, frame.y + frame.height, rows):
        band = Box(frame.x, top, frame.width, min(rows, frame.y + frame.height - top))
        yield band, rasterise(shape, band)


def _read(reader: PixelReader, task: _Task, band: Box, channel: int) -> NDArray[np.generic]:
    found = reader.region(
        t=task.t, c=channel, z=task.z,
        y=slice(band.y, band.y + band.height), x=slice(band.x, band.x + band.width),
    )  # fmt: skip
    return np.asarray(found[0, 0, 0])


class _Sum:
    """Figures of samples that come in parts, merged as in `store.pixels.statistics`."""

    def __init__(self) -> None:
        self._count, self._mean, self._spread = 0, 0.0, 0.0
        self._total: int | float = 0
        self._low, self._high = math.inf, -math.inf

    def add(self, samples: NDArray[np.generic]) -> None:
        """Add a part; what is NaN is left out."""
        if samples.dtype.kind == "f":
            samples = samples[~np.isnan(samples)]
        size = samples.size
        if not size:
            return
        real = samples.astype(np.float64)
        part = real.sum() if samples.dtype.kind == "f" else int(samples.sum(dtype=np.int64))
        mean = float(part) / size
        beyond = mean - self._mean
        offset = real - mean
        together = self._count + size
        self._spread += float(offset @ offset) + beyond * beyond * self._count * size / together
        self._mean += beyond * size / together
        self._count, self._total = together, self._total + part
        self._low = min(self._low, float(real.min()))
        self._high = max(self._high, float(real.max()))

    def statistics(self) -> Statistics:
        """Return the figures of all parts; all but the count NaN if there was nothing."""
        if not self._count:
            return Statistics(0, math.nan, math.nan, math.nan, math.nan, math.nan)
        total, count = float(self._total), self._count
        deviation = math.sqrt(self._spread / count)
        return Statistics(count, self._low, self._high, total, total / count, deviation)


__all__ = ["MOST_SAMPLES", "MOST_SHAPES", "Asked", "Measured", "ShapeStatistics"]
