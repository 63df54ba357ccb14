"""Samples as pictures of more than eight bits: as they are where the type holds them, else scaled.

Unsigned samples keep their values, so that a picture may be measured. Signed and real samples, and
channels that are mixed, are spread over the range of the type by the windows of their channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.render.quantise import bend
from adapters.render.settings import ChannelSettings, Model, RenderSettings
from store.errors import Invalid, Unsupported

_TYPES: dict[int, np.dtype[Any]] = {
    8: np.dtype(np.uint8),
    16: np.dtype(np.uint16),
    32: np.dtype(np.uint32),
}


def deepened(
    planes: NDArray[Any], settings: RenderSettings, bits: int | None, *, rgb: bool = False
) -> NDArray[Any]:
    """Return the visible planes ``(c, y, x)`` as a picture ``(y, x)`` or ``(y, x, 3)``.

    `bits` is 8, 16 or 32 per layer; None means as many as the samples have, which then are not
    changed at all, whatever their type. `rgb` says that the planes are red, green and blue.

    Raises Invalid for another depth, Unsupported for complex samples.
    """
    if bits is not None and bits not in _TYPES:
        raise Invalid("bits", f"{bits} is not one of 8, 16, 32.")
    if planes.dtype.kind not in "biuf":
        raise Unsupported(f"Samples of type {planes.dtype} cannot be shown.")
    alone = len(planes) == 1 or (rgb and len(planes) == 3)
    if alone and _fits(planes.dtype, bits):
        kept = planes if bits is None else planes.astype(_TYPES[bits])
        return kept[0] if len(kept) == 1 else np.ascontiguousarray(np.moveaxis(kept, 0, -1))
    return stretched(planes, settings, 16 if bits is None else bits)


def stretched(planes: NDArray[Any], settings: RenderSettings, bits: int) -> NDArray[Any]:
    """Return the visible planes by the windows of their channels, whatever their type."""
    grey = settings.model is Model.GREYSCALE or len(planes) == 0
    top = np.iinfo(_TYPES[bits]).max
    mixed = np.clip(_mixed(planes, settings, grey), 0, 1)
    return np.floor(mixed * float(top) + 0.5).astype(_TYPES[bits])


def _fits(dtype: np.dtype[Any], bits: int | None) -> bool:
    if bits is None:
        return dtype.kind in "uif"
    return dtype.kind in "ub" and dtype.itemsize * 8 <= bits


def _mixed(planes: NDArray[Any], settings: RenderSettings, grey: bool) -> NDArray[np.float64]:
    """Return fractions of white: ``(y, x)`` of the first plane, or ``(y, x, 3)`` of all."""
    shape = planes.shape[1:]
    if grey:
        first = settings.visible[:1]
        return _share(planes[0], settings.channels[first[0]]) if first else np.zeros(shape)
    total = np.zeros((*shape, 3))
    for plane, index in zip(planes, settings.visible, strict=True):
        channel = settings.channels[index]
        total += _share(plane, channel)[..., None] * (np.array(channel.color) / 255)
    return total


def _share(plane: NDArray[Any], channel: ChannelSettings) -> NDArray[np.float64]:
    values = plane.astype(np.float64)
    if channel.end == channel.start:
        share = np.where(values >= channel.end, 1.0, 0.0)
    else:
        with np.errstate(invalid="ignore"):
            values = np.fmin(np.fmax(values, channel.start), channel.end)
        share = (values - channel.start) / (channel.end - channel.start)
        bend(share, channel.family, channel.coefficient)
    return 1.0 - share if channel.inverted else share
