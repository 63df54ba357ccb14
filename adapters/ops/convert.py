"""Conversions of the sample type, and of colour to grey."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np

from adapters.intensities import by_table, limits, stored, value_range, wrapped
from adapters.operations import (
    REDUCED,
    Blocks,
    Channels,
    Global,
    Plane,
    Pointwise,
    Port,
    Values,
    operation,
)

SCOPES = {"plane": "yx", "stack": "zyx", "channel": "tzyx"}
SampleType = Literal["uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64"]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in grey, ITU-R BT.601."""


def _chosen(values: Mapping[str, Any], source: str) -> str:
    return str(values["to"])


def _range(image: Blocks, values: Values) -> tuple[float, float] | None:
    return value_range(image) if values["method"] == "scale" else None


@operation(
    "convert.type",
    menu="Image > Type > Convert...",
    locality=Global(_range, scope=lambda values: SCOPES[values["scope"]]),
)
def convert(
    image: Plane,
    data_range: Annotated[tuple[float, float] | None, REDUCED],
    to: Annotated[SampleType, Port("Sample type of the result.")] = "float32",
    method: Annotated[
        Literal["clip", "wrap", "scale"],
        Port(
            "Integers beyond the new type: held at its limits, taken modulo, or the range of the "
            "data stretched over that of the type (0 to 1 for floats)."
        ),
    ] = "clip",
    scope: Annotated[
        Literal["plane", "stack", "channel"], Port("Samples stretched alike when scaling.")
    ] = "channel",
) -> Annotated[Plane, Port(dtype=_chosen)]:
    """Convert the sample type."""
    target = np.dtype(to)
    if data_range is not None:
        return _scaled(image, data_range, target)
    if method == "wrap":
        return wrapped(image, target)
    real = image.dtype.kind == "f" and target.kind != "f"
    return stored(image.astype(image.dtype, copy=real), target)


@operation("convert.grey", menu="Image > Type > Grey from RGB", locality=Pointwise())
def grey(
    image: Annotated[Channels, Port("Image with red, green and blue channels.")],
    weighting: Annotated[
        Literal["equal", "luma"],
        Port("Channels count alike, or 0.299, 0.587, 0.114 as the eye sees them."),
    ] = "luma",
) -> Plane:
    """Turn three colour channels into one grey plane; other numbers of channels are averaged."""
    if weighting == "equal" or len(image) != len(LUMA):
        return stored(image.mean(axis=0, dtype=np.float64), image.dtype)
    return stored(np.tensordot(LUMA, image.astype(np.float32), axes=1), image.dtype)


def _scaled(image: Plane, data_range: tuple[float, float], target: np.dtype[Any]) -> Plane:
    low, high = data_range
    least, greatest = limits(target)
    if not high > low:
        return np.full(image.shape, least, target)
    factor = (greatest - least) / (high - low)
    return by_table(
        image,
        lambda values: (values.astype(np.float64) - low) * factor + least,
        lambda values: stored(values, target),
    )
