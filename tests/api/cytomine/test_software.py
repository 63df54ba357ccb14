"""Software registered, parametrised, offered in projects; trusted sources and servers."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from adapters.hub import Hub
from adapters.jobs.catalogue import write_operations
from adapters.tokens import Scope
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def made(client: httpx.AsyncClient, path: str, key: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post(f"/api/{path}.json", json=fields)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["command"] is None or body["command"] > 0
    found: dict[str, Any] = body[key]
    return found


def name() -> str:
    return f"software {uuid4().hex[:8]}"


async def project_of(served: AppClients, username: str) -> int:
    hub: Hub = await served.world.hub(username)
    return (await hub.projects.create(f"project {uuid4().hex[:8]}")).id


async def test_software_is_registered_changed_and_deleted(shared_app: AppClients) -> None:
    owner, title = shared_app["owner"], name()
    answer = await owner.post(
        "/api/software.json",
        json={"name": title, "softwareVersion": "1.2", "resultName": "R", "executeCommand": "run"},
    )
    body = answer.json()
    item = body["software"]
    assert body["callback"] == {
        "method": "be.cytomine.AddSoftwareCommand",
        "softwareID": str(item["id"]),
    }
    assert item["class"] == "be.cytomine.processing.Software"
    assert (item["name"], item["softwareVersion"], item["resultName"]) == (title, "1.2", "R")
    assert item["fullName"] == f"{title} (1.2)"
    assert item["executeCommand"] == "run"
    assert (item["executable"], item["numberOfJob"], item["parameters"]) == (False, 0, [])
    address = f"/api/software/{item['id']}.json"
    assert (await owner.get(address)).json() == item
    echo = (await owner.put(address, json=item)).json()
    assert (echo["command"], echo["software"]) == (None, item)
    edited = await owner.put(address, json={**item, "name": f"{title} b", "deprecated": True})
    now = edited.json()["software"]
    assert (now["name"], now["deprecated"], now["resultName"]) == (f"{title} b", True, "R")
    gone = (await owner.delete(address)).json()
    assert gone["callback"]["method"] == "be.cytomine.DeleteSoftwareCommand"
    assert (await owner.get(address)).status_code == 404
    back = await owner.get(f"/api/command/{gone['command']}/undo.json")
    assert back.status_code == 200
    assert (await owner.get(address)).json()["name"] == f"{title} b"


async def test_a_name_and_version_are_taken_once(shared_app: AppClients) -> None:
    owner, title = shared_app["owner"], name()
    await made(owner, "software", "software", name=title, softwareVersion="1")
    again = await owner.post("/api/software.json", json={"name": title, "softwareVersion": "1"})
    assert again.status_code == 409
    assert again.json()["success"] is False
    other = await owner.post("/api/software.json", json={"name": title, "softwareVersion": "2"})
    assert other.status_code == 200
    own = await owner.post("/api/software.json", json={"name": "filter.gaussian"})
    assert own.status_code == 409


@pytest.mark.parametrize("body", [b"{", b"7", b"{}", b'{"name": ""}', b'{"name": ["x"]}'])
async def test_broken_software_is_refused_and_not_stored(
    shared_app: AppClients, body: bytes
) -> None:
    owner = shared_app["owner"]
    before = (await owner.get("/api/software.json?max=0")).json()["size"]
    assert (await owner.post("/api/software.json", content=body)).status_code == 400
    assert (await owner.get("/api/software.json?max=0")).json()["size"] == before


async def test_others_read_software_and_do_not_change_it(shared_app: AppClients) -> None:
    item = await made(shared_app["owner"], "software", "software", name=name())
    address = f"/api/software/{item['id']}.json"
    stranger = shared_app["stranger"]
    assert (await stranger.get(address)).json()["name"] == item["name"]
    assert (await stranger.put(address, json={"name": "mine"})).status_code == 403
    assert (await stranger.delete(address)).status_code == 403
    assert (await shared_app[None].get(address)).status_code == 401
    assert (await shared_app["owner"].get(address)).json() == item


async def test_an_array_is_registered_item_by_item(shared_app: AppClients) -> None:
    owner, first, second = shared_app["owner"], name(), name()
    both = await owner.post("/api/software.json", json=[{"name": first}, {"name": second}])
    assert (both.status_code, both.json()["status"]) == (200, 200)
    some = await owner.post("/api/software.json", json=[{"name": first}, {"name": name()}])
    assert some.status_code == 206
    (error,) = some.json()["data"]["errors"]
    assert error["data"] == {"name": first}
    assert (await owner.post("/api/software.json", json=[])).status_code == 200


async def test_software_is_paged_and_sorted(shared_app: AppClients) -> None:
    owner, mark = shared_app["owner"], uuid4().hex[:6]
    for number in range(5):
        await made(owner, "software", "software", name=f"{mark} {number}")
    base = f"/api/software.json?name[ilike]={mark}*&sort=name"
    names = []
    for offset in (0, 2, 4, 6):
        page = (await owner.get(f"{base}&order=desc&max=2&offset={offset}")).json()
        assert (page["size"], page["totalPages"]) == (5, 3)
        names += [item["name"] for item in page["collection"]]
    assert names == [f"{mark} {number}" for number in (4, 3, 2, 1, 0)]


async def test_the_hubs_own_operations_are_software_too(shared_app: AppClients) -> None:
    await write_operations(shared_app.world.system())
    owner = shared_app["owner"]
    listed = (await owner.get("/api/software.json?executableOnly=True&max=0")).json()["collection"]
    (gaussian,) = [item for item in listed if item["name"] == "filter.gaussian"]
    assert all(item["executable"] for item in listed)
    kinds = {one["name"]: one["type"] for one in gaussian["parameters"]}
    assert kinds["sigma"] == "Number"
    assert kinds["image"] == "Domain"
    (image,) = [one for one in gaussian["parameters"] if one["name"] == "image"]
    assert image["uri"] == "/api/project/$currentProject$/imageinstance.json"
    assert image["required"] is True
    address = f"/api/software/{gaussian['id']}.json"
    assert (await owner.put(address, json=gaussian)).json()["software"] == gaussian
    assert (await owner.put(address, json={"name": "x"})).status_code == 403
    assert (await owner.delete(address)).status_code == 403


async def test_parameters_come_in_their_order_with_defaults(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    software = await made(owner, "software", "software", name=name())
    fields = {"software": software["id"], "type": "Number", "defaultValue": 0, "required": False}
    first = await made(owner, "software_parameter", "softwareparameter", name="radius", **fields)
    assert first["class"] == "be.cytomine.processing.SoftwareParameter"
    assert (first["defaultParamValue"], first["humanName"]) == ("0", "radius")
    assert (first["valueKey"], first["index"], first["setByServer"]) == ("[RADIUS]", 1, False)
    late = await made(
        owner, "softwareparameter", "softwareparameter", name="key", type="String",
        software=software["id"], setByServer=True, index=0, humanName="The key",
        uri="/api/x.json", uriPrintAttribut="name", commandLineFlag="--key",
    )  # fmt: skip
    assert (late["uri"], late["uriPrintAttribut"], late["commandLineFlag"]) == (
        "/api/x.json", "name", "--key",
    )  # fmt: skip
    listed = f"/api/software/{software['id']}/software_parameter.json"
    assert [one["name"] for one in (await owner.get(listed)).json()["collection"]] == ["radius"]
    for word in ("withSetByServer", "setByServer"):
        found = (await owner.get(f"{listed}?{word}=True")).json()["collection"]
        assert [one["name"] for one in found] == ["key", "radius"]
    shown = (await owner.get(f"/api/software/{software['id']}.json")).json()["parameters"]
    assert shown == [first]
    address = f"/api/software_parameter/{first['id']}.json"
    echo = (await owner.put(address, json=first)).json()
    assert (echo["command"], echo["softwareparameter"]) == (None, first)
    edited = (
        await owner.put(address, json={**first, "defaultValue": 2.5, "type": "String"})
    ).json()
    assert edited["softwareparameter"]["defaultParamValue"] == "2.5"
    assert edited["softwareparameter"]["type"] == "String"
    twice = await owner.post("/api/software_parameter.json", json={"name": "key", **fields})
    assert twice.status_code == 409
    for wrong in ({"type": "Colour"}, {"type": None}, {"software": None}, {"required": "perhaps"}):
        sent = {"name": "other", **fields, **wrong}
        assert (await owner.post("/api/software_parameter.json", json=sent)).status_code == 400
    stranger = await shared_app["stranger"].post(
        "/api/software_parameter.json", json={"name": "x", **fields}
    )
    assert stranger.status_code == 403
    assert (await owner.delete(address)).status_code == 200
    assert (await owner.get(address)).status_code == 404


async def test_constraints_bind_what_jobs_are_given(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    software = await made(owner, "software", "software", name=name())
    port = await made(
        owner, "software_parameter", "softwareparameter", name="n", type="Number",
        software=software["id"],
    )  # fmt: skip
    kinds = (await owner.get("/api/parameter_constraint.json")).json()["collection"]
    (least,) = [one for one in kinds if one["name"] == "minimum"]
    rule = await made(
        owner, "software_parameter_constraint", "softwareparameterconstraint",
        parameterConstraint=least["id"], softwareParameter=port["id"], value=3,
    )  # fmt: skip
    assert rule["value"] == "3"
    listed = f"/api/softwareparameter/{port['id']}/software_parameter_constraint.json"
    assert (await owner.get(listed)).json()["collection"] == [rule]
    address = f"/api/software_parameter_constraint/{rule['id']}"
    assert (await owner.get(f"{address}.json")).json() == rule
    for value, passes in (("3", True), ("2.9", False), ("x", False)):
        found = await owner.get(f"{address}/evaluate.json?value={value}")
        assert found.json() == {"result": passes}
    project = await project_of(shared_app, "owner")
    job = await made(owner, "job", "job", project=project, software=software["id"])
    given = {"job": job["id"], "softwareParameter": port["id"]}
    refused = await owner.post("/api/jobparameter.json", json={**given, "value": 2})
    assert (refused.status_code, "minimum" in refused.json()["errors"]) == (400, True)
    kept = await owner.post("/api/jobparameter.json", json={**given, "value": 4})
    assert kept.json()["jobparameter"]["value"] == "4"
    edited = (await owner.put(f"{address}.json", json={**rule, "value": "5"})).json()
    assert edited["softwareparameterconstraint"]["value"] == "5"
    assert (await owner.delete(f"{address}.json")).status_code == 200
    assert (await owner.get(f"{address}.json")).status_code == 404


async def test_a_project_offers_software_to_its_members(shared_app: AppClients) -> None:
    owner, project = shared_app["owner"], await project_of(shared_app, "owner")
    software = await made(owner, "software", "software", name=name(), softwareVersion="3")
    pair = {"software": software["id"], "project": project}
    link = await made(owner, "softwareproject", "softwareproject", **pair)
    assert {key: link[key] for key in ("software", "project", "name", "softwareVersion")} == {
        **pair, "name": software["name"], "softwareVersion": "3",
    }  # fmt: skip
    assert (await owner.post("/api/softwareproject.json", json=pair)).status_code == 409
    offered = (await owner.get(f"/api/project/{project}/software.json")).json()["collection"]
    assert [item["id"] for item in offered] == [software["id"]]
    links = (await owner.get(f"/api/project/{project}/softwareproject.json")).json()
    assert links["collection"] == [link]
    address = f"/api/softwareproject/{link['id']}.json"
    assert (await owner.get(address)).json() == link
    assert (await owner.put(address, json=link)).status_code == 405
    stranger = shared_app["stranger"]
    assert (await stranger.get(address)).status_code == 404
    assert (await stranger.get(f"/api/project/{project}/software.json")).status_code == 404
    assert (await stranger.post("/api/softwareproject.json", json=pair)).status_code == 404
    assert link not in (await stranger.get("/api/softwareproject.json")).json()["collection"]
    gone = (await owner.delete(address)).json()
    assert (await owner.get(f"/api/project/{project}/software.json")).json()["size"] == 0
    await owner.get(f"/api/command/{gone['command']}/undo.json")
    assert (await owner.get(address)).json() == link


async def test_software_is_uploaded_and_downloaded(shared_app: AppClients) -> None:
    owner, title = shared_app["owner"], name()
    code = bytes(range(256)) * 40
    files = {"files[]": ("/home/me/algo.zip", code)}
    query = {"name": title, "softwareVersion": "1"}
    item = (await owner.post("/api/software/upload.json", params=query, files=files)).json()
    assert (item["name"], item["sourcePath"], item["softwareVersion"]) == (title, "algo.zip", "1")
    again = {"files[]": ("algo2.zip", b"second")}
    newer = (await owner.post("/api/software/upload", params=query, files=again)).json()
    assert newer["id"] == item["id"]
    sent = await shared_app["stranger"].get(f"/api/software/{item['id']}/download")
    assert (sent.status_code, sent.content) == (200, b"second")
    assert "attachment" in sent.headers["content-disposition"]
    bare = await owner.post("/api/software/upload", params=query, files={"x": (None, "y")})
    assert bare.status_code == 400
    plain = await made(owner, "software", "software", name=name())
    assert (await owner.get(f"/api/software/{plain['id']}/download")).status_code == 404


async def administrator(served: AppClients) -> dict[str, str]:
    token = await served.world.token("root", Scope.READ, Scope.WRITE, Scope.ADMIN)
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("word", ["software_user_repository", "trusted_source"])
async def test_trusted_sources_are_kept_by_administrators(
    shared_app: AppClients, word: str
) -> None:
    headers, http = await administrator(shared_app), shared_app[None]
    given = {"provider": "github", "username": uuid4().hex, "dockerUsername": "d", "prefix": "S_"}
    assert (await shared_app["owner"].post(f"/api/{word}.json", json=given)).status_code == 403
    answer = await http.post(f"/api/{word}.json", json=given, headers=headers)
    item = answer.json()["softwareuserrepository"]
    assert {name: item[name] for name in given} == given
    address = f"/api/{word}/{item['id']}.json"
    assert (await shared_app["stranger"].get(address)).json() == item
    listed = (await shared_app["owner"].get(f"/api/{word}.json")).json()["collection"]
    assert item in listed
    assert (await http.post(f"/api/{word}.json", json=given, headers=headers)).status_code == 409
    incomplete = {"provider": "github"}
    refused = await http.post(f"/api/{word}.json", json=incomplete, headers=headers)
    assert refused.status_code == 400
    echo = (await http.put(address, json=item, headers=headers)).json()
    assert (echo["command"], echo["softwareuserrepository"]) == (None, item)
    edited = await http.put(address, json={**item, "prefix": "T_"}, headers=headers)
    assert edited.json()["softwareuserrepository"]["prefix"] == "T_"
    software = await made(
        shared_app["owner"], "software", "software", name=name(), softwareUserRepository=item["id"]
    )
    of_it = (await shared_app["owner"].get(f"/api/{word}/{item['id']}/software.json")).json()
    assert [one["id"] for one in of_it["collection"]] == [software["id"]]
    refreshed = await http.get(f"/api/{word}/refresh_user_repositories.json", headers=headers)
    assert refreshed.status_code == 200
    assert (await http.delete(address, headers=headers)).status_code == 200
    assert (await http.get(address, headers=headers)).status_code == 404


async def test_the_hub_is_the_first_processing_server(shared_app: AppClients) -> None:
    headers, http = await administrator(shared_app), shared_app[None]
    listed = (await shared_app["owner"].get("/api/processing_server.json")).json()["collection"]
    hub = listed[0]
    assert (hub["name"], hub["class"]) == ("imagehub", "be.cytomine.processing.ProcessingServer")
    mine = f"/api/processing_server/{hub['id']}.json"
    assert (await http.get(mine, headers=headers)).json() == hub
    assert (await http.delete(mine, headers=headers)).status_code == 403
    given = {"name": uuid4().hex, "host": "cluster", "port": 22, "index": 1}
    answer = await http.post("/api/processing_server.json", json=given, headers=headers)
    item = answer.json()["processingserver"]
    assert (item["host"], item["port"], item["type"]) == ("cluster", 22, None)
    address = f"/api/processing_server/{item['id']}.json"
    edited = await http.put(address, json={**item, "port": 2222}, headers=headers)
    assert edited.json()["processingserver"]["port"] == 2222
    assert (await shared_app["owner"].put(address, json={"port": 1})).status_code == 403
    assert (await http.delete(address, headers=headers)).status_code == 200
