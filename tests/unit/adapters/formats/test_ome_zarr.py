"""OME-Zarr folders of the hub and of others, read block by block."""

from __future__ import annotations

import json

import numpy as np
import pytest
import zarr

from adapters.formats.base import Limits, open_file
from store.errors import Invalid, TooLarge, Unsupported
from store.pixels.base import ChannelDescription, ImageDescription, Layout
from store.pixels.zarr import ZarrPixelStore


def _values(shape):
    return np.random.default_rng(8).integers(0, 5000, shape, dtype=np.uint16)


def _foreign(folder, samples, chunks, axes="tczyx", **attributes):
    """Write one level of version 0.4 with zarr-python."""
    group = zarr.open_group(str(folder), mode="w", zarr_format=2)
    array = group.create_array("0", shape=samples.shape, chunks=chunks, dtype=samples.dtype)
    array[...] = samples
    kinds = {"t": "time", "c": "channel"}
    group.attrs["multiscales"] = [
        {
            "version": "0.4",
            "axes": [{"name": axis, "type": kinds.get(axis, "space")} for axis in axes],
            "datasets": [
                {
                    "path": "0",
                    "coordinateTransformations": [{"type": "scale", "scale": [1.0] * len(axes)}],
                }
            ],
        }
    ]
    for name, value in attributes.items():
        group.attrs[name] = value
    return folder


def test_what_the_hub_wrote_is_read_back(tmp_path, open_one, assemble):
    samples = _values((2, 3, 2, 300, 270))
    description = ImageDescription(
        physical_size_x=0.5,
        physical_size_y=0.25,
        channels=[ChannelDescription(name=f"dye {n}", color="FF8000") for n in range(3)],
    )
    store = ZarrPixelStore(tmp_path / "store")
    writer = store.create(Layout(*samples.shape, dtype="uint16"), description)
    for index in np.ndindex(samples.shape[:3]):
        writer.write(samples[index], t=index[0], c=index[1], z=index[2])
    folder = store.folder(writer.finish().store_key)
    source = open_one(folder)
    assert source.format == "OME-Zarr"
    np.testing.assert_array_equal(assemble(source), samples)
    about = source.description
    assert (about.physical_size_x, about.physical_size_y) == (0.5, 0.25)
    assert [channel.name for channel in about.channels] == ["dye 0", "dye 1", "dye 2"]
    assert about.channels[0].color == "FF8000"


@pytest.mark.parametrize("chunks", [(1, 1, 1, 32, 32), (2, 1, 3, 40, 50), (1, 3, 2, 16, 100)])
@pytest.mark.parametrize("band", [2**24, 20_000])
def test_chunks_of_any_shape_are_decoded_once(chunks, band, tmp_path, open_one, assemble):
    samples = _values((2, 3, 4, 70, 100))
    folder = _foreign(tmp_path / "image.zarr", samples, chunks)
    source = open_one(folder, limits=Limits(band_bytes=band))
    np.testing.assert_array_equal(assemble(source), samples)
    for block in source.blocks():
        assert block.y % chunks[3] == 0
        assert block.x % chunks[4] == 0


def test_axes_that_are_missing_are_one(tmp_path, open_one, assemble):
    samples = _values((3, 40, 50))
    source = open_one(_foreign(tmp_path / "image.zarr", samples, (1, 16, 16), axes="zyx"))
    np.testing.assert_array_equal(assemble(source)[0, 0], samples)


def test_a_collection_is_several_images_with_their_xml(tmp_path, assemble):
    root = tmp_path / "many.zarr"
    zarr.open_group(str(root), mode="w", zarr_format=2).attrs["bioformats2raw.layout"] = 3
    images = [_values((20, 30)), _values((10, 12))]
    for number, samples in enumerate(images):
        _foreign(root / str(number), samples, (16, 16), axes="yx")
    (root / "OME").mkdir()
    (root / "OME" / "METADATA.ome.xml").write_text(
        '<OME xmlns="x">'
        + "".join(
            f'<Image Name="i"><Pixels PhysicalSizeX="{n + 1}"><Channel Name="dye {n}"/></Pixels>'
            "</Image>"
            for n in range(2)
        )
        + "</OME>"
    )
    first, second = open_file(root, name="many.zarr")
    assert (first.name, second.name) == ("many.zarr [0]", "many.zarr [1]")
    assert (first.series, second.series) == (0, 1)
    np.testing.assert_array_equal(assemble(first)[0, 0, 0], images[0])
    np.testing.assert_array_equal(assemble(second)[0, 0, 0], images[1])
    assert second.description.channels[0].name == "dye 1"
    assert second.description.physical_size_x == 2.0


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    with pytest.raises(Unsupported, match="no OME-Zarr image"):
        open_file(tmp_path, name="folder")


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    folder = _foreign(tmp_path / "image.zarr", _values((8, 8)), (8, 8), axes="yx")
    (folder / "0" / "0").mkdir(exist_ok=True)
    (folder / "0" / "1.0").symlink_to("/etc/hostname")
    with pytest.raises(Invalid, match="link"):
        open_file(folder, name="image.zarr")


@pytest.mark.parametrize("shape", [[10**6, 10**6], [2**40, 2**40]])
def test_a_document_of_absurd_size_is_refused(shape, tmp_path):
    folder = _foreign(tmp_path / "image.zarr", _values((8, 8)), (8, 8), axes="yx")
    document = json.loads((folder / "0" / ".zarray").read_text())
    (folder / "0" / ".zarray").write_text(json.dumps(document | {"shape": shape}))
    with pytest.raises((TooLarge, Invalid)):
        open_file(folder, name="image.zarr")


def test_a_chunk_too_large_to_decode_is_refused(tmp_path):
    folder = _foreign(tmp_path / "image.zarr", _values((400, 400)), (400, 400), axes="yx")
    with pytest.raises(TooLarge, match="a chunk of"):
        open_file(folder, name="image.zarr", limits=Limits(max_whole_bytes=100_000))


def test_a_damaged_chunk_is_told(tmp_path):
    folder = _foreign(tmp_path / "image.zarr", _values((40, 40)), (16, 16), axes="yx")
    chunks = [path for path in (folder / "0").rglob("*") if path.is_file() and path.name[0] != "."]
    chunks[0].write_bytes(b"damaged")
    (source,) = open_file(folder, name="image.zarr")
    with pytest.raises(Invalid, match="cannot be read"):
        list(source.blocks())
