"""Planes read for drawing: one z-plane, or a z-range projected while it streams by.

A projection keeps the sample type of the image, as viewers expect the windows of single planes to
fit: means are rounded to nearest, sums clipped to the type's range. NaN is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.render.settings import Method, Projection, RenderSettings
from store.errors import Invalid
from store.pixels.base import PixelReader

# Samples held at once while projecting; a slab of planes is read in one call up to this size.
_SLAB = 1 << 22


def read_planes(
    reader: PixelReader, settings: RenderSettings, *, level: int, y: slice, x: slice
) -> NDArray[Any]:
    """Read what `settings` shows of a box of a level: ``(c, y, x)``, visible channels only.

    Raises `Invalid` if the image has no such plane or channel.
    """
    channels = settings.visible
    layout = reader.layout
    if channels and channels[-1] >= layout.size_c:
        raise Invalid(
            "channels", f"the image has {layout.size_c} channels, not {channels[-1] + 1}."
        )
    if settings.t >= layout.size_t:
        raise Invalid("t", f"there is no time point {settings.t}; the last is {layout.size_t - 1}.")
    planes = _planes(reader, settings, level)
    box = (slice(y.start, y.stop), slice(x.start, x.stop))
    if settings.projection is None:
        samples = reader.region(
            level=level, t=settings.t, c=_index(channels), z=planes.start, y=box[0], x=box[1]
        )
        return samples[0, :, 0]
    return _project(reader, settings, settings.projection.method, level, planes, box)


def plane_range(projection: Projection, size_z: int) -> range:
    """Return the planes of a projection that exist; the end is clamped to the stack.

    Raises `Invalid` if it starts behind the last plane.
    """
    if projection.first >= size_z:
        raise Invalid(
            "projection", f"it starts at plane {projection.first}; the last is {size_z - 1}."
        )
    last = size_z - 1 if projection.last is None else min(projection.last, size_z - 1)
    return range(projection.first, last + 1)


def _planes(reader: PixelReader, settings: RenderSettings, level: int) -> range:
    """Return the planes to read, in the numbering of the level, which may hold fewer in z."""
    size_z, stored = reader.layout.size_z, reader.levels[level].shape[2]
    if settings.projection is not None:
        planes = plane_range(settings.projection, size_z)
    elif settings.z < size_z:
        planes = range(settings.z, settings.z + 1)
    else:
        raise Invalid("z", f"there is no plane {settings.z}; the last is {size_z - 1}.")
    if stored == size_z:
        return planes
    return range(planes.start * stored // size_z, (planes.stop - 1) * stored // size_z + 1)


def _index(channels: tuple[int, ...]) -> slice | tuple[int, ...]:
    """Name neighbouring channels by a slice: every reader can serve that with one read."""
    first, last = channels[0], channels[-1]
    contiguous = channels == tuple(range(first, last + 1))
    return slice(first, last + 1) if contiguous else channels


def _project(
    reader: PixelReader,
    settings: RenderSettings,
    method: Method,
    level: int,
    planes: range,
    box: tuple[slice, slice],
) -> NDArray[Any]:
    channels = settings.visible
    size = len(channels) * (box[0].stop - box[0].start) * (box[1].stop - box[1].start)
    depth = max(1, _SLAB // max(size, 1))
    total = _Running(method)
    for first in range(planes.start, planes.stop, depth):
        z = slice(first, min(first + depth, planes.stop))
        slab = reader.region(level=level, t=settings.t, c=_index(channels), z=z, y=box[0], x=box[1])
        total.add(slab[0])
    return total.result()


class _Running:
    """A projection in progress over slabs ``(c, z, y, x)``."""

    def __init__(self, method: Method) -> None:
        self._method = method
        self._value: NDArray[Any] | None = None
        self._count: NDArray[Any] | int = 0
        self._dtype = np.dtype(np.uint8)

    def add(self, slab: NDArray[Any]) -> None:
        self._dtype = slab.dtype
        if self._method is Method.MAXIMUM:
            self._fold(np.fmax.reduce(slab, axis=1), np.fmax)
        elif self._method is Method.MINIMUM:
            self._fold(np.fmin.reduce(slab, axis=1), np.fmin)
        elif slab.dtype.kind == "f":
            self._fold(np.asarray(np.nansum(slab, axis=1, dtype=np.float64)), np.add)
            self._count = self._count + np.sum(~np.isnan(slab), axis=1)
        else:
            # 2**53 is beyond any sum of fewer than two million 32-bit planes.
            self._fold(np.asarray(np.sum(slab, axis=1, dtype=np.float64)), np.add)
            self._count = self._count + slab.shape[1]

    def result(self) -> NDArray[Any]:
        value = self._value
        assert value is not None, "a projection has at least one plane"
        if self._method in (Method.MAXIMUM, Method.MINIMUM):
            return value
        if self._dtype.kind == "f":
            if self._method is Method.MEAN:
                value = value / np.maximum(self._count, 1)
            return np.where(self._count == 0, np.nan, value).astype(self._dtype)
        if self._method is Method.MEAN:
            value = np.floor(value / self._count + 0.5)
        if self._dtype.kind == "b":
            return np.asarray(value > 0)
        limits = np.iinfo(self._dtype)
        return _clipped(value, limits.min, limits.max).astype(self._dtype)

    def _fold(self, part: NDArray[Any], combine: np.ufunc) -> None:
        self._value = part if self._value is None else combine(self._value, part)


def _clipped(value: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    # The greatest 64-bit integers are not doubles; the next double below them is.
    top = float(high) if float(high) <= high else float(np.nextafter(float(high), 0))
    return np.asarray(np.clip(value, float(low), top))
