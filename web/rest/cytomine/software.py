"""Software: what can be run, by the hub or elsewhere; registered, changed, downloaded.

Operations of the hub and of scripts are software too, which nobody changes here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request

from adapters.external import about_of
from adapters.hub import Hub
from store.actor import Actor
from store.catalog import Catalog, receipt
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.tables.containers import Project
from store.tables.files import StoredFile
from store.tables.operations import Operation
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each
from web.rest.cytomine.marshal.software import ABOUT, job_counts, software
from web.rest.cytomine.received import received, sent
from web.rest.cytomine.resource import Answer, as_json, resource

SOFTWARE = domain("Software")
_COUNTED = tuple(job_counts({}))
_TEXTS = {
    "name": "name",
    "softwareVersion": "release",
    "executeCommand": "command",
    "description": "description",
}


async def written(hub: Hub, rows: Sequence[Operation]) -> list[dict[str, Any]]:
    """Write operations with parameters and counts of jobs; two statements."""
    ids = [row.id for row in rows]
    ports, states = await hub.external.ports(ids), await hub.external.counts(ids)
    return [software(row, ports[row.id], states[row.id]) for row in rows]


async def page(request: Request, hub: Hub, rows: Sequence[Operation]) -> dict[str, Any]:
    """Return the asked page of operations, narrowed and sorted."""
    given = request.query_params
    if parameters.flag(given, "executableOnly"):
        rows = [row for row in rows if software(row)["executable"]]
    known = {row.id: row for row in rows}
    items = [software(row) for row in rows]
    if search.asks_for(given, _COUNTED):
        counted = await hub.external.counts(list(known))
        items = [item | job_counts(counted[item["id"]]) for item in items]
    answer = search.page(given, search.found(given, items))
    shown = [known[item["id"]] for item in answer["collection"]]
    return answer | {"collection": await written(hub, shown)}


async def listing(request: Request, hub: Hub) -> Answer:
    """List what can be run; with ``executableOnly`` what the hub itself runs."""
    return await page(request, hub, await hub.external.listed())


async def of_project(request: Request, hub: Hub) -> Answer:
    """List what a project offers."""
    return await page(request, hub, await hub.external.listed(request.path_params["id"]))


async def of_source(request: Request, hub: Hub) -> Answer:
    """List the software of a trusted source."""
    id = request.path_params["id"]
    rows = [row for row in await hub.external.listed() if about_of(row).get("source_id") == id]
    return await page(request, hub, rows)


async def one(request: Request, hub: Hub) -> Answer:
    """Return a software with its parameters."""
    (item,) = await written(hub, [await hub.external.get(request.path_params["id"])])
    return item


async def create(request: Request, hub: Hub) -> Answer:
    """Register a software, or each of an array; name and version are taken once."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda item: _created(hub, item), "softwares")
        return as_json(answer, status)
    with receipt() as noted:
        id = await _created(hub, given)
    (item,) = await written(hub, [await hub.external.get(id)])
    return done("Add", SOFTWARE, item, noted, f"Software {id} ({item['name']}) added")


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    name = parameters.text(given, "name")
    if name is None:
        raise Invalid("name", "is needed.")
    made = await hub.external.register(
        name,
        (parameters.text(given, "softwareVersion") or "").strip(),
        command=parameters.text(given, "executeCommand"),
        description=parameters.text(given, "description"),
        deprecated=parameters.flag(given, "deprecated"),
        about=_about(given),
    )
    return made.id


def _about(given: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for theirs, ours in ABOUT.items():
        if theirs not in given:
            continue
        number = theirs in ("softwareUserRepository", "defaultProcessingServer")
        read = parameters.whole if number else parameters.text
        found[ours] = read(given, theirs)
    return found


async def change(request: Request, hub: Hub) -> Answer:
    """Change a software; fields sent back as they are change nothing."""
    given, row = await parameters.object_of(request), await _named(request, hub)
    now = software(row)
    differing = {name: value for name, value in given.items() if now.get(name, value) != value}
    fields: dict[str, Any] = {
        ours: parameters.text(differing, theirs)
        for theirs, ours in _TEXTS.items()
        if theirs in differing
    }
    if "deprecated" in differing:
        fields["deprecated"] = parameters.flag(differing, "deprecated")
    about = _about(differing)
    with receipt() as noted:
        if fields or about:
            row = await hub.external.change(row.id, **fields, about=about)
    (item,) = await written(hub, [row])
    return done("Edit", SOFTWARE, item, noted, f"Software {row.id} ({row.name}) edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a software that was never run."""
    (item,) = await written(hub, [await _named(request, hub)])
    with receipt() as noted:
        try:
            row = await hub.external.remove(item["id"])
        except Conflict as used:
            raise Invalid("software", used.message) from used
    return done("Delete", SOFTWARE, item, noted, f"Software {row.id} ({row.name}) deleted")


async def _named(request: Request, hub: Hub) -> Operation:
    return await hub.external.get(request.path_params["id"])


async def upload(request: Request, hub: Hub) -> Answer:
    """Register a software with an archive of its code; a second one replaces the archive."""
    given = request.query_params
    if hub.actor.read_only or hub.actor.within is not None:
        raise Forbidden("register", "software", given.get("name") or "here")
    async with received(request) as (filename, source):
        name = (given.get("name") or filename.rpartition(".")[0] or filename).strip()
        release = (given.get("softwareVersion") or "").strip()
        file = await hub.files.keep(filename, source)
    about = {"source_path": filename, "source_file_id": file.id}
    there = next(
        (
            row
            for row in await hub.external.listed()
            if (row.name, row.release) == (name, release) and hub.actor.owns(row)
        ),
        None,
    )
    if there is None:
        row = await hub.external.register(name, release, about=about)
    else:
        row = await hub.external.change(there.id, about=about)
    (item,) = await written(hub, [row])
    return item


async def download(request: Request, hub: Hub) -> Answer:
    """Send the archive that a software was uploaded as."""
    row = await _named(request, hub)
    file_id = about_of(row).get("source_file_id")
    if file_id is None:
        raise NotFound("the archive of software", row.id)
    # Whoever may read of a software may have its code, in whose storage it may lie.
    everything = Catalog(hub.catalog.database, Actor.system())
    file = await everything.one(StoredFile, file_id)
    return await sent(request, file.name, file.media_type, hub.files.bytes_of(file))


async def stats(request: Request, hub: Hub) -> Answer:
    """Count the jobs of a software in a project by how they stand."""
    project_id, id = (request.path_params[name] for name in ("project", "software"))
    await hub.catalog.one(Project, project_id)
    await hub.external.get(id)
    return job_counts((await hub.external.counts([id], project_id))[id])


ROUTES = [
    *resource("/api/software", get=listing, post=create),
    *resource("/api/software/upload", post=upload),
    *resource("/api/software/{id:number}", get=one, put=change, delete=delete),
    *resource("/api/software/{id:number}/download", get=download),
    *resource("/api/project/{id:number}/software", get=of_project),
    *resource("/api/project/{project:number}/software/{software:number}/stats", get=stats),
    *resource("/api/software_user_repository/{id:number}/software", get=of_source),
    *resource("/api/trusted_source/{id:number}/software", get=of_source),
]
