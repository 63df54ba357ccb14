"""The store against bare statements: a unit of work, bulk inserts, lists under permissions, ids.

On SQLite in a folder of its own; on PostgreSQL too when ``IMAGEHUB_BENCH_DATABASE`` names an empty
database. The bare work uses the same driver, connection and transaction.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from bench.measure import Row, awaited, row, take_turns
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database, connect
from store.migrations.run import upgrade
from store.paging import Keyset, OrderKey, apply_keyset
from store.statement import cols, table
from store.tables.access import Label
from store.tables.containers import Dataset
from store.tables.images import Image
from store.tables.people import COMMONS_GROUP, ROOT, Group, Membership, User
from store.unit import Unit

GROUPS = 25
IMAGES = 40_000
BULK = 20_000
BY_NAME = Keyset((OrderKey("name_key", str), OrderKey("id", int)), 200)
_BULK_COLUMNS = ("name", "name_key", "owner_id", "group_id", "created_at")


def main() -> list[Row]:
    """Measure on SQLite, and on PostgreSQL where one is named."""
    found: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        found += _on(f"sqlite+aiosqlite:///{Path(folder) / 'bench.sqlite'}", "SQLite")
    other = os.environ.get("IMAGEHUB_BENCH_DATABASE")
    if other:
        found += _on(other.replace("postgresql://", "postgresql+asyncpg://"), "PostgreSQL")
    return found


def _on(url: str, name: str) -> list[Row]:
    with asyncio.Runner() as runner:
        database = runner.run(_filled(url))
        try:
            return [
                *_writes(runner, database, name),
                *_bulk(runner, database, name),
                *_lists(runner, database, name),
            ]
        finally:
            runner.run(database.close())


async def _filled(url: str) -> Database:
    """Make 25 groups, 40,000 images among them, and people who read one, six and all groups."""
    await upgrade(url)
    database = connect(url)
    hub = Catalog(database, Actor.system())

    async def people(unit: Unit) -> list[int]:
        await unit.add(User(id=ROOT, username="root", kind="human", default_group_id=COMMONS_GROUP))
        groups = [await unit.add(Group(name=f"group {n}", level=1)) for n in range(GROUPS)]
        for name, count in (("one", 1), ("six", 6), ("all", GROUPS)):
            person = await unit.add(
                User(username=name, kind="human", default_group_id=groups[0].id)
            )
            for group in groups[:count]:
                await unit.add(Membership(user_id=person.id, group_id=group.id, leader=False))
        return [group.id for group in groups]

    groups = await hub.write("people", people)
    now = now_ms()
    rows = [
        (f"image {n * 7919 % IMAGES:06}", f"image {n * 7919 % IMAGES:06}", ROOT,
         groups[n % GROUPS], now)
        for n in range(IMAGES)
    ]  # fmt: skip

    async def images(unit: Unit) -> None:
        labels = {}
        for group in groups:
            label = await unit.add(Label(group_id=group, key=f"{group}:"))
            labels[group] = label.id
        await unit.add_many(
            Image, (*_BULK_COLUMNS, "label_id"), [(*one, labels[one[3]]) for one in rows]
        )

    await hub.write("images", images)
    return database


def _writes(runner: asyncio.Runner, database: Database, name: str) -> list[Row]:
    hub = Catalog(database, Actor.system())

    async def unit(number: int) -> None:
        await hub.write("make", lambda work: work.add(_dataset(f"unit {number}")))

    async def bare(number: int) -> None:
        async with database.turn(), database.writing() as connection:
            id = await database.take_ids(connection)
            values = {"id": id, "name": "x", "name_key": "x", "owner_id": ROOT,
                      "group_id": COMMONS_GROUP, "created_at": now_ms()}  # fmt: skip
            await connection.execute(insert(table(Dataset)).values(values))

    times = take_turns({"unit": awaited(runner, unit), "bare": awaited(runner, bare)}, 150)
    note = f"{times['unit']:.2f} ms / {times['bare']:.2f} ms; with label, command and event"
    return [row(f"{name}: unit of work / bare insert", times["unit"] / times["bare"], None, note)]


def _dataset(name: str) -> Dataset:
    return Dataset(name=name, owner_id=ROOT, group_id=COMMONS_GROUP)


def _bulk(runner: asyncio.Runner, database: Database, name: str) -> list[Row]:
    hub = Catalog(database, Actor.system())
    rows = [(f"bulk {n}", f"bulk {n}", ROOT, COMMONS_GROUP, now_ms()) for n in range(BULK)]

    async def many(number: int) -> None:
        await hub.write("bulk", lambda unit: unit.add_many(Dataset, _BULK_COLUMNS, rows))

    async def bare(number: int) -> None:
        async with database.turn(), database.writing() as connection:
            first = await database.take_ids(connection, BULK)
            data = [(id, *one) for id, one in enumerate(rows, first)]
            await database.bulk(connection, table(Dataset), ("id", *_BULK_COLUMNS), data)

    times = take_turns({"many": awaited(runner, many), "bare": awaited(runner, bare)}, 5, warm=1)
    note = f"{times['many']:.0f} ms / {times['bare']:.0f} ms for {BULK:,} rows"
    return [row(f"{name}: bulk in a unit / driver", times["many"] / times["bare"], None, note)]


def _lists(runner: asyncio.Runner, database: Database, name: str) -> list[Row]:
    actors = runner.run(_actors(database))

    async def bare(number: int) -> None:
        async with database.reading() as connection:
            statement = select(table(Image)).where(cols(Image).trashed_by.is_(None))
            await connection.execute(apply_keyset(statement, cols(Image), BY_NAME))

    def page(actor: Actor) -> Any:
        catalog = Catalog(database, actor)

        async def work(number: int) -> None:
            await catalog.page(Image, catalog.select(Image), BY_NAME)

        return awaited(runner, work)

    works = {"bare": awaited(runner, bare), **{who: page(actor) for who, actor in actors.items()}}
    times = take_turns(works, 40)
    share = {"one": "4 %", "six": "24 %", "all": "everything"}
    return [
        row(
            f"{name}: page of 200 images, reader of {share[who]} / without permissions",
            times[who] / times["bare"],
            1.3 if who == "all" else None,
            f"{times[who]:.1f} ms / {times['bare']:.1f} ms, of {IMAGES:,}",
        )
        for who in actors
    ]


async def _actors(database: Database) -> dict[str, Actor]:
    async with database.reading() as connection:
        user = cols(User)
        found = await connection.execute(
            select(user.username, user.id).where(user.username.in_(["one", "six", "all"]))
        )
        ids = {one.username: one.id for one in found}
    return {who: await load_actor(database, ids[who]) for who in ("one", "six", "all")}


if __name__ == "__main__":
    for one in main():
        print(one)
