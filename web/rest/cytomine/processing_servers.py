"""Processing servers: the hub itself, and those that administrators list."""

from __future__ import annotations

from adapters.external_places import Place, PlaceKind
from web.rest.cytomine.domains import domain
from web.rest.cytomine.marshal.software import HUB_SERVER
from web.rest.cytomine.trusted_sources import Places

_TEXTS = (
    "name", "host", "username", "type", "processingMethodName", "persistentDirectory",
    "workingDirectory",
)  # fmt: skip
_NUMBERS = ("port", "index")
_NOTHING: dict[str, str | int | None] = dict.fromkeys((*_TEXTS, *_NUMBERS))
HUB = Place(
    HUB_SERVER,
    PlaceKind.SERVER,
    0,
    None,
    {**_NOTHING, "name": "imagehub", "host": "localhost", "type": "LOCAL", "index": 0},
)
SERVERS = Places(
    PlaceKind.SERVER,
    domain("ProcessingServer"),
    texts=_TEXTS,
    numbers=_NUMBERS,
    required=("name",),
    unique=("name",),
    fixed=(HUB,),
)

ROUTES = SERVERS.routes("processing_server")
