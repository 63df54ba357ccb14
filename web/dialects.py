"""One table by prefix: what each part of the address space takes, and in whose words it answers.

Routes ask it who is calling; `web.app` asks it how to refuse, also where no route was found, and
which pages of other sites may read an answer. A new dialect is a row here before it is a route. The
first row whose pattern fits decides, so a special address stands above its general one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from starlette.requests import HTTPConnection, Request

from web.auth import csrf
from web.auth.identity import Authenticated, Kind
from web.auth.resolve import authenticate, services_of
from web.errors import Phrase, as_json, as_text
from web.rest.cytomine.phrase import as_cytomine
from web.rest.omero.phrase import as_omero


class Readers(Enum):
    """Which pages of other sites may read an answer (CORS)."""

    NONE = "none"
    LISTED = "listed"  # those of `cors_origins`, and with this browser's cookie
    ANYONE = "anyone"  # every page, without the cookie


@dataclass(frozen=True, slots=True)
class Dialect:
    """One row.

    credentials: the kinds of credential taken; none where a secret in the path decides, or nothing.
    csrf: whether what changes something under a cookie needs the CSRF secret too.
    cache: ``Cache-Control`` of an answer whose address does not say for how long it is good.
    phrase: how a refusal is written; refusals are never kept.
    """

    name: str
    paths: re.Pattern[str]
    credentials: tuple[Kind, ...] = ()
    csrf: bool = False
    readers: Readers = Readers.NONE
    cache: str = "no-store"
    phrase: Phrase = as_json


_PEOPLE = (Kind.SESSION, Kind.BEARER)
_SCRIPTS = (Kind.SESSION, Kind.BEARER, Kind.BASIC, Kind.LINK)

GRAPHQL = Dialect(
    "graphql", re.compile(r"/graphql(/|\Z)"), (*_PEOPLE, Kind.LINK), csrf=True,
    readers=Readers.LISTED,
)  # fmt: skip
SIGNED_ZARR = Dialect(
    "zarr, signed", re.compile(r"/zarr/signed/"), readers=Readers.ANYONE,
    cache="private, max-age=60", phrase=as_text,
)  # fmt: skip
ZARR = Dialect(
    "zarr", re.compile(r"/zarr(/|\Z)"), _SCRIPTS, readers=Readers.LISTED,
    cache="private, max-age=60", phrase=as_text,
)  # fmt: skip
TILES = Dialect(
    "tiles", re.compile(r"/tiles(/|\Z)"), _SCRIPTS, readers=Readers.LISTED,
    cache="private, max-age=0, must-revalidate",
)  # fmt: skip
TRANSFERS = Dialect(
    "transfers", re.compile(r"/transfers(/|\Z)"), _SCRIPTS, csrf=True, readers=Readers.LISTED,
    cache="private, no-store",
)  # fmt: skip
SESSION = Dialect(
    "session", re.compile(r"/app/(session|about)(/|\Z)"), (Kind.SESSION,), csrf=True,
    readers=Readers.LISTED,
)  # fmt: skip
PAGES = Dialect("pages", re.compile(r"(/|/favicon\.ico)\Z|/(app|assets)(/|\Z)"))
METRICS = Dialect("metrics", re.compile(r"/metrics\Z"), (Kind.BEARER, Kind.BASIC), phrase=as_text)
HEALTH = Dialect("health", re.compile(r"/(healthz|readyz)\Z"), phrase=as_text)
OMERO = Dialect(
    "omero", re.compile(r"/api/?\Z|/api/v[0-9]+(/|\Z)"), _PEOPLE, csrf=True,
    readers=Readers.LISTED, phrase=as_omero,
)  # fmt: skip
OMERO_PAGES = Dialect(
    "omero, pages",
    re.compile(r"/(webgateway|webclient|iviewer|static/webclient|static/webgateway)(/|\Z)"),
    _PEOPLE, csrf=True, readers=Readers.LISTED, phrase=as_omero,
)  # fmt: skip
OMERO_PIXELS = Dialect(
    "omero, pixels", re.compile(r"/tile(/|\Z)"), _PEOPLE, readers=Readers.LISTED,
    phrase=as_omero,
)  # fmt: skip
CYTOMINE = Dialect(
    "cytomine",
    re.compile(r"/(api|server/ping|session/admin|command|upload|import|custom-ui)([/.]|\Z)"),
    (Kind.KEYS, Kind.BEARER), phrase=as_cytomine,
)  # fmt: skip
UNKNOWN = Dialect("unknown", re.compile(r""))

TABLE = (
    GRAPHQL,
    SIGNED_ZARR,
    ZARR,
    TILES,
    TRANSFERS,
    SESSION,
    PAGES,
    METRICS,
    HEALTH,
    OMERO,
    OMERO_PAGES,
    OMERO_PIXELS,
    CYTOMINE,
    UNKNOWN,
)


def dialect_of(path: str) -> Dialect:
    """Return the row of a path; `UNKNOWN` fits all."""
    return next(one for one in TABLE if one.paths.match(path))


async def caller_of(request: Request) -> Authenticated:
    """Return who sends a request, by the credentials its path takes.

    Raises Unauthenticated for a wrong credential or one that is not taken here, Forbidden for a
    change under a cookie without the CSRF secret.
    """
    dialect = dialect_of(path_of(request))
    caller = await authenticate(request, dialect.credentials)
    if dialect.csrf and caller.kind is Kind.SESSION and request.method not in csrf.SAFE_METHODS:
        csrf.require(request, trusted=services_of(request).settings.cors_origins)
    return caller


def path_of(connection: HTTPConnection) -> str:
    """Return the path of a request as routes match it, decoded once."""
    path: str = connection.scope["path"]
    return path
