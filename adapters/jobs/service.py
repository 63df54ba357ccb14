"""Jobs: asking for a run, watching it, stopping it, repeating it; and the catalogue behind it.

A job row is the truth of every run whose result stays. Whatever can be refused is refused here,
before the row exists; the worker only meets what passed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, delete, func, select

from adapters.filters import Filter, compiled
from adapters.infrastructure import Infrastructure
from adapters.job_parameters import JobParameters
from adapters.jobs.programs import Programs
from adapters.jobs.script_session import ScriptError
from adapters.operations import Bound, PortType
from adapters.operations import Operation as Declared
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Invalid, NotFound, Unsupported
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Placement, ProjectDataset
from store.tables.images import Image, LabelSet, Pixels
from store.tables.jobs import Job, JobIo, JobLog, JobParameter, JobState
from store.tables.operations import Operation, OperationSource, Port
from store.tables.results import ResultRow, ResultTable
from store.unit import Unit

FINISHED = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.KILLED, JobState.INDETERMINATE})
STARTABLE = frozenset(
    {JobState.NOT_LAUNCHED, JobState.FAILED, JobState.KILLED, JobState.INDETERMINATE}
)
MOST_ROWS = 1000
RULE_SECONDS = 10.0  # for a script to check the arguments of a run
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
        self.programs = Programs(infrastructure, catalog)

    async def declared(self, name: str) -> Declared:
        """Return an operation, of the hub or of a script. Raises NotFound."""
        return await self.programs.current(name)

    async def submit(self, request: Request) -> Job:
        """Check a request, queue it and return its job.

        Raises NotFound for the operation, an input or the dataset; Invalid naming the port;
        Forbidden where the result may not go.
        """
        operation = await self.programs.current(request.operation)
        bound = operation.bind({**request.values, **request.references})
        await self._check_rule(request.operation, bound)
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

    async def start(self, job_id: int) -> Job:
        """Queue a job that was opened in a project, with the parameters it was given as text.

        At inputs of images stand ids: of an image, of one placed in a project, or of labels. New
        images go to a dataset of the project that holds the input. Raises Conflict where the hub
        does not carry the job out or it is under way, Invalid naming the port.
        """
        job = await self._catalog.one(Job, job_id, can=Can.EDIT)
        row = (await self.operations([job.operation_id]))[job.operation_id]
        if row.source == OperationSource.EXTERNAL.value:
            raise Conflict(f"{row.name} is not run by the hub; its own program opens jobs of it.")
        operation = (await self.programs.of(row)).declared
        given = (await JobParameters(self._catalog).of_jobs([job_id]))[job_id]
        texts = {one.port.name: one.text for one in given if one.text not in (None, "")}
        data = {port.name for port in operation.inputs if port.is_data}
        values = operation.read({name: text or "" for name, text in texts.items()})
        for name in data & values.keys():
            values[name] = await self._named(name, str(texts[name]))
        bound = operation.bind(values)
        await self._check_rule(row.name, bound)
        inputs = await self._inputs(operation, bound.references)
        dataset_id = await self._dataset_in(job.project_id, inputs)

        async def work(unit: Unit) -> Job:
            seen = await unit.one(Job, job_id, can=Can.EDIT)
            if seen.state not in STARTABLE:
                raise Conflict(f"Job {job_id} is {seen.state}; it is not started again.")
            io = cols(JobIo)
            await unit.execute(
                delete(table(JobIo)).where(io.job_id == job_id, io.direction == "in")
            )
            await self._record(unit, job_id, row.id, bound.values, inputs)
            unit.journal.summary = f"run {operation.name}"
            unit.journal.undoable = False
            return await unit.change(
                Job, job_id, state=JobState.QUEUED.value, queued_at=now_ms(), attempts=0,
                progress=0, error=None, finished_at=None, cancel_asked=False,
                options={**(seen.options or {}), "dataset_id": dataset_id},
            )  # fmt: skip

        return await self._catalog.write("start_job", work)

    async def _named(self, port: str, text: str) -> Reference:
        """Return what an id given as text stands for. Raises Invalid or NotFound."""
        found = [part for part in re.split(r"[\s,\[\]\"]+", text) if part]
        if len(found) != 1 or not re.fullmatch(r"[0-9]{1,18}", found[0]):
            raise Invalid(port, f"takes the id of one image, found {text[:60]!r}.")
        id = int(found[0])
        (placed,) = await self._catalog.by_ids(Placement, [id])
        if placed is not None:
            return Reference("image", placed.image_id)
        (labels,) = await self._catalog.by_ids(LabelSet, [id])
        if labels is not None:
            return Reference("label_set", id)
        return Reference("image", (await self._catalog.one(Image, id)).id)

    async def _dataset_in(
        self, project_id: int | None, inputs: Mapping[str, tuple[Reference, int]]
    ) -> int | None:
        """Return a dataset of a project that holds an input and may get what is made of it."""
        inside, link = cols(ProjectDataset), cols(DatasetImage)
        for reference, _generation in inputs.values():
            statement = (
                select(*table(Dataset).c)
                .join(table(ProjectDataset), inside.dataset_id == cols(Dataset).id)
                .join(table(DatasetImage), link.dataset_id == cols(Dataset).id)
                .where(
                    inside.project_id == project_id,
                    link.image_id == await self.image_of(reference),
                )
                .order_by(cols(Dataset).id)
            )
            rows = await self._catalog.all(Dataset, statement)
            allowed = await self._catalog.capabilities(Dataset, rows)
            for row, can in zip(rows, allowed, strict=True):
                if can & Can.EDIT:
                    return row.id
        return None

    async def _check_rule(self, name: str, bound: Bound) -> None:
        """Ask a script's own rule, in a process of the script; the hub's were asked by `bind`."""
        operation = bound.operation
        if operation.source != "script":
            return
        program = await self.programs.of_name(name)
        if not (program.description or {}).get("rule"):
            return
        limit = self._infrastructure.settings.memory_limit

        def check() -> None:
            with program.started(limit, call_seconds=RULE_SECONDS) as ready:
                if ready.rule is not None:
                    ready.rule(bound.values)

        try:
            await self._infrastructure.run_long(check)
        except (ScriptError, MemoryError) as error:
            why = str(error) or "there was not enough memory."
            raise Conflict(f"{name} cannot check its arguments: {why}") from error

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
        parameter = cols(JobParameter)
        given = {
            one.port_id: one.id for one in await unit.all(JobParameter, parameter.job_id == job_id)
        }
        for name, value in values.items():
            if value is None or name not in ports:
                continue
            text = json.dumps(_plain(value))
            if ports[name] in given:
                await unit.change(JobParameter, given[ports[name]], value=text)
                continue
            await unit.add(JobParameter(job_id=job_id, port_id=ports[name], value=text), tell=False)
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

    async def catalogue(self, search: str | None = None) -> Sequence[Declared]:
        """Return the operations of the hub and of scripts; with a text, those it finds."""
        return await self.programs.all(search)

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Job]:
        """Return one page of the jobs the actor sees."""
        return await self._catalog.page(Job, self._list(where), keyset)

    async def count(self, where: Filter | None = None) -> int:
        """Count the jobs the actor sees."""
        return await self._catalog.count(self._list(where))

    def _list(self, where: Filter | None) -> Select[Any]:
        job = cols(Job)
        return self._catalog.select(Job).where(compiled(where, job), job.number > 0)

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
