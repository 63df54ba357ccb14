"""Strips and tiles of one TIFF page, decoded band by band.

The decoders are those of tifffile and imagecodecs; the walk is this module's own, because theirs
decodes whole pages. A band is as many rows of strips or tiles as fit the byte budget, or a part of
one row of tiles where the image is very wide. Samples that lie plainly in the file are read by row.
Bytes are fetched by position, so that one open file serves several threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffPage

from adapters.formats.base import Limits
from adapters.formats.coded_size import jpeg_2000_size, jpeg_size, png_size
from store.errors import Invalid, Unsupported

_JPEG = {6, 7, 33007, 34892}
_JPEG_2000 = {33003, 33004, 33005, 34712}
_PNG = {34933}
_GENERAL = {2, 3, 4, 5, 8, 32773, 32946, 34925, 34926, 50000}
_COMPRESSIONS = {1} | _GENERAL | _JPEG | _JPEG_2000 | _PNG
_SMALL_SEGMENT = 2**14


class Band(NamedTuple):
    """Decoded samples ``(y, x, sample)`` at a place of a page; `sample` is the first of them."""

    samples: NDArray[Any]
    sample: int
    y: int
    x: int


@dataclass(frozen=True, slots=True)
class Page:
    """Where the segments of one page lie. `model` describes how every page like it is coded."""

    model: TiffPage
    offsets: Sequence[int]
    counts: Sequence[int]
    tables: bytes | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """How a page is cut: `planes` separate planes of `samples` interleaved samples each."""

    planes: int
    samples: int
    size_y: int
    size_x: int
    step_y: int
    step_x: int

    @classmethod
    def of(cls, page: TiffPage) -> Grid:
        """Return the cut of a page of depth 1."""
        planes, _, size_y, size_x, samples = page.shaped
        if page.is_tiled:
            return cls(planes, samples, size_y, size_x, page.tilelength, page.tilewidth)
        return cls(planes, samples, size_y, size_x, page.rowsperstrip or size_y, size_x)

    @property
    def rows(self) -> int:
        """Number of rows of segments."""
        return -(-self.size_y // self.step_y)

    @property
    def columns(self) -> int:
        """Number of segments side by side."""
        return -(-self.size_x // self.step_x)


def check_page(page: TiffPage, name: str, limits: Limits) -> None:
    """Refuse a page whose coding is not known or would need too much memory at once.

    Raises
    ------
    Unsupported
        For an unknown compression, colour space or sample type.
    Invalid
        If the cut into segments makes no sense.
    TooLarge
        If one segment is too large to decode in one piece.
    """
    if int(page.compression) not in _COMPRESSIONS:
        raise Unsupported(
            f"{name} is compressed as {_label(page.compression)}; the hub reads uncompressed TIFF"
            " and LZW, deflate, zstd, LZMA, PackBits, CCITT, JPEG, JPEG 2000 and PNG.",
            compression=int(page.compression),
        )
    if int(page.photometric) in {5, 8, 9, 10}:
        raise Unsupported(
            f"{name} has colours as {_label(page.photometric)}; convert it to RGB or grey.",
            photometric=int(page.photometric),
        )
    if page.dtype is None:
        raise Unsupported(
            f"{name} has {page.bitspersample}-bit samples of format {_label(page.sampleformat)},"
            " which the hub does not read."
        )
    if page.shaped[1] != 1:
        raise Unsupported(f"{name} keeps {page.shaped[1]} planes in one page; use one page each.")
    grid = Grid.of(page)
    if grid.step_x < 1 or grid.step_y < 1:
        raise Invalid("file", f"{name} is cut into strips or tiles of no size; it is damaged")
    if not _plain(page):
        size = grid.step_y * grid.step_x * grid.samples * page.dtype.itemsize
        limits.check_whole(size, f"a strip or tile of {name}")
        # Made while the file is open, because it looks into it, and in one thread only.
        page.init_decode()


def check_extent(page: Page, file_bytes: int, name: str, number: int) -> None:
    """Raise `Invalid` if a page's samples lie beyond the end of the file, or are too few."""
    grid = Grid.of(page.model)
    wanted = grid.planes * grid.rows * grid.columns
    if page.model.is_contiguous and len(page.offsets) >= 1:
        end = page.offsets[0] + page.model.nbytes
    elif len(page.offsets) < wanted or len(page.counts) < wanted:
        raise Invalid(
            "file",
            f"{name}: page {number} has {min(len(page.offsets), len(page.counts)):,} of"
            f" {wanted:,} strips or tiles; it is truncated or damaged",
        )
    else:
        end = max(
            (start + count for start, count in zip(page.offsets, page.counts, strict=False)),
            default=0,
        )
    if end > file_bytes:
        raise Invalid(
            "file",
            f"{name}: page {number} ends at byte {end:,}, the file has {file_bytes:,}; it is"
            " truncated",
        )


def raw_bands(
    handle: int, offset: int, page: TiffPage, limits: Limits, order: str
) -> Iterator[Band]:
    """Yield bands of samples that lie plainly in the file from `offset` on."""
    assert page.dtype is not None
    grid = Grid.of(page)
    dtype = page.dtype.newbyteorder(order)
    row = grid.size_x * grid.samples * dtype.itemsize
    step = limits.rows(row)
    for plane in range(grid.planes):
        for y in range(0, grid.size_y, step):
            height = min(step, grid.size_y - y)
            start = offset + (plane * grid.size_y + y) * row
            samples = np.frombuffer(_fetch(handle, start, height * row), dtype)
            shaped = samples.reshape(height, grid.size_x, grid.samples)
            yield Band(shaped.astype(page.dtype, copy=False), plane, y, 0)


def page_bands(
    handle: int, page: Page, limits: Limits, order: str, pool: ThreadPoolExecutor
) -> Iterator[Band]:
    """Yield the samples of one page from the top down; separate sample planes one by one."""
    if _plain(page.model):
        yield from raw_bands(handle, page.offsets[0], page.model, limits, order)
        return
    grid = Grid.of(page.model)
    decode = _decoder(handle, page, grid)
    for plane, rows, columns in _groups(grid, page.model, limits):
        first = plane * grid.rows * grid.columns
        numbers = [first + r * grid.columns + c for r, c in product(rows, columns)]
        parts = map(decode, numbers) if _cheap(page.model, grid) else pool.map(decode, numbers)
        yield _joined(grid, plane, rows, columns, parts, page.model)


def _plain(page: TiffPage) -> bool:
    """Whether samples lie in the file row after row, as they are."""
    return bool(page.is_final and page.dtype is not None and page.dtype.kind != "b")


def _cheap(page: TiffPage, grid: Grid) -> bool:
    """Whether decoding a segment costs less than handing it to another thread."""
    assert page.dtype is not None
    size = grid.step_y * grid.step_x * grid.samples * page.dtype.itemsize
    return int(page.compression) == 1 or size < _SMALL_SEGMENT


def _groups(grid: Grid, page: TiffPage, limits: Limits) -> Iterator[tuple[int, range, range]]:
    """Yield plane, rows and columns of the segments that make one band."""
    assert page.dtype is not None
    segment = grid.step_y * grid.step_x * grid.samples * page.dtype.itemsize
    wide = max(1, min(grid.columns, limits.band_bytes // segment))
    high = 1
    if wide == grid.columns:
        high = limits.rows(segment * wide // grid.step_y, grid.step_y) // grid.step_y
    for plane in range(grid.planes):
        for row in range(0, grid.rows, high):
            for column in range(0, grid.columns, wide):
                yield (
                    plane,
                    range(row, min(row + high, grid.rows)),
                    range(column, min(column + wide, grid.columns)),
                )


def _joined(
    grid: Grid,
    plane: int,
    rows: range,
    columns: range,
    parts: Iterator[NDArray[Any] | None],
    page: TiffPage,
) -> Band:
    """Return the segments of a group as one array, cut at the edges of the page."""
    y, x = rows.start * grid.step_y, columns.start * grid.step_x
    height = min(rows.stop * grid.step_y, grid.size_y) - y
    width = min(columns.stop * grid.step_x, grid.size_x) - x
    samples = np.empty((height, width, grid.samples), page.dtype)
    for (row, column), part in zip(product(rows, columns), parts, strict=True):
        top, left = row * grid.step_y - y, column * grid.step_x - x
        place = samples[top : top + grid.step_y, left : left + grid.step_x]
        if part is None:
            place[...] = page.nodata
        else:
            place[...] = part[: place.shape[0], : place.shape[1]]
    return Band(samples, plane, y, x)


def _decoder(handle: int, page: Page, grid: Grid) -> Callable[[int], NDArray[Any] | None]:
    """Return a function from the number of a segment to its samples ``(y, x, sample)``."""
    model = page.model
    decode = model.decode
    compression = int(model.compression)
    tables: dict[str, Any] = {}
    if compression in _JPEG:
        tables = {"jpegtables": page.tables, "jpegheader": model.jpegheader}

    def samples(number: int) -> NDArray[Any] | None:
        count = page.counts[number]
        if not count or not page.offsets[number]:
            return None
        data = _fetch(handle, page.offsets[number], count)
        if not tables or tables["jpegheader"] is None:
            _check_picture(data, compression, grid)
        decoded = decode(data, number, **tables)[0]
        return None if decoded is None else decoded[0]

    return samples


def _check_picture(data: bytes, compression: int, grid: Grid) -> None:
    """Hold the size a coded segment says of itself against the segment; a small one may lie big."""
    if compression in _JPEG:
        size = jpeg_size(data)
    elif compression in _JPEG_2000:
        size = jpeg_2000_size(data)
    elif compression in _PNG:
        size = png_size(data)
    else:
        return
    if size.height > grid.step_y or size.width > grid.step_x or size.samples > grid.samples:
        raise Invalid(
            "file",
            f"a strip or tile of {grid.step_x} × {grid.step_y} pixels and {grid.samples} samples"
            f" holds a picture of {size.width:,} × {size.height:,} and {size.samples}",
        )


def _fetch(handle: int, offset: int, count: int) -> bytes:
    """Read `count` bytes; one call may return fewer than asked for above 2 GiB."""
    data = os.pread(handle, count, offset)
    while len(data) < count:
        more = os.pread(handle, count - len(data), offset + len(data))
        if not more:
            raise Invalid("file", f"the file ends before byte {offset + count:,}; it is truncated")
        data += more
    return data


def _label(value: object) -> str:
    return getattr(value, "name", None) or str(value)
