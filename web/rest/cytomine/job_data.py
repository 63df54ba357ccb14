"""Files that jobs keep: announced, uploaded, downloaded, looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid
from store.tables.jobs import JobData
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, each, slice_of
from web.rest.cytomine.marshal.jobs import job_data
from web.rest.cytomine.received import base_name, received, sent
from web.rest.cytomine.resource import Answer, as_json, resource

DATA = domain("JobData")


async def _page(request: Request, hub: Hub, rows: Sequence[JobData]) -> dict[str, Any]:
    which = slice_of(request.query_params)
    stop = None if which.limit is None else which.offset + which.limit
    shown = rows[which.offset : stop]
    files = await hub.job_files.files(shown)
    return collection([job_data(row, files.get(row.id)) for row in shown], len(rows), which)


async def _written(hub: Hub, row: JobData) -> dict[str, Any]:
    return job_data(row, (await hub.job_files.files([row])).get(row.id))


async def listing(request: Request, hub: Hub) -> Answer:
    """List the files of all jobs."""
    return await _page(request, hub, await hub.job_files.all())


async def of_job(request: Request, hub: Hub) -> Answer:
    """List the files of a job."""
    id = request.path_params["id"]
    await hub.external_jobs.get(id)
    return await _page(request, hub, (await hub.job_files.of_jobs([id]))[id])


async def one(request: Request, hub: Hub) -> Answer:
    """Return a file of a job."""
    return await _written(hub, await hub.job_files.get(request.path_params["id"]))


async def create(request: Request, hub: Hub) -> Answer:
    """Announce a file of a job, or each of an array; its bytes are uploaded after."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda item: _created(hub, item), "jobdatas")
        return as_json(answer, status)
    with receipt() as noted:
        id = await _created(hub, given)
    row = await hub.job_files.get(id)
    return done("Add", DATA, job_data(row, None), noted, f"JobData {id} ({row.key}) added")


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    key, filename = parameters.text(given, "key"), parameters.text(given, "filename")
    if key is None or filename is None:
        raise Invalid("key" if key is None else "filename", "is needed.")
    (made,) = await hub.job_files.add([(parameters.required(given, "job"), key, filename)])
    return made.id


async def change(request: Request, hub: Hub) -> Answer:
    """Give a file of a job another key or name."""
    given = await parameters.object_of(request)
    row = await hub.job_files.get(request.path_params["id"])
    key, filename = parameters.text(given, "key"), parameters.text(given, "filename")
    key, filename = row.key if key is None else key, row.filename if filename is None else filename
    with receipt() as noted:
        if (key, filename) != (row.key, row.filename):
            row = await hub.job_files.change(row.id, key=key, filename=filename)
    item = await _written(hub, row)
    return done("Edit", DATA, item, noted, f"JobData {row.id} ({row.key}) edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a file of a job."""
    item = await one(request, hub)
    assert isinstance(item, dict)
    with receipt() as noted:
        row = await hub.job_files.remove(item["id"])
    return done("Delete", DATA, item, noted, f"JobData {row.id} ({row.key}) deleted")


async def upload(request: Request, hub: Hub) -> Answer:
    """Keep the bytes of a file of a job: of a form's one file, or the whole body."""
    row = await hub.job_files.get(request.path_params["id"])
    async with received(request) as (_name, source):
        row = await hub.job_files.keep(row.id, source)
    return await _written(hub, row)


async def download(request: Request, hub: Hub) -> Answer:
    """Send the bytes of a file of a job, to be saved."""
    return await _sent(request, hub, inline=False)


async def view(request: Request, hub: Hub) -> Answer:
    """Send the bytes of a file of a job, to be shown if they are a picture or text."""
    return await _sent(request, hub, inline=True)


async def _sent(request: Request, hub: Hub, *, inline: bool) -> Answer:
    row, file, found = await hub.job_files.located(request.path_params["id"])
    return await sent(request, base_name(row.filename), file.media_type, found, inline=inline)


ROUTES = [
    *resource("/api/jobdata", get=listing, post=create),
    *resource("/api/jobdata/{id:number}", get=one, put=change, delete=delete),
    *resource("/api/jobdata/{id:number}/upload", put=upload, post=upload),
    *resource("/api/jobdata/{id:number}/download", get=download),
    *resource("/api/jobdata/{id:number}/view", get=view),
    *resource("/api/job/{id:number}/jobdata", get=of_job),
]
