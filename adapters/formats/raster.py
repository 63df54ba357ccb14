"""JPEG files as images, and what all photographs have in common: bands, orientation, EXIF.

A JPEG picture is decoded in one piece, so its size is limited; its samples are then handed on in
bands. The EXIF orientation is applied, because every viewer a person has seen the picture in has
done so. CMYK is refused: there is no one way to make it RGB.

Source: EXIF 2.32 tag 0x0112 for the eight orientations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ExifTags import IFD, TAGS
from PIL.JpegImagePlugin import JpegImageFile

from adapters.formats.base import Block, ImageSource, Limits, SourceMetadata, decoding
from adapters.formats.units import tag_moment
from store.errors import Unsupported
from store.pixels.base import Layout

_ORIENTATION, _DATE, _ORIGINAL_DATE = 0x0112, 0x0132, 0x9003


@dataclass(frozen=True, slots=True)
class JpegSource:
    """The one image of a JPEG file."""

    path: Path
    name: str
    layout: Layout
    description: SourceMetadata
    orientation: int
    limits: Limits
    format: str = "JPEG"
    series: int = 0

    def blocks(self) -> Iterator[Block]:
        """Yield the samples. See `ImageSource.blocks`."""
        with decoding(self.name), self.path.open("rb") as file, JpegImageFile(file) as picture:
            picture.load()
            if self.orientation != 1:
                samples = turned(np.atleast_3d(np.asarray(picture)), self.orientation)
                yield from banded(samples, self.layout.size_c, self.limits)
                return
            width, height = picture.size
            step = self.limits.rows(width * self.layout.size_c)
            for y in range(0, height, step):
                band = picture.crop((0, y, width, min(y + step, height)))
                yield from blocks_of(np.atleast_3d(np.asarray(band)), self.layout.size_c, y)


def open_jpeg(path: Path, *, name: str, limits: Limits) -> list[ImageSource]:
    """Return the image of a JPEG file. See `adapters.formats.base.open_file` for the errors."""
    # The plain class, because Image.open warns of large pictures by a limit of the whole process.
    with decoding(name), path.open("rb") as file, JpegImageFile(file) as picture:
        width, height = picture.size
        mode = picture.mode
        data = picture.info.get("exif", b"")
        comment = picture.info.get("comment", b"")
    if mode not in {"L", "RGB"}:
        raise Unsupported(f"{name} has colours as {mode}; convert it to RGB or grey.", mode=mode)
    with decoding(name):
        orientation, moment, original = exif(data)
    samples = 3 if mode == "RGB" else 1
    if orientation >= 5:
        width, height = height, width
    layout = Layout(1, samples, 1, height, width, "uint8", rgb=samples == 3)
    limits.check(layout, 1, path.stat().st_size, name)
    limits.check_whole(width * height * samples, name)
    if comment:
        original["Comment"] = comment.decode("utf-8", "replace")[:10_000]
    description = SourceMetadata(acquired_at=moment, original=original)
    return [JpegSource(path, name, layout, description, orientation, limits)]


def exif(data: bytes) -> tuple[int, int | None, dict[str, str]]:
    """Return the orientation (1 to 8), the moment of exposure and all short tags as text."""
    if not data:
        return 1, None, {}
    tags = Image.Exif()
    tags.load(data)
    found = dict(tags) | dict(tags.get_ifd(IFD.Exif))
    orientation = found.get(_ORIENTATION, 1)
    moment = tag_moment(found.get(_ORIGINAL_DATE)) or tag_moment(found.get(_DATE))
    original = {
        str(TAGS.get(code, code)): str(value)[:1000]
        for code, value in found.items()
        if not isinstance(value, bytes | dict)
    }
    return (orientation if orientation in range(1, 9) else 1), moment, original


def turned(samples: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return samples ``(y, x, sample)`` as a view the way up that an EXIF orientation says."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    # After the transposition of 5 to 8: which of the two axes run backwards.
    if orientation in {3, 4, 7, 8}:
        samples = samples[::-1]
    if orientation in {2, 3, 6, 7}:
        samples = samples[:, ::-1]
    return samples


def banded(samples: NDArray[Any], kept: int, limits: Limits) -> Iterator[Block]:
    """Yield a whole picture ``(y, x, sample)`` in bands."""
    step = limits.rows(samples.shape[1] * samples.shape[2] * samples.itemsize)
    for y in range(0, samples.shape[0], step):
        yield from blocks_of(samples[y : y + step], kept, y)


def blocks_of(rows: NDArray[Any], kept: int, y: int) -> Iterator[Block]:
    """Yield one block for each of the first `kept` samples of a band that begins at row `y`."""
    for c in range(kept):
        yield Block(np.ascontiguousarray(rows[:, :, c]), t=0, c=c, z=0, y=y)
