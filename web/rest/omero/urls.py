"""All addresses of the dialect. Fixed words stand above patterns that would take them."""

from __future__ import annotations

from starlette.routing import Route

from web.rest.omero import save, signing_in

ROUTES: list[Route] = [
    *signing_in.ROUTES,
    *save.ROUTES,
]
