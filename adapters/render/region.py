"""Pictures of parts of an image: regions, tiles, thumbnails.

Only visible channels are read, and large pictures are drawn in bands, so that memory stays near the
size of the picture itself. Everything runs in the calling thread; callers stay off the event loop.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np

from adapters.render.compose import compose_visible
from adapters.render.project import read_planes
from adapters.render.quantise import Bytes
from adapters.render.settings import RenderSettings
from store.errors import Invalid, TooLarge
from store.pixels.base import Level, PixelReader

TILE_SIZE = 256

# One picture at most; 67 megapixels take 201 MB. Greater ones are what tiles are for.
MAX_PIXELS = 1 << 26

# Samples of one band. Rows of bands start at multiples of 256, where chunks of our own files begin.
_BAND_SAMPLES = 1 << 22
_BAND_STEP = 256


def render_region(
    reader: PixelReader,
    settings: RenderSettings,
    *,
    level: int = 0,
    x: int,
    y: int,
    width: int,
    height: int,
) -> Bytes:
    """Draw a box of a level as ``(y, x, 3)`` uint8, cut to the level's borders.

    Parameters
    ----------
    level
        0 is full resolution.
    x, y, width, height
        In pixels of that level, from its top left corner.

    Raises `Invalid` if the level, plane or channel does not exist or the box lies wholly outside,
    `TooLarge` beyond `MAX_PIXELS`.
    """
    size_y, size_x = find_level(reader, level).shape[3:]
    if width <= 0 or height <= 0:
        raise Invalid("region", f"{width} × {height} pixels is not a box; both must be above 0.")
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + width, size_x), min(y + height, size_y)
    if left >= right or top >= bottom:
        raise Invalid(
            "region",
            f"the box at {x}, {y} of {width} × {height} pixels lies outside level {level}, which "
            f"has {size_x} × {size_y}.",
        )
    if (right - left) * (bottom - top) > MAX_PIXELS:
        raise TooLarge(f"A picture of {right - left} × {bottom - top}", MAX_PIXELS, "pixels")
    return _draw(reader, settings, level, (top, bottom), (left, right))


def tile(
    reader: PixelReader,
    settings: RenderSettings,
    *,
    level: int,
    tx: int,
    ty: int,
    size: int = TILE_SIZE,
) -> Bytes:
    """Draw the tile in column `tx`, row `ty` of a level; tiles at the far borders are smaller.

    Raises `Invalid` if there is no such tile.
    """
    if size <= 0:
        raise Invalid("size", f"a tile of {size} pixels is not possible.")
    size_y, size_x = find_level(reader, level).shape[3:]
    columns, rows = -(-size_x // size), -(-size_y // size)
    if not (0 <= tx < columns and 0 <= ty < rows):
        raise Invalid(
            "tile", f"there is no tile {tx}, {ty}; level {level} has {columns} × {rows} tiles."
        )
    return render_region(
        reader, settings, level=level, x=tx * size, y=ty * size, width=size, height=size
    )


def thumbnail(
    reader: PixelReader, settings: RenderSettings, longest_side: int = 96, *, enlarge: bool = False
) -> Bytes:
    """Draw the whole plane so that its longer side has `longest_side` pixels, aspect kept.

    The smallest level that is not smaller than the picture is averaged down. An image smaller than
    `longest_side` stays as it is unless `enlarge`.
    """
    if not 1 <= longest_side <= 16384:
        raise Invalid("size", f"{longest_side} is not between 1 and 16384 pixels.")
    full_y, full_x = reader.layout.size_y, reader.layout.size_x
    scale = longest_side / max(full_y, full_x)
    if scale > 1 and not enlarge:
        scale = 1.0
    height, width = max(1, round(full_y * scale)), max(1, round(full_x * scale))
    level = choose_level(reader, max(height, width))
    picture = _reduced(reader, settings, level, height, width)
    if picture.shape[:2] == (height, width):
        return picture
    method = cv2.INTER_AREA if picture.shape[0] >= height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method))


def choose_level(reader: PixelReader, longest_side: int) -> int:
    """Return the smallest level whose longer side is at least `longest_side`; 0 if none is."""
    fitting = [
        index for index, level in enumerate(reader.levels) if max(level.shape[3:]) >= longest_side
    ]
    return fitting[-1] if fitting else 0


def find_level(reader: PixelReader, level: int) -> Level:
    """Return a level; raises `Invalid` if the image has no such one."""
    if not 0 <= level < len(reader.levels):
        raise Invalid(
            "level", f"there is no level {level}; the image has 0 to {len(reader.levels) - 1}."
        )
    return reader.levels[level]


def _draw(
    reader: PixelReader,
    settings: RenderSettings,
    level: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> Bytes:
    bands = _bands(rows, (columns[1] - columns[0]) * max(len(settings.visible), 1))
    if len(bands) == 1:
        return _band(reader, settings, level, rows, columns)
    picture = np.empty((rows[1] - rows[0], columns[1] - columns[0], 3), dtype=np.uint8)
    for band in bands:
        drawn = _band(reader, settings, level, band, columns)
        picture[band[0] - rows[0] : band[1] - rows[0]] = drawn
    return picture


def _band(
    reader: PixelReader,
    settings: RenderSettings,
    level: int,
    rows: tuple[int, int],
    columns: tuple[int, int],
) -> Bytes:
    shape = (rows[1] - rows[0], columns[1] - columns[0])
    if not settings.visible:
        return np.zeros((*shape, 3), dtype=np.uint8)
    planes = read_planes(reader, settings, level=level, y=slice(*rows), x=slice(*columns))
    return compose_visible(list(planes), settings, shape)


def _bands(rows: tuple[int, int], samples_per_row: int) -> list[tuple[int, int]]:
    """Cut a range of rows into bands of about `_BAND_SAMPLES`, at multiples of `_BAND_STEP`."""
    first, last = rows
    height = max(_BAND_STEP, _BAND_SAMPLES // max(samples_per_row, 1) // _BAND_STEP * _BAND_STEP)
    if last - first <= height:
        return [rows]
    cuts = list(range((first // _BAND_STEP) * _BAND_STEP + height, last, height))
    edges = [first, *cuts, last]
    return list(pairwise(edges))


def _reduced(
    reader: PixelReader, settings: RenderSettings, level: int, height: int, width: int
) -> Bytes:
    """Draw a whole level, averaged by a whole number of pixels while reading if it is large.

    That happens only for files from elsewhere that lack the small levels.
    """
    size_y, size_x = reader.levels[level].shape[3:]
    factor = min(size_y // height, size_x // width)
    if factor < 2 or size_y * size_x <= _BAND_SAMPLES:
        return _draw(reader, settings, level, (0, size_y), (0, size_x))
    rows = max(1, _BAND_STEP // factor) * factor
    across = -(-size_x // factor)
    bands = []
    for first in range(0, size_y, rows):
        last = min(first + rows, size_y)
        band = _draw(reader, settings, level, (first, last), (0, size_x))
        target = (across, -(-(last - first) // factor))
        bands.append(cv2.resize(band, target, interpolation=cv2.INTER_AREA))
    return np.concatenate(bands)
