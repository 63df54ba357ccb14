"""Laws of the formats: what numpy wrote is what a source reads, and what is exported reads back."""

from __future__ import annotations

import io
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from adapters.formats.base import ImageSource, Limits, open_file
from adapters.formats.write_ome_tiff import write_ome_tiff
from store.pixels.base import Layout, Level

DTYPES = ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
EXPORTED = ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"]
CUTS = st.sampled_from([{}, {"rowsperstrip": 3}, {"tile": (16, 16)}, {"tile": (16, 48)}])
CODECS = st.sampled_from([None, "zlib", "lzw", "zstd", "packbits"])
BANDS = st.sampled_from([1, 700, 5000, 2**24])
LOW, HIGH = (1, 1, 1, 1, 2), (3, 3, 3, 37, 41)
QUICK = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def _assembled(source: ImageSource) -> NDArray[Any]:
    image = np.zeros(source.layout.shape, source.layout.dtype)
    seen = np.zeros(source.layout.shape, bool)
    for block in source.blocks():
        height, width = block.samples.shape
        place = (
            block.t,
            block.c,
            block.z,
            slice(block.y, block.y + height),
            slice(block.x, block.x + width),
        )
        assert not seen[place].any()
        image[place], seen[place] = block.samples, True
    assert seen.all()
    return image


def _read(data: bytes, **options: Any) -> ImageSource:
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        path.write_bytes(data)
        (source,) = open_file(path, name="file.tif", **options)
        return _assembled(source)


@st.composite
def stacks(draw: st.DrawFn, dtypes: list[str]) -> NDArray[Any]:
    """Draw an array ``(t, c, z, y, x)`` of odd sizes.

    Two columns at least: of one column tifffile makes a page of one row.
    """
    shape = tuple(draw(st.integers(low, top)) for low, top in zip(LOW, HIGH, strict=True))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    seed = draw(arrays.arrays(np.uint8, 16))
    values = np.random.default_rng(list(map(int, seed))).bytes(dtype.itemsize * int(np.prod(shape)))
    samples = np.frombuffer(values, dtype).reshape(shape)
    return np.nan_to_num(samples) if dtype.kind == "f" else samples


@QUICK
@given(stacks(DTYPES), CUTS, CODECS, st.sampled_from("<>"), BANDS)
def test_numpy_to_tiff_to_source_changes_nothing(samples, cut, codec, order, band):
    out = io.BytesIO()
    tifffile.imwrite(
        out,
        samples,
        photometric="minisblack",
        metadata={"axes": "TCZYX"},
        byteorder=order,
        compression=codec,
        **cut,
    )
    image = _read(out.getvalue(), limits=Limits(band_bytes=band))
    np.testing.assert_array_equal(image, samples, strict=True)


@QUICK
@given(stacks(EXPORTED), CUTS, CODECS, st.sampled_from("<>"), st.permutations("TCZ"))
def test_the_axes_of_an_ome_tiff_are_found_in_any_order(samples, cut, codec, order, outer):
    out = io.BytesIO()
    axes = "".join(outer) + "YX"
    data = samples.transpose([*("TCZ".index(axis) for axis in outer), 3, 4])
    tifffile.imwrite(
        out,
        data,
        photometric="minisblack",
        metadata={"axes": axes},
        ome=True,
        byteorder=order,
        compression=codec,
        **cut,
    )
    np.testing.assert_array_equal(_read(out.getvalue()), samples, strict=True)


@QUICK
@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
    ),
    BANDS,
)
def test_a_png_keeps_every_sample(samples, band):
    out = io.BytesIO()
    Image.fromarray(samples).save(out, "PNG")
    image = _read(out.getvalue(), limits=Limits(band_bytes=band))
    np.testing.assert_array_equal(image[0, 0, 0], samples, strict=True)


class _Reader:
    """A pixel reader over an array, with a second level of every second sample."""

    def __init__(self, samples: NDArray[Any], rgb: bool) -> None:
        self.layout = Layout(*samples.shape, dtype=samples.dtype.name, rgb=rgb)
        self._levels = [samples, samples[..., ::2, ::2]]
        self.levels = tuple(
            Level(str(n), array.shape, (1, 1, 1, 256, 256)) for n, array in enumerate(self._levels)
        )

    def region(self, *, level=0, t=0, c=slice(None), z=0, y=slice(None), x=slice(None)):
        return self._levels[level][t : t + 1, c, z : z + 1, y, x]


@QUICK
@given(
    stacks(EXPORTED),
    st.booleans(),
    st.sampled_from(["deflate", "zstd", "lzw", "none"]),
    st.integers(0, 3),
)
def test_what_is_exported_reads_back_with_its_axes(samples, rgb, compression, far):
    if rgb:
        samples = np.repeat(samples[:, :1], 3, axis=1)
    if far == 0:
        samples = np.repeat(samples[:1, :, :1], 60, axis=4)  # wider than a tile, and a pyramid
    out = io.BytesIO()
    write_ome_tiff(out, _Reader(samples, rgb), name="x", compression=compression)
    out.seek(0)
    with tifffile.TiffFile(out) as tiff:
        (series,) = tiff.series
        axes, shape = series.get_axes(squeeze=False), series.get_shape(squeeze=False)
        read = series.asarray().reshape(shape)
    t, c, z, y, x = samples.shape
    if rgb:
        assert (axes, shape) == ("TCZYXS", (t, 1, z, y, x, 3))
        read = np.moveaxis(read[:, 0], -1, 1)
    else:
        assert (axes, shape) == ("TCZYXS", (t, c, z, y, x, 1))
        read = read[..., 0]
    np.testing.assert_array_equal(read, samples)
    np.testing.assert_array_equal(_read(out.getvalue()), samples, strict=True)
