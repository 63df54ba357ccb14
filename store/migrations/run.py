"""Bringing a database to the present schema, and telling how far it is behind.

The configuration is built here, so that an installed package needs no file beside it. One upgrade
is one transaction on both databases; server processes that start together wait for each other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from store.errors import Conflict
from store.migrations import triggers

T = TypeVar("T")
UPGRADE_LOCK = 0x1_AB_0002  # advisory lock: one upgrade at a time
WAIT_SECONDS = 60


def config(connection: Connection | None = None) -> Config:
    """Return the configuration of the revisions, for work on one connection."""
    settings = Config()
    # The value passes through ConfigParser, which reads a lone percent sign as a reference.
    settings.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    settings.set_main_option("file_template", "%%(rev)s")
    settings.attributes["connection"] = connection
    return settings


def head() -> str:
    """Return the id of the newest revision this version of the hub knows."""
    newest = _scripts().get_current_head()
    assert newest is not None
    return newest


async def upgrade(database_url: str) -> None:
    """Apply every pending revision, or none of them if one fails.

    Raises `Conflict` if the database was last upgraded by a newer version of the hub.
    """
    if not await pending(database_url):
        return
    async with _engine(database_url) as engine, engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK}
            )
        await connection.run_sync(_upgrade)


async def pending(database_url: str) -> list[str]:
    """Return the ids of the revisions not yet applied, oldest first.

    Raises `Conflict` if the database is at a revision this version of the hub does not know.
    """
    return await _ask(database_url, _pending)


async def draft(message: str, database_url: str) -> list[Path]:
    """Write a revision with the difference between the tables and an upgraded database.

    It is named by its number and the words of the message, as in ``0002_plate_barcodes``.
    """
    number = len(list(_scripts().walk_revisions())) + 1
    name = f"{number:04}_{'_'.join(message.lower().split())}"

    def write(connection: Connection) -> list[Path]:
        scripts = command.revision(config(connection), message, autogenerate=True, rev_id=name)
        found = scripts if isinstance(scripts, list) else [scripts]
        return [Path(script.path) for script in found if script is not None]

    await upgrade(database_url)
    return await _ask(database_url, write)


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def _upgrade(connection: Connection) -> None:
    command.upgrade(config(connection), "head")
    triggers.apply(connection)


def _pending(connection: Connection) -> list[str]:
    present = MigrationContext.configure(connection).get_current_heads()
    scripts = _scripts()
    try:
        missing = list(scripts.iterate_revisions("heads", present or "base"))
    except (CommandError, RevisionError) as error:
        raise Conflict(
            f"The database is at revision {', '.join(present)}, which this version of imagehub"
            f" does not know (its newest is {head()}). Install the version that upgraded it, or"
            " restore a backup made before that.",
            found=present,
            known=head(),
        ) from error
    return [script.revision for script in reversed(missing)]


async def _ask(database_url: str, question: Callable[[Connection], T]) -> T:
    async with _engine(database_url) as engine, engine.connect() as connection:
        return await connection.run_sync(question)


@asynccontextmanager
async def _engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    url = make_url(database_url)
    sqlite = url.get_backend_name() == "sqlite"
    engine = create_async_engine(
        url, poolclass=NullPool, connect_args={"timeout": WAIT_SECONDS} if sqlite else {}
    )
    if sqlite:
        event.listen(engine.sync_engine, "connect", _no_implicit_begin)
        event.listen(engine.sync_engine, "begin", _begin_immediate)
    try:
        yield engine
    finally:
        await engine.dispose()


def _no_implicit_begin(driver_connection: object, _record: object) -> None:
    """Leave BEGIN to us: the driver would not put DDL into its transactions."""
    driver_connection.isolation_level = None  # type: ignore[attr-defined]  # every SQLite connection has it


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
