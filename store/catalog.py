"""The one class through which everybody above the store reads and writes rows.

Reads open a short connection each, so sibling GraphQL fields may run at the same time; every
statement gets the actor's visibility before it runs. A write is one unit of work, shielded from its
caller's cancellation, because a transaction abandoned half-way would keep all writers waiting.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, func, select
from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.access.judge import Judge
from store.access.restorable import restorable
from store.access.visible import visible, visible_ids
from store.actor import Actor
from store.engine import Database
from store.errors import Forbidden, NotFound
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
from store.unit import Unit, word

N = TypeVar("N", bound=SQLModel)
T = TypeVar("T")


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
        async with self.database.reading() as connection:
            return records(await connection.execute(chosen), noun)

    async def rows(self, statement: Select[Any], *, settled: Collection[str] = ()) -> Sequence[Any]:
        """Return plain rows of any SELECT, limited to what the actor sees."""
        chosen = visible(statement, self.actor, self.database, settled)
        async with self.database.reading() as connection:
            found: Sequence[Any] = (await connection.execute(chosen)).all()
            return found

    async def one(self, noun: type[N], id: int, *, can: Can = Can.READ) -> N:
        """Return one row. Raises NotFound if it is not visible, Forbidden without `can`."""
        found = await self.all(noun, self.select(noun).where(key(noun) == id))
        if not found:
            raise NotFound(word(noun), id)
        if can != Can.READ:
            (allowed,) = await self.capabilities(noun, found)
            if not allowed & can:
                raise Forbidden("do this to", word(noun), id)
        return found[0]

    async def by_ids(self, noun: type[N], ids: Sequence[int]) -> list[N | None]:
        """Return rows in the order of the ids; None where there is none to see. One statement."""
        column = key(noun)
        statement = self.select(noun).where(self.members(column, set(ids)))
        found = {getattr(one, column.name): one for one in await self.all(noun, statement)}
        return [found.get(id) for id in ids]

    async def grouped(
        self, noun: type[N], column: str, ids: Sequence[int], *, order: Sequence[Any] = ()
    ) -> list[list[N]]:
        """Return for each id the rows whose `column` has it. One statement."""
        row = cols(noun)
        statement = self.select(noun).where(self.members(row[column], set(ids)))
        statement = statement.order_by(*(order or (row.id,)))
        gathered: dict[int, list[N]] = {id: [] for id in ids}
        for found in await self.all(noun, statement):
            gathered[getattr(found, column)].append(found)
        return [gathered[id] for id in ids]

    async def page(self, noun: type[N], statement: Select[Any], keyset: Keyset) -> Page[N]:
        """Return one page by keyset, with whether there is more on either side."""
        chosen = visible(statement, self.actor, self.database)
        chosen = apply_keyset(chosen, cols(noun), keyset)
        async with self.database.reading() as connection:
            return finish_page(records(await connection.execute(chosen), noun), keyset)

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
        async with self.database.reading() as connection:
            return finish_pages((await connection.execute(chosen)).all(), keyset)

    async def counts(
        self, statement: Select[Any], parent: Any, *, settled: Collection[str] = ()
    ) -> dict[int, int]:
        """Count the children of each parent, in one statement."""
        chosen = visible(statement, self.actor, self.database, settled)
        chosen = chosen.with_only_columns(parent, func.count(), maintain_column_froms=True)
        async with self.database.reading() as connection:
            found = await connection.execute(chosen.group_by(parent).order_by(None))
            return {row[0]: row[1] for row in found}

    async def count(self, statement: Select[Any]) -> int:
        """Count what a statement finds, under the actor's visibility."""
        chosen = visible(statement, self.actor, self.database).order_by(None)
        async with self.database.reading() as connection:
            total = await connection.scalar(
                chosen.with_only_columns(func.count(), maintain_column_froms=True)
            )
            return int(total or 0)

    async def trashed(self, noun: type[N], statement: Select[Any], keyset: Keyset) -> Page[N]:
        """Return one page of what a statement finds in the trash and the actor may restore."""
        chosen = self._trashed(noun, statement)
        async with self.database.reading() as connection:
            found = await connection.execute(apply_keyset(chosen, cols(noun), keyset))
            return finish_page(records(found, noun), keyset)

    async def count_trashed(self, noun: type[SQLModel], statement: Select[Any]) -> int:
        """Count what `trashed` pages through."""
        chosen = self._trashed(noun, statement).order_by(None)
        async with self.database.reading() as connection:
            counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
            return int(await connection.scalar(counted) or 0)

    def _trashed(self, noun: type[SQLModel], statement: Select[Any]) -> Select[Any]:
        return statement.where(*restorable(noun, cols(noun), self.actor, self.database))

    async def capabilities(self, noun: type[SQLModel], rows: Sequence[Any]) -> list[Can]:
        """Return what the actor may do to each row; no statement for labelled nouns."""
        async with self.database.reading() as connection:
            return await Judge(self.database, connection, self.actor).capabilities(noun, rows)

    async def write(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run `work` to its end in one transaction, even if the caller goes away."""
        return await self.database.keep(self._write(verb, work))

    async def rehearse(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        """Run `work` and take everything back: what would happen, without its happening."""

        async def then_back_out(unit: Unit) -> T:
            raise _Rehearsed(await work(unit))

        try:
            return await self.database.keep(self._write(verb, then_back_out))
        except _Rehearsed as rehearsed:
            return rehearsed.result  # type: ignore[no-any-return]  # what `work` returned

    async def _write(self, verb: str, work: Callable[[Unit], Awaitable[T]]) -> T:
        async with self.database.turn(), self.database.writing() as connection:
            unit = Unit(self.database, connection, self.actor, verb)
            result = await work(unit)
            last_event = await unit.settle()
        self.database.announce(last_event)
        return result
