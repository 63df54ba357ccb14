"""TIFF files of every coding, written by tifffile and read by the hub."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from adapters.formats.base import Limits, open_file
from store.errors import Unsupported

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
FLOATS = ["float16", "float32", "float64"]
CODINGS = {
    "plain": {},
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 32)},
    "packbits": {"compression": "packbits", "rowsperstrip": 7},
    "lzw": {"compression": "lzw", "predictor": True, "tile": (32, 16)},
    "deflate": {"compression": "zlib", "predictor": True, "tile": (16, 16)},
    "zstd": {"compression": "zstd", "rowsperstrip": 9},
    "lzma": {"compression": "lzma"},
}


def _values(shape, dtype):
    """Return values that use the whole range of the type."""
    rng = np.random.default_rng(7)
    if np.dtype(dtype).kind == "f":
        return (rng.standard_normal(shape) * 100).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", INTEGERS + FLOATS)
@pytest.mark.parametrize("coding", CODINGS)
def test_every_sample_type_in_both_byte_orders(coding, dtype, order, make_tiff, open_one, assemble):
    samples = _values((37, 53), dtype)
    options = dict(CODINGS[coding])
    if dtype.endswith("int64"):
        options.pop("predictor", None)  # the writer knows none for these
    source = open_one(make_tiff(samples, byteorder=order, **options))
    stored = "float32" if dtype == "float16" else dtype
    assert source.layout.dtype == stored
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], samples.astype(stored), strict=True)


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize(
    "coding",
    [{}, {"rowsperstrip": 5}, {"tile": (16, 32)}, {"tile": (32, 16), "compression": "zlib"}],
)
def test_rgb_interleaved_and_in_planes(coding, dtype, planar, make_tiff, open_one, assemble):
    samples = _values((3, 41, 35), dtype)
    data = samples if planar == "separate" else np.moveaxis(samples, 0, -1)
    path = make_tiff(data, photometric="rgb", planarconfig=planar, byteorder=">", **coding)
    source = open_one(path)
    assert source.layout.rgb
    np.testing.assert_array_equal(assemble(source)[0, :, 0], samples)


@pytest.mark.parametrize("coding", ["jpeg2000", "png"])
def test_lossless_picture_codecs(coding, make_tiff, open_one, assemble):
    samples = np.moveaxis(_values((3, 70, 90), "uint8"), 0, -1)
    path = make_tiff(samples, photometric="rgb", compression=coding, tile=(32, 32))
    np.testing.assert_array_equal(assemble(open_one(path))[0, :, 0], np.moveaxis(samples, -1, 0))


@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
@pytest.mark.parametrize("cut", [{"tile": (32, 48)}, {"rowsperstrip": 16}])
def test_jpeg_segments_decode_as_the_library_decodes_them(
    cut, photometric, make_tiff, open_one, assemble
):
    ramp = np.add.outer(np.arange(70), np.arange(90)).astype(np.uint8)
    samples = np.dstack([ramp, ramp[::-1], ramp[:, ::-1]]) if photometric == "rgb" else ramp
    path = make_tiff(samples, photometric=photometric, compression="jpeg", **cut)
    expected = np.moveaxis(np.atleast_3d(tifffile.imread(path)), -1, 0)
    np.testing.assert_array_equal(assemble(open_one(path))[0, :, 0], expected)
    assert np.abs(expected[0].astype(int) - ramp).mean() < 8


@pytest.mark.parametrize("bits", [1, 4, 6, 10, 12])
def test_packed_integers_keep_their_values(bits, tmp_path, open_one, assemble):
    samples = np.arange(24 * 32).reshape(24, 32) % 2**bits
    data = samples.astype(bool) if bits == 1 else samples.astype("u1" if bits < 8 else "u2")
    path = tmp_path / "packed.tif"
    tifffile.imwrite(path, data, photometric="minisblack", bitspersample=bits)
    source = open_one(path)
    assert source.layout.dtype == ("uint8" if bits <= 8 else "uint16")
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], samples)


def test_alpha_is_dropped(make_tiff, open_one, assemble):
    samples = _values((20, 30, 4), "uint8")
    path = make_tiff(samples, photometric="rgb", extrasamples=["unassalpha"])
    source = open_one(path)
    assert (source.layout.size_c, source.layout.rgb) == (3, True)
    np.testing.assert_array_equal(assemble(source)[0, :, 0], np.moveaxis(samples[..., :3], -1, 0))


def test_alpha_beside_grey_is_dropped(make_tiff, open_one, assemble):
    samples = _values((20, 30, 2), "uint16")
    path = make_tiff(samples, planarconfig="contig", extrasamples=["assocalpha"])
    np.testing.assert_array_equal(assemble(open_one(path))[0, :, 0], samples[None, ..., 0])


@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_samples_that_are_no_colours_are_channels(planar, make_tiff, open_one, assemble):
    samples = _values((5, 20, 30), "uint16")
    data = samples if planar == "separate" else np.moveaxis(samples, 0, -1)
    source = open_one(make_tiff(data, planarconfig=planar))
    assert (source.layout.size_c, source.layout.rgb) == (5, False)
    np.testing.assert_array_equal(assemble(source)[0, :, 0], samples)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_hyperstack_has_its_axes(order, options, make_tiff, open_one, assemble):
    samples = _values((2, 3, 4, 21, 17), "uint16")
    path = make_tiff(samples, imagej=True, byteorder=order, metadata={"axes": "TZCYX"}, **options)
    np.testing.assert_array_equal(assemble(open_one(path)), np.swapaxes(samples, 1, 2))


def test_one_page_may_stand_for_a_whole_stack(tmp_path, open_one, assemble):
    # Stacks beyond 4 GB are stored as one page followed by all samples; here a small one.
    samples = _values((6, 20, 30), "uint16").astype(">u2")
    first = tmp_path / "first.tif"
    description = "ImageJ=1.53t\nimages=6\nslices=3\nframes=2\nhyperstack=true\n"
    tifffile.imwrite(
        first, samples[0], photometric="minisblack", byteorder=">", description=description,
        metadata=None, software=False,
    )  # fmt: skip
    whole = tmp_path / "whole.tif"
    whole.write_bytes(first.read_bytes() + samples[1:].tobytes())
    source = open_one(whole)
    assert source.layout.shape == (2, 1, 3, 20, 30)
    np.testing.assert_array_equal(assemble(source)[:, 0], samples.reshape(2, 3, 20, 30))


def test_two_unnamed_axes_are_time_and_depth(make_tiff, open_one, assemble):
    samples = _values((3, 4, 16, 18), "uint8")
    np.testing.assert_array_equal(assemble(open_one(make_tiff(samples)))[:, 0], samples)


def test_an_unnamed_axis_can_be_channels(make_tiff, open_one, assemble):
    samples = _values((4, 16, 18), "uint8")
    source = open_one(make_tiff(samples), unnamed_axis="c")
    np.testing.assert_array_equal(assemble(source)[0, :, 0], samples)


def test_planes_come_in_the_order_of_time_channel_and_depth(make_tiff, open_one):
    path = make_tiff(_values((2, 3, 2, 8, 8), "uint8"), imagej=True, metadata={"axes": "TZCYX"})
    places = [(block.t, block.c, block.z) for block in open_one(path).blocks()]
    assert places == sorted(places)
    assert len(places) == 12


def test_a_pyramid_is_one_image_at_full_resolution(tmp_path, open_one, assemble):
    samples = _values((128, 96), "uint16")
    path = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(samples, subifds=1, tile=(32, 32), photometric="minisblack")
        tiff.write(samples[::2, ::2], subfiletype=1, tile=(32, 32), photometric="minisblack")
    np.testing.assert_array_equal(assemble(open_one(path))[0, 0, 0], samples)


def test_pages_of_different_sizes_are_different_images(tmp_path, assemble):
    large, small = _values((40, 30), "uint8"), _values((10, 12), "uint8")
    path = tmp_path / "mixed.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in (large, large, small):
            tiff.write(page, photometric="minisblack", metadata=None)
    first, second = open_file(path, name="mixed.tif")
    assert (first.series, second.series) == (0, 1)
    assert first.name != second.name
    np.testing.assert_array_equal(assemble(first)[0, 0], np.stack([large, large]))
    np.testing.assert_array_equal(assemble(second)[0, 0, 0], small)


def test_an_odd_page_in_the_middle_is_not_read_as_one_of_the_others(tmp_path, assemble):
    pages = [_values((16, 16), "uint8") for _ in range(12)]
    pages[5] = _values((9, 16), "uint8")
    path = tmp_path / "odd.tif"
    with tifffile.TiffWriter(path) as tiff:
        for page in pages:
            tiff.write(page, photometric="minisblack", metadata=None)
    first, second = open_file(path, name="odd.tif")
    assert first.layout.size_z == 11
    np.testing.assert_array_equal(assemble(second)[0, 0, 0], pages[5])


def test_a_palette_keeps_indices_and_carries_its_colours(make_tiff, open_one, assemble):
    samples = _values((16, 20), "uint8")
    colours = np.random.default_rng(3).integers(0, 2**16, (3, 256), dtype=np.uint16)
    source = open_one(make_tiff(samples, photometric="palette", colormap=colours))
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], samples)
    (channel,) = source.description.channels
    assert channel.lut is not None
    lut = np.frombuffer(channel.lut, np.uint8).reshape(256, 3)
    np.testing.assert_array_equal(lut, (colours >> 8).T)
    assert (channel.window_start, channel.window_end) == (0.0, 255.0)


def test_a_hyperstack_brings_times_and_sizes(make_tiff, open_one):
    path = make_tiff(
        np.zeros((3, 2, 8, 8), np.uint16),
        imagej=True,
        resolution=(2.0, 4.0),
        metadata={"axes": "TZYX", "unit": "\\u00B5m", "spacing": 1.5, "finterval": 0.5},
    )
    about = open_one(path).description
    assert (about.physical_size_x, about.physical_size_y) == (0.5, 0.25)
    assert (about.physical_size_z, about.time_increment) == (1.5, 0.5)


def test_the_lines_of_an_info_text_can_be_searched(make_tiff, open_one):
    info = "Objective = Plan-Apo 63x\nnonsense\nPinhole: 1 AU"
    path = make_tiff(np.zeros((8, 8), np.uint8), imagej=True, metadata={"Info": info})
    original = open_one(path).description.original
    assert original["Objective"] == "Plan-Apo 63x"
    assert original["Pinhole"] == "1 AU"


def test_wide_rows_of_tiles_are_handed_out_in_parts(make_tiff, open_one, assemble):
    samples = _values((40, 400), "uint16")
    path = make_tiff(samples, tile=(16, 16), compression="zlib")
    source = open_one(path, limits=Limits(band_bytes=2000))
    assert max(block.samples.nbytes for block in source.blocks()) <= 2000
    np.testing.assert_array_equal(assemble(source)[0, 0, 0], samples)


@pytest.mark.parametrize(
    ("samples", "options", "said"),
    [
        (np.zeros((8, 8), np.complex64), {}, "complex64"),
        (np.zeros((8, 8, 4), np.uint8), {"photometric": "separated"}, "SEPARATED"),
        (np.zeros((8, 8), np.uint8), {"compression": "jpegxl"}, "JPEGXL"),
        (np.zeros((16, 16, 16), np.uint8), {"volumetric": True}, "16 planes in one page"),
    ],
)
def test_what_cannot_be_read_is_named(samples, options, said, make_tiff):
    path = make_tiff(samples, **options)
    with pytest.raises(Unsupported, match=said):
        open_file(path, name="image.tif")
