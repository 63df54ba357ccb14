"""All addresses of the dialect. Fixed words stand above patterns that would take them."""

from __future__ import annotations

from starlette.routing import Route

from web.rest.omero import (
    client,
    containers,
    gateway,
    images,
    people,
    rois,
    save,
    screens,
    shape_pictures,
    signing_in,
    tile,
)
from web.rest.omero.iviewer import routes as iviewer

ROUTES: list[Route] = [
    # Tiles and thumbnails are asked for by the hundred: routes are tried in order.
    *tile.ROUTES,
    *gateway.ROUTES,
    *signing_in.ROUTES,
    *save.ROUTES,
    *containers.ROUTES,
    *images.ROUTES,
    *screens.ROUTES,
    *rois.ROUTES,
    *shape_pictures.ROUTES,
    *iviewer.ROUTES,
    *people.ROUTES,
    *client.ROUTES,
]
