"""Activity over GraphQL: noted without history, listed to whom it concerns, forgotten in time."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from adapters.activity import KEPT_MS, Which
from schema.scalars import encode_id
from store.clock import now_ms
from store.statement import table
from store.tables.activity import Activity, ActivityKind
from store.tables.people import Role
from store.unit import Unit
from tests.fixtures.hub_world import HubWorld

LIST = """query($where: ActivityWhere) { activity(first: 50, where: $where) { totalCount nodes {
  id kind mode zoom broadcast action os corners { x y } plane
  user { username } project { name } image { name } roi { id } } } }"""
CORNERS = [{"x": 1.5, "y": 2}, {"x": 9, "y": 2}, {"x": 9, "y": 8}, {"x": 1.5, "y": 8}]


class Place:
    """A project of the owner's with an image; the reader is a member."""

    def __init__(self, world: HubWorld) -> None:
        self.world = world

    async def make(self) -> Place:
        world, me = self.world, self.world.people["owner"]
        hub = await world.hub("owner")
        row = await hub.projects.create("Watched", members=[world.people["reader"]])
        dataset = await world.dataset(me, "inside", into=row.id)
        image = await world.image(me, into=dataset.id)
        self.project_id, self.image_id = row.id, image.id
        self.project, self.image = encode_id("Project", row.id), encode_id("Image", image.id)
        shape = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
        drawn = {"image": self.image, "shapes": [shape], "project": self.project}
        self.roi = (await world.mutate("owner", "createRoi", drawn, "roi { id }"))["roi"]["id"]
        return self

    async def note(self, who: str, field: str, **given: Any) -> dict[str, Any]:
        return await self.world.mutate(who, field, given, "activity { id }")

    async def leave_traces(self, who: str) -> None:
        both = {"image": self.image, "project": self.project}
        await self.note(who, "noteConnection", project=self.project, os="Linux")
        await self.note(who, "noteView", **both, mode="view")
        await self.note(who, "notePosition", **both, corners=CORNERS, zoom=2, plane=3)
        await self.note(who, "noteAction", roi=self.roi, action="select")

    async def listed(self, who: str, **where: Any) -> list[dict[str, Any]]:
        found = (await self.world.graphql(who, LIST, {"where": where}))["activity"]
        assert found["totalCount"] == len(found["nodes"])
        nodes: list[dict[str, Any]] = found["nodes"]
        return nodes


@pytest.fixture
async def place(hub_world: HubWorld) -> Place:
    return await Place(hub_world).make()


async def test_traces_are_noted_in_full_and_are_no_history(place: Place) -> None:
    before = await place.world.stored()
    await place.leave_traces("reader")
    after = await place.world.stored()
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "activity": 4
    }
    action, position, view, connection = await place.listed("reader", project=place.project)
    kinds = [one["kind"] for one in (action, position, view, connection)]
    assert kinds == ["ACTION", "POSITION", "VIEW", "CONNECTION"]
    assert (position["corners"], position["zoom"], position["plane"]) == (CORNERS, 2, 3)
    assert (view["mode"], connection["os"], action["action"]) == ("view", "Linux", "select")
    assert action["roi"] == {"id": place.roi}
    assert {one["user"]["username"] for one in (action, view)} == {"reader"}
    assert view["project"] == {"name": "Watched"}
    assert connection["image"] is None


async def test_visits_of_others_are_told_to_managers_only(place: Place) -> None:
    await place.leave_traces("owner")
    assert len(await place.listed("owner")) == 4
    kinds = {one["kind"] for one in await place.listed("reader")}
    assert kinds == {"POSITION", "ACTION"}
    assert await place.listed("stranger") == []
    mine = encode_id("User", place.world.people["reader"])
    assert await place.listed("owner", user=mine) == []
    assert len(await place.listed("owner", kind="VIEW", image=place.image)) == 1
    (view,) = await place.listed("owner", kind="VIEW")
    node = "query($id: ID!) { node(id: $id) { id } }"
    hidden = await place.world.execute("reader", node, {"id": view["id"]})
    assert hidden.data is None or hidden.data["node"] is None


async def test_a_guest_leaves_traces_though_they_change_nothing(place: Place) -> None:
    hub = await place.world.hub("root")
    await hub.people.roles.define(place.world.people["reader"], Role.guest)
    answer = await place.note("reader", "noteView", image=place.image, project=place.project)
    assert "code" not in answer


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("notePosition", {"corners": CORNERS[:3]}),
        ("noteView", {"mode": "x" * 300}),
        ("noteView", {"mode": "line\nbreak"}),
    ],
)
async def test_bad_traces_are_refused(place: Place, field: str, given: dict[str, Any]) -> None:
    before = await place.world.stored()
    answer = await place.note("owner", field, image=place.image, **given)
    assert answer["code"] == "invalid"
    assert await place.world.stored() == before


async def test_an_image_is_only_in_projects_that_hold_it(place: Place) -> None:
    other = await (await place.world.hub("owner")).projects.create("Other")
    answer = await place.note(
        "owner", "noteView", image=place.image, project=encode_id("Project", other.id)
    )
    assert answer["code"] == "not_found"


async def test_old_traces_are_forgotten_when_somebody_comes(place: Place) -> None:
    await place.leave_traces("owner")

    async def age(unit: Unit) -> None:
        long_ago = now_ms() - KEPT_MS - 1000
        await unit.execute(update(table(Activity)).values(at=long_ago))

    await place.world.system().write("age", age)
    await place.note("reader", "noteConnection", project=place.project)
    hub = await place.world.hub("owner")
    assert len(await hub.activity.window(Which(project_id=place.project_id))) == 1


async def test_visits_and_views_are_summed_up(place: Place) -> None:
    await place.leave_traces("reader")
    await place.leave_traces("reader")
    hub, me = await place.world.hub("reader"), place.world.people["reader"]
    which = Which(ActivityKind.CONNECTION, place.project_id, user_id=me)
    rows = await hub.activity.window(which)
    visits = await hub.activity.visits(rows)
    assert [one.viewed for one in visits] == [1, 1]
    views = await hub.activity.window(Which(ActivityKind.VIEW, place.project_id, user_id=me))
    looks = await hub.activity.looks(views)
    assert [one.visit_id for one in looks] == [row.id for row in rows]
    day = 86_400_000
    (period,) = await hub.activity.histogram(which, day)
    assert period == (rows[0].at - rows[0].at % day, 2)
    summary = await hub.activity.summary(place.project_id, me)
    assert summary.counts == {"view": 2, "position": 2, "connection": 2, "action": 2}
    assert summary.first == rows[-1].at
    assert await hub.activity.online(project_id=place.project_id) == [me]
    assert [one.user_id for one in await hub.activity.latest(which)] == [me]
