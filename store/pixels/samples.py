"""Which sample types are stored, and how others are turned into them.

Stored are unsigned and signed integers of 8 to 64 bits and floats of 32 and 64 bits. Booleans are
stored as uint8 with 0 and 1, half floats as float32; the byte order is always the machine's in
memory and little-endian on disk. Complex numbers and structures are refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid, Unsupported

STORED = (
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "int8",
    "int16",
    "int32",
    "int64",
    "float32",
    "float64",
)
_WIDENED = {"bool": "uint8", "float16": "float32"}


def stored_dtype(dtype: object) -> np.dtype[Any]:
    """Return the native dtype in which samples of `dtype` are stored.

    Raises
    ------
    Unsupported
        For complex, text, structured and unknown types.
    """
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]  # any spelling numpy knows
    except TypeError as error:
        raise Unsupported(f"The sample type {dtype!r} is not known.", dtype=str(dtype)) from error
    name = _WIDENED.get(name, name)
    if name not in STORED:
        raise Unsupported(
            f"Samples of type {name} cannot be stored; use one of {', '.join(STORED)}.", dtype=name
        )
    stored: np.dtype[Any] = np.dtype(name)
    return stored


def as_stored(samples: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return samples in the stored type, without a copy where they are so already.

    Raises
    ------
    Invalid
        If a value might change: a wider type, or floats for an integer image.
    """
    if samples.dtype == dtype and samples.dtype.isnative:
        return samples
    if samples.dtype != np.bool_ and not np.can_cast(samples.dtype, dtype, "safe"):
        raise Invalid(
            "samples", f"these are {samples.dtype.name}, the image stores {dtype.name}; convert"
        )
    converted: NDArray[Any] = samples.astype(dtype)
    return converted
