"""The made-up picture that benches store: blurred blobs with photon and read noise."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def microscopy_like(side: int, channels: int = 3) -> NDArray[Any]:
    """Return ``(c, y, x)`` uint16 with a spread like that of a 12-bit camera; always the same."""
    rng = np.random.default_rng(1)
    samples = np.empty((channels, side, side), np.uint16)
    for channel in samples:
        field = cv2.GaussianBlur(rng.random((side, side), dtype=np.float32), (0, 0), 8)
        field = (field - field.min()) / np.ptp(field)
        signal = 100 + 3000 * np.clip(field - 0.5, 0, 1)
        channel[:] = rng.poisson(signal) + rng.normal(0, 3, signal.shape).round()
    return samples
