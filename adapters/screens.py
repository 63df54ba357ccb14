"""Plates: making them, their wells, fields and runs of the instrument, and the grid of a plate.

A well has no use of its own: it is made with its first field. Positions count from 0 at the top
left; the names people use, such as B3, follow from how a plate names its rows and columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, func, select

from adapters.containers import Containers, checked_fields, checked_name
from adapters.filters import Filter, compiled
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid
from store.paging import Keyset, Page, apply_keyset, finish_page
from store.statement import cols, table
from store.tables.images import Image
from store.tables.screens import Acquisition, Plate, Well, WellSample
from store.unit import Unit

LARGEST_SIDE = 256  # rows or columns; the largest plates on sale have 64 × 96 wells
MOST_FIELDS = 100_000  # in one call
NAMINGS = ("letter", "number")
_plate, _well, _field = cols(Plate), cols(Well), cols(WellSample)
_acquisition = cols(Acquisition)
_WELL_FIELDS = frozenset({"color", "type", "status", "external_id", "external_description"})
_ACQUISITION_FIELDS = frozenset({"name", "description", "max_fields", "started_at", "ended_at"})
_LABEL = re.compile(r"([A-Za-z]{1,2}|\d{1,3})([ ,:-]?)([A-Za-z]{1,2}|\d{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewField:
    """An image at a place in a well; `position` None is the next free one of the well.

    `row` and `column` count wells from 0. `x` and `y` are stage positions in `unit`.
    """

    row: int
    column: int
    image_id: int
    position: int | None = None
    acquisition_id: int | None = None
    x: float | None = None
    y: float | None = None
    unit: str | None = None
    timepoint: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """A field at a place of the grid."""

    row: int
    column: int
    field: Any


def ordinal(index: int, naming: str | None) -> str:
    """Return the name of one row or column: A, B, … Z, AA, or 1, 2, …"""
    if naming == "number":
        return str(index + 1)
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def label(row: int, column: int, row_naming: str | None, column_naming: str | None) -> str:
    """Return the name of a well, such as B3; rows are letters and columns numbers unless told."""
    first = ordinal(row, row_naming or "letter")
    second = ordinal(column, column_naming or "number")
    # Two numbers, or two letters, would run into each other.
    return f"{first}-{second}" if first.isdigit() == second.isdigit() else first + second


def index_of(name: str) -> int:
    """Return the index of a row or column from its name; the inverse of `ordinal`."""
    if name.isdigit():
        return int(name) - 1
    index = 0
    for letter in name.upper():
        index = index * 26 + ord(letter) - ord("A") + 1
    return index - 1


def place_of(text: str) -> tuple[int, int]:
    """Return row and column of a well's name, such as B3 or 2-3. Raises Invalid."""
    match = _LABEL.fullmatch(text.strip())
    place = (-1, -1)
    if match is not None and (match[2] or match[1].isdigit() != match[3].isdigit()):
        place = (index_of(match[1]), index_of(match[3]))
    if min(place) < 0:
        raise Invalid("label", f"{text[:20]!r} names no well; send one like B3.")
    return place


class Screens:
    """Verbs on plates and what is inside them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._containers = Containers(catalog)

    # reading

    async def wells(self, ids: Sequence[int]) -> dict[int, Any]:
        """Return wells by id, each with its plate's way of naming. One statement."""
        rows = await self._catalog.rows(_wells().where(self._catalog.members(_well.id, set(ids))))
        return {row.id: row for row in rows}

    async def wells_of(
        self, plate_ids: Sequence[int], keyset: Keyset, where: Filter | None = None
    ) -> dict[int, Page[Any]]:
        """Return one page of wells of each plate, in one statement; rows as `wells` gives them."""
        statement = self._wells_of(plate_ids, where)
        return await self._catalog.pages(Well, statement, _well.plate_id, keyset)

    async def count_wells(
        self, plate_ids: Sequence[int], where: Filter | None = None
    ) -> dict[int, int]:
        """Count the wells of each plate that have been made, in one statement."""
        return await self._catalog.counts(self._wells_of(plate_ids, where), _well.plate_id)

    def _wells_of(self, plate_ids: Sequence[int], where: Filter | None) -> Select[Any]:
        inside = self._catalog.members(_well.plate_id, set(plate_ids))
        return _wells().where(inside, compiled(where, _well))

    async def well_page(self, keyset: Keyset, where: Filter | None = None) -> Page[Any]:
        """Return one page of the wells of all plates; rows as `wells` gives them."""
        statement = apply_keyset(_wells().where(compiled(where, _well)), _well, keyset)
        return finish_page(await self._catalog.rows(statement), keyset)

    async def count_all_wells(self, where: Filter | None = None) -> int:
        """Count the wells of all plates."""
        return await self._catalog.count(_wells().where(compiled(where, _well)))

    async def wells_at(
        self, places: Iterable[tuple[int, int, int]]
    ) -> dict[tuple[int, int, int], Any]:
        """Return the wells at these (plate, row, column), where there are any. One statement."""
        wanted = set(places)
        if not wanted:
            return {}
        members = self._catalog.members
        rows = await self._catalog.rows(
            _wells().where(
                members(_well.plate_id, {plate for plate, _row, _column in wanted}),
                members(_well.row, {row for _plate, row, _column in wanted}),
                members(_well.column, {column for _plate, _row, column in wanted}),
            )
        )
        found = {(row.plate_id, row.row, row.column): row for row in rows}
        return {place: found[place] for place in wanted if place in found}

    async def fields(self, ids: Sequence[int]) -> list[WellSample | None]:
        """Return fields in the order of the ids. One statement."""
        return await self._catalog.by_ids(WellSample, ids)

    async def fields_of(self, well_ids: Sequence[int]) -> list[list[WellSample]]:
        """Return the fields of each well, by position. One statement."""
        return await self._catalog.grouped(
            WellSample, "well_id", well_ids, order=(_field.position,)
        )

    async def fields_with(self, image_ids: Sequence[int]) -> list[list[WellSample]]:
        """Return the fields that show each image. One statement."""
        return await self._catalog.grouped(WellSample, "image_id", image_ids)

    async def grid(
        self, plate_ids: Sequence[int], field: int, acquisition_id: int | None = None
    ) -> dict[int, list[Cell]]:
        """Return the n-th field (from 0) of every well of each plate that has one. One statement.

        With an acquisition, only its fields count, in the order of their positions.
        """
        statement = (
            select(*table(WellSample).c, _well.plate_id, _well.row, _well.column)
            .join(table(Well), _well.id == _field.well_id)
            .where(self._catalog.members(_well.plate_id, set(plate_ids)))
            .order_by(_well.row, _well.column)
        )
        if acquisition_id is None:
            statement = statement.where(_field.position == field)
        else:
            statement = statement.where(_field.acquisition_id == acquisition_id, _before() == field)
        cells: dict[int, list[Cell]] = {id: [] for id in plate_ids}
        for row in await self._catalog.rows(statement):
            cells[row.plate_id].append(Cell(row.row, row.column, row))
        return cells

    async def sizes(self, plate_ids: Sequence[int]) -> dict[int, tuple[int, int, int]]:
        """Return what is used of each plate: rows, columns, fields of the fullest well.

        Plates without any field are left out. One statement.
        """
        rows = await self._catalog.rows(
            select(
                _well.plate_id,
                func.max(_well.row) + 1,
                func.max(_well.column) + 1,
                func.max(_field.position) + 1,
            )
            .join(table(WellSample), _field.well_id == _well.id)
            .where(self._catalog.members(_well.plate_id, set(plate_ids)))
            .group_by(_well.plate_id)
        )
        return {id: (high, wide, deep) for id, high, wide, deep in rows}

    async def acquisitions(self, ids: Sequence[int]) -> list[Acquisition | None]:
        """Return acquisitions in the order of the ids. One statement."""
        return await self._catalog.by_ids(Acquisition, ids)

    async def acquisitions_of(self, plate_ids: Sequence[int]) -> list[list[Acquisition]]:
        """Return the acquisitions of each plate, in the order they were made. One statement."""
        return await self._catalog.grouped(Acquisition, "plate_id", plate_ids)

    # writing

    async def create_plate(
        self,
        *,
        name: str,
        group_id: int | None = None,
        screen_id: int | None = None,
        **fields: Any,
    ) -> Plate:
        """Make a plate, in a screen if one is named. Raises as `Containers.create`."""
        return await self._containers.create(
            Plate, name=name, group_id=group_id, into=screen_id, **_checked_plate(fields)
        )

    async def update_plate(self, id: int, *, expected: int | None = None, **fields: Any) -> Plate:
        """Change fields of a plate. Raises Conflict if wells would lie outside its new size."""
        after = _checked_plate(checked_fields(Plate, fields))
        if "name" in after:
            after["name"] = checked_name(after["name"])

        async def work(unit: Unit) -> Plate:
            await unit.one(Plate, id, can=Can.EDIT)
            await self._keep_wells_inside(unit, id, after)
            unit.journal.summary = f"change plate {id}"
            return await unit.change(Plate, id, expected=expected, **after)

        return await self._catalog.write("update_plate", work)

    async def _keep_wells_inside(self, unit: Unit, id: int, after: dict[str, Any]) -> None:
        for side, column in (("rows", _well.row), ("columns", _well.column)):
            size = after.get(side)
            if size is None:
                continue
            beyond = await unit.scalars(
                select(_well.id).where(
                    _well.plate_id == id, _well.trashed_by.is_(None), column >= size
                )
            )
            if beyond:
                raise Conflict(
                    f"Plate {id} has {len(beyond)} well(s) beyond {size} {side}; move or delete "
                    "them first.",
                    noun="plate",
                    id=id,
                )

    async def create_acquisition(self, plate_id: int, **fields: Any) -> Acquisition:
        """Add a run of the instrument to a plate. Times in ms UTC."""
        after = _checked(fields, _ACQUISITION_FIELDS, "acquisition")

        async def work(unit: Unit) -> Acquisition:
            plate = await unit.one(Plate, plate_id, can=Can.EDIT)
            unit.journal.summary = f"add an acquisition to plate {plate.name}"
            return await unit.add(
                Acquisition(
                    plate_id=plate_id,
                    owner_id=unit.actor.author_id,
                    group_id=plate.group_id,
                    **after,
                )
            )

        return await self._catalog.write("create_acquisition", work)

    async def update_acquisition(
        self, id: int, *, expected: int | None = None, **fields: Any
    ) -> Acquisition:
        """Change fields of an acquisition; those left out stay."""
        after = _checked(fields, _ACQUISITION_FIELDS, "acquisition")

        async def work(unit: Unit) -> Acquisition:
            unit.journal.summary = f"change acquisition {id}"
            return await unit.change(Acquisition, id, expected=expected, **after)

        return await self._catalog.write("update_acquisition", work)

    async def update_well(self, id: int, *, expected: int | None = None, **fields: Any) -> Any:
        """Change a well's colour (signed RGBA), type, status or outside names; as `wells` gives."""
        after = _checked(fields, _WELL_FIELDS, "well")

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"change well {id}"
            await unit.change(Well, id, expected=expected, **after)

        await self._catalog.write("update_well", work)
        return (await self.wells([id]))[id]

    async def add_fields(self, plate_id: int, fields: Sequence[NewField]) -> list[int]:
        """Put images into wells, all or none; wells are made as needed. Returns the fields' ids.

        Needs the right to edit the plate and to place each image. Raises Invalid for a place
        outside the plate, Conflict for a taken position, an image that is in that well already, or
        an image of another group.
        """
        if not 0 < len(fields) <= MOST_FIELDS:
            raise Invalid("fields", f"send from 1 to {MOST_FIELDS:,}, found {len(fields):,}.")

        async def work(unit: Unit) -> list[int]:
            # Locks the plate, so that two callers do not make the same well.
            plate = await unit.one(Plate, plate_id, can=Can.EDIT)
            for field in fields:
                _check_place(plate, field.row, field.column)
            await self._check_acquisitions(unit, plate_id, fields)
            await self._check_images(unit, plate, fields)
            unit.journal.summary = f"add {len(fields)} field(s) to plate {plate.name}"
            wells = await self._wells_for(unit, plate, fields)
            placed = await self._positions(unit, wells, fields)
            mine = (unit.actor.author_id, plate.group_id, now_ms())
            ids = await unit.add_many(
                WellSample, _COLUMNS,
                [
                    (
                        wells[one.row, one.column], one.image_id, one.acquisition_id, position,
                        one.x, one.y, one.unit, one.timepoint, *mine,
                    )
                    for one, position in zip(fields, placed, strict=True)
                ],
            )  # fmt: skip
            unit.tell("changed", Plate, plate)
            return list(ids)

        return await self._catalog.write("add_fields", work)

    async def _check_acquisitions(
        self, unit: Unit, plate_id: int, fields: Sequence[NewField]
    ) -> None:
        named = {one.acquisition_id for one in fields if one.acquisition_id is not None}
        known = set(
            await unit.scalars(
                select(_acquisition.id).where(
                    unit.members(_acquisition.id, named),
                    _acquisition.plate_id == plate_id,
                    _acquisition.trashed_by.is_(None),
                )
            )
        )
        for id in sorted(named - known):
            raise Invalid("acquisition", f"plate {plate_id} has no acquisition {id}.")

    async def _check_images(self, unit: Unit, plate: Plate, fields: Sequence[NewField]) -> None:
        wanted = sorted({one.image_id for one in fields})
        images = list(await unit.all(Image, unit.members(cols(Image).id, wanted)))
        found = {image.id for image in images}
        for id in wanted:
            if id not in found:
                await unit.one(Image, id)  # raises NotFound
        for image, can in zip(images, await unit.judge.capabilities(Image, images), strict=True):
            if not can & Can.PLACE:
                raise Forbidden("put into a plate", "image", image.id)
            if image.group_id != plate.group_id:
                raise Conflict(
                    f"Image {image.id} is in group {image.group_id} and plate {plate.id} in group "
                    f"{plate.group_id}; a plate holds images of its own group. Move one of them "
                    "first.",
                    noun="image",
                    id=image.id,
                )

    async def _wells_for(
        self, unit: Unit, plate: Plate, fields: Sequence[NewField]
    ) -> dict[tuple[int, int], int]:
        rows = await unit.rows(
            select(_well.row, _well.column, _well.id).where(
                _well.plate_id == plate.id, _well.trashed_by.is_(None)
            )
        )
        wells = {(row, column): id for row, column, id in rows}
        missing = sorted({(one.row, one.column) for one in fields} - wells.keys())
        mine = (unit.actor.author_id, plate.group_id, now_ms())
        made = await unit.add_many(
            Well,
            ("plate_id", "row", "column", "owner_id", "group_id", "created_at"),
            [(plate.id, row, column, *mine) for row, column in missing],
        )
        return wells | dict(zip(missing, made, strict=True))

    async def _positions(
        self,
        unit: Unit,
        wells: dict[tuple[int, int], int],
        fields: Sequence[NewField],
    ) -> list[int]:
        """Return the position of each field in its well, checked against those there."""
        rows = await unit.rows(
            select(_field.well_id, _field.position, _field.image_id).where(
                unit.members(_field.well_id, {wells[one.row, one.column] for one in fields}),
                _field.trashed_by.is_(None),
            )
        )
        taken = {(row.well_id, row.position) for row in rows}
        shown = {(row.well_id, row.image_id) for row in rows}
        free: dict[int, int] = {}
        for row in rows:
            free[row.well_id] = max(free.get(row.well_id, 0), row.position + 1)
        placed = []
        for one in fields:
            well = wells[one.row, one.column]
            position = free.get(well, 0) if one.position is None else one.position
            here = ordinal(one.row, "letter") + ordinal(one.column, "number")
            if position < 0:
                raise Invalid("position", f"{position} is not a position; they count from 0.")
            if (well, position) in taken:
                raise Conflict(f"Position {position} of well {here} holds another image already.")
            if (well, one.image_id) in shown:
                raise Conflict(f"Image {one.image_id} is in well {here} already.")
            taken.add((well, position))
            shown.add((well, one.image_id))
            free[well] = max(free.get(well, 0), position + 1)
            placed.append(position)
        return placed


_COLUMNS = (
    "well_id", "image_id", "acquisition_id", "position", "x", "y", "unit", "timepoint",
    "owner_id", "group_id", "created_at",
)  # fmt: skip


def _wells() -> Select[Any]:
    return select(*table(Well).c, _plate.row_naming, _plate.column_naming).join(
        table(Plate), _plate.id == _well.plate_id
    )


def _before() -> Any:
    """Count the live fields of the same well and acquisition at lower positions."""
    other = table(WellSample).alias()
    return (
        select(func.count())
        .select_from(other)
        .where(
            and_(
                other.c.well_id == _field.well_id,
                other.c.acquisition_id == _field.acquisition_id,
                other.c.position < _field.position,
                other.c.trashed_by.is_(None),
            )
        )
        .correlate(table(WellSample))
        .scalar_subquery()
    )


def _check_place(plate: Plate, row: int, column: int) -> None:
    for side, index, size in (("row", row, plate.rows), ("column", column, plate.columns)):
        most = LARGEST_SIDE if size is None else size
        if not 0 <= index < most:
            raise Invalid(side, f"{index} is not between 0 and {most - 1}.")


def _checked_plate(fields: dict[str, Any]) -> dict[str, Any]:
    for side in ("rows", "columns"):
        size = fields.get(side)
        if size is not None and not 1 <= size <= LARGEST_SIDE:
            raise Invalid(side, f"must be from 1 to {LARGEST_SIDE}, found {size}.")
    for side in ("row_naming", "column_naming"):
        naming = fields.get(side)
        if naming is not None and naming not in NAMINGS:
            raise Invalid(side, f"must be one of {', '.join(NAMINGS)}.")
    return fields


def _checked(fields: dict[str, Any], allowed: frozenset[str], noun: str) -> dict[str, Any]:
    for name, value in fields.items():
        if name not in allowed:
            raise Invalid(name, f"a {noun} has no such field to set.")
        if name == "name" and value is not None:
            fields = {**fields, "name": checked_name(value)}
    started, ended = fields.get("started_at"), fields.get("ended_at")
    if started is not None and ended is not None and ended < started:
        raise Invalid("ended_at", "must not be before the start.")
    if (fields.get("max_fields") or 0) < 0:
        raise Invalid("max_fields", "must not be negative.")
    return fields
