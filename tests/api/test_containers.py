"""Containers and images over GraphQL: who may do what, what is refused, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import decode_id, encode_id
from store.tables.containers import Dataset
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of


class Scene:
    """A project with two datasets and two images in the first; all of the owner's."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.ids: dict[str, str] = {}

    async def make(self) -> Scene:
        world, owner = self.world, self.world.people["owner"]
        project = await world.project(owner, "Mitosis")
        first = await world.dataset(owner, "first", into=project.id)
        second = await world.dataset(owner, "second", into=project.id)
        one = await world.image(owner, "one.tif", into=first.id)
        two = await world.image(owner, "two.tif", into=first.id)
        self.ids = {
            "project": encode_id("Project", project.id),
            "first": encode_id("Dataset", first.id),
            "second": encode_id("Dataset", second.id),
            "one": encode_id("Image", one.id),
            "two": encode_id("Image", two.id),
        }
        return self

    def __getitem__(self, name: str) -> str:
        return self.ids[name]

    async def inside(self, dataset: str, who: str = "owner") -> list[str]:
        """Return the names of the images in a dataset."""
        query = "query($id: ID!) { dataset(id: $id) { images { nodes { name } } } }"
        found = await self.world.graphql(who, query, {"id": self[dataset]})
        return [one["name"] for one in found["dataset"]["images"]["nodes"]]


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


# who sees what


SEEN = """query($project: ID!, $image: ID!) {
  projects { totalCount nodes { name } } datasets { totalCount } images { totalCount }
  nodes(ids: [$project, $image]) { id } }"""


async def test_members_of_the_group_see_all_and_strangers_nothing(scene: Scene) -> None:
    variables = {"project": scene["project"], "image": scene["one"]}
    for who in ("owner", "annotator", "root"):
        found = await scene.world.graphql(who, SEEN, variables)
        counts = [found[noun]["totalCount"] for noun in ("projects", "datasets", "images")]
        assert counts == [1, 2, 2]
        assert None not in found["nodes"]
    for stranger in ("stranger", "reader", "keeper", None):
        found = await scene.world.graphql(stranger, SEEN, variables)
        assert found == {
            "projects": {"totalCount": 0, "nodes": []},
            "datasets": {"totalCount": 0},
            "images": {"totalCount": 0},
            "nodes": [None, None],
        }


@pytest.mark.parametrize("name", ["project", "first", "one"])
async def test_a_single_object_of_others_does_not_exist_for_a_stranger(
    scene: Scene, name: str
) -> None:
    field = {"project": "project", "first": "dataset", "one": "image"}[name]
    query = f"query($id: ID!) {{ {field}(id: $id) {{ name }} }}"
    hidden = await scene.world.execute("stranger", query, {"id": scene[name]})
    unknown = await scene.world.execute(
        "owner", query, {"id": encode_id(field.capitalize(), 987_654_321)}
    )
    assert code_of(hidden) == code_of(unknown) == "not_found"


async def test_a_private_group_shows_ones_own_only(hub_world: HubWorld) -> None:
    made = await hub_world.project(hub_world.people["keeper"], "secret")
    hub_world.people["second"] = await hub_world.person("second", hub_world.groups["vault"])
    query = "{ projects { nodes { name } } }"
    assert await hub_world.graphql("keeper", query) == {
        "projects": {"nodes": [{"name": made.name}]}
    }
    assert await hub_world.graphql("second", query) == {"projects": {"nodes": []}}


async def test_permissions_travel_with_the_objects(scene: Scene) -> None:
    query = """query($id: ID!) { project(id: $id) { owner { username } group { name }
      permissions { canAnnotate canEdit canDelete canLink canShare } } }"""
    own = (await scene.world.graphql("owner", query, {"id": scene["project"]}))["project"]
    mate = (await scene.world.graphql("annotator", query, {"id": scene["project"]}))["project"]
    assert own["owner"] == {"username": "owner"}
    assert own["group"] == {"name": "lab"}
    assert set(own["permissions"].values()) == {True}
    assert mate["permissions"] == {
        "canAnnotate": True,
        "canEdit": False,
        "canDelete": False,
        "canLink": False,
        "canShare": False,
    }


def attempts(scene: Scene) -> dict[str, tuple[str, dict[str, Any], str]]:
    """Return one attempt at each mutation on what is the owner's."""
    group = encode_id("Group", scene.world.groups["outside"])
    return {
        "updateProject": ("updateProject", {"id": scene["project"], "name": "x"}, "project { id }"),
        "updateDataset": ("updateDataset", {"id": scene["first"], "name": "x"}, "dataset { id }"),
        "updateImage": ("updateImage", {"id": scene["one"], "name": "x"}, "image { id }"),
        "createDataset": (
            "createDataset",
            {"name": "x", "project": scene["project"]},
            "dataset { id }",
        ),
        "link": ("link", {"parent": scene["second"], "children": [scene["one"]]}, "changed"),
        "unlink": ("unlink", {"parent": scene["first"], "children": [scene["one"]]}, "changed"),
        "move": (
            "move",
            {"children": [scene["one"]], "source": scene["first"], "target": scene["second"]},
            "changed",
        ),
        "moveToGroup": ("moveToGroup", {"id": scene["project"], "group": group}, "id"),
        "delete": ("delete", {"ids": [scene["project"]]}, "dryRun"),
        "deleteImage": ("delete", {"ids": [scene["one"], scene["two"]]}, "dryRun"),
        "dryRun": ("delete", {"ids": [scene["first"]], "dryRun": True}, "dryRun"),
    }


ATTEMPTS = [
    "updateProject",
    "updateDataset",
    "updateImage",
    "createDataset",
    "link",
    "unlink",
    "move",
    "moveToGroup",
    "delete",
    "deleteImage",
    "dryRun",
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
async def test_nobody_else_changes_what_is_the_owners(scene: Scene, attempt: str) -> None:
    field, input, selection = attempts(scene)[attempt]
    before = await scene.world.stored()
    mate = await scene.world.mutate("annotator", field, input, selection)
    stranger = await scene.world.mutate("stranger", field, input, selection)
    nobody = await scene.world.mutate(None, field, input, selection)
    assert mate["code"] == "forbidden"
    assert stranger["code"] == "not_found"
    assert nobody["code"] in ("not_found", "forbidden", "unauthenticated")
    assert await scene.world.stored() == before


async def test_a_grant_to_edit_lets_one_edit_but_not_delete_or_share(scene: Scene) -> None:
    world = scene.world
    project = decode_id(scene["project"], "Project")
    await world.grant("write", "project", project, world.people["stranger"])
    codes = {}
    for name in ("updateProject", "updateImage", "delete", "deleteImage", "moveToGroup"):
        field, input, selection = attempts(scene)[name]
        codes[name] = (await world.mutate("stranger", field, input, selection)).get("code")
    assert codes == {
        "updateProject": None,
        "updateImage": None,
        "delete": "forbidden",
        "deleteImage": "forbidden",
        "moveToGroup": "forbidden",
    }


# what is refused


async def test_a_stale_version_is_a_conflict_that_names_the_present_one(scene: Scene) -> None:
    update = {"id": scene["project"], "version": 1}
    first = await scene.world.mutate(
        "owner", "updateProject", update | {"name": "two"}, "project { version }"
    )
    second = await scene.world.mutate(
        "owner", "updateProject", update | {"name": "three"}, "project { version }"
    )
    assert first == {"project": {"version": 2}}
    assert second["code"] == "conflict"
    assert second["details"]["version"] == 2
    assert "version 1" in second["message"]


async def test_a_value_sent_back_as_it_is_changes_nothing(scene: Scene) -> None:
    before = await scene.world.stored()
    update = {"id": scene["project"], "name": "Mitosis"}
    done = await scene.world.mutate("owner", "updateProject", update, "project { version }")
    assert done == {"project": {"version": 1}}
    assert await scene.world.stored() == before


@pytest.mark.parametrize("name", ["", "   ", "a\u0000b", "line\nbreak", "x" * 256, None])
async def test_a_name_that_cannot_be_is_refused(scene: Scene, name: str | None) -> None:
    update = {"id": scene["project"], "name": name}
    before = await scene.world.stored()
    answer = await scene.world.mutate("owner", "updateProject", update, "project { id }")
    assert answer["code"] == "invalid"
    assert answer["field"] == "name"
    assert await scene.world.stored() == before


@pytest.mark.parametrize(
    ("parent", "child"),
    [
        ("first", "second"),
        ("first", "project"),
        ("one", "first"),
        ("project", "one"),
        ("project", "project"),
        ("first", "first"),
        ("one", "one"),
    ],
)
async def test_what_does_not_go_into_another_is_refused(
    scene: Scene, parent: str, child: str
) -> None:
    before = await scene.world.stored()
    link = {"parent": scene[parent], "children": [scene[child]]}
    answer = await scene.world.mutate("owner", "link", link, "changed")
    assert answer["code"] == "invalid"
    assert await scene.world.stored() == before


async def test_a_container_holds_objects_of_its_own_group_only(scene: Scene) -> None:
    world = scene.world
    root = await world.hub("root")
    other = await root.containers.create(
        Dataset, name="elsewhere", group_id=world.groups["readers"]
    )
    link = {"parent": scene["project"], "children": [encode_id("Dataset", other.id)]}
    before = await world.stored()
    answer = await world.mutate("root", "link", link, "changed")
    assert answer["code"] == "conflict"
    assert "group" in answer["message"]
    assert await world.stored() == before


@pytest.mark.parametrize("field", ["link", "unlink"])
async def test_a_mixture_of_kinds_is_refused(scene: Scene, field: str) -> None:
    link = {"parent": scene["first"], "children": [scene["one"], scene["second"]]}
    answer = await scene.world.mutate("owner", field, link, "changed")
    nothing = await scene.world.mutate("owner", field, link | {"children": []}, "changed")
    assert answer["code"] == nothing["code"] == "invalid"


async def test_one_unknown_object_among_many_links_none(scene: Scene) -> None:
    before = await scene.world.stored()
    link = {"parent": scene["second"], "children": [scene["one"], encode_id("Image", 999_999)]}
    answer = await scene.world.mutate("owner", "link", link, "changed")
    assert answer["code"] == "not_found"
    assert await scene.world.stored() == before


# what is done


async def test_linking_twice_links_once(scene: Scene) -> None:
    link = {"parent": scene["second"], "children": [scene["one"], scene["one"]]}
    assert await scene.world.mutate("owner", "link", link, "changed") == {"changed": 1}
    assert await scene.world.mutate("owner", "link", link, "changed") == {"changed": 0}
    assert await scene.inside("first") == ["one.tif", "two.tif"]
    assert await scene.inside("second") == ["one.tif"]


async def test_unlinking_leaves_the_object(scene: Scene) -> None:
    link = {"parent": scene["first"], "children": [scene["one"]]}
    assert await scene.world.mutate("owner", "unlink", link, "changed") == {"changed": 1}
    assert await scene.inside("first") == ["two.tif"]
    orphans = await scene.world.graphql(
        "owner", "{ images(where: {orphaned: true}) { nodes { name } } }"
    )
    assert orphans == {"images": {"nodes": [{"name": "one.tif"}]}}


async def test_moving_is_one_command_and_undone_in_one_go(scene: Scene) -> None:
    move = {
        "children": [scene["one"], scene["two"]],
        "source": scene["first"],
        "target": scene["second"],
    }
    assert await scene.world.mutate("owner", "move", move, "changed") == {"changed": 2}
    assert await scene.inside("first") == []
    assert await scene.inside("second") == ["one.tif", "two.tif"]
    await scene.world.mutate("owner", "undo", {}, "command { id }")
    assert await scene.inside("first") == ["one.tif", "two.tif"]
    assert await scene.inside("second") == []


async def test_moving_what_is_in_both_leaves_it_in_the_target(scene: Scene) -> None:
    await scene.world.mutate(
        "owner", "link", {"parent": scene["second"], "children": [scene["one"]]}, "changed"
    )
    move = {"children": [scene["one"]], "source": scene["first"], "target": scene["second"]}
    await scene.world.mutate("owner", "move", move, "changed")
    assert await scene.inside("first") == ["two.tif"]
    assert await scene.inside("second") == ["one.tif"]


async def test_a_move_within_one_container_or_from_where_it_is_not_is_refused(
    scene: Scene,
) -> None:
    before = await scene.world.stored()
    same = {"children": [scene["one"]], "source": scene["first"], "target": scene["first"]}
    absent = {"children": [scene["one"]], "source": scene["second"], "target": scene["first"]}
    assert (await scene.world.mutate("owner", "move", same, "changed"))["code"] == "invalid"
    assert (await scene.world.mutate("owner", "move", absent, "changed"))["code"] == "conflict"
    assert await scene.world.stored() == before


async def test_a_dry_run_counts_and_changes_nothing(scene: Scene) -> None:
    before = await scene.world.stored()
    shown = "deletedIds dryRun commandId impact { noun count unreadable }"
    for ids, impact in (
        ([scene["project"]], {"project": 1, "unlinked_dataset": 2}),
        ([scene["first"]], {"dataset": 1, "unlinked_image": 2}),
        ([scene["one"], scene["two"]], {"image": 2}),
    ):
        counted = await scene.world.mutate("owner", "delete", {"ids": ids, "dryRun": True}, shown)
        assert counted["dryRun"]
        assert counted["commandId"] is None
        assert {one["noun"]: one["count"] for one in counted["impact"]} == impact
        assert {one["unreadable"] for one in counted["impact"]} == {0}
    assert await scene.world.stored() == before
    assert await scene.inside("first") == ["one.tif", "two.tif"]


async def test_a_deletion_counts_what_a_dry_run_foretold(scene: Scene) -> None:
    ids = {"ids": [scene["first"]]}
    shown = "impact { noun count unreadable }"
    foretold = await scene.world.mutate("owner", "delete", ids | {"dryRun": True}, shown)
    done = await scene.world.mutate("owner", "delete", ids, shown)
    assert done == foretold


async def test_images_of_a_deleted_dataset_stay(scene: Scene) -> None:
    await scene.world.mutate("owner", "delete", {"ids": [scene["first"]]}, "dryRun")
    found = await scene.world.graphql(
        "owner", "{ images { nodes { name datasets { name } } } datasets { nodes { name } } }"
    )
    assert found["datasets"]["nodes"] == [{"name": "second"}]
    assert found["images"]["nodes"] == [
        {"name": "one.tif", "datasets": []},
        {"name": "two.tif", "datasets": []},
    ]


async def test_what_was_deleted_comes_back_where_it_was(scene: Scene) -> None:
    for name in ("first", "project", "one"):
        await scene.world.mutate("owner", "delete", {"ids": [scene[name]]}, "dryRun")
    names = """{ projects(first: 5) { nodes { name
      datasets { nodes { name images { nodes { name } } } } } } }"""
    assert (await scene.world.graphql("owner", names))["projects"]["nodes"] == []
    for name in ("one", "project", "first"):
        back = await scene.world.mutate("owner", "restore", {"ids": [scene[name]]}, "restored")
        assert back == {"restored": 1}
    assert (await scene.world.graphql("annotator", names))["projects"]["nodes"] == [
        {
            "name": "Mitosis",
            "datasets": {
                "nodes": [
                    {
                        "name": "first",
                        "images": {"nodes": [{"name": "one.tif"}, {"name": "two.tif"}]},
                    },
                    {"name": "second", "images": {"nodes": []}},
                ]
            },
        }
    ]


async def test_deleting_what_is_deleted_already_is_not_found(scene: Scene) -> None:
    ids = {"ids": [scene["one"]]}
    await scene.world.mutate("owner", "delete", ids, "dryRun")
    assert (await scene.world.mutate("owner", "delete", ids, "dryRun"))["code"] == "not_found"


async def test_a_project_moves_to_another_group_with_what_lies_only_in_it(scene: Scene) -> None:
    world = scene.world
    root = (await world.hub("root")).people.groups
    await root.put_member(world.groups["readers"], world.people["owner"])
    elsewhere = await world.project(world.people["owner"], "Elsewhere")
    link = {"parent": encode_id("Project", elsewhere.id), "children": [scene["second"]]}
    await world.mutate("owner", "link", link, "changed")
    move = {"id": scene["project"], "group": encode_id("Group", world.groups["readers"])}
    assert await world.mutate("owner", "moveToGroup", move, "id") == {"id": scene["project"]}
    query = "{ projects { nodes { name group { name } datasets { nodes { name } } } } }"
    seen = {}
    for who in ("reader", "annotator"):
        found = (await world.graphql(who, query))["projects"]["nodes"]
        seen[who] = {one["name"]: [x["name"] for x in one["datasets"]["nodes"]] for one in found}
    assert seen == {"reader": {"Mitosis": ["first"]}, "annotator": {"Elsewhere": ["second"]}}
    images = "{ images { nodes { name } } }"
    assert len((await world.graphql("reader", images))["images"]["nodes"]) == 2
    assert (await world.graphql("annotator", images))["images"]["nodes"] == []


async def test_a_new_dataset_lies_in_the_group_of_its_project(scene: Scene) -> None:
    wanted = {"name": "third", "project": scene["project"], "description": "later"}
    shown = "dataset { name description group { name } projects { name } owner { username } }"
    made = await scene.world.mutate("owner", "createDataset", wanted, shown)
    assert made["dataset"] == {
        "name": "third",
        "description": "later",
        "group": {"name": "lab"},
        "projects": [{"name": "Mitosis"}],
        "owner": {"username": "owner"},
    }


async def test_nothing_is_made_in_a_group_one_does_not_belong_to(hub_world: HubWorld) -> None:
    before = await hub_world.stored()
    for name in ("vault", "outside"):
        wanted = {"name": "x", "group": encode_id("Group", hub_world.groups[name])}
        answer = await hub_world.mutate("owner", "createProject", wanted, "project { id }")
        assert answer["code"] == "forbidden"
    nobody = await hub_world.mutate(None, "createProject", {"name": "x"}, "project { id }")
    assert nobody["code"] in ("forbidden", "unauthenticated")
    assert await hub_world.stored() == before


# lists


async def test_lists_are_filtered_ordered_and_paged(hub_world: HubWorld) -> None:
    for name in ("beta", "Alpha", "alpha 2", "Gamma_x", "gamma%y"):
        await hub_world.project(hub_world.people["owner"], name)
    query = """query($where: ContainerWhere, $order: [ContainerOrder!], $n: Int, $after: String) {
      projects(where: $where, orderBy: $order, first: $n, after: $after) {
        totalCount pageInfo { hasNextPage endCursor } nodes { name } } }"""

    async def names(**variables: Any) -> list[str]:
        found = (await hub_world.graphql("annotator", query, variables))["projects"]
        assert found["totalCount"] >= len(found["nodes"])
        return [one["name"] for one in found["nodes"]]

    assert await names() == ["Alpha", "alpha 2", "beta", "gamma%y", "Gamma_x"]
    assert await names(where={"name": {"contains": "ALPHA"}}) == ["Alpha", "alpha 2"]
    assert await names(where={"name": {"contains": "a_x"}}) == ["Gamma_x"]
    assert await names(where={"name": {"startsWith": "gamma%"}}) == ["gamma%y"]
    assert await names(where={"not": {"name": {"contains": "a"}}}) == []
    either = {"or": [{"name": {"eq": "beta"}}, {"name": {"eq": "Alpha"}}]}
    assert await names(where=either, order=[{"field": "ID", "direction": "DESC"}]) == [
        "Alpha",
        "beta",
    ]
    assert await names(order=[{"field": "CREATED"}], n=2) == ["beta", "Alpha"]


async def test_nested_pages_continue_behind_their_own_cursor(scene: Scene) -> None:
    query = """query($id: ID!, $after: String) { dataset(id: $id) { images(first: 1, after: $after)
      { totalCount pageInfo { hasNextPage hasPreviousPage endCursor } nodes { name } } } }"""
    first = await scene.world.graphql("owner", query, {"id": scene["first"]})
    after = first["dataset"]["images"]["pageInfo"]["endCursor"]
    second = await scene.world.graphql("owner", query, {"id": scene["first"], "after": after})
    assert first["dataset"]["images"]["nodes"] == [{"name": "one.tif"}]
    assert first["dataset"]["images"]["pageInfo"]["hasNextPage"]
    assert second["dataset"]["images"]["nodes"] == [{"name": "two.tif"}]
    assert second["dataset"]["images"]["totalCount"] == 2
    assert second["dataset"]["images"]["pageInfo"]["hasPreviousPage"]
    assert not second["dataset"]["images"]["pageInfo"]["hasNextPage"]


# images


async def test_an_imported_image_shows_its_pixels_and_channels(hub_world: HubWorld) -> None:
    dataset = await hub_world.dataset(hub_world.people["owner"], "in")
    image = await hub_world.picture("owner", dataset_id=dataset.id, name="ramp")
    query = """query($id: ID!) { image(id: $id) { name format owner { username }
      pixels { sizeX sizeY sizeZ sizeC sizeT type levels { path sizeX } }
      channels { position minimum maximum } rendering { model channels { start end active } }
      datasets { name } } }"""
    id = encode_id("Image", image.id)
    found = (await hub_world.graphql("annotator", query, {"id": id}))["image"]
    assert found["name"] == "ramp"
    assert found["pixels"]["sizeX"] == 16
    assert found["pixels"]["type"] == "uint16"
    assert found["pixels"]["levels"][0] == {"path": "0", "sizeX": 16}
    # The first picture is a ramp from 1 to 256.
    assert found["channels"] == [{"position": 0, "minimum": 1.0, "maximum": 256.0}]
    assert found["rendering"]["channels"] == [{"start": 1.0, "end": 256.0, "active": True}]
    assert found["datasets"] == [{"name": "in"}]


async def test_everybody_keeps_their_own_rendering(hub_world: HubWorld) -> None:
    image = await hub_world.picture("owner")
    id = encode_id("Image", image.id)
    shown = "image { rendering { channels { start end } } }"
    query = "query($id: ID!) { image(id: $id) { rendering { channels { start end } } } }"
    mine = {"id": id, "channels": [{"position": 0, "start": 10, "end": 20}]}
    await hub_world.mutate("annotator", "saveRendering", mine, shown)
    seen = {}
    for who in ("owner", "annotator"):
        found = await hub_world.graphql(who, query, {"id": id})
        seen[who] = found["image"]["rendering"]["channels"][0]
    assert seen["annotator"] == {"start": 10.0, "end": 20.0}
    assert seen["owner"] == {"start": 1.0, "end": 256.0}
    hidden = await hub_world.mutate("stranger", "saveRendering", mine, shown)
    wrong = mine | {"channels": [{"position": 7, "start": 1}]}
    missing = await hub_world.mutate("owner", "saveRendering", wrong, shown)
    assert hidden["code"] == "not_found"
    assert missing["code"] == "invalid"


async def test_a_channel_is_changed_by_who_may_edit_its_image(hub_world: HubWorld) -> None:
    image = await hub_world.picture("owner")
    query = "query($id: ID!) { image(id: $id) { channels { id } } }"
    found = await hub_world.graphql("owner", query, {"id": encode_id("Image", image.id)})
    change = {"id": found["image"]["channels"][0]["id"], "name": "DAPI", "color": "#0000FF"}
    shown = "channel { name color }"
    before = await hub_world.stored()
    mate = await hub_world.mutate("annotator", "updateChannel", change, shown)
    stranger = await hub_world.mutate("stranger", "updateChannel", change, shown)
    assert (mate["code"], stranger["code"]) == ("forbidden", "not_found")
    assert await hub_world.stored() == before
    done = await hub_world.mutate("owner", "updateChannel", change, shown)
    assert done == {"channel": {"name": "DAPI", "color": "#0000FFFF"}}


# what it costs


NESTED = """{ projects(first: 1) { totalCount nodes { name owner { username } group { name }
  permissions { canEdit }
  datasets(first: 40) { totalCount nodes { name projects { name }
    images(first: 30) { totalCount nodes { name createdBy { id } datasets { name }
      rendering { model } thumbnailUrl
      pixels { sizeX } channels { name minimum } } } } } } } }"""


async def test_nested_lists_cost_the_same_for_2_and_for_30_children(hub_world: HubWorld) -> None:
    owner = hub_world.people["owner"]
    project = await hub_world.project(owner, "Mitosis")
    counts = []
    for children in (2, 28):
        first = None
        for number in range(children):
            dataset = await hub_world.dataset(owner, f"{children} {number}", into=project.id)
            first = first or dataset
            await hub_world.image(owner, f"{children} {number}", into=dataset.id)
            await hub_world.image(owner, f"{children} {number} more", into=first.id)
        with statements(hub_world.database) as sent:
            found = await hub_world.graphql("annotator", NESTED)
        counts.append(len(sent))
    datasets = found["projects"]["nodes"][0]["datasets"]
    assert datasets["totalCount"] == 30
    assert sum(len(one["images"]["nodes"]) for one in datasets["nodes"]) == 60
    assert counts[0] == counts[1]
    # The actor (at most five), and a page or a count per level and per relation; the address of a
    # thumbnail names the settings it is drawn by.
    assert counts[0] <= 27
