"""What jobs are given, kept as text whatever was sent."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request

from adapters.hub import Hub
from adapters.job_parameters import NewGiven
from store.catalog import receipt
from store.errors import HubError, Invalid
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.jobs import job_parameter
from web.rest.cytomine.resource import Answer, as_json, resource

PARAMETER = domain("JobParameter")


async def listing(request: Request, hub: Hub) -> Answer:
    """List what all jobs were given."""
    return sliced(request, await hub.job_parameters.all(), job_parameter)


async def of_job(request: Request, hub: Hub) -> Answer:
    """List what a job was given."""
    id = request.path_params["id"]
    await hub.external_jobs.get(id)
    return sliced(request, (await hub.job_parameters.of_jobs([id]))[id], job_parameter)


async def one(request: Request, hub: Hub) -> Answer:
    """Return one value with its parameter."""
    return job_parameter(await hub.job_parameters.get(request.path_params["id"]))


async def create(request: Request, hub: Hub) -> Answer:
    """Give a job a value, or each of an array, in one act."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        return await _many(hub, given)
    with receipt() as noted:
        (made,) = await hub.job_parameters.add([_read(given)])
        if isinstance(made, HubError):
            raise made
    item = job_parameter(await hub.job_parameters.get(made))
    return done("Add", PARAMETER, item, noted, f"JobParameter {made} added")


async def _many(hub: Hub, given: list[Any]) -> Answer:
    errors: list[dict[str, Any]] = []
    asked: list[tuple[Any, NewGiven]] = []
    for item in given:
        try:
            asked.append((item, _read(item)))
        except HubError as refused:
            errors.append({"data": item, "message": refused.message})
    made: list[int] = []
    found = await hub.job_parameters.add([one for _item, one in asked]) if asked else []
    for (item, _one), id in zip(asked, found, strict=True):
        if isinstance(id, HubError):
            errors.append({"data": item, "message": id.message})
        else:
            made.append(id)
    status = 200 if not errors else 206 if made else 400
    data: dict[str, Any] = {"message": f"jobparameters {','.join(map(str, made))} added"}
    if errors:
        data = {"success": False, **data, "errors": errors}
    return as_json({"status": status, "data": data}, status)


def _read(given: Any) -> NewGiven:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    return NewGiven(
        parameters.required(given, "job"),
        parameters.required(given, "softwareParameter"),
        _text(given.get("value")),
    )


def _text(value: Any) -> str | None:
    """Return any JSON value as the text that is kept of it."""
    if isinstance(value, dict | list):
        return orjson.dumps(value).decode()
    return parameters.text({"value": value}, "value")


async def change(request: Request, hub: Hub) -> Answer:
    """Give another value; one sent back as it is written changes nothing."""
    given = await parameters.object_of(request)
    seen = await hub.job_parameters.get(request.path_params["id"])
    text = _text(given.get("value"))
    with receipt() as noted:
        if "value" in given and text != job_parameter(seen)["value"]:
            seen = await hub.job_parameters.change(seen.id, text)
    return done("Edit", PARAMETER, job_parameter(seen), noted, f"JobParameter {seen.id} edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Take a value away."""
    with receipt() as noted:
        seen = await hub.job_parameters.remove(request.path_params["id"])
    text = f"JobParameter {seen.id} deleted"
    return done("Delete", PARAMETER, job_parameter(seen), noted, text)


ROUTES = [
    *resource("/api/jobparameter", get=listing, post=create),
    *resource("/api/jobparameter/{id:number}", get=one, put=change, delete=delete),
    *resource("/api/job/{id:number}/parameter", get=of_job),
    *resource("/api/job/{id:number}/jobparameter", get=of_job),
]
