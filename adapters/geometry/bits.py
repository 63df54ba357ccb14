"""Mask bits to boolean arrays and back.

Rows follow one another without padding, the highest bit of a byte first, as OME masks are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid


def bits_needed(width: int, height: int) -> int:
    """Return the bytes that a mask of this size takes."""
    return (width * height + 7) // 8


def pack_bits(mask: NDArray[np.bool_]) -> bytes:
    """Write a boolean mask ``(y, x)``."""
    return np.packbits(mask, axis=None).tobytes()


def unpack_bits(bits: bytes, width: int, height: int) -> NDArray[np.bool_]:
    """Read a boolean mask ``(y, x)``; raises `Invalid` if the bytes are not those of this size."""
    if len(bits) != bits_needed(width, height):
        raise Invalid(
            "bits",
            f"{len(bits)} bytes are not a mask of {width} × {height} pixels, which takes "
            f"{bits_needed(width, height)}.",
        )
    flat = np.unpackbits(np.frombuffer(bits, dtype=np.uint8), count=width * height)
    return flat.reshape(height, width).astype(bool)
