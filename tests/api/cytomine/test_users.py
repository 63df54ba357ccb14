"""People, keys, roles and groups as such clients handle them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from adapters.keys import Keys
from tests.fixtures.app import AppClients

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEW = {
    "username": "ada", "firstname": "Ada", "lastname": "Lovelace", "email": "ada@lab.example",
    "password": "analytical", "language": "EN", "isDeveloper": False,
}  # fmt: skip


async def got(client: httpx.AsyncClient, path: str, **given: Any) -> Any:
    answer = await client.get(path, params=given or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


class Signing(httpx.Auth):
    """Signs as the present clients do, without the address."""

    def __init__(self, public: str, private: str) -> None:
        self.public, self.private = public, private

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["date"] = "Fri, 20 Nov 2026 10:41:22 +0000"
        kind = request.headers.get("content-type", "")
        text = f"{request.method}\n\n{kind}\n{request.headers['date']}"
        digest = hmac.new(self.private.encode(), text.encode(), hashlib.sha1).digest()
        signature = base64.b64encode(digest).decode()
        request.headers["authorization"] = f"CYTOMINE {self.public}:{signature}"
        yield request


async def signed(served: AppClients, username: str) -> Signing:
    hub = await served.world.hub(username)
    keys = Keys(hub.catalog, served.app.state.services.sealing)
    pair = await keys.of(served.world.people[username])
    return Signing(pair.public, pair.private)


@asynccontextmanager
async def administering(served: AppClients) -> AsyncIterator[httpx.AsyncClient]:
    """Open root's administration for a while."""
    client = served.client(auth=await signed(served, "root"))
    async with client as root:
        assert (await root.get("/session/admin/open.json")).status_code == 200
        yield root
        await root.get("/session/admin/close.json")


async def new_user(root: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await root.post("/api/user.json", json={**NEW, "username": name})
    assert answer.status_code == 200, answer.text
    user: dict[str, Any] = answer.json()["user"]
    return user


async def test_an_account_is_made_read_changed_and_deleted(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        answer = (await root.post("/api/user.json", json=NEW)).json()
        user = answer["user"]
        assert answer["callback"]["method"] == "be.cytomine.AddUserCommand"
        assert (user["class"], user["algo"]) == ("be.cytomine.domain.security.User", False)
        seen = {name: user[name] for name in ("username", "firstname", "lastname", "language")}
        assert seen == {name: NEW[name] for name in seen}
        assert "password" not in user
        by_id, by_name = [await got(root, f"/api/user/{one}.json") for one in (user["id"], "ada")]
        assert by_id == by_name == user
        changed = await root.put(f"/api/user/{user['id']}.json", json={**user, "lastname": "King"})
        assert changed.json()["user"]["lastname"] == "King"
        gone = await root.delete(f"/api/user/{user['id']}.json")
        assert gone.json()["user"]["username"] == "ada"
        assert (await root.get(f"/api/user/{user['id']}.json")).status_code == 404


async def test_new_accounts_live_in_the_commons_with_a_storage(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        user = await new_user(root, "newcomer")
        roles = (await got(root, f"/api/user/{user['id']}/role.json"))["collection"]
        assert [one["authority"] for one in roles] == ["ROLE_USER"]
    hub = await shared_app.world.hub("root")
    person = await hub.people.get(user["id"])
    assert person.default_group_id == shared_app.world.groups["commons"]
    from store.tables.files import Storage

    system = shared_app.world.system()
    storages = [one for one in await system.all(Storage) if one.owner_id == user["id"]]
    assert [one.name for one in storages] == ["newcomer storage"]


async def test_sending_a_whole_account_back_changes_nothing(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        user = await new_user(root, "echo")
        before = await shared_app.world.stored()
        # A client that made the account still holds the password it gave.
        sent = {**user, "password": NEW["password"], "oldPassword": None}
        answer = (await root.put(f"/api/user/{user['id']}.json", json=sent)).json()
        assert (answer["user"], answer["command"]) == (user, None)
        assert await shared_app.world.stored() == before


@pytest.mark.parametrize("missing", ["username", "firstname", "lastname", "email"])
async def test_an_account_lacking_something_is_refused(
    shared_app: AppClients, missing: str
) -> None:
    async with administering(shared_app) as root:
        before = await shared_app.world.stored()
        body = {name: value for name, value in NEW.items() if name != missing}
        assert (await root.post("/api/user.json", json=body)).status_code == 400
        assert (await root.post("/api/user.json", json=None)).status_code == 400
        short = {**NEW, "username": "tiny", "password": "x"}
        assert (await root.post("/api/user.json", json=short)).status_code == 400
        assert await shared_app.world.stored() == before


async def test_a_user_name_is_taken_once_and_mail_more_often(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        await new_user(root, "first")
        await new_user(root, "second")
        again = await root.post("/api/user.json", json={**NEW, "username": "FIRST"})
        assert again.status_code == 409


async def test_an_array_makes_each_and_tells_what_failed(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        good, bad = {**NEW, "username": "bulk"}, {"username": "half"}
        answer = await root.post("/api/user.json", json=[good, bad])
        assert answer.status_code == 206
        (error,) = answer.json()["data"]["errors"]
        assert error["data"] == bad
        id = (await got(root, "/api/user/bulk.json"))["id"]
        assert answer.json()["data"]["message"] == f"users {id} added"
        assert (await root.post("/api/user.json", json=[])).status_code == 200
        assert (await root.post("/api/user.json", json=[bad])).status_code == 400


async def test_only_administrators_make_change_and_delete_accounts(
    shared_app: AppClients,
) -> None:
    owner, reader = shared_app["owner"], shared_app.world.people["reader"]
    before = await shared_app.world.stored()
    for client in (owner, shared_app["root"]):  # root has not opened administration
        assert (await client.post("/api/user.json", json=NEW)).status_code == 403
        for method, path, body in (
            ("PUT", f"/api/user/{reader}", {"firstname": "x"}),
            ("PUT", f"/api/user/{reader}", {}),
            ("PUT", f"/api/user/{reader}", {"password": "a good password"}),
            ("DELETE", f"/api/user/{reader}", None),
            ("POST", f"/api/user/{reader}/lock", None),
            ("DELETE", f"/api/user/{reader}/lock", None),
            ("PUT", f"/api/user/{reader}/password", {"password": "another password"}),
            ("GET", f"/api/user/{reader}/keys", None),
            ("GET", f"/api/user/{reader}/role", None),
            ("POST", f"/api/user/{reader}/role", {"role": 13}),
            ("DELETE", f"/api/user/{reader}/role/12", None),
            ("PUT", f"/api/user/{reader}/role/13/define", None),
            ("POST", "/api/group", {"name": "mine"}),
            ("POST", f"/api/user/{reader}/group", {"group": shared_app.world.groups["lab"]}),
            ("GET", f"/api/user/{reader}/friends", None),
        ):
            answer = await client.request(method, f"{path}.json", json=body)
            assert answer.status_code == 403, (path, answer.text)
            assert answer.json()["errorValues"] == {}
    assert await shared_app.world.stored() == before
    assert (await owner.get("/api/user/987654.json")).status_code == 404
    assert (await owner.get("/api/user/nobody-here.json")).status_code == 404


async def test_one_changes_ones_own_profile_and_password(shared_app: AppClients) -> None:
    annotator, me = shared_app["annotator"], shared_app.world.people["annotator"]
    answer = await annotator.put(f"/api/user/{me}.json", json={"firstname": "Anna"})
    assert answer.json()["user"]["firstname"] == "Anna"
    renamed = await annotator.put(f"/api/user/{me}.json", json={"username": "queen"})
    assert renamed.status_code == 403
    missing = await annotator.put(f"/api/user/{me}/password.json", json={"password": "new words"})
    assert missing.status_code == 400


async def test_people_are_listed_by_name_and_found(shared_app: AppClients) -> None:
    owner = shared_app["owner"]
    everybody = await got(owner, "/api/user.json", max=0, offset=0)
    names = [one["username"] for one in everybody["collection"]]
    assert names == sorted(names, key=str.casefold)
    assert {"root", "owner", "stranger"} <= set(names)
    for one in everybody["collection"]:
        assert not {"publicKey", "privateKey", "password"} & one.keys()
        assert one["email"] is None or one["username"] == "owner"
    some = await got(owner, "/api/user.json", **{"username[ilike]": "*ANGER"})
    assert [one["username"] for one in some["collection"]] == ["stranger"]
    roles = await got(owner, "/api/user.json", withRoles="true", **{"username[equals]": "root"})
    assert roles["collection"][0]["role"] == "ROLE_SUPER_ADMIN"
    hub = await shared_app.world.hub("owner")
    pair = await Keys(hub.catalog, shared_app.app.state.services.sealing).of(
        shared_app.world.people["owner"]
    )
    found = await got(shared_app["stranger"], "/api/user.json", publicKey=pair.public)
    assert (found["username"], found.get("privateKey")) == ("owner", None)
    assert (await owner.get("/api/user.json?publicKey=none")).status_code == 404


async def test_the_caller_is_the_same_each_time_and_has_keys(shared_app: AppClients) -> None:
    auth = await signed(shared_app, "reader")
    first = await shared_app[None].get("/api/user/current.json", auth=auth)
    again = await shared_app[None].get("/api/user/current.json", auth=auth)
    assert first.content == again.content
    me = first.json()
    assert (me["username"], me["publicKey"], me["privateKey"]) == (
        "reader", auth.public, auth.private
    )  # fmt: skip
    standing = ("admin", "user", "guest", "adminByNow", "userByNow", "guestByNow", "isSwitched")
    assert [me[name] for name in standing] == [False, True, False, False, True, True, False]
    keys = (await shared_app[None].get(f"/api/user/{me['id']}/keys.json", auth=auth)).json()
    assert (keys["publicKey"], keys["privateKey"]) == (auth.public, auth.private)
    by_key = await shared_app[None].get(f"/api/userkey/{auth.public}/keys.json", auth=auth)
    assert by_key.json() == keys
    stranger = await signed(shared_app, "stranger")
    other = await shared_app[None].get(f"/api/userkey/{auth.public}/keys.json", auth=stranger)
    assert other.status_code == 403


async def test_a_request_is_signed_for_the_caller(shared_app: AppClients) -> None:
    auth = await signed(shared_app, "owner")
    asked = {"method": "GET", "date": "today", "forwardURI": "/api/project.json", "queryString": ""}
    answer = await shared_app[None].get("/api/signature.json", params=asked, auth=auth)
    text = "GET\n\n\ntoday\n/api/project.json"
    wanted = hmac.new(auth.private.encode(), text.encode(), hashlib.sha1).digest()
    assert answer.json() == {
        "signature": base64.b64encode(wanted).decode(), "publicKey": auth.public
    }  # fmt: skip


async def test_renewed_keys_replace_the_old_ones(shared_app: AppClients) -> None:
    old = await signed(shared_app, "stranger")
    fresh = (await shared_app[None].post("/api/user/current/keys", auth=old)).json()
    assert fresh["publicKey"] != old.public
    refused = await shared_app[None].get("/api/user/current.json", auth=old)
    assert refused.status_code == 401
    new = Signing(fresh["publicKey"], fresh["privateKey"])
    assert (await shared_app[None].get("/api/user/current/keys.json", auth=new)).json() == fresh


async def test_a_locked_account_is_barred(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        user = await new_user(root, "locked")
        keys = await Keys(shared_app.world.system(), shared_app.app.state.services.sealing).of(
            user["id"]
        )
        auth = Signing(keys.public, keys.private)
        answer = await root.post(f"/api/user/{user['id']}/lock.json")
        assert answer.json()["user"]["enabled"] is False
        barred = await shared_app[None].get("/api/user/current.json", auth=auth)
        assert barred.status_code == 401
        await root.delete(f"/api/user/{user['id']}/lock.json")
        again = await shared_app[None].get("/api/user/current.json", auth=auth)
        assert again.json()["username"] == "locked"


# roles


async def test_there_are_four_roles_the_least_first(shared_app: AppClients) -> None:
    roles = (await got(shared_app["owner"], "/api/role.json", max=0))["collection"]
    names = ["ROLE_GUEST", "ROLE_USER", "ROLE_ADMIN", "ROLE_SUPER_ADMIN"]
    assert [(one["id"], one["authority"]) for one in roles] == list(
        zip((11, 12, 13, 14), names, strict=True)
    )
    assert await got(shared_app["owner"], "/api/role/14.json") == roles[3]
    assert (await shared_app["owner"].get("/api/role/15.json")).status_code == 404


async def test_a_role_is_given_defined_and_taken(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        user = await new_user(root, "rising")
        base = f"/api/user/{user['id']}/role"
        body = {"user": user["id"], "role": 14}
        given = (await root.post(f"{base}.json", json=body)).json()["secusersecrole"]
        assert (given["user"], given["role"], given["authority"]) == (
            user["id"], 14, "ROLE_SUPER_ADMIN"
        )  # fmt: skip
        assert (await root.post(f"{base}.json", json=body)).status_code == 409
        assert await got(root, f"{base}/14.json") == given
        taken = await root.delete(f"{base}/14.json")
        assert taken.json()["secusersecrole"] == given
        assert (await root.get(f"{base}/14.json")).status_code == 404
        await root.put(f"{base}/13/define.json")
        await root.put(f"{base}/11/define.json")
        left = (await got(root, f"{base}.json"))["collection"]
        assert [one["authority"] for one in left] == ["ROLE_GUEST"]


# groups


async def test_groups_and_who_belongs_to_them(shared_app: AppClients) -> None:
    async with administering(shared_app) as root:
        answer = (await root.post("/api/group.json", json={"name": "pathology"})).json()
        group = answer["group"]
        assert (group["class"], group["name"]) == ("be.cytomine.security.Group", "pathology")
        path = f"/api/group/{group['id']}.json"
        assert await got(root, path) == group
        echo = (await root.put(path, json=group)).json()
        assert (echo["group"], echo["command"]) == (group, None)
        assert (await root.post("/api/group.json", json={"name": "Pathology"})).status_code == 409
        user = await new_user(root, "pathologist")
        base = f"/api/user/{user['id']}/group"
        joined = (await root.post(f"{base}.json", json={"group": group["id"]})).json()
        assert joined["usergroup"]["group"] == group["id"]
        one = await got(root, f"{base}/{group['id']}.json")
        assert one == joined["usergroup"]
        assert (await got(root, f"{base}.json"))["collection"] == [one]
        members = await got(root, f"/api/group/{group['id']}/user.json")
        assert [one["username"] for one in members["collection"]] == ["pathologist"]
        listed = (await got(root, "/api/group.json", withUser="true"))["collection"]
        shown = next(one for one in listed if one["id"] == group["id"])
        assert shown["users"] == [{"id": user["id"], "username": "pathologist"}]
        assert {0, 1, 3}.isdisjoint(one["id"] for one in listed)
        assert (await root.delete(f"{base}/{group['id']}.json")).status_code == 200
        assert (await root.delete(path)).status_code == 200
        assert (await root.get(path)).status_code == 404


async def test_friends_share_a_project(shared_app: AppClients) -> None:
    world, owner = shared_app.world, shared_app["owner"]
    me, keeper = world.people["owner"], world.people["keeper"]
    await owner.post("/api/project.json", json={"name": "with keeper", "users": [keeper]})
    found = await got(owner, f"/api/user/{me}/friends.json", offline="true")
    assert "keeper" in [one["username"] for one in found["collection"]]
    assert me not in [one["id"] for one in found["collection"]]
