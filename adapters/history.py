"""History: who did what when, taking it back, and what lies in the trash.

A command is seen by its author and by whoever sees its project or image; what fields held before
and after only by its author, administrators, and who manages that project or shares that image.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlmodel import SQLModel

from adapters.filters import Filter, compiled
from store.access.capabilities import Can
from store.access.restorable import RULES
from store.catalog import Catalog
from store.errors import Invalid, NotFound
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.containers import Project
from store.tables.history import Change, Command, CommandStack
from store.tables.images import Image
from store.unit import Unit, word

MOST_CHANGES = 500  # of one command, in one answer
TRASHABLE: dict[str, type[SQLModel]] = {word(noun): noun for noun in RULES}
# Written by the hub beside what people change; of no use to a reader.
_INTERNAL = frozenset({"label_id", "description_id", "trashed_by"})
_command, _change = cols(Command), cols(Change)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a command; `before` and `after` are None where they may not be seen."""

    position: int
    kind: str  # show | hide | set
    noun: str
    first_id: int
    last_id: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Touched:
    """A run of rows that a command brought (show), took away (hide) or changed (set)."""

    kind: str
    noun: str
    first_id: int
    last_id: int


@dataclass(frozen=True, slots=True)
class Trashed:
    """Something in the trash that the actor may restore; `at` in ms UTC."""

    noun: str
    row: Any
    by: int
    at: int
    command_id: int


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The command that undid or redid another, and that other as it is now."""

    command: Command
    affected: Command


class History:
    """Verbs on commands and on the trash."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def many(self, ids: Sequence[int]) -> dict[int, Command]:
        """Return the visible ones of these commands by id. One statement."""
        found = await self._catalog.by_ids(Command, ids)
        return {one.id: one for one in found if one is not None}

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Command]:
        """Return one page of commands."""
        return await self._catalog.page(Command, self._list(where), keyset)

    async def window(
        self, where: Filter | None = None, offset: int = 0, limit: int | None = None
    ) -> Sequence[Command]:
        """Return commands from an offset on, the newest first."""
        statement = self._list(where).order_by(_command.id.desc())
        return await self._catalog.all(Command, statement.offset(offset).limit(limit))

    async def nouns(self, command_ids: Sequence[int]) -> dict[int, list[Touched]]:
        """Return what each visible command brought, took away or changed; no values. One statement.

        At most the first 500 steps of each are looked at.
        """
        rows = await self._catalog.rows(
            select(
                _change.command_id, _change.kind, _change.noun, _change.first_id, _change.last_id
            )
            .where(
                self._catalog.members(_change.command_id, set(command_ids)),
                _change.position < MOST_CHANGES,
            )
            .order_by(_change.command_id, _change.position)
        )
        found: dict[int, list[Touched]] = {id: [] for id in command_ids}
        for row in rows:
            noun = row.noun.rstrip("_")
            found[row.command_id].append(Touched(row.kind, noun, row.first_id, row.last_id))
        return found

    async def count(self, where: Filter | None = None) -> int:
        """Count commands under a filter."""
        return await self._catalog.count(self._list(where))

    def _list(self, where: Filter | None) -> Any:
        return self._catalog.select(Command).where(compiled(where, _command))

    async def changes(self, command_ids: Sequence[int]) -> dict[int, list[Step]]:
        """Return the first 500 changes of each visible command, in their order.

        Four statements at most, whatever the number of commands.
        """
        commands = await self.many(command_ids)
        open_ids = await self._open(list(commands.values()))
        rows = await self._catalog.all(
            Change,
            self._catalog.select(Change)
            .where(
                self._catalog.members(_change.command_id, commands.keys()),
                _change.position < MOST_CHANGES,
            )
            .order_by(_change.command_id, _change.position),
        )
        steps: dict[int, list[Step]] = {id: [] for id in command_ids}
        for row in rows:
            steps[row.command_id].append(_step(row, shown=row.command_id in open_ids))
        return steps

    async def change_counts(self, command_ids: Sequence[int]) -> dict[int, int]:
        """Return how many changes each visible command has. One statement."""
        statement = self._catalog.select(Change).where(
            self._catalog.members(_change.command_id, set(command_ids))
        )
        return await self._catalog.counts(statement, _change.command_id)

    async def _open(self, commands: Sequence[Command]) -> set[int]:
        """Return the commands whose before and after the actor may see."""
        actor = self._catalog.actor
        if actor.sees_all:
            return {one.id for one in commands}
        mine = {
            one.id for one in commands if actor.user_id is not None and one.user_id == actor.user_id
        }
        others = [one for one in commands if one.id not in mine]
        projects = await self._seen(Project, {one.project_id for one in others})
        images = await self._seen(Image, {one.image_id for one in others})
        managed = {id for id, row in projects.items() if actor.manages(row, id)}
        shared = {id for id, row in images.items() if actor.can(row) & Can.SHARE}
        return mine | {
            one.id for one in others if one.project_id in managed or one.image_id in shared
        }

    async def _seen(self, noun: type[SQLModel], ids: set[int | None]) -> dict[int, Any]:
        wanted = sorted(id for id in ids if id is not None)
        found = await self._catalog.by_ids(noun, wanted) if wanted else []
        return {id: row for id, row in zip(wanted, found, strict=True) if row is not None}

    # taking back

    async def undo(self, command_id: int | None = None) -> TakenBack:
        """Take a command back, the actor's last one if none is named.

        Raises NotFound, Forbidden for another person's, Conflict if something was changed since.
        """
        latest = select(func.max(_command.id))

        async def work(unit: Unit) -> tuple[int, int]:
            id = await self._named(unit, command_id, latest, CommandStack.UNDO)
            await unit.undo(id)
            return await unit.command_id(), id

        return await self._taken_back(await self._catalog.write("undo", work))

    async def redo(self, command_id: int | None = None) -> TakenBack:
        """Do a command again that was undone, the one undone last if none is named.

        Raises as `undo`.
        """
        undoing = table(Command).alias()
        latest = (
            select(_command.id)
            .join(undoing, undoing.c.undoes_id == _command.id)
            .order_by(undoing.c.id.desc())
            .limit(1)
        )

        async def work(unit: Unit) -> tuple[int, int]:
            id = await self._named(unit, command_id, latest, CommandStack.REDO)
            await unit.redo(id)
            return await unit.command_id(), id

        return await self._taken_back(await self._catalog.write("redo", work))

    async def _taken_back(self, ids: tuple[int, int]) -> TakenBack:
        command, affected = ids
        found = await self.many(ids)
        return TakenBack(found[command], found[affected])

    async def _named(
        self, unit: Unit, command_id: int | None, latest: Any, stack: CommandStack
    ) -> int:
        """Return the command asked for, or the latest one on a stack of the actor's."""
        if command_id is not None:
            return command_id
        found = await unit.scalars(
            latest.where(_command.user_id == unit.actor.author_id, _command.stack == stack.value)
        )
        if not found or found[0] is None:
            raise NotFound("command", f"to {stack.value}")
        return int(found[0])

    # the trash

    async def trash(self, noun: str, keyset: Keyset) -> Page[Trashed]:
        """Return one page of what of a noun the actor may restore. Two statements.

        Raises Invalid for a noun that has no trash of its own.
        """
        kind = _trashable(noun)
        page: Page[Any] = await self._catalog.trashed(kind, self._catalog.select(kind), keyset)
        # As a subquery, since whoever may restore a thing may know who deleted it.
        told = select(_command.id, _command.user_id, _command.at).subquery()
        wanted = {row.trashed_by for row in page.rows}
        rows = await self._catalog.rows(
            select(told).where(self._catalog.members(told.c.id, wanted))
        )
        by = {row.id: row for row in rows}
        return Page(
            [
                Trashed(
                    noun, row, by[row.trashed_by].user_id, by[row.trashed_by].at, row.trashed_by
                )
                for row in page.rows
                if row.trashed_by in by
            ],
            page.has_next,
            page.has_previous,
            page.keyset,
            lambda trashed: page.keyset.position_of(trashed.row),
        )

    async def count_trash(self, noun: str) -> int:
        """Count what `trash` pages through."""
        kind = _trashable(noun)
        return await self._catalog.count_trashed(kind, self._catalog.select(kind))


def _trashable(noun: str) -> type[SQLModel]:
    if noun not in TRASHABLE:
        raise Invalid("noun", f"{noun} is not one of {', '.join(TRASHABLE)}.")
    return TRASHABLE[noun]


def _step(row: Change, *, shown: bool) -> Step:
    before, after = (
        None if held is None or not shown
        else {name: value for name, value in held.items() if name not in _INTERNAL}
        for held in (row.before, row.after)
    )  # fmt: skip
    return Step(
        row.position, row.kind, row.noun.rstrip("_"), row.first_id, row.last_id, before, after
    )
