"""History: ranges, one command per unit, and events that nobody who follows them can miss."""

from __future__ import annotations

import asyncio
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from store.engine import Database
from store.journal import Happened, Journal, ranges
from store.statement import cols
from store.tables.containers import Dataset
from store.tables.history import Command, Event
from store.unit import Unit
from tests.fixtures.hub import World


@given(st.lists(st.integers(0, 60)))
def test_ranges_join_ids_into_as_few_runs_as_there_are(ids: list[int]) -> None:
    found = list(ranges(ids))
    covered = [id for first, last in found for id in range(first, last + 1)]
    assert covered == sorted(set(ids))
    assert all(earlier[1] + 1 < later[0] for earlier, later in itertools.pairwise(found))


def test_the_same_event_is_told_once_however_much_lies_between() -> None:
    journal = Journal("verb", 2)
    for id in [*range(200), *range(200)]:
        journal.tell(Happened("changed", "image", id))
    assert [event.id for event in journal.events] == list(range(200))


async def test_a_unit_that_changes_nothing_writes_no_command(world: World) -> None:
    catalog = world.system()
    before = len(await catalog.all(Command)), len(await catalog.all(Event))

    async def look(unit: Unit) -> int:
        return len(await unit.all(Dataset))

    await catalog.write("look", look)
    assert (len(await catalog.all(Command)), len(await catalog.all(Event))) == before


async def test_a_command_is_about_a_project_or_image_only_if_it_is_about_one(world: World) -> None:
    first, second = await world.project(2, "a"), await world.project(2, "b")
    catalog = world.system()
    made = max(await catalog.all(Command), key=lambda one: one.id)
    assert (made.project_id, made.image_id) == (second.id, None)

    async def both(unit: Unit) -> None:
        from store.tables.containers import Project

        for id in (first.id, second.id):
            await unit.change(Project, id, description="d")

    await catalog.write("both", both)
    assert max(await catalog.all(Command), key=lambda one: one.id).project_id is None


async def _seen_after(database: Database, cursor: int) -> list[int]:
    event = cols(Event)
    async with database.reading() as connection:
        return list(
            await connection.scalars(select(event.id).where(event.id > cursor).order_by(event.id))
        )


async def test_who_follows_events_by_their_number_misses_none_of_many_writers(
    world: World,
) -> None:
    database, catalog = world.database, world.system()
    chance = random.Random(11)
    before = await _seen_after(database, 0)
    seen: list[int] = []
    finished = asyncio.Event()

    async def write(unit: Unit) -> None:
        for _ in range(chance.randrange(1, 4)):
            await unit.add(Dataset(name="d", owner_id=2, group_id=3))
            await asyncio.sleep(chance.random() * 0.003)

    async def writer() -> None:
        for _ in range(12):
            await catalog.write("write", write)

    async def follower() -> None:
        cursor = before[-1] if before else 0
        while True:
            last_look = finished.is_set()
            found = await _seen_after(database, cursor)
            seen.extend(found)
            cursor = found[-1] if found else cursor
            if last_look:
                return

    following = asyncio.create_task(follower())
    await asyncio.gather(*(writer() for _ in range(6)))
    finished.set()
    await following
    stored = (await _seen_after(database, 0))[len(before) :]
    assert len(stored) >= 6 * 12
    assert seen == stored


async def test_listeners_hear_of_a_commit_with_its_last_event(world: World) -> None:
    heard: list[int] = []
    stop = world.database.listen(heard.append)
    made = await world.dataset(2)
    (last,) = [row.id for row in await world.system().all(Event) if row.target_id == made.id]
    assert heard == [last]
    stop()
    await world.dataset(2)
    assert heard == [last]


async def test_another_process_hears_of_events(world: World) -> None:
    from store.engine import connect

    other = connect(world.database.url)
    calls: asyncio.Queue[None] = asyncio.Queue()
    watching = asyncio.create_task(other.watch(lambda: calls.put_nowait(None)))
    await asyncio.wait_for(calls.get(), 5)  # it tells that watching began
    assert calls.empty()
    await world.dataset(2)
    await asyncio.wait_for(calls.get(), 5)
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching
    await other.close()
