"""Numbers and points as short text.

A number is written as short as it can be and still be read back the same, without ``.0``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid


def number_text(value: float) -> str:
    """Write a number as short as it can be read back the same, without ``.0``."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return repr(float(value))


def points_text(points: Sequence[Sequence[float]] | NDArray[np.float64]) -> str:
    """Write points as ``x,y x,y``."""
    return " ".join(f"{number_text(x)},{number_text(y)}" for x, y in points)


def parse_points(text: str, field: str = "points") -> list[list[float]]:
    """Read ``x,y x,y`` or ``x,y, x,y``; raises `Invalid` for `field` with the reason."""
    numbers = re.split(r"[\s,]+", text.strip().strip(","))
    if numbers == [""]:
        raise Invalid(field, "this is empty; send points as x,y x,y.")
    if len(numbers) % 2:
        raise Invalid(field, f"{len(numbers)} numbers do not make pairs; send points as x,y x,y.")
    values = []
    for number in numbers:
        try:
            values.append(float(number))
        except ValueError:
            raise Invalid(field, f"{number[:40]!r} is not a number.") from None
    if not all(math.isfinite(value) for value in values):
        raise Invalid(field, "every coordinate must be a finite number.")
    return [[x, y] for x, y in zip(values[::2], values[1::2], strict=True)]
