"""Files of one channel each as one image, and the names they get."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.formats.base import open_file
from adapters.formats.combine import combine_channels, shared_name
from store.errors import Invalid


@pytest.mark.parametrize(
    ("names", "image", "labels"),
    [
        (["human_D03f00d0.tif", "human_D03f00d1.tif"], "human_D03f00", ["d0", "d1"]),
        (["plate_A01_ch1.tif", "plate_A01_ch2.tif"], "plate_A01", ["ch1", "ch2"]),
        (["img_DAPI_01.tif", "img_GFP_01.tif"], "img_01", ["DAPI", "GFP"]),
        (["sample-green.tif", "sample-red.tif"], "sample", ["green", "red"]),
        (["DAPI.tif", "GFP.tif"], "DAPI", ["DAPI", "GFP"]),
        (["same.tif", "same.tif"], "same", ["same 1", "same 2"]),
        (["a.tif", "a_b.tif"], "a", ["a", "a_b"]),
        (["alone.tif"], "alone", ["alone"]),
    ],
)
def test_names_are_told_from_what_differs(names, image, labels):
    assert shared_name(names) == (image, labels)


def test_channels_come_in_the_order_given_with_their_own_metadata(make_tiff, assemble):
    samples = np.random.default_rng(4).integers(0, 999, (2, 3, 12, 14), dtype=np.uint16)
    sources = []
    for index, window in enumerate([(0, 10), (5, 500)]):
        path = make_tiff(
            samples[index],
            name=f"cells_w{index}.tif",
            imagej=True,
            metadata={
                "axes": "ZYX",
                "min": window[0],
                "max": window[1],
                "spacing": 2,
                "unit": "um",
            },
        )
        sources.extend(open_file(path, name=path.name))
    image = combine_channels(sources[::-1])
    np.testing.assert_array_equal(assemble(image)[0], samples[::-1])
    first, second = image.description.channels
    assert (first.name, first.window_end) == ("w1", 500.0)
    assert (second.name, second.window_end) == ("w0", 10.0)
    assert image.description.physical_size_z == 2.0
    assert image.description.original["cells_w1.tif: images"] == "3"


@pytest.mark.parametrize(
    ("other", "options", "said"),
    [
        (np.zeros((8, 9), np.uint8), {}, "9 × 8"),
        (np.zeros((8, 8), np.uint16), {}, "uint16"),
        (np.zeros((8, 8, 3), np.uint8), {"photometric": "rgb"}, "3 channels"),
    ],
)
def test_files_that_are_not_alike_are_refused(other, options, said, make_tiff):
    paths = [
        make_tiff(np.zeros((8, 8), np.uint8), name="a.tif"),
        make_tiff(other, name="b.tif", **options),
    ]
    with pytest.raises(Invalid, match=rf"b\.tif.*{said}"):
        combine_channels([open_file(path, name=path.name)[0] for path in paths])


def test_no_file_at_all_is_refused():
    with pytest.raises(Invalid, match="no file"):
        combine_channels([])
