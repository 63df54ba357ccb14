"""The application as a whole: who gets through which door, and how it answers at the wrong one."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from starlette.routing import Route, WebSocketRoute

from schema.scalars import encode_id
from store.access.load import load_actor
from store.tables.containers import Project
from store.tables.images import Image
from tests.fixtures.app import AppClients, LiveHub, application, settings_for
from web.bootstrap import read_settings
from web.dialects import TABLE, UNKNOWN, Readers, dialect_of
from web.rest.cytomine.urls import ROUTES as CYTOMINE_ROUTES
from web.rest.omero.urls import ROUTES as OMERO_ROUTES
from web.zarr import signed_url

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGN_IN_FIRST = ("/webclient", "/webgateway", "/iviewer", "/static/webclient", "/static/webgateway")
PUBLIC = {
    "/",
    "/app",
    "/app/{path:path}",
    "/assets/{path:path}",
    "/favicon.ico",
    "/app/about",
    "/app/session",
    "/healthz",
    "/readyz",
}
"""What everybody may fetch: pages, their files, signs of life, the sign-in. It knows no data."""

TRIED = {
    "/graphql": (),
    "/metrics": ("/metrics",),
    "/tiles/{image:number}/thumbnail": ("/tiles/{id}/thumbnail", "/tiles/{id}/thumbnail?v=1"),
    "/tiles/{image:number}/picture": ("/tiles/{id}/picture?level=0&format=png",),
    "/tiles/{image:number}/region": ("/tiles/{id}/region", "/tiles/{id}/region?v=1&c=0&z=:"),
    "/tiles/{image:number}/{level:number}/{y:number}/{x:number}": ("/tiles/{id}/0/0/0",),
    "/zarr/{image:number}.zarr": ("/zarr/{id}.zarr",),
    "/zarr/{image:number}.zarr/{path:path}": (
        "/zarr/{id}.zarr/", "/zarr/{id}.zarr/zarr.json", "/zarr/{id}.zarr/0/zarr.json",
        "/zarr/{id}.zarr/0/c/0/0/0/0/0",
    ),
    "/zarr/signed/{signature}/{image:number}.zarr": ("/zarr/signed/{signature}/{id}.zarr",),
    "/zarr/signed/{signature}/{image:number}.zarr/{path:path}": (
        "/zarr/signed/{signature}/{id}.zarr/zarr.json",
        "/zarr/signed/{signature}/{id}.zarr/0/c/0/0/0/0/0",
    ),
    "/transfers/images/{image:number}": (
        "/transfers/images/{id}", "/transfers/images/{id}?format=ome-zarr",
    ),
    "/transfers/files/{file:number}": ("/transfers/files/{file}",),
}  # fmt: skip
"""Every other route of the hub's own, with addresses that show something to who may see the image.

Those of the dialects are tried by `test_strangers_omero` and `test_strangers_cytomine`.
"""


def everything(app: Any) -> set[str]:
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.routes)
    return {route.path for route in app.routes}


async def addresses(hub: AppClients, image: Image, who: str) -> list[str]:
    """Return every address of `TRIED` for an image, signed by somebody."""
    world = hub.world
    actor = await load_actor(world.database, world.people[who])
    url = signed_url(hub.app.state.services.sealing, actor, image.id, 60)
    signature = url.split("/")[3]
    return [
        one.format(id=image.id, file=image.file_id, signature=signature)
        for some in TRIED.values()
        for one in some
    ]


async def test_every_route_is_public_by_intent_or_tried_as_a_stranger(
    database_url: str, tmp_path: Path
) -> None:
    async with application(settings_for(database_url, tmp_path)) as hub:
        await try_every_route(hub)


async def try_every_route(hub: AppClients) -> None:
    elsewhere = {route.path for route in (*OMERO_ROUTES, *CYTOMINE_ROUTES)}
    known = PUBLIC | set(TRIED) | elsewhere
    assert everything(hub.app) == known, "say of a new route who may use it"
    image = await hub.world.image("owner", np.full((1, 1, 1, 40, 40), 0x5A, "uint8"), name="SEEN")
    for address in await addresses(hub, image, "owner"):
        answer = await hub["owner"].get(address)
        ends = (".zarr", ".zarr/")  # the group itself is no file
        wanted = 404 if address.endswith(ends) else 200
        assert answer.status_code == wanted, address
    for who in ("stranger", "reader", None):
        async with hub.client("203.0.113.9", headers=hub.world.bearer(who)) as client:
            for method in ("GET", "HEAD"):
                for address in await addresses(hub, image, "stranger"):
                    answer = await client.request(method, address)
                    told = (who, method, address, answer.status_code)
                    refused = 401 if who is None else 403
                    assert answer.status_code == (refused if address == "/metrics" else 404), told
                    assert b"ZZZ" not in answer.content, told
                    assert b"SEEN" not in answer.content, told
                    assert len(answer.content) < 200, told
                    assert "etag" not in answer.headers, told
                    assert answer.headers["cache-control"] == "no-store", told


async def test_every_route_refuses_a_wrong_credential(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
    wrong = {
        "Authorization": ["Bearer ihb_wrong", "Basic b3duZXI6d3Jvbmc=", "Digest x", "Bearer"],
        "Cookie": ["sessionid=wrong"],
        "X-Link-Token": ["ihl_wrong"],
    }
    open_anyway = ("/zarr/signed/", "/metrics")
    asked = await addresses(shared_app, image, "owner")
    for header, values in wrong.items():
        for value in values:
            async with shared_app.client("203.0.113.9", headers={header: value}) as client:
                for address in asked:
                    if address.startswith(open_anyway):
                        continue
                    answer = await client.get(address)
                    assert answer.status_code == 401, (header, value, address)
                    assert answer.headers["www-authenticate"] == 'Bearer realm="imagehub"'


async def test_graphql_shows_a_stranger_nothing_of_an_image(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
    query = "query($id: ID!) { node(id: $id) { id } images { nodes { id } } image(id: $id) { id } }"
    body = {"query": query, "variables": {"id": encode_id("Image", image.id)}}
    for who in ("stranger", "reader", None):
        found = (await shared_app[who].post("/graphql", json=body)).json()["data"]
        assert found == {"node": None, "images": {"nodes": []}, "image": None}
    assert (await shared_app["owner"].post("/graphql", json=body)).json()["data"]["image"]


# The wrong door


@pytest.mark.parametrize(
    "path",
    [
        "/nothing", "/modules", "/objects", "/apix", "/webclientx/", "/tilex",
        "/tiles", "/tiles/", "/tiles/x/thumbnail", "/tiles/1/thumbnail/", "/tiles/1/0/0",
        "/tiles/-1/thumbnail", "/tiles/1/-1/0/0", "/transfers/", "/transfers/images/1/",
        "/healthz/", "/readyz/", "/metrics/", "/graphql/", "/app/session/x", "/app/about/",
        "/server.key", "/..%2fserver.key", "//tiles/1/thumbnail", "/%00", "/a%0d%0ab",
        "/" + "x" * 5000,
    ],
)  # fmt: skip
async def test_an_unknown_address_is_a_json_404(shared_app: AppClients, path: str) -> None:
    answer = await shared_app[None].get(path)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    error = answer.json()["error"]
    assert error["code"] == "not_found"
    assert error["message"].startswith("There is nothing at /")
    assert len(answer.content) < 500
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/zarr", "/zarr/", "/zarr/5", "/zarr/x.zarr/zarr.json"])
async def test_an_unknown_address_of_zarr_is_a_plain_404(shared_app: AppClients, path: str) -> None:
    answer = await shared_app[None].get(path)
    assert (answer.status_code, answer.text) == (404, "not found")


async def test_an_unknown_address_of_a_dialect_is_refused_in_its_words(
    shared_app: AppClients,
) -> None:
    for path in ("/api/v9/", "/webgateway/nothing/", "/webclient/api/nothing/", "/iviewer/x/y/z/"):
        answer = await shared_app[None].get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"].startswith("text/html")
    answer = await shared_app[None].get("/api/nothing.json")
    assert (answer.status_code, answer.json()["success"]) == (404, False)


async def test_nobody_is_ever_redirected(shared_app: AppClients) -> None:
    for route in everything(shared_app.app):
        path = re.sub(r"\{[^}]*\}", "1", route)
        for address in (path, f"{path}/", path.rstrip("/") or "/"):
            for who in ("owner", None):
                answer = await shared_app[who].get(address)
                if who is None and address.startswith(SIGN_IN_FIRST):
                    # People whom a pasted link brought here; never for a slash.
                    told = answer.headers.get("location", "/webclient/login/?url=")
                    assert told.startswith("/webclient/login/?url="), address
                    continue
                assert not answer.has_redirect_location, address
                assert not 300 <= answer.status_code < 400, address


async def test_a_wrong_method_is_told_with_those_that_are_right(shared_app: AppClients) -> None:
    for route in (PUBLIC | set(TRIED)) - {"/graphql"}:
        path = re.sub(r"\{[^}]*\}", "1", route)
        for method in ("PATCH", "OPTIONS", "TRACE", "BREW"):
            answer = await shared_app["owner"].request(method, path)
            assert answer.status_code == 405, (method, path)
            session = path == "/app/session"
            allowed = "DELETE, GET, HEAD, POST" if session else "GET, HEAD"
            assert answer.headers["allow"] == allowed
            assert allowed in answer.text
            if not answer.headers["content-type"].startswith("text/plain"):
                assert answer.json()["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_is_written_by_the_routes_that_show(
    shared_app: AppClients, method: str
) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
    before = await shared_app.world.stored()
    for address in await addresses(shared_app, image, "owner"):
        assert (await shared_app["owner"].request(method, address)).status_code == 405
    assert await shared_app.world.stored() == before


async def test_a_path_has_one_dialect() -> None:
    named = {
        "/graphql": "graphql", "/graphql/x": "graphql", "/graphqlx": "unknown",
        "/zarr/5.zarr/zarr.json": "zarr", "/zarr/signed/x/5.zarr": "zarr, signed",
        "/zarrx": "unknown", "/tiles/5/0/0/0": "tiles", "/transfers/images/5": "transfers",
        "/": "pages", "/app": "pages", "/app/images/5": "pages", "/assets/a.js": "pages",
        "/app/session": "session", "/app/about": "session", "/app/sessions": "pages",
        "/favicon.ico": "pages", "/metrics": "metrics", "/healthz": "health", "/readyz": "health",
        "/api/": "omero", "/api": "omero", "/api/v0/m/projects/7": "omero",
        "/api/v0.json": "cytomine",
        "/api/project.json": "cytomine", "/api/version": "cytomine", "/server/ping": "cytomine",
        "/server/pingx": "unknown", "/session/admin/open.json": "cytomine", "/upload": "cytomine",
        "/command/undo.json": "cytomine", "/webclient/api/links/": "omero, pages",
        "/static/webclient/image/image16.png": "omero, pages", "/static/x": "unknown",
        "/tile": "omero, pixels", "/tile/1/0/0/0": "omero, pixels", "/tilex": "unknown",
        "": "unknown", "/x\n/zarr/": "unknown",
    }  # fmt: skip
    assert {path: dialect_of(path).name for path in named} == named
    assert len({one.name for one in TABLE}) == len(TABLE)


async def test_every_route_has_a_dialect_and_only_signed_paths_are_for_every_page(
    shared_app: AppClients,
) -> None:
    for route in everything(shared_app.app):
        path = re.sub(r"\{[^}]*\}", "1", route)
        dialect = dialect_of(path)
        assert dialect is not UNKNOWN, route
        assert (dialect.readers is Readers.ANYONE) == path.startswith("/zarr/signed/")


# Pages of other sites


async def test_pages_elsewhere_may_read_only_if_they_are_listed(
    sqlite_url: str, tmp_path: Path
) -> None:
    lab, other = "https://lab.example", "https://other.example"
    settings = settings_for(sqlite_url, tmp_path, cors_origins=(lab,))
    async with application(settings) as hub:
        image = await hub.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
        paths = [f"/tiles/{image.id}/0/0/0", f"/zarr/{image.id}.zarr/zarr.json", "/tiles/1/0/0/0",
                 f"/transfers/images/{image.id}", "/app/session", "/graphql"]  # fmt: skip
        for path in paths:
            asking = {"Access-Control-Request-Method": "GET"}
            allowed = await hub["owner"].get(path, headers={"Origin": lab})
            assert allowed.headers["access-control-allow-origin"] == lab, path
            assert allowed.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in allowed.headers["vary"]
            refused = await hub["owner"].get(path, headers={"Origin": other})
            assert "access-control-allow-origin" not in refused.headers
            preflight = await hub[None].options(path, headers={"Origin": lab, **asking})
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == lab
            preflight = await hub[None].options(path, headers={"Origin": other, **asking})
            assert preflight.status_code == 400
            assert "access-control-allow-origin" not in preflight.headers
        for path in ("/healthz", "/metrics", "/", "/nothing"):
            answer = await hub[None].get(path, headers={"Origin": lab})
            assert "access-control-allow-origin" not in answer.headers, path
        range_too = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization, range",
        }
        preflight = await hub[None].options(paths[1], headers={"Origin": lab, **range_too})
        assert preflight.status_code == 200


async def test_without_a_list_no_page_elsewhere_may_read(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
    for path in (f"/tiles/{image.id}/0/0/0", f"/zarr/{image.id}.zarr/zarr.json", "/graphql"):
        answer = await shared_app["owner"].get(path, headers={"Origin": "https://lab.example"})
        assert answer.status_code == 200
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_a_list_of_every_page_is_refused() -> None:
    given = read_settings({"IMAGEHUB_CORS_ORIGINS": "https://a.example, https://b.example"})
    assert given.cors_origins == ("https://a.example", "https://b.example")
    with pytest.raises(ValueError, match="IMAGEHUB_CORS_ORIGINS"):
        read_settings({"IMAGEHUB_CORS_ORIGINS": "*"})


# Nobody


async def test_the_public_account_shows_its_images_and_changes_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = settings_for(sqlite_url, tmp_path, public_user="reader")
    async with application(settings) as hub:
        public = await hub.world.image("reader", np.zeros((1, 1, 1, 40, 40), "uint8"))
        closed = await hub.world.image("owner", np.zeros((1, 1, 1, 40, 40), "uint8"))
        for image, status in ((public, 200), (closed, 404)):
            for path in ("tiles/{}/0/0/0", "zarr/{}.zarr/zarr.json", "transfers/images/{}"):
                answer = await hub[None].get("/" + path.format(image.id))
                assert answer.status_code == status, path
        before = await hub.world.stored()
        mutation = 'mutation { createProject(input: { name: "x" }) { __typename } }'
        answer = await hub[None].post("/graphql", json={"query": mutation})
        assert answer.json()["data"]["createProject"]["__typename"] == "ForbiddenError"
        assert await hub.world.stored() == before
        # A wrong credential is not taken for nobody.
        async with hub.client(headers={"Authorization": "Bearer ihb_no"}) as client:
            assert (await client.get(f"/tiles/{public.id}/0/0/0")).status_code == 401


async def test_a_public_account_that_does_not_exist_opens_nothing(
    sqlite_url: str, tmp_path: Path
) -> None:
    settings = settings_for(sqlite_url, tmp_path, public_user="missing")
    async with application(settings) as hub:
        image = await hub.world.image("reader", np.zeros((1, 1, 1, 40, 40), "uint8"))
        assert (await hub[None].get(f"/tiles/{image.id}/0/0/0")).status_code == 404


# Clients that leave

JSON = {"Content-Type": "application/json"}


def said(hub: LiveHub, head: str, body: bytes, sent: int, *, wait: bool = False) -> None:
    """Send the first bytes of a POST by hand, and leave; `wait` for the answer's first byte."""
    token = hub.world.bearer("owner")["Authorization"]
    lines = [f"POST {head} HTTP/1.1", "Host: hub", "Content-Type: application/json",
             f"Content-Length: {len(body)}", f"Authorization: {token}"]  # fmt: skip
    with socket.create_connection(("127.0.0.1", hub.port), 10) as line:
        line.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body[:sent])
        if wait:
            line.recv(1)


def creation(name: str) -> bytes:
    query = f'mutation {{ createProject(input: {{ name: "{name}" }}) {{ __typename }} }}'
    return json.dumps({"query": query}).encode()


async def settled(hub: LiveHub) -> dict[str, int]:
    """Return the number of rows of every table once it stays the same for a while."""
    while True:
        before = await hub.world.stored()
        await asyncio.sleep(0.3)
        if await hub.world.stored() == before:
            return before


async def test_a_client_that_leaves_in_the_middle_of_a_body_changes_nothing(
    shared_live: LiveHub,
) -> None:
    async with httpx.AsyncClient(base_url=shared_live.url) as client:
        headers = shared_live.world.bearer("owner")
        await client.post("/graphql", content=creation("first"), headers=headers | JSON)
        before = await settled(shared_live)
        for head in ("/graphql", "/app/session"):
            body = creation("half")
            for sent in (0, 1, len(body) // 2, len(body) - 1):
                await asyncio.to_thread(said, shared_live, head, body, sent)
        assert await settled(shared_live) == before
        assert (await client.get("/readyz")).status_code == 200
        metrics = (await client.get("/metrics")).text
        assert 'status="500"' not in metrics
        assert "imagehub_requests_open 1\n" in metrics


async def test_a_client_that_leaves_after_a_mutation_finds_it_done_whole_or_not_at_all(
    shared_live: LiveHub,
) -> None:
    world = shared_live.world
    async with httpx.AsyncClient(base_url=shared_live.url) as client:
        headers = world.bearer("owner") | JSON
        await client.post("/graphql", content=creation("first"), headers=headers)
        one = await settled(shared_live)
        await client.post("/graphql", content=creation("second"), headers=headers)
        two = await settled(shared_live)
        grows = {table: two[table] - count for table, count in one.items()}
        assert grows["project"] == 1
        for number in range(12):
            body = creation(f"left {number}")
            await asyncio.to_thread(
                said, shared_live, "/graphql", body, len(body), wait=number % 2 == 0
            )
        after = await settled(shared_live)
        made = after["project"] - two["project"]
        assert 6 <= made <= 12
        assert after == {table: count + made * grows[table] for table, count in two.items()}
        catalog = (await world.hub("owner")).catalog
        names = [project.name for project in await catalog.all(Project)]
        assert len({name for name in names if name.startswith("left")}) == made
        answer = await client.post("/graphql", content=creation("last"), headers=headers)
        assert answer.json()["data"]["createProject"]["__typename"] == "ProjectPayload"


async def test_a_client_that_leaves_while_it_is_answered_disturbs_nobody(
    shared_live: LiveHub,
) -> None:
    samples = np.random.default_rng(1).integers(0, 60000, (1, 3, 1, 2000, 2000)).astype("uint16")
    image = await shared_live.world.image("owner", samples)
    token = shared_live.world.bearer("owner")["Authorization"]

    def leave(path: str) -> None:
        with socket.create_connection(("127.0.0.1", shared_live.port), 10) as line:
            line.sendall(
                f"GET {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: {token}\r\n\r\n".encode()
            )
            assert line.recv(12) == b"HTTP/1.1 200"

    for path in (
        f"/zarr/{image.id}.zarr/0/c/0/0/0/0/0", f"/tiles/{image.id}/region",
        f"/transfers/images/{image.id}?format=ome-zarr", f"/transfers/images/{image.id}",
    ):  # fmt: skip
        await asyncio.to_thread(leave, path)
    async with httpx.AsyncClient(base_url=shared_live.url) as client:
        for _ in range(50):
            metrics = (await client.get("/metrics")).text
            if "imagehub_requests_open 1\n" in metrics:
                break
            await asyncio.sleep(0.1)
        assert "imagehub_requests_open 1\n" in metrics
        assert 'status="500"' not in metrics
    left = [path.name for path in shared_live.settings.data.iterdir()]
    assert not [name for name in left if name.startswith("export-")]
