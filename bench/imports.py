"""Import of a 403 MB OME-TIFF: against the bare work, against ome-zarr's writer, and its memory.

"Bare" reads the file, halves, encodes with the same codec and writes the same chunks, shards and
levels, with as many threads; it keeps no original, hashes, checks, flushes and describes nothing.
ome-zarr's `write_image` is given the same samples as a memory map cut into its shards, the same
codec, chunks, shards and number of levels: once as it comes, which smooths before it halves, and
once with its 2×2 mean, which is what the hub computes. Each contestant runs in a process of its
own; what is timed is the work, without the start of the process.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numcodecs import blosc
from numpy.typing import NDArray

from bench.hub import write_tiff
from bench.measure import Row, row, show
from bench.picture import microscopy_like
from store.pixels.shards import index_size, pack_index

SIDE, CHANNELS = 8192, 3
CHUNK, SHARD = 256, 2048
LEVELS = 6
ROUNDS = 3
MEMORY_LIMIT = 256
PATIENCE = 60.0  # seconds for ome-zarr
WRITERS = {"ome-zarr": "as it comes", "ome-zarr-mean": "with our 2×2 mean"}
THREADS = os.cpu_count() or 1


def ours(file: Path, folder: Path) -> dict[str, float]:
    """Import as the command line does, into an empty hub."""
    from adapters.imports import ImportOptions
    from web.accounts import actor_named
    from web.bootstrap import assemble, prepare, read_settings

    async def run() -> dict[str, float]:
        settings = read_settings({}, data=folder / "hub", job_workers=0)
        await prepare(settings)
        services = assemble(settings)
        try:
            hub = services.hub(await actor_named(services, "root"))
            before, start = peak_memory(), time.perf_counter()
            await hub.imports.files([file], ImportOptions())
            seconds, after = time.perf_counter() - start, peak_memory()
            start = time.perf_counter()
            services.infrastructure.files.adopt(file)
            keeping = time.perf_counter() - start
        finally:
            await services.stop()
        return {"seconds": seconds, "before": before, "peak": after, "keeping": keeping}

    return asyncio.run(run())


def bare(file: Path, folder: Path) -> dict[str, float]:
    """Read, halve, encode, write: bands of one row of shards, all levels as they come."""
    page = tifffile.TiffFile(file).pages[0]
    assert isinstance(page, tifffile.TiffPage)
    offset, size = page.dataoffsets[0], SIDE * SIDE * 2
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool, file.open("rb") as source:
        for c in range(CHANNELS):
            levels = BareLevels(folder, c, pool)
            for y in range(0, SIDE, SHARD):
                source.seek(offset + c * size + y * SIDE * 2)
                band = np.fromfile(source, np.uint16, SHARD * SIDE).reshape(SHARD, SIDE)
                levels.add(0, band)
            levels.finish()
    return {"seconds": time.perf_counter() - start}


class BareLevels:
    """The pyramid of one plane: bands that fill a row of shards are written, halves go up."""

    def __init__(self, folder: Path, c: int, pool: ThreadPoolExecutor) -> None:
        self._folder, self._c, self._pool = folder, c, pool
        self._waiting: list[list[NDArray[Any]]] = [[] for _ in range(LEVELS)]
        self._row = [0] * LEVELS

    def add(self, level: int, band: NDArray[Any]) -> None:
        """Take rows of a level; write them once they fill a row of shards."""
        waiting = self._waiting[level]
        waiting.append(band)
        if sum(map(len, waiting)) < min(SHARD, SIDE >> level):
            return
        whole = np.concatenate(waiting) if len(waiting) > 1 else band
        waiting.clear()
        self._write(level, whole)
        if level + 1 < LEVELS:
            size = (whole.shape[1] // 2, whole.shape[0] // 2)
            self.add(level + 1, cv2.resize(whole, size, interpolation=cv2.INTER_AREA))

    def finish(self) -> None:
        """All bands were whole."""
        assert not any(self._waiting)

    def _write(self, level: int, rows: NDArray[Any]) -> None:
        across = min(SHARD, rows.shape[1])
        for number, x in enumerate(range(0, rows.shape[1], across)):
            folder = self._folder / f"{level}/c/0/{self._c}/0/{self._row[level]}"
            folder.mkdir(parents=True, exist_ok=True)
            encoded = list(self._pool.map(encode, chunks(rows[:, x : x + across])))
            with (folder / str(number)).open("wb") as out:
                out.writelines(encoded)
                if len(encoded) > 1:
                    lengths = np.array([len(one) for one in encoded], np.uint64)
                    index = np.stack([np.cumsum(lengths) - lengths, lengths], axis=1)
                    packed = pack_index(index)
                    assert len(packed) == index_size(len(encoded))
                    out.write(packed)
        self._row[level] += 1


def chunks(rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the chunks of rows of a shard."""
    for y in range(0, rows.shape[0], CHUNK):
        for x in range(0, rows.shape[1], CHUNK):
            yield rows[y : y + CHUNK, x : x + CHUNK]


def encode(chunk: NDArray[Any]) -> bytes:
    """Encode one chunk as the hub does."""
    encoded: bytes = blosc.compress(np.ascontiguousarray(chunk), b"lz4", 5, blosc.BITSHUFFLE, 0)
    return encoded


def ome_zarr(file: Path, folder: Path, method: str = "resize") -> dict[str, float]:
    """Write the same image by `ome_zarr.writer.write_image`, as it comes."""
    import dask.array as da
    from ome_zarr.scale import Methods
    from ome_zarr.writer import write_image
    from zarr.codecs import BloscCodec

    samples = da.from_array(tifffile.memmap(file, mode="r"), chunks=(1, SHARD, SHARD))
    codec = BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle", typesize=2)
    options = []
    for level in range(LEVELS):
        shard = min(SHARD, SIDE >> level)
        one = {"chunks": (1, 1, 1, CHUNK, CHUNK), "compressors": codec}
        options.append(one if shard == CHUNK else one | {"shards": (1, 1, 1, shard, shard)})
    start = time.perf_counter()
    write_image(
        samples[None, :, None],
        str(folder / "image.zarr"),
        axes="tczyx",
        scale_factors=[2**level for level in range(1, LEVELS)],
        method=Methods(method),
        storage_options=options,
    )
    return {"seconds": time.perf_counter() - start, "peak": peak_memory()}


CONTESTANTS: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "ours": ours,
    "bare": bare,
    "ome-zarr": ome_zarr,
    "ome-zarr-mean": partial(ome_zarr, method="local_mean"),
}


def peak_memory() -> float:
    """Return the most memory this process held so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: that also knows what the parent held when it started this process.
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def contest(name: str, file: Path, parent: Path, patience: float | None = None) -> dict[str, Any]:
    """Run one contestant in a process of its own and a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "bench.imports", name, str(file), folder],
            capture_output=True,
            text=True,
            check=False,
            timeout=patience,
        )
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr[-500:]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def main() -> list[Row]:
    """Take turns over one file."""
    samples = np.tile(microscopy_like(SIDE // 8, CHANNELS), (1, 8, 8))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file = folder / "large.ome.tif"
        write_tiff(file, samples)
        size = samples.nbytes / 1e6
        del samples
        results: dict[str, list[dict[str, Any]]] = {"bare": [], "ours": []}
        for _ in range(ROUNDS):
            for one, answers in results.items():
                answers.append(contest(one, file, folder))
        rows = against_bare(results, size)
        rows += [against_ome_zarr(one, results, file, folder) for one in WRITERS]
    return rows


def median(answers: list[dict[str, Any]], key: str = "seconds") -> float:
    """Return the median of one number of several runs."""
    return statistics.median(one[key] for one in answers)


def against_bare(results: dict[str, list[dict[str, Any]]], size: float) -> list[Row]:
    """Judge time and memory of the import."""
    import_s, bare_s = median(results["ours"]), median(results["bare"])
    keeping, peak = median(results["ours"], "keeping"), median(results["ours"], "peak")
    before = median(results["ours"], "before")
    return [
        row(
            "import / bare read, encode, write",
            import_s / bare_s,
            1.3,
            f"{import_s:.2f} s / {bare_s:.2f} s for {size:.0f} MB; keeping the original (copy, "
            f"SHA-256, flush) alone takes {keeping:.2f} s",
        ),
        row(
            f"peak memory of the import / {MEMORY_LIMIT} MiB",
            peak / MEMORY_LIMIT,
            1.0,
            f"{peak:.0f} MiB, of which {before:.0f} before the import began",
        ),
    ]


def against_ome_zarr(
    name: str, results: dict[str, list[dict[str, Any]]], file: Path, folder: Path
) -> Row:
    """Let ome-zarr write the same, once; ours keeps the original too, theirs does not."""
    import_s = median(results["ours"])
    try:
        theirs = contest(name, file, folder, PATIENCE)
        note = f"{theirs['seconds']:.1f} s / {import_s:.2f} s; theirs held {theirs['peak']:.0f} MiB"
    except subprocess.TimeoutExpired:
        theirs = {"seconds": PATIENCE}
        note = f"theirs was stopped after {PATIENCE:.0f} s, so the ratio is higher"
    ratio = theirs["seconds"] / import_s
    return row(f"ome-zarr's writer {WRITERS[name]} / import", ratio, "≥ 5", note)


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(CONTESTANTS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))))
    else:
        show(main())
