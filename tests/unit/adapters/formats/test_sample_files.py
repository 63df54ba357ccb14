"""Real files, read by the hub and independently by tifffile and Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from adapters.formats.base import Limits, open_file
from adapters.formats.combine import combine_channels

EXPECTED = {
    # file: (t, c, z, y, x), sample type, colour picture
    "fluorescence/BBBC022_IXMtest_A02_s9.tif": ((1, 3, 1, 395, 695), "uint16", False),
    "fluorescence/cancer_cell_migration_crop.tif": ((1, 1, 48, 130, 130), "uint16", False),
    "fluorescence/human_D03f00d0.tif": ((1, 1, 1, 512, 512), "uint8", False),
    "fluorescence/human_D03f00d1.tif": ((1, 1, 1, 512, 512), "uint8", False),
    "fluorescence/human_D03f00d2.tif": ((1, 1, 1, 512, 512), "uint8", False),
    "fluorescence/maize_clsm.tif": ((1, 1, 1, 640, 639), "uint8", False),
    "fluorescence/skimage_cell.png": ((1, 1, 1, 660, 550), "uint8", False),
    "fluorescence/skimage_ihc.png": ((1, 3, 1, 512, 512), "uint8", True),
    "fluorescence/skimage_retina.jpg": ((1, 3, 1, 1411, 1411), "uint8", True),
    "imagej-server/about4.tif": ((1, 3, 1, 533, 800), "uint8", True),
    "imagej-ops/TubesInput.png": ((1, 1, 1, 256, 256), "uint8", False),
    "imagej-ops/filter/tubeness/tube.tif": ((1, 1, 1, 256, 256), "float64", False),
    "imagej-ops/filter/vesselness/Result.tif": ((1, 1, 1, 256, 256), "float32", False),
    "imagej-ops/filter/findEdges/DefaultFindEdgesExpected.png": (
        (1, 1, 1, 60, 314),
        "uint8",
        False,
    ),
    "imagej-ops/features/hog/HoG2DInput.png": ((1, 1, 1, 50, 50), "uint8", False),
    "imagej-ops/features/hog/HoG2DResult.tif": ((1, 1, 9, 50, 50), "float32", False),
    "imagej-ops/features/haralick_test_img.tif": ((1, 1, 1, 20, 20), "uint8", False),
    "imagej-ops/features/2d_geometric_features_testlabel.tif": (
        (1, 1, 1, 113, 80),
        "uint8",
        False,
    ),
    "imagej-ops/features/3d_geometric_features_testlabel.tif": (
        (1, 1, 10, 12, 13),
        "uint8",
        False,
    ),
    "imagej-ops/coloc/colocsample1b-green.tif": ((1, 1, 33, 152, 172), "uint8", False),
    "imagej-ops/coloc/colocsample1b-red.tif": ((1, 1, 33, 152, 172), "uint8", False),
    "imagej-ops/coloc/greenZstack.tif": ((1, 1, 10, 64, 64), "uint8", False),
    "imagej-ops/coloc/redZstack.tif": ((1, 1, 10, 64, 64), "uint8", False),
    "imagej-ops/create/kernelDiffraction/kern3d1.tif": ((1, 1, 8, 16, 16), "float32", False),
    "imagej-ops/image/watershed/watershed_test_image.png": ((1, 1, 1, 150, 150), "uint8", False),
    "imagej-ops/morphology/img_with_holes.png": ((1, 1, 1, 100, 100), "uint8", False),
    "imagej-ops/morphology/img_without_holes.png": ((1, 1, 1, 100, 100), "uint8", False),
    "imagej-ops/morphology/inverted_img_with_filled_holes.png": (
        (1, 1, 1, 100, 100),
        "uint8",
        False,
    ),
    "imagej-ops/morphology/thin/result_guoHall.tif": ((1, 1, 10, 12, 13), "uint8", False),
    "imagej-ops/morphology/thin/result_hilditch.tif": ((1, 1, 10, 12, 13), "uint8", False),
    "imagej-ops/morphology/thin/result_morphological.tif": ((1, 1, 10, 12, 13), "uint8", False),
    "imagej-ops/morphology/thin/result_zhangSuen.tif": ((1, 1, 10, 12, 13), "uint8", False),
    "plate/plate_A01_ch1.tif": ((1, 1, 1, 1024, 1360), "uint8", False),
    "plate/plate_A01_ch2.tif": ((1, 1, 1, 1024, 1360), "uint8", False),
    "plate/plate_A12_ch1.tif": ((1, 1, 1, 1024, 1360), "uint8", False),
    "plate/plate_A12_ch2.tif": ((1, 1, 1, 1024, 1360), "uint8", False),
}


def _independently(path: Path, shape: tuple[int, ...], rgb: bool) -> NDArray[Any]:
    if path.suffix == ".tif":
        samples = np.asarray(tifffile.imread(path))
    else:
        with Image.open(path) as picture:
            samples = np.asarray(picture)
    return np.moveaxis(samples, -1, 0).reshape(shape) if rgb else samples.reshape(shape)


@pytest.mark.parametrize("file", EXPECTED)
def test_a_real_file_gives_the_samples_another_reader_finds(file, shared_data, open_one, assemble):
    shape, dtype, rgb = EXPECTED[file]
    source = open_one(shared_data / file)
    assert (source.layout.shape, source.layout.dtype, source.layout.rgb) == (shape, dtype, rgb)
    np.testing.assert_array_equal(
        assemble(source), _independently(shared_data / file, shape, rgb), strict=True
    )


def test_every_sample_image_is_in_the_table(shared_data):
    found = {
        path.relative_to(shared_data).as_posix()
        for path in shared_data.rglob("*")
        if path.suffix in {".tif", ".png", ".jpg"}
    }
    assert found == set(EXPECTED)


@pytest.mark.parametrize(
    "file",
    ["fluorescence/maize_clsm.tif", "fluorescence/skimage_ihc.png", "plate/plate_A01_ch1.tif"],
)
def test_narrow_bands_give_the_same_image(file, shared_data, open_one, assemble):
    whole = assemble(open_one(shared_data / file))
    narrow = open_one(shared_data / file, limits=Limits(band_bytes=10_000))
    assert sum(1 for _ in narrow.blocks()) > 10
    np.testing.assert_array_equal(assemble(narrow), whole)


def test_a_hyperstack_brings_windows_colours_and_labels(shared_data, open_one):
    source = open_one(shared_data / "fluorescence/BBBC022_IXMtest_A02_s9.tif")
    channels = source.description.channels
    assert [channel.color for channel in channels] == ["FF0000", "00FF00", "0000FF"]
    assert [(c.window_start, c.window_end) for c in channels] == [
        (124.0, 1875.0),
        (156.0, 1794.0),
        (124.0, 4095.0),
    ]
    assert channels[1].name == "IXMtest_A02_s9_c2.tif"


def test_pages_of_a_plain_file_are_time_points_when_asked(shared_data, open_one, assemble):
    path = shared_data / "fluorescence/cancer_cell_migration_crop.tif"
    source = open_one(path, unnamed_axis="t")
    assert source.layout.shape == (48, 1, 1, 130, 130)
    np.testing.assert_array_equal(assemble(source)[:, 0, 0], tifffile.imread(path))


def test_a_green_palette_becomes_the_colour_of_the_channel(shared_data, open_one):
    source = open_one(shared_data / "imagej-ops/coloc/colocsample1b-green.tif")
    (channel,) = source.description.channels
    assert (channel.color, channel.lut, channel.name) == ("00FF00", None, "Ch2-T1")
    assert source.description.physical_size_x == pytest.approx(1 / 3.046781)
    assert source.description.physical_size_z == pytest.approx(0.6460937500000001)


def test_nanometres_become_micrometres(shared_data, open_one):
    about = open_one(shared_data / "imagej-ops/create/kernelDiffraction/kern3d1.tif").description
    assert (about.physical_size_x, about.physical_size_z) == (0.1, 0.25)


def test_white_is_zero_is_told_and_not_applied(shared_data, open_one, assemble):
    path = shared_data / "imagej-ops/features/2d_geometric_features_testlabel.tif"
    source = open_one(path)
    assert source.description.channels[0].inverted
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], tifffile.imread(path))


def test_print_density_is_no_pixel_size(shared_data, open_one):
    about = open_one(shared_data / "fluorescence/human_D03f00d2.tif").description
    assert about.physical_size_x is None
    assert about.original["XResolution"] == "72.0"
    assert about.acquired_at == 1203597147000  # 2008-02-21 12:32:27


def test_three_files_of_one_channel_become_one_image(shared_data, assemble):
    paths = sorted((shared_data / "fluorescence").glob("human_D03f00d*.tif"))
    image = combine_channels([open_file(path, name=path.name)[0] for path in paths])
    assert image.name == "human_D03f00"
    assert image.layout.shape == (1, 3, 1, 512, 512)
    assert [channel.name for channel in image.description.channels] == ["d0", "d1", "d2"]
    expected = np.stack([tifffile.imread(path) for path in paths])
    np.testing.assert_array_equal(assemble(image)[0, :, 0], expected)
