"""Counts of what containers hold, at every level, without reading what is counted.

A count is what the actor would see when opening the container. An image that lies twice below the
same container counts once. Each call is one statement for all containers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import SQLModel

from adapters.containers import Containers
from adapters.hierarchy import CHILD
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table, word
from store.tables.containers import Dataset, DatasetImage, Placement, Project
from store.tables.images import Image
from store.tables.screens import Acquisition, Plate, Screen, ScreenPlate, Well, WellSample

_image, _placement, _dataset_image = cols(Image), cols(Placement), cols(DatasetImage)
_field, _well, _plate, _screen_plate = cols(WellSample), cols(Well), cols(Plate), cols(ScreenPlate)


class Counts:
    """Verbs that count."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._containers = Containers(catalog)

    async def children(self, noun: type[SQLModel], ids: Sequence[int]) -> dict[int, int]:
        """Count the datasets of projects, images of datasets, plates of screens, wells of plates.

        Containers found visible before; those that hold nothing are left out.
        """
        if noun is Plate:
            wells = select(_well.id).where(self._catalog.members(_well.plate_id, set(ids)))
            return await self._catalog.counts(wells, _well.plate_id)
        if noun not in CHILD:
            raise Invalid("noun", f"a {word(noun)} holds nothing that is counted.")
        return await self._containers.count_children(noun, CHILD[noun], list(dict.fromkeys(ids)))

    async def images(self, noun: type[SQLModel], ids: Sequence[int]) -> dict[int, int]:
        """Count the images below each project, dataset, screen, plate, acquisition or well.

        Containers found visible before; those that hold no image are left out.
        """
        if noun not in _IMAGES:
            raise Invalid("noun", f"a {word(noun)} holds no images.")
        from_, parent, settled = _IMAGES[noun]
        statement = (
            from_()
            .with_only_columns(parent, func.count(_image.id.distinct()), maintain_column_froms=True)
            .where(self._catalog.members(parent, set(ids)))
            .group_by(parent)
        )
        return {row[0]: row[1] for row in await self._catalog.rows(statement, settled=settled)}


def _placed() -> Select[Any]:
    return select(_image.id).join(table(Placement), _placement.image_id == _image.id)


def _linked() -> Select[Any]:
    return select(_image.id).join(table(DatasetImage), _dataset_image.image_id == _image.id)


def _shown() -> Select[Any]:
    return (
        select(_image.id)
        .join(table(WellSample), _field.image_id == _image.id)
        .join(table(Well), _well.id == _field.well_id)
    )


def _screened() -> Select[Any]:
    return (
        _shown()
        .join(table(Plate), _plate.id == _well.plate_id)
        .join(table(ScreenPlate), _screen_plate.plate_id == _plate.id)
    )


# noun → the join from images up to it, the column of its id, links whose ends are settled
_IMAGES: dict[type[SQLModel], tuple[Callable[[], Select[Any]], Any, tuple[str, ...]]] = {
    Project: (_placed, _placement.project_id, ()),
    Dataset: (_linked, _dataset_image.dataset_id, ("dataset_image",)),
    Screen: (_screened, _screen_plate.screen_id, ("screen_plate", "well", "well_sample")),
    Plate: (_shown, _well.plate_id, ("well", "well_sample")),
    Acquisition: (_shown, _field.acquisition_id, ("well", "well_sample")),
    Well: (_shown, _field.well_id, ("well", "well_sample")),
}
