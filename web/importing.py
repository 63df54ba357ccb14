"""What the command line does to import: containers by name, each refused file named."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from adapters.formats.base import Axis
from adapters.hub import Hub
from adapters.imports import ImportOptions
from adapters.screens import NewField, place_of
from store.errors import HubError, Invalid
from store.pixels.base import Progress
from store.statement import cols
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen
from web.accounts import actor_named
from web.bootstrap import Services

WELL = re.compile(r"(?<![A-Za-z0-9])([A-Pa-p])(0?[1-9]|1[0-9]|2[0-4])(?![0-9])")


@dataclass(frozen=True, slots=True)
class Wanted:
    """An import as the command line asks for it."""

    paths: Sequence[Path]
    project: str | None
    dataset: str | None
    screen: str | None
    plate: str | None
    channels: bool
    axis: str
    again: bool
    name: str | None
    user: str


async def import_paths(
    services: Services,
    wanted: Wanted,
    report: Callable[[float, str], None],
    made: Callable[[int, str], None],
    refused: Callable[[Path, str], None],
) -> int:
    """Import each file, naming those that cannot be; return how many were refused."""
    if wanted.axis not in ("t", "c", "z"):
        raise Invalid("axis", f"{wanted.axis!r} is not one of z, t, c.")
    hub = services.hub(await actor_named(services, wanted.user))
    options = ImportOptions(
        dataset_id=await _dataset(hub, wanted),
        channels=wanted.channels,
        unnamed_axis=cast(Axis, wanted.axis),
        again=wanted.again,
        name=wanted.name,
    )
    plate = await _plate(hub, wanted)
    groups = [list(wanted.paths)] if wanted.channels else [[path] for path in wanted.paths]
    failures = 0
    for number, paths in enumerate(groups):
        try:
            images = await hub.imports.files(
                paths, options, report=_step(report, number, len(groups), paths[0].name)
            )
            if plate is not None:
                await _place(hub, plate, paths[0].name, images)
        except HubError as error:
            failures += 1
            refused(paths[0], error.message)
            continue
        for image in images:
            made(image.id, image.name)
    return failures


def _step(
    report: Callable[[float, str], None], number: int, count: int, name: str
) -> Callable[[Progress], None]:
    def step(progress: Progress) -> None:
        inside = progress.done / progress.total if progress.total else 0
        report((number + inside) / count, name)

    return step


async def _dataset(hub: Hub, wanted: Wanted) -> int | None:
    if wanted.dataset is None and wanted.project is None:
        return None
    project: Any = None
    if wanted.project is not None:
        project = await _named(hub, Project, wanted.project)
    name = wanted.dataset or wanted.project or ""
    dataset: Any = await _named(
        hub, Dataset, name, into=project, group_id=None if project is None else project.group_id
    )
    if project is not None:
        await hub.containers.link(Project, project.id, Dataset, [dataset.id])
    return int(dataset.id)


async def _plate(hub: Hub, wanted: Wanted) -> int | None:
    if wanted.plate is None:
        return None
    screen: Any = None
    if wanted.screen is not None:
        screen = await _named(hub, Screen, wanted.screen)
    plate: Any = await _named(hub, Plate, wanted.plate, into=screen)
    if screen is not None:
        await hub.containers.link(Screen, screen.id, Plate, [plate.id])
    return int(plate.id)


async def _named(
    hub: Hub, noun: Any, name: str, *, into: Any = None, group_id: int | None = None
) -> Any:
    """Return a container by id or by name among the actor's own; made if there is none."""
    row = cols(noun)
    if name.isdigit():
        return await hub.containers.get(noun, int(name))
    found = await hub.catalog.all(
        noun,
        hub.catalog.select(noun)
        .where(row.name == name, row.owner_id == hub.actor.author_id)
        .order_by(row.id)
        .limit(1),
    )
    if found:
        return found[0]
    group = group_id if into is None else into.group_id
    return await hub.containers.create(noun, name=name, group_id=group)


async def _place(hub: Hub, plate_id: int, file_name: str, images: Sequence[Image]) -> None:
    """Put images into the well that the file name spells, such as ``A01``."""
    match = WELL.search(file_name.replace("_", " "))
    if match is None:
        raise Invalid("plate", f"{file_name} names no well such as A01; the image is in no plate.")
    row, column = place_of(match[1] + match[2])
    await hub.screens.add_fields(plate_id, [NewField(row, column, image.id) for image in images])
