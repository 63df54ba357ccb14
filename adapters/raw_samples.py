"""Raw samples of modest size: plane, row, column, stack, or any box with steps.

What is beyond a few megabytes belongs on a binary address, not in an answer of text; the refusal
names that address. Samples are little-endian in C order ``(t, c, z, y, x)``, whatever the machine.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from adapters.images import View
from adapters.infrastructure import Infrastructure
from adapters.pixels import PixelAccess
from store.errors import Invalid, TooLarge

MOST_BYTES = 4 << 20
# Samples that are skipped by steps are still read and decoded.
MOST_READ = 64 << 20


@dataclass(frozen=True, slots=True)
class Span:
    """Indexes of one axis: from `start` up to, not including, `stop` (None: the end)."""

    start: int = 0
    stop: int | None = None
    step: int = 1

    @staticmethod
    def at(index: int) -> Span:
        """Return the span of a single index."""
        return Span(index, index + 1)

    def within(self, axis: str, size: int) -> range:
        """Return the indexes on an axis of some size. Raises Invalid."""
        stop = size if self.stop is None else self.stop
        if self.step < 1:
            raise Invalid(f"{axis}.step", f"must be at least 1, found {self.step}.")
        if not 0 <= self.start < stop <= size:
            raise Invalid(axis, f"{self.start} to {stop} was asked for, there are {size}.")
        return range(self.start, stop, self.step)


WHOLE = Span()
Indexes: TypeAlias = int | tuple[int, int | None, int] | None


def span(asked: Indexes) -> Span:
    """Return the span of one index, of (start, stop, step), or of everything for None."""
    if asked is None:
        return WHOLE
    return Span.at(asked) if isinstance(asked, int) else Span(*asked)


@dataclass(frozen=True, slots=True)
class Hypercube:
    """A box of one level; `c` lists channels in the order wanted, None for all."""

    t: Span = WHOLE
    c: Sequence[int] | None = None
    z: Span = WHOLE
    y: Span = WHOLE
    x: Span = WHOLE
    level: int = 0


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples as bytes in base64, with their shape ``(t, c, z, y, x)`` and numpy type name.

    `url` gives the same box, without its steps, as plain bytes.
    """

    data: str
    shape: tuple[int, ...]
    dtype: str
    url: str


class RawSamples:
    """Verbs that read raw samples."""

    def __init__(self, infrastructure: Infrastructure, pixels: PixelAccess) -> None:
        self._infrastructure = infrastructure
        self._pixels = pixels

    async def box(
        self,
        image_id: int,
        *,
        level: int = 0,
        t: Indexes = None,
        c: Sequence[int] | None = None,
        z: Indexes = None,
        y: Indexes = None,
        x: Indexes = None,
    ) -> Samples:
        """Return the samples of a box told in plain values; raises as `read`.

        Along an axis a number is one index, three numbers are start, stop and step, and None is
        everything.
        """
        return await self.read(image_id, Hypercube(span(t), c, span(z), span(y), span(x), level))

    async def read(self, image_id: int, box: Hypercube) -> Samples:
        """Return the samples of a box.

        Raises NotFound, Invalid for a box outside the image, TooLarge beyond 4 MiB with the address
        to fetch it from, or beyond 64 MiB between the steps.
        """
        view = await self._pixels.view(image_id)
        ranges, channels = _checked(view, box)
        url = address(view, box)
        shape = (
            len(ranges["t"]), len(channels), len(ranges["z"]), len(ranges["y"]), len(ranges["x"]),
        )  # fmt: skip
        itemsize = np.dtype(view.pixels.dtype or "uint8").itemsize
        size = math.prod(shape) * itemsize
        spanned = len(channels) * math.prod(one.stop - one.start for one in ranges.values())
        if size > MOST_BYTES or spanned * itemsize > MOST_READ:
            raise TooLarge(
                f"A box of {size:,} bytes for an answer; fetch it from {url}, or read the image as "
                f"OME-Zarr at /zarr/{image_id}.zarr. It",
                MOST_BYTES if size > MOST_BYTES else MOST_READ,
                "bytes",
            )

        def read() -> tuple[str, str]:
            samples = self._read(view, box.level, ranges, channels)
            return base64.b64encode(little_endian(samples)).decode(), samples.dtype.name

        data, dtype = await self._infrastructure.run(read)
        return Samples(data, shape, dtype, url)

    def _read(
        self, view: View, level: int, ranges: dict[str, range], channels: Sequence[int]
    ) -> NDArray[Any]:
        reader = self._infrastructure.pixels.open(view.pixels.store_key or "")
        t, z, y, x = (ranges[axis] for axis in "tzyx")
        planes = [
            reader.region(
                level=level, t=time, c=tuple(channels), z=depth,
                y=slice(y.start, y.stop), x=slice(x.start, x.stop),
            )[:, :, :, :: y.step, :: x.step]
            for time in t
            for depth in z
        ]  # fmt: skip
        rows = [np.concatenate(planes[n : n + len(z)], 2) for n in range(0, len(planes), len(z))]
        return np.concatenate(rows, 0)


def address(view: View, box: Hypercube) -> str:
    """Return where the samples of a box, without its steps, come as plain bytes."""
    ranges, _ = _checked(view, box)
    listed = "" if box.c is None else f"&c={','.join(map(str, box.c))}"
    t, z, y, x = (ranges[axis] for axis in "tzyx")
    return (
        f"/tiles/{view.image.id}/region?level={box.level}&x={x.start}&y={y.start}"
        f"&width={x.stop - x.start}&height={y.stop - y.start}&z={z.start}:{z.stop}"
        f"&t={t.start}:{t.stop}{listed}&v={view.pixels.generation}"
    )


def little_endian(samples: NDArray[Any]) -> bytes:
    """Return samples as bytes in C order, little-endian."""
    return samples.astype(samples.dtype.newbyteorder("<"), copy=False).tobytes()


def _checked(view: View, box: Hypercube) -> tuple[dict[str, range], tuple[int, ...]]:
    levels = view.pixels.levels
    if not 0 <= box.level < len(levels):
        raise Invalid("level", f"there is no level {box.level}; they are 0 to {len(levels) - 1}.")
    sizes = dict(zip("tczyx", levels[box.level]["shape"], strict=True))
    ranges = {axis: getattr(box, axis).within(axis, sizes[axis]) for axis in "tzyx"}
    channels = tuple(range(sizes["c"])) if box.c is None else tuple(box.c)
    if not channels:
        raise Invalid("c", "name at least one channel.")
    for channel in channels:
        if not 0 <= channel < sizes["c"]:
            raise Invalid("c", f"there is no channel {channel}; they are 0 to {sizes['c'] - 1}.")
    return ranges, channels
