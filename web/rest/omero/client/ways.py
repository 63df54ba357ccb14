"""``webclient/api/paths_to_object/``: every way from a person down to an object.

The lowest object named is the one looked for; what else is named narrows the ways to it. A dataset
that holds more images than a page of the tree also says on which page the image stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.paths import Path
from adapters.tree import Branch
from store.errors import NotFound
from store.tables.annotations import AnnotationKind
from store.tables.containers import Dataset
from store.tables.images import Image
from web.rest.omero.client.reading import PAGE
from web.rest.omero.parameters import number
from web.rest.omero.resource import WEBCLIENT, Answer, resource

# From the top down: the last one that is given is looked for.
ORDER = ("screen", "plate", "acquisition", "well", "project", "dataset", "image", "roi", "shape")
WRITTEN = {"well_sample": "wellsample"}


async def paths_to_object(request: Request, hub: Hub) -> Answer:
    """List the ways to an object; none if it cannot be seen."""
    given = _given(request)
    owner = number(request, "experimenter")
    size = max(1, number(request, "page_size", PAGE) or PAGE)
    tag = number(request, "tag")
    if tag is not None:
        return {"paths": await _to_tag(hub, tag, owner)}
    if not given:
        return {"paths": [] if owner is None else [[_step("experimenter", owner)]]}
    noun = next(one for one in reversed(ORDER) if one in given)
    ways = (await hub.paths.of(noun, [given[noun]])).get(given[noun], [])
    kept = [
        way
        for way in ways
        if (owner is None or way.owner_id == owner)
        and all(_passes(way, *one) for one in given.items())
    ]
    return {"paths": await _written(hub, kept, size)}


def _given(request: Request) -> dict[str, int]:
    found = {}
    for noun in ORDER:
        value = number(request, noun)
        if noun == "acquisition" and value is None:
            value = number(request, "run")
        if value is not None:
            found[noun] = value
    return found


def _passes(way: Path, noun: str, id: int) -> bool:
    return any(step.noun == noun and step.id == id for step in way.steps)


def _step(noun: str, id: int, **more: Any) -> dict[str, Any]:
    return {"type": noun, "id": id, **more}


async def _to_tag(hub: Hub, id: int, owner: int | None) -> list[Any]:
    try:
        row = await hub.annotations.get(id)
    except NotFound:
        return []
    if row.kind != AnnotationKind.TAG.value or owner not in (None, row.owner_id):
        return []
    return [[_step("experimenter", row.owner_id), _step("tag", id)]]


async def _written(hub: Hub, ways: Sequence[Path], size: int) -> list[Any]:
    """Write ways, with how full the datasets are through which an image is reached."""
    images = [step for way in ways for step in way.steps if step.noun == "image"]
    counts: Mapping[int, int] = {}
    places: Mapping[int, int] = {}
    if images:
        datasets = sorted({s.id for way in ways for s in way.steps if s.noun == "dataset"})
        counts = await hub.counts.children(Dataset, datasets) if datasets else {}
        large = [id for id, count in counts.items() if count > size]
        places = await hub.tree.places(Dataset, large, images[0].row) if large else {}
    written = []
    for way in ways:
        steps = [_step("experimenter", way.owner_id)]
        if way.orphaned:
            steps.append(await _loose(hub, images[0].row, size))
        for step in way.steps:
            more = _fullness(step.id, counts, places, size) if step.noun == "dataset" else {}
            steps.append(_step(WRITTEN.get(step.noun, step.noun), step.id, **more))
        written.append(steps)
    return written


def _fullness(
    id: int, counts: Mapping[int, int], places: Mapping[int, int], size: int
) -> dict[str, int]:
    if id not in counts:
        return {}
    found = {"childCount": counts[id]}
    if id in places:
        found |= {"childIndex": places[id], "childPage": places[id] // size + 1}
    return found


async def _loose(hub: Hub, image: Any, size: int) -> dict[str, Any]:
    """Return the folder of a person's images that lie in nothing."""
    branch = Branch(owner_id=image.owner_id, group_id=image.group_id, orphaned=True)
    count = await hub.tree.count(Image, branch)
    if count <= size:
        return _step("orphaned", image.owner_id)
    place = await hub.tree.place(Image, branch, image)
    return _step(
        "orphaned", image.owner_id, childCount=count, childIndex=place, childPage=place // size + 1
    )


ROUTES = [*resource("/webclient/api/paths_to_object", get=paths_to_object, manner=WEBCLIENT)]
