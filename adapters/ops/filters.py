"""Linear and rank filters of a plane.

OpenCV does the work where a test pins its answer to scipy's; the exceptions are named beside the
code. Kernels are cut at four standard deviations, as in scipy.
"""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import rank

from adapters.intensities import stored
from adapters.operations import Neighbourhood, Plane, Port, Values, Volume, operation

TRUNCATE = 4.0
BORDERS = {
    "reflect": cv2.BORDER_REFLECT,
    "mirror": cv2.BORDER_REFLECT_101,
    "nearest": cv2.BORDER_REPLICATE,
    "zero": cv2.BORDER_CONSTANT,
}
Border = Annotated[
    Literal["reflect", "mirror", "nearest", "zero"],
    Port(
        "What lies beyond the border: the image reflected with (reflect) or without (mirror) "
        "repeating the edge, the edge itself (nearest), or zero."
    ),
]
Sigma = Annotated[float, Port("Standard deviation.", unit="pixel", ge=0, le=500, step=0.5)]
Radius = Annotated[int, Port("Radius of the window; 1 is 3 × 3.", unit="pixel", ge=0, le=250)]
Shape = Annotated[Literal["square", "disc"], Port("Shape of the window.")]

OPENCV_MEDIAN = (np.uint8, np.uint16, np.int16, np.float32)
RANK_NS_PER_LEVEL, SORT_NS_PER_SAMPLE = 0.1, 13.0
"""Measured cost of one output sample: histogram per grey level, sorting per window sample."""


def _reach(values: Values) -> int:
    return _half_width(values["sigma"])


@operation(
    "filter.gaussian",
    menu="Process > Filters > Gaussian Blur...",
    locality=Neighbourhood(_reach),
    working_bytes=32,
)
def gaussian(image: Plane, sigma: Sigma = 1.0, border: Border = "reflect") -> Plane:
    """Smooth a plane with a Gaussian kernel.

    Computed in float32, in float64 for 32- and 64-bit integers and doubles; integers are rounded
    once at the end.
    """
    return _rounded(_smoothed(_real(image), sigma, border), image.dtype)


@operation(
    "filter.gaussian_volume",
    menu="Process > Filters > Gaussian Blur 3D...",
    locality=Neighbourhood(
        lambda values: (
            _half_width(values["sigma_z"]),
            _half_width(values["sigma"]),
            _half_width(values["sigma"]),
        )
    ),
)
def gaussian_volume(
    image: Volume,
    sigma: Sigma = 1.0,
    sigma_z: Annotated[
        float, Port("Standard deviation along z.", unit="plane", ge=0, le=500)
    ] = 1.0,
    border: Border = "reflect",
) -> Volume:
    """Smooth a volume with a Gaussian kernel, in z with a width of its own."""
    real = _real(image)
    planes = np.stack([_smoothed(plane, sigma, border) for plane in real])
    if sigma_z > 0:
        # Seen as (z, y·x), a pass down the columns is a pass along z.
        columns = planes.reshape(len(planes), -1)
        one = np.ones(1)
        smooth = cv2.sepFilter2D(columns, -1, one, _kernel(sigma_z), borderType=BORDERS[border])
        planes = np.asarray(smooth).reshape(real.shape)
    return stored(planes, image.dtype)


@operation(
    "filter.difference_of_gaussians",
    menu="Process > Filters > Difference of Gaussians...",
    locality=Neighbourhood(lambda values: _half_width(max(values["sigma1"], values["sigma2"]))),
)
def difference_of_gaussians(
    image: Plane,
    sigma1: Annotated[float, Port("Narrower deviation.", unit="pixel", ge=0, le=500)] = 1.0,
    sigma2: Annotated[float, Port("Wider deviation.", unit="pixel", ge=0, le=500)] = 2.0,
    border: Border = "reflect",
) -> Annotated[Plane, Port(dtype="float32")]:
    """Keep structures between two widths: the narrower Gaussian minus the wider one."""
    real = _real(image)
    narrow = _smoothed(real, sigma1, border)
    return np.asarray(narrow - _smoothed(real, sigma2, border), np.float32)


@operation(
    "filter.unsharp",
    menu="Process > Filters > Unsharp Mask...",
    locality=Neighbourhood(_reach),
    working_bytes=32,
)
def unsharp(
    image: Plane,
    sigma: Sigma = 1.0,
    weight: Annotated[float, Port("Share of the blurred image taken off.", ge=0, lt=1)] = 0.6,
    border: Border = "nearest",
) -> Plane:
    """Sharpen: take a blurred copy off and stretch the rest, ``(x - w·G) / (1 - w)``."""
    real = _real(image)
    sharp = (real - weight * _smoothed(real, sigma, border)) / (1 - weight)
    return stored(sharp.astype(real.dtype, copy=False), image.dtype)


@operation(
    "filter.mean",
    menu="Process > Filters > Mean...",
    locality=Neighbourhood(lambda values: int(values["radius"])),
    working_bytes=24,
)
def mean(image: Plane, radius: Radius = 1, border: Border = "nearest") -> Plane:
    """Replace each sample by the mean of the square around it."""
    size = 2 * radius + 1
    real = image if image.dtype in (np.uint8, np.uint16, np.float32) else image.astype(np.float64)
    total = cv2.boxFilter(
        np.ascontiguousarray(real),
        cv2.CV_64F,
        (size, size),
        normalize=False,
        borderType=BORDERS[border],
    )
    total /= size * size
    return stored(np.asarray(total), image.dtype)


@operation(
    "filter.median",
    menu="Process > Filters > Median...",
    locality=Neighbourhood(lambda values: int(values["radius"])),
    working_bytes=24,
)
def median(image: Plane, radius: Radius = 1, shape: Shape = "square") -> Plane:
    """Replace each sample by the median of the window around it; the edge repeats outwards."""
    if radius == 0:
        return image.copy()
    size = 2 * radius + 1
    square = shape == "square" or radius == 0
    plane = np.ascontiguousarray(image)
    if square and radius <= 2 and plane.dtype in OPENCV_MEDIAN:
        return np.asarray(cv2.medianBlur(plane, size))
    if square and plane.dtype == np.uint8:
        return np.asarray(cv2.medianBlur(plane, size))
    footprint = np.ones((size, size), bool) if square else _disc(radius)
    if plane.dtype.kind in "iu" and plane.dtype.itemsize <= 2:
        return _median_of_levels(plane, footprint, square)
    return np.asarray(ndimage.median_filter(plane, footprint=footprint, mode="nearest"))


def _median_of_levels(
    plane: NDArray[Any], footprint: NDArray[np.bool_], square: bool
) -> NDArray[Any]:
    """Rank the grey levels that occur, take the median of ranks, and map it back.

    A median commutes with any rising map, so this is exact; few levels make the histogram short.
    """
    low = int(plane.min())
    offset = (plane.astype(np.int32) - low).astype(np.uint16)
    present = np.flatnonzero(np.bincount(offset.ravel()))
    ranks = np.zeros(int(present[-1]) + 1, np.uint16)
    ranks[present] = np.arange(len(present))
    ranked = ranks[offset]
    radius = footprint.shape[0] // 2
    if square and len(present) <= 256:
        found = np.asarray(cv2.medianBlur(ranked.astype(np.uint8), footprint.shape[0]))
    elif len(present) * RANK_NS_PER_LEVEL < int(footprint.sum()) * SORT_NS_PER_SAMPLE:
        warnings.filterwarnings("ignore", message="Bad rank filter performance")
        padded = np.pad(ranked, radius, mode="edge")
        found = rank.median(padded, footprint.astype(np.uint8))[radius:-radius, radius:-radius]
    else:
        found = ndimage.median_filter(ranked, footprint=footprint, mode="nearest")
    return np.asarray(present[found] + low, plane.dtype)


def _half_width(sigma: float) -> int:
    return int(TRUNCATE * sigma + 0.5)


def _kernel(sigma: float) -> NDArray[np.float64]:
    radius = _half_width(sigma)
    x = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 * (x / sigma) ** 2)
    return np.asarray(weights / weights.sum())


def _real(image: NDArray[Any]) -> NDArray[Any]:
    """Samples as floats that hold them exactly."""
    wide = image.dtype.kind in "iu" and image.dtype.itemsize > 2
    real = np.float64 if wide or image.dtype == np.float64 else np.float32
    return np.ascontiguousarray(image, real)


def _smoothed(real: NDArray[Any], sigma: float, border: str) -> NDArray[Any]:
    if _half_width(sigma) == 0:
        return real
    kernel = _kernel(sigma)
    return np.asarray(cv2.sepFilter2D(real, -1, kernel, kernel, borderType=BORDERS[border]))


def _rounded(values: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Store like `stored`; a weighted mean never leaves the type, so OpenCV's cast will do."""
    depth = {"uint8": cv2.CV_8U, "uint16": cv2.CV_16U, "int16": cv2.CV_16S}.get(dtype.name)
    if depth is None or values.dtype != np.float32:
        return stored(values, dtype)
    return np.asarray(cv2.add(values, 0, dtype=depth))


def _disc(radius: int) -> NDArray[np.bool_]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(y * y + x * x <= radius * radius)
