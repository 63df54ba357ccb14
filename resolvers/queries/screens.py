"""Reading plates, wells, fields and runs of the instrument."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.filters import Filter, Holds
from adapters.relations import plate_of_well, showing
from adapters.screens import label, place_of
from resolvers.filters import tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import (
    CONTAINERS,
    carrying,
    container_filter,
    listed,
    named,
    owned_by,
    seen_pages,
)
from schema.containers import ContainerOrder, ContainerWhere, Screen
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from schema.screens import (
    Acquisition,
    AcquisitionWhere,
    Plate,
    Well,
    WellSample,
    WellSampleWhere,
    WellWhere,
)
from store.paging import Keyset, OrderKey, Page
from store.tables import images, screens

BY_ID = Ordering({})
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
            screens.Screen,
            screens.Plate,
            parents,
            keyset,
            container_filter(where, screens.Plate, hub),
        ),
    )


@plates_of_screen.counting
async def count_plates_of_screen(
    hub: Any, parents: list[int], where: ContainerWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.containers.count_children(
        screens.Screen, screens.Plate, parents, container_filter(where, screens.Plate, hub)
    )
    return found


@paged_relation(lambda seen: show_well(*seen), WELLS)
async def wells_of_plate(
    hub: Any, parents: list[int], keyset: Keyset, where: WellWhere | None
) -> Mapping[int, Page[Any]]:
    pages = await hub.screens.wells_of(parents, keyset, well_filter(where, hub))
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
async def count_wells_of_plate(
    hub: Any, parents: list[int], where: WellWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.screens.count_wells(parents, well_filter(where, hub))
    return found


def well_filter(where: WellWhere | None, hub: Any) -> Filter | None:
    """Return the filter tree of a `WellWhere`."""
    return tree(
        where,
        {
            **owned_by(),
            "plate": named(hub, screens.Plate, "Plate", "plate_id", "plate"),
            "image": lambda id: Holds(showing(hub.catalog, decode_id(id, "Image", field="image"))),
            "annotations": carrying(screens.Well),
        },
    )


def acquisition_filter(where: AcquisitionWhere | None, hub: Any) -> Filter | None:
    """Return the filter tree of an `AcquisitionWhere`."""
    return tree(
        where,
        {
            **owned_by(),
            "plate": named(hub, screens.Plate, "Plate", "plate_id", "plate"),
            "annotations": carrying(screens.Acquisition),
        },
    )


def sample_filter(where: WellSampleWhere | None, hub: Any) -> Filter | None:
    """Return the filter tree of a `WellSampleWhere`."""
    return tree(
        where,
        {
            **owned_by(),
            "plate": lambda id: Holds(
                plate_of_well(hub.catalog, decode_id(id, "Plate", field="plate"))
            ),
            "well": named(hub, screens.Well, "Well", "well_id", "well"),
            "image": named(hub, images.Image, "Image", "image_id", "image"),
            "acquisition": named(
                hub, screens.Acquisition, "Acquisition", "acquisition_id", "acquisition"
            ),
        },
    )


async def judged_page(hub: Any, noun: Any, page: Page[Any]) -> Page[Any]:
    """Return the page with each row beside what the actor may do to it; one statement."""
    pairs = await judged(hub, noun, page.rows)
    return Page(
        pairs, page.has_next, page.has_previous, page.keyset, lambda pair: page.position_of(pair[0])
    )


@strawberry.type
class ScreenQueries:
    @strawberry.field(description="The wells you may see, of all plates.")
    async def wells(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: WellWhere | None = None,
    ) -> Connection[Well]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), BY_ID.by(None))
        narrowed = well_filter(where, hub)
        found = await hub.screens.well_page(keyset, narrowed)
        return connection(
            await judged_page(hub, screens.Well, found),
            lambda pair: show_well(*pair),
            lambda: hub.screens.count_all_wells(narrowed),
        )

    @strawberry.field(description="The runs of the instrument you may see, over all plates.")
    async def acquisitions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: AcquisitionWhere | None = None,
    ) -> Connection[Acquisition]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), BY_ID.by(None))
        narrowed = acquisition_filter(where, hub)
        found = await hub.containers.page(screens.Acquisition, keyset, narrowed)
        return connection(
            await judged_page(hub, screens.Acquisition, found),
            lambda pair: Acquisition.of(*pair),
            lambda: hub.containers.count(screens.Acquisition, narrowed),
        )

    @strawberry.field(description="The fields of wells you may see, of all plates.")
    async def well_samples(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: WellSampleWhere | None = None,
    ) -> Connection[WellSample]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), BY_ID.by(None))
        narrowed = sample_filter(where, hub)
        found = await hub.containers.page(screens.WellSample, keyset, narrowed)
        return connection(
            await judged_page(hub, screens.WellSample, found),
            lambda pair: WellSample.of(*pair),
            lambda: hub.containers.count(screens.WellSample, narrowed),
        )

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
