"""What lies where, as the web client's tree, links, paths and small edits have it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio

from adapters.screens import NewField
from adapters.shapes import Draft, Drawn, Kind
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from tests.fixtures.hub import statements
from tests.fixtures.omero_lists import Browser

pytestmark = pytest.mark.asyncio(loop_scope="module")
API = "/webclient/api"
OWN = "canEdit canAnnotate canDelete canLink canChgrp isOwned"
OTHERS = "canAnnotate"


@dataclass
class Tree:
    """A hub of the owner's with everything in it once, and somebody who asks about it."""

    browser: Browser
    ids: dict[str, int]

    async def get(self, path: str, who: str | None = "owner", **query: Any) -> Any:
        answer = await self.browser.served[who].get(f"{API}/{path}/", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def send(self, method: str, path: str, who: str = "owner", **body: Any) -> httpx.Response:
        return await self.browser.served[who].request(method, f"/webclient/{path}/", **body)

    def person(self, name: str) -> int:
        return self.browser.world.people[name]


@pytest_asyncio.fixture(loop_scope="module")
async def tree(browser: Browser) -> Tree:
    hub = await browser.world.hub("owner")
    project = await hub.containers.create(Project, name="Mitosis")
    await hub.containers.create(Project, name="aurora")
    inside = await hub.containers.create(Dataset, name="Day 3", into=project.id)
    loose = await hub.containers.create(Dataset, name="Loose")
    images = [await browser.bare_image("owner", f"{n}.tif", into=inside.id) for n in (2, 1)]
    alone = await browser.bare_image("owner", "alone.tif")
    field = await browser.bare_image("owner", "field.tif")
    screen = await hub.containers.create(Screen, name="Drugs")
    plate = await hub.screens.create_plate(name="P1", screen_id=screen.id, rows=8, columns=12)
    bare = await hub.screens.create_plate(name="P2", rows=8, columns=12)
    run = await hub.screens.create_acquisition(plate.id)
    placed = [NewField(1, 2, field.id, 0, run.id, x=1.5, y=2.5, unit="µm")]
    (sample,) = await hub.screens.add_fields(plate.id, placed)
    (found,) = await hub.screens.fields([sample])
    assert found is not None
    return Tree(
        browser,
        {
            "project": project.id, "dataset": inside.id, "loose": loose.id, "image": images[0].id,
            "second": images[1].id, "alone": alone.id, "field": field.id, "screen": screen.id,
            "plate": plate.id, "bare": bare.id, "run": run.id, "sample": sample,
            "well": found.well_id,
        },
    )  # fmt: skip


async def test_the_top_of_the_tree_is_written_exactly(tree: Tree) -> None:
    me, ids = tree.person("owner"), tree.ids

    def item(id: int, name: str, children: int) -> dict[str, Any]:
        return {"id": id, "name": name, "ownerId": me, "childCount": children, "permsCss": OWN}

    group = tree.browser.world.groups["lab"]
    found = await tree.get("containers", id=me, group=group)
    aurora = found["projects"][0]["id"]
    assert found == {
        "projects": [item(aurora, "aurora", 0), item(ids["project"], "Mitosis", 1)],
        "datasets": [item(ids["loose"], "Loose", 0)],
        "screens": [item(ids["screen"], "Drugs", 1)],
        "plates": [item(ids["bare"], "P2", 0)],
        "orphaned": {"id": me, "childCount": 1, "name": "Orphaned Images"},
    }
    assert {**(await tree.get("containers", group=group)), "orphaned": None} == {
        **found, "orphaned": None,
    }  # fmt: skip
    shown = await tree.get("containers", "annotator", id=me)
    assert {one["permsCss"] for one in shown["projects"]} == {OTHERS}
    assert (await tree.get("containers", id=tree.person("annotator")))["projects"] == []


async def test_children_are_listed_by_name(tree: Tree) -> None:
    ids = tree.ids
    (dataset,) = (await tree.get("datasets", id=ids["project"]))["datasets"]
    assert (dataset["id"], dataset["childCount"]) == (ids["dataset"], 2)
    (plate,) = (await tree.get("plates", id=ids["screen"]))["plates"]
    assert (plate["id"], plate["childCount"]) == (ids["plate"], 1)
    (run,) = (await tree.get("plate_acquisitions", id=ids["plate"]))["acquisitions"]
    assert run == {"id": ids["run"], "name": f"Run {ids['run']}", "ownerId": tree.person("owner"),
                   "permsCss": run["permsCss"]}  # fmt: skip
    assert set(run["permsCss"].split()) >= {"canEdit", "canAnnotate", "isOwned"}
    images = (await tree.get("images", id=ids["dataset"]))["images"]
    assert images == [
        {"id": id, "archived": False, "name": name, "ownerId": tree.person("owner"),
         "permsCss": OWN}
        for id, name in ((ids["second"], "1.tif"), (ids["image"], "2.tif"))
    ]  # fmt: skip
    assert await tree.get("images", id=ids["dataset"], limit=1, page=2) == {"images": images[1:]}
    assert await tree.get("images", id=ids["dataset"], limit=1, page=0) == {"images": images}
    (orphan,) = (await tree.get("images", orphaned="true"))["images"]
    assert orphan["id"] == ids["alone"]


async def test_a_run_without_a_name_is_named_by_its_times(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    moment = int(datetime(2026, 3, 18, 12, 0, 5, tzinfo=UTC).timestamp()) * 1000
    await hub.screens.update_acquisition(
        tree.ids["run"], started_at=moment, ended_at=moment + 60_000
    )
    (run,) = (await tree.get("plate_acquisitions", id=tree.ids["plate"]))["acquisitions"]
    assert run["name"] == "2026-03-18 12:00:05 - 2026-03-18 12:01:05"


async def test_sizes_dates_and_versions_come_when_asked_for(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    image = await hub.containers.get(Image, tree.ids["image"])
    moment = int(datetime(2026, 3, 18, 12, tzinfo=UTC).timestamp()) * 1000
    await hub.containers.update(Image, image.id, acquired_at=moment)
    asked = {"sizeXYZ": "true", "date": "true", "thumbVersion": "true"}
    found = (await tree.get("images", id=tree.ids["dataset"], **asked))["images"][1]
    more = {key: found[key] for key in ("sizeX", "sizeY", "sizeZ", "sizeT", "thumbVersion")}
    assert more == {"sizeX": 600, "sizeY": 400, "sizeZ": 4, "sizeT": 2, "thumbVersion": 1}
    created = datetime.fromtimestamp(image.created_at // 1000, UTC).isoformat()
    assert (found["date"], found["acqDate"]) == (created, "2026-03-18T12:00:00+00:00")
    plain = (await tree.get("images", id=tree.ids["dataset"], sizeXYZ="True"))["images"][1]
    assert "sizeX" not in plain


async def test_groups_and_people_are_listed(tree: Tree) -> None:
    me, lab = tree.person("owner"), tree.browser.world.groups["lab"]
    found = (await tree.get("groups", member=me))["groups"]
    number = tree.browser.usernames["owner"].removeprefix("owner")
    assert found == [{"id": lab, "name": f"lab {number}", "perm": "rwra--"}]
    everything = (await tree.get("groups", page=0))["groups"]
    assert "user" not in {one["name"] for one in everything}
    assert lab in {one["id"] for one in everything}
    person = {"id": me, "omeName": tree.browser.usernames["owner"], "firstName": "", "lastName": ""}
    assert await tree.get(f"experimenters/{me}") == {"experimenter": person}
    people = (await tree.get("experimenters", group=lab))["experimenters"]
    assert [one["id"] for one in people] == sorted(
        (tree.person(who) for who in ("owner", "annotator")),
        key=lambda id: next(p["omeName"] for p in people if p["id"] == id),
    )
    assert len((await tree.get("experimenters", limit=1))["experimenters"]) == 1
    assert (await tree.get("experimenters/-1"))["experimenter"]["omeName"] == "All members"
    unknown = await tree.browser.served["owner"].get(f"{API}/experimenters/999999/")
    assert (unknown.status_code, unknown.json()) == (
        404, {"message": "Experimenter 999999 not found"},
    )  # fmt: skip


async def test_nobody_elses_tree_is_seen(tree: Tree) -> None:
    ids, lab = tree.ids, tree.browser.world.groups["lab"]
    for who in ("reader", "stranger", "keeper"):
        found = await tree.get("containers", who)
        assert all(found[key] == [] for key in ("projects", "datasets", "screens", "plates"))
        assert found["orphaned"]["childCount"] == 0
        assert await tree.get("datasets", who, id=ids["project"]) == {"datasets": []}
        assert await tree.get("images", who, id=ids["dataset"]) == {"images": []}
        assert await tree.get("plates", who, id=ids["screen"]) == {"plates": []}
        runs = await tree.get("plate_acquisitions", who, id=ids["plate"])
        assert runs == {"acquisitions": []}
        for path in ("containers", "images", "datasets", "plates", "tags"):
            answer = await tree.browser.served[who].get(f"{API}/{path}/", params={"group": lab})
            assert answer.status_code == 403
    for path in ("containers", "images", "groups", "plate_acquisitions", "tags"):
        for query in ({"page": "x"}, {"limit": "y"}):
            answer = await tree.browser.served["owner"].get(f"{API}/{path}/", params=query)
            assert answer.status_code == 400, path
    without = await tree.browser.served["owner"].get(f"{API}/plate_acquisitions/")
    assert (without.status_code, without.json()) == (
        400, {"message": "id: id (plate) must be specified"},
    )  # fmt: skip


async def test_lists_take_a_constant_number_of_statements(tree: Tree) -> None:
    async def count(path: str, **query: Any) -> int:
        counts = []
        for _ in range(4):  # who asks is remembered for a while only
            with statements(tree.browser.database) as sent:
                await tree.get(path, **query)
            found = [one for one in sent if "PRAGMA" not in one and "max(id)" not in one]
            counts.append(len(found))
        return min(counts)

    asked = {"sizeXYZ": "true", "date": "true", "thumbVersion": "true"}
    lists: list[tuple[str, dict[str, Any]]] = [
        ("containers", {}), ("images", {"id": tree.ids["dataset"], **asked}),
        ("datasets", {"id": tree.ids["project"]}), ("plates", {"id": tree.ids["screen"]}),
    ]  # fmt: skip
    before = [await count(path, **query) for path, query in lists]
    hub = await tree.browser.world.hub("owner")
    for n in range(5):
        await hub.containers.create(Dataset, name=f"d{n}", into=tree.ids["project"])
        await hub.containers.create(Project, name=f"p{n}")
        await hub.screens.create_plate(name=f"pl{n}", screen_id=tree.ids["screen"])
        await tree.browser.bare_image("owner", f"more {n}", into=tree.ids["dataset"])
    after = [await count(path, **query) for path, query in lists]
    assert all(now <= then + 1 for then, now in zip(before, after, strict=True)), (before, after)


# Tags


async def test_tags_and_what_bears_them_are_listed(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    on = [("image", tree.ids["image"]), ("dataset", tree.ids["dataset"]),
          ("acquisition", tree.ids["run"])]  # fmt: skip
    tag = await hub.annotations.create(
        AnnotationKind.TAG, "mitotic", description="dividing", targets=on
    )
    plain = await hub.annotations.create(AnnotationKind.TAG, "Alone")
    me = tree.person("owner")
    listed = (await tree.get("tags"))["tags"]
    assert [one["value"] for one in listed] == ["Alone", "mitotic"]
    assert listed[1] == {"id": tag.id, "value": "mitotic", "description": "dividing", "ownerId": me,
                         "permsCss": listed[1]["permsCss"], "set": False,
                         "childCount": 3}  # fmt: skip
    borne = await tree.get("tags", id=tag.id)
    assert borne["tags"] == []
    assert [one["id"] for one in borne["images"]] == [tree.ids["image"]]
    assert [one["id"] for one in borne["datasets"]] == [tree.ids["dataset"]]
    assert [one["id"] for one in borne["acquisitions"]] == [tree.ids["run"]]
    assert borne["projects"] == borne["plates"] == borne["screens"] == []
    assert (await tree.get("tags", "stranger"))["tags"] == []
    assert (await tree.get("tags", "stranger", id=tag.id))["images"] == []
    refused = await tree.browser.served["stranger"].delete(f"{API}/tags/", params={"id": plain.id})
    assert refused.status_code == 404
    deleted = await tree.browser.served["owner"].delete(f"{API}/tags/", params={"id": plain.id})
    assert (deleted.status_code, deleted.json()) == (200, "")
    assert [one["id"] for one in (await tree.get("tags"))["tags"]] == [tag.id]
    note = await hub.annotations.create(AnnotationKind.COMMENT, "no tag")
    kept = await tree.browser.served["owner"].delete(f"{API}/tags/", params={"id": note.id})
    assert kept.status_code == 404


# Links


async def linked(tree: Tree, method: str, body: Any, who: str = "owner") -> httpx.Response:
    return await tree.send(method, "api/links", who, content=json.dumps(body))


async def test_links_are_made_listed_and_cut(tree: Tree) -> None:
    ids = tree.ids
    body = {
        "project": {str(ids["project"]): {"dataset": [ids["loose"]]}},
        "dataset": {str(ids["loose"]): {"image": [ids["image"], ids["alone"]]}},
        "screen": {str(ids["screen"]): {"plate": [ids["bare"]]}},
    }
    made = await linked(tree, "POST", body)
    assert (made.status_code, made.json()) == (200, {"success": True})
    again = await linked(tree, "POST", body)
    assert again.json() == {"success": True}
    found = (await tree.get("parent_links", image=f"{ids['image']},{ids['alone']}"))["data"]
    pairs = {(one["parent"]["id"], one["child"]["id"]) for one in found}
    assert pairs == {(ids["dataset"], ids["image"]), (ids["loose"], ids["image"]),
                     (ids["loose"], ids["alone"])}  # fmt: skip
    assert {(one["parent"]["type"], one["child"]["type"]) for one in found} == {
        ("dataset", "image")
    }
    assert len({one["id"] for one in found}) == 3
    both = await tree.get("parent_links", dataset=ids["loose"], plate=ids["bare"])
    assert [one["parent"] for one in both["data"]] == [
        {"type": "project", "id": ids["project"]}, {"type": "screen", "id": ids["screen"]},
    ]  # fmt: skip
    cut = await linked(tree, "DELETE", {"dataset": {str(ids["loose"]): {"image": [ids["image"]]}}})
    # What is left tells the client that the image is no orphan.
    rest = {str(ids["dataset"]): {"image": [ids["image"]]}}
    assert cut.json() == {"dataset": rest, "success": True}
    await tree.browser.world.undo_last(tree.person("owner"))
    found = (await tree.get("parent_links", image=ids["image"]))["data"]
    assert {one["parent"]["id"] for one in found} == {ids["dataset"], ids["loose"]}


async def test_tags_are_linked_too(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    tag = await hub.annotations.create(AnnotationKind.TAG, "t")
    image = ("image", tree.ids["image"])
    body = {"tag": {str(tag.id): {"image": [tree.ids["image"]]}}}
    for method, names in (("POST", ["t"]), ("POST", ["t"]), ("DELETE", [])):
        assert (await linked(tree, method, body)).json() == {"success": True}
        assert [one.text for one in (await hub.annotations.on([image]))[image]] == names
    other_way = {"image": {str(tree.ids["image"]): {"tag": [tag.id]}}}
    assert (await linked(tree, "POST", other_way)).json() == {"success": True}
    assert [one.text for one in (await hub.annotations.on([image]))[image]] == ["t"]


async def test_one_refused_link_makes_none(tree: Tree) -> None:
    ids = tree.ids
    before = await tree.browser.world.stored()
    good = {str(ids["loose"]): {"image": [ids["alone"]]}}
    d = str(ids["loose"])
    bad: list[tuple[Any, int]] = [
        ({"dataset": {**good, "999999": {"image": [ids["alone"]]}}}, 404),
        ({"dataset": {d: {"image": [ids["alone"], 999_999]}}}, 404),
        ({"dataset": good, "project": {str(ids["project"]): {"image": [ids["alone"]]}}}, 400),
        ({"dataset": good, "screen": {"x": {"plate": [1]}}}, 400),
        ({"dataset": {d: {"image": ["x"]}}}, 400), ({"dataset": {d: {"image": [True]}}}, 400),
        ({"dataset": {d: {"image": [1.5]}}}, 400), ({"dataset": {d: {"image": 5}}}, 400),
        ({"dataset": {d: [5]}}, 400), ({"dataset": [5]}, 400), ([], 400), (7, 400), (None, 400),
        ({"nothing": {"1": {"image": [2]}}}, 400), ({"tag": {"1": {"job": []}}}, 404),
        ({"dataset": {d: {"image": [10**30]}}}, 400), ({"dataset": {d: {"image": [-1]}}}, 400),
        ({"image": {str(ids["alone"]): {"dataset": [ids["loose"]]}}}, 400),
    ]  # fmt: skip
    for body, status in bad:
        for method in ("POST", "DELETE"):
            answer = await linked(tree, method, body)
            assert answer.status_code == status, (method, body, answer.text)
    for content in (b"", b"{", b"\xff", b'{"dataset": {"1": {"image": [1]}}', b"[" * 9000):
        answer = await tree.send("POST", "api/links", content=content)
        assert answer.status_code == 400
    assert await tree.browser.world.stored() == before
    assert (await linked(tree, "POST", {})).json() == {"success": False}
    orphans = {"orphaned": {"1": {"image": [ids["alone"]]}}, "experimenter": {"1": {"plate": [1]}}}
    assert (await linked(tree, "POST", orphans)).json() == {"success": False}
    assert (await linked(tree, "DELETE", orphans)).json() == {"success": True}
    nothing = await linked(tree, "DELETE", {"dataset": good})
    assert nothing.status_code == 404
    assert await tree.browser.world.stored() == before


async def test_only_whoever_may_link_does(tree: Tree) -> None:
    ids = tree.ids
    body = {"dataset": {str(ids["loose"]): {"image": [ids["alone"]]}}}
    there = {"dataset": {str(ids["dataset"]): {"image": [ids["image"]]}}}
    before = await tree.browser.world.stored()
    for who, status in (("annotator", 403), ("stranger", 404), ("reader", 404)):
        assert (await linked(tree, "POST", body, who)).status_code == status
        assert (await linked(tree, "DELETE", there, who)).status_code == status
    assert await tree.browser.world.stored() == before
    for method in ("GET", "PUT"):
        answer = await tree.send(method, "api/links")
        assert (answer.status_code, set(answer.json())) == (405, {"Error"})
    assert (await tree.get("parent_links", "stranger", image=ids["image"])) == {"data": []}
    assert await tree.get("parent_links") == {"data": []}


# Paths


async def paths(tree: Tree, who: str = "owner", **query: Any) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = (await tree.get("paths_to_object", who, **query))["paths"]
    return found


def short(way: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(step["type"], step["id"]) for step in way]


async def test_the_path_to_an_image_is_written_exactly(tree: Tree) -> None:
    ids, me = tree.ids, tree.person("owner")
    assert await paths(tree, image=ids["image"]) == [
        [
            {"type": "experimenter", "id": me},
            {"type": "project", "id": ids["project"]},
            {"type": "dataset", "id": ids["dataset"], "childCount": 2},
            {"type": "image", "id": ids["image"]},
        ]
    ]
    assert await paths(tree, image=ids["alone"]) == [
        [
            {"type": "experimenter", "id": me},
            {"type": "orphaned", "id": me},
            {"type": "image", "id": ids["alone"]},
        ]
    ]


async def test_every_noun_has_its_path(tree: Tree) -> None:
    ids, me = tree.ids, tree.person("owner")
    hub = await tree.browser.world.hub("owner")
    shape = Drawn(Kind.RECTANGLE, {"x": 1, "y": 2, "width": 9, "height": 9})
    roi = await hub.rois.create(ids["image"], [Draft(shape)])
    (drawn,) = (await hub.rois.shapes_of([roi.id]))[roi.id]
    top = [("experimenter", me)]
    image = [*top, ("project", ids["project"]), ("dataset", ids["dataset"]),
             ("image", ids["image"])]  # fmt: skip
    plate = [*top, ("screen", ids["screen"]), ("plate", ids["plate"])]
    run = [*plate, ("acquisition", ids["run"])]
    field = [*run, ("well", ids["well"]), ("wellsample", ids["sample"]), ("image", ids["field"])]
    expected: list[tuple[dict[str, Any], list[list[tuple[str, int]]]]] = [
        ({"project": ids["project"]}, [[*top, ("project", ids["project"])]]),
        ({"dataset": ids["dataset"]}, [image[:3]]),
        ({"dataset": ids["loose"]}, [[*top, ("dataset", ids["loose"])]]),
        ({"screen": ids["screen"]}, [plate[:2]]),
        ({"plate": ids["plate"]}, [plate]),
        ({"run": ids["run"]}, [run]),
        ({"acquisition": ids["run"]}, [run]),
        ({"well": ids["well"]}, [field[:-2]]),
        ({"image": ids["field"]}, [field]),
        ({"roi": roi.id}, [[*image, ("roi", roi.id)]]),
        ({"shape": drawn.id}, [[*image, ("roi", roi.id), ("shape", drawn.id)]]),
        ({"experimenter": me}, [top]),
        ({"experimenter": me, "image": ids["image"]}, [image]),
        ({"experimenter": me + 1, "image": ids["image"]}, []),
        ({"image": ids["image"], "dataset": ids["dataset"]}, [image]),
        ({"image": ids["image"], "dataset": ids["loose"]}, []),
        ({"image": 999_999}, []),
        ({}, []),
    ]
    for query, ways in expected:
        assert [short(way) for way in await paths(tree, **query)] == ways, query
        if query.keys() - {"experimenter"}:
            assert await paths(tree, "stranger", **query) == []
    answer = await tree.browser.served["owner"].get(
        f"{API}/paths_to_object/", params={"image": "x"}
    )
    assert answer.status_code == 400


async def test_a_path_tells_the_page_where_the_image_stands(tree: Tree) -> None:
    ids = tree.ids
    hub = await tree.browser.world.hub("owner")
    await hub.containers.link(Dataset, ids["loose"], Image, [ids["image"]])
    await tree.browser.bare_image("owner", "another orphan")
    # `2.tif` is the second of two in one dataset and the only one of the other.
    for size, page in ((1, {"childIndex": 1, "childPage": 2}), (2, {})):
        ways = await paths(tree, image=ids["image"], page_size=size)
        steps = {step["id"]: step for way in ways for step in way if step["type"] == "dataset"}
        own = {"type": "dataset", "id": ids["dataset"], "childCount": 2, **page}
        assert steps[ids["dataset"]] == own
        assert steps[ids["loose"]] == {"type": "dataset", "id": ids["loose"], "childCount": 1}
    me = tree.person("owner")
    ((_, orphaned, _),) = await paths(tree, image=ids["alone"], page_size=1)
    assert orphaned == {"type": "orphaned", "id": me, "childCount": 2, "childIndex": 0,
                        "childPage": 1}  # fmt: skip
    tag = await hub.annotations.create(AnnotationKind.TAG, "t")
    assert await paths(tree, tag=tag.id) == [
        [{"type": "experimenter", "id": me}, {"type": "tag", "id": tag.id}]
    ]
    assert await paths(tree, "stranger", tag=tag.id) == []


# Small edits


async def act(tree: Tree, path: str, who: str = "owner", **form: Any) -> httpx.Response:
    return await tree.send("POST", path, who, data=form)


async def test_things_are_renamed(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    tag = await hub.annotations.create(AnnotationKind.TAG, "old")
    nouns: dict[str, Any] = {"project": Project, "dataset": Dataset, "image": Image,
                             "screen": Screen, "plate": Plate}  # fmt: skip
    for noun, kind in nouns.items():
        answer = await act(tree, f"action/savename/{noun}/{tree.ids[noun]}", name=f" neu ä {noun} ")
        assert answer.json() == {"bad": "false", "o_type": noun}
        assert (await hub.containers.get(kind, tree.ids[noun])).name == f"neu ä {noun}"
    for noun in ("run", "acquisition"):
        answer = await act(tree, f"action/savename/{noun}/{tree.ids['run']}", name=f"a {noun}")
        assert answer.json()["o_type"] == noun
        (row,) = await hub.screens.acquisitions([tree.ids["run"]])
        assert row is not None
        assert row.name == f"a {noun}"
    await act(tree, f"action/savename/tag/{tag.id}", name="new")
    assert (await hub.annotations.get(tag.id)).text == "new"


async def test_a_name_sent_raw_is_kept(tree: Tree) -> None:
    path = f"action/savename/image/{tree.ids['image']}"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await tree.send("POST", path, content="name=Zelle µ 100% &".encode(), headers=kind)
    assert answer.json() == {"bad": "false", "o_type": "image"}
    hub = await tree.browser.world.hub("owner")
    assert (await hub.containers.get(Image, tree.ids["image"])).name == "Zelle µ 100%"
    latin = await tree.send("POST", path, content="name=Größe".encode("latin-1"), headers=kind)
    assert latin.status_code == 200
    assert (await hub.containers.get(Image, tree.ids["image"])).name == "Größe"


async def test_a_bad_name_is_told_in_texts(tree: Tree) -> None:
    path, id = "action/savename/image", tree.ids["image"]
    before = await tree.browser.world.stored()
    for form in ({}, {"name": ""}, {"name": "  "}):
        answer = await act(tree, f"{path}/{id}", **form)
        assert answer.json() == {"bad": "true", "errs": {"name": "This field is required."}}
    long = await act(tree, f"{path}/{id}", name="n" * 256)
    assert long.json()["bad"] == "true"
    assert (await act(tree, f"{path}/{id}", name="a\0b")).status_code == 400
    assert (await act(tree, f"{path}/999999", name="x")).status_code == 404
    assert (
        await act(tree, f"action/savename/well/{tree.ids['well']}", name="x")
    ).status_code == 404
    assert (await act(tree, f"action/savename/nonsense/{id}", name="x")).status_code == 404
    assert (await act(tree, f"action/savename/tag/{id}", name="x")).status_code == 404
    assert (await act(tree, f"{path}/{id}", "annotator", name="x")).status_code == 403
    assert (await act(tree, f"{path}/{id}", "stranger", name="x")).status_code == 404
    assert (await tree.send("GET", f"{path}/{id}")).status_code == 405
    assert await tree.browser.world.stored() == before


async def test_a_description_is_saved_and_an_echo_changes_nothing(tree: Tree) -> None:
    hub = await tree.browser.world.hub("owner")
    id = tree.ids["image"]
    await hub.containers.update(
        Image, id, description="<p>fixed <b>cells</b></p>", description_html=True
    )
    path = f"action/savedescription/image/{id}"
    assert (await act(tree, path, description="fixed cells")).json() == {"bad": "false"}
    assert (await hub.containers.get(Image, id)).description == "<p>fixed <b>cells</b></p>"
    await act(tree, path, description="live cells")
    row = await hub.containers.get(Image, id)
    assert (row.description, row.description_html) == ("live cells", False)
    await act(tree, path, description="")
    assert (await hub.containers.get(Image, id)).description is None
    assert (await act(tree, path, "stranger", description="x")).status_code == 404
    assert (await act(tree, path, description="\0")).status_code == 400


async def test_channels_are_named(tree: Tree) -> None:
    world = tree.browser.world
    samples = np.zeros((1, 2, 1, 16, 16), "uint8")
    images = [await world.image("owner", samples, dataset=tree.ids["loose"]) for _ in range(2)]
    single = await world.image("owner", samples[:, :1], dataset=tree.ids["loose"])
    hub = await world.hub("owner")

    async def names(id: int) -> list[str | None]:
        return [one.name for one in (await hub.images.channels([id]))[id]]

    path = f"edit_channel_names/{images[0].id}"
    answer = await act(tree, path, channel0="DAPI", channel1="GFP ä", save="save")
    assert answer.json() == {
        "channelNames": {"channel0": "DAPI", "channel1": "GFP ä"}, "imageCount": 1,
        "updateCount": 1,
    }  # fmt: skip
    assert await names(images[0].id) == ["DAPI", "GFP ä"]
    other = await names(images[1].id)
    answer = await act(
        tree, path, channel1="RFP", channel7="none", confirm_apply="y",
        parentId=f"dataset-{tree.ids['loose']}",
    )  # fmt: skip
    assert answer.json() == {
        "channelNames": {"channel1": "RFP"}, "imageCount": 2, "updateCount": 2,
    }  # fmt: skip
    assert await names(images[0].id) == ["DAPI", "RFP"]
    assert await names(images[1].id) == [other[0], "RFP"]
    assert (await names(single.id))[0] != "RFP"
    await world.undo_last(tree.person("owner"))
    assert await names(images[0].id) == ["DAPI", "GFP ä"]
    before = await world.stored()
    for who, form, status in (
        ("annotator", {"channel0": "x"}, 403), ("stranger", {"channel0": "x"}, 404),
        ("owner", {"channel0": "\0"}, 400),
        ("owner", {"channel0": "x", "confirm_apply": "y"}, 400),
        ("owner", {"channel0": "x", "confirm_apply": "y", "parentId": "dataset-999999"}, 404),
        ("owner", {"channel0": "x", "confirm_apply": "y", "parentId": "well-1"}, 400),
    ):  # fmt: skip
        assert (await act(tree, path, who, **form)).status_code == status, form
    assert (await act(tree, "edit_channel_names/999999", channel0="x")).status_code == 404
    assert await world.stored() == before
