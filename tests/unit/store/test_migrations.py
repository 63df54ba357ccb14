"""The schema that migrations make: that of the tables, with counters and spatial indexes."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import alembic.command
import asyncpg
import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

from store.errors import Conflict
from store.migrations import run, triggers

T = TypeVar("T")
SHAPE = (
    "INSERT INTO shape (id, roi_id, image_id, kind, footprint, wkt, area, perimeter, cx, cy,"
    " x0, y0, x1, y1, size, points) VALUES (:id, 1, :image, 'rectangle', '', '', 0, 0, 0, 0,"
    " :x0, :y0, :x1, :y1, 0, 4)"
)


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        yield connection
    await engine.dispose()


async def ask(url: str, question: Callable[[Connection], T]) -> T:
    async with connected(url) as connection:
        return await connection.run_sync(question)


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def definitions(connection: AsyncConnection) -> set[str]:
    """Return the definition of every table, constraint and index in the database's own words."""
    if connection.dialect.name == "sqlite":
        found = await connection.scalars(text("SELECT sql FROM sqlite_master WHERE sql NOT NULL"))
        # The order of constraints means nothing.
        clauses = (re.sub(r"\s+", " ", line).split(", CONSTRAINT ") for line in found)
        return {
            ", ".join([line[0], *sorted(part.rstrip(" )") for part in line[1:])])
            for line in clauses
        }
    queries = (
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)"
        " FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
        "SELECT concat_ws(' ', table_name, column_name, ordinal_position, data_type, is_nullable,"
        " column_default, collation_name)"
        " FROM information_schema.columns WHERE table_schema = 'public'",
    )
    lines: set[str] = set()
    for query in queries:
        lines |= set(await connection.scalars(text(query)))
    return lines


async def test_an_upgrade_leaves_nothing_pending(empty_database_url: str) -> None:
    assert (await run.pending(empty_database_url))[-1] == run.head()
    await run.upgrade(empty_database_url)
    assert await run.pending(empty_database_url) == []
    await run.upgrade(empty_database_url)
    assert await run.pending(empty_database_url) == []


async def test_autogenerate_finds_nothing_to_do_after_an_upgrade(database_url: str) -> None:
    await ask(database_url, lambda connection: alembic.command.check(run.config(connection)))


async def test_migrations_make_exactly_what_the_tables_say(empty_database_url: str) -> None:
    async with connected(empty_database_url) as connection:
        await connection.run_sync(SQLModel.metadata.create_all)
        wanted = await definitions(connection)
        await connection.run_sync(SQLModel.metadata.drop_all)
    await run.upgrade(empty_database_url)
    async with connected(empty_database_url) as connection:
        found = await definitions(connection)
    assert wanted - found == set()
    extra = {
        line
        for line in found - wanted
        if not re.search(r"alembic_version|shape_box|CREATE TABLE ids|pk_ids|CREATE TRIGGER", line)
    }
    assert extra == set()


async def test_the_fixed_groups_are_there(database_url: str) -> None:
    async with connected(database_url) as connection:
        rows = await connection.execute(text("SELECT id, name, level FROM group_ ORDER BY id"))
        assert [tuple(row) for row in rows] == [(0, "system", 0), (1, "user", 0), (3, "commons", 0)]


async def test_two_upgrades_at_once_both_succeed(empty_database_url: str) -> None:
    await asyncio.gather(run.upgrade(empty_database_url), run.upgrade(empty_database_url))
    assert await run.pending(empty_database_url) == []


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_connection: Connection) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(triggers, "apply", fail)
    with pytest.raises(RuntimeError, match="disk is full"):
        await run.upgrade(empty_database_url)
    assert await ask(empty_database_url, lambda c: inspect(c).get_table_names()) == []
    monkeypatch.undo()
    await run.upgrade(empty_database_url)
    assert await run.pending(empty_database_url) == []


async def test_a_database_of_a_newer_version_is_refused_by_name(empty_database_url: str) -> None:
    await run.upgrade(empty_database_url)
    async with connected(empty_database_url) as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999_later'"))
    with pytest.raises(Conflict, match="9999_later"):
        await run.upgrade(empty_database_url)


async def test_the_triggers_in_the_database_are_those_of_the_list(sqlite_url: str) -> None:
    async with connected(sqlite_url) as connection:
        found = await connection.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        )
        assert dict(found.all()) == triggers.TRIGGERS


async def test_triggers_are_back_after_a_revision_that_rebuilds_the_table(sqlite_url: str) -> None:
    def rebuild(connection: Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("shape", recreate="always"):
            pass
        names = text("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'")
        assert connection.scalar(names) == 0
        triggers.apply(connection)

    async with connected(sqlite_url) as connection:
        await connection.execute(text(SHAPE), shape(1, 10, (0, 0, 5, 5)))
        await connection.run_sync(rebuild)
        await connection.execute(text(SHAPE), shape(2, 10, (1, 1, 2, 2)))
        assert await boxes(connection) == {
            1: (0, 5, 0, 5, 10, 10),
            2: (1, 2, 1, 2, 10, 10),
        }


def shape(id: int, image: int, box: Iterable[float]) -> dict[str, Any]:
    return {"id": id, "image": image, **dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))}


async def boxes(connection: AsyncConnection) -> dict[int, tuple[int, ...]]:
    rows = await connection.execute(text("SELECT id, x0, x1, y0, y1, k0, k1 FROM shape_box"))
    return {row.id: tuple(row)[1:] for row in rows}


async def test_boxes_in_the_index_are_rounded_outwards_and_never_wrap(sqlite_url: str) -> None:
    async with connected(sqlite_url) as connection:
        for values in (
            shape(1, 7, (-0.5, 1.25, 2.0, 2.5)),
            shape(2, 2**31 + 7, (-1e12, -3.0, 1e300, float("inf"))),
        ):
            await connection.execute(text(SHAPE), values)
        assert await boxes(connection) == {
            1: (-1, 2, 1, 3, 7, 7),
            2: (-(2**31), 2**31 - 1, -3, 2**31 - 1, 7, 7),
        }


async def test_the_index_follows_every_change_of_a_shape(sqlite_url: str) -> None:
    async with connected(sqlite_url) as connection:
        for id in (1, 2, 3):
            await connection.execute(text(SHAPE), shape(id, 7, (0, 0, 5, 5)))
        await connection.execute(text("UPDATE shape SET x1 = 8.1, image_id = 9 WHERE id = 1"))
        await connection.execute(text("UPDATE shape SET trashed_by = 77 WHERE id = 2"))
        await connection.execute(text("DELETE FROM shape WHERE id = 3"))
        assert await boxes(connection) == {1: (0, 9, 0, 5, 9, 9)}
        await connection.execute(text("UPDATE shape SET trashed_by = NULL WHERE id = 2"))
        assert (await boxes(connection))[2] == (0, 5, 0, 5, 7, 7)


async def test_the_index_never_misses_a_shape_of_a_window(sqlite_url: str) -> None:
    dice = random.Random(20)
    drawn = []
    for id in range(1, 301):
        x, y = dice.uniform(-50, 1000), dice.uniform(-50, 1000)
        drawn.append((id, 1 + id % 3, (x, y, x + dice.expovariate(0.1), y + dice.expovariate(0.1))))
    query = text(
        "SELECT id FROM shape_box WHERE x0 <= :right AND x1 >= :left AND y0 <= :bottom"
        " AND y1 >= :top AND k0 <= 2 AND k1 >= 2"
    )
    async with connected(sqlite_url) as connection:
        await connection.execute(text(SHAPE), [shape(*values) for values in drawn])
        for _ in range(50):
            left, top = dice.uniform(0, 900), dice.uniform(0, 900)
            right, bottom = left + dice.uniform(0, 90), top + dice.uniform(0, 90)
            window = {"left": left, "top": top, "right": right, "bottom": bottom}
            found = set(await connection.scalars(query, window))
            inside = {
                id
                for id, image, (x0, y0, x1, y1) in drawn
                if image == 2 and x0 <= right and x1 >= left and y0 <= bottom and y1 >= top
            }
            assert inside <= found
            assert len(found) <= len(inside) + 15


async def test_the_spatial_index_serves_a_window_on_postgresql(postgres_url: str) -> None:
    async with connected(postgres_url) as connection:
        # Without the other indexes the planner has no choice; they are back after the question.
        asking = await connection.begin_nested()
        others = await connection.scalars(
            text(
                "SELECT indexname FROM pg_indexes"
                " WHERE tablename = 'shape' AND indexname NOT IN ('gist_shape_box', 'pk_shape')"
            )
        )
        for name in others.all():
            await connection.execute(text(f'DROP INDEX "{name}"'))
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        await connection.execute(text("SET LOCAL enable_bitmapscan = off"))
        plan = await connection.scalars(
            text(
                "EXPLAIN SELECT id FROM shape WHERE trashed_by IS NULL AND image_id = 5"
                " AND box(point(x0, y0), point(x1, y1)) && box(point(0, 0), point(9, 9))"
            )
        )
        lines = "\n".join(plan)
        await asking.rollback()
    assert "gist_shape_box" in lines
    assert "&&" in lines.partition("Index Cond")[2]


async def test_blocks_of_ids_taken_by_eight_connections_never_overlap(postgres_url: str) -> None:
    async def take(seed: int) -> list[range]:
        dice = random.Random(seed)
        connection = await asyncpg.connect(plain(postgres_url))
        try:
            taken = []
            for _ in range(400):
                n = dice.choice((1, 1, 1, 2, 7, 100))
                first = await connection.fetchval("SELECT take_ids($1, 'main')", n)
                taken.append(range(first, first + n))
            return taken
        finally:
            await connection.close()

    blocks = [block for taken in await asyncio.gather(*map(take, range(8))) for block in taken]
    ids = [id for block in blocks for id in block]
    assert len(set(ids)) == len(ids) == sum(map(len, blocks))
    assert min(ids) == 1000
    # Nothing is lost either, unless a block falls between: the last id is the number of all taken.
    assert max(ids) == 999 + len(ids)


async def test_each_kind_of_id_has_a_counter_of_its_own(postgres_url: str) -> None:
    connection = await asyncpg.connect(plain(postgres_url))
    try:
        for kind, first in (("main", 1000), ("plane", 2**40), ("event", 1)):
            assert await connection.fetchval("SELECT take_ids(3, $1)", kind) == first
            assert await connection.fetchval("SELECT take_ids(1, $1)", kind) == first + 3
    finally:
        await connection.close()


async def test_counters_on_sqlite_start_where_those_of_postgresql_do(sqlite_url: str) -> None:
    async with connected(sqlite_url) as connection:
        rows = await connection.execute(text("SELECT name, next FROM ids"))
        assert dict(rows.all()) == {"main": 1000, "plane": 2**40, "event": 1}


@pytest.mark.parametrize("amount", [0, -1, 2**42])
async def test_a_refused_number_of_ids_leaves_no_lock_behind(
    postgres_url: str, amount: int
) -> None:
    connection = await asyncpg.connect(plain(postgres_url))
    try:
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetchval("SELECT take_ids($1, 'main')", amount)
        held = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        assert await connection.fetchval(held) == 0
        assert await connection.fetchval("SELECT take_ids(1, 'main')") in (1000, 1001)
    finally:
        await connection.close()
