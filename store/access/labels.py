"""Upkeep of access labels: which (group, granted objects above it) each row stands under.

A label names one distinct (group, set of objects that carry grants among a row and what lies above
it). Rows are relabelled inside the unit of work that linked, moved, shared or placed them. A label
is never changed, only made and left, so a grant usually touches a few hundred rows and a second
grant on the same object none. The slow definition of visibility is the oracle of a property test.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.statement import cols, table
from store.tables.access import Grant, Label, LabelObject
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.files import Storage, StorageMember, StoredFile
from store.tables.images import Image
from store.tables.screens import Plate, Screen, ScreenPlate, Well, WellSample

if TYPE_CHECKING:
    from store.engine import Database
    from store.touched import Touched

_grant, _label, _label_object = cols(Grant), cols(Label), cols(LabelObject)
_project_dataset, _dataset_image = cols(ProjectDataset), cols(DatasetImage)
_placement, _dataset, _screen_plate = cols(Placement), cols(Dataset), cols(ScreenPlate)
_well, _sample, _image, _file = cols(Well), cols(WellSample), cols(Image), cols(StoredFile)
_project, _plate, _screen = cols(Project), cols(Plate), cols(Screen)
_storage, _member = cols(Storage), cols(StorageMember)

Objects = tuple[int, ...]


async def relabel(database: Database, connection: AsyncConnection, touched: Touched) -> None:
    """Give every touched row, and every row below one, the label it now stands under."""
    below = _Below(database, connection)
    datasets = touched.datasets | await below.ids(
        _project_dataset.dataset_id, _project_dataset.project_id, touched.projects
    )
    plates = touched.plates | await below.ids(
        _screen_plate.plate_id, _screen_plate.screen_id, touched.screens
    )
    images = (
        touched.images
        | await below.ids(_dataset_image.image_id, _dataset_image.dataset_id, datasets)
        | await below.ids(_placement.image_id, _placement.project_id, touched.projects)
        | await below.ids(_sample.image_id, _sample.well_id, touched.wells)
        | await below.fields(plates)
        | await below.ids(_image.id, _image.file_id, touched.files)
        | await below.stored(touched.storages)
    )
    for noun, ids in (
        (Project, touched.projects), (Dataset, datasets), (Screen, touched.screens),
        (Plate, plates), (Image, images),
    ):  # fmt: skip
        if ids:
            await _assign(database, connection, noun, ids)


class _Below:
    """Looks up what lies below rows; each question is one statement."""

    def __init__(self, database: Database, connection: AsyncConnection) -> None:
        self._database = database
        self._connection = connection

    async def ids(self, wanted: Any, column: Any, values: set[int]) -> set[int]:
        """Return `wanted` of the rows whose `column` has one of the values; links must be live."""
        if not values:
            return set()
        statement = select(wanted).where(self._database.members(column, values))
        if "trashed_by" in wanted.table.c and wanted is not _image.id:
            statement = statement.where(wanted.table.c.trashed_by.is_(None))
        return set(await self._connection.scalars(statement))

    async def fields(self, plates: set[int]) -> set[int]:
        if not plates:
            return set()
        return set(
            await self._connection.scalars(
                _fields(_sample.image_id).where(self._database.members(_well.plate_id, plates))
            )
        )

    async def stored(self, storages: set[int]) -> set[int]:
        if not storages:
            return set()
        return set(
            await self._connection.scalars(
                select(_image.id)
                .join(table(StoredFile), _file.id == _image.file_id)
                .where(self._database.members(_file.storage_id, storages))
            )
        )


def _fields(*wanted: Any) -> Select[Any]:
    """Live fields of live wells."""
    return (
        select(*wanted)
        .select_from(table(WellSample).join(table(Well), _well.id == _sample.well_id))
        .where(_sample.trashed_by.is_(None), _well.trashed_by.is_(None))
    )


def _live(statement: Select[Any], *tables: Any) -> Select[Any]:
    return statement.where(*(columns.trashed_by.is_(None) for columns in tables))


_GRANTED = select(_grant.target_id)
# A storage counts once it has a member besides its owner, to whom it adds nothing.
_SHARED = (
    select(_storage.id)
    .join(table(StorageMember), _member.storage_id == _storage.id)
    .where(
        _member.trashed_by.is_(None),
        _storage.trashed_by.is_(None),
        _member.user_id != _storage.owner_id,
    )
)

# A statement that gives (row, object above it that is granted), and the column of the row.
# Liveness of every step is part of it.
_Ancestry = Sequence[tuple[Select[Any], Any]]
_ANCESTORS: Mapping[type[SQLModel], _Ancestry] = {
    Dataset: [
        (
            _live(
                select(_project_dataset.dataset_id, _project_dataset.project_id)
                .join(table(Project), _project.id == _project_dataset.project_id)
                .where(_project_dataset.project_id.in_(_GRANTED)),
                _project_dataset, _project,
            ),
            _project_dataset.dataset_id,
        ),
    ],
    Plate: [
        (
            _live(
                select(_screen_plate.plate_id, _screen_plate.screen_id)
                .join(table(Screen), _screen.id == _screen_plate.screen_id)
                .where(_screen_plate.screen_id.in_(_GRANTED)),
                _screen_plate, _screen,
            ),
            _screen_plate.plate_id,
        ),
    ],
    Image: [
        (
            _live(
                select(_dataset_image.image_id, _dataset_image.dataset_id)
                .join(table(Dataset), _dataset.id == _dataset_image.dataset_id)
                .where(_dataset_image.dataset_id.in_(_GRANTED)),
                _dataset_image, _dataset,
            ),
            _dataset_image.image_id,
        ),
        (
            select(_placement.image_id, _placement.project_id)
            .join(table(Project), _project.id == _placement.project_id)
            .where(
                _placement.state == "live",
                _project.trashed_by.is_(None),
                _placement.project_id.in_(_GRANTED),
            ),
            _placement.image_id,
        ),
        (
            _live(
                _fields(_sample.image_id, _well.plate_id)
                .join(table(Plate), _plate.id == _well.plate_id)
                .where(_well.plate_id.in_(_GRANTED)),
                _plate,
            ),
            _sample.image_id,
        ),
        (
            _live(
                _fields(_sample.image_id, _screen_plate.screen_id)
                .join(table(Plate), _plate.id == _well.plate_id)
                .join(table(ScreenPlate), _screen_plate.plate_id == _plate.id)
                .join(table(Screen), _screen.id == _screen_plate.screen_id)
                .where(_screen_plate.screen_id.in_(_GRANTED)),
                _plate, _screen_plate, _screen,
            ),
            _sample.image_id,
        ),
        (
            select(_image.id, _file.storage_id)
            .join(table(StoredFile), _file.id == _image.file_id)
            .where(_file.trashed_by.is_(None), _file.storage_id.in_(_SHARED)),
            _image.id,
        ),
    ],
}  # fmt: skip


async def _assign(
    database: Database, connection: AsyncConnection, noun: type[SQLModel], ids: set[int]
) -> None:
    row = cols(noun)
    above = await _above(database, connection, noun, ids)
    found = await connection.execute(
        select(row.id, row.group_id, row.label_id).where(database.members(row.id, ids))
    )
    wanted: dict[str, list[int]] = defaultdict(list)
    meaning: dict[str, tuple[int, Objects]] = {}
    current: dict[int, int | None] = {}
    for id, group_id, label_id in found:
        objects = tuple(sorted(above.get(id, ())))
        key = _key(group_id, objects)
        meaning[key] = group_id, objects
        wanted[key].append(id)
        current[id] = label_id
    labels = await _labels(database, connection, meaning)
    for key, members in wanted.items():
        label = labels[key]
        stale = [id for id in members if current[id] != label]
        if stale:
            await connection.execute(
                update(table(noun)).where(database.members(row.id, stale)).values(label_id=label)
            )


def _key(group_id: int, objects: Objects) -> str:
    return f"{group_id}:{','.join(map(str, objects))}"


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
    row = cols(noun)
    above = await _above(database, connection, noun, ids)
    rows = await connection.execute(
        select(row.id, row.group_id, _label.key)
        .select_from(table(noun).outerjoin(table(Label), _label.id == row.label_id))
        .where(database.members(row.id, ids))
        .order_by(row.id)
    )
    wanted = (
        (id, found, _key(group_id, tuple(sorted(above.get(id, ())))))
        for id, group_id, found in rows
    )
    return [Mislabelled(id, found, right) for id, found, right in wanted if found != right]


async def _above(
    database: Database, connection: AsyncConnection, noun: type[SQLModel], ids: set[int]
) -> dict[int, set[int]]:
    """Return for each row the granted objects among itself and what lies above it."""
    above: dict[int, set[int]] = defaultdict(set)
    for id in await connection.scalars(_GRANTED.where(database.members(_grant.target_id, ids))):
        above[id].add(id)
    for statement, column in _ANCESTORS.get(noun, ()):
        rows: Any = await connection.execute(statement.where(database.members(column, ids)))
        for row in rows:
            above[row[0]].add(row[1])
    return above


async def _labels(
    database: Database, connection: AsyncConnection, meaning: Mapping[str, tuple[int, Objects]]
) -> dict[str, int]:
    """Return the label of each key; those that do not exist yet are made."""
    labels: dict[str, int] = {}
    for keys in _batches(sorted(meaning)):
        rows = await connection.execute(select(_label.key, _label.id).where(_label.key.in_(keys)))
        labels.update({row.key: row.id for row in rows})
    new = [key for key in meaning if key not in labels]
    if not new:
        return labels
    first = await database.take_ids(connection, len(new))
    made = dict(zip(new, range(first, first + len(new)), strict=True))
    await connection.execute(
        insert(table(Label)),
        [{"id": id, "group_id": meaning[key][0], "key": key} for key, id in made.items()],
    )
    objects = [
        {"label_id": id, "object_id": object_id}
        for key, id in made.items()
        for object_id in meaning[key][1]
    ]
    if objects:
        await connection.execute(insert(table(LabelObject)), objects)
    return labels | made


def _batches(keys: Sequence[str], size: int = 500) -> Iterable[Sequence[str]]:
    return (keys[start : start + size] for start in range(0, len(keys), size))
