"""Files that belong beside an image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Invalid, NotFound
from store.tables.files import ImageFile, StoredFile
from store.tables.images import Image
from web.ranges import VARY, file_response
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.companions import companion_file
from web.rest.cytomine.marshal.users import user
from web.rest.cytomine.resource import Answer, resource
from web.transfers import attachment

COMPANION = domain("CompanionFile")


async def _written(hub: Hub, rows: Sequence[ImageFile]) -> list[dict[str, Any]]:
    """Write companion files with the state of their stored files. Three statements at most."""
    files = await hub.file_access.many([row.file_id for row in rows]) if rows else {}
    return [companion_file(row, files.get(row.file_id)) for row in rows]


async def of_image(request: Request, hub: Hub) -> Answer:
    """List the companion files of an image."""
    rows = await hub.companions.of_image(request.path_params["id"])
    return sliced(request, await _written(hub, rows), dict)


async def of_file(request: Request, hub: Hub) -> Answer:
    """List what an uploaded file is a companion of."""
    file = await hub.catalog.one(StoredFile, request.path_params["id"])
    return sliced(request, await _written(hub, await hub.companions.of_file(file.id)), dict)


async def one_file(request: Request, hub: Hub) -> Answer:
    """Return a companion file."""
    return await _one(hub, await hub.companions.get(request.path_params["id"]))


async def _one(hub: Hub, row: ImageFile) -> dict[str, Any]:
    return (await _written(hub, [row]))[0]


async def owner(request: Request, hub: Hub) -> Answer:
    """Return who owns the image beside which a file lies."""
    row = await hub.companions.get(request.path_params["id"])
    image = await hub.catalog.one(Image, row.image_id)
    return user(await hub.people.get(image.owner_id))


async def download(request: Request, hub: Hub) -> Response:
    """Send the bytes of a companion file, to be saved."""
    row = await hub.companions.get(request.path_params["id"])
    _file, found = await hub.file_access.located(row.file_id)
    try:
        answer = await file_response(
            request, found, etag=f'"{found.etag}"', media_type="application/octet-stream",
            cache="private, no-cache", vary=VARY,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NotFound("stored file", row.file_id) from error
    answer.headers.update(attachment(row.name))
    return answer


async def create(request: Request, hub: Hub) -> Answer:
    """Put an uploaded file beside an image."""
    given = await parameters.object_of(request)
    name, kind = _name(given), parameters.text(given, "type")
    if not name or not kind:
        raise Invalid("type" if name else "originalFilename", "is needed.")
    with receipt() as noted:
        row = await hub.companions.create(
            parameters.required(given, "image"),
            parameters.required(given, "uploadedFile"),
            name,
            kind,
            progress=parameters.whole(given, "progress", 0) or 0,
        )
    return _done("Add", await _one(hub, row), noted, "added")


def _name(given: Mapping[str, Any]) -> str | None:
    return parameters.text(given, "originalFilename") or parameters.text(given, "filename")


async def change(request: Request, hub: Hub) -> Answer:
    """Change name, type or progress of a companion file; what is left out stays."""
    id, given = request.path_params["id"], await parameters.object_of(request)
    with receipt() as noted:
        row = await hub.companions.change(
            id,
            name=_name(given),
            type=parameters.text(given, "type"),
            progress=parameters.whole(given, "progress"),
        )
    return _done("Edit", await _one(hub, row), noted, "edited")


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a companion file; the uploaded file stays."""
    id = request.path_params["id"]
    item = await _one(hub, await hub.companions.get(id))
    with receipt() as noted:
        await hub.companions.delete(id)
    return _done("Delete", item, noted, "deleted")


def _done(verb: str, item: Mapping[str, Any], noted: Any, said: str) -> dict[str, Any]:
    text = f"Companion file {item['id']} ({item['filename']}) {said} in image {item['image']}"
    return done(verb, COMPANION, item, noted, text, imageID=item["image"])


ROUTES = [
    *resource("/api/companionfile", post=create),
    *resource("/api/companionfile/{id:number}", get=one_file, put=change, delete=delete),
    *resource("/api/companionfile/{id:number}/user", get=owner),
    *resource("/api/companionfile/{id:number}/download", get=download, suffix=False),
    *resource("/api/abstractimage/{id:number}/companionfile", get=of_image),
    *resource("/api/uploadedfile/{id:number}/companionfile", get=of_file),
]
