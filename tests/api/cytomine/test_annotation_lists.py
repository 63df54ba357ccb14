"""Listings of annotations: filters against brute force, column groups, paging, counts."""

from __future__ import annotations

import random
from typing import Any

import pytest
import shapely

from tests.fixtures.annotated_scene import HEIGHT, SQUARE, WIDTH, Drawing, drawing
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")


def polygon(rng: random.Random) -> str:
    """Return a random triangle inside the image, with whole coordinates."""
    while True:
        points = [(rng.randint(0, WIDTH), rng.randint(0, HEIGHT)) for _ in range(3)]
        found = shapely.Polygon(points)
        if found.is_valid and found.area > 3:
            return str(found.wkt)


async def many(scene: Drawing, rng: random.Random, number: int, **more: Any) -> dict[int, Any]:
    """Draw random triangles; return their geometries, y up, by id."""
    texts = [polygon(rng) for _ in range(number)]
    items = [{"location": text, "image": scene.place, **more} for text in texts]
    answer = await scene.ok("POST", "annotation.json", json=items)
    ids = answer["data"]["message"].split()[1].split(",")
    return {int(id): shapely.from_wkt(text) for id, text in zip(ids, texts, strict=True)}


def newest(ids: Any) -> list[int]:
    return sorted(ids, reverse=True)


async def test_a_scope_is_needed_and_must_be_one_project(shared_app: AppClients) -> None:
    scene, other = await drawing(shared_app), await drawing(shared_app)
    for given, status in (
        ({}, 400),
        ({"user": 1}, 400),
        ({"images": f"{scene.place},{other.place}"}, 400),
        ({"project": scene.project, "image": other.place}, 400),
        ({"project": 10**9}, 404),
        ({"image": 10**9}, 404),
        ({"slice": 2**41}, 404),
        ({"project": scene.project, "bbox": "1,2,3"}, 400),
        ({"project": scene.project, "bbox": "3,3,1,1"}, 400),
        ({"project": scene.project, "maxDistanceBaseAnnotation": 3}, 400),
        ({"project": scene.project, "kmeans": "true"}, 400),
        ({"project": scene.project, "noTerm": "perhaps"}, 400),
    ):
        for path in ("annotation.json", "annotation/search.json"):
            answer = await scene.call("GET", path, params=given)
            assert answer.status_code == status, (path, given, answer.text)


async def test_a_box_finds_what_shapely_finds(shared_app: AppClients) -> None:
    scene, rng = await drawing(shared_app, c=1, z=1, t=1), random.Random(7)
    drawn = await many(scene, rng, 150)
    for _ in range(25):
        xs, ys = (sorted(rng.sample(range(70), 2)) for _ in range(2))
        box = shapely.box(xs[0], ys[0], xs[1], ys[1])
        wanted = newest(id for id, one in drawn.items() if one.intersects(box))
        text = f"{xs[0]},{ys[0]},{xs[1]},{ys[1]}"
        assert await scene.ids(bbox=text) == wanted
        assert await scene.ids(bbox=box.wkt, images=scene.place) == wanted
        page = await scene.listed(bbox=text, max=7, offset=3)
        assert [one["id"] for one in page["collection"]] == wanted[3:10]
        assert page["size"] == len(wanted)
    slanted = shapely.Polygon([(0, 0), (60, 40), (20, 47)])
    wanted = newest(id for id, one in drawn.items() if one.intersects(slanted))
    assert 0 < len(wanted) < len(drawn)
    assert await scene.ids(bbox=slanted.wkt) == wanted


async def test_touching_a_box_counts(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=1, t=1)
    made = await scene.draw()
    assert await scene.ids(bbox="20,20,30,30") == [made["id"]]
    assert await scene.ids(bbox="20.001,20,30,30") == []


async def test_another_annotation_finds_what_shapely_finds(shared_app: AppClients) -> None:
    scene, rng = await drawing(shared_app, c=1, z=1, t=1), random.Random(8)
    drawn = await many(scene, rng, 80)
    for id, base in list(drawn.items())[:10]:
        meeting = {other for other, one in drawn.items() if one.intersects(base)}
        assert await scene.ids(bboxAnnotation=id) == newest(meeting)
        for distance in (0, 2.5, 10):
            wanted = newest(k for k, one in drawn.items() if one.distance(base) <= distance)
            given = {"maxDistanceBaseAnnotation": distance}
            assert await scene.ids(baseAnnotation=id, **given) == wanted
            assert await scene.ids(baseAnnotation=base.wkt, **given) == wanted
        for form in (f"imageinstance/{scene.place}/annotation/included", "annotation/included"):
            found = await scene.ok(
                "GET",
                f"{form}.json",
                params={
                    "annotation": id,
                    "image": scene.place,
                    "user": shared_app.world.people["owner"],
                },
            )
            assert [one["id"] for one in found["collection"]] == newest(meeting - {id})
    found = await scene.ok(
        "GET", "annotation/included.json", params={"annotation": id, "image": scene.place}
    )
    assert found["collection"] == [], "without a user, reviewed ones"


async def test_slices_hold_what_was_drawn_on_them(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    drawn = {place: (await scene.draw(slice=id))["id"] for place, id in scene.slices.items()}
    for place, id in scene.slices.items():
        (item,) = (await scene.listed(slice=id, showSlice=True, showMeta=True))["collection"]
        assert (item["channel"], item["zStack"], item["time"]) == place
        assert item["slice"] == id
    two = [(0, 0, 0), (1, 2, 1)]
    asked = ",".join(str(scene.slices[place]) for place in two)
    assert await scene.ids(slices=asked) == newest(drawn[place] for place in two)
    index = await scene.ok("GET", f"sliceinstance/{scene.slices[1, 2, 1]}/annotationindex.json")
    (row,) = index["collection"]
    assert (row["user"], row["countAnnotation"]) == (shared_app.world.people["owner"], 1)
    assert row["countReviewedAnnotation"] == 0


async def test_terms_narrow_and_are_all_shown(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    a, b, c = scene.terms
    none, one, two, other = [
        (await scene.draw(term=terms))["id"] for terms in ([], [a], [a, b], [c])
    ]
    assert await scene.ids(terms=a) == [two, one]
    assert await scene.ids(terms=f"{a},{c}") == [other, two, one]
    assert await scene.ids(noTerm=True) == [none]
    assert await scene.ids(noTerm="true", terms=b) == [two, none]
    assert await scene.ids(multipleTerm="True") == [two]
    assert await scene.ids(excludedAnnotation=two, terms=a) == [one]
    me = shared_app.world.people["owner"]
    assert await scene.ids(usersForTerm=me) == [other, two, one]
    assert await scene.ids(usersForTerm=2) == []
    items = (await scene.listed(terms=a))["collection"]
    assert [one_["term"] for one_ in items] == [[a, b], [a]]
    by = items[0]["userByTerm"]
    assert [(row["term"], row["user"]) for row in by] == [(a, [me]), (b, [me])]


async def test_tracks_narrow_and_give_the_order(shared_app: AppClients) -> None:
    scene = await drawing(shared_app, c=1, z=5, t=1)
    body = {"name": "one", "image": scene.place, "color": "#00ff00"}
    track = (await scene.ok("POST", "track.json", json=body))["track"]["id"]
    body = {"name": "two", "image": scene.place, "color": "#00ff00"}
    second = (await scene.ok("POST", "track.json", json=body))["track"]["id"]
    rank: dict[int, int] = {}
    for z, tracks in ((3, [track]), (0, [track]), (4, [track, second]), (1, [track])):
        made = await scene.draw(slice=scene.slices[0, z, 0], track=tracks)
        rank[z] = made["id"]
    bare = (await scene.draw())["id"]
    assert await scene.ids(track=track) == [rank[0], rank[1], rank[3], rank[4]]
    page = await scene.listed(track=track, max=2, offset=1, showTrack=True)
    assert [one["track"] for one in page["collection"]] == [[track], [track]]
    assert page["size"] == 4
    assert await scene.ids(noTrack=True) == [bare]
    assert await scene.ids(multipleTrack=True) == [rank[4]]
    later = {"track": track, "afterSlice": scene.slices[0, 1, 0]}
    assert await scene.ids(**later) == [rank[3], rank[4]]
    earlier = {"track": track, "beforeSlice": scene.slices[0, 3, 0]}
    assert await scene.ids(**earlier) == [rank[0], rank[1]]


async def test_dates_and_users_and_tags_narrow(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw()
    at, me = int(made["created"]), shared_app.world.people["owner"]
    assert await scene.ids(afterThan=at - 1, beforeThan=at + 1) == [made["id"]]
    assert await scene.ids(afterThan=at) == await scene.ids(beforeThan=at) == []
    assert await scene.ids(user=me) == await scene.ids(users=f"{me},2") == [made["id"]]
    assert await scene.ids(users="2") == []
    hub = await shared_app.world.hub("owner")
    tag = await hub.annotations.create("tag", "urgent", targets=[("roi", made["id"])])  # type: ignore[arg-type]  # the word is the kind
    other = await scene.draw()
    assert await scene.ids(tag=tag.id) == [made["id"]]
    assert await scene.ids(noTag=True) == [other["id"]]


async def test_groups_that_are_not_asked_for_are_absent(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw(term=scene.terms[:1])
    keys = {
        "showBasic": {"class", "id"},
        "showWKT": {"location", "geometryCompression"},
        "showGIS": {"area", "areaUnit", "perimeter", "perimeterUnit", "centroid"},
        "showTerm": {"term", "userByTerm"},
        "showTrack": {"track", "annotationTrack"},
        "showImage": {"originalFilename", "instanceFilename"},
        "showSlice": {"channel", "zStack", "time"},
        "showUser": {"creator", "lastname", "firstname"},
        "showAlgo": {"rate", "idTerm", "idExpectedTerm"},
    }
    for word, wanted in keys.items():
        (item,) = (await scene.listed(**{word: "True"}))["collection"]
        assert set(item) == wanted, word
    (default,) = (await scene.listed())["collection"]
    assert {"class", "id", "created", "cropURL", "term"} <= set(default)
    assert "location" not in default
    assert isinstance(default["created"], int)
    (every,) = (await scene.listed(**dict.fromkeys(keys, "true"), showMeta=True))["collection"]
    for name in ("id", "location", "area", "centroid", "term", "slice", "image", "user"):
        assert every[name] == made[name]
    assert every["creator"] == "owner"
    (without,) = (await scene.listed(hideTerm="true"))["collection"]
    assert "term" not in without


async def test_a_search_takes_parameters_in_its_body(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = [(await scene.draw(term=[term]))["id"] for term in scene.terms]
    found = await scene.ok(
        "POST",
        "annotation/search.json",
        params={"showWKT": True},
        json={"project": scene.project, "terms": scene.terms[:2], "images": [scene.place]},
    )
    assert found["size"] == 2
    assert found["collection"] == [{"location": SQUARE, "geometryCompression": 0.0}] * 2
    found = await scene.ok(
        "GET", "annotation/search.json", params={"project": scene.project, "max": 1}
    )
    assert [one["id"] for one in found["collection"]] == [made[-1]]


async def test_pages_neither_lose_nor_repeat(shared_app: AppClients) -> None:
    scene, rng = await drawing(shared_app, c=1, z=1, t=1), random.Random(9)
    drawn = await many(scene, rng, 100)
    seen: list[int] = []
    for offset in range(0, 110, 10):
        page = await scene.listed(max=10, offset=offset)
        assert (page["size"], page["perPage"], page["totalPages"]) == (100, 10, 10)
        seen += [one["id"] for one in page["collection"]]
    assert seen == newest(drawn)
    every = await scene.listed(max=0)
    assert (len(every["collection"]), every["totalPages"]) == (100, 1)


async def test_what_was_drawn_elsewhere_is_listed_once_unbound_and_not_if_bound_elsewhere(
    shared_app: AppClients,
) -> None:
    from adapters.shapes import Draft, Wkt

    scene = await drawing(shared_app, c=1, z=3, t=1)
    hub = await shared_app.world.hub("owner")
    text = Wkt("POLYGON ((1 1, 1 9, 9 9, 9 1, 1 1))")
    free = await hub.rois.create(scene.image, [Draft(text, z=0), Draft(text, z=2)])
    other = (await scene.ok("POST", "project.json", json={"name": f"other {free.id}"}))["project"]
    await hub.placements.add(scene.image, other["id"])
    hub = await shared_app.world.hub("owner")
    bound = await hub.rois.create(scene.image, [Draft(text, z=0)], project_id=other["id"])
    (item,) = (await scene.listed(showBasic=True, showMeta=True, showWKT=True))["collection"]
    assert (item["id"], item["image"]) == (free.id, scene.place)
    assert item["location"] == "POLYGON ((1 47, 1 39, 9 39, 9 47, 1 47))"
    found = await scene.ok("GET", "annotation.json", params={"project": other["id"]})
    assert [one["id"] for one in found["collection"]] == [bound.id, free.id]
    assert await scene.ids(slice=scene.slices[0, 1, 0]) == []
    assert await scene.ids(slice=scene.slices[0, 2, 0]) == [free.id]


async def test_counts_are_those_of_the_listing(shared_app: AppClients) -> None:
    scene, rng = await drawing(shared_app, c=1, z=1, t=1, who="annotator"), random.Random(3)
    for _ in range(3):
        body = {"location": polygon(rng), "image": scene.place}
        await scene.ok("POST", "userannotation.json", "annotator", json=body)
    path = f"project/{scene.project}/userannotation/count.json"
    assert await scene.ok("GET", path, "annotator") == {"total": 3}
    late = {"startDate": 2**45}
    assert await scene.ok("GET", path, "annotator", params=late) == {"total": 0}
    path = f"project/{scene.project}/algoannotation/count.json"
    assert await scene.ok("GET", path, "annotator") == {"total": 0}
    me = shared_app.world.people["annotator"]
    path = f"user/{me}/userannotation/count.json"
    assert await scene.ok("GET", path, "annotator") == {"total": 3}


async def test_a_page_costs_few_statements_whatever_its_length(
    shared_app: AppClients,
) -> None:
    scene, rng = await drawing(shared_app), random.Random(4)
    every = {f"show{word}": True for word in ("Meta", "WKT", "GIS", "Term", "Track", "User")}

    async def sent(**given: Any) -> int:
        counts = []
        for _ in range(4):  # who is asking is remembered for a while, and then asked anew
            with statements(shared_app.world.database) as found:
                await scene.listed(**every, **given)
            counts.append(len(found))
        return min(counts)

    await many(scene, rng, 2, term=scene.terms[:1])
    given = ({}, {"max": 100}, {"bbox": "0,0,30,30"}, {"image": scene.place})
    few = [await sent(**one) for one in given]
    await many(scene, rng, 60, term=scene.terms[:2])
    more = [await sent(**one) for one in given]
    # The feed of events and the actor are read beside: a few more or less, never one per region.
    assert max(*few, *more) <= 20, (few, more)


async def test_strangers_find_nothing(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made = await scene.draw()
    slice_ = scene.slices[0, 0, 0]
    for path, given in (
        ("annotation", {"project": scene.project}),
        ("annotation", {"image": scene.place}),
        ("annotation", {"slice": slice_}),
        ("annotation/search", {"project": scene.project}),
        ("annotation/included", {"image": scene.place, "annotation": made["id"]}),
        ("userannotation", {"project": scene.project}),
        ("algoannotation", {"project": scene.project}),
        ("roiannotation", {"project": scene.project}),
        (f"imageinstance/{scene.place}/annotation/included", {"geometry": SQUARE}),
        (f"sliceinstance/{slice_}/annotationindex", {}),
        (f"project/{scene.project}/userannotation/count", {}),
        (f"project/{scene.project}/algoannotation/count", {}),
    ):
        for form in (path, f"{path}.json"):
            answer = await scene.call("GET", form, "stranger", params=given)
            assert answer.status_code == 404, (form, answer.text)
            assert (await scene.call("GET", form, None, params=given)).status_code == 401
    assert (await scene.call("GET", "userannotation.json")).status_code == 403


async def test_comments_are_kept_and_counted(shared_app: AppClients) -> None:
    scene = await drawing(shared_app)
    made, me = await scene.draw(), shared_app.world.people["owner"]
    path = f"userannotation/{made['id']}/comment.json"
    body = {"comment": "look", "subject": "this", "receivers": [2], "emails": ["a@b.test"]}
    said = (await scene.ok("POST", path, json=body))["sharedannotation"]
    assert said["class"] == "be.cytomine.domain.ontology.SharedAnnotation"
    assert (said["comment"], said["sender"], said["receivers"]) == ("look", me, [2])
    second = (await scene.ok("POST", path, json={"comment": "again"}))["sharedannotation"]
    assert (await scene.ok("GET", path))["collection"] == [second, said]
    one = f"userannotation/{made['id']}/comment/{said['id']}.json"
    assert await scene.ok("GET", one) == said
    assert (await scene.ok("GET", f"annotation/{made['id']}.json"))["nbComments"] == 2
    assert (await scene.listed())["collection"][0]["nbComments"] == 2
    for bad in ({}, {"comment": " "}, {"comment": "x", "emails": 3}):
        assert (await scene.call("POST", path, json=bad)).status_code == 400
    for method, form in (("GET", path), ("POST", path), ("GET", one)):
        assert (await scene.call(method, form, "stranger", json=body)).status_code == 404


@pytest.mark.parametrize("format", ["csv", "xls", "pdf"])
async def test_a_report_holds_every_annotation_once(
    shared_app: AppClients, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.rest.cytomine import annotation_reports

    monkeypatch.setattr(annotation_reports, "AT_ONCE", 7)
    scene, rng = await drawing(shared_app, c=1, z=1, t=1), random.Random(6)
    drawn = await many(scene, rng, 30, term=scene.terms[:2])
    path = f"project/{scene.project}/annotation/download"
    answer = await scene.call("GET", path, params={"format": format})
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment")
    if format == "csv":
        lines = answer.text.splitlines()
        assert lines[0].startswith("ID;Area")
        rows = [line.split(";") for line in lines[1:]]
        assert [int(row[0]) for row in rows] == newest(drawn)
        for row in rows:
            shape = drawn[int(row[0])]
            assert float(row[1]) == pytest.approx(shape.area)
            assert float(row[2]) == pytest.approx(shape.length)
            assert (float(row[3]), float(row[4])) == pytest.approx(shape.centroid.coords[0])
            assert row[5:9] == [str(scene.place), "cells.tif", "owner", "mitosis, nucleus"]
    elif format == "xls":
        from xml.etree import ElementTree

        book = ElementTree.fromstring(answer.content)
        name = "{urn:schemas-microsoft-com:office:spreadsheet}"
        rows_ = list(book.iter(f"{name}Row"))
        ids = [next(row.iter(f"{name}Data")).text for row in rows_[1:]]
        assert [int(id or 0) for id in ids] == newest(drawn)
    else:
        assert answer.content.startswith(b"%PDF-1.4")
        assert answer.content.rstrip().endswith(b"%%EOF")
        for id in drawn:
            assert answer.content.count(f"({id} ".encode()) == 1
    only = await scene.call("GET", path, params={"format": "csv", "terms": scene.terms[2]})
    assert len(only.text.splitlines()) == 1
    assert (await scene.call("GET", path, params={"format": "doc"})).status_code == 400
    assert (await scene.call("GET", path, "stranger")).status_code == 404
