"""Actions, consultations, connections and positions: noted as objects, listed, never commands."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from schema.scalars import decode_id, encode_id
from store.statement import cols
from store.tables.containers import Placement
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
HEIGHT = 16
CORNERS = {
    "topLeftX": 2, "topLeftY": 12, "topRightX": 10, "topRightY": 12,
    "bottomRightX": 10, "bottomRightY": 4, "bottomLeftX": 2, "bottomLeftY": 4,
}  # fmt: skip


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Place:
    """A project of the owner's, the reader in it, with an image and a region."""

    def __init__(self, served: AppClients) -> None:
        self.served = served
        self.people = served.world.people

    async def make(self) -> Place:
        world = self.served.world
        body = {"name": f"watched {id(self)}", "users": [world.people["reader"]]}
        made = await sent(self.served["owner"], "/api/project.json", body)
        self.project = made["project"]["id"]
        dataset = await world.dataset(world.people["owner"], "watched", into=self.project)
        self.image_id = (await world.picture("owner", dataset_id=dataset.id)).id
        placement = cols(Placement)
        (row,) = await world.system().rows(
            select(placement.id, placement.slice_base).where(
                placement.image_id == self.image_id, placement.project_id == self.project
            )
        )
        self.image, self.slice = row.id, row.slice_base
        drawn = {
            "image": encode_id("Image", self.image_id),
            "project": encode_id("Project", self.project),
            "shapes": [{"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}],
        }
        roi = await world.mutate("owner", "createRoi", drawn, "roi { id }")
        self.roi = decode_id(roi["roi"]["id"], "ROI")
        return self


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(shared_app: AppClients) -> Place:
    return await Place(shared_app).make()


async def test_a_position_is_kept_with_its_corners_and_is_no_command(
    shared_app: AppClients, place: Place
) -> None:
    reader = shared_app["reader"]
    before = await shared_app.world.stored()
    body = {**CORNERS, "zoom": 3, "rotation": 0.5, "broadcast": True}
    path = f"/api/imageinstance/{place.image}/position.json"
    made = await sent(reader, path, body)
    assert made["location"] == "POLYGON ((2 12, 10 12, 10 4, 2 4, 2 12))"
    assert (made["x"], made["y"], made["zoom"], made["rotation"]) == (6, 8, 3, 0.5)
    assert (made["image"], made["project"], made["user"]) == (
        place.image, place.project, place.people["reader"]
    )  # fmt: skip
    after = await shared_app.world.stored()
    grown = {name for name in after if after[name] != before[name]}
    assert grown <= {"activity", "ids"}
    # Inside the hub y grows downwards.
    hub = await shared_app.world.hub("reader")
    row = (await hub.activity.many([made["id"]]))[made["id"]]
    assert (row.data or {})["corners"][0] == [2.0, HEIGHT - 12.0]
    for name in ("positions", "position"):
        listed = await got(
            reader, f"/api/imageinstance/{place.image}/{name}.json", showDetails="True"
        )
        assert listed["collection"][0] == made
    assert await got(reader, f"/api/position/{made['id']}.json") == made
    assert await got(reader, f"/api/positions/{made['id']}.json") == made
    user = place.people["reader"]
    last = f"/api/imageinstance/{place.image}/position/{user}.json"
    assert await got(shared_app["owner"], last) == made
    heat = await got(reader, f"/api/imageinstance/{place.image}/positions.json")
    assert heat["collection"][0]["location"] == [[2, 12], [10, 12], [10, 4], [2, 4]]
    assert heat["collection"][0]["frequency"] == 1
    online = await got(reader, f"/api/imageinstance/{place.image}/online.json", broadcast="true")
    assert online["users"] == [user]
    followers = await got(reader, f"/api/imageinstance/{place.image}/followers/{user}.json")
    assert followers["collection"] == []


async def test_a_position_on_a_plane_names_the_plane(shared_app: AppClients, place: Place) -> None:
    owner = shared_app["owner"]
    path = f"/api/sliceinstance/{place.slice}/position.json"
    made = await sent(owner, path, CORNERS)
    assert (made["slice"], made["image"]) == (place.slice, place.image)
    listed = await got(owner, f"/api/sliceinstance/{place.slice}/positions.json", showDetails=True)
    assert [one["id"] for one in listed["collection"]] == [made["id"]]
    mine = {"showDetails": True, "user": place.people["owner"]}
    assert (await got(owner, f"/api/imageinstance/{place.image}/positions.json", **mine))[
        "size"
    ] == 1


@pytest.mark.parametrize(
    "body", [{}, {**CORNERS, "topLeftX": "left"}, {**CORNERS, "zoom": "NaN"}, [], {"zoom": 1}]
)
async def test_a_bad_position_is_refused(shared_app: AppClients, place: Place, body: Any) -> None:
    before = await shared_app.world.stored()
    path = f"/api/imageinstance/{place.image}/position.json"
    assert (await shared_app["owner"].post(path, json=body)).status_code == 400
    assert await shared_app.world.stored() == before


async def test_connections_and_consultations_tell_how_long_and_how_much(
    shared_app: AppClients, place: Place
) -> None:
    reader, me = shared_app["reader"], place.people["reader"]
    base = f"/api/project/{place.project}"
    body = {"project": place.project, "os": "Linux", "browser": "firefox", "browserVersion": "130"}
    first = await sent(reader, f"{base}/userconnection.json", body)
    assert (first["os"], first["browser"], first["browserVersion"]) == ("Linux", "firefox", "130")
    look = await sent(reader, f"/api/imageinstance/{place.image}/consultation.json",
                      {"mode": "view"})  # fmt: skip
    assert (look["mode"], look["image"], look["projectConnection"]) == (
        "view", place.image, first["id"]
    )  # fmt: skip
    assert look["imageThumb"] == f"http://hub.test/api/imageinstance/{place.image}/thumb.png"
    await sent(reader, f"/api/imageinstance/{place.image}/consultation.json", {"mode": "view"})
    await sent(reader, f"{base}/userconnection.json", {})
    listed = await got(reader, f"{base}/userconnection/{me}.json")
    assert listed["size"] == 2
    newest, oldest = listed["collection"]
    assert oldest["id"] == first["id"]
    assert (oldest["countViewedImages"], newest["countViewedImages"]) == (2, 0)
    assert oldest["time"] >= 0
    paged = await got(reader, f"{base}/userconnection/{me}.json", max=1, offset=1)
    assert [one["id"] for one in paged["collection"]] == [first["id"]]
    assert (paged["size"], paged["totalPages"]) == (2, 2)
    views = await got(reader, f"{base}/user/{me}/imageconsultation.json")
    assert (views["size"], views["collection"][-1]["id"]) == (2, look["id"])
    once = await got(reader, f"{base}/user/{me}/imageconsultation.json", distinctImages="true")
    assert once["size"] == 1
    inside = await got(reader, f"/api/projectConnection/{first['id']}.json")
    assert inside["size"] == 2
    summed = await got(reader, "/api/imageconsultation/resume.json", project=place.project)
    assert summed["collection"][0]["frequency"] == 2
    resume = await got(reader, f"{base}/resumeActivity/{me}.json")
    assert (resume["totalConnections"], resume["totalConsultations"]) == (2, 2)
    assert resume["firstConnection"] == first["created"]
    assert await got(reader, f"{base}/userconnection/count.json") == {"total": 2}
    assert await got(reader, f"{base}/imageconsultation/count.json") == {"total": 2}
    often = await got(shared_app["owner"], f"{base}/connectionFrequency.json", period="day")
    assert sum(one["frequency"] for one in often["collection"]) == 2
    last = await got(shared_app["owner"], f"{base}/lastConnection.json")
    assert [one["user"] for one in last["collection"]] == [me]
    opened = await got(reader, "/api/project/method/lastopened.json")
    assert opened["collection"][0]["id"] == place.project
    assert opened["collection"][0]["opened"] is True
    there = await got(shared_app["owner"], f"{base}/usersActivity.json")
    by_id = {one["id"]: one for one in there["collection"]}
    assert by_id[me]["frequency"] == 2
    people = await got(shared_app["owner"], f"{base}/online/user.json")
    assert me in [one["id"] for one in people["collection"]]


async def test_traces_of_others_are_for_managers(shared_app: AppClients, place: Place) -> None:
    base, owner = f"/api/project/{place.project}", place.people["owner"]
    for path in (
        f"{base}/userconnection/{owner}", f"{base}/user/{owner}/imageconsultation",
        f"{base}/lastConnection", f"{base}/resumeActivity/{owner}", f"{base}/usersActivity",
        f"{base}/connectionFrequency", f"{base}/connectionHistory/{owner}",
    ):  # fmt: skip
        assert (await shared_app["reader"].get(f"{path}.json")).status_code == 403, path


async def test_actions_on_annotations_are_noted_and_counted(
    shared_app: AppClients, place: Place
) -> None:
    reader = shared_app["reader"]
    body = {"annotationIdent": place.roi, "action": "Select"}
    made = await sent(reader, "/api/annotation_action.json", body)
    assert (made["annotationIdent"], made["action"], made["image"]) == (
        place.roi, "Select", place.image
    )  # fmt: skip
    assert made["annotationClassName"] == "be.cytomine.domain.ontology.UserAnnotation"
    assert made["annotationCreator"] == place.people["owner"]
    path = f"/api/imageinstance/{place.image}/annotation_action.json"
    assert (await got(reader, path))["collection"] == [made]
    assert await got(reader, f"/api/annotation_action/{made['id']}.json") == made
    assert (await got(reader, path, user=place.people["owner"]))["size"] == 0
    count = await got(reader, f"/api/project/{place.project}/annotation_action/count.json")
    assert count == {"total": 1}
    for bad in ({}, {"annotationIdent": place.roi}, {"annotationIdent": "x", "action": "a"}):
        answer = await reader.post("/api/annotation_action.json", json=bad)
        assert answer.status_code == 400
    gone = {"annotationIdent": 987654321, "action": "Select"}
    assert (await reader.post("/api/annotation_action.json", json=gone)).status_code == 404


async def test_a_stranger_leaves_and_finds_no_traces(shared_app: AppClients, place: Place) -> None:
    stranger, before = shared_app["stranger"], await shared_app.world.stored()
    me = place.people["stranger"]
    places = (f"/api/imageinstance/{place.image}", f"/api/sliceinstance/{place.slice}")
    for base in places:
        for path in ("annotation_action", "position", "positions", f"position/{me}", "online",
                     f"followers/{me}"):  # fmt: skip
            assert (await stranger.get(f"{base}/{path}.json")).status_code == 404, path
        assert (await stranger.post(f"{base}/position.json", json=CORNERS)).status_code == 404
        assert (await stranger.post(f"{base}/consultation.json", json={})).status_code == 404
    body = {"annotationIdent": place.roi, "action": "Select"}
    assert (await stranger.post("/api/annotation_action.json", json=body)).status_code == 404
    hub = await shared_app.world.hub("owner")
    from adapters.activity import Which

    for row in await hub.activity.window(Which(project_id=place.project)):
        for path in ("annotation_action", "position", "projectConnection"):
            assert (await stranger.get(f"/api/{path}/{row.id}.json")).status_code == 404
    assert await shared_app.world.stored() == before
