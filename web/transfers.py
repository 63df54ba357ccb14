"""Downloads: an image as OME-TIFF or as a zip of its OME-Zarr.

The zip is streamed as it is made and states its length beforehand. A TIFF points back and forth
inside itself, so it is written first, to a file without a name: neither a client that leaves nor a
crash can leave it behind. Writing ends within a tile when nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from adapters.exports import FORMATS
from adapters.formats.write_ome_zarr import zip_size
from adapters.hub import Hub
from adapters.images import View
from store.errors import Invalid
from store.pixels.base import Progress
from web.dialects import TRANSFERS, caller_of
from web.ranges import VARY, file_response, pieces

_LOOK = 0.5  # seconds between looks whether the client is still there
_ENDINGS = re.compile(r"(\.ome)?\.(tiff?|btf|zarr|png|jpe?g|webp|svs|zip)\Z", re.IGNORECASE)
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


class _Left(Exception):
    """Nobody waits for the export any more."""


async def download(request: Request) -> Response:
    """Send one image as a file."""
    caller = await caller_of(request)
    hub: Hub = request.app.state.services.hub(caller.actor)
    view = await hub.pixels.view(request.path_params["image"])
    format = request.query_params.get("format", "ome-tiff")
    if format not in FORMATS:
        raise Invalid("format", f"{format[:40]!r} is not one of {', '.join(FORMATS)}.")
    if format == "ome-zarr":
        return await _zarr(request, hub, view)
    return await tiff_response(request, hub, view)


async def _zarr(request: Request, hub: Hub, view: View) -> Response:
    folder = f"{file_stem(view)}.ome.zarr"
    files, archive = await hub.exports.zarr_archive(view, folder)
    size = zip_size(files, prefix=folder)
    headers = attachment(f"{folder}.zip") | {"Content-Length": str(size)}
    content = iter(()) if request.method == "HEAD" else archive
    return StreamingResponse(content, media_type="application/zip", headers=headers)


async def tiff_response(
    request: Request, hub: Hub, view: View, ending: str = ".ome.tif"
) -> Response:
    """Write an image as OME-TIFF and send it under its name. Raises ClientDisconnect."""
    headers = attachment(f"{file_stem(view)}{ending}")
    if request.method == "HEAD":
        # Its length is known only when it is written, which is not done to be thrown away.
        return StreamingResponse(iter(()), media_type="image/tiff", headers=headers)
    file = await asyncio.to_thread(nameless_file, request.app.state.services.settings.data)
    try:
        await _write(request, hub, view, file)
        size = file.seek(0, os.SEEK_END)
    except BaseException:
        file.close()
        raise
    headers |= {"Content-Length": str(size)}
    return StreamingResponse(pieces(file, 0, size), media_type="image/tiff", headers=headers)


async def _write(request: Request, hub: Hub, view: View, file: BinaryIO) -> None:
    """Write the export while its client waits. Raises ClientDisconnect when it left."""
    left = threading.Event()

    def report(_progress: Progress) -> None:
        if left.is_set():
            raise _Left

    export = asyncio.ensure_future(hub.exports.ome_tiff(view, file, report))
    try:
        while not export.done():
            await asyncio.wait({export}, timeout=_LOOK)
            if not export.done() and await request.is_disconnected():
                left.set()
        export.result()
    except _Left:
        raise ClientDisconnect from None
    finally:
        # A request that is cancelled itself ends here; the thread must not outlive the file.
        left.set()
        await asyncio.wait({export})
        if not export.cancelled():
            export.exception()


def nameless_file(folder: Path) -> BinaryIO:
    """Return a new file that is gone from its folder already and ends when it is closed."""
    # Not a `TemporaryFile`: the TIFF library takes no file whose name is a number.
    handle, path = tempfile.mkstemp(prefix="export-", dir=folder)
    os.close(handle)
    try:
        return Path(path).open("w+b")
    finally:
        Path(path).unlink()


def file_stem(view: View) -> str:
    """Return the image's name as the name of a file on any system, without the ending it had."""
    return safe_name(_ENDINGS.sub("", view.image.name)) or f"image-{view.image.id}"


def safe_name(name: str) -> str:
    """Return a name that can be that of a file on any system; perhaps nothing is left."""
    return _UNSAFE.sub("_", name).strip(" ._")[:120]


def attachment(name: str) -> dict[str, str]:
    """Return the headers of a download that is to be saved under a name."""
    plain = "".join(one if one.isascii() and one.isprintable() else "_" for one in name)
    return {
        "Content-Disposition": f'attachment; filename="{plain}"; '
        f"filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": TRANSFERS.cache,
        "Vary": VARY,
        "X-Content-Type-Options": "nosniff",
    }


async def stored_file(request: Request) -> Response:
    """Send a stored file, or the range of it that is asked for."""
    caller = await caller_of(request)
    hub: Hub = request.app.state.services.hub(caller.actor)
    row, found = await hub.file_access.located(request.path_params["file"])
    answer = await file_response(
        request,
        found,
        etag=f'"{found.etag}"',
        media_type="application/octet-stream",
        cache=TRANSFERS.cache,
        vary=VARY,
    )
    # Never shown as a page: a script in somebody's attachment would act for whoever opens it.
    answer.headers.update(attachment(row.name))
    return answer


ROUTES = [
    Route("/transfers/images/{image:number}", download),
    Route("/transfers/files/{file:number}", stored_file),
]
