"""Operations for bright granules; an administrator adds this file with `addScript`.

What is declared here appears beside the hub's own operations, with these texts and limits, and runs
in a process of its own. `print` writes to the job's log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from scipy import ndimage

from adapters.operations import (
    Column,
    Frame,
    Labels,
    Neighbourhood,
    ObjectWise,
    Plane,
    Port,
    Projection,
    Streamed,
    Table,
    Values,
    operation,
    report,
)


def _reach(values: Values) -> int:
    """How far a filtered sample looks: the runner cuts tiles with this margin."""
    return int(values["radius"])


@operation("granules.top_hat", menu="Process > Granules > Top Hat", locality=Neighbourhood(_reach))
def top_hat(
    image: Plane,
    radius: Annotated[int, Port("Radius of the largest granule.", unit="pixel", ge=1, le=50)] = 5,
) -> Plane:
    """Keep what is brighter than the mean of its surroundings."""
    size = 2 * radius + 1
    mean = ndimage.uniform_filter(image.astype(np.float64), size, mode="nearest")
    return np.clip(np.rint(image - mean), 0, None).astype(image.dtype)


@dataclass
class Found:
    """What `find` answers: one result for each field."""

    labels: Labels
    table: Table


@operation("granules.find", menu="Analyze > Granules > Find...", locality=ObjectWise())
def find(
    image: Plane,
    frame: Frame,
    threshold: Annotated[float, Port("What is brighter belongs to a granule.", ge=0)] = 100.0,
    minimum: Annotated[int, Port("Smaller objects are left out.", unit="pixel", ge=1)] = 4,
) -> Found:
    """Label connected bright objects and measure them."""
    labels, count = ndimage.label(image > threshold)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = np.flatnonzero(sizes[1:] >= minimum) + 1
    renumbered = np.zeros(count + 1, np.int32)
    renumbered[kept] = np.arange(1, len(kept) + 1)
    print(f"c {frame.c}, z {frame.z}: {len(kept)} of {count} objects")
    totals = []
    for place, label in enumerate(kept):
        totals.append(float(image[labels == label].sum(dtype=np.float64)))
        report(place + 1, len(kept))
    return Found(
        renumbered[labels],
        Table(
            (
                Column("label", np.arange(1, len(kept) + 1)),
                Column("area", sizes[kept], "pixel²"),
                Column("total", np.asarray(totals, np.float64)),
            )
        ),
    )


@operation(
    "granules.project",
    menu="Process > Granules > Project...",
    locality=Projection(lambda values: str(values["axis"])),
)
def project(
    image: Streamed,
    axis: Annotated[Literal["z", "t"], Port("Axis that collapses.")] = "z",
) -> Plane:
    """Keep the brightest value of each pixel along an axis."""
    brightest: Any = None
    for plane in image:
        brightest = plane if brightest is None else np.maximum(brightest, plane)
    return np.asarray(brightest)
