"""Power cuts, vanished clients, hostile files: nothing half is seen, nothing is left for good."""

from __future__ import annotations

import asyncio
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from adapters.imports import ImportOptions
from adapters.jobs.service import Reference, Request
from store.unit import Unit
from tests.fixtures.commands import row_counts, rows, stored_paths
from tests.fixtures.databases import wait
from tests.fixtures.server import ROOT, command, environment, run, serving
from web.accounts import actor_named
from web.bootstrap import Services, assemble, read_settings

pytestmark = pytest.mark.slow

# Runs the command line and ends the process without a word at a point of our choosing.
DRIVER = """
import os, signal, sys

point, *words = sys.argv[1:]

def die(*_arguments, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

def after(function):
    def first_then_die(*arguments, **options):
        function(*arguments, **options)
        die()
    return first_then_die

import store.disk, store.engine, store.files, store.pixels.writer, store.unit
match point:
    case "original received":
        store.files.IncomingBlob.keep = die
    case "first block written":
        writer = store.pixels.writer.ZarrPixelWriter
        writer.write = after(writer.write)
    case "before the rename":
        store.pixels.writer.publish = die
    case "after the rename":
        store.pixels.writer.publish = after(store.pixels.writer.publish)
    case "inside the transaction":
        store.unit.Unit.settle = die
    case "after the commit":
        store.engine.Database.announce = die

sys.argv = ["imagehub", *words]
import web.cli
web.cli.main()
"""
BEFORE_COMMIT = (
    "original received",
    "first block written",
    "before the rename",
    "after the rename",
    "inside the transaction",
)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file whose import takes a second or two: noise in eight planes."""
    path = tmp_path_factory.mktemp("large") / "noise.tif"
    chance = np.random.default_rng(0)
    tifffile.imwrite(
        path, chance.integers(0, 65535, (8, 1800, 1800), np.uint16), photometric="minisblack"
    )
    return path


def visible(data: Path) -> int:
    with rows(data) as database:
        return int(database.execute("SELECT count(*) FROM image").fetchone()[0])


def clear_up(imagehub, data: Path) -> None:
    """Repair, and require that nothing is wrong afterwards."""
    assert imagehub("doctor", "--repair", "--data", data).status == 0
    assert imagehub("doctor", "--deep", "--data", data).err == "Nothing is wrong.\n"
    for place in ("pixels/incoming", "files/incoming"):
        assert list((data / place).iterdir()) == []


@pytest.mark.parametrize("point", BEFORE_COMMIT)
def test_an_import_that_dies_before_its_commit_never_was(imagehub, hub_folder, shared_data, point):
    before = row_counts(hub_folder), stored_paths(hub_folder)
    sample = shared_data / "fluorescence/human_D03f00d0.tif"
    words = ("import", sample, "--data", hub_folder)
    dead = subprocess.run(
        [sys.executable, "-c", DRIVER, point, *map(str, words)],
        cwd=ROOT, env=environment(), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert dead.returncode == -9, dead.stderr.decode()
    assert row_counts(hub_folder) == before[0]
    assert stored_paths(hub_folder) != before[1]
    clear_up(imagehub, hub_folder)
    assert (row_counts(hub_folder), stored_paths(hub_folder)) == before
    assert imagehub(*words).status == 0
    assert visible(hub_folder) == 1


def test_an_import_that_dies_after_its_commit_is_whole(imagehub, hub_folder, shared_data):
    sample = shared_data / "fluorescence/human_D03f00d0.tif"
    dead = subprocess.run(
        [sys.executable, "-c", DRIVER, "after the commit", "import", str(sample), "--data",
         str(hub_folder)],
        cwd=ROOT, env=environment(), capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert dead.returncode == -9, dead.stderr.decode()
    assert visible(hub_folder) == 1
    assert imagehub("doctor", "--deep", "--data", hub_folder).err == "Nothing is wrong.\n"


@pytest.mark.parametrize("seed", range(4))
def test_killing_an_import_at_any_instant_shows_no_half_image(imagehub, hub_folder, large, seed):
    process = subprocess.Popen(
        command("import", large, "--data", hub_folder),
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 60
        while not any((hub_folder / "pixels").glob("incoming/*")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(random.Random(seed).uniform(0, 0.4) * (seed + 1))
    finally:
        process.kill()
        said, _ = process.communicate(timeout=30)
    images = visible(hub_folder)
    assert images in ((1,) if said else (0, 1))
    clear_up(imagehub, hub_folder)
    assert visible(hub_folder) == images
    kept = stored_paths(hub_folder)
    assert len([path for path in kept if path.endswith(".zarr")]) == images
    assert len([path for path in kept if path.startswith("files/blobs")]) == images


HOSTILE: dict[str, Callable[[bytes], bytes]] = {
    "garbage.tif": lambda whole: b"II*\0" + bytes(range(256)) * 40,
    "zeros.tif": lambda whole: b"",
    "half.tif": lambda whole: whole[: len(whole) // 2],
    "no header.tif": lambda whole: whole[100:],
    "text.tif": lambda whole: b"Dear reader,\n" * 50,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_leaves_rows_and_files_as_they_were(
    imagehub, hub_folder, shared_data, tmp_path, name
):
    whole = (shared_data / "fluorescence/human_D03f00d2.tif").read_bytes()
    (tmp_path / name).write_bytes(HOSTILE[name](whole))
    before = row_counts(hub_folder), stored_paths(hub_folder)
    ended = imagehub("import", tmp_path / name, "--data", hub_folder)
    assert ended.status == 1
    assert name in ended.err
    assert "Traceback" not in ended.err
    assert (row_counts(hub_folder), stored_paths(hub_folder)) == before


@pytest.fixture
async def services(hub_folder: Path) -> AsyncIterator[Services]:
    opened = assemble(read_settings({}, data=hub_folder, job_workers=0))
    yield opened
    await opened.stop()


async def test_a_client_that_leaves_while_samples_are_written_leaves_nothing(
    services, hub_folder, large
):
    before = row_counts(hub_folder), stored_paths(hub_folder)
    hub = services.hub(await actor_named(services, "root"))
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    importing = asyncio.create_task(
        hub.imports.files(
            [large], ImportOptions(), report=lambda step: loop.call_soon_threadsafe(begun.set)
        )
    )
    await asyncio.wait_for(begun.wait(), 60)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    await services.database.close()  # waits for what was begun
    assert (row_counts(hub_folder), stored_paths(hub_folder)) == before


async def test_a_client_that_leaves_during_the_commit_gets_a_whole_image(
    services, hub_folder, shared_data, monkeypatch
):
    committing, settle = asyncio.Event(), Unit.settle

    async def slowly(unit: Unit) -> int:
        committing.set()
        await asyncio.sleep(0.3)
        return await settle(unit)

    hub = services.hub(await actor_named(services, "root"))
    monkeypatch.setattr(Unit, "settle", slowly)
    sample = shared_data / "fluorescence/human_D03f00d0.tif"
    importing = asyncio.create_task(hub.imports.files([sample], ImportOptions()))
    await asyncio.wait_for(committing.wait(), 60)
    importing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await importing
    await services.database.close()
    assert visible(hub_folder) == 1
    (folder,) = (hub_folder / "pixels/images").glob("??/*.zarr")
    assert services.infrastructure.pixels.verify(folder.name.removesuffix(".zarr"), deep=True) == []


def submit(data: Path, image: str, sigma: float) -> int:
    """Queue a blur of an image of the demo, as its owner; a server's workers will find it."""

    async def queue() -> int:
        services = assemble(read_settings({}, data=data, job_workers=0))
        try:
            hub = services.hub(await actor_named(services, "owner"))
            with rows(data) as database:
                ((id,),) = database.execute("SELECT id FROM image WHERE name = ?", (image,))
            request = Request(
                "filter.gaussian", {"sigma": sigma}, {"image": Reference("image", id)}
            )
            return (await hub.jobs.submit(request)).id
        finally:
            await services.stop()

    return wait(queue())


def job(data: Path, id: int) -> tuple[str, int, int]:
    """Return state, progress and attempts of a job."""
    with rows(data) as database:
        found: tuple[str, int, int] = database.execute(
            "SELECT state, progress, attempts FROM job WHERE id = ?", (id,)
        ).fetchone()
    return found


def until(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@pytest.mark.timeout(400)
@pytest.mark.xdist_group("demo")
def test_a_job_whose_server_was_killed_is_run_again_at_once(imagehub, demo_data, tmp_path):
    data = Path(shutil.copytree(demo_data, tmp_path / "hub"))
    with serving(data) as hub:
        id = submit(data, "section.ome.tif", 9.0)
        until(lambda: job(data, id)[0] == "running" and job(data, id)[1] > 0, 60)
        hub.kill()
    assert job(data, id)[0] == "running"
    examined = imagehub("doctor", "--data", data)
    assert examined.status == 1
    assert f"job {id} is marked as running" in examined.err
    assert "pixels/incoming" in examined.err
    with serving(data):
        until(lambda: job(data, id)[0] == "succeeded", 150)
    assert job(data, id) == ("succeeded", 100, 2)
    with rows(data) as database:
        made = database.execute(
            "SELECT count(*) FROM job_io WHERE job_id = ? AND direction = 'out'", (id,)
        ).fetchone()
        images = database.execute("SELECT count(*) FROM image WHERE made_by_job = ?", (id,))
        assert (made, images.fetchone()) == ((1,), (1,))
    clear_up(imagehub, data)


def test_a_job_that_kills_every_server_is_given_up(imagehub, hub_folder):
    """Three attempts, no more: a server must not die for ever of the same job."""
    with rows(hub_folder) as database:
        database.execute(
            "INSERT INTO job (id, created_at, version, owner_id, group_id, operation_id, number,"
            " state, progress, priority, attempts, cancel_asked, favorite, lease_owner,"
            " lease_until) SELECT 900002, 1, 1, 2, 3, min(id), 1, 'running', 40, 0, 3, 0, 0,"
            " 'gone:0', 9000000000000 FROM operation"
        )
    assert run("token", "root", "--data", hub_folder).returncode == 0
    assert job(hub_folder, 900002)[0] == "failed"
