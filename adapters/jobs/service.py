"""Jobs: asking for a run, watching it, stopping it, repeating it; and the catalogue behind it.

A job row is the truth of every run whose result stays. Whatever can be refused is refused here,
before the row exists; the worker only meets what passed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select

from adapters.infrastructure import Infrastructure
from adapters.operations import Operation as Declared
from adapters.operations import PortType, registry
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Invalid, NotFound, Unsupported
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.containers import Dataset
from store.tables.images import Image, LabelSet, Pixels
from store.tables.jobs import Job, JobIo, JobLog, JobParameter, JobState
from store.tables.operations import Operation, Port
from store.tables.results import ResultRow, ResultTable
from store.unit import Unit

FINISHED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.KILLED, JobState.INDETERMINATE})
MOST_ROWS = 1000
POLL = 0.25  # seconds between looks at a job that is watched


@dataclass(frozen=True, slots=True)
class Reference:
    """What is put into a data port: an image or a set of labels."""

    noun: str  # image | label_set
    id: int


@dataclass(frozen=True, slots=True)
class Request:
    """A run to be queued.

    `values` are plain arguments by port, `references` stored data by port. `selection` narrows all
    image inputs: lists of t, c and z indexes, and y and x as (start, stop) in pixels.
    """

    operation: str
    values: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)
    selection: Mapping[str, Any] = field(default_factory=dict)
    dataset_id: int | None = None
    name: str | None = None
    priority: int = 0


class Jobs:
    """Verbs on jobs and operations."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    def declared(self, name: str) -> Declared:
        """Return a registered operation. Raises NotFound."""
        return registry.get(name)

    async def submit(self, request: Request) -> Job:
        """Check a request, queue it and return its job.

        Raises NotFound for the operation, an input or the dataset; Invalid naming the port;
        Forbidden where the result may not go.
        """
        operation = registry.get(request.operation)
        bound = operation.bind({**request.values, **request.references})
        inputs = await self._inputs(operation, bound.references)
        _check_selection(request.selection)
        group = await self._group(request, inputs)
        options = {
            "dataset_id": request.dataset_id,
            "name": request.name,
            "selection": dict(request.selection),
        }

        async def work(unit: Unit) -> Job:
            row = await self._operation(unit, operation)
            job = cols(Job)
            (highest,) = await unit.scalars(
                select(func.max(job.number)).where(
                    job.operation_id == row.id, job.project_id.is_(None)
                )
            )
            queued = await unit.add(
                Job(
                    owner_id=unit.actor.author_id,
                    group_id=group,
                    operation_id=row.id,
                    number=(highest or 0) + 1,
                    state=JobState.QUEUED.value,
                    priority=request.priority,
                    queued_at=now_ms(),
                    options=options,
                )
            )
            await self._record(unit, queued.id, row.id, bound.values, inputs)
            unit.journal.summary = f"run {operation.name}"
            unit.journal.undoable = False
            return queued

        return await self._catalog.write("submit_job", work)

    async def _inputs(
        self, operation: Declared, references: Mapping[str, Any]
    ) -> dict[str, tuple[Reference, int]]:
        """Return each reference with the generation of what it names."""
        found = {}
        for port in operation.inputs:
            if port.name not in references:
                continue
            if not port.is_pixels or port.many:
                raise Unsupported(f"{port.name}: inputs of type {port.type} cannot be named yet.")
            reference = references[port.name]
            if not isinstance(reference, Reference):
                raise Invalid(port.name, "takes the id of an image or a label set.")
            if reference.noun == "label_set":
                labels = await self._catalog.one(LabelSet, reference.id)
                found[port.name] = (reference, labels.generation)
                continue
            if port.type is PortType.LABELS:
                await self._catalog.one(Image, reference.id)
            pixels = await self._catalog.one(Pixels, reference.id)
            if pixels.store_key is None:
                raise Invalid(port.name, f"image {reference.id} was declared without pixels.")
            found[port.name] = (reference, pixels.generation)
        return found

    async def _group(self, request: Request, inputs: Mapping[str, tuple[Reference, int]]) -> int:
        actor = self._catalog.actor
        if request.dataset_id is not None:
            return (await self._catalog.one(Dataset, request.dataset_id, can=Can.EDIT)).group_id
        for reference, _generation in inputs.values():
            image_id = await self.image_of(reference)
            group = (await self._catalog.one(Image, image_id)).group_id
            if group in actor.groups or actor.leads(group):
                return group
        if actor.default_group is None:
            raise Invalid("dataset", "you have no default group; name a dataset for the result.")
        return actor.default_group

    async def image_of(self, reference: Reference) -> int:
        """Return the image a reference is about."""
        if reference.noun == "image":
            return reference.id
        return (await self._catalog.one(LabelSet, reference.id)).image_id

    async def _operation(self, unit: Unit, operation: Declared) -> Operation:
        row = cols(Operation)
        known = await unit.all(
            Operation, row.name == operation.name, row.release == operation.version
        )
        if not known:
            raise NotFound("operation", f"{operation.name} {operation.version}")
        return await unit.one(Operation, known[0].id)

    async def _record(
        self,
        unit: Unit,
        job_id: int,
        operation_id: int,
        values: Mapping[str, Any],
        inputs: Mapping[str, tuple[Reference, int]],
    ) -> None:
        port = cols(Port)
        ports = {
            one.name: one.id
            for one in await unit.all(
                Port, port.operation_id == operation_id, port.direction == "in"
            )
        }
        for name, value in values.items():
            if value is None or name not in ports:
                continue
            await unit.add(
                JobParameter(job_id=job_id, port_id=ports[name], value=json.dumps(_plain(value))),
                tell=False,
            )
        for name, (reference, generation) in inputs.items():
            await unit.add(
                JobIo(
                    job_id=job_id, direction="in", port=name, target_type=reference.noun,
                    target_id=reference.id, generation=generation,
                ),
                tell=False,
            )  # fmt: skip

    async def cancel(self, job_id: int) -> Job:
        """Stop a job: at once if it waits, within a tile if it runs. A finished one stays."""

        async def work(unit: Unit) -> Job:
            job = await unit.one(Job, job_id, can=Can.EDIT)
            unit.journal.undoable = False
            if job.state in (JobState.QUEUED, JobState.RETRYING, JobState.NOT_LAUNCHED):
                return await unit.change(
                    Job, job_id, state=JobState.KILLED.value, finished_at=now_ms()
                )
            if job.state == JobState.RUNNING:
                return await unit.change(Job, job_id, cancel_asked=True)
            raise Conflict(f"Job {job_id} is {job.state}; only a waiting or running job stops.")

        return await self._catalog.write("cancel_job", work)

    async def retry(self, job_id: int) -> Job:
        """Queue a failed or stopped job again, under the same id."""

        async def work(unit: Unit) -> Job:
            job = await unit.one(Job, job_id, can=Can.EDIT)
            unit.journal.undoable = False
            if job.state not in (JobState.FAILED, JobState.KILLED, JobState.INDETERMINATE):
                raise Conflict(
                    f"Job {job_id} is {job.state}; only a failed or stopped job runs again."
                )
            return await unit.change(
                Job, job_id, state=JobState.QUEUED.value, queued_at=now_ms(), attempts=0,
                progress=0, error=None, finished_at=None, cancel_asked=False,
            )  # fmt: skip

        return await self._catalog.write("retry_job", work)

    def catalogue(self, search: str | None = None) -> Sequence[Declared]:
        """Return the registered operations; with a text, those it finds."""
        return registry.search(search) if search else registry.all()

    async def page(
        self, keyset: Keyset, *, state: str | None = None, owner_id: int | None = None
    ) -> Page[Job]:
        """Return one page of the jobs the actor sees."""
        return await self._catalog.page(Job, self._list(state, owner_id), keyset)

    async def count(self, *, state: str | None = None, owner_id: int | None = None) -> int:
        """Count the jobs the actor sees."""
        return await self._catalog.count(self._list(state, owner_id))

    def _list(self, state: str | None, owner_id: int | None) -> Select[Any]:
        job, statement = cols(Job), self._catalog.select(Job)
        if state is not None:
            statement = statement.where(job.state == state)
        if owner_id is not None:
            statement = statement.where(job.owner_id == owner_id)
        return statement

    async def label_sets(self, image_ids: Sequence[int]) -> dict[int, list[LabelSet]]:
        """Return the label sets of each image, in one statement."""
        found = await self._catalog.grouped(LabelSet, "image_id", image_ids)
        return dict(zip(image_ids, found, strict=True))

    async def tables(self, image_ids: Sequence[int]) -> dict[int, list[ResultTable]]:
        """Return the result tables of each image, in one statement."""
        found = await self._catalog.grouped(ResultTable, "image_id", image_ids)
        return dict(zip(image_ids, found, strict=True))

    async def row_counts(self, table_ids: Sequence[int]) -> dict[int, int]:
        """Count the rows of each table, in one statement."""
        row = cols(ResultRow)
        statement = select(row.table_id).where(self._catalog.members(row.table_id, table_ids))
        return await self._catalog.counts(statement, row.table_id)

    async def rows(self, table_id: int, *, first: int, offset: int) -> Sequence[ResultRow]:
        """Return rows of a table from a place on. Raises Invalid beyond 1,000 at once."""
        if not (1 <= first <= MOST_ROWS and offset >= 0):
            raise Invalid("first", f"take 1 to {MOST_ROWS} rows, from 0 on.")
        row = cols(ResultRow)
        statement = (
            self._catalog.select(ResultRow)
            .where(row.table_id == table_id, row.row_no >= offset, row.row_no < offset + first)
            .order_by(row.row_no)
        )
        return await self._catalog.all(ResultRow, statement)

    async def many(self, ids: Sequence[int]) -> dict[int, Job]:
        """Return the visible ones of these jobs, in one statement."""
        found = await self._catalog.by_ids(Job, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def operations(self, ids: Sequence[int]) -> dict[int, Operation]:
        """Return rows of operations by id, in one statement."""
        found = await self._catalog.by_ids(Operation, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def parameters(self, job_ids: Sequence[int]) -> dict[int, list[tuple[str, Any]]]:
        """Return name and value of each argument of each job, in one statement."""
        row, port = cols(JobParameter), cols(Port)
        found = await self._catalog.rows(
            select(row.job_id, port.name, row.value)
            .join(table(Port), port.id == row.port_id)
            .where(self._catalog.members(row.job_id, job_ids))
            .order_by(port.position)
        )
        gathered: dict[int, list[tuple[str, Any]]] = {id: [] for id in job_ids}
        for job_id, name, value in found:
            gathered[job_id].append((name, None if value is None else json.loads(value)))
        return gathered

    async def lineage(self, job_ids: Sequence[int]) -> dict[int, list[JobIo]]:
        """Return what each job read and made, in one statement."""
        found = await self._catalog.grouped(JobIo, "job_id", job_ids)
        return dict(zip(job_ids, found, strict=True))

    async def of_images(self, image_ids: Sequence[int]) -> dict[int, list[Job]]:
        """Return the jobs that read each image, newest first, in two statements."""
        io, job = cols(JobIo), cols(Job)
        links = await self._catalog.rows(
            select(io.target_id, io.job_id)
            .join(table(Job), job.id == io.job_id)
            .where(
                io.direction == "in",
                io.target_type == "image",
                self._catalog.members(io.target_id, image_ids),
            )
            .order_by(io.job_id.desc())
        )
        found = await self.many(list(dict.fromkeys(link.job_id for link in links)))
        gathered: dict[int, list[Job]] = {id: [] for id in image_ids}
        for link in links:
            if link.job_id in found:
                gathered[link.target_id].append(found[link.job_id])
        return gathered

    async def log(self, job_ids: Sequence[int]) -> dict[int, list[JobLog]]:
        """Return the log of each job, oldest line first, in one statement."""
        found = await self._catalog.grouped(JobLog, "job_id", job_ids)
        return dict(zip(job_ids, found, strict=True))

    async def watch(self, job_id: int) -> AsyncIterator[Job]:
        """Give the job now, whenever it changed, and at its end. Raises NotFound."""
        seen: Job | None = None
        while True:
            job = await self._catalog.one(Job, job_id)
            if seen is None or (job.state, job.progress) != (seen.state, seen.progress):
                yield job
                seen = job
            if job.state in FINISHED:
                return
            await asyncio.sleep(POLL)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _check_selection(selection: Mapping[str, Any]) -> None:
    for axis in selection:
        if axis not in ("t", "c", "z", "y", "x"):
            raise Invalid("selection", f"{axis!r} is not one of t, c, z, y, x.")
