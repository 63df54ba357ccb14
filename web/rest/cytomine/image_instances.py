"""Images in projects: lists of them, single ones, their neighbours and bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.placements import Placed, Which
from store.catalog import receipt
from store.errors import Conflict, Invalid
from store.tables.containers import Project
from store.tables.images import Image
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import collection, done, each, slice_of
from web.rest.cytomine.image_lists import INSTANCE_FIELDS, tests_of, turn_of
from web.rest.cytomine.marshal.images import blinded, image_instance, light
from web.rest.cytomine.resource import Answer, as_json, resource

INSTANCE = domain("ImageInstance")
_NUMBERS = {
    "physicalSizeX": "physical_size_x",
    "physicalSizeY": "physical_size_y",
    "physicalSizeZ": "physical_size_z",
    "fps": "fps",
    "magnification": "magnification",
}
_BOUNDS = {
    "width": "size_x",
    "height": "size_y",
    "depth": "size_z",
    "duration": "size_t",
    "channels": "channels",
    "bitPerSample": "bits",
    "samplePerPixel": "samples",
    "physicalSizeX": "physical_size_x",
    "physicalSizeY": "physical_size_y",
    "physicalSizeZ": "physical_size_z",
    "fps": "fps",
    "magnification": "magnification",
    "numberOfAnnotations": "drawn_by_people",
    "numberOfJobAnnotations": "drawn_by_jobs",
    "numberOfReviewedAnnotations": "drawn_reviewed",
}


async def written(request: Request, hub: Hub, rows: Sequence[Placed]) -> list[dict[str, Any]]:
    """Write images in projects with their counts. One statement."""
    drawn = await hub.placements.drawn(rows)
    base = str(request.base_url)
    return [image_instance(one, drawn[one.row.id], base) for one in rows]


async def listed(
    request: Request, hub: Hub, which: Which, *, lightly: bool = False
) -> dict[str, Any]:
    """Return the asked page of images in projects. Three statements, four with last activity."""
    given = request.query_params
    asked = slice_of(given)
    narrowed = Which(
        which.project_ids, which.image_id, which.image_ids, tests_of(given, INSTANCE_FIELDS)
    )
    sort, descending = turn_of(given, INSTANCE_FIELDS)
    rows = await hub.placements.page(
        narrowed, sort=sort, descending=descending, offset=asked.offset, limit=asked.limit
    )
    whole = asked.limit is None and not asked.offset
    total = len(rows) if whole else await hub.placements.count(narrowed)
    if lightly or parameters.flag(given, "light"):
        return collection([light(one) for one in rows], total, asked)
    items = await written(request, hub, rows)
    if parameters.flag(given, "withLastActivity"):
        opened = await hub.placements.opened(image_ids=[one.image.id for one in rows])
        for one, item in zip(rows, items, strict=True):
            at = opened.get((one.image.id, one.row.project_id))
            item["lastActivity"] = None if at is None else str(at)
    return collection(items, total, asked)


async def of_project(request: Request, hub: Hub) -> Answer:
    """List the images of a project, with filters and sorting by any field."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    which = Which(project_ids=[project.id])
    if not parameters.flag(request.query_params, "tree"):
        return await listed(request, hub, which)
    rows = await hub.placements.page(which)
    leaves = [
        {"id": item["id"], "key": item["id"], "name": item["instanceFilename"],
         "title": item["instanceFilename"], "isFolder": False, "children": []}
        for item in map(light, rows)
    ]  # fmt: skip
    return {
        "id": project.id, "key": project.id, "name": project.name, "title": project.name,
        "class": domain("Project").java, "isFolder": True, "hideCheckbox": True,
        "children": leaves,
    }  # fmt: skip


async def of_user(request: Request, hub: Hub) -> Answer:
    """List the images of the projects that somebody is in, of those the caller sees."""
    return await listed(request, hub, await _of_user(request, hub))


async def light_of_user(request: Request, hub: Hub) -> Answer:
    """List id and name of the images of the projects that somebody is in."""
    return await listed(request, hub, await _of_user(request, hub), lightly=True)


async def _of_user(request: Request, hub: Hub) -> Which:
    user_id = request.path_params["id"]
    await hub.people.get(user_id)
    return Which(project_ids=sorted(await hub.members.projects_of(user_id)))


async def of_abstract_image(request: Request, hub: Hub) -> Answer:
    """List the projects' images that are one image of a storage."""
    image = await hub.catalog.one(Image, request.path_params["id"])
    return await listed(request, hub, Which(image_id=image.id))


async def last_opened(request: Request, hub: Hub) -> Answer:
    """List the images that the caller opened last, the latest first."""
    return await _latest(request, hub, None)


async def last_of_project(request: Request, hub: Hub) -> Answer:
    """List the images of a project that the caller opened last, the latest first."""
    project = await hub.catalog.one(Project, request.path_params["id"])
    return await _latest(request, hub, project.id)


async def _latest(request: Request, hub: Hub, project_id: int | None) -> dict[str, Any]:
    opened = await hub.placements.opened(project_id=project_id)
    images = sorted({image for image, _project in opened})
    projects = sorted({project for _image, project in opened})
    rows = await hub.placements.page(Which(project_ids=projects, image_ids=images))
    at = {one.row.id: opened.get((one.image.id, one.row.project_id)) for one in rows}
    found = sorted(
        (one for one in rows if at[one.row.id] is not None),
        key=lambda one: (at[one.row.id] or 0, one.row.id),
        reverse=True,
    )
    asked = slice_of(request.query_params)
    stop = None if asked.limit is None else asked.offset + asked.limit
    shown = found[asked.offset : stop]
    items = await written(request, hub, shown)
    for item in items:
        item["date"] = str(at[item["id"]])
    return collection(items, len(found), asked)


async def one_image(request: Request, hub: Hub) -> Answer:
    """Return an image in a project."""
    return await _one(request, hub, await hub.placements.get(request.path_params["id"]))


async def _one(request: Request, hub: Hub, placed: Placed) -> dict[str, Any]:
    (item,) = await written(request, hub, [placed])
    return item


async def create(request: Request, hub: Hub) -> Answer:
    """Put an image of a storage into a project; an array puts many, one by one.

    One that is there already is a conflict.
    """
    given = await parameters.json_of(request)
    if isinstance(given, list):

        async def add(item: Any) -> int:
            if not isinstance(item, dict):
                raise Invalid("body", "a JSON object is needed.")
            return (await _added(hub, item)).row.id

        answer, status = await each(given, add, "imageinstances")
        return as_json(answer, status)
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    with receipt() as noted:
        placed = await _added(hub, given)
    item = await _one(request, hub, placed)
    return _done("Add", item, noted, "added in")


async def _added(hub: Hub, given: Mapping[str, Any]) -> Placed:
    image_id = parameters.required(given, "baseImage")
    project_id = parameters.required(given, "project")
    name = parameters.text(given, "instanceFilename")
    return await hub.placements.add(image_id, project_id, name=name or None)


async def change(request: Request, hub: Hub) -> Answer:
    """Change name, scales, rate or magnification of an image in a project, or its project.

    What is left out or sent back as it was stays, and so does all that cannot be written.
    """
    id, given = request.path_params["id"], await parameters.object_of(request)
    placed = await hub.placements.get(id)
    fields: dict[str, Any] = {
        ours: parameters.decimal(given, theirs) for theirs, ours in _NUMBERS.items()
        if theirs in given
    }  # fmt: skip
    name = parameters.text(given, "instanceFilename")
    if name and not (placed.nameless and name == blinded(placed.image.id)):
        fields["name"] = name
    with receipt() as noted:
        stored = await hub.placements.change(
            id, project_id=parameters.whole(given, "project"), **fields
        )
    return _done("Edit", await _one(request, hub, stored), noted, "edited in")


async def delete(request: Request, hub: Hub) -> Answer:
    """Take an image out of a project with what is drawn on it there; the image itself stays.

    Refused while it is in review or reviewed.
    """
    id = request.path_params["id"]
    item = await _one(request, hub, await hub.placements.get(id))
    with receipt() as noted:
        try:
            await hub.placements.remove(id)
        except Conflict as error:
            if error.fields.get("noun") != "placement":
                raise
            raise Invalid("image", error.message) from error
    return _done("Delete", item, noted, "deleted in")


def _done(verb: str, item: Mapping[str, Any], noted: Any, said: str) -> dict[str, Any]:
    text = (
        f"Image instance {item['id']} ({item['instanceFilename']}) {said} "
        f"project {item['projectName']}"
    )
    return done(verb, INSTANCE, item, noted, text, imageID=item["id"], projectID=item["project"])


async def following(request: Request, hub: Hub) -> Answer:
    """Return the next image of the project, the newest being the first; nothing at the end."""
    return await _beside(request, hub, forward=True)


async def preceding(request: Request, hub: Hub) -> Answer:
    """Return the image of the project before this one; nothing at the start."""
    return await _beside(request, hub, forward=False)


async def _beside(request: Request, hub: Hub, *, forward: bool) -> Answer:
    found = await hub.placements.neighbour(request.path_params["id"], forward=forward)
    return {} if found is None else await _one(request, hub, found)


async def bounds(request: Request, hub: Hub) -> Answer:
    """Return the least, the greatest and all different values of each number in a project."""
    found = await hub.placements.bounds(request.path_params["id"])
    return {
        theirs: {
            "min": found[ours][0] if found[ours] else None,
            "max": found[ours][-1] if found[ours] else None,
            "list": found[ours],
        }
        for theirs, ours in _BOUNDS.items()
    }


ROUTES = [
    *resource("/api/imageinstance", post=create),
    *resource("/api/imageinstance/method/lastopened", get=last_opened),
    *resource("/api/imageinstance/{id:number}", get=one_image, put=change, delete=delete),
    *resource("/api/imageinstance/{id:number}/next", get=following),
    *resource("/api/imageinstance/{id:number}/previous", get=preceding),
    *resource("/api/project/{id:number}/imageinstance", get=of_project),
    *resource("/api/project/{id:number}/bounds/imageinstance", get=bounds),
    *resource("/api/project/{id:number}/lastImages", get=last_of_project),
    *resource("/api/user/{id:number}/imageinstance", get=of_user),
    *resource("/api/user/{id:number}/imageinstance/light", get=light_of_user),
    *resource("/api/abstractimage/{id:number}/imageinstance", get=of_abstract_image),
]
