"""Factories for image files, and one way to read a source whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from adapters.formats.base import ImageSource, open_file

Assemble = Callable[[ImageSource], NDArray[Any]]
MakeTiff = Callable[..., Path]
OpenOne = Callable[..., ImageSource]


@pytest.fixture
def assemble() -> Assemble:
    """Read a source into one array ``(t, c, z, y, x)``, and see that each sample comes once."""

    def read(source: ImageSource) -> NDArray[Any]:
        image = np.zeros(source.layout.shape, source.layout.dtype)
        count = np.zeros(source.layout.shape, np.uint8)
        for block in source.blocks():
            assert block.samples.dtype == image.dtype
            assert block.samples.dtype.isnative
            height, width = block.samples.shape
            place = (
                block.t,
                block.c,
                block.z,
                slice(block.y, block.y + height),
                slice(block.x, block.x + width),
            )
            image[place] = block.samples
            count[place] += 1
        assert (count == 1).all()
        return image

    return read


@pytest.fixture
def make_tiff(tmp_path: Path) -> MakeTiff:
    """Write an array as TIFF; grey unless `photometric` says otherwise."""

    def write(samples: NDArray[Any], name: str = "image.tif", **options: Any) -> Path:
        path = tmp_path / name
        options.setdefault("photometric", "minisblack")
        tifffile.imwrite(path, samples, **options)
        return path

    return write


@pytest.fixture
def open_one() -> OpenOne:
    """Open a file that has exactly one image."""

    def opened(path: Path, **options: Any) -> ImageSource:
        options.setdefault("name", path.name)
        (source,) = open_file(path, **options)
        return source

    return opened
