"""Predicates on what objects lie in, hold and are made of, for the filters of lists.

Each is a sub-select on ids, to be wrapped in `Holds`. An object that is named must itself be seen:
otherwise a filter would tell what lies in something that does not exist for the caller.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import and_, literal, select
from sqlmodel import SQLModel

from adapters.containers import inside, placed_in
from adapters.filters import Filter, compiled
from adapters.hierarchy import CHILD, link_of
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table, word
from store.tables.containers import Dataset, DatasetImage, Project
from store.tables.images import Channel, Image, Pixels
from store.tables.jobs import Job, JobIo
from store.tables.operations import Operation
from store.tables.rois import Roi, Shape
from store.tables.screens import Acquisition, Plate, Screen, ScreenPlate, Well, WellSample

_image, _field, _well = cols(Image), cols(WellSample), cols(Well)
_screen_plate, _io, _job = cols(ScreenPlate), cols(JobIo), cols(Job)


def seen(catalog: Catalog, noun: type[SQLModel], id: int) -> Any:
    """Return the predicate that an object exists for the caller."""
    return literal(id).in_(catalog.visible_ids(noun))


def lies_in(catalog: Catalog, child: type[SQLModel], parent: type[SQLModel], id: int) -> Any:
    """Return the predicate that objects lie in a container, which the caller sees.

    Images lie in projects by their datasets, and in screens, plates, acquisitions and wells by
    their fields. Raises Invalid for a parent that such objects cannot lie in.
    """
    if CHILD.get(parent) is child:
        found = inside(parent, id)
    elif child is Image and parent is Project:
        found = placed_in(id)
    elif child is Image and parent in (Screen, Plate, Acquisition, Well):
        found = _image.id.in_(_shown_in(parent, id))
    else:
        raise Invalid("where", f"a {word(child)} does not lie in a {word(parent)}.")
    return and_(seen(catalog, parent, id), found)


def holds(catalog: Catalog, parent: type[SQLModel], child: type[SQLModel], id: int) -> Any:
    """Return the predicate that containers hold an object, which the caller sees."""
    link, above, below = link_of(parent, child)
    row = cols(link)
    holding = select(row[above]).where(row[below] == id, row.trashed_by.is_(None))
    return and_(seen(catalog, child, id), cols(parent).id.in_(holding))


def _shown_in(parent: type[SQLModel], id: int) -> Any:
    fields = (
        select(_field.image_id)
        .join(table(Well), _well.id == _field.well_id)
        .where(_field.trashed_by.is_(None), _well.trashed_by.is_(None))
    )
    if parent is Well:
        return fields.where(_well.id == id)
    if parent is Acquisition:
        return fields.where(_field.acquisition_id == id)
    if parent is Plate:
        return fields.where(_well.plate_id == id)
    return fields.join(table(ScreenPlate), _screen_plate.plate_id == _well.plate_id).where(
        _screen_plate.screen_id == id, _screen_plate.trashed_by.is_(None)
    )


def with_pixels(where: Filter | None) -> Any:
    """Return the predicate that the samples of an image meet a filter over `Pixels`."""
    row = cols(Pixels)
    return _image.id.in_(
        select(row.image_id).where(row.store_key.is_not(None), compiled(where, row))
    )


def with_channel(where: Filter | None) -> Any:
    """Return the predicate that an image has a channel that meets a filter."""
    row = cols(Channel)
    return _image.id.in_(select(row.image_id).where(compiled(where, row)))


def with_shape(where: Filter | None) -> Any:
    """Return the predicate that a region has a live shape that meets a filter."""
    row = cols(Shape)
    return cols(Roi).id.in_(
        select(row.roi_id).where(row.trashed_by.is_(None), compiled(where, row))
    )


def drawn_in(catalog: Catalog, dataset_id: int) -> Any:
    """Return the predicate that a region is on an image of a dataset, which the caller sees."""
    row = cols(DatasetImage)
    images = select(row.image_id).where(row.dataset_id == dataset_id, row.trashed_by.is_(None))
    return and_(seen(catalog, Dataset, dataset_id), cols(Roi).image_id.in_(images))


def plate_of_well(catalog: Catalog, id: int) -> Any:
    """Return the predicate that fields lie on a plate, which the caller sees."""
    wells = select(_well.id).where(_well.plate_id == id, _well.trashed_by.is_(None))
    return and_(seen(catalog, Plate, id), _field.well_id.in_(wells))


def showing(catalog: Catalog, image_id: int) -> Any:
    """Return the predicate that a well has a field with an image, which the caller sees."""
    fields = select(_field.well_id).where(_field.image_id == image_id, _field.trashed_by.is_(None))
    return and_(seen(catalog, Image, image_id), _well.id.in_(fields))


def of_operation(where: Filter | None) -> Any:
    """Return the predicate that a job runs an operation that meets a filter."""
    row = cols(Operation)
    return _job.operation_id.in_(select(row.id).where(compiled(where, row)))


def touching(catalog: Catalog, image_id: int, direction: str) -> Any:
    """Return the predicate that a job read (``in``) or made (``out``) an image one sees."""
    jobs = select(_io.job_id).where(
        _io.direction == direction, _io.target_type == "image", _io.target_id == image_id
    )
    return and_(seen(catalog, Image, image_id), _job.id.in_(jobs))
