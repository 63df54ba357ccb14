"""Projects, their members, layers and representatives as such clients handle them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from schema.scalars import decode_id, encode_id
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
JAVA = "be.cytomine.domain.project.Project"
FIELDS = {
    "class", "id", "created", "updated", "deleted", "name", "ontology", "ontologyName",
    "blindMode", "areImagesDownloadable", "numberOfSlides", "numberOfImages",
    "numberOfAnnotations", "numberOfJobAnnotations", "numberOfReviewedAnnotations", "isClosed",
    "isReadOnly", "isRestricted", "hideUsersLayers", "hideAdminsLayers",
}  # fmt: skip


async def made(served: AppClients, name: str, who: str = "owner", **fields: Any) -> dict[str, Any]:
    answer = await served[who].post("/api/project.json", json={"name": name, **fields})
    assert answer.status_code == 200, answer.text
    project: dict[str, Any] = answer.json()["project"]
    return project


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_project_is_made_read_changed_and_deleted(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    answer = (await owner.post("/api/project.json", json={"name": "Lung"})).json()
    project = answer["project"]
    assert answer["message"] == f"Project {project['id']} (Lung) added"
    assert answer["callback"] == {
        "method": "be.cytomine.AddProjectCommand",
        "projectID": str(project["id"]),
    }
    assert answer["printMessage"] is True
    assert isinstance(answer["command"], int)
    assert project.keys() >= FIELDS
    assert (project["class"], project["name"], project["updated"]) == (JAVA, "Lung", None)
    path = f"/api/project/{project['id']}.json"
    assert await got(owner, path) == project
    changed = (await owner.put(path, json={**project, "name": "Lungs"})).json()
    assert changed["project"]["name"] == "Lungs"
    assert changed["callback"]["method"] == "be.cytomine.EditProjectCommand"
    gone = (await owner.delete(path)).json()
    assert gone["project"]["id"] == project["id"]
    assert (await owner.get(path)).status_code == 404
    undone = await owner.get(f"/command/{gone['command']}/undo.json")
    assert undone.json()["collection"][0]["callback"]["method"] == "be.cytomine.AddProjectCommand"
    assert (await got(owner, path))["name"] == "Lungs"


async def test_sending_the_whole_object_back_changes_nothing(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    project = await made(shared_app, "Echo", isRestricted=True, blindMode=True)
    path = f"/api/project/{project['id']}.json"
    before = await shared_app.world.stored()
    answer = (await owner.put(path, json=project)).json()
    assert answer["project"] == project
    assert answer["command"] is None
    assert await shared_app.world.stored() == before


@pytest.mark.parametrize(
    ("sent", "seen"),
    [
        ({"isReadOnly": True}, {"isReadOnly": True, "isRestricted": False}),
        ({"mode": "RESTRICTED"}, {"isReadOnly": False, "isRestricted": True}),
        ({"mode": "readOnly"}, {"isReadOnly": True, "isRestricted": False}),
        ({"isClosed": "true", "blindMode": "True"}, {"isClosed": True, "blindMode": True}),
        ({"hideUsersLayers": True, "hideAdminsLayers": True},
         {"hideUsersLayers": True, "hideAdminsLayers": True}),
        ({"areImagesDownloadable": False}, {"areImagesDownloadable": False}),
    ],
)  # fmt: skip
async def test_rules_of_a_project_are_set_when_it_is_made_and_later(
    shared_app: AppClients, sent: dict[str, Any], seen: dict[str, Any]
) -> None:
    new = await made(shared_app, f"rules {sent}", **sent)
    assert {name: new[name] for name in seen} == seen
    later = await made(shared_app, f"later {sent}")
    answer = await shared_app["owner"].put(f"/api/project/{later['id']}.json", json=sent)
    assert {name: answer.json()["project"][name] for name in seen} == seen


async def test_a_name_is_taken_once_in_any_case_of_letters(shared_app: AppClients) -> None:
    await made(shared_app, "Unique")
    other = await made(shared_app, "Another")
    again = await shared_app["owner"].post("/api/project.json", json={"name": "UNIQUE"})
    assert (again.status_code, again.json()["success"]) == (409, False)
    path = f"/api/project/{other['id']}.json"
    assert (await shared_app["owner"].put(path, json={"name": "unique"})).status_code == 409
    # What one cannot see takes no name.
    assert (await made(shared_app, "Unique", "stranger"))["name"] == "Unique"


async def test_many_at_once_make_a_name_once(shared_app: AppClients) -> None:
    answers = await asyncio.gather(
        *(shared_app["owner"].post("/api/project.json", json={"name": "Race"}) for _ in range(6))
    )
    assert sorted(one.status_code for one in answers) == [200, *[409] * 5]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400), ({"name": ""}, 400), ({"name": None}, 400), ({"name": {"a": 1}}, 400),
        ([], 400), ({"name": "x", "ontology": "seven"}, 400), ({"name": "x", "mode": "wild"}, 400),
        ({"name": "x", "isClosed": "perhaps"}, 400), ({"name": "x", "users": [987654]}, 404),
        ({"name": "x", "ontology": 987654321}, 404), ({"name": "x" * 300}, 400),
    ],
)  # fmt: skip
async def test_a_bad_project_is_refused_and_nothing_is_stored(
    shared_app: AppClients, body: Any, status: int
) -> None:
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post("/api/project.json", json=body)
    assert answer.status_code == status
    assert answer.json()["success"] is False
    assert await shared_app.world.stored() == before


async def test_a_stranger_finds_no_project_at_any_address(shared_app: AppClients) -> None:
    project = await made(shared_app, "Secret of the lab")
    stranger, id = shared_app["stranger"], project["id"]
    me = shared_app.world.people["stranger"]
    base = f"/api/project/{id}"
    for path in (
        "", "/user", "/admin", "/creator", "/users/representative", "/userlayer", "/online/user",
        "/usersActivity", "/defaultlayer", "/representative", "/commandhistory", "/last/10",
        f"/userconnection/{me}", "/lastConnection", f"/user/{me}/imageconsultation",
        f"/resumeActivity/{me}", "/annotation_action/count", "/stats/user", "/stats/term",
    ):  # fmt: skip
        answer = await stranger.get(f"{base}{path}.json")
        assert answer.status_code == 404, path
        assert "Secret" not in answer.text
    for method, path, body in (
        ("PUT", "", {"name": "mine"}), ("DELETE", "", None), ("POST", f"/user/{me}", {}),
        ("POST", f"/user/{me}/admin", {}), ("POST", f"/user.json?users={me}", {}),
        ("DELETE", f"/user/{me}", None), ("POST", "/defaultlayer", {"user": me}),
        ("POST", "/representative", {"user": me}), ("POST", "/invitation", {"name": "z"}),
        ("POST", "/userconnection", {}),
    ):  # fmt: skip
        suffix = "" if ".json" in path else ".json"
        answer = await stranger.request(method, f"{base}{path}{suffix}", json=body)
        assert answer.status_code == 404, path
    listed = (await got(stranger, "/api/project.json", max=0))["collection"]
    assert id not in [one["id"] for one in listed]
    assert (await shared_app[None].get(f"{base}.json")).status_code == 401


# lists


async def test_lists_are_filtered_sorted_and_paged(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    for name in ("list a1", "list A2", "list b1"):
        await made(shared_app, name)
    ask = {"name[ilike]": "LIST*", "sort": "name", "order": "asc"}
    whole = await got(owner, "/api/project.json", **ask, max=0, offset=0)
    assert [one["name"] for one in whole["collection"]] == ["list a1", "list A2", "list b1"]
    assert (whole["size"], whole["perPage"], whole["totalPages"]) == (3, 3, 1)
    page = await got(owner, "/api/project.json", **ask, max=2, offset=2)
    assert [one["name"] for one in page["collection"]] == ["list b1"]
    assert (page["size"], page["offset"], page["perPage"], page["totalPages"]) == (3, 2, 2, 2)
    beyond = await got(owner, "/api/project.json", **ask, max=2, offset=9)
    assert (beyond["collection"], beyond["size"]) == ([], 3)
    newest = await got(owner, "/api/project.json", **{"name[like]": "list *"})
    assert [one["name"] for one in newest["collection"]] == ["list b1", "list A2", "list a1"]
    ids = [one["id"] for one in whole["collection"]]
    some = await got(owner, "/api/project.json", **{"id[in]": f"{ids[0]},{ids[2]}"})
    assert {one["id"] for one in some["collection"]} == {ids[0], ids[2]}
    none = await got(owner, "/api/project.json", **ask, **{"numberOfImages[gte]": 1})
    assert none["size"] == 0
    assert (await owner.get("/api/project.json?name[wild]=1")).status_code == 400
    assert (await owner.get("/api/project.json?nothing[equals]=1")).status_code == 400
    assert (await owner.get("/api/project.json?numberOfImages[lte]=x")).status_code == 400


SHAPE = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}


class Drawn:
    """A project with an image, a region of the owner's with a term, and one of a member's."""

    def __init__(self, served: AppClients, name: str) -> None:
        self.served, self.name = served, name

    async def make(self) -> Drawn:
        world = self.served.world
        owner = world.people["owner"]
        new = {"name": f"ontology of {self.name}"}
        ontology = await world.mutate("owner", "createOntology", new, "ontology { id }")
        self.ontology = decode_id(ontology["ontology"]["id"], "Ontology")
        term = {"ontology": ontology["ontology"]["id"], "name": "mitosis"}
        made_term = await world.mutate("owner", "createTerm", term, "term { id }")
        self.term = made_term["term"]["id"]
        self.project = await made(self.served, self.name, ontology=self.ontology)
        self.id = self.project["id"]
        dataset = await world.dataset(owner, f"in {self.name}", into=self.id)
        image = await world.picture("owner", dataset_id=dataset.id)
        self.image = image.id
        self.mine = await self.draw("owner", terms=[self.term])
        self.theirs = await self.draw("annotator")
        self.unbound = await self.draw("owner", bound=False)
        return self

    async def draw(self, who: str, *, bound: bool = True, **more: Any) -> int:
        drawn = {"image": encode_id("Image", self.image), "shapes": [SHAPE], **more}
        if bound:
            drawn["project"] = encode_id("Project", self.id)
        answer = await self.served.world.mutate(who, "createRoi", drawn, "roi { id }")
        return decode_id(answer["roi"]["id"], "ROI")

    async def regions(self, who: str = "owner") -> set[int]:
        query = "query($id: ID!) { image(id: $id) { rois(first: 99) { nodes { legacyId } } } }"
        found = await self.served.world.graphql(who, query, {"id": encode_id("Image", self.image)})
        return {int(one["legacyId"]) for one in found["image"]["rois"]["nodes"]}


async def test_counts_follow_what_is_drawn_and_can_be_asked_for(shared_app: AppClients) -> None:
    await made(shared_app, "empty")
    drawn = await Drawn(shared_app, "counted").make()
    owner = shared_app["owner"]
    seen = await got(owner, f"/api/project/{drawn.id}.json")
    assert (seen["numberOfImages"], seen["numberOfAnnotations"]) == (1, 3)
    assert (seen["numberOfJobAnnotations"], seen["numberOfReviewedAnnotations"]) == (0, 0)
    assert (seen["ontology"], seen["ontologyName"]) == (drawn.ontology, "ontology of counted")
    some = await got(owner, "/api/project.json", **{"numberOfAnnotations[gte]": 3})
    assert [one["id"] for one in some["collection"]] == [drawn.id]
    most = await got(owner, "/api/project.json", sort="numberOfAnnotations", max=1)
    assert most["collection"][0] == seen
    bounds = await got(owner, "/api/bounds/project.json")
    assert bounds["numberOfAnnotations"] == {"min": 0, "max": 3}
    using = await got(owner, f"/api/ontology/{drawn.ontology}/project.json")
    assert [one["id"] for one in using["collection"]] == [drawn.id]


async def test_a_list_costs_the_same_however_long(shared_app: AppClients) -> None:
    await made(shared_app, "costs 1")
    database = shared_app.world.infrastructure.database
    ask = "/api/project.json?name[ilike]=costs*&withMembersCount=true&withLastActivity=true"
    await shared_app["owner"].get(ask)
    with statements(database) as few:
        await shared_app["owner"].get(ask)
    for number in range(2, 7):
        await made(shared_app, f"costs {number}")
    await shared_app["owner"].get(ask)
    with statements(database) as many:
        assert len((await got(shared_app["owner"], ask))["collection"]) == 6
    assert [one[:300] for one in _of_the_view(many)] == [one[:300] for one in _of_the_view(few)]


def _of_the_view(sent: list[str]) -> list[str]:
    """Return the statements from the first on that is not about who is calling."""
    start = "SELECT project.id, project.created_at, "
    first = next(i for i, one in enumerate(sent) if one.startswith(start))
    beside = ("FROM event", "token", "PRAGMA")  # what runs on its own
    return [one for one in sent[first:] if not any(word in one for word in beside)]


async def test_a_deleted_project_takes_its_regions_and_undo_brings_them_back(
    shared_app: AppClients,
) -> None:
    drawn = await Drawn(shared_app, "deleted").make()
    owner = shared_app["owner"]
    everything = {drawn.mine, drawn.theirs, drawn.unbound}
    assert await drawn.regions() == everything
    before = await got(owner, f"/api/project/{drawn.id}.json")
    gone = (await owner.delete(f"/api/project/{drawn.id}.json")).json()
    assert await drawn.regions() == {drawn.unbound}
    undone = await owner.get("/command/undo.json")
    assert undone.status_code == 200, undone.text
    assert undone.json()["collection"][0]["command"] == gone["command"]
    assert await drawn.regions() == everything
    assert await got(owner, f"/api/project/{drawn.id}.json") == before
    query = "query($id: ID!) { roi(id: $id) { terms { term { name } } } }"
    roi = await shared_app.world.graphql("owner", query, {"id": encode_id("ROI", drawn.mine)})
    assert roi["roi"]["terms"] == [{"term": {"name": "mitosis"}}]
    again = await owner.get("/api/command/redo.json")
    assert again.json()["collection"][0]["callback"]["method"] == (
        "be.cytomine.DeleteProjectCommand"
    )
    assert await drawn.regions() == {drawn.unbound}
    await owner.get("/command/undo.json")


async def test_another_ontology_waits_for_the_terms_of_the_old_one(shared_app: AppClients) -> None:
    drawn = await Drawn(shared_app, "relabelled").make()
    owner, path = shared_app["owner"], f"/api/project/{drawn.id}.json"
    refused = await owner.put(path, json={"ontology": None})
    assert (refused.status_code, refused.json()["success"]) == (400, False)
    forced = await owner.put(f"{path}?forceOntologyUpdate=true", json={"ontology": None})
    assert forced.json()["project"]["ontology"] is None
    query = "query($id: ID!) { roi(id: $id) { terms { term { name } } } }"
    variables = {"id": encode_id("ROI", drawn.mine)}
    roi = await shared_app.world.graphql("owner", query, variables)
    assert roi["roi"]["terms"] == []
    await owner.get("/command/undo.json")
    roi = await shared_app.world.graphql("owner", query, variables)
    assert len(roi["roi"]["terms"]) == 1


# members


async def test_members_and_managers_come_and_go(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    me, reader = world.people["owner"], world.people["reader"]
    project = await made(shared_app, "shared", users=[reader])
    base = f"/api/project/{project['id']}"
    listed = await got(owner, f"{base}/user.json", max=0, offset=0)
    assert [one["id"] for one in listed["collection"]] == [me, reader]
    assert not {"publicKey", "privateKey"} & listed["collection"][0].keys()
    assert [one["id"] for one in (await got(owner, f"{base}/admin.json"))["collection"]] == [me]
    assert [one["id"] for one in (await got(owner, f"{base}/creator.json"))["collection"]] == [me]
    asked = await got(owner, f"{base}/users/representative.json")
    assert [one["id"] for one in asked["collection"]] == [me]
    # A reader of another group sees it now, and nothing more.
    assert (await got(shared_app["reader"], f"{base}.json"))["name"] == "shared"
    forbidden = await shared_app["reader"].post(f"{base}/user/{reader}/admin.json")
    assert (forbidden.status_code, forbidden.json()["errorValues"]) == (403, {})
    promoted = await owner.post(f"{base}/user/{reader}/admin.json")
    assert (promoted.status_code, promoted.json()) == (200, {"data": {"message": "OK"}})
    admins = (await got(owner, f"{base}/admin.json"))["collection"]
    assert [one["id"] for one in admins] == [me, reader]
    # Adding a manager as a member leaves them one.
    await owner.post(f"{base}/user/{reader}.json")
    assert len((await got(owner, f"{base}/admin.json"))["collection"]) == 2
    stranger = world.people["stranger"]
    added = await shared_app["reader"].post(f"{base}/user.json?users={stranger}")
    assert added.status_code == 200
    assert len((await got(owner, f"{base}/user.json"))["collection"]) == 3
    assert (await owner.delete(f"{base}/user/{reader}/admin.json")).status_code == 200
    assert len((await got(owner, f"{base}/admin.json"))["collection"]) == 1
    gone = await owner.delete(f"{base}/user.json?users={stranger},{reader}")
    assert gone.json() == {"data": {"message": "OK"}}
    assert (await shared_app["reader"].get(f"{base}.json")).status_code == 404


async def test_the_owner_stays(shared_app: AppClients) -> None:
    project = await made(shared_app, "owned")
    me, owner = shared_app.world.people["owner"], shared_app["owner"]
    for path in (f"user/{me}", f"user/{me}/admin"):
        answer = await owner.delete(f"/api/project/{project['id']}/{path}.json")
        assert answer.status_code == 400
    answer = await owner.post(f"/api/project/{project['id']}/user/987654.json")
    assert answer.status_code == 404
    assert (await owner.post(f"/api/project/{project['id']}/user.json")).status_code == 400


async def test_lists_of_users_in_a_change_replace_the_members(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    reader, stranger = world.people["reader"], world.people["stranger"]
    project = await made(shared_app, "replaced", users=[reader], admins=[stranger])
    path = f"/api/project/{project['id']}"
    await owner.put(f"{path}.json", json={"users": [stranger], "admins": [reader]})
    admins = {one["id"] for one in (await got(owner, f"{path}/admin.json"))["collection"]}
    assert admins == {world.people["owner"], reader}
    users = {one["id"] for one in (await got(owner, f"{path}/user.json"))["collection"]}
    assert users == admins | {stranger}


async def test_projects_of_somebody_are_those_they_are_in(shared_app: AppClients) -> None:
    reader = shared_app.world.people["reader"]
    one = await made(shared_app, "of reader", users=[reader])
    two = await made(shared_app, "led by reader", admins=[reader])
    await made(shared_app, "not of reader")
    listed = await got(shared_app["owner"], f"/api/user/{reader}/project.json")
    names = {item["name"] for item in listed["collection"]}
    assert {"of reader", "led by reader"} <= names
    assert "not of reader" not in names
    base = f"/api/user/{reader}/project/light.json"
    led = (await got(shared_app["owner"], base, admin="true"))["collection"]
    assert {"id": two["id"], "name": "led by reader"} in led
    assert one["id"] not in [item["id"] for item in led]


async def test_default_layers_and_representatives(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    me, reader = world.people["owner"], world.people["reader"]
    project = await made(shared_app, "layered", users=[reader])
    base = f"/api/project/{project['id']}"
    body = {"project": project["id"], "user": reader, "hideByDefault": True}
    layer = (await owner.post(f"{base}/defaultlayer.json", json=body)).json()
    shown = layer["projectdefaultlayer"]
    assert (shown["user"], shown["hideByDefault"]) == (reader, True)
    again = await owner.post(f"{base}/defaultlayer.json", json={"user": reader})
    assert again.status_code == 409
    path = f"{base}/defaultlayer/{shown['id']}.json"
    assert await got(owner, path) == shown
    same = (await owner.put(path, json=shown)).json()
    assert (same["projectdefaultlayer"], same["command"]) == (shown, None)
    changed = (await owner.put(path, json={"hideByDefault": False})).json()
    assert changed["projectdefaultlayer"]["hideByDefault"] is False
    assert (await shared_app["reader"].delete(path)).status_code == 403
    assert (await owner.delete(path)).status_code == 200
    assert (await got(owner, f"{base}/defaultlayer.json"))["size"] == 0
    (mine,) = (await got(owner, f"{base}/representative.json"))["collection"]
    assert (mine["user"], mine["project"]) == (me, project["id"])
    last = await owner.delete(f"{base}/representative/{mine['id']}.json")
    assert last.status_code == 400
    body = {"user": reader}
    added = (await owner.post(f"{base}/representative.json", json=body)).json()
    assert added["projectrepresentativeuser"]["user"] == reader
    assert (await owner.post(f"{base}/representative.json", json=body)).status_code == 409
    outsider = {"user": world.people["stranger"]}
    assert (await owner.post(f"{base}/representative.json", json=outsider)).status_code == 400
    gone = await owner.delete(f"{base}/representative.json?user={me}")
    assert gone.status_code == 200
    # Whoever leaves represents nothing any more; the owner stands in.
    await owner.delete(f"{base}/user/{reader}.json")
    (left,) = (await got(owner, f"{base}/representative.json"))["collection"]
    assert left["user"] == me


async def test_hidden_layers_are_not_listed_to_members(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    reader, stranger = world.people["reader"], world.people["stranger"]
    project = await made(shared_app, "hiding", users=[reader, stranger], hideUsersLayers=True)
    path = f"/api/project/{project['id']}/userlayer.json"
    assert {one["id"] for one in (await got(owner, path))["collection"]} == {
        world.people["owner"], reader, stranger
    }  # fmt: skip
    seen = {one["id"] for one in (await got(shared_app["reader"], path))["collection"]}
    assert seen == {world.people["owner"], reader}


async def test_members_are_sent_as_a_table(shared_app: AppClients) -> None:
    project = await made(shared_app, "table")
    answer = await shared_app["owner"].get(f"/api/project/{project['id']}/user/download?format=csv")
    lines = answer.text.splitlines()
    assert lines[0] == "id,username,firstname,lastname"
    assert lines[1].startswith(f"{shared_app.world.people['owner']},owner,")


# history


async def test_what_was_done_in_a_project_is_told(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    project = await made(shared_app, "told")
    path = f"/api/project/{project['id']}"
    await owner.put(f"{path}.json", json={"isClosed": True})
    await owner.get("/command/undo.json")
    lines = await got(owner, f"{path}/commandhistory.json", fullData="true")
    assert [one["prefixAction"] for one in lines["collection"]] == ["UNDO", "", ""]
    assert lines["collection"][1]["action"] == "change project told by owner"
    assert lines["collection"][0]["command"] == lines["collection"][1]["command"]
    assert lines["collection"][1]["data"] == '{"previousClosed":false,"newClosed":true}'
    assert lines["size"] == 3
    last = await got(owner, f"{path}/last/2.json")
    assert [one["id"] for one in last["collection"]] == [
        one["id"] for one in lines["collection"][:2]
    ]
    command = await got(owner, f"/api/command/{lines['collection'][1]['id']}.json")
    assert (command["type"], command["serviceName"]) == ("EDIT", "projectService")
    assert (await owner.get("/api/deletecommand.json")).status_code == 403


async def test_an_empty_stack_says_so(shared_app: AppClients) -> None:
    answer = (await got(shared_app["reader"], "/command/redo.json"))["collection"]
    (item,) = answer
    assert (item["success"], item["callback"], item["printMessage"]) == (True, None, True)
    assert (await shared_app["reader"].get("/command/987654/undo.json")).status_code == 404
    project = await made(shared_app, "mine alone")
    found = await got(shared_app["owner"], f"/api/project/{project['id']}/commandhistory.json")
    number = found["collection"][0]["id"]
    assert (await shared_app["annotator"].get(f"/command/{number}/undo.json")).status_code == 403
    assert (await shared_app["stranger"].get(f"/command/{number}/undo.json")).status_code == 404
