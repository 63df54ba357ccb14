"""``save_projection``: planes of a stack projected to a new image, by a job like any other.

The viewer waits for the new image's number, so the answer waits for the job, for a while. The
viewer asks by GET, which must not change anything for a page elsewhere: without the secret it is
taken only from a script of our own pages, which such a page cannot pretend to be.
"""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.jobs.service import FINISHED, Reference
from adapters.jobs.service import Request as Run
from store.errors import Invalid
from store.tables.jobs import JobState
from web.auth.identity import Kind
from web.rest.omero.gateway.viewing import view_of
from web.rest.omero.parameters import read
from web.rest.omero.resource import Answer, as_json, csrf_problem, form_of, message

PATIENCE = 60.0  # seconds
METHODS = {"intmax": "project.max", "intmean": "project.mean", "intsum": "project.sum"}
_WORDS = {"intmax": "maximum", "intmean": "mean", "intsum": "sum"}


async def save_projection(request: Request, hub: Hub) -> Answer:
    """Project planes `start` to `end` (from 0, included) of an image's stack to a new image."""
    if request.method in ("GET", "HEAD") and not _of_our_pages(request):
        why = await csrf_problem(request)
        if why is not None:
            return message(403, f"CSRF Failed: {why}")
    given: dict[str, Any] = dict(request.query_params)
    if request.method == "POST":
        given |= dict(await form_of(request))
    run = await _run(hub, given)
    job = await hub.jobs.submit(run)
    try:
        async with asyncio.timeout(PATIENCE):
            async for seen in hub.jobs.watch(job.id):
                job = seen
    except TimeoutError:
        return as_json({"job": job.id, "message": f"Job {job.id} is not done yet."}, 202)
    assert job.state in FINISHED
    if job.state != JobState.SUCCEEDED:
        return as_json({"error": f"Job {job.id} did not succeed: {job.error or job.state}"}, 409)
    made = (await hub.jobs.lineage([job.id]))[job.id]
    images = [
        one.target_id for one in made if one.direction == "out" and one.target_type == "image"
    ]
    return {"id": images[0]} if images else as_json({"error": "No image was made."}, 409)


def _of_our_pages(request: Request) -> bool:
    if request.state.caller.kind is Kind.BEARER:
        return True
    return request.headers.get("x-requested-with", "").lower() == "xmlhttprequest"


async def _run(hub: Hub, given: dict[str, Any]) -> Run:
    view = await view_of(hub, read(_text(given, "image")))
    method = _text(given, "projection")
    if method not in METHODS:
        raise Invalid("projection", f"{method[:20]!r} is not one of {', '.join(METHODS)}.")
    first, last = read(_text(given, "start")), read(_text(given, "end"))
    size = view.pixels.size_z or 0
    if not 0 <= first <= last < size:
        raise Invalid("start", f"{first} to {last} is not within 0 to {size - 1}.")
    dataset = given.get("dataset")
    return Run(
        METHODS[method],
        values={"axis": "z"},
        references={"image": Reference("image", view.image.id)},
        selection={"z": list(range(first, last + 1))},
        dataset_id=None if not isinstance(dataset, str) or not dataset else read(dataset),
        name=f"{view.image.name} ({_WORDS[method]} of z {first + 1}-{last + 1})"[:255],
    )


def _text(given: dict[str, Any], name: str) -> str:
    value = given.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(name, "this parameter is missing.")
    return value
