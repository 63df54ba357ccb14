"""Projects: lists with their counts and filters, single ones, and which are opened most lately."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.members import Member, Standing
from store.catalog import receipt
from store.errors import Conflict, Invalid
from store.tables.containers import Project, ProjectMode
from store.tables.ontologies import Ontology
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done
from web.rest.cytomine.marshal.projects import counts, project
from web.rest.cytomine.resource import Answer, resource

PROJECT = domain("Project")
COUNTED = tuple(counts(None))
BOUNDED = (*COUNTED, "membersCount")
_FLAGS = {
    "blindMode": "blind",
    "areImagesDownloadable": "downloadable",
    "isClosed": "closed",
    "hideUsersLayers": "hide_members",
    "hideAdminsLayers": "hide_managers",
}
_MODES = {
    "classic": ProjectMode.CLASSIC,
    "restricted": ProjectMode.RESTRICTED,
    "readonly": ProjectMode.READ_ONLY,
    "read_only": ProjectMode.READ_ONLY,
}


async def written(hub: Hub, rows: Sequence[Any], *, counted: bool = True) -> list[dict[str, Any]]:
    """Write projects with their ontologies' names and, unless told, their counts."""
    wanted = sorted({row.ontology_id for row in rows if row.ontology_id is not None})
    ontologies = await hub.catalog.by_ids(Ontology, wanted) if wanted else []
    names = {one.id: one.name for one in ontologies if one is not None}
    figures = await hub.projects.figures([row.id for row in rows]) if counted and rows else {}
    return [project(row, names.get(row.ontology_id or 0), figures.get(row.id)) for row in rows]


async def listed(request: Request, hub: Hub, rows: Sequence[Any]) -> dict[str, Any]:
    """Return a page of projects, narrowed and sorted as asked.

    What only the page needs is asked for the page alone, unless it decides what the page is.
    """
    given = request.query_params
    first = search.asks_for(given, COUNTED)
    items = await written(hub, rows, counted=first)
    also = await _asked(request, hub, items)
    kept = search.found(given, items, also={name: _of(values) for name, values in also.items()})
    answer = search.page(given, kept)
    shown: list[dict[str, Any]] = answer["collection"]
    ids = [item["id"] for item in shown]
    if not first:
        figures = await hub.projects.figures(ids) if ids else {}
        for item in shown:
            item |= counts(figures[item["id"]])
    await _more(request, hub, shown, {row.id: row for row in rows})
    return answer


def _of(values: Mapping[int, Any]) -> Any:
    return lambda item: values.get(item["id"])


async def _asked(
    request: Request, hub: Hub, items: Sequence[dict[str, Any]]
) -> dict[str, dict[int, Any]]:
    """Return what is filtered or sorted by and not written otherwise."""
    given, ids = request.query_params, [item["id"] for item in items]
    found: dict[str, dict[int, Any]] = {}
    if search.asks_for(given, ("membersCount", "currentUserRole")):
        members = await hub.members.of(ids)
        found["membersCount"] = {id: len(there) for id, there in members.items()}
        found["currentUserRole"] = {id: _role(hub, there) for id, there in members.items()}
    if search.asks_for(given, ("lastActivity",)):
        found["lastActivity"] = dict(await hub.projects.last_changes(ids))
    for test in search.tests_of(given):
        if test.field == "tag":
            tags = [parameters.read_whole("tag", one) for one in test.value.split(",")]
            tagged = await hub.projects.tagged(tags)
            found["tag"] = {id: tags if id in tagged else None for id in ids}
    return found


def _role(hub: Hub, members: Sequence[Member]) -> str | None:
    mine = next((one for one in members if one.user_id == hub.actor.user_id), None)
    if mine is None:
        return None
    return "manager" if mine.manages else "contributor"


async def _more(
    request: Request, hub: Hub, shown: Sequence[dict[str, Any]], rows: Mapping[int, Any]
) -> None:
    """Add what a list was asked to have besides."""
    given, ids = request.query_params, [item["id"] for item in shown]
    with_roles = parameters.flag(given, "withCurrentUserRoles")
    if with_roles or parameters.flag(given, "withMembersCount"):
        members = await hub.members.of(ids)
        named = dict(zip(ids, await hub.layers.representatives(ids), strict=True))
        for item in shown:
            there = members.get(item["id"], [])
            item["membersCount"] = len(there)
            if with_roles:
                item["currentUserRoles"] = {
                    "admin": _role(hub, there) == "manager",
                    "representative": any(
                        one.user_id == hub.actor.user_id for one in named[item["id"]]
                    ),
                }
    if parameters.flag(given, "withLastActivity"):
        latest = await hub.projects.last_changes(ids)
        for item in shown:
            at = latest.get(item["id"])
            item["lastActivity"] = None if at is None else str(at)
    if parameters.flag(given, "withDescription"):
        for item in shown:
            item["description"] = rows[item["id"]].description or ""


async def projects(request: Request, hub: Hub) -> Answer:
    """List the projects that the caller sees."""
    return await listed(request, hub, await hub.projects.all())


async def projects_of_user(request: Request, hub: Hub) -> Answer:
    """List the projects that somebody is a member of, of those the caller sees."""
    user_id = request.path_params["id"]
    await hub.people.get(user_id)
    mine = await hub.members.projects_of(user_id)
    return await listed(request, hub, await hub.projects.by_ids(sorted(mine)))


async def light_projects_of_user(request: Request, hub: Hub) -> Answer:
    """List id and name of somebody's projects: those they manage, are in, or made."""
    user_id, given = request.path_params["id"], request.query_params
    await hub.people.get(user_id)
    mine = await hub.members.projects_of(user_id)
    asked = {name: parameters.flag(given, name) for name in ("admin", "creator", "user")}
    if asked["creator"]:
        mine = {id: one for id, one in mine.items() if one is Standing.OWNER}
    elif asked["admin"]:
        mine = {id: one for id, one in mine.items() if one >= Standing.MANAGER}
    elif asked["user"]:
        mine = {id: one for id, one in mine.items() if one < Standing.MANAGER}
    rows = await hub.projects.by_ids(sorted(mine))
    return search.page(given, [{"id": row.id, "name": row.name} for row in rows])


async def projects_of_ontology(request: Request, hub: Hub) -> Answer:
    """List the projects that use an ontology."""
    return await listed(request, hub, await hub.projects.using(request.path_params["id"]))


async def projects_of_software(request: Request, hub: Hub) -> Answer:
    """List the projects that offer a software."""
    return await listed(request, hub, await hub.projects.offering(request.path_params["id"]))


async def one_project(request: Request, hub: Hub) -> Answer:
    """Return a project."""
    (row,) = await _seen(hub, request.path_params["id"])
    (item,) = await written(hub, [row])
    await _more(request, hub, [item], {row.id: row})
    return item


async def _seen(hub: Hub, id: int) -> list[Any]:
    return [await hub.catalog.one(Project, id)]


async def create(request: Request, hub: Hub) -> Answer:
    """Make a project; its maker manages and represents it. A name that is there is a conflict."""
    given = await parameters.object_of(request)
    name = parameters.text(given, "name")
    if name is None:
        raise Invalid("name", "is needed.")
    with receipt() as noted:
        made = await hub.projects.create(
            name,
            ontology_id=_ontology(given),
            members=parameters.ids(given, "users") or (),
            managers=parameters.ids(given, "admins") or (),
            **settings(given, ProjectMode.CLASSIC),
        )
    (item,) = await written(hub, [made])
    return done("Add", PROJECT, item, noted, f"Project {made.id} ({made.name}) added",
                projectID=made.id)  # fmt: skip


async def change(request: Request, hub: Hub) -> Answer:
    """Change a project; what is left out stays. Lists of users or admins replace the present ones.

    Another ontology is refused while regions bear terms of the old one, unless
    ``forceOntologyUpdate`` takes these off.
    """
    id, given = request.path_params["id"], await parameters.object_of(request)
    (seen,) = await _seen(hub, id)
    fields: dict[str, Any] = settings(given, ProjectMode(seen.mode))
    name = parameters.text(given, "name")
    if name is not None:
        fields["name"] = name
    if "ontology" in given:
        fields["ontology_id"] = _ontology(given)
    force = parameters.flag(request.query_params, "forceOntologyUpdate")
    force = force or parameters.flag(given, "forceOntologyUpdate")
    with receipt() as noted:
        try:
            stored = await hub.projects.change(
                id,
                members=parameters.ids(given, "users"),
                managers=parameters.ids(given, "admins"),
                drop_terms=force,
                **fields,
            )
        except Conflict as error:
            if "ontology_id" in fields and error.fields.get("terms"):
                raise Invalid("ontology", error.message) from error
            raise
    (item,) = await written(hub, [stored])
    return done("Edit", PROJECT, item, noted, f"Project {id} ({stored.name}) edited", projectID=id)


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a project with the regions drawn in it; its images stay. Undo brings it back."""
    id = request.path_params["id"]
    (seen,) = await _seen(hub, id)
    (item,) = await written(hub, [seen])
    with receipt() as noted:
        await hub.projects.delete(id)
    return done("Delete", PROJECT, item, noted, f"Project {id} ({seen.name}) deleted",
                projectID=id)  # fmt: skip


def settings(given: Mapping[str, Any], mode: ProjectMode) -> dict[str, Any]:
    """Return the settings that a body gives; `mode` is the present one. Raises Invalid."""
    chosen: dict[str, Any] = {
        ours: parameters.flag(given, theirs)
        for theirs, ours in _FLAGS.items()
        if given.get(theirs) is not None
    }
    word = parameters.text(given, "mode")
    if word is not None:
        if word.strip().lower() not in _MODES:
            raise Invalid("mode", f"is one of {', '.join(_MODES)}.")
        chosen["mode"] = _MODES[word.strip().lower()].value
    elif given.get("isReadOnly") is not None or given.get("isRestricted") is not None:
        read_only = parameters.flag(given, "isReadOnly", mode is ProjectMode.READ_ONLY)
        restricted = parameters.flag(given, "isRestricted", mode is ProjectMode.RESTRICTED)
        narrowed = ProjectMode.RESTRICTED if restricted else ProjectMode.CLASSIC
        chosen["mode"] = (ProjectMode.READ_ONLY if read_only else narrowed).value
    return chosen


def _ontology(given: Mapping[str, Any]) -> int | None:
    value = given.get("ontology")
    return parameters.whole({"ontology": value.get("id")} if isinstance(value, dict) else given,
                            "ontology")  # fmt: skip


async def bounds(request: Request, hub: Hub) -> Answer:
    """Return the least and the greatest count among the projects that the caller sees."""
    rows = await hub.projects.all()
    items = await written(hub, rows)
    members = await hub.members.of([row.id for row in rows])
    for item in items:
        item["membersCount"] = len(members.get(item["id"], []))
    return {
        name: {
            "min": min((item[name] for item in items), default=None),
            "max": max((item[name] for item in items), default=None),
        }
        for name in BOUNDED
    }


async def last_opened(request: Request, hub: Hub) -> Answer:
    """List the projects by when the caller opened them last, then those never opened."""
    opened = await hub.activity.opened_projects()
    rows = sorted(
        await hub.projects.all(), key=lambda row: (opened.get(row.id, 0), row.id), reverse=True
    )
    items = [
        {
            "id": row.id,
            "name": row.name,
            "opened": row.id in opened,
            "date": str(opened.get(row.id, row.created_at)),
        }
        for row in rows
    ]
    return search.page(request.query_params, items)


ROUTES = [
    *resource("/api/project", get=projects, post=create),
    *resource("/api/bounds/project", get=bounds),
    *resource("/api/project/method/lastopened", get=last_opened),
    *resource("/api/project/{id:number}", get=one_project, put=change, delete=delete),
    *resource("/api/user/{id:number}/project", get=projects_of_user),
    *resource("/api/user/{id:number}/project/light", get=light_projects_of_user),
    *resource("/api/ontology/{id:number}/project", get=projects_of_ontology),
    *resource("/api/software/{id:number}/project", get=projects_of_software),
]
