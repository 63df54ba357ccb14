"""What jobs are given at the ports of their operations, kept as text.

Every dialect sees the same rows. A value is stored as JSON, since the hub's own runs keep numbers
and lists; `as_text` writes one as clients of text see it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from adapters.port_rules import check_value
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, HubError, Invalid, NotFound
from store.statement import cols
from store.tables.jobs import Job, JobParameter
from store.tables.operations import Port
from store.unit import Unit

_parameter, _port, _job = cols(JobParameter), cols(Port), cols(Job)
TEXT_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class Given:
    """A value that a job was given, with its port."""

    id: int
    job_id: int
    port: Port
    text: str | None


@dataclass(frozen=True, slots=True)
class NewGiven:
    """A value to be given to a job."""

    job_id: int
    port_id: int
    text: str | None


class JobParameters:
    """Verbs on what jobs are given."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of_jobs(self, job_ids: Sequence[int]) -> dict[int, list[Given]]:
        """Return what each job was given, in the order of the ports. Two statements."""
        found: dict[int, list[Given]] = {id: [] for id in job_ids}
        if not found:
            return found
        statement = self._catalog.select(JobParameter).where(
            self._catalog.members(_parameter.job_id, found)
        )
        given = await self._with_ports(await self._catalog.all(JobParameter, statement))
        for one in sorted(given, key=lambda one: (one.port.position, one.port.id)):
            found[one.job_id].append(one)
        return found

    async def all(self) -> list[Given]:
        """Return everything that jobs of projects were given, oldest first."""
        statement = self._catalog.select(JobParameter).order_by(_parameter.id)
        return await self._with_ports(await self._catalog.all(JobParameter, statement))

    async def get(self, id: int) -> Given:
        """Return one. Raises NotFound."""
        found = await self._with_ports([await self._catalog.one(JobParameter, id)])
        if not found:
            raise NotFound("job parameter", id)
        return found[0]

    async def _with_ports(self, rows: Sequence[JobParameter]) -> list[Given]:
        ids = sorted({row.port_id for row in rows})
        ports = await self._catalog.by_ids(Port, ids) if ids else []
        known = {port.id: port for port in ports if port is not None}
        return [
            Given(row.id, row.job_id, known[row.port_id], as_text(row.value))
            for row in rows
            if row.port_id in known
        ]

    async def add(self, items: Sequence[NewGiven]) -> list[int | HubError]:
        """Give values to jobs, in one act; return the id of each, or why it was refused.

        A port takes one value of a job. What is refused leaves the others as they are.
        """

        async def work(unit: Unit) -> list[int | HubError]:
            unit.journal.summary = f"give {len(items)} parameters"
            return [await _tried(unit, item) for item in items]

        return await self._catalog.write("add_job_parameters", work)

    async def change(self, id: int, text: str | None) -> Given:
        """Give another value at the same port."""

        async def work(unit: Unit) -> None:
            seen = await unit.one(JobParameter, id)
            port = await unit.one(Port, seen.port_id)
            if as_text(seen.value) == text:
                return
            _check(port, text)
            unit.journal.summary = f"change parameter {port.name} of job {seen.job_id}"
            await unit.change(JobParameter, id, value=_stored(text))

        await self._catalog.write("change_job_parameter", work)
        return await self.get(id)

    async def remove(self, id: int) -> Given:
        """Take a value away; return it."""
        seen = await self.get(id)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"take parameter {seen.port.name} of job {seen.job_id} away"
            await unit.trash(JobParameter, [id])

        await self._catalog.write("remove_job_parameter", work)
        return seen


async def _tried(unit: Unit, item: NewGiven) -> int | HubError:
    try:
        return await give(unit, item)
    except HubError as refused:  # before anything was written for it
        return refused


async def give(unit: Unit, item: NewGiven) -> int:
    """Give a job a value within a unit of work; return its id. Raises Invalid, Conflict."""
    job = await unit.one(Job, item.job_id, can=Can.EDIT)
    port = await unit.one(Port, item.port_id)
    if port.operation_id != job.operation_id:
        raise Invalid(
            "softwareParameter", f"{port.name} is not a parameter of what job {job.id} runs."
        )
    _check(port, item.text)
    there = await unit.scalars(
        select(_parameter.id).where(
            _parameter.job_id == job.id,
            _parameter.port_id == port.id,
            _parameter.trashed_by.is_(None),
        )
    )
    if there:
        raise Conflict(f"Job {job.id} was given {port.name} already.")
    made = await unit.add(
        JobParameter(job_id=job.id, port_id=port.id, value=_stored(item.text)), tell=False
    )
    return made.id


def _check(port: Port, text: str | None) -> None:
    if text is None:
        return
    if len(text) > TEXT_LENGTH or "\0" in text:
        raise Invalid(port.name, f"takes at most {TEXT_LENGTH} characters, none of code 0.")
    check_value(port, text)


def _stored(text: str | None) -> str | None:
    return None if text is None else json.dumps(text)


def as_text(stored: str | None) -> str | None:
    """Return a stored value as text: a text as it is, anything else as JSON."""
    if stored is None:
        return None
    value: Any = json.loads(stored)
    return value if isinstance(value, str) else json.dumps(value)
