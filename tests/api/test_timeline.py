"""The timeline over GraphQL: everything by time in one list, and counts per period."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from schema.scalars import encode_id, write_date_time
from store.statement import cols, table
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.unit import Unit
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

DAY_MS = 86_400_000
START = datetime(2023, 12, 20, 22, 30, tzinfo=UTC)
PAGE = """query($first: Int, $after: String, $last: Int, $before: String, $from: DateTime,
    $to: DateTime, $user: ID, $group: ID, $types: [TimelineNoun!], $clock: TimelineClock! = CREATED,
    $direction: OrderDirection! = DESC) {
  timeline(first: $first, after: $after, last: $last, before: $before, from: $from, to: $to,
      user: $user, group: $group, types: $types, clock: $clock, direction: $direction) {
    totalCount pageInfo { hasNextPage endCursor startCursor }
    nodes { at type object { id } } } }"""
COUNTS = """query($period: TimelinePeriod! = DAY, $from: DateTime, $to: DateTime) {
  timelineCounts(period: $period, from: $from, to: $to) {
    start end total counts { type count } } }"""
Row = tuple[int, int, str, str]  # moment, number, noun, owner


async def dated(world: HubWorld, noun: Any, id: int, moment: int) -> None:
    """Give an object another moment of creation."""

    async def work(unit: Unit) -> None:
        await unit.execute(update(table(noun)).where(cols(noun).id == id).values(created_at=moment))

    await world.system().write("test", work)


async def scene(world: HubWorld, each: int = 5) -> list[Row]:
    """Make projects, datasets and images of two people at random moments, some of them alike."""
    dice = random.Random(7)
    rows: list[Row] = []
    for who in ("owner", "annotator"):
        for number in range(each):
            made: list[tuple[Any, str, int]] = [
                (Project, "Project", (await world.project(world.people[who], f"p{number}")).id),
                (Dataset, "Dataset", (await world.dataset(world.people[who], f"d{number}")).id),
                (Image, "Image", (await world.image(world.people[who], f"i{number}")).id),
            ]
            for noun, name, id in made:
                later = timedelta(hours=dice.randrange(0, 24 * 60, 36))
                moment = round((START + later).timestamp() * 1000)
                await dated(world, noun, id, moment)
                rows.append((moment, id, name, who))
    return rows


def ids(rows: list[Row], *, latest_first: bool = True) -> list[str]:
    ordered = sorted(rows, key=lambda row: row[:2], reverse=latest_first)
    return [encode_id(name, id) for _, id, name, _ in ordered]


async def walk(world: HubWorld, who: str, **arguments: Any) -> list[str]:
    """Return every object of a timeline, fetched in pages of four."""
    found: list[str] = []
    after = None
    while True:
        page = (await world.graphql(who, PAGE, {"first": 4, "after": after, **arguments}))[
            "timeline"
        ]
        found += [one["object"]["id"] for one in page["nodes"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]


async def test_pages_run_through_everything_by_time(hub_world: HubWorld) -> None:
    rows = await scene(hub_world)
    moments = [row[0] for row in rows]
    assert len(set(moments)) < len(moments), "some moments must be alike"
    assert await walk(hub_world, "owner") == ids(rows)
    assert await walk(hub_world, "owner", direction="ASC") == ids(rows, latest_first=False)
    assert await walk(hub_world, "stranger") == []
    page = (await hub_world.graphql("annotator", PAGE, {"first": 3}))["timeline"]
    assert page["totalCount"] == len(rows)
    assert [one["at"] for one in page["nodes"]] == [
        write_date_time(moment) for moment in sorted(moments, reverse=True)[:3]
    ]


async def test_pages_run_backwards_too(hub_world: HubWorld) -> None:
    rows = await scene(hub_world, 2)
    end = (await hub_world.graphql("owner", PAGE, {"last": 5}))["timeline"]
    assert [one["object"]["id"] for one in end["nodes"]] == ids(rows)[-5:]
    before = {"last": 4, "before": end["pageInfo"]["startCursor"]}
    middle = (await hub_world.graphql("owner", PAGE, before))["timeline"]
    assert [one["object"]["id"] for one in middle["nodes"]] == ids(rows)[-9:-5]


async def test_a_timeline_is_narrowed_by_time_person_group_and_kind(hub_world: HubWorld) -> None:
    rows = await scene(hub_world)
    moments = sorted(row[0] for row in rows)
    since, until = moments[8], moments[20]
    span = {"from": write_date_time(since), "to": write_date_time(until)}
    mine = encode_id("User", hub_world.people["owner"])
    outside = encode_id("Group", hub_world.groups["outside"])
    lab = encode_id("Group", hub_world.groups["lab"])
    within = [row for row in rows if since <= row[0] < until]
    assert 0 < len(within) < len(rows)
    assert await walk(hub_world, "owner", **span) == ids(within)
    assert await walk(hub_world, "root", user=mine) == ids(
        [row for row in rows if row[3] == "owner"]
    )
    assert await walk(hub_world, "root", group=lab) == ids(rows)
    assert await walk(hub_world, "root", group=outside) == []
    images = [row for row in rows if row[2] == "Image"]
    assert await walk(hub_world, "owner", types=["IMAGE"]) == ids(images)


async def test_changes_move_an_object_to_the_front(hub_world: HubWorld) -> None:
    rows = await scene(hub_world, 2)
    oldest = ids(rows)[-1]
    _, number, name, who = min(rows)
    renamed = await hub_world.mutate(
        who, f"update{name}", {"id": oldest, "name": "new"}, f"{name.lower()} {{ updatedAt }}"
    )
    changed = await hub_world.graphql("owner", PAGE, {"clock": "CHANGED", "first": 1})
    created = await hub_world.graphql("owner", PAGE, {"last": 1})
    assert encode_id(name, number) == oldest
    assert changed["timeline"]["nodes"][0]["object"]["id"] == oldest
    assert changed["timeline"]["nodes"][0]["at"] == renamed[name.lower()]["updatedAt"]
    assert created["timeline"]["nodes"][0]["object"]["id"] == oldest


async def test_latest_annotations_and_regions_are_listed_when_asked_for(
    hub_world: HubWorld,
) -> None:
    image = encode_id("Image", (await hub_world.image(hub_world.people["owner"])).id)
    tag = {"value": {"tag": "nice"}, "targets": [image]}
    note = await hub_world.mutate("owner", "createAnnotation", tag, "annotation { id }")
    shape = {"rectangle": {"x": 1, "y": 2, "width": 3, "height": 4}}
    drawn = {"image": image, "shapes": [shape]}
    roi = await hub_world.mutate("annotator", "createRoi", drawn, "roi { id }")
    wanted = {"types": ["ANNOTATION", "ROI"]}
    both = [roi["roi"]["id"], note["annotation"]["id"]]
    lab = {"group": encode_id("Group", hub_world.groups["lab"])}
    assert await walk(hub_world, "owner", **wanted) == both
    assert await walk(hub_world, "owner", **wanted, **lab) == both
    assert await walk(hub_world, "stranger", **wanted) == []
    assert await walk(hub_world, "owner") == [image]


@pytest.mark.parametrize("period", ["DAY", "WEEK", "MONTH", "YEAR"])
async def test_counts_are_those_of_the_calendar(hub_world: HubWorld, period: str) -> None:
    rows = await scene(hub_world)
    expected: Counter[tuple[str, str]] = Counter()
    for moment, _, name, _ in rows:
        day = datetime.fromtimestamp(moment / 1000, UTC).replace(hour=0, minute=0, second=0)
        if period == "WEEK":
            year, week, _ = day.isocalendar()
            day = datetime.fromisocalendar(year, week, 1).replace(tzinfo=UTC)
        elif period != "DAY":
            day = day.replace(day=1) if period == "MONTH" else day.replace(day=1, month=1)
        start = day.replace(microsecond=0).isoformat(timespec="milliseconds")
        expected[start.replace("+00:00", "Z"), name.upper()] += 1
    found = (await hub_world.graphql("owner", COUNTS, {"period": period}))["timelineCounts"]
    counted = {
        (one["start"], each["type"]): each["count"] for one in found for each in one["counts"]
    }
    assert counted == expected
    assert [one["start"] for one in found] == sorted(one["start"] for one in found)
    assert sum(one["total"] for one in found) == len(rows)
    assert all(one["end"] > one["start"] for one in found)
    empty = (await hub_world.graphql("stranger", COUNTS, {"period": period}))["timelineCounts"]
    assert empty == []


async def test_an_end_before_the_start_is_refused(hub_world: HubWorld) -> None:
    span = {"from": "2024-02-01T00:00:00Z", "to": "2024-01-01T00:00:00Z"}
    result = await hub_world.execute("owner", PAGE, span)
    assert result.errors is not None
    assert (result.errors[0].extensions or {})["code"] == "invalid"


async def test_a_timeline_costs_the_same_whatever_its_length(hub_world: HubWorld) -> None:
    counts = []
    for more in (1, 6):
        await scene(hub_world, more)
        with statements(hub_world.database) as sent:
            await hub_world.graphql("owner", PAGE)
            await hub_world.graphql("owner", COUNTS)
        counts.append(len(sent))
    assert counts[0] == counts[1]
