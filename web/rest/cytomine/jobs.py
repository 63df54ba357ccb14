"""Jobs: opened, watched, told how they go, run by the hub where it can, and cleared.

A job of software elsewhere is carried out by whoever holds the keys of its account (`user_jobs`).
``execute`` is for what the hub runs itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.external import is_external
from adapters.external_jobs import NUMBERS
from adapters.filters import AllOf, AnyOf, Condition, Filter, Not
from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Conflict, Invalid, NotFound
from store.tables.annotations import AnnotationKind
from store.tables.jobs import Job, JobState
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, each, slice_of, sliced
from web.rest.cytomine.marshal.jobs import job, job_template, state_of, status_of
from web.rest.cytomine.marshal.users import common
from web.rest.cytomine.resource import Answer, as_json, resource

JOB, TEMPLATE = domain("Job"), domain("JobTemplate")
LOG = "log.out"
_FIELDS = {
    "id": "id", "created": "created_at", "updated": "updated_at", "status": "standing",
    "progress": "progress", "number": "number", "statusComment": "comment",
    "favorite": "favorite", "rate": "rate", "project": "project_id", "software": "operation_id",
    "softwareName": "operation_name", "username": "human", "userJob": "user_job_id",
}  # fmt: skip
_WORDS = frozenset({"statusComment", "softwareName", "username"})
_OPERATORS = {"equals": "eq", "lte": "lte", "gte": "gte"}


async def written(hub: Hub, rows: Sequence[Job], *, with_parameters: bool) -> list[dict[str, Any]]:
    """Write jobs with the names of what they run and who asked; a constant number of statements."""
    operations = await hub.external.many(sorted({row.operation_id for row in rows}))
    owners = sorted({row.owner_id for row in rows})
    people = await hub.people.by_ids(owners) if owners else []
    humans = {one.id: one for one in people if one is not None}
    ids = [row.id for row in rows]
    given = await hub.job_parameters.of_jobs(ids) if with_parameters else {}
    return [
        job(row, operations.get(row.operation_id), humans.get(row.owner_id), given.get(row.id))
        for row in rows
    ]


async def whole(hub: Hub, row: Job) -> dict[str, Any]:
    """Write one job with its parameters."""
    (item,) = await written(hub, [row], with_parameters=True)
    return item


async def listing(request: Request, hub: Hub) -> Answer:
    """List jobs, of some projects and software; ``light`` leaves out what takes time."""
    given, which = request.query_params, slice_of(request.query_params)
    where: list[Filter] = [_test(test) for test in search.tests_of(given)]
    for name, field in (("project", "project_id"), ("software", "operation_id")):
        wanted = parameters.ids(given, name)
        if wanted is not None:
            where.append(Condition(field, "in", wanted))
    window = await hub.external_jobs.window(
        AllOf(where),
        order=_FIELDS.get(given.get("sort", "created"), "created_at"),
        descending=given.get("order", "desc").lower() != "asc",
        offset=which.offset,
        limit=which.limit,
    )
    light = parameters.flag(given, "light")
    items = await written(
        hub,
        window.rows,
        with_parameters=parameters.flag(given, "withJobParameters") and not light,
    )
    if parameters.flag(given, "withUser"):
        for item, row in zip(items, window.rows, strict=True):
            item["user"] = row.owner_id
    return collection(items, window.total, which)


def _test(test: search.Test) -> Filter:
    field = _FIELDS.get(test.field)
    if field is None:
        raise Invalid(f"{test.field}[{test.op}]", "there is no such field to filter by.")
    words = test.field in _WORDS

    def value(text: str) -> Any:
        if words:
            return text
        if test.field == "favorite":
            return parameters.flag({"favorite": text}, "favorite")
        if test.field == "rate":
            return parameters.decimal({"rate": text}, "rate")
        return parameters.read_whole(test.field, text.strip())

    match test.op:
        case "in":
            return Condition(field, "in", [value(one) for one in test.value.split(",")])
        case "nequals":
            differs = Not(Condition(field, "eq", value(test.value)))
            return AnyOf([differs, Condition(field, "is_null", True)])
        case "like" | "ilike":
            if not words:
                return Condition(field, "eq", value(test.value))
            parts = [part for part in test.value.replace("%", "*").split("*") if part]
            return AllOf([Condition(field, "contains", part) for part in parts])
        case _:
            return Condition(field, _OPERATORS[test.op], value(test.value))


async def one(request: Request, hub: Hub) -> Answer:
    """Return a job with its parameters."""
    return await whole(hub, await _named(request, hub))


async def _named(request: Request, hub: Hub) -> Job:
    """Return the job of an address. Raises NotFound, also for a template."""
    row = await hub.external_jobs.get(request.path_params["id"])
    if row.number < 1:
        raise NotFound("job", row.id)
    return row


async def create(request: Request, hub: Hub) -> Answer:
    """Open a job of a software in a project, with an account of its own; or each of an array."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda item: _created(hub, item), "jobs")
        return as_json(answer, status)
    with receipt() as noted:
        id = await _created(hub, given)
    row = await hub.external_jobs.get(id)
    item = await whole(hub, row)
    return done("Add", JOB, item, noted, f"Job {id} added", projectID=row.project_id)


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    made = await hub.external_jobs.open(
        parameters.required(given, "software"), parameters.required(given, "project")
    )
    return made.id


async def change(request: Request, hub: Hub) -> Answer:
    """Tell how a job goes: status, progress, comment, rate; what is sent back changes nothing."""
    given, row = await parameters.object_of(request), await _named(request, hub)
    status = parameters.whole(given, "status")
    now = job(row, None, None)
    comment = parameters.text(given, "statusComment")
    changed = row
    with receipt() as noted:
        changed = await hub.external_jobs.report(
            row.id,
            state=None if status in (None, status_of(row.state)) else state_of(status),
            progress=parameters.whole(given, "progress"),
            comment=None if comment == now["statusComment"] else comment,
            rate=parameters.decimal(given, "rate"),
        )
    item = await whole(hub, changed)
    return done("Edit", JOB, item, noted, f"Job {row.id} edited", projectID=row.project_id)


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a job with its account and all that it made, unless something was reviewed."""
    row = await _named(request, hub)
    item = await whole(hub, row)
    with receipt() as noted:
        await _unless_held(hub.external_jobs.remove(row.id))
    return done("Delete", JOB, item, noted, f"Job {row.id} deleted", projectID=row.project_id)


async def _unless_held(work: Any) -> Any:
    """Wait for a deletion; what stands in its way is a bad request in this dialect."""
    try:
        return await work
    except Conflict as held:
        raise Invalid("job", held.message) from held


async def execute(request: Request, hub: Hub) -> Answer:
    """Have the hub run a job of one of its own operations, on the images of its parameters."""
    row = await _named(request, hub)
    try:
        return await whole(hub, await hub.jobs.start(row.id))
    except Conflict as refused:
        raise Invalid("job", refused.message) from refused


async def kill(request: Request, hub: Hub) -> Answer:
    """Stop a job: the hub's own at once, another's when it next tells how it goes."""
    row = await _named(request, hub)
    operation = await hub.external.get(row.operation_id)
    if is_external(operation) or row.state == JobState.NOT_LAUNCHED:
        killed = await hub.external_jobs.kill(row.id)
    else:
        killed = await _unless_held(hub.jobs.cancel(row.id))
    return await whole(hub, killed)


async def copy(request: Request, hub: Hub) -> Answer:
    """Open another job with the same parameters."""
    seen = await _named(request, hub)
    with receipt() as noted:
        row = await hub.external_jobs.copy(seen.id)
    item = await whole(hub, row)
    return done("Add", JOB, item, noted, f"Job {row.id} added", projectID=row.project_id)


async def favorite(request: Request, hub: Hub) -> Answer:
    """Keep a job from being purged, or no longer."""
    given = await parameters.object_of(request)
    wanted = parameters.flag({**request.query_params, **given}, "favorite", True)
    row = await hub.external_jobs.favor((await _named(request, hub)).id, wanted)
    return await whole(hub, row)


async def log(request: Request, hub: Hub) -> Answer:
    """Return the log of a job as an attached file: the one sent, else the lines the hub has."""
    row = await _named(request, hub)
    target = ("job", row.id)
    listed = (await hub.annotation_links.on([target]))[target]
    files = [one for one in listed if one.annotation.kind == AnnotationKind.FILE.value]
    kept = await hub.annotations.files_of([one.annotation.id for one in files]) if files else {}
    for one in reversed(files):
        file = kept.get(one.annotation.id)
        if file is not None and file.name == LOG:
            return _log(row, one.link_id, file.name, f"/api/attachedfile/{one.link_id}/download")
    if not (await hub.jobs.log([row.id]))[row.id]:
        raise NotFound("the log of job", row.id)
    return _log(row, row.id, LOG, f"/api/job/{row.id}/log/download")


def _log(row: Job, id: int, filename: str, url: str) -> dict[str, Any]:
    return common("AttachedFile", id, row.created_at) | {
        "domainClassName": JOB.java,
        "domainIdent": row.id,
        "filename": filename,
        "key": None,
        "url": url,
    }


async def log_text(request: Request, hub: Hub) -> Answer:
    """Send the lines that the hub has of a job, as text."""
    row = await _named(request, hub)
    lines = (await hub.jobs.log([row.id]))[row.id]
    text = "".join(f"{line.at} {line.level} {line.message}\n" for line in lines)
    return Response(text, media_type="text/plain; charset=utf-8")


async def all_data(request: Request, hub: Hub) -> Answer:
    """Count what a job made."""
    made = await hub.external_jobs.made((await _named(request, hub)).id)
    return _counts(made)


async def clear(request: Request, hub: Hub) -> Answer:
    """Delete what a job made, and keep the job; refused once something was reviewed."""
    row = await _named(request, hub)
    return _counts(await _unless_held(hub.external_jobs.clear(row.id))) | {"message": "OK"}


def _counts(made: dict[str, int]) -> dict[str, int]:
    return {
        "annotations": made["regions"],
        "annotationsTerm": made["terms"],
        "jobDatas": made["files"],
        "reviewed": made["reviewed"],
    }


async def purge(request: Request, hub: Hub) -> Answer:
    """Delete what the ended jobs of a project made, but for favorites and what was reviewed."""
    cleared = await hub.external_jobs.purge(request.path_params["id"])
    return {"message": "OK", "jobs": cleared, "size": len(cleared)}


async def bounds(request: Request, hub: Hub) -> Answer:
    """Return the least and greatest figures of a project's jobs."""
    span = await hub.external_jobs.span(request.path_params["id"])
    names = {"created": "created_at", "updated": "updated_at"}
    found: dict[str, Any] = {
        name: {"min": _text(span[ours][0]), "max": _text(span[ours][1])}
        for name, ours in names.items()
    }
    found |= {name: {"min": span[name][0], "max": span[name][1]} for name in ("number", "progress")}
    return found | {"status": {"list": sorted(set(NUMBERS.values()))}}


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


# templates


async def templates(request: Request, hub: Hub) -> Answer:
    """List the templates of all projects."""
    return sliced(request, await hub.external_jobs.every_template(), job_template)


async def templates_of(request: Request, hub: Hub) -> Answer:
    """List the templates of a project."""
    rows = await hub.external_jobs.templates(request.path_params["id"])
    wanted = parameters.whole(request.query_params, "software")
    kept = [row for row in rows if wanted in (None, row.operation_id)]
    return sliced(request, kept, job_template)


async def _template(request: Request, hub: Hub) -> Job:
    row = await hub.external_jobs.get(request.path_params["id"])
    if row.number > 0:
        raise NotFound("job template", row.id)
    return row


async def one_template(request: Request, hub: Hub) -> Answer:
    """Return a template."""
    return job_template(await _template(request, hub))


async def create_template(request: Request, hub: Hub) -> Answer:
    """Keep a software under a name, to be given parameters as a job is."""
    given = await parameters.object_of(request)
    with receipt() as noted:
        row = await hub.external_jobs.add_template(
            parameters.text(given, "name") or "",
            parameters.required(given, "software"),
            parameters.required(given, "project"),
        )
    return done("Add", TEMPLATE, job_template(row), noted, f"JobTemplate {row.id} added")


async def change_template(request: Request, hub: Hub) -> Answer:
    """Give a template another name."""
    given, row = await parameters.object_of(request), await _template(request, hub)
    name = parameters.text(given, "name")
    with receipt() as noted:
        if name is not None and name != job_template(row)["name"]:
            row = await hub.external_jobs.rename_template(row.id, name)
    return done("Edit", TEMPLATE, job_template(row), noted, f"JobTemplate {row.id} edited")


async def delete_template(request: Request, hub: Hub) -> Answer:
    """Delete a template."""
    row = await _template(request, hub)
    with receipt() as noted:
        await hub.external_jobs.remove(row.id)
    return done("Delete", TEMPLATE, job_template(row), noted, f"JobTemplate {row.id} deleted")


ROUTES = [
    *resource("/api/job", get=listing, post=create),
    *resource("/api/job/{id:number}", get=one, put=change, delete=delete),
    *resource("/api/job/{id:number}/execute", get=execute, post=execute),
    *resource("/api/job/{id:number}/kill", get=kill, post=kill),
    *resource("/api/job/{id:number}/copy", post=copy),
    *resource("/api/job/{id:number}/log", get=log),
    *resource("/api/job/{id:number}/log/download", get=log_text, suffix=False),
    *resource("/api/job/{id:number}/favorite", post=favorite),
    *resource("/api/job/{id:number}/alldata", get=all_data, delete=clear),
    *resource("/api/project/{id:number}/job/purge", post=purge),
    *resource("/api/project/{id:number}/bounds/job", get=bounds),
    *resource("/api/jobtemplate", get=templates, post=create_template),
    *resource(
        "/api/jobtemplate/{id:number}",
        get=one_template,
        put=change_template,
        delete=delete_template,
    ),
    *resource("/api/project/{id:number}/jobtemplate", get=templates_of),
]
