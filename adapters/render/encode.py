"""Pictures to bytes: JPEG, PNG, WebP.

JPEG goes through libjpeg-turbo directly, with halved colour resolution: twice as fast as full
colour resolution, and two thirds of the size. PNG uses the lowest compression that compresses at
all, because higher ones cost five times the time for a few per cent.
"""

from __future__ import annotations

from enum import StrEnum
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

from store.errors import Invalid, TooLarge, Unsupported

DEFAULT_QUALITY = 85


class Format(StrEnum):
    """What a picture can be written as."""

    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"

    @property
    def media_type(self) -> str:
        """The name used in HTTP headers."""
        return f"image/{self.value}"

    @classmethod
    def named(cls, name: str) -> Format:
        """Read a file extension or format name; raises `Unsupported` for others."""
        plain = name.lower().lstrip(".")
        try:
            return cls("jpeg" if plain == "jpg" else plain)
        except ValueError:
            raise Unsupported(f"{name[:20]!r} is not one of jpg, png, webp.") from None


_LONGEST = {Format.JPEG: 65_500, Format.WEBP: 16_383, Format.PNG: 1_000_000}


def encode(
    picture: NDArray[Any], format: Format = Format.JPEG, quality: int = DEFAULT_QUALITY
) -> bytes:
    """Write a picture.

    Parameters
    ----------
    picture
        uint8 ``(y, x)`` grey, ``(y, x, 3)`` red-green-blue, or for PNG and WebP ``(y, x, 4)`` with
        opacity last. PNG also takes uint16 ``(y, x)``.
    quality
        1-100, for JPEG and WebP.

    Raises `Invalid` for another shape, type or quality, `TooLarge` beyond what the format can hold.
    """
    if not 1 <= quality <= 100:
        raise Invalid("quality", f"{quality} is not between 1 and 100.")
    _check(picture, format)
    if format is Format.JPEG:
        return jpeg(picture, quality)
    return png(picture) if format is Format.PNG else webp(picture, quality)


def jpeg(picture: NDArray[np.uint8], quality: int = DEFAULT_QUALITY) -> bytes:
    """Write a grey or colour JPEG."""
    pixels = np.ascontiguousarray(picture)
    if pixels.ndim == 2:
        return bytes(simplejpeg.encode_jpeg(pixels[..., None], quality, "GRAY", "GRAY", True))
    return bytes(simplejpeg.encode_jpeg(pixels, quality, "RGB", "420", True))


def png(picture: NDArray[Any]) -> bytes:
    """Write a PNG: grey (8 or 16 bits), colour, or colour with opacity."""
    order = {3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    pixels = np.ascontiguousarray(picture)
    if pixels.ndim == 3:
        pixels = cv2.cvtColor(pixels, order[pixels.shape[2]])
    _, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return bytes(data)


def webp(picture: NDArray[np.uint8], quality: int = 80) -> bytes:
    """Write a lossy WebP with the fastest method."""
    out = BytesIO()
    Image.fromarray(picture).save(out, "WEBP", quality=quality, method=0)
    return out.getvalue()


def _check(picture: NDArray[Any], format: Format) -> None:
    deep = picture.dtype == np.uint16 and picture.ndim == 2 and format is Format.PNG
    if picture.dtype != np.uint8 and not deep:
        raise Invalid("picture", f"{format} holds 8-bit samples, this picture {picture.dtype}.")
    layers = 1 if picture.ndim == 2 else picture.shape[2] if picture.ndim == 3 else 0
    if layers not in ((1, 3) if format is Format.JPEG else (1, 3, 4)) or 0 in picture.shape:
        raise Invalid("picture", f"the shape {picture.shape} is not a picture that {format} holds.")
    if max(picture.shape[:2]) > _LONGEST[format]:
        raise TooLarge(f"A {format} picture of {picture.shape[:2]}", _LONGEST[format], "pixels")
