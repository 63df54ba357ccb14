"""Annotations through GraphQL: made, attached, changed, found, and read on any object."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import encode_id
from store.tables.images import Image
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

FIELDS = """annotations { __typename id kind namespace name version owner { username }
  permissions { canEdit } ... on Tag { text } ... on CommentAnnotation { text }
  ... on MapAnnotation { pairs { key value } } ... on LongAnnotation { whole }
  ... on DoubleAnnotation { number } ... on BooleanAnnotation { flag }
  ... on TimestampAnnotation { moment } ... on XmlAnnotation { xml }
  ... on FileAnnotation { file { name size } } }"""


@pytest.fixture
async def image(hub_world: HubWorld) -> Image:
    return await hub_world.image(hub_world.people["owner"])


def iid(image: Image) -> str:
    return encode_id("Image", image.id)


async def annotate(hub_world: HubWorld, who: str, targets: list[str], **value: Any) -> str:
    made = await hub_world.mutate(
        who, "createAnnotation", {"value": value, "targets": targets}, "annotation { id }"
    )
    return str(made["annotation"]["id"])


async def on_image(hub_world: HubWorld, who: str, id: str) -> list[dict[str, Any]]:
    query = f"query($id: ID!) {{ image(id: $id) {{ {FIELDS} }} }}"
    found = (await hub_world.graphql(who, query, {"id": id}))["image"]["annotations"]
    return list(found)


VALUES: list[tuple[dict[str, Any], str, dict[str, Any]]] = [
    ({"tag": "mitosis"}, "Tag", {"text": "mitosis"}),
    ({"comment": "Odd."}, "CommentAnnotation", {"text": "Odd."}),
    ({"long": str(2**62)}, "LongAnnotation", {"whole": str(2**62)}),
    ({"double": 0.1}, "DoubleAnnotation", {"number": 0.1}),
    ({"boolean": False}, "BooleanAnnotation", {"flag": False}),
    ({"timestamp": "2024-05-06T07:08:09Z"}, "TimestampAnnotation",
     {"moment": "2024-05-06T07:08:09.000Z"}),
    ({"xml": "<a/>"}, "XmlAnnotation", {"xml": "<a/>"}),
    ({"map": [{"key": "Gene", "value": "CDC20"}, {"key": "Gene", "value": "MAD2"}]},
     "MapAnnotation",
     {"pairs": [{"key": "Gene", "value": "CDC20"}, {"key": "Gene", "value": "MAD2"}]}),
]  # fmt: skip


async def test_every_kind_is_made_and_read_on_its_object(hub_world: HubWorld, image: Image) -> None:
    for value, _, _ in VALUES:
        await annotate(hub_world, "owner", [iid(image)], **value)
    found = await on_image(hub_world, "annotator", iid(image))
    assert len(found) == len(VALUES)
    for (value, kind, shown), one in zip(VALUES, found, strict=True):
        assert one["__typename"] == kind
        assert one["kind"] == next(iter(value)).upper()
        assert {name: one[name] for name in shown} == shown
        assert (one["owner"], one["permissions"]) == ({"username": "owner"}, {"canEdit": False})


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "value"),
    ({"tag": "a", "double": 1}, "value"),
    ({"tag": " "}, "tag"),
    ({"xml": "<a>"}, "xml"),
    ({"map": [{"key": "", "value": "x"}]}, "map[0].key"),
]


async def test_a_value_that_cannot_be_is_named(hub_world: HubWorld, image: Image) -> None:
    before = await hub_world.stored()
    for value, field in BAD:
        input = {"value": value, "targets": [iid(image)]}
        answer = await hub_world.mutate("owner", "createAnnotation", input, "annotation { id }")
        assert (answer["code"], answer["field"]) == ("invalid", field)
    assert await hub_world.stored() == before


async def test_a_tag_is_on_objects_of_many_nouns(hub_world: HubWorld, image: Image) -> None:
    owner = hub_world.people["owner"]
    project, dataset = await hub_world.project(owner), await hub_world.dataset(owner)
    roi = await hub_world.mutate(
        "owner", "createRoi", {"image": iid(image), "shapes": [{"point": {"x": 1, "y": 1}}]},
        "roi { id }",
    )  # fmt: skip
    screen = await hub_world.mutate("owner", "createScreen", {"name": "RNAi"}, "screen { id }")
    targets = [encode_id("Project", project.id), encode_id("Dataset", dataset.id), iid(image),
               roi["roi"]["id"], screen["screen"]["id"]]  # fmt: skip
    tag = await annotate(hub_world, "owner", targets[:1], tag="good")
    pairs = {"annotations": [tag], "targets": targets}
    assert await hub_world.mutate("owner", "attachAnnotations", pairs, "changed") == {"changed": 4}
    query = """query($ids: [ID!]!) { nodes(ids: $ids) { ... on Annotatable {
      annotations(kinds: [TAG]) { id } none: annotations(namespace: "other") { id } } } }"""
    shown = (await hub_world.graphql("owner", query, {"ids": targets}))["nodes"]
    assert shown == [{"annotations": [{"id": tag}], "none": []}] * 5
    assert await hub_world.mutate("owner", "detachAnnotations", pairs, "changed") == {"changed": 5}
    assert await on_image(hub_world, "owner", iid(image)) == []
    wrong = {"annotations": [tag], "targets": [encode_id("User", owner)]}
    refused = await hub_world.mutate("owner", "attachAnnotations", wrong, "changed")
    assert (refused["code"], refused["field"]) == ("invalid", "targets[0]")


async def test_an_annotation_is_changed_deleted_and_restored(
    hub_world: HubWorld, image: Image
) -> None:
    id = await annotate(hub_world, "owner", [iid(image)], map=[{"key": "Gene", "value": "CDC20"}])
    seen = "annotation { version namespace ... on MapAnnotation { pairs { key value } } }"
    pairs = [{"key": "Gene", "value": "MAD2"}]
    changed = await hub_world.mutate(
        "owner", "updateAnnotation",
        {"id": id, "value": {"map": pairs}, "namespace": "lab.example", "version": 1}, seen,
    )  # fmt: skip
    assert changed["annotation"] == {"version": 2, "namespace": "lab.example", "pairs": pairs}
    wrong = {"id": id, "value": {"tag": "x"}}
    refused = await hub_world.mutate("owner", "updateAnnotation", wrong, seen)
    assert (refused["code"], refused["field"]) == ("invalid", "value")
    forbidden = await hub_world.mutate(
        "annotator", "updateAnnotation", {"id": id, "name": "x"}, seen
    )
    assert forbidden["code"] == "forbidden"
    hidden = await hub_world.mutate("stranger", "updateAnnotation", {"id": id, "name": "x"}, seen)
    assert hidden["code"] == "not_found"
    await hub_world.mutate("owner", "delete", {"ids": [id]}, "deletedIds")
    assert await on_image(hub_world, "owner", iid(image)) == []
    assert await hub_world.mutate("owner", "restore", {"ids": [id]}, "restored") == {"restored": 1}
    assert [one["id"] for one in await on_image(hub_world, "owner", iid(image))] == [id]
    query = "query($id: ID!) { node(id: $id) { __typename } annotation(id: $id) { id } }"
    shown = await hub_world.graphql("owner", query, {"id": id})
    assert shown == {"node": {"__typename": "MapAnnotation"}, "annotation": {"id": id}}


async def test_tags_are_listed_by_their_word_and_maps_found_by_a_pair(
    hub_world: HubWorld,
) -> None:
    for text in ("zebra", "Mitosis", "apple"):
        await annotate(hub_world, "owner", [], tag=text)
    await annotate(hub_world, "annotator", [], map=[{"key": "Gene", "value": "CDC20"}])
    query = """query($t: AnnotationWhere, $m: AnnotationWhere) {
      tags(first: 2) { totalCount nodes { text } pageInfo { endCursor } }
      found: tags(where: $t) { nodes { text } } annotations(where: $m) { nodes { __typename } } }"""
    where = {"t": {"text": {"startsWith": "MIT"}}, "m": {"pair": {"key": "Gene", "value": "CDC20"}}}
    shown = await hub_world.graphql("owner", query, where)
    assert shown["tags"]["totalCount"] == 3
    assert [one["text"] for one in shown["tags"]["nodes"]] == ["apple", "Mitosis"]
    assert shown["found"]["nodes"] == [{"text": "Mitosis"}]
    assert shown["annotations"]["nodes"] == [{"__typename": "MapAnnotation"}]
    rest = await hub_world.graphql(
        "owner", "query($c: String) { tags(after: $c) { nodes { text } } }",
        {"c": shown["tags"]["pageInfo"]["endCursor"]},
    )  # fmt: skip
    assert rest["tags"]["nodes"] == [{"text": "zebra"}]
    nothing = await hub_world.graphql("stranger", "{ tags { totalCount } }")
    assert nothing["tags"]["totalCount"] == 0


async def test_images_are_found_by_what_is_on_them(hub_world: HubWorld, image: Image) -> None:
    await hub_world.image(hub_world.people["owner"], "plain.tif")
    tag = await annotate(hub_world, "owner", [iid(image)], tag="good")
    query = "query($id: ID!) { images(where: {annotation: $id}) { nodes { name } } }"
    found = await hub_world.graphql("annotator", query, {"id": tag})
    assert found["images"]["nodes"] == [{"name": "cell.tif"}]


async def test_annotations_of_a_list_cost_the_same_whatever_its_length(
    hub_world: HubWorld, image: Image
) -> None:
    query = f"query {{ images(first: 20) {{ nodes {{ {FIELDS} }} }} }}"

    async def count() -> int:
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", query)
        return len(sent)

    for value, _, _ in VALUES:
        await annotate(hub_world, "owner", [iid(image)], **value)
    few = await count()
    for n in range(5):
        other = await hub_world.image(hub_world.people["owner"], f"{n}.tif")
        for value, _, _ in VALUES:
            await annotate(hub_world, "owner", [iid(other)], **value)
    assert await count() == few
