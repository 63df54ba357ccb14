"""What was done, taking it back, and doing it again.

A command undoes as a whole, whatever it was: an array that was sent, a region with its terms, a
project with what was drawn in it. Answers name what came, went or changed by its class and id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request

from adapters.filters import AllOf, Condition, Filter
from adapters.history import Step, TakenBack, Touched
from adapters.hub import Hub
from adapters.roles import is_administrator
from store.errors import Forbidden, NotFound
from store.tables.containers import Project
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import Domain, domain, named
from web.rest.cytomine.envelope import collection, slice_of
from web.rest.cytomine.resource import Answer, resource

# What a command is about, if it touched several nouns: the first of these that it touched.
_CLASSES: dict[str, str] = {
    "project": "Project", "ontology": "Ontology", "term": "Term", "roi": "UserAnnotation",
    "placement": "ImageInstance", "image": "AbstractImage", "dataset_image": "ImageInstance",
    "stored_file": "UploadedFile", "storage": "Storage", "track": "Track",
    "roi_term": "AnnotationTerm", "roi_track": "AnnotationTrack", "relation_term": "RelationTerm",
    "key_value": "Property", "annotation": "Tag", "annotation_link": "TagDomainAssociation",
    "default_layer": "ProjectDefaultLayer",
    "project_representative": "ProjectRepresentativeUser", "operation": "Software",
    "port": "SoftwareParameter", "project_operation": "SoftwareProject", "job": "Job",
    "job_parameter": "JobParameter", "job_data": "JobData", "user": "User", "group": "Group",
    "image_group": "ImageGroup", "image_group_item": "ImageGroupImageInstance",
    "roi_group": "AnnotationGroup", "roi_group_item": "AnnotationLink",
}  # fmt: skip
_VERBS = {"show": "Add", "hide": "Delete", "set": "Edit"}
_TAKEN_BACK = {"Add": "Delete", "Delete": "Add", "Edit": "Edit"}
_KINDS = {"Add": "ADD", "Delete": "DELETE", "Edit": "EDIT"}
NOTHING = {"callback": None, "printMessage": True, "success": True}


def subject(steps: Sequence[Touched | Step]) -> tuple[str, Domain | None, int | None]:
    """Return what a command did in a word, to what, and the first of it."""
    by_noun: dict[str, Touched | Step] = {}
    for step in steps:
        by_noun.setdefault(step.noun, step)
    for noun, name in _CLASSES.items():
        if noun in by_noun:
            step = by_noun[noun]
            return _VERBS[step.kind], domain(name), step.first_id
    return "Edit", None, None


async def undo(request: Request, hub: Hub) -> Answer:
    """Take the caller's last command back, or the one named."""
    return await _taken_back(request, hub, undone=True)


async def redo(request: Request, hub: Hub) -> Answer:
    """Do the caller's last undone command again, or the one named."""
    return await _taken_back(request, hub, undone=False)


async def _taken_back(request: Request, hub: Hub, *, undone: bool) -> Answer:
    id = request.path_params.get("id")
    try:
        found = await (hub.history.undo(id) if undone else hub.history.redo(id))
    except NotFound as error:
        if id is not None or error.fields.get("noun") != "command":
            raise
        word = "undo" if undone else "redo"
        item = {**NOTHING, "message": f"There is nothing to {word}."}
        return collection([item], 1, slice_of({}))
    items = [await _result(hub, found, undone=undone)]
    return collection(items, 1, slice_of({}))


async def _result(hub: Hub, found: TakenBack, *, undone: bool) -> dict[str, Any]:
    steps = (await hub.history.nouns([found.affected.id]))[found.affected.id]
    verb, kind, id = subject(steps)
    verb = _TAKEN_BACK[verb] if undone else verb
    answer: dict[str, Any] = {
        "message": found.command.summary,
        "callback": None,
        "printMessage": True,
        "success": True,
        "command": found.affected.id,
    }
    if kind is not None:
        callback = {"method": f"be.cytomine.{verb}{kind.name}Command"}
        callback[f"{kind.name.lower()}ID"] = str(id)
        for key, value in (("projectID", found.affected.project_id),):
            if value is not None:
                callback[key] = str(value)
        answer |= {"callback": callback, kind.key: {"class": kind.java, "id": id}}
    return answer


# lists


async def history(request: Request, hub: Hub) -> Answer:
    """List what was done that the caller may know of, the newest first."""
    return await _listed(request, hub, None)


async def history_of_project(request: Request, hub: Hub) -> Answer:
    """List what was done in a project, the newest first."""
    id = request.path_params["id"]
    await hub.catalog.one(Project, id)
    return await _listed(request, hub, id)


async def last_of_project(request: Request, hub: Hub) -> Answer:
    """List the last things done in a project, at most so many."""
    id, most = request.path_params["id"], request.path_params["most"]
    await hub.catalog.one(Project, id)
    rows = await hub.history.window(Condition("project_id", "eq", id), 0, min(most, 1000))
    items = await _written(hub, rows, full=False)
    return collection(items, len(items), slice_of({}))


async def _listed(request: Request, hub: Hub, project_id: int | None) -> dict[str, Any]:
    given = request.query_params
    which = slice_of(given)
    narrowed = _narrowed(given, project_id)
    rows = await hub.history.window(narrowed, which.offset, which.limit)
    total = which.offset + len(rows)
    if not rows or (which.limit is not None and len(rows) == which.limit):
        total = await hub.history.count(narrowed)
    items = await _written(hub, rows, full=parameters.flag(given, "fullData"))
    return collection(items, total, which)


def _narrowed(given: Mapping[str, Any], project_id: int | None) -> Filter:
    tests: list[Filter] = []
    asked = {
        "project_id": ("eq", parameters.whole(given, "project", project_id)),
        "user_id": ("eq", parameters.whole(given, "user")),
    }
    for field, (op, value) in asked.items():
        if value is not None:
            tests.append(Condition(field, op, value))
    since, until = (parameters.whole(given, name) for name in ("startDate", "endDate"))
    if since is not None:
        tests.append(Condition("at", "gte", since))
    if until is not None:
        tests.append(Condition("at", "lte", until))
    return AllOf(tests)


async def _written(hub: Hub, rows: Sequence[Any], *, full: bool) -> list[dict[str, Any]]:
    """Write commands as lines of a history."""
    people = await hub.people.by_ids([row.user_id for row in rows]) if rows else []
    data = await hub.history.changes([row.id for row in rows]) if full and rows else {}
    items = []
    for row, person in zip(rows, people, strict=True):
        name = "?" if person is None else person.username
        prefix = "" if row.undoes_id is None else row.verb.upper()
        item = {
            "id": row.id,
            "created": str(row.at),
            "prefixAction": prefix,
            "action": f"{row.summary} by {name}",
            "message": row.summary,
            "user": row.user_id,
            "username": name,
            "project": row.project_id,
            "command": row.id if row.undoes_id is None else row.undoes_id,
        }
        items.append(item | {"data": _data(data.get(row.id, []))} if full else item)
    return items


def _data(steps: Sequence[Step]) -> str:
    """Return values before and after as the text such clients expect; hidden ones are left out."""
    values: dict[str, Any] = {}
    for step in steps:
        for word, held in (("previous", step.before), ("new", step.after)):
            for name, value in (held or {}).items():
                values[f"{word}{name[:1].upper()}{name[1:]}"] = value
    return orjson.dumps(values, option=orjson.OPT_NON_STR_KEYS).decode()


async def one_command(request: Request, hub: Hub) -> Answer:
    """Return a command: what was done, by whom, to what."""
    id = request.path_params["id"]
    found = await hub.history.many([id])
    if id not in found:
        raise NotFound("command", id)
    (item,) = await _commands(hub, [found[id]])
    return item


async def _commands(hub: Hub, rows: Sequence[Any]) -> list[dict[str, Any]]:
    steps = await hub.history.changes([row.id for row in rows]) if rows else {}
    people = await hub.people.by_ids([row.user_id for row in rows]) if rows else []
    items = []
    for row, person in zip(rows, people, strict=True):
        verb, kind, id = subject(steps[row.id])
        name = "?" if person is None else person.username
        data = _data(steps[row.id])
        if verb == "Delete" and kind is not None:
            data = orjson.dumps({"class": kind.java, "id": id}).decode()
        items.append(
            {
                "id": row.id,
                "CLASSNAME": f"be.cytomine.command.{verb}Command",
                "serviceName": ""
                if kind is None
                else f"{kind.name[0].lower()}{kind.name[1:]}Service",
                "action": f"{row.summary} by {name}",
                "data": data,
                "user": row.user_id,
                "type": _KINDS[verb],
                "created": str(row.at),
            }
        )
    return items


async def deletions(request: Request, hub: Hub) -> Answer:
    """List what was deleted, of one class if told and since a moment; for administrators."""
    given = request.query_params
    if not is_administrator(hub.actor):
        raise Forbidden("list the deletions of", "hub", "this", "only an administrator may.")
    wanted = None if not given.get("domain") else named(given["domain"])
    after = parameters.whole(given, "after")
    tests: list[Filter] = [Condition("verb", "contains", "delete")]
    if after is not None:
        tests.append(Condition("at", "gt", after))
    rows = await hub.history.window(AllOf(tests))
    nouns = await hub.history.nouns([row.id for row in rows])
    kept = [
        row for row in rows if wanted is None or subject(nouns[row.id])[:2] == ("Delete", wanted)
    ]
    which = slice_of(given)
    stop = None if which.limit is None else which.offset + which.limit
    return collection(await _commands(hub, kept[which.offset : stop]), len(kept), which)


ROUTES = [
    *(
        route
        for root in ("", "/api")
        for path, view in (("undo", undo), ("redo", redo))
        for route in (
            *resource(f"{root}/command/{path}", get=view, post=view),
            *resource(f"{root}/command/{{id:number}}/{path}", get=view, post=view),
        )
    ),
    *resource("/api/command/{id:number}", get=one_command),
    *resource("/api/commandhistory", get=history),
    *resource("/api/deletecommand", get=deletions),
    *resource("/api/project/{id:number}/commandhistory", get=history_of_project),
    *resource("/api/project/{id:number}/last/{most:number}", get=last_of_project),
]
