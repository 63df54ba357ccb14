"""Images as files: written as OME-TIFF, or as they were uploaded; several of them in one zip.

Of several images those too large to be exported by OMERO are left out, and a single one of them is
not found, as its clients expect; the hub's own exports take any size.
"""

from __future__ import annotations

import asyncio
import threading
import zipfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from adapters.formats.write_ome_zarr import Sink, StoreFile, zip_size, zip_stream
from adapters.hub import Hub
from adapters.images import View
from store.errors import NotFound
from store.pixels.base import Progress
from store.tables.containers import Dataset, Project
from store.tables.files import StoredFile
from store.tables.screens import Well
from web.auth.resolve import services_of
from web.ranges import VARY, file_response, pieces
from web.rest.omero.gateway.viewing import view_of
from web.rest.omero.links import Links
from web.rest.omero.parameters import read
from web.rest.omero.pyramid import is_pyramid
from web.rest.omero.resource import GATEWAY, Answer, resource
from web.transfers import attachment, file_stem, nameless_file, safe_name, tiff_response

_CONTAINERS: dict[str, Any] = {"p": Project, "d": Dataset, "w": Well}
_NOT_KEPT = "private, no-store"
MOST_ORIGINALS = 500  # images in one archive


class _Left(Exception):  # a way out of writing, never seen by callers
    """Nobody waits for the export any more."""


async def ome_tiff(request: Request, hub: Hub) -> Answer:
    """Send an image, or the images of a container, as OME-TIFF; or count them (``dryrun``)."""
    kind, id = request.path_params["kind"], request.path_params["id"]
    if kind == "i":
        views, name = [await view_of(hub, id)], ""
    elif kind in _CONTAINERS:
        noun = _CONTAINERS[kind]
        found = await hub.pixels.views(await hub.images.inside(noun, id))
        views = [found[key] for key in sorted(found)]
        name = getattr(await hub.containers.get(noun, id), "name", None) or f"well-{id}"
    else:
        return PlainTextResponse("Images are exported by i, d, p or w", 404)
    chosen = {part for part in request.query_params.get("selection", "").split(",") if part}
    views = [
        view
        for view in views
        if not is_pyramid(view.pixels) and (not chosen or str(view.image.id) in chosen)
    ]
    if request.query_params.get("dryrun"):
        return len(views)
    if not views:
        return PlainTextResponse("No image here can be exported as OME-TIFF", 404)
    if len(views) == 1:
        return await tiff_response(request, hub, views[0], ".ome.tiff")
    headers = attachment(f"{safe_name(name)}.zip")
    content = _nothing() if request.method == "HEAD" else _zipped(
        hub, views, services_of(request).settings.data
    )  # fmt: skip
    return StreamingResponse(content, media_type="application/zip", headers=headers)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


async def _zipped(hub: Hub, views: Sequence[View], folder: Path) -> AsyncIterator[bytes]:
    """Write image after image to a file without a name, and each of them into the archive."""
    sink = Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:
        for view in views:
            file = await _written(hub, view, folder)
            try:
                entry = zipfile.ZipInfo(f"{file_stem(view)}-{view.image.id}.ome.tiff")
                entry.external_attr = 0o644 << 16
                with archive.open(entry, "w", force_zip64=True) as member:
                    async for piece in pieces(file, 0, file.seek(0, 2)):
                        await asyncio.to_thread(member.write, piece)
                        yield sink.take()
            finally:
                file.close()
            yield sink.take()
    yield sink.take()


async def _written(hub: Hub, view: View, folder: Path) -> BinaryIO:
    """Return an image as a file; writing, and the file, end when nobody waits any more."""
    file, left = await asyncio.to_thread(nameless_file, folder), threading.Event()

    def report(_progress: Progress) -> None:
        if left.is_set():
            raise _Left

    export = asyncio.ensure_future(hub.exports.ome_tiff(view, file, report))
    try:
        await asyncio.shield(export)
    except BaseException:
        left.set()
        export.add_done_callback(lambda done: _ended(done, file))
        raise
    return file


def _ended(export: asyncio.Future[None], file: BinaryIO) -> None:
    if not export.cancelled():
        export.exception()  # Marks it as seen: nobody waits for it.
    file.close()


async def original_paths(request: Request, hub: Hub) -> Answer:
    """Name the files an image came from; nothing for one that came from none."""
    id = request.path_params["image"]
    await view_of(hub, id)
    files = (await hub.files.originals([id]))[id]
    if not files:
        return {}
    first = files[0]
    return {
        "repo": [f"{file.storage_id}/{file.id}/{file.name}" for file in files],
        "client": [file.name for file in files],
        "fileset": {"id": first.parent_id or first.id},
    }


async def originals(request: Request, hub: Hub) -> Answer:
    """Send the file an image came from, or a zip of several."""
    ids = [request.path_params["image"]] if "image" in request.path_params else [
        read(text) for text in request.query_params.getlist("image")
    ]  # fmt: skip
    if not ids or len(ids) > MOST_ORIGINALS:
        return PlainTextResponse(f"Name 1 to {MOST_ORIGINALS} images", 400)
    for id in ids if len(ids) == 1 else ():
        await view_of(hub, id)
    found = await hub.files.originals(ids)
    files = list({file.id: file for some in found.values() for file in some}.values())
    if not files:
        return PlainTextResponse("This image has no original file", 404)
    allowed = await hub.file_access.many([file.id for file in files])
    files = [file for file in files if file.id in allowed]
    if not files:
        return PlainTextResponse("A project keeps the originals of its images to itself", 403)
    return await _file(request, hub, files[0]) if len(files) == 1 else _files(request, hub, files)


async def _file(request: Request, hub: Hub, file: StoredFile) -> Response:
    stored = hub.files.bytes_of(file)
    try:
        answer = await file_response(
            request, stored, etag=f'"{stored.etag}"', media_type=file.media_type,
            cache=_NOT_KEPT, vary=VARY,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NotFound("original file", file.id) from error
    answer.headers["Content-Disposition"] = attachment(file.name)["Content-Disposition"]
    return answer


def _files(request: Request, hub: Hub, files: Sequence[StoredFile]) -> Response:
    members = [
        StoreFile(f"{file.id}/{safe_name(file.name)}", hub.files.bytes_of(file)) for file in files
    ]
    headers = attachment("originals.zip") | {"Content-Length": str(zip_size(members))}
    content = iter(()) if request.method == "HEAD" else zip_stream(members)
    return StreamingResponse(content, media_type="application/zip", headers=headers)


async def open_with(request: Request, hub: Hub) -> Answer:
    """Say which programs open objects from a list: the hub's own viewer."""
    return {
        "open_with_options": [
            {
                "id": "viewer",
                "label": "Viewer",
                "url": f"{Links(request).host}/iviewer/",
                "supported_objects": ["images"],
            }
        ]
    }


ROUTES = [
    *resource("/webgateway/render_ome_tiff/{kind}/{id:number}", get=ome_tiff, manner=GATEWAY),
    *resource("/webgateway/original_file_paths/{image:number}", get=original_paths, manner=GATEWAY),
    *resource("/webgateway/archived_files/download/{image:number}", get=originals, manner=GATEWAY),
    *resource("/webgateway/archived_files/download", get=originals, manner=GATEWAY),
    *resource("/webgateway/open_with", get=open_with, manner=GATEWAY),
]
