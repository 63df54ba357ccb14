"""Space over GraphQL: what takes how much, by person and group, as far as one may see."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

SPACE = """query($user: ID, $group: ID) { space(user: $user, group: $group) {
  total { images pixels files originals attachments bytes } filesKept
  byUser { user { username } use { images pixels files originals attachments bytes } }
  byGroup { group { name } use { images pixels files originals attachments bytes } } } }"""
PIXELS = "query($id: ID!) { image(id: $id) { pixels { bytes } } }"


async def uploaded(world: HubWorld, who: str, seed: int, **options: Any) -> tuple[int, int]:
    """Import a picture; return the bytes of its file and of its stored samples."""
    pixels = np.random.default_rng(seed).integers(0, 60_000, (32, 32), dtype="uint16")
    image = await world.picture(who, pixels, **options)
    found = await world.graphql("root", PIXELS, {"id": encode_id("Image", image.id)})
    return _newest_size(world.infrastructure.settings.data), found["image"]["pixels"]["bytes"]


def _newest_size(folder: Path) -> int:
    pictures = folder.glob("picture-*.tif")
    newest = max(pictures, key=lambda path: int(path.stem.removeprefix("picture-")))
    return newest.stat().st_size


async def attached(world: HubWorld, who: str, content: bytes) -> None:
    """Keep a file and attach it to nothing yet."""
    file = await (await world.hub(who)).files.keep("notes.txt", io.BytesIO(content))
    note = {"value": {"file": file.id}}
    made = await world.mutate(who, "createAnnotation", note, "annotation { id }")
    assert "code" not in made


def used(images: int, pixels: int, files: int, originals: int, attachments: int) -> dict[str, int]:
    return {
        "images": images,
        "pixels": pixels,
        "files": files,
        "originals": originals,
        "attachments": attachments,
        "bytes": pixels + originals + attachments,
    }


async def test_space_is_summed_by_person_and_group(hub_world: HubWorld) -> None:
    one = await uploaded(hub_world, "owner", 1)
    two = await uploaded(hub_world, "owner", 2)
    kept = await uploaded(hub_world, "keeper", 3)
    await attached(hub_world, "owner", b"x" * 1234)
    mine = used(2, one[1] + two[1], 3, one[0] + two[0], 1234)
    others = used(1, kept[1], 1, kept[0], 0)
    space = (await hub_world.graphql("root", SPACE))["space"]
    assert {each["user"]["username"]: each["use"] for each in space["byUser"]} == {
        "owner": mine,
        "keeper": others,
    }
    assert {each["group"]["name"]: each["use"] for each in space["byGroup"]} == {
        "lab": mine,
        "vault": others,
    }
    assert space["total"] == {name: mine[name] + others[name] for name in mine}
    assert space["byUser"][0]["user"] == {"username": "owner"}, "the greatest comes first"


async def test_everybody_finds_what_they_may_see(hub_world: HubWorld) -> None:
    file, pixels = await uploaded(hub_world, "owner", 4)
    seen = {
        who: (await hub_world.graphql(who, SPACE))["space"]["total"]
        for who in ("owner", "annotator", "stranger")
    }
    assert seen["owner"] == used(1, pixels, 1, file, 0)
    assert seen["annotator"] == used(1, pixels, 0, 0, 0), "files are their uploader's"
    assert seen["stranger"] == used(0, 0, 0, 0, 0)
    assert code_of(await hub_world.execute(None, SPACE)) == "unauthenticated"


async def test_space_is_narrowed_to_a_person_or_a_group(hub_world: HubWorld) -> None:
    file, pixels = await uploaded(hub_world, "owner", 5)
    await uploaded(hub_world, "keeper", 6)
    owner = {"user": encode_id("User", hub_world.people["owner"])}
    lab = {"group": encode_id("Group", hub_world.groups["lab"])}
    for narrowed in (owner, lab):
        space = (await hub_world.graphql("root", SPACE, narrowed))["space"]
        assert space["total"] == used(1, pixels, 1, file, 0)


async def test_equal_files_are_kept_once(hub_world: HubWorld) -> None:
    file, _ = await uploaded(hub_world, "owner", 8)
    await uploaded(hub_world, "annotator", 8)
    space = (await hub_world.graphql("root", SPACE))["space"]
    assert space["total"]["originals"] == 2 * file
    assert space["filesKept"] == file


async def test_trash_is_left_out(hub_world: HubWorld) -> None:
    await uploaded(hub_world, "owner", 9)
    image = (await hub_world.graphql("owner", "{ images { nodes { id } } }"))["images"]["nodes"][0]
    await hub_world.mutate("owner", "delete", {"ids": [image["id"]]}, "commandId")
    total = (await hub_world.graphql("owner", SPACE))["space"]["total"]
    assert (total["images"], total["pixels"]) == (0, 0)


async def test_the_disk_is_that_of_the_data_folder(hub_world: HubWorld) -> None:
    query = "{ space { disk { size used free } } }"
    disk = (await hub_world.graphql("stranger", query))["space"]["disk"]
    actual = shutil.disk_usage(hub_world.infrastructure.settings.data)
    assert disk["size"] == actual.total
    assert abs(disk["free"] - actual.free) < 2**30
    assert abs(disk["used"] - actual.used) < 2**30


async def test_space_costs_the_same_whatever_there_is(hub_world: HubWorld) -> None:
    counts = []
    for more in (1, 5):
        for number in range(more):
            name = f"more-{more}-{number}"
            await hub_world.image(await hub_world.person(name, hub_world.groups["lab"]))
        with statements(hub_world.database) as sent:
            await hub_world.graphql("root", SPACE)
        counts.append(len(sent))
    assert counts[0] == counts[1]
