"""What flows between an operation and the runner: samples, streams of them, tables, regions.

An operation names these aliases in its signature; the runner reads from them which axes one call
sees and how results are stored. Axes are always a subset of ``t c z y x`` in that order. A mask is
boolean in memory and 0 or 255 in storage; labels are integers, 0 is background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry


class PortType(StrEnum):
    """What one port carries. `frame` and `reduced` are filled by the runner and never shown."""

    IMAGE = "image"
    LABELS = "labels"
    MASK = "mask"
    TABLE = "table"
    REGIONS = "regions"
    POINTS = "points"
    FLOAT = "float"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"
    FRAME = "frame"
    REDUCED = "reduced"


PIXEL_TYPES = frozenset({PortType.IMAGE, PortType.LABELS, PortType.MASK})
DATA_TYPES = PIXEL_TYPES | {PortType.TABLE, PortType.REGIONS}
INJECTED_TYPES = frozenset({PortType.FRAME, PortType.REDUCED})


@dataclass(frozen=True, slots=True)
class Samples:
    """Marks an array in a signature: what it holds, and the axes one call sees."""

    type: PortType
    axes: str = "yx"
    streamed: bool = False


@dataclass(frozen=True, slots=True)
class Marker:
    """Marks anything in a signature whose Python type alone does not say what it is."""

    type: PortType


class Blocks:
    """Arrays that come one after another and can be walked again; never all in memory at once.

    For a projection they are the planes along its axis, all of one shape; for a reduction they are
    tiles of the plane, volume or image, in the same order for every input.
    """

    __slots__ = ("_make", "count", "dtype")

    def __init__(
        self, make: Callable[[], Iterable[NDArray[Any]]], dtype: np.dtype[Any], count: int
    ) -> None:
        self._make = make
        self.dtype = dtype
        self.count = count

    @classmethod
    def of(cls, arrays: Sequence[NDArray[Any]]) -> Blocks:
        """Wrap arrays that are already in memory."""
        return cls(lambda: iter(arrays), arrays[0].dtype, len(arrays))

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter(self._make())

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a result table. `unit` is as written, for example ``µm²`` or ``pixel``."""

    name: str
    values: NDArray[Any]
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A result table: columns of equal length."""

    columns: tuple[Column, ...]

    def __len__(self) -> int:
        return len(self.columns[0].values) if self.columns else 0

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.column(name).values

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Find a column by name; raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Walk the rows as plain Python values, ready for JSON apart from NaN."""
        return zip(*(column.values.tolist() for column in self.columns), strict=True)

    def at(self, places: Iterable[tuple[str, int]]) -> Table:
        """Put constant columns in front, for example the plane the rows belong to."""
        size = len(self)
        front = tuple(Column(name, np.full(size, value, np.int64)) for name, value in places)
        return Table(front + self.columns)

    @classmethod
    def stacked(cls, tables: Sequence[Table]) -> Table:
        """Put tables with the same columns under one another."""
        first = tables[0]
        return cls(
            tuple(
                Column(column.name, np.concatenate([t[column.name] for t in tables]), column.unit)
                for column in first.columns
            )
        )


@dataclass(frozen=True, slots=True)
class Region:
    """One outlined object, in pixels of the image; pixel (x, y) covers [x, x+1] × [y, y+1]."""

    label: int
    geometry: BaseGeometry
    t: int | None = None
    c: int | None = None
    z: int | None = None

    @property
    def wkb(self) -> bytes:
        """The geometry as well-known binary, y down."""
        data: bytes = shapely.to_wkb(self.geometry)
        return data

    def on(self, t: int | None, c: int | None, z: int | None) -> Region:
        """Say which plane it lies on."""
        return replace(self, t=t, c=c, z=z)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Size of one pixel in µm and of one time step in s; None where nobody knows."""

    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    time_increment: float | None = None


UNCALIBRATED = Calibration()


@dataclass(frozen=True, slots=True)
class Frame:
    """Where in the image the arrays of one call lie: plane, offset in pixels, pixel size.

    An axis that the call sees whole has no index and is None.
    """

    calibration: Calibration = UNCALIBRATED
    t: int | None = None
    c: int | None = None
    z: int | None = None
    y: int = 0
    x: int = 0


Plane = Annotated[NDArray[Any], Samples(PortType.IMAGE)]
Volume = Annotated[NDArray[Any], Samples(PortType.IMAGE, "zyx")]
Channels = Annotated[NDArray[Any], Samples(PortType.IMAGE, "cyx")]
Series = Annotated[NDArray[Any], Samples(PortType.IMAGE, "tyx")]
Hyperstack = Annotated[NDArray[Any], Samples(PortType.IMAGE, "tczyx")]
Labels = Annotated[NDArray[Any], Samples(PortType.LABELS)]
LabelVolume = Annotated[NDArray[Any], Samples(PortType.LABELS, "zyx")]
Mask = Annotated[NDArray[Any], Samples(PortType.MASK)]
MaskVolume = Annotated[NDArray[Any], Samples(PortType.MASK, "zyx")]
Streamed = Annotated[Blocks, Samples(PortType.IMAGE, streamed=True)]
Regions = Annotated[list[Region], Marker(PortType.REGIONS)]
Points = Annotated[NDArray[Any], Marker(PortType.POINTS)]
REDUCED = Marker(PortType.REDUCED)
