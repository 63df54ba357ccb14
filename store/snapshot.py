"""The whole database in one file, as of one instant, and back into an empty database.

Each database copies itself by its own means, while others go on writing: SQLite by its backup
interface, PostgreSQL by its client programs. A file fits the kind of database it came from.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from store.disk import flush, publish
from store.errors import Unavailable

SQLITE, POSTGRES = "sqlite", "postgresql"


def kind(database_url: str) -> str:
    """Return the kind of database that a URL names: sqlite or postgresql."""
    return make_url(database_url).get_backend_name()


def require_programs(database_url: str, *names: str) -> None:
    """Raise Unavailable if the database needs a client program that is not installed."""
    if kind(database_url) == POSTGRES:
        for name in names:
            if shutil.which(name) is None:
                raise Unavailable(
                    name,
                    "it is not on PATH; install the PostgreSQL client programs of the server's "
                    "version",
                )


async def is_empty(database_url: str) -> bool:
    """Tell whether a database holds nothing yet; a file that is not there holds nothing."""
    if kind(database_url) == SQLITE:
        return not _file(database_url).exists()
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            tables = await connection.scalar(
                text(
                    "SELECT count(*) FROM information_schema.tables"
                    " WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
                )
            )
    finally:
        await engine.dispose()
    return not tables


async def save(database_url: str, target: Path) -> None:
    """Write a copy of the database to a new file. Raises Unavailable if that fails."""
    if kind(database_url) == SQLITE:
        await asyncio.to_thread(_copy, _file(database_url), target)
        return
    await _run(database_url, "pg_dump", "--format=custom", "--no-owner", f"--file={target}")


async def load(database_url: str, source: Path) -> None:
    """Fill an empty database from a file of `save`; all of it or nothing."""
    if kind(database_url) == SQLITE:
        await asyncio.to_thread(_put, source, _file(database_url))
        return
    await _run(
        database_url, "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error",
        "--single-transaction", source=source,
    )  # fmt: skip


def _file(database_url: str) -> Path:
    return Path(make_url(database_url).database or "").resolve()


def _copy(source: Path, target: Path) -> None:
    try:
        with (
            closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
            # One file is easier to carry than a file and its log.
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise Unavailable("The database", f"{source} cannot be copied: {error}") from error


def _put(source: Path, target: Path) -> None:
    """Copy a database to its place in one step; the two may lie on different disks."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.partial")
    try:
        shutil.copyfile(source, draft)
        flush(draft)
        publish(draft, target)
    finally:
        draft.unlink(missing_ok=True)


async def _run(database_url: str, program: str, *options: str, source: Path | None = None) -> None:
    """Run a client program; the password goes by the environment, where no list shows it."""
    url = make_url(database_url)
    name = _without_password(url)
    environment = dict(os.environ)  # noqa: TID251  # handed on as it is, plus the password
    if url.password is not None:
        environment["PGPASSWORD"] = url.password
    process = await asyncio.create_subprocess_exec(
        program, f"--dbname={name}", *options, *([] if source is None else [str(source)]),
        env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await process.communicate()
    if process.returncode:
        raise Unavailable(program, said.decode(errors="replace").strip()[:500] or "it failed")


def _without_password(url: URL) -> str:
    return URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, url.query
    ).render_as_string()
