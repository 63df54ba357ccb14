"""Files attached to objects, each by the link that attaches it. Bytes come and go unchanged."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.attached_files import AttachedFile
from adapters.hub import Hub
from store.catalog import receipt
from store.errors import Forbidden, NotFound
from web.rest.cytomine import parameters, subjects
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, sliced
from web.rest.cytomine.marshal.metadata import attached_file
from web.rest.cytomine.received import base_name, received, sent
from web.rest.cytomine.resource import Answer, resource

ATTACHED = domain("AttachedFile")


async def attached_files(request: Request, hub: Hub) -> Answer:
    """List every attached file; for administrators with an open session."""
    if not hub.actor.full:
        raise Forbidden("list", "attached files", "of everybody")
    rows = await hub.attached_files.everywhere()
    on = await subjects.plain(hub, {row.target for row in rows})
    shown = [row for row in rows if row.target in on]
    return sliced(request, shown, lambda row: attached_file(row, on[row.target].written))


async def on_object(request: Request, hub: Hub) -> Answer:
    """List the files attached to an object."""
    on = await subjects.of_path(request, hub)
    rows = (await hub.attached_files.on([on.target]))[on.target]
    return sliced(request, rows, lambda row: attached_file(row, on.written))


async def one(request: Request, hub: Hub) -> Answer:
    """Return an attached file."""
    return await _written(hub, await hub.attached_files.get(request.path_params["id"]))


async def _written(hub: Hub, row: AttachedFile) -> dict[str, Any]:
    on = (await subjects.plain(hub, [row.target])).get(row.target)
    if on is None:
        raise NotFound("attached file", row.id)
    return attached_file(row, on.written)


async def attach(request: Request, hub: Hub) -> Answer:
    """Attach the file of a form to an object; the answer is the bare object.

    The parameter ``filename``, else the last part of the name in the form, is its name.
    """
    given = request.query_params
    on = await subjects.of_body(hub, given)
    key = parameters.text(given, "key")
    async with received(request) as (name, source):
        note = await hub.attachments.add_file(
            _named(request, name),
            source,
            [on.target],
            extra=None if key is None else {"key": key},
        )
    return attached_file(await hub.attached_files.of(note.id, on.target), on.written)


def _named(request: Request, name: str) -> str:
    asked = parameters.text(request.query_params, "filename")
    return base_name(asked) if asked and asked.strip() else name


async def replace(request: Request, hub: Hub) -> Answer:
    """Put the file of a form in the place of an attached one; the answer is the bare object."""
    seen = await hub.attached_files.get(request.path_params["id"])
    async with received(request) as (name, source):
        kept = await hub.files.keep(_named(request, name), source)
    return await _written(hub, await hub.attached_files.replace(seen.id, kept.id))


async def detach(request: Request, hub: Hub) -> Answer:
    """Take a file off its object."""
    seen = await hub.attached_files.get(request.path_params["id"])
    item = await _written(hub, seen)
    with receipt() as noted:
        await hub.attached_files.take_off(seen.id)
    text = f"AttachedFile {seen.id} ({seen.filename}) deleted"
    return done("Delete", ATTACHED, item, noted, text)


async def download(request: Request, hub: Hub) -> Answer:
    """Send the bytes of an attached file."""
    seen = await hub.attached_files.get(request.path_params["id"])
    row, file = await hub.file_access.located(seen.file_id)
    return await sent(request, row.name, row.media_type, file)


ROUTES = [
    *resource("/api/attachedfile", get=attached_files, post=attach, put=attach),
    *resource("/api/attachedfile/{id:number}", get=one, post=replace, put=replace, delete=detach),
    *resource("/api/attachedfile/{id:number}/download", get=download),
    *resource("/api/domain/{domain}/{ident:number}/attachedfile", get=on_object),
]
