"""Reading and writing 400 MB keeps to bounded memory, measured in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

SIDE = 14_336
ROOT = Path(__file__).parents[4]

MEASURE = """
import resource, sys
from pathlib import Path
import numpy as np
from adapters.formats.base import open_file
from adapters.formats.write_ome_tiff import write_ome_tiff
from store.pixels.base import Layout, Level
import imagecodecs, tifffile, ome_types

class Made:
    layout = Layout(1, 1, 1, {side}, {side}, "uint16")
    levels = (Level("0", layout.shape, (1, 1, 1, 256, 256)),)
    def region(self, *, level, t, c, z, y, x):
        rows = np.arange(y.start, y.stop, dtype=np.uint16)[:, None]
        return (rows * np.arange(x.start, x.stop, dtype=np.uint16))[None, None, None]

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

for warm in (sys.argv[1], sys.argv[2]):
    if warm == sys.argv[2]:
        before = peak()
    if {reading}:
        (source,) = open_file(Path(warm), name="big.tif")
        total = sum(block.samples.nbytes for block in source.blocks())
    else:
        if warm == sys.argv[1]:
            continue
        write_ome_tiff(Path(warm), Made(), name="big", compression="deflate")
        total = 2 * {side} * {side}
print(total, peak() - before)
"""


def _tiles(count, side):
    rng = np.random.default_rng(0)
    tile = rng.integers(0, 3000, (side, side), dtype=np.uint16)
    for number in range(count):
        yield np.roll(tile, number)


def _growth(reading: bool, *paths: Path) -> tuple[int, int]:
    code = MEASURE.format(side=SIDE, reading=reading)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        timeout=150,
    )
    total, growth = done.stdout.split()
    return int(total), int(growth)


@pytest.mark.slow
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiled_file_of_400_megabytes_is_read_in_bounded_memory(compression, tmp_path):
    small, big = tmp_path / "small.tif", tmp_path / "big.tif"
    for path, side in ((small, 512), (big, SIDE)):
        tifffile.imwrite(
            path,
            _tiles((side // 512) ** 2, 512),
            shape=(side, side),
            dtype="uint16",
            tile=(512, 512),
            photometric="minisblack",
            compression=compression,
            compressionargs={"level": 1} if compression else None,
        )
    total, growth = _growth(True, small, big)
    assert total == 2 * SIDE * SIDE > 400_000_000
    assert growth < 128 * 2**20


@pytest.mark.slow
def test_400_megabytes_are_exported_in_bounded_memory(tmp_path):
    total, growth = _growth(False, tmp_path / "none", tmp_path / "big.ome.tif")
    assert total > 400_000_000
    assert growth < 128 * 2**20
    with tifffile.TiffFile(tmp_path / "big.ome.tif") as tiff:
        assert tiff.series[0].shape == (SIDE, SIDE)
