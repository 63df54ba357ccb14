"""Statistics, access lists, disciplines, saved filters, tasks, configuration, news."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from adapters.tokens import Scope
from schema.scalars import decode_id, encode_id
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
DAY = 86_400_000


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@asynccontextmanager
async def administering(served: AppClients) -> AsyncIterator[httpx.AsyncClient]:
    """Lend a client of root's with administration open."""
    token = await served.world.token("root", Scope.READ, Scope.WRITE, Scope.ADMIN)
    async with served.client(headers={"Authorization": f"Bearer {token}"}) as root:
        yield root


async def test_regions_are_counted_by_term_person_image_and_day(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    me, other = world.people["owner"], world.people["annotator"]
    new = await world.mutate("owner", "createOntology", {"name": "stats"}, "ontology { id }")
    ontology = new["ontology"]["id"]
    terms = []
    for name in ("a term", "b term"):
        term = {"ontology": ontology, "name": name, "color": "#FF0000FF"}
        terms.append((await world.mutate("owner", "createTerm", term, "term { id }"))["term"]["id"])
    body = {"name": "counted over", "ontology": decode_id(ontology, "Ontology")}
    project = (await sent(owner, "/api/project.json", body))["project"]["id"]
    dataset = await world.dataset(me, "counted over", into=project)
    images = [await world.picture("owner", dataset_id=dataset.id) for _ in range(2)]
    shape = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
    for who, image, given in (
        ("owner", images[0], terms[:1]),
        ("owner", images[1], terms[:1]),
        ("annotator", images[0], terms),
    ):
        drawn = {
            "image": encode_id("Image", image.id), "project": encode_id("Project", project),
            "shapes": [shape], "terms": given,
        }  # fmt: skip
        made = await world.mutate(who, "createRoi", drawn, "roi { id }")
        assert "code" not in made, made
    stats = f"/api/project/{project}/stats"
    by_term = (await got(owner, f"{stats}/term.json"))["collection"]
    assert [(one["key"], one["value"], one["color"]) for one in by_term] == [
        ("a term", 3, "#ff0000"), ("b term", 1, "#ff0000")
    ]  # fmt: skip
    on_images = (await got(owner, f"{stats}/termimage.json"))["collection"]
    assert [one["value"] for one in on_images] == [2, 1]
    by_user = (await got(owner, f"{stats}/user.json"))["collection"]
    assert {one["id"]: one["value"] for one in by_user} == {me: 2, other: 1}
    slides = (await got(owner, f"{stats}/userslide.json"))["collection"]
    assert {one["id"]: one["value"] for one in slides} == {me: 2, other: 1}
    both = (await got(owner, f"{stats}/userannotations.json"))["collection"]
    values = {one["id"]: [term["value"] for term in one["terms"]] for one in both}
    assert values == {me: [2, 0], other: [1, 1]}
    created = int((await got(owner, f"/api/project/{project}.json"))["created"])
    days = await got(
        owner, f"{stats}/annotationevolution.json", startDate=created - 2 * DAY, daysRange=1
    )
    assert [one["size"] for one in days["collection"]] == [0, 0, 3]
    only = await got(
        owner, f"{stats}/annotationevolution.json", startDate=created, daysRange=7,
        term=decode_id(terms[1], "Term"),
    )  # fmt: skip
    assert [one["size"] for one in only["collection"]] == [1]
    wild = await owner.get(f"{stats}/annotationevolution.json?startDate=0&daysRange=1")
    assert wild.status_code == 400
    assert (await got(owner, "/api/total/annotation.json"))["total"] == 3
    assert (await got(shared_app["stranger"], "/api/total/annotation.json"))["total"] == 0
    java = "be.cytomine.domain.project.Project"
    assert (await got(owner, f"/api/total/{java}.json"))["total"] >= 1
    assert (await owner.get("/api/total/secrets.json")).status_code == 400


async def test_access_lists_are_members_and_grants(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    me, reader = world.people["owner"], world.people["reader"]
    project = (await sent(owner, "/api/project.json", {"name": "listed"}))["project"]
    base = f"/api/domain/{project['class']}/{project['id']}/user"
    assert await got(owner, f"{base}/{me}.json") == [1, 16]
    assert await got(owner, f"{base}/{reader}.json") == []
    answer = await owner.post(f"{base}/{reader}.json?auth=READ")
    assert answer.json() == [1]
    assert (await owner.post(f"{base}/{reader}.json", json={"auth": "ADMIN"})).json() == [1, 16]
    assert (await owner.delete(f"{base}/{reader}.json?auth=ADMIN")).json() == [1]
    assert (await owner.delete(f"{base}/{reader}.json")).json() == []
    assert (await owner.delete(f"{base}/{me}.json")).status_code == 400
    assert (await owner.post(f"{base}/{reader}.json?auth=WILD")).status_code == 400
    assert (await shared_app["stranger"].get(f"{base}/{me}.json")).status_code == 404
    image = await world.picture("owner")
    image_list = f"/api/domain/abstractimage/{image.id}/user/{reader}.json"
    assert (await owner.post(f"{image_list}?auth=READ")).json() == [1]
    assert (await owner.delete(image_list)).json() == []
    assert (await owner.delete(image_list)).status_code == 403
    term_list = f"/api/domain/term/{project['id']}/user/{reader}.json"
    assert (await owner.get(term_list)).status_code == 400


async def test_disciplines_are_words_kept_by_administrators(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    async with administering(shared_app) as root:
        made = (await sent(root, "/api/discipline.json", {"name": "CYTOLOGY"}))["discipline"]
        assert (made["class"], made["name"]) == (
            "be.cytomine.project.Discipline", "CYTOLOGY"
        )  # fmt: skip
        path = f"/api/discipline/{made['id']}.json"
        assert await got(owner, path) == made
        echo = (await root.put(path, json=made)).json()
        assert (echo["discipline"], echo["command"]) == (made, None)
        changed = (await root.put(path, json={"name": "HISTOLOGY"})).json()["discipline"]
        assert changed["name"] == "HISTOLOGY"
        again = await root.post("/api/discipline.json", json={"name": "histology"})
        assert again.status_code == 409
        assert (await root.post("/api/discipline.json", json={})).status_code == 400
        many = await root.post("/api/discipline.json", json=[{"name": "a"}, {"name": "b"}])
        assert many.json()["data"]["message"].startswith("disciplines ")
        listed = (await got(owner, "/api/discipline.json", max=0))["collection"]
        assert [one["name"] for one in listed] == ["b", "a", "HISTOLOGY"]
        for method, body in (("PUT", {"name": "x"}), ("DELETE", None)):
            assert (await owner.request(method, path, json=body)).status_code == 403
        assert (await owner.post("/api/discipline.json", json={"name": "x"})).status_code == 403
        assert (await root.delete(path)).json()["discipline"]["id"] == made["id"]
        assert (await owner.get(path)).status_code == 404


async def test_filters_are_kept_for_a_project(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    project = (await sent(owner, "/api/project.json", {"name": "filtered"}))["project"]["id"]
    body = {"name": "mine", "project": project, "users": [5, 6], "terms": "7,8"}
    made = (await sent(owner, "/api/annotationfilter.json", body))["annotationfilter"]
    assert (made["users"], made["terms"], made["project"]) == ([5, 6], [7, 8], project)
    path = f"/api/annotationfilter/{made['id']}.json"
    assert await got(owner, path) == made
    echo = (await owner.put(path, json=made)).json()
    assert (echo["annotationfilter"], echo["command"]) == (made, None)
    changed = (await owner.put(path, json={"terms": []})).json()["annotationfilter"]
    assert (changed["terms"], changed["users"]) == ([], [5, 6])
    listed = await got(owner, "/api/annotationfilter.json", project=project)
    assert [one["id"] for one in listed["collection"]] == [made["id"]]
    assert (await shared_app["stranger"].get(path)).status_code == 404
    assert (await shared_app["stranger"].delete(path)).status_code == 404
    assert (await owner.delete(path)).status_code == 200
    assert (await owner.get(path)).status_code == 404
    await owner.get("/command/undo.json")
    assert (await got(owner, path))["terms"] == []
    assert (await owner.post("/api/annotationfilter.json", json={"name": "x"})).status_code == 400


async def test_a_task_is_told_and_asked_by_its_own_person(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    made = (await sent(owner, "/api/task.json", {"project": None}))["task"]
    assert (made["progress"], made["comments"]) == (0, [])
    path = f"/api/task/{made['id']}.json"
    await owner.put(path, json={"progress": 40, "comment": "half way"})
    seen = await got(owner, path)
    assert (seen["progress"], seen["comments"]) == (40, ["half way"])
    assert (await owner.put(path, json={"progress": 140})).status_code == 400
    assert (await shared_app["annotator"].get(path)).status_code == 404
    assert (await shared_app["annotator"].put(path, json={"progress": 1})).status_code == 404
    comments = await got(owner, f"/api/task/{made['id']}/comment.json")
    assert comments["collection"][0]["comment"] == "half way"


async def test_configuration_is_read_by_whom_it_says(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    async with administering(shared_app) as root:
        path = "/api/configuration/key/WELCOME.json"
        body = {"key": "WELCOME", "value": "hello", "readingRole": "ADMIN"}
        answer = await root.put(path, json=body)
        assert answer.json()["configuration"]["readingRole"] == "ADMIN"
        assert (await owner.get(path)).status_code == 404
        await root.put(path, json={"value": "hello", "readingRole": "USER"})
        assert (await got(owner, path))["value"] == "hello"
        keys = [one["key"] for one in (await got(owner, "/api/configuration.json"))["collection"]]
        assert "WELCOME" in keys
        assert (await owner.put(path, json={"value": 1})).status_code == 403
        assert (await owner.delete(path)).status_code == 403
        assert (await root.put(path, json={"readingRole": "DOG"})).status_code == 400
        assert await got(owner, "/custom-ui/config.json") == {}
        ui = {"value": {"project-images-tab": True}, "readingRole": "ALL"}
        await root.put("/api/configuration/key/custom-ui.json", json=ui)
        assert await got(owner, "/custom-ui/config.json") == {"project-images-tab": True}
        assert (await got(owner, "/api/news.json"))["collection"] == []
        news = {"value": [{"text": "a new microscope"}], "readingRole": "USER"}
        await root.put("/api/configuration/key/news.json", json=news)
        assert (await got(owner, "/api/news.json"))["collection"] == news["value"]
        assert (await root.delete(path)).status_code == 200


async def test_only_administrators_invite(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    project = (await sent(owner, "/api/project.json", {"name": "inviting"}))["project"]["id"]
    path = f"/api/project/{project}/invitation.json"
    body = {"name": "guest-of-ours", "firstname": "G", "lastname": "O", "mail": "g@lab.example"}
    assert (await owner.post(path, json=body)).status_code == 403
    async with administering(shared_app) as root:
        invited = await sent(root, path, body)
        assert invited["username"] == "guest-of-ours"
        assert (await root.post(path, json=body)).status_code == 409
    members = (await got(owner, f"/api/project/{project}/user.json"))["collection"]
    assert invited["id"] in [one["id"] for one in members]
