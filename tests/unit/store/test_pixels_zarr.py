"""Images as others read them: bit for bit, with metadata that validates, published whole."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorstore
import zarr
from ome_zarr_models.v05 import Image, ImageLabel

from store.clock import now_ms
from store.errors import Conflict, Invalid, NotFound, Unavailable, Unsupported
from store.pixels import growth, partials, writer
from store.pixels.base import ChannelDescription, ImageDescription, Layout, Written
from store.pixels.zarr import ZarrPixelStore

SAMPLES = np.random.default_rng(7).integers(0, 60_000, (2, 3, 2, 530, 700), dtype=np.uint16)
DESCRIPTION = ImageDescription(
    name="mitosis",
    physical_size_x=0.25,
    physical_size_y=0.25,
    physical_size_z=1.5,
    time_increment=30.0,
    channels=[
        ChannelDescription("DAPI", "0000FF", 100.0, 4000.0),
        ChannelDescription("GFP", "00FF00"),
        ChannelDescription("RFP", "FF0000", active=False),
    ],
)


@pytest.fixture
def store(tmp_path: Path) -> ZarrPixelStore:
    return ZarrPixelStore(tmp_path / "pixels")


def layout_of(samples: np.ndarray[Any, Any], *, rgb: bool = False) -> Layout:
    t, c, z, y, x = samples.shape
    return Layout(t, c, z, y, x, dtype=samples.dtype.name, rgb=rgb)


def written(
    store: ZarrPixelStore,
    samples: np.ndarray[Any, Any],
    description: ImageDescription = DESCRIPTION,
    band: int = 300,
    **options: Any,
) -> Written:
    new = store.create(layout_of(samples), description, **options)
    for t, c, z in np.ndindex(samples.shape[:3]):
        for y in range(0, samples.shape[3], band):
            new.write(samples[t, c, z, y : y + band], t=t, c=c, z=z, y=y)
    return new.finish()


def halved(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Half of the last two axes by rational arithmetic, rounded half up."""
    y, x = samples.shape[-2:]
    padded = np.full((*samples.shape[:-2], y + y % 2, x + x % 2), np.nan)
    padded[..., :y, :x] = samples
    blocks = padded.reshape(*padded.shape[:-2], (y + 1) // 2, 2, (x + 1) // 2, 2)
    return np.floor(np.nanmean(blocks, axis=(-3, -1)) + 0.5).astype(samples.dtype)


@pytest.mark.parametrize("codec", ["fast", "compact"])
def test_zarr_and_tensorstore_read_the_same_samples_as_were_written(
    store: ZarrPixelStore, codec: Any
) -> None:
    done = written(store, SAMPLES, codec=codec)
    folder = store.folder(done.store_key)
    expected = SAMPLES
    for level in done.levels:
        with_zarr = zarr.open_array(folder / level.path, mode="r")[...]
        spec = {"driver": "zarr3", "kvstore": f"file://{folder / level.path}/"}
        with_tensorstore = tensorstore.open(spec).result().read().result()
        ours = store.open(done.store_key).region(
            level=int(level.path), t=slice(None), z=slice(None)
        )
        for read in (with_zarr, with_tensorstore, ours):
            assert read.dtype == np.uint16
            np.testing.assert_array_equal(read, expected)
        expected = halved(expected)


def test_the_metadata_validates_and_says_what_was_given(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    group = zarr.open_group(store.folder(done.store_key), mode="r")
    ome = Image.from_zarr(group).ome_attributes
    scales = [data.coordinateTransformations[0].scale for data in ome.multiscales[0].datasets]
    assert scales == [
        [30.0, 1.0, 1.5, 0.25, 0.25],
        [30.0, 1.0, 1.5, 0.5, 0.5],
        [30.0, 1.0, 1.5, 1.0, 1.0],
    ]
    shifts = [
        data.coordinateTransformations[1].translation for data in ome.multiscales[0].datasets[1:]
    ]
    assert shifts == [[0.0, 0.0, 0.0, 0.125, 0.125], [0.0, 0.0, 0.0, 0.375, 0.375]]
    assert [axis.name for axis in ome.multiscales[0].axes] == list("tczyx")
    units = [axis.unit for axis in ome.multiscales[0].axes]
    assert units == ["second", None, "micrometer", "micrometer", "micrometer"]
    channels = store.attributes(done.store_key)["omero"]["channels"]
    assert [channel["label"] for channel in channels] == ["DAPI", "GFP", "RFP"]
    assert [channel["color"] for channel in channels] == ["0000FF", "00FF00", "FF0000"]
    assert [channel["active"] for channel in channels] == [True, True, False]
    assert channels[0]["window"] == {"min": 0.0, "max": 65535.0, "start": 100.0, "end": 4000.0}
    assert channels[1]["window"]["end"] == float(SAMPLES[:, 1].max())


def test_a_label_set_validates_and_keeps_its_object_numbers(store: ZarrPixelStore) -> None:
    labels = np.zeros((1, 1, 1, 600, 600), np.int32)
    labels[..., 100:300, 100:300] = 7
    labels[..., 300:, 300:] = 1000
    done = written(store, labels, labels=True)
    group = zarr.open_group(store.folder(done.store_key), mode="r")
    assert ImageLabel.from_zarr(group).ome_attributes.image_label is not None
    reader = store.open(done.store_key)
    for level in range(len(reader.levels)):
        factor = 2**level
        np.testing.assert_array_equal(reader.region(level=level), labels[..., ::factor, ::factor])


def test_finish_tells_checksum_extremes_and_bytes(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    assert done.sha256 == hashlib.sha256(SAMPLES.astype("<u2").tobytes()).hexdigest()
    assert done.minima == tuple(float(SAMPLES[:, c].min()) for c in range(3))
    assert done.maxima == tuple(float(SAMPLES[:, c].max()) for c in range(3))
    folder = store.folder(done.store_key)
    assert done.bytes == sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_the_checksum_does_not_depend_on_order_codec_or_blocks(store: ZarrPixelStore) -> None:
    plain = written(store, SAMPLES)
    new = store.create(layout_of(SAMPLES), DESCRIPTION, codec="compact")
    for y in range(400, -1, -200):
        for x in range(0, 700, 190):
            for t, c, z in np.ndindex(SAMPLES.shape[:3]):
                block = SAMPLES[t, c, z, y : min(y + 200, 530), x : x + 190]
                new.write(block, t=t, c=c, z=z, y=y, x=x)
    assert new.finish().sha256 == plain.sha256


def test_a_second_write_replaces_samples_pyramid_and_extremes(store: ZarrPixelStore) -> None:
    first = np.full((1, 1, 1, 700, 900), 40_000, np.uint16)
    expected = first.copy()
    new = store.create(layout_of(first), ImageDescription())
    new.write(first[0, 0, 0], t=0, c=0, z=0)
    patch = SAMPLES[0, 0, 0, :400, :600] % 30_000
    new.write(patch, t=0, c=0, z=0, y=100, x=37)
    new.write(first[0, 0, 0, :256, :256], t=0, c=0, z=0)
    expected[0, 0, 0, 100:500, 37:637] = patch
    expected[0, 0, 0, :256, :256] = 40_000
    done = new.finish()
    reader = store.open(done.store_key)
    for level in range(len(reader.levels)):
        np.testing.assert_array_equal(reader.region(level=level), expected)
        expected = halved(expected)
    everything = reader.region()
    assert done.sha256 == hashlib.sha256(everything.tobytes()).hexdigest()
    assert done.maxima == (40_000.0,)
    assert store.verify(done.store_key, deep=True) == []
    shard = store.folder(done.store_key) / "0/c/0/0/0/0/0"
    whole = written(store, everything)
    again = store.folder(whole.store_key) / "0/c/0/0/0/0/0"
    assert shard.stat().st_size == again.stat().st_size, "replaced chunks were left in the shard"


def test_an_image_overwritten_with_zeros_leaves_no_chunk(store: ZarrPixelStore) -> None:
    full = np.ones((1, 1, 1, 600, 600), np.uint8)
    new = store.create(layout_of(full), ImageDescription())
    new.write(full[0, 0, 0], t=0, c=0, z=0)
    new.write(full[0, 0, 0] * 0, t=0, c=0, z=0)
    done = new.finish()
    assert not store.open(done.store_key).region().any()
    assert [path for path in store.folder(done.store_key).glob("*/c/**/*") if path.is_file()] == []


def test_samples_that_are_never_written_are_zero_everywhere(store: ZarrPixelStore) -> None:
    new = store.create(Layout(1, 2, 1, 700, 700, "int16"), ImageDescription())
    new.write(np.full((100, 50), 9, np.int16), t=0, c=1, z=0, y=300, x=400)
    done = new.finish()
    expected = np.zeros((1, 2, 1, 700, 700), np.int16)
    expected[0, 1, 0, 300:400, 400:450] = 9
    reader = store.open(done.store_key)
    np.testing.assert_array_equal(reader.region(), expected)
    np.testing.assert_array_equal(reader.region(level=1), halved(expected))
    assert done.sha256 == hashlib.sha256(expected.tobytes()).hexdigest()
    assert (done.minima, done.maxima) == ((0.0, 0.0), (0.0, 9.0))


def test_negative_zero_and_nan_survive(store: ZarrPixelStore) -> None:
    samples = np.zeros((1, 1, 1, 8, 8), np.float32)
    samples[..., 0, :] = -0.0
    samples[..., 1, :] = np.nan
    done = written(store, samples)
    read = store.open(done.store_key).region()
    np.testing.assert_array_equal(read.view(np.uint32), samples.view(np.uint32))
    assert (done.minima, done.maxima) == ((0.0,), (0.0,))


def test_an_image_of_nothing_but_nan_has_no_extremes_and_valid_metadata(
    store: ZarrPixelStore,
) -> None:
    done = written(store, np.full((1, 1, 1, 8, 8), np.nan, np.float32))
    assert np.isnan(done.minima[0])
    Image.from_zarr(zarr.open_group(store.folder(done.store_key), mode="r"))


@pytest.mark.parametrize(
    ("given", "kept"),
    [("bool", "uint8"), ("float16", "float32"), (">u2", "uint16"), (">f8", "float64")],
)
def test_other_sample_types_are_turned_into_stored_ones(
    store: ZarrPixelStore, given: str, kept: str
) -> None:
    samples = (np.arange(64).reshape(1, 1, 1, 8, 8) % 2).astype(given)
    new = store.create(Layout(1, 1, 1, 8, 8, given), ImageDescription())
    assert new.layout.dtype == kept
    new.write(samples[0, 0, 0], t=0, c=0, z=0)
    read = store.open(new.finish().store_key).region()
    assert read.dtype == np.dtype(kept)
    np.testing.assert_array_equal(read, samples.astype(kept))


def test_complex_samples_are_refused(store: ZarrPixelStore) -> None:
    with pytest.raises(Unsupported, match="complex64"):
        store.create(Layout(1, 1, 1, 8, 8, "complex64"), ImageDescription())
    assert store.incoming() == []


@pytest.mark.parametrize(
    ("block", "where", "field"),
    [
        (np.zeros((9, 8), np.uint8), {}, "y"),
        (np.zeros((8, 8), np.uint8), {"x": 1}, "x"),
        (np.zeros((2, 2), np.uint8), {"y": -1}, "y"),
        (np.zeros((8, 8), np.uint8), {"c": 1}, "c"),
        (np.zeros((8, 8), np.uint8), {"t": -1}, "t"),
        (np.zeros((8, 8), np.uint16), {}, "samples"),
        (np.zeros((8, 8), np.float32), {}, "samples"),
        (np.zeros((1, 8, 8), np.uint8), {}, "samples"),
    ],
)
def test_a_block_that_does_not_fit_is_refused_and_harms_nothing(
    store: ZarrPixelStore, block: Any, where: dict[str, int], field: str
) -> None:
    new = store.create(Layout(1, 1, 1, 8, 8, "uint8"), ImageDescription())
    with pytest.raises(Invalid) as caught:
        new.write(block, **{"t": 0, "c": 0, "z": 0, **where})
    assert caught.value.field == field
    new.write(np.ones((8, 8), np.uint8), t=0, c=0, z=0)
    assert store.open(new.finish().store_key).region().all()


def test_a_size_of_zero_is_refused(store: ZarrPixelStore) -> None:
    with pytest.raises(Invalid, match="size_x"):
        store.create(Layout(1, 1, 1, 8, 0, "uint8"), ImageDescription())


@pytest.mark.parametrize(
    "asked",
    [
        {"level": 3},
        {"level": -1},
        {"t": 2},
        {"c": [0, 3]},
        {"c": []},
        {"z": -1},
        {"y": slice(0, 531)},
        {"x": slice(5, 5)},
        {"x": slice(-5, 5)},
        {"x": slice(0, 100, 2)},
    ],
)
def test_a_region_outside_the_level_is_invalid(store: ZarrPixelStore, asked: Any) -> None:
    reader = store.open(written(store, SAMPLES).store_key)
    with pytest.raises(Invalid):
        reader.region(**asked)


def test_channels_come_in_the_order_asked_for(store: ZarrPixelStore) -> None:
    reader = store.open(written(store, SAMPLES).store_key)
    read = reader.region(t=1, c=[2, 0, 2], z=1, y=slice(3, 400), x=slice(200, 700))
    np.testing.assert_array_equal(read, SAMPLES[1:, [2, 0, 2], 1:, 3:400, 200:700])


def test_a_tile_is_the_region_of_its_chunk(store: ZarrPixelStore) -> None:
    reader = store.open(written(store, SAMPLES).store_key)
    for row, column in np.ndindex(3, 3):
        tile = reader.tile(t=1, z=0, c=(1, 0), row=row, column=column)
        y, x = slice(row * 256, row * 256 + 256), slice(column * 256, column * 256 + 256)
        np.testing.assert_array_equal(tile, SAMPLES[1, [1, 0], 0, y, x])
    with pytest.raises(Invalid):
        reader.tile(c=(0,), row=3, column=0)


def test_nothing_is_published_before_finish_and_discard_leaves_nothing(
    store: ZarrPixelStore,
) -> None:
    new = store.create(layout_of(SAMPLES), DESCRIPTION)
    new.write(SAMPLES[0, 0, 0, :100], t=0, c=0, z=0)
    assert store.keys() == []
    assert len(store.incoming()) == 1
    new.discard()
    new.discard()
    assert store.incoming() == []
    with pytest.raises(Conflict):
        new.write(SAMPLES[0, 0, 0, :100], t=0, c=0, z=0)
    with pytest.raises(Conflict):
        new.finish()


def test_discard_after_finish_keeps_the_published_image(store: ZarrPixelStore) -> None:
    new = store.create(Layout(1, 1, 1, 8, 8, "uint8"), ImageDescription())
    done = new.finish()
    new.discard()
    assert store.keys() == [done.store_key]
    assert store.incoming() == []


def test_a_full_disk_is_told_and_can_be_discarded(
    store: ZarrPixelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    new = store.create(layout_of(SAMPLES), DESCRIPTION)
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        with pytest.raises(Unavailable, match="disk is full"):
            new.write(SAMPLES[0, 0, 0], t=0, c=0, z=0)
    with pytest.raises(Conflict):
        new.finish()
    new.discard()
    assert store.incoming() == []
    assert store.keys() == []


def test_a_deleted_image_is_gone_and_deleting_again_is_silent(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    store.open(done.store_key).region(level=2)
    store.delete(done.store_key)
    store.delete(done.store_key)
    assert store.keys() == []
    assert store.incoming() == []
    with pytest.raises(NotFound):
        store.open(done.store_key)


def test_chunks_beyond_the_budget_wait_on_disk(
    store: ZarrPixelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    spilled = []
    spill = partials.Partials._spill
    monkeypatch.setattr(growth, "_PARTIAL_BYTES", 300_000)
    monkeypatch.setattr(
        partials.Partials,
        "_spill",
        lambda self, place, part: (spilled.append(place), spill(self, place, part)),
    )
    new = store.create(layout_of(SAMPLES), DESCRIPTION)
    for y in range(0, 530, 7):
        for t, c, z in np.ndindex(SAMPLES.shape[:3]):
            new.write(SAMPLES[t, c, z, y : y + 7], t=t, c=c, z=z, y=y)
    done = new.finish()
    assert len(spilled) > 100
    reader = store.open(done.store_key)
    np.testing.assert_array_equal(reader.region(t=slice(None), z=slice(None)), SAMPLES)
    np.testing.assert_array_equal(
        reader.region(level=1, t=slice(None), z=slice(None)), halved(SAMPLES)
    )


def test_a_checksum_read_back_in_narrow_bands_is_the_same(
    store: ZarrPixelStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_READ_BACK", 10_000)
    new = store.create(layout_of(SAMPLES[:1, :1, :1]), ImageDescription())
    new.write(SAMPLES[0, 0, 0, 100:], t=0, c=0, z=0, y=100)
    new.write(SAMPLES[0, 0, 0, :100], t=0, c=0, z=0)
    assert new.finish().sha256 == hashlib.sha256(SAMPLES[0, 0, 0].tobytes()).hexdigest()


@pytest.mark.parametrize(
    "path",
    [
        "../../outside",
        "0/../../x",
        "/etc/passwd",
        "//etc/passwd",
        "///etc/passwd",
        "0//zarr.json",
        "./zarr.json",
        "zarr.json/",
        "",
        "link",
        "linked/zarr.json",
        "0",
        "0/c",
        "a\0b",
    ],
)
def test_no_path_leads_out_of_an_image(store: ZarrPixelStore, path: str, tmp_path: Path) -> None:
    done = written(store, SAMPLES[:1, :1, :1])
    folder = store.folder(done.store_key)
    (tmp_path / "secret").write_text("secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(folder)
    (folder.parent / "outside").write_text("secret")
    assert store.file(done.store_key, path) is None


def test_a_file_is_found_with_size_and_a_tag_that_differs_between_images(
    store: ZarrPixelStore,
) -> None:
    one, other = (written(store, SAMPLES[:1, :1, :1]) for _ in range(2))
    found = store.file(one.store_key, "0/c/0/0/0/0/0")
    assert found is not None
    assert found.path is not None
    assert found.size == found.path.stat().st_size
    twin = store.file(other.store_key, "0/c/0/0/0/0/0")
    assert twin is not None
    assert found.etag != twin.etag
    assert store.file(one.store_key, "0/c/0/0/0/0/1") is None
    with pytest.raises(Invalid):
        store.file("../" + one.store_key, "zarr.json")


def test_verify_finds_nothing_wrong_with_a_fresh_image(store: ZarrPixelStore) -> None:
    for labels in (False, True):
        done = written(store, SAMPLES[:1, :1], labels=labels)
        assert store.verify(done.store_key, deep=True) == []


def test_verify_finds_a_missing_shard(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    (store.folder(done.store_key) / "1/c/1/2/0/0/0").unlink()
    (problem,) = store.verify(done.store_key)
    assert problem == "Level 1 has 11 chunk files, 12 were written."


def test_verify_finds_a_shard_cut_short(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    shard = store.folder(done.store_key) / "0/c/0/0/0/0/0"
    os.truncate(shard, shard.stat().st_size - 1000)
    assert "Level 0 has" in store.verify(done.store_key)[0]
    with pytest.raises(Unavailable, match="doctor"):
        store.open(done.store_key).region()


@pytest.mark.parametrize("level", ["0", "2"])
def test_a_deep_check_finds_a_shard_of_another_image(store: ZarrPixelStore, level: str) -> None:
    done = written(store, SAMPLES)
    name = f"{level}/c/0/0/0/0/0"
    folder = store.folder(done.store_key)
    shutil.copy(folder / level / "c/0/1/0/0/0", folder / name)
    record = json.loads((folder / "zarr.json").read_bytes())
    files = [path for path in (folder / level / "c").rglob("*") if path.is_file()]
    noted = record["attributes"]["imagehub"]["levels"][int(level)]
    noted["bytes"] = sum(path.stat().st_size for path in files)
    (folder / "zarr.json").write_text(json.dumps(record))
    assert store.verify(done.store_key) == []
    problems = store.verify(done.store_key, deep=True)
    expected = "checksum" if level == "0" else "Level 2 does not follow"
    assert any(expected in problem for problem in problems)


def test_verify_finds_lost_metadata(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES[:1, :1, :1])
    (store.folder(done.store_key) / "zarr.json").write_text("{")
    assert "damaged" in store.verify(done.store_key)[0]


def test_threads_may_read_and_write_at_once(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    reader = store.open(done.store_key)
    store._files._limit = 3
    new = store.create(layout_of(SAMPLES), DESCRIPTION)

    def copy(plane: tuple[int, int, int]) -> None:
        t, c, z = plane
        for y in range(0, 530, 100):
            rows = slice(y, min(y + 100, 530))
            band = reader.region(t=t, c=c, z=z, y=rows)[0, 0, 0]
            np.testing.assert_array_equal(band, SAMPLES[t, c, z, rows])
            new.write(band, t=t, c=c, z=z, y=y)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(copy, np.ndindex(SAMPLES.shape[:3])))
    assert new.finish().sha256 == done.sha256


def test_a_killed_writer_leaves_only_a_leftover_that_can_be_cleared(tmp_path: Path) -> None:
    program = (
        "import os, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from store.pixels.base import ImageDescription, Layout\n"
        "from store.pixels.zarr import ZarrPixelStore\n"
        "store = ZarrPixelStore(Path(sys.argv[1]))\n"
        "new = store.create(Layout(1, 1, 1, 900, 900, 'uint8'), ImageDescription())\n"
        "new.write(np.ones((600, 900), np.uint8), t=0, c=0, z=0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    before = now_ms()
    root = Path(__file__).parents[3]
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False, cwd=root)
    assert ran.returncode == -9
    store = ZarrPixelStore(tmp_path)
    assert store.keys() == []
    (left,) = store.incoming()
    assert before - 1000 <= left.modified_ms <= now_ms()
    store.clear(left.name)
    assert store.incoming() == []


def test_a_store_opened_again_finds_what_another_wrote(store: ZarrPixelStore) -> None:
    done = written(store, SAMPLES)
    again = ZarrPixelStore(store.root)
    assert again.keys() == [done.store_key]
    reader = again.open(done.store_key)
    assert reader.layout == layout_of(SAMPLES)
    assert reader.levels == done.levels
    assert again.record(done.store_key)["sha256"] == done.sha256
