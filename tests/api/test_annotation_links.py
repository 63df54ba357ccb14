"""What is attached to what, by whom; namespaces in use; objects found by what they carry."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import encode_id
from store.tables.annotations import AnnotationKind
from store.tables.screens import Plate
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

NS = "lab.example/quality"


class Scene:
    """Two images, a dataset and a plate; a tag by two people, a map, a rating and a comment."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world

    async def make(self) -> Scene:
        world, owner = self.world, self.world.people["owner"]
        self.dataset = (await world.dataset(owner, "set")).id
        self.one = (await world.image(owner, "one", into=self.dataset)).id
        self.two = (await world.image(owner, "two", into=self.dataset)).id
        hub = await world.hub("owner")
        self.plate = (await hub.containers.create(Plate, name="plate")).id
        hub, mate = await world.hub("owner"), await world.hub("annotator")
        create = hub.annotations.create
        both = [("image", self.one), ("image", self.two)]
        self.tag = (await create(AnnotationKind.TAG, "good", targets=both)).id
        await mate.annotations.attach([self.tag], [("image", self.one), ("plate", self.plate)])
        self.map = (
            await create(AnnotationKind.MAP, [("dose", "5 nM")], ns=NS, targets=both[:1])
        ).id
        self.rating = (await create(AnnotationKind.LONG, 4, ns=NS, targets=both[1:])).id
        self.comment = (
            await mate.annotations.create(
                AnnotationKind.COMMENT, "fine", targets=[("dataset", self.dataset)]
            )
        ).id
        return self

    def id(self, noun: str, number: int) -> str:
        return encode_id(noun, number)


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).make()


ON = """query($ids: [ID!]!, $where: AnnotationWhere) { annotationsOn(ids: $ids, where: $where) {
  id links { owner { username } annotation { kind legacyId owner { username } }
    object { legacyId } } } }"""


async def test_many_objects_of_several_kinds_are_asked_in_one_go(scene: Scene) -> None:
    ids = [
        scene.id("Dataset", scene.dataset), scene.id("Image", scene.one),
        scene.id("Plate", scene.plate), scene.id("Image", scene.two),
    ]  # fmt: skip
    found = (await scene.world.graphql("owner", ON, {"ids": ids}))["annotationsOn"]
    assert [one["id"] for one in found] == ids
    told = [
        [(link["annotation"]["legacyId"], link["owner"]["username"]) for link in one["links"]]
        for one in found
    ]
    assert told == [
        [(scene.comment, "annotator")],
        [(scene.tag, "owner"), (scene.tag, "annotator"), (scene.map, "owner")],
        [(scene.tag, "annotator")],
        [(scene.tag, "owner"), (scene.rating, "owner")],
    ]


async def test_annotations_of_many_objects_are_narrowed_by_kind_and_namespace(
    scene: Scene,
) -> None:
    ids = [scene.id("Image", scene.one), scene.id("Image", scene.two)]

    async def found(**where: Any) -> list[list[int]]:
        answer = await scene.world.graphql("annotator", ON, {"ids": ids, "where": where})
        return [
            [link["annotation"]["legacyId"] for link in one["links"]]
            for one in answer["annotationsOn"]
        ]

    assert await found(namespace={"eq": NS}) == [[scene.map], [scene.rating]]
    assert await found(kinds=["LONG"]) == [[], [scene.rating]]
    assert await found(whole={"gte": 4}) == [[], [scene.rating]]
    assert await found(whole={"gt": 4}) == [[], []]
    assert await found(pair={"key": "dose"}) == [[scene.map], []]
    assert await found(owner=scene.id("User", scene.world.people["annotator"])) == [[], []]


async def test_strangers_learn_nothing_of_what_is_attached(scene: Scene) -> None:
    ids = [scene.id("Image", scene.one), scene.id("Plate", scene.plate)]
    for who in ("stranger", "reader", None):
        assert (await scene.world.graphql(who, ON, {"ids": ids}))["annotationsOn"] == []
    await scene.world.grant("read", "image", scene.two, scene.world.people["stranger"])
    query = """query($id: ID!) { annotation(id: $id) { links { totalCount
      nodes { object { legacyId } } } } }"""
    shown = await scene.world.graphql("stranger", query, {"id": scene.id("Annotation", scene.tag)})
    assert shown["annotation"]["links"] == {
        "totalCount": 1,
        "nodes": [{"object": {"legacyId": scene.two}}],
    }


async def test_where_an_annotation_is_attached_is_paged_and_narrowed(scene: Scene) -> None:
    query = """query($id: ID!, $types: [AnnotatableType!], $after: String) { annotation(id: $id) {
      links(first: 2, after: $after, types: $types) { totalCount
        pageInfo { endCursor hasNextPage }
        nodes { owner { username } object { __typename legacyId } } } } }"""
    asked: dict[str, Any] = {"id": scene.id("Annotation", scene.tag)}
    first = (await scene.world.graphql("owner", query, asked))["annotation"]["links"]
    assert first["totalCount"] == 4
    assert first["pageInfo"]["hasNextPage"]
    asked["after"] = first["pageInfo"]["endCursor"]
    rest = (await scene.world.graphql("owner", query, asked))["annotation"]["links"]
    objects = [
        (one["object"]["__typename"], one["object"]["legacyId"], one["owner"]["username"])
        for one in first["nodes"] + rest["nodes"]
    ]
    assert objects == [
        ("Image", scene.one, "owner"),
        ("Image", scene.two, "owner"),
        ("Image", scene.one, "annotator"),
        ("Plate", scene.plate, "annotator"),
    ]
    plates = {"id": asked["id"], "types": ["PLATE"]}
    found = (await scene.world.graphql("owner", query, plates))["annotation"]["links"]
    assert found["totalCount"] == len(found["nodes"]) == 1


async def test_an_object_tells_its_links_and_narrows_by_owner(scene: Scene) -> None:
    query = """query($id: ID!, $owner: ID) { image(id: $id) {
      annotationLinks(kinds: [TAG]) { legacyId owner { username } createdAt }
      annotations(owner: $owner) { legacyId } } }"""
    asked = {"id": scene.id("Image", scene.one)}
    asked["owner"] = scene.id("User", scene.world.people["annotator"])
    image = (await scene.world.graphql("owner", query, asked))["image"]
    assert [one["owner"]["username"] for one in image["annotationLinks"]] == ["owner", "annotator"]
    assert image["annotations"] == []


async def test_plates_wells_and_runs_carry_annotations_too(scene: Scene) -> None:
    hub = await scene.world.hub("owner")
    run = await hub.screens.create_acquisition(scene.plate, name="run")
    made = await scene.world.mutate(
        "owner", "createAnnotation",
        {"value": {"tag": "run 1"}, "targets": [scene.id("Acquisition", run.id)]},
        "annotation { legacyId }",
    )  # fmt: skip
    query = """query($id: ID!) { plate(id: $id) { annotations { legacyId }
      acquisitions { annotations { legacyId } } } }"""
    found = await scene.world.graphql("annotator", query, {"id": scene.id("Plate", scene.plate)})
    assert found["plate"] == {
        "annotations": [{"legacyId": scene.tag}],
        "acquisitions": [{"annotations": [made["annotation"]]}],
    }


async def test_namespaces_in_use_are_counted_for_each_group(scene: Scene) -> None:
    query = "{ namespaces { namespace kind count } }"
    assert (await scene.world.graphql("annotator", query))["namespaces"] == [
        {"namespace": None, "kind": "COMMENT", "count": 1},
        {"namespace": None, "kind": "TAG", "count": 1},
        {"namespace": NS, "kind": "LONG", "count": 1},
        {"namespace": NS, "kind": "MAP", "count": 1},
    ]
    only = "{ namespaces(where: {kinds: [MAP]}) { namespace count } }"
    assert (await scene.world.graphql("owner", only))["namespaces"] == [
        {"namespace": NS, "count": 1}
    ]
    for who in ("stranger", None):
        assert (await scene.world.graphql(who, query))["namespaces"] == []


async def test_attachments_of_many_objects_cost_what_those_of_one_cost(scene: Scene) -> None:
    ids = [scene.id("Image", scene.one), scene.id("Image", scene.two)]
    counts = []
    for asked in (ids[:1], ids):
        with statements(scene.world.database) as sent:
            await scene.world.graphql("owner", ON, {"ids": asked})
        counts.append(len(sent))
    assert counts[0] == counts[1]
