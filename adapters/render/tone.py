"""Contrast, gamma, inversion and a lookup table over a drawn picture, at its own depth.

They are taken in this order: inversion, the table, gamma, contrast. A value is a fraction of the
full range: gamma is the power it is raised to, contrast the factor it is multiplied by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.render import luts
from store.errors import Invalid

LARGEST = 100.0


@dataclass(frozen=True, slots=True)
class Tone:
    """How a picture is changed after it was drawn; by default not at all."""

    contrast: float = 1.0
    gamma: float = 1.0
    inverted: bool = False
    lut: str | None = None

    def __post_init__(self) -> None:
        for name in ("contrast", "gamma"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value <= LARGEST):
                raise Invalid(name, f"{value} is not above 0 and up to {LARGEST:.0f}.")
        if self.lut is not None:
            luts.table(self.lut)

    @property
    def neutral(self) -> bool:
        """Whether nothing changes."""
        return self.curveless and not self.inverted and self.lut is None

    @property
    def curveless(self) -> bool:
        """Whether contrast and gamma change nothing."""
        return self.contrast == 1.0 and self.gamma == 1.0


def toned(picture: NDArray[Any], tone: Tone) -> NDArray[Any]:
    """Return a picture ``(y, x)`` or ``(y, x, 3)`` of an unsigned type, changed.

    A lookup table makes three layers of it and is entered by the brightness.
    """
    if tone.neutral:
        return picture
    top = np.iinfo(picture.dtype).max
    drawn = top - picture if tone.inverted else picture
    if tone.lut is not None:
        drawn = _looked_up(drawn, tone.lut)
    return drawn if tone.curveless else _curved(drawn, tone, top)


def _curved(picture: NDArray[Any], tone: Tone, top: int) -> NDArray[Any]:
    if picture.dtype.itemsize <= 2:
        return np.asarray(_curve(np.arange(top + 1), tone, top).astype(picture.dtype)[picture])
    return _curve(picture, tone, top).astype(picture.dtype)


def _curve(values: NDArray[Any], tone: Tone, top: int) -> NDArray[np.float64]:
    curve = np.power(values.astype(np.float64) / top, tone.gamma) * tone.contrast
    return np.asarray(np.floor(np.minimum(curve, 1.0) * top + 0.5))


def _looked_up(picture: NDArray[Any], lut: str) -> NDArray[Any]:
    """Colour a picture by its brightness; between entries of the table colours are mixed."""
    if picture.ndim == 3:
        weights = np.array((0.299, 0.587, 0.114))
        picture = np.floor(picture @ weights + 0.5).astype(picture.dtype)
    table = luts.table(lut)
    if picture.dtype == np.uint8:
        return np.asarray(cv2.applyColorMap(picture, table.reshape(256, 1, 3)))
    top = np.iinfo(picture.dtype).max
    places = picture.astype(np.float64) * (255 / top)
    layers = [np.interp(places, np.arange(256), table[:, at] * (top / 255)) for at in range(3)]
    return np.asarray(np.rint(np.stack(layers, axis=-1)).astype(picture.dtype))
