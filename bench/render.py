"""One tile from storage to JPEG against the sum of its bare parts.

The parts are what cannot be left out: tensorstore reading the samples, OpenCV scaling and mixing
them, libjpeg-turbo encoding. Whole and parts take turns in one process; medians are compared. The
goal is a ratio of 1.3 or less when warm. As our reader is quicker than tensorstore here, a second
ratio takes our own read as the part.

    python -m bench render
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import tensorstore

from adapters.render import region
from adapters.render.compose import compose
from adapters.render.encode import jpeg
from adapters.render.settings import ChannelSettings, RenderSettings
from bench.measure import Row, row, show, take_turns, timed
from store.pixels.base import ImageDescription, Layout, PixelReader
from store.pixels.zarr import ZarrPixelStore

SIDE, TILE = 2048, 256
ROUNDS = 400
GOAL = 1.3
WINDOW = (300, 8000)
SEPARATE = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
MIXED = ((255, 128, 0), (0, 255, 128), (64, 64, 255))


def make_image(root: Path) -> tuple[PixelReader, str]:
    """Store three channels of blurred noise; return the reader and the folder of level 0."""
    random = np.random.default_rng(5)
    store = ZarrPixelStore(root)
    writer = store.create(Layout(1, 3, 1, SIDE, SIDE, "uint16"), ImageDescription())
    for c in range(3):
        noise = random.gamma(0.6, 1.0, (SIDE, SIDE)).astype(np.float32)
        cells = cv2.GaussianBlur(noise, (0, 0), 6)
        samples = cells / cells.max() * 9000 + random.poisson(90, (SIDE, SIDE))
        writer.write(samples.astype(np.uint16), t=0, c=c, z=0)
    key = writer.finish().store_key
    reader = store.open(key)
    return reader, str(store.folder(key) / reader.levels[0].path)


def open_bare(folder: str) -> tensorstore.TensorStore:
    """Open level 0 with nothing of ours in between."""
    return tensorstore.open(
        {"driver": "zarr3", "kvstore": {"driver": "file", "path": folder}},
        context=tensorstore.Context({"cache_pool": {"total_bytes_limit": 0}}),
        open=True,
        read=True,
    ).result()


@cache
def floor(value: int, shape: tuple[int, ...]) -> np.ndarray:
    """Return a plane to subtract: OpenCV does that three times faster than with a number."""
    return np.full(shape, value, np.uint16)


def bare_render(
    planes: np.ndarray,
    colors: tuple[tuple[int, ...], ...] = SEPARATE,
    window: tuple[int, int] = WINDOW,
) -> np.ndarray:
    """Scale, interleave and mix with OpenCV alone; separate colours need no mixing."""
    scale = 255 / (window[1] - window[0])
    low = floor(window[0], planes.shape[1:])
    steps = [cv2.convertScaleAbs(cv2.subtract(p, low), alpha=scale) for p in planes]
    merged = cv2.merge(steps)
    if colors == SEPARATE:
        return merged
    return cv2.transform(merged, np.array(colors, dtype=np.float64).T / 255)


def compare(root: Path, colors: tuple[tuple[int, ...], ...], rounds: int) -> dict[str, float]:
    """Measure the whole and its parts for one choice of colours."""
    reader, folder = make_image(root)
    bare = open_bare(folder)
    channels = tuple(ChannelSettings(start=WINDOW[0], end=WINDOW[1], color=c) for c in colors)
    settings = RenderSettings(channels)
    across = SIDE // TILE

    def place(number: int) -> tuple[int, int]:
        spot = number * 29 % (across * across)
        return spot % across, spot // across

    def read(number: int) -> np.ndarray:
        tx, ty = place(number)
        box = (slice(ty * TILE, (ty + 1) * TILE), slice(tx * TILE, (tx + 1) * TILE))
        return np.asarray(bare[0, :, 0][(slice(None), *box)].read().result())

    def whole(number: int) -> bytes:
        tx, ty = place(number)
        return jpeg(region.tile(reader, settings, level=0, tx=tx, ty=ty))

    def ours(number: int) -> np.ndarray:
        tx, ty = place(number)
        box = (slice(ty * TILE, (ty + 1) * TILE), slice(tx * TILE, (tx + 1) * TILE))
        return reader.region(c=slice(0, 3), y=box[0], x=box[1])

    planes = read(0)
    picture = compose(planes, settings)
    worst = np.abs(picture.astype(int) - bare_render(planes, colors)).max()
    medians = take_turns(
        {
            "tile": timed(whole),
            "bare read": timed(read),
            "bare render": timed(lambda _: bare_render(planes, colors)),
            "bare encode": timed(lambda _: simplejpeg.encode_jpeg(picture, 85, "RGB", "420", True)),
            "our read": timed(ours),
            "our render": timed(lambda _: compose(planes, settings)),
        },
        rounds,
        warm=20,
    )
    medians["sum"] = sum(medians[f"bare {part}"] for part in ("read", "render", "encode"))
    medians["ratio"] = medians["tile"] / medians["sum"]
    quickest = min(medians["bare read"], medians["our read"])
    medians["strict"] = medians["tile"] / (medians["sum"] - medians["bare read"] + quickest)
    medians["difference"] = float(worst)
    return medians


def main() -> list[Row]:
    """Return two lines per choice of colours."""
    rows = []
    for name, colors in (("red, green, blue", SEPARATE), ("mixed colours", MIXED)):
        with tempfile.TemporaryDirectory() as folder:
            result = compare(Path(folder), colors, ROUNDS)
        parts = ", ".join(f"{key} {result[key]:.3f}" for key in result if " " in key)
        note = f"ms: tile {result['tile']:.3f}, {parts}; differs by {result['difference']:.0f}"
        rows.append(row(f"{name}: tile / parts with tensorstore", result["ratio"], GOAL, note))
        rows.append(
            row(f"{name}: tile / parts with the quicker read", result["strict"], GOAL, "as above")
        )
    return rows


if __name__ == "__main__":
    show(main())
