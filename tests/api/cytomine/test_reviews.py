"""Reviews of images, and the annotations that a reviewer keeps, as the published clients ask."""

from __future__ import annotations

from typing import Any

import pytest
from shapely import from_wkt

from adapters.rois import Rois
from tests.fixtures.app import AppClients
from tests.fixtures.reviewed_scene import BOX, Scene, drawn, refused, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")
FORM = {"content-type": "application/json"}  # what the client says of a form


async def begun(served: AppClients) -> Scene:
    scene = await drawn(served)
    await sent(served["owner"], "POST", f"imageinstance/{scene.place}/review.json")
    return scene


async def test_a_review_is_begun_ended_and_cancelled_step_by_step(shared_app: AppClients) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    path = f"imageinstance/{scene.place}/review.json"
    assert await refused(client, "DELETE", path) == 400
    assert await refused(client, "DELETE", f"{path}?cancel=true") == 400

    def state(answer: Any) -> tuple[bool, bool, int | None]:
        image = answer["imageinstance"]
        assert image["id"] == scene.place
        assert (image["reviewStart"] is None) == (image["reviewUser"] is None)
        return image["inReview"], image["reviewed"], image["reviewUser"]

    me = shared_app.world.people["owner"]
    for method in ("POST", "PUT"):
        answer = await sent(client, method, path)
        assert state(answer) == (True, False, me)
        assert "review" in answer["message"]
    assert state(await sent(client, "DELETE", path)) == (False, True, me)
    assert await refused(client, "POST", path) == 400
    assert state(await sent(client, "DELETE", f"{path}?cancel=true")) == (True, False, me)
    assert state(await sent(client, "DELETE", f"{path}?cancel=True")) == (False, False, None)


@pytest.mark.parametrize("how", ["form", "json", "query", "none", "get"])
async def test_an_annotation_is_accepted_however_the_terms_are_sent(
    shared_app: AppClients, how: str
) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    await sent(client, "POST", f"annotation/{scene.roi}/term/{scene.a}.json")
    path = f"annotation/{scene.roi}/review.json"
    assert await refused(client, "POST", path) == 400  # Not in review.
    await sent(client, "POST", f"imageinstance/{scene.place}/review.json")
    both = [scene.a, scene.b]
    ways: dict[str, tuple[str, str, dict[str, Any], list[int]]] = {
        "form": ("POST", path, {
            "content": f"id={scene.roi}&terms={scene.a}&terms={scene.b}", "headers": FORM}, both),
        "json": ("PUT", path, {"json": {"id": scene.roi, "terms": [scene.b]}}, [scene.b]),
        "query": ("POST", f"{path}?terms={scene.a},{scene.b}", {}, both),
        "none": ("POST", path, {"content": f"id={scene.roi}", "headers": FORM}, [scene.a]),
        "get": ("GET", f"{path}?terms={scene.b}", {}, [scene.b]),
    }  # fmt: skip
    method, address, options, wanted = ways[how]
    answer = await sent(client, method, address, **options)
    made = answer["reviewedannotation"]
    assert sorted(made["terms"]) == sorted(made["term"]) == wanted
    assert answer["callback"]["method"] == "be.cytomine.AddReviewedAnnotationCommand"
    assert (made["parentIdent"], made["reviewUser"]) == (
        scene.roi,
        shared_app.world.people["owner"],
    )
    assert await refused(client, method, address, **options) == 409


async def test_a_reviewed_annotation_has_its_parents_place(shared_app: AppClients) -> None:
    scene, client = await begun(shared_app), shared_app["owner"]
    made = (await sent(client, "POST", f"annotation/{scene.roi}/review.json"))["reviewedannotation"]
    # 5 × 6 from (1, 2) down, of an image 16 pixels high; y grows upward.
    assert (
        from_wkt(made["location"]).normalize()
        == from_wkt("POLYGON ((1 14, 6 14, 6 8, 1 8, 1 14))").normalize()
    )
    assert (made["area"], made["areaUnit"]) == (30, "pixels²")
    assert (made["perimeter"], made["perimeterUnit"]) == (22, "pixels")
    assert made["centroid"] == {"x": 3.5, "y": 11}
    assert (made["image"], made["project"]) == (scene.place, scene.project)
    assert made["class"] == "be.cytomine.domain.ontology.ReviewedAnnotation"
    assert made["parentClassName"] == "be.cytomine.domain.ontology.UserAnnotation"
    assert made["reviewed"] is True
    base = f"http://hub.test/api/reviewedannotation/{made['id']}"
    assert made["cropURL"] == f"{base}/crop.png"
    # c + C · (z + Z · t) with two channels and three planes
    first = await sent(client, "GET", f"imageinstance/{scene.place}/sliceinstance.json?max=0")
    slices = {one["id"]: one["rank"] for one in first["collection"]}
    assert slices[made["slice"]] == 0 + 2 * (1 + 3 * 1)
    assert await sent(client, "GET", f"reviewedannotation/{made['id']}.json") == made


async def test_a_reviewed_annotation_is_changed_apart_from_its_parent(
    shared_app: AppClients,
) -> None:
    scene, client = await begun(shared_app), shared_app["owner"]
    made = (await sent(client, "POST", f"annotation/{scene.roi}/review.json"))["reviewedannotation"]
    path = f"reviewedannotation/{made['id']}.json"
    stored = await shared_app.world.stored()
    assert (await sent(client, "PUT", path, json=made))["reviewedannotation"] == made
    assert await shared_app.world.stored() == stored
    bad = "POLYGON ((0 0, 5 5, 5 0, 0 5, 0 0))"
    assert await refused(client, "PUT", path, json={**made, "location": bad}) == 400
    assert await shared_app.world.stored() == stored
    moved = {**made, "location": "POLYGON ((0 0, 0 2, 2 2, 2 0, 0 0))", "terms": [scene.b]}
    after = (await sent(client, "PUT", path, json=moved))["reviewedannotation"]
    assert (after["location"], after["area"]) == (moved["location"], 4)
    assert (after["term"], after["slice"]) == ([scene.b], made["slice"])
    hub = await shared_app.world.hub("owner")
    (shape,) = (await hub.rois.shapes_of([scene.roi]))[scene.roi]
    assert shape.area == 30


async def test_what_was_accepted_is_rejected_by_either_id(shared_app: AppClients) -> None:
    scene, client = await begun(shared_app), shared_app["owner"]
    for by in ("parentIdent", "id"):
        made = await sent(client, "POST", f"annotation/{scene.roi}/review.json")
        copy = made["reviewedannotation"]
        gone = await sent(client, "DELETE", f"annotation/{copy[by]}/review.json")
        assert gone["reviewedannotation"] == copy
        assert gone["callback"]["method"] == "be.cytomine.DeleteReviewedAnnotationCommand"
        assert await refused(client, "GET", f"reviewedannotation/{copy['id']}.json") == 404
    await sent(client, "GET", f"../command/{gone['command']}/undo.json")
    assert await sent(client, "GET", f"reviewedannotation/{copy['id']}.json") == copy
    posted = {"parentIdent": scene.roi}
    assert await refused(client, "POST", "reviewedannotation.json", json=posted) == 409
    gone = await sent(client, "DELETE", f"reviewedannotation/{copy['id']}.json")
    assert gone["reviewedannotation"]["id"] == copy["id"]
    assert await refused(client, "DELETE", f"annotation/{scene.roi}/review.json") == 404
    again = await sent(client, "POST", "reviewedannotation.json", json=posted)
    assert again["reviewedannotation"]["parentIdent"] == scene.roi
    assert await refused(client, "POST", "reviewedannotation.json", json={}) == 400


async def test_layers_are_accepted_counted_and_rejected(shared_app: AppClients) -> None:
    scene, client = await begun(shared_app), shared_app["owner"]
    me = shared_app.world.people["owner"]
    rois = Rois((await shared_app.world.hub("owner")).catalog)
    for _ in range(2):
        await rois.create(scene.image, BOX, project_id=scene.project)
    await sent(client, "POST", f"annotation/{scene.roi}/review.json")
    place = f"imageinstance/{scene.place}"

    async def stats() -> list[dict[str, int]]:
        return list(
            (await sent(client, "GET", f"{place}/reviewedannotation/stats.json"))["collection"]
        )

    assert await stats() == [{"user": me, "all": 3, "reviewed": 1}]
    layers = f"{place}/annotation/review.json"
    assert await refused(client, "POST", layers) == 400
    ids = (await sent(client, "POST", f"{layers}?users={me}"))["collection"]
    assert len(ids) == 2
    assert await stats() == [{"user": me, "all": 3, "reviewed": 3}]
    listed = await sent(client, "GET", f"reviewedannotation.json?image={scene.place}&max=2")
    assert (listed["size"], len(listed["collection"]), listed["totalPages"]) == (3, 2, 2)
    assert [one["id"] for one in listed["collection"]] == sorted(ids, reverse=True)
    more = await sent(client, "GET", f"reviewedannotation.json?project={scene.project}&offset=2")
    assert [one["parentIdent"] for one in more["collection"]] == [scene.roi]
    for path in (f"project/{scene.project}", f"user/{me}"):
        count = f"{path}/reviewedannotation/count.json?project={scene.project}"
        assert await sent(client, "GET", count) == {"total": 3}
        assert await sent(client, "GET", f"{count}&endDate=1") == {"total": 0}
    gone = (await sent(client, "DELETE", f"{layers}?users={me}"))["collection"]
    assert set(ids) < set(gone)
    assert await stats() == [{"user": me, "all": 3, "reviewed": 0}]


async def test_strangers_find_nothing_and_store_nothing(shared_app: AppClients) -> None:
    scene, client = await begun(shared_app), shared_app["stranger"]
    copy = (
        await sent(shared_app["owner"], "POST", f"annotation/{scene.roi}/review.json")
    )["reviewedannotation"]["id"]  # fmt: skip
    place = f"imageinstance/{scene.place}"
    paths = {
        f"{place}/review": "POST PUT DELETE",
        f"{place}/annotation/review": "POST DELETE",
        f"{place}/reviewedannotation/stats": "GET",
        f"annotation/{scene.roi}/review": "GET POST PUT DELETE",
        f"reviewedannotation/{copy}": "GET PUT DELETE",
        "reviewedannotation": "POST",
        f"project/{scene.project}/reviewedannotation/count": "GET",
    }
    stored = await shared_app.world.stored()
    for path, methods in paths.items():
        for method in methods.split():
            options = {} if method in ("GET", "DELETE") else {"json": {"parentIdent": scene.roi}}
            for form in (path, f"{path}.json"):
                asked = f"{form}?users=5"
                assert await refused(client, method, asked, **options) == 404, (method, path)
                assert await refused(shared_app[None], method, asked, **options) == 401
    assert (await sent(client, "GET", "reviewedannotation.json"))["collection"] == []
    me = shared_app.world.people["owner"]
    counted = await sent(client, "GET", f"user/{me}/reviewedannotation/count.json")
    assert counted == {"total": 0}
    assert await shared_app.world.stored() == stored


async def test_who_does_not_review_is_told_so(shared_app: AppClients) -> None:
    scene, world = await begun(shared_app), shared_app.world
    await world.grant("annotate", "project", scene.project, world.people["annotator"])
    path = f"annotation/{scene.roi}/review.json"
    assert await refused(shared_app["annotator"], "POST", path) == 400
    image = f"imageinstance/{scene.place}/review.json"
    for method in ("POST", "DELETE"):
        assert await refused(shared_app["annotator"], method, image) == 400
