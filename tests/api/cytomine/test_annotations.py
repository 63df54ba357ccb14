"""Annotations drawn, read, changed and deleted as such clients do."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from adapters.shapes import Draft, Drawn, Kind
from tests.fixtures.annotated_scene import HEIGHT, SQUARE, Drawing, drawing
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
JAVA = "be.cytomine.domain.ontology.UserAnnotation"


@pytest.mark.parametrize(
    "location",
    [
        SQUARE,
        "POLYGON ((0 0, 0 20, 20 20, 20 0, 0 0))",
        "POLYGON ((1 1, 1 30, 30 30, 30 1, 1 1), (5 5, 10 5, 10 10, 5 10, 5 5))",
        "POLYGON ((1.5 2.25, 1.5 19.9, 20.1 19.9, 20.1 2.25, 1.5 2.25))",
        "POINT (10 12)",
        "LINESTRING (0 0, 10 10)",
        "LINESTRING (0 0, 10 10, 12 3)",
        "MULTIPOLYGON (((1 1, 1 5, 5 5, 5 1, 1 1)), ((10 10, 10 15, 15 15, 15 10, 10 10)))",
    ],
)
async def test_a_location_comes_back_as_the_text_that_was_sent(
    shared_app: AppClients, location: str
) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    made = await scene.draw(location)
    assert made["location"] == location
    read = await scene.ok("GET", f"annotation/{made['id']}.json")
    assert read == made
    (item,) = (await scene.listed(showWKT=True))["collection"]
    assert item == {"location": location, "geometryCompression": 0.0}


async def test_an_annotation_has_every_field_and_its_measures(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    term = scene.terms[0]
    answer = await scene.ok(
        "POST",
        "annotation.json",
        json={"location": SQUARE, "image": scene.place, "term": [term], "project": scene.project},
    )
    made = answer["annotation"]
    assert answer["message"] == f"UserAnnotation {made['id']} added"
    assert answer["callback"]["method"] == "be.cytomine.AddUserAnnotationCommand"
    assert answer["callback"]["userannotationID"] == str(made["id"])
    assert answer["callback"]["imageID"] == str(scene.place)
    assert (made["class"], made["updated"], made["deleted"]) == (JAVA, None, None)
    assert isinstance(made["created"], str)
    assert (made["image"], made["project"]) == (scene.place, scene.project)
    assert made["slice"] == scene.slices[1, 1, 0], "the middle channel and depth, the first time"
    assert made["user"] == shared_app.world.people["owner"]
    assert (made["area"], made["areaUnit"]) == (100, "pixels²")
    assert (made["perimeter"], made["perimeterUnit"]) == (40, "pixels")
    assert made["centroid"] == {"x": 15, "y": 15}
    assert (made["term"], made["track"], made["reviewed"]) == ([term], [], False)
    assert made["cropURL"] == f"http://hub.test/api/userannotation/{made['id']}/crop.png"
    # The same region as another dialect has it: y down.
    rois = (await shared_app.world.hub("owner")).rois
    (shape,) = (await rois.shapes_of([made["id"]]))[made["id"]]
    assert (shape.c, shape.z, shape.t) == (1, 1, 0)
    assert (shape.y0, shape.y1) == (HEIGHT - 20, HEIGHT - 10)


async def test_measures_follow_the_scale_of_the_project(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    made = await scene.draw()
    await scene.ok(
        "PUT",
        f"imageinstance/{scene.place}.json",
        json={"physicalSizeX": 0.5, "physicalSizeY": 0.5},
    )
    seen = await scene.ok("GET", f"annotation/{made['id']}.json")
    assert (seen["area"], seen["areaUnit"]) == (pytest.approx(25), "micron²")
    assert (seen["perimeter"], seen["perimeterUnit"]) == (pytest.approx(0.02), "mm")


@pytest.mark.parametrize(
    "location",
    [
        None,
        "",
        "   ",
        "POLYGON",
        "nonsense",
        "POLYGON EMPTY",
        "POLYGON ((0 0, 10 10, 10 0, 0 10, 0 0))",
        "POLYGON ((0 0, 0 0, 0 0, 0 0))",
        "POLYGON ((0 0, 0 10, nan 10, 10 0, 0 0))",
        "POLYGON ((100 100, 100 120, 120 120, 120 100, 100 100))",
        "POINT (-1 5)",
    ],
)
async def test_what_cannot_be_drawn_is_refused_and_nothing_is_stored(
    shared_app: AppClients, location: str | None
) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    before = await shared_app.world.stored()
    answer = await scene.call(
        "POST", "annotation.json", json={"location": location, "image": scene.place}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["success"] is False
    assert isinstance(answer.json()["errors"], str)
    assert await shared_app.world.stored() == before


async def test_foreign_terms_tracks_and_places_are_refused_and_nothing_is_stored(
    shared_app: AppClients,
) -> None:
    scene, other = await drawing(shared_app), await drawing(shared_app)
    body = {"name": "one", "image": other.place, "color": "#00ff00"}
    track = (await other.ok("POST", "track.json", json=body))["track"]["id"]
    before = await shared_app.world.stored()
    for more, status in (
        ({"term": [other.terms[0]]}, 400),
        ({"term": [10**9]}, 404),
        ({"term": "x"}, 400),
        ({"track": [track]}, 400),
        ({"image": 10**9}, 404),
        ({"image": None}, 400),
        ({"slice": other.place}, 404),
        ({"property": 7}, 400),
    ):
        given = {"location": SQUARE, "image": scene.place, **more}
        answer = await scene.call("POST", "annotation.json", json=given)
        assert answer.status_code == status, (more, answer.text)
    assert await shared_app.world.stored() == before


async def test_what_reaches_over_the_border_is_cut_off_there(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    made = await scene.draw("POLYGON ((60 40, 60 60, 80 60, 80 40, 60 40))")
    assert shapely.from_wkt(made["location"]).equals(shapely.box(60, 40, 64, 48))


async def test_terms_tracks_and_properties_come_with_it_as_one_step(
    shared_app: AppClients,
) -> None:
    scene = await drawing(shared_app)
    body = {"name": "one", "image": scene.place, "color": "#00ff00"}
    track = (await scene.ok("POST", "track.json", json=body))["track"]["id"]
    given = {
        "location": SQUARE,
        "slice": scene.slices[0, 2, 1],
        "term": scene.terms[:2],
        "track": track,
        "property": {"stain": "HE", "grade": 3},
    }
    answer = await scene.ok("POST", "annotation.json", json=given)
    made = answer["annotation"]
    assert (made["slice"], made["term"]) == (scene.slices[0, 2, 1], scene.terms[:2])
    assert made["track"] == [track]
    hub = await shared_app.world.hub("owner")
    (kept,) = (await hub.annotations.on([("roi", made["id"])])).values()
    pairs = (await hub.annotations.pairs_of([kept[0].id]))[kept[0].id]
    assert [(one.key, one.value) for one in pairs] == [("stain", "HE"), ("grade", "3")]
    again = await scene.call("POST", "annotation.json", json=given | {"property": {}})
    assert again.status_code == 409, "one annotation per track and slice"
    undone = await shared_app["owner"].get(f"/command/{answer['command']}/undo.json")
    assert undone.status_code == 200
    assert (await scene.call("GET", f"annotation/{made['id']}.json")).status_code == 404
    assert await scene.ids() == []


async def test_an_array_is_one_step_and_tells_which_items_were_refused(
    shared_app: AppClients,
) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    good = {"location": SQUARE, "image": scene.place}
    bad = {"location": "POLYGON", "image": scene.place}

    async def post(items: list[Any]) -> tuple[int, Any]:
        answer = await scene.call("POST", "annotation.json", json=items)
        return answer.status_code, answer.json()

    assert await post([]) == (200, {"status": 200, "data": {"message": "userannotations  added"}})
    status, found = await post([good, good])
    ids = sorted(await scene.ids())
    assert (status, found["data"]["message"]) == (
        200,
        f"userannotations {','.join(map(str, ids))} added",
    )
    status, found = await post([good, bad, {"image": scene.place}, 7, good])
    assert (status, found["status"], found["data"]["success"]) == (206, 206, False)
    assert [one["data"] for one in found["data"]["errors"]] == [bad, {"image": scene.place}, 7]
    assert len(await scene.ids()) == 4
    await shared_app["owner"].get("/command/undo.json")
    assert sorted(await scene.ids()) == ids, "an array is undone as a whole"
    before = await shared_app.world.stored()
    status, found = await post([bad, bad])
    assert (status, len(found["data"]["errors"])) == (400, 2)
    assert await shared_app.world.stored() == before


async def test_sending_the_whole_object_back_changes_nothing(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw("POLYGON ((1.5 2.25, 1.5 19.9, 20.1 19.9, 20.1 2.25, 1.5 2.25))")
    before = await shared_app.world.stored()
    answer = await scene.ok("PUT", f"annotation/{made['id']}.json", json=made)
    assert (answer["annotation"], answer["command"]) == (made, None)
    assert await shared_app.world.stored() == before


async def test_an_ellipse_on_all_planes_stays_one_when_it_is_sent_back(
    shared_app: AppClients,
) -> None:
    scene = await drawing(shared_app)
    rois = (await shared_app.world.hub("owner")).rois
    ellipse = Drawn(Kind.ELLIPSE, {"x": 20.0, "y": 20.0, "rx": 9.0, "ry": 4.0})
    roi = await rois.create(scene.image, [Draft(ellipse)])
    path = f"annotation/{roi.id}.json"
    seen = await scene.ok("GET", path)
    assert seen["slice"] == scene.slices[1, 1, 0]
    assert seen["area"] == pytest.approx(3.14159265 * 36)
    assert shapely.from_wkt(seen["location"]).bounds == pytest.approx((11, 24, 29, 32))
    before = await rois.shapes_of([roi.id])
    assert (await scene.ok("PUT", path, json=seen))["command"] is None
    assert await rois.shapes_of([roi.id]) == before


async def test_a_new_location_replaces_the_shapes_of_the_slice_shown_alone(
    shared_app: AppClients,
) -> None:
    scene = await drawing(shared_app)
    rois = (await shared_app.world.hub("owner")).rois
    boxes = [
        Drawn(Kind.RECTANGLE, {"x": float(x), "y": 4.0, "width": 3.0, "height": 3.0})
        for x in (1, 10, 20)
    ]
    drafts = [Draft(boxes[0], 0, 0, 0), Draft(boxes[1], 0, 2, 0), Draft(boxes[2], 0, 0, 0)]
    roi = await rois.create(scene.image, drafts, project_id=scene.project)
    path = f"annotation/{roi.id}.json"
    seen = await scene.ok("GET", path)
    assert seen["slice"] == scene.slices[0, 0, 0]
    assert shapely.from_wkt(seen["location"]).geom_type == "MultiPolygon"
    after = (await scene.ok("PUT", path, json=seen | {"location": SQUARE}))["annotation"]
    assert (after["location"], after["slice"]) == (SQUARE, scene.slices[0, 0, 0])
    assert after["updated"] is not None
    shapes = (await rois.shapes_of([roi.id]))[roi.id]
    assert [(one.kind, one.z) for one in shapes] == [("polygon", 0), ("rectangle", 2)]
    elsewhere = {"slice": scene.slices[0, 2, 0]}
    other = await scene.listed(showWKT=True, showMeta=True, **elsewhere)
    assert shapely.from_wkt(other["collection"][0]["location"]).bounds == (10, 41, 13, 44)
    moved = await scene.ok("PUT", path, json=after | {"slice": scene.slices[1, 1, 1]})
    assert moved["annotation"]["slice"] == scene.slices[1, 1, 1]
    assert moved["annotation"]["location"] == SQUARE
    await shared_app["owner"].get(f"/command/{moved['command']}/undo.json")
    assert (await scene.ok("GET", path))["slice"] == scene.slices[0, 0, 0]
    bad = await scene.call("PUT", path, json=after | {"location": "POLYGON ((0 0, 1 1))"})
    assert bad.status_code == 400
    assert (await scene.call("PUT", path, json=after | {"slice": 5})).status_code == 400


async def test_a_deleted_annotation_comes_back_by_undo(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw(term=scene.terms[:1])
    path = f"userannotation/{made['id']}.json"
    gone = await scene.ok("DELETE", path)
    assert gone["annotation"] == made
    assert gone["callback"]["method"] == "be.cytomine.DeleteUserAnnotationCommand"
    assert (await scene.call("GET", path)).status_code == 404
    await shared_app["owner"].get(f"/command/{gone['command']}/undo.json")
    assert await scene.ok("GET", path) == made


async def test_a_reviewed_annotation_cannot_be_deleted(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw(term=scene.terms[:1])
    await scene.ok("POST", f"imageinstance/{scene.place}/review.json")
    answer = await scene.ok("POST", f"annotation/{made['id']}/review.json")
    copy = answer["reviewedannotation"]
    assert (await scene.call("DELETE", f"annotation/{made['id']}.json")).status_code == 400
    assert (await scene.ok("GET", f"annotation/{made['id']}.json"))["reviewed"] is True
    read = await scene.ok("GET", f"annotation/{copy['id']}.json")
    assert (read["parentIdent"], read["location"]) == (made["id"], SQUARE)
    assert read["cropURL"].endswith(f"/api/reviewedannotation/{copy['id']}/crop.png")
    assert await scene.ids() == [made["id"]]
    assert await scene.ids(reviewed=True) == [copy["id"]]
    assert await scene.ids(notReviewedOnly=True) == []
    (item,) = (await scene.listed())["collection"]
    assert (item["countReviewedAnnotations"], item["reviewed"]) == (1, True)


async def test_holes_are_filled_and_vertices_thinned_out(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    made = await scene.draw(
        "POLYGON ((1 1, 1 30, 30 30, 30 1, 1 1), (5 5, 10 5, 10 10, 5 10, 5 5))"
    )
    filled = await scene.ok("POST", f"annotation/{made['id']}/fill.json")
    assert filled["annotation"]["location"] == "POLYGON ((1 1, 1 30, 30 30, 30 1, 1 1))"
    circle = shapely.Point(30, 24).buffer(20, quad_segs=50)
    round_ = await scene.draw(circle.wkt)
    path = f"annotation/{round_['id']}/simplify.json"
    answer = await scene.ok("PUT", path, params={"minPoint": 10, "maxPoint": 20})
    found = shapely.from_wkt(answer["annotation"]["location"])
    assert 10 <= len(found.exterior.coords) - 1 <= 20
    assert found.symmetric_difference(circle).area < 0.1 * circle.area
    before = await shared_app.world.stored()
    text = await scene.ok("POST", "simplify.json", json={"wkt": circle.wkt, "maxPoint": 20})
    assert len(shapely.from_wkt(text["wkt"]).exterior.coords) - 1 <= 20
    assert await shared_app.world.stored() == before
    drawn = await scene.ok(
        "POST",
        "annotation.json",
        params={"minPoint": 10, "maxPoint": 20},
        json={"location": circle.wkt, "image": scene.place},
    )
    thin = shapely.from_wkt(drawn["annotation"]["location"])
    assert 10 <= len(thin.exterior.coords) - 1 <= 20


async def test_a_correction_joins_what_it_touches_or_cuts_it(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    left = await scene.draw("POLYGON ((0 0, 0 10, 10 10, 10 0, 0 0))")
    right = await scene.draw("POLYGON ((20 0, 20 10, 30 10, 30 0, 20 0))")
    far = await scene.draw("POLYGON ((50 30, 50 40, 60 40, 60 30, 50 30))")
    me = shared_app.world.people["owner"]
    given = {"image": scene.place, "layers": [me], "review": False}
    bridge = "POLYGON ((5 2, 5 4, 25 4, 25 2, 5 2))"
    answer = await scene.ok(
        "POST", "annotationcorrection.json", json={**given, "location": bridge, "remove": False}
    )
    assert answer["annotation"]["id"] == left["id"]
    wanted = shapely.union_all(
        [shapely.box(0, 0, 10, 10), shapely.box(20, 0, 30, 10), shapely.box(5, 2, 25, 4)]
    )
    assert shapely.from_wkt(answer["annotation"]["location"]).equals(wanted)
    assert sorted(await scene.ids()) == [left["id"], far["id"]]
    answer = await scene.ok(
        "POST", "annotationcorrection.json", json={**given, "location": bridge, "remove": True}
    )
    cut = shapely.from_wkt(answer["annotation"]["location"])
    assert cut.area == wanted.area - 40
    none = {**given, "location": "POINT (40 40)", "remove": False}
    assert (await scene.call("POST", "annotationcorrection.json", json=none)).status_code == 404
    assert right["id"] not in await scene.ids()


async def test_a_copy_is_drawn_on_each_of_the_following_slices(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=4, t=1)
    made = await scene.draw(slice=scene.slices[0, 0, 0], term=scene.terms[:1])
    answer = await scene.ok(
        "POST",
        f"userannotation/{made['id']}/repeat.json",
        json={"slice": scene.slices[0, 1, 0], "repeat": 2},
    )
    found = answer["collection"]
    assert [one["slice"] for one in found] == [scene.slices[0, 1, 0], scene.slices[0, 2, 0]]
    assert all((one["location"], one["term"]) == (SQUARE, scene.terms[:1]) for one in found)


async def test_strangers_find_nothing_and_store_nothing(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw()
    id, body = made["id"], {"location": SQUARE, "image": scene.place, "slice": made["slice"]}
    paths = {
        "annotation": "POST",
        f"annotation/{id}": "GET PUT DELETE",
        f"userannotation/{id}": "GET PUT DELETE",
        f"algoannotation/{id}": "GET PUT DELETE",
        f"roiannotation/{id}": "GET PUT DELETE",
        f"annotation/{id}/fill": "POST",
        f"annotation/{id}/simplify": "PUT",
        f"annotation/{id}/repeat": "POST",
        "annotationcorrection": "POST",
    }
    before = await shared_app.world.stored()
    for path, methods in paths.items():
        for method in methods.split():
            options: dict[str, Any] = {} if method in ("GET", "DELETE") else {"json": body}
            for form in (path, f"{path}.json"):
                answer = await scene.call(method, form, "stranger", **options)
                assert answer.status_code == 404, (method, form, answer.text)
                assert (await scene.call(method, form, None, **options)).status_code == 401
    assert await shared_app.world.stored() == before


async def test_a_region_to_work_in_is_a_kind_of_its_own(shared_app: AppClients) -> None:
    scene: Drawing = await drawing(shared_app)
    body = {"location": SQUARE, "image": scene.place}
    made = (await scene.ok("POST", "roiannotation.json", json=body))["annotation"]
    assert made["class"] == "be.cytomine.domain.ontology.RoiAnnotation"
    assert await scene.ids() == []
    assert await scene.ids(roi=True) == [made["id"]]
