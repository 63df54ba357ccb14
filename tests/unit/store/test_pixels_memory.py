"""Peak memory of writing a large image, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from store.pixels.base import ImageDescription, Layout
from store.pixels.zarr import ZarrPixelStore

height, width, channels, band = map(int, sys.argv[2:])
store = ZarrPixelStore(Path(sys.argv[1]))
writer = store.create(Layout(1, channels, 1, height, width, "uint16"), ImageDescription())
ramp = np.arange(width, dtype=np.uint32)
for y in range(0, height, band):
    for c in range(channels):
        block = np.empty((band, width), np.uint16)
        for row in range(band):
            block[row] = (ramp * (c + 3) + (y + row) * 7) % 4093
        writer.write(block, t=0, c=c, z=0, y=y)
        del block
done = writer.finish()
corner = store.open(done.store_key).region(
    c=channels - 1, y=slice(height - 1, height), x=slice(width - 1, width)
)
# Not `ru_maxrss`: that one begins with the memory of the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) / 1024
print(json.dumps({"peak_mib": peak, "corner": int(corner.item())}))
"""


@pytest.mark.parametrize(
    ("height", "width", "channels", "band"),
    [
        pytest.param(8192, 8192, 3, 256, id="three channels in turn, 403 MB"),
        pytest.param(1024, 204_800, 1, 64, id="very wide, 419 MB", marks=pytest.mark.slow),
    ],
)
def test_a_400_mb_image_is_written_in_less_than_256_mib(
    tmp_path: Path, height: int, width: int, channels: int, band: int
) -> None:
    numbers = [str(number) for number in (height, width, channels, band)]
    root = Path(__file__).parents[3]
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), *numbers],
        capture_output=True, text=True, check=True, cwd=root,
    )  # fmt: skip
    told = json.loads(ran.stdout)
    assert told["corner"] == ((width - 1) * (channels + 2) + (height - 1) * 7) % 4093
    assert told["peak_mib"] < 256
