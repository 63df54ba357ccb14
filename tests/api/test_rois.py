"""Regions of interest through GraphQL: drawing, reading back, finding, changing, deleting."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from schema.scalars import encode_id
from store.tables.images import Image
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

READ = """query($id: ID!) { roi(id: $id) { id name description kind version createdAt updatedAt
  permissions { canEdit canDelete canAnnotate } owner { username } author { username }
  group { name } image { name } project { name }
  terms { rate author { username } term { name color } }
  shapes { __typename id c z t text labelValue wkt geojson area perimeter areaUm2 perimeterUm
    centroid { x y } bounds { x y width height } roi { id }
    style { strokeColor strokeWidth visible } transform { a02 a12 } up: wkt(yUp: true)
    ... on Rectangle { x y width height } ... on Ellipse { x y radiusX radiusY }
    ... on Polygon { points holes } ... on Polyline { points } ... on Line { x1 y1 x2 y2 }
    ... on Point { x y } ... on Mask { x y width height bits } ... on Label { x y } } } }"""

SHAPES: list[dict[str, Any]] = [
    {"rectangle": {"x": 10, "y": 20, "width": 30, "height": 40}, "z": 1,
     "style": {"strokeColor": "#FF0000", "strokeWidth": 1.5, "visible": False}},
    {"ellipse": {"x": 50, "y": 60, "radiusX": 20, "radiusY": 10}},
    {"polygon": {"points": [[0, 0], [30, 0], [30, 30], [0, 30]],
                 "holes": [[[5, 5], [5, 9], [9, 9]]]}, "labelValue": 7},
    {"polyline": {"points": [[1, 1], [4, 5], [9, 2]]}},
    {"line": {"x1": 1.5, "y1": 2, "x2": 8, "y2": 2},
     "transform": {"a00": 1, "a10": 0, "a01": 0, "a11": 1, "a02": 3, "a12": 4}},
    {"point": {"x": 7.25, "y": 3}, "c": 2, "t": 1},
    {"mask": {"x": 2, "y": 3, "width": 4, "height": 2, "bits": base64.b64encode(b"\xa5").decode()}},
    {"label": {"x": 3, "y": 4}, "text": "metaphase"},
    {"wkt": "POINT (1 399)", "yUp": True},
    {"geojson": {"type": "LineString", "coordinates": [[0, 0], [0, 9], [3, 9]]}},
]  # fmt: skip


@pytest.fixture
async def image(hub_world: HubWorld) -> Image:
    """An image of the owner's: 2 × 3 × 4 planes of 600 × 400 pixels of 0.5 × 0.25 µm."""
    owner = hub_world.people["owner"]
    return await hub_world.image(owner, size=(2, 3, 4, 400, 600), physical_size=(0.25, 0.5))


def iid(image: Image) -> str:
    return encode_id("Image", image.id)


async def draw(hub_world: HubWorld, image: Image, who: str = "owner", **input: Any) -> str:
    """Draw a region and return its id."""
    shapes = {"shapes": [{"rectangle": {"x": 1, "y": 1, "width": 9, "height": 9}}]}
    made = await hub_world.mutate(
        who, "createRoi", {"image": iid(image), **shapes, **input}, "roi { id }"
    )
    return str(made["roi"]["id"])


async def test_every_kind_of_shape_comes_back_as_it_was_drawn(
    hub_world: HubWorld, image: Image
) -> None:
    id = await draw(hub_world, image, shapes=SHAPES, name="cell", description="All of them.")
    roi = (await hub_world.graphql("owner", READ, {"id": id}))["roi"]
    shapes = roi.pop("shapes")
    assert roi["name"] == "cell"
    assert (roi["kind"], roi["version"], roi["updatedAt"], roi["project"]) == (
        "USER",
        1,
        None,
        None,
    )
    assert roi["owner"] == roi["author"] == {"username": "owner"}
    assert (roi["group"], roi["image"]) == ({"name": "lab"}, {"name": "cell.tif"})
    assert roi["permissions"] == {"canEdit": True, "canDelete": True, "canAnnotate": True}
    assert [shape["__typename"] for shape in shapes] == [
        "Rectangle", "Ellipse", "Polygon", "Polyline", "Line", "Point", "Mask", "Label", "Point",
        "Polyline",
    ]  # fmt: skip
    for sent, shape in zip(SHAPES[:8], shapes, strict=False):
        (kind,) = set(sent) & {"rectangle", "ellipse", "polygon", "polyline", "line", "point",
                               "mask", "label"}  # fmt: skip
        assert {name: shape[name] for name in sent[kind]} == sent[kind]
        assert (shape["c"], shape["z"], shape["t"]) == (sent.get("c"), sent.get("z"), sent.get("t"))
        assert shape["roi"] == {"id": id}
    rectangle, ellipse, polygon, _, line, _, mask, label, point, _ = shapes
    assert rectangle["style"] == {"strokeColor": "#FF0000FF", "strokeWidth": 1.5, "visible": False}
    assert rectangle["wkt"] == "POLYGON ((10 20, 40 20, 40 60, 10 60, 10 20))"
    assert rectangle["up"] == "POLYGON ((10 380, 40 380, 40 340, 10 340, 10 380))"
    assert (rectangle["area"], rectangle["perimeter"]) == (1200, 140)
    assert rectangle["areaUm2"] == 1200 * 0.5 * 0.25
    assert rectangle["perimeterUm"] == 2 * (30 * 0.5 + 40 * 0.25)
    assert rectangle["bounds"] == {"x": 10, "y": 20, "width": 30, "height": 40}
    assert rectangle["centroid"] == {"x": 25, "y": 40}
    assert ellipse["area"] == pytest.approx(3.141592653589793 * 200)
    assert polygon["labelValue"] == 7
    assert polygon["geojson"]["type"] == "Polygon"
    assert len(polygon["geojson"]["coordinates"]) == 2
    assert line["transform"] == {"a02": 3, "a12": 4}
    assert line["bounds"] == {"x": 4.5, "y": 6, "width": 6.5, "height": 0}
    assert mask["area"] == 4
    assert label["text"] == "metaphase"
    assert (point["x"], point["y"]) == (1, 1)


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "geometry"),
    ({"point": {"x": 1, "y": 1}, "wkt": "POINT (1 1)"}, "geometry"),
    ({"rectangle": {"x": 1, "y": 1, "width": -1, "height": 1}}, "width"),
    ({"wkt": "POLYGON ((0 0, 1 1"}, "wkt"),
    ({"geojson": {"type": "Circle"}}, "geojson"),
    ({"point": {"x": 1, "y": 1}, "z": 9}, "z"),
    ({"polygon": {"points": [[1, 2, 3]]}}, "points"),
    ({"mask": {"x": 0, "y": 0, "width": 2, "height": 2, "bits": "?"}}, "bits"),
    ({"wkt": "POINT (900 1)", "clip": True}, "wkt"),
]


async def test_a_shape_that_cannot_be_is_named(hub_world: HubWorld, image: Image) -> None:
    before = await hub_world.stored()
    for shape, field in BAD:
        answer = await hub_world.mutate(
            "owner", "createRoi", {"image": iid(image), "shapes": [shape]}, "roi { id }"
        )
        assert (answer["code"], answer["field"]) == ("invalid", f"shapes[0].{field}")
    assert await hub_world.stored() == before


async def test_many_regions_are_drawn_all_or_none(hub_world: HubWorld, image: Image) -> None:
    rois: list[dict[str, Any]] = [
        {"name": f"r{n}", "shapes": [{"point": {"x": n, "y": n}}]} for n in range(30)
    ]
    made = await hub_world.mutate(
        "owner",
        "createRois",
        {"image": iid(image), "rois": rois},
        "rois { name shapes { bounds { x } } }",
    )
    assert [(one["name"], one["shapes"][0]["bounds"]["x"]) for one in made["rois"]] == [
        (f"r{n}", n) for n in range(30)
    ]
    rois[7]["shapes"].append({"point": {"x": 1, "y": 1}, "t": 5})
    before = await hub_world.stored()
    refused = await hub_world.mutate(
        "owner", "createRois", {"image": iid(image), "rois": rois}, "rois { id }"
    )
    assert refused["code"] == "invalid"
    assert await hub_world.stored() == before


async def test_a_region_is_changed_moved_deleted_and_restored(
    hub_world: HubWorld, image: Image
) -> None:
    id = await draw(hub_world, image, name="old")
    seen = "roi { id name version shapes { id z ... on Rectangle { x y } } }"
    same = {"rectangle": {"x": 1, "y": 1, "width": 9, "height": 9}}
    echo = await hub_world.mutate(
        "owner", "updateRoi", {"id": id, "name": "old", "shapes": [same]}, seen
    )
    assert echo["roi"]["version"] == 1
    changed = await hub_world.mutate(
        "owner", "updateRoi",
        {"id": id, "name": None, "version": 1, "shapes": [same, {"point": {"x": 1, "y": 2}}]}, seen,
    )  # fmt: skip
    assert (changed["roi"]["name"], changed["roi"]["version"]) == (None, 2)
    assert changed["roi"]["shapes"][0] == echo["roi"]["shapes"][0]
    stale = await hub_world.mutate(
        "owner", "updateRoi", {"id": id, "name": "x", "version": 1}, seen
    )
    assert stale["code"] == "conflict"
    moved = await hub_world.mutate(
        "owner", "moveRoi", {"id": id, "dx": 5, "dy": 2.5, "plane": {"z": 3}}, seen
    )
    assert {key: moved["roi"]["shapes"][0][key] for key in "xyz"} == {"x": 6, "y": 3.5, "z": 3}
    dry = await hub_world.mutate(
        "owner", "delete", {"ids": [id], "dryRun": True}, "dryRun impact { noun count }"
    )
    assert dry["impact"] == [{"noun": "roi", "count": 1}]
    gone = await hub_world.mutate("owner", "delete", {"ids": [id]}, "deletedIds commandId")
    assert gone["deletedIds"] == [id]
    assert (await hub_world.execute("owner", READ, {"id": id})).data == {"roi": None}
    back = await hub_world.mutate("owner", "restore", {"ids": [id]}, "restored")
    assert back == {"restored": 1}
    again = (await hub_world.graphql("owner", READ, {"id": id}))["roi"]
    assert len(again["shapes"]) == 2


async def test_terms_go_on_and_come_off(hub_world: HubWorld, image: Image) -> None:
    made = await hub_world.mutate(
        "owner", "createOntology",
        {"name": "Phases", "terms": [{"name": "A", "color": "#00FF00"}, {"name": "B"}]},
        "ontology { terms { id } }",
    )  # fmt: skip
    a, b = (term["id"] for term in made["ontology"]["terms"])
    ids = [await draw(hub_world, image, terms=[a]), await draw(hub_world, image)]
    seen = "changed rois { terms { author { username } term { name color } } }"
    given = await hub_world.mutate("owner", "addTerms", {"rois": ids, "terms": [a, b]}, seen)
    assert given["changed"] == 3
    assert given["rois"][0]["terms"][0] == {
        "author": {"username": "owner"}, "term": {"name": "A", "color": "#00FF00FF"},
    }  # fmt: skip
    taken = await hub_world.mutate("owner", "removeTerms", {"rois": ids[:1], "terms": [b]}, seen)
    assert taken["changed"] == 1
    query = "query($w: RoiWhere) { rois(where: $w) { totalCount nodes { id } } }"
    found = await hub_world.graphql("owner", query, {"w": {"terms": [b]}})
    assert found["rois"] == {"totalCount": 1, "nodes": [{"id": ids[1]}]}
    kept = await hub_world.mutate("owner", "delete", {"ids": [a]}, "deletedIds")
    assert kept["code"] == "conflict"


async def test_regions_are_found_by_place_plane_author_and_project(
    hub_world: HubWorld, image: Image
) -> None:
    owner = hub_world.people["owner"]
    project = await hub_world.project(owner)
    dataset = await hub_world.dataset(owner, into=project.id)
    held = await hub_world.image(owner, "held.tif", into=dataset.id)
    here = await draw(hub_world, image)
    there = await draw(
        hub_world, image, "annotator", shapes=[{"point": {"x": 500, "y": 300}, "z": 2}]
    )
    bound = await draw(hub_world, held, project=encode_id("Project", project.id))
    image_query = """query($id: ID!, $v: ViewportInput, $w: RoiWhere) { image(id: $id) {
      rois(viewport: $v, where: $w) { totalCount nodes { id } } } }"""

    async def on_image(**variables: Any) -> list[str]:
        found = await hub_world.graphql("owner", image_query, {"id": iid(image), **variables})
        nodes = [node["id"] for node in found["image"]["rois"]["nodes"]]
        assert found["image"]["rois"]["totalCount"] == len(nodes)
        return nodes

    async def everywhere(**where: Any) -> list[str]:
        query = "query($w: RoiWhere) { rois(where: $w) { nodes { id } } }"
        found = await hub_world.graphql("owner", query, {"w": where})
        return [node["id"] for node in found["rois"]["nodes"]]

    assert await on_image() == [here, there]
    assert await on_image(v={"x": 400, "y": 200, "width": 200, "height": 200}) == [there]
    assert await on_image(w={"plane": {"z": 2}}) == [here, there]
    assert await on_image(w={"plane": {"z": 1}}) == [here]
    assert await on_image(w={"kinds": ["REVIEWED"]}) == []
    annotator = encode_id("User", hub_world.people["annotator"])
    assert await everywhere(author=annotator) == [there]
    assert await everywhere(**{"not": {"author": annotator}}) == [here, bound]
    assert await everywhere(bound=True) == [bound]
    assert await everywhere(project=encode_id("Project", project.id)) == [bound]
    assert await everywhere(image=iid(held)) == [bound]
    view = """query($id: ID!) { shapesInView(image: $id, limit: 1,
      viewport: {x: 0, y: 0, width: 600, height: 400}) {
        truncated shapes { __typename roi { id author { username } } } } }"""
    shown = (await hub_world.graphql("owner", view, {"id": iid(image)}))["shapesInView"]
    assert shown["truncated"]
    assert shown["shapes"] == [
        {"__typename": "Rectangle", "roi": {"id": here, "author": {"username": "owner"}}}
    ]


async def test_others_may_look_and_strangers_may_not(hub_world: HubWorld, image: Image) -> None:
    id = await draw(hub_world, image)
    seen = (await hub_world.graphql("annotator", READ, {"id": id}))["roi"]
    assert seen["permissions"] == {"canEdit": False, "canDelete": False, "canAnnotate": True}
    refused = await hub_world.mutate(
        "annotator", "updateRoi", {"id": id, "name": "x"}, "roi { id }"
    )
    assert refused["code"] == "forbidden"
    kept = await hub_world.mutate("annotator", "delete", {"ids": [id]}, "deletedIds")
    assert kept["code"] == "forbidden"
    hidden = await hub_world.execute("stranger", READ, {"id": id})
    assert hidden.data == {"roi": None}
    assert hidden.errors is not None
    assert (hidden.errors[0].extensions or {})["code"] == "not_found"
    for field, input in (
        ("updateRoi", {"id": id, "name": "x"}),
        ("moveRoi", {"id": id, "dx": 1}),
        ("createRoi", {"image": iid(image), "shapes": [{"point": {"x": 1, "y": 1}}]}),
    ):
        answer = await hub_world.mutate("stranger", field, input, "roi { id }")
        assert answer["code"] == "not_found"


async def test_shapes_and_regions_are_nodes(hub_world: HubWorld, image: Image) -> None:
    id = await draw(hub_world, image)
    shape = (await hub_world.graphql("owner", READ, {"id": id}))["roi"]["shapes"][0]["id"]
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    nodes = (await hub_world.graphql("owner", query, {"ids": [id, shape]}))["nodes"]
    assert nodes == [{"__typename": "ROI", "id": id}, {"__typename": "Rectangle", "id": shape}]
    assert (await hub_world.graphql("stranger", query, {"ids": [id, shape]}))["nodes"] == [
        None,
        None,
    ]


async def test_a_list_of_regions_costs_the_same_whatever_its_length(
    hub_world: HubWorld, image: Image
) -> None:
    query = """query { images(first: 4) { nodes { annotations { id }
      rois(first: 40) { totalCount nodes {
      permissions { canEdit } owner { username } group { name } author { username } image { name }
      annotations { id } terms { term { name } author { username } }
      shapes { wkt areaUm2 roi { id } } } } } } }"""

    async def count() -> int:
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", query)
        return len(sent)

    await draw(hub_world, image)
    few = await count()
    other = await hub_world.image(hub_world.people["owner"], "other.tif")
    for drawn_on in (image, other):
        for _ in range(15):
            await draw(hub_world, drawn_on)
    assert await count() == few
