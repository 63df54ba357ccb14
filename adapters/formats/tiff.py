"""TIFF files as images: which pages are which planes, and what their samples mean.

Samples are kept as the file has them: a palette picture keeps its indices and carries the palette
as a look-up table, and a picture in which zero is white is not inverted but marked so. An alpha
sample is dropped. Pages of a plain file that name no axis are z, which is what most readers of the
field assume, or what the caller says. Pyramids are read at full resolution only.

Source: TIFF 6.0; axes of multi-page series as tifffile reports them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

from adapters.formats import ome_tiff, tiff_metadata
from adapters.formats.base import Axis, Block, ImageSource, Limits, SourceMetadata, decoding
from adapters.formats.tiff_header import Header, scan
from adapters.formats.tiff_segments import (
    Band,
    Grid,
    Page,
    check_extent,
    check_page,
    page_bands,
    raw_bands,
)
from store.errors import Invalid, Unsupported
from store.pixels.base import Layout
from store.pixels.samples import stored_dtype

# What the library logs about a damaged file is raised here as a typed error instead.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

_NAMED: dict[str, Axis] = {"T": "t", "C": "c", "Z": "z"}
_RGB = {2, 6}
_ALPHA = {1, 2}


Place = tuple[int, int, int]
"""A plane: ``(t, c, z)``."""


@dataclass(frozen=True, slots=True)
class Samples:
    """How many samples of a pixel are kept, and whether they are red, green and blue."""

    kept: int
    rgb: bool


@dataclass(frozen=True, slots=True)
class Order:
    """In which order planes follow each other: name and length of each axis, slowest first."""

    axes: tuple[tuple[Axis, int], ...]

    def size(self, axis: Axis) -> int:
        """Return the length of an axis; 1 if it is not there."""
        return next((length for name, length in self.axes if name == axis), 1)

    def planes(self) -> list[tuple[Place, int]]:
        """Return each plane ``(t, c, z)`` and its number in the file, sorted by place."""
        names = [name for name, _ in self.axes]
        found: list[tuple[Place, int]] = []
        for number, index in enumerate(np.ndindex(*(length for _, length in self.axes))):
            at = dict(zip(names, index, strict=True))
            found.append(((at.get("t", 0), at.get("c", 0), at.get("z", 0)), number))
        return sorted(found)


@dataclass(frozen=True, slots=True)
class TiffSource:
    """One series of a TIFF file.

    `plain_offset` is set when all planes follow each other plainly from there on; then `pages` has
    the first page only. A page that is None is missing from the file and read as zeros.
    """

    path: Path
    name: str
    layout: Layout
    description: SourceMetadata
    format: str
    series: int
    order: Order
    samples: Samples
    model: TiffPage
    byte_order: str
    pages: Sequence[Page | None]
    plain_offset: int | None
    limits: Limits

    def blocks(self) -> Iterator[Block]:
        """Yield the samples, plane after plane. See `ImageSource.blocks`."""
        with decoding(self.name), self.path.open("rb") as file, ThreadPoolExecutor(2) as pool:
            for place, number in self.order.planes():
                for band in self._bands(file.fileno(), number, pool):
                    yield from self._split(band, place)

    def _bands(self, handle: int, number: int, pool: ThreadPoolExecutor) -> Iterator[Band]:
        if self.plain_offset is not None:
            offset = self.plain_offset + number * self.model.nbytes
            return raw_bands(handle, offset, self.model, self.limits, self.byte_order)
        page = self.pages[number]
        if page is None:
            return _empty_bands(self.model, self.limits)
        return page_bands(handle, page, self.limits, self.byte_order, pool)

    def _split(self, band: Band, place: Place) -> Iterator[Block]:
        """Yield one block per channel of a band ``(y, x, sample)``."""
        t, c, z = place
        for sample in range(band.sample, band.sample + band.samples.shape[2]):
            if sample >= self.samples.kept:
                break
            samples = np.ascontiguousarray(band.samples[:, :, sample - band.sample])
            samples = samples.astype(self.layout.dtype, copy=False)
            yield Block(samples, t, c * self.samples.kept + sample, z, band.y, band.x)


def open_tiff(path: Path, *, name: str, unnamed_axis: Axis, limits: Limits) -> list[ImageSource]:
    """Return the images of a TIFF file. See `adapters.formats.base.open_file` for the errors."""
    with decoding(name), path.open("rb") as file:
        header = scan(file, name, limits)
    # One format is a folder of files with an index; only the file that was named is opened. And
    # the library looks at three pages only to tell whether all are alike.
    flags = {"is_ndtiff": False} | ({"is_uniform": False} if header.mixed else {})
    opening = _Opening(path, name, path.stat().st_size, unnamed_axis, limits, header)
    with decoding(name), TiffFile(path, **flags) as tiff:
        ome = ome_tiff.read_description(tiff, name, limits)
        if ome is None:
            return opening.sources(tiff, None)
        with TiffFile(path, omexml=ome.xml, **flags) as annotated:
            return opening.sources(annotated, ome)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What is known of a file while its series are looked at."""

    path: Path
    name: str
    size: int
    unnamed_axis: Axis
    limits: Limits
    header: Header

    def sources(self, tiff: TiffFile, ome: ome_tiff.OmeDescription | None) -> list[ImageSource]:
        """Return one source for each series."""
        everything = list(tiff.series)
        if not everything:
            raise Invalid("file", f"{self.name} is a TIFF without any image that could be read")
        sources: list[ImageSource] = []
        for number, series in enumerate(everything):
            alone = len(everything) == 1
            label = self.name if alone else f"{self.name} [{series.name or number}]"
            source = replace(self._source(tiff, series, label), series=number)
            described = None
            if ome is not None and series.kind == "ome":
                described = ome.image(number, series.name, len(everything))
            if described is not None:
                description = tiff_metadata.fitted(described, source.layout)
                source = replace(source, description=description, format="OME-TIFF")
            sources.append(source)
        return sources

    def _source(self, tiff: TiffFile, series: TiffPageSeries, name: str) -> TiffSource:
        model = series.keyframe
        if series.is_multifile:
            raise Unsupported(
                f"{name} is one part of an image of several files; save the image as one file."
            )
        check_page(model, name, self.limits)
        samples = _samples(model, name)
        order = _order(series, self.unnamed_axis, name)
        layout = _layout(model, samples, order)
        self.limits.check(layout, np.dtype(layout.dtype).itemsize, self.size, name)
        plain_offset, pages = self._where(series, order, name)
        return TiffSource(
            path=self.path,
            name=name,
            layout=layout,
            description=tiff_metadata.describe(tiff, model, layout),
            format="TIFF",
            series=0,
            order=order,
            samples=samples,
            model=model,
            byte_order=tiff.byteorder,
            pages=pages,
            plain_offset=plain_offset,
            limits=self.limits,
        )

    def _where(
        self, series: TiffPageSeries, order: Order, name: str
    ) -> tuple[int | None, list[Page | None]]:
        """Find the samples of each plane, and refuse a file that ends before they do."""
        model, planes = series.keyframe, len(order.planes())
        first = series.dataoffset if model.is_final and model.dtype.kind != "b" else None
        if first is not None:
            end = first + planes * model.nbytes
            if end > self.size:
                raise Invalid(
                    "file",
                    f"{name} should have {planes:,} planes up to byte {end:,}, but has"
                    f" {self.size:,} bytes; it is truncated",
                )
            return first, []
        pages = [self._page(page, model, number, name) for number, page in enumerate(series)]
        if len(pages) != planes:
            raise Invalid(
                "file",
                f"{name} should have {planes:,} planes, but has {len(pages):,} pages; it is"
                " truncated or damaged",
            )
        return None, pages

    def _page(
        self, page: TiffPage | TiffFrame | None, model: TiffPage, number: int, name: str
    ) -> Page | None:
        """Return where a page lies, or None if the file does not have it."""
        if page is None:
            return None
        size = self.header.pages.get(page.offset)
        if size and (size.height, size.width) != (model.imagelength, model.imagewidth):
            raise Invalid(
                "file",
                f"{name}: page {number + 1} is {size.width} × {size.height} pixels, the first is"
                f" {model.imagewidth} × {model.imagelength}",
            )
        place = Page(model, page.dataoffsets, page.databytecounts, page.jpegtables)
        check_extent(place, self.size, name, number + 1)
        return place


def _layout(model: TiffPage, samples: Samples, order: Order) -> Layout:
    return Layout(
        size_t=order.size("t"),
        size_c=order.size("c") * samples.kept,
        size_z=order.size("z"),
        size_y=int(model.imagelength),
        size_x=int(model.imagewidth),
        dtype=stored_dtype(model.dtype).name,
        rgb=samples.rgb and order.size("c") == 1,
    )


def _samples(page: TiffPage, name: str) -> Samples:
    """Tell colour and alpha from channels that are stored as samples of a pixel."""
    count = int(page.samplesperpixel)
    extra = [int(kind) for kind in page.extrasamples]
    if int(page.photometric) in _RGB:
        if count < 3:
            raise Invalid("file", f"{name} claims to be RGB but has {count} samples for each pixel")
        if count == 3 or (count == 4 and (not extra or extra[0] in _ALPHA | {0})):
            return Samples(3, rgb=True)
    if extra and len(extra) < count and all(kind in _ALPHA for kind in extra):
        return Samples(count - len(extra), rgb=False)
    return Samples(count, rgb=False)


def _order(series: TiffPageSeries, unnamed_axis: Axis, name: str) -> Order:
    """Map the axes of a series that lie outside its pages to t, c and z."""
    axes, shape = series.get_axes(False), series.get_shape(False)
    model = series.keyframe
    inner = model.axes
    if not inner.endswith("S") and axes.endswith("S") and shape[-1] == 1:
        axes, shape = axes[:-1], shape[:-1]
    outer = len(axes) - len(inner)
    if outer < 0 or tuple(shape[outer:]) != tuple(model.shape):
        raise Unsupported(
            f"{name} has axes {axes} of {shape}, but its pages are {inner} of {model.shape}; the"
            " hub reads files whose pages are planes (y, x)."
        )
    found: list[tuple[str, int]] = [
        (letter, int(length))
        for letter, length in zip(axes[:outer], shape[:outer], strict=True)
        if length != 1
    ]
    return Order(_roles(found, unnamed_axis, name))


def _roles(
    found: Sequence[tuple[str, int]], unnamed_axis: Axis, name: str
) -> tuple[tuple[Axis, int], ...]:
    """Give each axis its role; unnamed ones take what is free, the fastest first."""
    named = [letter for letter, _ in found if letter in _NAMED]
    taken = {_NAMED[letter] for letter in named}
    wanted: list[Axis] = [unnamed_axis, "z", "t", "c"]
    free = [axis for axis in dict.fromkeys(wanted) if axis not in taken]
    if len(named) != len(taken) or len(found) - len(named) > len(free):
        letters = "".join(letter for letter, _ in found)
        raise Unsupported(f"{name} has axes {letters}YX, more than t, c, z, y and x.")
    roles: list[tuple[Axis, int]] = []
    for letter, length in reversed(found):
        roles.append((_NAMED[letter] if letter in _NAMED else free.pop(0), length))
    return tuple(reversed(roles))


def _empty_bands(page: TiffPage, limits: Limits) -> Iterator[Band]:
    """Yield zeros for a plane that the file declares but does not have."""
    grid = Grid.of(page)
    row = grid.size_x * grid.samples * page.dtype.itemsize
    step = limits.rows(row)
    zeros: NDArray[Any] = np.zeros((min(step, grid.size_y), grid.size_x, grid.samples), page.dtype)
    for plane in range(grid.planes):
        for y in range(0, grid.size_y, step):
            yield Band(zeros[: min(step, grid.size_y - y)], plane, y, 0)
