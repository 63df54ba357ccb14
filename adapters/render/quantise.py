"""Samples of any type to 0-255, by window and curve.

The definition (as in omeis.providers.re.quantum): a sample is clipped to the window and mapped
linearly to n in [0, 255]; the curve f gives ``255 * (f(n) - f(0)) / (f(255) - f(0))``, rounded half
up. f is ``n`` (linear), ``n^k`` (polynomial), ``e^(n^k)`` (exponential), ``ln(max(n, 1))``
(logarithmic). NaN is shown like the start of the window.

Types of up to 16 bits go through a table of every possible sample, made once per window and exact.
For a linear curve on unsigned samples OpenCV's scaled conversion is three times faster still, but
it works in single precision: it is used only where it was found equal to the table throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.render.settings import ChannelSettings, Family
from store.errors import Unsupported

Plane = NDArray[Any]
Bytes = NDArray[np.uint8]

# Kept tables take 64 KiB each for 16-bit samples.
_KEPT = 256

# OpenCV takes a number beside an array of four rows and one column for another array.
_FEW = 64

# Subtracting an array is three times faster than a number; arrays are kept up to this many samples.
_TILE = 1 << 17


@dataclass(frozen=True, slots=True)
class _Scale:
    """``round(alpha * max(sample - offset, 0) + beta)``, clipped to 255."""

    offset: int
    alpha: float
    beta: float


@dataclass(frozen=True, slots=True)
class _Lookup:
    """All answers for one sample type and window, in the order of the unsigned bit pattern."""

    table: Bytes
    scale: _Scale | None
    identity: bool


def quantise(plane: Plane, channel: ChannelSettings) -> Bytes:
    """Map samples ``(y, x)`` of a real type to uint8 by the channel's window, curve and inversion.

    The answer may be the plane itself where nothing changes, so it must not be written to.
    Raises `Unsupported` for complex samples.
    """
    if plane.dtype.kind not in "biuf":
        raise Unsupported(
            f"Samples of type {plane.dtype} cannot be shown; convert the image first."
        )
    if plane.dtype.kind == "f" or plane.dtype.itemsize > 2:
        values = _curve(plane, channel)
    else:
        values = _look_up(plane, channel)
    return np.asarray(cv2.bitwise_not(values)) if channel.inverted else values


def _look_up(plane: Plane, channel: ChannelSettings) -> Bytes:
    native = np.ascontiguousarray(plane, dtype=plane.dtype.newbyteorder("="))
    lookup = _lookup(
        native.dtype.str, channel.start, channel.end, channel.family, channel.coefficient
    )
    if lookup.identity:
        return native.view(np.uint8)
    bits = native.view(np.uint8 if native.dtype.itemsize == 1 else np.uint16)
    scale = lookup.scale
    if scale is None or bits.size < _FEW:
        return np.asarray(cv2.LUT(bits, lookup.table))
    above = _above(bits, scale.offset) if scale.offset else bits
    return np.asarray(cv2.convertScaleAbs(above, alpha=scale.alpha, beta=scale.beta))


def _above(bits: NDArray[Any], offset: int) -> NDArray[Any]:
    if bits.size > _TILE:
        return np.asarray(cv2.subtract(bits, offset))
    return np.asarray(cv2.subtract(bits, _level(offset, bits.shape, bits.dtype.str)))


@lru_cache(maxsize=32)
def _level(offset: int, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    level = np.full(shape, offset, dtype)
    level.setflags(write=False)
    return level


@lru_cache(maxsize=_KEPT)
def _lookup(dtype: str, start: float, end: float, family: Family, coefficient: float) -> _Lookup:
    channel = ChannelSettings(start=start, end=end, family=family, coefficient=coefficient)
    bits = np.arange(256 if np.dtype(dtype).itemsize == 1 else 65536)
    unsigned = bits.astype(np.uint8 if bits.size == 256 else np.uint16)
    # A boolean is stored as a byte; any byte but 0 counts as true.
    samples = unsigned != 0 if dtype.endswith("b1") else unsigned.view(dtype)
    table = _curve(samples, channel)
    scale = None
    if family is Family.LINEAR and np.dtype(dtype).kind == "u" and 0 <= start < end:
        scale = _exact_scale(unsigned.reshape(1, -1), table, start, end)
    table.setflags(write=False)
    identity = bits.size == 256 and bool(np.array_equal(table, unsigned))
    return _Lookup(table.reshape(1, -1), scale, identity)


def _exact_scale(every: NDArray[Any], table: Bytes, start: float, end: float) -> _Scale | None:
    """Find a bias with which single precision agrees with the table everywhere, or None.

    Only ties and near-ties need the bias: conversion rounds half to even, the table half up.
    """
    offset = int(np.ceil(start))
    if offset > int(every.max()):
        return None
    alpha = 255.0 / (end - start)
    for bias in (1e-5, 0.0, 2e-5, 1e-4, 0.25 / (end - start)):
        scale = _Scale(offset, alpha, (offset - start) * alpha + bias)
        above = cv2.subtract(every, offset)
        tried = cv2.convertScaleAbs(above, alpha=scale.alpha, beta=scale.beta)
        if np.array_equal(tried.ravel(), table):
            return scale
    return None


def _curve(samples: Plane, channel: ChannelSettings) -> Bytes:
    """Compute the definition in double precision."""
    values = samples.astype(np.float64)
    if channel.end == channel.start:
        return np.where(values >= channel.end, 255, 0).astype(np.uint8)
    with np.errstate(invalid="ignore"):
        values = np.fmin(np.fmax(values, channel.start), channel.end)
    values -= channel.start
    values /= channel.end - channel.start
    bend(values, channel.family, channel.coefficient)
    values *= 255
    values += 0.5
    return values.astype(np.uint8)


def bend(fractions: NDArray[np.float64], family: Family, coefficient: float) -> None:
    """Apply a curve in place to fractions of the window, 0-1.

    The exponential is computed relative to its own end, since ``e^(255^k)`` is beyond double
    precision for k above 1.16.
    """
    if family is Family.POLYNOMIAL:
        np.power(fractions, coefficient, out=fractions)
    elif family is Family.LOGARITHMIC:
        np.log(np.maximum(fractions * 255, 1), out=fractions)
        fractions /= np.log(255)
    elif family is Family.EXPONENTIAL:
        top = 255.0**coefficient
        with np.errstate(under="ignore"):
            exponent = top * np.power(fractions, coefficient)
            np.exp(exponent - top, out=fractions)
            fractions *= np.expm1(-exponent) / np.expm1(-top)
