"""Images made of samples that a program sends: at once, piece by piece, refused, abandoned."""

from __future__ import annotations

import asyncio
import base64
import os
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.doctor import Doctor
from schema.scalars import decode_id, encode_id
from store.drafts import EXPIRES_MS, DraftStore
from tests.fixtures.hub_world import HubWorld

SIZES = (2, 2, 3, 300, 270)  # t c z y x: rows are no multiple of a chunk
PLAN: dict[str, Any] = {
    "name": "made",
    "type": "UINT16",
    **{f"size{axis.upper()}": size for axis, size in zip("tczyx", SIZES, strict=True)},
    "channels": [{"name": "DAPI", "color": "#0000FF", "emissionNm": 461}, {"name": "GFP"}],
    "physicalSizeX": 0.5,
    "physicalSizeY": 0.25,
}
IMAGE = """image { id legacyId name group { name } owner { username } datasets { name }
  pixels { sizeT sizeC sizeZ sizeY sizeX type physicalSizeX levels { path } sha256 }
  channels { name color emissionNm minimum maximum } }"""
DRAFT = "draft { id name type shape missingPlanes expiresAt }"


def values() -> NDArray[np.uint16]:
    return np.random.default_rng(11).integers(0, 65_536, SIZES, dtype=np.uint16)


def sent(samples: NDArray[Any]) -> str:
    """Return samples as a client sends them."""
    return base64.b64encode(samples.astype(samples.dtype.newbyteorder("<")).tobytes()).decode()


async def begin(world: HubWorld, who: str = "owner", **changed: Any) -> str:
    made = await world.mutate(who, "beginImage", PLAN | changed, DRAFT)
    assert "code" not in made, made
    return str(made["draft"]["id"])


async def stored(world: HubWorld, image: dict[str, Any]) -> NDArray[Any]:
    """Return the samples that were published."""
    hub = await world.hub("owner")
    view = await hub.pixels.view(image["legacyId"])
    reader = world.infrastructure.pixels.open(view.pixels.store_key or "")
    everything = slice(None)
    return reader.region(t=everything, c=everything, z=everything)


async def test_a_small_image_is_made_of_all_its_planes_at_once(hub_world: HubWorld) -> None:
    dataset = await hub_world.dataset(hub_world.people["owner"], "set")
    samples = values()[:1, :, :1, :20, :30]
    plan = PLAN | {"sizeT": 1, "sizeZ": 1, "sizeY": 20, "sizeX": 30}
    plan |= {"dataset": encode_id("Dataset", dataset.id), "description": "by hand"}
    plan["planes"] = [{"c": c, "data": sent(samples[0, c, 0])} for c in (1, 0)]
    image = (await hub_world.mutate("owner", "createImage", plan, IMAGE))["image"]
    np.testing.assert_array_equal(await stored(hub_world, image), samples)
    assert image["datasets"] == [{"name": "set"}]
    assert image["owner"] == {"username": "owner"}
    assert image["channels"] == [
        {"name": "DAPI", "color": "#0000FFFF", "emissionNm": 461.0,
         "minimum": samples[0, 0].min(), "maximum": samples[0, 0].max()},
        {"name": "GFP", "color": image["channels"][1]["color"], "emissionNm": None,
         "minimum": samples[0, 1].min(), "maximum": samples[0, 1].max()},
    ]  # fmt: skip
    seen = await hub_world.graphql("annotator", "{ images { nodes { name } } }")
    assert seen["images"]["nodes"] == [{"name": "made"}]


async def test_planes_rows_stacks_and_boxes_put_an_image_together(hub_world: HubWorld) -> None:
    samples = values()
    draft = await begin(hub_world)
    pieces = [
        ({"t": 0, "c": 0, "sizeZ": 3}, samples[0:1, 0:1, :]),  # a stack
        *(({"t": 0, "c": 1, "z": z}, samples[0, 1, z]) for z in range(3)),  # planes
        ({"t": 1, "c": 0, "sizeC": 2, "sizeZ": 3, "height": 150}, samples[1:2, :, :, :150]),
        ({"t": 1, "c": 0, "sizeC": 2, "sizeZ": 3, "y": 150, "width": 100},
         samples[1:2, :, :, 150:, :100]),
        ({"t": 1, "c": 0, "sizeC": 2, "sizeZ": 3, "y": 150, "x": 100},
         samples[1:2, :, :, 150:, 100:] * 0 + 7),
        ({"t": 1, "c": 0, "sizeC": 2, "sizeZ": 3, "y": 150, "x": 100},
         samples[1:2, :, :, 150:, 100:]),  # again: the last one counts
        ({"t": 1, "c": 1, "z": 2, "y": 299, "height": 1}, samples[1, 1, 2, 299:]),  # a row
    ]  # fmt: skip
    missing = []
    for where, box in pieces:
        found = await hub_world.mutate(
            "owner", "writeSamples", {"draft": draft, "data": sent(box), **where}, DRAFT
        )
        missing.append(found["draft"]["missingPlanes"])
    assert missing == [9, 8, 7, 6, 0, 0, 0, 0, 0]
    image = (await hub_world.mutate("owner", "finishImage", {"draft": draft}, IMAGE))["image"]
    np.testing.assert_array_equal(await stored(hub_world, image), samples)
    assert image["pixels"]["physicalSizeX"] == 0.5
    assert len(image["pixels"]["levels"]) == 2
    gone = await hub_world.mutate("owner", "finishImage", {"draft": draft}, IMAGE)
    assert gone["code"] == "not_found"
    assert (await hub_world.graphql("owner", "{ imageDrafts { id } }"))["imageDrafts"] == []


async def test_the_same_samples_give_the_same_checksum_in_whatever_order(
    hub_world: HubWorld,
) -> None:
    samples = values()
    sums = []
    for order in (range(12), reversed(range(12))):
        draft = await begin(hub_world)
        for number in order:
            t, c, z = (int(one) for one in np.unravel_index(number, SIZES[:3]))
            place = {"draft": draft, "t": t, "c": c, "z": z, "data": sent(samples[t, c, z])}
            await hub_world.mutate("owner", "writeSamples", place, DRAFT)
        made = await hub_world.mutate("owner", "finishImage", {"draft": draft}, IMAGE)
        sums.append(made["image"]["pixels"]["sha256"])
    assert sums[0] == sums[1]


async def test_missing_planes_are_refused_unless_they_may_be_empty(hub_world: HubWorld) -> None:
    draft = await begin(hub_world, sizeT=1, sizeC=2, sizeZ=1)
    plane = values()[0, 0, 0]
    await hub_world.mutate("owner", "writeSamples", {"draft": draft, "data": sent(plane)}, DRAFT)
    refused = await hub_world.mutate("owner", "finishImage", {"draft": draft}, IMAGE)
    assert refused["code"] == "conflict"
    assert refused["details"]["missing"] == 1
    allowed = {"draft": draft, "allowMissing": True}
    image = (await hub_world.mutate("owner", "finishImage", allowed, IMAGE))["image"]
    found = await stored(hub_world, image)
    np.testing.assert_array_equal(found[0, 0, 0], plane)
    assert not found[0, 1].any()


async def test_a_draft_is_known_to_its_maker_alone(hub_world: HubWorld) -> None:
    draft = await begin(hub_world)
    plane = {"draft": draft, "data": sent(values()[0, 0, 0])}
    for who in ("annotator", "stranger", "root"):
        for field, input, selection in (
            ("writeSamples", plane, DRAFT),
            ("finishImage", {"draft": draft, "allowMissing": True}, IMAGE),
            ("discardDraft", {"draft": draft}, "id"),
        ):
            answer = await hub_world.mutate(who, field, input, selection)
            assert answer["code"] == "not_found", (who, field)
        assert (await hub_world.graphql(who, "{ imageDrafts { id } }"))["imageDrafts"] == []
    assert (await hub_world.mutate(None, "beginImage", PLAN, DRAFT))["code"] == "unauthenticated"
    mine = await hub_world.graphql("owner", "{ imageDrafts { id missingPlanes shape } }")
    assert mine["imageDrafts"] == [{"id": draft, "missingPlanes": 12, "shape": list(SIZES)}]


async def test_what_cannot_be_an_image_is_refused_at_the_start(hub_world: HubWorld) -> None:
    before = await hub_world.stored()
    hidden = await hub_world.dataset(hub_world.people["keeper"], "vault")
    own = await hub_world.dataset(hub_world.people["owner"], "own")
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("owner", {"sizeX": 0}, "invalid"),
        ("owner", {"sizeX": 2_000_000_000, "sizeY": 2_000_000_000}, "too_large"),
        ("owner", {"sizeZ": 70_000}, "too_large"),
        ("owner", {"channels": [{"name": "one of two"}]}, "invalid"),
        ("owner", {"rgb": True}, "invalid"),
        ("owner", {"name": " "}, "invalid"),
        ("owner", {"physicalSizeX": 0}, "invalid"),
        ("owner", {"dataset": encode_id("Dataset", hidden.id)}, "not_found"),
        ("annotator", {"dataset": encode_id("Dataset", own.id)}, "forbidden"),
        ("owner", {"group": encode_id("Group", hub_world.groups["vault"])}, "forbidden"),
    ]
    for who, changed, code in wrong:
        answer = await hub_world.mutate(who, "beginImage", PLAN | changed, DRAFT)
        assert answer["code"] == code, (changed, answer)
    after = await hub_world.stored()
    assert {n: after[n] - before[n] for n in ("image", "pixels")} == {"image": 0, "pixels": 0}
    assert list((hub_world.infrastructure.settings.data / "drafts").glob("*")) == []


async def test_samples_that_do_not_fit_are_refused_and_change_nothing(hub_world: HubWorld) -> None:
    draft = await begin(hub_world)
    plane = values()[0, 0, 0]
    for changed in (
        {"data": sent(plane[:-1])}, {"data": "no base64!"}, {"z": 3}, {"t": -1}, {"y": 1},
        {"x": 270}, {"height": 301}, {"sizeC": 3},
    ):  # fmt: skip
        input = {"draft": draft, "data": sent(plane), **changed}
        answer = await hub_world.mutate("owner", "writeSamples", input, DRAFT)
        assert answer["code"] == "invalid", changed
    (mine,) = (await hub_world.graphql("owner", "{ imageDrafts { missingPlanes } }"))["imageDrafts"]
    assert mine == {"missingPlanes": 12}
    unknown = {"draft": "../../etc/passwd", "data": sent(plane)}
    answer = await hub_world.mutate("owner", "writeSamples", unknown, DRAFT)
    assert answer["code"] == "not_found"


async def test_a_refusal_to_publish_leaves_the_draft_as_it_was(hub_world: HubWorld) -> None:
    dataset = await hub_world.dataset(hub_world.people["owner"], "set")
    id = encode_id("Dataset", dataset.id)
    draft = await begin(hub_world, dataset=id, sizeT=1, sizeC=2, sizeZ=1)
    await hub_world.mutate("owner", "delete", {"ids": [id]}, "dryRun")
    finish = {"draft": draft, "allowMissing": True}
    refused = await hub_world.mutate("owner", "finishImage", finish, IMAGE)
    assert refused["code"] == "not_found"
    assert hub_world.infrastructure.pixels.keys() == []
    assert hub_world.infrastructure.pixels.incoming() == []
    await hub_world.mutate("owner", "restore", {"ids": [id]}, "restored")
    made = await hub_world.mutate("owner", "finishImage", finish, IMAGE)
    assert made["image"]["datasets"] == [{"name": "set"}]
    assert decode_id(made["image"]["id"], "Image")


async def test_of_two_who_finish_a_draft_one_makes_an_image(hub_world: HubWorld) -> None:
    draft = await begin(hub_world, sizeT=1, sizeC=2, sizeZ=1)
    finish = {"draft": draft, "allowMissing": True}
    answers = await asyncio.gather(
        *(hub_world.mutate("owner", "finishImage", finish, "image { id }") for _ in range(3))
    )
    assert sorted(one.get("code", "made") for one in answers) == ["made", "not_found", "not_found"]
    found = await hub_world.graphql("owner", "{ images { totalCount } }")
    assert found["images"]["totalCount"] == 1


async def test_a_discarded_draft_is_gone_and_so_is_one_nobody_touched_for_a_day(
    hub_world: HubWorld,
) -> None:
    folder = hub_world.infrastructure.settings.data / "drafts"
    discarded, forgotten, kept = [await begin(hub_world) for _ in range(3)]
    gone = await hub_world.mutate("owner", "discardDraft", {"draft": discarded}, "id")
    assert gone == {"id": discarded}
    then = time.time() - EXPIRES_MS / 1000 - 60
    os.utime(folder / forgotten, (then, then))
    mine = await hub_world.graphql("owner", "{ imageDrafts { id } }")
    assert mine["imageDrafts"] == [{"id": kept}]
    plane = {"draft": forgotten, "data": sent(values()[0, 0, 0])}
    answer = await hub_world.mutate("owner", "writeSamples", plane, DRAFT)
    assert answer["code"] == "not_found"
    findings = await Doctor(hub_world.infrastructure).clear(alone=False, repair=True)
    assert [one.kind for one in findings] == ["leftover"]
    assert [path.name for path in folder.iterdir()] == [kept]


async def test_a_crash_while_finishing_leaves_what_the_doctor_clears(hub_world: HubWorld) -> None:
    draft = await begin(hub_world)
    store = DraftStore(hub_world.infrastructure.settings.data / "drafts")
    store.take(draft)  # and the process dies here
    doctor = Doctor(hub_world.infrastructure)
    assert await doctor.clear(alone=False) == []
    (found,) = await doctor.clear(alone=True, repair=True)
    assert draft in found.message
    assert list(store.root.iterdir()) == []


async def test_a_guest_begins_nothing(hub_world: HubWorld) -> None:
    user = encode_id("User", hub_world.people["annotator"])
    await hub_world.mutate("root", "openAdministration", {"minutes": 5}, "until")
    made = await hub_world.mutate("root", "setRole", {"user": user, "role": "GUEST"}, "user { id }")
    assert "code" not in made
    answer = await hub_world.mutate("annotator", "beginImage", PLAN, DRAFT)
    assert answer["code"] == "forbidden"


async def test_a_new_image_can_be_undone_like_any_other_step(hub_world: HubWorld) -> None:
    samples = values()[0, 0, 0, :20, :30]
    plan = PLAN | {"sizeT": 1, "sizeC": 1, "sizeZ": 1, "sizeY": 20, "sizeX": 30, "channels": []}
    plan["planes"] = [{"data": sent(samples)}]
    await hub_world.mutate("owner", "createImage", plan, IMAGE)
    await hub_world.mutate("owner", "undo", {}, "command { id }")
    found = await hub_world.graphql("owner", "{ images { totalCount } }")
    assert found["images"]["totalCount"] == 0
    missing = plan | {"planes": []}
    answer = await hub_world.mutate("owner", "createImage", missing, IMAGE)
    assert answer["code"] == "invalid"
