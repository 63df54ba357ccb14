"""Operations through the runner against the fastest bare library call on the same array.

Run ``python -m bench operations``. Times are the best of interleaved rounds in one process;
ratios above 1 mean that the hub is slower. Reading and writing are memory copies here, so the ratio
is what the runner adds: tiles, halos, threads, validation, conversion of the result.
"""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import rank, threshold_otsu
from skimage.measure import label as skimage_label
from skimage.measure import regionprops_table

from adapters.jobs.execute import execute
from adapters.jobs.views import ImageInput
from adapters.operations import registry
from bench.measure import Row, row, show
from store.pixels.base import Layout, Written
from tests.fixtures.memory_pixels import MemoryReader

SIDE = 4096
ROUNDS = 5
GOAL = 1.2
MEMORY = 1 << 30


class Sink:
    """A writer that only copies what it is given, as any storage must at least."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.samples = np.empty(layout.shape, layout.dtype)

    def write(
        self, samples: NDArray[Any], *, t: int, c: int, z: int, y: int = 0, x: int = 0
    ) -> None:
        """Copy a block."""
        height, width = samples.shape
        self.samples[t, c, z, y : y + height, x : x + width] = samples

    def finish(self) -> Written:
        """Have nothing left to do."""
        return Written("sink", (), self.samples.nbytes, "", (), ())

    def discard(self) -> None:
        """Have nothing to remove."""


def picture(side: int) -> NDArray[np.uint16]:
    """Bright spots of 9 pixels' deviation under Poisson noise, like nuclei at low magnification."""
    rng = np.random.default_rng(0)
    spots = np.zeros((side, side), np.float32)
    count = side * side // 4200
    spots[rng.integers(0, side, count), rng.integers(0, side, count)] = 1
    smooth = cv2.GaussianBlur(spots, (0, 0), 9)
    return rng.poisson(smooth / smooth.max() * 3000 + 100).astype(np.uint16)


def through(name: str, arguments: dict[str, Any], **images: NDArray[Any]) -> Callable[[], Any]:
    """Prepare a run on two threads; what is timed includes binding and gathering the result."""
    operation = registry.get(name)
    inputs = {port: ImageInput(MemoryReader(image)) for port, image in images.items()}

    def run() -> Any:
        bound = operation.bind({**arguments, **dict.fromkeys(images, "bench")})
        return execute(
            operation,
            bound,
            inputs,
            lambda plan: Sink(plan.layout),
            memory_limit=MEMORY,
            workers=2,
        )

    return run


def best(functions: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Time functions in turn and keep the least of each, in milliseconds."""
    least = dict.fromkeys(functions, float("inf"))
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            least[name] = min(least[name], (time.perf_counter() - start) * 1000)
    return least


def cases(side: int) -> dict[str, tuple[Callable[[], Any], dict[str, Callable[[], Any]]]]:
    """Pair each run with the library calls that compute the same."""
    image = picture(side)
    mask = image > 600
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    labels = labels.astype(np.int32)
    corner = image[: side // 4, : side // 4]
    eight = np.ones((3, 3))
    return {
        "gaussian s=3": (
            through("filter.gaussian", {"sigma": 3.0}, image=image),
            {
                "cv2 uint16": lambda: cv2.GaussianBlur(image, (25, 25), 3),
                "cv2 float32": lambda: cv2.GaussianBlur(image.astype(np.float32), (25, 25), 3),
            },
        ),
        "median 5x5": (
            through("filter.median", {"radius": 2}, image=image),
            {"cv2": lambda: cv2.medianBlur(image, 5)},
        ),
        "median 11x11, 1/16": (
            through("filter.median", {"radius": 5}, image=corner),
            {"skimage rank": lambda: rank.median(corner, np.ones((11, 11), np.uint8))},
        ),
        "otsu": (
            through("threshold.otsu", {}, image=image),
            {
                "cv2": lambda: cv2.threshold(image, 0, 65535, cv2.THRESH_BINARY | cv2.THRESH_OTSU),
                "skimage": lambda: image > threshold_otsu(image),
            },
        ),
        "label": (
            through("segment.label", {}, mask=mask.astype(np.uint8)),
            {
                "cv2, any order": lambda: cv2.connectedComponents(mask.view(np.uint8)),
                "cv2 SAUF": lambda: cv2.connectedComponentsWithAlgorithm(
                    mask.view(np.uint8), 8, cv2.CV_32S, cv2.CCL_SAUF
                ),
                "scipy": lambda: ndimage.label(mask, eight),
                "skimage": lambda: skimage_label(mask),
            },
        ),
        "regions table": (
            through("measure.regions", {}, labels=labels, intensity=image),
            {
                "skimage area+mean": lambda: regionprops_table(
                    labels, image, properties=("label", "area", "mean_intensity")
                ),
            },
        ),
    }


def main(side: int = SIDE) -> list[Row]:
    """Return one line per operation."""
    warnings.filterwarnings("ignore", message="Bad rank filter performance")
    rows = []
    for name, (ours, peers) in cases(side).items():
        times = best({"hub": ours, **peers}, ROUNDS)
        fastest = min(peers, key=lambda peer: times[peer])
        listed = ", ".join(f"{peer} {times[peer]:.1f}" for peer in peers)
        note = f"ms: hub {times['hub']:.1f}, {listed}"
        rows.append(row(f"{name} / {fastest}", times["hub"] / times[fastest], GOAL, note))
    return rows


if __name__ == "__main__":
    show(main(int(sys.argv[1]) if len(sys.argv) > 1 else SIDE))
