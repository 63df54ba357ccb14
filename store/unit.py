"""One unit of work: everything a write may do, inside one transaction, judged and journalled.

Every method asks the judge first and remembers its change. When the work is done, `settle` brings
placements and access labels up to date, and the journal writes one command and its events. Nothing
of a failed unit remains.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store import undo, upkeep
from store.access.capabilities import Can
from store.access.judge import Judge
from store.access.visible import visible
from store.actor import Actor
from store.clock import now_ms
from store.engine import MOST_ID
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.filling import completed, light_records, sort_keys
from store.journal import Happened, Journal
from store.refusals import refusing
from store.statement import cols, key, table
from store.statement import word as word
from store.tables.access import Grant, Session, Token
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.images import Image
from store.tables.ontologies import Ontology
from store.tables.people import Group, Membership, UserRole
from store.tables.records import record_type, records
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Screen, ScreenPlate
from store.touched import FOLLOWED, Touched
from store.trash import along, refuse, refuse_taken, went_along

if TYPE_CHECKING:
    from store.engine import Database

N = TypeVar("N", bound=SQLModel)

VERBS = {
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
# These come and go for good, so a command that brings one cannot be undone as a whole; nor can the
# making of a group, whose deletion has rules that undo does not know.
_FOR_GOOD = frozenset({Grant, Membership, UserRole, Session, Token, Group})
_MOVING = frozenset({"group_id", "owner_id"})
# Nouns whose description is a thing of its own to some clients.
_DESCRIBED = frozenset({Project, Dataset, Image, Screen, Plate, Acquisition, Roi, Ontology})


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
        self.hidden: set[tuple[type[SQLModel], int]] = set()  # what this unit trashed
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
        found = await self._locked(noun, key(noun) == id) if 0 <= id <= MOST_ID else []
        if not found:
            raise NotFound(word(noun), id)
        if can != Can.READ:
            await self.require(noun, found[0], can)
        return found[0]

    async def _locked(self, noun: type[N], where: Any) -> Sequence[N]:
        """Return visible rows, locked in the order of their ids."""
        statement = select(table(noun)).where(where).order_by(key(noun))
        statement = visible(statement, self.actor, self._database)
        return records(await self._connection.execute(self._database.for_update(statement)), noun)

    async def stored(self, noun: type[N], ids: Iterable[int]) -> Sequence[N]:
        """Return rows by id as they are, also trashed ones, whoever may see them, locked.

        Whoever calls this judges what it returns.
        """
        statement = select(table(noun)).where(self.members(cols(noun).id, ids))
        statement = self._database.for_update(statement.order_by(cols(noun).id))
        return records(await self._connection.execute(statement), noun)

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
        """Raise Forbidden unless the actor has all of these capabilities on the row."""
        (allowed,) = await self.judge.capabilities(noun, [row])
        if allowed & can != can:
            action = VERBS.get(can, "do this to")
            raise Forbidden(action, word(noun), getattr(row, "id", "?"))

    async def queue_for(self, topic: str) -> None:
        """Be the only unit at a topic until the end of this one: to ask whether a name is free."""
        await self._database.queue_for(self._connection, topic)

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
        columns = table(noun).c
        values = {column.name: getattr(row, column.name) for column in columns}
        if "id" in values and values["id"] is None:
            values["id"] = await self.take_ids()
        if "created_at" in values and not values["created_at"]:
            values["created_at"] = now_ms()
        for column, made in sort_keys(noun, values).items():
            if values[column] is None:
                values[column] = made
        if values.get("description") and values.get("description_id") is None:
            values |= await self._description_id(noun)
        await self._execute(insert(table(noun)).values(values), noun)
        stored: N = record_type(noun)(**values)  # type: ignore[assignment]  # a record, as reads give
        if "id" in values:
            self.judge.made.setdefault(noun, set()).add(values["id"])
            self._shown(noun, [values["id"]])
            self._touched.came(noun, [stored])
            if tell:
                self._tell("created", noun, stored)
        return stored

    async def add_many(
        self, noun: type[SQLModel], columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> range:
        """Insert tuples without their id; return the ids given. One range in the journal.

        The caller has judged the parents: `require` on each before calling. Creation times and
        sort keys that are left out are filled in, all else by the defaults of the table.
        """
        if not rows:
            return range(0)
        first = await self.take_ids(len(rows))
        ids = range(first, first + len(rows))
        if self.actor.within is not None:
            self.judge.made.setdefault(noun, set()).update(ids)
        names, data = completed(noun, ("id", *columns), ids, rows)
        with refusing(noun):
            await self._database.bulk(self._connection, table(noun), names, data)
        self._shown(noun, ids)
        if noun in FOLLOWED:
            self._touched.came(noun, light_records(names, data))
        return ids

    async def add_rows(
        self, noun: type[SQLModel], columns: Sequence[str], rows: Sequence[Sequence[Any]]
    ) -> None:
        """Insert tuples of a table without ids of its own, such as the rows of a result table.

        They come and go with their parent, which the caller has judged.
        """
        with refusing(noun):
            await self._database.bulk(self._connection, table(noun), columns, rows)

    async def change(
        self, noun: type[N], id: int, *, expected: int | None = None, **after: Any
    ) -> N:
        """Change fields of one row and return it. Fields sent back as they are change nothing.

        `expected` is the version the caller saw. Another group or owner takes the right to share.
        Raises NotFound, Forbidden, or Conflict when somebody changed the row since.
        """
        seen = await self.one(noun, id, can=Can.EDIT)
        version = getattr(seen, "version", None)
        if expected is not None and version != expected:
            raise Conflict(
                f"{word(noun)} {id} was changed meanwhile: you saw version {expected}, "
                f"it is now {version}. Read it again and repeat the change.",
                noun=word(noun), id=id, version=version,
            )  # fmt: skip
        return await self.put(noun, seen, after)

    async def put(
        self, noun: type[N], seen: N, after: Mapping[str, Any], *, tell: bool = True
    ) -> N:
        """Store fields of a row that was read and judged in this unit; return the row.

        Without `tell`, the caller announces the row, or what it is part of.
        """
        keys = sort_keys(noun, after)
        changed = {
            name: value
            for name, value in after.items()
            if name not in keys and getattr(seen, name) != value
        }
        if not changed:
            return seen
        if changed.keys() & _MOVING and "owner_id" in cols(noun):
            await self._may_move(noun, seen, changed)
        stored = await self._set(noun, seen, changed)
        before = {name: getattr(seen, name) for name in changed}
        self.journal.set(noun, getattr(seen, key(noun).name), before, changed)
        self._touched.moved(noun, seen, stored, changed)
        if tell:
            self._tell("changed", noun, stored)
        return stored

    async def put_many(self, noun: type[N], rows: Sequence[N], after: Mapping[str, Any]) -> list[N]:
        """Store the same fields in many rows that were locked and judged; return them all.

        One statement, whatever their number; the journal gets one change for each that differs.
        """
        differing = [
            row for row in rows if any(getattr(row, name) != after[name] for name in after)
        ]
        if not differing:
            return list(rows)
        values: dict[str, Any] = {**after, **sort_keys(noun, after)}
        columns, ids = cols(noun), [row.id for row in differing]  # type: ignore[attr-defined]  # nouns have one
        if "updated_at" in columns:
            values["updated_at"] = now_ms()
        grown = {"version": columns.version + 1} if "version" in columns else {}
        await self._execute(
            update(table(noun)).where(self.members(columns.id, ids)).values(**values, **grown),
            noun,
        )
        made: dict[int, N] = {}
        for row in differing:
            record: Any = row
            more = {"version": record.version + 1} if grown else {}
            stored = made[record.id] = record._replace(**values, **more)
            changed = {name: after[name] for name in after if getattr(row, name) != after[name]}
            before = {name: getattr(row, name) for name in changed}
            self.journal.set(noun, record.id, before, changed)
            self._touched.moved(noun, row, stored, changed)
            self._tell("changed", noun, stored)
        return [made.get(row.id, row) for row in rows]  # type: ignore[attr-defined]  # nouns have one

    async def grow(self, noun: type[N], row: N) -> N:
        """Raise the version of a row whose parts changed: shapes of a region, pairs of a map.

        The row was judged and read in this unit; undo brings the parts back, not the number.
        """
        grown = await self._set(noun, row, {})
        self._tell("changed", noun, grown)
        return grown

    async def trash(self, noun: type[SQLModel], ids: Iterable[int]) -> Impact:
        """Put rows into the trash. Raises NotFound or Forbidden for the first that may not go."""
        wanted = list(dict.fromkeys(ids))
        seen: Sequence[Any] = await self._locked(noun, self.members(cols(noun).id, wanted))
        rows = {row.id: row for row in seen}
        for id in wanted:
            if id not in rows:
                raise NotFound(word(noun), id)
        for row, can in zip(seen, await self.judge.capabilities(noun, seen), strict=True):
            if not can & Can.DELETE:
                raise Forbidden("delete", word(noun), row.id)
        await self.discard(noun, seen)
        impact = Impact()
        impact.count(noun, len(wanted))
        return impact

    async def discard(
        self, noun: type[SQLModel], rows: Sequence[Any], *, by: int | None = None
    ) -> None:
        """Trash judged rows, with what goes along. Raises Conflict if one may not go now."""
        ids = [row.id for row in rows]
        await refuse(self, noun, ids)
        await along(self, noun, ids)
        if await self.stamp(noun, ids, by=by) != len(ids):
            raise Conflict(f"Some of these are in the trash already: {word(noun)} {ids[:5]}.")
        for row in rows:
            self._tell("trashed", noun, row)

    async def stamp(
        self, noun: type[SQLModel], ids: Iterable[int], *, by: int | None = None
    ) -> int:
        """Trash rows that go along with others already judged; return how many were live.

        `by` is the command whose stamp they bore before, where an undo puts them back.
        """
        row, command = cols(noun), await self.command_id()
        live = await self.scalars(
            update(table(noun))
            .where(self.members(row.id, ids), row.trashed_by.is_(None))
            .values(trashed_by=by or command)
            .returning(row.id)
        )
        if live:
            self.journal.hide(noun, live, stamp=by)
            self.hidden.update((noun, id) for id in live)
            if noun in FOLLOWED:
                self._touched.went(noun, await self.stored(noun, live))
        return len(live)

    async def restore(
        self, noun: type[SQLModel], ids: Iterable[int], *, rename: str | None = None
    ) -> int:
        """Take rows back out of the trash, with what went along; return how many came back.

        Rows that are not in the trash stay as they are. `rename` gives a single row another name
        on its way. Raises NotFound, Forbidden, or Conflict naming the holder of a taken name.
        """
        self._refuse_jobs("restore")
        wanted = list(dict.fromkeys(ids))
        rows: Sequence[Any] = await self.stored(noun, wanted)
        await self._may_restore(noun, wanted, rows)
        trashed = [row for row in rows if row.trashed_by is not None]
        if rename is not None:
            if len(trashed) != 1:
                raise Invalid("rename", "one object can be renamed as it is restored.")
            await self.require(noun, trashed[0], Can.EDIT)
            trashed = [await self.put(noun, trashed[0], {"name": rename})]
        commands = {row.trashed_by for row in trashed}
        back = await self.bring_back(noun, trashed)
        for child, stamped in await went_along(self, noun, [row.id for row in trashed], commands):
            await self.bring_back(child, await self.stored(child, stamped))
        return back

    async def _may_restore(
        self, noun: type[SQLModel], wanted: Iterable[int], rows: Sequence[Any]
    ) -> None:
        allowed = dict(
            zip(
                (row.id for row in rows),
                await self.judge.capabilities(noun, rows),
                strict=True,
            )
        )
        for id in wanted:
            can = allowed.get(id, Can.NOTHING)
            if not can & Can.READ:
                raise NotFound(word(noun), id)
            if not can & Can.DELETE:
                raise Forbidden("restore", word(noun), id)

    async def bring_back(self, noun: type[SQLModel], rows: Sequence[Any]) -> int:
        """Clear the stamp of judged rows; return how many were in the trash."""
        row, ids = cols(noun), [one.id for one in rows]
        if not ids:
            return 0
        await refuse_taken(self, noun, ids)
        back = set(
            (
                await self._execute(
                    update(table(noun))
                    .where(self.members(row.id, ids), row.trashed_by.is_not(None))
                    .values(trashed_by=None)
                    .returning(row.id),
                    noun,
                )
            ).scalars()
        )
        returned = [one._replace(trashed_by=None) for one in rows if one.id in back]
        for stamp in sorted({one.trashed_by for one in rows if one.id in back}):
            self.journal.show(
                noun, [one.id for one in rows if one.id in back and one.trashed_by == stamp],
                stamp=stamp,
            )  # fmt: skip
        self._touched.returned(noun, returned)
        for one in returned:
            self._tell("restored", noun, one)
        return len(back)

    async def remove(self, noun: type[SQLModel], id: int) -> None:
        """Delete one row for good: memberships, grants, sessions, tokens. Not undoable."""
        await self.remove_many(noun, [id])

    async def remove_many(self, noun: type[SQLModel], ids: Iterable[int]) -> None:
        """Delete rows for good, as `remove`. Raises NotFound or Forbidden for the first refused."""
        row, wanted = cols(noun), list(dict.fromkeys(ids))
        rows = {one.id: one for one in await self.stored(noun, wanted)}  # type: ignore[attr-defined]  # nouns have one
        for id in wanted:
            if id not in rows:
                raise NotFound(word(noun), id)
        seen = [rows[id] for id in wanted]
        for one, can in zip(seen, await self.judge.capabilities(noun, seen), strict=True):
            if not can & Can.DELETE:
                raise Forbidden("delete", word(noun), one.id)  # type: ignore[attr-defined]  # as above
        await self._execute(delete(table(noun)).where(self.members(row.id, wanted)), noun)
        self.journal.undoable = False
        await self.command_id()
        self._touched.went(noun, seen)
        for one in seen:
            self._tell("removed", noun, one)

    async def execute(self, statement: Any) -> int:
        """Run an unjournalled write (progress, heartbeats, seen-at); return the rows it met."""
        return int((await self._connection.execute(statement)).rowcount)

    async def undo(self, command_id: int) -> None:
        """Do the inverse of a command, in reverse order. Raises Conflict and stores nothing."""
        self._refuse_jobs("undo")
        await undo.undo(self, command_id)

    async def redo(self, command_id: int) -> None:
        """Do a command again that was undone, by undoing that. Raises as `undo`."""
        self._refuse_jobs("redo")
        await undo.redo(self, command_id)

    def _refuse_jobs(self, action: str) -> None:
        """Raise Forbidden for the account of a job: what it would bring back lies in no project."""
        if self.actor.within is not None:
            raise Forbidden(action, "command of", "a job", "a person may, not the job's account.")

    def tell(self, kind: str, noun: type[SQLModel], row: Any) -> None:
        """Announce something about a row when this unit commits."""
        self._tell(kind, noun, row)

    async def settle(self) -> int:
        """Finish: placements, labels, command, events; return the last event id."""
        back = await upkeep.settle(
            self._database, self._connection, self._touched, self.actor.author_id
        )
        for id in back:
            self.journal.set(Placement, id, {"state": "excluded"}, {"state": "live"})
        return await self.journal.write(self._database, self._connection)

    # inside

    async def _may_move(self, noun: type[SQLModel], seen: Any, changed: Mapping[str, Any]) -> None:
        await self.require(noun, seen, Can.SHARE)
        group = changed.get("group_id")
        if group is not None and not (self.actor.full or self.judge.may_enter(group)):
            raise Forbidden("move to", "group", group, "you are not a member of it.")

    async def _set(self, noun: type[N], seen: N, changed: Mapping[str, Any]) -> N:
        """Write fields with version and time; raise Conflict if the row was changed meanwhile."""
        columns, id = cols(noun), getattr(seen, key(noun).name)
        keys = sort_keys(noun, changed)
        values = {**changed, **keys}
        statement = update(table(noun)).where(key(noun) == id)
        if "version" in columns:
            version: int = seen.version  # type: ignore[attr-defined]  # it has the column
            values["version"] = version + 1
            statement = statement.where(columns.version == version)
        if "updated_at" in columns:
            values["updated_at"] = now_ms()
        if changed.get("description") and getattr(seen, "description_id", 0) is None:
            values |= await self._description_id(noun)
        result = await self._execute(statement.values(values), noun)
        if result.rowcount != 1:
            raise Conflict(f"{word(noun)} {id} was changed at the same moment; try again.")
        if "name_key" in keys and noun in _NAMED_IN_LINKS:
            link, column = _NAMED_IN_LINKS[noun]
            await self._connection.execute(
                update(table(link))
                .where(cols(link)[column] == id)
                .values(name_key=keys["name_key"])
            )
        stored: N = seen._replace(**values)  # type: ignore[attr-defined]  # rows are records
        return stored

    async def _description_id(self, noun: type[SQLModel]) -> dict[str, int]:
        """Return the id of a description that is set for the first time; an undo leaves it."""
        return {"description_id": await self.take_ids()} if noun in _DESCRIBED else {}

    async def _execute(self, statement: Any, noun: type[SQLModel]) -> Any:
        with refusing(noun):
            return await self._connection.execute(statement)

    def _shown(self, noun: type[SQLModel], ids: Iterable[int]) -> None:
        if "trashed_by" in cols(noun):
            self.journal.show(noun, ids)
        if noun in _FOR_GOOD:
            self.journal.undoable = False

    def _tell(self, kind: str, noun: type[SQLModel], row: Any) -> None:
        self.journal.tell(
            Happened(
                kind, word(noun), getattr(row, key(noun).name),
                row.id if noun is Image else getattr(row, "image_id", None),
                row.id if noun is Project else getattr(row, "project_id", None),
            )
        )  # fmt: skip
