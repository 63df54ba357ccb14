"""The one class through which everybody above the store reads and writes rows.

Reads open a short connection each, so sibling GraphQL fields may run at the same time; every
statement gets the actor's visibility before it runs. A write is one unit of work, shielded from its
caller's cancellation, because a transaction abandoned half-way would keep all writers waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.judge import Judge
from store.access.restorable import restorable
from store.access.visible import visible, visible_ids
from store.actor import Actor
from store.engine import MOST_ID, Database
from store.errors import Conflict, Forbidden, NotFound
from store.paging import (
    Keyset,
    Page,
    apply_keyset,
    apply_keyset_per_parent,
    finish_page,
    finish_pages,
)
from store.statement import cols, key, table
from store.tables.records import records
from store.unit import VERBS, Unit, word

N = TypeVar("N", bound=SQLModel)
T = TypeVar("T")


_MOST_TRIES = 4
# The database whose unit of work this task is inside of; a second one would wait for the first.
_writing: ContextVar[Database | None] = ContextVar("writing", default=None)


@dataclass(slots=True)
class Receipt:
    """What `receipt` notes: the last command that was written, None if nothing was."""

    command_id: int | None = None


_receipts: ContextVar[Receipt | None] = ContextVar("receipts", default=None)


@contextmanager
def receipt() -> Iterator[Receipt]:
    """Note which command the writes inside come to, for those who must name it in an answer."""
    noted = Receipt()
    token = _receipts.set(noted)
    try:
        yield noted
    finally:
        _receipts.reset(token)


class _Rehearsed(Exception):  # a way out of a transaction, never an error
    """Carries the result of a rehearsal out of the transaction it rolls back."""

    def __init__(self, result: Any) -> None:
        self.result = result


@dataclass(frozen=True, slots=True)
class Catalog:
    """Rows as one actor may see and change them."""

    database: Database
    actor: Actor

    def select(self, noun: type[SQLModel]) -> Select[Any]:
        """Start a statement over a noun; `all`, `page` and `count` add visibility to it."""
        return select(table(noun))

    def visible_ids(self, noun: type[SQLModel]) -> Select[tuple[int]]:
        """Return a sub-select of readable ids, for use inside other statements."""
        return visible_ids(noun, self.actor, self.database)

    def members(self, column: Any, ids: Iterable[int]) -> Any:
        """Return ``column IN (ids)`` with one bound value."""
        return self.database.members(column, ids)

    async def all(
        self,
        noun: type[N],
        statement: Select[Any] | None = None,
        *,
        settled: Collection[str] = (),
    ) -> Sequence[N]:
        """Return the rows of a noun that a statement (default: all) finds and the actor sees.

        `settled` names tables that only hang on rows found visible before, as in `access.visible`.
        """
        chosen = self.select(noun) if statement is None else statement
        chosen = visible(chosen, self.actor, self.database, settled)
        return records(await self._fetch(chosen), noun)

    async def rows(self, statement: Select[Any], *, settled: Collection[str] = ()) -> Sequence[Any]:
        """Return plain rows of any SELECT, limited to what the actor sees."""
        return await self._fetch(visible(statement, self.actor, self.database, settled))

    async def _fetch(self, statement: Any) -> Sequence[Any]:
        async def ask(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(statement)).all()

        return await self.database.read(ask)

    async def one(self, noun: type[N], id: int, *, can: Can = Can.READ) -> N:
        """Return one row. Raises NotFound if it is not visible, Forbidden without `can`."""
        if not 0 <= id <= MOST_ID:
            raise NotFound(word(noun), id)
        found = await self.all(noun, self.select(noun).where(key(noun) == id))
        if not found:
            raise NotFound(word(noun), id)
        if can != Can.READ:
            (allowed,) = await self.capabilities(noun, found)
            if allowed & can != can:
                raise Forbidden(VERBS.get(can, "do this to"), word(noun), id)
        return found[0]

    async def by_ids(self, noun: type[N], ids: Sequence[int]) -> list[N | None]:
        """Return rows in the order of the ids; None where there is none to see. One statement."""
        column = key(noun)
        wanted = {id for id in ids if 0 <= id <= MOST_ID}
        statement = self.select(noun).where(self.members(column, wanted))
        found = {getattr(one, column.name): one for one in await self.all(noun, statement)}
        return [found.get(id) for id in ids]

    async def grouped(
        self, noun: type[N], column: str, ids: Sequence[int], *, order: Sequence[Any] = ()
    ) -> list[list[N]]:
        """Return for each id the rows whose `column` has it. One statement."""
        row = cols(noun)
        statement = self.select(noun).where(self.members(row[column], set(ids)))
        statement = statement.order_by(*(order or (key(noun),)))
        gathered: dict[int, list[N]] = {id: [] for id in ids}
        for found in await self.all(noun, statement):
            gathered[getattr(found, column)].append(found)
        return [gathered[id] for id in ids]

    async def page(self, noun: type[N], statement: Select[Any], keyset: Keyset) -> Page[N]:
        """Return one page by keyset, with whether there is more on either side."""
        chosen = visible(statement, self.actor, self.database)
        chosen = apply_keyset(chosen, cols(noun), keyset)
        return finish_page(records(await self._fetch(chosen), noun), keyset)

    async def pages(
        self,
        noun: type[N],
        statement: Select[Any],
        parent: Any,
        keyset: Keyset,
        *,
        settled: Collection[str] = (),
    ) -> dict[int, Page[Any]]:
        """Return the same page of each parent's children, in one statement.

        `statement` selects the columns of `noun` joined to what leads to `parent`, the column of
        the parent's id; parents were found visible before. `settled` as in `access.visible`.
        """
        chosen = visible(statement, self.actor, self.database, settled)
        chosen = apply_keyset_per_parent(chosen, parent, cols(noun), keyset)
        return finish_pages(await self._fetch(chosen), keyset)

    async def counts(
        self, statement: Select[Any], parent: Any, *, settled: Collection[str] = ()
    ) -> dict[int, int]:
        """Count the children of each parent, in one statement."""
        chosen = visible(statement, self.actor, self.database.counting(), settled)
        chosen = chosen.with_only_columns(parent, func.count(), maintain_column_froms=True)
        found = await self._fetch(chosen.group_by(parent).order_by(None))
        return {row[0]: row[1] for row in found}

    async def count(self, statement: Select[Any], *, settled: Collection[str] = ()) -> int:
        """Count what a statement finds, under the actor's visibility; `settled` as in `all`."""
        chosen = visible(statement, self.actor, self.database.counting(), settled).order_by(None)
        (row,) = await self._fetch(
            chosen.with_only_columns(func.count(), maintain_column_froms=True)
        )
        return int(row[0])

    async def trashed(self, noun: type[N], statement: Select[Any], keyset: Keyset) -> Page[N]:
        """Return one page of what a statement finds in the trash and the actor may restore."""
        found = await self._fetch(apply_keyset(self._trashed(noun, statement), cols(noun), keyset))
        return finish_page(records(found, noun), keyset)

    async def count_trashed(self, noun: type[SQLModel], statement: Select[Any]) -> int:
        """Count what `trashed` pages through."""
        chosen = self._trashed(noun, statement).order_by(None)
        (row,) = await self._fetch(
            chosen.with_only_columns(func.count(), maintain_column_froms=True)
        )
        return int(row[0])

    def _trashed(self, noun: type[SQLModel], statement: Select[Any]) -> Select[Any]:
        return statement.where(*restorable(noun, cols(noun), self.actor, self.database))

    async def capabilities(self, noun: type[SQLModel], rows: Sequence[Any]) -> list[Can]:
        """Return what the actor may do to each row, which was found visible before.

        No statement for labelled nouns and for those that only an owner and a group decide.
        """

        async def ask(connection: AsyncConnection | None) -> list[Can]:
            judge = Judge(self.database, connection, self.actor)
            allowed = await judge.capabilities(noun, rows)
            # Flags are slow to join, and the rows of a page have few different ones.
            readable = {can: can | Can.READ for can in set(allowed)}
            return [readable[can] for can in allowed]

        if Judge.by_memory(noun, self.actor):
            return await ask(None)
        return await self.database.read(ask)

    async def write(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run `work` to its end in one transaction, even if the caller goes away.

        Where two units lock one another out, the database ends one of them, and it is run again
        from its start: `work` changes nothing but by its unit.
        """
        self._refuse_nesting(verb)
        return await self.database.keep(self._write(verb, work))

    async def rehearse(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run `work` and take everything back: what would happen, without its happening."""

        async def then_back_out(unit: Unit) -> T:
            result = await work(unit)
            await unit.settle()
            raise _Rehearsed(result)

        async def rehearsed() -> T:
            try:
                return await self._write(verb, then_back_out)
            except _Rehearsed as done:
                return done.result  # type: ignore[no-any-return]  # what `work` returned

        self._refuse_nesting(verb)
        return await self.database.keep(rehearsed())

    def _refuse_nesting(self, verb: str) -> None:
        if _writing.get() is self.database:
            raise RuntimeError(f"{verb} was begun inside another unit of work; hand it the unit.")

    async def _write(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        _writing.set(self.database)  # of this task only, which `keep` made
        for tries_left in reversed(range(_MOST_TRIES)):
            try:
                return await self._write_once(verb, work)
            except DBAPIError as error:
                if not self.database.collided(error):
                    raise
                if not tries_left:
                    raise Conflict(
                        "Others keep changing the same objects at this moment; try again."
                    ) from error
        raise AssertionError("the last try either returned or raised")

    async def _write_once(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        async with self.database.turn(), self.database.writing() as connection:
            unit = Unit(self.database, connection, self.actor, verb)
            result = await work(unit)
            last_event = await unit.settle()
        noted = _receipts.get()
        if noted is not None and unit.journal.command_id is not None:
            noted.command_id = unit.journal.command_id
        self.database.announce(last_event)
        return result
