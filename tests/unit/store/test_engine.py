"""The two kinds of database behave alike: ids, turns, bulk copies, lists, lost connections."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from store.engine import Database, Refusal, SqliteDatabase, connect, refusal
from store.errors import Unavailable
from store.statement import cols, table
from store.tables.access import Label
from store.tables.people import Group
from store.tables.rois import Shape

_group = cols(Group)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = connect(database_url)
    yield opened
    await opened.close()


async def take(database: Database, n: int, kind: str = "main") -> int:
    async with database.turn(), database.writing() as connection:
        return await database.take_ids(connection, n, kind=kind)


# ids


async def test_blocks_of_ids_taken_at_once_never_overlap(database: Database) -> None:
    sizes = [1, 7, 1, 300, 2, 1, 40, 1] * 12
    firsts = await asyncio.gather(*(take(database, n) for n in sizes))
    taken = [id for first, n in zip(firsts, sizes, strict=True) for id in range(first, first + n)]
    assert len(taken) == len(set(taken)) == sum(sizes)
    assert min(taken) >= 1000


async def test_planes_and_events_are_counted_apart(database: Database) -> None:
    main, plane, event = [await take(database, 5, kind) for kind in ("main", "plane", "event")]
    assert 1000 <= main < 2**40 <= plane
    assert event < main + 10**6
    assert await take(database, 1, "plane") == plane + 5
    assert await take(database, 1) == main + 5


@pytest.mark.parametrize("n", [0, -3])
async def test_fewer_than_one_id_cannot_be_taken(database: Database, n: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        await take(database, n)


async def test_an_unknown_counter_is_an_error_and_no_negative_id(database: Database) -> None:
    with pytest.raises((ValueError, DBAPIError), match="nonsense"):
        await take(database, 3, "nonsense")


async def test_a_long_transaction_keeps_nobody_from_ids_on_postgresql(postgres_url: str) -> None:
    database = connect(postgres_url)
    async with database.turn(), database.writing() as slow:
        first = await database.take_ids(slow, 10)
        assert await asyncio.wait_for(take(database, 10), 5) == first + 10
    await database.close()


# writing


async def test_a_failed_transaction_leaves_nothing(database: Database) -> None:
    async def fail() -> None:
        async with database.turn(), database.writing() as connection:
            await connection.execute(
                insert(table(Group)).values(id=5, name="g", name_key="g", created_at=1)
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.reading() as connection:
        assert await connection.scalar(select(_group.id).where(_group.id == 5)) is None


async def test_a_bulk_copy_belongs_to_its_transaction_even_as_first_statement(
    database: Database,
) -> None:
    async def fail() -> None:
        async with database.turn(), database.writing() as connection:
            await database.bulk(
                connection, table(Group), ("id", "name", "name_key", "created_at"),
                [(n, f"g{n}", f"g{n}", 1) for n in range(10, 20)],
            )  # fmt: skip
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    async with database.reading() as connection:
        assert await connection.scalar(select(_group.id).where(_group.id >= 10)) is None


async def test_bulk_rows_come_back_as_they_went(database: Database) -> None:
    table_ = table(Shape)
    params = {"x": [1.5, -2.0, 1e-300], "text": "µ \" '", "deep": {"a": None, "b": [True, 2**53]}}
    rows: list[tuple[Any, ...]] = [
        (7, 1, 1, "mask", b"\x00\xff" * 9, "POINT (1 2)", params, None, 0.1, 2.0, 0.0),
        (8, 1, 1, "line", b"", "", None, b"\x00", 3, 4, 5),
    ]
    names = ("id", "roi_id", "image_id", "kind", "footprint", "wkt", "params", "bits", "area",
             "perimeter", "cx")  # fmt: skip
    rest = ("cy", "x0", "y0", "x1", "y1", "size", "points")
    async with database.turn(), database.writing() as connection:
        if database.dialect == "sqlite":
            await connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        else:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        await database.bulk(
            connection, table_, (*names, *rest), [(*row, 0, 0, 0, 1, 1, 1, 1) for row in rows]
        )
        found = (await connection.execute(select(table_).order_by(table_.c.id))).all()
        assert [tuple(getattr(row, name) for name in names) for row in found] == rows
        await connection.execute(table_.delete())


async def test_what_a_driver_refuses_is_told_alike(database: Database) -> None:
    good = {"id": 50, "name": "g", "name_key": "g", "created_at": 1}
    wrong: list[tuple[dict[str, Any], Refusal]] = [
        ({"id": 1}, Refusal.UNIQUE),
        ({"name": None}, Refusal.MISSING),
        ({"created_at": 2**63}, Refusal.RANGE),
        ({"name": "\ud800"}, Refusal.RANGE),
    ]

    async def store(values: dict[str, Any], *, copied: bool) -> None:
        async with database.turn(), database.writing() as connection:
            if copied:
                await database.bulk(
                    connection, table(Group), tuple(values), [tuple(values.values())]
                )
            else:
                await connection.execute(insert(table(Group)).values(values))

    for change, expected in wrong:
        for copied in (False, True):
            with pytest.raises((DBAPIError, OverflowError, UnicodeEncodeError)) as caught:
                await store({**good, **change}, copied=copied)
            assert refusal(caught.value) is expected, change

    async def label() -> None:
        async with database.turn(), database.writing() as connection:
            await database.bulk(
                connection, table(Label), ("id", "group_id", "key"), [(9, 777, "k")]
            )

    with pytest.raises(IntegrityError) as caught_key:
        await label()
    assert refusal(caught_key.value) is Refusal.REFERENCE
    assert refusal(RuntimeError()) is None
    await store(good, copied=True)


# lists of ids


@pytest.mark.parametrize("counting", [False, True])
async def test_lists_of_ids_are_one_bound_value_however_long(
    database: Database, counting: bool
) -> None:
    chosen = database.counting() if counting else database
    asked: list[Any] = [[], [1], {3, 0, 99}, range(1, 3), range(5, 5), list(range(40_000))]
    for ids in asked:
        statement = select(_group.id).where(chosen.members(_group.id, ids)).order_by(_group.id)
        compiled = statement.compile(dialect=database._engine.dialect)
        assert len(compiled.params) <= 2
        async with database.reading() as connection:
            found = list(await connection.scalars(statement))
        assert found == [id for id in (0, 1, 3) if id in ids]


# turns


async def test_cancelled_in_the_queue_of_writers_nobody_else_waits_longer(
    database: Database,
) -> None:
    async with database.turn():
        waiting = [asyncio.create_task(take(database, 1)) for _ in range(4)]
        await asyncio.sleep(0.02)
        for task in waiting[:3]:
            task.cancel()
        await asyncio.gather(*waiting[:3], return_exceptions=True)
    assert await asyncio.wait_for(waiting[3], 5) >= 1000
    assert await asyncio.wait_for(take(database, 1), 5) >= 1000


async def test_cancelled_while_another_process_has_the_turn_gives_it_back(
    sqlite_url: str,
) -> None:
    database = connect(sqlite_url)
    assert isinstance(database, SqliteDatabase)
    path = sqlite_url.removeprefix("sqlite+aiosqlite:///") + ".turn"
    handle = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    waiting = asyncio.create_task(take(database, 1))
    await asyncio.sleep(0.05)
    waiting.cancel()
    await asyncio.sleep(0)
    waiting.cancel()  # once more, while it waits for its thread
    fcntl.flock(handle, fcntl.LOCK_UN)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await asyncio.wait_for(take(database, 1), 5) >= 1000
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)
    await database.close()


_WRITER = """
import asyncio, sys
from sqlalchemy import text
from store.engine import connect

async def main():
    database = connect(sys.argv[1])
    async def writer(n):
        for _ in range(40):
            async with database.turn(), database.writing() as connection:
                await connection.execute(text("SELECT count(*) FROM group_"))
                await connection.execute(
                    text("UPDATE group_ SET version = version + 1 WHERE id = 3")
                )
                await database.take_ids(connection, 2)
    await asyncio.gather(*(writer(n) for n in range(3)))
    await database.close()

asyncio.run(main())
"""


async def test_writers_of_two_processes_neither_fail_nor_lose_anything(
    database_url: str,
) -> None:
    root = Path(__file__).parents[3]
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", _WRITER, database_url, cwd=root, stderr=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], said
    database = connect(database_url)
    async with database.reading() as connection:
        version = await connection.scalar(select(_group.version).where(_group.id == 3))
    assert version == 1 + 2 * 3 * 40
    assert await take(database, 1) >= 1000 + 2 * 3 * 40 * 2
    await database.close()


# units of work that outlive their callers


async def test_work_that_is_kept_ends_though_its_caller_leaves(database: Database) -> None:
    ended: list[str] = []

    async def work() -> str:
        await asyncio.sleep(0.02)
        ended.append("it")
        return "it"

    caller = asyncio.create_task(database.keep(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await database.close()
    assert ended == ["it"]


async def test_the_failure_of_work_whose_caller_left_is_logged(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        await asyncio.sleep(0.01)
        raise RuntimeError("it broke")

    caller = asyncio.create_task(database.keep(work()))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    await database.close()
    await asyncio.sleep(0)
    assert "it broke" in caplog.text


# connections


async def test_a_database_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    away = connect("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")

    async def ask(connection: Any) -> None:
        raise AssertionError

    for attempt in (away.ping(), away.read(ask)):
        with pytest.raises(Unavailable, match="The database"):
            await attempt
    await away.close()


async def test_reads_survive_connections_that_the_server_closed(postgres_url: str) -> None:
    database = connect(postgres_url)

    async def count(connection: Any) -> int:
        return int(await connection.scalar(select(func.count()).select_from(table(Group))))

    async def pid(connection: Any) -> int:
        return int(await connection.scalar(text("SELECT pg_backend_pid()")))

    before = await database.read(pid)
    other = connect(postgres_url)
    async with other.writing() as connection:
        await connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
    assert await database.read(count) == 3
    assert await database.read(pid) != before
    await database.close()
    await other.close()


async def test_units_that_read_by_the_catalogue_too_do_not_starve_one_another(
    database: Database,
) -> None:
    async def unit() -> int:
        async with database.turn(), database.writing() as connection:
            await connection.execute(select(_group.id))
            await asyncio.sleep(0.01)
            async with database.reading() as another:
                return len((await another.execute(select(_group.id))).all())

    assert await asyncio.wait_for(asyncio.gather(*(unit() for _ in range(20))), 20) == [3] * 20


def test_a_url_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="neither"):
        connect("mysql://x")
