"""Segmentation: from a mask to numbered objects.

Numbers run from 1 in the order in which a reader meets the objects, row by row; the fast
component algorithms that number otherwise are not used.
"""

from __future__ import annotations

from typing import Annotated, Literal

import cv2
import numpy as np
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed as flood

from adapters.operations import Labels, Mask, ObjectWise, Port, operation

Connectivity = Annotated[
    Literal[4, 8], Port("Neighbours that join: 4 shares an edge, 8 also a corner.")
]


@operation(
    "segment.label",
    menu="Process > Segment > Connected Components",
    locality=ObjectWise(),
    working_bytes=8,
)
def label(mask: Mask, connectivity: Connectivity = 8) -> Labels:
    """Number connected objects from 1 in raster order of their first pixel."""
    _, labels = cv2.connectedComponentsWithAlgorithm(
        np.ascontiguousarray(mask).view(np.uint8), connectivity, cv2.CV_32S, cv2.CCL_SAUF
    )
    return np.asarray(labels)


@operation(
    "segment.watershed",
    menu="Process > Segment > Watershed...",
    locality=ObjectWise(),
    working_bytes=48,
)
def watershed(
    mask: Mask,
    sigma: Annotated[
        float, Port("Smoothing of the distance map.", unit="pixel", ge=0, le=100)
    ] = 1.0,
    separation: Annotated[
        int, Port("Least distance between two centres.", unit="pixel", ge=1, le=1000)
    ] = 5,
    connectivity: Connectivity = 8,
) -> Labels:
    """Split touching objects at the necks between them and number the parts.

    Centres are maxima of the distance to the background; from them the mask is flooded.
    """
    distance = ndimage.distance_transform_edt(mask).astype(np.float32)
    if sigma > 0:
        distance = ndimage.gaussian_filter(distance, sigma)
    objects = label(mask, connectivity)
    peaks = peak_local_max(distance, min_distance=separation, labels=objects, exclude_border=False)
    peaks = peaks[np.lexsort((peaks[:, 1], peaks[:, 0]))]
    markers = np.zeros(mask.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    joins = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    parts = flood(-distance, markers, connectivity=joins, mask=mask)
    return _in_raster_order(np.asarray(parts))


def _in_raster_order(labels: Labels) -> Labels:
    flat = labels.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=0))
    numbers = flat[starts]
    numbers = numbers[numbers > 0]
    unique, first = np.unique(numbers, return_index=True)
    table = np.zeros(int(flat.max(initial=0)) + 1, np.int32)
    table[unique[np.argsort(first)]] = np.arange(1, len(unique) + 1)
    return table[labels]
