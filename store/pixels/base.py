"""What pixels look like to everybody above the store.

One image is one OME-Zarr group with axes ``t c z y x``. A writer fills a fresh folder that nothing
names yet; the transaction that writes its `store_key` into a row publishes it. A crash before that
leaves an orphan folder, which ``imagehub doctor`` finds, and never a half image.

Everything here is synchronous and thread-safe; callers run it in worker threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Layout:
    """Sizes and sample type of one image, level 0. An RGB image has `size_c` 3 and `rgb` true."""

    size_t: int
    size_c: int
    size_z: int
    size_y: int
    size_x: int
    dtype: str
    rgb: bool = False

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Sizes as ``(t, c, z, y, x)``."""
        return (self.size_t, self.size_c, self.size_z, self.size_y, self.size_x)


@dataclass(frozen=True, slots=True)
class ChannelDescription:
    """What the `omero` block of the metadata says about one channel. `color` is ``RRGGBB``."""

    name: str | None = None
    color: str | None = None
    window_start: float | None = None
    window_end: float | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class ImageDescription:
    """Metadata written beside the samples. Physical sizes in µm, time increment in s."""

    name: str = ""
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    time_increment: float | None = None
    channels: Sequence[ChannelDescription] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the pyramid; level 0 is full resolution.

    `chunks` are what one read decodes, `shards` what one file holds; None if each chunk is a file.
    """

    path: str
    shape: tuple[int, int, int, int, int]
    chunks: tuple[int, int, int, int, int]
    downsample: float = 1.0
    shards: tuple[int, int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What a finished writer hands to the transaction that publishes it."""

    store_key: str
    levels: tuple[Level, ...]
    bytes: int
    sha256: str
    minima: tuple[float, ...]  # per channel, NaN ignored
    maxima: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StoredBytes:
    """Where one file of a store lies, for handing it to an HTTP client: a local path, or bytes."""

    size: int
    path: Path | None = None
    data: bytes | None = None
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something a writer began and did not publish.

    `modified_ms` is when it last wrote, in milliseconds UTC: what is old has no writer any more.
    """

    name: str
    modified_ms: int


class PixelWriter(Protocol):
    """Fills one new image, in blocks of any size and order; what is never written is 0.

    Quickest are blocks of whole rows, from the top, in multiples of 256 rows.
    """

    layout: Layout

    def write(
        self, samples: NDArray[Any], *, t: int, c: int, z: int, y: int = 0, x: int = 0
    ) -> None:
        """Store a 2-D block ``(y, x)`` of level 0 at this plane and offset."""

    def finish(self) -> Written:
        """Build what is left of the pyramid, write the metadata, flush to disk."""

    def discard(self) -> None:
        """Remove everything written; safe to call twice and after a failure."""


class RegionReader(Protocol):
    """Reads regions of one image, ours or foreign."""

    layout: Layout
    levels: tuple[Level, ...]

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
        """Return samples as a 5-D array ``(t, c, z, y, x)``; an integer index gives length 1.

        Raises `store.errors.Invalid` for an index outside the level.
        """


class PixelReader(RegionReader, Protocol):
    """Reads one published image."""

    def tile(
        self, *, row: int, column: int, c: Sequence[int], level: int = 0, t: int = 0, z: int = 0
    ) -> NDArray[Any]:
        """Return one tile of the grid of 256² as ``(c, y, x)``, cut at the right and bottom edge.

        The quickest read there is. Raises `store.errors.Invalid` for an index outside the level.
        """


class PixelStore(Protocol):
    """A place where images lie as OME-Zarr."""

    def create(
        self,
        layout: Layout,
        description: ImageDescription,
        *,
        labels: bool = False,
        codec: Literal["fast", "compact"] = "fast",
    ) -> PixelWriter:
        """Start a new image in a folder that nothing names yet.

        `labels` says that samples are object numbers, so that smaller levels take the nearest one;
        a label set is an image of its own, with its own key. `codec` is ``fast`` for quick tiles or
        ``compact`` for less disk.
        """

    def open(self, store_key: str) -> PixelReader:
        """Open a published image; handles are cached and bounded."""

    def file(self, store_key: str, path: str) -> StoredBytes | None:
        """Find one file of the group; None if absent or outside it."""

    def keys(self) -> Sequence[str]:
        """Every image folder that exists, published or not."""

    def delete(self, store_key: str) -> None:
        """Remove an image folder; silent if it is gone."""

    def record(self, store_key: str) -> Mapping[str, Any]:
        """What the writer noted: `sha256`, `dtype`, `rgb`, `labels`, `minima`, `maxima`."""

    def verify(self, store_key: str, *, deep: bool = False) -> Sequence[str]:
        """Return what is wrong with an image, in sentences; empty if nothing is.

        Shallow compares files and bytes with what was written, `deep` decodes every chunk and
        compares the checksum.
        """

    def incoming(self) -> Sequence[Leftover]:
        """What writers have begun and not published, oldest first; a crash leaves such things."""

    def clear(self, leftover: str) -> None:
        """Remove a leftover by name; the caller knows that nobody writes it."""

    def attributes(self, store_key: str) -> Mapping[str, Any]:
        """The group's OME-Zarr attributes (the `ome` object)."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long piece of work is. `total` 0 means unknown."""

    done: int
    total: int
    message: str = field(default="")
