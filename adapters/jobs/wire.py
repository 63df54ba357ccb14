"""What the hub and a script's process say to each other: JSON lines, and samples in shared memory.

Never pickles: what comes back from a script is data, whatever the script tried. Arrays lie in an
arena, a file without a name that both processes map; a line says where.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from adapters.operations.samples import Blocks, Calibration, Column, Frame, Region, Table

ALIGNED = 64  # bytes
TAG = "_"
DATA_KINDS = "biufcSU"


class WireError(TypeError):
    """A value that cannot be handed over."""


class Arena:
    """A shared piece of memory that one side writes and the other reads, message by message."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._map: mmap.mmap | None = None

    @classmethod
    def new(cls, name: str) -> Arena:
        """Make one without a name in the file system, so that nothing is left of it."""
        if hasattr(os, "memfd_create"):
            return cls(os.memfd_create(name))
        import tempfile

        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()))

    def write(self, arrays: list[tuple[int, NDArray[Any]]], size: int) -> None:
        """Put arrays at their offsets; `size` is where the last ends."""
        if arrays:
            if os.fstat(self.descriptor).st_size < size:
                os.ftruncate(self.descriptor, size)
            for offset, array in arrays:
                self._at(array.dtype, array.shape, offset)[...] = array

    def read(self, dtype: str, shape: list[int], offset: int) -> NDArray[Any]:
        """Return an array that lies in the arena, without a copy. Raises WireError."""
        wanted = np.dtype(dtype)
        if wanted.kind not in DATA_KINDS or min(shape, default=0) < 0 or offset < 0:
            raise WireError(f"no array of {dtype} and shape {shape} lies at {offset}")
        return self._at(wanted, tuple(shape), offset)

    def _at(self, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
        end = offset + dtype.itemsize * int(np.prod(shape, dtype=object))
        if end == offset:
            return np.empty(shape, dtype)
        if self._map is None or len(self._map) < end:
            there = os.fstat(self.descriptor).st_size
            if there < end:
                raise WireError(f"the shared memory ends at {there}, not at {end}")
            self._map = mmap.mmap(self.descriptor, there)  # views keep the one before alive
        return np.ndarray(shape, dtype, self._map, offset)

    def close(self) -> None:
        """Give the memory back, once no view is left."""
        self._map = None
        os.close(self.descriptor)


@dataclass(slots=True)
class Packed:
    """A value made ready: what goes into the line, and the arrays that go into an arena."""

    arrays: list[tuple[int, NDArray[Any]]] = field(default_factory=list)
    streams: list[Blocks] = field(default_factory=list)
    size: int = 0

    def pack(self, value: Any) -> Any:
        """Return the JSON form of a value. Raises WireError for what cannot be handed over."""
        match value:
            case None | bool() | str():
                return value
            case np.generic():
                return self.pack(value.item()) if value.dtype.kind != "V" else _refuse(value)
            case int() | float():
                return value
            case np.ndarray():
                return self._array(value)
            case bytes():
                return {TAG: "bytes", "of": self._array(np.frombuffer(value, np.uint8))}
            case list():
                return [self.pack(item) for item in value]
            case tuple() if not hasattr(value, "_fields"):
                return {TAG: "tuple", "of": [self.pack(item) for item in value]}
            case Mapping():
                return {TAG: "map", "of": [[self.pack(k), self.pack(v)] for k, v in value.items()]}
            case _:
                return self._object(value)

    def _object(self, value: Any) -> Any:
        match value:
            case Table():
                columns = [[one.name, one.unit, self.pack(one.values)] for one in value.columns]
                return {TAG: "table", "of": columns}
            case Region():
                plane = {"t": value.t, "c": value.c, "z": value.z}
                return {
                    TAG: "region",
                    "label": int(value.label),
                    "of": self.pack(value.wkb),
                    **plane,
                }
            case Frame():
                return {TAG: "frame", "of": asdict(value)}
            case Blocks():
                self.streams.append(value)
                number = len(self.streams) - 1
                return {TAG: "blocks", "of": number, "dtype": value.dtype.str, "count": len(value)}
            case _:
                return _refuse(value)

    def _array(self, array: NDArray[Any]) -> Any:
        if array.dtype.kind == "O":
            flat = [self.pack(item) for item in array.ravel()]
            return {TAG: "objects", "of": flat, "shape": list(array.shape)}
        if array.dtype.kind not in DATA_KINDS:
            _refuse(array)
        at = -(-self.size // ALIGNED) * ALIGNED
        self.arrays.append((at, array))
        self.size = at + array.nbytes
        return {TAG: "array", "of": array.dtype.str, "shape": list(array.shape), "at": at}


def _refuse(value: Any) -> Any:
    raise WireError(
        f"a {type(value).__name__} cannot be handed over between processes; use numbers, text, "
        "arrays, tables, regions, and lists or dictionaries of them."
    )


@dataclass(frozen=True, slots=True)
class Unpacking:
    """Reads values back. `copied` takes arrays out of the arena, which the next message reuses."""

    arena: Arena
    copied: bool
    blocks: Callable[[int, np.dtype[Any], int], Blocks] | None = None

    def unpack(self, found: Any) -> Any:
        """Return the value of its JSON form. Raises WireError, KeyError, TypeError, ValueError."""
        if isinstance(found, list):
            return [self.unpack(item) for item in found]
        if not isinstance(found, dict):
            return found
        content = found["of"]
        match found[TAG]:
            case "array":
                array = self.arena.read(content, found["shape"], found["at"])
                return array.copy() if self.copied else array
            case "objects":
                array = np.empty(len(content), object)
                array[:] = [self.unpack(item) for item in content]
                return array.reshape(found["shape"])
            case "bytes":
                return self.unpack(content).tobytes()
            case "tuple":
                return tuple(self.unpack(item) for item in content)
            case "map":
                return {self.unpack(key): self.unpack(value) for key, value in content}
            case kind:
                return self._object(kind, content, found)

    def _object(self, kind: str, content: Any, found: dict[str, Any]) -> Any:
        match kind:
            case "table":
                return Table(
                    tuple(Column(name, self.unpack(values), unit) for name, unit, values in content)
                )
            case "region":
                geometry = shapely.from_wkb(self.unpack(content))
                return Region(found["label"], geometry, found["t"], found["c"], found["z"])
            case "frame":
                return Frame(**{**content, "calibration": Calibration(**content["calibration"])})
            case "blocks" if self.blocks is not None:
                return self.blocks(content, np.dtype(found["dtype"]), found["count"])
            case _:
                raise WireError(f"there is no {kind!r} to unpack")


def line(message: Mapping[str, Any]) -> bytes:
    """Return a message as one line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
