"""An image as a run sees it: a reader, cut to the planes and the region that were chosen.

Index 0 of a view is the first selected index of the image, so results are made in the frame of the
selection, and only coordinates given to the user are moved back into the image's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.operations import UNCALIBRATED, Calibration, PortType
from store.errors import Invalid
from store.pixels.base import PixelReader

AXES = "tczyx"
Indexes = Sequence[int]


@dataclass(frozen=True, slots=True)
class Selection:
    """Planes and region to work on; None is everything. `y` and `x` are (start, stop) in pixels."""

    t: Indexes | None = None
    c: Indexes | None = None
    z: Indexes | None = None
    y: tuple[int, int] | None = None
    x: tuple[int, int] | None = None


EVERYTHING = Selection()


@dataclass(frozen=True, slots=True)
class ImageInput:
    """What is put into an image port."""

    reader: PixelReader
    calibration: Calibration = UNCALIBRATED
    selection: Selection = EVERYTHING


@dataclass(frozen=True, slots=True)
class View:
    """An `ImageInput` with its selection resolved against the image."""

    reader: PixelReader
    calibration: Calibration
    type: PortType
    t: tuple[int, ...]
    c: tuple[int, ...]
    z: tuple[int, ...]
    y: int
    x: int
    height: int
    width: int

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes by axis."""
        counts = (len(self.t), len(self.c), len(self.z), self.height, self.width)
        return dict(zip(AXES, counts, strict=True))

    @property
    def stored_dtype(self) -> np.dtype[Any]:
        """Sample type of the image."""
        return np.dtype(self.reader.layout.dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Sample type as the function sees it."""
        return np.dtype(bool) if self.type is PortType.MASK else self.stored_dtype

    def indexes(self, axis: str) -> tuple[int, ...]:
        """Selected indexes of t, c or z in the image."""
        return {"t": self.t, "c": self.c, "z": self.z}[axis]

    def read(self, axes: str, fixed: Mapping[str, int], cut: Mapping[str, slice]) -> NDArray[Any]:
        """Read an array along `axes`.

        `fixed` gives an index for each other axis; an axis of size 1 stands for any index. `cut`
        gives slices with start and stop in the view.
        """
        chosen = {
            axis: (
                self.indexes(axis)[cut[axis]]
                if axis in axes
                else self.indexes(axis)[fixed[axis] : fixed[axis] + 1] or self.indexes(axis)[:1]
            )
            for axis in "tcz"
        }
        samples = self._samples(
            chosen["t"],
            chosen["c"],
            chosen["z"],
            slice(self.y + cut["y"].start, self.y + cut["y"].stop),
            slice(self.x + cut["x"].start, self.x + cut["x"].stop),
        )
        kept = tuple(slice(None) if axis in axes else 0 for axis in AXES)
        found = samples[kept]
        return np.not_equal(found, 0) if self.type is PortType.MASK else found

    def _samples(self, t: Indexes, c: Indexes, z: Indexes, y: slice, x: slice) -> NDArray[Any]:
        if not _is_span(t):
            return np.concatenate([self._samples((i,), c, z, y, x) for i in t], axis=0)
        if not _is_span(z):
            return np.concatenate([self._samples(t, c, (i,), y, x) for i in z], axis=2)
        return self.reader.region(
            t=slice(t[0], t[-1] + 1),
            c=slice(c[0], c[-1] + 1) if _is_span(c) else c,
            z=slice(z[0], z[-1] + 1),
            y=y,
            x=x,
        )


def view_of(port: str, kind: PortType, image: ImageInput) -> View:
    """Resolve a selection.

    Raises `store.errors.Invalid` naming the port for an index or region outside the image, an empty
    selection, or a label image that does not hold whole numbers.
    """
    layout, selection = image.reader.layout, image.selection
    dtype = np.dtype(layout.dtype)
    if kind is PortType.LABELS and dtype.kind not in "iu":
        raise Invalid(port, f"takes a label image of whole numbers, but the image is {dtype}.")
    chosen = {}
    for axis, size in zip("tcz", layout.shape, strict=False):
        wanted = getattr(selection, axis)
        indexes = tuple(range(size)) if wanted is None else tuple(wanted)
        if not indexes or min(indexes) < 0 or max(indexes) >= size:
            raise Invalid(port, f"has {size} planes along {axis}; {list(indexes)} was selected.")
        chosen[axis] = indexes
    y0, y1 = selection.y or (0, layout.size_y)
    x0, x1 = selection.x or (0, layout.size_x)
    if not (0 <= y0 < y1 <= layout.size_y and 0 <= x0 < x1 <= layout.size_x):
        raise Invalid(
            port,
            f"is {layout.size_x} × {layout.size_y} pixels; x {x0} to {x1}, y {y0} to {y1} was "
            "selected.",
        )
    return View(
        image.reader,
        image.calibration,
        kind,
        chosen["t"],
        chosen["c"],
        chosen["z"],
        y0,
        x0,
        y1 - y0,
        x1 - x0,
    )


def _is_span(indexes: Indexes) -> bool:
    return all(b - a == 1 for a, b in itertools.pairwise(indexes))
