"""Shares over GraphQL: objects given to people together, what each side sees of it, and its end."""

from __future__ import annotations

from typing import Any

import pytest

from schema.scalars import encode_id, write_date_time
from store.clock import now_ms
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

HOUR_MS = 3_600_000
SHARE = """share { id active link message expiresAt givenBy { username } users { username }
  groups { name } objects { __typename id } grants { level targetId } }"""
LISTS = """query($first: Int, $after: String) { %s(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  nodes { id active message link objects { id } users { username } groups { name } } } }"""
BY_ME, WITH_ME = LISTS % "sharedByMe", LISTS % "sharedWithMe"
SEES = "query($p: ID!, $i: ID!) { project(id: $p) { name } image(id: $i) { name } }"


def user(world: HubWorld, name: str) -> str:
    return encode_id("User", world.people[name])


async def scene(world: HubWorld) -> tuple[str, str]:
    """Return a project and an orphaned image of the owner's."""
    owner = world.people["owner"]
    project = await world.project(owner)
    image = await world.image(owner)
    return encode_id("Project", project.id), encode_id("Image", image.id)


async def given(world: HubWorld, objects: list[str], who: str = "stranger", **more: Any) -> Any:
    wanted = {"objects": objects, "users": [user(world, who)], **more}
    return await world.mutate("owner", "share", wanted, SHARE)


async def seen(world: HubWorld, who: str, project: str, image: str) -> list[bool]:
    result = await world.execute(who, SEES, {"p": project, "i": image})
    assert result.data is not None
    return [result.data["project"] is not None, result.data["image"] is not None]


async def in_hours(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    later = now_ms() + round(hours * HOUR_MS)
    for module in ("store.access.load", "adapters.shares"):
        monkeypatch.setattr(f"{module}.now_ms", lambda: later)


async def test_one_command_opens_many_objects_to_many_people(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    commands = (await hub_world.stored())["command"]
    made = await given(
        hub_world,
        [project, image],
        groups=[encode_id("Group", hub_world.groups["readers"])],
        level="ANNOTATE",
        message="Look at the third cell.",
    )
    share = made["share"]
    assert {one["id"] for one in share["objects"]} == {project, image}
    assert [one["username"] for one in share["users"]] == ["stranger"]
    assert [one["name"] for one in share["groups"]] == ["readers"]
    assert share["message"] == "Look at the third cell."
    assert share["givenBy"] == {"username": "owner"}
    assert [one["level"] for one in share["grants"]] == ["ANNOTATE"] * 4
    assert (await hub_world.stored())["command"] == commands + 1
    for who in ("stranger", "reader"):
        assert await seen(hub_world, who, project, image) == [True, True]
        listed = (await hub_world.graphql(who, WITH_ME))["sharedWithMe"]
        assert [one["message"] for one in listed["nodes"]] == ["Look at the third cell."]
        assert {one["id"] for one in listed["nodes"][0]["objects"]} == {project, image}
    assert await seen(hub_world, "keeper", project, image) == [False, False]


async def test_the_message_is_a_comment_on_every_object(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    await given(hub_world, [project, image], message="Please count.")
    query = """query($p: ID!, $i: ID!) {
      project(id: $p) { annotations { ... on CommentAnnotation { text } } }
      image(id: $i) { annotations { ... on CommentAnnotation { text } } } }"""
    found = await hub_world.graphql("stranger", query, {"p": project, "i": image})
    assert found["project"]["annotations"] == [{"text": "Please count."}]
    assert found["image"]["annotations"] == [{"text": "Please count."}]


async def test_both_sides_page_through_their_shares_newest_first(hub_world: HubWorld) -> None:
    owner = hub_world.people["owner"]
    ids = []
    for number in range(3):
        project = await hub_world.project(owner, f"P{number}")
        made = await given(hub_world, [encode_id("Project", project.id)])
        ids.insert(0, made["share"]["id"])
    for who, query, name in (
        ("owner", BY_ME, "sharedByMe"),
        ("stranger", WITH_ME, "sharedWithMe"),
    ):
        first = (await hub_world.graphql(who, query, {"first": 2}))[name]
        rest = (await hub_world.graphql(who, query, {"after": first["pageInfo"]["endCursor"]}))[
            name
        ]
        assert [one["id"] for one in first["nodes"] + rest["nodes"]] == ids
        assert first["totalCount"] == 3
        assert first["pageInfo"]["hasNextPage"]
        assert not rest["pageInfo"]["hasNextPage"]
    assert (await hub_world.graphql("owner", WITH_ME))["sharedWithMe"]["nodes"] == []
    assert (await hub_world.graphql("annotator", BY_ME))["sharedByMe"]["nodes"] == []


async def test_a_secret_link_is_listed_to_its_giver_only(hub_world: HubWorld) -> None:
    project, _ = await scene(hub_world)
    await hub_world.mutate("owner", "giveGrant", {"target": project, "link": True}, "secret")
    mine = (await hub_world.graphql("owner", BY_ME))["sharedByMe"]["nodes"]
    assert [(one["link"], one["users"]) for one in mine] == [(True, [])]
    assert (await hub_world.graphql("annotator", WITH_ME))["sharedWithMe"]["nodes"] == []


async def test_a_share_ends_and_is_extended(
    hub_world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, image = await scene(hub_world)
    end = write_date_time(now_ms() + HOUR_MS)
    share = (await given(hub_world, [project, image], expiresAt=end))["share"]
    assert share["active"]
    assert share["expiresAt"] == end
    await in_hours(monkeypatch, 2)
    assert await seen(hub_world, "stranger", project, image) == [False, False]
    assert (await hub_world.graphql("stranger", WITH_ME))["sharedWithMe"]["totalCount"] == 0
    mine = (await hub_world.graphql("owner", BY_ME))["sharedByMe"]["nodes"]
    assert [one["active"] for one in mine] == [False]
    longer = {"id": share["id"], "expiresAt": None}
    extended = await hub_world.mutate("owner", "extendShare", longer, SHARE)
    assert extended["share"]["active"]
    assert extended["share"]["expiresAt"] is None
    assert await seen(hub_world, "stranger", project, image) == [True, True]


async def test_closing_takes_back_what_it_gave_and_nothing_else(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    before = {"target": project, "user": user(hub_world, "stranger"), "level": "WRITE"}
    await hub_world.mutate("owner", "giveGrant", before, "grant { id }")
    share = (await given(hub_world, [project, image]))["share"]
    assert [one["id"] for one in share["objects"]] == [image]
    closed = await hub_world.mutate("owner", "closeShare", {"id": share["id"]}, "closedId revoked")
    assert closed == {"closedId": share["id"], "revoked": 1}
    assert await seen(hub_world, "stranger", project, image) == [True, False]
    again = await hub_world.mutate("owner", "closeShare", {"id": share["id"]}, "closedId")
    assert again["code"] == "not_found"


async def test_a_grant_that_gives_less_becomes_part_of_the_share(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    await given(hub_world, [project], level="READ")
    stronger = (await given(hub_world, [project, image], level="ANNOTATE"))["share"]
    assert {one["id"] for one in stronger["objects"]} == {project, image}
    assert {one["level"] for one in stronger["grants"]} == {"ANNOTATE"}
    assert (await hub_world.graphql("owner", BY_ME))["sharedByMe"]["totalCount"] == 1


async def test_an_ended_grant_lends_its_level_to_nobody(
    hub_world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, _ = await scene(hub_world)
    end = write_date_time(now_ms() + HOUR_MS)
    await given(hub_world, [project], level="MANAGE", expiresAt=end)
    await in_hours(monkeypatch, 2)
    renewed = (await given(hub_world, [project], level="READ"))["share"]
    assert [one["level"] for one in renewed["grants"]] == ["READ"]


@pytest.mark.parametrize(("first", "second"), [("MANAGE", "READ"), ("READ", "MANAGE")])
async def test_one_grant_cannot_have_two_ends(hub_world: HubWorld, first: str, second: str) -> None:
    project, _ = await scene(hub_world)
    end = write_date_time(now_ms() + HOUR_MS)
    ends = {"MANAGE": {"expiresAt": end}, "READ": {}}
    await given(hub_world, [project], level=first, **ends[first])
    before = await hub_world.stored()
    refused = await given(hub_world, [project], level=second, **ends[second])
    assert refused["code"] == "conflict"
    assert await hub_world.stored() == before


async def test_giving_the_same_again_is_refused(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    await given(hub_world, [project, image])
    assert (await given(hub_world, [image, project]))["code"] == "conflict"


async def test_who_may_not_share_shares_nothing(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    mine = encode_id("Image", (await hub_world.image(hub_world.people["annotator"])).id)
    wanted = {"objects": [mine, project], "users": [user(hub_world, "reader")]}
    before = await hub_world.stored()
    mate = await hub_world.mutate("annotator", "share", wanted, SHARE)
    stranger = await hub_world.mutate("stranger", "share", {**wanted, "objects": [image]}, SHARE)
    assert mate["code"] == "forbidden"
    assert stranger["code"] == "not_found"
    assert await hub_world.stored() == before


async def test_who_was_given_something_neither_extends_nor_closes_it(hub_world: HubWorld) -> None:
    project, image = await scene(hub_world)
    id = {"id": (await given(hub_world, [project, image], level="WRITE"))["share"]["id"]}
    before = await hub_world.stored()
    for who in ("stranger", "annotator"):
        closed = await hub_world.mutate(who, "closeShare", id, "closedId")
        extended = await hub_world.mutate(who, "extendShare", {**id, "expiresAt": None}, SHARE)
        assert (closed["code"], extended["code"]) == ("forbidden", "forbidden")
    assert await hub_world.stored() == before


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"objects": []}, "objects"),
        ({"users": []}, "users"),
        ({"objects": [encode_id("ROI", 5)]}, "objects"),
        ({"groups": [encode_id("Group", 1)]}, "groups"),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, "expires_at"),
    ],
)
async def test_a_share_without_sense_is_refused(
    hub_world: HubWorld, wanted: dict[str, Any], field: str
) -> None:
    project, _ = await scene(hub_world)
    usual = {"objects": [project], "users": [user(hub_world, "stranger")]}
    refused = await hub_world.mutate("owner", "share", usual | wanted, SHARE)
    assert (refused["code"], refused["field"]) == ("invalid", field)


async def test_a_share_has_a_largest_size(hub_world: HubWorld) -> None:
    many = [encode_id("Image", 10_000 + number) for number in range(501)]
    refused = await given(hub_world, many)
    assert refused["code"] == "too_large"


async def test_a_list_of_shares_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    owner = hub_world.people["owner"]
    counts = []
    for more in (2, 8):
        for number in range(more):
            project = await hub_world.project(owner, f"{more}-{number}")
            image = await hub_world.image(owner)
            objects = [encode_id("Project", project.id), encode_id("Image", image.id)]
            await given(hub_world, objects, message="x")
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", BY_ME)
        counts.append(len(sent))
    assert counts[0] == counts[1]
