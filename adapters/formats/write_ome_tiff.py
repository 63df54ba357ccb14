"""Exporting an image as OME-TIFF: tiled, compressed, with its pyramid, in bounded memory.

Samples are read from the store in bands of one row of tiles and compressed as they come. The stored
levels become SubIFDs when the image is larger than 2048 pixels, where readers begin to need them.
Deflate is the default compression, because every TIFF reader knows it; integers are differenced
first, floats are not, because some readers do not know that predictor.

Source: OME-TIFF specification 2016-06, section "Sub-resolutions".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffWriter

from adapters.formats.base import SourceMetadata
from adapters.formats.write_ome_xml import ome_document
from store.errors import Unsupported
from store.pixels.base import Layout, PixelReader, Progress

Compression = Literal["deflate", "zstd", "lzw", "none"]

TILE = 512
PYRAMID_FROM = 2048
_BAND_BYTES = 2**24
_CLASSIC_BYTES = 2**32 - 2**26
_CODECS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "deflate": ("ADOBE_DEFLATE", {"level": 5}),
    "zstd": ("ZSTD", {"level": 3}),
    "lzw": ("LZW", {}),
    "none": (None, {}),
}


def write_ome_tiff(
    target: Path | BinaryIO,
    reader: PixelReader,
    *,
    name: str,
    metadata: SourceMetadata | None = None,
    compression: Compression = "deflate",
    progress: Callable[[Progress], None] | None = None,
) -> None:
    """Write an image to a path, or to a file object that can seek.

    `progress` counts bytes of samples; whatever it raises ends the export. A path that was begun
    and not finished is removed.

    Raises
    ------
    Unsupported
        For 64-bit integers and for an unknown compression.
    """
    if compression not in _CODECS:
        raise Unsupported(
            f"Compression {compression!r} is not known; use one of {', '.join(_CODECS)}."
        )
    xml = ome_document(name, reader.layout, metadata or SourceMetadata())
    try:
        _write(target, _Tiles(reader, progress), xml, compression, metadata)
    except BaseException:
        if isinstance(target, Path):
            target.unlink(missing_ok=True)
        raise


def _write(
    target: Path | BinaryIO,
    tiles: _Tiles,
    xml: str,
    compression: Compression,
    metadata: SourceMetadata | None,
) -> None:
    codec, arguments = _CODECS[compression]
    layout = tiles.layout
    integers = np.dtype(layout.dtype).kind in "ui"
    options: dict[str, Any] = {
        "dtype": layout.dtype,
        "photometric": "rgb" if layout.rgb else "minisblack",
        "planarconfig": "contig" if layout.rgb else None,
        "compression": codec,
        "compressionargs": arguments,
        "predictor": codec is not None and integers,
        "metadata": None,
        "maxworkers": min(4, os.cpu_count() or 1),
        "buffersize": _BAND_BYTES,
        **_resolution(metadata),
    }
    with TiffWriter(target, bigtiff=tiles.total > _CLASSIC_BYTES) as tiff:
        for level in range(tiles.levels):
            first = level == 0
            tiff.write(
                tiles.of(level),
                shape=tiles.shape(level),
                tile=tiles.tile(level),
                description=xml.encode() if first else None,
                subifds=tiles.levels - 1 if first else None,
                subfiletype=0 if first else 1,
                software="imagehub" if first else None,
                **options,
            )


def _resolution(metadata: SourceMetadata | None) -> dict[str, Any]:
    """Return pixels per centimetre, which readers without OME-XML understand."""
    if metadata is None or not metadata.physical_size_x or not metadata.physical_size_y:
        return {}
    per = (1e4 / metadata.physical_size_x, 1e4 / metadata.physical_size_y)
    return {"resolution": per, "resolutionunit": "CENTIMETER"}


@dataclass(slots=True)
class _Tiles:
    """The tiles of each level in the order they are written, counted as they go by."""

    reader: PixelReader
    progress: Callable[[Progress], None] | None
    done: int = 0

    @property
    def layout(self) -> Layout:
        """Sizes and sample type."""
        return self.reader.layout

    @property
    def levels(self) -> int:
        """How many levels are exported."""
        large = max(self.layout.size_y, self.layout.size_x) > PYRAMID_FROM
        return len(self.reader.levels) if large else 1

    @property
    def total(self) -> int:
        """Bytes of samples in all levels."""
        sizes = [np.prod(self.reader.levels[n].shape, dtype=object) for n in range(self.levels)]
        return int(sum(sizes)) * np.dtype(self.layout.dtype).itemsize

    def shape(self, level: int) -> tuple[int, ...]:
        """Return the shape of a level as pages ``(t·c·z, y, x)``, with three samples if RGB."""
        t, c, z, y, x = self.reader.levels[level].shape
        return (t * z, y, x, 3) if self.layout.rgb else (t * c * z, y, x)

    def tile(self, level: int) -> tuple[int, int]:
        """Return the size of a tile; sides are multiples of 16, as TIFF demands."""
        y, x = self.reader.levels[level].shape[3:]
        return min(TILE, -(-y // 16) * 16), min(TILE, -(-x // 16) * 16)

    def of(self, level: int) -> Iterator[NDArray[Any]]:
        """Yield the tiles of a level, row by row and plane by plane."""
        t, c, z, _, _ = self.reader.levels[level].shape
        channels = [slice(0, c)] if self.layout.rgb else [slice(one, one + 1) for one in range(c)]
        for at_t in range(t):
            for channel in channels:
                for at_z in range(z):
                    yield from self._plane(level, at_t, channel, at_z)

    def _plane(self, level: int, t: int, c: slice, z: int) -> Iterator[NDArray[Any]]:
        size_y, size_x = self.reader.levels[level].shape[3:]
        high, wide = self.tile(level)
        samples = c.stop - c.start
        width = _BAND_BYTES // (high * wide * samples * np.dtype(self.layout.dtype).itemsize)
        step = max(1, width) * wide
        for y in range(0, size_y, high):
            for x in range(0, size_x, step):
                band = self.reader.region(
                    level=level,
                    t=t,
                    c=c,
                    z=z,
                    y=slice(y, min(y + high, size_y)),
                    x=slice(x, min(x + step, size_x)),
                )[0, :, 0]
                # Counted first, because nobody comes back for more after the last tile.
                self._count(band.nbytes)
                yield from self._cut(band, wide)

    def _cut(self, band: NDArray[Any], wide: int) -> Iterator[NDArray[Any]]:
        """Yield the tiles of a band ``(c, y, x)`` that is one tile high."""
        for x in range(0, band.shape[2], wide):
            part = band[:, :, x : x + wide]
            yield np.ascontiguousarray(part.transpose(1, 2, 0) if self.layout.rgb else part[0])

    def _count(self, count: int) -> None:
        self.done += count
        if self.progress is not None:
            self.progress(Progress(self.done, self.total, "writing OME-TIFF"))
