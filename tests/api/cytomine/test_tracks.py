"""Tracks and the annotations in them, as the published clients ask."""

from __future__ import annotations

import pytest

from adapters.rois import Rois
from tests.fixtures.app import AppClients
from tests.fixtures.reviewed_scene import BOX, Scene, drawn, refused, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def track(served: AppClients, scene: Scene, name: str = "Cell 1") -> dict[str, object]:
    body = {"name": name, "image": scene.place, "color": "#FF0000"}
    return dict((await sent(served["owner"], "POST", "track.json", json=body))["track"])


async def test_a_track_is_made_changed_listed_and_deleted(shared_app: AppClients) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    made = await track(shared_app, scene)
    assert (made["name"], made["color"]) == ("Cell 1", "#ff0000")
    assert (made["image"], made["project"]) == (scene.place, scene.project)
    assert made["class"] == "be.cytomine.domain.ontology.Track"
    path = f"track/{made['id']}.json"
    assert await sent(client, "GET", path) == made
    stored = await shared_app.world.stored()
    assert (await sent(client, "PUT", path, json=made))["track"] == made
    double = {"name": "CELL 1", "image": scene.place, "color": "#000000"}
    assert await refused(client, "POST", "track.json", json=double) == 409
    for bad in ({"name": None}, {"image": None}, {"color": "red"}):
        assert (
            await refused(client, "POST", "track.json", json={**double, "name": "X"} | bad) == 400
        )
    assert await shared_app.world.stored() == stored
    answer = await sent(client, "PUT", path, json={**made, "name": "Two", "color": "#00ff00"})
    changed = answer["track"]
    assert (changed["name"], changed["color"], changed["image"]) == ("Two", "#00ff00", scene.place)
    assert answer["callback"]["method"] == "be.cytomine.EditTrackCommand"
    for place in (f"project/{scene.project}", f"imageinstance/{scene.place}"):
        listed = await sent(client, "GET", f"{place}/track.json")
        assert listed["collection"] == [changed]
    array = await client.post(
        "/api/track.json", json=[{**double, "name": "Three"}, double | {"name": "two"}]
    )
    assert (array.status_code, len(array.json()["data"]["errors"])) == (206, 1)
    gone = await sent(client, "DELETE", path)
    assert gone["track"] == changed
    assert await refused(client, "GET", path) == 404
    await sent(client, "GET", f"../command/{gone['command']}/undo.json")
    assert await sent(client, "GET", path) == changed


@pytest.mark.parametrize("by", ["address", "body"])
async def test_an_annotation_is_put_into_a_track_and_taken_out(
    shared_app: AppClients, by: str
) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    made = await track(shared_app, scene)
    pair = f"annotationtrack/{scene.roi}/{made['id']}.json"
    body = {
        "annotationIdent": scene.roi,
        "track": made["id"],
        "annotationClassName": "be.cytomine.domain.ontology.UserAnnotation",
    }
    post = pair if by == "address" else "annotationtrack.json"
    answer = await sent(client, "POST", post, json=body)
    row = answer["annotationtrack"]
    assert (row["annotationIdent"], row["track"]) == (scene.roi, made["id"])
    assert row["annotationClassName"] == body["annotationClassName"]
    found = await sent(client, "GET", f"imageinstance/{scene.place}/sliceinstance.json?max=0")
    slices = {one["id"]: one["rank"] for one in found["collection"]}
    assert slices[row["slice"]] == 0 + 2 * (1 + 3 * 1)
    assert await sent(client, "GET", pair) == row
    for listing in (f"track/{made['id']}", f"annotation/{scene.roi}"):
        assert (await sent(client, "GET", f"{listing}/annotationtrack.json"))["collection"] == [row]
    assert await refused(client, "POST", post, json=body) == 409
    rois = Rois((await shared_app.world.hub("owner")).catalog)
    beside = await rois.create(scene.image, BOX, project_id=scene.project)  # On the same slice.
    clash = {**body, "annotationIdent": beside.id}
    assert await refused(client, "POST", "annotationtrack.json", json=clash) == 409
    other = await drawn(shared_app)
    foreign = {**body, "annotationIdent": other.roi}
    assert await refused(client, "POST", "annotationtrack.json", json=foreign) == 400
    assert await refused(client, "POST", "annotationtrack.json", json={"track": 1}) == 400
    gone = await sent(client, "DELETE", pair)
    assert gone["annotationtrack"] == row
    assert await refused(client, "DELETE", pair) == 404


async def test_strangers_find_nothing_and_store_nothing(shared_app: AppClients) -> None:
    scene, client = await drawn(shared_app), shared_app["stranger"]
    made = await track(shared_app, scene)
    body = {"name": "x", "image": scene.place, "annotationIdent": scene.roi, "track": made["id"]}
    paths = {
        "track": "POST",
        f"track/{made['id']}": "GET PUT DELETE",
        f"project/{scene.project}/track": "GET",
        f"imageinstance/{scene.place}/track": "GET",
        "annotationtrack": "POST",
        f"annotationtrack/{scene.roi}/{made['id']}": "GET POST DELETE",
        f"track/{made['id']}/annotationtrack": "GET",
        f"annotation/{scene.roi}/annotationtrack": "GET",
    }
    stored = await shared_app.world.stored()
    for path, methods in paths.items():
        for method in methods.split():
            options = {} if method in ("GET", "DELETE") else {"json": body}
            for form in (path, f"{path}.json"):
                assert await refused(client, method, form, **options) == 404, (method, path)
                assert await refused(shared_app[None], method, form, **options) == 401
    assert await refused(shared_app["annotator"], "DELETE", f"track/{made['id']}") == 403
    assert await shared_app.world.stored() == stored
