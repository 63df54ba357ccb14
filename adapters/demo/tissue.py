"""A stained section that never was: glands in connective tissue, haematoxylin and eosin.

Two maps of dye are painted, then light passes through them and each colour is dimmed by a power of
ten of what the dyes absorb; their absorption is that of M. Macenko et al., ISBI 2009, 1107-1110.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
HAEMATOXYLIN = (0.5626, 0.7201, 0.4062)
EOSIN = (0.2159, 0.8012, 0.5581)
STRENGTH = 1.3 / 255  # absorbance of one step of a map


def section(width: int, height: int, seed: int) -> Bytes:
    """Return a section ``(y, x, rgb)`` with glands; the edges of the slide are bare glass."""
    chance = np.random.default_rng(seed)
    tissue = _tissue(chance, width, height)
    eosin = _fibres(chance, width, height)
    haematoxylin = np.full((height, width), 14, np.uint8)
    _scatter(chance, haematoxylin, tissue, width * height // 3600)
    for outline in glands(width, height, seed):
        _paint_gland(chance, outline, eosin, haematoxylin)
    haematoxylin = cv2.GaussianBlur(haematoxylin, (0, 0), 1.1)
    for dye in (eosin, haematoxylin):
        np.multiply(dye, tissue > 0, out=dye)
    return _through(chance, haematoxylin, eosin)


def glands(width: int, height: int, seed: int) -> list[NDArray[np.float64]]:
    """Return the outlines ``(n, 2)``, x and y, of the glands of a section, row by row."""
    chance = np.random.default_rng((seed, 1))
    outlines = []
    columns, rows = max(2, width // 600), max(2, height // 600)
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    for row in range(rows):
        for column in range(columns):
            centre = np.array(((column + 0.5) / columns * width, (row + 0.5) / rows * height))
            centre += chance.uniform(-0.1, 0.1, 2) * (width / columns, height / rows)
            waves = [chance.normal(0, 0.16 / n) * np.sin(n * angle + n) for n in range(2, 7)]
            wave = 1 + np.sum(waves, axis=0) + chance.normal(0, 0.012, 48)
            radius = min(width / columns, height / rows) * chance.uniform(0.26, 0.38)
            rim = np.stack((np.cos(angle) * chance.uniform(0.8, 1.2), np.sin(angle)), axis=1)
            outlines.append(centre + rim * (radius * wave)[:, None])
    return outlines


def _field(chance: np.random.Generator, width: int, height: int, coarse: int) -> Bytes:
    """Return smooth chance, 0 to 255, whose hills are `coarse` pixels wide."""
    small = chance.integers(0, 256, (height // coarse + 3, width // coarse + 3), np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _tissue(chance: np.random.Generator, width: int, height: int) -> Bytes:
    """Return 255 where there is tissue: a rounded piece with a ragged edge and a few rifts."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 4
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] ** 4
    ragged = _field(chance, width, height, 300).astype(np.float32) / 255
    piece = (x + y) * 1.25 + ragged * 0.35 < 1.15
    rifts = _field(chance, width, height, 180) > 249
    return np.where(piece & ~rifts, 255, 0).astype(np.uint8)


def _fibres(chance: np.random.Generator, width: int, height: int) -> Bytes:
    """Return the eosin of connective tissue: streaks that smooth bends push about."""
    streaks = chance.integers(0, 256, (height // 5, width // 70), np.uint8)
    streaks = cv2.resize(streaks, (width, height), interpolation=cv2.INTER_CUBIC)
    bends = _field(chance, width, height, 500).astype(np.float32) - 128
    y = np.arange(height, dtype=np.float32)[:, None] + bends * 1.4
    x = np.arange(width, dtype=np.float32)[None] + _field(chance, width, height, 400)
    bent = cv2.remap(streaks, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(cv2.addWeighted(bent, 0.3, _field(chance, width, height, 120), 0.15, 28))


def _paint_gland(
    chance: np.random.Generator, outline: NDArray[np.float64], eosin: Bytes, blue: Bytes
) -> None:
    """Paint wall, row of nuclei and empty middle of one gland into both maps."""
    middle = outline.mean(axis=0)

    def ring(scale: float) -> list[Any]:
        return [np.round((middle + (outline - middle) * scale) * 16).astype(np.int32)]

    empty = chance.uniform(0.2, 0.5)
    for scale, pink, purple in ((1.05, 70, 10), (1.0, 110, 44), (empty, 16, 4)):
        cv2.fillPoly(eosin, ring(scale), pink, cv2.LINE_AA, 4)
        cv2.fillPoly(blue, ring(scale), purple, cv2.LINE_AA, 4)
    around = np.linalg.norm(np.diff(outline, axis=0), axis=1).sum()
    for at in np.linspace(0, len(outline), max(8, int(around / 9)), endpoint=False):
        first, part = divmod(at, 1)
        rim = outline[int(first)] * (1 - part) + outline[(int(first) + 1) % len(outline)] * part
        inwards = middle - rim
        place = rim + inwards * chance.triangular(0.05, 0.1, 0.32)
        angle = np.degrees(np.arctan2(inwards[1], inwards[0]))
        _paint_nucleus(chance, blue, place, float(angle), 9.0)


def _scatter(chance: np.random.Generator, blue: Bytes, tissue: Bytes, count: int) -> None:
    """Put spindle-shaped nuclei everywhere between."""
    height, width = blue.shape
    places = chance.uniform((0, 0), (width, height), (count, 2))
    for place in places:
        x, y = place.astype(int)
        if tissue[y, x]:
            _paint_nucleus(chance, blue, place, float(chance.uniform(0, 180)), 5.5)


def _paint_nucleus(
    chance: np.random.Generator, blue: Bytes, place: NDArray[Any], angle: float, radius: float
) -> None:
    long, short = radius * chance.uniform(0.9, 1.4), radius * chance.uniform(0.5, 0.7)
    cv2.ellipse(
        blue, (round(place[0] * 16), round(place[1] * 16)), (round(long * 16), round(short * 16)),
        angle, 0, 360, int(chance.integers(140, 230)), -1, cv2.LINE_AA, 4,
    )  # fmt: skip


def _through(chance: np.random.Generator, haematoxylin: Bytes, eosin: Bytes) -> Bytes:
    """Return the light that is left, in bands of rows to keep memory small."""
    height, width = eosin.shape
    picture = np.empty((height, width, 3), np.uint8)
    steps = np.arange(256, dtype=np.float32) * STRENGTH
    tables = [
        ((245 * 10 ** (-blue * steps)).astype(np.float32), 10 ** (-red * steps).astype(np.float32))
        for blue, red in zip(HAEMATOXYLIN, EOSIN, strict=True)
    ]
    for top in range(0, height, 256):
        rows = slice(top, min(top + 256, height))
        noise = chance.standard_normal((rows.stop - top, width), np.float32) * 2.2
        for channel, (by_blue, by_red) in enumerate(tables):
            light = by_blue[haematoxylin[rows]] * by_red[eosin[rows]] + noise
            picture[rows, :, channel] = np.clip(light, 0, 255)
    return picture
