"""``webclient/action/…`` and channel names: small edits by forms, answered with texts for booleans.

``bad`` is the text ``true`` or ``false``, which clients compare as such.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from adapters.descriptions import plain
from adapters.hub import Hub
from store.errors import Invalid, NotFound
from store.tables.annotations import Annotation, AnnotationKind
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from web.rest.omero.client.reading import sent, text
from web.rest.omero.parameters import read
from web.rest.omero.resource import WEBCLIENT, Answer, resource

CONTAINERS: dict[str, type[Any]] = {
    "project": Project,
    "dataset": Dataset,
    "image": Image,
    "screen": Screen,
    "plate": Plate,
}
ACQUISITIONS = ("acquisition", "run")
TAG = "tag"
ANNOTATIONS = {
    "file": AnnotationKind.FILE,
    "tag": AnnotationKind.TAG,
    "comment": AnnotationKind.COMMENT,
}
REQUIRED = "This field is required."
LONGEST_NAME = 255
ONLY_POST = {"GET": "POST only", "PUT": "POST only", "DELETE": "POST only"}


async def save_name(request: Request, hub: Hub) -> Answer:
    """Rename a container, an image, a run or a tag."""
    noun, id = request.path_params["noun"], request.path_params["id"]
    name = (text(await sent(request), "name") or "").strip()
    if not name:
        return _bad({"name": REQUIRED})
    if len(name) > LONGEST_NAME:
        told = f"Ensure this value has at most {LONGEST_NAME} characters (it has {len(name)})."
        return _bad({"name": told})
    if noun in CONTAINERS:
        await hub.containers.update(CONTAINERS[noun], id, name=name)
    elif noun in ACQUISITIONS:
        await hub.screens.update_acquisition(id, name=name)
    elif noun == TAG:
        await _of_kind(hub, id, AnnotationKind.TAG)
        await hub.annotations.update(id, value=name)
    else:
        raise NotFound(noun, id)
    return {"bad": "false", "o_type": noun}


async def save_description(request: Request, hub: Hub) -> Answer:
    """Describe an object anew; an empty text takes the description away."""
    noun, id = request.path_params["noun"], request.path_params["id"]
    about = (text(await sent(request), "description") or "").strip() or None
    if "\0" in (about or ""):
        raise Invalid("description", "must not hold the character of code 0.")
    if noun in CONTAINERS:
        row: Any = await hub.containers.get(CONTAINERS[noun], id)
        # What was read as text and comes back the same leaves the description as it is kept.
        if about != plain(row.description, row.description_html):
            await hub.containers.update(
                CONTAINERS[noun], id, description=about, description_html=False
            )
    elif noun in ACQUISITIONS:
        await hub.screens.update_acquisition(id, description=about)
    elif noun == TAG:
        await _of_kind(hub, id, AnnotationKind.TAG)
        await hub.annotations.update(id, description=about)
    else:
        raise NotFound(noun, id)
    return {"bad": "false"}


async def delete(request: Request, hub: Hub) -> Answer:
    """Move a file, tag or comment to the trash, with its links."""
    noun, id = request.path_params["noun"], request.path_params["id"]
    if noun not in ANNOTATIONS:
        raise NotFound(noun, id)
    try:
        await _of_kind(hub, id, ANNOTATIONS[noun])
    except NotFound:
        return _bad(f"There is no {noun} {id} to delete.")
    await hub.containers.delete(Annotation, [id])
    return {"bad": "false"}


async def _of_kind(hub: Hub, id: int, kind: AnnotationKind) -> None:
    row = await hub.annotations.get(id)
    if row.kind != kind.value:
        raise NotFound(kind.value, id)


def _bad(why: Any) -> dict[str, Any]:
    return {"bad": "true", "errs": why}


async def edit_channel_names(request: Request, hub: Hub) -> Answer:
    """Name the channels of an image, or of all images beside it that have as many."""
    id, fields = request.path_params["id"], await sent(request)
    (channels,) = (await hub.images.channels([id])).values()
    image = await hub.containers.get(Image, id)
    names = {}
    for position in range(len(channels)):
        name = text(fields, f"channel{position}")
        if name is not None:
            names[position] = name[:LONGEST_NAME]
    within = None
    if text(fields, "confirm_apply") is not None:
        within = _container(text(fields, "parentId"))
    done = await hub.channels.name(image.id, names, within=within)
    return {
        "channelNames": {f"channel{position}": name for position, name in names.items()},
        "imageCount": done.images,
        "updateCount": done.images if names else 0,
    }


def _container(given: str | None) -> tuple[type[Any], int]:
    """Read ``dataset-88`` or ``plate-3``. Raises Invalid."""
    noun, _, id = (given or "").partition("-")
    if noun not in ("dataset", "plate"):
        raise Invalid("parentId", "name a dataset or a plate, such as dataset-88.")
    return CONTAINERS[noun], read(id)


_ACTION = "/webclient/action"
ROUTES = [
    *resource(
        f"{_ACTION}/savename/{{noun}}/{{id:number}}", post=save_name, manner=WEBCLIENT,
        refusals=ONLY_POST,
    ),
    *resource(
        f"{_ACTION}/savedescription/{{noun}}/{{id:number}}", post=save_description,
        manner=WEBCLIENT, refusals=ONLY_POST,
    ),
    *resource(
        f"{_ACTION}/delete/{{noun}}/{{id:number}}", post=delete, manner=WEBCLIENT,
        refusals=ONLY_POST,
    ),
    *resource(
        "/webclient/edit_channel_names/{id:number}", post=edit_channel_names, manner=WEBCLIENT,
        refusals=ONLY_POST,
    ),
]  # fmt: skip
