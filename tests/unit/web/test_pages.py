"""The routes of the pages: with a build, without one, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from web.pages import graphiql_page, graphiql_response, page_routes


def client(static: Path) -> httpx.AsyncClient:
    data = Route("/app/session", lambda _request: JSONResponse({"user": None}))
    application = Starlette(routes=[data, *page_routes(static)])
    transport = httpx.ASGITransport(app=application)
    return httpx.AsyncClient(transport=transport, base_url="http://hub")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_bytes(b"<title>landing</title>")
    (static / "graphiql.html").write_bytes(b"<title>graphiql</title>")
    (static / "assets" / "index-abc123.js").write_bytes(b"export {}")
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return static


@pytest.mark.parametrize("path", ["/", "/app", "/app/", "/app/images/7", "/app/images/7/"])
async def test_pages_of_the_client_are_the_landing_page(built, path):
    async with client(built) as http:
        answer = await http.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert answer.status_code == 200
    assert answer.content == b"<title>landing</title>"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path", ["/app/about", "/app/images/7.json", "/app/session/x", "/images/7", "/zarr/7.zarr/0/c"]
)
async def test_the_fallback_never_stands_in_for_data(built, path):
    async with client(built) as http:
        answer = await http.get(path)
    assert answer.status_code == 404
    assert b"landing" not in answer.content


async def test_a_program_that_wants_json_gets_no_page(built):
    async with client(built) as http:
        answer = await http.get("/app/images/7", headers={"Accept": "application/json"})
        data = await http.get("/app/session", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert data.json() == {"user": None}


async def test_built_files_may_be_kept_for_ever(built):
    async with client(built) as http:
        answer = await http.get("/assets/index-abc123.js")
        again = await http.get("/assets/index-abc123.js", headers={"Range": "bytes=0-5"})
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert again.status_code == 206
    assert again.content == b"export"


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="nothing"),
        pytest.param("missing.js", id="missing"),
        pytest.param("../index.html", id="parent"),
        pytest.param("..%2f..%2fsecret.txt", id="encoded-parent"),
        pytest.param("%2fetc%2fpasswd", id="absolute"),
        pytest.param("a%00b", id="null-byte"),
        pytest.param("x" * 5000, id="too-long"),
    ],
)
async def test_no_path_leads_out_of_the_assets(built, path):
    async with client(built) as http:
        answer = await http.get(f"/assets/{path}")
    assert answer.status_code == 404
    assert b"secret" not in answer.content


async def test_the_policy_lets_nothing_in_from_elsewhere(built):
    async with client(built) as http:
        answer = await http.get("/")
    rules = dict(
        part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; ")
    )
    assert rules["default-src"] == "'self'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert not any("http" in rule or "*" in rule for rule in rules.values())


async def test_without_a_build_the_page_says_how_to_get_one(tmp_path):
    async with client(tmp_path) as http:
        answer = await http.get("/app/images/7")
        asset = await http.get("/assets/index.js")
    assert answer.status_code == 200
    assert "make web" in answer.text
    assert "Node 20" in answer.text
    assert asset.status_code == 404
    assert graphiql_page(tmp_path) is None
    assert b"make web" in graphiql_response(tmp_path).body


def test_graphiql_is_handed_out_with_its_policy(built):
    assert graphiql_page(built) == b"<title>graphiql</title>"
    answer = graphiql_response(built)
    assert answer.body == b"<title>graphiql</title>"
    assert "content-security-policy" in answer.headers


async def test_the_icon_is_there_without_a_build(tmp_path):
    async with client(tmp_path) as http:
        answer = await http.get("/favicon.ico")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.content.startswith(b"<svg")
