"""``POST /upload``: a file that is sent becomes images, in a storage and in projects.

The answer is an array of one, also for a refusal. Parameters of several generations of clients mean
the same; those that name other servers are ignored.
"""

from __future__ import annotations

from typing import Any

from starlette.datastructures import QueryParams
from starlette.requests import Request

from adapters.hub import Hub
from adapters.uploads import Destination, Uploaded, pairs_of
from store.errors import Forbidden, HubError, Invalid, NotFound, Unauthenticated
from web.rest.cytomine import abstract_images, image_instances, parameters
from web.rest.cytomine.marshal.storages import uploaded_file
from web.rest.cytomine.properties import CLIENT_MAP
from web.rest.cytomine.received import received
from web.rest.cytomine.resource import Answer, as_json, resource


async def upload(request: Request, hub: Hub) -> Answer:
    """Take a file in; with ``sync`` wait for its images, else answer with its row at once.

    ``storage`` says where it lies, ``projects`` where its images are placed; ``keys`` and
    ``values`` are properties that they get. Without ``sync``, poll the uploaded file until its
    status is odd or at least 100.
    """
    try:
        return as_json([await _taken(request, hub)])
    except (NotFound, Forbidden, Unauthenticated):
        raise
    except HubError as error:
        failed = {"size": 0, "error": error.message}
        return as_json([{"status": 500, "error": error.message, "files": [failed]}], 400)


async def _taken(request: Request, hub: Hub) -> dict[str, Any]:
    given = request.query_params
    to = _destination(given)
    waits = parameters.flag(given, "sync")
    await hub.uploads.check(to)
    async with received(request) as (name, source):
        if waits:
            done = await hub.uploads.now(name, source, to)
        else:
            done = Uploaded(await hub.uploads.later(name, source, to))
    return {
        "status": 200,
        "name": done.file.name,
        "size": done.file.size,
        "uploadedFile": uploaded_file(done.file, projects=list(to.project_ids) or None),
        "images": await _images(request, hub, done),
    }


def _destination(given: QueryParams) -> Destination:
    storage = parameters.whole(given, "storage")
    if storage is None:
        storage = parameters.required(given, "idStorage")
    projects = parameters.ids(given, "projects") or parameters.ids(given, "idProject") or []
    keys, values = (given.get(name) or "" for name in ("keys", "values"))
    pairs = pairs_of(keys.split(","), values.split(",")) if keys or values else []
    return Destination(storage, list(dict.fromkeys(projects)), pairs, CLIENT_MAP)


async def _images(request: Request, hub: Hub, done: Uploaded) -> list[dict[str, Any]]:
    """Write the images of an upload, each with itself in projects."""
    if not done.images:
        return []
    pictured = await hub.image_pages.by_ids(list(done.images))
    images = await abstract_images.written(request, hub, pictured)
    ids = [id for several in done.images.values() for id in several]
    placed = await hub.placements.by_ids(ids) if ids else []
    instances = await image_instances.written(request, hub, placed) if placed else []
    return [
        {
            "image": image,
            "imageInstances": [one for one in instances if one["baseImage"] == image["id"]],
        }
        for image in images
    ]


async def import_sets(request: Request, hub: Hub) -> Answer:
    """Refuse to import from folders of the server, of which this one lets clients name none."""
    await hub.storages.get(parameters.required(request.query_params, "storage_id"))
    name = parameters.text(request.query_params, "dataset_names")
    if name is not None and name.strip():
        raise Invalid("dataset_names", "there is no such data set on the server; upload its files.")
    return {"valid_datasets": {}, "invalid_datasets": {}}


ROUTES = [
    *resource("/upload", post=upload, suffix=False),
    *resource("/api/upload", post=upload, suffix=False),
    *resource("/import", post=import_sets, suffix=False),
]
