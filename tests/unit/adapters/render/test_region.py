"""Regions, tiles and thumbnails, over a reader in memory and over stored images."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.render import project, region
from adapters.render.compose import compose
from adapters.render.settings import (
    ChannelSettings,
    Method,
    Projection,
    RenderSettings,
    defaults,
)
from store.errors import Invalid, TooLarge, Unsupported
from store.pixels.base import ImageDescription, Layout, Level
from store.pixels.zarr import ZarrPixelStore


class MemoryReader:
    """A reader over arrays ``(t, c, z, y, x)``, one per level, that counts what it hands out."""

    def __init__(self, *arrays):
        self.arrays = arrays
        t, c, z, y, x = arrays[0].shape
        self.layout = Layout(t, c, z, y, x, arrays[0].dtype.name)
        self.levels = tuple(
            Level(str(i), a.shape, (1, 1, 1, 256, 256), arrays[0].shape[4] / a.shape[4])
            for i, a in enumerate(arrays)
        )
        self.samples = 0
        self.largest = 0

    def region(self, *, level=0, t=0, c=slice(None), z=0, y=slice(None), x=slice(None)):
        t, z = (slice(i, i + 1) if isinstance(i, int) else i for i in (t, z))
        out = self.arrays[level][t][:, list(c) if not isinstance(c, slice) else c][:, :, z, y, x]
        self.samples += out.size
        self.largest = max(self.largest, out.size)
        return out


def stack(shape, dtype=np.uint16, seed=3):
    return np.random.default_rng(seed).integers(0, 250, shape).astype(dtype)


def look(count, **changes):
    return RenderSettings(
        tuple(ChannelSettings(start=0, end=250, color=(255, 90, 10)) for _ in range(count)),
        **changes,
    )


@pytest.fixture
def stored(tmp_path):
    """Write an array ``(t, c, z, y, x)`` and open it from disk."""

    def write(samples):
        store = ZarrPixelStore(tmp_path / "pixels")
        writer = store.create(Layout(*samples.shape, samples.dtype.name), ImageDescription())
        for t, c, z in np.ndindex(*samples.shape[:3]):
            writer.write(samples[t, c, z], t=t, c=c, z=z)
        return store.open(writer.finish().store_key)

    return write


def test_a_region_equals_the_same_part_of_the_whole_plane_drawn(stored):
    samples = stack((2, 3, 2, 300, 410))
    settings = look(3, t=1, z=1)
    whole = compose(samples[1, :, 1], settings)

    drawn = region.render_region(stored(samples), settings, x=100, y=37, width=270, height=200)

    assert np.array_equal(drawn, whole[37:237, 100:370])


def test_tiles_put_together_are_the_whole_plane(stored):
    samples = stack((1, 2, 1, 300, 520))
    reader, settings = stored(samples), look(2)

    rows = [
        np.concatenate(
            [region.tile(reader, settings, level=0, tx=tx, ty=ty) for tx in range(3)], axis=1
        )
        for ty in range(2)
    ]

    assert np.array_equal(np.concatenate(rows), compose(samples[0, :, 0], settings))


def test_a_lower_level_is_drawn_from_its_own_samples(stored):
    reader = stored(stack((1, 1, 1, 600, 600)))
    settings = look(1)

    drawn = region.tile(reader, settings, level=1, tx=1, ty=1)

    samples = reader.region(level=1)[0, :, 0]
    assert drawn.shape == (44, 44, 3)
    assert np.array_equal(drawn, compose(samples, settings)[256:, 256:])


def test_a_region_is_cut_at_the_borders():
    samples = stack((1, 1, 1, 20, 30))

    drawn = region.render_region(MemoryReader(samples), look(1), x=-5, y=15, width=10, height=10)

    assert np.array_equal(drawn, compose(samples[0, :, 0], look(1))[15:20, 0:5])


def test_only_visible_channels_are_read():
    reader = MemoryReader(stack((1, 5, 1, 10, 10)))
    channels = tuple(ChannelSettings(active=index in (1, 4)) for index in range(5))

    region.render_region(reader, RenderSettings(channels), x=0, y=0, width=10, height=10)

    assert reader.samples == 2 * 100


def test_with_every_channel_off_the_picture_is_black_and_nothing_is_read():
    reader = MemoryReader(stack((1, 1, 1, 10, 12)))
    settings = RenderSettings((ChannelSettings(active=False),))

    drawn = region.render_region(reader, settings, x=0, y=0, width=12, height=10)

    assert drawn.shape == (10, 12, 3)
    assert not drawn.any()
    assert reader.samples == 0


@pytest.mark.parametrize(
    ("method", "reduce"),
    [
        (Method.MAXIMUM, lambda planes: planes.max(axis=0)),
        (Method.MINIMUM, lambda planes: planes.min(axis=0)),
        (Method.MEAN, lambda planes: np.floor(planes.mean(axis=0) + 0.5)),
        (Method.SUM, lambda planes: np.minimum(planes.sum(axis=0), 255)),
    ],
)
def test_a_projection_reduces_the_planes_of_its_range(method, reduce, monkeypatch):
    samples = stack((1, 2, 7, 20, 20), np.uint8)
    reader = MemoryReader(samples)
    monkeypatch.setattr(project, "_SLAB", 3 * 2 * 400)
    settings = look(2, projection=Projection(method, 1, 5))

    drawn = region.render_region(reader, settings, x=0, y=0, width=20, height=20)

    reduced = np.stack([reduce(samples[0, c, 1:6].astype(int)) for c in range(2)])
    assert np.array_equal(drawn, compose(reduced.astype(np.uint8), settings))
    assert reader.samples == 5 * 2 * 400
    assert reader.largest == 3 * 2 * 400


@pytest.mark.parametrize("method", [Method.MAXIMUM, Method.MEAN, Method.SUM])
def test_a_projection_of_floats_leaves_nan_out(method):
    planes = np.array([[1.0, np.nan], [3.0, np.nan]], dtype=np.float32)
    samples = planes.reshape(1, 1, 2, 1, 2)

    out = project.read_planes(
        MemoryReader(samples),
        look(1, projection=Projection(method)),
        level=0,
        y=slice(0, 1),
        x=slice(0, 2),
    )

    expected = {Method.MAXIMUM: 3.0, Method.MEAN: 2.0, Method.SUM: 4.0}[method]
    assert out[0, 0, 0] == expected
    assert np.isnan(out[0, 0, 1])
    assert out.dtype == np.float32


@pytest.mark.parametrize("dtype", ["int16", "uint32", "int64", "uint64"])
def test_a_sum_beyond_the_type_is_cut_at_its_greatest_value(dtype):
    top = np.iinfo(dtype).max
    samples = np.full((1, 1, 3, 1, 1), top, dtype=dtype)

    out = project.read_planes(
        MemoryReader(samples),
        look(1, projection=Projection(Method.SUM)),
        level=0,
        y=slice(0, 1),
        x=slice(0, 1),
    )

    assert int(out[0, 0, 0]) == pytest.approx(int(top), rel=1e-15)


def test_the_end_of_a_projection_is_clamped_to_the_stack_but_not_its_start():
    assert project.plane_range(Projection(Method.MEAN, 2, 99), 5) == range(2, 5)
    with pytest.raises(Invalid, match="starts at plane 5; the last is 4"):
        project.plane_range(Projection(Method.MEAN, 5), 5)


def test_a_large_region_is_read_in_bands(monkeypatch):
    samples = stack((1, 1, 1, 1000, 64))
    reader = MemoryReader(samples)
    monkeypatch.setattr(region, "_BAND_SAMPLES", 256 * 64)

    drawn = region.render_region(reader, look(1), x=0, y=100, width=64, height=900)

    assert np.array_equal(drawn, compose(samples[0, :, 0], look(1))[100:])
    assert reader.largest <= 256 * 64


def test_a_thumbnail_is_read_from_the_smallest_level_that_is_large_enough():
    reader = MemoryReader(*(stack((1, 1, 1, size, size * 2)) for size in (512, 256, 128, 64)))

    drawn = region.thumbnail(reader, look(1), 200)

    assert drawn.shape == (100, 200, 3)
    assert reader.samples == 128 * 256


def test_a_thumbnail_is_the_mean_of_what_it_covers():
    samples = stack((1, 1, 1, 64, 128), np.uint8)
    settings = RenderSettings((ChannelSettings(start=0, end=255),))

    drawn = region.thumbnail(MemoryReader(samples), settings, 32)

    means = samples[0, 0, 0].reshape(16, 4, 32, 4).mean(axis=(1, 3))
    assert np.abs(drawn[..., 0] - means).max() <= 1


def test_a_thumbnail_of_a_large_image_without_small_levels_stays_in_bounded_memory(monkeypatch):
    samples = stack((1, 1, 1, 1030, 515), np.uint8)
    reader = MemoryReader(samples)
    monkeypatch.setattr(region, "_BAND_SAMPLES", 64 * 1024)
    settings = RenderSettings((ChannelSettings(start=0, end=255),))

    drawn = region.thumbnail(reader, settings, 100)

    assert drawn.shape == (100, 50, 3)
    assert reader.largest <= 256 * 515
    assert abs(float(drawn.mean()) - samples.mean()) < 1


def test_a_small_image_is_enlarged_only_on_request():
    reader = MemoryReader(stack((1, 1, 1, 20, 40)))

    assert region.thumbnail(reader, look(1), 96).shape == (20, 40, 3)
    assert region.thumbnail(reader, look(1), 96, enlarge=True).shape == (48, 96, 3)


def test_a_very_long_image_has_a_thumbnail_of_at_least_one_row():
    reader = MemoryReader(stack((1, 1, 1, 1, 900)))

    assert region.thumbnail(reader, look(1), 96).shape == (1, 96, 3)


def test_a_stored_image_is_drawn_with_its_default_settings(stored):
    samples = stack((1, 3, 5, 260, 300))
    reader = stored(samples)

    drawn = region.thumbnail(reader, defaults(reader.layout, [(0, 250)] * 3), 300)

    expected = np.floor(samples[0, :, 2] * (255 / 250) + 0.5)
    assert np.array_equal(drawn, np.moveaxis(expected, 0, -1).astype(np.uint8))


def test_levels_with_fewer_planes_show_the_plane_at_the_same_depth():
    full, half = stack((1, 1, 8, 16, 16)), stack((1, 1, 4, 8, 8), seed=9)

    drawn = region.tile(MemoryReader(full, half), look(1, z=5), level=1, tx=0, ty=0)

    assert np.array_equal(drawn, compose(half[0, :, 2], look(1)))


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ({"x": 0, "y": 0, "width": 0, "height": 5}, "both must be above 0"),
        ({"x": 30, "y": 0, "width": 5, "height": 5}, "outside level 0, which has 30 × 20"),
        ({"x": 0, "y": -5, "width": 5, "height": 5}, "outside level 0"),
        ({"x": 0, "y": 0, "width": 5, "height": 5, "level": 2}, "no level 2; the image has 0 to 0"),
    ],
)
def test_a_region_that_is_not_there_is_refused(box, reason):
    with pytest.raises(Invalid) as refusal:
        region.render_region(MemoryReader(stack((1, 1, 1, 20, 30))), look(1), **box)
    assert reason in refusal.value.reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"z": 3}, "z"), ({"t": 1}, "t"), ({"projection": Projection(Method.SUM, 3)}, "projection")],
)
def test_a_plane_that_is_not_there_is_refused(changes, field):
    with pytest.raises(Invalid) as refusal:
        region.tile(MemoryReader(stack((1, 1, 3, 8, 8))), look(1, **changes), level=0, tx=0, ty=0)
    assert refusal.value.field == field


def test_a_channel_that_is_not_there_is_refused():
    with pytest.raises(Invalid, match="the image has 1 channels, not 2"):
        region.tile(MemoryReader(stack((1, 1, 1, 8, 8))), look(2), level=0, tx=0, ty=0)


@pytest.mark.parametrize("tile", [(2, 0), (0, 1), (-1, 0)])
def test_a_tile_that_is_not_there_is_refused(tile):
    reader = MemoryReader(stack((1, 1, 1, 200, 300)))

    with pytest.raises(Invalid, match=r"no tile .*; level 0 has 2 × 1 tiles"):
        region.tile(reader, look(1), level=0, tx=tile[0], ty=tile[1])


def test_a_picture_beyond_the_limit_is_refused_before_anything_is_read():
    wide = np.broadcast_to(np.uint8(0), (1, 1, 1, 9000, 9000))
    reader = MemoryReader(wide)

    with pytest.raises(TooLarge, match=r"9000 × 9000"):
        region.render_region(reader, look(1), x=0, y=0, width=9000, height=9000)
    assert reader.samples == 0


def test_complex_samples_are_unsupported():
    with pytest.raises(Unsupported, match="complex64 cannot be shown"):
        compose(np.zeros((1, 2, 2), np.complex64), look(1))


def test_settings_for_another_number_of_channels_are_refused():
    with pytest.raises(Invalid, match="describe 2 channels"):
        compose(np.zeros((3, 4, 4), np.uint8), look(2))
