"""Fluorescent cells that never were: a stack in three channels, a time series, wells of a plate.

Nuclei are soft ellipsoids, membranes lie where two cells are equally near, filaments are random
walks; then the optics follow, defocus and vignetting, and the camera, shot noise and read noise.
Every picture comes from a seed, so each run makes the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Counts = NDArray[np.uint16]
GAIN = 3.0  # counts of the camera per photon
OFFSET = 100.0  # counts of the camera in the dark


@dataclass(frozen=True, slots=True)
class Movie:
    """A time series ``(t, c, y, x)`` and where each cell was: ``(cell, t, 2)`` as x, y in pixels.

    A cell that is not there yet has NaN.
    """

    samples: Counts
    places: NDArray[np.float64]


def stack(size: int, depth: int, seed: int) -> Counts:
    """Return a stack ``(z, c, y, x)`` of nuclei, membranes and filaments."""
    chance = np.random.default_rng(seed)
    centres = _scattered(chance, size, max(4, (size // 72) ** 2))
    nuclei = [_nucleus(chance, centre, 13.0) for centre in centres]
    filaments = _filaments(chance, size, centres)
    membranes = _membranes(size, centres)
    bodies = cv2.GaussianBlur(_draw_nuclei(size, nuclei, grow=2.2), (0, 0), 6)
    focus = (depth - 1) / 2
    planes = np.empty((depth, 3, size, size), np.uint16)
    for z in range(depth):
        away = abs(z - focus) / max(focus, 1)
        blur = 0.8 + 3.2 * away
        dna = _draw_nuclei(size, nuclei, shrink=float(np.sqrt(max(0.0, 1 - away**2))))
        channels = (
            900 * dna,
            420 * membranes * (1 - 0.6 * away),
            500 * filaments * (1 - 0.7 * away) + 60 * bodies,
        )
        for c, light in enumerate(channels):
            planes[z, c] = _seen(chance, light, blur)
    return planes


def movie(size: int, frames: int, seed: int) -> Movie:
    """Return migrating cells, one of which divides half-way."""
    chance = np.random.default_rng(seed)
    starts = _scattered(chance, size, 9) * 0.7 + size * 0.15
    steps = chance.normal(0, 1.6, (len(starts), frames, 2)) + chance.normal(0, 0.9, (9, 1, 2))
    places = np.clip(starts[:, None] + np.cumsum(steps, axis=1), 16, size - 16)
    daughter = np.full((1, frames, 2), np.nan)
    half = frames // 2
    apart = np.minimum(np.arange(frames - half), 8)[:, None] * np.array((2.0, 1.2))
    daughter[0, half:] = np.clip(places[0, half:] + apart + 6, 16, size - 16)
    places = np.concatenate((places, daughter))
    bodies = [_nucleus(chance, places[0, 0], 9.0) for _ in places]
    samples = np.empty((frames, 2, size, size), np.uint16)
    for t in range(frames):
        here = [(place[t], body) for place, body in zip(places, bodies, strict=True)]
        there = [(at, *body[1:]) for at, body in here if np.isfinite(at).all()]
        bleached = np.exp(-0.25 * t / frames)
        samples[t, 0] = _seen(chance, 800 * bleached * _draw_nuclei(size, there), 1.0)
        around = cv2.GaussianBlur(_draw_nuclei(size, there, grow=2.1), (0, 0), 4)
        samples[t, 1] = _seen(chance, 350 * bleached * around, 1.2)
    return Movie(samples, places)


def well(size: int, density: float, response: float, seed: int) -> Counts:
    """Return one field ``(c, y, x)``: nuclei, and a marker that answers to a dose from 0 to 1."""
    chance = np.random.default_rng(seed)
    count = max(1, int(density * (size / 22) ** 2))
    nuclei = [_nucleus(chance, at, 6.0) for at in _scattered(chance, size, count)]
    dna = _draw_nuclei(size, nuclei)
    marker = _draw_nuclei(size, nuclei, grow=1.9) * (0.15 + response)
    return np.stack(
        (_seen(chance, 700 * dna, 0.8), _seen(chance, 450 * marker, 1.6)),
    )


Nucleus = tuple[NDArray[np.float64], float, float, float, float]
"""Centre, two half axes in pixels, angle in degrees, brightness."""


def _nucleus(chance: np.random.Generator, centre: NDArray[np.float64], radius: float) -> Nucleus:
    long, short = radius * chance.uniform(0.9, 1.3), radius * chance.uniform(0.65, 0.95)
    return centre, long, short, float(chance.uniform(0, 180)), float(chance.uniform(0.6, 1.0))


def _scattered(chance: np.random.Generator, size: int, count: int) -> NDArray[np.float64]:
    """Return points ``(n, 2)`` on a jittered grid, so that cells touch and do not overlap."""
    side = int(np.ceil(np.sqrt(count)))
    step = size / side
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    points = (grid + 0.5 + chance.uniform(-0.28, 0.28, grid.shape)) * step
    return chance.permutation(points)[:count]


def _draw_nuclei(
    size: int, nuclei: list[Nucleus], *, shrink: float = 1.0, grow: float = 1.0
) -> Floats:
    """Return soft ellipses with a grain of chromatin, 0 to about 1."""
    light = np.zeros((size, size), np.float32)
    for (x, y), long, short, angle, brightness in nuclei:
        axes = (long * shrink * grow, short * shrink * grow)
        if min(axes) < 0.5:
            continue
        # Positions in sixteenths of a pixel, so that moving cells do not jump.
        cv2.ellipse(
            light, (round(x * 16), round(y * 16)), (round(axes[0] * 16), round(axes[1] * 16)),
            angle, 0, 360, brightness, -1, cv2.LINE_AA, 4,
        )  # fmt: skip
    soft = cv2.GaussianBlur(light, (0, 0), 1.5)
    grain = np.random.default_rng(size).normal(1.0, 0.35, (size, size)).astype(np.float32)
    return np.asarray(soft * cv2.GaussianBlur(grain, (0, 0), 1.6), np.float32)


def _membranes(size: int, centres: NDArray[np.float64]) -> Floats:
    """Return ridges where the two nearest centres are equally far."""
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    nearest = np.full((size, size), np.inf, np.float32)
    second = nearest.copy()
    for centre_x, centre_y in centres.astype(np.float32):
        distance = np.hypot(x - centre_x, y - centre_y)
        second = np.minimum(second, np.maximum(nearest, distance))
        nearest = np.minimum(nearest, distance)
    # Nobody's cells have straight walls: bend the picture a little.
    bend = np.random.default_rng(size).normal(0, 1, (2, 9, 9)).astype(np.float32) * 7
    shift_x, shift_y = (
        cv2.resize(one, (size, size), interpolation=cv2.INTER_CUBIC) for one in bend
    )
    ridges = np.exp(-(((second - nearest) / 3.0) ** 2)).astype(np.float32)
    return np.asarray(cv2.remap(ridges, x + shift_x, y + shift_y, cv2.INTER_LINEAR), np.float32)


def _filaments(chance: np.random.Generator, size: int, centres: NDArray[np.float64]) -> Floats:
    """Return thin curves that leave each centre."""
    light = np.zeros((size, size), np.float32)
    for centre in centres:
        angles = chance.uniform(0, 2 * np.pi, 26)
        turns = np.cumsum(chance.normal(0, 0.22, (26, 14)), axis=1) + angles[:, None]
        moves = np.stack((np.cos(turns), np.sin(turns)), axis=-1) * 3.0
        paths = centre + np.cumsum(moves, axis=1)
        curves = [np.round(path * 16).astype(np.int32) for path in paths]
        cv2.polylines(light, curves, False, 0.7, 1, cv2.LINE_AA, 4)
    return light


def _seen(chance: np.random.Generator, light: Any, blur: float) -> Counts:
    """Return what a camera counts: defocus, vignetting, shot noise, read noise, 16 bits."""
    size = light.shape[0]
    soft = cv2.GaussianBlur(np.asarray(light, np.float32), (0, 0), blur)
    line = np.linspace(-1, 1, size, dtype=np.float32) ** 2
    photons = (soft + 12.0) * (1 - 0.16 * (line[:, None] + line))
    # A normal variable is close enough to Poisson's at these numbers, and ten times as quick.
    shot = chance.standard_normal(photons.shape, np.float32) * np.sqrt(photons)
    read = chance.standard_normal(photons.shape, np.float32) * 2.0
    return np.asarray(np.clip(OFFSET + GAIN * (photons + shot + read), 0, 65535), np.uint16)
