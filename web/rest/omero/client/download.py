"""``webclient/annotation/{id}/``: the file of an annotation, whole or in ranges.

It is always saved, never shown: what somebody attached must not run as a page of this host.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from adapters.hub import Hub
from store.errors import NotFound
from store.pixels.base import StoredBytes
from web.ranges import VARY, file_response
from web.rest.omero.resource import WEBCLIENT, Answer, resource

PLAIN = "application/octet-stream"


async def attached(request: Request, hub: Hub) -> Answer:
    """Send the file of an annotation. Raises NotFound."""
    id = request.path_params["id"]
    await hub.annotations.get(id)
    file = (await hub.annotations.files_of([id])).get(id)
    if file is None or file.sha256 is None:
        raise NotFound("file annotation", id)
    path = hub.infrastructure.files.path(file.sha256)
    try:
        response = await file_response(
            request, StoredBytes(file.size, path), etag=f'"{file.sha256}"', media_type=PLAIN,
            cache="private, no-cache", vary=VARY,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NotFound("file", file.id) from error
    return _saved(response, file.name)


def _saved(response: Response, name: str) -> Response:
    plain = "".join(
        one if one.isascii() and one.isprintable() and one not in '"\\' else "_" for one in name
    )
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    response.headers["Content-Security-Policy"] = "sandbox"
    return response


ROUTES = [*resource("/webclient/annotation/{id:number}", get=attached, manner=WEBCLIENT)]
