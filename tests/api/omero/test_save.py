"""Making and replacing projects, datasets and screens through ``m/save/``."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from schema.scalars import encode_id
from store.tables.containers import Project
from store.tables.history import Command, Event
from store.tables.people import GroupLevel
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
SAVE = "/api/v0/m/save/"
OME = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"


def lab(served: AppClients) -> int:
    return served.world.groups["lab"]


async def make(served: AppClients, kind: str = "Project", **more: Any) -> dict[str, Any]:
    body = {"@type": OME + kind, "Name": f"A {kind}", **more}
    answer = await served["owner"].post(SAVE, params={"group": lab(served)}, json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def put(served: AppClients, body: Any, who: str = "owner", **params: Any) -> httpx.Response:
    return await served[who].put(SAVE, params=params, json=body)


async def rows(served: AppClients) -> dict[str, int]:
    return await served.world.stored()


@pytest.mark.parametrize("path", [SAVE, SAVE.rstrip("/")])
async def test_a_project_is_made_by_post(shared_app: AppClients, path: str) -> None:
    body = {"@type": OME + "Project", "Name": "Mitosis, día 3", "Description": "fixed"}
    owner, group = shared_app["owner"], lab(shared_app)
    answer = await owner.post(path, params={"group": group}, json=body)
    assert answer.status_code == 201
    assert answer.headers["X-OMERO-ApiVersion"] == "0.2"
    made = answer.json()["data"]
    assert list(made) == ["@id", "@type", "Name", "Description", "omero:details"]
    assert (made["Name"], made["Description"]) == ("Mitosis, día 3", "fixed")
    details = made["omero:details"]
    assert details["owner"]["UserName"] == "owner"
    assert "UserName" in details["owner"]
    assert details["group"]["@id"] == group
    flags = {key: details["permissions"][key] for key in ("perm", "canEdit", "canLink")}
    assert flags == {"perm": "rwra--", "canEdit": True, "canLink": True}
    assert details["permissions"]["isGroupAnnotate"] is True
    assert details["permissions"]["isGroupWrite"] is False


async def test_what_is_saved_is_in_graphql_with_a_command_and_an_event(
    shared_app: AppClients,
) -> None:
    before = await rows(shared_app)
    made = await make(shared_app, "Dataset", Description="by a script")
    after = await rows(shared_app)
    for noun in (Command, Event):
        name = str(noun.__tablename__)
        assert after[name] == before[name] + 1
    found = await shared_app.world.graphql(
        "owner",
        "query($id: ID!) { dataset(id: $id) { name description owner { username } } }",
        {"id": encode_id("Dataset", made["@id"])},
    )
    assert found["dataset"] == {
        "name": "A Dataset", "description": "by a script", "owner": {"username": "owner"},
    }  # fmt: skip
    history = await shared_app.world.graphql("owner", "{ history(first: 1) { nodes { verb } } }")
    assert history["history"]["nodes"][0]["verb"] == "create_dataset"


async def test_a_screen_keeps_all_its_texts(shared_app: AppClients) -> None:
    texts = {
        "Description": "d", "ProtocolIdentifier": "p", "ProtocolDescription": "pd",
        "ReagentSetIdentifier": "r", "ReagentSetDescription": "rd", "Type": "siRNA",
    }  # fmt: skip
    made = await make(shared_app, "Screen", **texts)
    assert {key: made[key] for key in texts} == texts
    answer = await put(shared_app, {**made, "Type": None, "ReagentSetIdentifier": ""})
    assert answer.status_code == 200
    changed = answer.json()["data"]
    assert "Type" not in changed
    assert changed["ReagentSetIdentifier"] == ""
    assert changed["ProtocolDescription"] == "pd"


async def test_a_put_replaces_what_this_dialect_knows_and_nothing_else(
    shared_app: AppClients,
) -> None:
    made = await make(shared_app, Description="goes away")
    hub = await shared_app.world.hub("owner")
    await hub.containers.update(Project, made["@id"], mode="restricted")
    body = {"@type": made["@type"], "@id": made["@id"], "Name": "New", "url:x": 1, "Datasets": []}
    answer = await put(shared_app, body, group=lab(shared_app))
    assert answer.status_code == 200
    changed = answer.json()["data"]
    assert changed["Name"] == "New"
    assert "Description" not in changed
    row = await hub.containers.get(Project, made["@id"])
    assert (row.description, row.mode) == (None, "restricted")


async def test_an_object_sent_back_as_it_was_read_is_no_change(shared_app: AppClients) -> None:
    made = await make(shared_app)
    hub = await shared_app.world.hub("owner")
    html = "<p>kept <b>as</b> HTML</p>"
    await hub.containers.update(Project, made["@id"], description=html, description_html=True)
    read = {**made, "Description": "kept as HTML"}
    before = await rows(shared_app)
    answer = await put(shared_app, read)
    assert answer.json()["data"]["Description"] == "kept as HTML"
    assert (await rows(shared_app))["event"] == before["event"]
    row = await hub.containers.get(Project, made["@id"])
    assert (row.description, row.description_html) == (html, True)


async def test_a_normalised_object_can_be_sent_back(shared_app: AppClients) -> None:
    made = await make(shared_app)
    details = made["omero:details"]
    details["owner"], details["group"] = {"@id": 5}, {"@id": details["group"]["@id"]}
    answer = await put(shared_app, {**made, "Name": "From a list"})
    assert answer.json()["data"]["Name"] == "From a list"
    assert answer.json()["data"]["omero:details"]["owner"]["UserName"] == "owner"


GOOD = {"@type": OME + "Project", "Name": "P"}


@pytest.mark.parametrize(
    ("method", "body", "status", "text"),
    [
        ("POST", b"", 400, "Expecting value: line 1 column 1 (char 0)"),
        ("POST", b"{", 400, "Expecting property name enclosed in double quotes"),
        ("POST", b"\xff\xfe{}", 400, ""),
        ("POST", b"[" * 100_000, 400, ""),
        ("POST", b"[]", 400, "Need to specify @type attribute"),
        ("POST", b"7", 400, "Need to specify @type attribute"),
        ("POST", {"Name": "P"}, 400, "Need to specify @type attribute"),
        ("POST", {"@type": OME + "Image"}, 405, "Creation of Image not supported"),
        ("PUT", {"@type": OME + "Plate"}, 405, "Update of Plate not supported"),
        ("POST", {"@type": "Project"}, 405, "Creation of None not supported"),
        ("PUT", {"@type": 5}, 405, "Update of None not supported"),
        (
            "POST", {**GOOD, "@id": 1}, 400,
            "Object has '@id' attribute. Use PUT to update objects",
        ),
        ("PUT", GOOD, 400, "No '@id' attribute. Use POST to create new objects"),
        (
            "POST", {**GOOD, "@type": "http://elsewhere#Project"}, 400,
            "No decoder found for type: http://elsewhere#Project",
        ),
        ("POST", {**GOOD, "Name": 5}, 400, "Error in decode of json data by omero_marshal"),
        (
            "POST", {**GOOD, "Description": ["x"]}, 400,
            "Error in decode of json data by omero_marshal",
        ),
        (
            "PUT", {**GOOD, "@id": "x"}, 400, "Error in decode of json data by omero_marshal",
        ),
        (
            "POST", {**GOOD, "omero:details": {"group": {"@id": 3}}}, 400,
            "Error in decode of json data by omero_marshal",
        ),
        (
            "POST", GOOD, 400,
            "Specify Group in omero:details or query parameters ?group=:id",
        ),
    ],
)  # fmt: skip
async def test_what_cannot_be_saved_is_refused_in_order_and_stores_nothing(
    shared_app: AppClients, method: str, body: Any, status: int, text: str
) -> None:
    before = await rows(shared_app)
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await shared_app["owner"].request(method, SAVE, content=content)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"].startswith(text)
    assert await rows(shared_app) == before


@pytest.mark.parametrize(
    ("body", "params", "status"),
    [
        ({"@type": OME + "Project"}, {}, 400),
        ({**GOOD, "Name": None}, {}, 400),
        ({**GOOD, "Name": "   "}, {}, 400),
        ({**GOOD, "Name": "x" * 256}, {}, 400),
        ({**GOOD, "Name": "a\x00b"}, {}, 400),
        ({**GOOD, "Description": "a\x00b"}, {}, 400),
        ({**GOOD, "Description": "\ud800"}, {}, 400),
        (GOOD, {"group": "foo"}, 400),
        (GOOD, {"group": ""}, 400),
        (GOOD, {"group": "1"}, 403),
        (GOOD, {"group": "987654321"}, 403),
        (GOOD, {"group": "9" * 30}, 403),
    ],
)
async def test_bad_values_and_groups_are_refused(
    shared_app: AppClients, body: Any, params: dict[str, str], status: int
) -> None:
    before = await rows(shared_app)
    given = {"group": str(lab(shared_app)), **params}
    content = json.dumps(body).encode()
    answer = await shared_app["owner"].post(SAVE, params=given, content=content)
    assert answer.status_code == status, answer.text
    assert answer.json()["message"]
    assert await rows(shared_app) == before


async def test_the_text_of_a_bad_group_is_that_of_python(shared_app: AppClients) -> None:
    answer = await shared_app["owner"].post(SAVE, params={"group": "foo"}, json=GOOD)
    assert answer.json() == {"message": "invalid literal for int() with base 10: 'foo'"}


async def test_others_cannot_replace_an_object(shared_app: AppClients) -> None:
    made = await make(shared_app)
    change = {**made, "Name": "taken over"}
    refused = await put(shared_app, change, "annotator")
    assert refused.status_code == 403
    assert (await put(shared_app, change, "stranger")).status_code == 404
    unknown = await put(shared_app, {**change, "@id": 987654321})
    assert (unknown.status_code, unknown.json()) == (
        404, {"message": "Project 987654321 not found"},
    )  # fmt: skip
    other = await put(shared_app, change, group=shared_app.world.groups["vault"])
    assert other.status_code == 403
    assert f"Cannot read ome.model.containers.Project:Id_{made['@id']}" in other.json()["message"]
    hub = await shared_app.world.hub("owner")
    assert (await hub.containers.get(Project, made["@id"])).name == "A Project"


async def test_a_member_of_a_read_write_group_may_replace(shared_app: AppClients) -> None:
    world = shared_app.world
    people = [world.people["owner"], world.people["annotator"]]
    group = await world.group("together", GroupLevel.read_write, members=people)
    made = (
        await shared_app["owner"].post(SAVE, params={"group": group}, json=GOOD)
    ).json()["data"]  # fmt: skip
    answer = await put(shared_app, {**made, "Name": "by both"}, "annotator")
    assert answer.status_code == 200
    assert answer.json()["data"]["omero:details"]["permissions"]["canEdit"] is True
    assert answer.json()["data"]["omero:details"]["permissions"]["perm"] == "rwrw--"


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
async def test_other_methods_are_not_offered(shared_app: AppClients, method: str) -> None:
    answer = await shared_app["owner"].request(method, SAVE)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST, PUT"
    assert list(answer.json()) == ["message"]
