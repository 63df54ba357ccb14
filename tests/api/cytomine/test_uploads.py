"""Storages, uploaded files and uploads as such clients handle them."""

from __future__ import annotations

import asyncio
import io
import itertools
import time
from typing import Any

import httpx
import numpy as np
import pytest
import tifffile

from store.tables.files import FileStatus
from tests.fixtures.app import AppClients
from tests.fixtures.hub import statements

pytestmark = pytest.mark.asyncio(loop_scope="module")
_numbers = itertools.count(1)


def tiff(value: int = 7, shape: tuple[int, ...] = (12, 10)) -> bytes:
    made = io.BytesIO()
    tifffile.imwrite(made, np.full(shape, value, dtype="uint8") + next(_numbers) % 90)
    return made.getvalue()


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def sent(client: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def storage(served: AppClients, who: str = "owner") -> int:
    return int((await got(served[who], "/api/storage.json"))["collection"][0]["id"])


async def project(served: AppClients, who: str = "owner") -> int:
    body = {"name": f"uploads {next(_numbers)}"}
    return int((await sent(served[who], "POST", "/api/project.json", body))["project"]["id"])


async def uploaded(
    served: AppClients, content: bytes, name: str = "cells.tif", who: str = "owner", **given: Any
) -> httpx.Response:
    asked = {"storage": await storage(served, who), "sync": "True"} | given
    return await served[who].post("/upload", params=asked, files={"files[]": (name, content)})


async def settled(client: httpx.AsyncClient, id: int) -> dict[str, Any]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        file: dict[str, Any] = await got(client, f"/api/uploadedfile/{id}.json")
        if file["status"] >= 100 or file["status"] % 2:
            return file
        await asyncio.sleep(0.05)
    raise AssertionError("the upload never ended")


# storages


async def test_everybody_has_a_storage_of_their_own(shared_app: AppClients) -> None:
    for who in ("owner", "stranger"):
        (first, *_) = (await got(shared_app[who], "/api/storage.json"))["collection"]
        assert first["name"] == f"{who} storage"
        assert first["user"] == first["userId"] == shared_app.world.people[who]
        assert first["class"] == "be.cytomine.domain.image.server.Storage"
        assert await got(shared_app[who], f"/api/storage/{first['id']}.json") == first


@pytest.mark.parametrize("key", ["user", "userId"])
async def test_a_storage_is_made_renamed_and_deleted(shared_app: AppClients, key: str) -> None:
    owner, me = shared_app["owner"], shared_app.world.people["owner"]
    body = {"name": "archive", key: me}
    answer = await sent(owner, "POST", "/api/storage.json", body)
    made = answer["storage"]
    assert (made["name"], made["user"]) == ("archive", me)
    assert answer["callback"]["method"] == "be.cytomine.AddStorageCommand"
    path = f"/api/storage/{made['id']}.json"
    echoed = await sent(owner, "PUT", path, made)
    assert (echoed["storage"], echoed["command"]) == (made, None)
    assert (await sent(owner, "PUT", path, {"name": "old"}))["storage"]["name"] == "old"
    assert (await sent(owner, "DELETE", path))["storage"]["name"] == "old"
    assert (await owner.get(path)).status_code == 404


async def test_a_storage_for_somebody_else_and_without_a_name_is_refused(
    shared_app: AppClients,
) -> None:
    before = await shared_app.world.stored()
    other = shared_app.world.people["stranger"]
    for body, status in (({}, 400), ({"name": " "}, 400), ({"name": "x", "user": other}, 403)):
        answer = await shared_app["owner"].post("/api/storage.json", json=body)
        assert answer.status_code == status, answer.text
    assert await shared_app.world.stored() == before


async def test_members_of_a_storage_come_and_go(shared_app: AppClients) -> None:
    owner, people = shared_app["owner"], shared_app.world.people
    id = (await sent(owner, "POST", "/api/storage.json", {"name": "shared"}))["storage"]["id"]
    path = f"/api/storage/{id}"
    assert (await shared_app["stranger"].get(f"{path}.json")).status_code == 404
    answer = await sent(owner, "POST", f"{path}/user/{people['stranger']}.json")
    assert answer == {"data": {"message": "OK"}}
    await owner.post(f"{path}/user.json", params={"users": str(people["annotator"])})
    names = [one["username"] for one in (await got(owner, f"{path}/user.json"))["collection"]]
    assert sorted(names) == ["annotator", "owner", "stranger"]
    file = (await uploaded(shared_app, tiff(), who="stranger", storage=id)).json()[0]
    assert file["uploadedFile"]["storage"] == id
    shares = {
        one["username"]: (one["numberOfFiles"], one["totalSize"])
        for one in (await got(owner, f"{path}/usersstats.json"))["collection"]
    }
    assert shares == {"annotator": (0, 0), "owner": (0, 0), "stranger": (1, file["size"])}
    access = (await got(shared_app["stranger"], "/api/storage/access.json"))["collection"]
    assert {one["id"]: one["permission"] for one in access}[id] == "WRITE"
    assert (await owner.delete(f"{path}.json")).status_code == 400
    # A member may not let others in, but may leave.
    let_in = await shared_app["stranger"].post(f"{path}/user/{people['reader']}.json")
    assert let_in.status_code == 403
    await sent(shared_app["stranger"], "DELETE", f"{path}/user/{people['stranger']}.json")
    assert (await shared_app["stranger"].get(f"{path}.json")).status_code == 404
    assert (await owner.delete(f"{path}/user/{people['owner']}.json")).status_code == 400
    assert (await owner.post(f"{path}/user.json")).status_code == 400


# uploads


async def test_an_upload_becomes_an_image_in_its_project_with_properties(
    shared_app: AppClients,
) -> None:
    owner, id, content = shared_app["owner"], await project(shared_app), tiff()
    answer = await uploaded(
        shared_app, content, projects=id, idProject=id, keys="stain,organ", values="HE,lung",
        core="http://elsewhere",
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    (one,) = answer.json()
    assert (one["status"], one["name"], one["size"]) == (200, "cells.tif", len(content))
    file = one["uploadedFile"]
    assert (file["status"], file["statusText"], file["projects"]) == (100, "DEPLOYED", [id])
    (made,) = one["images"]
    assert (made["image"]["width"], made["image"]["height"]) == (10, 12)
    (instance,) = made["imageInstances"]
    assert (instance["project"], instance["baseImage"]) == (id, made["image"]["id"])
    listed = await got(owner, f"/api/project/{id}/imageinstance.json")
    assert [row["id"] for row in listed["collection"]] == [instance["id"]]
    path = f"/api/domain/{instance['class']}/{instance['id']}/property.json"
    rows = (await got(owner, path))["collection"]
    assert [(row["key"], row["value"]) for row in rows] == [("stain", "HE"), ("organ", "lung")]
    assert {row["domainIdent"] for row in rows} == {instance["id"]}
    back = await owner.get(f"/api/uploadedfile/{file['id']}/download")
    assert back.content == content
    # The project keeps it in a dataset of its own.
    seen = await got(owner, "/api/v0/m/datasets/", project=id)
    assert len(seen["data"]) == 1
    # A file with an image in a project stays; once taken out, the image goes with it.
    gone = f"/api/uploadedfile/{file['id']}.json"
    assert (await owner.delete(gone)).status_code == 400
    await sent(owner, "DELETE", f"/api/imageinstance/{instance['id']}.json")
    answer = await sent(owner, "DELETE", gone)
    assert answer["uploadedfile"]["id"] == file["id"]
    image = f"/api/abstractimage/{made['image']['id']}.json"
    assert (await owner.get(image)).status_code == 404
    await got(owner, f"/command/{answer['command']}/undo.json")
    assert (await got(owner, image))["uploadedFile"] == file["id"]


async def test_an_upload_goes_on_without_its_sender(shared_app: AppClients) -> None:
    owner, id, content = shared_app["owner"], await project(shared_app), tiff()
    answer = await uploaded(shared_app, content, sync="False", projects=id)
    (one,) = answer.json()
    assert (answer.status_code, one["images"]) == (200, [])
    file = await settled(owner, one["uploadedFile"]["id"])
    assert (file["status"], file["size"]) == (100, len(content))
    listed = (await got(owner, f"/api/project/{id}/imageinstance.json"))["collection"]
    image = await got(owner, f"/api/uploadedfile/{file['id']}/abstractimage.json")
    assert [row["baseImage"] for row in listed] == [image["id"]]
    rows = (await got(owner, "/api/uploadedfile.json"))["collection"]
    assert [row["id"] for row in rows].count(file["id"]) == 1


async def test_a_file_that_is_no_image_is_refused_or_says_so(shared_app: AppClients) -> None:
    before = await shared_app.world.stored()
    answer = await uploaded(shared_app, b"no image at all", name="notes.xyz")
    assert answer.status_code == 400
    (one,) = answer.json()
    assert (one["status"], one["files"][0]["size"]) == (500, 0)
    assert one["error"] == one["files"][0]["error"] != ""
    assert await shared_app.world.stored() == before
    later = await uploaded(shared_app, b"no image at all", name="notes.xyz", sync="False")
    file = await settled(shared_app["owner"], later.json()[0]["uploadedFile"]["id"])
    assert (file["status"], file["statusText"]) == (11, "ERROR_FORMAT")
    await sent(shared_app["owner"], "DELETE", f"/api/uploadedfile/{file['id']}.json")


async def test_what_an_upload_asks_for_is_checked_first(shared_app: AppClients) -> None:
    theirs, mine = await project(shared_app, "stranger"), await storage(shared_app)
    readers = await storage(shared_app, "stranger")
    before = await shared_app.world.stored()
    for given, status in (
        ({"projects": theirs}, 404), ({"projects": 987654}, 404), ({"storage": readers}, 404),
        ({"storage": "x"}, 400), ({"keys": "a,b", "values": "c"}, 400),
        ({"keys": "a,", "values": "c,d"}, 400), ({"sync": "perhaps"}, 400),
    ):  # fmt: skip
        answer = await uploaded(shared_app, tiff(), **{"storage": mine, **given})
        assert answer.status_code == status, (given, answer.text)
    owner = shared_app["owner"]
    without = await owner.post("/upload", files={"files[]": ("a.tif", tiff())})
    assert without.status_code == 400
    empty = await owner.post("/upload", params={"storage": mine}, files={"x": (None, "y")})
    assert empty.status_code == 400
    nobody = await shared_app[None].post("/upload", files={"files[]": ("a.tif", tiff())})
    assert nobody.status_code == 401
    assert await shared_app.world.stored() == before


async def test_data_sets_of_the_server_are_none(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await storage(shared_app)
    answer = await owner.post("/import", params={"storage_id": id})
    assert (answer.status_code, answer.json()["valid_datasets"]) == (200, {})
    asked = {"storage_id": id, "dataset_names": "a"}
    assert (await owner.post("/import", params=asked)).status_code == 400
    assert (await owner.post("/import")).status_code == 400
    assert (
        await shared_app["stranger"].post("/import", params={"storage_id": id})
    ).status_code == (404)


# uploaded files


async def test_a_file_is_noted_changed_and_deleted(shared_app: AppClients) -> None:
    owner, id = shared_app["owner"], await project(shared_app)
    body = {
        "originalFilename": "a.svs", "filename": "a.svs", "ext": "svs", "contentType": "image/svs",
        "size": 9, "storage": await storage(shared_app), "user": shared_app.world.people["owner"],
        "projects": id, "status": 0,
    }  # fmt: skip
    made = (await sent(owner, "POST", "/api/uploadedfile.json", body))["uploadedfile"]
    assert {name: made[name] for name in body} == {**body, "projects": [id]}
    assert (made["parent"], made["statusText"], made["isArchive"]) == (None, "UPLOADED", False)
    path = f"/api/uploadedfile/{made['id']}.json"
    seen = await got(owner, path)
    echoed = await sent(owner, "PUT", path, seen)
    assert (echoed["uploadedfile"], echoed["command"]) == (seen, None)
    after = await sent(owner, "PUT", path, {**seen, "filename": "b.svs", "status": 20})
    assert (after["uploadedfile"]["filename"], after["uploadedfile"]["status"]) == ("b.svs", 20)
    child = {**body, "parent": made["id"], "originalFilename": "c.tif"}
    below = (await sent(owner, "POST", "/api/uploadedfile.json", child))["uploadedfile"]
    rows = await got(owner, "/api/uploadedfile.json", parent=made["id"])
    assert [row["id"] for row in rows["collection"]] == [below["id"]]
    rows = await got(owner, "/api/uploadedfile.json", root=made["id"], sort="id", order="asc")
    assert [row["id"] for row in rows["collection"]] == [made["id"], below["id"]]
    roots = await got(owner, "/api/uploadedfile.json", onlyRootsWithDetails="True")
    assert below["id"] not in [row["id"] for row in roots["collection"]]
    named = await got(owner, "/api/uploadedfile.json", **{"originalFilename[ilike]": "C.T*"})
    assert [row["id"] for row in named["collection"]] == [below["id"]]
    await sent(owner, "DELETE", path)
    for gone in (made, below):
        assert (await owner.get(f"/api/uploadedfile/{gone['id']}.json")).status_code == 404
    assert (await owner.get(f"/api/uploadedfile/{made['id']}/download")).status_code == 404


async def test_a_bad_file_is_refused_and_a_strangers_is_not_seen(shared_app: AppClients) -> None:
    owner, mine = shared_app["owner"], await storage(shared_app)
    file = (await uploaded(shared_app, tiff())).json()[0]["uploadedFile"]
    before = await shared_app.world.stored()
    for body, status in (
        ({}, 400), ({"originalFilename": "x"}, 400),
        ({"originalFilename": "x", "storage": 987654}, 404),
        ({"originalFilename": "x", "storage": mine, "status": 7}, 400),
        ({"originalFilename": "x", "storage": mine, "size": -1}, 400),
        ({"originalFilename": "x", "storage": mine, "parent": 987654}, 404),
        ({"originalFilename": "x", "storage": mine,
          "user": shared_app.world.people["stranger"]}, 403),
    ):  # fmt: skip
        answer = await owner.post("/api/uploadedfile.json", json=body)
        assert answer.status_code == status, (body, answer.text)
    path = f"/api/uploadedfile/{file['id']}"
    for method, where in (("GET", ".json"), ("PUT", ".json"), ("DELETE", ".json"),
                          ("GET", "/download")):  # fmt: skip
        answer = await shared_app["stranger"].request(method, path + where, json={})
        assert answer.status_code == 404, (method, where)
    assert await shared_app.world.stored() == before
    rows = (await got(shared_app["stranger"], "/api/uploadedfile.json"))["collection"]
    assert file["id"] not in [row["id"] for row in rows]


async def test_a_long_list_of_files_takes_as_many_statements(shared_app: AppClients) -> None:
    owner, mine = shared_app["owner"], await storage(shared_app)
    asked = {"onlyRootsWithDetails": "True", "max": 5}
    await uploaded(shared_app, tiff())
    await got(owner, "/api/uploadedfile.json", **asked)
    with statements(shared_app.world.database) as few:
        await got(owner, "/api/uploadedfile.json", **asked)
    for n in range(8):
        body = {"originalFilename": f"{n}.tif", "storage": mine}
        await sent(owner, "POST", "/api/uploadedfile.json", body)
    await got(owner, "/api/uploadedfile.json", **asked)
    with statements(shared_app.world.database) as many:
        page = await got(owner, "/api/uploadedfile.json", **asked)
    # Whether the caller is loaded anew depends on the clock.
    own = ("SELECT stored_file", "SELECT image.id, image.file_id")
    counts = [sum(one.startswith(own) for one in each) for each in (few, many)]
    assert (counts, len(page["collection"])) == ([2, 2], 5)


async def test_codes_tell_progress_failure_and_success_apart() -> None:
    for one in FileStatus:
        assert one.name.startswith("ERROR") == (one.value % 2 == 1)
        assert (one >= 100) == (one.name in ("DEPLOYED", "EXTRACTED", "CONVERTED", "UNPACKED"))
