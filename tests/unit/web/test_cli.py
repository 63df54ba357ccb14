"""The command line: what each command prints, where, and how it ends."""

from __future__ import annotations

import json
import shutil

import click
import numpy as np
import pytest
import tifffile
import typer
import zarr
from typer.testing import CliRunner

import web.cli
from store.tables.people import ROOT
from tests.fixtures.commands import row_counts, rows, stored_paths
from web.importing import WELL

HUMAN = tuple(f"fluorescence/human_D03f00d{number}.tif" for number in range(3))


def commands() -> list[tuple[str, ...]]:
    """Every command with the words that lead to it."""
    found = []

    def walk(command: click.Command, words: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found.append(words)
            return
        for name, below in inner.items():
            walk(below, (*words, name))

    walk(typer.main.get_command(web.cli.app), ())
    return found


def imported(ended) -> list[tuple[int, str]]:
    assert ended.status == 0, ended.err
    return [(int(line.split("\t")[0]), line.split("\t")[1]) for line in ended.lines]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_the_help_of_each_command_shows_how_it_is_called(words):
    shown = CliRunner().invoke(web.cli.app, [*words, "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert f"imagehub {' '.join(words)}" in shown.output.split("Options")[0].split("Usage:")[-1]


def test_the_contract_names_no_command_that_is_missing():
    contract = {
        "serve", "demo", "import", "user add", "token", "keys", "migrate", "doctor", "export",
        "backup", "restore", "schema",
    }  # fmt: skip
    assert contract <= {" ".join(words) for words in commands()}


def test_three_files_of_one_channel_become_one_image_of_three(
    imagehub, hub_folder, shared_data, tmp_path
):
    files = [shared_data / name for name in HUMAN]
    ended = imagehub(
        "import", *files, "--channels", "--data", hub_folder, "--project", "Cells", "--dataset",
        "Day 1", "--name", "human",
    )  # fmt: skip
    ((id, name),) = imported(ended)
    assert name == "human"
    written = imagehub(
        "export", id, "--format", "ome-zarr", "--out", tmp_path / "human.zarr", "--data", hub_folder
    )
    assert written.status == 0, written.err
    samples = zarr.open_array(tmp_path / "human.zarr" / "0", mode="r")[:]
    assert np.array_equal(samples[0, :, 0], np.stack([tifffile.imread(file) for file in files]))
    with rows(hub_folder) as database:
        place = database.execute(
            "SELECT project.name, dataset.name FROM dataset_image"
            " JOIN dataset ON dataset.id = dataset_image.dataset_id"
            " JOIN project_dataset ON project_dataset.dataset_id = dataset.id"
            " JOIN project ON project.id = project_id WHERE image_id = ?",
            (id,),
        ).fetchall()
    assert place == [("Cells", "Day 1")]


def test_both_exports_hold_the_samples_that_were_imported(
    imagehub, hub_folder, shared_data, tmp_path
):
    original = shared_data / HUMAN[0]
    ((id, name),) = imported(imagehub("import", original, "--data", hub_folder))
    assert name == original.name
    for format, out in (("ome-tiff", "out.ome.tif"), ("ome-zarr", "out.zarr")):
        ended = imagehub(
            "export", id, "--format", format, "--out", tmp_path / out, "--data", hub_folder
        )
        assert (ended.status, ended.out) == (0, "")
    expected = tifffile.imread(original)
    assert np.array_equal(np.squeeze(tifffile.imread(tmp_path / "out.ome.tif")), expected)
    written = zarr.open_array(tmp_path / "out.zarr" / "0", mode="r")
    assert np.array_equal(written[0, 0, 0], expected)


def test_refused_files_are_named_and_the_others_are_imported(
    imagehub, hub_folder, shared_data, tmp_path
):
    garbage, empty = tmp_path / "garbage[1].tif", tmp_path / "empty.png"
    garbage.write_bytes(b"this is no picture" * 100)
    empty.touch()
    good = shared_data / HUMAN[1]
    ended = imagehub("import", garbage, good, empty, "--data", hub_folder, "--dataset", "Mixed")
    assert ended.status == 1
    assert [line.split("\t")[1] for line in ended.lines] == [good.name]
    refusals = [line for line in ended.err.splitlines() if line.startswith("refused")]
    assert len(refusals) == 2
    assert str(garbage) in refusals[0]
    assert str(empty) in refusals[1]


def test_files_that_cannot_be_read_leave_rows_and_folders_as_they_were(
    imagehub, hub_folder, shared_data, tmp_path
):
    imagehub("import", shared_data / HUMAN[0], "--data", hub_folder)
    whole = (shared_data / HUMAN[1]).read_bytes()
    hostile = {
        "garbage.tif": b"II*\0" + bytes(range(256)) * 20,
        "empty.tif": b"",
        "half.tif": whole[: len(whole) // 2],
        "noise.png": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "cut.jpg": (shared_data / "fluorescence/skimage_retina.jpg").read_bytes()[:5000],
    }
    paths = []
    for name, content in hostile.items():
        (tmp_path / name).write_bytes(content)
        paths.append(tmp_path / name)
    before = row_counts(hub_folder), stored_paths(hub_folder)
    ended = imagehub("import", *paths, tmp_path / "absent.tif", "--data", hub_folder)
    assert ended.status == 1
    assert ended.out == ""
    assert len([line for line in ended.err.splitlines() if "refused" in line]) == 6
    assert (row_counts(hub_folder), stored_paths(hub_folder)) == before


def test_a_file_the_dataset_has_is_refused_unless_asked_for_again(
    imagehub, hub_folder, shared_data
):
    words = ("import", shared_data / HUMAN[0], "--data", hub_folder, "--dataset", "Once")
    ((id, _name),) = imported(imagehub(*words))
    files = stored_paths(hub_folder)
    again = imagehub(*words)
    assert again.status == 1
    assert f"image {id} " in again.err
    assert stored_paths(hub_folder) == files
    assert len(imported(imagehub(*words, "--again"))) == 1


def test_an_original_that_a_deleted_image_still_needs_survives_a_failed_import(
    imagehub, hub_folder, shared_data
):
    """The file's row lies in the trash; its bytes must stay for whoever restores it."""
    words = ("import", shared_data / HUMAN[0], "--data", hub_folder, "--dataset", "Once")
    imported(imagehub(*words))
    with rows(hub_folder) as database:
        database.execute("UPDATE stored_file SET trashed_by = 1")
    imagehub(*words[:-1], "Twice", "--axis", "sideways")
    blobs = {path for path in stored_paths(hub_folder) if path.startswith("files/blobs")}
    refused = imagehub(*words)
    assert refused.status == 0 or "already" in refused.err
    assert {p for p in stored_paths(hub_folder) if p.startswith("files/blobs")} == blobs
    assert len(blobs) == 1


def test_images_go_into_the_wells_their_files_are_named_after(imagehub, hub_folder, shared_data):
    for well in ("A01", "A12"):
        files = [shared_data / f"plate/plate_{well}_ch{channel}.tif" for channel in (1, 2)]
        imported(
            imagehub(
                "import", *files, "--channels", "--data", hub_folder, "--screen", "Doses",
                "--plate", "Plate 7",
            )
        )  # fmt: skip
    with rows(hub_folder) as database:
        wells = database.execute(
            'SELECT well."row", well."column", screen.name FROM well_sample'
            " JOIN well ON well.id = well_id JOIN screen_plate USING (plate_id)"
            " JOIN screen ON screen.id = screen_id ORDER BY well.id"
        ).fetchall()
        plates = database.execute("SELECT count(*) FROM plate").fetchone()
    assert wells == [(0, 0, "Doses"), (0, 11, "Doses")]
    assert plates == (1,)


def test_a_file_that_names_no_well_is_refused_for_a_plate(imagehub, hub_folder, shared_data):
    ended = imagehub(
        "import", shared_data / "fluorescence/maize_clsm.tif", "--data", hub_folder, "--plate", "P"
    )
    assert ended.status == 1
    assert "names no well" in ended.err


@pytest.mark.parametrize(
    ("name", "well"),
    [("plate A01 ch1", ("A", "01")), ("s1 h12 f0", ("h", "12")), ("DAPI 405", None)],
)
def test_wells_are_read_from_file_names(name, well):
    found = WELL.search(name)
    assert (found and found.groups()) == well


def test_a_user_is_added_with_a_password_from_the_environment(imagehub, hub_folder):
    added = imagehub(
        "user", "add", "ada", "--group", "lab", "--data", hub_folder,
        environment={"IMAGEHUB_PASSWORD": "a good password"},
    )  # fmt: skip
    assert added.status == 0, added.err
    with rows(hub_folder) as database:
        found = database.execute(
            "SELECT user_.id, group_.name FROM user_ JOIN group_ ON group_.id = default_group_id"
            " WHERE username = 'ada'"
        ).fetchall()
    assert found == [(int(added.out), "lab")]


def test_the_token_command_prints_only_a_token_that_works(imagehub, hub_folder):
    made = imagehub("token", "root", "--data", hub_folder)
    assert made.status == 0
    assert len(made.lines) == 1
    token = made.lines[0]
    assert token == token.strip()
    assert " " not in token

    from adapters.credentials import Credentials
    from store.engine import connect
    from store.sealing import open_sealing
    from tests.fixtures.databases import wait

    async def caller() -> tuple[int, list[str]]:
        database = connect(f"sqlite+aiosqlite:///{hub_folder / 'imagehub.sqlite'}")
        credentials = Credentials(database, open_sealing(hub_folder))
        try:
            row = await credentials.token(token)
            assert row is not None
            return row.user_id, row.scopes
        finally:
            await credentials.settle()
            await database.close()

    assert wait(caller()) == (ROOT, ["read", "write"])


def test_the_keys_command_prints_the_same_pair_each_time(imagehub, hub_folder):
    first = imagehub("keys", "root", "--data", hub_folder)
    again = imagehub("keys", "root", "--data", hub_folder)
    assert first.status == 0
    assert len(first.out.split()) == 2
    assert first.out == again.out


def test_a_fresh_hub_tells_the_password_of_root_once(imagehub, tmp_path):
    first = imagehub("keys", "root", "--data", tmp_path / "new")
    again = imagehub("keys", "root", "--data", tmp_path / "new")
    assert "made the first administrator: root, password " in first.err
    assert "password" not in again.err


def test_the_schema_command_prints_the_committed_schema(imagehub):
    printed = imagehub("schema")
    assert printed.status == 0
    assert "type Query" in printed.out
    assert "type Mutation" in printed.out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("export", "999", "--out", "x.tif"), "There is no image 999"),
        (("token", "nobody"), "imagehub user add"),
        (("export", "999", "--out", "x.tif", "--format", "bmp"), "There is no image 999"),
        (("import", "x.tif", "--axis", "q"), "'q' is not one of"),
        (("import", "x.tif", "--dataset", "4711"), "There is no dataset 4711"),
    ],
)
def test_what_cannot_be_done_is_one_line_on_standard_error(
    imagehub, hub_folder, tmp_path, monkeypatch, words, says
):
    monkeypatch.chdir(tmp_path)
    ended = imagehub(*words, "--data", hub_folder)
    assert ended.status == 1
    assert ended.out == ""
    assert says in ended.err
    assert len(ended.err.splitlines()) == 1
    assert "Traceback" not in ended.err


def test_a_database_url_that_means_nothing_is_explained(imagehub, tmp_path):
    ended = imagehub("migrate", "--data", tmp_path / "hub", "--database", "mysql://somewhere/hub")
    assert ended.status == 1
    assert "postgresql://" in ended.err


def test_a_database_that_does_not_answer_is_one_line(imagehub, tmp_path):
    url = "postgresql://nobody@127.0.0.1:9/hub"
    ended = imagehub("token", "root", "--data", tmp_path / "hub", "--database", url)
    assert ended.status == 1
    assert len(ended.err.splitlines()) == 1


def test_a_database_of_another_name_or_kind_is_one_line(imagehub, postgres_url, tmp_path):
    (tmp_path / "letter.sqlite").write_text("no database at all, only a letter" * 100)
    for url in (
        f"{postgres_url.rpartition('/')[0]}/absent".replace("+asyncpg", ""),
        f"sqlite:///{tmp_path / 'letter.sqlite'}",
    ):
        ended = imagehub("token", "root", "--data", tmp_path / "hub", "--database", url)
        assert ended.status == 1
        assert ended.out == ""
        assert len(ended.err.splitlines()) == 1
        assert "Traceback" not in ended.err


def test_the_demo_with_the_known_password_is_kept_on_this_machine(imagehub, hub_folder):
    (hub_folder / "demo.json").write_text(json.dumps({"default_password": True}))
    ended = imagehub("serve", "--data", hub_folder, "--host", "0.0.0.0", "--port", "0")
    assert ended.status == 1
    assert "IMAGEHUB_DEMO_PASSWORD" in ended.err


def test_an_import_into_a_full_folder_keeps_what_was_there(imagehub, hub_folder, shared_data):
    """A second hub's process may import at the same time; each sees the other's rows."""
    copy = hub_folder.parent / "twin.tif"
    shutil.copyfile(shared_data / HUMAN[0], copy)
    first = imported(imagehub("import", copy, "--data", hub_folder, "--dataset", "Both"))
    second = imported(
        imagehub("import", shared_data / HUMAN[1], "--data", hub_folder, "--dataset", "Both")
    )
    with rows(hub_folder) as database:
        linked = database.execute("SELECT image_id FROM dataset_image ORDER BY 1").fetchall()
    assert linked == [(first[0][0],), (second[0][0],)]
