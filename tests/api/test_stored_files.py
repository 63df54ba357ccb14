"""Files: sent at once or in ranges, attached, read in ranges, and to whom their bytes go."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from schema.scalars import encode_id
from tests.fixtures.app import AppClients
from tests.fixtures.hub_world import HubWorld, code_of

FILE = "file { id legacyId name mediaType size sha256 downloadUrl owner { username } }"
DRAFT = "draft { id name size expiresAt }"
BYTES = bytes(range(256)) * 40
READ = """query($id: ID!, $start: BigInt! = 0, $length: Int) { storedFile(id: $id) { name
  content(start: $start, length: $length) { data start length } } }"""


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def upload(world: HubWorld, who: str = "owner", data: bytes = BYTES) -> dict[str, Any]:
    input = {"name": "cells.csv", "data": text(data)}
    made = await world.mutate(who, "uploadFile", input, FILE)
    assert "code" not in made, made
    file: dict[str, Any] = made["file"]
    return file


async def read(world: HubWorld, who: str | None, id: str, **range: Any) -> bytes:
    found = await world.graphql(who, READ, {"id": id, **range})
    content = found["storedFile"]["content"]
    data = base64.b64decode(content["data"])
    assert len(data) == content["length"]
    return data


async def attach(world: HubWorld, file: dict[str, Any], *targets: str) -> str:
    input = {"value": {"file": file["legacyId"]}, "targets": list(targets)}
    made = await world.mutate("owner", "createAnnotation", input, "annotation { id }")
    return str(made["annotation"]["id"])


async def test_a_small_file_is_kept_at_once_and_read_in_ranges(hub_world: HubWorld) -> None:
    file = await upload(hub_world)
    assert file["sha256"] == hashlib.sha256(BYTES).hexdigest()
    assert (file["size"], file["mediaType"]) == (len(BYTES), "text/csv")
    assert await read(hub_world, "owner", file["id"]) == BYTES
    assert await read(hub_world, "owner", file["id"], start=250, length=9) == BYTES[250:259]
    assert await read(hub_world, "owner", file["id"], start=len(BYTES) - 3) == BYTES[-3:]
    assert await read(hub_world, "owner", file["id"], start=len(BYTES)) == b""
    for wrong in ({"start": len(BYTES) + 1}, {"start": -1}, {"length": -1}):
        result = await hub_world.execute("owner", READ, {"id": file["id"], **wrong})
        assert code_of(result) == "invalid"


async def test_ranges_put_a_file_together_in_any_order(hub_world: HubWorld) -> None:
    begun = await hub_world.mutate(
        "owner", "beginFile", {"name": "big.bin", "mediaType": "application/x-test"}, DRAFT
    )
    draft = begun["draft"]["id"]
    for start, end in ((5000, len(BYTES)), (0, 3000), (2500, 5000)):
        piece = {"draft": draft, "offset": start, "data": text(BYTES[start:end])}
        sent = await hub_world.mutate("owner", "writeFile", piece, DRAFT)
    assert sent["draft"]["size"] == len(BYTES)
    finish = {"draft": draft, "sha256": hashlib.sha256(BYTES).hexdigest().upper()}
    file = (await hub_world.mutate("owner", "finishFile", finish, FILE))["file"]
    assert (file["name"], file["mediaType"]) == ("big.bin", "application/x-test")
    assert await read(hub_world, "owner", file["id"]) == BYTES
    assert (await hub_world.graphql("owner", "{ fileDrafts { id } }"))["fileDrafts"] == []


async def test_a_file_with_a_hole_is_not_kept_and_can_be_mended(hub_world: HubWorld) -> None:
    begun = await hub_world.mutate("owner", "beginFile", {"name": "big.bin"}, DRAFT)
    draft = begun["draft"]["id"]
    tail = {"draft": draft, "offset": 100, "data": text(BYTES[100:])}
    await hub_world.mutate("owner", "writeFile", tail, DRAFT)
    finish = {"draft": draft, "sha256": hashlib.sha256(BYTES).hexdigest()}
    refused = await hub_world.mutate("owner", "finishFile", finish, FILE)
    assert refused["code"] == "conflict"
    assert list(hub_world.infrastructure.files.keys()) == []
    head = {"draft": draft, "data": text(BYTES[:100])}
    await hub_world.mutate("owner", "writeFile", head, DRAFT)
    made = await hub_world.mutate("owner", "finishFile", finish, FILE)
    assert await read(hub_world, "owner", made["file"]["id"]) == BYTES


async def test_others_know_nothing_of_a_file_that_is_being_sent(hub_world: HubWorld) -> None:
    begun = await hub_world.mutate("owner", "beginFile", {"name": "big.bin"}, DRAFT)
    draft = begun["draft"]["id"]
    for who in ("annotator", "root"):
        for field, input, selection in (
            ("writeFile", {"draft": draft, "data": text(b"x")}, DRAFT),
            ("finishFile", {"draft": draft, "sha256": "0" * 64}, FILE),
            ("discardDraft", {"draft": draft}, "id"),
            ("finishImage", {"draft": draft}, "image { id }"),
        ):
            answer = await hub_world.mutate(who, field, input, selection)
            assert answer["code"] == "not_found", field
    image = await hub_world.mutate("owner", "finishImage", {"draft": draft}, "image { id }")
    assert image["code"] == "not_found"
    assert await hub_world.mutate("owner", "discardDraft", {"draft": draft}, "id") == {"id": draft}


async def test_what_is_no_file_is_refused(hub_world: HubWorld) -> None:
    for input in (
        {"name": " ", "data": text(b"x")},
        {"name": "x", "data": "***"},
    ):
        assert (await hub_world.mutate("owner", "uploadFile", input, FILE))["code"] == "invalid"
    begun = await hub_world.mutate("owner", "beginFile", {"name": "x"}, DRAFT)
    draft = begun["draft"]["id"]
    for field, input, code in (
        ("writeFile", {"draft": draft, "offset": -1, "data": text(b"x")}, "invalid"),
        ("writeFile", {"draft": draft, "offset": 2**60, "data": text(b"x")}, "too_large"),
        ("finishFile", {"draft": draft, "sha256": "zz"}, "invalid"),
    ):
        answer = await hub_world.mutate("owner", field, input, FILE if "sha256" in input else DRAFT)
        assert answer["code"] == code
    nobody = await hub_world.mutate(None, "beginFile", {"name": "x"}, DRAFT)
    assert nobody["code"] == "unauthenticated"


async def test_bytes_go_to_whoever_sees_what_names_the_file(hub_world: HubWorld) -> None:
    world = hub_world
    file = await upload(world)
    image = await world.picture("owner")
    for who in ("annotator", "stranger", None):
        result = await world.execute(who, READ, {"id": file["id"]})
        assert code_of(result) == "not_found"
    await attach(world, file, encode_id("Image", image.id))
    assert await read(world, "annotator", file["id"]) == BYTES
    assert code_of(await world.execute("stranger", READ, {"id": file["id"]})) == "not_found"
    await world.grant("read", "image", image.id, world.people["stranger"])
    assert await read(world, "stranger", file["id"]) == BYTES
    query = """query($id: ID!) { image(id: $id) { annotations { ... on FileAnnotation {
      file { id name content(length: 4) { data } } } } } }"""
    found = await world.graphql("stranger", query, {"id": encode_id("Image", image.id)})
    assert found["image"]["annotations"] == [
        {"file": {"id": file["id"], "name": "cells.csv", "content": {"data": text(BYTES[:4])}}}
    ]


async def test_an_original_goes_with_its_image_unless_a_project_withholds_it(
    hub_world: HubWorld,
) -> None:
    world, owner = hub_world, hub_world.people["owner"]
    project = await world.project(owner)
    dataset = await world.dataset(owner, into=project.id)
    image = await world.picture("owner", dataset_id=dataset.id)
    id = encode_id("StoredFile", image.file_id or 0)
    data = await read(world, "annotator", id)
    assert data[:4] in (b"II*\0", b"MM\0*")
    hub = await world.hub("owner")
    from store.tables.containers import Project

    await hub.containers.update(Project, project.id, downloadable=False)
    assert code_of(await world.execute("annotator", READ, {"id": id})) == "not_found"
    assert await read(world, "owner", id) == data


async def test_a_file_is_downloaded_whole_and_in_ranges(shared_app: AppClients) -> None:
    file = await upload(shared_app.world)
    answer = await shared_app["owner"].get(file["downloadUrl"])
    assert answer.status_code == 200
    assert answer.content == BYTES
    assert 'filename="cells.csv"' in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "application/octet-stream"
    part = await shared_app["owner"].get(file["downloadUrl"], headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, BYTES[10:20])
    beyond = await shared_app["owner"].get(file["downloadUrl"], headers={"Range": "bytes=99999-"})
    assert beyond.status_code == 416
    for who in ("annotator", "stranger", None):
        hidden = await shared_app[who].get(file["downloadUrl"])
        assert hidden.status_code == 404, who
        assert b"cells" not in hidden.content


async def test_more_than_an_answer_holds_is_refused_with_its_address(
    hub_world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = await upload(hub_world)
    monkeypatch.setattr("adapters.file_access.MOST_BYTES", 100)
    result = await hub_world.execute("owner", READ, {"id": file["id"]})
    assert code_of(result) == "too_large"
    assert result.errors is not None
    assert file["downloadUrl"] in result.errors[0].message
    assert await read(hub_world, "owner", file["id"], length=100) == BYTES[:100]
