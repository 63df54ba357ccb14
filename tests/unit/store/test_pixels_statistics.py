"""Streamed numbers about samples against numpy on the whole."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from store.errors import Invalid
from store.pixels import statistics as streamed
from store.pixels.base import ImageDescription, Layout, PixelReader
from store.pixels.statistics import Selection, histogram, percentiles, projection
from store.pixels.zarr import ZarrPixelStore

DTYPES = ["uint8", "int8", "uint16", "int16", "int32", "uint64", "int64", "float32", "float64"]
RNG = np.random.default_rng(11)


def samples_of(dtype: str, shape: tuple[int, ...] = (2, 2, 3, 170, 290)) -> np.ndarray[Any, Any]:
    kind = np.dtype(dtype)
    if kind.kind == "f":
        samples = RNG.normal(1e4, 30, shape).astype(kind)
        samples[..., 3:5, :40] = np.nan
        return samples
    info = np.iinfo(kind)
    return RNG.integers(info.min, info.max, shape, kind, endpoint=True)


def stored(tmp_path: Path, samples: np.ndarray[Any, Any]) -> PixelReader:
    store = ZarrPixelStore(tmp_path)
    t, c, z, y, x = samples.shape
    new = store.create(Layout(t, c, z, y, x, samples.dtype.name), ImageDescription())
    for i, j, k in np.ndindex(samples.shape[:3]):
        new.write(samples[i, j, k], t=i, c=j, z=k)
    return store.open(new.finish().store_key)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streamed, "_BLOCK", 20_000)
    monkeypatch.setattr(streamed, "_STACK_BYTES", 60_000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_moments_are_those_of_numpy(tmp_path: Path, dtype: str) -> None:
    samples = samples_of(dtype)
    reader = stored(tmp_path, samples)
    where = Selection(c=1, t=slice(None), z=slice(1, 3), y=slice(1, 169), x=slice(7, 283))
    found = streamed.statistics(reader, where)
    box = samples[:, 1, 1:3, 1:169, 7:283]
    values = box[~np.isnan(box)] if box.dtype.kind == "f" else box.reshape(-1)
    assert found.count == values.size
    assert (found.minimum, found.maximum) == (float(values.min()), float(values.max()))
    if values.dtype.kind in "ui":
        assert found.sum == float(sum(values.astype(object).tolist()))
    wide = values.astype(np.float64)
    assert found.sum == pytest.approx(wide.sum(), rel=1e-9, abs=abs(found.maximum) * 1e-6)
    assert found.mean == pytest.approx(wide.mean(), rel=1e-9, abs=found.std * 1e-9)
    assert found.std == pytest.approx(wide.std(), rel=1e-9)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_histogram_is_that_of_numpy(tmp_path: Path, dtype: str) -> None:
    samples = samples_of(dtype)
    reader = stored(tmp_path, samples)
    finite = samples[0, 0, 0][np.isfinite(samples[0, 0, 0])].astype(np.float64)
    found = histogram(reader, Selection(), bins=100)
    counts, edges = np.histogram(finite, 100)
    np.testing.assert_array_equal(found.counts, counts)
    np.testing.assert_allclose(found.edges, edges)
    low, high = np.quantile(finite, [0.2, 0.7])
    found = histogram(reader, Selection(), bins=37, limits=(float(low), float(high)))
    np.testing.assert_array_equal(found.counts, np.histogram(finite, 37, (low, high))[0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_percentiles_are_those_of_numpy(tmp_path: Path, dtype: str) -> None:
    samples = samples_of(dtype)
    reader = stored(tmp_path, samples)
    ranks = (0, 0.35, 25, 50, 99.8, 100)
    found = percentiles(reader, Selection(z=slice(None)), ranks)
    finite = samples[0, 0][np.isfinite(samples[0, 0])].astype(np.float64)
    np.testing.assert_allclose(found, np.percentile(finite, ranks), rtol=1e-12)


def test_a_percentile_of_a_mostly_empty_image_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streamed, "_COLLECTED", 1000)
    samples = np.zeros((1, 1, 1, 300, 300), np.float32)
    samples[..., :3] = RNG.normal(5, 1, (300, 3))
    found = percentiles(stored(tmp_path, samples), Selection(), (1, 50, 99.5))
    np.testing.assert_allclose(found, np.percentile(samples.astype(np.float64), (1, 50, 99.5)))


def test_an_image_of_nothing_but_nan_has_no_numbers(tmp_path: Path) -> None:
    reader = stored(tmp_path, np.full((1, 1, 1, 9, 9), np.nan, np.float32))
    found = streamed.statistics(reader, Selection())
    assert found.count == 0
    assert math.isnan(found.mean)
    assert histogram(reader, Selection()).counts.sum() == 0
    assert math.isnan(percentiles(reader, Selection(), (50,))[0])


def test_infinities_are_extremes_but_fall_into_no_bin(tmp_path: Path) -> None:
    samples = np.arange(100, dtype=np.float64).reshape(1, 1, 1, 10, 10)
    samples[..., 0, 0] = np.inf
    reader = stored(tmp_path, samples)
    assert streamed.statistics(reader, Selection()).maximum == math.inf
    assert histogram(reader, Selection(), bins=10, limits=(0, 99)).counts.sum() == 99


@pytest.mark.parametrize("axis", ["z", "t"])
@pytest.mark.parametrize("kind", ["max", "min", "mean", "sum", "median", "std"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float32"])
def test_a_projection_is_that_of_numpy(tmp_path: Path, dtype: str, kind: Any, axis: Any) -> None:
    samples = samples_of(dtype, (5, 2, 5, 90, 300))
    reader = stored(tmp_path, samples)
    where = {"c": [1, 0], "y": slice(3, 90), "x": slice(20, 290)}
    fixed: dict[str, Any] = {"t": 1} if axis == "z" else {"z": 1}
    found = projection(reader, kind, axis, start=1, end=4, **where, **fixed)
    stack = samples[1, [1, 0], 1:4] if axis == "z" else samples[1:4, [1, 0], 1].swapaxes(0, 1)
    stack = stack[..., 3:90, 20:290]
    wide = stack.astype(np.float64)
    expected = getattr(np, kind)(stack if kind in ("max", "min") else wide, axis=1)
    expected_type = {
        "max": dtype,
        "min": dtype,
        "sum": {"u": "uint64", "i": "int64", "f": "float64"}[np.dtype(dtype).kind],
    }.get(kind, "float64" if dtype == "uint32" else "float32")
    assert found.dtype == np.dtype(expected_type)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda reader: histogram(reader, Selection(), bins=0), "bins"),
        (lambda reader: histogram(reader, Selection(), limits=(2, 1)), "limits"),
        (lambda reader: histogram(reader, Selection(), limits=(0, math.nan)), "limits"),
        (lambda reader: histogram(reader, Selection(c=1)), "c"),
        (lambda reader: histogram(reader, Selection(level=1)), "level"),
        (lambda reader: percentiles(reader, Selection(), (101,)), "ranks"),
        (lambda reader: projection(reader, "max", start=1), "z"),
        (lambda reader: projection(reader, "mode"), "kind"),
        (lambda reader: projection(reader, "max", "c"), "axis"),
    ],
)
def test_senseless_requests_are_invalid(tmp_path: Path, call: Any, field: str) -> None:
    reader = stored(tmp_path, np.ones((1, 1, 1, 9, 9), np.uint8))
    with pytest.raises(Invalid) as caught:
        call(reader)
    assert caught.value.field == field
