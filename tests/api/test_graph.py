"""Saving a graph of objects in one mutation, and deleting objects of several kinds in another."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

SAVED = "saved { path ref outcome id object { id } } dryRun commandId"
RECTANGLE = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
ELLIPSE = {"ellipse": {"x": 8, "y": 8, "radiusX": 2, "radiusY": 3}}
WORDS = (
    """ fragment words on Annotation { ... on Tag { text } ... on CommentAnnotation { text } }"""
)
PROJECT = """query($id: ID!) { project(id: $id) {
  name description version annotations { kind ...words }
  datasets { nodes { id name images { nodes { id } } } } } }"""
IMAGE = """query($id: ID!) { image(id: $id) { name version
  annotations { id namespace ...words ... on MapAnnotation { pairs { key value } } }
  rois { nodes { id name version terms { term { name } } shapes { id c text
    ... on Rectangle { x width } ... on Ellipse { radiusX } } annotations { ...words } } } } }"""
UNDO = "mutation { undo(input: {}) { __typename ... on Error { message } } }"
REDO = "mutation { redo(input: {}) { __typename ... on Error { message } } }"


async def save(
    world: HubWorld, *objects: Mapping[str, Any], who: str = "owner", dry: bool = False
) -> Any:
    """Save a graph and return what became of its objects."""
    answer = await world.mutate(who, "saveGraph", {"objects": list(objects), "dryRun": dry}, SAVED)
    assert "code" not in answer, answer
    return answer


async def refuse(
    world: HubWorld, *objects: Mapping[str, Any], who: str = "owner"
) -> tuple[str, str]:
    """Try to save a graph; return why it is refused, having seen that nothing is stored."""
    before = await world.stored()
    answer = await world.mutate(who, "saveGraph", {"objects": list(objects)}, SAVED)
    assert "code" in answer, answer
    assert await world.stored() == before
    return answer["code"], answer["message"]


async def ids(world: HubWorld, *objects: Mapping[str, Any], who: str = "owner") -> list[str]:
    return [one["id"] for one in (await save(world, *objects, who=who))["saved"]]


async def project(world: HubWorld, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await world.graphql("owner", PROJECT + WORDS, {"id": id}))["project"]
    return found


async def image(world: HubWorld, id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await world.graphql("owner", IMAGE + WORDS, {"id": id}))["image"]
    return found


async def picture(world: HubWorld, who: str = "owner", **options: Any) -> str:
    return encode_id("Image", (await world.picture(who, **options)).id)


async def commands(world: HubWorld) -> list[str]:
    found = await world.graphql("owner", "{ history(first: 50) { nodes { verb summary } } }")
    return [one["summary"] for one in found["history"]["nodes"] if one["verb"] == "save_graph"]


async def test_a_tree_of_new_objects_is_one_command(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world)
    graph = {
        "project": {
            "name": "Mitosis",
            "description": "All of it",
            "annotations": {"items": [{"value": {"tag": "urgent"}, "ref": "urgent"}]},
            "datasets": {
                "items": [
                    {
                        "name": "Control",
                        "images": {
                            "items": [
                                {
                                    "id": drawn,
                                    "name": "renamed",
                                    "rois": {
                                        "items": [
                                            {
                                                "name": "nucleus",
                                                "shapes": {"items": [RECTANGLE, ELLIPSE]},
                                            }
                                        ]
                                    },
                                    "annotations": {
                                        "items": [
                                            {"ref": "urgent"},
                                            {"value": {"map": [{"key": "a", "value": "1"}]}},
                                        ]
                                    },
                                }
                            ]
                        },
                    },
                    {"name": "Treated"},
                ]
            },
        }
    }
    answer = await save(hub_world, graph)
    assert [(one["path"], one["outcome"], one["ref"]) for one in answer["saved"]] == [
        ("objects[0]", "CREATED", None),
        ("objects[0].annotations[0]", "CREATED", "urgent"),
        ("objects[0].datasets[0]", "CREATED", None),
        ("objects[0].datasets[0].images[0]", "CHANGED", None),
        ("objects[0].datasets[0].images[0].rois[0]", "CREATED", None),
        ("objects[0].datasets[0].images[0].annotations[1]", "CREATED", None),
        ("objects[0].datasets[1]", "CREATED", None),
    ]
    assert all(one["object"] == {"id": one["id"]} for one in answer["saved"])
    found = await project(hub_world, answer["saved"][0]["id"])
    assert found["name"] == "Mitosis"
    assert found["annotations"] == [{"kind": "TAG", "text": "urgent"}]
    assert [one["name"] for one in found["datasets"]["nodes"]] == ["Control", "Treated"]
    assert found["datasets"]["nodes"][0]["images"]["nodes"] == [{"id": drawn}]
    seen = await image(hub_world, drawn)
    assert seen["name"] == "renamed"
    assert [one.get("pairs") or one["text"] for one in seen["annotations"]] == [
        "urgent",
        [{"key": "a", "value": "1"}],
    ]
    (roi,) = seen["rois"]["nodes"]
    assert [shape.get("x") or shape.get("radiusX") for shape in roi["shapes"]] == [1, 2]
    assert await commands(hub_world) == [
        "save: created 1 project, created 2 annotation, created 2 dataset, created 1 roi, "
        "changed 1 image"
    ]


async def test_a_graph_is_undone_and_redone_as_a_whole(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world, name="cells")
    kept, gone = await ids(
        hub_world,
        {"dataset": {"name": "Kept", "images": {"items": [{"id": drawn}]}}},
        {"project": {"name": "Gone", "datasets": {"items": []}}},
    )
    before = await image(hub_world, drawn)
    graph = (
        {"project": {"id": gone, "name": "Came", "datasets": {"items": [
            {"id": kept, "images": {"items": []}}, {"name": "New"},
        ]}}},
        {"image": {"id": drawn, "name": "other",
                   "rois": {"items": [{"shapes": {"items": [RECTANGLE]}}]},
                   "annotations": {"items": [{"value": {"comment": "hm"}}]}}},
    )  # fmt: skip
    await save(hub_world, *graph)
    after = await project(hub_world, gone), await image(hub_world, drawn)
    assert len(after[0]["datasets"]["nodes"]) == 2
    assert after[0]["datasets"]["nodes"][0]["images"]["nodes"] == []
    for _ in range(2):
        undone = await hub_world.graphql("owner", UNDO)
        assert "Error" not in str(undone), undone
        found = await image(hub_world, drawn)
        assert {**found, "version": 0} == {**before, "version": 0}
        back = await project(hub_world, gone)
        assert (back["name"], back["datasets"]["nodes"]) == ("Gone", [])
        query = "query($id: ID!) { dataset(id: $id) { images { nodes { id } } } }"
        held = (await hub_world.graphql("owner", query, {"id": kept}))["dataset"]
        assert held["images"]["nodes"] == [{"id": drawn}]
        await hub_world.graphql("owner", REDO)
        again = await project(hub_world, gone), await image(hub_world, drawn)
        assert [one["datasets"]["nodes"] for one in again[:1]] == [after[0]["datasets"]["nodes"]]
        assert again[1]["rois"] == after[1]["rois"]


# the three rules of unloaded parts


async def test_a_placeholder_keeps_what_is_stored(hub_world: HubWorld) -> None:
    """First rule: an object of which only the id is given is linked, and nothing of it changes."""
    made = await ids(
        hub_world,
        {"project": {"name": "Mitosis", "description": "All of it", "datasets": {"items": [
            {"name": "Control", "description": "Wild type"}]}}},
    )  # fmt: skip
    query = "query($id: ID!) { dataset(id: $id) { name description version } }"
    before = await hub_world.graphql("owner", query, {"id": made[1]})
    other = await ids(
        hub_world, {"project": {"name": "Second", "datasets": {"items": [{"id": made[1]}]}}}
    )
    assert await hub_world.graphql("owner", query, {"id": made[1]}) == before
    assert (await project(hub_world, other[0]))["datasets"]["nodes"][0]["name"] == "Control"
    answer = await save(hub_world, {"project": {"id": made[0], "name": "Mitosis"}})
    assert [one["outcome"] for one in answer["saved"]] == ["UNCHANGED"]
    assert answer["commandId"] is None
    assert (await project(hub_world, made[0]))["description"] == "All of it"


async def test_a_reference_that_is_left_out_is_kept_and_null_removes_it(
    hub_world: HubWorld,
) -> None:
    answer = await hub_world.mutate("owner", "createOntology", {"name": "Cells"}, "ontology { id }")
    ontology = answer["ontology"]["id"]
    (made,) = await ids(hub_world, {"project": {"name": "P", "ontology": {"id": ontology}}})
    query = "query($id: ID!) { project(id: $id) { name ontology { id } } }"
    for given, expected in (
        ({"name": "Q"}, {"id": ontology}),
        ({"ontology": {"id": ontology}}, {"id": ontology}),
        ({"ontology": None}, None),
    ):
        await save(hub_world, {"project": {"id": made, **given}})
        found = (await hub_world.graphql("owner", query, {"id": made}))["project"]
        assert found == {"name": "Q", "ontology": expected}


@pytest.mark.parametrize("given", [{}, {"datasets": None, "annotations": None}])
async def test_a_collection_that_is_null_or_left_out_is_kept(
    hub_world: HubWorld, given: dict[str, Any]
) -> None:
    """Second rule."""
    made = await ids(
        hub_world,
        {"project": {"name": "P", "datasets": {"items": [{"name": "A"}, {"name": "B"}]},
                     "annotations": {"items": [{"value": {"tag": "t"}}]}}},
    )  # fmt: skip
    await save(hub_world, {"project": {"id": made[0], "name": "Q", **given}})
    found = await project(hub_world, made[0])
    assert found["name"] == "Q"
    assert [one["name"] for one in found["datasets"]["nodes"]] == ["A", "B"]
    assert [one["text"] for one in found["annotations"]] == ["t"]


@pytest.mark.parametrize(
    ("filtered", "names", "tags"),
    [(True, ["A", "B2", "C"], ["s", "t"]), (False, ["B2", "C"], ["s"])],
)
async def test_a_filtered_collection_never_deletes(
    hub_world: HubWorld, filtered: bool, names: list[str], tags: list[str]
) -> None:
    """Third rule: of a filtered collection only what is new or changed counts."""
    made = await ids(
        hub_world,
        {"project": {"name": "P", "datasets": {"items": [{"name": "A"}, {"name": "B"}]},
                     "annotations": {"items": [{"value": {"tag": "t"}}]}}},
    )  # fmt: skip
    parts = {
        one["name"]: one["id"] for one in (await project(hub_world, made[0]))["datasets"]["nodes"]
    }
    answer = await save(
        hub_world,
        {"project": {
            "id": made[0],
            "datasets": {"filtered": filtered, "items": [
                {"id": parts["B"], "name": "B2"}, {"name": "C"}]},
            "annotations": {"filtered": filtered, "items": [{"value": {"tag": "s"}}]},
        }},
    )  # fmt: skip
    assert [one["outcome"] for one in answer["saved"]] == [
        "CHANGED", "CREATED", "CHANGED", "CREATED",
    ]  # fmt: skip
    found = await project(hub_world, made[0])
    assert [one["name"] for one in found["datasets"]["nodes"]] == names
    assert sorted(one["text"] for one in found["annotations"]) == tags
    query = "{ datasets { nodes { name } } tags { nodes { text } } }"
    all_ = await hub_world.graphql("owner", query)
    assert [one["name"] for one in all_["datasets"]["nodes"]] == ["A", "B2", "C"]
    assert [one["text"] for one in all_["tags"]["nodes"]] == ["s", "t"]


@pytest.mark.parametrize("filtered", [True, False])
async def test_the_rules_hold_for_shapes_and_pairs(hub_world: HubWorld, filtered: bool) -> None:
    drawn = await picture(hub_world)
    label = {"point": {"x": 3, "y": 3}, "text": "here"}
    pairs = [{"key": "a", "value": "1"}, {"key": "b", "value": "2"}]
    roi, note = await ids(
        hub_world,
        {"roi": {"image": {"id": drawn}, "name": "r",
                 "shapes": {"items": [RECTANGLE, ELLIPSE, label]}}},
        {"annotation": {"value": {"map": pairs}, "targets": {"items": [{"id": drawn}]}}},
    )  # fmt: skip
    (before,) = (await image(hub_world, drawn))["rois"]["nodes"]
    rectangle, ellipse, point = (shape["id"] for shape in before["shapes"])
    moved = {"rectangle": {"x": 5, "y": 2, "width": 3, "height": 4}, "text": "moved"}
    line = {"line": {"x1": 0, "y1": 0, "x2": 5, "y2": 5}}
    await save(
        hub_world,
        {"roi": {"id": roi, "shapes": {
            "filtered": filtered, "items": [{"id": rectangle, **moved}, {"id": point}, line]}}},
        {"annotation": {"id": note, "pairs": {
            "filtered": filtered,
            "items": [{"key": "b", "value": "3"}, {"key": "c", "value": "4"}]}}},
    )  # fmt: skip
    seen = await image(hub_world, drawn)
    (after,) = seen["rois"]["nodes"]
    shapes = {shape["id"]: shape for shape in after["shapes"]}
    assert shapes[rectangle]["x"] == 5
    assert shapes[rectangle]["text"] == "moved"
    assert shapes[point] == before["shapes"][2]
    assert (ellipse in shapes) is filtered
    assert len(shapes) == (4 if filtered else 3)
    assert after["version"] == before["version"] + 1
    (found,) = seen["annotations"]
    kept = [{"key": "a", "value": "1"}] if filtered else []
    assert found["pairs"] == [*kept, {"key": "b", "value": "3"}, {"key": "c", "value": "4"}]
    await hub_world.graphql("owner", UNDO)
    undone = await image(hub_world, drawn)
    assert {**undone["rois"]["nodes"][0], "version": 0} == {**before, "version": 0}
    assert undone["annotations"][0]["pairs"] == pairs


@pytest.mark.parametrize("filtered", [True, False])
async def test_the_rules_hold_for_regions_and_terms(hub_world: HubWorld, filtered: bool) -> None:
    drawn = await picture(hub_world)
    answer = await hub_world.mutate("owner", "createOntology", {"name": "Cells"}, "ontology { id }")
    terms = {}
    for name in ("one", "two", "three"):
        made = {"ontology": answer["ontology"]["id"], "name": name}
        terms[name] = (await hub_world.mutate("owner", "createTerm", made, "term { id }"))["term"][
            "id"
        ]
    shapes = {"items": [RECTANGLE]}
    first, second = await ids(
        hub_world,
        {"roi": {"image": {"id": drawn}, "name": "first", "shapes": shapes,
                 "terms": {"items": [terms["one"], terms["two"]]}}},
        {"roi": {"image": {"id": drawn}, "name": "second", "shapes": shapes}},
    )  # fmt: skip
    await save(
        hub_world,
        {"image": {"id": drawn, "rois": {"filtered": filtered, "items": [
            {"id": first, "terms": {"filtered": filtered, "items": [terms["two"], terms["three"]]}},
            {"name": "third", "shapes": shapes},
        ]}}},
    )  # fmt: skip
    found = {one["name"]: one for one in (await image(hub_world, drawn))["rois"]["nodes"]}
    assert sorted(found) == (["first", "second", "third"] if filtered else ["first", "third"])
    names = sorted(one["term"]["name"] for one in found["first"]["terms"])
    assert names == (["one", "three", "two"] if filtered else ["three", "two"])
    assert found["first"]["id"] == first
    assert second not in {one["id"] for one in found.values()} or filtered


async def test_what_one_cannot_see_is_never_taken_out(hub_world: HubWorld) -> None:
    """A collection that is not filtered is brought to what it names, of what its author sees."""
    drawn = await picture(hub_world)
    both = (
        {"annotation": {"value": {"tag": "mine"}, "targets": {"items": [{"id": drawn}]}}},
        {"annotation": {"value": {"tag": "shared"}, "targets": {"items": [{"id": drawn}]}}},
    )
    mine, _ = await ids(hub_world, *both)
    theirs = {"annotation": {"value": {"tag": "theirs"}, "targets": {"items": [{"id": drawn}]}}}
    await save(hub_world, theirs, who="annotator")
    code, message = await refuse(
        hub_world, {"image": {"id": drawn, "annotations": {"items": []}}}, who="annotator"
    )
    assert code == "forbidden"
    assert message.startswith("objects[0].annotations: You may not detach annotations from image")
    await save(hub_world, {"image": {"id": drawn, "annotations": {"items": [{"id": mine}]}}})
    assert [one["text"] for one in (await image(hub_world, drawn))["annotations"]] == ["mine"]


# references within a graph


async def test_new_objects_refer_to_one_another_in_any_order(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world)
    answer = await save(
        hub_world,
        {"link": {"parent": {"ref": "p"}, "child": {"ref": "d"}}},
        {"link": {"parent": {"ref": "d"}, "child": {"id": drawn}}},
        {"link": {"parent": {"ref": "d"}, "child": {"ref": "t"}}},
        {"annotation": {"ref": "t", "value": {"tag": "t"}, "targets": {"items": [
            {"ref": "p"}, {"ref": "r"}, {"id": drawn}]}}},
        {"roi": {"ref": "r", "image": {"ref": "i"}, "shapes": {"items": [RECTANGLE]}}},
        {"image": {"ref": "i", "id": drawn}},
        {"dataset": {"ref": "d", "name": "D"}},
        {"project": {"ref": "p", "name": "P"}},
        {"plate": {"name": "W", "rows": 8, "columns": 12,
                   "screens": {"items": [{"name": "S", "type": "RNAi"}]}}},
    )  # fmt: skip
    made = {one["ref"]: one["id"] for one in answer["saved"]}
    assert set(made) == {"t", "r", "d", "p", None}
    found = await project(hub_world, made["p"])
    assert found["annotations"] == [{"kind": "TAG", "text": "t"}]
    (dataset,) = found["datasets"]["nodes"]
    assert (dataset["id"], dataset["images"]["nodes"]) == (made["d"], [{"id": drawn}])
    seen = await image(hub_world, drawn)
    assert [one["text"] for one in seen["annotations"]] == ["t"]
    assert [one["text"] for one in seen["rois"]["nodes"][0]["annotations"]] == ["t"]
    query = "{ screens { nodes { name type plates { nodes { name rows columns } } } } }"
    assert (await hub_world.graphql("owner", query))["screens"]["nodes"] == [
        {"name": "S", "type": "RNAi", "plates": {"nodes": [
            {"name": "W", "rows": 8, "columns": 12}]}},
    ]  # fmt: skip


async def test_a_new_object_is_of_the_group_of_what_holds_it(hub_world: HubWorld) -> None:
    commons = encode_id("Group", hub_world.groups["lab"])
    made = await ids(hub_world, {"project": {"name": "P", "datasets": {"items": [{"name": "D"}]}}})
    query = "query($id: ID!) { dataset(id: $id) { group { id } owner { username } } }"
    found = (await hub_world.graphql("owner", query, {"id": made[1]}))["dataset"]
    assert found == {"group": {"id": commons}, "owner": {"username": "owner"}}
    vault = encode_id("Group", hub_world.groups["vault"])
    (there,) = await ids(hub_world, {"project": {"name": "P", "group": vault}}, who="keeper")
    (_, inside) = await ids(
        hub_world,
        {"project": {"id": there, "datasets": {"items": [{"name": "D"}]}}},
        who="keeper",
    )
    found = (await hub_world.graphql("keeper", query, {"id": inside}))["dataset"]
    assert found["group"] == {"id": vault}


async def test_an_annotation_that_is_attached_already_stays_attached_once(
    hub_world: HubWorld,
) -> None:
    drawn = await picture(hub_world)
    (note,) = await ids(
        hub_world,
        {"annotation": {"value": {"tag": "t"}, "targets": {"items": [{"id": drawn}]}}},
    )
    before = await hub_world.stored()
    for graph in (
        {"image": {"id": drawn, "annotations": {"items": [{"id": note}]}}},
        {"annotation": {"id": note, "targets": {"items": [{"id": drawn}]}}},
        {"link": {"parent": {"id": drawn}, "child": {"id": note}}},
    ):
        await save(hub_world, graph, who="annotator" if "link" in graph else "owner")
    assert await hub_world.stored() == before


# what is refused, and where


async def test_errors_name_the_place_and_store_nothing(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world)
    made = await ids(hub_world, {"project": {"name": "P"}}, {"dataset": {"name": "D"}})
    good = {"project": {"name": "Good", "datasets": {"items": [{"name": "Good"}]}}}
    shape = {"rectangle": {"x": 1, "y": 2, "width": -3, "height": 4}}
    far = {**RECTANGLE, "c": 9}
    unseen = encode_id("Dataset", 999_999)
    other = encode_id("Image", 999_999)
    cases: list[tuple[Any, str, str]] = [
        ({"project": {"name": "x", "datasets": {"items": [{"name": "y"}, {"name": " "}]}}},
         "invalid", "objects[1].datasets[1].name: must not be empty."),
        ({"screen": {"protocolId": "x"}}, "invalid", "objects[1].name: must not be empty."),
        ({"dataset": {"id": made[0], "name": "x"}},
         "invalid", "objects[1].id: expected the id of a Dataset, found one of a Project."),
        ({"dataset": {"id": unseen, "name": "x"}},
         "not_found", "objects[1]: There is no dataset 999999 that you can see."),
        ({"project": {"id": made[0], "datasets": {"items": [{"id": unseen}]}}},
         "not_found", "objects[1].datasets[0]: There is no dataset 999999 that you can see."),
        ({"project": {"id": made[0], "version": 7, "name": "x"}}, "conflict",
         "objects[1]: project {project} was changed meanwhile: you saw version 7, it is now "
         "1. Read it again and repeat the change."),
        ({"project": {"version": 7, "name": "x"}}, "invalid",
         "objects[1].version: goes with an id."),
        ({"image": {"name": "x"}}, "invalid",
         "objects[1].id: name an existing image; this mutation makes none."),
        ({"link": {"parent": {"id": made[0]}, "child": {"ref": "nobody"}}}, "invalid",
         "objects[1].child.ref: no object declares 'nobody'."),
        ({"link": {"parent": {"id": made[0]}, "child": {"id": drawn}}}, "invalid",
         "objects[1].parent: a image cannot be put into a project."),
        ({"project": {"name": "x", "datasets": {"items": [{"name": "d", "ref": "d"},
                                                          {"name": "e", "ref": "d"}]}}},
         "invalid", "objects[1].datasets[1].ref: 'd' is declared by objects[1].datasets[0] "
                    "already."),
        ({"project": {"ref": "p", "name": "x", "datasets": {"items": [{"ref": "p"}]}}}, "invalid",
         "objects[1].datasets[0].ref: 'p' is a project, not a dataset."),
        ({"project": {"id": made[0], "name": "x", "datasets": {"items": [
            {"id": made[1], "projects": {"items": [{"id": made[0], "name": "y"}]}}]}}}, "invalid",
         "objects[1].datasets[0].projects[0]: objects[1] changes the same project already."),
        ({"image": {"id": drawn, "rois": {"items": [{"shapes": {"items": [RECTANGLE, shape]}}]}}},
         "invalid", "objects[1].rois[0].shapes[1]."),
        ({"image": {"id": drawn, "rois": {"items": [{"shapes": {"items": [far]}}]}}},
         "invalid", "objects[1].rois[0].shapes[0].c: 9 is not between 0 and 0."),
        ({"image": {"id": drawn, "rois": {"items": [{"name": "x"}]}}},
         "invalid", "objects[1].rois[0].shapes: a region needs at least one shape."),
        ({"roi": {"shapes": {"items": [RECTANGLE]}}},
         "invalid", "objects[1].image: is required by a new region."),
        ({"roi": {"image": {"id": other}, "shapes": {"items": [RECTANGLE]}}},
         "not_found", "objects[1]: There is no image 999999 that you can see."),
        ({"roi": {"image": {"id": drawn}, "shapes": {"items": [{"point": {"x": 1, "y": 1},
                                                                **RECTANGLE}]}}},
         "invalid", "objects[1].shapes[0].geometry: give exactly one geometry; 2 were sent."),
        ({"annotation": {"name": "x"}}, "invalid",
         "objects[1].value: is required by a new annotation."),
        ({"annotation": {"value": {"tag": "x", "comment": "y"}}}, "invalid",
         "objects[1].value: give exactly one value; 2 were sent."),
        ({"annotation": {"value": {"xml": "<a>"}}}, "invalid",
         "objects[1].xml: is not well-formed"),
        ({"project": {"id": made[0], "group": encode_id("Group", 3)}}, "invalid",
         "objects[1].group: is for new objects; `moveToGroup` moves others."),
        ({"project": {"name": "x", "group": encode_id("Group", hub_world.groups["vault"])}},
         "forbidden", "objects[1]: You may not create in group"),
    ]  # fmt: skip
    for bad, code, message in cases:
        found = await refuse(hub_world, good, bad)
        assert found[0] == code, (bad, found)
        project_id = str(hub_world_id(made[0]))
        assert found[1].startswith(message.replace("{project}", project_id)), (bad, found)
    result = await hub_world.execute(
        "owner",
        "mutation($in: SaveGraphInput!) { saveGraph(input: $in) { __typename } }",
        {"in": {"objects": [{"project": {"name": "x"}, "dataset": {"name": "y"}}]}},
    )
    assert result.errors is not None  # exactly one kind for each object
    assert (await refuse(hub_world))[1] == "objects: there is nothing to save."


def hub_world_id(id: str) -> int:
    from schema.scalars import split_id

    return split_id(id)[1]


@pytest.mark.parametrize("who", ["annotator", "reader", "stranger", None])
async def test_nobody_saves_what_their_own_verbs_would_refuse(
    hub_world: HubWorld, who: str | None
) -> None:
    drawn = await picture(hub_world)
    made = await ids(
        hub_world,
        {"project": {"name": "P", "datasets": {"items": [{"name": "D"}]}}},
        {"roi": {"image": {"id": drawn}, "shapes": {"items": [RECTANGLE]}}},
        {"annotation": {"value": {"comment": "c"}, "targets": {"items": [{"id": drawn}]}}},
    )
    project_id, dataset_id, roi_id, note_id = made
    for graph in (
        {"project": {"id": project_id, "name": "x"}},
        {"project": {"id": project_id, "datasets": {"items": []}}},
        {"project": {"id": project_id, "datasets": {"items": [{"name": "x"}], "filtered": True}}},
        {"dataset": {"id": dataset_id, "projects": {"items": []}}},
        {"dataset": {"id": dataset_id, "images": {"items": [{"id": drawn}], "filtered": True}}},
        {"image": {"id": drawn, "name": "x"}},
        {"image": {"id": drawn, "rois": {"items": []}}},
        {"image": {"id": drawn, "annotations": {"items": []}}},
        {"roi": {"id": roi_id, "name": "x"}},
        {"roi": {"id": roi_id, "shapes": {"items": [ELLIPSE]}}},
        {"annotation": {"id": note_id, "value": {"comment": "x"}}},
        {"annotation": {"id": note_id, "targets": {"items": []}}},
        {"link": {"parent": {"id": project_id}, "child": {"id": dataset_id}}},
    ):
        before = await hub_world.stored()
        answer = await hub_world.mutate(who, "saveGraph", {"objects": [graph]}, SAVED)
        assert await hub_world.stored() == before, graph
        if "link" in graph and who == "annotator":
            continue  # it is there already
        assert answer.get("code") in ("forbidden", "not_found"), (graph, answer)


async def test_a_dry_run_says_what_would_happen(hub_world: HubWorld) -> None:
    (made,) = await ids(hub_world, {"project": {"name": "P"}})
    before = await hub_world.stored()
    graph = {"project": {"id": made, "name": "Q", "datasets": {"items": [{"name": "D"}]}}}
    answer = await save(hub_world, copy.deepcopy(graph), dry=True)
    assert await hub_world.stored() == before
    assert (answer["dryRun"], answer["commandId"]) == (True, None)
    assert [(one["outcome"], one["id"]) for one in answer["saved"]] == [
        ("CHANGED", made),
        ("CREATED", None),
    ]
    assert (await project(hub_world, made))["name"] == "P"


async def test_many_placeholders_cost_one_statement_for_each_noun(hub_world: HubWorld) -> None:
    (made,) = await ids(hub_world, {"project": {"name": "P"}})
    counted = []
    for number in (2, 3, 20):
        names = [{"dataset": {"name": f"{number} {n}"}} for n in range(number)]
        datasets = [{"id": id} for id in await ids(hub_world, *names)]
        graph = {"project": {"id": made, "datasets": {"items": datasets}}}
        hub = await hub_world.hub("owner")
        with statements(hub.catalog.database) as sent:
            await save(hub_world, graph)
        counted.append(len(sent))
    assert counted[2] == counted[1], counted  # links made, links cut, and nothing for each


async def test_objects_of_several_kinds_are_deleted_in_one_command(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world)
    made = await ids(
        hub_world,
        {"project": {"name": "P", "datasets": {"items": [
            {"name": "D", "images": {"items": [{"id": drawn}]}}]}}},
        {"roi": {"image": {"id": drawn}, "shapes": {"items": [RECTANGLE]}}},
        {"annotation": {"value": {"tag": "t"}, "targets": {"items": [{"id": drawn}]}}},
    )  # fmt: skip
    project_id, dataset_id, roi_id, note_id = made
    wanted = [project_id, dataset_id, drawn, roi_id, note_id]
    selection = "deletedIds dryRun commandId impact { noun count unreadable }"
    before = await hub_world.stored()
    dry = await hub_world.mutate("owner", "deleteGraph", {"ids": wanted, "dryRun": True}, selection)
    assert await hub_world.stored() == before
    assert (dry["dryRun"], dry["commandId"]) == (True, None)
    impact = {one["noun"]: one["count"] for one in dry["impact"]}
    assert impact == {
        "roi": 1, "annotation": 1, "image": 1, "dataset": 1, "project": 1,
        "unlinked_image": 0, "unlinked_dataset": 0,
    }  # fmt: skip
    assert {one["unreadable"] for one in dry["impact"]} == {0}
    gone = await hub_world.mutate("owner", "deleteGraph", {"ids": wanted}, selection)
    assert gone["impact"] == dry["impact"]
    counts = "{ projects { totalCount } datasets { totalCount } images { totalCount } "
    counts += "rois { totalCount } tags { totalCount } }"
    left = await hub_world.graphql("owner", counts)
    assert {one["totalCount"] for one in left.values()} == {0}
    await hub_world.graphql("owner", UNDO)
    back = await hub_world.graphql("owner", counts)
    assert {one["totalCount"] for one in back.values()} == {1}
    assert [one["text"] for one in (await image(hub_world, drawn))["annotations"]] == ["t"]


async def test_one_that_may_not_be_deleted_keeps_all(hub_world: HubWorld) -> None:
    drawn = await picture(hub_world)
    (mine,) = await ids(hub_world, {"project": {"name": "P"}}, who="annotator")
    before = await hub_world.stored()
    for wanted, code in (
        ([mine, drawn], "forbidden"),
        ([mine, encode_id("Dataset", 999_999)], "not_found"),
        ([mine, encode_id("User", 2)], "invalid"),
        ([], "invalid"),
    ):
        answer = await hub_world.mutate("annotator", "deleteGraph", {"ids": wanted}, "deletedIds")
        assert answer["code"] == code
        assert await hub_world.stored() == before
