"""Blobs by hash: kept once, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from store.errors import Invalid, NotFound, TooLarge, Unavailable
from store.files import FileStore

DATA = random.Random(1).randbytes(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


def everything(files: FileStore) -> list[Path]:
    return [path for path in files.root.rglob("*") if path.is_file()]


def test_a_stream_is_kept_under_its_hash(files: FileStore) -> None:
    blob = files.receive(io.BytesIO(DATA))
    assert (blob.sha256, blob.size) == (SHA, len(DATA))
    assert blob.path == files.root / "blobs" / SHA[:2] / SHA[2:4] / SHA
    assert blob.path.read_bytes() == DATA
    assert files.exists(SHA)
    assert files.size(SHA) == len(DATA)
    assert files.incoming() == []


def test_the_same_bytes_in_other_pieces_are_kept_once(files: FileStore) -> None:
    files.receive(io.BytesIO(DATA))
    blob = files.receive(DATA[start : start + 7777] for start in range(0, len(DATA), 7777))
    assert blob.sha256 == SHA
    assert everything(files) == [blob.path]


def test_receiving_again_mends_a_blob_whose_bytes_changed(files: FileStore) -> None:
    path = files.receive([DATA]).path
    path.write_bytes(b"x" + DATA[1:])
    assert "have changed" in files.verify(SHA)[0]
    files.receive([DATA])
    assert files.verify(SHA) == []


def test_an_empty_file_is_a_file(files: FileStore) -> None:
    blob = files.receive(io.BytesIO())
    assert blob.sha256 == hashlib.sha256().hexdigest()
    assert list(files.open_range(blob.sha256)) == []


@pytest.mark.parametrize("limit", [0, 1, len(DATA) - 1])
def test_more_than_the_limit_is_refused_and_leaves_nothing(files: FileStore, limit: int) -> None:
    with pytest.raises(TooLarge):
        files.receive(io.BytesIO(DATA), limit)
    assert everything(files) == []


def test_exactly_the_limit_is_accepted(files: FileStore) -> None:
    assert files.receive(io.BytesIO(DATA), len(DATA)).sha256 == SHA


def test_a_sender_that_fails_leaves_nothing(files: FileStore) -> None:
    def broken() -> Iterator[bytes]:
        yield DATA[:1000]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        files.receive(broken())
    assert everything(files) == []


@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_full_disk_is_told_and_leaves_nothing(
    files: FileStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with files.receiving() as blob, monkeypatch.context() as patched:
        if call == "write":
            blob._file.close()
            patched.setattr(blob, "_file", type("Full", (), {"write": full})())
        else:
            patched.setattr(os, "fsync", full)
        act = blob.keep if call == "fsync" else partial(blob.write, DATA)
        with pytest.raises(Unavailable, match="disk is full"):
            act()
    assert everything(files) == []


def test_what_is_not_kept_is_removed(files: FileStore) -> None:
    with files.receiving() as blob:
        blob.write(b"abc")
        assert len(files.incoming()) == 1
    assert everything(files) == []


def test_an_adopted_file_is_copied_and_may_change_later(files: FileStore, tmp_path: Path) -> None:
    original = tmp_path / "original.tif"
    original.write_bytes(DATA)
    blob = files.adopt(original)
    original.write_bytes(b"changed")
    assert blob.path.read_bytes() == DATA
    assert blob.path.stat().st_nlink == 1


def test_a_file_that_cannot_be_read_is_not_adopted(files: FileStore, tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(Invalid):
            files.adopt(path)
    assert everything(files) == []


@pytest.mark.parametrize(
    ("start", "end"), [(0, None), (0, 0), (5, 6), (1_000_000, 2_500_001), (2_999_999, None)]
)
def test_a_range_is_a_slice_of_the_bytes(files: FileStore, start: int, end: int | None) -> None:
    files.receive([DATA])
    assert b"".join(files.open_range(SHA, start, end, piece=100_000)) == DATA[start:end]


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4), (0, len(DATA) + 1)])
def test_a_range_outside_the_file_is_refused_at_once(
    files: FileStore, start: int, end: int
) -> None:
    files.receive([DATA])
    with pytest.raises(Invalid):
        files.open_range(SHA, start, end)


def test_an_unknown_blob_is_not_found_and_silently_deleted(files: FileStore) -> None:
    with pytest.raises(NotFound):
        files.open_range(SHA)
    with pytest.raises(NotFound):
        files.size(SHA)
    assert not files.exists(SHA)
    files.delete(SHA)
    assert files.verify(SHA) == ["The file is missing."]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", SHA.upper(), SHA + "0", SHA[:-1] + "/"])
def test_only_hashes_name_blobs(files: FileStore, name: str) -> None:
    with pytest.raises(Invalid):
        files.path(name)


def test_keys_are_all_blobs_in_order(files: FileStore) -> None:
    hashes = [files.receive([bytes([number])]).sha256 for number in range(40)]
    assert list(files.keys()) == sorted(hashes)
    files.delete(hashes[0])
    assert list(files.keys()) == sorted(hashes[1:])


def test_leftovers_are_listed_and_cleared(files: FileStore) -> None:
    (files.root / "incoming" / "crashed").write_bytes(b"half")
    assert [left.name for left in files.incoming()] == ["crashed"]
    files.clear("crashed")
    assert files.incoming() == []
    with pytest.raises(Invalid):
        files.clear("../blobs")
