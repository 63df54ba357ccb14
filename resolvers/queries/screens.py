"""Reading plates, wells, fields and runs of the instrument."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.screens import label, place_of
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering
from resolvers.queries.containers import CONTAINERS, container_filter, listed, seen_pages
from schema.containers import ContainerOrder, ContainerWhere, Screen
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from schema.screens import Acquisition, Plate, Well, WellSample
from store.paging import Keyset, OrderKey, Page
from store.tables import screens

WELLS = Ordering({}, default=(OrderKey("row", int), OrderKey("column", int)))


def show_well(row: Any, can: Any) -> Well:
    """Show a well with its plate's way of naming."""
    return Well.of(row, can, label(row.row, row.column, row.row_naming, row.column_naming))


async def judged(hub: Any, noun: Any, rows: Any) -> list[tuple[Any, Any]]:
    """Return rows beside what the actor may do to each; one statement."""
    found = list(rows)
    if not found:
        return []
    return list(zip(found, await hub.catalog.capabilities(noun, found), strict=True))


@relation(node=Plate)
async def plate_by_id(hub: Any, keys: list[int]) -> Mapping[int, Plate]:
    found = await hub.containers.many(screens.Plate, keys)
    return {id: Plate.of(row, hub.actor.can(row)) for id, row in found.items()}


@relation(node=Well)
async def well_by_id(hub: Any, keys: list[int]) -> Mapping[int, Well]:
    found = await hub.screens.wells(keys)
    pairs = await judged(hub, screens.Well, found.values())
    return {row.id: show_well(row, can) for row, can in pairs}


@relation(node=WellSample)
async def well_sample_by_id(hub: Any, keys: list[int]) -> Mapping[int, WellSample]:
    found = await hub.screens.fields(keys)
    pairs = await judged(hub, screens.WellSample, (row for row in found if row is not None))
    return {row.id: WellSample.of(row, can) for row, can in pairs}


@relation(node=Acquisition)
async def acquisition_by_id(hub: Any, keys: list[int]) -> Mapping[int, Acquisition]:
    found = await hub.screens.acquisitions(keys)
    pairs = await judged(hub, screens.Acquisition, (row for row in found if row is not None))
    return {row.id: Acquisition.of(row, can) for row, can in pairs}


@relation(missing=list)
async def screens_of_plate(hub: Any, keys: list[int]) -> Mapping[int, list[Screen]]:
    found = await hub.containers.parents(screens.Screen, screens.Plate, keys)
    return {id: [Screen.of(row, hub.actor.can(row)) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def acquisitions_of_plate(hub: Any, keys: list[int]) -> Mapping[int, list[Acquisition]]:
    found = await hub.screens.acquisitions_of(keys)
    pairs = await judged(hub, screens.Acquisition, (row for rows in found for row in rows))
    gathered: dict[int, list[Acquisition]] = {}
    for row, can in pairs:
        gathered.setdefault(row.plate_id, []).append(Acquisition.of(row, can))
    return gathered


@relation(missing=list)
async def samples_of_well(hub: Any, keys: list[int]) -> Mapping[int, list[WellSample]]:
    found = await hub.screens.fields_of(keys)
    pairs = await judged(hub, screens.WellSample, (row for rows in found for row in rows))
    gathered: dict[int, list[WellSample]] = {}
    for row, can in pairs:
        gathered.setdefault(row.well_id, []).append(WellSample.of(row, can))
    return gathered


@relation(missing=list)
async def samples_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[WellSample]]:
    found = await hub.screens.fields_with(keys)
    pairs = await judged(hub, screens.WellSample, (row for rows in found for row in rows))
    gathered: dict[int, list[WellSample]] = {}
    for row, can in pairs:
        gathered.setdefault(row.image_id, []).append(WellSample.of(row, can))
    return gathered


@relation()
async def size_of_plate(hub: Any, keys: list[int]) -> Mapping[int, tuple[int, int, int]]:
    found: Mapping[int, tuple[int, int, int]] = await hub.screens.sizes(keys)
    return found


@relation()
async def well_at(hub: Any, keys: list[Any]) -> Mapping[Any, Well]:
    found = await hub.screens.wells_at(keys)
    pairs = await judged(hub, screens.Well, found.values())
    return {(row.plate_id, row.row, row.column): show_well(row, can) for row, can in pairs}


@relation(missing=list)
async def grid_of_plate(hub: Any, keys: list[Any]) -> Mapping[Any, list[Any]]:
    """Keys are (plate, field, acquisition or None); one statement for each distinct field asked."""
    answer: dict[Any, list[Any]] = {}
    for field, run in dict.fromkeys((field, run) for _plate, field, run in keys):
        plates = [plate for plate, *asked in keys if asked == [field, run]]
        cells = await hub.screens.grid(plates, field, run)
        rows = [cell.field for found in cells.values() for cell in found]
        shown = {
            row.id: WellSample.of(row, can)
            for row, can in await judged(hub, screens.WellSample, rows)
        }
        for plate, found in cells.items():
            answer[plate, field, run] = [
                (cell.row, cell.column, shown[cell.field.id]) for cell in found
            ]
    return answer


@paged_relation(lambda seen: Plate.of(*seen), CONTAINERS)
async def plates_of_screen(
    hub: Any, parents: list[int], keyset: Keyset, where: ContainerWhere | None
) -> Mapping[int, Page[Any]]:
    return seen_pages(
        hub,
        await hub.containers.children(
            screens.Screen, screens.Plate, parents, keyset, container_filter(where, screens.Plate)
        ),
    )


@plates_of_screen.counting
async def count_plates_of_screen(
    hub: Any, parents: list[int], where: ContainerWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.containers.count_children(
        screens.Screen, screens.Plate, parents, container_filter(where, screens.Plate)
    )
    return found


@paged_relation(lambda seen: show_well(*seen), WELLS)
async def wells_of_plate(
    hub: Any, parents: list[int], keyset: Keyset, where: None
) -> Mapping[int, Page[Any]]:
    pages = await hub.screens.wells_of(parents, keyset)
    pairs = await judged(hub, screens.Well, (row for page in pages.values() for row in page.rows))
    allowed = {row.id: can for row, can in pairs}
    return {
        plate: Page(
            [(row, allowed[row.id]) for row in page.rows],
            page.has_next,
            page.has_previous,
            page.keyset,
            lambda pair: keyset.position_of(pair[0]),
        )
        for plate, page in pages.items()
    }


@wells_of_plate.counting
async def count_wells_of_plate(hub: Any, parents: list[int], where: None) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.screens.count_wells(parents)
    return found


@strawberry.type
class ScreenQueries:
    @strawberry.field(description="One plate.")
    async def plate(self, info: Info, id: strawberry.ID) -> Plate | None:
        return await one(info, id, Plate)

    @strawberry.field(description="The plates you may see.")
    async def plates(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection[Plate]:
        page = PageArguments(first, after, last, before)
        return await listed(info, screens.Plate, Plate, page, where, order_by)

    @strawberry.field(description="The well of a plate by its name; null while nothing is in it.")
    async def well(
        self,
        info: Info,
        plate: Annotated[strawberry.ID, strawberry.argument(description="The plate.")],
        label: Annotated[
            str, strawberry.argument(description="The well's name, such as B3 or 2-3.")
        ],
    ) -> Well | None:
        await one(info, plate, Plate, "plate")
        key = (decode_id(plate, "Plate", field="plate"), *place_of(label))
        found: Well | None = await info.context.loaders.well_at.load(key)
        return found
