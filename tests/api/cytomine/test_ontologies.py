"""Ontologies, terms, their relations, and terms on annotations, as the published clients ask."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixtures.app import AppClients
from tests.fixtures.reviewed_scene import drawn, ontology, refused, sent, term

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_an_ontology_is_made_in_the_form_of_a_command(shared_app: AppClients) -> None:
    answer = await sent(shared_app["owner"], "POST", "ontology.json", json={"name": "Lung"})
    made = answer["ontology"]
    assert answer["message"] == f"Ontology {made['id']} (Lung) added"
    assert answer["callback"] == {
        "method": "be.cytomine.AddOntologyCommand", "ontologyID": str(made["id"])
    }  # fmt: skip
    assert (answer["printMessage"], isinstance(answer["command"], int)) == (True, True)
    assert made["created"].isdigit()
    del made["created"]
    assert made == {
        "class": "be.cytomine.domain.ontology.Ontology", "id": made["id"], "updated": None,
        "deleted": None, "name": "Lung", "user": shared_app.world.people["owner"],
        "title": "Lung",
        "attr": {"id": made["id"], "type": "be.cytomine.domain.ontology.Ontology"},
        "data": "Lung", "isFolder": True, "key": made["id"], "hideCheckbox": True,
        "state": "open", "projects": [], "children": [],
    }  # fmt: skip
    assert await refused(shared_app["owner"], "POST", "ontology.json", json={"name": "LUNG"}) == 409
    for bad in ({}, {"name": None}, {"name": " "}, {"name": ["x"]}):
        assert await refused(shared_app["owner"], "POST", "ontology.json", json=bad) == 400


async def test_the_tree_is_nested_by_the_relations_and_sorted_by_name(
    shared_app: AppClients,
) -> None:
    made = await ontology(shared_app)
    z = await term(shared_app, made["id"], "zebra")
    b = await term(shared_app, made["id"], "Bear", parent=z["id"])
    a = await term(shared_app, made["id"], "ape", parent=z["id"])
    await term(shared_app, made["id"], "Ant")
    assert (a["parent"], z["parent"], a["color"]) == (z["id"], None, "#ff0080")
    whole = await sent(shared_app["owner"], "GET", f"ontology/{made['id']}.json")
    assert [node["name"] for node in whole["children"]] == ["Ant", "zebra"]
    zebra = whole["children"][1]
    assert [node["id"] for node in zebra["children"]] == [a["id"], b["id"]]
    assert zebra["isFolder"] is True
    assert zebra["children"][1] == {
        "id": b["id"], "name": "Bear", "text": "Bear", "title": "Bear", "data": "Bear",
        "class": "be.cytomine.domain.ontology.Term",
        "attr": {"id": b["id"], "type": "be.cytomine.domain.ontology.Term"},
        "color": "#ff0080", "checked": False, "key": b["id"], "isFolder": False,
        "hideCheckbox": False, "children": [],
    }  # fmt: skip


async def test_a_chain_of_any_length_can_be_written(shared_app: AppClients) -> None:
    made = await ontology(shared_app)
    parent: dict[str, Any] = {"id": None}
    for n in range(130):
        parent = await term(shared_app, made["id"], f"t{n:03}", parent=parent["id"])
    whole = await sent(shared_app["owner"], "GET", f"ontology/{made['id']}.json")

    def count(nodes: list[dict[str, Any]]) -> int:
        return sum(1 + count(node["children"]) for node in nodes)

    assert count(whole["children"]) == 130


async def test_ontologies_are_listed_paged_and_light(shared_app: AppClients) -> None:
    ids = [(await ontology(shared_app))["id"] for _ in range(3)]
    found = await sent(shared_app["owner"], "GET", "ontology.json?max=2&offset=0")
    assert [one["id"] for one in found["collection"]] == [ids[2], ids[1]]
    assert (found["perPage"], found["offset"]) == (2, 0)
    assert found["totalPages"] == -(-found["size"] // 2)
    light = await sent(
        shared_app["owner"], "GET", "ontology.json?light=true&max=0&sort=id&order=asc"
    )
    assert light["size"] == found["size"]
    assert set(light["collection"][0]) == {"id", "name"}
    none = await sent(shared_app["stranger"], "GET", "ontology.json")
    assert none["collection"] == []


async def test_a_whole_fetched_object_sent_back_changes_nothing(shared_app: AppClients) -> None:
    made = await ontology(shared_app)
    parent = await term(shared_app, made["id"], "A", comment="first")
    child = await term(shared_app, made["id"], "B", parent=parent["id"])
    stored = await shared_app.world.stored()
    for path in (f"ontology/{made['id']}", f"term/{child['id']}", f"term/{parent['id']}"):
        before = await sent(shared_app["owner"], "GET", f"{path}.json")
        answer = await sent(shared_app["owner"], "PUT", f"{path}.json", json=before)
        assert answer[path.split("/")[0]] == before
    assert await shared_app.world.stored() == stored


async def test_a_term_is_changed_and_its_name_is_its_own(shared_app: AppClients) -> None:
    made = await ontology(shared_app)
    one, other = [await term(shared_app, made["id"], name) for name in ("A", "B")]
    path, client = f"term/{one['id']}.json", shared_app["owner"]
    body = {"name": "C", "color": "#0F0", "comment": "green", "ontology": 5, "id": 7}
    answer = await sent(client, "PUT", path, json=body)
    changed = answer["term"]
    assert (changed["name"], changed["color"], changed["comment"]) == ("C", "#00ff00", "green")
    assert (changed["id"], changed["ontology"]) == (one["id"], made["id"])
    assert answer["callback"]["ontologyID"] == str(made["id"])
    assert changed["updated"].isdigit()
    assert await refused(client, "PUT", path, json={"name": "b"}) == 409
    assert await refused(client, "PUT", path, json={"color": "green"}) == 400
    double = {"name": "B", "color": "#000000", "ontology": made["id"]}
    assert await refused(client, "POST", "term.json", json=double) == 409
    for gap in ("name", "color", "ontology"):
        lacking = {**double, "name": "D"} | {gap: None}
        assert await refused(client, "POST", "term.json", json=lacking) == 400
    foreign = await term(shared_app, (await ontology(shared_app))["id"], "X")
    orphan = {**double, "name": "D", "parent": foreign["id"]}
    assert await refused(client, "POST", "term.json", json=orphan) == 400
    listed = await sent(client, "GET", f"ontology/{made['id']}/term.json?sort=id&order=asc")
    assert [one["id"] for one in listed["collection"]] == [one["id"], other["id"]]
    everything = await sent(client, "GET", "term.json")
    assert {one["id"], foreign["id"]} <= {row["id"] for row in everything["collection"]}


async def test_arrays_answer_item_by_item(shared_app: AppClients) -> None:
    made, client = await ontology(shared_app), shared_app["owner"]
    good = {"name": "A", "color": "#000000", "ontology": made["id"]}
    empty = await client.post("/api/term.json", json=[])
    assert empty.status_code == 200
    mixed = await client.post("/api/term.json", json=[good, {**good, "name": None}])
    assert (mixed.status_code, len(mixed.json()["data"]["errors"])) == (206, 1)
    none = await client.post("/api/term.json", json=[good])
    assert none.status_code == 400
    listed = await sent(client, "GET", f"ontology/{made['id']}/term.json")
    ids = [one["id"] for one in listed["collection"]]
    assert mixed.json()["data"]["message"] == f"terms {ids[0]} added"


async def test_what_is_in_use_stays_and_what_goes_comes_back_by_undo(
    shared_app: AppClients,
) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    await sent(client, "POST", f"annotation/{scene.roi}/term/{scene.a}.json")
    assert await refused(client, "DELETE", f"ontology/{scene.ontology}.json") == 400
    assert await refused(client, "DELETE", f"term/{scene.a}.json") == 400
    gone = await sent(client, "DELETE", f"term/{scene.b}.json")
    assert gone["term"]["name"] == "B"
    assert await refused(client, "GET", f"term/{scene.b}.json") == 404
    await sent(client, "GET", f"../command/{gone['command']}/undo.json")
    assert (await sent(client, "GET", f"term/{scene.b}.json"))["id"] == scene.b
    project = await sent(client, "GET", f"project/{scene.project}/term.json")
    assert {one["id"] for one in project["collection"]} == {scene.a, scene.b}
    whole = await sent(client, "GET", f"ontology/{scene.ontology}.json")
    assert [one["id"] for one in whole["projects"]] == [scene.project]
    free = await ontology(shared_app)
    inner = await term(shared_app, free["id"], "T")
    gone = await sent(client, "DELETE", f"ontology/{free['id']}.json")
    assert await refused(client, "GET", f"term/{inner['id']}.json") == 404
    await sent(client, "GET", f"../command/{gone['command']}/undo.json")
    assert (await sent(client, "GET", f"term/{inner['id']}.json"))["ontology"] == free["id"]


async def test_relations_are_made_read_and_cut(shared_app: AppClients) -> None:
    client, made = shared_app["owner"], await ontology(shared_app)
    a, b, c = [(await term(shared_app, made["id"], name))["id"] for name in "ABC"]
    kinds = (await sent(client, "GET", "relation.json"))["collection"]
    assert [(one["id"], one["name"]) for one in kinds] == [(21, "parent"), (22, "synonym")]
    assert (await sent(client, "GET", "relation/22.json"))["name"] == "synonym"
    assert await refused(client, "GET", "relation/5.json") == 404
    pair = {"term1": a, "term2": b}
    row = (await sent(client, "POST", "relation/parent/term.json", json=pair))["relationterm"]
    assert (row["relation"], row["term1"], row["term2"]) == (21, a, b)
    path = f"relation/parent/term1/{a}/term2/{b}.json"
    assert await sent(client, "GET", path) == row
    assert await sent(client, "GET", f"relation/21/term1/{a}/term2/{b}.json") == row
    assert await refused(client, "POST", "relation/parent/term.json", json=pair) == 409
    circle, itself = {"term1": b, "term2": a}, {"term1": a, "term2": a}
    for bad in (circle, itself, {"term1": a}):
        assert await refused(client, "POST", "relation/parent/term.json", json=bad) == 400
    beside = {"term1": b, "term2": c}
    await sent(client, "POST", "relation/22/term.json", json=beside)

    async def of(path: str) -> list[tuple[int, int]]:
        found = (await sent(client, "GET", f"relation/term/{path}.json"))["collection"]
        return sorted((one["term1"], one["term2"]) for one in found)

    assert await of(f"1/{b}") == [(b, c)]
    assert await of(f"2/{b}") == [(a, b)]
    assert await of(f"{b}") == [(a, b), (b, c)]
    assert await refused(client, "GET", f"relation/term/3/{b}.json") == 400
    gone = await sent(client, "DELETE", path)
    assert gone["relationterm"] == row
    assert await refused(client, "GET", path) == 404
    assert await refused(client, "DELETE", path) == 404


async def test_terms_on_annotations_belong_to_who_gave_them(shared_app: AppClients) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    owner = shared_app.world.people["owner"]
    path = f"annotation/{scene.roi}/term/{scene.a}.json"
    body = {"userannotation": scene.roi, "term": scene.a}
    answer = await sent(client, "POST", path, json=body)
    given = answer["annotationterm"]
    assert (given["userannotation"], given["term"], given["user"]) == (scene.roi, scene.a, owner)
    assert given["class"] == "be.cytomine.domain.ontology.AnnotationTerm"
    assert answer["callback"]["method"] == "be.cytomine.AddAnnotationTermCommand"
    assert await refused(client, "POST", path, json=body) == 409
    assert await sent(client, "GET", path) == given
    assert await sent(client, "GET", path.replace(".json", f"/user/{owner}.json")) == given
    foreign = await term(shared_app, (await ontology(shared_app))["id"], "X")
    wrong = f"annotation/{scene.roi}/term/{foreign['id']}.json"
    assert await refused(client, "POST", wrong) == 400
    listed = await sent(client, "GET", f"annotation/{scene.roi}/term.json")
    assert [(one["id"], one["term"]) for one in listed["collection"]] == [(given["id"], scene.a)]
    assert (await sent(client, "GET", f"annotation/{scene.roi}/term.json?idUser=1"))["size"] == 0
    others = await sent(client, "GET", f"annotation/{scene.roi}/notuser/{owner}/term.json")
    assert others["collection"] == []
    swapped = await sent(
        client, "POST", f"annotation/{scene.roi}/term/{scene.b}/clearBefore.json?clearForAll=True"
    )
    assert swapped["annotationterm"]["term"] == scene.b
    listed = await sent(client, "GET", f"annotation/{scene.roi}/term.json")
    assert [one["term"] for one in listed["collection"]] == [scene.b]
    await sent(client, "GET", f"../command/{swapped['command']}/undo.json")
    assert await sent(client, "GET", path) == given
    gone = await sent(client, "DELETE", path)
    assert gone["annotationterm"] == given
    assert await refused(client, "DELETE", path) == 404


async def test_a_classifiers_verdict_is_kept(shared_app: AppClients) -> None:
    scene, client = await drawn(shared_app), shared_app["owner"]
    path = f"annotation/{scene.roi}/term/{scene.a}.json"
    body = {"annotationIdent": scene.roi, "expectedTerm": scene.b, "rate": 0.25}
    assert await refused(client, "POST", path, json=body | {"rate": 1.25}) == 400
    made = (await sent(client, "POST", path, json=body))["algoannotationterm"]
    assert (made["rate"], made["expectedTerm"], made["term"]) == (0.25, scene.b, scene.a)
    assert (made["annotationIdent"], made["project"]) == (scene.roi, scene.project)
    assert made["class"].endswith(".AlgoAnnotationTerm")


async def test_strangers_find_nothing_and_members_may_only_read(shared_app: AppClients) -> None:
    scene = await drawn(shared_app)
    body = {"name": "x", "color": "#000000", "ontology": scene.ontology, "term1": scene.a,
            "term2": scene.b}  # fmt: skip
    roi = f"annotation/{scene.roi}"
    paths = {
        f"ontology/{scene.ontology}": "GET PUT DELETE",
        f"ontology/{scene.ontology}/term": "GET",
        f"project/{scene.project}/term": "GET",
        f"term/{scene.a}": "GET PUT DELETE",
        "term": "POST",
        "relation/parent/term": "POST",
        "relation/21/term": "POST",
        f"relation/parent/term1/{scene.a}/term2/{scene.b}": "GET DELETE",
        f"relation/21/term1/{scene.a}/term2/{scene.b}": "GET DELETE",
        f"relation/term/{scene.a}": "GET",
        f"relation/term/1/{scene.a}": "GET",
        f"{roi}/term": "GET",
        f"{roi}/notuser/5/term": "GET",
        f"{roi}/term/{scene.a}": "GET POST DELETE",
        f"{roi}/term/{scene.a}/user/5": "GET DELETE",
        f"{roi}/term/{scene.a}/clearBefore": "POST",
    }
    stored = await shared_app.world.stored()
    for path, methods in paths.items():
        for method in methods.split():
            options = {} if method in ("GET", "DELETE") else {"json": body}
            for form in (path, f"{path}.json"):
                stranger = await refused(shared_app["stranger"], method, form, **options)
                assert stranger == 404, (method, path)
                nobody = await refused(shared_app[None], method, form, **options)
                assert nobody == 401, (method, path)
    for method, path in (
        ("PUT", f"ontology/{scene.ontology}"), ("DELETE", f"ontology/{scene.ontology}"),
        ("PUT", f"term/{scene.a}"), ("DELETE", f"term/{scene.a}"), ("POST", "term"),
        ("POST", "relation/parent/term"),
    ):  # fmt: skip
        options = {"json": body} if method != "DELETE" else {}
        assert await refused(shared_app["annotator"], method, path, **options) == 403, path
    assert await shared_app.world.stored() == stored
