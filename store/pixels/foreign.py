"""Reading OME-Zarr images made elsewhere: versions up to 0.5, zarr v2 and v3, from a folder.

The arrays are read by tensorstore, which is quick and knows the usual codecs; those it does not
know are left to zarr-python. Whatever the stored axes are, `region` speaks ``(t, c, z, y, x)``, so
an importer copies bands and is done. Chunks of others may be large: read bands along
``levels[0].chunks``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorstore
import zarr
from numpy.typing import NDArray

from store.errors import Invalid, NotFound, Unavailable, Unsupported
from store.pixels.base import ImageDescription, Layout, Level
from store.pixels.ngff import Multiscale, read_multiscale
from store.pixels.samples import as_stored, stored_dtype
from store.pixels.selection import channel_list, checked_level, index_range

Shape = tuple[int, int, int, int, int]
_ORDER = "tczyx"
_CACHE_BYTES = 32 << 20
_WELLS = 100_000


@dataclass(frozen=True, slots=True)
class FoundImage:
    """One image below a folder: its path relative to it, and its place on a plate if it has one."""

    path: str
    row: int | None = None
    column: int | None = None
    field: int | None = None


class StoredArray(Protocol):
    """One array as a library opens it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunks: tuple[int, ...]
    shards: tuple[int, ...] | None

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]: ...


class ForeignImage:
    """An image that others wrote. Threads may share it.

    `layout.dtype` is how samples are returned: native byte order, booleans as uint8, half floats as
    float32. `axes` are those stored, `labels` the names of its label images, to be opened from
    ``labels/<name>``.
    """

    def __init__(self, folder: Path) -> None:
        attributes = _attributes(folder)
        if attributes is None:
            raise NotFound("OME-Zarr image", folder.name)
        self.folder = folder
        scale = _multiscale(folder, attributes)
        self.version = scale.version
        self.axes = scale.axes
        self.description: ImageDescription = scale.description
        self._arrays = [_open_array(_inside(folder, path)) for path in scale.paths]
        shapes = [self._full(array.shape, "shape") for array in self._arrays]
        first = self._arrays[0]
        t, c, z, y, x = shapes[0]
        dtype = stored_dtype(first.dtype).name
        rgb = _is_rgb(attributes, dtype, c, scale)
        self.layout = Layout(t, c, z, y, x, dtype=dtype, rgb=rgb)
        self.levels = tuple(
            Level(
                path=path,
                shape=shape,
                chunks=self._full(array.chunks, "chunks"),
                downsample=max(shapes[0][4] / shape[4], shapes[0][3] / shape[3]),
                shards=self._full(array.shards, "shards") if array.shards else None,
            )
            for path, shape, array in zip(scale.paths, shapes, self._arrays, strict=True)
        )
        self.labels = _label_names(folder)

    def region(
        self,
        *,
        level: int = 0,
        t: slice | int = 0,
        c: slice | int | Sequence[int] = slice(None),
        z: slice | int = 0,
        y: slice = slice(None),
        x: slice = slice(None),
    ) -> NDArray[Any]:
        """Return samples as ``(t, c, z, y, x)``; an integer index gives length 1.

        Raises
        ------
        Invalid
            For an index outside the level.
        Unavailable
            If a chunk cannot be read.
        """
        shape = self.levels[checked_level(level, len(self.levels))].shape
        asked = {
            axis: index_range(axis, one, size)
            for axis, one, size in (("t", t, shape[0]), ("z", z, shape[2]))
        }
        asked |= {"y": index_range("y", y, shape[3]), "x": index_range("x", x, shape[4])}
        channels = channel_list(c, shape[1])
        if isinstance(channels, range):
            return self._read(level, {**asked, "c": channels})
        parts = [self._read(level, {**asked, "c": range(one, one + 1)}) for one in channels]
        return np.concatenate(parts, axis=1)

    def _read(self, level: int, asked: Mapping[str, range]) -> NDArray[Any]:
        where = tuple(slice(asked[axis].start, asked[axis].stop) for axis in self.axes)
        try:
            stored = self._arrays[level].read(where)
        except (ValueError, OSError, RuntimeError) as error:
            raise Unavailable(
                f"level {self.levels[level].path} of {self.folder.name}", f"{error}"
            ) from error
        present = [axis for axis in _ORDER if axis in self.axes]
        ordered = stored.transpose([self.axes.index(axis) for axis in present])
        full = ordered.reshape([len(asked[axis]) for axis in _ORDER])
        return np.ascontiguousarray(as_stored(full, np.dtype(self.layout.dtype)))

    def _full(self, sizes: Sequence[int], what: str) -> Shape:
        """Return sizes of the stored axes as ``(t, c, z, y, x)``, 1 for an axis that is not."""
        if len(sizes) != len(self.axes):
            raise Invalid(
                "axes", f"the metadata names {len(self.axes)}, the {what} has {len(sizes)}"
            )
        by_axis = dict(zip(self.axes, sizes, strict=True))
        t, c, z, y, x = (int(by_axis.get(axis, 1)) for axis in _ORDER)
        if 0 in (t, c, z, y, x):
            raise Invalid(what, f"{tuple(sizes)} has no samples")
        return (t, c, z, y, x)


def open_ome_zarr(path: Path) -> ForeignImage:
    """Open an OME-Zarr image, or the first one of a collection or a plate.

    Raises
    ------
    NotFound
        If there is no zarr group.
    Invalid, Unsupported
        If its metadata does not describe an image, or one that the hub cannot read.
    """
    folder = Path(path)
    images = find_images(folder)
    return ForeignImage(_inside(folder, images[0].path) if images else folder)


def find_images(path: Path) -> list[FoundImage]:
    """Return the images below a folder: itself, the series of a file, or the fields of a plate."""
    folder = Path(path)
    attributes = _attributes(folder)
    if attributes is None:
        return []
    ome = attributes.get("ome", attributes)
    ome = ome if isinstance(ome, Mapping) else {}
    if "multiscales" in ome:
        return [FoundImage("")]
    if isinstance(ome.get("plate"), Mapping):
        return list(_plate(folder, ome["plate"]))
    series = ome.get("series")
    if not isinstance(series, list) and (folder / "OME").is_dir():
        noted = _attributes(folder / "OME") or {}
        noted = noted.get("ome", noted)
        series = noted.get("series") if isinstance(noted, Mapping) else None
    if isinstance(series, list):
        return [FoundImage(str(name)) for name in series]
    numbered = (str(number) for number in range(_WELLS))
    found = []
    for name in numbered:
        if _attributes(folder / name) is None:
            break
        found.append(FoundImage(name))
    return found


def _plate(folder: Path, plate: Mapping[str, Any]) -> Iterator[FoundImage]:
    wells = plate.get("wells")
    for well in wells[:_WELLS] if isinstance(wells, list) else ():
        if not isinstance(well, Mapping) or not isinstance(well.get("path"), str):
            continue
        attributes = _attributes(_inside(folder, well["path"])) or {}
        ome = attributes.get("ome", attributes)
        described = ome.get("well", {}) if isinstance(ome, Mapping) else {}
        images = described.get("images", ()) if isinstance(described, Mapping) else ()
        for number, image in enumerate(images):
            if isinstance(image, Mapping) and "path" in image:
                yield FoundImage(
                    f"{well['path']}/{image['path']}",
                    row=well.get("rowIndex"),
                    column=well.get("columnIndex"),
                    field=number,
                )


def _inside(folder: Path, path: str) -> Path:
    """Return a path of the metadata below its folder; it may not lead out of it."""
    root = folder.resolve()
    found = (root / path).resolve()
    if found != root and root not in found.parents:
        raise Invalid("path", f"{path!r} leads out of {folder.name}")
    return found


def _attributes(folder: Path) -> dict[str, Any] | None:
    """Return the attributes of a zarr group, v3 or v2; None if there is no group."""
    for name in ("zarr.json", ".zattrs", ".zgroup"):
        try:
            document = json.loads((folder / name).read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        except (ValueError, OSError) as error:
            raise Invalid("metadata", f"{name} of {folder.name} cannot be read: {error}") from error
        if not isinstance(document, dict):
            raise Invalid("metadata", f"{name} of {folder.name} is not an object")
        if name == "zarr.json":
            document = document.get("attributes", {})
        return document if isinstance(document, dict) and name != ".zgroup" else {}
    return None


def _multiscale(folder: Path, attributes: Mapping[str, Any]) -> Multiscale:
    scale = read_multiscale(attributes)
    count = len(_open_array(_inside(folder, scale.paths[0])).shape)
    return scale if count == len(scale.axes) else read_multiscale(attributes, count)


def _label_names(folder: Path) -> tuple[str, ...]:
    attributes = _attributes(folder / "labels") or {}
    ome = attributes.get("ome", attributes)
    names = ome.get("labels") if isinstance(ome, Mapping) else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _is_rgb(attributes: Mapping[str, Any], dtype: str, size_c: int, scale: Multiscale) -> bool:
    """Tell whether three 8-bit channels are the colours of one picture."""
    noted = attributes.get("imagehub")
    if isinstance(noted, Mapping):
        return noted.get("rgb") is True
    colors = [channel.color for channel in scale.description.channels]
    return dtype == "uint8" and size_c == 3 and colors == ["FF0000", "00FF00", "0000FF"]


@cache
def _context() -> Any:
    count = os.cpu_count() or 1
    return tensorstore.Context(
        {
            "cache_pool": {"total_bytes_limit": _CACHE_BYTES},
            "data_copy_concurrency": {"limit": count},
            "file_io_concurrency": {"limit": count},
        }
    )


class _TensorstoreArray:
    def __init__(self, array: Any) -> None:
        layout = array.chunk_layout
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = array.dtype.numpy_dtype
        self.chunks: tuple[int, ...] = tuple(layout.read_chunk.shape)
        write = tuple(layout.write_chunk.shape)
        self.shards: tuple[int, ...] | None = write if write != self.chunks else None

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        samples: NDArray[Any] = self._array[where].read().result()
        return samples


class _ZarrArray:
    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype: np.dtype[Any] = array.dtype
        self.chunks: tuple[int, ...] = tuple(array.chunks)
        shards = getattr(array, "shards", None)
        self.shards: tuple[int, ...] | None = tuple(shards) if shards else None

    def read(self, where: tuple[slice, ...]) -> NDArray[Any]:
        return np.asarray(self._array[where])


def _open_array(folder: Path) -> StoredArray:
    if not (folder / "zarr.json").is_file() and not (folder / ".zarray").is_file():
        raise Invalid("multiscales", f"level {folder.name} is listed, but there is no array")
    driver = "zarr3" if (folder / "zarr.json").is_file() else "zarr"
    spec = {"driver": driver, "kvstore": {"driver": "file", "path": f"{folder}{os.sep}"}}
    try:
        return _TensorstoreArray(
            tensorstore.open(spec, context=_context(), open=True, read=True).result()
        )
    except (ValueError, NotImplementedError, TypeError) as unknown:
        try:
            return _ZarrArray(zarr.open_array(str(folder), mode="r"))
        except (ValueError, TypeError, KeyError, OSError, NotImplementedError) as error:
            raise Unsupported(
                f"Level {folder.name} cannot be read: {unknown}", path=folder.name
            ) from error
