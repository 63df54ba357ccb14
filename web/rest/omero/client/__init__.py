"""The web client's addresses: its pages, its tree, annotations, links, search, and plain lists.

`ROUTES` holds them all; each file says what it owns.
"""

from __future__ import annotations

from starlette.routing import Route

from web.rest.omero.client import (
    actions,
    annotating,
    download,
    gateway,
    hierarchy,
    icons,
    notes,
    pages,
    searching,
    tree,
    ways,
)

ROUTES: list[Route] = [
    *notes.ROUTES,
    *tree.ROUTES,
    *ways.ROUTES,
    *hierarchy.ROUTES,
    *annotating.ROUTES,
    *actions.ROUTES,
    *download.ROUTES,
    *searching.ROUTES,
    *gateway.ROUTES,
    *pages.ROUTES,
    *icons.ROUTES,
]
