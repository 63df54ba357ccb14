"""Exported OME-Zarr: archives that other unzippers read, folders that appear whole."""

from __future__ import annotations

import io
import json
import zipfile

import pytest

from adapters.formats import write_ome_zarr
from adapters.formats.write_ome_zarr import (
    StoreFile,
    folder_files,
    write_folder,
    zip_size,
    zip_stream,
)
from store.errors import Conflict, Invalid
from store.pixels.base import StoredBytes


@pytest.fixture
def store(tmp_path):
    """A folder of documents and chunks, one of them larger than a piece."""
    root = tmp_path / "store"
    files = {
        "0/c/0/0/0/0/0": b"chunk" * 500_000,
        "0/zarr.json": b"{}",
        "zarr.json": b'{"a": 1}',
        "labels/µ/zarr.json": b"{2}",
        "0/c/0/0/0/0/1": b"",
    }
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root, files


def test_documents_come_first_from_the_top_down(store):
    names = [file.path for file in folder_files(store[0])]
    assert names[:3] == ["zarr.json", "0/zarr.json", "labels/µ/zarr.json"]
    assert sorted(names) == sorted(store[1])


def test_links_are_left_out(store):
    root, files = store
    (root / "leak").symlink_to("/etc/hostname")
    assert len(folder_files(root)) == len(files)


@pytest.mark.parametrize("prefix", ["", "cells.zarr"])
def test_the_archive_holds_every_file_uncompressed(store, prefix):
    listed = folder_files(store[0])
    pieces = list(zip_stream(listed, prefix=prefix))
    assert max(map(len, pieces)) < 2**21
    data = b"".join(pieces)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        start = f"{prefix}/" if prefix else ""
        assert {n: archive.read(n) for n in archive.namelist()} == {
            start + path: content for path, content in store[1].items()
        }
        assert archive.namelist()[0] == f"{start}zarr.json"
        assert json.loads(archive.comment)["ome"]["version"] == "0.5"


def test_the_size_is_known_before_the_first_byte(store):
    listed = folder_files(store[0])
    assert zip_size(listed, prefix="x") == len(b"".join(zip_stream(listed, prefix="x")))


def test_the_same_files_give_the_same_bytes(store):
    listed = folder_files(store[0])
    assert b"".join(zip_stream(listed)) == b"".join(zip_stream(listed))


def test_the_size_is_right_for_large_files_and_far_offsets(store, monkeypatch):
    # The library turns to 64-bit fields at 2 GiB; a lower mark exercises the same fields.
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 2_000_000)
    monkeypatch.setattr(write_ome_zarr, "_ZIP64", 2_000_000)
    listed = sorted(folder_files(store[0]), reverse=True)
    data = b"".join(zip_stream(listed))
    assert zip_size(listed) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == len(store[1])


def test_many_files_are_listed_in_a_64_bit_directory():
    listed = [StoreFile(str(n), StoredBytes(1, data=b"x")) for n in range(65_540)]
    data = b"".join(zip_stream(listed))
    assert zip_size(listed) == len(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 65_540


@pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
def test_a_file_that_changes_meanwhile_ends_the_stream(store, change):
    root, _ = store
    listed = folder_files(root)
    path = root / "0/zarr.json"
    if change == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if change == "shorter" else b"{...}")
    with pytest.raises(Conflict, match=r"0/zarr\.json"):
        for _ in zip_stream(listed):
            pass


def test_a_path_may_not_lead_out_of_the_archive():
    with pytest.raises(Invalid, match="leads out"):
        list(zip_stream([StoreFile("../evil", StoredBytes(1, data=b"x"))]))


def test_a_folder_appears_whole(store, tmp_path):
    seen = []
    target = tmp_path / "out.zarr"
    write_folder(folder_files(store[0]), target, progress=seen.append)
    assert {
        path.relative_to(target).as_posix(): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    } == store[1]
    assert seen[-1].done == seen[-1].total == sum(map(len, store[1].values()))
    with pytest.raises(Conflict, match="exists"):
        write_folder([], target)


def test_a_folder_that_fails_leaves_nothing(store, tmp_path):
    listed = folder_files(store[0])
    (store[0] / "0/c/0/0/0/0/0").write_bytes(b"changed")
    with pytest.raises(Conflict):
        write_folder(listed, tmp_path / "sub" / "out.zarr")
    assert not any((tmp_path / "sub").iterdir())
