"""Pictures of shapes: the bits of a mask, and small views of the place where shapes lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from adapters.geometry.bits import unpack_bits
from adapters.images import View
from adapters.infrastructure import Infrastructure
from adapters.render.encode import Format, encode
from adapters.render.outlined import outlined, part_around
from adapters.render.quantise import Bytes
from adapters.render.region import choose_level, render_region
from adapters.render.settings import RGB, RenderSettings
from adapters.shapes import Shown
from store.errors import Invalid, TooLarge
from store.pixels.base import PixelReader
from store.tables.rois import Shape, ShapeKind

LARGEST_MASK = 1 << 26  # pixels of one picture


class ShapePictures:
    """Verbs that draw shapes found visible before."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure

    async def mask(self, row: Shape, color: tuple[int, int, int, int]) -> bytes:
        """Return a PNG of a mask: set bits in a colour with opacity, the rest transparent.

        Raises Invalid for another kind of shape or an empty frame, TooLarge beyond 2²⁶ pixels.
        """
        if row.kind != ShapeKind.MASK:
            raise Invalid("id", f"shape {row.id} is a {row.kind}, not a mask.")
        drawn = Shown(row).drawn
        width, height = drawn.frame if drawn is not None else (0, 0)
        if not width or not height:
            raise Invalid("id", f"mask {row.id} has no pixels.")
        if width * height > LARGEST_MASK:
            raise TooLarge(f"A mask of {width} × {height}", LARGEST_MASK, "pixels")

        def work() -> bytes:
            picture = np.zeros((height, width, 4), dtype=np.uint8)
            bits = row.bits
            inside = True if bits is None else unpack_bits(bits, width, height)
            picture[inside] = color
            return encode(picture, Format.PNG)

        return await self._infrastructure.run(work)

    async def thumbnail(
        self, view: View, shapes: Sequence[Shape], *, color: RGB, width: int
    ) -> bytes:
        """Return a JPEG of the place where shapes lie, with their outlines.

        The plane is that of the first shape, where it has one; shapes on other planes are left
        out. Raises Invalid for no shapes.
        """
        if not shapes:
            raise Invalid("id", "there is no shape to show.")
        first = shapes[0]
        settings = view.settings
        settings = replace(
            settings,
            z=settings.z if first.z is None else first.z,
            t=settings.t if first.t is None else first.t,
        )
        shown = [
            row for row in shapes if row.z in (None, settings.z) and row.t in (None, settings.t)
        ]

        def work() -> bytes:
            reader = self._infrastructure.pixels.open(view.pixels.store_key or "")
            return encode(_around(reader, settings, shown or [first], color, width))

        return await self._infrastructure.run(work)


def _around(
    reader: PixelReader, settings: RenderSettings, shapes: Sequence[Shape], color: RGB, width: int
) -> Bytes:
    size_y, size_x = reader.levels[0].shape[3:]
    bounds = (
        min(row.x0 for row in shapes), min(row.y0 for row in shapes),
        max(row.x1 for row in shapes), max(row.y1 for row in shapes),
    )  # fmt: skip
    part = part_around(bounds, size_x, size_y)
    # The smallest level that still has a pixel for each pixel of the picture.
    level = choose_level(reader, math.ceil(width * max(size_x, size_y) / part.width))
    high, wide = reader.levels[level].shape[3:]
    across, down = wide / size_x, high / size_y
    left, top = int(part.x * across), int(part.y * down)
    right = min(wide, max(left + 1, math.ceil((part.x + part.width) * across)))
    bottom = min(high, max(top + 1, math.ceil((part.y + part.height) * down)))
    picture = render_region(
        reader, settings, level=level, x=left, y=top, width=right - left, height=bottom - top
    )
    size = (width, max(1, round(width * part.height / part.width)))
    method = cv2.INTER_AREA if picture.shape[1] >= width else cv2.INTER_LINEAR
    drawn = np.asarray(cv2.resize(picture, size, interpolation=method))
    return outlined(drawn, part, [Shown(row).geometry for row in shapes], color)
