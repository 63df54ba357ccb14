"""Accounts of jobs: the name under which a job draws, with keys of its own.

An account acts with the rights of whoever asked for the job, within the job's project
(`store.access.load`); it is member of nothing and owns nothing. It comes and goes with its job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from store.catalog import Catalog
from store.clock import now_ms
from store.statement import cols, table
from store.tables.columns import name_key
from store.tables.containers import Project
from store.tables.jobs import Job
from store.tables.people import COMMONS_GROUP, User, UserKind
from store.tables.records import records
from store.tables.rois import Roi
from store.unit import Unit

_user, _job, _roi = cols(User), cols(Job), cols(Roi)
NAME_LENGTH = 200  # of the human's part: the date behind it must stay


@dataclass(frozen=True, slots=True)
class JobAccount:
    """An account with its job."""

    user: User
    job: Job


class JobAccounts:
    """Reading accounts of jobs."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, user_id: int) -> JobAccount:
        """Return an account. Raises NotFound, also where its job may not be seen."""
        user = await self._catalog.one(User, user_id)
        return JobAccount(user, await self._catalog.one(Job, user.job_id or 0))

    async def of_project(
        self, project_id: int, image_id: int | None = None
    ) -> Sequence[JobAccount]:
        """Return the accounts of a project's jobs, newest first; of an image, those that drew.

        Raises NotFound for a project that the actor does not see.
        """
        await self._catalog.one(Project, project_id)
        statement = (
            select(*table(User).c)
            .join(table(Job), _job.user_job_id == _user.id)
            .where(_job.project_id == project_id)
            .order_by(_user.id.desc())
        )
        if image_id is not None:
            drawn = self._catalog.select(Roi).where(_roi.image_id == image_id)
            authors = drawn.with_only_columns(_roi.author_id).where(
                _roi.id.in_(self._catalog.visible_ids(Roi))
            )
            statement = statement.where(_user.id.in_(authors))
        users = records(await self._catalog.rows(statement), User)
        jobs = await self.jobs_of(users)
        return [JobAccount(user, jobs[user.id]) for user in users if user.id in jobs]

    async def jobs_of(self, users: Sequence[User]) -> dict[int, Job]:
        """Return the visible jobs of accounts, by account. One statement."""
        ids = [user.job_id for user in users if user.job_id is not None]
        found = await self._catalog.by_ids(Job, ids) if ids else []
        jobs = {job.id: job for job in found if job is not None}
        return {user.id: jobs[user.job_id] for user in users if user.job_id in jobs}


async def add_account(unit: Unit, job_id: int) -> int:
    """Make the account of a job that the actor asks for, and return its id."""
    human = await unit.one(User, unit.actor.author_id)  # locked: one name in a millisecond
    at = now_ms()
    while True:
        moment = datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        name = f"JOB[{human.username[:NAME_LENGTH]}], {moment}"
        if not await unit.all(User, _user.username_key == name_key(name)):
            break
        at += 1
    # In bulk, and so unjudged: nobody but the hub may make accounts otherwise.
    made = await unit.add_many(
        User,
        ("kind", "username", "username_key", "enabled", "default_group_id", "human_id", "job_id"),
        [
            (
                UserKind.JOB.value, name, name_key(name), True,
                unit.actor.default_group or COMMONS_GROUP, human.id, job_id,
            )
        ],
    )  # fmt: skip
    return made[0]
