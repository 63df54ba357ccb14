"""What clients ask for besides: disciplines, saved filters, tasks, configuration, news.

Configuration is the hub's settings; a page's own look and its news are settings as well.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.configuration import BY_KEY, Audience
from adapters.disciplines import Discipline
from adapters.hub import Hub
from adapters.tasks import Task
from store.catalog import receipt
from store.errors import Invalid, NotFound
from store.paging import Keyset
from store.tables.containers import Project
from store.tables.sources import SavedSearch
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, each, slice_of, sliced
from web.rest.cytomine.marshal.users import common
from web.rest.cytomine.resource import Answer, as_json, resource

DISCIPLINE = domain("Discipline")
ROLES = {"ALL": Audience.EVERYBODY, "USER": Audience.USERS, "ADMIN": Audience.ADMINISTRATORS}
CUSTOM_UI, NEWS = "custom-ui", "news"


# disciplines


def discipline(one: Discipline) -> dict[str, Any]:
    """Write a discipline."""
    return common("Discipline", one.id, one.created_at, one.updated_at) | {"name": one.name}


async def disciplines(request: Request, hub: Hub) -> Answer:
    """List the disciplines."""
    given = request.query_params
    items = [discipline(one) for one in await hub.disciplines.all()]
    return search.page(given, search.found(given, items))


async def one_discipline(request: Request, hub: Hub) -> Answer:
    """Return a discipline."""
    return discipline(await hub.disciplines.get(request.path_params["id"]))


async def create_discipline(request: Request, hub: Hub) -> Answer:
    """Add a discipline, or each of an array; for administrators. A name is taken once."""
    given = await parameters.json_of(request)

    async def made(one: Any) -> Discipline:
        name = parameters.text(one, "name") if isinstance(one, dict) else None
        if not name:
            raise Invalid("name", "is needed.")
        return await hub.disciplines.create(name)

    if isinstance(given, list):
        answer, status = await each(given, lambda one: _id_of(made(one)), "disciplines")
        return as_json(answer, status)
    with receipt() as noted:
        one = await made(given)
    return done(
        "Add", DISCIPLINE, discipline(one), noted, f"Discipline {one.id} ({one.name}) added"
    )


async def _id_of(making: Any) -> int:
    made: Discipline = await making
    return made.id


async def change_discipline(request: Request, hub: Hub) -> Answer:
    """Rename a discipline; for administrators."""
    id = request.path_params["id"]
    seen = await hub.disciplines.get(id)
    name = parameters.text(await parameters.object_of(request), "name")
    with receipt() as noted:
        one = await hub.disciplines.rename(id, seen.name if name is None else name)
    return done("Edit", DISCIPLINE, discipline(one), noted, f"Discipline {id} ({one.name}) edited")


async def delete_discipline(request: Request, hub: Hub) -> Answer:
    """Remove a discipline; for administrators."""
    id = request.path_params["id"]
    with receipt() as noted:
        one = await hub.disciplines.remove(id)
    return done("Delete", DISCIPLINE, discipline(one), noted,
                f"Discipline {id} ({one.name}) deleted")  # fmt: skip


# saved filters


def annotation_filter(row: SavedSearch) -> dict[str, Any]:
    """Write a saved filter."""
    written = common("AnnotationFilter", row.id, row.created_at, row.updated_at)
    kept = {name: row.query.get(name, []) for name in ("users", "terms")}
    return written | {
        "name": row.name, "user": row.owner_id, "project": row.query.get("project"), **kept
    }  # fmt: skip


async def annotation_filters(request: Request, hub: Hub) -> Answer:
    """List the saved filters of a project that the caller sees."""
    project_id = parameters.required(request.query_params, "project")
    await hub.catalog.one(Project, project_id)
    rows = [row for row in await hub.saved_searches.all() if row.query.get("project") == project_id]
    return sliced(request, rows, annotation_filter)


async def one_annotation_filter(request: Request, hub: Hub) -> Answer:
    """Return a saved filter."""
    return annotation_filter(await _filter(request, hub))


async def _filter(request: Request, hub: Hub) -> SavedSearch:
    row = await hub.saved_searches.get(request.path_params["id"])
    if "project" not in row.query:
        raise NotFound("annotation filter", row.id)
    return row


async def create_annotation_filter(request: Request, hub: Hub) -> Answer:
    """Keep which people's annotations with which terms to look at in a project."""
    given = await parameters.object_of(request)
    name = parameters.text(given, "name")
    if not name:
        raise Invalid("name", "is needed.")
    project_id = parameters.required(given, "project")
    await hub.catalog.one(Project, project_id)
    query = {"project": project_id, **_people_and_terms(given)}
    with receipt() as noted:
        row = await hub.saved_searches.create(name, {"users": [], "terms": [], **query})
    item = annotation_filter(row)
    text = f"Annotation filter {row.id} ({row.name}) added"
    return done("Add", domain("AnnotationFilter"), item, noted, text, projectID=project_id)


def _people_and_terms(given: dict[str, Any]) -> dict[str, list[int]]:
    found = {name: parameters.ids(given, name) for name in ("users", "terms")}
    return {name: value for name, value in found.items() if value is not None}


async def change_annotation_filter(request: Request, hub: Hub) -> Answer:
    """Change a saved filter; what is left out stays."""
    seen = await _filter(request, hub)
    given = await parameters.object_of(request)
    with receipt() as noted:
        row = await hub.saved_searches.change(
            seen.id, name=parameters.text(given, "name"),
            query={**seen.query, **_people_and_terms(given)},
        )  # fmt: skip
    text = f"Annotation filter {row.id} ({row.name}) edited"
    return done("Edit", domain("AnnotationFilter"), annotation_filter(row), noted, text)


async def delete_annotation_filter(request: Request, hub: Hub) -> Answer:
    """Delete a saved filter."""
    seen = await _filter(request, hub)
    with receipt() as noted:
        await hub.saved_searches.delete(seen.id)
    text = f"Annotation filter {seen.id} ({seen.name}) deleted"
    return done("Delete", domain("AnnotationFilter"), annotation_filter(seen), noted, text)


# tasks


def task(one: Task) -> dict[str, Any]:
    """Write a task."""
    return {
        "id": one.id, "progress": one.progress, "project": one.project_id, "user": one.user_id,
        "printInActivity": False, "comments": one.comments,
    }  # fmt: skip


async def create_task(request: Request, hub: Hub) -> Answer:
    """Begin a task, whose progress the caller will tell and ask; it is kept for a day."""
    given = await parameters.object_of(request)
    project_id = parameters.whole(given, "project")
    if project_id is not None:
        await hub.catalog.one(Project, project_id)
    return {"task": task(await hub.tasks.create(project_id))}


async def one_task(request: Request, hub: Hub) -> Answer:
    """Return how far a task of the caller's has come."""
    return task(await hub.tasks.get(request.path_params["id"]))


async def advance_task(request: Request, hub: Hub) -> Answer:
    """Say how far a task of the caller's has come."""
    given = await parameters.object_of(request)
    one = await hub.tasks.advance(
        request.path_params["id"],
        progress=parameters.whole(given, "progress"),
        comment=parameters.text(given, "comment"),
    )
    return {"task": task(one)}


async def task_comments(request: Request, hub: Hub) -> Answer:
    """List what was said about a task of the caller's, the newest first."""
    one = await hub.tasks.get(request.path_params["id"])
    items = [{"id": number, "comment": text} for number, text in enumerate(one.comments)]
    return collection(items, len(items), slice_of({}))


# configuration


def configuration(row: Any) -> dict[str, Any]:
    """Write a setting; it has no number."""
    role = next(word for word, one in ROLES.items() if row.reading_role <= one)
    written = common("Configuration", 0, None) | {"id": None}
    return written | {"key": row.key, "value": row.value, "readingRole": role}


async def configurations(request: Request, hub: Hub) -> Answer:
    """List the settings that the caller may read."""
    page = await hub.configuration.page(Keyset(BY_KEY, 1000))
    return sliced(request, page.rows, configuration)


async def one_configuration(request: Request, hub: Hub) -> Answer:
    """Return a setting."""
    return configuration(await hub.configuration.get(request.path_params["key"]))


async def put_configuration(request: Request, hub: Hub) -> Answer:
    """Write a setting and say who may read it; for administrators."""
    given = await parameters.object_of(request)
    key = request.path_params.get("key") or parameters.text(given, "key")
    if not key:
        raise Invalid("key", "is needed.")
    word = parameters.text(given, "readingRole")
    if word is not None and word.upper() not in ROLES:
        raise Invalid("readingRole", f"is one of {', '.join(ROLES)}.")
    with receipt() as noted:
        row = await hub.configuration.put(
            key, given.get("value"), None if word is None else ROLES[word.upper()]
        )
    text = f"Configuration {key} edited"
    return done("Edit", domain("Configuration"), configuration(row), noted, text)


async def delete_configuration(request: Request, hub: Hub) -> Answer:
    """Remove a setting; for administrators."""
    row = await hub.configuration.get(request.path_params["key"])
    with receipt() as noted:
        await hub.configuration.remove(row.key)
    text = f"Configuration {row.key} deleted"
    return done("Delete", domain("Configuration"), configuration(row), noted, text)


async def custom_ui(request: Request, hub: Hub) -> Answer:
    """Return which parts of a page an administrator switched on or off: setting ``custom-ui``."""
    kept = await _setting(hub, CUSTOM_UI)
    return kept if isinstance(kept, dict) else {}


async def custom_ui_of_project(request: Request, hub: Hub) -> Answer:
    """Return the same for a project, on top of what holds for all."""
    id = request.path_params["id"]
    await hub.catalog.one(Project, id)
    kept = [await _setting(hub, key) for key in (CUSTOM_UI, f"{CUSTOM_UI}/{id}")]
    merged: dict[str, Any] = {}
    for one in kept:
        merged |= one if isinstance(one, dict) else {}
    return merged


async def _setting(hub: Hub, key: str) -> Any:
    found = await hub.configuration.many([key])
    return found[key].value if key in found else None


async def news(request: Request, hub: Hub) -> Answer:
    """List the news that an administrator wrote: setting ``news``, a list of objects."""
    kept = await _setting(hub, NEWS)
    items = [one for one in kept if isinstance(one, dict)] if isinstance(kept, list) else []
    return collection(items, len(items), slice_of({}))


ROUTES = [
    *resource("/api/discipline", get=disciplines, post=create_discipline),
    *resource(
        "/api/discipline/{id:number}",
        get=one_discipline,
        put=change_discipline,
        delete=delete_discipline,
    ),
    *resource("/api/annotationfilter", get=annotation_filters, post=create_annotation_filter),
    *resource(
        "/api/annotationfilter/{id:number}",
        get=one_annotation_filter,
        put=change_annotation_filter,
        delete=delete_annotation_filter,
    ),
    *resource("/api/task", post=create_task),
    *resource("/api/task/{id:number}", get=one_task, put=advance_task),
    *resource("/api/task/{id:number}/comment", get=task_comments),
    *resource("/api/configuration", get=configurations, post=put_configuration),
    *resource(
        "/api/configuration/key/{key}",
        get=one_configuration,
        put=put_configuration,
        delete=delete_configuration,
    ),
    *resource("/custom-ui/config", get=custom_ui),
    *resource("/api/custom-ui/config", get=custom_ui),
    *resource("/custom-ui/project/{id:number}", get=custom_ui_of_project),
    *resource("/api/news", get=news),
]
