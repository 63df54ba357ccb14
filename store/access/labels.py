"""Upkeep of access labels: which (group, granted objects above it) each row stands under.

A label names one distinct (group, set of objects that carry grants among a row and what lies above
it). Rows are relabelled inside the unit of work that linked, moved, shared or placed them. A label
is never changed, only made and left, so a grant usually touches a few hundred rows and a second
grant on the same object none. The slow definition of visibility is the oracle of a property test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from store.statement import cols, table
from store.tables.access import Grant, Label, LabelObject
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.files import Storage, StorageMember, StoredFile
from store.tables.images import Image
from store.tables.screens import Plate, Screen, ScreenPlate, Well, WellSample

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from store.engine import Database

_grant, _label, _label_object = cols(Grant), cols(Label), cols(LabelObject)
_project_dataset, _dataset_image = cols(ProjectDataset), cols(DatasetImage)
_placement, _dataset, _screen_plate = cols(Placement), cols(Dataset), cols(ScreenPlate)
_well, _sample, _image, _file = cols(Well), cols(WellSample), cols(Image), cols(StoredFile)
_project, _plate, _screen = cols(Project), cols(Plate), cols(Screen)
_storage, _member = cols(Storage), cols(StorageMember)


@dataclass(slots=True)
class Touched:
    """Rows whose place in the hierarchy, group or grants a unit of work has changed."""

    projects: set[int] = field(default_factory=set)
    datasets: set[int] = field(default_factory=set)
    images: set[int] = field(default_factory=set)
    screens: set[int] = field(default_factory=set)
    plates: set[int] = field(default_factory=set)
    relinked: bool = False  # a new link was made: an excluded placement may return

    def __bool__(self) -> bool:
        return bool(self.projects or self.datasets or self.images or self.screens or self.plates)


async def relabel(database: Database, connection: AsyncConnection, touched: Touched) -> None:
    """Give every touched row, and every row below one, the label it now stands under."""
    pick = _Picker(database, connection)
    granted, shared = await pick.opened()
    datasets = touched.datasets | await pick.ids(
        _project_dataset.dataset_id, _project_dataset.project_id, touched.projects
    )
    plates = touched.plates | await pick.ids(
        _screen_plate.plate_id, _screen_plate.screen_id, touched.screens
    )
    images = (
        touched.images
        | await pick.ids(_dataset_image.image_id, _dataset_image.dataset_id, datasets)
        | await pick.ids(_placement.image_id, _placement.project_id, touched.projects)
        | await pick.images_of_plates(plates)
    )
    for noun, ids in (
        (Project, touched.projects), (Dataset, datasets), (Screen, touched.screens),
        (Plate, plates), (Image, images),
    ):  # fmt: skip
        if ids:
            above = await pick.above(noun, ids, granted, shared)
            await _assign(database, connection, noun, ids, above)


@dataclass(frozen=True, slots=True)
class Mislabelled:
    """A row whose label is not the one it stands under; both as ``group:granted objects``."""

    id: int
    found: str | None
    right: str


async def mislabelled(
    database: Database, connection: AsyncConnection, noun: type[SQLModel], ids: set[int]
) -> list[Mislabelled]:
    """Return the rows of a noun whose label differs from what working it out anew gives."""
    pick = _Picker(database, connection)
    above = await pick.above(noun, ids, *await pick.opened())
    row = cols(noun)
    rows = await connection.execute(
        select(row.id, row.group_id, _label.key)
        .select_from(table(noun).outerjoin(table(Label), _label.id == row.label_id))
        .where(database.members(row.id, ids))
        .order_by(row.id)
    )
    wanted = ((id, found, _key(group, above.get(id, ()))) for id, group, found in rows)
    return [Mislabelled(id, found, right) for id, found, right in wanted if found != right]


class _Picker:
    """Looks up what lies above and below rows; each question is one statement."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        self._database = database
        self._connection = connection

    async def opened(self) -> tuple[set[int], set[int]]:
        """Return the objects that carry grants, and the storages that have other members."""
        granted = await self._connection.scalars(select(_grant.target_id).distinct())
        shared = await self._connection.scalars(
            select(_member.storage_id)
            .join(table(Storage), _storage.id == _member.storage_id)
            .where(_member.trashed_by.is_(None), _member.user_id != _storage.owner_id)
        )
        return set(granted), set(shared)

    async def ids(self, wanted: Any, column: Any, values: set[int]) -> set[int]:
        if not values:
            return set()
        statement = select(wanted).where(self._database.members(column, values))
        if "trashed_by" in wanted.table.c:
            statement = statement.where(wanted.table.c.trashed_by.is_(None))
        return set(await self._connection.scalars(statement))

    async def images_of_plates(self, plates: set[int]) -> set[int]:
        if not plates:
            return set()
        return set(
            await self._connection.scalars(
                _fields(_sample.image_id).where(self._database.members(_well.plate_id, plates))
            )
        )

    async def above(
        self, noun: type[SQLModel], ids: set[int], granted: set[int], shared: set[int]
    ) -> dict[int, set[int]]:
        """Return for each row the granted objects among itself and its ancestors."""
        above: dict[int, set[int]] = defaultdict(set)
        for id in ids & granted:
            above[id].add(id)
        if granted:
            for statement, child in _ANCESTORS.get(noun, ()):
                rows = await self._connection.execute(
                    statement.where(self._database.members(child, ids))
                )
                for row_id, ancestor in rows:
                    if ancestor in granted:
                        above[row_id].add(ancestor)
        if shared and noun is Image:
            rows = await self._connection.execute(
                select(_image.id, _file.storage_id)
                .join(table(StoredFile), _file.id == _image.file_id)
                .where(self._database.members(_image.id, ids), _file.trashed_by.is_(None))
            )
            for row_id, storage in rows:
                if storage in shared:
                    above[row_id].add(storage)
        return above


def _fields(*wanted: Any) -> Select[Any]:
    """Live fields of live wells."""
    return (
        select(*wanted)
        .select_from(table(WellSample).join(table(Well), _well.id == _sample.well_id))
        .where(_sample.trashed_by.is_(None), _well.trashed_by.is_(None))
    )


def _live(statement: Select[Any], *tables: Any) -> Select[Any]:
    return statement.where(*(columns.trashed_by.is_(None) for columns in tables))


# (statement giving (row, ancestor), the column of the row): liveness of every step is part of it.
_ANCESTORS: dict[type[SQLModel], Sequence[tuple[Select[Any], Any]]] = {
    Dataset: [
        (
            _live(
                select(_project_dataset.dataset_id, _project_dataset.project_id).join(
                    table(Project), _project.id == _project_dataset.project_id
                ),
                _project_dataset, _project,
            ),
            _project_dataset.dataset_id,
        ),
    ],
    Plate: [
        (
            _live(
                select(_screen_plate.plate_id, _screen_plate.screen_id).join(
                    table(Screen), _screen.id == _screen_plate.screen_id
                ),
                _screen_plate, _screen,
            ),
            _screen_plate.plate_id,
        ),
    ],
    Image: [
        (
            _live(
                select(_dataset_image.image_id, _dataset_image.dataset_id).join(
                    table(Dataset), _dataset.id == _dataset_image.dataset_id
                ),
                _dataset_image, _dataset,
            ),
            _dataset_image.image_id,
        ),
        (
            select(_placement.image_id, _placement.project_id)
            .join(table(Project), _project.id == _placement.project_id)
            .where(_placement.state == "live", _project.trashed_by.is_(None)),
            _placement.image_id,
        ),
        (
            _live(
                _fields(_sample.image_id, _well.plate_id).join(
                    table(Plate), _plate.id == _well.plate_id
                ),
                _plate,
            ),
            _sample.image_id,
        ),
        (
            _live(
                _fields(_sample.image_id, _screen_plate.screen_id)
                .join(table(Plate), _plate.id == _well.plate_id)
                .join(table(ScreenPlate), _screen_plate.plate_id == _plate.id)
                .join(table(Screen), _screen.id == _screen_plate.screen_id),
                _plate, _screen_plate, _screen,
            ),
            _sample.image_id,
        ),
    ],
}  # fmt: skip


async def _assign(
    database: Database,
    connection: AsyncConnection,
    noun: type[SQLModel],
    ids: set[int],
    above: dict[int, set[int]],
) -> None:
    row = cols(noun)
    found = await connection.execute(
        select(row.id, row.group_id, row.label_id).where(database.members(row.id, ids))
    )
    wanted: dict[tuple[int, tuple[int, ...]], list[int]] = defaultdict(list)
    current: dict[int, int | None] = {}
    for id, group_id, label_id in found:
        wanted[group_id, tuple(sorted(above.get(id, ())))].append(id)
        current[id] = label_id
    for (group_id, objects), members in wanted.items():
        label = await _label_for(database, connection, group_id, objects)
        stale = [id for id in members if current[id] != label]
        if stale:
            await connection.execute(
                update(table(noun)).where(database.members(row.id, stale)).values(label_id=label)
            )


async def _label_for(
    database: Database, connection: AsyncConnection, group_id: int, objects: Iterable[int]
) -> int:
    members = tuple(objects)
    key = _key(group_id, members)
    known = await connection.scalar(select(_label.id).where(_label.key == key))
    if known is not None:
        return int(known)
    new = await database.take_ids(connection)
    await connection.execute(insert(table(Label)).values(id=new, group_id=group_id, key=key))
    if members:
        await connection.execute(
            insert(table(LabelObject)),
            [{"label_id": new, "object_id": member} for member in members],
        )
    return new


def _key(group_id: int, objects: Iterable[int]) -> str:
    return f"{group_id}:{','.join(map(str, sorted(objects)))}"
