"""Changing plates, wells, fields and runs of the instrument."""

import strawberry

from adapters.screens import NewField, place_of
from resolvers.mutations.base import given, mutation
from resolvers.mutations.containers import changes, group_of
from resolvers.queries.screens import show_well
from schema.context import Info
from schema.scalars import decode_id, encode_id
from schema.screens import (
    Acquisition,
    AcquisitionPayload,
    AddFieldInput,
    AddFieldPayload,
    AddFieldsInput,
    AddFieldsPayload,
    CreateAcquisitionInput,
    CreatePlateInput,
    FieldInput,
    Plate,
    PlatePayload,
    UpdateAcquisitionInput,
    UpdatePlateInput,
    UpdateWellInput,
    WellPayload,
    WellSample,
)
from store.errors import Invalid
from store.tables import screens


def new_field(input: FieldInput) -> NewField:
    """Return the field an input asks for. Raises Invalid unless it names one place."""
    if input.well is not None and input.row is None and input.column is None:
        row, column = place_of(input.well)
    elif input.well is None and input.row is not None and input.column is not None:
        row, column = input.row, input.column
    else:
        raise Invalid("well", "name the well, or its row and column.")
    return NewField(
        row=row,
        column=column,
        image_id=decode_id(input.image, "Image", field="image"),
        position=input.position,
        acquisition_id=(
            None
            if input.acquisition is None
            else decode_id(input.acquisition, "Acquisition", field="acquisition")
        ),
        x=input.x,
        y=input.y,
        unit=input.unit,
        timepoint=input.timepoint,
    )


@strawberry.type
class ScreenMutations:
    @mutation
    async def create_plate(self, info: Info, input: CreatePlateInput) -> PlatePayload:
        """Make a plate, in a screen if one is named."""
        hub = info.context.hub
        fields = changes(input)
        for name in ("group", "screen"):
            fields.pop(name, None)
        row = await hub.screens.create_plate(
            group_id=group_of(input.group),
            screen_id=(
                None if input.screen is None else decode_id(input.screen, "Screen", field="screen")
            ),
            **fields,
        )
        return PlatePayload(plate=Plate.of(row, hub.actor.can(row)))

    @mutation
    async def update_plate(self, info: Info, input: UpdatePlateInput) -> PlatePayload:
        """Change a plate; fields left out stay."""
        hub = info.context.hub
        row = await hub.screens.update_plate(
            decode_id(input.id, "Plate"), expected=input.version, **changes(input)
        )
        return PlatePayload(plate=Plate.of(row, hub.actor.can(row)))

    @mutation
    async def create_acquisition(
        self, info: Info, input: CreateAcquisitionInput
    ) -> AcquisitionPayload:
        """Add a run of the instrument to a plate."""
        row = await info.context.hub.screens.create_acquisition(
            decode_id(input.plate, "Plate", field="plate"), **given(input, plate="")
        )
        return await _acquisition(info, row)

    @mutation
    async def update_acquisition(
        self, info: Info, input: UpdateAcquisitionInput
    ) -> AcquisitionPayload:
        """Change a run of the instrument; fields left out stay."""
        row = await info.context.hub.screens.update_acquisition(
            decode_id(input.id, "Acquisition"), expected=input.version, **changes(input)
        )
        return await _acquisition(info, row)

    @mutation
    async def update_well(self, info: Info, input: UpdateWellInput) -> WellPayload:
        """Change a well's mark, kind, state or outside names; fields left out stay."""
        hub = info.context.hub
        row = await hub.screens.update_well(
            decode_id(input.id, "Well"), expected=input.version, **changes(input)
        )
        (can,) = await hub.catalog.capabilities(screens.Well, [row])
        return WellPayload(well=show_well(row, can))

    @mutation
    async def add_field(self, info: Info, input: AddFieldInput) -> AddFieldPayload:
        """Put an image into a well of a plate; the well is made if need be."""
        hub = info.context.hub
        ids = await hub.screens.add_fields(
            decode_id(input.plate, "Plate", field="plate"), [new_field(input)]
        )
        (row,) = await hub.screens.fields(ids)
        (can,) = await hub.catalog.capabilities(screens.WellSample, [row])
        return AddFieldPayload(sample=WellSample.of(row, can))

    @mutation
    async def add_fields(self, info: Info, input: AddFieldsInput) -> AddFieldsPayload:
        """Put images into the wells of a plate, all or none; wells are made as needed."""
        hub = info.context.hub
        plate_id = decode_id(input.plate, "Plate", field="plate")
        ids = await hub.screens.add_fields(plate_id, [new_field(one) for one in input.fields])
        row = await hub.containers.get(screens.Plate, plate_id)
        return AddFieldsPayload(
            sample_ids=[strawberry.ID(encode_id("WellSample", id)) for id in ids],
            plate=Plate.of(row, hub.actor.can(row)),
        )


async def _acquisition(info: Info, row: screens.Acquisition) -> AcquisitionPayload:
    (can,) = await info.context.hub.catalog.capabilities(screens.Acquisition, [row])
    return AcquisitionPayload(acquisition=Acquisition.of(row, can))
