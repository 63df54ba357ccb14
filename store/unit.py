"""One unit of work: everything a write may do, inside one transaction, judged and journalled.

Every method asks the judge first and remembers its change. When the work is done, `settle` brings
placements and access labels up to date, and the journal writes one command and its events. Nothing
of a failed unit remains.
"""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.judge import Judge
from store.access.visible import visible
from store.actor import Actor
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.journal import Happened, Journal
from store.statement import cols, key, table
from store.tables import ALL
from store.tables.access import Grant
from store.tables.columns import name_key
from store.tables.containers import Dataset, DatasetImage, Project, ProjectDataset
from store.tables.history import Change, Command
from store.tables.images import Image
from store.tables.records import record_type, records
from store.tables.screens import Plate, ScreenPlate
from store.touched import FOLLOWED, Touched
from store.trash import along, refuse, went_along
from store.upkeep import settle

if TYPE_CHECKING:
    from store.engine import Database

N = TypeVar("N", bound=SQLModel)

_VERBS = {
    Can.EDIT: "change",
    Can.DELETE: "delete",
    Can.SHARE: "share",
    Can.ANNOTATE: "annotate",
    Can.PLACE: "place",
}
# Links copy the name key of what they hold, so that a page of children is one range read.
_NAMED_IN_LINKS: dict[type[SQLModel], tuple[type[SQLModel], str]] = {
    Dataset: (ProjectDataset, "dataset_id"),
    Image: (DatasetImage, "image_id"),
    Plate: (ScreenPlate, "plate_id"),
}
_NOUNS: dict[str, type[SQLModel]] = {table(noun).name: noun for noun in ALL}


@dataclass(slots=True)
class Impact:
    """What a deletion touches: rows by noun, and how many of them the actor may not read."""

    counts: dict[str, int] = field(default_factory=dict)
    unreadable: int = 0

    def count(self, noun: type[SQLModel], n: int) -> None:
        """Add rows of a noun."""
        if n:
            name = word(noun)
            self.counts[name] = self.counts.get(name, 0) + n


class Unit:
    """What a write may do. Made by `Catalog.write`; lives as long as its transaction."""

    def __init__(
        self, database: Database, connection: AsyncConnection, actor: Actor, verb: str
    ) -> None:
        self._database = database
        self._connection = connection
        self.actor = actor
        self.judge = Judge(database, connection, actor)
        self.journal = Journal(verb, actor.author_id)
        self._touched = Touched()

    # reading inside the transaction

    async def all(self, noun: type[N], *where: Any, order: Any = None) -> Sequence[N]:
        """Return the visible rows of a noun that meet the conditions."""
        statement = select(table(noun)).where(*where)
        if order is not None:
            statement = statement.order_by(order)
        statement = visible(statement, self.actor, self._database)
        return records(await self._connection.execute(statement), noun)

    async def one(self, noun: type[N], id: int, *, can: Can = Can.READ) -> N:
        """Return one row, locked for this unit. Raises NotFound, or Forbidden without `can`."""
        statement = select(table(noun)).where(key(noun) == id)
        statement = visible(statement, self.actor, self._database)
        found = records(await self._connection.execute(self._database.for_update(statement)), noun)
        if not found:
            raise NotFound(word(noun), id)
        if can != Can.READ:
            await self.require(noun, found[0], can)
        return found[0]

    async def scalars(self, statement: Any) -> list[Any]:
        """Run a statement of the services that need no visibility: counts, keys, locks."""
        return list(await self._connection.scalars(statement))

    async def rows(self, statement: Any) -> Sequence[Any]:
        """Run a statement whose visibility the caller has settled by another read."""
        return (await self._connection.execute(statement)).all()

    def members(self, column: Any, ids: Iterable[int]) -> Any:
        """Return ``column IN (ids)`` with one bound value."""
        return self._database.members(column, ids)

    async def require(self, noun: type[SQLModel], row: Any, can: Can) -> None:
        """Raise Forbidden unless the actor has the capability on the row."""
        (allowed,) = await self.judge.capabilities(noun, [row])
        if not allowed & can:
            action = _VERBS.get(can, "do this to")
            raise Forbidden(action, word(noun), getattr(row, "id", "?"))

    # writing

    async def take_ids(self, n: int = 1, *, kind: str = "main") -> int:
        """Return the first of `n` consecutive new ids."""
        return await self._database.take_ids(self._connection, n, kind=kind)

    async def command_id(self) -> int:
        """Return the id this unit's command will have."""
        if self.journal.command_id is None:
            self.journal.command_id = await self.take_ids()
        return self.journal.command_id

    async def add(self, row: N, *, tell: bool = True) -> N:
        """Insert one row and return it as stored. Raises Forbidden or Conflict."""
        noun = type(row)
        if not await self.judge.may_add(noun, row):
            raise Forbidden("create", word(noun), getattr(row, "name", None) or "here")
        values = {column.name: getattr(row, column.name) for column in table(noun).c}
        if "id" in values and values["id"] is None:
            values["id"] = await self.take_ids()
        self._stamp(values, table(noun).c)
        await self._execute(insert(table(noun)).values(values), noun)
        stored: N = record_type(noun)(**values)  # type: ignore[assignment]  # a record, as reads give
        if "id" in values:
            self._note("show", noun, [values["id"]], [stored])
            if tell:
                self._tell("created", noun, stored)
        return stored

    async def add_many(
        self, noun: type[SQLModel], columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> range:
        """Insert tuples without their id; return the ids given. One range in the journal.

        The caller has judged the parents: `require` on each before calling.
        """
        if not rows:
            return range(0)
        first = await self.take_ids(len(rows))
        ids = range(first, first + len(rows))
        data = [(id, *row) for id, row in zip(ids, rows, strict=True)]
        try:
            await self._database.bulk(self._connection, table(noun), ("id", *columns), data)
        except IntegrityError as error:
            raise _conflict(error, noun) from error
        self._note("show", noun, ids, _light(noun, ("id", *columns), data))
        return ids

    async def add_rows(
        self, noun: type[SQLModel], columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert tuples of a table without ids of its own, such as the rows of a result table.

        They come and go with their parent, which the caller has judged.
        """
        await self._database.bulk(self._connection, table(noun), columns, rows)

    async def change(
        self, noun: type[N], id: int, *, expected: int | None = None, **after: Any
    ) -> N:
        """Change fields of one row and return it. Fields sent back as they are change nothing.

        `expected` is the version the caller saw. Raises NotFound, Forbidden, or Conflict when
        somebody changed the row since.
        """
        seen = await self.one(noun, id, can=Can.EDIT)
        version = getattr(seen, "version", None)
        if expected is not None and version != expected:
            raise Conflict(
                f"{word(noun)} {id} was changed meanwhile: you saw version {expected}, "
                f"it is now {version}. Read it again and repeat the change.",
                noun=word(noun), id=id, version=version,
            )  # fmt: skip
        before = {name: getattr(seen, name) for name in after}
        changed = {name: value for name, value in after.items() if before[name] != value}
        if not changed:
            return seen
        await self._set(noun, id, changed, version)
        self.journal.set(noun, id, {name: before[name] for name in changed}, changed)
        stored: N = _replaced(seen, changed)
        self._touched.moved(noun, seen, stored, changed)
        self._tell("changed", noun, stored)
        return stored

    async def grow(self, noun: type[N], row: N) -> N:
        """Raise the version of a row whose parts changed: shapes of a region, pairs of a map.

        The row was judged and read in this unit; undo brings the parts back, not the number.
        """
        await self._set(noun, row.id, {}, row.version)  # type: ignore[attr-defined]  # nouns with parts have both
        grown: N = _replaced(row, {})
        self._tell("changed", noun, grown)
        return grown

    async def trash(self, noun: type[SQLModel], ids: Iterable[int]) -> Impact:
        """Put rows into the trash. Raises NotFound or Forbidden for the first that may not go."""
        wanted = list(dict.fromkeys(ids))
        seen: Sequence[Any] = await self.all(noun, self.members(cols(noun).id, wanted))
        rows = {row.id: row for row in seen}
        for id in wanted:
            if id not in rows:
                raise NotFound(word(noun), id)
        found = list(rows.values())
        for row, can in zip(found, await self.judge.capabilities(noun, found), strict=True):
            if not can & Can.DELETE:
                raise Forbidden("delete", word(noun), row.id)
        await refuse(self, noun, wanted)
        await along(self, noun, wanted)
        await self.stamp(noun, wanted)
        impact = Impact()
        impact.count(noun, len(wanted))
        for row in found:
            self._tell("trashed", noun, row)
        return impact

    async def stamp(self, noun: type[SQLModel], ids: Iterable[int]) -> int:
        """Trash rows that go along with others already judged; return how many were live."""
        row, command = cols(noun), await self.command_id()
        live = await self.scalars(
            update(table(noun))
            .where(self.members(row.id, ids), row.trashed_by.is_(None))
            .values(trashed_by=command)
            .returning(row.id)
        )
        if live:
            self._note("hide", noun, live, await self._stored(noun, live))
        return len(live)

    async def restore(self, noun: type[SQLModel], ids: Iterable[int]) -> int:
        """Take rows back out of the trash, with what went along with them.

        Raises Conflict when a unique name is taken.
        """
        wanted = list(ids)
        commands = {row.trashed_by for row in await self._stored(noun, wanted)} - {None}
        back = await self._restore(noun, wanted)
        for child, stamped in await went_along(self, noun, wanted, commands):
            await self._restore(child, stamped)
        return back

    async def _restore(self, noun: type[SQLModel], ids: Iterable[int]) -> int:
        row, wanted = cols(noun), list(ids)
        rows = await self._stored(noun, wanted)
        await self._may_restore(noun, rows)
        try:
            back = await self.scalars(
                update(table(noun))
                .where(self.members(row.id, wanted), row.trashed_by.is_not(None))
                .values(trashed_by=None)
                .returning(row.id)
            )
        except IntegrityError as error:
            raise _conflict(error, noun) from error
        returned = set(back)
        rows = [found for found in rows if found.id in returned]
        self._note("show", noun, back, rows)
        for found in rows:
            self._tell("restored", noun, found)
        return len(back)

    async def remove(self, noun: type[SQLModel], id: int) -> None:
        """Delete one row for good: memberships, grants, sessions, tokens. Not undoable."""
        row = cols(noun)
        found = records(
            await self._connection.execute(select(table(noun)).where(row.id == id)), noun
        )
        if not found:
            raise NotFound(word(noun), id)
        await self.require(noun, found[0], Can.DELETE)
        await self._connection.execute(delete(table(noun)).where(row.id == id))
        self.journal.undoable = False
        await self.command_id()
        self._touched.went(noun, found)
        self._tell("removed", noun, found[0])

    async def execute(self, statement: Any) -> int:
        """Run an unjournalled write (progress, heartbeats, seen-at); return the rows it met."""
        return int((await self._connection.execute(statement)).rowcount)

    async def undo(self, command_id: int) -> None:
        """Do the inverse of a command, in reverse order. Raises Conflict and stores nothing."""
        command = await self._own_command("undo", command_id)
        if command.undoes_id is not None:
            raise Conflict(f"Command {command_id} took another back; redo that one instead.")
        if not command.undoable:
            raise Conflict(f"Command {command_id} ({command.verb}) cannot be undone.")
        if command.stack != "undo":
            raise Conflict(f"Command {command_id} was undone already.")
        await self._take_back(command_id, command, "redo")
        self.journal.summary = f"undo of {command.summary}"

    async def redo(self, command_id: int) -> None:
        """Do a command again that was undone, by undoing that. Raises as `undo`."""
        command = await self._own_command("redo", command_id)
        if command.stack != "redo":
            raise Conflict(f"Command {command_id} was not undone.")
        row = cols(Command)
        (latest,) = await self.scalars(select(func.max(row.id)).where(row.undoes_id == command_id))
        await self._take_back(latest, command, "undo")
        self.journal.summary = f"redo of {command.summary}"

    async def _own_command(self, action: str, command_id: int) -> Command:
        command = await self.one(Command, command_id)
        if command.user_id != self.actor.user_id and not self.actor.full:
            raise Forbidden(action, "command", command_id, "it is another person's.")
        if self.actor.read_only:
            raise Forbidden(action, "command", command_id, "you may only read.")
        return command

    async def _take_back(self, steps_of: int, command: Command, stack: str) -> None:
        """Invert the steps of a command, and put `command` on the other stack of its author."""
        change = cols(Change)
        steps = await self.rows(
            select(table(Change))
            .where(change.command_id == steps_of)
            .order_by(change.position.desc())
        )
        for step in steps:
            await self._invert(step)
        await self._connection.execute(
            update(table(Command)).where(cols(Command).id == command.id).values(stack=stack)
        )
        self.journal.undoes = steps_of

    async def settle(self) -> int:
        """Finish: placements, labels, command, events; return the last event id."""
        await settle(self._database, self._connection, self._touched, self.actor.author_id)
        return await self.journal.write(self._database, self._connection)

    # inside

    async def _invert(self, step: Any) -> None:
        noun = _NOUNS[step.noun]
        ids = range(step.first_id, step.last_id + 1)
        if step.kind == "show":
            rows = await self._stored(noun, ids)
            for row, can in zip(rows, await self.judge.capabilities(noun, rows), strict=True):
                if not can & Can.DELETE:
                    raise Forbidden("undo the creation of", word(noun), row.id)
            await refuse(self, noun, ids)
            if await self.stamp(noun, ids) != len(ids):
                raise Conflict(f"Some {word(noun)} of this command are already in the trash.")
            for row in rows:
                self._tell("trashed", noun, row)
        elif step.kind == "hide":
            if await self._restore(noun, ids) != len(ids):
                raise Conflict(f"Some {word(noun)} of this command are no longer in the trash.")
        else:
            await self._set_back(noun, step)

    async def _set_back(self, noun: type[SQLModel], step: Any) -> None:
        seen = await self.one(noun, step.first_id, can=Can.EDIT)
        stale = [name for name, value in step.after.items() if getattr(seen, name) != value]
        if stale:
            raise Conflict(
                f"{word(noun)} {step.first_id} was changed since: {', '.join(stale)}.",
                noun=word(noun), id=step.first_id, fields=stale,
            )  # fmt: skip
        await self.change(noun, step.first_id, **step.before)

    async def _may_restore(self, noun: type[SQLModel], rows: Sequence[Any]) -> None:
        for row, can in zip(rows, await self.judge.capabilities(noun, rows), strict=True):
            if not can & Can.READ:
                raise NotFound(word(noun), row.id)
            if not can & Can.DELETE:
                raise Forbidden("restore", word(noun), row.id)

    async def _stored(self, noun: type[SQLModel], ids: Iterable[int]) -> list[Any]:
        statement = select(table(noun)).where(self.members(cols(noun).id, ids))
        return list(records(await self._connection.execute(statement), noun))

    async def _set(
        self, noun: type[SQLModel], id: int, changed: Mapping[str, Any], version: int | None
    ) -> None:
        row = cols(noun)
        values = dict(changed)
        for column in ("name", "username"):
            if isinstance(values.get(column), str) and f"{column}_key" in row:
                values[f"{column}_key"] = name_key(values[column])
        statement = update(table(noun)).where(key(noun) == id)
        if version is not None:
            values["version"] = version + 1
            statement = statement.where(row.version == version)
        if "updated_at" in row:
            values["updated_at"] = now_ms()
        if "name_key" in values and noun in _NAMED_IN_LINKS:
            link, column = _NAMED_IN_LINKS[noun]
            await self._connection.execute(
                update(table(link))
                .where(cols(link)[column] == id)
                .values(name_key=values["name_key"])
            )
        result = await self._execute(statement.values(values), noun)
        if result.rowcount != 1:
            raise Conflict(f"{word(noun)} {id} was changed at the same moment; try again.")

    async def _execute(self, statement: Any, noun: type[SQLModel]) -> Any:
        try:
            return await self._connection.execute(statement)
        except IntegrityError as error:
            raise _conflict(error, noun) from error

    def _stamp(self, values: dict[str, Any], columns: Any) -> None:
        if "created_at" in columns and not values.get("created_at"):
            values["created_at"] = now_ms()
        for column in ("name_key", "username_key"):
            text = values.get(column.removesuffix("_key"))
            if column in columns and values.get(column) is None and isinstance(text, str):
                values[column] = name_key(text)

    def _note(
        self, kind: str, noun: type[SQLModel], ids: Iterable[int], rows: Iterable[Any]
    ) -> None:
        listed = list(ids)
        if "trashed_by" in cols(noun):
            (self.journal.show if kind == "show" else self.journal.hide)(noun, listed)
        elif noun is Grant:
            self.journal.undoable = False
        (self._touched.came if kind == "show" else self._touched.went)(noun, rows)

    def _tell(self, kind: str, noun: type[SQLModel], row: Any) -> None:
        self.journal.tell(
            Happened(
                kind, word(noun), getattr(row, "id", None) or row.image_id,
                row.id if noun is Image else getattr(row, "image_id", None),
                row.id if noun is Project else getattr(row, "project_id", None),
            )
        )  # fmt: skip

    def tell(self, kind: str, noun: type[SQLModel], row: Any) -> None:
        """Announce something about a row when this unit commits."""
        self._tell(kind, noun, row)


def _light(noun: type[SQLModel], columns: Sequence[str], rows: Sequence[Any]) -> Iterable[Any]:
    """Return bulk rows as records, if something follows from rows of this noun."""
    return map(namedtuple("Light", columns)._make, rows) if noun in FOLLOWED else ()


def word(noun: type[SQLModel]) -> str:
    """Return the plain word of a noun: ``roi``, ``dataset_image``."""
    return table(noun).name.rstrip("_")


def _replaced(row: Any, changed: Mapping[str, Any]) -> Any:
    extra: dict[str, Any] = {}
    for column in ("name", "username"):
        if isinstance(changed.get(column), str) and hasattr(row, f"{column}_key"):
            extra[f"{column}_key"] = name_key(changed[column])
    if hasattr(row, "version"):
        extra["version"] = row.version + 1
    if hasattr(row, "updated_at"):
        extra["updated_at"] = now_ms()
    return row._replace(**changed, **extra)


def _conflict(error: IntegrityError, noun: type[SQLModel]) -> Conflict | Invalid:
    """Say what the database refused without quoting its SQL."""
    text = str(error.orig)
    if re.search("foreign key", text, re.IGNORECASE):
        return Conflict(f"This {word(noun)} refers to something that does not exist.")
    if re.search("check", text, re.IGNORECASE) and not re.search("unique", text, re.IGNORECASE):
        return Invalid(word(noun), "one of the values is out of its range.")
    if re.search("not.null", text, re.IGNORECASE):
        return Invalid(word(noun), "a value that must be given is missing.")
    return Conflict(
        f"There is already such a {word(noun)}; names and links of this kind are unique.",
        noun=word(noun),
    )
