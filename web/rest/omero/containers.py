"""``m/projects/``, ``m/datasets/`` and ``m/screens/``, with what lies in them and around them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from store.access.capabilities import Can
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from web.rest.omero.frames import frame_of
from web.rest.omero.lists import (
    How,
    Item,
    Kind,
    list_routes,
    nested_routes,
    single_routes,
)
from web.rest.omero.marshal import containers as marshal
from web.rest.omero.marshal.details import Frame


def written(
    noun: type[Any],
    word: str,
    plural: str,
    around: Sequence[str],
    write: Callable[[Any, Frame, Can], Item],
) -> Callable[..., Awaitable[tuple[list[Item], Frame]]]:
    """Return how rows of a noun are written that have nothing inside.

    `around` are the lists below each row that its addresses lead to.
    """

    async def items(
        request: Request, hub: Hub, rows: Sequence[Any], how: How
    ) -> tuple[list[Item], Frame]:
        frame = await frame_of(request, hub, rows)
        allowed = await hub.catalog.capabilities(noun, rows)
        links, made = frame.links, []
        for row, can in zip(rows, allowed, strict=True):
            item = write(row, frame, can)
            if how.linked:
                if not how.single:
                    item[f"url:{word}"] = links.to(plural, row.id)
                for other in around:
                    item[f"url:{other}"] = links.to(plural, row.id, other)
            made.append(item)
        return made, frame

    return items


PROJECTS = Kind(
    Project,
    "Project",
    "projects",
    written(Project, "project", "projects", ("datasets",), marshal.project),
    {"dataset": Dataset},
    counted=True,
    deleted=True,
)
DATASETS = Kind(
    Dataset,
    "Dataset",
    "datasets",
    written(Dataset, "dataset", "datasets", ("images", "projects"), marshal.dataset),
    {"project": Project, "image": Image},
    counted=True,
    deleted=True,
)
SCREENS = Kind(
    Screen,
    "Screen",
    "screens",
    written(Screen, "screen", "screens", ("plates",), marshal.screen),
    {"plate": Plate},
    counted=True,
    deleted=True,
)

ROUTES = [
    *(route for kind in (PROJECTS, DATASETS, SCREENS) for route in list_routes(kind)),
    *(route for kind in (PROJECTS, DATASETS, SCREENS) for route in single_routes(kind)),
    *nested_routes("projects", Project, DATASETS),
    *nested_routes("datasets", Dataset, PROJECTS),
    *nested_routes("images", Image, DATASETS),
    *nested_routes("plates", Plate, SCREENS),
]
