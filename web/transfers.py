"""Downloads: an image as OME-TIFF or as a zip of its OME-Zarr, streamed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import quote

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from adapters.exports import FORMATS
from adapters.formats.write_ome_zarr import zip_size
from adapters.hub import Hub
from store.errors import Invalid
from web.auth.identity import Kind
from web.auth.resolve import authenticate

ACCEPTED = (Kind.SESSION, Kind.BEARER, Kind.BASIC, Kind.LINK)


async def download(request: Request) -> Response:
    """Send one image as a file."""
    caller = await authenticate(request, ACCEPTED)
    hub: Hub = request.app.state.services.hub(caller.actor)
    view = await hub.pixels.view(int(request.path_params["image"]))
    format = request.query_params.get("format", "ome-tiff")
    if format not in FORMATS:
        raise Invalid("format", f"{format[:40]!r} is not one of {', '.join(FORMATS)}.")
    stem = Path(view.image.name).name or f"image-{view.image.id}"
    if format == "ome-zarr":
        files, pieces = await hub.exports.zarr_archive(view, f"{stem}.ome.zarr")
        headers = {
            **_attachment(f"{stem}.ome.zarr.zip"),
            "Content-Length": str(zip_size(files, prefix=f"{stem}.ome.zarr")),
        }
        return StreamingResponse(pieces, media_type="application/zip", headers=headers)
    folder = tempfile.TemporaryDirectory(
        prefix="export-", dir=request.app.state.services.settings.data, ignore_cleanup_errors=True
    )
    target = Path(folder.name) / "image.ome.tif"
    try:
        await hub.exports.ome_tiff(view, target)
    except BaseException:
        folder.cleanup()
        raise
    return FileResponse(
        target,
        media_type="image/tiff",
        headers=_attachment(f"{stem}.ome.tif"),
        background=BackgroundTask(folder.cleanup),
    )


def _attachment(name: str) -> dict[str, str]:
    plain = "".join(
        one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name
    )
    return {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
        "Cache-Control": "private, no-store",
    }


ROUTES = [Route("/transfers/images/{image:int}", download)]
