"""Where algorithms come from and where they run: sources that are trusted, and servers.

The hub keeps these lists for those who ask; it neither fetches code from a source nor sends work
to a server. They are settings, so administrators write them and history names them by their key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import delete, update

from adapters.roles import is_administrator
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols, table
from store.tables.people import Role
from store.tables.sources import Setting
from store.unit import Unit

_setting = cols(Setting)
TEXT_LENGTH = 1000


class PlaceKind(StrEnum):
    """A source of code, or a server that runs it."""

    SOURCE = "trusted-source"
    SERVER = "processing-server"


@dataclass(frozen=True, slots=True)
class Place:
    """One of them; `fields` are texts, numbers or nothing by name."""

    id: int
    kind: PlaceKind
    created_at: int
    updated_at: int | None
    fields: Mapping[str, str | int | None]


class ExternalPlaces:
    """Verbs on trusted sources and servers; everybody signed in may read them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def listed(self, kind: PlaceKind) -> list[Place]:
        """Return all of a kind by id."""
        statement = self._catalog.select(Setting).where(_setting.key.startswith(f"{kind.value}/"))
        rows = await self._catalog.all(Setting, statement)
        return sorted((_place(row) for row in rows), key=lambda one: one.id)

    async def get(self, kind: PlaceKind, id: int) -> Place:
        """Return one. Raises NotFound."""
        statement = self._catalog.select(Setting).where(_setting.key == _key(kind, id))
        rows = await self._catalog.all(Setting, statement)
        if not rows:
            raise NotFound(kind.value.replace("-", " "), id)
        return _place(rows[0])

    async def create(
        self, kind: PlaceKind, fields: Mapping[str, str | int | None], unique: tuple[str, ...]
    ) -> Place:
        """Add one. Raises Forbidden for all but administrators, Conflict for a double."""
        _check(fields)

        async def work(unit: Unit) -> int:
            self._administrators_only("add", kind)
            await self._refuse_double(unit, kind, fields, unique)
            id = await unit.take_ids()
            value = {"id": id, "created_at": now_ms(), "updated_at": None, "fields": dict(fields)}
            await unit.add(
                Setting(key=_key(kind, id), value=value, reading_role=Role.user.value), tell=False
            )
            await _sign(unit, f"add {kind.value} {id}")
            return id

        return await self.get(kind, await self._catalog.write("add_place", work))

    async def change(
        self,
        kind: PlaceKind,
        id: int,
        fields: Mapping[str, str | int | None],
        unique: tuple[str, ...],
    ) -> Place:
        """Change fields; those left out stay. Raises as `create`."""
        _check(fields)
        seen = await self.get(kind, id)
        after = {**seen.fields, **fields}
        if after == seen.fields:
            return seen

        async def work(unit: Unit) -> None:
            self._administrators_only("change", kind)
            await self._refuse_double(unit, kind, after, unique, but=id)
            value = {
                "id": id, "created_at": seen.created_at, "updated_at": now_ms(), "fields": after,
            }  # fmt: skip
            await unit.execute(
                update(table(Setting)).where(_setting.key == _key(kind, id)).values(value=value)
            )
            await _sign(unit, f"change {kind.value} {id}")

        await self._catalog.write("change_place", work)
        return await self.get(kind, id)

    async def remove(self, kind: PlaceKind, id: int) -> Place:
        """Remove one for good; return it."""
        seen = await self.get(kind, id)

        async def work(unit: Unit) -> None:
            self._administrators_only("delete", kind)
            await unit.execute(delete(table(Setting)).where(_setting.key == _key(kind, id)))
            await _sign(unit, f"delete {kind.value} {id}")

        await self._catalog.write("remove_place", work)
        return seen

    async def _refuse_double(
        self,
        unit: Unit,
        kind: PlaceKind,
        fields: Mapping[str, Any],
        unique: tuple[str, ...],
        but: int | None = None,
    ) -> None:
        for row in await unit.all(Setting, _setting.key.startswith(f"{kind.value}/")):
            one = _place(row)
            if one.id != but and all(one.fields.get(name) == fields.get(name) for name in unique):
                named = ", ".join(str(fields.get(name)) for name in unique)
                raise Conflict(f"{kind.value.replace('-', ' ')} {one.id} is {named} already.")

    def _administrators_only(self, action: str, kind: PlaceKind) -> None:
        if not is_administrator(self._catalog.actor):
            raise Forbidden(action, kind.value.replace("-", " "), "here", "an administrator may.")


def _place(row: Setting) -> Place:
    value = row.value
    kind = PlaceKind(row.key.partition("/")[0])
    return Place(value["id"], kind, value["created_at"], value["updated_at"], value["fields"])


def _key(kind: PlaceKind, id: int) -> str:
    return f"{kind.value}/{id}"


def _check(fields: Mapping[str, str | int | None]) -> None:
    for name, value in fields.items():
        if isinstance(value, str) and (len(value) > TEXT_LENGTH or "\0" in value):
            raise Invalid(name, f"takes at most {TEXT_LENGTH} characters, none of code 0.")


async def _sign(unit: Unit, summary: str) -> None:
    await unit.command_id()
    unit.journal.undoable = False
    unit.journal.summary = summary
