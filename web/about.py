"""What this hub is and which tongues it speaks: for the landing page."""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIALECTS = [
    {"name": "GraphQL", "path": "/graphql", "available": True,
     "note": "Everything: queries, mutations, subscriptions; an editor for browsers."},
    {"name": "OME-Zarr", "path": "/zarr/{image}.zarr", "available": True,
     "note": "Every image as OME-Zarr 0.5 over HTTP, with a token."},
    {"name": "Tiles and regions", "path": "/tiles/{image}/…", "available": True,
     "note": "Rendered tiles, pictures and thumbnails; raw samples."},
    {"name": "OMERO JSON API", "path": "/api/", "available": True,
     "note": "For clients of OMERO.web."},
    {"name": "Cytomine", "path": "/api/*.json", "available": True,
     "note": "For the Cytomine Python client."},
    {"name": "ImageJ server", "path": "/modules", "available": False,
     "note": "For clients of imagej-server."},
]  # fmt: skip


async def about(request: Request) -> Response:
    """Say the version and where each dialect lives."""
    services = request.app.state.services
    demo = (services.settings.data / "demo.json").exists()
    return JSONResponse({"version": version("imagehub"), "dialects": DIALECTS, "demo": demo})


ROUTES = [Route("/app/about", about)]
