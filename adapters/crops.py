"""Parts of an image as pictures: frames around shapes, their masks, outlines and transparency.

A frame is a rectangle of whole pixels at full resolution and the size it is drawn at. A mask is
rastered at that size, so that at full resolution a pixel is in exactly when its centre is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import cv2
import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from adapters.geometry.raster import Box, Mask, pixel_box, rasterise
from adapters.geometry.valid import flat
from adapters.images import View
from adapters.infrastructure import Infrastructure
from adapters.pixels import Picture
from adapters.render.deep import deepened, stretched
from adapters.render.encode import DEFAULT_QUALITY
from adapters.render.outlined import Part, outlined
from adapters.render.picture_file import PictureFile, written
from adapters.render.project import read_planes
from adapters.render.region import MAX_PIXELS, render_region
from adapters.render.settings import RGB, Model, RenderSettings
from adapters.render.tone import Tone, toned
from store.errors import Invalid, TooLarge
from store.pixels.base import PixelReader

AROUND_POINT = 100  # pixels on each side of a frame around a point
MAX_DEEP_PIXELS = (
    1 << 24
)  # of a picture of more than eight bits, which is drawn in double precision
LARGEST_INCREASE = 1e6
_MOST_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of an image at full resolution, and the size of its picture, all in pixels.

    With a `level`, the picture is the part of that level from `left` and `top`.
    """

    x: int
    y: int
    width: int
    height: int
    across: int
    down: int
    level: int | None = None
    left: int = 0
    top: int = 0

    @property
    def whole(self) -> bool:
        """Whether it is drawn at full resolution."""
        return (self.across, self.down) == (self.width, self.height)


class Cover(StrEnum):
    """What the shapes do to the picture."""

    NONE = "none"
    OUTLINE = "outline"
    MASK = "mask"
    ALPHA = "alpha"


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes in pixels of the image, y down, and what they do to the picture.

    `background` is the opacity outside of them, 0-255, where they make it transparent.
    """

    cover: Cover = Cover.NONE
    geometries: Sequence[BaseGeometry] = ()
    color: RGB = (255, 0, 0)
    thickness: int = 2
    background: int = 0


@dataclass(frozen=True, slots=True)
class Manner:
    """How a picture is drawn and written. `bits` None is as many as the samples have."""

    settings: RenderSettings
    file: PictureFile = PictureFile.PNG
    bits: int | None = 8
    tone: Tone = field(default_factory=Tone)
    quality: int = DEFAULT_QUALITY


def frame_of(
    view: View,
    box: tuple[int, int, int, int],
    *,
    longest: int | None = None,
    halvings: int = 0,
) -> Frame:
    """Return a frame from x, y, width and height, cut to the image.

    `longest` is the most that its longer side may measure when drawn; without it every one of
    `halvings` halves the sides. Raises Invalid if nothing of it lies in the image.
    """
    x, y, width, height = box
    size_x, size_y = size_of(view)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, size_x), min(y + height, size_y)
    if left >= right or top >= bottom:
        raise Invalid(
            "window",
            f"{width} × {height} pixels at {x}, {y} lie outside the image of {size_x} × {size_y}.",
        )
    across, down = drawn_size(right - left, bottom - top, longest=longest, halvings=halvings)
    return Frame(left, top, right - left, bottom - top, across, down)


def drawn_size(
    width: int, height: int, *, longest: int | None = None, halvings: int = 0
) -> tuple[int, int]:
    """Return the size that a part is drawn at; it is never enlarged. Raises Invalid."""
    if longest is not None:
        if longest < 1:
            raise Invalid("maxSize", f"{longest} pixels is not a size.")
        factor = min(1.0, longest / max(width, height))
    else:
        factor = 0.5 ** min(max(halvings, 0), _MOST_HALVINGS)
    # Halves are rounded up.
    return max(1, math.floor(width * factor + 0.5)), max(1, math.floor(height * factor + 0.5))


def box_around(
    view: View, geometries: Iterable[BaseGeometry], *, increase: float = 1.0, square: bool = False
) -> tuple[int, int, int, int]:
    """Return x, y, width and height of the part of the image around shapes.

    The smallest box of whole pixels that holds them, its sides times `increase` about the centre,
    then moved into the image, and only if it is larger than the image cut. A single point has 100
    pixels on each side. Raises Invalid for no shapes or an increase that is none.
    """
    if not (math.isfinite(increase) and 0 < increase <= LARGEST_INCREASE):
        raise Invalid("increaseArea", f"{increase} is not above 0 and up to a million.")
    whole = shapely.GeometryCollection(list(geometries))
    if whole.is_empty:
        raise Invalid("location", "there is no shape to show.")
    x0, y0, x1, y1 = whole.bounds
    size_x, size_y = size_of(view)
    if x0 == x1 and y0 == y1:
        left, top = math.floor(x0) - AROUND_POINT // 2, math.floor(y0) - AROUND_POINT // 2
        width = height = AROUND_POINT
    else:
        if x0 < size_x and y0 < size_y and x1 > 0 and y1 > 0:
            x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size_x), min(y1, size_y)
        box = pixel_box(x0, y0, x1, y1)
        left, top, width, height = box.x, box.y, box.width, box.height
    if square:
        left, top = (
            left + (width - max(width, height)) // 2,
            top + (height - max(width, height)) // 2,
        )
        width = height = max(width, height)
    wide, high = (
        max(1, math.floor(width * increase + 0.5)),
        max(1, math.floor(height * increase + 0.5)),
    )
    left, top = left + (width - wide) // 2, top + (height - high) // 2
    width, height = min(wide, size_x), min(high, size_y)
    return min(max(left, 0), size_x - width), min(max(top, 0), size_y - height), width, height


def size_of(view: View) -> tuple[int, int]:
    """Return width and height of an image that has pixels."""
    return view.pixels.size_x or 1, view.pixels.size_y or 1


def mask_of(geometries: Iterable[BaseGeometry], frame: Frame) -> Mask:
    """Return which pixels of a frame, at the size it is drawn, shapes cover: boolean ``(y, x)``."""
    mask = np.zeros((frame.down, frame.across), dtype=bool)
    for geometry in geometries:
        for part in flat(geometry):
            _cover(mask, _placed(part, frame))
    return mask


def _placed(part: BaseGeometry, frame: Frame) -> BaseGeometry:
    """Return a shape in pixels of the picture of a frame."""
    corner = np.array((frame.x, frame.y), dtype=np.float64)
    if frame.whole:
        return shapely.transform(part, lambda points: points - corner)
    scale = np.array((frame.across / frame.width, frame.down / frame.height))
    return shapely.transform(part, lambda points: (points - corner) * scale)


def _cover(mask: Mask, part: BaseGeometry) -> None:
    """Set the pixels of one simple shape, looking at no others than those of its box."""
    x0, y0, x1, y1 = shapely.bounds(part).tolist()
    height, width = mask.shape
    left, top = max(math.floor(x0), 0), max(math.floor(y0), 0)
    # A line along a border belongs to the pixels behind it.
    right, bottom = min(math.floor(x1) + 1, width), min(math.floor(y1) + 1, height)
    if left < right and top < bottom:
        inside = rasterise(part, Box(left, top, right - left, bottom - top))
        mask[top:bottom, left:right] |= inside


class Crops:
    """Verbs that draw parts of an image found visible before."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure

    async def draw(
        self, view: View, frame: Frame, manner: Manner, shapes: Shapes | None = None
    ) -> Picture:
        """Draw, cover and encode a frame. Raises TooLarge beyond 2²⁶ pixels, 2²⁴ of deep ones."""
        asked = shapes or Shapes()
        file = manner.file
        if asked.cover is Cover.ALPHA and not file.transparent:
            file = PictureFile.PNG
        if frame.across * frame.down > MAX_PIXELS:
            raise TooLarge(f"A picture of {frame.across} × {frame.down}", MAX_PIXELS, "pixels")

        def work() -> bytes:
            if asked.cover is Cover.MASK:
                mask = mask_of(asked.geometries, frame).astype(np.uint8) * np.uint8(255)
                return written(mask, file, exact=True)
            reader = self._infrastructure.pixels.open(view.pixels.store_key or "")
            picture = _picture(reader, frame, manner, _deepest(file, asked.cover))
            if asked.cover is Cover.OUTLINE:
                picture = _outlined(picture, frame, asked)
            elif asked.cover is Cover.ALPHA:
                picture = _transparent(picture, frame, asked)
            return written(picture, file, manner.quality, exact=asked.cover is Cover.ALPHA)

        return Picture(await self._infrastructure.run(work), file.media_type)


def _deepest(file: PictureFile, cover: Cover) -> int:
    """Return how many bits a layer may have; outlines are drawn on eight, opacity takes 16."""
    if cover is Cover.OUTLINE:
        return 8
    return min(file.deepest, 16) if cover is Cover.ALPHA else file.deepest


def _picture(reader: PixelReader, frame: Frame, manner: Manner, deepest: int) -> NDArray[Any]:
    """Draw a frame at its size: ``(y, x)`` or ``(y, x, 3)``."""
    settings, tone = manner.settings, manner.tone
    if deepest == 8 or manner.bits == 8:
        drawn = toned(_resized(_rendered(reader, frame, settings), frame), tone)
        grey = settings.model is Model.GREYSCALE and tone.lut is None
        return np.ascontiguousarray(drawn[..., 0]) if grey else drawn
    if frame.across * frame.down > MAX_DEEP_PIXELS:
        raise TooLarge(
            f"A deep picture of {frame.across} × {frame.down}", MAX_DEEP_PIXELS, "pixels"
        )
    bits = None if manner.bits is None else min(manner.bits, deepest)
    planes = _planes(reader, frame, settings)
    picture = deepened(planes, settings, bits, rgb=reader.layout.rgb)
    if picture.dtype.kind == "u" and picture.dtype.itemsize * 8 <= deepest:
        return toned(picture, tone)
    # Signed and real samples as they are: only a TIFF without opacity holds them.
    held = deepest == 32 and tone.neutral and picture.dtype.itemsize <= 8
    return picture if held else toned(stretched(planes, settings, 16), tone)


def _level_box(reader: PixelReader, frame: Frame, most: int) -> tuple[int, int, int, int, int]:
    """Return level, x, y, width, height: the smallest level with a pixel for each one drawn.

    A level of which the part has more than `most` pixels is passed over for a smaller one.
    """
    if frame.level is not None:
        return frame.level, frame.left, frame.top, frame.across, frame.down
    size_y, size_x = reader.levels[0].shape[3:]
    boxes = []
    for number, level in enumerate(reader.levels):
        high, wide = level.shape[3:]
        left, top = frame.x * wide // size_x, frame.y * high // size_y
        right = min(wide, max(left + 1, -(-(frame.x + frame.width) * wide // size_x)))
        bottom = min(high, max(top + 1, -(-(frame.y + frame.height) * high // size_y)))
        boxes.append((number, left, top, right - left, bottom - top))
    enough = [box for box in boxes if box[3] >= frame.across and box[4] >= frame.down]
    best = boxes.index(enough[-1]) if enough else 0
    while best + 1 < len(boxes) and boxes[best][3] * boxes[best][4] > most:
        best += 1
    return boxes[best]


def _rendered(reader: PixelReader, frame: Frame, settings: RenderSettings) -> NDArray[Any]:
    level, x, y, width, height = _level_box(reader, frame, MAX_PIXELS)
    return render_region(reader, settings, level=level, x=x, y=y, width=width, height=height)


def _planes(reader: PixelReader, frame: Frame, settings: RenderSettings) -> NDArray[Any]:
    """Return samples ``(c, y, x)`` of the visible channels at the size of the picture."""
    level, x, y, width, height = _level_box(reader, frame, MAX_DEEP_PIXELS * 4)
    if not settings.visible:
        return np.zeros((0, frame.down, frame.across), dtype=reader.layout.dtype)
    planes = read_planes(
        reader, settings, level=level, y=slice(y, y + height), x=slice(x, x + width)
    )
    return np.stack([_resized(plane, frame) for plane in planes])


def _resized(picture: NDArray[Any], frame: Frame) -> NDArray[Any]:
    """Return a picture at the size of its frame, by means of areas; the type stays."""
    size = (frame.across, frame.down)
    if picture.shape[:2] == (frame.down, frame.across):
        return picture
    smaller = picture.shape[0] >= frame.down and picture.shape[1] >= frame.across
    method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if picture.dtype in (np.uint8, np.uint16, np.float32, np.float64):
        return np.asarray(cv2.resize(picture, size, interpolation=method))
    drawn = np.asarray(cv2.resize(picture.astype(np.float64), size, interpolation=method))
    if picture.dtype.kind in "iu":
        limits = np.iinfo(picture.dtype)
        drawn = np.clip(np.floor(drawn + 0.5), limits.min, limits.max)
    return drawn.astype(picture.dtype)


def _outlined(picture: NDArray[Any], frame: Frame, shapes: Shapes) -> NDArray[Any]:
    coloured = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    part = Part(frame.x, frame.y, frame.width, frame.height)
    # The picture may be the samples themselves, which are not ours to draw on.
    return outlined(coloured.copy(), part, shapes.geometries, shapes.color, shapes.thickness)


def _transparent(picture: NDArray[Any], frame: Frame, shapes: Shapes) -> NDArray[Any]:
    """Add opacity to a picture: all inside the shapes, the background's outside."""
    top = int(np.iinfo(picture.dtype).max)
    coloured = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    outside = shapes.background * top // 255
    opacity = np.where(mask_of(shapes.geometries, frame), top, outside).astype(picture.dtype)
    return np.concatenate([coloured, opacity[..., None]], axis=2)
