"""Exported OME-TIFF, read back by tifffile and validated by the typed model."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ome_types
import pytest
import tifffile
from numpy.typing import NDArray

from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.formats.write_ome_tiff import write_ome_tiff
from store.errors import Unsupported
from store.pixels.base import Layout, Level, Progress


class MemoryReader:
    """A pixel reader over arrays; each level takes every second sample of the one before."""

    def __init__(self, samples: NDArray[Any], *, rgb: bool = False, levels: int = 1) -> None:
        self.layout = Layout(*samples.shape, dtype=samples.dtype.name, rgb=rgb)
        self._arrays = [samples[..., :: 2**n, :: 2**n] for n in range(levels)]
        self.levels = tuple(
            Level(str(n), array.shape, (1, 1, 1, 256, 256), 2.0**n)
            for n, array in enumerate(self._arrays)
        )
        self.largest = 0

    def region(
        self,
        *,
        level: int = 0,
        t: slice | int = 0,
        c: slice | int | Sequence[int] = slice(None),
        z: slice | int = 0,
        y: slice = slice(None),
        x: slice = slice(None),
    ) -> NDArray[Any]:
        part = self._arrays[level][_kept(t), c if isinstance(c, slice) else [c], _kept(z), y, x]
        self.largest = max(self.largest, part.nbytes)
        return part


def _kept(index: slice | int) -> slice:
    return index if isinstance(index, slice) else slice(index, index + 1)


def _values(shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    return (np.random.default_rng(9).random(shape) * 120).astype(dtype)


@pytest.mark.parametrize("compression", ["deflate", "zstd", "lzw", "none"])
@pytest.mark.parametrize(
    "dtype",
    ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"],
)
def test_every_type_comes_back_equal(dtype, compression, tmp_path):
    samples = _values((2, 3, 2, 45, 71), dtype)
    path = tmp_path / "out.ome.tif"
    write_ome_tiff(path, MemoryReader(samples), name="all", compression=compression)
    with tifffile.TiffFile(path) as tiff:
        (series,) = tiff.series
        assert (series.kind, series.axes) == ("ome", "TCZYX")
        np.testing.assert_array_equal(series.asarray(), samples, strict=True)


@pytest.mark.parametrize("size", [(513, 1025), (512, 512), (1, 1), (16, 700)])
def test_edges_of_tiles_are_kept(size, tmp_path):
    samples = _values((1, 1, 1, *size), "uint16")
    path = tmp_path / "edge.ome.tif"
    write_ome_tiff(path, MemoryReader(samples), name="edge")
    np.testing.assert_array_equal(tifffile.imread(path).reshape(size), samples[0, 0, 0])


def test_rgb_is_written_interleaved(tmp_path):
    samples = _values((1, 3, 2, 40, 530), "uint8")
    path = tmp_path / "rgb.ome.tif"
    write_ome_tiff(path, MemoryReader(samples, rgb=True), name="rgb")
    with tifffile.TiffFile(path) as tiff:
        assert tiff.series[0].axes == "ZYXS"
        np.testing.assert_array_equal(tiff.series[0].asarray(), np.moveaxis(samples[0], 0, -1))


def test_a_large_image_has_its_pyramid_as_sub_pages(tmp_path):
    samples = _values((1, 2, 1, 300, 2100), "uint8")
    path = tmp_path / "large.ome.tif"
    write_ome_tiff(path, MemoryReader(samples, levels=4), name="large")
    with tifffile.TiffFile(path) as tiff:
        (series,) = tiff.series
        assert [level.shape for level in series.levels] == [
            (2, 300, 2100),
            (2, 150, 1050),
            (2, 75, 525),
            (2, 38, 263),
        ]
        np.testing.assert_array_equal(series.levels[2].asarray(), samples[0, :, 0, ::4, ::4])
        assert len(tiff.pages) == 2


def test_a_small_image_has_no_pyramid(tmp_path):
    path = tmp_path / "small.ome.tif"
    write_ome_tiff(path, MemoryReader(_values((1, 1, 1, 600, 600), "uint8"), levels=3), name="s")
    with tifffile.TiffFile(path) as tiff:
        assert len(tiff.series[0].levels) == 1


METADATA = SourceMetadata(
    physical_size_x=0.1,
    physical_size_y=0.2,
    physical_size_z=1.5,
    time_increment=0.25,
    channels=(
        SourceChannel(
            name="DAPI", color="0000FF", emission_nm=460.0, excitation_nm=405.0, fluor="DAPI"
        ),
        SourceChannel(name="<&\"'>", color="FF8000"),
    ),
    acquired_at=1_600_000_000_500,
    magnification=63.0,
    instrument={
        "microscope": {"manufacturer": "Zeiss", "type": "Sideways"},
        "objective": {"model": "Plan\x00-Apo", "immersion": "Oil", "lens_na": "1.4"},
    },
    text="two µ-dyes",
    original={"Laser": "488\x01", "µ": "1"},
)


def _exported(tmp_path: Path, metadata: SourceMetadata) -> ome_types.OME:
    path = tmp_path / "described.ome.tif"
    write_ome_tiff(path, MemoryReader(_values((2, 2, 3, 8, 8), "uint8")), name="näme",
                   metadata=metadata)  # fmt: skip
    with tifffile.TiffFile(path) as tiff, warnings.catch_warnings():
        warnings.simplefilter("error")
        return ome_types.from_xml(tiff.ome_metadata)


def test_the_xml_is_valid_and_says_what_is_known(tmp_path):
    (image,) = _exported(tmp_path, METADATA).images
    pixels = image.pixels
    assert (image.name, image.description) == ("näme", "two µ-dyes")
    assert image.acquisition_date.timestamp() == 1_600_000_000.5
    assert (pixels.size_t, pixels.size_c, pixels.size_z) == (2, 2, 3)
    assert (pixels.physical_size_x, pixels.physical_size_x_unit.value) == (0.1, "µm")
    assert (pixels.physical_size_y, pixels.physical_size_z) == (0.2, 1.5)
    assert pixels.time_increment == 0.25
    first, second = pixels.channels
    assert (first.name, first.fluor) == ("DAPI", "DAPI")
    assert (first.emission_wavelength, first.excitation_wavelength) == (460.0, 405.0)
    assert first.color.as_rgb_tuple() == (0, 0, 255)
    assert (second.name, second.color.as_rgb_tuple()) == ("<&\"'>", (255, 128, 0))


def test_the_instrument_is_written_without_words_the_schema_does_not_know(tmp_path):
    document = _exported(tmp_path, METADATA)
    (instrument,) = document.instruments
    assert instrument.microscope.manufacturer == "Zeiss"
    assert instrument.microscope.type is None
    (lens,) = instrument.objectives
    assert (lens.nominal_magnification, lens.lens_na, lens.immersion.value) == (63.0, 1.4, "Oil")
    assert document.images[0].objective_settings.id == lens.id


def test_what_was_exported_is_read_back_the_same(tmp_path, open_one):
    _exported(tmp_path, METADATA)
    about = open_one(tmp_path / "described.ome.tif").description
    for field in ("physical_size_x", "physical_size_y", "physical_size_z", "time_increment",
                  "acquired_at", "magnification", "text"):  # fmt: skip
        assert getattr(about, field) == getattr(METADATA, field)
    assert [(c.name, c.color, c.emission_nm) for c in about.channels] == [
        (c.name, c.color, c.emission_nm) for c in METADATA.channels
    ]
    assert about.original["Laser"] == "488\N{REPLACEMENT CHARACTER}"
    assert about.instrument["objective"]["immersion"] == "Oil"


def test_an_image_of_which_nothing_is_known_is_valid(tmp_path):
    (image,) = _exported(tmp_path, SourceMetadata()).images
    assert image.pixels.physical_size_x is None
    assert [channel.name for channel in image.pixels.channels] == [None, None]


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
def test_types_that_the_format_lacks_are_refused_before_a_byte_is_written(dtype, tmp_path):
    path = tmp_path / "out.ome.tif"
    with pytest.raises(Unsupported, match="OME-Zarr"):
        write_ome_tiff(path, MemoryReader(_values((1, 1, 1, 8, 8), dtype)), name="x")
    assert not path.exists()


def test_an_unknown_compression_is_refused(tmp_path):
    with pytest.raises(Unsupported, match="deflate"):
        write_ome_tiff(
            tmp_path / "out.tif",
            MemoryReader(_values((1, 1, 1, 8, 8), "uint8")),
            name="x",
            compression="brotli",
        )


def test_progress_counts_all_levels_and_can_end_the_export(tmp_path):
    reader = MemoryReader(_values((1, 1, 1, 600, 2100), "uint8"), levels=2)
    seen: list[Progress] = []
    write_ome_tiff(tmp_path / "a.tif", reader, name="x", progress=seen.append)
    assert seen[-1].done == seen[-1].total == 600 * 2100 + 300 * 1050
    assert [step.done for step in seen] == sorted(step.done for step in seen)

    def stop(_: Progress) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        write_ome_tiff(tmp_path / "b.tif", reader, name="x", progress=stop)
    assert not (tmp_path / "b.tif").exists()


def test_a_file_object_will_do(tmp_path):
    samples = _values((1, 1, 1, 40, 50), "uint8")
    out = io.BytesIO()
    write_ome_tiff(out, MemoryReader(samples), name="x")
    out.seek(0)
    np.testing.assert_array_equal(tifffile.imread(out), samples[0, 0, 0])


def test_wide_images_are_read_in_parts(tmp_path):
    samples = np.zeros((1, 1, 1, 512, 40_000), np.uint16)
    samples[..., ::7] = 5
    reader = MemoryReader(samples, levels=1)
    write_ome_tiff(tmp_path / "wide.tif", reader, name="x", compression="zstd")
    assert reader.largest <= 2**24
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "wide.tif"), samples[0, 0, 0])
