"""A first walk over the page list of a TIFF file, that trusts nothing it reads.

The library that decodes TIFF follows the list of pages wherever it leads and loads the tables it
finds there. This walk comes first and holds every number against the length of the file and the
limits: page lists that run in circles or never end, pages of 10⁶ × 10⁶ pixels, tables longer than
the file. It allocates nothing that grows with what a header claims.

Source: TIFF 6.0 section 2 and the BigTIFF layout (64-bit counts and offsets, version 43).
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO, NamedTuple

from adapters.formats.base import Limits
from store.errors import Invalid, TooLarge

_TYPE_BYTES = dict.fromkeys((1, 2, 6, 7), 1) | dict.fromkeys((3, 8), 2)
_TYPE_BYTES |= dict.fromkeys((4, 9, 11, 13), 4) | dict.fromkeys((5, 10, 12, 16, 17, 18), 8)
_INTEGERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_WIDTH, _HEIGHT, _SAMPLES, _DEPTH = 256, 257, 277, 32997
_TILE_WIDTH, _TILE_HEIGHT, _SUB_PAGES = 322, 323, 330
_SEGMENT_TABLES = {273, 279, 324, 325}
_MAX_TAGS = 4096
_MAX_SUB_PAGES = 64
_SHARED_TABLES = 2**20  # pages may share a table, such as a palette, so the sum may pass the size


class PageSize(NamedTuple):
    """What must be equal for pages to be planes of one image."""

    width: int
    height: int
    samples: int
    depth: int


@dataclass(frozen=True, slots=True)
class Header:
    """The pages of a file by the offset of their tag lists, in file order."""

    pages: dict[int, PageSize]

    @property
    def mixed(self) -> bool:
        """Whether pages differ in size."""
        return len(set(self.pages.values())) > 1


def scan(file: BinaryIO, name: str, limits: Limits) -> Header:
    """Walk the page list once and return the sizes of its pages.

    Raises
    ------
    Invalid
        If the list is truncated, damaged, empty or runs in a circle.
    TooLarge
        If it has too many pages, or one of them too many pixels, segments or bytes of text.
    """
    return _Walk(file, name, limits).header()


class _Walk:
    def __init__(self, file: BinaryIO, name: str, limits: Limits) -> None:
        self._file = file
        self._name = name
        self._limits = limits
        self._size = file.seek(0, os.SEEK_END)
        self._tables = 0
        start = self._read(0, 8)
        self._order = "<" if start[:2] == b"II" else ">"
        self._big = struct.unpack(self._order + "H", start[2:4])[0] == 43
        self._entry = struct.Struct(self._order + ("HHQ8s" if self._big else "HHI4s"))

    def header(self) -> Header:
        """Follow the list to its end."""
        pages: dict[int, PageSize] = {}
        offset = self._offset_at(8 if self._big else 4)
        while offset:
            if offset in pages:
                raise Invalid(
                    "file",
                    f"{self._name}: its list of pages runs in a circle; after page {len(pages)} it"
                    f" returns to page {list(pages).index(offset) + 1}",
                )
            if len(pages) == self._limits.max_planes:
                raise TooLarge(
                    f"{self._name}, a TIFF with more pages than are read,",
                    self._limits.max_planes,
                    "pages",
                )
            pages[offset], offset = self._page(offset, len(pages) + 1)
        if not pages:
            raise Invalid("file", f"{self._name} is a TIFF without any page")
        return Header(pages)

    def _page(self, offset: int, number: int) -> tuple[PageSize, int]:
        """Return the size of the page whose tags are at `offset`, and where the next page is."""
        form, width = ("Q", 8) if self._big else ("H", 2)
        count = struct.unpack(self._order + form, self._read(offset, width))[0]
        if not 0 < count <= _MAX_TAGS:
            raise Invalid(
                "file", f"{self._name}: page {number} is damaged, it lists {count:,} tags"
            )
        table = self._read(offset + width, count * self._entry.size)
        values: dict[int, int] = {}
        for code, kind, items, inline in self._entry.iter_unpack(table):
            self._check_tag(code, kind, items, inline, number)
            if items == 1 and kind in _INTEGERS:
                width_of = _TYPE_BYTES[kind]
                values[code] = struct.unpack(self._order + _INTEGERS[kind], inline[:width_of])[0]
        size = PageSize(
            values.get(_WIDTH, 0),
            values.get(_HEIGHT, 0),
            values.get(_SAMPLES, 1),
            values.get(_DEPTH, 1),
        )
        self._check_size(size, values, number)
        return size, self._offset_at(offset + width + len(table))

    def _check_tag(self, code: int, kind: int, items: int, inline: bytes, number: int) -> None:
        count = items * _TYPE_BYTES.get(kind, 1)
        if count <= len(inline):
            return
        self._tables += count
        start = int.from_bytes(inline, "little" if self._order == "<" else "big")
        if start + count > self._size or self._tables > 4 * self._size + _SHARED_TABLES:
            raise Invalid(
                "file",
                f"{self._name}: tag {code} of page {number} claims {count:,} bytes at {start:,},"
                f" the file has {self._size:,}; it is truncated or damaged",
            )
        if code in _SEGMENT_TABLES and items > self._limits.max_segments:
            raise TooLarge(
                f"{self._name} with {items:,} strips or tiles in page {number}",
                self._limits.max_segments,
                "segments",
            )
        if code == _SUB_PAGES and items > _MAX_SUB_PAGES:
            raise TooLarge(
                f"{self._name} with {items:,} sub-pages of page {number}", _MAX_SUB_PAGES, "levels"
            )
        if code not in _SEGMENT_TABLES and count > self._limits.max_metadata_bytes:
            raise TooLarge(
                f"{self._name} with {count:,} bytes in tag {code}",
                self._limits.max_metadata_bytes,
                "bytes",
            )

    def _check_size(self, size: PageSize, values: dict[int, int], number: int) -> None:
        where = f"page {number} of {self._name}"
        self._limits.check_plane(size.width, size.height * size.depth, where)
        if _TILE_WIDTH in values:
            pixels = values[_TILE_WIDTH] * values.get(_TILE_HEIGHT, 0)
            self._limits.check_whole(pixels * size.samples, f"a tile of {where}")

    def _offset_at(self, position: int) -> int:
        form, width = ("Q", 8) if self._big else ("I", 4)
        offset: int = struct.unpack(self._order + form, self._read(position, width))[0]
        if offset and not 8 <= offset < self._size:
            raise Invalid(
                "file",
                f"{self._name}: its list of pages points to byte {offset:,}, the file has"
                f" {self._size:,}; it is truncated or damaged",
            )
        return offset

    def _read(self, offset: int, count: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(count)
        if len(data) != count:
            raise Invalid(
                "file",
                f"{self._name} ends at byte {self._size:,} inside its list of pages; it is"
                " truncated",
            )
        return data
