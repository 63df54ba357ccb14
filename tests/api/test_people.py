"""People over GraphQL: who sees what of whom, who may change it, and secrets shown once."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.tokens import digest
from schema.scalars import encode_id
from store.clock import now_ms
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld
from tests.fixtures.people import everything_stored

ERROR = "... on Error { code message }"
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
    change = "mutation($in: UpdateUserInput!) { updateUser(input: $in) { ... on UserPayload { user { email } } } }"
    mail = {"id": user(hub_world, "owner"), "email": "owner@lab.example"}
    await hub_world.graphql("owner", change, {"in": mail})
    query = "query($id: ID!) { user(id: $id) { email username } }"
    seen = {
        who: (await hub_world.graphql(who, query, {"id": user(hub_world, "owner")}))["user"][
            "email"
        ]
        for who in ("owner", "root", "annotator", "stranger")
    }
    assert seen == {
        "owner": "owner@lab.example",
        "root": "owner@lab.example",
        "annotator": None,
        "stranger": None,
    }


async def test_people_are_paged_filtered_and_counted(hub_world: HubWorld) -> None:
    query = """query($after: String) { users(first: 2, after: $after,
      where: {username: {in: ["owner", "annotator", "reader"]}}, orderBy: [{field: USERNAME, direction: DESC}]) {
        totalCount pageInfo { hasNextPage endCursor } nodes { username } } }"""
    first = (await hub_world.graphql("owner", query))["users"]
    second = (await hub_world.graphql("owner", query, {"after": first["pageInfo"]["endCursor"]}))[
        "users"
    ]
    names = [one["username"] for one in first["nodes"] + second["nodes"]]
    assert names == ["reader", "owner", "annotator"]
    assert first["totalCount"] == 3
    assert first["pageInfo"]["hasNextPage"]
    assert not second["pageInfo"]["hasNextPage"]


async def test_people_of_one_group_are_listed(hub_world: HubWorld) -> None:
    query = "query($g: ID) { users(group: $g) { totalCount nodes { username } } }"
    found = (await hub_world.graphql("owner", query, {"g": group(hub_world, "lab")}))["users"]
    assert [one["username"] for one in found["nodes"]] == ["annotator", "owner", "root"]
    assert found["totalCount"] == 3


async def test_nobody_signed_in_sees_no_people_and_no_groups(hub_world: HubWorld) -> None:
    found = await hub_world.graphql(None, "{ users { nodes { username } } groups { totalCount } }")
    assert found == {"users": {"nodes": []}, "groups": {"totalCount": 0}}


async def test_groups_show_members_and_leaders(hub_world: HubWorld) -> None:
    lead = f"""mutation($in: SetLeaderInput!) {{ setLeader(input: $in) {{
      ... on MembershipPayload {{ membership {{ leader user {{ username }} }} }} {ERROR} }} }}"""
    variables = {"in": {"group": group(hub_world, "lab"), "user": user(hub_world, "owner")}}
    made = await hub_world.graphql("root", lead, variables)
    assert made["setLeader"]["membership"] == {"leader": True, "user": {"username": "owner"}}
    query = """{ groups(where: {name: {startsWith: "L"}}) { nodes { name
      members(first: 10) { totalCount nodes { leader user { username } } } leaders { username } } } }"""
    (lab,) = (await hub_world.graphql("annotator", query))["groups"]["nodes"]
    members = {one["user"]["username"]: one["leader"] for one in lab["members"]["nodes"]}
    assert lab["name"] == "lab"
    assert members == {"root": False, "owner": True, "annotator": False}
    assert lab["members"]["totalCount"] == 3
    assert lab["leaders"] == [{"username": "owner"}]


async def test_only_administrators_make_accounts(hub_world: HubWorld) -> None:
    create = f"""mutation($in: CreateUserInput!) {{ createUser(input: $in) {{
      ... on UserPayload {{ user {{ username firstName name groups {{ name }} role }} }} {ERROR} }} }}"""
    wanted = {
        "in": {
            "username": "mira",
            "password": "a long password",
            "groups": [group(hub_world, "readers")],
            "firstName": "Mira",
            "lastName": "Lind",
        }
    }
    before = await hub_world.stored()
    refused = await hub_world.graphql("owner", create, wanted)
    assert refused["createUser"]["code"] == "forbidden"
    assert await hub_world.stored() == before
    made = (await hub_world.graphql("root", create, wanted))["createUser"]["user"]
    assert made["username"] == "mira"
    assert made["name"] == "Mira Lind"
    assert {one["name"] for one in made["groups"]} == {"user", "readers"}
    again = await hub_world.graphql("root", create, wanted)
    assert again["createUser"]["code"] == "conflict"
    everything = await everything_stored(hub_world.database)
    assert "a long password" not in everything


async def test_a_taken_away_name_of_an_account_is_a_precise_error(hub_world: HubWorld) -> None:
    change = f"mutation($in: UpdateUserInput!) {{ updateUser(input: $in) {{ ... on InvalidError {{ field }} {ERROR} }} }}"
    variables = {"in": {"id": user(hub_world, "owner"), "username": None}}
    answer = (await hub_world.graphql("root", change, variables))["updateUser"]
    assert answer["code"] == "invalid"
    assert answer["field"] == "username"


async def test_a_stale_change_of_a_group_is_a_conflict(hub_world: HubWorld) -> None:
    change = f"""mutation($in: UpdateGroupInput!) {{ updateGroup(input: $in) {{
      ... on GroupPayload {{ group {{ level version }} }} {ERROR} }} }}"""
    lab = {"id": group(hub_world, "lab"), "version": 1, "level": "READ_WRITE"}
    first = await hub_world.graphql("root", change, {"in": lab})
    second = await hub_world.graphql("root", change, {"in": lab | {"level": "PRIVATE"}})
    assert first["updateGroup"]["group"] == {"level": "READ_WRITE", "version": 2}
    assert second["updateGroup"]["code"] == "conflict"


async def test_adding_a_leader_as_member_leaves_them_leader(hub_world: HubWorld) -> None:
    both = """mutation($in: SetLeaderInput!, $plain: MemberInput!) {
      setLeader(input: $in) { ... on MembershipPayload { membership { leader } } }
      addMember(input: $plain) { ... on MembershipPayload { membership { leader } } } }"""
    place = {"group": group(hub_world, "lab"), "user": user(hub_world, "owner")}
    done = await hub_world.graphql("root", both, {"in": place, "plain": place})
    assert done["addMember"]["membership"]["leader"]


async def test_members_come_and_go_by_leaders_only(hub_world: HubWorld) -> None:
    add = f"mutation($in: MemberInput!) {{ addMember(input: $in) {{ ... on MembershipPayload {{ membership {{ leader }} }} {ERROR} }} }}"
    remove = f"mutation($in: MemberInput!) {{ removeMember(input: $in) {{ ... on RemoveMemberPayload {{ user {{ groups {{ name }} }} }} {ERROR} }} }}"
    place = {"in": {"group": group(hub_world, "lab"), "user": user(hub_world, "reader")}}
    assert (await hub_world.graphql("owner", add, place))["addMember"]["code"] == "forbidden"
    assert (await hub_world.graphql("root", add, place))["addMember"]["membership"] == {
        "leader": False
    }
    gone = (await hub_world.graphql("root", remove, place))["removeMember"]
    assert {one["name"] for one in gone["user"]["groups"]} == {"user", "readers"}


GIVE = f"""mutation($in: GiveGrantInput!) {{ giveGrant(input: $in) {{
  ... on GrantPayload {{ secret grant {{ id level link expiresAt user {{ username }} group {{ name }} targetId }} }}
  {ERROR} }} }}"""
REVOKE = f"mutation($in: RevokeGrantInput!) {{ revokeGrant(input: $in) {{ ... on RevokePayload {{ revokedId }} {ERROR} }} }}"
GRANTS = "query($t: ID!) { grants(target: $t) { level link user { username } group { name } givenBy { username } } }"
PROJECT = "query($id: ID!) { project(id: $id) { name } }"


async def test_a_grant_opens_a_project_to_a_stranger_until_it_is_revoked(
    hub_world: HubWorld,
) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    hidden = await hub_world.execute("stranger", PROJECT, {"id": id})
    assert hidden.errors is not None
    assert (hidden.errors[0].extensions or {})["code"] == "not_found"
    given = await hub_world.graphql(
        "owner", GIVE, {"in": {"target": id, "user": user(hub_world, "stranger")}}
    )
    grant = given["giveGrant"]["grant"]
    assert grant["level"] == "READ"
    assert grant["targetId"] == id
    assert given["giveGrant"]["secret"] is None
    seen = await hub_world.graphql("stranger", PROJECT, {"id": id})
    assert seen == {"project": {"name": "Mitosis"}}
    await hub_world.graphql("owner", REVOKE, {"in": {"id": grant["id"]}})
    closed = await hub_world.execute("stranger", PROJECT, {"id": id})
    assert closed.errors is not None


async def test_a_grant_that_has_ended_opens_nothing(hub_world: HubWorld, monkeypatch: Any) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    wanted = {
        "target": id,
        "group": group(hub_world, "outside"),
        "level": "ANNOTATE",
        "expiresAt": "2100-01-01T00:00:00Z",
    }
    given = await hub_world.graphql("owner", GIVE, {"in": wanted})
    assert given["giveGrant"]["grant"]["expiresAt"] == "2100-01-01T00:00:00.000Z"
    assert (await hub_world.graphql("stranger", PROJECT, {"id": id}))["project"] is not None
    later = now_ms() + 200 * 365 * 86_400_000
    monkeypatch.setattr("store.access.load.now_ms", lambda: later)
    ended = await hub_world.execute("stranger", PROJECT, {"id": id})
    assert ended.errors is not None


async def test_who_may_not_share_may_not_grant(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    target = {"target": encode_id("Project", project.id), "user": user(hub_world, "reader")}
    before = await hub_world.stored()
    by_mate = await hub_world.graphql("annotator", GIVE, {"in": target})
    by_stranger = await hub_world.graphql("stranger", GIVE, {"in": target})
    assert by_mate["giveGrant"]["code"] == "forbidden"
    assert by_stranger["giveGrant"]["code"] == "not_found"
    assert await hub_world.stored() == before


async def test_the_secret_of_a_link_is_shown_once_and_kept_as_a_hash(hub_world: HubWorld) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    id = encode_id("Project", project.id)
    made = await hub_world.graphql("owner", GIVE, {"in": {"target": id, "link": True}})
    secret = made["giveGrant"]["secret"]
    stored = await everything_stored(hub_world.database)
    assert made["giveGrant"]["grant"]["link"]
    assert secret not in stored
    assert digest(secret) in stored
    mine = (await hub_world.graphql("owner", GRANTS, {"t": id}))["grants"]
    mate = (await hub_world.graphql("annotator", GRANTS, {"t": id}))["grants"]
    assert [one["link"] for one in mine] == [True]
    assert mine[0]["givenBy"] == {"username": "owner"}
    assert mate == []
    hidden = await hub_world.execute("stranger", GRANTS, {"t": id})
    assert hidden.errors is not None
    assert (hidden.errors[0].extensions or {})["code"] == "not_found"


@pytest.mark.parametrize(
    "grantees", [{}, {"user": True, "group": True}, {"user": True, "link": True}]
)
async def test_a_grant_names_exactly_one_grantee(
    hub_world: HubWorld, grantees: dict[str, bool]
) -> None:
    project = await hub_world.project(hub_world.people["owner"])
    wanted: dict[str, Any] = {"target": encode_id("Project", project.id)}
    wanted |= {"user": user(hub_world, "reader")} if "user" in grantees else {}
    wanted |= {"group": group(hub_world, "readers")} if "group" in grantees else {}
    wanted |= {"link": True} if "link" in grantees else {}
    answer = await hub_world.graphql("owner", GIVE, {"in": wanted})
    assert answer["giveGrant"]["code"] == "invalid"


async def test_a_token_is_shown_once_and_listed_without_its_secret(hub_world: HubWorld) -> None:
    create = f"""mutation($in: CreateTokenInput!) {{ createToken(input: $in) {{
      ... on CreateTokenPayload {{ secret token {{ id name scopes expiresAt }} }} {ERROR} }} }}"""
    made = await hub_world.graphql(
        "owner", create, {"in": {"name": "notebook", "scopes": ["WRITE", "READ"]}}
    )
    token = made["createToken"]["token"]
    assert token["scopes"] == ["READ", "WRITE"]
    assert made["createToken"]["secret"] not in await everything_stored(hub_world.database)
    listing = "{ tokens { id name scopes usedAt } sessions { id } }"
    assert [one["name"] for one in (await hub_world.graphql("owner", listing))["tokens"]] == [
        "notebook"
    ]
    assert (await hub_world.graphql("root", listing))["tokens"] == []
    revoke = f"mutation($in: RevokeTokenInput!) {{ revokeToken(input: $in) {{ ... on RevokePayload {{ revokedId }} {ERROR} }} }}"
    foreign = await hub_world.graphql("root", revoke, {"in": {"id": token["id"]}})
    assert foreign["revokeToken"]["code"] == "not_found"
    own = await hub_world.graphql("owner", revoke, {"in": {"id": token["id"]}})
    assert own["revokeToken"] == {"revokedId": token["id"]}
    assert (await hub_world.graphql("owner", listing))["tokens"] == []


async def test_tokens_grants_and_sessions_are_no_nodes(hub_world: HubWorld) -> None:
    for noun in ("Token", "Grant", "Session"):
        answer = await hub_world.execute(
            "root", "query($id: ID!) { node(id: $id) { id } }", {"id": encode_id(noun, 1000)}
        )
        assert answer.errors is not None
        assert (answer.errors[0].extensions or {})["code"] == "invalid"


async def test_changing_ones_password_needs_the_present_one(hub_world: HubWorld) -> None:
    change = f"mutation($in: SetPasswordInput!) {{ setPassword(input: $in) {{ ... on UserPayload {{ user {{ username }} }} {ERROR} }} }}"
    wrong = {"password": "another password", "current": "not this one"}
    right = {"password": "another password", "current": "a good password"}
    refused = await hub_world.graphql("owner", change, {"in": wrong})
    assert refused["setPassword"]["code"] == "unauthenticated"
    done = await hub_world.graphql("owner", change, {"in": right})
    assert done["setPassword"]["user"]["username"] == "owner"
    nobody = await hub_world.graphql(None, change, {"in": right})
    assert nobody["setPassword"]["code"] == "unauthenticated"


async def test_roles_are_given_by_administrators(hub_world: HubWorld) -> None:
    change = f"mutation($in: SetRoleInput!) {{ setRole(input: $in) {{ ... on UserPayload {{ user {{ role administrator }} }} {ERROR} }} }}"
    variables = {"in": {"user": user(hub_world, "owner"), "role": "ADMINISTRATOR"}}
    assert (await hub_world.graphql("owner", change, variables))["setRole"]["code"] == "forbidden"
    made = (await hub_world.graphql("root", change, variables))["setRole"]["user"]
    assert made == {"role": "ADMINISTRATOR", "administrator": True}


async def test_administration_is_opened_for_a_while(hub_world: HubWorld) -> None:
    open_it = f"mutation($in: OpenAdministrationInput!) {{ openAdministration(input: $in) {{ ... on AdministrationPayload {{ until }} {ERROR} }} }}"
    assert (await hub_world.graphql("owner", open_it, {"in": {}}))["openAdministration"][
        "code"
    ] == "forbidden"
    opened = await hub_world.graphql("root", open_it, {"in": {"minutes": 5}})
    assert opened["openAdministration"]["until"] is not None
    assert (await hub_world.actor(2)).full
    await hub_world.graphql("root", open_it, {"in": {"minutes": 0}})
    assert not (await hub_world.actor(2)).full


async def test_a_list_of_people_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    query = """query($n: Int) { users(first: $n) { nodes { username role
      memberships { group { name leaders { username } members(first: 5) { nodes { user { username } } } } } } } }"""
    counts = []
    for _ in range(2):
        hub = await hub_world.hub("root")
        with statements(hub_world.database) as sent:
            from resolvers.context import Context
            from resolvers.root import graphql_schema

            await graphql_schema.execute(
                query,
                variable_values={"n": 100},
                context_value=Context(request=None, hub=hub, actor=hub.actor),
            )
        counts.append(len(sent))
        for number in range(12):
            await hub_world.person(f"extra-{number}", hub_world.groups["lab"])
        if len(counts) == 2:
            break
    assert counts[0] == counts[1]
