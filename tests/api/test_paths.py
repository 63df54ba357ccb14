"""Where objects lie and how much containers hold, over GraphQL."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.screens import NewField
from adapters.shapes import Draft
from schema.scalars import encode_id
from store.tables.containers import Dataset, Project
from store.tables.screens import Plate, Screen
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of

PATHS = """query($ids: [ID!]!) { paths(ids: $ids) { id paths {
  orphaned owner { username } steps { noun legacyId name } } } }"""


class Scene:
    """Two projects share a dataset; two of three images in it are also fields of a plate."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.ids: dict[str, int] = {}

    async def make(self) -> Scene:
        world, owner, ids = self.world, self.world.people["owner"], self.ids
        hub = await world.hub("owner")
        for name in ("one", "two"):
            ids[name] = (await world.project(owner, name)).id
        ids["shared"] = (await world.dataset(owner, "shared", into=ids["one"])).id
        await hub.containers.link(Project, ids["two"], Dataset, [ids["shared"]])
        ids["lonely"] = (await world.dataset(owner, "lonely")).id
        for name in ("a", "b", "c"):
            ids[name] = (await world.image(owner, name, into=ids["shared"])).id
        ids["orphan"] = (await world.image(owner, "orphan")).id
        ids["screen"] = (await hub.containers.create(Screen, name="screen")).id
        ids["plate"] = (await hub.screens.create_plate(name="plate", screen_id=ids["screen"])).id
        ids["run"] = (await hub.screens.create_acquisition(ids["plate"], name="run")).id
        ids["field a"], ids["field b"], ids["again"] = await hub.screens.add_fields(
            ids["plate"],
            [
                NewField(0, 0, ids["a"], acquisition_id=ids["run"]),
                NewField(0, 1, ids["b"]),
                NewField(0, 1, ids["a"]),
            ],
        )
        wells = await hub.screens.fields([ids["field a"], ids["field b"]])
        ids["A1"], ids["A2"] = (field.well_id for field in wells if field is not None)
        return self

    def id(self, noun: str, name: str) -> str:
        return encode_id(noun, self.ids[name])

    async def paths(self, who: str, *wanted: tuple[str, str]) -> list[list[str]]:
        """Return the paths of one or more objects as texts of names of this scene."""
        asked = {"ids": [self.id(*one) for one in wanted]}
        found = (await self.world.graphql(who, PATHS, asked))["paths"]
        names = {number: name for name, number in self.ids.items()}
        return [
            [
                " > ".join(names.get(step["legacyId"], step["noun"]) for step in path["steps"])
                for path in one["paths"]
            ]
            for one in found
        ]


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


async def test_every_way_to_an_image_is_told_through_datasets_and_wells(scene: Scene) -> None:
    assert await scene.paths("annotator", ("Image", "a")) == [
        [
            "one > shared > a",
            "two > shared > a",
            "screen > plate > run > A1 > field a > a",
            "screen > plate > A2 > again > a",
        ]
    ]


async def test_paths_of_containers_wells_and_regions(scene: Scene) -> None:
    hub = await scene.world.hub("owner")
    roi = await hub.rois.create(scene.ids["c"], [Draft(rectangle())])
    scene.ids["roi"] = roi.id
    (shapes,) = (await hub.rois.shapes_of([roi.id])).values()
    scene.ids["shape"] = shapes[0].id
    found = await scene.paths(
        "owner", ("Project", "one"), ("Dataset", "shared"), ("Dataset", "lonely"),
        ("Plate", "plate"), ("Acquisition", "run"), ("Well", "A1"), ("Well", "A2"),
        ("WellSample", "field a"), ("ROI", "roi"), ("Shape", "shape"),
    )  # fmt: skip
    assert found == [
        ["one"],
        ["one > shared", "two > shared"],
        ["lonely"],
        ["screen > plate"],
        ["screen > plate > run"],
        ["screen > plate > run > A1"],
        ["screen > plate > A2"],
        ["screen > plate > run > A1 > field a"],
        ["one > shared > c > roi", "two > shared > c > roi"],
        ["one > shared > c > roi > shape", "two > shared > c > roi > shape"],
    ]


def rectangle() -> Any:
    from adapters.geometry.drawn import Drawn, Kind

    return Drawn(Kind.RECTANGLE, {"x": 1.0, "y": 1.0, "width": 5.0, "height": 5.0})


async def test_an_image_in_nothing_is_orphaned_and_names_its_owner(scene: Scene) -> None:
    found = await scene.world.graphql("annotator", PATHS, {"ids": [scene.id("Image", "orphan")]})
    (path,) = found["paths"][0]["paths"]
    assert path["orphaned"]
    assert path["owner"] == {"username": "owner"}
    assert [step["name"] for step in path["steps"]] == ["orphan"]


async def test_a_path_begins_at_the_first_thing_one_sees(scene: Scene) -> None:
    world = scene.world
    await world.grant("read", "dataset", scene.ids["shared"], world.people["stranger"])
    assert await scene.paths("stranger", ("Image", "b")) == [["shared > b"]]
    assert await scene.paths("stranger", ("Image", "orphan")) == []
    assert await scene.paths("reader", ("Image", "b"), ("Plate", "plate")) == []


async def test_what_has_no_place_in_a_hierarchy_is_refused(scene: Scene) -> None:
    asked = {"ids": [encode_id("User", 2)]}
    assert code_of(await scene.world.execute("owner", PATHS, asked)) == "invalid"


async def test_the_statements_do_not_grow_with_the_objects(scene: Scene) -> None:
    one = {"ids": [scene.id("Image", "a")]}
    three = {"ids": [scene.id("Image", name) for name in ("a", "b", "c", "orphan")]}
    counts = []
    for asked in (one, three):
        with statements(scene.world.database) as sent:
            await scene.world.graphql("annotator", PATHS, asked)
        counts.append(len(sent))
    assert counts[0] == counts[1]


COUNTS = """{
  projects { nodes { name datasetCount imageCount
    datasets { nodes { name imageCount images(first: 0) { totalCount } } } } }
  screens { nodes { plateCount imageCount plates { nodes { wellCount imageCount
    acquisitions { imageCount } wells { nodes { label imageCount } } } } } } }"""


async def test_counts_at_every_level(scene: Scene) -> None:
    found = await scene.world.graphql("annotator", COUNTS)
    shared = {"name": "shared", "imageCount": 3, "images": {"totalCount": 3}}
    assert found["projects"]["nodes"] == [
        {"name": name, "datasetCount": 1, "imageCount": 3, "datasets": {"nodes": [shared]}}
        for name in ("one", "two")
    ]
    (screen,) = found["screens"]["nodes"]
    assert (screen["plateCount"], screen["imageCount"]) == (1, 2)
    (plate,) = screen["plates"]["nodes"]
    assert (plate["wellCount"], plate["imageCount"]) == (2, 2)
    assert plate["acquisitions"] == [{"imageCount": 1}]
    assert plate["wells"]["nodes"] == [
        {"label": "A1", "imageCount": 1},
        {"label": "A2", "imageCount": 2},
    ]


async def test_counts_hold_only_what_one_sees(scene: Scene) -> None:
    world = scene.world
    await world.mutate("owner", "delete", {"ids": [scene.id("Image", "a")]}, "dryRun")
    found = await world.graphql("annotator", COUNTS)
    assert [one["imageCount"] for one in found["projects"]["nodes"]] == [2, 2]
    assert found["screens"]["nodes"][0]["imageCount"] == 1
    await world.grant("read", "plate", scene.ids["plate"], world.people["stranger"])
    query = "{ plates { nodes { wellCount imageCount } } projects { totalCount } }"
    assert await world.graphql("stranger", query) == {
        "plates": {"nodes": [{"wellCount": 2, "imageCount": 1}]},
        "projects": {"totalCount": 0},
    }


async def test_counting_costs_the_same_for_one_container_as_for_many(scene: Scene) -> None:
    counts = []
    query = "{ datasets(first: 50) { nodes { imageCount } } }"
    for more in (0, 5):
        for number in range(more):
            await scene.world.dataset(scene.world.people["owner"], f"more {number}")
        with statements(scene.world.database) as sent:
            await scene.world.graphql("annotator", query)
        counts.append(len(sent))
    assert counts[0] == counts[1]


async def test_orphans_are_found_by_kind_owner_and_group(scene: Scene) -> None:
    hub = await scene.world.hub("owner")
    free = (await hub.containers.create(Plate, name="free")).id
    query = """query($owner: ID, $group: ID) {
      images(where: {orphaned: true, owner: $owner, group: $group}) { nodes { name } }
      datasets(where: {orphaned: true, owner: $owner, group: $group}) { nodes { name } }
      plates(where: {orphaned: true, owner: $owner, group: $group}) { nodes { legacyId } } }"""
    own = {
        "owner": encode_id("User", scene.world.people["owner"]),
        "group": encode_id("Group", scene.world.groups["lab"]),
    }
    assert await scene.world.graphql("annotator", query, own) == {
        "images": {"nodes": [{"name": "orphan"}]},
        "datasets": {"nodes": [{"name": "lonely"}]},
        "plates": {"nodes": [{"legacyId": free}]},
    }
    others = {"owner": encode_id("User", scene.world.people["annotator"])}
    found = await scene.world.graphql("annotator", query, others)
    assert {len(found[noun]["nodes"]) for noun in found} == {0}
