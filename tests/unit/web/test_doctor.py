"""The doctor finds each kind of damage, and clears away what no row names, and only that."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import adapters.doctor
from adapters.doctor import package_clashes
from store.migrations.run import head
from store.presence import Presence
from tests.fixtures.commands import rows, stored_paths

OLD = time.time() - 30 * 3600


@pytest.fixture(scope="module")
def small_template(
    blank_template: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A hub with one imported image."""
    from tests.fixtures.server import run

    data = tmp_path_factory.mktemp("small") / "hub"
    shutil.copytree(blank_template, data)
    done = run("import", shared_data / "fluorescence/human_D03f00d0.tif", "--data", data)
    assert done.returncode == 0, done.stderr
    return data


@pytest.fixture
def small(small_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_template, tmp_path / "hub"))


def image_folder(data: Path) -> Path:
    (folder,) = (data / "pixels/images").glob("??/*.zarr")
    return folder


def blob(data: Path) -> Path:
    (path,) = [path for path in (data / "files/blobs").rglob("*") if path.is_file()]
    return path


def chunk(data: Path) -> Path:
    return next(path for path in (image_folder(data) / "0/c").rglob("*") if path.is_file())


def lose_a_chunk(data: Path) -> None:
    chunk(data).unlink()


def lose_a_folder(data: Path) -> None:
    shutil.rmtree(image_folder(data))


def lose_a_file(data: Path) -> None:
    blob(data).unlink()


def cut_a_file(data: Path) -> None:
    path = blob(data)
    path.write_bytes(path.read_bytes()[:-1])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def leave_an_image(data: Path) -> None:
    key = "00ff" * 8
    shutil.copytree(image_folder(data), data / "pixels/images/00" / f"{key}.zarr")


def leave_a_file(data: Path) -> None:
    name = "0123456789abcdef" * 4
    place = data / "files/blobs" / name[:2] / name[2:4]
    place.mkdir(parents=True)
    (place / name).write_bytes(b"nobody's")


def leave_a_half_image(data: Path) -> None:
    (data / "pixels/incoming" / ("ab" * 16) / "image.zarr/0").mkdir(parents=True)


def leave_an_upload(data: Path) -> None:
    (data / "files/incoming/half").write_bytes(b"half of")


def leave_a_download(data: Path) -> None:
    (data / "export-x1").mkdir()
    (data / "export-x1/image.ome.tif").write_bytes(b"half of")


def forget_a_label(data: Path) -> None:
    with rows(data) as database:
        database.execute("UPDATE image SET label_id = NULL")


def mix_up_a_label(data: Path) -> None:
    with rows(data) as database:
        database.execute("INSERT INTO label (id, group_id, key) VALUES (900001, 0, '0:')")
        database.execute("UPDATE image SET label_id = 900001")


def lose_a_job(data: Path) -> None:
    with rows(data) as database:
        database.execute(
            "INSERT INTO job (id, created_at, version, owner_id, group_id, operation_id, number,"
            " state, progress, priority, attempts, cancel_asked, favorite, lease_owner,"
            " lease_until) SELECT 900002, 1, 1, 2, 3, min(id), 1, 'running', 40, 0, 1, 0, 0,"
            " 'gone:0', 1 FROM operation"
        )


def fall_behind(data: Path) -> None:
    with rows(data) as database:
        database.execute("DELETE FROM alembic_version")


DAMAGES: list[tuple[Callable[[Path], None], str, str]] = [
    (lose_a_chunk, "damaged pixels", "chunk files"),
    (lose_a_folder, "damaged pixels", "stored image"),
    (lose_a_file, "missing file", "The file is missing."),
    (cut_a_file, "changed file", "were kept"),
    (forget_a_label, "wrong label", "under access label none"),
    (mix_up_a_label, "wrong label", "label 0:, and should stand under 3:"),
    (lose_a_job, "lost job", "job 900002"),
    (fall_behind, "pending migration", head()),
]
RUBBISH: list[tuple[Callable[[Path], None], str, str]] = [
    (leave_an_image, "orphan image", "00ff" * 8),
    (leave_a_file, "orphan file", "0123456789abcdef"),
    (leave_a_half_image, "leftover", "pixels/incoming/abab"),
    (leave_an_upload, "leftover", "files/incoming/half"),
    (leave_a_download, "leftover", "export-x1"),
]


def findings(err: str) -> list[str]:
    return [line.split(":")[0] for line in err.splitlines() if ": " in line]


def test_nothing_is_wrong_with_a_hub_that_was_only_used(imagehub, small):
    for words in ((), ("--deep",), ("--repair",)):
        ended = imagehub("doctor", *words, "--data", small)
        assert (ended.status, ended.err) == (0, "Nothing is wrong.\n")


@pytest.mark.parametrize(("damage", "kind", "says"), DAMAGES, ids=lambda one: str(one)[10:24])
def test_damage_is_found_and_never_repaired_away(imagehub, small, damage, kind, says):
    damage(small)
    before = stored_paths(small)
    for words in ((), ("--repair",)):
        ended = imagehub("doctor", *words, "--data", small)
        assert ended.status == 1
        assert findings(ended.err) == [kind]
        assert says in ended.err
    assert stored_paths(small) == before


@pytest.mark.parametrize(("leave", "kind", "says"), RUBBISH, ids=lambda one: str(one)[10:24])
def test_rubbish_is_found_and_repaired_away(imagehub, small, leave, kind, says):
    before = stored_paths(small)
    leave(small)
    found = imagehub("doctor", "--data", small)
    assert found.status == 1
    assert findings(found.err) == [kind]
    assert says in found.err
    mended = imagehub("doctor", "--repair", "--data", small)
    assert mended.status == 0
    assert findings(mended.err) == [f"removed {kind}"]
    assert stored_paths(small) == before
    assert not (small / "export-x1").exists()
    assert imagehub("doctor", "--deep", "--data", small).status == 0


@pytest.mark.parametrize("place", [chunk, blob])
def test_changed_bytes_of_the_same_length_are_found_by_a_deep_look(imagehub, small, place):
    flip_a_bit(place(small))
    assert imagehub("doctor", "--data", small).status == 0
    ended = imagehub("doctor", "--deep", "--data", small)
    assert ended.status == 1
    assert set(findings(ended.err)) <= {"damaged pixels", "changed file"}


def test_what_a_running_hub_has_just_begun_is_left_alone(imagehub, small):
    for leave, _kind, _says in RUBBISH:
        leave(small)
    present = Presence(small)
    try:
        assert imagehub("doctor", "--repair", "--data", small).status == 0
        for place in ("pixels/incoming", "files/incoming"):
            for path in (small / place).iterdir():
                os.utime(path, (OLD, OLD))
        ended = imagehub("doctor", "--data", small)
    finally:
        present.close()
    assert ended.status == 1
    assert findings(ended.err) == ["leftover", "leftover"]
    assert len(findings(imagehub("doctor", "--data", small).err)) == len(RUBBISH)


def test_a_job_that_runs_in_another_process_is_not_lost(imagehub, small):
    lose_a_job(small)
    with rows(small) as database:
        database.execute("UPDATE job SET lease_until = 9000000000000")
    present = Presence(small)
    try:
        assert imagehub("doctor", "--data", small).status == 0
    finally:
        present.close()
    assert findings(imagehub("doctor", "--data", small).err) == ["lost job"]


def test_a_deleted_image_keeps_its_pixels_and_its_original(imagehub, small):
    with rows(small) as database:
        database.execute("UPDATE image SET trashed_by = 1")
        database.execute("UPDATE stored_file SET trashed_by = 1")
    before = stored_paths(small)
    assert imagehub("doctor", "--repair", "--data", small).status == 0
    assert stored_paths(small) == before


def test_a_folder_without_a_hub_is_said_to_be_none_and_none_is_made(imagehub, tmp_path):
    for folder in (tmp_path / "absent", tmp_path):
        ended = imagehub("doctor", "--data", folder)
        assert ended.status == 1
        assert "there is no hub" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_two_distributions_install_is_a_clash(imagehub, small, monkeypatch):
    owners = {"store": ["imagehub"], "schema": ["imagehub", "schema"], "web": ["web.py"]}
    clashes = package_clashes(owners)
    assert [clash.message.split(" also")[0] for clash in clashes] == [
        "The distribution schema",
        "The distribution web.py",
    ]
    assert package_clashes({"numpy": ["numpy"], "store": ["imagehub"]}) == []
    assert package_clashes() == []
    monkeypatch.setattr(
        adapters.doctor.importlib.metadata, "packages_distributions", lambda: owners
    )
    assert findings(imagehub("doctor", "--data", small).err) == ["package clash", "package clash"]
    refused = imagehub("serve", "--data", small)
    assert refused.status == 1
    assert "an environment of its own" in refused.err
