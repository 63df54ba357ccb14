"""What an image file looks like to the importer: sources, their metadata, and how much is too much.

A source is one image in a file, read as 2-D blocks in bounded memory; a file of several series has
several. Files are recognised by their first bytes and never by their names, because names lie and
stored originals carry their hash. What a header claims is held against `Limits` before anything of
that size is allocated. Everything here is synchronous and pure; callers run it in worker threads.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from store.errors import HubError, Invalid, TooLarge
from store.pixels.base import ChannelDescription, ImageDescription, Layout

Axis = Literal["t", "c", "z"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused as absurd. Each is checked against a header before memory is taken."""

    max_pixels_per_plane: int = 2**36
    """Width × height of one plane; 262,144² is the largest square."""
    max_planes: int = 65_536
    """Pages of a file, and t × c × z of one image."""
    max_bytes: int = 2**40
    """Decoded samples of one image."""
    max_whole_bytes: int = 2**29
    """Decoded samples that a file forces to be decoded in one piece: a strip, a JPEG picture."""
    max_expansion: int = 10_000
    """Decoded bytes for each byte of file, beyond the first GiB: no real picture is so empty."""
    max_segments: int = 2**20
    """Strips or tiles of one page."""
    max_metadata_bytes: int = 2**26
    """Text of one file: XML, description, tags."""
    band_bytes: int = 2**24
    """Decoded samples one block aims at; a single strip or row of tiles may be more."""

    def check(self, layout: Layout, itemsize: int, file_bytes: int, name: str) -> None:
        """Refuse an image whose declared size no file of this length can honestly have.

        Raises
        ------
        Invalid
            If a size is not positive.
        TooLarge
            If a limit is passed.
        """
        if min(layout.shape) < 1:
            raise Invalid("file", f"{name} declares an image of {_sizes(layout)}: nothing to read")
        self.check_plane(layout.size_x, layout.size_y, name)
        planes = layout.size_t * layout.size_c * layout.size_z
        if planes > self.max_planes:
            raise TooLarge(f"{name} with {planes:,} planes", self.max_planes, "planes")
        total = planes * layout.size_y * layout.size_x * itemsize
        if total > self.max_bytes:
            raise TooLarge(f"{name} with {total:,} bytes of samples", self.max_bytes, "bytes")
        if total > 2**30 and total > self.max_expansion * file_bytes:
            raise TooLarge(
                f"{name}, which unpacks {file_bytes:,} bytes to {total:,},",
                self.max_expansion,
                "times",
            )

    def check_plane(self, width: int, height: int, name: str) -> None:
        """Refuse a plane of too many pixels."""
        if width * height > self.max_pixels_per_plane:
            raise TooLarge(
                f"{name} with planes of {width:,} × {height:,} pixels",
                self.max_pixels_per_plane,
                "pixels",
            )

    def rows(self, row_bytes: int, unit: int = 1) -> int:
        """Return how many rows make a band: a multiple of `unit`, and of 256 where it can be.

        Chunks of the store are 256 rows high; bands that end with them are quickest to write.
        """
        count = max(1, self.band_bytes // max(1, row_bytes * unit)) * unit
        return count - count % 256 if count > 256 and 256 % unit == 0 else count

    def check_whole(self, count: int, what: str) -> None:
        """Refuse to decode `count` bytes in one piece."""
        if count > self.max_whole_bytes:
            raise TooLarge(f"{what}, {count:,} bytes in one piece,", self.max_whole_bytes, "bytes")


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Block:
    """Samples ``(y, x)`` in native byte order, and where their top left corner lies in the image.

    The array is the receiver's until the next block is asked for; keep a copy, not the array.
    """

    samples: NDArray[Any]
    t: int
    c: int
    z: int
    y: int = 0
    x: int = 0


@dataclass(frozen=True, slots=True)
class SourceChannel:
    """What the file says of one channel; None where it says nothing.

    `color` is ``RRGGBB``. `lut` is 768 bytes: 256 entries of red, green, blue. `inverted` means
    that the smallest sample is shown brightest; the samples are kept as they are in the file.
    """

    name: str | None = None
    color: str | None = None
    lut: bytes | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None
    fluor: str | None = None
    window_start: float | None = None
    window_end: float | None = None
    inverted: bool = False
    active: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceMetadata:
    """What the file says of one image. Physical sizes in µm, time in s, `acquired_at` in ms UTC.

    `channels` is empty or has one entry per channel. `instrument` is free (microscope, objective,
    detector, environment). `original` is every other text of the file, kept for searching.
    """

    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    time_increment: float | None = None
    channels: tuple[SourceChannel, ...] = ()
    acquired_at: int | None = None
    magnification: float | None = None
    instrument: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""
    original: Mapping[str, str] = field(default_factory=dict)
    ome_xml: str | None = None

    def for_store(self, name: str) -> ImageDescription:
        """Return the part that is written beside the samples."""
        return ImageDescription(
            name=name,
            physical_size_x=self.physical_size_x,
            physical_size_y=self.physical_size_y,
            physical_size_z=self.physical_size_z,
            time_increment=self.time_increment,
            channels=tuple(
                ChannelDescription(
                    channel.name,
                    channel.color,
                    channel.window_start,
                    channel.window_end,
                    channel.active,
                )
                for channel in self.channels
            ),
        )


class ImageSource(Protocol):
    """One image in a file. Holds no open file; may be read many times, and by several threads."""

    @property
    def name(self) -> str:
        """Name to give the image: the file's, with the series' own name if there are several."""

    @property
    def layout(self) -> Layout:
        """Sizes and sample type, as the store will keep them."""

    @property
    def description(self) -> SourceMetadata:
        """What the file says of the image."""

    @property
    def format(self) -> str:
        """Name of the format, as a person would say it."""

    @property
    def series(self) -> int:
        """Number of the image in its file, from 0."""

    def blocks(self) -> Iterator[Block]:
        """Yield every sample once, planes in the order of ``(t, c, z)``, each from the top down.

        Planes that the file stores interleaved (red, green and blue) advance together.

        Raises
        ------
        Invalid
            If the samples are truncated or damaged.
        """


FAILURES = (
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
    EOFError,
    OSError,
    MemoryError,
    SyntaxError,
    struct.error,
    zlib.error,
)
"""What decoders of other authors raise on damaged input: nearly everything, Pillow SyntaxError."""


@contextmanager
def decoding(name: str, what: str = "be read") -> Iterator[None]:
    """Turn whatever a decoder raises on a damaged file into one typed error that names the file.

    Raises
    ------
    Invalid
        In place of any of `FAILURES`; the hub's own errors pass unchanged.
    """
    try:
        yield
    except HubError:
        raise
    except FAILURES as error:
        reason = str(error).strip()[:200] or type(error).__name__
        raise Invalid("file", f"{name} cannot {what}: damaged or truncated ({reason})") from error


def open_file(
    path: Path, *, name: str, unnamed_axis: Axis = "z", limits: Limits = LIMITS
) -> list[ImageSource]:
    """Recognise a file or folder by its content and return the images in it, in file order.

    `name` is what the person called the file. `unnamed_axis` is what the pages of a plain TIFF
    stand for when the file does not say.

    Raises
    ------
    Unsupported
        For a format, compression or sample type the hub does not read; names what was found.
    Invalid
        For an empty, truncated or damaged file, or one that is not what its name says.
    TooLarge
        If the header declares more than `limits` allow.
    """
    from adapters.formats.recognise import recognise

    # Decoders are heavy to import; a server that imports nothing does not pay for them.
    match recognise(path, name):
        case "TIFF":
            from adapters.formats.tiff import open_tiff

            return open_tiff(path, name=name, unnamed_axis=unnamed_axis, limits=limits)
        case "PNG":
            from adapters.formats.png import open_png

            return open_png(path, name=name, limits=limits)
        case "JPEG":
            from adapters.formats.raster import open_jpeg

            return open_jpeg(path, name=name, limits=limits)
        case _:
            from adapters.formats.ome_zarr import open_folder

            return open_folder(path, name=name, limits=limits)


def _sizes(layout: Layout) -> str:
    return " × ".join(f"{size:,}" for size in layout.shape) + " (t, c, z, y, x)"
