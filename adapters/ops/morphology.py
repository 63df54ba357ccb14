"""Morphology of grey-scale images and masks. What lies beyond the border never wins."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from adapters.operations import Mask, Neighbourhood, ObjectWise, Plane, Port, Values, operation

Radius = Annotated[int, Port("Radius of the element; 1 is 3 × 3.", unit="pixel", ge=0, le=250)]
Element = Annotated[Literal["square", "disc", "cross"], Port("Shape of the structuring element.")]
OPENCV_DEPTHS = (np.uint8, np.uint16, np.int16, np.float32, np.float64)


def _once(values: Values) -> int:
    return int(values["radius"])


def _twice(values: Values) -> int:
    return 2 * int(values["radius"])


@operation(
    "morphology.erode",
    menu="Process > Morphology > Erode",
    locality=Neighbourhood(_once),
    working_bytes=24,
)
def erode(image: Plane, radius: Radius = 1, element: Element = "square") -> Plane:
    """Take the least value under the element; bright objects shrink."""
    return _applied(cv2.MORPH_ERODE, image, radius, element)


@operation(
    "morphology.dilate",
    menu="Process > Morphology > Dilate",
    locality=Neighbourhood(_once),
    working_bytes=24,
)
def dilate(image: Plane, radius: Radius = 1, element: Element = "square") -> Plane:
    """Take the greatest value under the element; bright objects grow."""
    return _applied(cv2.MORPH_DILATE, image, radius, element)


@operation(
    "morphology.open",
    menu="Process > Morphology > Open",
    locality=Neighbourhood(_twice),
    working_bytes=24,
)
def opening(image: Plane, radius: Radius = 1, element: Element = "square") -> Plane:
    """Erode, then dilate: bright details smaller than the element go."""
    return _applied(cv2.MORPH_OPEN, image, radius, element)


@operation(
    "morphology.close",
    menu="Process > Morphology > Close",
    locality=Neighbourhood(_twice),
    working_bytes=24,
)
def closing(image: Plane, radius: Radius = 1, element: Element = "square") -> Plane:
    """Dilate, then erode: dark details smaller than the element go."""
    return _applied(cv2.MORPH_CLOSE, image, radius, element)


@operation(
    "morphology.fill_holes",
    menu="Process > Binary > Fill Holes",
    locality=ObjectWise(),
    working_bytes=12,
)
def fill_holes(
    mask: Mask,
    connectivity: Annotated[
        Literal[4, 8], Port("Neighbours through which background is joined to the outside.")
    ] = 4,
) -> Mask:
    """Fill background that is not joined to the border of the image."""
    background = np.ones((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    np.logical_not(mask, out=background[1:-1, 1:-1].view(bool))
    _, labels = cv2.connectedComponentsWithAlgorithm(
        background, connectivity, cv2.CV_32S, cv2.CCL_DEFAULT
    )
    return np.asarray(labels[1:-1, 1:-1] != labels[0, 0])


def _applied(kind: int, image: NDArray[Any], radius: int, element: str) -> NDArray[Any]:
    if radius == 0:
        return image.copy()
    plane = np.ascontiguousarray(_representable(image))
    found = cv2.morphologyEx(plane, kind, _footprint(radius, element))
    return np.asarray(found).astype(image.dtype, copy=False)


def _representable(image: NDArray[Any]) -> NDArray[Any]:
    """The same order of values in a type that OpenCV takes."""
    if image.dtype in OPENCV_DEPTHS:
        return image
    return image.astype(np.int16 if image.dtype.itemsize == 1 else np.float64)


def _footprint(radius: int, element: str) -> NDArray[np.uint8]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    inside = {
        "square": np.ones((2 * radius + 1, 2 * radius + 1), bool),
        "disc": y * y + x * x <= radius * radius,
        "cross": (y == 0) | (x == 0),
    }[element]
    return np.asarray(inside, np.uint8)
