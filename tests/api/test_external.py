"""Operations that run elsewhere over GraphQL: registered, offered, opened, told about, purged."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from adapters.hub import Hub
from adapters.jobs.catalogue import write_operations
from adapters.jobs.worker import Workers
from adapters.rois import NewRoi
from adapters.shapes import Draft, Wkt
from schema.scalars import decode_id, encode_id
from store.access.load import load_actor
from store.errors import Forbidden, NotFound
from store.tables.access import Grant, Token
from store.tables.containers import Dataset, Project
from store.tables.history import Command
from store.tables.images import Image
from store.tables.ontologies import Term
from store.tables.rois import Roi
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

OPERATION = """operation { id name release source command deprecated
  inputs { name type default required position } jobCounts { state count } }"""
JOB = """job { id state progress comment number favorite rate project { id }
  account { username } registeredOperation { id } arguments { name value }
  files { id label filename size downloadUrl } }"""


class Lab:
    """A project of the owner's with an image, and an operation that runs elsewhere."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world
        self.project = self.operation = ""
        self.image = 0

    async def make(self) -> Lab:
        hub = await self.world.hub("owner")
        project = await hub.containers.create(Project, name="cells")
        dataset = await hub.containers.create(Dataset, name="d", into=project.id)
        self.image = (await self.world.picture("owner", dataset_id=dataset.id)).id
        self.project = encode_id("Project", project.id)
        given = {
            "name": "counter", "release": "1", "command": "count --all",
            "inputs": [
                {"name": "radius", "type": "float", "default": "2"},
                {"name": "how", "type": "text", "required": True},
            ],
        }  # fmt: skip
        made = await self.do("registerOperation", given, OPERATION)
        self.operation = made["operation"]["id"]
        return self

    async def do(
        self, field: str, input: dict[str, Any], selection: str, who: str = "owner"
    ) -> dict[str, Any]:
        return await self.world.mutate(who, field, input, selection)

    async def open(self, who: str = "owner", **more: Any) -> dict[str, Any]:
        pair = {"project": self.project, "operation": self.operation}
        answer = await self.do("openJob", {**pair, **more}, JOB, who)
        assert "code" not in answer, answer
        job: dict[str, Any] = answer["job"]
        return job


@pytest.fixture
async def lab(hub_world: HubWorld) -> Lab:
    return await Lab(hub_world).make()


async def test_an_operation_elsewhere_is_registered_changed_and_taken_off(lab: Lab) -> None:
    shown = (
        "query($id: ID!) { "
        + OPERATION.replace("operation", "operation: registeredOperation(id: $id)", 1)
        + " }"
    )
    found = await lab.world.graphql("reader", shown, {"id": lab.operation})
    operation = found["operation"]
    assert {name: operation[name] for name in ("name", "release", "source", "command")} == {
        "name": "counter", "release": "1", "source": "EXTERNAL", "command": "count --all",
    }  # fmt: skip
    assert [one["name"] for one in operation["inputs"]] == ["radius", "how"]
    again = await lab.do("registerOperation", {"name": "counter", "release": "1"}, OPERATION)
    assert again["code"] == "conflict"
    own = await lab.do("registerOperation", {"name": "filter.gaussian"}, OPERATION)
    assert own["code"] == "conflict"
    renamed = {"id": lab.operation, "name": "counter 2", "deprecated": True}
    after = (await lab.do("updateOperation", renamed, OPERATION))["operation"]
    assert (after["name"], after["deprecated"], after["release"]) == ("counter 2", True, "1")
    denied = await lab.do("updateOperation", {**renamed, "name": "mine"}, OPERATION, "annotator")
    assert denied["code"] == "forbidden"
    more = {"operation": lab.operation, "input": {"name": "key", "type": "object"}}
    inputs = (await lab.do("addOperationInput", more, OPERATION))["operation"]["inputs"]
    assert [one["name"] for one in inputs] == ["radius", "how", "key"]
    assert (await lab.do("addOperationInput", more, OPERATION))["code"] == "conflict"
    gone = await lab.do("deleteOperation", {"id": lab.operation}, OPERATION)
    assert gone["operation"]["id"] == lab.operation
    listed = "{ registeredOperations { id } }"
    assert (await lab.world.graphql("owner", listed))["registeredOperations"] == []
    await lab.world.undo_last(lab.world.people["owner"])
    found = await lab.world.graphql("reader", shown, {"id": lab.operation})
    assert [one["name"] for one in found["operation"]["inputs"]] == ["radius", "how", "key"]


async def test_a_project_offers_operations(lab: Lab) -> None:
    pair = {"project": lab.project, "operation": lab.operation}
    shown = "project { id } operations { id }"
    offered = await lab.do("offerOperation", pair, shown)
    assert offered["operations"] == [{"id": lab.operation}]
    assert (await lab.do("offerOperation", pair, shown))["code"] == "conflict"
    listed = "query($p: ID) { registeredOperations(project: $p) { id } }"
    found = await lab.world.graphql("annotator", listed, {"p": lab.project})
    assert found["registeredOperations"] == [{"id": lab.operation}]
    assert (await lab.do("withdrawOperation", pair, shown, "annotator"))["code"] == "forbidden"
    assert (await lab.do("withdrawOperation", pair, shown))["operations"] == []
    assert (await lab.do("withdrawOperation", pair, shown))["code"] == "conflict"


async def test_a_job_is_opened_told_about_and_counted(lab: Lab) -> None:
    job = await lab.open(arguments={"radius": 2.5, "how": "well"})
    assert (job["state"], job["number"], job["project"]) == ("NOT_LAUNCHED", 1, {"id": lab.project})
    assert job["account"]["username"].startswith("JOB[owner], ")
    assert job["registeredOperation"] == {"id": lab.operation}
    assert job["arguments"] == [
        {"name": "radius", "value": "2.5"}, {"name": "how", "value": "well"},
    ]  # fmt: skip
    hub = await lab.world.hub("owner")
    before = (await lab.world.stored())["command"]
    told = {"id": job["id"], "state": "RUNNING", "progress": 40, "comment": "slowly"}
    after = (await lab.do("reportJob", told, JOB))["job"]
    assert (after["state"], after["progress"], after["comment"]) == ("RUNNING", 40, "slowly")
    assert (await lab.world.stored())["command"] == before
    for wrong in ({"progress": 101}, {"progress": -1}, {"comment": "x" * 10_001}):
        answer = await lab.do("reportJob", {"id": job["id"], **wrong}, JOB)
        assert answer["code"] == "invalid"
    assert (await lab.do("reportJob", told | {"progress": 5}, JOB, "annotator"))["code"] == (
        "forbidden"
    )
    row = (await hub.external.counts([decode_id(lab.operation, "RegisteredOperation")])).popitem()
    assert row[1] == {"running": 1}
    assert (await lab.open())["number"] == 2
    wrong_name = {"project": lab.project, "operation": lab.operation, "arguments": {"x": 1}}
    assert (await lab.do("openJob", wrong_name, JOB))["code"] == "invalid"
    assert (await lab.world.stored())["job"] == 2


async def test_workers_leave_jobs_elsewhere_alone(lab: Lab) -> None:
    job = await lab.open()
    workers = Workers(lab.world.infrastructure, 1)
    for state in ("QUEUED", "RUNNING"):
        await lab.do("reportJob", {"id": job["id"], "state": state}, JOB)
        await workers.drain()
        found = await lab.world.graphql(
            "owner", "query($id: ID!) { job(id: $id) { state } }", {"id": job["id"]}
        )
        assert found["job"]["state"] == state
    await workers.stop()
    assert (await lab.do("startJob", {"id": job["id"]}, JOB))["code"] == "conflict"


async def test_files_of_a_job_are_kept_and_fetched(lab: Lab) -> None:
    job = await lab.open()
    data = base64.b64encode(b"weights").decode()
    given = {"job": job["id"], "label": "model", "filename": "m.bin", "data": data}
    shown = "file { id label filename size downloadUrl job { id } }"
    file = (await lab.do("addJobFile", given, shown))["file"]
    assert (file["label"], file["size"], file["job"]) == ("model", 7, {"id": job["id"]})
    id = int(file["downloadUrl"].rpartition("/")[2])
    hub = await lab.world.hub("annotator")
    _row, found = await hub.file_access.located(id)
    assert found.size == 7
    longer = base64.b64encode(b"more weights").decode()
    after = await lab.do("writeJobFile", {"file": file["id"], "data": longer}, shown)
    assert after["file"]["size"] == 12
    assert (await lab.do("addJobFile", given, shown, "annotator"))["code"] == "forbidden"
    broken = await lab.do("addJobFile", {**given, "data": "%"}, shown)
    assert broken["code"] == "invalid"
    await lab.do("deleteJobFile", {"file": file["id"]}, shown)
    query = "query($id: ID!) { job(id: $id) { files { id } } }"
    assert (await lab.world.graphql("owner", query, {"id": job["id"]}))["job"]["files"] == []
    await lab.world.undo_last(lab.world.people["owner"])
    kept = (await lab.world.graphql("owner", query, {"id": job["id"]}))["job"]["files"]
    assert kept == [{"id": file["id"]}]


async def test_jobs_are_favored_cleared_copied_killed_and_purged(lab: Lab) -> None:
    jobs = [await lab.open(arguments={"how": "x"}) for _ in range(3)]
    for job in jobs[:2]:
        await lab.do("reportJob", {"id": job["id"], "state": "SUCCEEDED"}, JOB)
        file = {"job": job["id"], "label": "a", "filename": "b"}
        await lab.do("addJobFile", file, "file { id }")
    liked = await lab.do("favorJob", {"id": jobs[0]["id"]}, JOB)
    assert liked["job"]["favorite"] is True
    assert (await lab.do("purgeJobs", {"project": lab.project}, "jobs", "annotator"))["code"] == (
        "forbidden"
    )
    purged = await lab.do("purgeJobs", {"project": lab.project}, "jobs")
    assert purged["jobs"] == [jobs[1]["id"]]
    cleared = await lab.do("clearJob", {"id": jobs[0]["id"]}, "job regions files")
    assert (cleared["regions"], cleared["files"]) == (0, 1)
    copied = (await lab.do("copyJob", {"id": jobs[2]["id"]}, JOB))["job"]
    assert (copied["number"], copied["arguments"]) == (4, [{"name": "how", "value": "x"}])
    assert (await lab.do("killJob", {"id": copied["id"]}, JOB))["job"]["state"] == "KILLED"
    gone = await lab.do("deleteJob", {"id": copied["id"]}, JOB)
    assert gone["job"]["id"] == copied["id"]
    found = await lab.world.graphql("owner", "{ jobs { totalCount } }")
    assert found["jobs"]["totalCount"] == 3


async def test_the_hub_starts_a_job_of_its_own(lab: Lab) -> None:
    await write_operations(lab.world.system())
    listed = await lab.world.graphql("owner", "{ registeredOperations { id name } }")
    (gaussian,) = [
        one["id"] for one in listed["registeredOperations"] if one["name"] == "filter.gaussian"
    ]
    opened = await lab.do(
        "openJob",
        {
            "project": lab.project, "operation": gaussian,
            "arguments": {"image": str(lab.image), "sigma": 1.5},
        },
        JOB,
    )  # fmt: skip
    assert (await lab.do("startJob", {"id": opened["job"]["id"]}, JOB))["job"]["state"] == "QUEUED"
    workers = Workers(lab.world.infrastructure, 1)
    await workers.drain()
    await workers.stop()
    query = "query($id: ID!) { job(id: $id) { state error outputs { object { __typename } } } }"
    job = (await lab.world.graphql("owner", query, {"id": opened["job"]["id"]}))["job"]
    assert job == {
        "state": "SUCCEEDED", "error": None, "outputs": [{"object": {"__typename": "Image"}}],
    }  # fmt: skip


async def test_places_are_kept_by_administrators(lab: Lab) -> None:
    fields = {"provider": "github", "username": "lab", "dockerUsername": "lab", "prefix": "S_"}
    given = {"kind": "SOURCE", "fields": fields}
    shown = "place { number kind fields }"
    assert (await lab.do("putExternalPlace", given, shown))["code"] == "forbidden"
    made = (await lab.do("putExternalPlace", given, shown, "root"))["place"]
    assert made["fields"] == fields
    assert (await lab.do("putExternalPlace", given, shown, "root"))["code"] == "conflict"
    query = "{ externalPlaces(kind: SOURCE) { number fields } }"
    listed = (await lab.world.graphql("stranger", query))["externalPlaces"]
    assert listed == [{"number": made["number"], "fields": fields}]
    change = {"kind": "SOURCE", "number": made["number"], "fields": {"prefix": "T_"}}
    after = (await lab.do("putExternalPlace", change, shown, "root"))["place"]
    assert after["fields"] == {**fields, "prefix": "T_"}
    number = {"kind": "SOURCE", "number": made["number"]}
    assert (await lab.do("removeExternalPlace", number, shown))["code"] == "forbidden"
    await lab.do("removeExternalPlace", number, shown, "root")
    assert (await lab.world.graphql("stranger", query))["externalPlaces"] == []


async def test_a_list_of_operations_takes_the_same_statements_whatever_its_length(
    lab: Lab,
) -> None:
    query = """{ registeredOperations { name inputs { name } jobCounts { state count } } }"""
    counted = []
    for number in range(2):
        for more in range(4 * number):
            await lab.do("registerOperation", {"name": f"n{number} {more}"}, "operation { id }")
        with statements(lab.world.database) as sent:
            await lab.world.graphql("owner", query)
        counted.append(len(sent))
    assert counted[0] == counted[1]


async def test_the_account_of_a_job_stays_within_its_project(lab: Lab) -> None:
    hub = await lab.world.hub("owner")
    elsewhere = await hub.containers.create(Project, name="elsewhere")
    dataset = await hub.containers.create(Dataset, name="e", into=elsewhere.id)
    hidden = await lab.world.picture("owner", dataset_id=dataset.id)
    loose = await lab.world.picture("owner")
    term = await hub.ontologies.create_term((await hub.ontologies.create("o")).id, "t")
    job = await lab.open()
    row = await hub.external_jobs.get(decode_id(job["id"], "Job"))
    account = await load_actor(lab.world.database, row.user_job_id or 0)
    assert (account.user_id, account.job_id) == (hub.actor.user_id, row.id)
    inside = Hub(lab.world.infrastructure, account)
    seen = {
        noun: {one.id for one in await inside.catalog.all(noun)}
        for noun in (Project, Dataset, Image, Term, Grant, Token, Command)
    }
    assert seen[Project] == {decode_id(lab.project, "Project")}
    assert seen[Image] == {lab.image}
    assert len(seen[Dataset]) == 1
    assert not seen[Term] | seen[Grant] | seen[Token] | seen[Command]
    assert {hidden.id, loose.id}.isdisjoint(seen[Image])
    square = NewRoi([Draft(Wkt("POLYGON ((1 1, 1 5, 5 5, 5 1, 1 1))"))])
    for refused in (
        inside.rois.create_many(hidden.id, [square], project_id=elsewhere.id),
        inside.rois.create_many(lab.image, [square]),
        inside.containers.update(Image, hidden.id, name="x"),
        inside.containers.link(Dataset, dataset.id, Image, [lab.image]),
        inside.containers.create(Project, name="x"),
        inside.ontologies.update_term(term.id, name="x"),
        inside.people.grants.give("project", row.project_id or 0, "manage", user_id=2),
        inside.history.undo(),
    ):
        with pytest.raises((Forbidden, NotFound)):
            await refused
    (id,) = await inside.rois.create_many(lab.image, [square], project_id=row.project_id)
    drawn = await hub.catalog.one(Roi, id)
    assert (drawn.kind, drawn.author_id, drawn.owner_id) == (
        "algo", row.user_job_id, hub.actor.user_id,
    )  # fmt: skip
    await inside.annotations.create("tag", "found", targets=[("roi", id)])
