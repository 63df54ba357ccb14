"""``/webgateway/``: pictures of images, how they are shown, and their files.

Parameters are read here and nothing else is done: `adapters` draws, keeps settings and writes
files. Pictures are asked again by their ETag; drawing one that was seen before costs no statement.
"""

from __future__ import annotations

from starlette.routing import Route

from web.rest.omero.gateway import (
    downloads,
    histogram,
    image_data,
    lookup_tables,
    pictures,
    rdefs,
    thumbnails,
)

ROUTES: list[Route] = [
    *pictures.ROUTES,
    *thumbnails.ROUTES,
    *image_data.ROUTES,
    *histogram.ROUTES,
    *lookup_tables.ROUTES,
    *rdefs.ROUTES,
    *downloads.ROUTES,
]
