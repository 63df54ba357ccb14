"""Signing in and out over HTTP, and who a request's credentials make the caller."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.credentials import Credentials
from adapters.people import People, ensure_root
from adapters.throttle import Throttle
from store.access.cache import VerdictCache
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database, connect
from store.errors import HubError, NotFound, Throttled, TooLarge, Unauthenticated
from store.sealing import Sealing
from store.settings import Settings
from store.statement import table
from store.tables.access import Session, Token
from store.tables.containers import Project
from store.unit import Unit
from tests.fixtures.people import QUICK
from web.auth import csrf, signed
from web.auth.identity import Kind
from web.auth.resolve import authenticate, by_signature, services_of
from web.errors import hub_body, on_hub_error, status_of
from web.session_routes import routes

ROOT = 2
SECRET = "correct horse battery"
ALL_KINDS = (Kind.SESSION, Kind.BEARER, Kind.BASIC, Kind.LINK)


@dataclass
class Served:
    """A server's services, as the composition root makes them."""

    settings: Settings
    database: Database
    sealing: Sealing
    throttle: Throttle
    credentials: Credentials
    verdicts: VerdictCache


async def who(request: Request) -> Response:
    """Tell what the request's credentials came to."""
    caller = await authenticate(request, ALL_KINDS)
    if request.method != "GET" and caller.kind == Kind.SESSION:
        csrf.require(request)
    actor = caller.actor
    return JSONResponse(
        {
            "id": actor.user_id,
            "kind": caller.kind,
            "read_only": actor.read_only,
            "full": actor.full,
            "scopes": sorted(actor.scopes),
            "grants": {str(id): level for id, level in actor.grants.items()},
            "session": caller.session.id if caller.session else None,
        }
    )


async def strict(request: Request) -> Response:
    """A door that takes bearer tokens only."""
    caller = await authenticate(request, (Kind.BEARER,))
    return JSONResponse({"id": caller.actor.user_id})


async def shared(request: Request) -> Response:
    """A resource behind a signed address."""
    caller = await by_signature(
        services_of(request), request.path_params["signature"], request.path_params["resource"]
    )
    return JSONResponse({"id": caller.actor.user_id, "read_only": caller.actor.read_only})


@pytest.fixture
async def served(database_url: str, tmp_path: Path) -> AsyncIterator[Served]:
    database = connect(database_url)
    await ensure_root(database, SECRET, QUICK)
    sealing, throttle = Sealing(bytes(range(32))), Throttle()
    credentials = Credentials(database, sealing, throttle=throttle, passwords=QUICK)
    verdicts = VerdictCache()
    database.listen(lambda event: verdicts.clear() if event else None)
    yield Served(Settings(tmp_path), database, sealing, throttle, credentials, verdicts)
    await credentials.settle()
    await database.close()


@pytest.fixture
async def client(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(served) as opened:
        yield opened


def a_client(served: Served, base_url: str = "http://hub.test") -> httpx.AsyncClient:
    application = Starlette(
        routes=[
            *routes,
            Route("/who", who, methods=["GET", "POST"]),
            Route("/strict", strict),
            Route("/shared/{signature}/{resource}", shared),
        ],
        exception_handlers={HubError: on_hub_error},
    )
    application.state.services = served
    transport = httpx.ASGITransport(application)
    return httpx.AsyncClient(transport=transport, base_url=base_url)


async def sign_in(
    client: httpx.AsyncClient, username: str = "root", password: str = SECRET, **options: Any
) -> httpx.Response:
    body = {"username": username, "password": password}
    return await client.post("/app/session", json=body, **options)


async def people(served: Served, user_id: int = ROOT) -> People:
    return People(Catalog(served.database, await load_actor(served.database, user_id)), QUICK)


async def token_of(served: Served, *scopes: str, user_id: int = ROOT) -> str:
    return (await (await people(served, user_id)).tokens.create("script", scopes)).plain


async def age(served: Served, noun: Any, **values: Any) -> None:
    """Set stored moments, as waiting would, and let verdicts run out."""

    async def work(unit: Unit) -> None:
        await unit.execute(update(table(noun)).values(**values))

    await Catalog(served.database, Actor.system()).write("age", work)
    served.verdicts.clear()


def basic(username: str, password: str) -> dict[str, str]:
    return {
        "Authorization": "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
    }


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# the web application's door


async def test_signing_in_sets_both_cookies_and_tells_who(client: httpx.AsyncClient) -> None:
    answer = await sign_in(client)
    cookies = {one.split("=")[0]: one for one in answer.headers.get_list("set-cookie")}
    assert answer.status_code == 200
    assert answer.json()["user"] == {"id": 2, "username": "root", "name": "root", "admin": True}
    assert len(answer.json()["csrf"]) == 64
    assert answer.headers["cache-control"] == "no-store"
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookies["sessionid"].split("; "))
    assert "Max-Age" not in cookies["sessionid"]
    assert "HttpOnly" not in cookies["csrftoken"]
    assert "Secure" not in cookies["sessionid"] + cookies["csrftoken"]
    assert len(client.cookies["csrftoken"]) == 32
    assert client.cookies["csrftoken"].isalnum()
    assert csrf.unmask(answer.json()["csrf"]) == client.cookies["csrftoken"]


async def test_cookies_are_secure_over_https(served: Served) -> None:
    async with a_client(served, "https://hub.test") as client:
        answer = await sign_in(client)
    assert all("Secure" in one for one in answer.headers.get_list("set-cookie"))


async def test_the_csrf_secret_stays_the_same_through_sign_in(client: httpx.AsyncClient) -> None:
    before = (await client.get("/app/session")).json()
    secret = client.cookies["csrftoken"]
    after = (await sign_in(client)).json()
    assert before["user"] is None
    assert client.cookies["csrftoken"] == secret
    assert before["csrf"] != after["csrf"]
    assert csrf.unmask(before["csrf"]) == csrf.unmask(after["csrf"]) == secret


async def test_asking_tells_who_is_signed_in_by_full_name(
    served: Served, client: httpx.AsyncClient
) -> None:
    mira = await (await people(served)).create(
        "mira", SECRET, first_name="Mira", last_name="Sandoval"
    )
    await sign_in(client, "mira")
    assert (await client.get("/app/session")).json()["user"] == {
        "id": mira.id, "username": "mira", "name": "Mira Sandoval", "admin": False,
    }  # fmt: skip


async def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(
    client: httpx.AsyncClient,
) -> None:
    wrong = await sign_in(client, "root", "wrong password")
    unknown = await sign_in(client, "nobody", "wrong password")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json() == {
        "error": {
            "code": "unauthenticated",
            "message": "The user name or the password is not right.",
        }
    }
    assert "set-cookie" not in wrong.headers


async def test_guessing_is_slowed_down_and_told_when_to_come_back(
    client: httpx.AsyncClient,
) -> None:
    answers = [await sign_in(client, "root", f"guess number {n}") for n in range(6)]
    assert [one.status_code for one in answers] == [401] * 5 + [429]
    assert answers[5].headers["retry-after"] == "1"
    assert answers[5].json()["error"]["code"] == "throttled"
    assert (await sign_in(client)).status_code == 429


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"not json", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "application/json", 400),
        (b'{"username": 1, "password": "x"}', "application/json", 400),
        (b'{"username": "root", "password": null}', "application/json", 400),
        (b"username=root&password=x", "application/x-www-form-urlencoded", 400),
        (b'{"username": "root", "password": "x"}', "text/plain", 400),
        (b" " * 20_000, "application/json", 413),
    ],
)
async def test_a_sign_in_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    answer = await client.post("/app/session", content=body, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


async def test_a_foreign_page_cannot_sign_anybody_in(
    served: Served, client: httpx.AsyncClient
) -> None:
    refused = await sign_in(client, headers={"Origin": "http://evil.test"})
    own = await sign_in(client, headers={"Origin": "http://hub.test"})
    served.settings = replace(served.settings, cors_origins=("http://viewer.test",))
    listed = await sign_in(client, headers={"Origin": "http://viewer.test"})
    assert [one.status_code for one in (refused, own, listed)] == [403, 200, 200]


async def test_signing_in_again_ends_the_session_before(
    served: Served, client: httpx.AsyncClient
) -> None:
    await sign_in(client)
    first = client.cookies["sessionid"]
    await sign_in(client)
    assert client.cookies["sessionid"] != first
    assert await served.credentials.session(first) is None


async def test_a_failed_sign_in_leaves_the_session_alone(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    await sign_in(client, "root", "wrong password")
    assert (await client.get("/who")).json()["kind"] == "session"


async def test_signing_out_needs_the_csrf_token(client: httpx.AsyncClient) -> None:
    signed_in = (await sign_in(client)).json()
    bare = await client.delete("/app/session")
    assert bare.status_code == 403
    assert "CSRF token missing." in bare.json()["error"]["message"]
    assert (await client.get("/app/session")).json()["user"] is not None
    out = await client.delete("/app/session", headers={"X-CSRFToken": signed_in["csrf"]})
    assert out.status_code == 200
    assert out.json()["user"] is None
    assert "sessionid" not in client.cookies
    assert (await client.get("/app/session")).json()["user"] is None


async def test_a_session_signed_out_is_refused_at_once_also_where_it_was_remembered(
    served: Served, client: httpx.AsyncClient
) -> None:
    await sign_in(client)
    key = client.cookies["sessionid"]
    token = client.cookies["csrftoken"]
    assert (await client.get("/who")).json()["id"] == ROOT
    await client.delete("/app/session", headers={"X-CSRFToken": token})
    async with a_client(served) as thief:
        thief.cookies.set("sessionid", key)
        assert (await thief.get("/who")).status_code == 401


async def test_a_dead_session_is_told_and_its_cookie_taken_back(
    served: Served, client: httpx.AsyncClient
) -> None:
    await sign_in(client)
    await age(served, Session, expires_at=now_ms())
    assert (await client.get("/who")).status_code == 401
    answer = await client.get("/app/session")
    assert answer.json()["user"] is None
    assert "sessionid" not in client.cookies


# CSRF


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "CSRF token missing."),
        ({"X-CSRFToken": "x" * 31}, "has incorrect length."),
        ({"X-CSRFToken": "-" * 32}, "has invalid characters."),
        ({"X-CSRFToken": "x" * 32}, "'X-Csrftoken' HTTP header incorrect."),
        ({"X-CSRFToken": "x" * 64}, "'X-Csrftoken' HTTP header incorrect."),
        ({"X-CSRFToken": "good", "Origin": "http://evil.test"}, "Origin checking failed"),
        ({"X-CSRFToken": "good", "Origin": "null"}, "Origin checking failed"),
        ({"X-CSRFToken": "good", "Origin": "http://hub.test:81"}, "Origin checking failed"),
    ],
)
async def test_a_cookie_alone_changes_nothing(
    client: httpx.AsyncClient, headers: dict[str, str], reason: str
) -> None:
    await sign_in(client)
    sent = {
        name: client.cookies["csrftoken"] if value == "good" else value
        for name, value in headers.items()
    }
    answer = await client.post("/who", headers=sent)
    assert answer.status_code == 403
    assert reason in answer.json()["error"]["message"]


async def test_without_its_cookie_a_csrf_token_is_worth_nothing(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    token = client.cookies["csrftoken"]
    client.cookies.delete("csrftoken")
    answer = await client.post("/who", headers={"X-CSRFToken": token})
    assert "CSRF cookie not set." in answer.json()["error"]["message"]


async def test_plain_and_masked_tokens_are_both_believed(client: httpx.AsyncClient) -> None:
    await sign_in(client)
    secret = client.cookies["csrftoken"]
    for token in (secret, csrf.mask(secret), csrf.mask(secret)):
        answer = await client.post("/who", headers={"X-CSRFToken": token})
        assert answer.json()["id"] == ROOT


async def test_over_https_the_page_must_be_named(served: Served) -> None:
    async with a_client(served, "https://hub.test") as client:
        await sign_in(client)
        token = {"X-CSRFToken": client.cookies["csrftoken"]}
        named = {"Referer": "https://hub.test/app/images"}
        foreign = {"Referer": "https://evil.test/"}
        answers = [await client.post("/who", headers=token | more) for more in ({}, named, foreign)]
    assert [one.status_code for one in answers] == [403, 200, 403]
    assert "no Referer" in answers[0].json()["error"]["message"]


async def test_a_bearer_token_needs_no_csrf(served: Served, client: httpx.AsyncClient) -> None:
    token = await token_of(served, "write")
    assert (await client.post("/who", headers=bearer(token))).json()["id"] == ROOT


def test_the_masked_form_is_the_published_one() -> None:
    # Letters then digits, added place by place; a mask of "a" (place 0) leaves the secret as it is.
    secret = "abcdefghijklmnopqrstuvwxyzABCDEF"
    assert csrf.unmask("a" * 32 + secret) == secret
    assert csrf.unmask("b" * 32 + "bcdefghijklmnopqrstuvwxyzABCDEFG") == secret
    assert csrf.unmask("9" * 32 + "a" * 32) == "b" * 32
    assert len({csrf.mask(secret) for _ in range(10)}) == 10
    assert {csrf.unmask(csrf.mask(secret)) for _ in range(10)} == {secret}


# bearer and Basic


async def test_a_read_token_is_capped_at_reading(served: Served, client: httpx.AsyncClient) -> None:
    seen = {}
    for scope in ("read", "write", "admin", "workspace"):
        found = (await client.get("/who", headers=bearer(await token_of(served, scope)))).json()
        seen[scope] = (found["read_only"], found["full"], found["kind"])
    assert seen == {
        "read": (True, False, "bearer"),
        "write": (False, False, "bearer"),
        "admin": (False, True, "bearer"),
        "workspace": (True, False, "bearer"),
    }


async def test_the_admin_scope_makes_nobody_an_administrator(
    served: Served, client: httpx.AsyncClient
) -> None:
    mira = await (await people(served)).create("mira", SECRET)
    token = await token_of(served, "admin", user_id=mira.id)
    assert (await client.get("/who", headers=bearer(token))).json()["full"] is False


async def test_wrong_credentials_are_refused_and_never_taken_for_nobody(
    served: Served, client: httpx.AsyncClient
) -> None:
    token = await token_of(served, "read")
    assert (await client.get("/who")).json()["kind"] == "anonymous"
    for headers in (
        bearer("made up"),
        bearer(""),
        bearer(token[:-1]),
        basic("root", SECRET),
        basic("mira", token),
        basic("", token),
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"no colon").decode()},
        {"Authorization": "Digest x"},
        {"Authorization": token},
        {"Authorization": ""},
        {"Cookie": "sessionid=made-up"},
        {"X-Link-Token": "made up"},
    ):
        answer = await client.get("/who", headers=headers)
        assert answer.status_code == 401, headers
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_basic_takes_a_user_name_and_a_token(
    served: Served, client: httpx.AsyncClient
) -> None:
    token = await token_of(served, "write")
    found = (await client.get("/who", headers=basic("ROOT", token))).json()
    assert (found["id"], found["kind"], found["read_only"]) == (ROOT, "basic", False)


async def test_a_door_takes_only_its_own_credentials(
    served: Served, client: httpx.AsyncClient
) -> None:
    token = await token_of(served, "read")
    await sign_in(client)
    assert (await client.get("/strict", headers=bearer(token))).json()["id"] == ROOT
    assert (await client.get("/strict", headers=basic("root", token))).status_code == 401
    assert (await client.get("/strict")).json()["id"] is None


async def test_a_header_goes_before_the_cookie(served: Served, client: httpx.AsyncClient) -> None:
    mira = await (await people(served)).create("mira", SECRET)
    token = await token_of(served, "read", user_id=mira.id)
    await sign_in(client)
    assert (await client.get("/who", headers=bearer(token))).json()["id"] == mira.id
    assert (await client.get("/who", headers=bearer("made up"))).status_code == 401


async def test_ended_and_revoked_tokens_are_refused_although_remembered(
    served: Served, client: httpx.AsyncClient
) -> None:
    tokens = (await people(served)).tokens
    made = await tokens.create("script")
    assert (await client.get("/who", headers=bearer(made.plain))).status_code == 200
    await tokens.revoke(made.token.id)
    assert (await client.get("/who", headers=bearer(made.plain))).status_code == 401
    ending = await tokens.create("script", expires_at=now_ms() + 60_000)
    assert (await client.get("/who", headers=bearer(ending.plain))).status_code == 200
    await served.credentials.settle()
    await age(served, Token, expires_at=now_ms())
    assert (await client.get("/who", headers=bearer(ending.plain))).status_code == 401


async def test_a_disabled_account_is_refused_at_every_door(
    served: Served, client: httpx.AsyncClient
) -> None:
    there = await people(served)
    mira = await there.create("mira", SECRET)
    token = await token_of(served, "write", user_id=mira.id)
    await sign_in(client, "mira")
    assert (await client.get("/who")).json()["id"] == mira.id
    await there.change(mira.id, enabled=False)
    assert (await client.get("/who")).status_code == 401
    assert (await client.get("/who", headers=bearer(token))).status_code == 401
    assert (await client.get("/who", headers=basic("mira", token))).status_code == 401
    assert (await sign_in(client, "mira")).status_code == 401


async def test_a_remembered_caller_costs_no_statement(
    served: Served, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await token_of(served, "read")
    await sign_in(client)
    asked = []
    reading = served.database.reading
    monkeypatch.setattr(served.database, "reading", lambda: asked.append(1) or reading())
    for headers in (bearer(token), basic("root", token), {}):
        assert (await client.get("/who", headers=headers)).json()["id"] == ROOT
        await served.credentials.settle()
        first = len(asked)
        assert (await client.get("/who", headers=headers)).json()["id"] == ROOT
        assert len(asked) == first > 0


# links, signed addresses, the public account


async def a_project(served: Served) -> int:
    actor = await load_actor(served.database, ROOT)

    async def work(unit: Unit) -> Project:
        return await unit.add(
            Project(
                id=await unit.take_ids(), created_at=now_ms(), name="Mitosis",
                name_key="mitosis", owner_id=ROOT, group_id=3,
            )
        )  # fmt: skip

    return (await Catalog(served.database, actor).write("create_project", work)).id


async def test_a_secret_link_opens_one_object_for_reading(
    served: Served, client: httpx.AsyncClient
) -> None:
    project = await a_project(served)
    grants = (await people(served)).grants
    made = await grants.give_link("project", project, "annotate")
    for answer in (
        await client.get("/who", params={"token": made.plain}),
        await client.get("/who", headers={"X-Link-Token": made.plain}),
    ):
        found = answer.json()
        assert (found["id"], found["kind"], found["read_only"]) == (None, "link", True)
        assert found["grants"] == {str(project): "annotate"}
    await grants.revoke(made.grant.id)
    assert (await client.get("/who", params={"token": made.plain})).status_code == 401


async def test_a_link_adds_to_whoever_is_signed_in(
    served: Served, client: httpx.AsyncClient
) -> None:
    project = await a_project(served)
    made = await (await people(served)).grants.give_link("project", project, "annotate")
    mira = await (await people(served)).create("mira", SECRET)
    await sign_in(client, "mira")
    with_link = (await client.get("/who", params={"token": made.plain})).json()
    without = (await client.get("/who")).json()
    assert (with_link["id"], with_link["read_only"]) == (mira.id, False)
    assert with_link["grants"] == {str(project): "annotate"}
    assert without["grants"] == {}
    assert (await client.get("/who", params={"token": "made up"})).status_code == 401


async def test_a_signed_address_lends_reading_of_one_resource(
    served: Served, client: httpx.AsyncClient
) -> None:
    signature = signed.sign(served.sealing, ROOT, "image:7", now_ms() + 60_000)
    assert (await client.get(f"/shared/{signature}/image:7")).json() == {
        "id": ROOT, "read_only": True,
    }  # fmt: skip
    user, end, mac = signature.split(".")
    for wrong in (
        f"/shared/{signature}/image:8",
        f"/shared/9.{end}.{mac}/image:7",
        f"/shared/{user}.{int(end) + 1}.{mac}/image:7",
        f"/shared/{user}.{end}.{'A' * 43}/image:7",
        "/shared/damaged/image:7",
    ):
        assert (await client.get(wrong)).status_code == 401, wrong


async def test_a_signed_address_ends(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    signature = signed.sign(served.sealing, ROOT, "image:7", now_ms() + 1000)
    later = now_ms() + 1001
    monkeypatch.setattr(signed, "now_ms", lambda: later)
    with pytest.raises(Unauthenticated, match="ended"):
        signed.identify(served.sealing, signature, "image:7")


async def test_the_public_account_answers_for_nobody_and_only_reads(
    served: Served, client: httpx.AsyncClient
) -> None:
    guest = await (await people(served)).create("open", SECRET)
    served.settings = replace(served.settings, public_user="OPEN")
    found = (await client.get("/who")).json()
    assert (found["id"], found["kind"], found["read_only"]) == (guest.id, "anonymous", True)
    assert found["scopes"] == ["read"]
    assert (await client.get("/who", headers=bearer("made up"))).status_code == 401
    await (await people(served)).change(guest.id, enabled=False)
    assert (await client.get("/who")).json()["id"] is None


# error bodies


def test_the_hubs_error_body_has_one_shape() -> None:
    error = NotFound("image", 7)
    assert status_of(error) == 404
    assert hub_body(error) == {
        "error": {
            "code": "not_found",
            "message": "There is no image 7 that you can see.",
            "noun": "image",
            "id": 7,
        }
    }
    assert (status_of(Throttled("things", 3)), status_of(TooLarge("It", 1))) == (429, 413)
    assert status_of(HubError("strange")) == 500
    assert hub_body(HubError("x", odd={1: (2.5, float("nan"), b"")}))["error"]["odd"] == {
        "1": [2.5, "nan", "b''"]
    }
