"""Segmentation: from a mask to numbered objects.

Numbers run from 1 in the order in which a reader meets the objects, row by row; the fast
component algorithms that number otherwise are not used.
"""

from __future__ import annotations

from typing import Annotated, Literal

import cv2
import numpy as np
from scipy import ndimage
from skimage.segmentation import watershed as flood

from adapters.operations import Labels, Mask, ObjectWise, Plane, Port, operation

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
    distance = _distances(mask, sigma)
    markers = _centres(distance, label(mask, connectivity), separation)
    joins = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
    return _in_raster_order(np.asarray(flood(-distance, markers, connectivity=joins, mask=mask)))


def _distances(mask: Mask, sigma: float) -> Plane:
    """Exact distance to the background, smoothed; a mask without background has none but 0."""
    if mask.all():
        return np.zeros(mask.shape, np.float32)
    plane = np.ascontiguousarray(mask).view(np.uint8)
    distance = cv2.distanceTransform(plane, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(cv2.GaussianBlur(distance, (0, 0), sigma) if sigma > 0 else distance)


def _centres(distance: Plane, objects: Labels, separation: int) -> Labels:
    """Number the greatest places within `separation`; an object that has none is its own centre."""
    window = np.ones((2 * separation + 1, 2 * separation + 1), np.uint8)
    peaks = (distance == cv2.dilate(distance, window)) & (objects > 0)
    markers = label(peaks, 8)
    count = int(objects.max(initial=0))
    found = np.zeros(count + 1, bool)
    found[objects[peaks]] = True
    lost = ~found[objects]
    lost &= objects > 0
    markers[lost] = objects[lost] + int(markers.max(initial=0))
    return markers


def _in_raster_order(labels: Labels) -> Labels:
    flat = labels.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=0))
    numbers = flat[starts]
    numbers = numbers[numbers > 0]
    unique, first = np.unique(numbers, return_index=True)
    table = np.zeros(int(flat.max(initial=0)) + 1, np.int32)
    table[unique[np.argsort(first)]] = np.arange(1, len(unique) + 1)
    return table[labels]
