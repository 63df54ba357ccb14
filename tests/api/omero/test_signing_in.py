"""Versions, tokens, signing in and out as clients of OMERO.web do it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.people import People
from tests.fixtures.app import AppClients, application, settings_for
from web.rest.omero.signing_in import WRONG

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSWORD = "owner's own password"
LOGIN = "/api/v0/login/"


async def with_password(served: AppClients, username: str) -> str:
    hub = await served.world.hub("root")
    await People(hub.catalog).set_password(served.world.people[username], PASSWORD)
    return username


async def signed_in(served: AppClients, username: str = "owner") -> httpx.AsyncClient:
    """Return a client that went through token and login as scripts do."""
    client = served.client()
    token = (await client.get("/api/v0/token/")).json()["data"]
    client.headers["X-CSRFToken"] = token
    await with_password(served, username)
    sent = {"username": username, "password": PASSWORD, "server": "1"}
    answer = await client.post(LOGIN, data=sent)
    assert answer.status_code == 200, answer.text
    client.headers["X-Session"] = answer.json()["eventContext"]["sessionUuid"]
    return client


@pytest.mark.parametrize("path", ["/api/", "/api"])
async def test_the_versions_lead_to_the_base_address(shared_app: AppClients, path: str) -> None:
    answer = await shared_app[None].get(path)
    assert answer.json() == {"data": [{"version": "0", "url:base": "http://hub.test/api/v0/"}]}
    assert answer.headers["X-OMERO-ApiVersion"] == "0.2"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/api/v0/", "/api/v0"])
async def test_every_value_of_the_base_is_a_text(shared_app: AppClients, path: str) -> None:
    found = (await shared_app[None].get(path)).json()
    assert {type(value) for value in found.values()} == {str}
    assert found["url:save"] == "http://hub.test/api/v0/m/save/"
    assert found["url:schema"] == "http://www.openmicroscopy.org/Schemas/OME/2016-06"
    for name in ("projects", "datasets", "images", "screens", "plates", "rois"):
        assert found[f"url:{name}"] == f"http://hub.test/api/v0/m/{name}/"
    assert found["url:experimentergroups"].endswith("/m/experimentergroups/")
    assert found["url:token"] == "http://hub.test/api/v0/token/"


async def test_there_is_one_server_called_omero(shared_app: AppClients) -> None:
    found = (await shared_app[None].get("/api/v0/servers")).json()
    assert found == {"data": [{"id": 1, "host": "hub.test", "port": 4064, "server": "omero"}]}


async def test_another_version_is_a_page_not_found(shared_app: AppClients) -> None:
    answer = await shared_app[None].get("/api/v1/")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/html")


async def test_a_token_is_masked_anew_and_the_cookie_stays(shared_app: AppClients) -> None:
    client = shared_app.client()
    first = await client.get("/api/v0/token/")
    secret = client.cookies["csrftoken"]
    second = await client.get("/api/v0/token/")
    assert len(secret) == 32
    assert len(first.json()["data"]) == len(second.json()["data"]) == 64
    assert first.json()["data"] != second.json()["data"]
    assert "set-cookie" not in second.headers
    assert "Max-Age=31449600" in first.headers["set-cookie"]


async def test_a_sign_in_tells_the_whole_event_context(shared_app: AppClients) -> None:
    await with_password(shared_app, "owner")
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    sent = {"username": "owner", "password": PASSWORD, "server": 1}
    answer = await client.post(LOGIN, data=sent)
    assert "sessionid=" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    body = answer.json()
    context = body["eventContext"]
    lab = shared_app.world.groups["lab"]
    assert body["success"] is True
    assert context["sessionUuid"] == client.cookies["sessionid"]
    assert isinstance(context["sessionId"], int)
    del context["sessionUuid"], context["sessionId"]
    assert context == {
        "userId": shared_app.world.people["owner"], "userName": "owner", "groupId": lab,
        "groupName": "lab", "isAdmin": False, "eventId": -1, "eventType": "User",
        "memberOfGroups": [lab, 1], "leaderOfGroups": [],
    }  # fmt: skip


async def test_an_administrator_is_a_member_of_system(shared_app: AppClients) -> None:
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    sent = {"username": "root", "password": "root's password", "server": "1"}
    context = (await client.post(LOGIN, data=sent)).json()["eventContext"]
    assert context["isAdmin"] is True
    assert {0, 1} <= set(context["memberOfGroups"])
    assert context["groupId"] in context["memberOfGroups"]


async def test_the_token_of_before_the_sign_in_stays_good_after_it(shared_app: AppClients) -> None:
    client = await signed_in(shared_app)
    answer = await client.post("/api/v0/m/save/", json={})
    assert (answer.status_code, answer.json()) == (
        400,
        {"message": "Need to specify @type attribute"},
    )
    client.headers["X-CSRFToken"] = client.cookies["csrftoken"]  # the plain form
    assert (await client.post("/api/v0/m/save/", json={})).status_code == 400


async def test_the_key_of_a_session_opens_it_again(shared_app: AppClients) -> None:
    key = (await signed_in(shared_app)).headers["X-Session"]
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    sent = {"username": key, "password": key, "server": "1"}
    answer = await client.post(LOGIN, data=sent)
    assert answer.status_code == 200
    assert answer.json()["eventContext"]["sessionUuid"] == key == client.cookies["sessionid"]


async def test_json_signs_in_too_and_broken_json_is_an_empty_form(shared_app: AppClients) -> None:
    await with_password(shared_app, "owner")
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    sent: dict[str, Any] = {"username": "owner", "password": PASSWORD, "server": 1}
    headers = {"Content-Type": "application/json"}
    broken = await client.post(LOGIN, content=b"{", headers=headers)
    assert broken.status_code == 403
    assert broken.json()["message"].startswith("Username: This field is required. Password:")
    assert (await client.post(LOGIN, json=sent)).json()["success"] is True


async def test_an_empty_form_repeats_the_sign_in(shared_app: AppClients) -> None:
    client = await signed_in(shared_app)
    again = await client.post(LOGIN, data={"csrfmiddlewaretoken": client.cookies["csrftoken"]})
    assert again.json()["eventContext"]["sessionUuid"] == client.headers["X-Session"]


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({"username": "owner", "password": "wrong", "server": "1"}, WRONG),
        ({"username": "nobody at all", "password": "x", "server": "1"}, WRONG),
        (
            {},
            "Username: This field is required. Password: This field is required. "
            "Server: This field is required.",
        ),
        ({"username": "owner", "server": "1"}, "Password: This field is required."),
        (
            {"username": "owner", "password": "x", "server": "7"},
            "Server: Select a valid choice. That choice is not one of the available choices.",
        ),
        (
            {"username": "guest", "password": "x", "server": "1"},
            "Username: Guest account is not supported.",
        ),
        (
            {"username": "a" * 300, "password": "x", "server": "1"},
            "Username: Ensure this value has at most 255 characters (it has 300).",
        ),
    ],
)
async def test_a_failed_sign_in_says_why_and_opens_nothing(
    shared_app: AppClients, sent: dict[str, str], text: str
) -> None:
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    answer = await client.post(LOGIN, data=sent)
    assert (answer.status_code, answer.json()) == (403, {"message": text})
    assert "sessionid" not in client.cookies


async def test_a_failed_sign_in_leaves_the_open_session_alone(shared_app: AppClients) -> None:
    client = await signed_in(shared_app)
    sent = {"username": "owner", "password": "wrong", "server": "1"}
    assert (await client.post(LOGIN, data=sent)).status_code == 403
    assert (await client.get("/webclient/keepalive_ping/")).text == "OK"


async def test_asking_to_sign_in_by_get_says_how(shared_app: AppClients) -> None:
    answer = await shared_app[None].get(LOGIN)
    text = "POST only with username, password, server and csrftoken"
    assert (answer.status_code, answer.json()) == (405, {"message": text})


class TestCsrf:
    """The secret is asked for before anything else, in the words of Django."""

    async def refused(self, client: httpx.AsyncClient, **options: Any) -> str:
        answer = await client.post("/api/v0/m/save/", **options)
        assert answer.status_code == 403
        text: str = answer.json()["message"]
        assert text.startswith("CSRF Failed: ")
        return text.removeprefix("CSRF Failed: ")

    async def test_no_cookie(self, shared_app: AppClients) -> None:
        assert await self.refused(shared_app.client()) == "CSRF cookie not set."

    async def test_no_token(self, shared_app: AppClients) -> None:
        client = shared_app.client()
        await client.get("/api/v0/token/")
        assert await self.refused(client) == "CSRF token missing."

    @pytest.mark.parametrize(
        ("token", "text"),
        [
            ("abc", "CSRF token from the 'X-Csrftoken' HTTP header has incorrect length."),
            ("-" * 32, "CSRF token from the 'X-Csrftoken' HTTP header has invalid characters."),
            ("a" * 32, "CSRF token from the 'X-Csrftoken' HTTP header incorrect."),
            ("a" * 64, "CSRF token from the 'X-Csrftoken' HTTP header incorrect."),
        ],
    )
    async def test_wrong_header(self, shared_app: AppClients, token: str, text: str) -> None:
        client = shared_app.client()
        await client.get("/api/v0/token/")
        assert await self.refused(client, headers={"X-CSRFToken": token}) == text

    async def test_wrong_field(self, shared_app: AppClients) -> None:
        client = shared_app.client()
        await client.get("/api/v0/token/")
        text = await self.refused(client, data={"csrfmiddlewaretoken": "a" * 32})
        assert text == "CSRF token from POST incorrect."

    async def test_a_right_field_passes(self, shared_app: AppClients) -> None:
        client = shared_app.client()
        token = (await client.get("/api/v0/token/")).json()["data"]
        answer = await client.post("/api/v0/m/save/", data={"csrfmiddlewaretoken": token})
        assert answer.json() == {"message": "Not logged in"}

    async def test_a_foreign_page(self, shared_app: AppClients) -> None:
        client = shared_app.client()
        token = (await client.get("/api/v0/token/")).json()["data"]
        headers = {"X-CSRFToken": token, "Origin": "http://elsewhere.example"}
        text = (
            "Origin checking failed - http://elsewhere.example does not match any trusted origins."
        )
        assert await self.refused(client, headers=headers) == text

    async def test_over_https_a_referer_is_needed(self, shared_app: AppClients) -> None:
        client = shared_app.client(base_url="https://hub.test")
        token = (await client.get("/api/v0/token/")).json()["data"]
        headers = {"X-CSRFToken": token}
        assert await self.refused(client, headers=headers) == (
            "Referer checking failed - no Referer."
        )
        headers["Referer"] = "https://hub.test/anywhere"
        answer = await client.post("/api/v0/m/save/", headers=headers)
        assert answer.json() == {"message": "Not logged in"}

    async def test_a_bearer_token_needs_none(self, shared_app: AppClients) -> None:
        answer = await shared_app["owner"].post("/api/v0/m/save/", json={})
        assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_nobody_is_told_so_after_the_csrf_check(shared_app: AppClients, method: str) -> None:
    client = shared_app.client()
    client.headers["X-CSRFToken"] = (await client.get("/api/v0/token/")).json()["data"]
    for cookie in ({}, {"sessionid": "not a session"}):
        client.cookies.update(cookie)
        answer = await client.request(method, "/api/v0/m/save/")
        assert (answer.status_code, answer.json()) == (403, {"message": "Not logged in"})


async def test_a_wrong_method_is_refused_last(shared_app: AppClients) -> None:
    client = await signed_in(shared_app)
    for method in ("GET", "DELETE"):
        answer = await client.request(method, "/api/v0/m/save/")
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "POST, PUT"
        assert "message" in answer.json()


async def test_a_session_may_be_joined_by_its_address(shared_app: AppClients) -> None:
    key = (await signed_in(shared_app)).headers["X-Session"]
    client = shared_app.client()
    answer = await client.get("/api/v0/m/save/", params={"bsession": key, "server": "1"})
    assert answer.status_code == 405
    assert client.cookies["sessionid"] == key
    other = shared_app.client()
    answer = await other.get("/api/v0/m/save/", params={"bsession": "wrong", "server": "1"})
    assert answer.json() == {"message": "Not logged in"}
    assert "sessionid" not in other.cookies


async def test_signing_out_needs_a_post(shared_app: AppClients) -> None:
    client = await signed_in(shared_app)
    page = await client.get("/webclient/logout/")
    assert page.status_code == 200
    assert "csrfmiddlewaretoken" in page.text
    assert (await client.get("/webclient/keepalive_ping/")).text == "OK"
    gone = await client.post("/webclient/logout/")
    assert (gone.status_code, gone.headers["location"]) == (302, "/webclient/login/")
    assert (await client.get("/webclient/keepalive_ping/")).text == "Connection Failed"
    client.cookies.set("sessionid", client.headers["X-Session"])
    answer = await client.post("/api/v0/m/save/", json={})
    assert answer.json() == {"message": "Not logged in"}


async def test_the_form_signs_in_and_goes_where_one_wanted(shared_app: AppClients) -> None:
    await with_password(shared_app, "owner")
    client = shared_app.client()
    page = await client.get("/webclient/login/", params={"url": '/webgateway/"><script>'})
    assert page.status_code == 200
    assert "<script>" not in page.text
    token = page.text.partition('name="csrfmiddlewaretoken" value="')[2][:64]
    sent = {"csrfmiddlewaretoken": token, "username": "owner", "password": PASSWORD, "server": "1"}
    for wanted, target in (
        ("/webclient/?show=image-7", "/webclient/?show=image-7"),
        ("//elsewhere.example/", "/webclient/"),
        ("/\\elsewhere.example/", "/webclient/"),
        ("https://elsewhere.example/", "/webclient/"),
    ):
        answer = await client.post("/webclient/login/", data={**sent, "url": wanted})
        assert (answer.status_code, answer.headers["location"]) == (302, target)


async def test_links_follow_a_trusted_proxy_and_nobody_else(
    sqlite_url: str, tmp_path: Path
) -> None:
    told = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "hub.lab.example",
        "X-Forwarded-Prefix": "/images",
    }
    settings = settings_for(sqlite_url, tmp_path, trusted_proxies=("10.0.0.0/8",))
    async with application(settings) as served:
        by_proxy = await served.client("10.1.2.3").get("/api/", headers=told)
        by_anybody = await served.client("192.0.2.1").get("/api/", headers=told)
        strange = await served.client("10.1.2.3").get(
            "/api/", headers={**told, "X-Forwarded-Host": 'x"/y', "X-Forwarded-Prefix": "//evil"}
        )
    assert by_proxy.json()["data"][0]["url:base"] == "https://hub.lab.example/images/api/v0/"
    assert by_anybody.json()["data"][0]["url:base"] == "http://hub.test/api/v0/"
    assert strange.json()["data"][0]["url:base"] == "https://hub.test/api/v0/"
