"""Every image as an OME-Zarr over HTTP, under the caller's permissions.

A file that is not there is a plain 404 with no page behind it: to a reader a missing chunk means
the fill value. Ranges, suffix ranges and ETags are served, which shards need.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.hub import Hub
from store.errors import Invalid, NotFound
from web.auth.identity import Kind
from web.auth.resolve import authenticate
from web.ranges import file_response

ACCEPTED = (Kind.SESSION, Kind.BEARER, Kind.BASIC, Kind.LINK)
CACHE = "private, max-age=60"


async def serve(request: Request) -> Response:
    """Serve one file of an image's group."""
    caller = await authenticate(request, ACCEPTED)
    hub: Hub = request.app.state.services.hub(caller.actor)
    path = request.path_params.get("path", "")
    try:
        view = await hub.pixels.view(int(request.path_params["image"]))
        found = await hub.pixels.file(view, path) if path else None
    except (NotFound, Invalid):
        found = None
    if found is None:
        return PlainTextResponse("not found", 404)
    return await file_response(
        request,
        size=found.size,
        etag=found.etag if found.etag.startswith('"') else f'"{found.etag}"',
        media_type="application/json" if path.endswith(".json") else "application/octet-stream",
        cache=CACHE,
        path=found.path,
        data=found.data,
    )


ROUTES = [
    Route("/zarr/{image:int}.zarr", serve, methods=["GET", "HEAD"]),
    Route("/zarr/{image:int}.zarr/{path:path}", serve, methods=["GET", "HEAD"]),
]
