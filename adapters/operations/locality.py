"""How far one output sample looks: the only thing the runner must know to split the work.

An operation declares one of these. From it follow tiles, halos, passes over the data and what has
to fit in memory; the operation itself stays a function of arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

Values = Mapping[str, Any]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Locality:
    """Base of all kinds; `kind` is the word stored with the operation."""

    kind: ClassVar[str] = ""


@dataclass(frozen=True, slots=True)
class Pointwise(Locality):
    """Each output sample depends on the input samples at the same place."""

    kind = "pointwise"


@dataclass(frozen=True, slots=True)
class Neighbourhood(Locality):
    """Each output sample depends on samples at most `halo` away, in every axis one call sees.

    At the border of the image the function's own rule holds: tiles are cut with their halo and
    clipped to the image, so the function meets the true border exactly where it is.
    """

    halo: Callable[[Values], int | Shape]
    kind = "neighbourhood"


@dataclass(frozen=True, slots=True)
class Global(Locality):
    """A first pass reduces the samples of `scope`, then each sample is computed by itself.

    `reduce` receives the blocks of every image port in the order of the signature, then the values;
    it may walk the blocks at most `passes` times. Its result enters the function as the parameter
    marked `REDUCED`. `scope` names the axes reduced together, for example ``yx`` or ``zyx``, and
    contains the axes of the ports.
    """

    reduce: Callable[..., Any]
    scope: str | Callable[[Values], str] = "yx"
    passes: int = 1
    kind = "global"


@dataclass(frozen=True, slots=True)
class Reduction(Locality):
    """The function itself walks `Streamed` blocks of `scope` and returns values or tables."""

    scope: str | Callable[[Values], str] = "yx"
    passes: int = 1
    kind = "reduction"


@dataclass(frozen=True, slots=True)
class Projection(Locality):
    """One axis collapses: a `Streamed` port meets its planes one by one, an array port all."""

    axis: str | Callable[[Values], str] = "z"
    kind = "projection"


@dataclass(frozen=True, slots=True)
class ObjectWise(Locality):
    """Objects may reach anywhere, so one call needs the whole plane or volume in memory."""

    kind = "object-wise"


@dataclass(frozen=True, slots=True)
class Whole(Locality):
    """One call needs everything its ports' axes span, and may answer in another size.

    `shape` maps values and the shape of the first image to the shape of the result, both along the
    axes of their ports; None keeps the shape. Operations without images are of this kind.
    """

    shape: Callable[[Values, Shape], Shape] | None = None
    kind = "whole"


def resolved(rule: str | Callable[[Values], str], values: Values) -> str:
    """Answer axes that are either fixed or chosen by a parameter."""
    return rule if isinstance(rule, str) else rule(values)
