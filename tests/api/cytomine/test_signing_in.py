"""Signed requests in all their forms, administration opened and closed, tokens by password."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

import httpx
import pytest

from adapters.keys import KeyPair, Keys
from adapters.people import People
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
HOST = "http://hub.test"


async def keys(served: AppClients, username: str) -> KeyPair:
    hub = await served.world.hub(username)
    return await Keys(hub.catalog, served.app.state.services.sealing).of(hub.actor.user_id or 0)


@dataclass
class Signer:
    """A client that signs as one generation does."""

    http: httpx.AsyncClient
    pair: KeyPair
    form: str = "A"

    async def send(
        self,
        method: str,
        path: str,
        *,
        kind: str = "",
        content: bytes = b"",
        signed_kind: Any = None,
    ) -> httpx.Response:
        date = formatdate(usegmt=False).replace("-0000", "+0000")
        text = f"{method}\n\n{kind if signed_kind is None else signed_kind}\n{date}"
        text += {"A": "", "B": f"\n{path}", "C": f"\n/api/{HOST}{path}"}[self.form]
        signature = base64.b64encode(
            hmac.new(self.pair.private.encode(), text.encode(), hashlib.sha1).digest()
        ).decode()
        headers = {
            "accept": "application/json, */*",
            "date": date,
            "X-Requested-With": "XMLHTTPRequest",
            "authorization": f"CYTOMINE {self.pair.public}:{signature}",
        }
        if kind:
            headers["content-type"] = kind
        return await self.http.request(method, path, headers=headers, content=content)


async def signer(served: AppClients, username: str, form: str = "A") -> Signer:
    return Signer(served[None], await keys(served, username), form)


@pytest.mark.parametrize("form", ["A", "B", "C"])
@pytest.mark.parametrize("path", ["/server/ping", "/server/ping.json", "/server/ping?x=%41+b"])
async def test_every_form_of_signature_is_taken(
    shared_app: AppClients, form: str, path: str
) -> None:
    client = await signer(shared_app, "owner", form)
    answer = (await client.send("GET", path)).json()
    assert answer["alive"] is True
    assert answer["authenticated"] is True
    assert answer["user"] == shared_app.world.people["owner"]
    assert answer["serverURL"] == HOST


async def test_a_client_that_leaves_the_content_type_out_is_believed(
    shared_app: AppClients,
) -> None:
    client = await signer(shared_app, "owner")
    answer = await client.send(
        "POST", "/server/ping", kind="application/json", content=b"{}", signed_kind=""
    )
    assert answer.json()["authenticated"] is True


async def test_the_server_answers_whoever_asks(shared_app: AppClients) -> None:
    nobody = await shared_app[None].get("/server/ping")
    assert (nobody.status_code, nobody.json()["authenticated"]) == (200, False)
    wrong = Signer(shared_app[None], KeyPair(1, "unknown", "secret"))
    answer = await wrong.send("GET", "/server/ping.json")
    assert (answer.status_code, answer.json()["user"]) == (200, None)
    again = await shared_app[None].post("/server/ping.json")
    assert again.json()["serverID"] == nobody.json()["serverID"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("change", ["private", "public", "scheme", "nothing"])
async def test_a_wrong_key_is_refused_in_json(shared_app: AppClients, change: str) -> None:
    pair = await keys(shared_app, "owner")
    wrong = {
        "private": KeyPair(pair.user_id, pair.public, "another"),
        "public": KeyPair(pair.user_id, "another", pair.private),
    }.get(change, pair)
    client = Signer(shared_app[None], wrong)
    path = "/session/admin/info.json"
    if change in ("scheme", "nothing"):
        headers = {"authorization": "CYTOMINE x"} if change == "scheme" else {}
        answer = await shared_app[None].get(path, headers=headers)
    else:
        answer = await client.send("GET", path)
    assert answer.status_code == 401
    body = answer.json()
    assert body["success"] is False
    assert body["errors"] == body["message"] != ""
    assert body["errorValues"] == {}


async def test_a_cookie_is_not_taken(shared_app: AppClients) -> None:
    hub = await shared_app.world.hub("root")
    await People(hub.catalog).set_password(shared_app.world.people["owner"], "a good long word")
    services = shared_app.app.state.services
    opened = await services.credentials.login("owner", "a good long word", address="")
    cookies = {"Cookie": f"sessionid={opened.key}"}
    answer = await shared_app[None].get("/session/admin/info.json", headers=cookies)
    assert answer.status_code == 401


PLAIN = {"admin": False, "user": True, "guest": False,
         "adminByNow": False, "userByNow": True, "guestByNow": True}  # fmt: skip


async def test_an_administrator_acts_as_one_only_between_open_and_close(
    shared_app: AppClients,
) -> None:
    root = await signer(shared_app, "root", "C")
    closed = (await root.send("GET", "/session/admin/info.json")).json()
    assert (closed["admin"], closed["adminByNow"]) == (True, False)
    opened = (await root.send("GET", "/session/admin/open.json")).json()
    assert (opened["admin"], opened["adminByNow"]) == (True, True)
    info = (await root.send("GET", "/session/admin/info.json")).json()
    assert info["adminByNow"] is True
    shut = (await root.send("GET", "/session/admin/close.json")).json()
    assert shut["adminByNow"] is False
    assert (await root.send("GET", "/session/admin/info.json")).json() == closed


async def test_nobody_else_opens_administration(shared_app: AppClients) -> None:
    owner = await signer(shared_app, "owner")
    assert (await owner.send("GET", "/session/admin/open.json")).status_code == 403
    assert (await owner.send("GET", "/session/admin/close.json")).json() == PLAIN
    assert (await owner.send("GET", "/session/admin/info.json")).json() == PLAIN


async def test_a_password_gives_a_bearer_token(shared_app: AppClients) -> None:
    hub = await shared_app.world.hub("root")
    await People(hub.catalog).set_password(shared_app.world.people["owner"], "a good long word")
    sent = {"username": "owner", "password": "a good long word", "rememberMe": True}
    answer = await shared_app[None].post("/api/authenticate", json=sent)
    assert answer.status_code == 200
    headers = {"Authorization": f"Bearer {answer.json()['id_token']}"}
    ping = await shared_app[None].get("/server/ping", headers=headers)
    assert ping.json()["user"] == shared_app.world.people["owner"]
    wrong = await shared_app[None].post("/api/authenticate.json", json={**sent, "password": "no"})
    assert (wrong.status_code, wrong.json()["success"]) == (401, False)
    for broken in (b"{", b"[]", b'{"username": 5}', b'{"username": ["x"], "password": {}}'):
        answer = await shared_app[None].post("/api/authenticate", content=broken)
        assert answer.status_code == 400, broken


async def test_a_token_is_made_for_oneself_only(shared_app: AppClients) -> None:
    client = await signer(shared_app, "owner")
    kind = "application/json"
    answer = await client.send(
        "POST", "/api/token.json", kind=kind, content=b'{"username": "owner", "validity": 5}'
    )
    assert answer.json()["success"] is True
    other = await client.send("POST", "/api/token.json", kind=kind, content=b'{"username": "root"}')
    assert other.status_code == 403


async def test_an_unknown_address_is_a_json_object(shared_app: AppClients) -> None:
    answer = await shared_app["owner"].get("/api/nothing.json")
    assert answer.status_code == 404
    assert set(answer.json()) == {"success", "errors", "message", "errorValues"}
    answer = await shared_app["owner"].put("/session/admin/info.json")
    assert answer.status_code == 405
    assert answer.json()["success"] is False
