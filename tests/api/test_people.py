"""People over GraphQL: who sees what of whom, who may change it, and secrets shown once."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.credentials import Credentials
from adapters.tokens import digest
from resolvers.root import graphql_schema
from schema.scalars import encode_id
from store.access.load import load_actor
from store.clock import now_ms
from store.errors import Unauthenticated
from store.sealing import open_sealing
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld, code_of
from tests.fixtures.people import QUICK, everything_stored

VIEWER = """{ viewer {
  username administrator
  user { id username email administrator role groups { name } memberships { leader } }
  groups { leader group { name level } user { username } }
  defaultGroup { name }
  capabilities { canWrite canAdminister canSeeAll canManageCredentials scopes }
} }"""


def user(world: HubWorld, name: str) -> str:
    return encode_id("User", world.people[name])


def group(world: HubWorld, name: str) -> str:
    return encode_id("Group", world.groups[name])


async def test_the_viewer_is_null_when_nobody_is_signed_in(hub_world: HubWorld) -> None:
    assert await hub_world.graphql(None, VIEWER) == {"viewer": None}


async def test_the_viewer_shows_groups_and_what_may_be_done(hub_world: HubWorld) -> None:
    viewer = (await hub_world.graphql("owner", VIEWER))["viewer"]
    assert viewer["username"] == "owner"
    assert viewer["user"]["id"] == user(hub_world, "owner")
    assert viewer["user"]["role"] == "USER"
    assert {one["name"] for one in viewer["user"]["groups"]} == {"user", "lab"}
    assert {(one["group"]["name"], one["group"]["level"]) for one in viewer["groups"]} == {
        ("user", "PRIVATE"),
        ("lab", "READ_ANNOTATE"),
    }
    assert viewer["defaultGroup"] == {"name": "lab"}
    assert viewer["capabilities"] == {
        "canWrite": True,
        "canAdminister": False,
        "canSeeAll": False,
        "canManageCredentials": True,
        "scopes": [],
    }


async def test_an_administrator_is_told_so(hub_world: HubWorld) -> None:
    viewer = (await hub_world.graphql("root", VIEWER))["viewer"]
    assert viewer["administrator"]
    assert viewer["user"]["role"] == "SUPER_ADMINISTRATOR"
    assert viewer["capabilities"]["canAdminister"]
    assert viewer["capabilities"]["canSeeAll"]


async def test_an_e_mail_is_shown_to_its_person_and_to_administrators(hub_world: HubWorld) -> None:
    mail = {"id": user(hub_world, "owner"), "email": "owner@lab.example"}
    await hub_world.mutate("owner", "updateUser", mail, "user { email }")
    query = "query($id: ID!) { user(id: $id) { email } }"
    seen = {}
    for who in ("owner", "root", "annotator", "stranger"):
        found = await hub_world.graphql(who, query, {"id": user(hub_world, "owner")})
        seen[who] = found["user"]["email"]
    assert seen == {
        "owner": "owner@lab.example",
        "root": "owner@lab.example",
        "annotator": None,
        "stranger": None,
    }


async def test_a_token_that_only_reads_is_told_so(hub_world: HubWorld) -> None:
    context = await hub_world.context("root")
    context.actor = await load_actor(hub_world.database, 2, scopes=["read"], read_only=True)
    answer = await graphql_schema.execute(VIEWER, context_value=context)
    assert answer.data is not None
    assert answer.data["viewer"]["capabilities"] == {
        "canWrite": False,
        "canAdminister": False,
        "canSeeAll": True,
        "canManageCredentials": False,
        "scopes": ["READ"],
    }


async def test_people_are_paged_filtered_and_counted(hub_world: HubWorld) -> None:
    query = """query($after: String) {
      users(first: 2, after: $after, orderBy: [{field: USERNAME, direction: DESC}],
            where: {username: {in: ["owner", "annotator", "reader"]}}) {
        totalCount pageInfo { hasNextPage endCursor } nodes { username } } }"""
    first = (await hub_world.graphql("owner", query))["users"]
    after = {"after": first["pageInfo"]["endCursor"]}
    second = (await hub_world.graphql("owner", query, after))["users"]
    names = [one["username"] for one in first["nodes"] + second["nodes"]]
    assert names == ["reader", "owner", "annotator"]
    assert first["totalCount"] == 3
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]


async def test_people_and_groups_are_found_by_name(hub_world: HubWorld) -> None:
    query = """query($u: String!, $g: String!) {
      userByName(username: $u) { username email defaultGroup { name } ledGroups { name } }
      groupByName(name: $g) { name level } }"""
    found = await hub_world.graphql("reader", query, {"u": "OWNER", "g": "Lab"})
    assert found == {
        "userByName": {
            "username": "owner",
            "email": None,
            "defaultGroup": {"name": "lab"},
            "ledGroups": [],
        },
        "groupByName": {"name": "lab", "level": "READ_ANNOTATE"},
    }
    missing = {"userByName": None, "groupByName": None}
    assert await hub_world.graphql("reader", query, {"u": "own", "g": "la"}) == missing
    assert await hub_world.graphql(None, query, {"u": "owner", "g": "lab"}) == missing


async def test_several_memberships_change_at_once(hub_world: HubWorld) -> None:
    def change(group_name: str, who: str, place: str) -> dict[str, str]:
        return {"group": group(hub_world, group_name), "user": user(hub_world, who), "place": place}

    wanted = {
        "changes": [
            change("readers", "owner", "MEMBER"),
            change("lab", "owner", "LEADER"),
            change("vault", "annotator", "LEADER"),
            change("readers", "stranger", "NONE"),
        ]
    }
    selection = "memberships { leader group { name } user { username } }"
    before = await hub_world.stored()
    refused = await hub_world.mutate("annotator", "changeMembers", wanted, selection)
    assert refused["code"] == "forbidden"
    assert await hub_world.stored() == before
    made = await hub_world.mutate("root", "changeMembers", wanted, selection)
    assert [
        (one["user"]["username"], one["group"]["name"], one["leader"])
        for one in made["memberships"]
    ] == [("owner", "readers", False), ("owner", "lab", True), ("annotator", "vault", True)]
    assert (await hub_world.stored())["command"] == before["command"] + 1
    led = "{ viewer { ledGroups { name } } }"
    assert await hub_world.graphql("owner", led) == {"viewer": {"ledGroups": [{"name": "lab"}]}}
    out = {"changes": [change("readers", "owner", "NONE"), change("lab", "owner", "NONE")]}
    kept = await hub_world.mutate("root", "changeMembers", out, selection)
    assert kept["code"] == "conflict", "lab is the default group of the owner"
    members = "query($g: ID) { users(group: $g) { nodes { username } } }"
    found = await hub_world.graphql("root", members, {"g": group(hub_world, "readers")})
    assert {"username": "owner"} in found["users"]["nodes"], "none of the changes was made"


async def test_people_of_one_group_are_listed(hub_world: HubWorld) -> None:
    query = "query($g: ID) { users(group: $g) { totalCount nodes { username } } }"
    found = (await hub_world.graphql("owner", query, {"g": group(hub_world, "lab")}))["users"]
    assert [one["username"] for one in found["nodes"]] == ["annotator", "owner", "root"]
    assert found["totalCount"] == 3


async def test_a_part_of_a_name_is_found_in_any_case(hub_world: HubWorld) -> None:
    profile = {"id": user(hub_world, "owner"), "institution": "Lindqvist Laboratory"}
    await hub_world.mutate("owner", "updateUser", profile, "user { id }")
    query = """{ users(where: {institution: {contains: "lindQVIST"}}) { nodes { username } }
      other: users(where: {username: {startsWith: "OWN"}}) { nodes { username } } }"""
    found = await hub_world.graphql("reader", query)
    assert found["users"]["nodes"] == [{"username": "owner"}]
    assert found["other"]["nodes"] == [{"username": "owner"}]


async def test_nobody_signed_in_sees_no_people_and_no_groups(hub_world: HubWorld) -> None:
    found = await hub_world.graphql(None, "{ users { nodes { username } } groups { totalCount } }")
    assert found == {"users": {"nodes": []}, "groups": {"totalCount": 0}}


async def test_groups_show_members_and_leaders(hub_world: HubWorld) -> None:
    place = {"group": group(hub_world, "lab"), "user": user(hub_world, "owner")}
    made = await hub_world.mutate(
        "root", "setLeader", place, "membership { leader user { username } }"
    )
    assert made["membership"] == {"leader": True, "user": {"username": "owner"}}
    query = """{ groups(where: {name: {startsWith: "L"}}) { nodes {
      name leaders { username }
      members(first: 10) { totalCount nodes { leader user { username } } } } } }"""
    (lab,) = (await hub_world.graphql("annotator", query))["groups"]["nodes"]
    members = {one["user"]["username"]: one["leader"] for one in lab["members"]["nodes"]}
    assert lab["name"] == "lab"
    assert members == {"root": False, "owner": True, "annotator": False}
    assert lab["members"]["totalCount"] == 3
    assert lab["leaders"] == [{"username": "owner"}]


async def test_only_administrators_make_accounts(hub_world: HubWorld) -> None:
    wanted = {
        "username": "mira",
        "password": "a long password",
        "groups": [group(hub_world, "readers")],
        "firstName": "Mira",
        "lastName": "Lind",
    }
    shown = "user { username name groups { name } }"
    before = await hub_world.stored()
    refused = await hub_world.mutate("owner", "createUser", wanted, shown)
    assert refused["code"] == "forbidden"
    assert await hub_world.stored() == before
    made = (await hub_world.mutate("root", "createUser", wanted, shown))["user"]
    assert made["name"] == "Mira Lind"
    assert {one["name"] for one in made["groups"]} == {"user", "readers"}
    assert (await hub_world.mutate("root", "createUser", wanted, shown))["code"] == "conflict"
    assert "a long password" not in await everything_stored(hub_world.database)


async def test_an_account_without_a_name_is_a_precise_error(hub_world: HubWorld) -> None:
    nameless = {"id": user(hub_world, "owner"), "username": None}
    answer = await hub_world.mutate("root", "updateUser", nameless, "user { id }")
    assert answer["code"] == "invalid"
    assert answer["field"] == "username"


async def test_a_stale_change_of_a_group_is_a_conflict(hub_world: HubWorld) -> None:
    lab = {"id": group(hub_world, "lab"), "version": 1}
    shown = "group { level version }"
    first = await hub_world.mutate("root", "updateGroup", lab | {"level": "READ_WRITE"}, shown)
    second = await hub_world.mutate("root", "updateGroup", lab | {"level": "PRIVATE"}, shown)
    assert first["group"] == {"level": "READ_WRITE", "version": 2}
    assert second["code"] == "conflict"
    assert second["details"]["version"] == 2


async def test_adding_a_leader_as_member_leaves_them_leader(hub_world: HubWorld) -> None:
    place = {"group": group(hub_world, "lab"), "user": user(hub_world, "owner")}
    await hub_world.mutate("root", "setLeader", place, "membership { leader }")
    done = await hub_world.mutate("root", "addMember", place, "membership { leader }")
    assert done["membership"]["leader"]


async def test_members_come_and_go_by_leaders_only(hub_world: HubWorld) -> None:
    place = {"group": group(hub_world, "lab"), "user": user(hub_world, "reader")}
    refused = await hub_world.mutate("owner", "addMember", place, "membership { leader }")
    added = await hub_world.mutate("root", "addMember", place, "membership { leader }")
    gone = await hub_world.mutate("root", "removeMember", place, "user { groups { name } }")
    assert refused["code"] == "forbidden"
    assert added["membership"] == {"leader": False}
    assert {one["name"] for one in gone["user"]["groups"]} == {"user", "readers"}


async def test_the_default_group_is_one_of_ones_own(hub_world: HubWorld) -> None:
    readers = {"group": group(hub_world, "readers")}
    refused = await hub_world.mutate("owner", "setDefaultGroup", readers, "user { id }")
    place = readers | {"user": user(hub_world, "owner")}
    await hub_world.mutate("root", "addMember", place, "membership { leader }")
    await hub_world.mutate("owner", "setDefaultGroup", readers, "user { id }")
    viewer = (await hub_world.graphql("owner", VIEWER))["viewer"]
    assert refused["code"] == "conflict"
    assert viewer["defaultGroup"] == {"name": "readers"}


GRANT = "secret grant { id level link expiresAt targetId user { username } group { name } }"
GRANTS = "query($t: ID!) { grants(target: $t) { level link user { id } givenBy { username } } }"
PROJECT = "query($id: ID!) { project(id: $id) { name } }"


async def test_a_grant_opens_a_project_to_a_stranger_until_it_is_revoked(
    hub_world: HubWorld,
) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    hidden = await hub_world.execute("stranger", PROJECT, {"id": id})
    assert code_of(hidden) == "not_found"
    wanted = {"target": id, "user": user(hub_world, "stranger")}
    given = await hub_world.mutate("owner", "giveGrant", wanted, GRANT)
    assert given["grant"]["level"] == "READ"
    assert given["grant"]["targetId"] == id
    assert given["secret"] is None
    seen = await hub_world.graphql("stranger", PROJECT, {"id": id})
    assert seen == {"project": {"name": "Mitosis"}}
    await hub_world.mutate("owner", "revokeGrant", {"id": given["grant"]["id"]}, "revokedId")
    assert code_of(await hub_world.execute("stranger", PROJECT, {"id": id})) == "not_found"


async def test_a_grant_that_has_ended_opens_nothing(hub_world: HubWorld, monkeypatch: Any) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    wanted = {
        "target": id,
        "group": group(hub_world, "outside"),
        "level": "ANNOTATE",
        "expiresAt": "2100-01-01T00:00:00Z",
    }
    given = await hub_world.mutate("owner", "giveGrant", wanted, GRANT)
    assert given["grant"]["expiresAt"] == "2100-01-01T00:00:00.000Z"
    assert (await hub_world.graphql("stranger", PROJECT, {"id": id}))["project"] is not None
    later = now_ms() + 200 * 365 * 86_400_000
    monkeypatch.setattr("store.access.load.now_ms", lambda: later)
    assert code_of(await hub_world.execute("stranger", PROJECT, {"id": id})) == "not_found"


async def test_who_may_not_share_may_not_grant(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    wanted = {"target": encode_id("Project", project.id), "user": user(hub_world, "reader")}
    before = await hub_world.stored()
    by_mate = await hub_world.mutate("annotator", "giveGrant", wanted, GRANT)
    by_stranger = await hub_world.mutate("stranger", "giveGrant", wanted, GRANT)
    assert by_mate["code"] == "forbidden"
    assert by_stranger["code"] == "not_found"
    assert await hub_world.stored() == before


async def test_the_secret_of_a_link_is_shown_once_and_kept_as_a_hash(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    made = await hub_world.mutate("owner", "giveGrant", {"target": id, "link": True}, GRANT)
    stored = await everything_stored(hub_world.database)
    assert made["grant"]["link"]
    assert made["secret"] not in stored
    assert digest(made["secret"]) in stored


async def test_a_link_is_listed_only_to_who_may_make_one(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    await hub_world.mutate("owner", "giveGrant", {"target": id, "link": True}, GRANT)
    mine = (await hub_world.graphql("owner", GRANTS, {"t": id}))["grants"]
    mates = (await hub_world.graphql("annotator", GRANTS, {"t": id}))["grants"]
    assert mine == [{"level": "READ", "link": True, "user": None, "givenBy": {"username": "owner"}}]
    assert mates == []
    assert code_of(await hub_world.execute("stranger", GRANTS, {"t": id})) == "not_found"


@pytest.mark.parametrize("grantees", [(), ("user", "group"), ("user", "link")])
async def test_a_grant_names_exactly_one_grantee(
    hub_world: HubWorld, grantees: tuple[str, ...]
) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    possible: dict[str, Any] = {
        "user": user(hub_world, "reader"),
        "group": group(hub_world, "readers"),
        "link": True,
    }
    wanted = {"target": encode_id("Project", project.id)}
    wanted |= {name: possible[name] for name in grantees}
    answer = await hub_world.mutate("owner", "giveGrant", wanted, GRANT)
    assert answer["code"] == "invalid"


async def test_a_token_is_shown_once_and_ended_by_its_holder(hub_world: HubWorld) -> None:
    wanted = {"name": "notebook", "scopes": ["WRITE", "READ"]}
    made = await hub_world.mutate("owner", "createToken", wanted, "secret token { id scopes }")
    id = {"id": made["token"]["id"]}
    assert made["token"]["scopes"] == ["READ", "WRITE"]
    assert made["secret"] not in await everything_stored(hub_world.database)
    listing = "{ tokens { name usedAt } }"
    assert await hub_world.graphql("owner", listing) == {
        "tokens": [{"name": "notebook", "usedAt": None}]
    }
    assert await hub_world.graphql("root", listing) == {"tokens": []}
    foreign = await hub_world.mutate("root", "revokeToken", id, "revokedId")
    own = await hub_world.mutate("owner", "revokeToken", id, "revokedId")
    assert foreign["code"] == "not_found"
    assert own == {"revokedId": made["token"]["id"]}
    assert await hub_world.graphql("owner", listing) == {"tokens": []}


@pytest.mark.parametrize("noun", ["Token", "Grant", "Session"])
async def test_credentials_and_grants_are_no_nodes(hub_world: HubWorld, noun: str) -> None:
    query = "query($id: ID!) { node(id: $id) { id } }"
    answer = await hub_world.execute("root", query, {"id": encode_id(noun, 1000)})
    assert code_of(answer) == "invalid"


async def test_changing_ones_password_needs_the_present_one(hub_world: HubWorld) -> None:
    wrong = {"password": "another password", "current": "not this one"}
    right = {"password": "another password", "current": "a good password"}
    refused = await hub_world.mutate("owner", "setPassword", wrong, "user { username }")
    nobody = await hub_world.mutate(None, "setPassword", right, "user { username }")
    done = await hub_world.mutate("owner", "setPassword", right, "user { username }")
    assert refused["code"] == "unauthenticated"
    assert nobody["code"] == "unauthenticated"
    assert done == {"user": {"username": "owner"}}


async def test_a_session_is_closed_by_its_holder(hub_world: HubWorld) -> None:
    doors = Credentials(
        hub_world.database, open_sealing(hub_world.infrastructure.settings.data), passwords=QUICK
    )
    opened = await doors.login("owner", "a good password")
    context = await hub_world.context("owner")
    context.session_id = opened.session.id
    listing = "{ sessions { id current } }"
    answer = await graphql_schema.execute(listing, context_value=context)
    id = encode_id("Session", opened.session.id)
    assert answer.data == {"sessions": [{"id": id, "current": True}]}
    assert await hub_world.graphql("annotator", listing) == {"sessions": []}
    foreign = await hub_world.mutate("annotator", "closeSession", {"id": id}, "revokedId")
    own = await hub_world.mutate("owner", "closeSession", {"id": id}, "revokedId")
    assert foreign["code"] == "not_found"
    assert own == {"revokedId": id}
    assert await doors.session(opened.key) is None


async def test_a_deleted_person_keeps_a_name_and_loses_the_door(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = {"id": user(hub_world, "owner")}
    refused = await hub_world.mutate("annotator", "deleteUser", id, "deletedIds")
    done = await hub_world.mutate("root", "deleteUser", id, "deletedIds commandId")
    assert refused["code"] == "forbidden"
    assert done == {"deletedIds": [id["id"]], "commandId": None}
    query = "query($id: ID!) { project(id: $id) { owner { username deleted } } }"
    found = await hub_world.graphql("root", query, {"id": encode_id("Project", project.id)})
    assert found["project"]["owner"] == {"username": "owner", "deleted": True}
    with pytest.raises(Unauthenticated):
        await hub_world.hub("owner")


async def test_a_group_is_deleted_only_when_it_is_empty(hub_world: HubWorld) -> None:
    made = await hub_world.mutate("root", "createGroup", {"name": "short"}, "group { id level }")
    assert made["group"]["level"] == "PRIVATE"
    used = {"id": group(hub_world, "lab")}
    assert (await hub_world.mutate("root", "deleteGroup", used, "deletedIds"))["code"] == "conflict"
    empty = {"id": made["group"]["id"]}
    by_owner = await hub_world.mutate("owner", "deleteGroup", empty, "deletedIds")
    by_root = await hub_world.mutate("root", "deleteGroup", empty, "deletedIds")
    assert by_owner["code"] == "forbidden"
    assert by_root == {"deletedIds": [made["group"]["id"]]}


async def test_roles_are_given_by_administrators(hub_world: HubWorld) -> None:
    wanted = {"user": user(hub_world, "owner"), "role": "ADMINISTRATOR"}
    refused = await hub_world.mutate("owner", "setRole", wanted, "user { role }")
    made = await hub_world.mutate("root", "setRole", wanted, "user { role administrator }")
    assert refused["code"] == "forbidden"
    assert made["user"] == {"role": "ADMINISTRATOR", "administrator": True}


async def test_administration_is_opened_for_a_while(hub_world: HubWorld) -> None:
    refused = await hub_world.mutate("owner", "openAdministration", {}, "until")
    opened = await hub_world.mutate("root", "openAdministration", {"minutes": 5}, "until")
    assert refused["code"] == "forbidden"
    assert opened["until"] is not None
    assert (await hub_world.actor(hub_world.people["root"])).full
    closed = await hub_world.mutate("root", "openAdministration", {"minutes": 0}, "until")
    assert closed == {"until": None}
    assert not (await hub_world.actor(hub_world.people["root"])).full


async def test_a_list_of_people_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    query = """{ users(first: 100) { totalCount nodes { username role memberships { group {
      name leaders { username } members(first: 5) { nodes { user { username } } } } } } } }"""
    counts = []
    for more in (2, 28):
        for number in range(more):
            await hub_world.person(f"extra-{more}-{number}", hub_world.groups["lab"])
        with statements(hub_world.database) as sent:
            await hub_world.graphql("root", query)
        counts.append(len(sent))
    assert counts[0] == counts[1]
