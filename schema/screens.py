"""Plates, what is inside them, and what is done to them; screens themselves are containers.

Rows and columns count from 0 at the top left of the plate. The label of a well, such as B3, follows
from how the plate names its rows and columns.
"""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import CreateContainerInput, shared
from schema.context import Info
from schema.filters import MomentFilter, NumberFilter, TextFilter
from schema.nodes import Annotatable, Owned
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import BigInt, Color, DateTime, decode_id
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.annotations import AnnotationWhere
    from schema.containers import Screen
    from schema.images import Image


@strawberry.enum(description="How rows or columns of a plate are named.")
class Naming(Enum):
    LETTER = strawberry.enum_value("letter", description="A, B, … Z, AA.")
    NUMBER = strawberry.enum_value("number", description="1, 2, 3.")


@strawberry.input(description="Which wells; all that is given must hold.")
class WellWhere:
    plate: strawberry.ID | None = strawberry.field(default=None, description="Of this plate.")
    row: NumberFilter | None = strawberry.field(default=None, description="From 0 at the top.")
    column: NumberFilter | None = strawberry.field(default=None, description="From 0 at the left.")
    type: TextFilter | None = strawberry.field(
        default=None, description="What kind of well, such as control."
    )
    status: TextFilter | None = strawberry.field(default=None, description="Its state.")
    external_id: TextFilter | None = strawberry.field(
        default=None, description="Its name elsewhere."
    )
    external_description: TextFilter | None = strawberry.field(
        default=None, description="What is said elsewhere."
    )
    image: strawberry.ID | None = strawberry.field(
        default=None, description="With a field that shows this image."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were made."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    annotations: Annotated["AnnotationWhere", strawberry.lazy("schema.annotations")] | None = (
        strawberry.field(default=None, description="Carrying an annotation for which this holds.")
    )
    and_: list["WellWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["WellWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "WellWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.input(description="Which runs of the instrument; all that is given must hold.")
class AcquisitionWhere:
    plate: strawberry.ID | None = strawberry.field(default=None, description="Over this plate.")
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    started_at: MomentFilter | None = strawberry.field(default=None, description="When they began.")
    ended_at: MomentFilter | None = strawberry.field(default=None, description="When they ended.")
    max_fields: NumberFilter | None = strawberry.field(
        default=None, description="Fields they took of each well at most."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into the hub."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    annotations: Annotated["AnnotationWhere", strawberry.lazy("schema.annotations")] | None = (
        strawberry.field(default=None, description="Carrying an annotation for which this holds.")
    )
    and_: list["AcquisitionWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["AcquisitionWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "AcquisitionWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.input(description="Which fields of wells; all that is given must hold.")
class WellSampleWhere:
    plate: strawberry.ID | None = strawberry.field(default=None, description="On this plate.")
    well: strawberry.ID | None = strawberry.field(default=None, description="In this well.")
    acquisition: strawberry.ID | None = strawberry.field(
        default=None, description="Taken in this run."
    )
    image: strawberry.ID | None = strawberry.field(default=None, description="Showing this image.")
    position: NumberFilter | None = strawberry.field(
        default=None, description="Their place among the fields of the well, from 0."
    )
    timepoint: NumberFilter | None = strawberry.field(
        default=None, description="Which point of a time series of plates."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    and_: list["WellSampleWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["WellSampleWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "WellSampleWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.federation.type(keys=["id"], description="A plate of wells.")
class Plate(Owned, Annotatable):
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it is about.")
    row_naming: Naming = strawberry.field(description="How its rows are named.")
    column_naming: Naming = strawberry.field(description="How its columns are named.")
    field_index: int | None = strawberry.field(
        description="The field shown first in a well, from 0."
    )
    origin_x: float | None = strawberry.field(description="Stage position of the first well.")
    origin_y: float | None = strawberry.field(description="Stage position of the first well.")
    origin_unit: str | None = strawberry.field(description="The unit of the stage position.")
    status: str | None = strawberry.field(description="What state it is in, in your words.")
    external_id: str | None = strawberry.field(description="Its name elsewhere, such as a barcode.")
    stated_rows: strawberry.Private[int | None]
    stated_columns: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "Plate":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            description=row.description,
            row_naming=Naming(row.row_naming or "letter"),
            column_naming=Naming(row.column_naming or "number"),
            field_index=row.field_index,
            origin_x=row.origin_x,
            origin_y=row.origin_y,
            origin_unit=row.origin_unit,
            status=row.status,
            external_id=row.external_id,
            stated_rows=row.rows,
            stated_columns=row.columns,
        )

    @strawberry.field(description="How many rows of wells; what is used, if it was never stated.")
    async def rows(self, info: Info) -> int:
        return (await self._size(info))[0]

    @strawberry.field(description="How many columns; what is used, if it was never stated.")
    async def columns(self, info: Info) -> int:
        return (await self._size(info))[1]

    @strawberry.field(description="Fields of the fullest well.")
    async def field_count(self, info: Info) -> int:
        used = await info.context.loaders.size_of_plate.load(self.key)
        return 0 if used is None else int(used[2])

    async def _size(self, info: Info) -> tuple[int, int]:
        if self.stated_rows is not None and self.stated_columns is not None:
            return self.stated_rows, self.stated_columns
        used = await info.context.loaders.size_of_plate.load(self.key) or (0, 0, 0)
        high, wide = self.stated_rows, self.stated_columns
        return used[0] if high is None else high, used[1] if wide is None else wide

    @strawberry.field(description="The screens it lies in, those you may see.")
    async def screens(
        self, info: Info
    ) -> list[Annotated["Screen", strawberry.lazy("schema.containers")]]:
        found: list[Screen] = await info.context.loaders.screens_of_plate.load(self.key)
        return found

    @strawberry.field(description="The runs of the instrument over it.")
    async def acquisitions(self, info: Info) -> list["Acquisition"]:
        found: list[Acquisition] = await info.context.loaders.acquisitions_of_plate.load(self.key)
        return found

    @strawberry.field(description="How many wells have been made in it.")
    async def well_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.well_count_of_plate.load(self.key))

    @strawberry.field(description="How many images its wells show you; each counts once.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_plate.load(self.key))

    @strawberry.field(description="Its wells, row by row; a well without any field may be missing.")
    async def wells(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: WellWhere | None = None,
    ) -> Connection["Well"]:
        page = PageArguments(first, after, last, before)
        found: Connection[Well] = await info.context.connect(
            "wells_of_plate", self.key, page, None, where
        )
        return found

    @strawberry.field(description="The well at a place; null while nothing is in it.")
    async def well(
        self,
        info: Info,
        row: Annotated[int, strawberry.argument(description="From 0 at the top.")],
        column: Annotated[int, strawberry.argument(description="From 0 at the left.")],
    ) -> "Well | None":
        found: Well | None = await info.context.loaders.well_at.load((self.key, row, column))
        return found

    @strawberry.field(
        description="One field of every well, as rows of columns; null where there is none."
    )
    async def grid(
        self,
        info: Info,
        field: Annotated[
            int, strawberry.argument(description="Which field of each well, from 0.")
        ] = 0,
        acquisition: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Count only the fields of this run."),
        ] = None,
    ) -> list[list["WellSample | None"]]:
        run = None
        if acquisition is not None:
            run = decode_id(acquisition, "Acquisition", field="acquisition")
        cells = await info.context.loaders.grid_of_plate.load((self.key, field, run))
        high, wide = await self._size(info)
        grid: list[list[WellSample | None]] = [[None] * wide for _ in range(high)]
        for row, column, sample in cells:
            if row < high and column < wide:
                grid[row][column] = sample
        return grid


@strawberry.federation.type(keys=["id"], description="One run of the instrument over a plate.")
class Acquisition(Owned, Annotatable):
    name: str | None = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What was done.")
    max_fields: int | None = strawberry.field(description="Fields it took of each well at most.")
    started_at: DateTime | None = strawberry.field(description="When it began.")
    ended_at: DateTime | None = strawberry.field(description="When it ended.")
    plate_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any, can: Can) -> "Acquisition":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            description=row.description,
            max_fields=row.max_fields,
            started_at=None if row.started_at is None else DateTime(row.started_at),
            ended_at=None if row.ended_at is None else DateTime(row.ended_at),
            plate_key=row.plate_id,
        )

    @strawberry.field(description="How many images it took that you see.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_acquisition.load(self.key))

    @strawberry.field(description="The plate.")
    async def plate(self, info: Info) -> Plate | None:
        plate: Plate | None = await info.context.loaders.plate_by_id.load(self.plate_key)
        return plate


@strawberry.federation.type(keys=["id"], description="A well of a plate.")
class Well(Owned, Annotatable):
    row: int = strawberry.field(description="From 0 at the top.")
    column: int = strawberry.field(description="From 0 at the left.")
    label: str = strawberry.field(description="Its name on the plate, such as B3.")
    color: Color | None = strawberry.field(description="The colour it is marked with.")
    type: str | None = strawberry.field(description="What kind of well, such as control.")
    status: str | None = strawberry.field(description="What state it is in, in your words.")
    external_id: str | None = strawberry.field(description="Its name elsewhere.")
    external_description: str | None = strawberry.field(description="What is said elsewhere.")
    plate_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any, can: Can, label: str) -> "Well":
        """Show a row under the name its plate gives it."""
        return cls(
            **shared(row, can),
            row=row.row,
            column=row.column,
            label=label,
            color=None if row.color is None else Color(row.color),
            type=row.type,
            status=row.status,
            external_id=row.external_id,
            external_description=row.external_description,
            plate_key=row.plate_id,
        )

    @strawberry.field(description="How many images it shows you.")
    async def image_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.image_count_of_well.load(self.key))

    @strawberry.field(description="The plate.")
    async def plate(self, info: Info) -> Plate | None:
        plate: Plate | None = await info.context.loaders.plate_by_id.load(self.plate_key)
        return plate

    @strawberry.field(description="Its fields, by position.")
    async def samples(self, info: Info) -> list["WellSample"]:
        found: list[WellSample] = await info.context.loaders.samples_of_well.load(self.key)
        return found


@strawberry.federation.type(keys=["id"], description="A field of a well: an image at a place.")
class WellSample(Owned):
    position: int = strawberry.field(description="Its place among the fields of the well, from 0.")
    x: float | None = strawberry.field(description="Stage position.")
    y: float | None = strawberry.field(description="Stage position.")
    unit: str | None = strawberry.field(description="The unit of the stage position.")
    timepoint: int | None = strawberry.field(description="Which point of a time series of plates.")
    well_key: strawberry.Private[int]
    image_key: strawberry.Private[int]
    acquisition_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "WellSample":
        """Show a row."""
        return cls(
            **shared(row, can),
            position=row.position,
            x=row.x,
            y=row.y,
            unit=row.unit,
            timepoint=row.timepoint,
            well_key=row.well_id,
            image_key=row.image_id,
            acquisition_key=row.acquisition_id,
        )

    @strawberry.field(description="The image; null if you may not see it or it is in the trash.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        image: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return image

    @strawberry.field(description="The well.")
    async def well(self, info: Info) -> Well | None:
        well: Well | None = await info.context.loaders.well_by_id.load(self.well_key)
        return well

    @strawberry.field(description="The run of the instrument that took it, if that is known.")
    async def acquisition(self, info: Info) -> Acquisition | None:
        if self.acquisition_key is None:
            return None
        run: Acquisition | None = await info.context.loaders.acquisition_by_id.load(
            self.acquisition_key
        )
        return run


@strawberry.input(description="A new plate.")
class CreatePlateInput(CreateContainerInput):
    screen: strawberry.ID | None = strawberry.field(
        default=None, description="The screen to put it into."
    )
    rows: int | None = strawberry.field(
        default=strawberry.UNSET, description="Rows of wells, at most 256; 8 for 96 wells."
    )
    columns: int | None = strawberry.field(
        default=strawberry.UNSET, description="Columns of wells, at most 256; 12 for 96 wells."
    )
    row_naming: Naming | None = strawberry.field(
        default=strawberry.UNSET, description="How rows are named; letters if left out."
    )
    column_naming: Naming | None = strawberry.field(
        default=strawberry.UNSET, description="How columns are named; numbers if left out."
    )
    field_index: int | None = strawberry.field(
        default=strawberry.UNSET, description="The field shown first in a well, from 0."
    )
    origin_x: float | None = strawberry.field(
        default=strawberry.UNSET, description="Stage position of the first well."
    )
    origin_y: float | None = strawberry.field(
        default=strawberry.UNSET, description="Stage position of the first well."
    )
    origin_unit: str | None = strawberry.field(
        default=strawberry.UNSET, description="The unit of the stage position."
    )
    status: str | None = strawberry.field(default=strawberry.UNSET, description="Its state.")
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its name elsewhere, such as a barcode."
    )


@strawberry.input(description="What to change of a plate.")
class UpdatePlateInput:
    id: strawberry.ID = strawberry.field(description="The plate.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    rows: int | None = strawberry.field(
        default=strawberry.UNSET, description="Rows of wells; no well may lie beyond."
    )
    columns: int | None = strawberry.field(
        default=strawberry.UNSET, description="Columns of wells; no well may lie beyond."
    )
    row_naming: Naming | None = strawberry.field(
        default=strawberry.UNSET, description="How rows are named."
    )
    column_naming: Naming | None = strawberry.field(
        default=strawberry.UNSET, description="How columns are named."
    )
    field_index: int | None = strawberry.field(
        default=strawberry.UNSET, description="The field shown first in a well, from 0."
    )
    origin_x: float | None = strawberry.field(
        default=strawberry.UNSET, description="Stage position of the first well."
    )
    origin_y: float | None = strawberry.field(
        default=strawberry.UNSET, description="Stage position of the first well."
    )
    origin_unit: str | None = strawberry.field(
        default=strawberry.UNSET, description="The unit of the stage position."
    )
    status: str | None = strawberry.field(default=strawberry.UNSET, description="Its state.")
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its name elsewhere, such as a barcode."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="What is known of a run of the instrument.")
class AcquisitionFields:
    name: str | None = strawberry.field(default=strawberry.UNSET, description="What to call it.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What was done."
    )
    max_fields: int | None = strawberry.field(
        default=strawberry.UNSET, description="Fields it took of each well at most."
    )
    started_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When it began."
    )
    ended_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When it ended."
    )


@strawberry.input(description="A new run of the instrument over a plate.")
class CreateAcquisitionInput(AcquisitionFields):
    plate: strawberry.ID = strawberry.field(description="The plate.")


@strawberry.input(description="What to change of a run of the instrument.")
class UpdateAcquisitionInput(AcquisitionFields):
    id: strawberry.ID = strawberry.field(description="The run.")
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="What to change of a well.")
class UpdateWellInput:
    id: strawberry.ID = strawberry.field(description="The well.")
    color: Color | None = strawberry.field(
        default=strawberry.UNSET, description="The colour to mark it with; null removes it."
    )
    type: str | None = strawberry.field(
        default=strawberry.UNSET, description="What kind of well, such as control."
    )
    status: str | None = strawberry.field(default=strawberry.UNSET, description="Its state.")
    external_id: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its name elsewhere."
    )
    external_description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What is said elsewhere."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="An image and its place in a plate. Name the well, or its place.")
class FieldInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    well: str | None = strawberry.field(default=None, description="The well's name, such as B3.")
    row: int | None = strawberry.field(default=None, description="From 0 at the top.")
    column: int | None = strawberry.field(default=None, description="From 0 at the left.")
    position: int | None = strawberry.field(
        default=None, description="Its place among the fields of the well; the next one free."
    )
    acquisition: strawberry.ID | None = strawberry.field(
        default=None, description="The run of the instrument that took it."
    )
    x: float | None = strawberry.field(default=None, description="Stage position.")
    y: float | None = strawberry.field(default=None, description="Stage position.")
    unit: str | None = strawberry.field(default=None, description="The unit of the stage position.")
    timepoint: int | None = strawberry.field(
        default=None, description="Which point of a time series of plates."
    )


@strawberry.input(description="Images to put into one plate, all or none.")
class AddFieldsInput:
    plate: strawberry.ID = strawberry.field(description="The plate.")
    fields: list[FieldInput] = strawberry.field(description="The images and their places.")


@strawberry.input(description="An image to put into a plate.")
class AddFieldInput(FieldInput):
    plate: strawberry.ID = strawberry.field(description="The plate.")


@strawberry.type(description="The new or changed plate.")
class PlatePayload:
    plate: Plate = strawberry.field(description="As it is now.")


@strawberry.type(description="The new or changed run of the instrument.")
class AcquisitionPayload:
    acquisition: Acquisition = strawberry.field(description="As it is now.")


@strawberry.type(description="The changed well.")
class WellPayload:
    well: Well = strawberry.field(description="As it is now.")


@strawberry.type(description="The new field.")
class AddFieldPayload:
    sample: WellSample = strawberry.field(description="The image in its place.")


@strawberry.type(description="The new fields.")
class AddFieldsPayload:
    sample_ids: list[strawberry.ID] = strawberry.field(description="In the order they were sent.")
    plate: Plate = strawberry.field(description="The plate.")
