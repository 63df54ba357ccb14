"""Jobs as algorithms elsewhere carry them out: opened, signed with keys of their own, closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
import pytest_asyncio

from adapters.hub import Hub
from adapters.jobs.catalogue import write_operations
from adapters.jobs.worker import Workers
from adapters.rois import NewRoi
from adapters.shapes import Draft, Wkt
from store.access.load import load_actor
from store.errors import Forbidden, NotFound
from store.statement import cols
from store.tables.annotations import Annotation
from store.tables.containers import Dataset, Placement, Project
from store.tables.files import StoredFile
from store.tables.history import Command
from store.tables.images import Image
from store.tables.ontologies import Ontology
from store.tables.rois import Roi, RoiKind, RoiTerm
from tests.fixtures.app import AppClients
from tests.fixtures.signing import Signed, signed_in

pytestmark = pytest.mark.asyncio(loop_scope="module")
PIXELS = np.zeros((1, 1, 1, 40, 60), "uint8")


@dataclass
class Lab:
    """A project of the owner's with an image and a software, and another they have besides."""

    served: AppClients
    project: int
    image: int
    placement: int
    other_project: int
    other_image: int
    software: int
    ontology: int
    term: int

    async def job(self, client: Signed, **fields: Any) -> dict[str, Any]:
        asked = {"project": self.project, "software": self.software, **fields}
        answer = await client.post("job.json", asked)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["job"]
        return found

    async def as_job(self, client: Signed, job: dict[str, Any]) -> Signed:
        account = (await client.get(f"user/{job['userJob']}.json")).json()
        return Signed(client.http, account["publicKey"], account["privateKey"])

    async def hub_of(self, user_id: int) -> Hub:
        infrastructure = self.served.app.state.services.infrastructure
        return Hub(infrastructure, await load_actor(infrastructure.database, user_id))


@pytest_asyncio.fixture(loop_scope="module")
async def lab(shared_app: AppClients) -> Lab:
    await write_operations(shared_app.world.system())
    hub = await shared_app.world.hub("owner")
    mark = uuid4().hex[:8]
    ontology = await hub.ontologies.create(f"ontology {mark}")
    term = await hub.ontologies.create_term(ontology.id, "nucleus")
    projects, images = [], []
    for number in range(2):
        project = await hub.projects.create(f"{mark} {number}", ontology_id=ontology.id)
        dataset = await hub.containers.create(Dataset, name="d", into=project.id)
        images.append(await shared_app.world.image("owner", PIXELS, dataset=dataset.id))
        projects.append(project)
    placement = cols(Placement)
    (placed,) = await hub.catalog.all(
        Placement, hub.catalog.select(Placement).where(placement.project_id == projects[0].id)
    )
    software = await hub.external.register(f"algorithm {mark}", "1")
    return Lab(
        shared_app, projects[0].id, images[0].id, placed.id, projects[1].id, images[1].id,
        software.id, ontology.id, term.id,
    )  # fmt: skip


def square(x: float) -> NewRoi:
    return NewRoi([Draft(Wkt(f"POLYGON (({x} 2, {x} 7, {x + 5} 7, {x + 5} 2, {x} 2))"), 0, 0, 0)])


async def test_an_algorithm_opens_a_job_works_under_its_account_and_closes_it(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    assert (await owner.get("user/current.json")).json()["algo"] is False
    port = {"software": lab.software, "type": "Number", "defaultValue": 3}
    radius = (await owner.post("software_parameter.json", {"name": "radius", **port})).json()
    key = {"name": "cytomine_private_key", **port, "type": "String"}
    secret = (await owner.post("software_parameter.json", key)).json()
    job = await lab.job(owner)
    assert (job["status"], job["progress"], job["number"]) == (0, 0, 1)
    assert (job["username"], job["algoType"]) == ("owner", "job")
    assert job["name"].endswith(" : 1")
    account = (await owner.get(f"user/{job['userJob']}.json")).json()
    assert account["username"].startswith("JOB[owner], ")
    worker = Signed(owner.http, account["publicKey"], account["privateKey"])
    me = (await worker.get("user/current.json")).json()
    assert (me["algo"], me["job"], me["id"]) == (True, job["id"], job["userJob"])
    assert me == (await worker.get("user/current.json")).json()
    address = f"job/{job['id']}.json"
    running = (await worker.put(address, {**job, "status": 2})).json()
    assert (running["job"]["status"], running["command"]) == (2, None)
    for parameter, value in ((radius, 2.5), (secret, "abcdef")):
        sent = {
            "job": job["id"], "softwareParameter": parameter["softwareparameter"]["id"],
            "value": value,
        }  # fmt: skip
        assert (await worker.post("jobparameter.json", sent)).status_code == 200
        assert (await worker.post("jobparameter.json", sent)).status_code == 409
    given = (await worker.get(f"job/{job['id']}/parameter.json")).json()["collection"]
    assert {one["name"]: one["value"] for one in given} == {
        "radius": "2.5", "cytomine_private_key": "******",
    }  # fmt: skip
    half = await worker.put(address, {**job, "status": 2, "progress": 50, "statusComment": "half"})
    assert (half.json()["job"]["progress"], half.json()["job"]["statusComment"]) == (50, "half")
    closing = {"status": 3, "progress": 100, "statusComment": "Job successfully terminated"}
    assert (await worker.put(address, {**half.json()["job"], **closing})).status_code == 200
    seen = (await owner.get(address)).json()
    assert {name: seen[name] for name in closing} == closing
    assert [one["value"] for one in seen["jobParameters"]] == ["2.5", "******"]
    assert (await owner.get(f"software/{lab.software}.json")).json()["numberOfSuccess"] == 1
    stats = f"project/{lab.project}/software/{lab.software}/stats.json"
    assert (await owner.get(stats)).json()["numberOfJob"] == 1


async def test_a_job_reads_and_changes_nothing_outside_its_project(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    human = await lab.served.world.hub("owner")
    there = await human.rois.create_many(lab.other_image, [square(1)], project_id=lab.other_project)
    bound = await human.rois.create_many(lab.image, [square(2)], project_id=lab.project)
    elsewhere = await human.rois.create_many(lab.image, [square(3)])
    kept = await human.files.keep("secret.txt", [b"secret"])
    note = await human.annotations.create("comment", "x", targets=[("image", lab.other_image)])
    other = await lab.job(owner, project=lab.other_project)
    job = await lab.job(owner)
    worker = await lab.as_job(owner, job)
    hub = await lab.hub_of(job["userJob"])
    # What it sees.
    assert [row.id for row in await hub.catalog.all(Project)] == [lab.project]
    assert [row.id for row in await hub.catalog.all(Image)] == [lab.image]
    assert {row.id for row in await hub.catalog.all(Roi)} == {*bound, *elsewhere}
    assert [row.id for row in await hub.catalog.all(Ontology)] == [lab.ontology]
    assert len(await hub.catalog.all(Dataset)) == 1
    assert list(await hub.catalog.all(StoredFile)) == []
    assert list(await hub.catalog.all(Command)) == []
    assert kept.size == 6
    assert note.id not in {row.id for row in await hub.catalog.all(Annotation)}
    for noun, id in ((Project, lab.other_project), (Image, lab.other_image), (Roi, there[0])):
        with pytest.raises(NotFound):
            await hub.catalog.one(noun, id)
    listed = (await worker.get("project.json")).json()["collection"]
    assert [one["id"] for one in listed] == [lab.project]
    assert (await worker.get(f"project/{lab.other_project}.json")).status_code == 404
    assert (await worker.get(f"job/{other['id']}.json")).status_code == 404
    # What it changes.
    for work in (
        hub.rois.create_many(lab.other_image, [square(4)], project_id=lab.other_project),
        hub.rois.create_many(lab.image, [square(4)]),
        hub.rois.delete([there[0]]),
        hub.rois.delete([elsewhere[0]]),
        hub.containers.create(Project, name="of a job"),
        hub.containers.update(Project, lab.other_project, name="taken"),
        hub.containers.link(Dataset, 1, Image, [lab.other_image]),
        hub.external.register("of a job"),
        hub.people.tokens.create("of a job", ["read"]),
        hub.people.change(human.actor.user_id or 0, first_name="Another"),
        hub.people.grants.give("project", lab.project, "manage", user_id=2),
        hub.external_jobs.open(lab.software, lab.project),
        hub.external_jobs.report(other["id"], progress=3),
        hub.external_jobs.purge(lab.project),
        hub.history.undo(),
    ):
        with pytest.raises((Forbidden, NotFound)):
            await work
    assert (await worker.post("token.json", {})).status_code == 403
    assert (await worker.get(f"user/{human.actor.user_id}.json")).json().get("privateKey") is None
    keys = await worker.get(f"user/{human.actor.user_id}/keys.json")
    assert keys.status_code == 403
    # What it may.
    drawn = await hub.rois.create_many(lab.image, [square(5)], project_id=lab.project)
    await hub.rois.delete([drawn[0]])


async def test_what_a_job_draws_is_in_its_layer(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    hub = await lab.hub_of(job["userJob"])
    new = replace(square(1), terms=[lab.term])
    (id,) = await hub.rois.create_many(lab.image, [new], project_id=lab.project)
    human = await lab.served.world.hub("owner")
    row = await human.catalog.one(Roi, id)
    assert (row.kind, row.author_id) == (RoiKind.ALGO.value, job["userJob"])
    assert row.owner_id == human.actor.user_id
    (given,) = await human.catalog.all(
        RoiTerm, human.catalog.select(RoiTerm).where(cols(RoiTerm).roi_id == id)
    )
    assert (given.author_id, given.owner_id) == (job["userJob"], human.actor.user_id)
    drawn = f"project/{lab.project}/userjob.json"
    assert [one["id"] for one in (await owner.get(f"{drawn}?image={lab.image}")).json()[
        "collection"
    ]] == [job["userJob"]]  # fmt: skip
    tree = (await owner.get(f"{drawn}?tree=true")).json()
    assert [one["id"] for one in tree["children"][0]["children"]] == [job["userJob"]]


async def test_data_of_a_job_is_counted_and_deleted_with_it(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    hub = await lab.hub_of(job["userJob"])
    await hub.rois.create_many(lab.image, [square(1), square(2)], project_id=lab.project)
    data = {"job": job["id"], "key": "k", "filename": "f.txt"}
    file = (await owner.post("jobdata.json", data)).json()["jobdata"]
    address = f"job/{job['id']}/alldata.json"
    counted = {"annotations": 2, "annotationsTerm": 0, "jobDatas": 1, "reviewed": 0}
    assert (await owner.get(address)).json() == counted
    annotator = await signed_in(lab.served, "annotator")
    assert (await annotator.delete(address)).status_code == 403
    stranger = await signed_in(lab.served, "stranger")
    assert (await stranger.get(address)).status_code == 404
    assert (await owner.delete(address)).json()["annotations"] == 2
    assert set((await owner.get(address)).json().values()) == {0}
    assert (await owner.get(f"jobdata/{file['id']}.json")).status_code == 404
    assert (await owner.get(f"job/{job['id']}.json")).json()["dataDeleted"] is True


async def test_reviewed_regions_keep_a_job_from_being_cleared(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    hub = await lab.hub_of(job["userJob"])
    (id,) = await hub.rois.create_many(lab.image, [square(1)], project_id=lab.project)
    human = await lab.served.world.hub("owner")

    async def review(unit: Any) -> None:
        await unit.add(
            Roi(
                image_id=lab.image, project_id=lab.project, owner_id=human.actor.user_id,
                author_id=human.actor.user_id, kind=RoiKind.REVIEWED.value, original_id=id,
            )
        )  # fmt: skip

    await human.catalog.write("review", review)
    assert (await owner.get(f"job/{job['id']}/alldata.json")).json()["reviewed"] == 1
    assert (await owner.delete(f"job/{job['id']}/alldata.json")).status_code == 400
    assert (await owner.delete(f"job/{job['id']}.json")).status_code == 400
    await human.catalog.one(Roi, id)
    await lab.hub_of(job["userJob"])
    ended = await owner.put(f"job/{job['id']}.json", {"status": 4})
    assert ended.status_code == 200
    purged = (await owner.post(f"project/{lab.project}/job/purge.json")).json()
    assert job["id"] not in purged["jobs"]
    await human.catalog.one(Roi, id)


async def test_a_deleted_job_takes_its_account_and_undo_brings_both_back(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    worker = await lab.as_job(owner, job)
    hub = await lab.hub_of(job["userJob"])
    (id,) = await hub.rois.create_many(lab.image, [square(1)], project_id=lab.project)
    gone = (await owner.delete(f"job/{job['id']}.json")).json()
    assert gone["callback"]["method"] == "be.cytomine.DeleteJobCommand"
    lab.served.app.state.services.verdicts.clear()
    assert (await worker.get("user/current.json")).status_code == 401
    assert (await owner.get(f"job/{job['id']}.json")).status_code == 404
    human = await lab.served.world.hub("owner")
    assert not await human.rois.many([id])
    undone = await owner.get(f"command/{gone['command']}/undo.json")
    assert undone.status_code == 200, undone.text
    assert (await owner.get(f"job/{job['id']}.json")).json()["id"] == job["id"]
    assert (await worker.get("user/current.json")).json()["id"] == job["userJob"]
    assert await human.rois.many([id])


async def test_a_purge_spares_favorites_and_what_runs(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    jobs = [await lab.job(owner) for _ in range(3)]
    for job, status in zip(jobs, (3, 3, 2), strict=True):
        await owner.put(f"job/{job['id']}.json", {"status": status})
        hub = await lab.hub_of(job["userJob"])
        await hub.rois.create_many(lab.image, [square(1)], project_id=lab.project)
    liked = await owner.post(f"job/{jobs[0]['id']}/favorite.json", {"favorite": True})
    assert liked.json()["favorite"] is True
    address = f"project/{lab.project}/job/purge.json"
    assert (await (await signed_in(lab.served, "annotator")).post(address)).status_code == 403
    purged = (await owner.post(address)).json()["jobs"]
    assert jobs[1]["id"] in purged
    left = [
        (await owner.get(f"job/{job['id']}/alldata.json")).json()["annotations"] for job in jobs
    ]
    assert left == [1, 0, 1]


async def test_job_data_is_uploaded_in_either_way_and_comes_back_whole(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    worker = await lab.as_job(owner, job := await lab.job(owner))
    sent = {"job": job["id"], "key": "model", "filename": "model é.bin"}
    item = (await worker.post("jobdata.json", sent)).json()["jobdata"]
    assert {name: item[name] for name in sent} == sent
    assert item["size"] is None
    assert (await worker.get(f"jobdata/{item['id']}/download")).status_code == 404
    code = bytes(range(256)) * 5000
    form = await worker.post(f"jobdata/{item['id']}/upload", files={"files[]": ("/x/y.bin", code)})
    assert (form.status_code, form.json()["size"]) == (200, len(code))
    assert form.json()["class"] == "be.cytomine.processing.JobData"
    for reader in (worker, owner, await signed_in(lab.served, "annotator")):
        found = await reader.get(f"jobdata/{item['id']}/download")
        assert (found.status_code, found.content) == (200, code)
        assert "attachment" in found.headers["content-disposition"]
    raw = await worker.put(f"jobdata/{item['id']}/upload", content=b"plain words")
    assert raw.json()["size"] == 11
    assert (await owner.get(f"jobdata/{item['id']}/download")).content == b"plain words"
    edited = await worker.put(f"jobdata/{item['id']}.json", {**raw.json(), "filename": "a.txt"})
    assert edited.json()["jobdata"]["filename"] == "a.txt"
    await worker.put(f"jobdata/{item['id']}/upload", content=b"<script>")
    shown = await owner.get(f"jobdata/{item['id']}/view")
    assert (shown.content, shown.headers["content-disposition"]) == (b"<script>", "inline")
    assert shown.headers["content-type"].startswith("text/plain")
    assert "sandbox" in shown.headers["content-security-policy"]
    listed = (await owner.get(f"job/{job['id']}/jobdata.json")).json()
    assert [one["id"] for one in listed["collection"]] == [item["id"]]
    stranger = await signed_in(lab.served, "stranger")
    for path in ("", ".json", "/download", "/view"):
        assert (await stranger.get(f"jobdata/{item['id']}{path}")).status_code == 404
    annotator = await signed_in(lab.served, "annotator")
    refused = await annotator.put(f"jobdata/{item['id']}/upload", content=b"x")
    assert refused.status_code == 403
    assert (await worker.delete(f"jobdata/{item['id']}.json")).status_code == 200
    assert (await owner.get(f"jobdata/{item['id']}.json")).status_code == 404


@pytest.mark.parametrize(
    "change",
    [{"status": 9}, {"status": -1}, {"status": "x"}, {"progress": 101}, {"progress": -1},
     {"progress": "half"}, {"rate": "NaN"}, {"status": True}],
)  # fmt: skip
async def test_what_a_job_cannot_be_is_refused(lab: Lab, change: dict[str, Any]) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    address = f"job/{job['id']}.json"
    assert (await owner.put(address, {**job, **change})).status_code == 400
    assert (await owner.get(address)).json() == job


async def test_an_echo_changes_nothing_and_makes_no_command(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    job = await lab.job(owner)
    address = f"job/{job['id']}.json"
    for status in range(9):
        await owner.put(address, {**job, "status": status})
        seen = (await owner.get(address)).json()
        assert seen["status"] == status
        again = (await owner.put(address, seen)).json()
        assert (again["command"], again["job"]) == (None, seen)
        assert (await owner.get(address)).json() == seen


async def test_a_killed_job_does_not_go_on(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    worker = await lab.as_job(owner, job := await lab.job(owner))
    assert (await worker.put(f"job/{job['id']}.json", {"status": 2})).status_code == 200
    assert (await owner.post(f"job/{job['id']}/kill.json")).json()["status"] == 8
    assert (await worker.put(f"job/{job['id']}.json", {"status": 2})).status_code == 409
    assert (await owner.get(f"job/{job['id']}.json")).json()["status"] == 8
    executed = await owner.post(f"job/{job['id']}/execute.json")
    assert executed.status_code == 400


async def test_jobs_are_numbered_for_each_software_of_a_project(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    numbers = [(await lab.job(owner))["number"] for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert (await lab.job(owner, project=lab.other_project))["number"] == 1
    template = await owner.post(
        "jobtemplate.json", {"name": "t", "software": lab.software, "project": lab.project}
    )
    item = template.json()["jobtemplate"]
    assert item["name"] == "t"
    assert (await owner.get(f"jobtemplate/{item['id']}.json")).json() == item
    assert (await owner.get(f"project/{lab.project}/jobtemplate.json")).json()["collection"] == [
        item
    ]
    renamed = await owner.put(f"jobtemplate/{item['id']}.json", {**item, "name": "u"})
    assert renamed.json()["jobtemplate"]["name"] == "u"
    assert (await lab.job(owner))["number"] == 4
    listed = (await owner.get(f"job.json?project={lab.project}")).json()["collection"]
    assert item["id"] not in [one["id"] for one in listed]
    assert (await owner.get(f"job/{item['id']}.json")).status_code == 404
    copied = (await owner.post(f"job/{listed[0]['id']}/copy.json")).json()["job"]
    assert (copied["number"], copied["status"]) == (5, 0)
    assert copied["userJob"] not in [one["userJob"] for one in listed]
    assert (await owner.delete(f"jobtemplate/{item['id']}.json")).status_code == 200
    assert (await owner.get(f"jobtemplate/{item['id']}.json")).status_code == 404


async def test_jobs_are_listed_by_project_software_and_filters(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    jobs = [await lab.job(owner) for _ in range(5)]
    await lab.job(owner, project=lab.other_project)
    for job, status in zip(jobs, (3, 3, 4, 2, 0), strict=True):
        await owner.put(f"job/{job['id']}.json", {"status": status})
    base = f"job.json?project={lab.project}&software={lab.software}"
    found: list[int] = []
    for offset in (0, 2, 4):
        page = (await owner.get(f"{base}&max=2&offset={offset}")).json()
        assert page["size"] == 5
        found += [one["id"] for one in page["collection"]]
    assert found == [job["id"] for job in reversed(jobs)]

    async def numbers(query: str) -> list[int]:
        answer = await owner.get(f"{base}&sort=number&order=asc&{query}")
        assert answer.status_code == 200, answer.text
        return [one["number"] for one in answer.json()["collection"]]

    assert await numbers("status%5Bin%5D=3,4") == [1, 2, 3]
    assert await numbers("status%5Bgte%5D=3") == [1, 2, 3]
    assert await numbers("number%5Blte%5D=2") == [1, 2]
    assert await numbers("status%5Bnequals%5D=3") == [3, 4, 5]
    assert await numbers("softwareName%5Bilike%5D=*LGORITHM*") == [1, 2, 3, 4, 5]
    assert await numbers("username%5Bequals%5D=owner") == [1, 2, 3, 4, 5]
    assert await numbers("username%5Bequals%5D=nobody") == []
    assert (await owner.get(f"{base}&colour%5Bequals%5D=1")).status_code == 400
    by_status = (await owner.get(f"{base}&sort=status&order=asc")).json()["collection"]
    assert [one["status"] for one in by_status] == [0, 2, 3, 3, 4]
    assert "jobParameters" not in by_status[0]
    more = (await owner.get(f"{base}&withJobParameters=True&withUser=True")).json()["collection"]
    assert (more[0]["jobParameters"], more[0]["user"]) == ([], lab.served.world.people["owner"])
    bounds = (await owner.get(f"project/{lab.project}/bounds/job.json")).json()
    assert bounds["number"] == {"min": 1, "max": 5}
    stranger = await signed_in(lab.served, "stranger")
    assert (await stranger.get(base)).json()["size"] == 0
    for path in ("", "/parameter", "/jobdata", "/log", "/alldata"):
        assert (await stranger.get(f"job/{jobs[0]['id']}{path}.json")).status_code == 404


async def test_who_may_not_draw_in_a_project_opens_no_job(lab: Lab) -> None:
    asked = {"project": lab.project, "software": lab.software}
    stranger = await signed_in(lab.served, "stranger")
    assert (await stranger.post("job.json", asked)).status_code == 404
    annotator = await signed_in(lab.served, "annotator")
    job = (await annotator.post("job.json", asked)).json()["job"]
    owner = await signed_in(lab.served, "owner")
    account = (await owner.get(f"user/{job['userJob']}.json")).json()
    assert account["username"].startswith("JOB[annotator], ")
    assert "privateKey" not in account
    hub = await lab.served.world.hub("owner")
    await hub.containers.update(Project, lab.project, mode="read_only")
    assert (await annotator.post("job.json", asked)).status_code == 403
    assert (await owner.post("job.json", asked)).status_code == 200
    for wrong in ({}, {"project": lab.project}, {"project": "x", "software": lab.software}):
        assert (await owner.post("job.json", wrong)).status_code == 400
    assert (await owner.post("job.json", {**asked, "software": 999})).status_code == 404


async def test_parameters_are_posted_as_an_array_in_one_act(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    ports = []
    for number in range(3):
        sent = {"name": f"p{number}", "type": "String", "software": lab.software}
        ports.append((await owner.post("softwareparameter.json", sent)).json()["softwareparameter"])
    job = await lab.job(owner)
    items: list[Any] = [
        {"job": job["id"], "softwareParameter": port["id"], "value": value}
        for port, value in zip(ports, ("a", True, [1, 2]), strict=True)
    ]
    answer = await owner.post("jobparameter.json", [*items, items[0], {"job": job["id"]}, 7])
    assert answer.status_code == 206
    assert [error["data"] for error in answer.json()["data"]["errors"]] == [
        {"job": job["id"]}, 7, items[0],
    ]  # fmt: skip
    given = (await owner.get(f"job/{job['id']}/parameter.json")).json()["collection"]
    assert [one["value"] for one in given] == ["a", "true", "[1,2]"]
    assert (await owner.post("jobparameter.json", [])).status_code == 200
    first = given[0]
    address = f"jobparameter/{first['id']}.json"
    assert (await owner.put(address, first)).json()["command"] is None
    edited = (await owner.put(address, {**first, "value": 12})).json()["jobparameter"]
    assert edited["value"] == "12"
    assert (await owner.delete(address)).status_code == 200
    assert (await owner.get(address)).status_code == 404
    stranger = await signed_in(lab.served, "stranger")
    assert (await stranger.post("jobparameter.json", items[0])).status_code == 404


async def test_the_hub_runs_a_job_of_its_own_operation(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    listed = (await owner.get("software.json?name[equals]=filter.gaussian")).json()["collection"]
    gaussian = listed[0]
    ports = {one["name"]: one["id"] for one in gaussian["parameters"]}
    job = await lab.job(owner, software=gaussian["id"])
    state = await owner.put(f"job/{job['id']}.json", {"status": 3})
    assert state.status_code == 409
    start = f"job/{job['id']}/execute.json"
    assert (await owner.post(start)).status_code == 400
    for name, value in (("image", lab.placement), ("sigma", 2)):
        sent = {"job": job["id"], "softwareParameter": ports[name], "value": value}
        assert (await owner.post("jobparameter.json", sent)).status_code == 200
    queued = (await owner.post(start, job)).json()
    assert (queued["status"], queued["id"]) == (1, job["id"])
    assert (await owner.post(start, job)).status_code == 400
    workers = Workers(lab.served.app.state.services.infrastructure, 1)
    await workers.drain()
    await workers.stop()
    done = (await owner.get(f"job/{job['id']}.json")).json()
    assert (done["status"], done["progress"]) == (3, 100), done
    hub = await lab.served.world.hub("owner")
    placement = cols(Placement)
    placed = await hub.catalog.all(
        Placement, hub.catalog.select(Placement).where(placement.project_id == lab.project)
    )
    assert len(placed) == 2
    log = (await owner.get(f"job/{job['id']}/log.json")).json()
    text = await owner.get(log["url"].removeprefix("/api/"))
    assert "filter.gaussian" in text.text


async def test_a_user_job_is_asked_for_by_itself(lab: Lab) -> None:
    owner = await signed_in(lab.served, "owner")
    answer = await owner.post("userJob.json", {"software": lab.software, "project": lab.project})
    account = answer.json()["userJob"]
    assert (account["algo"], account["humanUsername"]) == (True, "owner")
    assert (account["software"], account["project"]) == (lab.software, lab.project)
    assert account["publicKey"] != account["privateKey"]
    seen = (await owner.get(f"userJob/{account['id']}.json")).json()
    assert seen == account
    annotator = await signed_in(lab.served, "annotator")
    assert "privateKey" not in (await annotator.get(f"userJob/{account['id']}.json")).json()
    stranger = await signed_in(lab.served, "stranger")
    assert (await stranger.get(f"userJob/{account['id']}.json")).status_code == 404
    listed = (await owner.get(f"project/{lab.project}/userjob.json")).json()["collection"]
    assert [one["id"] for one in listed] == [account["id"]]
    assert "privateKey" not in listed[0]
