"""Properties, attached files, descriptions and tags as such clients handle them."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import httpx
import numpy as np
import pytest

from store.tables.annotations import AnnotationKind
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
META = "be.cytomine.domain.meta"
PROJECT = "be.cytomine.domain.project.Project"
IMAGE = "be.cytomine.domain.image.AbstractImage"
OTHER_NS = "openmicroscopy.org/omero/client/mapAnnotation"
_numbers = itertools.count(1)


async def project(served: AppClients, who: str = "owner") -> int:
    body = {"name": f"metadata {next(_numbers)}"}
    answer = await served[who].post("/api/project.json", json=body)
    assert answer.status_code == 200, answer.text
    return int(answer.json()["project"]["id"])


async def picture(served: AppClients) -> int:
    samples = np.arange(64, dtype="uint8").reshape(1, 1, 1, 8, 8)
    return (await served.world.image("owner", samples)).id


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


# properties


async def test_a_property_is_made_read_changed_and_taken_off(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    base = f"/api/domain/{PROJECT}/{id}"
    answer = await sent(owner, "POST", f"{base}/property.json", {"key": "stain", "value": "HE"})
    made = answer["property"]
    assert answer["callback"] == {
        "method": "be.cytomine.AddPropertyCommand", "propertyID": str(made["id"]),
        "projectID": str(id),
    }  # fmt: skip
    assert made == {
        "class": f"{META}.Property", "id": made["id"], "created": made["created"],
        "updated": None, "deleted": None, "domainClassName": PROJECT, "domainIdent": id,
        "key": "stain", "value": "HE",
    }  # fmt: skip
    path = f"{base}/property/{made['id']}.json"
    assert await got(owner, path) == made
    assert await got(owner, f"{base}/key/stain/property.json") == made
    assert (await got(owner, f"{base}/property.json"))["collection"] == [made]
    assert (await got(owner, f"/api/project/{id}/property.json"))["collection"] == [made]
    changed = await sent(owner, "PUT", path, {**made, "value": "IHC"})
    assert (changed["property"]["id"], changed["property"]["value"]) == (made["id"], "IHC")
    gone = await sent(owner, "DELETE", path)
    assert gone["property"]["value"] == "IHC"
    assert (await owner.get(path)).status_code == 404
    await got(owner, f"/command/{gone['command']}/undo.json")
    assert (await got(owner, path))["value"] == "IHC"


async def test_the_whole_property_sent_back_changes_nothing(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    body = {"key": "a", "value": "1", "domainClassName": "project", "domainIdent": id}
    made = (await sent(owner, "POST", "/api/property.json", body))["property"]
    before = await shared_app.world.stored()
    path = f"/api/domain/{PROJECT}/{id}/property/{made['id']}.json"
    answer = await sent(owner, "PUT", path, made)
    assert (answer["property"], answer["command"]) == (made, None)
    assert await shared_app.world.stored() == before


async def test_a_key_is_on_an_object_once_whoever_wrote_it(shared_app: AppClients) -> None:
    image = await picture(shared_app)
    path = f"/api/domain/{IMAGE}/{image}/property.json"
    both = await asyncio.gather(
        *(
            shared_app[who].post(path, json={"key": "k", "value": who})
            for who in ("owner", "annotator", "owner")
        )
    )
    assert sorted(one.status_code for one in both) == [200, 409, 409]
    other = (await sent(shared_app["owner"], "POST", path, {"key": "l", "value": ""}))["property"]
    clash = await shared_app["owner"].put(
        f"/api/domain/{IMAGE}/{image}/property/{other['id']}.json", json={"key": "k"}
    )
    assert clash.status_code == 409
    rows = (await got(shared_app["owner"], path))["collection"]
    assert sorted(one["key"] for one in rows) == ["k", "l"]


async def test_properties_are_the_pairs_of_the_callers_map(shared_app: AppClients) -> None:
    image, owner = await picture(shared_app), shared_app["owner"]
    path = f"/api/domain/{IMAGE}/{image}/property"
    for key in ("a", "b"):
        await sent(owner, "POST", f"{path}.json", {"key": key, "value": f"{key}1"})
    hub = await shared_app.world.hub("owner")
    (note,) = (await hub.annotations.on([("image", image)]))["image", image]
    assert (note.kind, note.ns) == ("map", OTHER_NS)
    pairs = (await hub.annotations.pairs_of([note.id]))[note.id]
    assert [(one.key, one.value) for one in pairs] == [("a", "a1"), ("b", "b1")]
    await hub.annotations.update(note.id, value=[("a", "a2"), ("b", "b1"), ("c", "c1")])
    rows = (await got(owner, f"{path}.json"))["collection"]
    assert [(one["key"], one["value"]) for one in rows] == [("a", "a2"), ("b", "b1"), ("c", "c1")]
    assert [one["id"] for one in rows[:2]] == [one.id for one in pairs]
    for row in rows:
        await sent(owner, "DELETE", f"{path}/{row['id']}.json")
    hub = await shared_app.world.hub("owner")
    assert (await hub.annotations.on([("image", image)]))["image", image] == []


async def test_a_map_of_two_objects_is_copied_before_one_changes(shared_app: AppClients) -> None:
    one, two, owner = await picture(shared_app), await picture(shared_app), shared_app["owner"]
    hub = await shared_app.world.hub("owner")
    await hub.annotations.create(
        AnnotationKind.MAP, [("a", "1"), ("b", "2")], targets=[("image", one), ("image", two)]
    )
    paths = [f"/api/domain/{IMAGE}/{id}/property" for id in (one, two)]
    first = (await got(owner, f"{paths[0]}.json"))["collection"][0]
    stored = await sent(owner, "PUT", f"{paths[0]}/{first['id']}.json", {"value": "9"})
    assert stored["property"]["id"] != first["id"]
    seen = [
        [(row["key"], row["value"]) for row in (await got(owner, f"{path}.json"))["collection"]]
        for path in paths
    ]
    assert seen == [[("a", "9"), ("b", "2")], [("a", "1"), ("b", "2")]]


async def test_an_array_is_one_step_and_tells_each_bad_one(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    named = {"domainClassName": PROJECT, "domainIdent": id}
    path = "/api/property.json"
    good = [{**named, "key": f"k{n}", "value": n} for n in range(5)]
    answer = await owner.post(path, json=good)
    assert (answer.status_code, answer.json()["status"]) == (200, 200)
    rows = (await got(owner, f"/api/project/{id}/property.json"))["collection"]
    assert [(row["key"], row["value"]) for row in rows] == [(f"k{n}", str(n)) for n in range(5)]
    ids = ",".join(str(row["id"]) for row in rows)
    assert answer.json()["data"]["message"] == f"properties {ids} added"
    bad = [{**named, "key": "k0", "value": "x"}, {**named, "value": "x"}, "what"]
    partly = await owner.post(path, json=[*bad, {**named, "key": "n", "value": "1"}])
    assert partly.status_code == 206
    assert [one["data"] for one in partly.json()["data"]["errors"]] == bad
    assert (await owner.post(path, json=bad)).status_code == 400
    assert (await owner.post(path, json=[])).json()["status"] == 200
    await got(owner, "/command/undo.json")
    await got(owner, "/command/undo.json")
    assert (await got(owner, f"/api/project/{id}/property.json"))["size"] == 0


async def test_keys_of_images_and_annotations_are_listed(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    empty = await got(owner, "/api/imageinstance/property/key.json", idProject=id)
    assert empty["collection"] == []
    empty = await got(owner, "/api/annotation/property/key.json", idProject=id)
    assert empty["size"] == 0
    assert (await owner.get("/api/annotation/property/key.json")).status_code == 400


@pytest.mark.parametrize(
    ("name", "ident", "body", "status"),
    [
        (PROJECT, None, {}, 400), (PROJECT, None, {"key": "a"}, 400),
        (PROJECT, None, {"key": " ", "value": "x"}, 400),
        (PROJECT, None, {"key": "k" * 501, "value": "x"}, 400),
        (PROJECT, None, {"key": "a", "value": {"b": 1}}, 400),
        (PROJECT, None, {"key": "a", "value": "\0"}, 400),
        (PROJECT, None, 7, 400), ("wild", None, {"key": "a", "value": "b"}, 400),
        ("sliceinstance", None, {"key": "a", "value": "b"}, 400),
        (PROJECT, 987654, {"key": "a", "value": "b"}, 404),
        ("imageinstance", 987654, {"key": "a", "value": "b"}, 404),
        ("annotation", 987654, {"key": "a", "value": "b"}, 404),
    ],
)  # fmt: skip
async def test_a_bad_property_is_refused_and_nothing_stored(
    shared_app: AppClients, name: str, ident: int | None, body: Any, status: int
) -> None:
    id = ident or await project(shared_app)
    before = await shared_app.world.stored()
    path = f"/api/domain/{name}/{id}/property.json"
    answer = await shared_app["owner"].post(path, json=body)
    assert (answer.status_code, answer.json()["success"]) == (status, False), answer.text
    assert await shared_app.world.stored() == before


async def test_a_long_list_takes_as_many_statements_as_a_short_one(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    path = f"/api/domain/{PROJECT}/{id}/property.json"
    await sent(owner, "POST", path, [{"key": "a", "value": "b"}])
    with statements(shared_app.world.database) as few:
        await got(owner, path)
    await sent(owner, "POST", path, [{"key": f"a{n}", "value": "b"} for n in range(40)])
    with statements(shared_app.world.database) as many:
        page = await got(owner, path, max=10, offset=40)
    # Whether the caller is loaded anew depends on the clock.
    counts = [sum("key_value" in one for one in each) for each in (few, many)]
    assert counts[0] == counts[1] > 0
    assert (page["size"], len(page["collection"]), page["perPage"]) == (41, 1, 10)


# attached files


async def test_a_file_is_attached_downloaded_and_taken_off(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    content = bytes(range(256)) * 9 + b"\r\n"
    asked = {"domainClassName": PROJECT, "domainIdent": id, "key": "protocol"}
    made = await owner.post(
        "/api/attachedfile.json", params=asked,
        files={"files[]": ("/home/me/../notes of today.txt", content)},
    )  # fmt: skip
    assert made.status_code == 200, made.text
    file = made.json()
    assert file == {
        "class": f"{META}.AttachedFile", "id": file["id"], "created": file["created"],
        "updated": None, "deleted": None, "domainClassName": PROJECT, "domainIdent": id,
        "url": f"/api/attachedfile/{file['id']}/download", "filename": "notes of today.txt",
        "key": "protocol",
    }  # fmt: skip
    assert await got(owner, f"/api/attachedfile/{file['id']}.json") == file
    rows = (await got(owner, f"/api/domain/project/{id}/attachedfile.json"))["collection"]
    assert rows == [file]
    for path in (file["url"], file["url"] + ".json"):
        assert (await owner.get(path)).content == content
    stranger = shared_app["stranger"]
    for path in (file["url"], f"/api/attachedfile/{file['id']}.json"):
        assert (await stranger.get(path)).status_code == 404
    assert (await owner.get("/api/attachedfile.json")).status_code == 403
    again = await owner.post(
        f"/api/attachedfile/{file['id']}.json", files={"files[]": ("new.bin", b"new")}
    )
    assert (again.json()["id"], again.json()["filename"]) == (file["id"], "new.bin")
    assert (await owner.get(file["url"])).content == b"new"
    gone = await sent(owner, "DELETE", f"/api/attachedfile/{file['id']}.json")
    assert gone["attachedfile"]["filename"] == "new.bin"
    assert (await owner.get(file["url"])).status_code == 404


async def test_the_name_of_a_file_may_be_told_beside_it(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    asked = {"domainClassName": PROJECT, "domainIdent": id, "filename": "../../etc/plan.csv"}
    made = await owner.post(
        "/api/attachedfile.json", params=asked, files={"files[]": ("C:\\data\\x.csv", b"a,b")}
    )
    assert made.json()["filename"] == "plan.csv"
    del asked["filename"]
    made = await owner.put(
        "/api/attachedfile.json", params=asked, files={"files[]": ("C:\\data\\x.csv", b"a,b")}
    )
    assert made.json()["filename"] == "x.csv"


async def test_a_form_without_a_file_and_a_strangers_are_refused(shared_app: AppClients) -> None:
    id = await project(shared_app)
    asked = {"domainClassName": PROJECT, "domainIdent": id}
    before = await shared_app.world.stored()
    files = {"files[]": ("x.csv", b"a,b")}
    for who, params, given, status in (
        ("owner", {}, files, 400), ("owner", {**asked, "domainIdent": 987654}, files, 404),
        ("stranger", asked, files, 404), ("owner", asked, {}, 400),
    ):  # fmt: skip
        data = {} if given else {"files[]": "no file"}
        answer = await shared_app[who].post(
            "/api/attachedfile.json", params=params, files=given or {"x": (None, "y")}, data=data
        )
        assert answer.status_code == status, answer.text
    assert await shared_app.world.stored() == before


# descriptions


async def test_a_description_is_set_once_then_changed_and_removed(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    path = f"/api/domain/{PROJECT}/{id}/description.json"
    assert (await owner.get(path)).status_code == 404
    html = "<p>Lung <b>cells</b></p><script>alert(1)</script>"
    made = (await sent(owner, "POST", path, {"data": html}))["description"]
    assert made == {
        "class": f"{META}.Description", "id": made["id"], "created": made["created"],
        "updated": made["updated"], "deleted": None, "domainClassName": PROJECT,
        "domainIdent": id, "data": html,
    }  # fmt: skip
    assert made["id"] != id
    assert await got(owner, path) == made
    assert (await owner.post(path, json={"data": "second"})).status_code == 409
    echoed = await sent(owner, "PUT", path, made)
    assert (echoed["description"], echoed["command"]) == (made, None)
    changed = await sent(owner, "PUT", path, {**made, "data": "plain < text"})
    assert changed["description"]["data"] == "plain < text"
    assert changed["description"]["id"] == made["id"]
    gone = await sent(owner, "DELETE", path)
    assert gone["description"]["data"] == "plain < text"
    assert (await owner.get(path)).status_code == 404
    assert (await owner.put(path, json={"data": "x"})).status_code == 404
    await got(owner, f"/command/{gone['command']}/undo.json")
    assert (await got(owner, path))["id"] == made["id"]


async def test_others_see_the_text_of_a_description(shared_app: AppClients) -> None:
    owner, image = shared_app["owner"], await picture(shared_app)
    path = f"/api/domain/{IMAGE}/{image}/description.json"
    await sent(owner, "POST", path, {"data": "<p>one</p><p>two</p>"})
    seen = await got(owner, f"/api/v0/m/images/{image}/")
    assert seen["data"]["Description"] == "one\ntwo"
    reader = shared_app["annotator"]
    assert (await got(reader, path))["data"] == "<p>one</p><p>two</p>"
    assert (await reader.put(path, json={"data": "mine"})).status_code == 403
    assert (await shared_app["stranger"].get(path)).status_code == 404


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": ["x"]}, {"data": "\0"}, []])
async def test_a_bad_description_is_refused(shared_app: AppClients, body: Any) -> None:
    id = await project(shared_app)
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post(f"/api/domain/project/{id}/description.json", json=body)
    assert answer.status_code == 400
    assert await shared_app.world.stored() == before


# tags


async def test_a_tag_is_made_renamed_and_deleted(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    answer = await sent(owner, "POST", "/api/tag.json", {"name": "urgent"})
    tag = answer["tag"]
    assert tag == {
        "class": f"{META}.Tag", "id": tag["id"], "created": tag["created"], "updated": None,
        "deleted": None, "name": "urgent", "user": shared_app.world.people["owner"],
        "creatorName": "owner",
    }  # fmt: skip
    path = f"/api/tag/{tag['id']}.json"
    assert await got(owner, path) == tag
    assert tag in (await got(owner, "/api/tag.json"))["collection"]
    assert (await owner.post("/api/tag.json", json={"name": "URGENT"})).status_code == 409
    echoed = await sent(owner, "PUT", path, tag)
    assert (echoed["tag"], echoed["command"]) == (tag, None)
    renamed = await sent(owner, "PUT", path, {"name": "later"})
    assert renamed["tag"]["name"] == "later"
    gone = await sent(owner, "DELETE", path)
    assert gone["tag"]["name"] == "later"
    assert (await owner.get(path)).status_code == 404
    await got(owner, f"/command/{gone['command']}/undo.json")
    assert (await got(owner, path))["name"] == "later"


async def test_many_at_once_make_a_tag_once(shared_app: AppClients) -> None:
    answers = await asyncio.gather(
        *(shared_app["owner"].post("/api/tag.json", json={"name": "race"}) for _ in range(5))
    )
    assert sorted(one.status_code for one in answers) == [200, *[409] * 4]


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": "  "}, {"name": ["x"]}, 3])
async def test_a_tag_without_a_name_is_refused(shared_app: AppClients, body: Any) -> None:
    before = await shared_app.world.stored()
    answer = await shared_app["owner"].post("/api/tag.json", json=body)
    assert (answer.status_code, answer.json()["success"]) == (400, False)
    assert await shared_app.world.stored() == before


async def test_a_tag_is_put_on_objects_and_taken_off(shared_app: AppClients) -> None:
    owner, id, image = shared_app["owner"], await project(shared_app), await picture(shared_app)
    tag = (await sent(owner, "POST", "/api/tag.json", {"name": f"on {id}"}))["tag"]
    path = f"/api/domain/{PROJECT}/{id}/tag_domain_association.json"
    made = (await sent(owner, "POST", path, {"tag": tag["id"]}))["tagdomainassociation"]
    assert made == {
        "class": f"{META}.TagDomainAssociation", "id": made["id"], "created": made["created"],
        "updated": None, "deleted": None, "domainClassName": PROJECT, "domainIdent": id,
        "tag": tag["id"], "tagName": f"on {id}",
    }  # fmt: skip
    assert (await owner.post(path, json={"tag": tag["id"]})).status_code == 409
    body = {"domainClassName": IMAGE, "domainIdent": image, "tag": tag["id"]}
    other = await sent(owner, "POST", "/api/tag_domain_association.json", body)
    one = f"/api/tag_domain_association/{made['id']}.json"
    assert await got(owner, one) == made
    assert (await got(owner, path))["collection"] == [made]
    listed = (await got(owner, "/api/tag_domain_association.json"))["collection"]
    assert [row["id"] for row in listed if row["tag"] == tag["id"]] == [
        other["tagdomainassociation"]["id"], made["id"],
    ]  # fmt: skip
    assert (await sent(owner, "DELETE", one))["tagdomainassociation"] == made
    assert (await got(owner, path))["size"] == 0
    await sent(owner, "DELETE", f"/api/tag/{tag['id']}.json")
    rest = await got(owner, f"/api/domain/{IMAGE}/{image}/tag_domain_association.json")
    assert rest["size"] == 0


async def test_what_is_no_tag_is_not_put_on_anything(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    hub = await shared_app.world.hub("owner")
    note = await hub.annotations.create(AnnotationKind.COMMENT, "no tag")
    before = await shared_app.world.stored()
    path = f"/api/domain/{PROJECT}/{id}/tag_domain_association.json"
    for body, status in (
        ({"tag": note.id}, 404),
        ({}, 400),
        ({"tag": "x"}, 400),
        ({"tag": 9}, 404),
    ):
        assert (await owner.post(path, json=body)).status_code == status
    assert await shared_app.world.stored() == before


async def test_a_stranger_sees_and_changes_nothing(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    base = f"/api/domain/{PROJECT}/{id}"
    made = await sent(owner, "POST", f"{base}/property.json", {"key": "a", "value": "b"})
    tag = (await sent(owner, "POST", "/api/tag.json", {"name": f"of {id}"}))["tag"]
    on = await sent(owner, "POST", f"{base}/tag_domain_association.json", {"tag": tag["id"]})
    tried = [
        ("GET", f"{base}/property.json"), ("POST", f"{base}/property.json"),
        ("GET", f"{base}/property/{made['property']['id']}.json"),
        ("PUT", f"{base}/property/{made['property']['id']}.json"),
        ("DELETE", f"{base}/property/{made['property']['id']}.json"),
        ("GET", f"{base}/attachedfile.json"), ("GET", f"{base}/description.json"),
        ("POST", f"{base}/description.json"), ("DELETE", f"{base}/description.json"),
        ("GET", f"/api/tag/{tag['id']}.json"), ("DELETE", f"/api/tag/{tag['id']}.json"),
        ("GET", f"{base}/tag_domain_association.json"),
        ("GET", f"/api/tag_domain_association/{on['tagdomainassociation']['id']}.json"),
        ("DELETE", f"/api/tag_domain_association/{on['tagdomainassociation']['id']}.json"),
        ("GET", f"/api/project/{id}/property.json"),
    ]  # fmt: skip
    before = await shared_app.world.stored()
    for method, path in tried:
        body = {"key": "x", "value": "y", "data": "z"} if method in ("POST", "PUT") else None
        answer = await shared_app["stranger"].request(method, path, json=body)
        assert answer.status_code == 404, (method, path, answer.text)
        nobody = await shared_app[None].request(method, path, json=body)
        assert nobody.status_code == 401, (method, path)
    assert await shared_app.world.stored() == before
