"""What a hub is set to: facts that anybody may know, and settings changed while it runs.

Facts come from the options the process was started with and from the code; none says where data lie
or who may sign in. Settings are rows: administrators write them, and each says who may read it.
They are commands without undo and without an event, since both name what changed by its number and
a setting has only a key; the history names the key, never the value, which may be for few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib.metadata import version
from typing import Any, get_args

import orjson
from sqlalchemy import delete, update

from adapters.exports import FORMATS
from adapters.formats.recognise import Format as FileFormat
from adapters.infrastructure import Infrastructure
from adapters.render import luts
from adapters.render.encode import Format as PictureFormat
from adapters.roles import is_administrator
from store.catalog import Catalog
from store.errors import Forbidden, Invalid, NotFound, TooLarge
from store.paging import Keyset, OrderKey, Page
from store.pixels.samples import STORED
from store.statement import cols, table
from store.tables.people import Role
from store.tables.sources import Setting
from store.unit import Unit

KEY_LENGTH = 255
VALUE_BYTES = 64 * 1024
BY_KEY = (OrderKey("key", str),)
_setting = cols(Setting)


class Audience(IntEnum):
    """Who may read a setting: the least role that can."""

    EVERYBODY = 0
    USERS = Role.user.value
    ADMINISTRATORS = Role.admin.value


@dataclass(frozen=True, slots=True)
class Facts:
    """What a client should know of a hub before it asks for more; sizes in bytes."""

    version: str
    database: str  # sqlite | postgresql
    public_reading: bool
    session_hours: int
    upload_limit: int
    body_limit: int
    memory_limit: int
    job_workers: int
    sample_types: tuple[str, ...]
    import_formats: tuple[str, ...]
    export_formats: tuple[str, ...]
    picture_formats: tuple[str, ...]
    lookup_tables: tuple[str, ...]


class Configuration:
    """Facts about the hub, and verbs on its settings."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    def facts(self) -> Facts:
        """Return what anybody may know."""
        options = self._infrastructure.settings
        return Facts(
            version=version("imagehub"),
            database=options.database_url.partition("+")[0],
            public_reading=options.public_user is not None,
            session_hours=options.session_hours,
            upload_limit=options.upload_limit,
            body_limit=options.body_limit,
            memory_limit=options.memory_limit,
            job_workers=options.job_workers,
            sample_types=STORED,
            import_formats=get_args(FileFormat),
            export_formats=FORMATS,
            picture_formats=tuple(one.value for one in PictureFormat),
            lookup_tables=luts.names(),
        )

    # settings

    async def get(self, key: str) -> Setting:
        """Return one setting. Raises NotFound for one the actor may not read, too."""
        found = await self._named([key])
        if not found:
            raise NotFound("setting", key)
        return found[0]

    async def many(self, keys: Sequence[str]) -> dict[str, Setting]:
        """Return those of some settings that the actor may read, by key. One statement."""
        return {one.key: one for one in await self._named(keys)}

    async def _named(self, keys: Sequence[str]) -> Sequence[Setting]:
        statement = self._catalog.select(Setting).where(_setting.key.in_(list(keys)))
        return await self._catalog.all(Setting, statement)

    async def page(self, keyset: Keyset, prefix: str = "") -> Page[Setting]:
        """Return one page of the settings the actor may read, those of a prefix; order `BY_KEY`."""
        return await self._catalog.page(Setting, self._list(prefix), keyset)

    async def count(self, prefix: str = "") -> int:
        """Count the settings the actor may read."""
        return await self._catalog.count(self._list(prefix))

    def _list(self, prefix: str) -> Any:
        statement = self._catalog.select(Setting)
        if prefix:
            statement = statement.where(_setting.key.startswith(prefix, autoescape=True))
        return statement

    async def put(self, key: str, value: Any, audience: Audience | None = None) -> Setting:
        """Write a setting; who may read it stays as it is unless given, administrators at first.

        Raises Forbidden for all but administrators, Invalid for a key, TooLarge beyond 64 KiB.
        """
        title = _checked_key(key)
        _check_value(value)

        async def work(unit: Unit) -> None:
            self._require_administrator("set", title)
            there = await unit.all(Setting, _setting.key == title)
            role = Audience.ADMINISTRATORS if audience is None else audience
            if not there:
                await unit.add(Setting(key=title, value=value, reading_role=role.value))
            else:
                kept = there[0].reading_role if audience is None else audience.value
                await unit.execute(
                    update(table(Setting))
                    .where(_setting.key == title)
                    .values(value=value, reading_role=kept)
                )
            await _sign(unit, f"set {title}")

        await self._catalog.write("put_setting", work)
        return await self.get(title)

    async def remove(self, key: str) -> None:
        """Remove a setting for good. Raises Forbidden for all but administrators, NotFound."""

        async def work(unit: Unit) -> None:
            if not await unit.all(Setting, _setting.key == key):
                raise NotFound("setting", key)
            self._require_administrator("remove", key)
            await unit.execute(delete(table(Setting)).where(_setting.key == key))
            await _sign(unit, f"remove {key}")

        await self._catalog.write("remove_setting", work)

    def _require_administrator(self, action: str, key: str) -> None:
        if not is_administrator(self._catalog.actor):
            raise Forbidden(action, "setting", key, "only an administrator may.")


async def _sign(unit: Unit, summary: str) -> None:
    await unit.command_id()
    unit.journal.undoable = False
    unit.journal.summary = summary


def _checked_key(key: str) -> str:
    if not 0 < len(key) <= KEY_LENGTH or not key.isprintable() or key != key.strip():
        raise Invalid("key", f"use 1 to {KEY_LENGTH} printable characters, no blank at the ends.")
    return key


def _check_value(value: Any) -> None:
    try:
        size = len(orjson.dumps(value))
    except TypeError as error:
        raise Invalid("value", f"is not JSON: {error}.") from error
    if size > VALUE_BYTES:
        raise TooLarge("The value of a setting", VALUE_BYTES, "bytes")
    if any("\0" in text for text in _texts(value)):
        raise Invalid("value", "must not hold the character of code 0.")


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value, keys too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
