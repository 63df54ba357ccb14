"""Disciplines: a short list of words for fields of work, kept by administrators.

A hub has a handful of them and nothing hangs on them, so each is a setting that every account may
read; its number stands in the key. Like all settings they are commands without undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, update

from adapters.containers import checked_name
from adapters.roles import is_administrator
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, NotFound
from store.statement import cols, table
from store.tables.people import Role
from store.tables.sources import Setting
from store.unit import Unit

PREFIX = "discipline/"
_setting = cols(Setting)


@dataclass(frozen=True, slots=True)
class Discipline:
    """A field of work; times in ms UTC."""

    id: int
    name: str
    created_at: int
    updated_at: int | None


class Disciplines:
    """Verbs on disciplines; changing them is for administrators."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> list[Discipline]:
        """Return every discipline, the newest first. One statement."""
        statement = self._catalog.select(Setting).where(_setting.key.startswith(PREFIX))
        found = [_read(row) for row in await self._catalog.all(Setting, statement)]
        return sorted(found, key=lambda one: one.id, reverse=True)

    async def get(self, id: int) -> Discipline:
        """Return one discipline. Raises NotFound."""
        for one in await self.all():
            if one.id == id:
                return one
        raise NotFound("discipline", id)

    async def create(self, name: str) -> Discipline:
        """Add a discipline. Raises Forbidden, Invalid, Conflict for a name that is there."""
        title = checked_name(name)

        async def work(unit: Unit) -> Discipline:
            self._require("add", title)
            await _require_free(unit, title)
            made = Discipline(await unit.take_ids(), title, now_ms(), None)
            role = Role.user.value
            await unit.add(Setting(key=_key(made.id), value=_value(made), reading_role=role))
            await _sign(unit, f"add discipline {title}")
            return made

        return await self._catalog.write("create_discipline", work)

    async def rename(self, id: int, name: str) -> Discipline:
        """Give a discipline another name. Raises as `create`, and NotFound."""
        title = checked_name(name)

        async def work(unit: Unit) -> Discipline:
            seen = await _there(unit, id)
            self._require("change", id)
            if seen.name == title:
                return seen
            await _require_free(unit, title, but=id)
            stored = Discipline(id, title, seen.created_at, now_ms())
            await unit.execute(
                update(table(Setting)).where(_setting.key == _key(id)).values(value=_value(stored))
            )
            await _sign(unit, f"rename discipline {seen.name} to {title}")
            return stored

        return await self._catalog.write("change_discipline", work)

    async def remove(self, id: int) -> Discipline:
        """Remove a discipline for good. Raises Forbidden, NotFound."""

        async def work(unit: Unit) -> Discipline:
            seen = await _there(unit, id)
            self._require("remove", id)
            await unit.execute(delete(table(Setting)).where(_setting.key == _key(id)))
            await _sign(unit, f"remove discipline {seen.name}")
            return seen

        return await self._catalog.write("remove_discipline", work)

    def _require(self, action: str, what: int | str) -> None:
        if not is_administrator(self._catalog.actor):
            raise Forbidden(action, "discipline", what, "only an administrator may.")


def _key(id: int) -> str:
    return f"{PREFIX}{id}"


def _value(one: Discipline) -> dict[str, Any]:
    return {"name": one.name, "created_at": one.created_at, "updated_at": one.updated_at}


def _read(row: Setting) -> Discipline:
    return Discipline(int(row.key.removeprefix(PREFIX)), **row.value)


async def _there(unit: Unit, id: int) -> Discipline:
    found = await unit.all(Setting, _setting.key == _key(id))
    if not found:
        raise NotFound("discipline", id)
    return _read(found[0])


async def _require_free(unit: Unit, name: str, *, but: int | None = None) -> None:
    await unit.queue_for("disciplines")
    for row in await unit.all(Setting, _setting.key.startswith(PREFIX)):
        one = _read(row)
        if one.id != but and one.name.casefold() == name.casefold():
            raise Conflict(f"There is a discipline {one.name!r} already.", id=one.id)


async def _sign(unit: Unit, summary: str) -> None:
    await unit.command_id()
    unit.journal.undoable = False
    unit.journal.summary = summary
