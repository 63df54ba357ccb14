"""Lists by offset, for clients that page so: how many there are, and the rows from here to there.

Everywhere else a list is paged by keyset. Here the page's ids are found first, by walking an index
that holds all the list asks of a row, and only then are its rows read: page 400 passes over 80,000
entries of an index, never over rows. An image is listed once its pixels are there. Each verb takes
a constant number of statements, and whatever one may not see neither shows nor counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import Select, func, select
from sqlmodel import SQLModel

from adapters.containers import orphaned
from adapters.hierarchy import LINKS
from adapters.people import People
from store.catalog import Catalog
from store.errors import Forbidden, Invalid, NotFound
from store.statement import cols, table, word
from store.tables.containers import Dataset, Project
from store.tables.images import Image, ImageState, Pixels
from store.tables.people import Group, Membership, User, UserKind
from store.tables.screens import Acquisition, Plate, Screen, Well, WellSample

N = TypeVar("N")
Noun = type[SQLModel]

_image, _pixels = cols(Image), cols(Pixels)
_well, _field, _acquisition = cols(Well), cols(WellSample), cols(Acquisition)
_user = cols(User)
_READY = _image.state == ImageState.READY.value
_HUMAN = _user.kind == UserKind.HUMAN.value
ORPHANS = (Dataset, Plate, Image)
NAMED = (Project, Dataset, Screen, Plate, Group)

_IMAGE_COLUMNS = (
    _image.id, _image.owner_id, _image.group_id, _image.label_id, _image.name, _image.description,
    _image.description_html,    _image.acquired_at, _image.series, _image.archived,
)  # fmt: skip
_PIXELS_COLUMNS = (
    _pixels.size_x, _pixels.size_y, _pixels.size_z, _pixels.size_c, _pixels.size_t, _pixels.dtype,
    _pixels.rgb, _pixels.significant_bits, _pixels.physical_size_x, _pixels.physical_size_y,
    _pixels.physical_size_z, _pixels.time_increment, _pixels.sha256,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Among:
    """What a list is narrowed to; None, False and nothing narrow nothing.

    near: the id of a container, of something contained, of a member or of a group, by its noun.
    field: of wells, those that have a field at this position of theirs.
    """

    owner_id: int | None = None
    group_id: int | None = None
    near: Mapping[Noun, int] = field(default_factory=dict)
    orphaned: bool = False
    field: int | None = None


EVERYTHING = Among()


@dataclass(frozen=True, slots=True)
class Window(Generic[N]):
    """The rows of a list from an offset on, and how many the whole list has."""

    rows: Sequence[N]
    total: int


class Listing:
    """Lists of every noun that such clients browse."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def window(
        self, noun: Noun, offset: int, limit: int, among: Among = EVERYTHING
    ) -> Window[Any]:
        """Return the rows of a noun from `offset` on, at most `limit`, in the order of its lists.

        Names come in the order of their keys, the nameless last, people by last and first name,
        wells by column and row; the id breaks every tie. Images come with the columns of their
        pixels. Raises Forbidden for a group that shows the actor nothing, Invalid for a noun that
        is not listed so.
        """
        if noun is User:
            return await self._people(offset, limit, among.near.get(Group))
        statement, settled, order = self._list(noun, among)
        ids: list[int] = []
        if limit > 0:
            page = statement.order_by(*order).offset(offset).limit(limit)
            ids = [row[0] for row in await self._catalog.rows(page, settled=settled)]
        if len(ids) < limit and (ids or not offset):
            # The end of a list shows how long it is.
            total, rows = offset + len(ids), await self._rows(noun, ids)
        else:
            total, rows = await asyncio.gather(
                self._catalog.count(statement, settled=settled), self._rows(noun, ids)
            )
        self._require_readable(among.group_id, total)
        return Window(rows, total)

    def _list(self, noun: Noun, among: Among) -> tuple[Select[Any], list[str], tuple[Any, ...]]:
        """Return the statement for the ids of a whole list, the links it settles, its order."""
        if noun not in _ORDER:
            raise Invalid("noun", f"a {word(noun)} is not listed by offset.")
        row, settled, order = cols(noun), [], _ORDER[noun]
        statement = select(row.id).where(*_ALWAYS.get(noun, ()))
        if among.owner_id is not None:
            statement = statement.where(row.owner_id == among.owner_id)
        if among.group_id is not None:
            statement = statement.where(row.group_id == among.group_id)
        if among.orphaned:
            statement = statement.where(orphaned(noun))
        for other, id in among.near.items():
            statement = self._near(statement, noun, other, id, among)
            if (noun, other) in _THROUGH:
                link, mine, _theirs = _THROUGH[noun, other]
                if "trashed_by" in cols(link):
                    settled.append(table(link).name)
                if (other, noun) in LINKS:
                    # The link holds the child's name key: its index gives the order.
                    order = (cols(link).name_key, cols(link)[mine])
        if among.field is not None and Acquisition not in among.near:
            statement = statement.where(self._has_field(among))
        return statement, settled, order

    def _near(
        self, statement: Select[Any], noun: Noun, other: Noun, id: int, among: Among
    ) -> Select[Any]:
        """Narrow to what lies in, holds or belongs to another object that the actor sees."""
        row = cols(noun)
        if (noun, other) in _THROUGH:
            link, mine, theirs = _THROUGH[noun, other]
            ends = cols(link)
            return (
                statement.join(table(link), ends[mine] == row.id)
                .join(table(other), cols(other).id == ends[theirs])
                .where(ends[theirs] == id, *_ALWAYS.get(other, ()))
            )
        if noun in (Well, Acquisition) and other is Plate:
            return statement.where(row.plate_id == id)
        if noun is Plate and other is Well:
            return statement.join(table(Well), _well.plate_id == row.id).where(_well.id == id)
        if noun is Well and other is Acquisition:
            return statement.where(self._has_field(among))
        raise Invalid("near", f"a {word(noun)} is not found by a {word(other)}.")

    def _has_field(self, among: Among) -> Any:
        """Return the predicate that a well has such a field, with an image one sees."""
        seen = select(_image.id).where(_READY, _image.id.in_(self._catalog.visible_ids(Image)))
        fields = select(_field.id).where(
            _field.well_id == _well.id, _field.trashed_by.is_(None), _field.image_id.in_(seen)
        )
        if among.field is not None:
            fields = fields.where(_field.position == among.field)
        run = among.near.get(Acquisition)
        if run is not None:
            runs = self._catalog.visible_ids(Acquisition)
            fields = fields.where(_field.acquisition_id == run, _field.acquisition_id.in_(runs))
        return fields.correlate(table(Well)).exists()

    async def _rows(self, noun: Noun, ids: Sequence[int]) -> Sequence[Any]:
        if not ids:
            return []
        if noun is Image:
            found = await self.images(ids)
            return [found[id] for id in ids if id in found]
        if noun is User:
            people = People(self._catalog)
            return [people.seen(one) for one in await self._catalog.by_ids(User, ids) if one]
        return [one for one in await self._catalog.by_ids(noun, ids) if one is not None]

    def _require_readable(self, group_id: int | None, total: int) -> None:
        """Refuse a group one is no member of, unless something in it was shared with the actor."""
        actor = self._catalog.actor
        if group_id is None or total or actor.sees_all or group_id in actor.groups:
            return
        if not (actor.grants or actor.storages):
            raise Forbidden("read", "group", group_id, "you are not a member of it.")

    # single objects and what hangs on them

    async def images(self, ids: Sequence[int], *, pixels: bool = True) -> dict[int, Any]:
        """Return the images of these ids that have pixels, by id, in one statement.

        With `pixels` each has their columns too, but for the pyramid and where it is stored.
        """
        columns = _IMAGE_COLUMNS + (_PIXELS_COLUMNS if pixels else ())
        statement = select(*columns).where(_READY, self._catalog.members(_image.id, set(ids)))
        if pixels:
            statement = statement.join(table(Pixels), _pixels.image_id == _image.id)
        # Pixels are seen with their image, which is in the same statement.
        rows = await self._catalog.rows(statement, settled=("pixels",))
        return {row.id: row for row in rows}

    async def one(self, noun: type[Any], id: int) -> Any:
        """Return one object as lists have it. Raises NotFound, also for images without pixels."""
        if noun is Image:
            found = await self.images([id])
            if id not in found:
                raise NotFound("image", id)
            return found[id]
        row: Any = await self._catalog.one(noun, id)
        if noun is not User:
            return row
        if row.kind != UserKind.HUMAN.value:
            raise NotFound("user", id)
        return People(self._catalog).seen(row)

    async def _people(self, offset: int, limit: int, group_id: int | None) -> Window[User]:
        """Return people by last and first name, in any case of letters; those of a group if told.

        Neither database folds letters beyond ASCII by itself, so all names are read and sorted
        here: accounts are few.
        """
        statement = select(_user.id, _user.last_name, _user.first_name).where(_HUMAN)
        if group_id is not None:
            statement = self._near(statement, User, Group, group_id, EVERYTHING)
        found = [
            (row.last_name.casefold(), row.first_name.casefold(), row.id)
            for row in await self._catalog.rows(statement)
        ]
        ids = [id for _last, _first, id in sorted(found)[offset : offset + limit]]
        return Window(await self._rows(User, ids), len(found))

    async def child_counts(self, noun: Noun, ids: Sequence[int]) -> dict[int, int]:
        """Count what each container lists below it, members of groups; nothing is left out.

        One statement; containers were found visible before. Raises Invalid for other nouns.
        """
        child = _COUNTED.get(noun)
        if child is None:
            raise Invalid("noun", f"what a {word(noun)} holds is not counted.")
        link, mine, theirs = _THROUGH[child, noun]
        ends, settled = cols(link), [table(link).name] if "trashed_by" in cols(link) else []
        statement = (
            select(cols(child).id)
            .join(table(link), ends[mine] == cols(child).id)
            .where(self._catalog.members(ends[theirs], set(ids)), *_ALWAYS.get(child, ()))
        )
        found = await self._catalog.counts(statement, ends[theirs], settled=settled)
        return {id: found.get(id, 0) for id in ids}

    async def fields(
        self, well_ids: Sequence[int], among: Among = EVERYTHING, *, pixels: bool = False
    ) -> Fields:
        """Return the fields of wells found visible before, with their images and runs.

        Only those that `among` lets through, and whose image the actor sees. Three statements.
        """
        statement = select(table(WellSample)).where(
            self._catalog.members(_field.well_id, set(well_ids))
        )
        if among.field is not None:
            statement = statement.where(_field.position == among.field)
        run = among.near.get(Acquisition)
        if run is not None:
            statement = statement.where(_field.acquisition_id == run)
        rows = await self._catalog.rows(
            statement.order_by(_field.well_id, _field.position), settled=("well_sample",)
        )
        images = await self.images([row.image_id for row in rows], pixels=pixels)
        runs = sorted({row.acquisition_id for row in rows if row.acquisition_id is not None})
        known = await self._catalog.by_ids(Acquisition, runs)
        by_well: dict[int, list[Any]] = {id: [] for id in well_ids}
        for row in rows:
            if row.image_id in images:
                by_well[row.well_id].append(row)
        return Fields(by_well, images, {one.id: one for one in known if one is not None})

    async def field_spans(self, noun: Noun, ids: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Return the lowest and highest position of the fields of each plate or acquisition.

        Those without a field one sees are left out; they were found visible before. One statement.
        """
        parent = _well.plate_id if noun is Plate else _field.acquisition_id
        statement = (
            select(parent, func.min(_field.position), func.max(_field.position))
            .select_from(
                table(WellSample)
                .join(table(Image), _image.id == _field.image_id)
                .join(table(Well), _well.id == _field.well_id)
            )
            .where(_READY, self._catalog.members(parent, set(ids)))
            .group_by(parent)
        )
        rows = await self._catalog.rows(statement, settled=("well_sample", "well"))
        return {id: (low, high) for id, low, high in rows}


@dataclass(frozen=True, slots=True)
class Fields:
    """Fields by well, in the order of their positions; their images and runs by id."""

    by_well: Mapping[int, Sequence[Any]]
    images: Mapping[int, Any]
    runs: Mapping[int, Any]


# noun, other → the link between them, the noun's column in it, the other's
_THROUGH: dict[tuple[Noun, Noun], tuple[Noun, str, str]] = {
    (User, Group): (Membership, "user_id", "group_id"),
    (Group, User): (Membership, "group_id", "user_id"),
}
for (_parent, _child), (_link, _above, _below) in LINKS.items():
    _THROUGH[_child, _parent] = (_link, _below, _above)
    _THROUGH[_parent, _child] = (_link, _above, _below)
_COUNTED: dict[Noun, Noun] = {Project: Dataset, Dataset: Image, Screen: Plate, Group: User}
_ALWAYS: dict[Noun, tuple[Any, ...]] = {Image: (_READY,), User: (_HUMAN,)}
_ORDER: dict[Noun, tuple[Any, ...]] = {
    **{noun: (cols(noun).name_key, cols(noun).id) for noun in (*NAMED, Image)},
    Acquisition: (_acquisition.name_key.nulls_last(), _acquisition.id),
    Well: (_well.column, _well.row, _well.id),
}
