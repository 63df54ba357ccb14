"""Images in storages: those with pixels, and those that somebody declares without any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.image_pages import Pictured, Which
from adapters.placement_fields import bits_of
from store.catalog import receipt
from store.errors import Conflict, Invalid, NotFound
from store.tables.containers import Project
from store.tables.files import StoredFile
from store.tables.images import Image
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, slice_of
from web.rest.cytomine.image_lists import ABSTRACT_FIELDS, tests_of, turn_of
from web.rest.cytomine.marshal.images import abstract_image, blinded, plain
from web.rest.cytomine.marshal.users import user
from web.rest.cytomine.resource import Answer, resource

ABSTRACT = domain("AbstractImage")
_SIZES = {
    "width": "size_x",
    "height": "size_y",
    "depth": "size_z",
    "duration": "size_t",
    "channels": "size_c",
}
_SCALES = {
    "physicalSizeX": "physical_size_x",
    "physicalSizeY": "physical_size_y",
    "physicalSizeZ": "physical_size_z",
    "fps": "fps",
    "magnification": "magnification",
}


async def written(
    request: Request, hub: Hub, rows: Sequence[Pictured], project_id: int | None = None
) -> list[dict[str, Any]]:
    """Write images; with a project, whether they lie in it. One statement then."""
    base = str(request.base_url)
    inside: set[int] = set()
    if project_id is not None:
        inside = await hub.image_pages.inside(project_id, [one.image.id for one in rows])
    return [abstract_image(one, base, inside=one.image.id in inside) for one in rows]


async def listed(request: Request, hub: Hub, which: Which) -> dict[str, Any]:
    """Return the asked page of images. Five statements at most."""
    given = request.query_params
    asked = slice_of(given)
    narrowed = Which(which.file_id, which.unused, tests_of(given, ABSTRACT_FIELDS))
    sort, descending = turn_of(given, ABSTRACT_FIELDS)
    rows = await hub.image_pages.page(
        narrowed, sort=sort, descending=descending, offset=asked.offset, limit=asked.limit
    )
    whole = asked.limit is None and not asked.offset
    total = len(rows) if whole else await hub.image_pages.count(narrowed)
    project_id = parameters.whole(given, "project")
    if project_id is not None:
        await hub.catalog.one(Project, project_id)
    return collection(await written(request, hub, rows, project_id), total, asked)


async def images(request: Request, hub: Hub) -> Answer:
    """List the images that the caller sees; with a project, whether each lies in it."""
    return await listed(request, hub, Which())


async def unused(request: Request, hub: Hub) -> Answer:
    """List the images that lie in no project, dataset or well."""
    return await listed(request, hub, Which(unused=True))


async def of_file(request: Request, hub: Hub) -> Answer:
    """Return the image that came from an uploaded file; of several, the first."""
    file = await hub.catalog.one(StoredFile, request.path_params["id"])
    rows = await hub.image_pages.page(Which(file_id=file.id), descending=False, limit=1)
    if not rows:
        raise NotFound("image of file", file.id)
    return (await written(request, hub, rows))[0]


async def one_image(request: Request, hub: Hub) -> Answer:
    """Return an image."""
    return await _one(request, hub, request.path_params["id"])


async def _one(request: Request, hub: Hub, id: int) -> dict[str, Any]:
    (item,) = await written(request, hub, [await hub.image_pages.get(id)])
    return item


async def create(request: Request, hub: Hub) -> Answer:
    """Declare an image without pixels; only its name must be told."""
    given = await parameters.object_of(request)
    name = parameters.text(given, "originalFilename")
    if not name:
        raise Invalid("originalFilename", "is needed.")
    stated = {**{"size_z": 1, "size_t": 1, "size_c": 1}, **_stated(given)}
    with receipt() as noted:
        made = await hub.declared.create_image(
            name,
            file_id=parameters.whole(given, "uploadedFile"),
            bits=parameters.whole(given, "bitPerSample"),
            rgb=parameters.whole(given, "samplePerPixel") == 3,
            **stated,
        )
    return _done("Add", await _one(request, hub, made.id), noted, "added")


def _stated(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes and scales that a body states; null states nothing."""
    whole = {ours: parameters.whole(given, theirs) for theirs, ours in _SIZES.items()}
    decimal = {ours: parameters.decimal(given, theirs) for theirs, ours in _SCALES.items()}
    return {name: value for name, value in {**whole, **decimal}.items() if value is not None}


async def change(request: Request, hub: Hub) -> Answer:
    """Change an image: name and scales, of a declared one its sizes and file as well.

    What is left out or sent back as it was stays, and so does all that cannot be written.
    """
    id, given = request.path_params["id"], await parameters.object_of(request)
    seen = await hub.image_pages.get(id)
    stated = _differing(seen, _stated(given))
    name = parameters.text(given, "originalFilename")
    if name and not (seen.nameless and name == blinded(id)):
        stated["name"] = name
    bits, samples = (parameters.whole(given, key) for key in ("bitPerSample", "samplePerPixel"))
    with receipt() as noted:
        await hub.declared.update_image(
            id,
            file_id=parameters.whole(given, "uploadedFile"),
            bits=None if bits == bits_of(seen.pixels.dtype) else bits,
            rgb=None if samples is None else samples == 3,
            **stated,
        )
    return _done("Edit", await _one(request, hub, id), noted, "edited")


def _differing(seen: Pictured, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is sent back as it was shown; absent sizes are shown as 1."""
    shown = {"size_z": seen.pixels.size_z or 1, "size_t": seen.pixels.size_t or 1,
             "size_c": 1 if seen.pixels.rgb else seen.pixels.size_c or 1,
             "magnification": plain(seen.image.magnification)}  # fmt: skip
    return {k: v for k, v in stated.items() if k not in shown or shown[k] != v}


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete an image that lies nowhere; undo brings it back."""
    id = request.path_params["id"]
    item = await _one(request, hub, id)
    with receipt() as noted:
        try:
            await hub.declared.delete_image(id)
        except Conflict as error:
            raise Invalid("image", error.message) from error
    return _done("Delete", item, noted, "deleted")


def _done(verb: str, item: Mapping[str, Any], noted: Any, said: str) -> dict[str, Any]:
    text = f"Abstract image {item['id']} ({item['originalFilename']}) {said}"
    return done(verb, ABSTRACT, item, noted, text, imageID=item["id"])


async def owner(request: Request, hub: Hub) -> Answer:
    """Return who owns an image."""
    image = await hub.catalog.one(Image, request.path_params["id"])
    return user(await hub.people.get(image.owner_id))


async def metadata(request: Request, hub: Hub) -> Answer:
    """List what the file said of an image, as keys and values."""
    seen = await hub.image_pages.get(request.path_params["id"])
    return _metadata(seen.image, nameless=seen.nameless)


async def instance_metadata(request: Request, hub: Hub) -> Answer:
    """List what the file said of an image in a project, as keys and values."""
    placed = await hub.placements.get(request.path_params["id"])
    image = await hub.catalog.one(Image, placed.image.id)
    return _metadata(image, nameless=placed.nameless)


def _metadata(image: Image, *, nameless: bool) -> dict[str, Any]:
    known: Mapping[str, Any] = {} if nameless else image.acquisition or {}
    pairs = [
        {"key": str(key), "value": str(value), "namespace": space}
        for space, values in known.items()
        if isinstance(values, dict)
        for key, value in values.items()
    ]
    return collection(pairs, len(pairs), slice_of({}))


async def extract(request: Request, hub: Hub) -> Answer:
    """Answer that the properties are there: they were read when the file came."""
    await hub.catalog.one(Image, request.path_params["id"])
    return {}


ROUTES = [
    *resource("/api/abstractimage", get=images, post=create),
    *resource("/api/abstractimage/unused", get=unused),
    *resource("/api/abstractimage/{id:number}", get=one_image, put=change, delete=delete),
    *resource("/api/abstractimage/{id:number}/user", get=owner),
    *resource("/api/abstractimage/{id:number}/metadata", get=metadata),
    *resource("/api/imageinstance/{id:number}/metadata", get=instance_metadata),
    *resource("/api/abstractimage/{id:number}/properties/extract", post=extract),
    *resource("/api/abstractimage/{id:number}/properties/regenerate", post=extract),
    *resource("/api/uploadedfile/{id:number}/abstractimage", get=of_file),
]
