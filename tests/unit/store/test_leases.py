"""Leases: every job is finished once, whoever dies meanwhile."""

from __future__ import annotations

import asyncio

from sqlalchemy import select, update

from store import leases
from store.clock import now_ms
from store.engine import Database, connect
from store.statement import cols, table
from store.tables.jobs import Job, JobLog
from store.tables.operations import Operation
from store.unit import Unit
from tests.fixtures.hub import World

_job = cols(Job)


async def queue(world: World, number: int, **fields: object) -> list[int]:
    """Queue jobs; return their ids."""

    async def work(unit: Unit) -> list[int]:
        operation = await unit.add(Operation(name="o", release="1", owner_id=2, group_id=3))
        ids = await unit.add_many(
            Job,
            ("owner_id", "group_id", "operation_id", "number", "state", *fields),
            [(2, 3, operation.id, n, "queued", *fields.values()) for n in range(1, number + 1)],
        )
        return list(ids)

    return await world.system().write("queue", work)


async def states(database: Database) -> dict[int, str]:
    async with database.reading() as connection:
        rows = await connection.execute(select(_job.id, _job.state))
        return {row.id: row.state for row in rows}


async def expire(database: Database, *ids: int) -> None:
    """Let leases be over, as after half a minute without a sign."""
    async with database.turn(), database.writing() as connection:
        await connection.execute(
            update(table(Job)).where(_job.id.in_(ids)).values(lease_until=now_ms() - 1)
        )


async def test_two_workers_of_two_processes_finish_each_job_once(world: World) -> None:
    number = 60
    ids = await queue(world, number)
    other = connect(world.database.url)
    finished: list[int] = []

    async def worker(database: Database, name: str) -> None:
        while (lease := await leases.claim(database, name)) is not None:
            await leases.beat(database, lease, 50)
            if await leases.end(database, lease, "succeeded"):
                finished.append(lease.job.id)

    await asyncio.gather(
        *(worker(world.database, f"a:{n}") for n in range(2)),
        *(worker(other, f"b:{n}") for n in range(2)),
    )
    await other.close()
    assert sorted(finished) == ids
    assert set((await states(world.database)).values()) == {"succeeded"}


async def test_the_highest_priority_goes_first_then_the_oldest(world: World) -> None:
    (low,) = await queue(world, 1)
    async with world.database.turn(), world.database.writing() as connection:
        await connection.execute(update(table(Operation)).values(name="renamed"))
    first, second = await queue(world, 2, priority=5)
    claimed = [await leases.claim(world.database, "w") for _ in range(4)]
    assert [one and one.job.id for one in claimed] == [first, second, low, None]


async def test_a_lost_job_is_run_again_and_its_first_worker_finds_the_fence_closed(
    world: World,
) -> None:
    database = world.database
    (id,) = await queue(world, 1)
    dead = await leases.claim(database, "dead")
    assert dead is not None
    assert await leases.recover(database) == 0, "the lease still runs"
    await expire(database, id)
    assert await leases.recover(database) == 1
    assert await states(database) == {id: "retrying"}
    alive = await leases.claim(database, "alive")
    assert alive is not None
    assert (alive.attempt, alive.job.state) == (2, "running")
    assert await leases.beat(database, dead, 99) is None
    assert not await leases.end(database, dead, "succeeded")
    assert await states(database) == {id: "running"}
    assert await leases.end(database, alive, "succeeded")
    assert not await leases.end(database, alive, "failed"), "an end is the end"


async def test_the_same_worker_that_lost_its_job_and_got_it_again_has_a_new_fence(
    world: World,
) -> None:
    database = world.database
    (id,) = await queue(world, 1)
    first = await leases.claim(database, "w")
    await expire(database, id)
    await leases.recover(database)
    second = await leases.claim(database, "w")
    assert first is not None
    assert second is not None
    assert not await leases.end(database, first, "succeeded")
    assert await leases.end(database, second, "succeeded")


async def test_a_job_lost_three_times_fails_and_one_asked_to_stop_is_stopped(
    world: World,
) -> None:
    database = world.database
    (id,) = await queue(world, 1)
    for _ in range(leases.MOST_ATTEMPTS):
        assert await leases.claim(database, "w") is not None
        await expire(database, id)
        assert await leases.recover(database) == 1
    assert await states(database) == {id: "failed"}
    async with database.turn(), database.writing() as connection:
        await connection.execute(
            update(table(Job)).values(
                state="running", attempts=1, cancel_asked=True, lease_until=now_ms() - 1
            )
        )
    assert await leases.recover(database) == 1
    assert await states(database) == {id: "killed"}
    async with database.reading() as connection:
        (row,) = (await connection.execute(select(_job.lease_owner, _job.finished_at))).all()
    assert row.lease_owner is None
    assert row.finished_at is not None


async def test_a_heartbeat_keeps_the_lease_and_carries_a_wish_to_stop(world: World) -> None:
    database = world.database
    (id,) = await queue(world, 1)
    lease = await leases.claim(database, "w")
    assert lease is not None
    await expire(database, id)
    assert await leases.beat(database, lease, 10) is False
    assert await leases.recover(database) == 0
    async with database.turn(), database.writing() as connection:
        await connection.execute(update(table(Job)).values(cancel_asked=True))
    assert await leases.beat(database, lease, 20) is True


async def test_only_the_leases_of_the_named_process_are_given_back(world: World) -> None:
    database = world.database
    first, second = await queue(world, 2)
    await leases.claim(database, "lab_1:0")
    await leases.claim(database, "labx1:0")
    assert await leases.release(database, "lab_1:") == 1, "an underscore is no wildcard"
    assert await states(database) == {first: "retrying", second: "running"}


async def test_a_worker_stopped_in_a_heartbeat_does_not_keep_writers_waiting(
    world: World,
) -> None:
    database = world.database
    await queue(world, 1)
    lease = await leases.claim(database, "w")
    assert lease is not None
    for step in range(20):
        beating = asyncio.create_task(leases.beat(database, lease, step))
        for _ in range(step):
            await asyncio.sleep(0)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    await asyncio.wait_for(leases.log(database, lease.job.id, "still here" * 1000), 10)
    async with database.reading() as connection:
        (message,) = (await connection.execute(select(cols(JobLog).message))).one()
    assert message == ("still here" * 1000)[:4000]
