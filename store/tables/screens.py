"""Screens and plates: wells in rows and columns, their fields, and runs of an instrument."""

from __future__ import annotations

from sqlmodel import Field

from store.tables.columns import (
    Described,
    KeyText,
    Link,
    MaybeNamed,
    Named,
    Owned,
    index,
    listed,
    live_index,
    live_unique,
)


class Screen(Described, Named, Owned, table=True):
    """A series of plates under one protocol."""

    __tablename__ = "screen"
    __table_args__ = listed()

    label_id: int | None = Field(default=None, foreign_key="label.id")
    type: str | None = None
    protocol_id: str | None = None
    protocol_description: str | None = None
    reagent_id: str | None = None
    reagent_description: str | None = None


class Plate(Described, Named, Owned, table=True):
    """A multi-well plate. `rows` and `columns` count wells; the origin is that of the stage."""

    __tablename__ = "plate"
    __table_args__ = listed()

    label_id: int | None = Field(default=None, foreign_key="label.id")
    rows: int | None = None
    columns: int | None = None
    row_naming: str | None = None
    column_naming: str | None = None
    field_index: int | None = None
    origin_x: float | None = None
    origin_y: float | None = None
    origin_unit: str | None = None
    status: str | None = None
    external_id: str | None = None


class ScreenPlate(Link, table=True):
    """A plate in a screen; `name_key` is the plate's."""

    __tablename__ = "screen_plate"
    __table_args__ = (
        live_unique("screen_id", "plate_id"),
        live_index("screen_id", "name_key", "plate_id"),
    )

    screen_id: int = Field(foreign_key="screen.id")
    plate_id: int = Field(foreign_key="plate.id")
    name_key: str = Field(sa_type=KeyText)


class Acquisition(Described, MaybeNamed, Owned, table=True):
    """One run of the instrument over a plate."""

    __tablename__ = "acquisition"
    __table_args__ = (index("plate_id", "id"),)

    plate_id: int = Field(foreign_key="plate.id")
    max_fields: int | None = None
    started_at: int | None = None
    ended_at: int | None = None


class Well(Owned, table=True):
    """A well of a plate; `row` and `column` count from 0 at the top left."""

    __tablename__ = "well"
    __table_args__ = (live_unique("plate_id", "row", "column"),)

    plate_id: int = Field(foreign_key="plate.id")
    row: int
    column: int
    color: int | None = None
    type: str | None = None
    status: str | None = None
    external_id: str | None = None
    external_description: str | None = None


class WellSample(Owned, table=True):
    """A field of a well: an image at a place. `position` counts from 0 in the well."""

    __tablename__ = "well_sample"
    __table_args__ = (live_unique("well_id", "position"), index("image_id"))

    well_id: int = Field(foreign_key="well.id")
    image_id: int = Field(foreign_key="image.id")
    acquisition_id: int | None = Field(default=None, foreign_key="acquisition.id")
    position: int
    x: float | None = None
    y: float | None = None
    unit: str | None = None
    timepoint: int | None = None
