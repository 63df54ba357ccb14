"""Small pictures at the addresses where clients look for icons: drawn here, none is stored.

Each is 16 pixels wide, on a transparent ground. They are drawn four times as large and averaged
down, which makes smooth edges.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from adapters.render.encode import Format, encode
from web.rest.omero.resource import WEBCLIENT, Answer, message, resource

SIDE, FINE = 16, 4
Picture: TypeAlias = NDArray[Any]
Color: TypeAlias = tuple[int, int, int]

BLUE: Color = (74, 133, 189)
YELLOW: Color = (224, 177, 66)
GREY: Color = (122, 134, 148)
GREEN: Color = (96, 158, 104)
WHITE: Color = (255, 255, 255)
KEPT = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}


def _ground() -> Picture:
    return np.zeros((SIDE * FINE, SIDE * FINE, 4), np.float64)


def _paint(picture: Picture, mask: Picture, color: Color) -> None:
    picture[mask] = (*color, 255)


def _box(picture: Picture, x: float, y: float, width: float, height: float, color: Color) -> None:
    """Fill a rectangle given in pixels of the icon."""
    left, top, right, bottom = (round(v * FINE) for v in (x, y, x + width, y + height))
    picture[top:bottom, left:right] = (*color, 255)


def _disc(picture: Picture, x: float, y: float, radius: float, color: Color) -> None:
    rows, columns = np.mgrid[0 : SIDE * FINE, 0 : SIDE * FINE] + 0.5
    _paint(picture, np.hypot(columns - x * FINE, rows - y * FINE) <= radius * FINE, color)


def _folder(color: Color) -> Picture:
    picture = _ground()
    _box(picture, 1, 3, 6, 3, color)
    _box(picture, 1, 5, 14, 9, color)
    _box(picture, 2, 7, 12, 1, WHITE)
    return picture


def _image() -> Picture:
    picture = _ground()
    _box(picture, 1, 2, 14, 12, GREY)
    _box(picture, 2, 3, 12, 10, (21, 27, 34))
    _disc(picture, 6, 7, 2.4, BLUE)
    _disc(picture, 10.5, 9.5, 2, GREEN)
    return picture


def _with_image(color: Color) -> Picture:
    picture = _folder(color)
    _box(picture, 7, 8, 8, 7, WHITE)
    _box(picture, 8, 9, 6, 5, GREY)
    return picture


def _wells(color: Color) -> Picture:
    picture = _folder(color)
    for y in (9, 12):
        for x in (4, 8, 12):
            _disc(picture, x, y, 1.3, WHITE)
    return picture


def _plate() -> Picture:
    picture = _ground()
    _box(picture, 1, 3, 14, 10, BLUE)
    for y in (5.5, 8, 10.5):
        for x in (3.5, 6.5, 9.5, 12.5):
            _disc(picture, x, y, 1, WHITE)
    return picture


def _run() -> Picture:
    picture = _ground()
    _disc(picture, 8, 8, 6.5, GREEN)
    rows, columns = np.mgrid[0 : SIDE * FINE, 0 : SIDE * FINE] / FINE
    _paint(picture, (columns >= 6) & (np.abs(rows - 8) <= (11.5 - columns) * 0.65), WHITE)
    return picture


DRAWN: dict[str, Callable[[], Picture]] = {
    "/static/webclient/image/image16.png": _image,
    "/static/webclient/image/folder_screen16.png": lambda: _wells(YELLOW),
    "/static/webclient/image/folder_plate16.png": _plate,
    "/static/webclient/image/run16.png": _run,
    "/static/webgateway/img/folder16.png": lambda: _folder(BLUE),
    "/static/webgateway/img/folder_image16.png": lambda: _with_image(BLUE),
    "/static/webgateway/img/folder_yellow16.png": lambda: _folder(YELLOW),
    "/static/webgateway/img/icon_folder.png": lambda: _folder(GREY),
    "/static/webgateway/img/image16.png": _image,
}


@cache
def png(path: str) -> bytes:
    """Return the icon of an address as PNG."""
    fine = DRAWN[path]()
    parts = fine.reshape(SIDE, FINE, SIDE, FINE, 4)
    alpha = parts[..., 3:].sum(axis=(1, 3))
    # Colours are weighed by how much of a pixel they cover, or edges would darken.
    color = (parts[..., :3] * parts[..., 3:]).sum(axis=(1, 3)) / np.maximum(alpha, 1)
    small = np.concatenate([color, alpha / FINE**2], axis=-1)
    return encode(np.rint(small).astype(np.uint8), Format.PNG)


async def icon(request: Request) -> Answer:
    """Send an icon; anybody may have it."""
    path: str = request.scope["path"].rstrip("/")
    if path not in DRAWN:
        return message(404, "There is no such icon.")
    return Response(png(path), media_type="image/png", headers=KEPT)


ROUTES = [
    route for path in DRAWN for route in resource(path, get=icon, open=True, manner=WEBCLIENT)
]
