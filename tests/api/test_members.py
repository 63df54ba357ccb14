"""Members, settings, default layers and representatives of projects, and deletion with content."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from schema.scalars import encode_id
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

MEMBERS = "project { members { role byGroup user { username } } }"
PROJECT = """query($id: ID!) { project(id: $id) {
  members { role byGroup user { username } }
  defaultLayers { hidden user { username } } representatives { user { username } } } }"""


class Study:
    """A project of the owner's, and short ways to change it."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world

    async def make(self, **settings: Any) -> Study:
        hub = await self.world.hub("owner")
        row = await hub.projects.create("Mitosis", **settings)
        self.row, self.id = row, encode_id("Project", row.id)
        return self

    def user(self, name: str) -> str:
        return encode_id("User", self.world.people[name])

    async def do(self, who: str, field: str, *names: str, **more: Any) -> dict[str, Any]:
        given: dict[str, Any] = {"project": self.id, **more}
        if field in ("addMembers", "removeMembers", "demoteManagers"):
            given["users"] = [self.user(name) for name in names]
        else:
            (given["user"],) = (self.user(name) for name in names)
        return await self.world.mutate(who, field, given, MEMBERS)

    async def seen(self, who: str = "owner") -> dict[str, Any]:
        found = await self.world.graphql(who, PROJECT, {"id": self.id})
        project: dict[str, Any] = found["project"]
        return project

    async def roles(self) -> dict[str, str]:
        there = (await self.seen())["members"]
        return {one["user"]["username"]: one["role"] for one in there}


@pytest.fixture
async def study(hub_world: HubWorld) -> Study:
    return await Study(hub_world).make()


async def test_members_come_as_members_or_managers_and_are_never_made_less(study: Study) -> None:
    await study.do("owner", "addMembers", "reader", "stranger")
    await study.do("owner", "addMembers", "stranger", manager=True)
    await study.do("owner", "addMembers", "stranger", "owner")
    wanted = {"owner": "OWNER", "reader": "MEMBER", "stranger": "MANAGER"}
    assert await study.roles() == wanted
    # A manager keeps members too, and the owner stays whoever asks.
    await study.do("stranger", "removeMembers", "reader")
    refused = await study.do("stranger", "removeMembers", "owner")
    assert refused["code"] == "conflict"
    assert (await study.do("stranger", "demoteManagers", "owner"))["code"] == "conflict"
    await study.do("owner", "demoteManagers", "stranger")
    assert await study.roles() == {"owner": "OWNER", "stranger": "MEMBER"}
    assert (await study.do("stranger", "addMembers", "reader"))["code"] == "forbidden"
    assert (await study.do("reader", "addMembers", "reader"))["code"] == "not_found"


async def test_whom_a_group_lets_in_is_a_member_and_leaves_with_it(study: Study) -> None:
    given = {
        "target": study.id, "level": "READ",
        "group": encode_id("Group", study.world.groups["readers"]),
    }  # fmt: skip
    await study.world.mutate("owner", "giveGrant", given, "grant { id }")
    there = {one["user"]["username"]: one for one in (await study.seen())["members"]}
    assert there["reader"] == {
        "role": "READER", "byGroup": True, "user": {"username": "reader"}
    }  # fmt: skip
    refused = await study.do("owner", "removeMembers", "reader")
    assert refused["code"] == "conflict"
    await study.do("owner", "addMembers", "reader")
    assert (await study.roles())["reader"] == "MEMBER"


async def test_a_project_made_with_members_can_be_undone_as_a_whole(hub_world: HubWorld) -> None:
    people = hub_world.people
    study = await Study(hub_world).make(members=[people["reader"]], managers=[people["keeper"]])
    assert await study.roles() == {"owner": "OWNER", "reader": "MEMBER", "keeper": "MANAGER"}
    await hub_world.undo_last(people["owner"])
    for who in ("owner", "reader"):
        assert (await hub_world.execute(who, PROJECT, {"id": study.id})).errors
    await hub_world.redo_last(people["owner"])
    assert len((await study.seen("reader"))["members"]) == 3


async def test_a_name_is_made_once_by_many_at_once(hub_world: HubWorld) -> None:
    hubs = [await hub_world.hub("owner") for _ in range(5)]
    made = await asyncio.gather(
        *(hub.projects.create("Race") for hub in hubs), return_exceptions=True
    )
    assert sum(not isinstance(one, BaseException) for one in made) == 1


async def test_default_layers_and_representatives(study: Study) -> None:
    world = study.world
    await study.do("owner", "addMembers", "reader")
    await study.do("owner", "setDefaultLayer", "reader", hidden=True)
    await study.do("owner", "setDefaultLayer", "reader", hidden=False)
    assert (await study.seen())["defaultLayers"] == [
        {"hidden": False, "user": {"username": "reader"}}
    ]
    assert (await study.do("reader", "removeDefaultLayer", "reader"))["code"] == "forbidden"
    await study.do("owner", "removeDefaultLayer", "reader")
    assert (await study.seen())["defaultLayers"] == []
    await world.undo_last(world.people["owner"])
    assert len((await study.seen())["defaultLayers"]) == 1
    last = await study.do("owner", "removeRepresentative", "owner")
    assert last["code"] == "conflict"
    await study.do("owner", "addRepresentative", "reader")
    assert (await study.do("owner", "addRepresentative", "reader"))["code"] == "conflict"
    assert (await study.do("owner", "addRepresentative", "keeper"))["code"] == "invalid"
    await study.do("owner", "removeRepresentative", "owner")
    # Whoever leaves represents nothing any more; the owner stands in.
    await study.do("owner", "removeMembers", "reader")
    assert (await study.seen())["representatives"] == [{"user": {"username": "owner"}}]


async def test_settings_are_changed_together_and_shown(study: Study) -> None:
    given = {
        "id": study.id, "mode": "RESTRICTED", "closed": True, "blind": True,
        "downloadable": False, "hideMembers": True, "hideManagers": True,
    }  # fmt: skip
    shown = "mode closed blind downloadable hideMembers hideManagers"
    answer = await study.world.mutate("owner", "updateProject", given, f"project {{ {shown} }}")
    assert answer["project"] == {name: given[name] for name in shown.split()}


async def test_members_of_many_projects_cost_the_same(hub_world: HubWorld) -> None:
    query = """{ projects(first: 50) { nodes { members { user { username } }
      defaultLayers { hidden } representatives { since } } } }"""
    hub = await hub_world.hub("owner")
    await hub.projects.create("0", members=[hub_world.people["reader"]])
    context = await hub_world.context("owner")
    from resolvers.root import graphql_schema

    with statements(hub_world.database) as few:
        await graphql_schema.execute(query, context_value=context)
    for name in "123456":
        await hub.projects.create(name, members=[hub_world.people["keeper"]])
    context = await hub_world.context("owner")
    with statements(hub_world.database) as many:
        found = await graphql_schema.execute(query, context_value=context)
    assert found.data is not None
    assert len(found.data["projects"]["nodes"]) == 7
    assert len(many) == len(few)


async def test_deleting_with_content_takes_regions_and_inbox_and_comes_back(
    study: Study,
) -> None:
    world, me = study.world, study.world.people["owner"]
    inbox = await world.dataset(me, "inbox", into=study.row.id)
    hub = await world.hub("owner")
    from store.tables.containers import Project
    from store.unit import Unit

    async def name_inbox(unit: Unit) -> None:
        await unit.change(Project, study.row.id, inbox_dataset_id=inbox.id)

    await hub.catalog.write("name_inbox", name_inbox)
    image = await world.image(me, into=inbox.id)
    shape = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
    drawn = {"image": encode_id("Image", image.id), "shapes": [shape], "project": study.id}
    roi = await world.mutate("annotator", "createRoi", drawn, "roi { id }")
    query = """query($roi: ID!, $project: ID!, $dataset: ID!, $image: ID!) {
      nodes(ids: [$roi, $project, $dataset, $image]) { id } }"""
    ids = {
        "roi": roi["roi"]["id"], "project": study.id,
        "dataset": encode_id("Dataset", inbox.id), "image": drawn["image"],
    }  # fmt: skip

    async def there() -> list[bool]:
        found = await world.graphql("owner", query, ids)
        return [one is not None for one in found["nodes"]]

    shown = "impact { noun count } commandId"
    rehearsed = await world.mutate(
        "owner", "deleteProjectWithContent", {"id": study.id, "dryRun": True}, shown
    )
    counts = {one["noun"]: one["count"] for one in rehearsed["impact"]}
    assert (counts, rehearsed["commandId"]) == ({"project": 1, "roi": 1, "dataset": 1}, None)
    assert await there() == [True] * 4
    await world.mutate("owner", "deleteProjectWithContent", {"id": study.id}, shown)
    assert await there() == [False, False, False, True]
    await world.undo_last(me)
    assert await there() == [True] * 4
    refused = await world.mutate("annotator", "deleteProjectWithContent", {"id": study.id}, shown)
    assert refused["code"] == "forbidden"
