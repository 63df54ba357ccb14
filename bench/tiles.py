"""One tile of three 16-bit channels, from storage to JPEG: against its bare parts and large-image.

The bare parts are what cannot be left out: three chunks read by position and decoded by blosc,
OpenCV scaling and merging, libjpeg-turbo encoding, each without a question asked. "tile" is the
product's reader, rendering and encoding in one thread; "PixelAccess.tile" is what a request calls:
it adds the look-up of the image and the way to a worker thread and back.

large-image 1.35 reads zarr v2 only, so it gets a store of its own with the same samples, codec
(blosc, lz4 5, bit shuffle) and chunks (256²), without shards; ours reads its own shards. Both draw
the same channels, colours and windows to JPEG of quality 85 with halved colour resolution; caches
of finished tiles are off on both sides.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import cv2
import numpy as np
import simplejpeg
import uvloop
import zarr
from numcodecs import Blosc, blosc
from numpy.typing import NDArray

from adapters.images import View
from adapters.imports import ImportOptions
from adapters.render import region
from adapters.render.encode import jpeg
from adapters.render.settings import RenderSettings
from bench.hub import write_tiff
from bench.measure import Row, awaited, not_installed, row, show, take_turns, timed
from bench.peer import ANSWERERS, conversation, program
from bench.picture import microscopy_like
from bench.render import bare_render
from store.pixels.base import PixelReader
from store.pixels.shards import ChunkFile
from web.accounts import actor_named
from web.bootstrap import Services, assemble, prepare, read_settings

SIDE, TILE = 2048, 256
ACROSS = SIDE // TILE
WINDOW = (60, 1500)
ROUNDS = 400
PEER_ROUNDS = 150
OVERHEAD = 1.3
PEER_GOAL = "≥ 5"
COLORS = ((255, 0, 0), (0, 255, 0), (0, 0, 255))


def place(number: int) -> tuple[int, int]:
    """Return column and row of a round's tile; all tiles get their turn, none twice in a row."""
    spot = number * 29 % (ACROSS * ACROSS)
    return spot % ACROSS, spot // ACROSS


def bare_read(group: Path) -> Callable[[int], NDArray[Any]]:
    """Return a function that reads a round's tile with nothing checked."""
    files = [ChunkFile(group / f"0/c/0/{c}/0/0/0", ACROSS * ACROSS, True) for c in range(3)]

    def read(number: int) -> NDArray[Any]:
        tx, ty = place(number)
        planes = np.empty((3, TILE, TILE), np.uint16)
        for file, plane in zip(files, planes, strict=True):
            blosc.decompress(file.read(ty * ACROSS + tx), plane)
        return planes

    return read


def overhead(runner: asyncio.Runner, services: Services, image_id: int) -> list[Row]:
    """Compare the product's two ways to a tile with the sum of the bare parts."""
    hub = services.hub(runner.run(actor_named(services, "root")))
    view = runner.run(hub.pixels.view(image_id))
    reader, settings = opened(services, view)
    read = bare_read(services.infrastructure.pixels.folder(str(view.pixels.store_key)))
    planes = read(0)
    picture = bare_render(planes, COLORS, WINDOW)
    ours = region.tile(reader, settings, level=0, tx=0, ty=0)
    differing = int(np.abs(picture.astype(int) - ours).max())

    def whole(number: int) -> bytes:
        tx, ty = place(number)
        return jpeg(region.tile(reader, settings, level=0, tx=tx, ty=ty))

    async def served(number: int) -> object:
        tx, ty = place(number)
        seen = await hub.pixels.view(image_id)
        return await hub.pixels.tile(seen, settings, level=0, tx=tx, ty=ty)

    async def hop(number: int) -> object:
        return await services.infrastructure.run(int)

    times = take_turns(
        {
            "tile": timed(whole),
            "PixelAccess.tile": awaited(runner, served),
            "read": timed(read),
            "render": timed(lambda number: bare_render(planes, COLORS, WINDOW)),
            "encode": timed(lambda number: simplejpeg.encode_jpeg(picture, 85, "RGB", "420", True)),
            "thread and back": awaited(runner, hop),
        },
        ROUNDS,
        warm=20,
    )
    bare = times["read"] + times["render"] + times["encode"]
    parts = " + ".join(f"{part} {times[part]:.3f}" for part in ("read", "render", "encode"))
    note = f"bare {bare:.3f} ms = {parts}; greatest difference of a pixel {differing}"
    return [
        row("tile / bare parts", times["tile"] / bare, OVERHEAD, f"{times['tile']:.3f} ms; {note}"),
        row(
            "PixelAccess.tile / bare parts and a thread's hand-over",
            times["PixelAccess.tile"] / (bare + times["thread and back"]),
            OVERHEAD,
            f"{times['PixelAccess.tile']:.3f} ms; to an idle thread and back "
            f"{times['thread and back']:.3f}; all / bare parts alone "
            f"{times['PixelAccess.tile'] / bare:.2f}",
        ),
    ]


def opened(services: Services, view: View) -> tuple[PixelReader, RenderSettings]:
    """Return the reader of an image and settings of known windows and colours."""
    channels = tuple(
        replace(one, start=WINDOW[0], end=WINDOW[1], color=color)
        for one, color in zip(view.settings.channels, COLORS, strict=True)
    )
    settings = replace(view.settings, channels=channels)
    return services.infrastructure.pixels.open(str(view.pixels.store_key)), settings


def write_v2(folder: Path, samples: NDArray[Any]) -> Path:
    """Write OME-Zarr 0.4 with the hub's codec and chunks; return the file that opens it."""
    group = zarr.open_group(folder, mode="w", zarr_format=2)
    group.create_array(
        "0",
        shape=(1, 3, 1, SIDE, SIDE),
        dtype="uint16",
        chunks=(1, 1, 1, TILE, TILE),
        compressors=Blosc("lz4", clevel=5, shuffle=Blosc.BITSHUFFLE),
        chunk_key_encoding={"name": "v2", "separator": "/"},
    )[0, :, 0] = samples
    axes = [{"name": name, "type": kind} for name, kind in zip("tczyx", AXES, strict=True)]
    scale = [{"type": "scale", "scale": [1.0] * 5}]
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": axes,
            "datasets": [{"path": "0", "coordinateTransformations": scale}],
        }
    ]
    group.attrs["omero"] = {"channels": [{"label": str(c), "color": "FFFFFF"} for c in range(3)]}
    return folder / ".zgroup"


AXES = ("time", "channel", "space", "space", "space")


def against_large_image(
    runner: asyncio.Runner, services: Services, image_id: int, folder: Path, samples: NDArray[Any]
) -> Row:
    """Compare large-image's getTile with ours, tile by tile in turn."""
    name = "large-image getTile / tile"
    python = program("large-image")
    if python is None:
        return not_installed(name, PEER_GOAL)
    hub = services.hub(runner.run(actor_named(services, "root")))
    reader, settings = opened(services, runner.run(hub.pixels.view(image_id)))
    bands = [
        {"framedelta": c, "palette": ["#000", color], "min": WINDOW[0], "max": WINDOW[1]}
        for c, color in enumerate(("#F00", "#0F0", "#00F"))
    ]
    options = {
        "style": json.dumps({"bands": bands}),
        "encoding": "JPEG",
        "jpegQuality": 85,
        "jpegSubsampling": 2,
    }
    place_of_v2 = write_v2(folder, samples)

    def draw(number: int) -> bytes:
        tx, ty = place(number)
        return jpeg(region.tile(reader, settings, level=0, tx=tx, ty=ty))

    line: list[str | Path] = [
        python,
        ANSWERERS / "large_image_tiles.py",
        place_of_v2,
        json.dumps(options),
    ]
    with conversation(line) as peer:
        theirs = base64.b64decode(peer.ask(tiles=[place(0)], send=True)["tile"])
        difference = np.abs(pixels(theirs) - pixels(draw(0)))

        # Turns of eight tiles each: both are as warm as a viewer that pans finds them.
        theirs_ms: list[float] = []
        ours_ms: list[float] = []
        for first in range(0, PEER_ROUNDS, 8):
            numbers = range(first, first + 8)
            answer = peer.ask(tiles=[place(number) for number in numbers])
            theirs_ms += answer["ms"]
            ours_ms += [timed(draw)(number) for number in numbers]
        times = {"theirs": median(theirs_ms[8:]), "ours": median(ours_ms[8:])}
    return row(
        name,
        times["theirs"] / times["ours"],
        PEER_GOAL,
        f"{times['theirs']:.2f} ms / {times['ours']:.2f} ms; same codec and chunks, theirs zarr v2 "
        f"unsharded; pixels differ by {difference.mean():.2f} of 255 on average, "
        f"{difference.max():.0f} at most",
    )


def pixels(data: bytes) -> NDArray[Any]:
    """Decode a JPEG to numbers that can be subtracted."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return picture.astype(np.int32)


def main() -> list[Row]:
    """Measure on one image of 3 × 2048²."""
    samples = microscopy_like(SIDE)
    loop = uvloop.new_event_loop  # the server's
    with tempfile.TemporaryDirectory() as name, asyncio.Runner(loop_factory=loop) as runner:
        folder = Path(name)
        settings = read_settings({}, data=folder / "hub", job_workers=0)
        write_tiff(folder / "picture.ome.tif", samples)
        runner.run(prepare(settings))
        services = runner.run(started(settings))
        try:
            hub = services.hub(runner.run(actor_named(services, "root")))
            (image,) = runner.run(hub.imports.files([folder / "picture.ome.tif"], ImportOptions()))
            rows = overhead(runner, services, image.id)
            v2 = folder / "v2.zarr"
            rows.append(against_large_image(runner, services, image.id, v2, samples))
        finally:
            runner.run(services.stop())
    return rows


async def started(settings: Any) -> Services:
    """Start the services of a hub inside the event loop that will use them."""
    services = assemble(settings)
    await services.start()
    return services


if __name__ == "__main__":
    show(main())
