"""Leases on jobs: which worker holds what, until when.

A claim, a heartbeat and the finish carry the worker and the attempt. A worker that was thought dead
and comes back finds its fence closed, so a job starts again after a crash but never ends twice.
These writes are progress, not history: they make no command.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select, text, update

from store.clock import now_ms
from store.engine import Database
from store.statement import cols, table
from store.tables.jobs import Job, JobLog
from store.tables.operations import Operation, OperationSource
from store.tables.records import records

LEASE_MS = 30_000
MOST_ATTEMPTS = 3
_job = cols(Job)
_FREE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_STOPPED = "It was stopped."
_GIVEN_UP = f"Its worker stopped answering {MOST_ATTEMPTS} times."
# Written out, not bound: only then does SQLite use the partial index of the queue.
_WAITING = text("state IN ('queued', 'retrying')")
_operation = cols(Operation)
_ELSEWHERE = select(_operation.id).where(_operation.source == OperationSource.EXTERNAL.value)


@dataclass(frozen=True, slots=True)
class Lease:
    """A job held by a worker. `attempt` is the fence."""

    job: Job
    worker: str
    attempt: int

    @property
    def held(self) -> Any:
        """The predicate that the lease is still this worker's."""
        return (
            (_job.id == self.job.id)
            & (_job.lease_owner == self.worker)
            & (_job.attempts == self.attempt)
            & (_job.state == "running")
        )


async def claim(database: Database, worker: str) -> Lease | None:
    """Take the next waiting job, the highest priority first; None when nothing waits."""
    now = now_ms()
    following = database.skip_locked(
        select(_job.id)
        .where(_WAITING, _job.trashed_by.is_(None), _job.operation_id.not_in(_ELSEWHERE))
        .order_by(_job.priority.desc(), _job.id)
        .limit(1)
    ).scalar_subquery()
    taken = await _written(
        database,
        update(table(Job))
        .where(_job.id == following)
        .values(
            state="running",
            lease_owner=worker,
            lease_until=now + LEASE_MS,
            heartbeat_at=now,
            started_at=now,
            attempts=_job.attempts + 1,
            progress=0,
            error=None,
        )
        .returning(*table(Job).c),
    )
    if not taken:
        return None
    (job,) = records(taken, Job)
    return Lease(job, worker, job.attempts)


async def beat(database: Database, lease: Lease, progress: int) -> bool | None:
    """Report progress, keep the lease; return whether a cancel was asked, None when lost."""
    now = now_ms()
    found = await _written(
        database,
        update(table(Job))
        .where(lease.held)
        .values(progress=progress, heartbeat_at=now, lease_until=now + LEASE_MS)
        .returning(_job.cancel_asked),
    )
    return bool(found[0][0]) if found else None


async def end(database: Database, lease: Lease, state: str, *, error: str | None = None) -> bool:
    """End a held job without results; False when the lease was lost."""
    ended = await _written(
        database,
        update(table(Job))
        .where(lease.held)
        .values(state=state, error=error, finished_at=now_ms(), **_FREE)
        .returning(_job.id),
    )
    return bool(ended)


async def recover(database: Database, *, at_once: bool = False) -> int:
    """Queue again the jobs whose worker is gone; return how many were lost.

    A worker is gone when its lease ran out, or `at_once` when the caller knows that none is left.
    Jobs that were asked to stop are stopped, and those tried too often fail.
    """
    now = now_ms()
    # What runs elsewhere says itself how it goes; no worker of the hub holds it.
    lost = (_job.state == "running") & _job.lease_until.is_not(None)
    if not at_once:
        lost &= _job.lease_until < now
    ended = {"finished_at": now, **_FREE}
    outcomes: tuple[tuple[Any, dict[str, Any]], ...] = (
        (lost & _job.cancel_asked, {"state": "killed", "error": _STOPPED, **ended}),
        (lost & (_job.attempts >= MOST_ATTEMPTS), {"state": "failed", "error": _GIVEN_UP, **ended}),
        (lost, {"state": "retrying", **_FREE}),
    )
    found = 0
    for where, values in outcomes:
        again = update(table(Job)).where(where).values(values).returning(_job.id)
        found += len(await _written(database, again))
    return found


async def release(database: Database, worker_prefix: str) -> int:
    """Give back the leases of workers of an earlier process of the same name."""
    freed = await _written(
        database,
        update(table(Job))
        .where(_job.state == "running", _job.lease_owner.startswith(worker_prefix, autoescape=True))
        .values(state="retrying", **_FREE)
        .returning(_job.id),
    )
    return len(freed)


async def log(database: Database, job_id: int, message: str, level: str = "info") -> None:
    """Add a line to a job's log."""
    await log_all(database, job_id, [(now_ms(), message)], level)


async def log_all(
    database: Database, job_id: int, lines: Sequence[tuple[int, str]], level: str = "info"
) -> None:
    """Add lines with their times to a job's log, in one statement."""
    if not lines:
        return

    async def work() -> None:
        async with database.turn(), database.writing() as connection:
            first = await database.take_ids(connection, len(lines))
            await connection.execute(
                insert(table(JobLog)),
                [
                    {"id": id, "job_id": job_id, "at": at, "level": level, "message": text[:4000]}
                    for id, (at, text) in enumerate(lines, first)
                ],
            )

    await database.keep(work())


async def _written(database: Database, statement: Any) -> Sequence[Any]:
    """Run one statement in a transaction of its own, to its end even if the worker is stopped."""

    async def work() -> Sequence[Any]:
        async with database.turn(), database.writing() as connection:
            return (await connection.execute(statement)).all()

    return await database.keep(work())
