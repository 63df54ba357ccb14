"""Names of channels, for one image or for all images of a container that have as many channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Forbidden, Invalid
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage
from store.tables.images import Channel, Image
from store.tables.screens import Plate, Well, WellSample
from store.unit import Unit

NAME_LENGTH = 255
_image, _channel = cols(Image), cols(Channel)
_in_dataset, _field, _well = cols(DatasetImage), cols(WellSample), cols(Well)


@dataclass(frozen=True, slots=True)
class Named:
    """How many images were looked at, and how many of them have other names now."""

    images: int
    changed: int


class Channels:
    """Verbs on the channels of images."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def name(
        self,
        image_id: int,
        names: Mapping[int, str],
        *,
        within: tuple[type[SQLModel], int] | None = None,
    ) -> Named:
        """Name channels by position, from 0; an empty name takes the name away. One command.

        `within` a dataset or a plate names those of all its images that have as many channels as
        the image. Raises NotFound, Forbidden, Invalid for a name.
        """
        after = {position: _checked(position, name) for position, name in names.items()}

        async def work(unit: Unit) -> Named:
            image = await unit.one(Image, image_id, can=Can.EDIT)
            unit.journal.summary = f"name channels of image {image.name}"
            images = [image] if within is None else await _alike(unit, image_id, *within)
            ids = [one.id for one in images]
            for one, can in zip(images, await unit.judge.capabilities(Image, images), strict=True):
                if not can & Can.EDIT:
                    raise Forbidden("change", "image", one.id)
            changed: set[int] = set()
            for row in await unit.all(Channel, unit.members(_channel.image_id, ids)):
                if row.position in after and row.name != after[row.position]:
                    await unit.put(Channel, row, {"name": after[row.position]})
                    changed.add(row.image_id)
            for one in images:
                if one.id in changed:
                    unit.tell("changed", Image, one)
            return Named(len(images), len(changed))

        return await self._catalog.write("name_channels", work)


async def _alike(
    unit: Unit, image_id: int, container: type[SQLModel], container_id: int
) -> Sequence[Any]:
    """Return the images of a container that have as many channels as one image."""
    await unit.one(container, container_id)
    if container is Dataset:
        inside = select(_in_dataset.image_id).where(
            _in_dataset.dataset_id == container_id, _in_dataset.trashed_by.is_(None)
        )
    elif container is Plate:
        inside = (
            select(_field.image_id)
            .join(table(Well), _well.id == _field.well_id)
            .where(_well.plate_id == container_id, _field.trashed_by.is_(None))
        )
    else:
        raise Invalid("within", "channels are named within a dataset or a plate.")
    ids = set(await unit.scalars(inside))
    sizes: dict[int, int] = {}
    for (id,) in await unit.rows(
        select(_channel.image_id).where(unit.members(_channel.image_id, ids | {image_id}))
    ):
        sizes[id] = sizes.get(id, 0) + 1
    same = [id for id in ids if sizes.get(id) == sizes.get(image_id)]
    return await unit.all(Image, unit.members(_image.id, same), order=_image.id)


def _checked(position: int, name: str) -> str | None:
    cleaned = name.strip()
    if len(cleaned) > NAME_LENGTH or any(ord(one) < 32 or ord(one) == 127 for one in cleaned):
        raise Invalid(
            f"channel{position}",
            f"use at most {NAME_LENGTH} characters, and no control characters.",
        )
    return cleaned or None
