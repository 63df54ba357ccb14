"""A backup is restored into an empty place, and nowhere else, with every row and byte."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
from sqlalchemy import text

from store.engine import connect
from tests.fixtures.commands import row_counts, rows
from tests.fixtures.databases import wait

SAMPLE = "fluorescence/human_D03f00d1.tif"


def digests(data: Path) -> dict[str, str]:
    """Return the hash of every file of a data folder that belongs to the hub's content."""
    found = {}
    for name in ("pixels/images", "files/blobs", "server.key", "demo.json"):
        for path in [data / name, *(data / name).rglob("*")]:
            if path.is_file():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                found[path.relative_to(data).as_posix()] = digest
    return found


@pytest.fixture
def filled(imagehub, hub_folder, shared_data) -> Path:
    """A hub with one image, and a key pair that only its own server key opens."""
    made = imagehub("import", shared_data / SAMPLE, "--data", hub_folder, "--dataset", "Kept")
    assert made.status == 0, made.err
    imagehub("keys", "root", "--data", hub_folder)
    (hub_folder / "demo.json").write_text('{"default_password": false}')
    return Path(hub_folder)


def test_a_restored_hub_has_every_row_and_every_byte(imagehub, filled, tmp_path):
    archive, twin = tmp_path / "hub.tar", tmp_path / "twin"
    keys = imagehub("keys", "root", "--data", filled).out
    written = imagehub("backup", archive, "--data", filled)
    assert written.status == 0, written.err
    assert archive.stat().st_mode & 0o077 == 0
    assert not list(filled.glob(".backup-*"))
    restored = imagehub("restore", archive, "--data", twin)
    assert restored.status == 0, restored.err
    assert row_counts(twin) == row_counts(filled)
    assert digests(twin) == digests(filled)
    assert (twin / "server.key").stat().st_mode & 0o077 == 0
    assert imagehub("doctor", "--deep", "--data", twin).err == "Nothing is wrong.\n"
    assert imagehub("keys", "root", "--data", twin).out == keys


def test_what_is_written_while_the_hub_is_open_is_in_the_archive(imagehub, filled, tmp_path):
    """The newest rows of an open database lie in its log, beside the file."""
    with rows(filled) as database:
        database.execute("UPDATE image SET name = 'renamed a moment ago'")
        database.commit()
        imagehub("backup", tmp_path / "hub.tar", "--data", filled)
    imagehub("restore", tmp_path / "hub.tar", "--data", tmp_path / "twin")
    with rows(tmp_path / "twin") as database:
        assert database.execute("SELECT name FROM image").fetchall() == [("renamed a moment ago",)]


def test_folders_that_no_row_names_stay_out(imagehub, filled, tmp_path):
    orphan = filled / "pixels/images/ff" / f"{'ff' * 16}.zarr"
    orphan.mkdir(parents=True)
    (filled / "pixels/incoming/half").mkdir()
    imagehub("backup", tmp_path / "hub.tar", "--data", filled)
    with tarfile.open(tmp_path / "hub.tar") as tar:
        names = tar.getnames()
    assert not [name for name in names if orphan.name in name or "incoming" in name]
    assert names[0] == "imagehub-backup.json"
    assert names[-1] == "database"


def test_what_the_disk_has_lost_is_named_and_the_rest_is_kept(imagehub, filled, tmp_path):
    (folder,) = (filled / "pixels/images").glob("??/*.zarr")
    shutil.rmtree(folder)
    ended = imagehub("backup", tmp_path / "hub.tar", "--data", filled)
    assert ended.status == 0
    assert folder.name in ended.err
    assert (tmp_path / "hub.tar").exists()


def test_nothing_that_exists_is_written_over(imagehub, filled, hub_folder, tmp_path):
    archive = tmp_path / "hub.tar"
    archive.write_bytes(b"somebody's")
    assert "exists already" in imagehub("backup", archive, "--data", filled).err
    assert archive.read_bytes() == b"somebody's"
    archive.unlink()
    imagehub("backup", archive, "--data", filled)
    occupied = tmp_path / "occupied"
    occupied.mkdir()
    (occupied / "thesis.tex").write_text("years of work")
    refused = imagehub("restore", archive, "--data", occupied)
    assert refused.status == 1
    assert "is not empty" in refused.err
    assert [path.name for path in occupied.iterdir()] == ["thesis.tex"]
    elsewhere = tmp_path / "elsewhere.sqlite"
    elsewhere.write_bytes(b"")
    refused = imagehub(
        "restore", archive, "--data", tmp_path / "new", "--database", f"sqlite:///{elsewhere}"
    )
    assert "database is not empty" in refused.err
    assert not (tmp_path / "new").exists()


def _tar(path: Path, *members: tuple[str, bytes], link: str | None = None) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        if link is not None:
            member = tarfile.TarInfo("files/link")
            member.type, member.linkname = tarfile.SYMTYPE, link
            tar.addfile(member)
    return path


MANIFEST = ("imagehub-backup.json", json.dumps({"format": 1, "database": "sqlite"}).encode())


@pytest.mark.parametrize(
    ("members", "link"),
    [
        ([("files/../../escaped", b"x")], None),
        ([("/etc/escaped", b"x")], None),
        ([("escaped", b"x")], None),
        ([], "/etc/passwd"),
    ],
)
def test_an_archive_that_reaches_outside_leaves_nothing(imagehub, tmp_path, members, link):
    archive = _tar(tmp_path / "evil.tar", MANIFEST, *members, ("database", b""), link=link)
    ended = imagehub("restore", archive, "--data", tmp_path / "new")
    assert ended.status == 1
    assert "does not belong" in ended.err
    assert list((tmp_path / "new").iterdir()) == []
    assert not (tmp_path / "escaped").exists()


def test_an_archive_that_was_cut_off_leaves_nothing(imagehub, filled, tmp_path):
    archive = tmp_path / "hub.tar"
    imagehub("backup", archive, "--data", filled)
    os.truncate(archive, archive.stat().st_size // 2)
    ended = imagehub("restore", archive, "--data", tmp_path / "new")
    assert ended.status == 1
    assert len(ended.err.splitlines()) == 1
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: path.write_bytes(b"no archive at all"), "no tar file"),
        (lambda path: _tar(path, ("letter.txt", b"hello")), "not made by `imagehub backup`"),
        (
            lambda path: _tar(path, (MANIFEST[0], b'{"format": 99, "imagehub": "7.0"}')),
            "imagehub 7.0",
        ),
        (
            lambda path: _tar(path, (MANIFEST[0], b'{"format": 1, "database": "postgresql"}')),
            "holds a postgresql database",
        ),
        (lambda path: None, "does not exist"),
    ],
)
def test_what_is_no_backup_of_this_kind_is_refused(imagehub, tmp_path, make, says):
    make(tmp_path / "it.tar")
    ended = imagehub("restore", tmp_path / "it.tar", "--data", tmp_path / "new")
    assert ended.status == 1
    assert says in ended.err
    assert not (tmp_path / "new").exists()


def _postgres_counts(url: str) -> dict[str, int]:
    async def count() -> dict[str, int]:
        database = connect(url)
        found = {}
        try:
            async with database.reading() as connection:
                for name in ("image", "pixels", "user_", "operation", "event"):
                    found[name] = await connection.scalar(text(f"SELECT count(*) FROM {name}"))
        finally:
            await database.close()
        return found

    return wait(count())


def test_a_hub_on_postgresql_is_backed_up_and_restored(
    imagehub, postgres_url, postgres_server, shared_data, tmp_path
):
    if shutil.which("pg_dump") is None:
        pytest.skip("the client programs of PostgreSQL are not installed")
    from tests.fixtures.databases import _database

    data = tmp_path / "hub"
    here = ("--data", data, "--database", postgres_url)
    assert imagehub("import", shared_data / SAMPLE, *here).status == 0
    archive = tmp_path / "hub.tar"
    written = imagehub("backup", archive, *here)
    assert written.status == 0, written.err
    with _database(postgres_server) as empty:
        url = empty.render_as_string(hide_password=False)
        there = ("--data", tmp_path / "twin", "--database", url)
        refused = imagehub(
            "restore", archive, "--data", tmp_path / "no", "--database", postgres_url
        )
        assert "database is not empty" in refused.err
        restored = imagehub("restore", archive, *there)
        assert restored.status == 0, restored.err
        assert _postgres_counts(url) == _postgres_counts(postgres_url)
        assert digests(tmp_path / "twin") == digests(data)
        assert imagehub("doctor", "--deep", *there).status == 0


def test_without_the_client_programs_postgresql_says_what_to_install(
    imagehub, postgres_url, monkeypatch, tmp_path
):
    imagehub("token", "root", "--data", tmp_path / "hub", "--database", postgres_url)
    monkeypatch.setenv("PATH", str(tmp_path))
    ended = imagehub(
        "backup", tmp_path / "hub.tar", "--data", tmp_path / "hub", "--database", postgres_url
    )
    assert ended.status == 1
    assert "install the PostgreSQL client programs" in ended.err
    assert not (tmp_path / "hub.tar").exists()
