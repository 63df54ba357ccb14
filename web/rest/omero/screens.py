"""``m/plates/``, ``m/plateacquisitions/`` and ``m/wells/``: what lies inside screens.

A field is asked for by its position in its well, counted over all runs of the instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from adapters.hub import Hub
from adapters.listing import Fields
from store.access.capabilities import Can
from store.tables.images import Image
from store.tables.screens import Acquisition, Plate, Screen, Well
from web.rest.omero.containers import written as written_alone
from web.rest.omero.frames import frame_of
from web.rest.omero.links import Links
from web.rest.omero.lists import How, Item, Kind, list_routes, nested_routes, single_routes
from web.rest.omero.marshal import images as image_marshal
from web.rest.omero.marshal import screens as marshal
from web.rest.omero.marshal.details import Frame

MOST_POSITIONS = 10_000  # addresses in one answer; a well holds far fewer fields
_BY_POSITION = "/wellsampleindex/{position:number}"

_plates_alone = written_alone(
    Plate, "plate", "plates", ("screens", "wells", "plateacquisitions"), marshal.plate
)


async def written_plates(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], Frame]:
    """Write plates; a single one with the positions of its fields."""
    items, frame = await _plates_alone(request, hub, rows, how)
    if how.single and how.linked:
        await _add_positions(hub, frame.links, Plate, "plates", items)
        for item in items:
            item["url:plate"] = frame.links.to("plates", item["@id"])
    return items, frame


async def written_acquisitions(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], Frame]:
    """Write runs of the instrument with the positions of the fields they took."""
    frame = await frame_of(request, hub, rows)
    allowed = await hub.catalog.capabilities(Acquisition, rows)
    items = [marshal.acquisition(row, frame, can) for row, can in zip(rows, allowed, strict=True)]
    if how.linked:
        await _add_positions(hub, frame.links, Acquisition, "plateacquisitions", items)
        if not how.single:
            for item in items:
                address = frame.links.to("plateacquisitions", item["@id"])
                item["url:plateacquisition"] = address
    return items, frame


async def _add_positions(
    hub: Hub, links: Links, noun: type[Any], plural: str, items: Sequence[Item]
) -> None:
    spans = await hub.listing.field_spans(noun, [item["@id"] for item in items])
    for item in items:
        id = item["@id"]
        span = spans.get(id)
        item["omero:wellsampleIndex"] = list(span or ())
        positions = range(0) if span is None else range(span[0], span[1] + 1)
        item["url:wellsampleindex_wells"] = [
            links.to(plural, id, "wellsampleindex", position, "wells")
            for position in positions[:MOST_POSITIONS]
        ]


async def written_wells(
    request: Request, hub: Hub, rows: Sequence[Any], how: How
) -> tuple[list[Item], Frame]:
    """Write wells with the fields that the list lets through; a single one's images have pixels."""
    fields = await hub.listing.fields([row.id for row in rows], how.among, pixels=how.single)
    images, runs = list(fields.images.values()), list(fields.runs.values())
    frame = await frame_of(request, hub, [*rows, *images, *runs])
    allowed = await hub.catalog.capabilities(Well, rows)
    shown = await _images(hub, frame, images, how)
    taken = await _runs(hub, frame, runs)
    made = []
    for row, can in zip(rows, allowed, strict=True):
        item = _well(row, frame.details(row.owner_id, row.group_id, can), fields, shown, taken)
        if how.linked:
            if not how.single:
                item["url:well"] = frame.links.to("wells", row.id)
            item["url:plates"] = frame.links.to("wells", row.id, "plates")
        made.append(item)
    return made, frame


def _well(
    row: Any,
    details: Mapping[str, Any],
    fields: Fields,
    images: Mapping[int, Item],
    runs: Mapping[int, Item],
) -> Item:
    inside = [
        marshal.field(one, details, images[one.image_id], runs.get(one.acquisition_id))
        for one in fields.by_well[row.id]
    ]
    return marshal.well(row, details, inside)


async def _images(hub: Hub, frame: Frame, rows: Sequence[Any], how: How) -> dict[int, Item]:
    made, allowed = {}, await hub.catalog.capabilities(Image, rows)
    write = image_marshal.image_with_pixels if how.single else image_marshal.image
    for row, can in zip(rows, allowed, strict=True):
        item = write(row, frame.details(row.owner_id, row.group_id, can))
        item["url:image"] = frame.links.to("images", row.id)
        made[row.id] = item
    return made


async def _runs(hub: Hub, frame: Frame, rows: Sequence[Any]) -> dict[int, Item]:
    allowed: list[Can] = await hub.catalog.capabilities(Acquisition, rows)
    return {
        row.id: marshal.acquisition(row, frame, can) for row, can in zip(rows, allowed, strict=True)
    }


PLATES = Kind(Plate, "Plate", "plates", written_plates, {"screen": Screen, "well": Well})
ACQUISITIONS = Kind(
    Acquisition, "PlateAcquisition", "plateacquisitions", written_acquisitions, deleted=True
)
WELLS = Kind(Well, "Well", "wells", written_wells, {"plate": Plate})

ROUTES = [
    *list_routes(PLATES),
    *list_routes(WELLS),
    *(route for kind in (PLATES, ACQUISITIONS, WELLS) for route in single_routes(kind)),
    *nested_routes("screens", Screen, PLATES),
    *nested_routes("wells", Well, PLATES),
    *nested_routes("plates", Plate, ACQUISITIONS),
    *nested_routes("plates", Plate, WELLS),
    *nested_routes("plates", Plate, WELLS, _BY_POSITION),
    *nested_routes("plateacquisitions", Acquisition, WELLS),
    *nested_routes("plateacquisitions", Acquisition, WELLS, _BY_POSITION),
]
