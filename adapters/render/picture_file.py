"""Pictures to files of any depth: JPEG and WebP of 8 bits, PNG of 8 and 16, TIFF of all.

What a format cannot hold is not refused here: `deepest` says beforehand how deep a picture may be.
"""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from adapters.render.encode import DEFAULT_QUALITY, Format, encode
from store.errors import TooLarge, Unsupported

MAX_TIFF_BYTES = 1 << 30


class PictureFile(StrEnum):
    """What a picture can be written as; the value is the ending of its name."""

    PNG = "png"
    JPEG = "jpg"
    TIFF = "tif"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The name used in HTTP headers."""
        return {"jpg": "image/jpeg", "tif": "image/tiff"}.get(self.value, f"image/{self.value}")

    @property
    def deepest(self) -> int:
        """The bits that a layer of a picture may have."""
        return {PictureFile.PNG: 16, PictureFile.TIFF: 32}.get(self, 8)

    @property
    def transparent(self) -> bool:
        """Whether it holds opacity."""
        return self is not PictureFile.JPEG

    @classmethod
    def named(cls, ending: str) -> PictureFile:
        """Read the ending of a name, in any case. Raises Unsupported."""
        plain = {"jpeg": "jpg", "tiff": "tif"}.get(ending.lower(), ending.lower())
        try:
            return cls(plain)
        except ValueError:
            raise Unsupported(f"{ending[:20]!r} is not one of png, jpg, tif, webp.") from None


def written(
    picture: NDArray[Any],
    file: PictureFile,
    quality: int = DEFAULT_QUALITY,
    *,
    exact: bool = False,
) -> bytes:
    """Write a picture ``(y, x)``, ``(y, x, 3)`` or with opacity ``(y, x, 4)``.

    `exact` keeps every value in WebP too, and JPEG at its best quality. Raises TooLarge beyond what
    the format holds.
    """
    if file is PictureFile.TIFF:
        return _tiff(picture)
    if file is PictureFile.PNG and picture.dtype == np.uint16 and picture.ndim == 3:
        return _deep_png(picture)
    if file is PictureFile.WEBP and exact:
        return _lossless_webp(picture)
    form = Format.named(file.value)
    return encode(picture, form, 100 if exact and file is PictureFile.JPEG else quality)


def _tiff(picture: NDArray[Any]) -> bytes:
    if picture.nbytes > MAX_TIFF_BYTES:
        raise TooLarge(f"A picture of {picture.nbytes:,} bytes", MAX_TIFF_BYTES, "bytes")
    out = BytesIO()
    tifffile.imwrite(
        out,
        picture,
        photometric="minisblack" if picture.ndim == 2 else "rgb",
        extrasamples=("unassalpha",) if picture.ndim == 3 and picture.shape[2] == 4 else None,
        compression="zlib",
        metadata=None,
    )
    return out.getvalue()


def _deep_png(picture: NDArray[Any]) -> bytes:
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}[picture.shape[2]]
    pixels = cv2.cvtColor(np.ascontiguousarray(picture), order)
    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)


def _lossless_webp(picture: NDArray[Any]) -> bytes:
    if max(picture.shape[:2]) > 16_383:
        raise TooLarge(f"A webp picture of {picture.shape[:2]}", 16_383, "pixels")
    out = BytesIO()
    Image.fromarray(picture).save(out, "WEBP", lossless=True, method=0, exact=True)
    return out.getvalue()
