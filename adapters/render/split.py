"""Channels side by side: each active channel in its own place of a grid, then all together.

The grid is as near to a square as the number of channels allows, with places for those that are
off; in grey there is no picture of all together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from adapters.render.quantise import Bytes
from adapters.render.region import MAX_PIXELS, render_region
from adapters.render.settings import ChannelSettings, Model, RenderSettings
from store.errors import TooLarge
from store.pixels.base import PixelReader

BORDER = 2  # pixels around every picture


@dataclass(frozen=True, slots=True)
class Grid:
    """Size of the whole in pixels, and places across and down."""

    width: int
    height: int
    across: int
    down: int


def grid(width: int, height: int, pictures: int) -> Grid:
    """Return the grid for so many pictures of one size."""
    side = math.sqrt(pictures)
    down = round(side)
    across = down + 1 if side > down else down
    return Grid(
        width * across + BORDER * (across + 1), height * down + BORDER * (down + 1), across, down
    )


def render_split(reader: PixelReader, settings: RenderSettings) -> Bytes:
    """Draw the grid of a whole plane at full resolution, ``(y, x, 3)`` uint8, on white.

    Raises `TooLarge` beyond the pixels of one picture.
    """
    size_y, size_x = reader.layout.size_y, reader.layout.size_x
    together = settings.model is Model.COLOR
    places = grid(size_x, size_y, reader.layout.size_c + together)
    if places.width * places.height > MAX_PIXELS:
        raise TooLarge(f"A picture of {places.width} × {places.height}", MAX_PIXELS, "pixels")
    canvas = np.full((places.height, places.width, 3), 255, dtype=np.uint8)

    def draw(look: RenderSettings, place: int) -> None:
        row, column = divmod(place, places.across)
        top, left = BORDER + row * (size_y + BORDER), BORDER + column * (size_x + BORDER)
        canvas[top : top + size_y, left : left + size_x] = render_region(
            reader, look, x=0, y=0, width=size_x, height=size_y
        )

    for index, channel in enumerate(settings.channels):
        if channel.active:
            draw(replace(settings, channels=_alone(settings, index)), index)
    if together:
        draw(settings, reader.layout.size_c)
    return canvas


def _alone(settings: RenderSettings, index: int) -> tuple[ChannelSettings, ...]:
    return tuple(
        replace(channel, active=position == index)
        for position, channel in enumerate(settings.channels)
    )
