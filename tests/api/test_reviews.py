"""Reviews and tracks through GraphQL, and terms with a classifier's verdict."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

TERMS = [{"name": "A"}, {"name": "B"}]
REVIEW = """review { inReview startedAt stoppedAt reviewer { username } project { id } image { id }
  layers { author { username } all reviewed } }"""


class Scene:
    """A project of the owner's with an image of three planes, an ontology and two regions."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world

    async def do(
        self, field: str, input: dict[str, Any], selection: str, who: str = "owner"
    ) -> Any:
        answer = await self.world.mutate(who, field, input, selection)
        assert "code" not in answer, answer
        return answer

    async def refused(self, field: str, input: dict[str, Any], who: str = "owner") -> str:
        return str((await self.world.mutate(who, field, input, "__typename"))["code"])

    async def set(self) -> Scene:
        do = self.do
        self.project = (await do("createProject", {"name": "P"}, "project { id }"))["project"]["id"]
        made = await do("createDataset", {"name": "D", "project": self.project}, "dataset { id }")
        image = await self.world.image(self.world.people["owner"], size=(1, 1, 3, 100, 100))
        self.image = encode_id("Image", image.id)
        await do("link", {"parent": made["dataset"]["id"], "children": [self.image]}, "changed")
        made = await do(
            "createOntology", {"name": "O", "terms": TERMS}, "ontology { id terms { id } }"
        )
        self.terms = [term["id"] for term in made["ontology"]["terms"]]
        use = {"project": self.project, "ontology": made["ontology"]["id"]}
        await do("useOntology", use, "project { id }")
        self.rois = [await self.draw(z) for z in (2, 0)]
        self.where = {"image": self.image, "project": self.project}
        return self

    async def draw(self, z: int) -> str:
        shape = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}, "z": z, "c": 0, "t": 0}
        new = {"image": self.image, "project": self.project, "shapes": [shape],
               "terms": [self.terms[0]]}  # fmt: skip
        return str((await self.do("createRoi", new, "roi { id }"))["roi"]["id"])


@pytest.fixture
async def scene(hub_world: HubWorld) -> Scene:
    return await Scene(hub_world).set()


async def test_a_review_goes_its_way(scene: Scene) -> None:
    assert await scene.refused("reviewRoi", {"roi": scene.rois[0]}) == "conflict"
    begun = (await scene.do("startReview", scene.where, REVIEW))["review"]
    assert (begun["inReview"], begun["stoppedAt"]) == (True, None)
    assert begun["reviewer"] == {"username": "owner"}
    assert (begun["image"]["id"], begun["project"]["id"]) == (scene.image, scene.project)
    assert begun["layers"] == [{"author": {"username": "owner"}, "all": 2, "reviewed": 0}]
    copy = await scene.do(
        "reviewRoi", {"roi": scene.rois[0], "terms": [scene.terms[1]]},
        "roi { id kind reviewer { username } original { id } terms { term { id } } shapes { id } }",
    )  # fmt: skip
    roi = copy["roi"]
    assert (roi["kind"], roi["reviewer"]) == ("REVIEWED", {"username": "owner"})
    assert (roi["original"]["id"], len(roi["shapes"])) == (scene.rois[0], 1)
    assert roi["terms"] == [{"term": {"id": scene.terms[1]}}]
    assert await scene.refused("reviewRoi", {"roi": scene.rois[0]}) == "conflict"
    assert await scene.refused("delete", {"ids": [scene.rois[0]]}) == "conflict"
    more = await scene.do("reviewLayers", scene.where, "rois { original { id } }")
    assert more == {"rois": [{"original": {"id": scene.rois[1]}}]}
    assert await scene.refused("stopReview", scene.where, "annotator") == "forbidden"
    ended = (await scene.do("stopReview", scene.where, REVIEW))["review"]
    assert (ended["inReview"], ended["layers"][0]["reviewed"]) == (False, 2)
    assert ended["stoppedAt"] >= ended["startedAt"]
    query = """query($id: ID!) { image(id: $id) { reviews { inReview stoppedAt }
      rois { totalCount nodes { id reviewedCopies { id } } } } }"""
    shown = (await scene.world.graphql("annotator", query, {"id": scene.image}))["image"]
    assert shown["reviews"] == [{"inReview": False, "stoppedAt": ended["stoppedAt"]}]
    assert shown["rois"]["totalCount"] == 2  # Copies are not counted among them.
    copies = {one["id"]: one["reviewedCopies"] for one in shown["rois"]["nodes"]}
    assert copies[scene.rois[0]] == [{"id": roi["id"]}]
    again = (await scene.do("cancelReview", scene.where, REVIEW))["review"]
    assert (again["inReview"], again["stoppedAt"]) == (True, None)
    gone = await scene.do("unreviewRoi", {"roi": scene.rois[0]}, "deletedIds")
    assert gone == {"deletedIds": [roi["id"]]}
    rest = await scene.do("unreviewLayers", scene.where, "deletedIds")
    assert len(rest["deletedIds"]) == 1
    await scene.do("delete", {"ids": [scene.rois[0]]}, "deletedIds")


async def test_a_classifier_says_how_sure_it_is(scene: Scene) -> None:
    rated = {"roi": scene.rois[0], "term": scene.terms[1], "rate": 0.25,
             "expected": scene.terms[0]}  # fmt: skip
    seen = "roi { terms { rate term { name } expectedTerm { name } } }"
    terms = (await scene.do("rateTerm", rated, seen))["roi"]["terms"]
    assert terms == [
        {"rate": None, "term": {"name": "A"}, "expectedTerm": None},
        {"rate": 0.25, "term": {"name": "B"}, "expectedTerm": {"name": "A"}},
    ]
    assert await scene.refused("rateTerm", rated) == "conflict"
    assert await scene.refused("rateTerm", {**rated, "rate": 2}) == "invalid"


async def test_a_track_runs_through_the_planes(scene: Scene) -> None:
    new = {"image": scene.image, "name": "Cell", "color": "#FF0000", "project": scene.project,
           "rois": scene.rois}  # fmt: skip
    seen = """track { id name color version project { id } image { id } permissions { canEdit }
      members { rank roi { id } } }"""
    made = (await scene.do("createTrack", new, seen))["track"]
    assert made["members"] == [
        {"rank": 0, "roi": {"id": scene.rois[1]}}, {"rank": 2, "roi": {"id": scene.rois[0]}}
    ]  # fmt: skip
    assert (made["color"], made["permissions"]) == ("#FF0000FF", {"canEdit": True})
    assert (made["project"]["id"], made["image"]["id"]) == (scene.project, scene.image)
    assert await scene.refused("createTrack", {**new, "name": "CELL"}) == "conflict"
    pair = {"track": made["id"], "rois": [scene.rois[0]]}
    cut = (await scene.do("removeFromTrack", pair, seen))["track"]
    assert [one["rank"] for one in cut["members"]] == [0]
    beside = await scene.draw(0)
    assert await scene.refused("addToTrack", {**pair, "rois": [beside]}) == "conflict"
    assert (await scene.do("addToTrack", pair, seen))["track"]["members"] == made["members"]
    change = {"id": made["id"], "name": "Nucleus", "version": made["version"]}
    assert (await scene.do("updateTrack", change, seen))["track"]["name"] == "Nucleus"
    assert await scene.refused("updateTrack", change | {"name": "x"}) == "conflict"
    assert await scene.refused("deleteTracks", {"ids": [made["id"]]}, "annotator") == "forbidden"
    query = """query($i: ID!, $r: ID!, $p: ID!, $t: ID!) { image(id: $i) { tracks { name } }
      roi(id: $r) { tracks { name } } tracks(project: $p) { name } track(id: $t) { name } }"""
    ids = {"i": scene.image, "r": scene.rois[0], "p": scene.project, "t": made["id"]}
    named = {"name": "Nucleus"}
    assert await scene.world.graphql("annotator", query, ids) == {
        "image": {"tracks": [named]}, "roi": {"tracks": [named]}, "tracks": [named],
        "track": named,
    }  # fmt: skip
    gone = await scene.do("deleteTracks", {"ids": [made["id"]]}, "deletedIds")
    assert gone["deletedIds"] == [made["id"]]
    await scene.do("undo", {}, "__typename")
    assert (await scene.world.graphql("owner", query, ids))["roi"] == {"tracks": [named]}


async def test_reviews_and_tracks_of_many_cost_the_same(scene: Scene) -> None:
    query = """{ rois { nodes { reviewedCopies { id } reviewer { id } tracks { members { rank } }
      terms { expectedTerm { id } } } }
      images { nodes { tracks { name } reviews { layers { all } } } } }"""

    async def count() -> int:
        with statements(scene.world.database) as sent:
            await scene.world.graphql("owner", query)
        return len(sent)

    await scene.do("startReview", scene.where, "review { inReview }")
    new = {"image": scene.image, "name": "T0", "rois": [scene.rois[0]]}
    await scene.do("createTrack", new, "track { id }")
    await scene.do("reviewRoi", {"roi": scene.rois[0]}, "roi { id }")
    few = await count()
    for n in range(4):
        roi = await scene.draw(1)
        await scene.do("createTrack", {**new, "name": f"T{n + 1}", "rois": [roi]}, "track { id }")
        await scene.do("reviewRoi", {"roi": roi}, "roi { id }")
    assert await count() == few
