"""Samples of all channels in single pixels, and how samples are distributed over an image.

Profiles are read at full resolution. Distributions of a large image are those of a smaller level,
whose means are spread a little less; the answer says so.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.crops import Frame, mask_of, size_of
from adapters.infrastructure import Infrastructure
from adapters.subjects import Subject
from store.errors import Invalid, TooLarge
from store.pixels import statistics
from store.pixels.base import PixelReader
from store.pixels.statistics import Selection

MOST_PROFILES = 100_000
MOST_SAMPLES = 1 << 24  # of one distribution; more, and a smaller level is looked at
MOST_BINS = 65_536


@dataclass(frozen=True, slots=True)
class Spread:
    """How samples are distributed: counts in equal bins from `low` to `high`.

    `exact` if every sample was counted; minimum and maximum are of what was counted.
    """

    minimum: float
    maximum: float
    low: float
    high: float
    counts: NDArray[np.int64]
    exact: bool


class Profiles:
    """Verbs on the samples of images found visible before."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure

    async def along_channels(
        self, subject: Subject, geometries: Sequence[BaseGeometry]
    ) -> tuple[NDArray[np.int64], NDArray[Any]]:
        """Return the pixels that shapes cover and their samples.

        The pixels as ``(n, 2)`` columns and rows, by row; the samples as ``(n, channel)``. Raises
        Invalid for shapes outside the image, TooLarge beyond 100,000 pixels.
        """
        size_x, size_y = size_of(subject.view)
        x0, y0, x1, y1 = shapely.GeometryCollection(list(geometries)).bounds
        left, top = max(math.floor(x0), 0), max(math.floor(y0), 0)
        right, bottom = min(math.floor(x1) + 1, size_x), min(math.floor(y1) + 1, size_y)
        if left >= right or top >= bottom:
            raise Invalid("geometry", f"it lies outside the image of {size_x} × {size_y} pixels.")
        width, height = right - left, bottom - top
        if width * height > MOST_PROFILES * 16:
            raise TooLarge(f"A shape of {width} × {height}", MOST_PROFILES, "pixels")

        def work() -> tuple[NDArray[np.int64], NDArray[Any]]:
            mask = mask_of(geometries, Frame(left, top, width, height, width, height))
            rows, columns = np.nonzero(mask)
            if len(rows) > MOST_PROFILES:
                raise TooLarge(f"A shape of {len(rows)} pixels", MOST_PROFILES, "pixels")
            reader = self._reader(subject)
            samples = reader.region(
                t=subject.t, z=subject.z, y=slice(top, bottom), x=slice(left, right)
            )[0, :, 0]
            return np.stack((columns + left, rows + top), axis=1), samples[:, rows, columns].T

        return await self._infrastructure.run(work)

    async def spread(
        self, subject: Subject, channels: Sequence[int], *, bins: int = 256, whole: bool = False
    ) -> Spread:
        """Return how the samples of channels are distributed, all of them counted together.

        Over the subject's plane, or the `whole` image. Bins cover the range of an integer type of
        up to 16 bits, else from the least to the greatest sample. Raises Invalid for bins.
        """
        if not 1 <= bins <= MOST_BINS:
            raise Invalid("nBins", f"{bins} is not from 1 to {MOST_BINS}.")
        return await self._infrastructure.run(self._spread, subject, channels, bins, whole)

    def _spread(self, subject: Subject, channels: Sequence[int], bins: int, whole: bool) -> Spread:
        reader = self._reader(subject)
        level = _level(reader, len(channels), whole)
        found = []
        for channel in channels:
            which = _selection(reader, subject, channel, level, whole)
            found.append((which, statistics.statistics(reader, which)))
        lows = [one.minimum for _, one in found if math.isfinite(one.minimum)]
        highs = [one.maximum for _, one in found if math.isfinite(one.maximum)]
        least, most = min(lows, default=0.0), max(highs, default=0.0)
        low, high = _limits(np.dtype(reader.layout.dtype), least, most)
        counts = np.zeros(bins, np.int64)
        for which, _ in found:
            counts += statistics.histogram(reader, which, bins=bins, limits=(low, high)).counts
        return Spread(least, most, low, high, counts, exact=level == 0)

    def _reader(self, subject: Subject) -> PixelReader:
        return self._infrastructure.pixels.open(subject.view.pixels.store_key or "")


def _level(reader: PixelReader, channels: int, whole: bool) -> int:
    for number, level in enumerate(reader.levels):
        t, _, z, y, x = level.shape
        if (t * z if whole else 1) * channels * y * x <= MOST_SAMPLES:
            return number
    return len(reader.levels) - 1


def _selection(
    reader: PixelReader, subject: Subject, channel: int, level: int, whole: bool
) -> Selection:
    if whole:
        return Selection(c=channel, z=slice(None), t=slice(None), level=level)
    # A level may hold fewer planes in depth.
    z = subject.z * reader.levels[level].shape[2] // reader.layout.size_z
    return Selection(c=channel, z=z, t=subject.t, level=level)


def _limits(dtype: np.dtype[Any], least: float, most: float) -> tuple[float, float]:
    if dtype.kind in "iu" and dtype.itemsize <= 2:
        limits = np.iinfo(dtype)
        return float(limits.min), float(limits.max) + 1
    return (least, most) if least < most else (least, least + 1)
