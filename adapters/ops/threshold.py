"""Thresholds: from grey values to a mask. A sample is foreground if it is strictly above.

The level is found from the histogram of a plane or of a whole stack in a first pass; the second
pass compares, so an image of any size needs no more than one tile and one histogram in memory.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

import numpy as np

from adapters.intensities import Histogram, counted
from adapters.operations import (
    REDUCED,
    Global,
    Mask,
    Plane,
    Pointwise,
    Port,
    Values,
    operation,
)

SCOPES = {"plane": "yx", "stack": "zyx", "channel": "tzyx"}
Scope = Annotated[
    Literal["plane", "stack", "channel"],
    Port("Samples that share one level: a plane, all z of one time, or all z and times."),
]
Background = Annotated[
    Literal["dark", "light"], Port("Whether objects are brighter or darker than what is around.")
]


class Thresholded(NamedTuple):
    """A mask and the level that made it."""

    mask: Mask
    threshold: Annotated[float, Port("Level; foreground is above it, or at most it when light.")]


def _scope(values: Values) -> str:
    return SCOPES[values["scope"]]


@operation(
    "threshold.otsu",
    menu="Image > Adjust > Threshold > Otsu",
    locality=Global(counted, scope=_scope, passes=2),
)
def otsu(
    image: Plane,
    counts: Annotated[Histogram, REDUCED],
    scope: Scope = "plane",
    background: Background = "dark",
    bins: Annotated[
        int, Port("Bins for float images; integers use every level.", ge=2, le=65536)
    ] = 256,
) -> Thresholded:
    """Find the level that separates two classes best, and keep what lies above it.

    N. Otsu, IEEE Trans. Systems, Man, and Cybernetics 9 (1979) 62-66: greatest variance between
    the classes; of equal ones the lowest level.
    """
    level = otsu_level(counts)
    return Thresholded(_compared(image, level, background), level)


@operation("threshold.manual", menu="Image > Adjust > Threshold...", locality=Pointwise())
def manual(
    image: Plane,
    threshold: Annotated[float, Port("Level; foreground is strictly above it.")],
    background: Background = "dark",
) -> Mask:
    """Keep what lies above a given level."""
    return _compared(image, threshold, background)


def otsu_level(counts: Histogram) -> float:
    """Find the centre of the bin after which two classes differ most; NaN without samples."""
    filled = counts.trimmed()
    if filled.total == 0:
        return float("nan")
    centres = filled.centres
    if len(centres) == 1:
        return float(centres[0])
    weights = filled.counts.astype(np.float64)
    below = np.cumsum(weights)[:-1]
    above = weights.sum() - below
    sums = np.cumsum(weights * (centres - centres[0]))
    means_below = sums[:-1] / below
    means_above = (sums[-1] - sums[:-1]) / above
    return float(centres[np.argmax(below * above * (means_below - means_above) ** 2)])


def _compared(image: Plane, level: float, background: str) -> Mask:
    """Compare in the type of the image where the level allows it: numpy would go through floats."""
    if image.dtype.kind in "iu":
        info = np.iinfo(image.dtype)
        if not info.min <= level <= info.max:
            above = np.full(image.shape, level < info.min)
        else:
            above = image > image.dtype.type(np.floor(level))
    else:
        above = image > level
    return above if background == "dark" else ~above
