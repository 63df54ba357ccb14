"""OME-Zarr images made by others: versions, axes, codecs, plates, and metadata one cannot trust."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import zarr

from store.errors import Invalid, NotFound, Unavailable, Unsupported
from store.pixels.base import ImageDescription, Layout
from store.pixels.foreign import find_images, open_ome_zarr
from store.pixels.zarr import ZarrPixelStore

RNG = np.random.default_rng(3)
KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_image(
    folder: Path,
    samples: np.ndarray[Any, Any],
    axes: str,
    version: str = "0.4",
    levels: int = 2,
    extra: dict[str, Any] | None = None,
    **array: Any,
) -> None:
    """Write an image as another program would: every second sample for the next level."""
    zarr_format = 3 if version == "0.5" else 2
    group = zarr.open_group(folder, mode="w", zarr_format=zarr_format)
    datasets = []
    for level in range(levels):
        step = tuple(slice(None, None, 2**level if axis in "yx" else 1) for axis in axes)
        stored = group.create_array(str(level), data=samples[step], **array)
        del stored
        scale = [0.5 * 2**level if axis in "yx" else 2.0 for axis in axes]
        transforms = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    units = {"t": "millisecond", "z": "nanometer", "y": "micrometer", "x": "micrometer"}
    named = [
        {"name": axis, "type": KINDS[axis]} | ({"unit": units[axis]} if axis in units else {})
        for axis in axes
    ]
    described = {"axes": named, "datasets": datasets, "name": "from elsewhere"}
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [described], **(extra or {})}
    else:
        group.attrs.update({"multiscales": [{**described, "version": version}], **(extra or {})})


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "tczyx", "tyx", "xyzct", "zcyx"])
def test_any_axes_in_any_order_read_as_t_c_z_y_x(tmp_path: Path, version: str, axes: str) -> None:
    sizes = {"t": 2, "c": 3, "z": 4, "y": 37, "x": 52}
    samples = RNG.integers(0, 1000, [sizes[axis] for axis in axes], dtype=np.uint16)
    write_image(tmp_path / "a.zarr", samples, axes, version, chunks=[16] * len(axes))
    image = open_ome_zarr(tmp_path / "a.zarr")
    assert (image.version, image.axes) == (version, axes)
    expected = np.moveaxis(
        samples.reshape(*samples.shape, *[1] * (5 - len(axes))),
        range(5),
        ["tczyx".index(axis) for axis in axes + "".join(a for a in "tczyx" if a not in axes)],
    )
    assert image.layout.shape == expected.shape
    assert image.levels[0].shape == expected.shape
    everything = {"t": slice(None), "z": slice(None)}
    np.testing.assert_array_equal(image.region(**everything), expected)
    np.testing.assert_array_equal(image.region(level=1, **everything), expected[..., ::2, ::2])
    last = expected.shape[1] - 1
    part = image.region(t=0, c=[last, 0], z=0, y=slice(5, 37), x=slice(11, 50))
    np.testing.assert_array_equal(part, expected[:1, [last, 0], :1, 5:37, 11:50])


def test_sizes_channels_and_levels_are_told(tmp_path: Path) -> None:
    samples = np.zeros((2, 3, 4, 64, 64), np.uint8)
    omero = {
        "channels": [
            {"label": "DAPI", "color": "#0000ff", "window": {"start": 3, "end": 90}},
            {"label": 7, "color": "chartreuse", "window": "wide", "active": False},
            "nonsense",
        ]
    }
    write_image(
        tmp_path / "a.zarr", samples, "tczyx", extra={"omero": omero}, chunks=(1, 1, 1, 32, 32)
    )
    image = open_ome_zarr(tmp_path / "a.zarr")
    about = image.description
    assert (about.name, about.physical_size_x, about.physical_size_z) == (
        "from elsewhere",
        0.5,
        0.002,
    )
    assert about.time_increment == 0.002
    dapi, other, nonsense = about.channels
    assert (dapi.name, dapi.color, dapi.window_start, dapi.window_end) == ("DAPI", "0000FF", 3, 90)
    assert (other.name, other.color, other.window_end, other.active) == ("7", None, None, False)
    assert nonsense.name is None
    assert [level.downsample for level in image.levels] == [1.0, 2.0]
    assert image.levels[0].chunks == (1, 1, 1, 32, 32)


def test_a_scale_without_a_unit_is_no_physical_size(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", chunks=(8, 8))
    attributes = json.loads((tmp_path / "a.zarr/.zattrs").read_text())
    for axis in attributes["multiscales"][0]["axes"]:
        axis.pop("unit")
    (tmp_path / "a.zarr/.zattrs").write_text(json.dumps(attributes))
    assert open_ome_zarr(tmp_path / "a.zarr").description.physical_size_x is None


def test_big_endian_booleans_and_half_floats_come_in_stored_types(tmp_path: Path) -> None:
    for dtype, kept in ((">u2", "uint16"), ("bool", "uint8"), ("float16", "float32")):
        samples = RNG.integers(0, 2, (16, 16)).astype(dtype)
        write_image(tmp_path / kept, samples, "yx", levels=1, chunks=(8, 8))
        image = open_ome_zarr(tmp_path / kept)
        read = image.region()
        assert image.layout.dtype == kept
        assert read.dtype == np.dtype(kept)
        assert read.dtype.isnative
        np.testing.assert_array_equal(read[0, 0, 0], samples.astype(kept))


def test_a_codec_that_one_library_lacks_is_read_by_the_other(tmp_path: Path) -> None:
    samples = RNG.integers(0, 50, (40, 40), dtype=np.uint16)
    write_image(
        tmp_path / "a.zarr",
        samples,
        "yx",
        levels=1,
        chunks=(16, 16),
        compressors=numcodecs.LZMA(preset=1),
    )
    image = open_ome_zarr(tmp_path / "a.zarr")
    np.testing.assert_array_equal(image.region()[0, 0, 0], samples)
    assert image.levels[0].chunks == (1, 1, 1, 16, 16)


def test_shards_of_others_are_told_apart_from_chunks(tmp_path: Path) -> None:
    samples = RNG.integers(0, 50, (64, 64), dtype=np.uint16)
    write_image(tmp_path / "a.zarr", samples, "yx", "0.5", 1, chunks=(16, 16), shards=(32, 32))
    image = open_ome_zarr(tmp_path / "a.zarr")
    assert image.levels[0].chunks == (1, 1, 1, 16, 16)
    assert image.levels[0].shards == (1, 1, 1, 32, 32)
    np.testing.assert_array_equal(image.region()[0, 0, 0], samples)


def test_our_own_image_reads_as_a_foreign_one(tmp_path: Path) -> None:
    store = ZarrPixelStore(tmp_path)
    samples = RNG.integers(0, 255, (3, 300, 300), dtype=np.uint8)
    new = store.create(Layout(1, 3, 1, 300, 300, "uint8", rgb=True), ImageDescription("slide"))
    for c in range(3):
        new.write(samples[c], t=0, c=c, z=0)
    key = new.finish().store_key
    image = open_ome_zarr(store.folder(key))
    ours = store.open(key)
    assert image.layout == ours.layout
    assert image.levels == ours.levels
    assert image.layout.rgb
    for level in range(2):
        np.testing.assert_array_equal(image.region(level=level), ours.region(level=level))


def test_versions_before_axes_were_named_are_t_c_z_y_x(tmp_path: Path) -> None:
    samples = RNG.integers(0, 9, (2, 1, 3, 8, 8), dtype=np.uint8)
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=samples)
    group.attrs["multiscales"] = [{"version": "0.1", "datasets": [{"path": "0"}]}]
    image = open_ome_zarr(tmp_path / "a.zarr")
    np.testing.assert_array_equal(image.region(t=slice(None), z=slice(None)), samples)


def test_axes_named_as_plain_strings_are_understood(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((3, 8, 8), np.uint8))
    group.attrs["multiscales"] = [
        {"version": "0.3", "axes": ["c", "y", "x"], "datasets": [{"path": "0"}]}
    ]
    assert open_ome_zarr(tmp_path / "a.zarr").layout.shape == (1, 3, 1, 8, 8)


def test_the_fields_of_a_plate_are_found_with_their_wells(tmp_path: Path) -> None:
    folder = tmp_path / "plate.zarr"
    plate = zarr.open_group(folder, mode="w", zarr_format=2)
    wells = [
        {"path": "A/1", "rowIndex": 0, "columnIndex": 0},
        {"path": "B/2", "rowIndex": 1, "columnIndex": 1},
    ]
    plate.attrs["plate"] = {"wells": wells, "version": "0.4"}
    for well in wells:
        zarr.open_group(folder / str(well["path"]), mode="w", zarr_format=2).attrs["well"] = {
            "images": [{"path": "0"}, {"path": "1"}]
        }
        for field in "01":
            write_image(
                folder / str(well["path"]) / field, np.ones((8, 8), np.uint8), "yx", levels=1
            )
    found = find_images(folder)
    assert [image.path for image in found] == ["A/1/0", "A/1/1", "B/2/0", "B/2/1"]
    assert [(image.row, image.column, image.field) for image in found][-1] == (1, 1, 1)
    assert open_ome_zarr(folder).layout.shape == (1, 1, 1, 8, 8)


def test_the_series_of_a_converted_file_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "file.zarr"
    root = zarr.open_group(folder, mode="w", zarr_format=2)
    root.attrs["bioformats2raw.layout"] = 3
    for series in "012":
        write_image(folder / series, np.ones((8, 8), np.uint8), "yx", levels=1)
    assert [image.path for image in find_images(folder)] == ["0", "1", "2"]


def test_names_of_label_images_are_told(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", np.ones((8, 8), np.uint8), "yx", levels=1)
    labels = zarr.open_group(tmp_path / "a.zarr/labels", mode="w", zarr_format=2)
    labels.attrs["labels"] = ["nuclei"]
    write_image(tmp_path / "a.zarr/labels/nuclei", np.full((8, 8), 5, np.int32), "yx", levels=1)
    image = open_ome_zarr(tmp_path / "a.zarr")
    assert image.labels == ("nuclei",)
    assert (open_ome_zarr(image.folder / "labels" / "nuclei").region() == 5).all()


def test_a_folder_without_an_image_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_ome_zarr(tmp_path)
    zarr.open_group(tmp_path / "g", mode="w", zarr_format=2)
    assert find_images(tmp_path / "g") == []
    with pytest.raises(Invalid, match="does not describe"):
        open_ome_zarr(tmp_path / "g")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"multiscales": "no"}, Invalid),
        ({"multiscales": []}, Invalid),
        ({"multiscales": [{"axes": [{"name": "y"}], "datasets": []}]}, Invalid),
        ({"multiscales": [{"datasets": [{"path": "../../b"}]}]}, Invalid),
        ({"multiscales": [{"datasets": [{"path": "/etc"}]}]}, Invalid),
        ({"multiscales": [{"datasets": [{"path": "9"}]}]}, Invalid),
        ({"multiscales": [{"axes": ["angle", "x"], "datasets": [{"path": "0"}]}]}, Unsupported),
        ({"multiscales": [{"axes": ["y", "y"], "datasets": [{"path": "0"}]}]}, Unsupported),
        ({"multiscales": [{"axes": ["z", "y", "x"], "datasets": [{"path": "0"}]}]}, Invalid),
    ],
)
def test_metadata_that_makes_no_sense_is_refused(tmp_path: Path, change: Any, error: type) -> None:
    write_image(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", levels=1)
    (tmp_path / "a.zarr/.zattrs").write_text(json.dumps(change))
    with pytest.raises(error):
        open_ome_zarr(tmp_path / "a.zarr")


def test_garbage_instead_of_metadata_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", levels=1)
    (tmp_path / "a.zarr/.zattrs").write_bytes(b"\xff\x00{")
    with pytest.raises(Invalid):
        open_ome_zarr(tmp_path / "a.zarr")
    (tmp_path / "a.zarr/.zattrs").write_text("[1, 2]")
    with pytest.raises(Invalid):
        open_ome_zarr(tmp_path / "a.zarr")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    write_image(tmp_path / "other.zarr", np.ones((8, 8), np.uint8), "yx", levels=1)
    write_image(tmp_path / "a.zarr", np.zeros((8, 8), np.uint8), "yx", levels=1)
    (tmp_path / "a.zarr/0").rename(tmp_path / "gone")
    (tmp_path / "a.zarr/0").symlink_to(tmp_path / "other.zarr/0")
    with pytest.raises(Invalid, match="leads out"):
        open_ome_zarr(tmp_path / "a.zarr")


def test_a_damaged_chunk_is_told_when_it_is_read(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", RNG.integers(0, 9, (8, 8), dtype=np.uint8), "yx", levels=1)
    (tmp_path / "a.zarr/0/0.0").write_bytes(b"not a chunk")
    with pytest.raises(Unavailable):
        open_ome_zarr(tmp_path / "a.zarr").region()


def test_complex_samples_are_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.zarr", np.zeros((8, 8), np.complex64), "yx", levels=1)
    with pytest.raises(Unsupported, match="complex64"):
        open_ome_zarr(tmp_path / "a.zarr")
