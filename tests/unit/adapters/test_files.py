"""Stored files: bytes and row come together, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.files import Files, forget
from adapters.infrastructure import Infrastructure
from store.errors import Forbidden, Invalid, TooLarge
from store.files import FileStore
from store.pixels.zarr import ZarrPixelStore
from store.settings import Settings


@pytest.fixture
def infrastructure(world, tmp_path: Path):
    made = Infrastructure(
        settings=Settings(data=tmp_path, upload_limit=100),
        database=world.database,
        pixels=ZarrPixelStore(tmp_path / "pixels"),
        files=FileStore(tmp_path / "files"),
    )
    yield made
    made.threads.shutdown()


def blobs(infrastructure: Infrastructure) -> list[str]:
    return list(infrastructure.files.keys())


async def test_a_kept_file_reads_back_with_its_type_and_in_ones_own_storage(world, infrastructure):
    ada = await world.person("ada")
    file = await Files(infrastructure, await world.catalog(ada)).keep(
        "notes.txt", [b"one ", b"two"]
    )
    assert (file.name, file.size, file.media_type, file.owner_id) == (
        "notes.txt", 7, "text/plain", ada,
    )  # fmt: skip
    assert b"".join(infrastructure.files.open_range(file.sha256)) == b"one two"


@pytest.mark.parametrize(
    ("name", "content", "group", "error"),
    [
        ("a.txt", [b"x"], 0, Forbidden),
        ("a.txt", [b"x" * 101], None, TooLarge),
        ("", [b"x"], None, Invalid),
        ("a\nb", [b"x"], None, Invalid),
    ],
)
async def test_what_is_refused_leaves_no_bytes(world, infrastructure, name, content, group, error):
    ada = await world.person("ada")
    with pytest.raises(error):
        await Files(infrastructure, await world.catalog(ada)).keep(name, content, group_id=group)
    assert blobs(infrastructure) == []
    assert infrastructure.files.incoming() == []


async def test_bytes_are_forgotten_only_when_no_row_names_them(world, infrastructure):
    ada = await world.person("ada")
    file = await Files(infrastructure, await world.catalog(ada)).keep("a.txt", [b"kept"])
    loose = infrastructure.files.receive([b"loose"])
    for sha256 in (file.sha256, loose.sha256):
        await forget(infrastructure, sha256)
    assert blobs(infrastructure) == [file.sha256]
