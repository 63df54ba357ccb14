"""Projects, datasets and screens: making, naming, linking, moving and deleting containers.

Container links join rows of one group, so that a group's level means the same for everything below;
whoever wants an image in another group moves or copies it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select, and_, exists, select
from sqlmodel import SQLModel

from adapters.filters import Filter, compiled
from adapters.hierarchy import CHILD, LINKS, link_of, move, put_into, visible_members
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.containers import (
    Dataset,
    Placement,
    PlacementState,
    Project,
    ProjectMode,
)
from store.tables.images import Image, LabelSet
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Screen, Well, WellSample
from store.unit import Impact, Unit, word

N = TypeVar("N", bound=SQLModel)

USERS_GROUP = 1
NAME_LENGTH = 255


class Containers:
    """Verbs on projects, datasets, screens, plates and images as things in a hierarchy."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, noun: type[N], id: int) -> N:
        """Return one object. Raises NotFound."""
        return await self._catalog.one(noun, id)

    async def page(self, noun: type[N], keyset: Keyset, where: Filter | None = None) -> Page[N]:
        """Return one page of a noun under a filter."""
        return await self._catalog.page(noun, self._list(noun, where), keyset)

    async def count(self, noun: type[SQLModel], where: Filter | None = None) -> int:
        """Count a noun under a filter."""
        return await self._catalog.count(self._list(noun, where))

    def _list(self, noun: type[SQLModel], where: Filter | None) -> Select[Any]:
        return self._catalog.select(noun).where(compiled(where, cols(noun)))

    async def children(
        self,
        parent: type[SQLModel],
        child: type[SQLModel],
        ids: Sequence[int],
        keyset: Keyset,
        where: Filter | None = None,
    ) -> dict[int, Page[Any]]:
        """Return one page of children for each parent, in one statement."""
        statement, above, link = self._children(parent, child, ids, where)
        return await self._catalog.pages(child, statement, above, keyset, settled=(link,))

    async def count_children(
        self,
        parent: type[SQLModel],
        child: type[SQLModel],
        ids: Sequence[int],
        where: Filter | None = None,
    ) -> dict[int, int]:
        """Count the children of each parent, in one statement."""
        statement, above, link = self._children(parent, child, ids, where)
        return await self._catalog.counts(statement, above, settled=(link,))

    def _children(
        self,
        parent: type[SQLModel],
        child: type[SQLModel],
        ids: Sequence[int],
        where: Filter | None,
    ) -> tuple[Select[Any], Any, str]:
        link, above, below = link_of(parent, child)
        row = cols(link)
        statement = (
            self._catalog.select(child)
            .join(table(link), row[below] == cols(child).id)
            .where(self._catalog.members(row[above], ids), compiled(where, cols(child)))
        )
        return statement, row[above], table(link).name

    async def parents(
        self, parent: type[N], child: type[SQLModel], ids: Sequence[int]
    ) -> dict[int, list[N]]:
        """Return the containers each child lies in, those the actor may see, in one statement."""
        link, above, below = link_of(parent, child)
        row, up = cols(link), cols(parent)
        links = await self._catalog.rows(
            select(row[below], row[above])
            .join(table(parent), up.id == row[above])
            .where(self._catalog.members(row[below], ids))
            .order_by(up.name_key, up.id)
        )
        wanted = list(dict.fromkeys(link[1] for link in links))
        found = dict(zip(wanted, await self._catalog.by_ids(parent, wanted), strict=True))
        gathered: dict[int, list[N]] = {id: [] for id in ids}
        for below_id, above_id in links:
            if (one := found[above_id]) is not None:
                gathered[below_id].append(one)
        return gathered

    async def many(self, noun: type[N], ids: Sequence[int]) -> dict[int, N]:
        """Return the visible ones of these objects by id, in one statement."""
        found = await self._catalog.by_ids(noun, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def create(
        self,
        noun: type[N],
        *,
        name: str,
        group_id: int | None = None,
        into: int | None = None,
        **fields: Any,
    ) -> N:
        """Make a container owned by the actor, in a group or in the group of what it goes into.

        `into` is the project of a new dataset, or the screen of a new plate.
        """
        actor = self._catalog.actor
        parent = next((up for up, down in LINKS if down is noun), None)
        if into is not None and group_id is None and parent is not None:
            above: Any = await self._catalog.one(parent, into)
            group_id = above.group_id
        group = self._group(group_id)
        values = {"description": fields.pop("description", None), **checked_fields(noun, fields)}
        row: Any = noun(name=checked_name(name), owner_id=actor.author_id, group_id=group, **values)

        async def work(unit: Unit) -> N:
            unit.journal.summary = f"create {word(noun)} {name}"
            stored: N = await unit.add(row)
            if into is not None and parent is not None:
                await put_into(unit, parent, into, noun, [stored])
            return stored

        return await self._catalog.write(f"create_{word(noun)}", work)

    def _group(self, group_id: int | None) -> int:
        actor = self._catalog.actor
        if not actor.signed_in:
            raise Forbidden("create", "object", "here", "sign in first.")
        group = actor.default_group if group_id is None else group_id
        if group is None:
            raise Invalid("group", "you have no default group; name one.")
        if group == USERS_GROUP or not (group in actor.groups or actor.leads(group)):
            raise Forbidden("create in", "group", group, "you are not a member of it.")
        return group

    async def update(
        self, noun: type[N], id: int, *, expected: int | None = None, **fields: Any
    ) -> N:
        """Change fields; those left out stay. Raises Conflict on a stale version."""
        after = checked_fields(noun, fields)
        if "name" in after:
            after["name"] = checked_name(after["name"])

        async def work(unit: Unit) -> N:
            unit.journal.summary = f"change {word(noun)} {id}"
            return await unit.change(noun, id, expected=expected, **after)

        return await self._catalog.write(f"update_{word(noun)}", work)

    async def delete(
        self, noun: type[SQLModel], ids: Sequence[int], *, dry_run: bool = False
    ) -> tuple[Impact, int | None]:
        """Move objects to the trash; return what goes and the command's id, None when rehearsed.

        Datasets of a project, images of a dataset and plates of a screen stay; what lies inside an
        image or a plate vanishes with it and returns with it.
        """

        async def work(unit: Unit) -> tuple[Impact, int | None]:
            unit.journal.summary = f"delete {len(ids)} {word(noun)}"
            impact = await unit.trash(noun, ids)
            await count_below(unit, noun, ids, impact)
            return impact, unit.journal.command_id

        if dry_run:
            impact, _ = await self._catalog.rehearse(f"delete_{word(noun)}", work)
            return impact, None
        return await self._catalog.write(f"delete_{word(noun)}", work)

    async def restore(self, noun: type[N], ids: Sequence[int]) -> int:
        """Take objects back out of the trash; return how many came back."""

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"restore {len(ids)} {word(noun)}"
            return await unit.restore(noun, ids)

        return await self._catalog.write(f"restore_{word(noun)}", work)

    async def link(
        self, parent: type[SQLModel], parent_id: int, child: type[SQLModel], ids: Iterable[int]
    ) -> int:
        """Put children into a container; links that exist stay. Returns how many are new."""
        wanted = list(dict.fromkeys(ids))
        link_of(parent, child)

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"link {len(wanted)} {word(child)} to {word(parent)} {parent_id}"
            await unit.one(parent, parent_id)
            rows = await visible_members(unit, child, wanted)
            return await put_into(unit, parent, parent_id, child, rows)

        return await self._catalog.write(f"link_{word(child)}", work)

    async def unlink(
        self, parent: type[SQLModel], parent_id: int, child: type[SQLModel], ids: Iterable[int]
    ) -> int:
        """Take children out of a container; they stay. Returns how many links went."""
        link, above, below = link_of(parent, child)
        wanted = list(ids)

        async def work(unit: Unit) -> int:
            await unit.one(parent, parent_id)
            unit.journal.summary = (
                f"unlink {len(wanted)} {word(child)} from {word(parent)} {parent_id}"
            )
            row = cols(link)
            links = await unit.all(link, row[above] == parent_id, unit.members(row[below], wanted))
            found: Sequence[Any] = links
            if found:
                await unit.trash(link, [one.id for one in found])
            return len(found)

        return await self._catalog.write(f"unlink_{word(child)}", work)

    async def relink(
        self,
        child: type[SQLModel],
        ids: Iterable[int],
        *,
        parent: type[SQLModel],
        source_id: int,
        target_id: int,
    ) -> int:
        """Move children from one container to another of the same kind, in one command."""
        link, above, below = link_of(parent, child)
        wanted = list(dict.fromkeys(ids))
        if source_id == target_id:
            raise Invalid("target", "must be another container than the source.")

        async def work(unit: Unit) -> int:
            await unit.one(parent, source_id)
            await unit.one(parent, target_id)
            unit.journal.summary = (
                f"move {len(wanted)} {word(child)} from {word(parent)} {source_id} to {target_id}"
            )
            row = cols(link)
            found: Sequence[Any] = await unit.all(
                link, row[above] == source_id, unit.members(row[below], wanted)
            )
            for id in sorted(set(wanted) - {getattr(one, below) for one in found}):
                await unit.one(child, id)
                raise Conflict(
                    f"{word(child)} {id} does not lie in {word(parent)} {source_id}.",
                    noun=word(child), id=id,
                )  # fmt: skip
            members = await visible_members(unit, child, [getattr(one, below) for one in found])
            await unit.trash(link, [one.id for one in found])
            await put_into(unit, parent, target_id, child, members)
            return len(found)

        return await self._catalog.write(f"move_{word(child)}", work)

    async def move_to_group(self, noun: type[N], id: int, group_id: int) -> N:
        """Move an object to another group, with everything that lies only in it.

        What also lies elsewhere stays in its group and is unlinked. Links from above are cut, since
        a container and what it holds are of one group.
        """

        async def work(unit: Unit) -> N:
            row = await unit.one(noun, id, can=Can.SHARE)
            self._group(group_id)
            unit.journal.summary = f"move {word(noun)} {id} to group {group_id}"
            return await move(unit, noun, row, group_id)

        return await self._catalog.write(f"move_{word(noun)}_to_group", work)


# What vanishes with an object because every rule joins to the live parent.
_INSIDE: dict[type[SQLModel], tuple[tuple[type[SQLModel], str], ...]] = {
    Image: ((Roi, "image_id"), (LabelSet, "image_id")),
    Plate: ((Well, "plate_id"), (Acquisition, "plate_id")),
}
_FIELDS: dict[type[SQLModel], frozenset[str]] = {
    Project: frozenset(
        [
            "name",
            "description",
            "description_html",
            "ontology_id",
            "mode",
            "closed",
            "blind",
            "downloadable",
            "hide_members",
            "hide_managers",
        ]
    ),
    Dataset: frozenset(["name", "description", "description_html"]),
    Screen: frozenset(
        [
            "name",
            "description",
            "description_html",
            "type",
            "protocol_id",
            "protocol_description",
            "reagent_id",
            "reagent_description",
        ]
    ),
    Plate: frozenset(
        [
            "name",
            "description",
            "description_html",
            "rows",
            "columns",
            "row_naming",
            "column_naming",
            "field_index",
            "origin_x",
            "origin_y",
            "origin_unit",
            "status",
            "external_id",
        ]
    ),
    Image: frozenset(["name", "description", "description_html", "acquired_at", "archived"]),
}


async def count_below(unit: Unit, noun: type[SQLModel], ids: Sequence[int], impact: Impact) -> None:
    """Count what vanishes inside, and what is left without this parent."""
    for child, column in _INSIDE.get(noun, ()):
        row = cols(child)
        found = await unit.scalars(
            select(row.id).where(unit.members(row[column], ids), row.trashed_by.is_(None))
        )
        impact.count(child, len(found))
    if noun in CHILD:
        child = CHILD[noun]
        link, above, below = LINKS[noun, child]
        row = cols(link)
        linked = set(
            await unit.scalars(
                select(row[below])
                .join(table(child), cols(child).id == row[below])
                .where(
                    unit.members(row[above], ids),
                    row.trashed_by.is_(None),
                    cols(child).trashed_by.is_(None),
                )
            )
        )
        seen = await unit.all(child, unit.members(cols(child).id, linked))
        impact.counts[f"unlinked_{word(child)}"] = len(linked)
        impact.unreadable += len(linked) - len(seen)


def checked_fields(noun: type[SQLModel], fields: dict[str, Any]) -> dict[str, Any]:
    """Return fields that a noun may be given. Raises Invalid."""
    for name in fields:
        if name not in _FIELDS[noun]:
            raise Invalid(name, f"a {word(noun)} has no such field to set.")
    if fields.get("mode") is not None and fields["mode"] not in set(ProjectMode):
        raise Invalid("mode", f"must be one of {', '.join(ProjectMode)}.")
    return fields


def inside(parent: type[SQLModel], parent_id: int) -> Any:
    """Return the predicate that a child lies in this parent: for `Holds`."""
    child = CHILD[parent]
    link, above, below = LINKS[parent, child]
    row = cols(link)
    return exists(
        select(row.id).where(
            row[above] == parent_id, row[below] == cols(child).id, row.trashed_by.is_(None)
        )
    )


def placed_in(project_id: int) -> Any:
    """Return the predicate that an image is in a project by any of its datasets: for `Holds`."""
    placement = cols(Placement)
    return exists(
        select(placement.id).where(
            placement.project_id == project_id,
            placement.image_id == cols(Image).id,
            placement.state == PlacementState.LIVE.value,
        )
    )


def orphaned(noun: type[SQLModel]) -> Any:
    """Return the predicate that an object lies in no container: for `Holds`."""
    predicates = []
    for (parent, child), (link, above, below) in LINKS.items():
        if child is noun:
            row, up = cols(link), cols(parent)
            linked = exists(
                select(row.id)
                .join(table(parent), up.id == row[above])
                .where(
                    row[below] == cols(noun).id,
                    row.trashed_by.is_(None),
                    up.trashed_by.is_(None),
                )
            )
            predicates.append(~linked)
    if noun is Image:
        field, well, plate = cols(WellSample), cols(Well), cols(Plate)
        placed = exists(
            select(field.id)
            .join(table(Well), well.id == field.well_id)
            .join(table(Plate), plate.id == well.plate_id)
            .where(
                field.image_id == cols(Image).id,
                field.trashed_by.is_(None),
                well.trashed_by.is_(None),
                plate.trashed_by.is_(None),
            )
        )
        predicates.append(~placed)
    return and_(*predicates)


def checked_name(name: str | None) -> str:
    """Return a name free of control characters and surrounding blanks. Raises Invalid."""
    cleaned = (name or "").strip()
    if not cleaned:
        raise Invalid("name", "must not be empty.")
    if len(cleaned) > NAME_LENGTH:
        raise Invalid("name", f"has {len(cleaned)} characters; at most {NAME_LENGTH} are kept.")
    if any(ord(character) < 32 or ord(character) == 127 for character in cleaned):
        raise Invalid("name", "must not hold control characters.")
    return cleaned
