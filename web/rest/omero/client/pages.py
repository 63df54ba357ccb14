"""Pages that people's links open: ``webclient/?show=image-204``, ``img_detail``, ``iviewer``.

Each leads on to the page of the hub's own application and says who is signed in, in the words that
a client looks for. Nothing of an image that the caller may not see is told.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from adapters.hub import Hub
from store.tables.images import Image
from web.auth import csrf
from web.rest.omero.client.actions import CONTAINERS
from web.rest.omero.client.items import full_name
from web.rest.omero.resource import GATEWAY, WEBCLIENT, Answer, resource

_SHOW = re.compile(r"([a-z]{1,20})[-=]([0-9]{1,18})")
_FIRST = re.compile(r"[0-9]{1,18}")
# So that a name cannot end the script it stands in.
_UNSAFE = {ord(one): f"\\u{ord(one):04x}" for one in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a page leads: an address below the hub's prefix, and its name for people."""

    path: str
    name: str


HOME = Goal("/app", "imagehub")


async def home(request: Request, hub: Hub) -> Answer:
    """Open the object named by ``show``, or the start page."""
    match = _SHOW.match(request.query_params.get("show", ""))
    if match is None or match[1] not in CONTAINERS:
        return await _page(request, hub, HOME)
    (row,) = await hub.catalog.by_ids(CONTAINERS[match[1]], [int(match[2])])
    if row is None:
        return await _page(request, hub, HOME)
    path = _image_path(row.id) if match[1] == "image" else HOME.path
    return await _page(request, hub, Goal(path, row.name))


async def viewer(request: Request, hub: Hub) -> Answer:
    """Open one image. Raises NotFound."""
    return await _viewer(request, hub, request.path_params["id"])


async def iviewer(request: Request, hub: Hub) -> Answer:
    """Open the first of the images named, or of a dataset's. Raises NotFound."""
    match = _FIRST.match(request.query_params.get("images", ""))
    if match is None:
        return await _page(request, hub, HOME)
    return await _viewer(request, hub, int(match[0]))


async def _viewer(request: Request, hub: Hub, id: int) -> Response:
    image = await hub.containers.get(Image, id)
    return await _page(request, hub, Goal(_image_path(image.id), image.name))


def _image_path(id: int) -> str:
    return f"/app/images/{id}"


async def _page(request: Request, hub: Hub, goal: Goal) -> Response:
    (person,) = await hub.people.by_ids([hub.actor.author_id])
    name = json.dumps(full_name(person)).translate(_UNSAFE)
    script = (
        "\nvar WEBCLIENT = {};\n"
        f"WEBCLIENT.USER = {{'id': {hub.actor.author_id}, 'fullName': {name}}};\n"
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    root = request.scope.get("root_path", "")
    address, title = html.escape(f"{root}{goal.path}"), html.escape(goal.name)
    response = HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        f'<meta http-equiv="refresh" content="0; url={address}">\n'
        f"<script>{script}</script></head>\n"
        f'<body><p><a href="{address}">{title}</a></p></body></html>\n',
        headers={
            "Content-Security-Policy": f"default-src 'none'; script-src 'sha256-{digest}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        },
    )
    if csrf.secret_of(request) is None:
        # Pages hand out the token that later requests of the same browser must send.
        csrf.set_cookie(response, csrf.new_secret(), secure=request.url.scheme == "https")
    return response


ROUTES = [
    *resource("/webclient", get=home, manner=WEBCLIENT),
    *resource("/webclient/userdata", get=home, manner=WEBCLIENT),
    *resource("/webclient/img_detail/{id:number}", get=viewer, manner=WEBCLIENT),
    *resource("/webgateway/img_detail/{id:number}", get=viewer, manner=GATEWAY),
    *resource("/iviewer", get=iviewer, manner=WEBCLIENT),
]
