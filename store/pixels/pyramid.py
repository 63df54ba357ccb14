"""One step of the pyramid: a plane at half its size.

Images take the mean of each 2×2 block. Integers are rounded half up (towards +∞), so that a step of
the pyramid is a function of integers alone and the same on every machine: ⌊(sum + n/2) / n⌋. At an
odd edge the last row or column averages the one or two samples that are there. Each level is made
from the one above it, so rounding is once per level. Labels take the top left sample of the block,
because the mean of two object numbers is a third object.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def halve(plane: NDArray[Any], *, labels: bool = False) -> NDArray[Any]:
    """Return a plane ``(y, x)`` of half size, each side rounded up, in the same type.

    Floats are averaged in float64 and NaN spreads to the block's mean.
    """
    if labels:
        return np.ascontiguousarray(plane[::2, ::2])
    y, x = plane.shape
    if plane.dtype in _QUICK and not (y | x) & 1:
        # The area filter of an exact half is (a + b + c + d + 2) >> 2 for these two types.
        quick: NDArray[Any] = cv2.resize(plane, (x // 2, y // 2), interpolation=cv2.INTER_AREA)
        return quick
    half = np.empty((-(-y // 2), -(-x // 2)), plane.dtype)
    even_y, even_x = y // 2 * 2, x // 2 * 2
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        half[: y // 2, : x // 2] = _mean(
            plane[0:even_y:2, 0:even_x:2],
            plane[1:even_y:2, 0:even_x:2],
            plane[0:even_y:2, 1:even_x:2],
            plane[1:even_y:2, 1:even_x:2],
        )
        if x & 1:
            half[: y // 2, -1] = _mean(plane[0:even_y:2, -1], plane[1:even_y:2, -1])
        if y & 1:
            half[-1, : x // 2] = _mean(plane[-1, 0:even_x:2], plane[-1, 1:even_x:2])
        if y & x & 1:
            half[-1, -1] = plane[-1, -1]
    return half


_QUICK = {np.dtype(np.uint8), np.dtype(np.uint16)}


def _mean(*parts: NDArray[Any]) -> NDArray[Any]:
    """Return the mean of two or four arrays, rounded half up for integers."""
    dtype = parts[0].dtype
    shift = len(parts) // 2
    if dtype.kind == "f":
        # Scaled before they are added, so that large values do not overflow; halves are exact.
        return np.asarray(_sum([part.astype(np.float64) * 0.5**shift for part in parts]), dtype)
    if dtype.itemsize == 8:
        # Four 64-bit integers overflow: add the quarters, then the mean of the remainders.
        low = (1 << shift) - 1
        quotients = _sum([part >> shift for part in parts])
        remainders = _sum([part & low for part in parts])
        return _sum([quotients, np.right_shift(remainders + shift, shift)])
    wide = np.dtype(f"{dtype.kind}{max(4, dtype.itemsize * 2)}")
    total = _sum([part.astype(wide) for part in parts])
    mean: NDArray[Any] = np.right_shift(total + shift, shift).astype(dtype)
    return mean


def _sum(parts: list[NDArray[Any]]) -> NDArray[Any]:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total
