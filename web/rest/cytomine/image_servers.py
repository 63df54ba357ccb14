"""The one image server there is: the hub itself, and the formats it reads."""

from __future__ import annotations

from typing import Any, get_args

from starlette.requests import Request

from adapters.formats.recognise import Format
from adapters.hub import Hub
from store.errors import NotFound
from store.tables.images import Image
from web.rest.cytomine.envelope import sliced
from web.rest.cytomine.marshal.users import common
from web.rest.cytomine.resource import Answer, resource

SERVER_ID = 31


def _server(request: Request) -> dict[str, Any]:
    return common("ImageServer", SERVER_ID, None) | {
        "name": "imagehub",
        "url": _address(request),
        "basePath": "/",
        "available": True,
    }


def _address(request: Request) -> str:
    return str(request.base_url).rstrip("/")


async def servers(request: Request, hub: Hub) -> Answer:
    """List the image servers: the hub itself."""
    return sliced(request, [_server(request)], dict)


async def server(request: Request, hub: Hub) -> Answer:
    """Return the image server."""
    if request.path_params["id"] != SERVER_ID:
        raise NotFound("image server", request.path_params["id"])
    return _server(request)


async def formats(request: Request, hub: Hub) -> Answer:
    """List the formats that images are read from."""
    return [
        {
            "id": name,
            "name": name,
            "remarks": "",
            "readable": True,
            "writable": False,
            "convertible": True,
            "importable": True,
        }
        for name in get_args(Format)
    ]


async def of_image(request: Request, hub: Hub) -> Answer:
    """Return where the picture of an image is fetched."""
    await hub.catalog.one(Image, request.path_params["id"])
    return {"imageServersURLs": [_address(request)]}


ROUTES = [
    *resource("/api/imageserver", get=servers),
    *resource("/api/imageserver/format", get=formats),
    *resource("/api/imageserver/{id:number}", get=server),
    *resource("/api/abstractimage/{id:number}/imageservers", get=of_image),
]
