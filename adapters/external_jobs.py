"""Jobs that somebody opens in a project and an algorithm elsewhere carries out.

Opening gives a job its number and an account of its own; whoever holds that account's keys tells
how it goes and draws in its layer. How it goes is no history: states, progress and comments make
no command. An operation of the hub's own can be opened so too and is then carried out by the
hub's own workers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import case, func, select, update

from adapters.containers import checked_name
from adapters.filters import Filter, compiled
from adapters.job_accounts import add_account
from adapters.job_parameters import NewGiven, give
from adapters.listing import Window
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid
from store.statement import cols, table
from store.tables.containers import Project, ProjectMode
from store.tables.jobs import Job, JobData, JobParameter, JobState
from store.tables.operations import Operation, OperationSource
from store.tables.people import COMMONS_GROUP, User
from store.tables.rois import Roi, RoiKind, RoiTerm
from store.unit import Unit

COMMENT_LENGTH = 10_000
ENDED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.KILLED, JobState.INDETERMINATE})
_job, _operation, _user = cols(Job), cols(Operation), cols(User)
_roi, _roi_term = cols(Roi), cols(RoiTerm)
_data, _parameter = cols(JobData), cols(JobParameter)
NUMBERS = {state: place for place, state in enumerate(JobState)} | {JobState.RETRYING: 1}
# What lists are narrowed and ordered by; `standing` is the number of the state.
LISTED: Mapping[str, Any] = {
    **{
        name: _job[name]
        for name in (
            "id", "state", "progress", "number", "comment", "favorite", "rate", "created_at",
            "updated_at", "project_id", "operation_id", "user_job_id", "owner_id",
        )
    },
    "operation_name": select(_operation.name)
    .where(_operation.id == _job.operation_id)
    .scalar_subquery(),
    "human": select(_user.username).where(_user.id == _job.owner_id).scalar_subquery(),
    "standing": case({state.value: number for state, number in NUMBERS.items()}, value=_job.state),
}  # fmt: skip


class ExternalJobs:
    """Verbs on jobs that are opened in a project."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def window(
        self,
        where: Filter | None,
        *,
        order: str = "created_at",
        descending: bool = True,
        offset: int = 0,
        limit: int | None = None,
    ) -> Window[Job]:
        """Return jobs of projects from an offset on, with how many there are.

        Raises Invalid for a field that jobs are not listed by.
        """
        if order not in LISTED:
            raise Invalid("sort", f"jobs are not ordered by {order}.")
        statement = self._catalog.select(Job).where(
            _job.project_id.is_not(None), _job.number > 0, compiled(where, LISTED)
        )
        total = await self._catalog.count(statement)
        keys = [column.desc() if descending else column for column in (LISTED[order], _job.id)]
        page = statement.order_by(*keys).offset(offset)
        rows = await self._catalog.all(Job, page if limit is None else page.limit(limit))
        return Window(rows, total)

    async def get(self, id: int) -> Job:
        """Return one job. Raises NotFound."""
        return await self._catalog.one(Job, id)

    async def span(self, project_id: int) -> dict[str, tuple[Any, Any]]:
        """Return the least and the greatest of the figures of a project's jobs."""
        await self._catalog.one(Project, project_id)
        names = ("created_at", "updated_at", "number", "progress")
        ends = [end(_job[name]) for name in names for end in (func.min, func.max)]
        statement = select(*ends).where(_job.project_id == project_id, _job.number > 0)
        (row,) = await self._catalog.rows(statement)
        return {name: (row[2 * place], row[2 * place + 1]) for place, name in enumerate(names)}

    # opening

    async def open(
        self,
        operation_id: int,
        project_id: int,
        given: Mapping[int, str | None] | None = None,
    ) -> Job:
        """Open a job of an operation in a project, with its account; `given` are values by port.

        Raises NotFound for either, Forbidden for who may not annotate in the project, or below
        manager where it is closed or only read.
        """

        async def work(unit: Unit) -> Job:
            operation, project = await _may_open(unit, operation_id, project_id)
            unit.journal.summary = f"open a job of {operation.name}"
            unit.journal.undoable = False
            made = await _opened(unit, operation, project)
            for port_id, text in (given or {}).items():
                await give(unit, NewGiven(made.id, port_id, text))
            return made

        return await self._catalog.write("open_job", work)

    async def copy(self, id: int) -> Job:
        """Open another job of the same operation in the same project, with the same parameters."""

        async def work(unit: Unit) -> Job:
            seen = await unit.one(Job, id)
            operation, project = await _may_open(unit, seen.operation_id, seen.project_id or 0)
            unit.journal.summary = f"open a copy of job {id}"
            unit.journal.undoable = False
            made = await _opened(unit, operation, project)
            for given in await unit.all(JobParameter, _parameter.job_id == id):
                await unit.add(
                    JobParameter(job_id=made.id, port_id=given.port_id, value=given.value),
                    tell=False,
                )
            return made

        return await self._catalog.write("copy_job", work)

    # how it goes

    async def report(
        self,
        id: int,
        *,
        state: JobState | None = None,
        progress: int | None = None,
        comment: str | None = None,
        rate: float | None = None,
    ) -> Job:
        """Tell how a job goes; what is None or as it is changes nothing. No command, no undo.

        `progress` is in percent. Raises Invalid out of range; Conflict where the hub itself carries
        the job out, and for a job's account that would go on after the job was killed.
        """
        _check_report(progress, comment, rate)
        told = {
            "state": None if state is None else state.value,
            "progress": progress,
            "comment": comment,
            "rate": rate,
        }

        async def work(unit: Unit) -> Job:
            seen = await unit.one(Job, id)
            after = {
                name: value
                for name, value in told.items()
                if value is not None and getattr(seen, name) != value
            }
            if not after:
                return seen
            await unit.require(Job, seen, Can.EDIT)
            if "state" in after or "progress" in after:
                await _require_elsewhere(unit, seen)
            if seen.state == JobState.KILLED and unit.actor.job_id == id and "state" in after:
                raise Conflict(f"Job {id} was killed; it does not go on.")
            after |= _times(after.get("state"))
            return await _noted(unit, seen, after)

        return await self._catalog.write("report_job", work)

    async def kill(self, id: int) -> Job:
        """Stop a job that is not the hub's to carry out; its account cannot go on with it."""

        async def work(unit: Unit) -> Job:
            seen = await unit.one(Job, id, can=Can.EDIT)
            if seen.state in ENDED:
                return seen
            return await _noted(
                unit, seen, {"state": JobState.KILLED.value, "finished_at": now_ms()}
            )

        return await self._catalog.write("kill_job", work)

    async def favor(self, id: int, favorite: bool) -> Job:
        """Keep a job from being purged, or no longer."""

        async def work(unit: Unit) -> Job:
            unit.journal.summary = f"{'keep' if favorite else 'no longer keep'} job {id}"
            return await unit.change(Job, id, favorite=favorite)

        return await self._catalog.write("favor_job", work)

    # what it made

    async def made(self, id: int) -> dict[str, int]:
        """Count what a job made: `regions`, their `terms`, `reviewed` copies of them, `files`."""
        job = await self._catalog.one(Job, id)
        mine = _layer(job)
        drawn = select(_roi.id).where(*mine)
        copies = self._catalog.select(Roi).where(
            _roi.original_id.in_(drawn.correlate(None)), _roi.kind == RoiKind.REVIEWED.value
        )
        terms = self._catalog.select(RoiTerm).where(
            _roi_term.author_id == (job.user_job_id or 0), _roi_term.trashed_by.is_(None)
        )
        return {
            "regions": await self._catalog.count(self._catalog.select(Roi).where(*mine)),
            "terms": await self._catalog.count(terms),
            "reviewed": await self._catalog.count(copies),
            "files": await self._catalog.count(
                self._catalog.select(JobData).where(_data.job_id == id)
            ),
        }

    async def clear(self, id: int) -> dict[str, int]:
        """Trash what a job made, keeping the job. Raises Conflict if something was reviewed."""

        async def work(unit: Unit) -> None:
            job = await unit.one(Job, id, can=Can.DELETE)
            unit.journal.summary = f"delete what job {id} made"
            await _refuse_reviewed(unit, [job])
            await _clear(unit, job)

        before = await self.made(id)
        await self._catalog.write("clear_job", work)
        return before

    async def remove(self, id: int) -> Job:
        """Trash a job with its account and all it made; return it. Raises Conflict as `clear`."""

        async def work(unit: Unit) -> Job:
            job = await unit.one(Job, id, can=Can.DELETE)
            if job.state == JobState.RUNNING and job.lease_until is not None:
                raise Conflict(f"Job {id} runs; stop it first.")
            unit.journal.summary = f"delete job {id}"
            await _refuse_reviewed(unit, [job])
            await _clear(unit, job, keep=False)
            await unit.trash(Job, [id])
            return job

        return await self._catalog.write("delete_job", work)

    async def purge(self, project_id: int) -> list[int]:
        """Trash what the jobs of a project made, but for favorites and what was reviewed.

        Running jobs are left alone. Returns the jobs that were cleared. Raises Forbidden for all
        but managers of the project.
        """

        async def work(unit: Unit) -> list[int]:
            project = await unit.one(Project, project_id)
            if not unit.actor.manages(project, project_id) or unit.actor.within is not None:
                raise Forbidden("purge the jobs of", "project", project_id, "its managers may.")
            jobs = await unit.all(
                Job,
                _job.project_id == project_id,
                _job.favorite.is_(False),
                _job.state.in_([state.value for state in ENDED]),
                order=_job.id,
            )
            held = await _reviewed_authors(unit, jobs)
            unit.journal.summary = f"purge the jobs of {project.name}"
            cleared = [job for job in jobs if job.user_job_id not in held]
            for job in cleared:
                await _clear(unit, job)
            return [job.id for job in cleared]

        return await self._catalog.write("purge_jobs", work)

    # templates: jobs that are never run, under a name and a number below 1

    async def templates(self, project_id: int) -> Sequence[Job]:
        """Return the templates of a project, newest first. Raises NotFound."""
        await self._catalog.one(Project, project_id)
        statement = self._catalog.select(Job).where(_job.project_id == project_id, _job.number < 1)
        return await self._catalog.all(Job, statement.order_by(_job.id.desc()))

    async def every_template(self) -> Sequence[Job]:
        """Return the templates of all projects that the actor sees."""
        statement = self._catalog.select(Job).where(_job.project_id.is_not(None), _job.number < 1)
        return await self._catalog.all(Job, statement.order_by(_job.id.desc()))

    async def add_template(self, name: str, operation_id: int, project_id: int) -> Job:
        """Keep an operation with parameters under a name. Raises as `open`."""
        title = checked_name(name)

        async def work(unit: Unit) -> Job:
            operation, project = await _may_open(unit, operation_id, project_id)
            unit.journal.summary = f"add template {title}"
            lowest = await _edge(unit, func.min, operation.id, project.id)
            return await unit.add(
                _row(unit, operation, project, number=min(lowest, 0) - 1, options={"name": title})
            )

        return await self._catalog.write("add_job_template", work)

    async def rename_template(self, id: int, name: str) -> Job:
        """Give a template another name."""
        title = checked_name(name)

        async def work(unit: Unit) -> Job:
            seen = await unit.one(Job, id)
            unit.journal.summary = f"rename template {title}"
            return await unit.change(Job, id, options={**(seen.options or {}), "name": title})

        return await self._catalog.write("rename_job_template", work)


async def _may_open(unit: Unit, operation_id: int, project_id: int) -> tuple[Operation, Project]:
    operation = await unit.one(Operation, operation_id)
    project = await unit.one(Project, project_id, can=Can.ANNOTATE)
    barred = project.closed or project.mode == ProjectMode.READ_ONLY.value
    if barred and not unit.actor.manages(project, project_id):
        raise Forbidden("open a job in", "project", project_id, "it is closed to changes.")
    return operation, project


async def _opened(unit: Unit, operation: Operation, project: Project) -> Job:
    id = await unit.take_ids()
    account = await add_account(unit, id)
    number = max(await _edge(unit, func.max, operation.id, project.id), 0) + 1
    row = _row(unit, operation, project, number=number)
    row.id, row.user_job_id = id, account
    return await unit.add(row)


async def _edge(unit: Unit, end: Any, operation_id: int, project_id: int) -> int:
    (found,) = await unit.scalars(
        select(end(_job.number)).where(
            _job.operation_id == operation_id,
            _job.project_id == project_id,
            _job.trashed_by.is_(None),
        )
    )
    return int(found or 0)


def _row(
    unit: Unit, operation: Operation, project: Project, *, number: int, options: Any = None
) -> Job:
    group = project.group_id
    if not unit.judge.may_enter(group):
        group = unit.actor.default_group or COMMONS_GROUP
    return Job(
        operation_id=operation.id,
        project_id=project.id,
        owner_id=unit.actor.author_id,
        group_id=group,
        number=number,
        state=JobState.NOT_LAUNCHED.value,
        options=options,
    )


async def _require_elsewhere(unit: Unit, job: Job) -> None:
    operation = await unit.one(Operation, job.operation_id)
    if operation.source != OperationSource.EXTERNAL.value:
        raise Conflict(
            f"{operation.name} is run by the hub itself, which tells how job {job.id} goes."
        )


def _check_report(progress: int | None, comment: str | None, rate: float | None) -> None:
    if progress is not None and not 0 <= progress <= 100:
        raise Invalid("progress", f"is in percent, found {progress}.")
    if comment is not None and (len(comment) > COMMENT_LENGTH or "\0" in comment):
        raise Invalid("comment", f"takes at most {COMMENT_LENGTH} characters, none of code 0.")
    if rate is not None and not math.isfinite(rate):
        raise Invalid("rate", "must be a finite number.")


def _times(state: Any) -> dict[str, Any]:
    if state is None:
        return {}
    now = now_ms()
    if state == JobState.QUEUED:
        return {"queued_at": now}
    if state == JobState.RUNNING:
        return {"started_at": now, "finished_at": None}
    return {"finished_at": now} if state in ENDED else {}


async def _noted(unit: Unit, seen: Job, after: Mapping[str, Any]) -> Job:
    values = {**after, "updated_at": now_ms(), "version": seen.version + 1}
    await unit.execute(update(table(Job)).where(_job.id == seen.id).values(**values))
    unit.tell("changed", Job, seen)
    noted: Job = cast("Any", seen)._replace(**values)
    return noted


def _layer(job: Job) -> list[Any]:
    return [_roi.author_id == (job.user_job_id or 0), _roi.kind == RoiKind.ALGO.value]


async def _reviewed_authors(unit: Unit, jobs: Sequence[Job]) -> set[int]:
    """Return the accounts some region of whose was reviewed."""
    accounts = [job.user_job_id for job in jobs if job.user_job_id is not None]
    copy = table(Roi).alias()
    return set(
        await unit.scalars(
            select(_roi.author_id)
            .join(copy, copy.c.original_id == _roi.id)
            .where(
                unit.members(_roi.author_id, accounts),
                _roi.trashed_by.is_(None),
                copy.c.trashed_by.is_(None),
            )
            .distinct()
        )
    )


async def _refuse_reviewed(unit: Unit, jobs: Sequence[Job]) -> None:
    held = await _reviewed_authors(unit, jobs)
    for job in jobs:
        if job.user_job_id in held:
            raise Conflict(
                f"Job {job.id} has regions that were reviewed; reject the reviews first."
            )


async def _clear(unit: Unit, job: Job, *, keep: bool = True) -> None:
    seen = await unit.all(Roi, *_layer(job), order=_roi.id)
    if seen:
        await unit.trash(Roi, [one.id for one in seen])
    # Those on images that are gone or lie elsewhere now, which would come back without their job.
    hidden = await unit.scalars(select(_roi.id).where(*_layer(job), _roi.trashed_by.is_(None)))
    if hidden:
        await unit.stamp(Roi, hidden)
    files = await unit.all(JobData, _data.job_id == job.id)
    if files:
        await unit.trash(JobData, [one.id for one in files])
    if keep:
        await unit.change(Job, job.id, options={**(job.options or {}), "data_deleted": True})
