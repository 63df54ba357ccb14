"""Arithmetic of grey values, sample by sample.

Integer results either clip to the type or wrap around it; the two traditions of the field differ
and pipelines depend on both, so it is a parameter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from adapters.intensities import by_table, limits, stored, wrapped
from adapters.operations import Plane, Pointwise, Port, operation

Overflow = Annotated[
    Literal["clip", "wrap"],
    Port("What happens to integer results beyond the type: held at its limits, or taken modulo."),
]
Constant = Annotated[float, Port("Number combined with every sample.")]
Function = Callable[[NDArray[Any]], NDArray[Any]]


@operation("math.add", menu="Process > Math > Add...", locality=Pointwise())
def add(image: Plane, value: Constant = 0.0, overflow: Overflow = "clip") -> Plane:
    """Add a constant to every sample."""
    return _mapped(image, lambda x: x + value, overflow)


@operation("math.subtract", menu="Process > Math > Subtract...", locality=Pointwise())
def subtract(image: Plane, value: Constant = 0.0, overflow: Overflow = "clip") -> Plane:
    """Subtract a constant from every sample."""
    return _mapped(image, lambda x: x - value, overflow)


@operation("math.multiply", menu="Process > Math > Multiply...", locality=Pointwise())
def multiply(image: Plane, value: Constant = 1.0, overflow: Overflow = "clip") -> Plane:
    """Multiply every sample by a constant."""
    return _mapped(image, lambda x: x * value, overflow)


@operation("math.invert", menu="Edit > Invert", locality=Pointwise())
def invert(image: Plane) -> Plane:
    """Invert grey values: least plus greatest value of the type, minus the sample.

    Float images are mirrored about zero, since their type has no useful limits.
    """
    if image.dtype.kind == "f":
        return np.negative(image)
    return np.invert(image)


@operation("math.gamma", menu="Process > Math > Gamma...", locality=Pointwise())
def gamma(
    image: Plane,
    exponent: Annotated[float, Port("Exponent; below 1 lifts dark values.", gt=0, le=10)] = 0.5,
) -> Plane:
    """Raise grey values to a power, scaled so that 0 and the greatest value of the type stay.

    Floats are raised as they are. Values below zero become 0.
    """
    top = limits(image.dtype)[1]
    return _mapped(image, lambda x: top * np.power(np.maximum(x, 0) / top, exponent), "clip")


@operation("math.log", menu="Process > Math > Log", locality=Pointwise())
def log(image: Plane) -> Annotated[Plane, Port(dtype="float32")]:
    """Take the natural logarithm; 0 gives minus infinity, values below it no number."""

    def quiet_log(x: NDArray[Any]) -> NDArray[Any]:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(x))

    return by_table(image, quiet_log, lambda x: x.astype(np.float32, copy=False))


@operation(
    "math.combine",
    menu="Process > Image Calculator...",
    locality=Pointwise(),
    working_bytes=24,
)
def combine(
    image: Plane,
    other: Annotated[Plane, Port("Second image, of the same size.")],
    method: Annotated[
        Literal["add", "subtract", "multiply", "divide", "difference", "average", "min", "max"],
        Port("What is done with each pair of samples."),
    ] = "add",
    overflow: Overflow = "clip",
) -> Plane:
    """Combine two images sample by sample; the result has the type of the first.

    Division by zero gives 0 in integer images, and infinity or no number in float images.
    """
    if method == "min":
        return _kept(np.minimum(image, other), image.dtype, overflow)
    if method == "max":
        return _kept(np.maximum(image, other), image.dtype, overflow)
    a, b = image.astype(np.float64), other.astype(np.float64)
    return _kept(_combined(a, b, method, image.dtype.kind != "f"), image.dtype, overflow)


def _combined(a: NDArray[Any], b: NDArray[Any], method: str, whole: bool) -> NDArray[Any]:
    match method:
        case "add":
            a += b
        case "subtract":
            a -= b
        case "multiply":
            a *= b
        case "difference":
            np.abs(a - b, out=a)
        case "average":
            a += b
            a /= 2
        case _:
            with np.errstate(divide="ignore", invalid="ignore"):
                a /= b
            if whole:
                a = np.trunc(np.where(b == 0, 0, a))
    return a


def _mapped(image: NDArray[Any], function: Function, overflow: str) -> NDArray[Any]:
    return by_table(image, function, lambda values: _kept(values, image.dtype, overflow))


def _kept(values: NDArray[Any], dtype: np.dtype[Any], overflow: str) -> NDArray[Any]:
    return wrapped(values, dtype) if overflow == "wrap" else stored(values, dtype)
