"""Leases on jobs: which worker holds what, until when.

A claim, a heartbeat and the finish carry the worker and the attempt. A worker that was thought dead
and comes back finds its fence closed, so a job starts again after a crash but never ends twice.
These writes are progress, not history: they make no command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, or_, select, text, update

from store.clock import now_ms
from store.engine import Database
from store.statement import cols, table
from store.tables.jobs import Job, JobLog
from store.tables.records import records

LEASE_MS = 30_000
MOST_ATTEMPTS = 3
_job = cols(Job)
# Written out, not bound: only then does SQLite use the partial index of the queue.
_WAITING = text("state IN ('queued', 'retrying')")


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
        .where(_WAITING, _job.trashed_by.is_(None))
        .order_by(_job.priority.desc(), _job.id)
        .limit(1)
    ).scalar_subquery()
    async with database.turn(), database.writing() as connection:
        found = await connection.execute(
            update(table(Job))
            .where(_job.id == following)
            .values(
                state="running",
                lease_owner=worker,
                lease_until=now + LEASE_MS,
                heartbeat_at=now,
                started_at=now,
                attempts=_job.attempts + 1,
                cancel_asked=False,
                progress=0,
                error=None,
            )
            .returning(*table(Job).c)
        )
        taken = records(found, Job)
    if not taken:
        return None
    return Lease(taken[0], worker, taken[0].attempts)


async def beat(database: Database, lease: Lease, progress: int) -> bool | None:
    """Report progress, keep the lease; return whether a cancel was asked, None when lost."""
    now = now_ms()
    async with database.turn(), database.writing() as connection:
        found = await connection.execute(
            update(table(Job))
            .where(lease.held)
            .values(progress=progress, heartbeat_at=now, lease_until=now + LEASE_MS)
            .returning(_job.cancel_asked)
        )
        row = found.first()
    return None if row is None else bool(row[0])


async def end(database: Database, lease: Lease, state: str, *, error: str | None = None) -> bool:
    """End a held job without results; False when the lease was lost."""
    async with database.turn(), database.writing() as connection:
        found = await connection.execute(
            update(table(Job))
            .where(lease.held)
            .values(
                state=state, error=error, finished_at=now_ms(), lease_owner=None, lease_until=None
            )
        )
        return found.rowcount == 1


async def recover(database: Database, *, at_once: bool = False) -> int:
    """Queue again the jobs whose worker is gone; those tried too often fail. Returns how many.

    A worker is gone when its lease ran out, or `at_once` when the caller knows that none is left.
    """
    now = now_ms()
    expired = _job.state == "running"
    if not at_once:
        expired &= _job.lease_until < now
    async with database.turn(), database.writing() as connection:
        given_up = await connection.execute(
            update(table(Job))
            .where(expired, or_(_job.attempts >= MOST_ATTEMPTS, _job.cancel_asked))
            .values(
                state="failed",
                error=f"The worker stopped answering, {MOST_ATTEMPTS} times at most.",
                finished_at=now,
                lease_owner=None,
                lease_until=None,
            )
        )
        again = await connection.execute(
            update(table(Job))
            .where(expired)
            .values(state="retrying", lease_owner=None, lease_until=None)
        )
        return int(given_up.rowcount) + int(again.rowcount)


async def release(database: Database, worker_prefix: str) -> int:
    """Give back the leases of workers of an earlier process of the same name."""
    async with database.turn(), database.writing() as connection:
        found = await connection.execute(
            update(table(Job))
            .where(_job.state == "running", _job.lease_owner.startswith(worker_prefix))
            .values(state="retrying", lease_owner=None, lease_until=None)
        )
        return int(found.rowcount)


async def log(database: Database, job_id: int, message: str, level: str = "info") -> None:
    """Add a line to a job's log."""
    async with database.turn(), database.writing() as connection:
        id = await database.take_ids(connection)
        await connection.execute(
            insert(table(JobLog)).values(
                id=id, job_id=job_id, at=now_ms(), level=level, message=message[:4000]
            )
        )
