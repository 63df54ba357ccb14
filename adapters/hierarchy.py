"""The hierarchy within a unit of work: putting things into containers, and moving whole trees.

Container links join rows of one group, so that a group's level means the same for everything below.
Moving a container to another group takes what lies only in it and unlinks the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

from sqlalchemy import select
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Project, ProjectDataset
from store.tables.images import Image
from store.tables.screens import Plate, Screen, ScreenPlate, Well, WellSample
from store.unit import Unit, word

N = TypeVar("N", bound=SQLModel)
TOLD_ONE_BY_ONE = 200  # links; beyond, subscribers are told of the container

# parent, child → link table and its two columns
LINKS: dict[tuple[type[SQLModel], type[SQLModel]], tuple[type[SQLModel], str, str]] = {
    (Project, Dataset): (ProjectDataset, "project_id", "dataset_id"),
    (Dataset, Image): (DatasetImage, "dataset_id", "image_id"),
    (Screen, Plate): (ScreenPlate, "screen_id", "plate_id"),
}
CHILD: dict[type[SQLModel], type[SQLModel]] = dict(tuple(LINKS))


def link_of(parent: type[SQLModel], child: type[SQLModel]) -> tuple[type[SQLModel], str, str]:
    """Return the link table of a parent and a child, and its two columns. Raises Invalid."""
    if (parent, child) not in LINKS:
        raise Invalid("parent", f"a {word(child)} cannot be put into a {word(parent)}.")
    return LINKS[parent, child]


async def visible_members(unit: Unit, noun: type[N], ids: Iterable[int]) -> Sequence[N]:
    """Return rows by id, in that order. Raises NotFound for the first that cannot be seen."""
    wanted = list(dict.fromkeys(ids))
    found: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, wanted))
    rows = {row.id: row for row in found}
    for id in wanted:
        if id not in rows:
            raise NotFound(word(noun), id)
    return [rows[id] for id in wanted]


async def put_into(
    unit: Unit, parent: type[SQLModel], parent_id: int, child: type[SQLModel], rows: Sequence[Any]
) -> int:
    """Link visible rows into a container; return how many were not in it yet.

    Needs the right to place each, and to change the container or, for a project, what its mode
    asks. Raises NotFound, Forbidden, Conflict for a row of another group.
    """
    link, above, below = link_of(parent, child)
    container: Any = await unit.one(parent, parent_id)
    # Locked, so that none of them can move to another group meanwhile.
    members: Sequence[Any] = await unit.stored(child, [row.id for row in rows])
    row = cols(link)
    known = set(
        await unit.scalars(
            select(row[below]).where(
                row[above] == parent_id,
                unit.members(row[below], [one.id for one in members]),
                row.trashed_by.is_(None),
            )
        )
    )
    order = {one.id: place for place, one in enumerate(rows)}
    fresh = sorted((one for one in members if one.id not in known), key=lambda one: order[one.id])
    if not fresh:
        return 0
    if not await unit.judge.may_put_into(link, {above: parent_id, below: fresh[0].id}):
        raise Forbidden("add to", word(parent), parent_id)
    for member, can in zip(fresh, await unit.judge.capabilities(child, fresh), strict=True):
        if not can & Can.PLACE:
            raise Forbidden("place", word(child), member.id)
        _same_group(parent, container, child, member)
    ids = await unit.add_many(
        link,
        ("owner_id", "name_key", above, below),
        [(unit.actor.author_id, one.name_key, parent_id, one.id) for one in fresh],
    )
    if len(ids) > TOLD_ONE_BY_ONE:
        unit.tell("changed", parent, container)
        return len(fresh)
    for id, member in zip(ids, fresh, strict=True):
        unit.tell("created", link, SimpleNamespace(id=id, **{above: parent_id, below: member.id}))
    return len(fresh)


def _same_group(parent: type[SQLModel], into: Any, child: type[SQLModel], member: Any) -> None:
    if into.group_id != member.group_id:
        raise Conflict(
            f"{word(child)} {member.id} is in group {member.group_id} and {word(parent)} "
            f"{into.id} in group {into.group_id}; a container holds objects of its own group. "
            f"Move one of them first.",
            noun=word(child), id=member.id,
        )  # fmt: skip


async def move(unit: Unit, noun: type[N], row: N, group_id: int) -> N:
    """Move an object that may be shared to another group, with what lies only in it.

    What also lies elsewhere, or may not be shared, stays in its group and is unlinked. Links from
    above are cut. Raises Conflict for a field of a plate, which goes with its plate.
    """
    id = row.id  # type: ignore[attr-defined]  # nouns have one
    if noun is Image and (plates := await _plates_of(unit, [id])):
        raise Conflict(
            f"image {id} is a field of plate {plates[0]}; move the plate.", noun="image", id=id
        )
    await _cut_above(unit, noun, [id])
    (moved,) = await _move(unit, noun, [row], group_id)
    return moved


async def _move(unit: Unit, noun: type[N], rows: Sequence[N], group_id: int) -> list[N]:
    """Move rows that were judged, and what lies only in them, level by level."""
    listed: Sequence[Any] = rows
    ids = [row.id for row in listed]
    if noun in CHILD:
        child = CHILD[noun]
        going = await _only_inside(unit, noun, child, ids)
        if going:
            await _move(unit, child, going, group_id)
    if noun is Plate:
        fields = await _fields(unit, ids)
        if fields:
            await _cut_above(unit, Image, [image.id for image in fields])
            await _move(unit, Image, fields, group_id)
    return await unit.put_many(noun, rows, {"group_id": group_id})


async def _only_inside(
    unit: Unit, parent: type[SQLModel], child: type[SQLModel], ids: Sequence[int]
) -> list[Any]:
    """Unlink the children that stay behind and return those that go along.

    A child stays if it lies elsewhere too, or if the actor may not share it.
    """
    link, above, below = LINKS[parent, child]
    row, up = cols(link), cols(parent)
    links = await unit.rows(
        select(row.id, row[below].label("child")).where(
            unit.members(row[above], ids), row.trashed_by.is_(None)
        )
    )
    inside = {one.child for one in links}
    other = (unit.members(row[below], inside), ~unit.members(row[above], ids))
    staying = set(
        await unit.scalars(
            select(row[below])
            .join(table(parent), up.id == row[above])
            .where(*other, row.trashed_by.is_(None), up.trashed_by.is_(None))
        )
    )
    if child is Image:
        field, well = cols(WellSample), cols(Well)
        staying |= set(
            await unit.scalars(
                select(field.image_id)
                .join(table(Well), well.id == field.well_id)
                .where(
                    unit.members(field.image_id, inside),
                    field.trashed_by.is_(None),
                    well.trashed_by.is_(None),
                )
            )
        )
    rows: Sequence[Any] = await unit.stored(child, inside - staying)
    allowed = await unit.judge.capabilities(child, rows)
    going = [
        one
        for one, can in zip(rows, allowed, strict=True)
        if can & Can.SHARE and one.trashed_by is None
    ]
    gone = {one.id for one in going}
    cut = [one.id for one in links if one.child not in gone]
    # What else holds those that go is in the trash; it must not hold them when it returns.
    cut += await unit.scalars(
        select(row.id).where(*other, unit.members(row[below], gone), row.trashed_by.is_(None))
    )
    if cut:
        await unit.stamp(link, cut)
    return going


async def _fields(unit: Unit, plate_ids: Sequence[int]) -> list[Any]:
    """Return the images of plates; raise if one may not go along."""
    field, well = cols(WellSample), cols(Well)
    image_ids = await unit.scalars(
        select(field.image_id)
        .join(table(Well), well.id == field.well_id)
        .where(
            unit.members(well.plate_id, plate_ids),
            field.trashed_by.is_(None),
            well.trashed_by.is_(None),
        )
    )
    others = set(await _plates_of(unit, image_ids)) - set(plate_ids)
    if others:
        raise Conflict(f"Some images of the plate are fields of plate {min(others)} too.")
    rows: Sequence[Any] = await unit.stored(Image, set(image_ids))
    live = [row for row in rows if row.trashed_by is None]
    for row, can in zip(live, await unit.judge.capabilities(Image, live), strict=True):
        if not can & Can.SHARE:
            raise Forbidden("move", "image", row.id, "the plate cannot go without it.")
    return live


async def _plates_of(unit: Unit, image_ids: Sequence[int]) -> list[int]:
    """Return the live plates these images are fields of."""
    field, well, plate = cols(WellSample), cols(Well), cols(Plate)
    return await unit.scalars(
        select(well.plate_id)
        .join(table(WellSample), field.well_id == well.id)
        .join(table(Plate), plate.id == well.plate_id)
        .where(
            unit.members(field.image_id, set(image_ids)),
            field.trashed_by.is_(None),
            well.trashed_by.is_(None),
            plate.trashed_by.is_(None),
        )
        .distinct()
    )


async def _cut_above(unit: Unit, noun: type[SQLModel], ids: Sequence[int]) -> None:
    """Unlink objects from whatever holds them, seen by the actor or not."""
    for (_parent, child), (link, _above, below) in LINKS.items():
        if child is noun:
            row = cols(link)
            links = await unit.scalars(
                select(row.id).where(unit.members(row[below], set(ids)), row.trashed_by.is_(None))
            )
            if links:
                await unit.stamp(link, links)
