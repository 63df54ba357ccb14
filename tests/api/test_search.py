"""Search over GraphQL: which words find what, for whom, in which order, and at what cost."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.screens import NewField
from schema.scalars import encode_id
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset
from store.tables.images import Image
from store.tables.screens import Screen
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

SEARCH = """query($text: String!, $types: [SearchType!], $places: [SearchPlace!], $owner: ID,
  $group: ID, $created: MomentFilter, $acquired: MomentFilter, $first: Int! = 50, $offset: Int! = 0)
{ search(text: $text, types: $types, places: $places, owner: $owner, group: $group,
    createdAt: $created, acquiredAt: $acquired, first: $first, offset: $offset) {
  type hasMore totalCount hits { id legacyId type name description acquiredAt createdAt
    owner { username } group { name } permissions { canEdit } object { id } } } }"""


class Scene:
    """Objects of every kind that speak of mitosis in different places."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world

    async def make(self) -> Scene:
        world, owner = self.world, self.world.people["owner"]
        hub = await world.hub("owner")
        await world.project(owner, "Mitosis in HeLa")
        dataset = await world.dataset(owner, "Day 1")
        await hub.containers.update(Dataset, dataset.id, description="Cells in MITOSIS, fixed")
        self.tagged = await world.image(owner, "tagged.tif")
        await hub.annotations.create(
            AnnotationKind.TAG, "mitosis", targets=[("image", self.tagged.id)]
        )
        self.paired = await world.image(owner, "paired.tif")
        await hub.annotations.create(
            AnnotationKind.MAP, [("phase", "mitosis")], targets=[("image", self.paired.id)]
        )
        self.said = await world.image(owner, "said.tif")
        await hub.annotations.create(
            AnnotationKind.COMMENT, "Is this Mitosis?", targets=[("image", self.said.id)]
        )
        await world.image(owner, "50%_mitosis.tif")
        await world.image(owner, "mitosis")
        await hub.containers.create(Screen, name="A screen for mitosis")
        plate = await hub.screens.create_plate(name="Mitosis plate")
        (field,) = await hub.screens.add_fields(plate.id, [NewField(1, 2, self.tagged.id)])
        (row,) = await hub.screens.fields([field])
        assert row is not None
        self.well = row.well_id
        await world.image(owner, "Äpfel und Birnen")
        return self

    async def find(self, text: str, who: str = "annotator", **more: Any) -> dict[str, list[str]]:
        """Return the names found by kind."""
        found = (await self.world.graphql(who, SEARCH, {"text": text, **more}))["search"]
        for one in found:
            assert one["totalCount"] >= len(one["hits"])
            assert [hit["object"]["id"] for hit in one["hits"]] == [x["id"] for x in one["hits"]]
        return {one["type"]: [hit["name"] for hit in one["hits"]] for one in found if one["hits"]}


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


async def test_words_are_found_in_names_descriptions_and_annotations(scene: Scene) -> None:
    assert await scene.find("MITOSIS") == {
        "PROJECT": ["Mitosis in HeLa"],
        "DATASET": ["Day 1"],
        "IMAGE": ["mitosis", "50%_mitosis.tif", "paired.tif", "said.tif", "tagged.tif"],
        "SCREEN": ["A screen for mitosis"],
        "PLATE": ["Mitosis plate"],
        "WELL": ["Mitosis plate [B3]"],
    }


async def test_a_place_narrows_where_words_are_looked_for(scene: Scene) -> None:
    names = await scene.find("mitosis", places=["NAME"], types=["IMAGE", "DATASET"])
    assert names == {"IMAGE": ["mitosis", "50%_mitosis.tif"]}
    notes = await scene.find("mitosis", places=["ANNOTATIONS"])
    assert notes == {"IMAGE": ["paired.tif", "said.tif", "tagged.tif"]}
    assert await scene.find("fixed", places=["DESCRIPTION"]) == {"DATASET": ["Day 1"]}


async def test_all_words_must_hold_and_a_phrase_stands_together(scene: Scene) -> None:
    assert await scene.find("hela mitosis") == {"PROJECT": ["Mitosis in HeLa"]}
    assert await scene.find('"in hela"') == {"PROJECT": ["Mitosis in HeLa"]}
    assert await scene.find('"hela in"') == {}
    assert await scene.find("tagged mitosis") == {"IMAGE": ["tagged.tif"]}


async def test_signs_of_patterns_are_letters_like_others(scene: Scene) -> None:
    assert await scene.find("50%_m") == {"IMAGE": ["50%_mitosis.tif"]}
    assert await scene.find("%") == {"IMAGE": ["50%_mitosis.tif"]}
    assert await scene.find("t_gged") == {}
    assert await scene.find("ÄPFEL") == {"IMAGE": ["Äpfel und Birnen"]}


async def test_nobody_finds_what_they_may_not_see(scene: Scene) -> None:
    for who in ("stranger", "reader", "keeper", None):
        found = (await scene.world.graphql(who, SEARCH, {"text": "mitosis"}))["search"]
        assert {(one["totalCount"], len(one["hits"])) for one in found} == {(0, 0)}
    await scene.world.grant("read", "image", scene.paired.id, scene.world.people["stranger"])
    assert await scene.find("mitosis", "stranger") == {"IMAGE": ["paired.tif"]}


async def test_what_was_deleted_or_taken_off_is_not_found(scene: Scene) -> None:
    hub = await scene.world.hub("owner")
    await hub.containers.delete(Image, [scene.said.id])
    (note,) = (await hub.annotations.on([("image", scene.tagged.id)]))["image", scene.tagged.id]
    await hub.annotations.detach([note.id], [("image", scene.tagged.id)])
    assert await scene.find("mitosis", places=["ANNOTATIONS"]) == {"IMAGE": ["paired.tif"]}


async def test_owner_group_and_times_narrow_what_is_found(scene: Scene) -> None:
    world = scene.world
    hub = await world.hub("owner")
    taken = 1_600_000_000_000
    await hub.containers.update(Image, scene.paired.id, acquired_at=taken)
    owner = encode_id("User", world.people["owner"])
    other = encode_id("User", world.people["annotator"])
    assert len(await scene.find("mitosis", owner=owner)) == 6
    assert await scene.find("mitosis", owner=other) == {}
    assert await scene.find("mitosis", group=encode_id("Group", world.groups["vault"])) == {}
    day = {"gte": "2020-09-13T00:00:00Z", "lt": "2020-09-14T00:00:00Z"}
    assert await scene.find("mitosis", acquired=day) == {"IMAGE": ["paired.tif"]}
    assert await scene.find("mitosis", created=day) == {}


async def test_a_hit_carries_what_a_list_shows_of_it(scene: Scene) -> None:
    asked = {"text": "HeLa", "types": ["PROJECT"]}
    for who, may in (("owner", True), ("annotator", False)):
        (found,) = (await scene.world.graphql(who, SEARCH, asked))["search"]
        (hit,) = found["hits"]
        assert hit["owner"] == {"username": "owner"}
        assert hit["group"] == {"name": "lab"}
        assert hit["permissions"] == {"canEdit": may}
        assert hit["acquiredAt"] is None
        assert hit["createdAt"].startswith("20")


async def test_hits_are_taken_in_parts(scene: Scene) -> None:
    asked = {"text": "mitosis", "types": ["IMAGE"], "first": 2}
    (first,) = (await scene.world.graphql("owner", SEARCH, asked))["search"]
    (last,) = (await scene.world.graphql("owner", SEARCH, asked | {"offset": 4}))["search"]
    assert (first["hasMore"], first["totalCount"], len(first["hits"])) == (True, 5, 2)
    assert (last["hasMore"], [hit["name"] for hit in last["hits"]]) == (False, ["tagged.tif"])


@pytest.mark.parametrize("text", ["", "  ", '""', "x" * 201, " ".join("abcdefghijk")])
async def test_what_is_no_search_is_refused(scene: Scene, text: str) -> None:
    assert code_of(await scene.world.execute("owner", SEARCH, {"text": text})) == "invalid"


async def test_a_search_is_one_statement_a_kind(scene: Scene) -> None:
    query = """query($text: String!, $types: [SearchType!]) {
      search(text: $text, types: $types) { hits { id name permissions { canEdit } } } }"""
    sent_for = {}
    kinds = ["PROJECT", "DATASET", "IMAGE", "SCREEN", "PLATE"]
    for number in (1, 5):
        variables = {"text": "mitosis", "types": kinds[:number]}
        context = await scene.world.context("annotator")
        with statements(scene.world.database) as sent:
            from resolvers.root import graphql_schema

            await graphql_schema.execute(query, variable_values=variables, context_value=context)
        sent_for[number] = len([one for one in sent if one.lstrip().startswith("SELECT")])
    assert sent_for == {1: 1, 5: 5}


async def test_a_well_is_found_by_its_own_words(scene: Scene) -> None:
    hub = await scene.world.hub("owner")
    await hub.screens.update_well(scene.well, type="Control", external_description="siRNA 7")
    assert await scene.find("control", types=["WELL"]) == {"WELL": ["Mitosis plate [B3]"]}
    assert await scene.find("sirna", places=["DESCRIPTION"]) == {"WELL": ["Mitosis plate [B3]"]}
    found = await scene.find("mitosis plate", types=["PLATE"])
    assert found == {"PLATE": ["Mitosis plate"]}
