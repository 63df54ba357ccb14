"""PNG files as images, decoded in bands of rows.

PNG decoders decode whole pictures. Here the compressed stream is inflated piece by piece, and each
band of scan lines is handed to the decoder as a small picture of its own, begun with the last row
of the band before, because rows refer to the row above. So memory does not grow with height.
Samples keep their values: palette pictures keep their indices and carry the palette, 1-, 2- and
4-bit greys are not stretched, alpha is dropped. An EXIF orientation is applied; that and interlaced
pictures need the whole picture in memory and are limited in size.

Source: PNG 1.2 (chunks, filters); eXIf chunk of PNG 1.5.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from adapters.formats import raster
from adapters.formats.base import (
    Block,
    ImageSource,
    Limits,
    SourceChannel,
    SourceMetadata,
    decoding,
)
from adapters.formats.tiff_metadata import coloured, palette
from adapters.formats.units import iso_moment, tag_moment
from store.errors import Invalid
from store.pixels.base import Layout

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_GREY, _RGB, _PALETTE = 0, 2, 3
_PIECE = 2**18


@dataclass(frozen=True, slots=True)
class Header:
    """The first chunk: size in pixels, bits per sample, colour type, whether it is interlaced."""

    width: int
    height: int
    bits: int
    color: int
    interlaced: bool

    @property
    def row_bytes(self) -> int:
        """Bytes of one scan line without its filter byte."""
        return (self.width * _SAMPLES[self.color] * self.bits + 7) // 8

    @property
    def kept(self) -> int:
        """Samples of a pixel without alpha."""
        return 3 if self.color in {_RGB, 6} else 1

    @property
    def dtype(self) -> str:
        """Sample type."""
        return "uint16" if self.bits == 16 else "uint8"


@dataclass(frozen=True, slots=True)
class PngSource:
    """The one image of a PNG file. `data` are places and lengths of its compressed pieces."""

    path: Path
    name: str
    layout: Layout
    description: SourceMetadata
    header: Header
    orientation: int
    data: tuple[tuple[int, int], ...]
    limits: Limits
    format: str = "PNG"
    series: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the samples. See `ImageSource.blocks`."""
        with decoding(self.name), self.path.open("rb") as file:
            if self.orientation == 1 and not self.header.interlaced:
                for y, rows in self._bands(file):
                    yield from raster.blocks_of(rows, self.header.kept, y)
                return
            yield from raster.banded(self._whole(file), self.header.kept, self.limits)

    def _bands(self, file: BinaryIO) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the row and the samples ``(y, x, sample)`` of each band."""
        line = self.header.row_bytes + 1
        step = self.limits.rows(line)
        rest = _Inflated(file, self.data)
        above = bytes(line)
        for y in range(0, self.header.height, step):
            height = min(step, self.header.height - y)
            rows = _decoded(self.header, above + rest.read(line * height), height + 1)[1:]
            # Rows are kept decoded, so the row above goes first and without a filter.
            above = b"\0" + _as_bytes(rows[-1], self.header)
            yield y, _samples(rows, self.header)
        rest.finish()

    def _whole(self, file: BinaryIO) -> NDArray[Any]:
        data = b"".join(_piece(file, start, count) for start, count in self.data)
        rows = imagecodecs.png_decode(_picture(self.header, data, self.header.height, plain=False))
        samples = np.atleast_3d(rows)
        if self.header.bits < 8:
            # The decoder stretches short greys to 8 bits; whole multiples bring them back.
            samples = samples // (255 // (2**self.header.bits - 1))
        return raster.turned(samples, self.orientation)


def open_png(path: Path, *, name: str, limits: Limits) -> list[ImageSource]:
    """Return the image of a PNG file. See `adapters.formats.base.open_file` for the errors."""
    with decoding(name), path.open("rb") as file:
        chunks = _Chunks(file, name, limits)
    header = chunks.header
    limits.check_plane(header.width, header.height, name)
    orientation = chunks.orientation
    across = (header.width, header.height) if orientation < 5 else (header.height, header.width)
    layout = Layout(1, header.kept, 1, across[1], across[0], header.dtype, rgb=header.kept == 3)
    limits.check(layout, 2 if header.bits == 16 else 1, path.stat().st_size, name)
    limits.check_whole(2 * header.row_bytes, f"a row of {name}")
    if header.interlaced or orientation != 1:
        coded = sum(count for _, count in chunks.data)
        whole = max(coded, header.row_bytes * header.height)
        limits.check_whole(whole, f"{name}, interlaced or turned")
    source = PngSource(
        path, name, layout, chunks.description(), header, orientation, tuple(chunks.data), limits
    )
    return [source]


class _Chunks:
    """One walk over the chunks of a file, which reads the short ones and notes where data lies."""

    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self.data: list[tuple[int, int]] = []
        self.original: dict[str, str] = {}
        self.orientation = 1
        self.palette = b""
        self.moment: int | None = None
        self._name = name
        self._room = limits.max_metadata_bytes
        size = file.seek(0, os.SEEK_END)
        at, ended = len(_SIGNATURE), False
        found: Header | None = None
        while at + 12 <= size and not ended:
            count, kind = struct.unpack(">I4s", _piece(file, at, 8))
            if at + 12 + count > size:
                break
            if kind == b"IHDR":
                found = self._header(_piece(file, at + 8, count))
            elif kind == b"IDAT":
                self.data.append((at + 8, count))
                if len(self.data) > limits.max_segments:
                    raise Invalid("file", f"{name} is cut into more than {len(self.data):,} pieces")
            elif kind == b"IEND":
                ended = True
            elif count <= self._room:
                self._note(kind, file, at + 8, count)
            at += 12 + count
        if found is None or not self.data or not ended:
            raise Invalid(
                "file", f"{name} ends at byte {size:,} before its picture; it is truncated"
            )
        if found.color == _PALETTE and not self.palette:
            raise Invalid("file", f"{name} is a palette picture without a palette")
        self.header = found

    def description(self) -> SourceMetadata:
        """Return what the chunks say of the image."""
        channels: tuple[SourceChannel, ...] = ()
        if self.header.color == _PALETTE:
            table = np.frombuffer(self.palette, np.uint8).reshape(-1, 3).T.astype(np.uint16)
            channel = coloured(SourceChannel(), palette(table * 257, 8))
            channels = (_shown(channel),)
        elif self.header.bits < 8:
            channels = (SourceChannel(window_start=0, window_end=2.0**self.header.bits - 1),)
        return SourceMetadata(
            channels=channels,
            acquired_at=self.moment,
            text=self.original.get("Description", ""),
            original=self.original,
        )

    def _header(self, data: bytes) -> Header:
        width, height, bits, color, method, filters, interlace = struct.unpack(">2I5B", data)
        if bits not in _DEPTHS.get(color, ()) or method or filters or interlace > 1:
            raise Invalid("file", f"{self._name} has a damaged header")
        return Header(width, height, bits, color, interlace == 1)

    def _note(self, kind: bytes, file: BinaryIO, start: int, count: int) -> None:
        if kind == b"PLTE":
            data = _piece(file, start, count)
            self.palette = data[: min(len(data) // 3, 256) * 3]
        elif kind == b"eXIf":
            self.orientation, moment, found = raster.exif(_piece(file, start, count))
            self.moment = self.moment or moment
            self.original.update(found)
        elif kind in {b"tEXt", b"zTXt", b"iTXt"}:
            self._room -= count
            key, value = _text(kind, _piece(file, start, count), self._room)
            self._room -= len(value)
            if key:
                self.original[key] = value
            if key == "Creation Time":
                self.moment = iso_moment(value) or tag_moment(value)


class _Inflated:
    """The scan lines of a picture as one stream, inflated no further than asked for."""

    def __init__(self, file: BinaryIO, places: tuple[tuple[int, int], ...]) -> None:
        self._pieces = self._read(file, places)
        self._inflate = zlib.decompressobj()
        self._waiting = b""

    def read(self, count: int) -> bytes:
        """Return exactly `count` bytes; raises EOFError if the stream has fewer."""
        parts: list[bytes] = []
        while count:
            waiting = self._waiting or next(self._pieces, b"")
            part = self._inflate.decompress(waiting, count)
            self._waiting = self._inflate.unconsumed_tail
            if not part and not waiting:
                raise EOFError("the compressed rows end too early")
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def finish(self) -> None:
        """Check that the stream ends here and that its checksum holds."""
        extra = 0
        while not self._inflate.eof and extra <= _PIECE:
            waiting = self._waiting or next(self._pieces, b"")
            if not waiting:
                raise EOFError("the compressed rows end without a checksum")
            extra += len(self._inflate.decompress(waiting, _PIECE))
            self._waiting = self._inflate.unconsumed_tail

    @staticmethod
    def _read(file: BinaryIO, places: tuple[tuple[int, int], ...]) -> Iterator[bytes]:
        for start, count in places:
            for at in range(start, start + count, _PIECE):
                yield _piece(file, at, min(_PIECE, start + count - at))


def _decoded(header: Header, lines: bytes, height: int) -> NDArray[Any]:
    """Undo the row filters of scan lines; returns ``(y, x, sample)`` or bytes ``(y, byte)``."""
    data = zlib.compress(lines, 0)
    return np.asarray(imagecodecs.png_decode(_picture(header, data, height, plain=True)))


def _picture(header: Header, data: bytes, height: int, *, plain: bool) -> bytes:
    """Return a PNG stream of the given compressed rows.

    With `plain`, palette and short greys are declared as 8-bit greys, one for each byte of a row:
    the filters work on bytes, so the bytes come back unfiltered and otherwise untouched.
    """
    width, bits, color = header.width, header.bits, header.color
    if color == _PALETTE or bits < 8:
        color = _GREY
        if plain:
            width, bits = header.row_bytes, 8
    start = struct.pack(
        ">2I5B", width, height, bits, color, 0, 0, 0 if plain else header.interlaced
    )
    return b"".join(
        (_SIGNATURE, _chunk(b"IHDR", start), _chunk(b"IDAT", data), _chunk(b"IEND", b""))
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    check = zlib.crc32(data, zlib.crc32(kind))
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", check)))


def _as_bytes(row: NDArray[Any], header: Header) -> bytes:
    return row.astype(">u2").tobytes() if header.bits == 16 else row.tobytes()


def _samples(rows: NDArray[Any], header: Header) -> NDArray[Any]:
    """Return samples ``(y, x, sample)``; short greys and indices are unpacked, one to a sample."""
    if header.bits < 8:
        bits = np.unpackbits(rows, axis=1)[:, : header.width * header.bits]
        groups = bits.reshape(rows.shape[0], header.width, header.bits)
        rows = np.packbits(groups, axis=2)[:, :, 0] >> (8 - header.bits)
    return np.atleast_3d(rows)


def _shown(channel: SourceChannel) -> SourceChannel:
    """Show a palette index as its own entry of the look-up table."""
    return replace(channel, window_start=0.0, window_end=255.0) if channel.lut else channel


def _text(kind: bytes, data: bytes, room: int) -> tuple[str, str]:
    """Return key and value of a text chunk, inflated to at most `room` characters."""
    key, _, rest = data.partition(b"\0")
    encoding, packed = "latin-1", kind == b"zTXt"
    if kind == b"zTXt":
        rest = rest[1:]
    elif kind == b"iTXt":
        encoding, packed = "utf-8", rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]
    if packed:
        rest = zlib.decompressobj().decompress(rest, max(1, min(room, 2**20)))
    return key.decode("latin-1"), rest.decode(encoding, "replace")[:10_000]


def _piece(file: BinaryIO, start: int, count: int) -> bytes:
    file.seek(start)
    data = file.read(count)
    if len(data) != count:
        raise EOFError(f"the file ends before byte {start + count:,}")
    return data
