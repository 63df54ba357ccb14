"""Projections along z, time or channels: plane after plane streams by, one accumulator stays."""

from __future__ import annotations

import functools
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from adapters.operations import Plane, Port, Projection, Streamed, Values, operation

Axis = Annotated[Literal["z", "t", "c"], Port("Axis that collapses.")]


def _axis(values: Values) -> str:
    return str(values["axis"])


@operation(
    "project.max",
    menu="Image > Stacks > Z Project > Max Intensity",
    locality=Projection(_axis),
)
def maximum(image: Streamed, axis: Axis = "z") -> Plane:
    """Keep the greatest sample along an axis."""
    return functools.reduce(np.maximum, image)


@operation(
    "project.min",
    menu="Image > Stacks > Z Project > Min Intensity",
    locality=Projection(_axis),
)
def minimum(image: Streamed, axis: Axis = "z") -> Plane:
    """Keep the least sample along an axis."""
    return functools.reduce(np.minimum, image)


@operation(
    "project.mean",
    menu="Image > Stacks > Z Project > Average Intensity",
    locality=Projection(_axis),
)
def mean(image: Streamed, axis: Axis = "z") -> Annotated[Plane, Port(dtype="float32")]:
    """Average the samples along an axis; summed in float64, stored as float32."""
    return (_summed(image) / len(image)).astype(np.float32)


@operation(
    "project.sum",
    menu="Image > Stacks > Z Project > Sum Slices",
    locality=Projection(_axis),
)
def total(image: Streamed, axis: Axis = "z") -> Annotated[Plane, Port(dtype="float64")]:
    """Add the samples along an axis; exact for integers up to 2⁵³."""
    return _summed(image)


@operation(
    "project.deviation",
    menu="Image > Stacks > Z Project > Standard Deviation",
    locality=Projection(_axis),
    working_bytes=40,
)
def deviation(image: Streamed, axis: Axis = "z") -> Annotated[Plane, Port(dtype="float32")]:
    """Standard deviation along an axis, divisor n - 1; 0 for a single plane.

    B. P. Welford, Technometrics 4 (1962) 419-420: one pass, without the loss of sums of squares.
    """
    mean_so_far: Any = 0.0
    squares: Any = 0.0
    for count, plane in enumerate(image, start=1):
        real = plane.astype(np.float64)
        delta = real - mean_so_far
        mean_so_far = mean_so_far + delta / count
        squares = squares + delta * (real - mean_so_far)
    return np.asarray(np.sqrt(squares / max(len(image) - 1, 1)), np.float32)


def _summed(planes: Streamed) -> NDArray[np.float64]:
    total_so_far: NDArray[np.float64] | None = None
    for plane in planes:
        if total_so_far is None:
            total_so_far = plane.astype(np.float64)
        else:
            np.add(total_so_far, plane, out=total_so_far)
    if total_so_far is None:
        raise ValueError("a projection needs at least one plane")
    return total_so_far
