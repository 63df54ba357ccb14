"""Laws of stored pixels: what is read is what was written, whatever the blocks and their order."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from store.pixels import growth
from store.pixels.base import ImageDescription, Layout
from store.pixels.pyramid import halve
from store.pixels.samples import STORED
from store.pixels.zarr import ZarrPixelStore

Array = np.ndarray[Any, Any]


def mean_of_blocks(plane: Array) -> Array:
    """Means of 2×2 blocks one by one, in whole numbers or float64; integers rounded half up."""
    half = np.empty((-(-plane.shape[0] // 2), -(-plane.shape[1] // 2)), plane.dtype)
    for y, x in np.ndindex(half.shape):
        values = plane[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(-1).tolist()
        if plane.dtype.kind == "f":
            half[y, x] = sum(value / len(values) for value in values)
        else:
            half[y, x] = (2 * sum(values) + len(values)) // (2 * len(values))
    return half


def halved(samples: Array) -> Array:
    """The same for whole stacks of up to 32 bits, where float64 is exact."""
    y, x = samples.shape[-2:]
    padded = np.full((*samples.shape[:-2], y + y % 2, x + x % 2), np.nan)
    padded[..., :y, :x] = samples
    blocks = padded.reshape(*padded.shape[:-2], (y + 1) // 2, 2, (x + 1) // 2, 2)
    means = np.nanmean(blocks, axis=(-3, -1))
    return (means if samples.dtype.kind == "f" else np.floor(means + 0.5)).astype(samples.dtype)


@st.composite
def planes(draw: st.DrawFn) -> Array:
    dtype = np.dtype(draw(st.sampled_from(STORED)))
    shape = draw(arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=9))
    elements: Any = None
    if dtype.kind == "f":
        width = dtype.itemsize * 8
        elements = st.floats(-(2.0**80), 2.0**80, width=width, allow_subnormal=False)
    return draw(arrays.arrays(dtype, shape, elements=elements))


@given(planes())
@settings(max_examples=200, deadline=None)
def test_a_halved_plane_is_the_mean_of_what_is_in_each_block(plane: Array) -> None:
    expected = mean_of_blocks(plane)
    found = halve(plane)
    assert found.dtype == plane.dtype
    if plane.dtype.kind == "f":
        tolerance = 1e-6 if plane.dtype.itemsize == 4 else 1e-14
        np.testing.assert_allclose(found, expected, tolerance, np.abs(plane).max() * tolerance)
    else:
        np.testing.assert_array_equal(found, expected)


@given(planes())
@settings(max_examples=50, deadline=None)
def test_a_halved_label_plane_invents_no_numbers(plane: Array) -> None:
    found = halve(plane, labels=True)
    np.testing.assert_array_equal(found, plane[::2, ::2])


@given(
    st.sampled_from([np.uint8, np.uint16]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_the_quick_way_to_halve_equals_the_plain_one(dtype: Any, y: int, x: int, seed: int) -> None:
    top = np.iinfo(dtype).max
    plane = np.random.default_rng(seed).integers(0, top, (2 * y, 2 * x), dtype, endpoint=True)
    np.testing.assert_array_equal(halve(plane), mean_of_blocks(plane))


@st.composite
def images(draw: st.DrawFn) -> Array:
    dtype = np.dtype(draw(st.sampled_from(STORED)))
    t, c, z = draw(st.sampled_from([(1, 1, 1), (1, 3, 1), (2, 1, 2), (1, 2, 2)]))
    sides = st.one_of(st.integers(1, 700), st.sampled_from([1, 255, 256, 257, 511, 512, 513]))
    shape = (t, c, z, draw(sides), draw(sides))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    if dtype.kind == "f":
        samples = rng.normal(0, 1000, shape).astype(dtype)
    else:
        info = np.iinfo(dtype)
        samples = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    if draw(st.booleans()):
        samples[..., : shape[3] // 2, :] = 0
    return samples


Block = tuple[tuple[int, int, int], slice, slice]


@st.composite
def blocks_of(draw: st.DrawFn, samples: Array) -> list[Block]:
    """Blocks that cover an image: bands or tiles of any size, in order or not, some twice."""
    size_y, size_x = samples.shape[3:]
    height = draw(st.integers(max(1, size_y // 12), size_y))
    width = draw(st.one_of(st.just(size_x), st.integers(max(1, size_x // 6), size_x)))
    blocks = [
        (plane, slice(y, min(y + height, size_y)), slice(x, min(x + width, size_x)))
        for plane in np.ndindex(samples.shape[:3])
        for y in range(0, size_y, height)
        for x in range(0, size_x, width)
    ]
    if draw(st.booleans()):
        blocks = draw(st.permutations(blocks))
    return blocks + draw(st.lists(st.sampled_from(blocks), max_size=3))


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
def test_any_blocks_in_any_order_give_the_same_image(data: st.DataObject) -> None:
    samples = data.draw(images())
    blocks = data.draw(blocks_of(samples))
    budget = data.draw(st.sampled_from([0, 200_000, 64 << 20]))
    size_t, size_c, size_z, size_y, size_x = samples.shape
    with tempfile.TemporaryDirectory() as folder:
        with mock.patch.object(growth, "_PARTIAL_BYTES", budget):
            store = ZarrPixelStore(Path(folder))
            layout = Layout(size_t, size_c, size_z, size_y, size_x, samples.dtype.name)
            writer = store.create(layout, ImageDescription())
            for (t, c, z), y, x in blocks:
                block = samples[t, c, z, y, x]
                writer.write(block, t=t, c=c, z=z, y=y.start, x=x.start)
            done = writer.finish()
        little = samples.astype(samples.dtype.newbyteorder("<"))
        assert done.sha256 == hashlib.sha256(little.tobytes()).hexdigest()
        for c in range(size_c):
            assert done.minima[c] == float(samples[:, c].min())
            assert done.maxima[c] == float(samples[:, c].max())
        reader = store.open(done.store_key)
        expected = samples
        everything: dict[str, Any] = {"t": slice(None), "z": slice(None)}
        for level in range(len(reader.levels)):
            found = reader.region(level=level, **everything)
            if level and samples.dtype.itemsize == 8:
                expected = np.stack(
                    [halve(plane) for plane in expected.reshape(-1, *expected.shape[3:])]
                ).reshape(found.shape)
            elif level:
                expected = halved(expected)
            if level and samples.dtype.kind == "f":
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-3)
                expected = found
            else:
                np.testing.assert_array_equal(found, expected)
        assert store.verify(done.store_key, deep=True) == []


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_a_region_is_a_numpy_slice(data: st.DataObject) -> None:
    samples = data.draw(images())
    size_t, size_c, size_z, size_y, size_x = samples.shape
    with tempfile.TemporaryDirectory() as folder:
        store = ZarrPixelStore(Path(folder))
        layout = Layout(size_t, size_c, size_z, size_y, size_x, samples.dtype.name)
        codec = data.draw(st.sampled_from(["fast", "compact"]))
        writer = store.create(layout, ImageDescription(), codec=codec)
        for t, c, z in np.ndindex(samples.shape[:3]):
            writer.write(samples[t, c, z], t=t, c=c, z=z)
        reader = store.open(writer.finish().store_key)
        level = data.draw(st.integers(0, len(reader.levels) - 1))
        everything: dict[str, Any] = {"t": slice(None), "z": slice(None)}
        whole = reader.region(level=level, **everything)
        for _ in range(5):
            asked = {
                axis: data.draw(_slice(size), label=axis)
                for axis, size in zip("tczyx", whole.shape, strict=True)
            }
            found = reader.region(level=level, **asked)
            np.testing.assert_array_equal(found, whole[tuple(asked.values())])
            assert found.flags.c_contiguous


@st.composite
def _slice(draw: st.DrawFn, size: int) -> slice:
    start = draw(st.integers(0, size - 1))
    return slice(start, draw(st.integers(start + 1, size)))
