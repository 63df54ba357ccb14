"""Uploaded files: what was sent, how far it has come, and what was made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Conflict, Forbidden, Invalid
from web.rest.cytomine import parameters, search
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done
from web.rest.cytomine.marshal.storages import status_of, uploaded_file
from web.rest.cytomine.received import sent
from web.rest.cytomine.resource import Answer, resource

UPLOADED = domain("UploadedFile")
_DETAILS = ("onlyRootsWithDetails", "withTreeDetails")


async def files(request: Request, hub: Hub) -> Answer:
    """List uploaded files, narrowed by parent, root, or to roots, with details if asked."""
    given = request.query_params
    details = any(parameters.flag(given, name) for name in _DETAILS)
    rows = await hub.uploaded_files.all(
        parent_id=parameters.whole(given, "parent"),
        root_id=parameters.whole(given, "root"),
        roots=parameters.flag(given, "onlyRoots") or parameters.flag(given, "onlyRootsWithDetails"),
    )
    answer = search.page(given, search.found(given, [uploaded_file(row) for row in rows]))
    if details:
        await _detail(request, hub, answer["collection"])
    return answer


async def _detail(request: Request, hub: Hub, items: Sequence[dict[str, Any]]) -> None:
    """Add to files which image each came to; one statement."""
    images = await hub.uploaded_files.images_of([item["id"] for item in items])
    base = str(request.base_url).rstrip("/")
    for item in items:
        made = images[item["id"]]
        thumb = f"{base}/api/abstractimage/{made[0]}/thumb.png" if made else None
        item |= {
            "image": made[0] if made else None,
            "nbChildren": 0,
            "globalSize": item["size"],
            "thumbURL": thumb,
            "thumb": thumb,
        }


async def one_file(request: Request, hub: Hub) -> Answer:
    """Return an uploaded file; poll it until its status is odd or at least 100."""
    return uploaded_file(await hub.uploaded_files.get(request.path_params["id"]))


async def create(request: Request, hub: Hub) -> Answer:
    """Note an uploaded file without bytes, which are never sent afterwards."""
    given = await parameters.object_of(request)
    name = _name(given)
    if name is None:
        raise Invalid("originalFilename", "is needed.")
    user = parameters.whole(given, "user")
    if user is not None and user != hub.actor.user_id and not hub.actor.full:
        raise Forbidden("upload for", "user", user)
    with receipt() as noted:
        made = await hub.uploaded_files.create(
            name,
            parameters.required(given, "storage"),
            parent_id=parameters.whole(given, "parent"),
            media_type=parameters.text(given, "contentType"),
            size=parameters.whole(given, "size", 0) or 0,
            status=parameters.whole(given, "status", 0) or 0,
        )
    item = uploaded_file(made, projects=parameters.ids(given, "projects"))
    return done("Add", UPLOADED, item, noted, f"UploadedFile {made.id} ({made.name}) added")


async def change(request: Request, hub: Hub) -> Answer:
    """Change name, type, size, status, parent or storage; what is left out stays."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    seen = await hub.uploaded_files.get(id)
    after: dict[str, Any] = {}
    name = _renamed(given, seen.name)
    if name is not None:
        after["name"] = name
    if parameters.text(given, "contentType") is not None:
        after["media_type"] = parameters.text(given, "contentType")
    for theirs, ours in (("size", "size"), ("status", "status"), ("storage", "storage_id")):
        value = parameters.whole(given, theirs)
        if value is not None and not (theirs == "status" and value == status_of(seen)):
            after[ours] = value
    if "parent" in given:
        after["parent_id"] = parameters.whole(given, "parent")
    with receipt() as noted:
        stored = await hub.uploaded_files.change(id, **after)
    item = uploaded_file(stored, projects=parameters.ids(given, "projects"))
    return done("Edit", UPLOADED, item, noted, f"UploadedFile {id} ({stored.name}) edited")


def _name(given: Mapping[str, Any]) -> str | None:
    return parameters.text(given, "originalFilename") or parameters.text(given, "filename")


def _renamed(given: Mapping[str, Any], present: str) -> str | None:
    """Return the new name of a file: of the two names that clients send, the one that differs."""
    names = (parameters.text(given, "originalFilename"), parameters.text(given, "filename"))
    return next((name for name in names if name and name != present), None)


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a file with its images, none of which may lie in a project, dataset or well."""
    with receipt() as noted:
        try:
            gone = await hub.uploaded_files.delete(request.path_params["id"])
        except Conflict as error:
            raise Invalid("uploadedFile", error.message) from error
    text = f"UploadedFile {gone.id} ({gone.name}) deleted"
    return done("Delete", UPLOADED, uploaded_file(gone), noted, text)


async def download(request: Request, hub: Hub) -> Answer:
    """Send the bytes of an uploaded file."""
    row, file = await hub.file_access.located(request.path_params["id"])
    return await sent(request, row.name, row.media_type, file)


ROUTES = [
    *resource("/api/uploadedfile", get=files, post=create),
    *resource("/api/uploadedfile/{id:number}", get=one_file, put=change, delete=delete),
    *resource("/api/uploadedfile/{id:number}/download", get=download),
]
