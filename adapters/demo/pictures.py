"""Files of the demo: pictures written as OME-TIFF with everything a microscope would say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import tifffile
from numpy.typing import NDArray

from adapters.demo.cells import movie, stack, well
from adapters.demo.tissue import section

STACK_SIZE, STACK_DEPTH = 512, 13
MOVIE = (320, 24, 2)  # side in pixels, frames, seed
SECTION_SIZE, SECTION_SEED = (4096, 3072), 3
WELL_SIZE = 128
PLATE_ROWS, PLATE_COLUMNS = 8, 12
EMPTY_WELLS = frozenset({(0, 0), (0, 11), (3, 6), (4, 6), (7, 0), (7, 11)})
DOUBLE_COLUMN = 5  # its wells have two fields

_NUCLEI = {"Name": "Nuclei", "Fluor": "DAPI", "Color": 0x0000FFFF}
_EXCITED = {"ExcitationWavelengthUnit": "nm", "EmissionWavelengthUnit": "nm"}


def write_stack(
    path: Path, seed: int = 1, size: int = STACK_SIZE, depth: int = STACK_DEPTH
) -> None:
    """Write an epithelium in three channels through the focus."""
    channels = [
        {**_NUCLEI, "ExcitationWavelength": 405.0, "EmissionWavelength": 461.0},
        {
            "Name": "Membranes", "Fluor": "Alexa Fluor 594", "Color": -0xFFFF01,
            "ExcitationWavelength": 590.0, "EmissionWavelength": 617.0,
        },
        {
            "Name": "Microtubules", "Fluor": "Alexa Fluor 488", "Color": 0x00FF00FF,
            "ExcitationWavelength": 490.0, "EmissionWavelength": 525.0,
        },
    ]  # fmt: skip
    _write(path, stack(size, depth, seed), "ZCYX", channels, x=0.16, z=0.5)


def write_movie(path: Path) -> None:
    """Write migrating cells, a frame every ten minutes."""
    channels = [
        {"Name": "H2B", "Fluor": "mCherry", "Color": -0xFFFF01, "EmissionWavelength": 610.0},
        {"Name": "Cytoplasm", "Fluor": "EGFP", "Color": 0x00FF00FF, "EmissionWavelength": 509.0},
    ]
    samples = movie(*MOVIE).samples
    _write(path, samples, "TCYX", channels, x=0.65, seconds=600.0)


def write_section(path: Path) -> None:
    """Write a stained section, RGB, in tiles."""
    samples = section(*SECTION_SIZE, SECTION_SEED)
    metadata = {"axes": "YXS", **_scale(0.5)}
    tifffile.imwrite(
        path, samples, ome=True, photometric="rgb", tile=(512, 512), compression="zlib",
        compressionargs={"level": 1}, metadata=metadata,
    )  # fmt: skip


def write_plate(path: Path) -> None:
    """Write every field of the plate as one series of a file, in the order of `plate_fields`."""
    channels = [_NUCLEI, {"Name": "Marker", "Fluor": "Alexa Fluor 568", "Color": -0x5AFF01}]
    with tifffile.TiffWriter(path, ome=True) as file:
        for number, (row, column, field) in enumerate(plate_fields()):
            dose = column / (PLATE_COLUMNS - 1)
            samples = well(WELL_SIZE, 0.9 - 0.5 * dose, dose**2, 1000 + number)
            file.write(
                samples, photometric="minisblack",
                metadata={
                    "axes": "CYX", "Name": f"{chr(65 + row)}{column + 1:02} field {field + 1}",
                    "Channel": _columns(channels), **_scale(1.3),
                },
            )  # fmt: skip


def plate_fields() -> Iterator[tuple[int, int, int]]:
    """Yield row, column and position of every field of the plate."""
    for row in range(PLATE_ROWS):
        for column in range(PLATE_COLUMNS):
            if (row, column) not in EMPTY_WELLS:
                yield from (
                    (row, column, field) for field in range(2 if column == DOUBLE_COLUMN else 1)
                )


def copy_sample(name: str, path: Path) -> None:
    """Copy a picture that the image processing package carries."""
    shutil.copyfile(str(files("skimage") / "data" / name), path)


def _write(
    path: Path,
    samples: NDArray[Any],
    axes: str,
    channels: Sequence[dict[str, Any]],
    *,
    x: float,
    z: float | None = None,
    seconds: float | None = None,
) -> None:
    metadata: dict[str, Any] = {"axes": axes, "Channel": _columns(channels), **_scale(x)}
    if z is not None:
        metadata |= {"PhysicalSizeZ": z, "PhysicalSizeZUnit": "µm"}
    if seconds is not None:
        metadata |= {"TimeIncrement": seconds, "TimeIncrementUnit": "s"}
    tifffile.imwrite(
        path, samples, ome=True, photometric="minisblack", compression="zlib",
        compressionargs={"level": 1}, metadata=metadata,
    )  # fmt: skip


def _scale(size: float) -> dict[str, Any]:
    return {
        "PhysicalSizeX": size, "PhysicalSizeXUnit": "µm",
        "PhysicalSizeY": size, "PhysicalSizeYUnit": "µm",
    }  # fmt: skip


def _columns(channels: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """Turn one dictionary per channel into one list per attribute, as the writer wants them."""
    names = {name for channel in channels for name in channel}
    wavelengths = {f"{name}Unit" for name in names if name.endswith("Wavelength")}
    found = {name: [channel.get(name) for channel in channels] for name in sorted(names)}
    return found | {name: ["nm"] * len(channels) for name in sorted(wavelengths)}
