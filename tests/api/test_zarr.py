"""Images as OME-Zarr over HTTP: bytes, ranges, validators, refusals, and readers of others."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
import tensorstore
import zarr
from ome_zarr.io import parse_url
from ome_zarr.reader import Reader
from ome_zarr_models.v05 import Image as OmeZarrImage

from schema.scalars import encode_id
from store.access.load import load_actor
from store.clock import now_ms
from store.errors import Invalid, Unauthenticated
from store.tables.images import Pixels
from tests.fixtures.app import AppClients, LiveHub
from web.auth import signed
from web.zarr import signed_url

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHAPE = (2, 3, 2, 300, 700)
KEPT = "private, max-age=60"


def noise(shape: tuple[int, ...] = SHAPE, dtype: str = "uint16") -> np.ndarray[Any, Any]:
    return np.random.default_rng(7).integers(0, 4096, shape).astype(dtype)


@dataclass
class Served:
    """An image of the owner's as its group is served, and as it lies on the disk."""

    clients: AppClients
    id: int
    samples: np.ndarray[Any, Any]
    folder: Path

    async def get(
        self, path: str, who: str | None = "owner", method: str = "GET", **headers: str
    ) -> httpx.Response:
        address = f"/zarr/{self.id}.zarr/{path}"
        return await self.clients[who].request(method, address, headers=headers)

    @property
    def shard(self) -> str:
        """A file with several chunks."""
        return "0/c/1/2/1/0/0"

    @property
    def base(self) -> str:
        return f"/zarr/{self.id}.zarr"


async def stored(clients: AppClients, samples: np.ndarray[Any, Any]) -> Served:
    image = await clients.world.image("owner", samples)
    pixels = await (await clients.world.hub("owner")).catalog.one(Pixels, image.id)
    folder = clients.world.infrastructure.pixels.folder(pixels.store_key or "")
    return Served(clients, image.id, samples, folder)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(shared_app: AppClients) -> AsyncIterator[Served]:
    yield await stored(shared_app, noise())


async def test_every_file_of_the_group_is_served_as_it_lies(served: Served) -> None:
    files = [path for path in served.folder.rglob("*") if path.is_file()]
    assert len(files) > 12
    for path in files:
        answer = await served.get(path.relative_to(served.folder).as_posix())
        assert answer.status_code == 200
        assert answer.content == path.read_bytes()
        kind = "application/json" if path.suffix == ".json" else "application/octet-stream"
        assert answer.headers["content-type"] == kind
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["cache-control"] == KEPT
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.fullmatch(r'"[^"]+"', answer.headers["etag"])


async def test_the_documents_are_valid_ome_zarr(served: Served) -> None:
    document = (await served.get("zarr.json")).json()
    assert document["zarr_format"] == 3
    image = OmeZarrImage.model_validate(
        {
            "zarr_format": 3,
            "node_type": "group",
            "attributes": document["attributes"],
            "members": {
                level["path"]: (await served.get(f"{level['path']}/zarr.json")).json()
                for level in document["attributes"]["ome"]["multiscales"][0]["datasets"]
            },
        }
    )
    scale = image.ome_attributes.multiscales[0]
    assert [axis.name for axis in scale.axes] == ["t", "c", "z", "y", "x"]
    assert len(scale.datasets) == 3


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-99", 5, 100),
        ("bytes=100-", 100, None),
        ("bytes=-20", -20, None),
        ("bytes=-999999999", 0, None),
        ("bytes=7-999999999", 7, None),
        ("Bytes=1-2", 1, 3),
    ],
)
async def test_a_range_is_sent_alone(
    served: Served, asked: str, start: int, stop: int | None
) -> None:
    whole = (served.folder / served.shard).read_bytes()
    answer = await served.get(served.shard, Range=asked)
    assert answer.status_code == 206
    assert answer.content == whole[start:stop]
    first = start if start >= 0 else len(whole) + start
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(whole)}"
    assert answer.headers["content-length"] == str(len(answer.content))


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=0-1,5-6", "bytes=-", "bytes=9-3", "bytes=a-b", "items=0-5", "bytes=0-5;q=1",
        "bytes=" + "9" * 5000 + "-", "bytes=²-",
    ],
)  # fmt: skip
async def test_several_ranges_or_a_malformed_one_get_everything(served: Served, asked: str) -> None:
    headers = {b"Range": asked.encode("latin-1"), **_raw(served)}
    answer = await served.clients[None].get(f"{served.base}/{served.shard}", headers=headers)
    assert answer.status_code == 200
    assert answer.content == (served.folder / served.shard).read_bytes()
    assert "content-range" not in answer.headers


def _raw(served: Served) -> dict[bytes, bytes]:
    return {b"Authorization": served.clients.world.bearer("owner")["Authorization"].encode()}


@pytest.mark.parametrize("asked", ["bytes={size}-", "bytes={size}-{more}", "bytes=-0"])
async def test_a_range_outside_the_file_cannot_be_met(served: Served, asked: str) -> None:
    size = (served.folder / served.shard).stat().st_size
    answer = await served.get(served.shard, Range=asked.format(size=size, more=size + 9))
    assert answer.status_code == 416
    assert answer.content == b""
    assert answer.headers["content-range"] == f"bytes */{size}"


async def test_a_range_holds_only_for_the_file_it_was_meant_for(served: Served) -> None:
    etag = (await served.get(served.shard)).headers["etag"]
    size = (served.folder / served.shard).stat().st_size
    same = await served.get(served.shard, **{"Range": "bytes=0-9", "If-Range": etag})
    assert (same.status_code, len(same.content)) == (206, 10)
    for other in ('"other"', f"W/{etag}", "Wed, 21 Oct 2015 07:28:00 GMT"):
        answer = await served.get(served.shard, **{"Range": "bytes=0-9", "If-Range": other})
        assert (answer.status_code, len(answer.content)) == (200, size)


async def test_a_file_the_client_has_is_not_sent_again(served: Served) -> None:
    first = await served.get(served.shard)
    etag = first.headers["etag"]
    for sent in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        answer = await served.get(served.shard, **{"If-None-Match": sent, "Range": "bytes=0-9"})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    etags = {(await served.get(path)).headers["etag"] for path in ("zarr.json", "0/zarr.json")}
    assert len(etags | {etag}) == 3


async def test_head_describes_the_whole_file(served: Served) -> None:
    size = (served.folder / served.shard).stat().st_size
    for headers in ({}, {"Range": "bytes=0-9"}):
        answer = await served.get(served.shard, method="HEAD", **headers)
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-length"] == str(size)
        assert answer.headers["accept-ranges"] == "bytes"
    assert (await served.get("0/c/9/9/9/9/9", method="HEAD")).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "0/c/0/0/0/9/9", ".zattrs", ".zgroup", ".zmetadata", "0", "0/c", "", ".", "..",
        "../", "..%2f", "..%2fzarr.json", "0/..%2f..%2f..%2fimagehub.db",
        "%2e%2e/%2e%2e/server.key", "%2f%2fetc%2fpasswd", "0//zarr.json", "./%2e/zarr.json",
        "%2fetc%2fpasswd", "/etc/passwd", "//etc/passwd", "///etc/passwd",
        "zarr.json%00", "%00", "0%00/zarr.json",
        "..\\..\\server.key", "..%5c..%5cserver.key", "%5cetc%5cpasswd", "c:%5cwindows",
        "zarr.json/", "zarr.json/x", "%ff%fe", "0/%2e%2e/zarr.json", "x" * 5000,
        "a/" * 2000,
    ],
)  # fmt: skip
async def test_what_is_not_a_file_of_the_group_is_a_plain_404(served: Served, path: str) -> None:
    answer = await served.get(path)
    assert answer.status_code == 404
    assert answer.content == b"not found"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_link_in_the_group_leads_nowhere(shared_app: AppClients) -> None:
    served = await stored(shared_app, noise((1, 1, 1, 20, 20)))
    (served.folder / "0" / "key").symlink_to(shared_app.settings.data / "server.key")
    (served.folder / "out").symlink_to(shared_app.settings.data)
    for path in ("0/key", "out/server.key"):
        assert (await served.get(path)).status_code == 404


async def test_a_file_that_vanishes_while_it_is_asked_for_is_not_found(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await stored(shared_app, noise((1, 1, 1, 20, 20)))
    found = shared_app.world.infrastructure.pixels.file

    def then_gone(key: str, path: str) -> Any:
        one = found(key, path)
        (served.folder / path).unlink()
        return one

    monkeypatch.setattr(
        type(shared_app.world.infrastructure.pixels), "file", staticmethod(then_gone)
    )
    answer = await served.get("0/zarr.json")
    assert (answer.status_code, answer.content) == (404, b"not found")


async def test_who_may_not_see_the_image_finds_no_file(served: Served) -> None:
    for who, status in (("stranger", 404), ("reader", 404), (None, 404), ("annotator", 200)):
        for path in ("zarr.json", served.shard):
            answer = await served.get(path, who)
            assert answer.status_code == status, (who, path)
            assert status == 200 or answer.content == b"not found"


async def test_a_wrong_token_is_refused_and_never_taken_for_nobody(served: Served) -> None:
    async with served.clients.client(headers={"Authorization": "Bearer ihb_no"}) as client:
        answer = await client.get(f"{served.base}/zarr.json")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"].startswith("text/plain")


# Signed addresses


async def url(served: Served, who: str = "owner", seconds: int = 60) -> str:
    services = served.clients.app.state.services
    actor = await load_actor(served.clients.world.database, served.clients.world.people[who])
    return signed_url(services.sealing, actor, served.id, seconds)


async def test_a_signed_address_opens_the_image_without_a_credential(served: Served) -> None:
    base = await url(served)
    assert base.startswith("/zarr/signed/")
    assert base.endswith(f"/{served.id}.zarr")
    nobody = served.clients[None]
    answer = await nobody.get(f"{base}/{served.shard}", headers={"Range": "bytes=3-12"})
    assert answer.status_code == 206
    assert answer.content == (served.folder / served.shard).read_bytes()[3:13]
    assert (await nobody.head(f"{base}/zarr.json")).status_code == 200
    assert (await nobody.get(f"{base}/0/c/9/9/9/9/9")).content == b"not found"
    assert (await nobody.get(f"{base}/..%2f..%2fserver.key")).status_code == 404


async def test_a_signed_address_is_good_for_its_image_alone(shared_app: AppClients) -> None:
    first = await stored(shared_app, noise((1, 1, 1, 20, 20)))
    second = await stored(shared_app, noise((1, 1, 1, 20, 20)))
    base = await url(first)
    turned = base.replace(f"/{first.id}.zarr", f"/{second.id}.zarr")
    damaged = base.replace("/zarr/signed/", "/zarr/signed/1")
    for address in (turned, damaged, f"/zarr/signed/x/{first.id}.zarr"):
        answer = await shared_app[None].get(f"{address}/zarr.json")
        assert answer.status_code == 401
        assert b"signed address" in answer.content
    # The owner's token does not help, either: only the signature counts here.
    assert (await shared_app["owner"].get(f"{turned}/zarr.json")).status_code == 401


async def test_a_signed_address_gives_what_its_signer_may_see_now(shared_app: AppClients) -> None:
    served = await stored(shared_app, noise((1, 1, 1, 20, 20)))
    base = await url(served, "stranger")
    assert (await shared_app[None].get(f"{base}/zarr.json")).status_code == 404
    world = shared_app.world
    grants = (await world.hub("owner")).people.grants
    grant = await grants.give("image", served.id, "read", user_id=world.people["stranger"])
    assert (await shared_app[None].get(f"{base}/zarr.json")).status_code == 200
    await grants.revoke(grant.id)
    assert (await shared_app[None].get(f"{base}/zarr.json")).status_code == 404


async def test_a_signed_address_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    base = await url(served, seconds=30)
    later = now_ms() + 31_000
    monkeypatch.setattr(signed, "now_ms", lambda: later)
    answer = await served.clients[None].get(f"{base}/zarr.json")
    assert answer.status_code == 401
    assert b"ended" in answer.content


async def test_a_signed_address_may_be_read_by_every_page_and_others_may_not(
    served: Served,
) -> None:
    page = {"Origin": "https://viewer.example"}
    base, nobody = await url(served), served.clients[None]
    answer = await nobody.get(f"{base}/zarr.json", headers=page)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "Content-Range" in answer.headers["access-control-expose-headers"]
    missing = await nobody.get(f"{base}/0/c/9/9/9/9/9", headers=page)
    assert missing.headers["access-control-allow-origin"] == "*"
    asking = page | {
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "range",
    }
    preflight = await nobody.options(f"{base}/{served.shard}", headers=asking)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "Range" in preflight.headers["access-control-allow-headers"]
    plain = await served.get("zarr.json", **page)
    assert "access-control-allow-origin" not in plain.headers


async def test_graphql_makes_signed_addresses(served: Served) -> None:
    query = "query($id: ID!, $s: Int! = 3600) { image(id: $id) { signedZarrUrl(expiresIn: $s) } }"

    async def ask(who: str | None, **variables: Any) -> Any:
        body = {"query": query, "variables": {"id": encode_id("Image", served.id), **variables}}
        return (await served.clients[who].post("/graphql", json=body)).json()

    found = (await ask("owner"))["data"]["image"]["signedZarrUrl"]
    assert (await served.clients[None].get(f"{found}/zarr.json")).status_code == 200
    for who in ("stranger", None):
        assert (await ask(who))["data"]["image"] is None
    for seconds in (0, -5, 3601):
        (error,) = (await ask("owner", s=seconds))["errors"]
        assert error["extensions"]["code"] == "invalid"
        assert error["extensions"]["field"] == "expiresIn"


async def test_who_may_sign_and_for_how_long(served: Served) -> None:
    world = served.clients.world
    sealing = served.clients.app.state.services.sealing
    person = await load_actor(world.database, world.people["owner"])
    by_token = await load_actor(world.database, world.people["owner"], scopes=["read"])
    assert signed_url(sealing, person, 5, 7 * 24 * 3600)
    assert signed_url(sealing, by_token, 5, 3600)
    for actor, seconds in ((person, 7 * 24 * 3600 + 1), (by_token, 3601), (person, 0)):
        with pytest.raises(Invalid, match="expiresIn"):
            signed_url(sealing, actor, 5, seconds)
    with pytest.raises(Unauthenticated):
        signed_url(sealing, await world.actor(None), 5, 60)


# Readers of others, over a socket


@dataclass
class Wire:
    """An image on a listening hub."""

    hub: LiveHub
    id: int
    samples: np.ndarray[Any, Any]

    @property
    def url(self) -> str:
        return f"{self.hub.url}/zarr/{self.id}.zarr"

    async def signed(self) -> str:
        """Ask for an address that needs no credential."""
        query = f'{{ image(id: "{encode_id("Image", self.id)}") {{ signedZarrUrl }} }}'
        async with httpx.AsyncClient(headers=self.hub.world.bearer("owner")) as client:
            answer = await client.post(f"{self.hub.url}/graphql", json={"query": query})
        return self.hub.url + str(answer.json()["data"]["image"]["signedZarrUrl"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wire(shared_live: LiveHub) -> AsyncIterator[Wire]:
    samples = noise((2, 2, 1, 500, 2300))
    image = await shared_live.world.image("owner", samples)
    yield Wire(shared_live, image.id, samples)


async def test_zarr_python_reads_an_image_with_a_token(wire: Wire) -> None:
    def read() -> tuple[Any, ...]:
        options = {"headers": wire.hub.world.bearer("owner")}
        store = zarr.storage.FsspecStore.from_url(wire.url, storage_options=options, read_only=True)
        group = zarr.open_group(store, mode="r")
        return group.attrs.asdict(), group["0"][...], group["1"][1, 0], group["0"][0, 1, 0, :9, -7:]

    attributes, whole, level, corner = await asyncio.to_thread(read)
    assert np.array_equal(whole, wire.samples)
    assert np.array_equal(corner, wire.samples[0, 1, 0, :9, -7:])
    squares = wire.samples[1, 0].reshape(1, 250, 2, 1150, 2).astype(float)
    assert np.array_equal(level, np.floor(squares.mean(axis=(2, 4)) + 0.5))
    assert attributes["ome"]["version"] == "0.5"
    async with httpx.AsyncClient(headers=wire.hub.world.bearer("owner")) as client:
        members = {str(n): (await client.get(f"{wire.url}/{n}/zarr.json")).json() for n in range(5)}
    checked = OmeZarrImage.model_validate(
        {"zarr_format": 3, "node_type": "group", "attributes": attributes, "members": members}
    )
    assert len(checked.ome_attributes.multiscales[0].datasets) == 5


async def test_zarr_python_is_refused_without_a_token(wire: Wire) -> None:
    def read() -> None:
        store = zarr.storage.FsspecStore.from_url(wire.url, read_only=True)
        zarr.open_group(store, mode="r")

    with pytest.raises(FileNotFoundError):
        await asyncio.to_thread(read)


@pytest.mark.parametrize("way", ["a token", "a signed address"])
async def test_tensorstore_reads_an_image(wire: Wire, way: str) -> None:
    headers, base = [], wire.url
    if way == "a token":
        headers = [f"{name}: {value}" for name, value in wire.hub.world.bearer("owner").items()]
    else:
        base = await wire.signed()

    def read(level: int) -> Any:
        store = {"driver": "http", "base_url": f"{base}/{level}/", "headers": headers}
        return tensorstore.open({"driver": "zarr3", "kvstore": store}).result()

    first = await asyncio.to_thread(lambda: read(0).read().result())
    assert np.array_equal(first, wire.samples)
    corner = await asyncio.to_thread(lambda: read(0)[1, 1, 0, 490:, 2290:].read().result())
    assert np.array_equal(corner, wire.samples[1, 1, 0, 490:, 2290:])


async def test_the_path_on_the_wire_cannot_leave_the_group(wire: Wire) -> None:
    """Clients tidy paths up before they send them, so these go out by hand."""
    token = wire.hub.world.bearer("owner")["Authorization"]
    own = f"/zarr/{wire.id}.zarr"
    for path in (
        f"{own}/../../server.key", f"{own}/..%2f..%2fserver.key", f"{own}/%2e%2e/%2e%2e/server.key",
        f"{own}/0/../../../../server.key", f"{own}//etc/passwd", f"{own}/%2fetc%2fpasswd",
        f"{own}/..\\..\\server.key", f"{own}/%00",
    ):  # fmt: skip
        said = await asyncio.to_thread(_by_hand, wire.hub.port, path, token)
        assert said.startswith(b"HTTP/1.1 404 ") or said.startswith(b"HTTP/1.1 400 "), path
        assert b"root:" not in said
        assert b"not found" in said or b"Invalid" in said or b"nothing at" in said


def _by_hand(port: int, path: str, authorization: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 10) as line:
        line.sendall(
            f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: {authorization}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        said = b""
        while more := line.recv(65536):
            said += more
    return said


async def test_a_large_file_comes_whole_and_in_ranges_over_a_socket(wire: Wire) -> None:
    path = f"{wire.url}/0/c/0/0/0/0/0"
    async with httpx.AsyncClient(headers=wire.hub.world.bearer("owner")) as client:
        whole = (await client.get(path)).content
        assert len(whole) > 1 << 20
        part = await client.get(path, headers={"Range": f"bytes=17-{len(whole) - 5}"})
        assert part.content == whole[17:-4]
        index = await client.get(path, headers={"Range": "bytes=-100"})
        assert index.content == whole[-100:]
        head = await client.head(path)
        assert int(head.headers["content-length"]) == len(whole)


async def test_ome_zarr_py_reads_a_signed_address(wire: Wire) -> None:
    address = await wire.signed()

    def read() -> list[Any]:
        place = parse_url(address)
        (node,) = Reader(place)()
        return [np.asarray(level) for level in node.data]

    levels = await asyncio.to_thread(read)
    assert np.array_equal(levels[0], wire.samples)
    assert [level.shape[-2:] for level in levels[:3]] == [(500, 2300), (250, 1150), (125, 575)]
