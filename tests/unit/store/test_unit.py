"""One unit of work: whole or not at all, journalled, undone, redone, whoever leaves meanwhile."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import func, select

from store.actor import Actor
from store.catalog import Catalog
from store.engine import Database, connect
from store.errors import Conflict, HubError
from store.statement import cols, table
from store.tables import ALL
from store.tables.containers import Dataset, Project, ProjectDataset
from store.tables.history import Command, Event
from store.tables.people import COMMONS_GROUP, ROOT, User
from store.unit import Unit


@pytest.fixture
async def database(database_url: str) -> Any:
    opened = connect(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def catalog(database: Database) -> Catalog:
    hub = Catalog(database, Actor.system())

    async def work(unit: Unit) -> None:
        await unit.add(User(id=ROOT, username="root", kind="human", default_group_id=COMMONS_GROUP))

    await hub.write("make root", work)
    return hub


def new(noun: Any, name: str) -> Any:
    return noun(name=name, owner_id=ROOT, group_id=COMMONS_GROUP)


async def make(catalog: Catalog, noun: Any, name: str) -> Any:
    return await catalog.write("make", lambda unit: unit.add(new(noun, name)))


async def counts(database: Database) -> dict[str, int]:
    async with database.reading() as connection:
        return {
            table(noun).name: await connection.scalar(select(func.count()).select_from(table(noun)))
            for noun in ALL
        }


async def test_a_change_is_one_command_with_its_event(catalog: Catalog) -> None:
    made = await make(catalog, Dataset, "a")
    before = await counts(catalog.database)
    await catalog.write("rename", lambda unit: unit.change(Dataset, made.id, name="b"))
    after = await counts(catalog.database)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {"command": 1, "change": 1, "event": 1}


async def test_an_echo_writes_nothing(catalog: Catalog) -> None:
    made = await make(catalog, Dataset, "a")
    before = await counts(catalog.database)
    row = await catalog.write("echo", lambda unit: unit.change(Dataset, made.id, name="a"))
    assert row.version == made.version
    assert await counts(catalog.database) == before


async def test_a_stale_version_is_a_conflict_and_stores_nothing(catalog: Catalog) -> None:
    made = await make(catalog, Dataset, "a")
    await catalog.write("rename", lambda unit: unit.change(Dataset, made.id, name="b"))
    before = await counts(catalog.database)
    with pytest.raises(Conflict, match="version 1"):
        await catalog.write(
            "rename", lambda unit: unit.change(Dataset, made.id, expected=1, name="c")
        )
    assert await counts(catalog.database) == before
    assert (await catalog.one(Dataset, made.id)).name == "b"


async def test_a_failing_unit_leaves_no_trace(catalog: Catalog) -> None:
    before = await counts(catalog.database)

    async def work(unit: Unit) -> None:
        await unit.add(new(Project, "half"))
        await unit.add(new(Dataset, "done"))
        raise Conflict("and then it failed")

    with pytest.raises(Conflict):
        await catalog.write("fail", work)
    assert await counts(catalog.database) == before


async def test_a_rehearsal_answers_and_leaves_no_trace(catalog: Catalog) -> None:
    made = await make(catalog, Dataset, "a")
    before = await counts(catalog.database)
    impact = await catalog.rehearse("delete", lambda unit: unit.trash(Dataset, [made.id]))
    assert impact.counts == {"dataset": 1}
    assert await counts(catalog.database) == before
    assert (await catalog.one(Dataset, made.id)).trashed_by is None


async def state(catalog: Catalog) -> list[tuple[int, str, bool]]:
    async with catalog.database.reading() as connection:
        row = cols(Dataset)
        found = await connection.execute(
            select(row.id, row.name, row.trashed_by.is_(None)).order_by(row.id)
        )
        return [tuple(one) for one in found]


async def last_command(catalog: Catalog) -> int:
    return max(one.id for one in await catalog.all(Command))


async def test_random_commands_are_undone_and_redone_step_by_step(catalog: Catalog) -> None:
    chance = random.Random(7)
    made = [await make(catalog, Dataset, f"start {n}") for n in range(3)]
    live, history = {one.id for one in made}, []
    for step in range(25):
        before = await state(catalog)
        kind = chance.choice(["make", "rename", "trash"]) if live else "make"
        if kind == "make":
            row = await make(catalog, Dataset, f"made {step}")
            live.add(row.id)
        elif kind == "rename":
            id = chance.choice(sorted(live))
            await catalog.write(
                "rename",
                lambda unit, id=id, step=step: unit.change(Dataset, id, name=f"renamed {step}"),
            )
        else:
            id = chance.choice(sorted(live))
            await catalog.write("trash", lambda unit, id=id: unit.trash(Dataset, [id]))
            live.discard(id)
        history.append((await last_command(catalog), before, await state(catalog)))
    for command, before, _after in reversed(history):
        await catalog.write("undo", lambda unit, command=command: unit.undo(command))
        assert visible(await state(catalog)) == visible(before)
    for command, _before, after in history:
        await catalog.write("redo", lambda unit, command=command: unit.redo(command))
        assert visible(await state(catalog)) == visible(after)


def visible(rows: list[tuple[int, str, bool]]) -> list[tuple[int, str]]:
    return [(id, name) for id, name, live in rows if live]


async def test_undo_of_what_somebody_changed_since_is_a_conflict(catalog: Catalog) -> None:
    made = await make(catalog, Dataset, "a")
    await catalog.write("rename", lambda unit: unit.change(Dataset, made.id, name="b"))
    command = await last_command(catalog)
    await catalog.write("rename", lambda unit: unit.change(Dataset, made.id, name="c"))
    before = await counts(catalog.database)
    with pytest.raises(Conflict, match="name"):
        await catalog.write("undo", lambda unit: unit.undo(command))
    assert await counts(catalog.database) == before


async def test_a_link_to_nothing_is_refused_and_stores_nothing(catalog: Catalog) -> None:
    made = await make(catalog, Project, "p")
    before = await counts(catalog.database)

    async def work(unit: Unit) -> None:
        await unit.add(
            ProjectDataset(project_id=made.id, dataset_id=999, owner_id=ROOT, name_key="x")
        )

    with pytest.raises(HubError):
        await catalog.write("link", work)
    assert await counts(catalog.database) == before


async def test_writers_whose_callers_leave_neither_hang_nor_halve(catalog: Catalog) -> None:
    chance = random.Random(3)

    async def pair(unit: Unit) -> None:
        one = await unit.add(new(Dataset, "left"))
        await asyncio.sleep(0.001)
        await unit.change(Dataset, one.id, name="right")

    async def writer() -> None:
        for _ in range(10):
            task = asyncio.create_task(catalog.write("pair", pair))
            await asyncio.sleep(chance.random() * 0.02)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    await asyncio.wait_for(asyncio.gather(*(writer() for _ in range(6))), 60)
    await asyncio.wait_for(make(catalog, Dataset, "after"), 20)
    names = {one.name for one in await catalog.all(Dataset)}
    assert "left" not in names
    assert "after" in names


async def test_events_are_numbered_in_the_order_of_commits(catalog: Catalog) -> None:
    seen: list[int] = []
    stop = asyncio.Event()

    async def reader() -> None:
        cursor = 0
        event = cols(Event)
        while not (stop.is_set() and cursor == await newest()):
            async with catalog.database.reading() as connection:
                found = list(
                    await connection.scalars(
                        select(event.id).where(event.id > cursor).order_by(event.id)
                    )
                )
            seen.extend(found)
            cursor = max([cursor, *found])
            await asyncio.sleep(0.002)

    async def newest() -> int:
        async with catalog.database.reading() as connection:
            return int(await connection.scalar(select(func.max(cols(Event).id))) or 0)

    async def writer(number: int) -> None:
        for step in range(8):
            await make(catalog, Dataset, f"{number} {step}")

    reading = asyncio.create_task(reader())
    await asyncio.gather(*(writer(number) for number in range(5)))
    stop.set()
    await asyncio.wait_for(reading, 30)
    assert seen == sorted(set(seen))
    assert len(seen) == (await counts(catalog.database))["event"]
