"""Which codec, and which reader? The measurement behind docs/adr/0002; takes less than a minute.

    python -m bench codecs

Writes one image of 3 channels of 4096² uint16, blurred blobs with photon and read noise, once per
codec as 256² chunks in 2048² shards, and reads random tiles of all three channels. Readers take
turns on the same tiles, so that a busy machine disturbs all alike; numbers are medians. Files are
warm in the page cache: this is about processors, not disks.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import tensorstore
import zarr
from numcodecs import blosc

from bench.measure import Row, row, show
from bench.picture import microscopy_like
from store.pixels import geometry
from store.pixels.base import ImageDescription, Layout
from store.pixels.codec import CODECS, Codec
from store.pixels.metadata import array_document
from store.pixels.shards import ChunkFile
from store.pixels.zarr import ZarrPixelStore

SIZE = 4096
ROUNDS = 150
TILE_LIMIT = 1.3
TRIED = {
    "lz4 5 bitshuffle": Codec("lz4", 5),
    "lz4 5 shuffle": Codec("lz4", 5, "shuffle"),
    "zstd 1 bitshuffle": Codec("zstd", 1),
    "zstd 3 shuffle": Codec("zstd", 3, "shuffle"),
}
LAYOUT = Layout(1, 3, 1, SIZE, SIZE, "uint16")


def write_ours(store: ZarrPixelStore, samples: np.ndarray[Any, Any], codec: Any) -> str:
    """Write all levels, with checksum and flush."""
    writer = store.create(LAYOUT, ImageDescription(), codec=codec)
    for c, plane in enumerate(samples):
        for y in range(0, SIZE, 512):
            writer.write(plane[y : y + 512], t=0, c=c, z=0, y=y)
    return writer.finish().store_key


def write_tensorstore(folder: Path, samples: np.ndarray[Any, Any], codec: Codec) -> None:
    """Write level 0 only, unflushed."""
    document = array_document(geometry.pyramid(LAYOUT)[0], np.dtype("uint16"), codec)
    document.pop("attributes")
    spec = {"driver": "zarr3", "kvstore": f"file://{folder}/", "metadata": document}
    array = tensorstore.open(spec, create=True).result()
    for c, plane in enumerate(samples):
        array[0, c, 0].write(plane).result()


def write_zarr(folder: Path, samples: np.ndarray[Any, Any], codec: Codec) -> None:
    """Write level 0 only, unflushed."""
    array = zarr.create_array(
        folder,
        shape=LAYOUT.shape,
        dtype="uint16",
        chunks=(1, 1, 1, 256, 256),
        shards=(1, 1, 1, 2048, 2048),
        compressors=zarr.codecs.BloscCodec(
            cname=codec.compressor, clevel=codec.level, shuffle=codec.shuffle, typesize=2
        ),
    )
    for c, plane in enumerate(samples):
        for y in range(0, SIZE, 2048):
            array[0, c, 0, y : y + 2048] = plane[y : y + 2048]


def rate(samples: np.ndarray[Any, Any], write: Callable[[], Any]) -> float:
    """Return MB/s of samples."""
    start = time.perf_counter()
    write()
    return samples.nbytes / 1e6 / (time.perf_counter() - start)


def tile_readers(store: ZarrPixelStore, key: str) -> dict[str, Callable[[int, int], Any]]:
    """Return the ways to read one tile of three channels."""
    reader = store.open(key)
    folder = store.folder(key) / "0"
    context = tensorstore.Context({"cache_pool": {"total_bytes_limit": 0}})
    spec = {"driver": "zarr3", "kvstore": f"file://{folder}/"}
    library = tensorstore.open(spec, context=context).result()
    python = zarr.open_array(folder, mode="r")
    files = {
        (c, i, j): ChunkFile(folder / f"c/0/{c}/0/{i}/{j}", 64, True)
        for c in range(3)
        for i in range(2)
        for j in range(2)
    }

    def bare(row: int, column: int) -> Any:
        out = np.empty((3, 256, 256), np.uint16)
        for c in range(3):
            data = files[c, row // 8, column // 8].read(row % 8 * 8 + column % 8)
            blosc.decompress(data, out[c])
        return out

    def box(row: int, column: int) -> tuple[slice, slice]:
        y, x = row * 256, column * 256
        return slice(y, y + 256), slice(x, x + 256)

    def region(row: int, column: int) -> Any:
        y, x = box(row, column)
        return reader.region(y=y, x=x)[0, :, 0]

    return {
        "bare": bare,
        "tile()": lambda row, column: reader.tile(row=row, column=column, c=(0, 1, 2)),
        "region()": region,
        "tensorstore": lambda row, column: (
            library[(0, slice(0, 3), 0, *box(row, column))].read().result()
        ),
        "zarr-python": lambda row, column: python[(0, slice(0, 3), 0, *box(row, column))],
    }


def take_turns(readers: dict[str, Callable[[int, int], Any]], rounds: int) -> dict[str, float]:
    """Return the median ms of each reader over the same random tiles; all must agree."""
    rng = np.random.default_rng(2)
    times: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(rounds):
        row, column = (int(value) for value in rng.integers(0, SIZE // 256, 2))
        results = []
        for name, read in readers.items():
            if name == "zarr-python" and number % 3:
                continue
            start = time.perf_counter()
            results.append(read(row, column))
            times[name].append(time.perf_counter() - start)
        if number == 0:
            assert all(np.array_equal(results[0], other) for other in results)
    return {name: statistics.median(values) * 1e3 for name, values in times.items()}


def small_levels(folder: Path, samples: np.ndarray[Any, Any]) -> Row:
    """Compare one shard with four files for a level of 512²."""
    stores = {}
    small = Layout(1, 1, 1, 512, 512, "uint16")
    for name, shard in (("one shard", geometry.SHARD), ("four files", geometry.CHUNK)):
        with mock.patch.object(geometry, "SHARD", shard):
            store = ZarrPixelStore(folder / name)
            writer = store.create(small, ImageDescription())
            writer.write(samples[0, :512, :512], t=0, c=0, z=0)
            stores[name] = store.open(writer.finish().store_key)

    def reading(reader: Any) -> Callable[[int, int], Any]:
        return lambda row, column: reader.tile(row=row % 2, column=column % 2, c=(0,))

    found = take_turns({name: reading(reader) for name, reader in stores.items()}, 300)
    return row(
        "512² level, tile: one shard / four files",
        found["one shard"] / found["four files"],
        None,
        ", ".join(f"{name} {value:.3f} ms" for name, value in found.items()),
    )


def measured(name: str, codec: Codec, samples: np.ndarray[Any, Any]) -> list[Row]:
    """Write and read with one codec."""
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(CODECS, tried=codec):
        root = Path(folder)
        store = ZarrPixelStore(root / "ours")
        keys: list[str] = []
        write = {
            "ours": max(
                rate(samples, lambda: keys.append(write_ours(store, samples, "tried")))
                for _ in range(2)
            ),
            "tensorstore": rate(samples, lambda: write_tensorstore(root / "ts", samples, codec)),
            "zarr-python": rate(samples, lambda: write_zarr(root / "zarr", samples, codec)),
        }
        size = store.record(keys[0])["levels"][0]["bytes"]
        tiles = take_turns(tile_readers(store, keys[0]), ROUNDS)
    written = ", ".join(f"{who} {value:.0f}" for who, value in write.items())
    read = ", ".join(f"{who} {value:.2f}" for who, value in tiles.items())
    quickest = min(tiles["tensorstore"], tiles["zarr-python"])
    return [
        row(
            f"{name}: tile() / bare read and decode",
            tiles["tile()"] / tiles["bare"],
            TILE_LIMIT,
            f"ms: {read}; compressed {samples.nbytes / size:.2f}-fold",
        ),
        row(
            f"{name}: quickest library / tile()",
            quickest / tiles["tile()"],
            None,
            f"MB/s written: {written}; ours all levels, hashed and flushed, theirs level 0 alone",
        ),
    ]


def main() -> list[Row]:
    """Measure what the ADR's table holds."""
    samples = microscopy_like(SIZE)
    rows = [one for name, codec in TRIED.items() for one in measured(name, codec, samples)]
    with tempfile.TemporaryDirectory() as folder:
        rows.append(small_levels(Path(folder), samples))
    return rows


if __name__ == "__main__":
    show(main())
