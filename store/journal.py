"""The journal of a unit of work: one command, its changes, and its events in commit order.

Three kinds of change are enough: ``show`` and ``hide`` over id ranges, ``set`` with the fields that
changed before and after. The inverse of each is one of the three. An undo is itself a command, on
no stack; what it undid moves to its author's redo stack, and back when that undo is undone. A bulk
insert of 100,000 rows is one range, not 100,000 copies.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from store.clock import now_ms
from store.statement import table
from store.tables.history import Change, Command, Event

if TYPE_CHECKING:
    from sqlmodel import SQLModel

    from store.engine import Database

_BYTES = "$bytes"


@dataclass(frozen=True, slots=True)
class Changed:
    """One step of a unit. `kind` is show, hide or set; `before` and `after` hold changed fields."""

    kind: str
    noun: str
    first: int
    last: int
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """What subscribers are told: a kind, the object, and where it belongs."""

    kind: str  # created | changed | trashed | restored | removed
    noun: str
    id: int
    image_id: int | None = None
    project_id: int | None = None


def ranges(ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Join ids into runs of consecutive numbers, ascending."""
    first = last = None
    for id in sorted(set(ids)):
        if last is not None and id == last + 1:
            last = id
            continue
        if first is not None and last is not None:
            yield first, last
        first = last = id
    if first is not None and last is not None:
        yield first, last


def _as_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return fields as JSON can hold them: bytes, such as a geometry, as base64."""
    return {
        name: {_BYTES: b64encode(value).decode()} if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def from_json(values: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored change as the row had them."""
    return {
        name: b64decode(value[_BYTES])
        if isinstance(value, dict) and value.keys() == {_BYTES}
        else value
        for name, value in values.items()
    }


class Journal:
    """Gathers what a unit of work does, and writes it at the end of the same transaction."""

    def __init__(self, verb: str, user_id: int) -> None:
        self.verb = verb
        self.user_id = user_id
        self.command_id: int | None = None
        self.changes: list[Changed] = []
        self.events: dict[Happened, None] = {}
        self.summary = ""
        self.undoable = True
        self.undoes: int | None = None

    def show(self, noun: type[SQLModel], ids: Iterable[int], *, stamp: int | None = None) -> None:
        """Note that rows came into being, or back out of the trash they were in by a command."""
        before = None if stamp is None else {"trashed_by": stamp}
        self._range("show", noun, ids, before=before)

    def hide(self, noun: type[SQLModel], ids: Iterable[int], *, stamp: int | None = None) -> None:
        """Note that rows went into the trash, by this command or back by an earlier one."""
        after = None if stamp is None else {"trashed_by": stamp}
        self._range("hide", noun, ids, after=after)

    def set(
        self, noun: type[SQLModel], id: int, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        """Note that fields of one row changed."""
        self.changes.append(
            Changed("set", table(noun).name, id, id, _as_json(before), _as_json(after))
        )

    def tell(self, event: Happened) -> None:
        """Note an event; the same one is told once."""
        self.events[event] = None

    def _range(self, kind: str, noun: type[SQLModel], ids: Iterable[int], **stamps: Any) -> None:
        name = table(noun).name
        for first, last in ranges(ids):
            self.changes.append(Changed(kind, name, first, last, **stamps))

    async def write(self, database: Database, connection: AsyncConnection) -> int:
        """Write command, changes and events; return the last event id, 0 without events."""
        if self.changes or self.command_id is not None:
            await self._write_command(database, connection)
        if not self.events:
            return 0
        await database.order_events(connection)
        first = await database.take_ids(connection, len(self.events), kind="event")
        now = now_ms()
        await connection.execute(
            insert(table(Event)),
            [
                {
                    "id": id, "at": now, "kind": event.kind, "target_type": event.noun,
                    "target_id": event.id, "image_id": event.image_id,
                    "project_id": event.project_id,
                }
                for id, event in enumerate(self.events, first)
            ],
        )  # fmt: skip
        last = first + len(self.events) - 1
        await database.notify(connection, last)
        return last

    async def _write_command(self, database: Database, connection: AsyncConnection) -> None:
        if self.command_id is None:
            self.command_id = await database.take_ids(connection)
        images = {event.image_id for event in self.events} - {None}
        projects = {event.project_id for event in self.events} - {None}
        await connection.execute(
            insert(table(Command)).values(
                id=self.command_id,
                user_id=self.user_id,
                verb=self.verb,
                at=now_ms(),
                project_id=min(projects) if len(projects) == 1 else None,  # type: ignore[type-var]  # None was removed
                image_id=min(images) if len(images) == 1 else None,  # type: ignore[type-var]  # None was removed
                summary=self.summary or self.verb,
                undoable=self.undoable,
                stack="undo" if self.undoable and self.undoes is None else "none",
                undoes_id=self.undoes,
            )
        )
        if not self.changes:
            return
        await connection.execute(
            insert(table(Change)),
            [
                {
                    "command_id": self.command_id, "position": position, "kind": change.kind,
                    "noun": change.noun, "first_id": change.first, "last_id": change.last,
                    "before": change.before, "after": change.after,
                }
                for position, change in enumerate(self.changes)
            ],
        )  # fmt: skip
