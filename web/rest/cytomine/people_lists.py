"""People as lists write them: by id, narrowed, sorted and paged; keys are left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.tables.jobs import Job
from store.tables.people import UserKind
from web.rest.cytomine import search
from web.rest.cytomine.marshal.users import job_user, user


async def written(hub: Hub, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Write accounts of people and of jobs, in the order of the ids; unknown ones are left out."""
    wanted = list(dict.fromkeys(ids))
    rows = [
        one for one in await hub.people.by_ids(wanted) if one is not None and one.trashed_by is None
    ]
    return await of_rows(hub, rows)


async def of_rows(hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Write accounts."""
    algo = [row for row in rows if row.kind == UserKind.JOB.value]
    jobs = await _jobs(hub, algo)
    humans = await hub.people.by_ids([row.human_id or 0 for row in algo]) if algo else []
    by_id = {one.id: one for one in humans if one is not None}
    return [
        job_user(row, jobs.get(row.job_id or 0), by_id.get(row.human_id or 0))
        if row.kind == UserKind.JOB.value
        else user(row)
        for row in rows
    ]


async def _jobs(hub: Hub, algo: Sequence[Any]) -> Mapping[int, Any]:
    ids = [row.job_id for row in algo if row.job_id is not None]
    found = await hub.catalog.by_ids(Job, ids) if ids else []
    return {one.id: one for one in found if one is not None}


def page(request: Request, items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the asked page of people, by user name unless told."""
    given = request.query_params
    return search.page(given, search.found(given, items, sort="username", order="asc"))


def csv(items: Sequence[dict[str, Any]], columns: Sequence[str]) -> bytes:
    """Return objects as CSV, first a line with the names of the columns."""
    lines = [",".join(columns)]
    lines += [",".join(_cell(item.get(name)) for name in columns) for item in items]
    return ("\r\n".join(lines) + "\r\n").encode()


def _cell(value: Any) -> str:
    """Return a cell, quoted where it must be; what a spreadsheet would run is made a text."""
    text = "" if value is None else str(value)
    if text[:1] in ("=", "+", "-", "@", "\t", "\r"):
        text = f"'{text}"
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(c in text for c in ',"\r\n') else text
