"""Lookup tables: 256 colours that a quantised sample is shown in.

Tables are computed, never shipped as files: the classical ones from their formulas or 32 control
points (ij.plugin.LutLoader, public domain), the perceptual ones from the copies inside OpenCV.
Names are compared without case and without a trailing ``.lut``: viewers send both spellings.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from store.errors import Invalid

Table = NDArray[np.uint8]

_RAMP = np.arange(256)

_FIRE = (
    (0, 0, 1, 25, 49, 73, 98, 122, 146, 162, 173, 184, 195, 207, 217, 229, 240, 252, *[255] * 14),
    (
        *(0,) * 13,
        *(14, 35, 57, 79, 101, 117, 133, 147, 161, 175, 190, 205, 219, 234, 248),
        *(255,) * 4,
    ),
    (
        *(0, 61, 96, 130, 165, 192, 220, 227, 210, 181, 151, 122, 93, 64, 35, 5),
        *(0,) * 11,
        *(35, 98, 160, 223, 255),
    ),
)
_ICE = (
    (
        *(0, 0, 0, 0, 0, 0, 19, 29, 50, 48, 79, 112, 134, 158, 186, 201, 217, 229, 242),
        *(250, 250, 250, 250, 251, 250, 250, 250, 250, 251, 251, 243, 230),
    ),
    (
        *(156, 165, 176, 184, 190, 196, 193, 184, 171, 162, 146, 125, 107, 93, 81, 87, 92, 97),
        *(95, 93, 93, 90, 85, 69, 64, 54, 47, 35, 19, 0, 4, 0),
    ),
    (
        *(140, 147, 158, 166, 170, 176, 209, 220, 234, 225, 236, 246, 250, 251, 250, 250, 245),
        *(230, 230, 222, 202, 180, 163, 142, 123, 114, 106, 94, 84, 64, 26, 27),
    ),
)
_SIXTEEN = (
    *((0, 0, 0), (1, 1, 171), (1, 1, 224), (0, 110, 255), (1, 171, 254), (1, 224, 254)),
    *((1, 254, 1), (190, 255, 0), (255, 255, 0), (255, 224, 0), (255, 141, 0), (250, 94, 0)),
    *((245, 0, 0), (245, 0, 185), (222, 180, 222), (255, 255, 255)),
)


def _table(values: NDArray[Any]) -> Table:
    return values.astype(np.uint8)


def _ramp(red: float, green: float, blue: float) -> Table:
    """Black to one colour, given as fractions."""
    return _table(np.rint(_RAMP[:, None] * np.array((red, green, blue))))


def _hot(red: int, green: int, blue: int) -> Table:
    """Black over one colour, reached in the middle, to white."""
    color = np.array((red, green, blue), dtype=float)
    rise = np.clip(_RAMP[:, None] / 127.5, 0, 1) * color
    fade = np.clip(_RAMP[:, None] / 127.5 - 1, 0, 1) * (255 - color)
    return _table(np.rint(rise + fade))


def _control_points(points: tuple[tuple[int, ...], ...]) -> Table:
    """Interpolate 32 control points as LutLoader does: truncated, the last eight entries flat."""
    position = _RAMP * (32 / 256)
    low = position.astype(int)
    high = np.minimum(low + 1, 31)
    fraction = position - low
    columns = [
        (1 - fraction) * np.array(channel)[low] + fraction * np.array(channel)[high]
        for channel in points
    ]
    return np.stack(columns, axis=1).astype(np.uint8)


def _spectrum() -> Table:
    """All hues at full saturation."""
    hues = [colorsys.hsv_to_rgb(index / 255, 1, 1) for index in range(256)]
    return np.floor(np.array(hues) * 255 + 0.5).astype(np.uint8)


def _bits() -> Table:
    """Three bits of red, three of green, two of blue."""
    channels = (_RAMP & 0xE0, _RAMP << 3 & 0xE0, _RAMP << 6 & 0xC0)
    return np.stack(channels, axis=1).astype(np.uint8)


def _red_green() -> Table:
    """Red rising over the lower half, green rising over the upper."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[:128, 0] = table[128:, 1] = np.arange(128) * 2
    return table


def _hilo() -> Table:
    """Greys with the lowest value blue and the highest red, to show what the window cuts off."""
    table = _ramp(1, 1, 1)
    table[0], table[255] = (0, 0, 255), (255, 0, 0)
    return table


def _thermal() -> Table:
    """Black, red, yellow, white."""
    steps = np.array((0, 255, 510))
    return _table(np.clip(3 * _RAMP[:, None] - steps, 0, 255))


def _cool() -> Table:
    """Cyan to magenta."""
    return np.stack((_RAMP, 255 - _RAMP, np.full(256, 255)), axis=1).astype(np.uint8)


def _distinct() -> Table:
    """Colours as different as can be, for labels: entry 0 is black, each next the farthest so far.

    The greedy choice of Glasbey, van der Heijden, Toh and Gray (2007), here in CIE Lab over a grid
    of 18³ colours.
    """
    steps = np.linspace(0, 1, 18, dtype=np.float32)
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(1, -1, 3)
    lab = cv2.cvtColor(grid, cv2.COLOR_RGB2Lab)[0]
    chosen = [0]
    distance = np.full(len(lab), np.inf)
    for _ in range(255):
        distance = np.minimum(distance, np.sum((lab - lab[chosen[-1]]) ** 2, axis=1))
        chosen.append(int(np.argmax(distance)))
    return np.rint(grid[0, chosen] * 255).astype(np.uint8)


def _opencv(colormap: int) -> Callable[[], Table]:
    def make() -> Table:
        ramp = _RAMP.astype(np.uint8).reshape(-1, 1)
        return np.asarray(cv2.applyColorMap(ramp, colormap)[:, 0, ::-1])

    return make


_MAKERS: dict[str, Callable[[], Table]] = {
    "3-3-2_rgb": _bits,
    "16_colors": lambda: np.repeat(np.array(_SIXTEEN, dtype=np.uint8), 16, axis=0),
    "blue": lambda: _ramp(0, 0, 1),
    "cividis": _opencv(cv2.COLORMAP_CIVIDIS),
    "cool": _cool,
    "cyan": lambda: _ramp(0, 1, 1),
    "cyan_hot": lambda: _hot(0, 255, 255),
    "fire": lambda: _control_points(_FIRE),
    "glasbey": _distinct,
    "grays": lambda: _ramp(1, 1, 1),
    "green": lambda: _ramp(0, 1, 0),
    "hilo": _hilo,
    "hot": _thermal,
    "ice": lambda: _control_points(_ICE),
    "inferno": _opencv(cv2.COLORMAP_INFERNO),
    "jet": _opencv(cv2.COLORMAP_JET),
    "magenta": lambda: _ramp(1, 0, 1),
    "magenta_hot": lambda: _hot(255, 0, 255),
    "magma": _opencv(cv2.COLORMAP_MAGMA),
    "orange_hot": lambda: _hot(255, 128, 0),
    "plasma": _opencv(cv2.COLORMAP_PLASMA),
    "red": lambda: _ramp(1, 0, 0),
    "red-green": _red_green,
    "red_hot": lambda: _hot(255, 0, 0),
    "spectrum": _spectrum,
    "turbo": _opencv(cv2.COLORMAP_TURBO),
    "viridis": _opencv(cv2.COLORMAP_VIRIDIS),
    "yellow": lambda: _ramp(1, 1, 0),
    "yellow_hot": lambda: _hot(255, 255, 0),
}

# Spellings in menus and messages of viewers that mean a table above.
_ALIASES = {
    "grey": "grays",
    "greys": "grays",
    "gray": "grays",
    "3-3-2 rgb": "3-3-2_rgb",
    "3-3-2": "3-3-2_rgb",
    "16 colors": "16_colors",
    "red/green": "red-green",
    "redgreen": "red-green",
}


def names() -> tuple[str, ...]:
    """List the built-in tables in alphabetical order."""
    return tuple(sorted(_MAKERS))


def canonical(name: str) -> str:
    """Return the name as the hub writes it: lower case, without ``.lut``, aliases resolved."""
    plain = name.strip().lower().removesuffix(".lut")
    return _ALIASES.get(plain, plain)


def known(name: str, custom: Mapping[str, Table] | None = None) -> bool:
    """Tell whether a built-in or one of the given tables has this name."""
    return own(name, custom) is not None or canonical(name) in _MAKERS


def own(name: str, custom: Mapping[str, Table] | None) -> str | None:
    """Return the key under which `custom` has a table of this name; None if it has none."""
    if not custom:
        return None
    return next((key for key in (name, canonical(name)) if key in custom), None)


def table(name: str, custom: Mapping[str, Table] | None = None) -> Table:
    """Return a read-only ``(256, 3)`` uint8 table of red, green, blue.

    `custom` maps names, as they are written or canonical, to further tables, which win over
    built-in ones.
    Raises `Invalid` for an unknown name.
    """
    mine, plain = own(name, custom), canonical(name)
    if mine is not None and custom is not None:
        return checked(custom[mine])
    if plain not in _MAKERS:
        raise Invalid(
            "lut", f"there is no lookup table {name[:60]!r}; known: {', '.join(names())}."
        )
    return _built_in(plain)


def checked(values: NDArray[Any]) -> Table:
    """Accept a table from outside: 256 entries of red, green, blue, each 0-255.

    Raises `Invalid` for another shape or for values outside the range.
    """
    array = np.asarray(values)
    if array.shape != (256, 3):
        raise Invalid("lut", f"a lookup table has the shape (256, 3); this one has {array.shape}.")
    if array.dtype != np.uint8:
        if array.dtype.kind not in "iuf" or not bool(np.all((array >= 0) & (array <= 255))):
            raise Invalid("lut", "a lookup table holds numbers from 0 to 255.")
        array = np.rint(array).astype(np.uint8)
    return array


def swatches(wanted: tuple[str, ...] | None = None, height: int = 10) -> Table:
    """Draw tables as ramps under one another: ``(height · n, 256, 3)`` uint8."""
    ramps = [np.broadcast_to(table(name), (height, 256, 3)) for name in wanted or names()]
    return np.concatenate(ramps)


@cache
def _built_in(name: str) -> Table:
    values = np.ascontiguousarray(_MAKERS[name]())
    values.setflags(write=False)
    return values
