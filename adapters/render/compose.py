"""Planes and settings to a picture: pure functions on arrays.

Each visible channel is quantised to 0-255, coloured, and the colours are added and clipped. The
usual cases take short cuts through OpenCV (a tile of three 16-bit channels takes about 0.1 ms); all
of them give what the plain double precision definition gives, to one step of 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.render import luts
from adapters.render.quantise import Bytes, quantise
from adapters.render.settings import RGB, Model, RenderSettings
from store.errors import Invalid

# Sums of many channels are kept in 64ths of a step, so that rounding happens once.
_STEPS = 64


def compose(planes: NDArray[Any], settings: RenderSettings) -> Bytes:
    """Draw samples of all channels, ``(c, y, x)``, as a picture ``(y, x, 3)`` uint8, red first.

    Raises `Invalid` if the number of planes is not the number of channels.
    """
    if planes.ndim != 3 or len(planes) != len(settings.channels):
        raise Invalid(
            "channels",
            f"the settings describe {len(settings.channels)} channels, the samples have the shape "
            f"{planes.shape} instead of (c, y, x).",
        )
    return compose_visible(
        [planes[index] for index in settings.visible], settings, planes.shape[1:]
    )


def compose_visible(
    planes: Sequence[NDArray[Any]], settings: RenderSettings, shape: Sequence[int]
) -> Bytes:
    """Draw only the planes ``(y, x)`` of ``settings.visible``, in that order.

    `shape` is ``(y, x)``; with no visible channel the picture is black.
    """
    if not planes or 0 in shape:
        return np.zeros((*shape, 3), dtype=np.uint8)
    channels = [settings.channels[index] for index in settings.visible]
    values = [quantise(plane, channel) for plane, channel in zip(planes, channels, strict=True)]
    if settings.model is Model.GREYSCALE:
        return np.asarray(cv2.merge([values[0]] * 3))
    coloured = list(zip(values, channels, strict=True))
    plain = [(value, channel.color) for value, channel in coloured if channel.lut is None]
    parts = [_looked_up(v, c.lut, settings) for v, c in coloured if c.lut is not None]
    if plain:
        parts.append(_mixed(plain))
    picture = parts[0]
    for part in parts[1:]:
        picture = np.asarray(cv2.add(picture, part))
    return picture


def _looked_up(values: Bytes, lut: str, settings: RenderSettings) -> Bytes:
    table = luts.table(lut, settings.custom)
    return np.asarray(cv2.applyColorMap(values, table.reshape(256, 1, 3)))


def _mixed(channels: Sequence[tuple[Bytes, RGB]]) -> Bytes:
    """Add up coloured channels."""
    values = [value for value, _ in channels]
    weights, feeders = _weights(tuple(color for _, color in channels))
    if feeders is not None:
        empty = np.zeros_like(values[0]) if None in feeders else values[0]
        return np.asarray(cv2.merge([empty if f is None else values[f] for f in feeders]))
    if len(values) <= 3:
        return np.asarray(cv2.transform(*_tripled(values, weights)))
    return _many(values, weights)


@lru_cache(maxsize=256)
def _weights(
    colors: tuple[RGB, ...],
) -> tuple[NDArray[np.float64], tuple[int | None, ...] | None]:
    """Return how much of each channel goes into red, green, blue: ``(3, channel)``.

    Where each of them is fed by one channel at most, and at full strength, also that channel's
    position, or None for no channel.
    """
    weights = np.array(colors, dtype=np.float64).T / 255
    weights.setflags(write=False)
    if not (np.all((weights == 0) | (weights == 1)) and np.all(weights.sum(axis=1) <= 1)):
        return weights, None
    fed = [np.flatnonzero(row) for row in weights]
    return weights, tuple(int(one[0]) if one.size else None for one in fed)


def _tripled(
    values: Sequence[Bytes], weights: NDArray[np.float64]
) -> tuple[Bytes, NDArray[np.float64]]:
    """Interleave up to three channels and pad to three: OpenCV is ten times faster for 3 to 3."""
    missing = 3 - len(values)
    empty = [np.zeros_like(values[0])] * missing
    matrix = np.pad(weights, ((0, 0), (0, missing)))
    return np.asarray(cv2.merge([*values, *empty])), matrix


def _many(values: Sequence[Bytes], weights: NDArray[np.float64]) -> Bytes:
    """Add up more than three channels, three at a time, in 16 bits that clip far above white."""
    total: NDArray[np.uint16] | None = None
    for first in range(0, len(values), 3):
        merged, matrix = _tripled(values[first : first + 3], weights[:, first : first + 3])
        part = cv2.transform(merged.astype(np.uint16), matrix * _STEPS)
        total = part if total is None else cv2.add(total, part)
    return np.asarray(cv2.convertScaleAbs(total, alpha=1 / _STEPS))
