"""One database, two kinds: everything that differs between SQLite and PostgreSQL is in this file.

Two faces of each: `reading` gives a short connection outside any transaction; `writing` gives one
inside a transaction. Writers on SQLite take turns (a lock in the process, a file lock between
processes, BEGIN IMMEDIATE below both), because its own busy handler is unfair and eight writers
without turns waited up to seven times longer. Work that must finish runs in tasks `keep` holds.
What a driver says about a broken rule, a value out of range or a lost connection leaves this file
as IntegrityError, Invalid and Unavailable, on both kinds alike.
"""

from __future__ import annotations

import asyncio
import copy
import fcntl
import logging
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from enum import Enum
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg
import orjson
from sqlalchemy import (
    BigInteger,
    Column,
    Table,
    bindparam,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from store.errors import Unavailable

T = TypeVar("T")
log = logging.getLogger(__name__)

POOL_SIZE = 8
POOL_TIMEOUT = 30.0  # seconds; finite, so that exhaustion shows
EVENT_LOCK = 0x1_AB_0001  # advisory lock: events are numbered in commit order
TOPIC_LOCKS = 0x1AB  # first half of the advisory locks on a topic: one unit at a time asks and adds
LABEL_LOCK = 0x1_AB_0002  # advisory lock: placements and labels are brought up to date one by one
POLL_SECONDS = 0.05
STATEMENTS = 2000  # compiled ones are kept; each noun has some, worded anew for each kind of actor
MOST_ID = 2**63 - 1

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=30000",
    "PRAGMA cache_size=-65536",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=268435456",
)


# 40P01 deadlock, 40001 serialization failure
_COLLISIONS = frozenset({"40P01", "40001"})


class Refusal(Enum):
    """Why a database does not take a row."""

    REFERENCE = "it refers to a row that does not exist"
    CHECK = "a value breaks a rule of the table"
    MISSING = "a value that must be given is missing"
    UNIQUE = "there is such a row already"
    RANGE = "a value is no value of its column's type"


_REFUSALS = (
    ("foreign key", Refusal.REFERENCE),
    ("unique", Refusal.UNIQUE),
    ("not null", Refusal.MISSING),
    ("not-null", Refusal.MISSING),
    ("mismatch", Refusal.RANGE),
    ("check", Refusal.CHECK),
)


class Database(ABC):
    """A database the hub can live in. `url` names the driver; the schema is made by migrations."""

    dialect: str

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        self.url = url
        self._engine = engine
        self._writes = engine.execution_options(write=True)
        self._kept: set[asyncio.Task[Any]] = set()
        self._listeners: set[Callable[[int], None]] = set()

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection for statements that change nothing, each its own snapshot."""

    @abstractmethod
    def turn(self) -> AbstractAsyncContextManager[None]:
        """Wait until this unit of work may write."""

    @abstractmethod
    async def take_ids(self, connection: AsyncConnection, n: int = 1, *, kind: str = "main") -> int:
        """Take `n` consecutive ids and return the first. Kinds: main, plane, event."""

    @abstractmethod
    async def bulk(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
    ) -> None:
        """Insert many tuples by the fastest way the driver has."""

    @abstractmethod
    def members(self, column: Any, ids: Iterable[int]) -> Any:
        """Return ``column IN (ids)`` with the ids as ONE bound value, whatever their number."""

    @property
    def form(self) -> str:
        """A name for how `members` is worded, the same for equal wordings."""
        return self.dialect

    def counting(self) -> Self:
        """Return this database with `members` in the form that is fastest in a COUNT."""
        return self

    @abstractmethod
    async def order_labels(self, connection: AsyncConnection) -> None:
        """Wait until no other unit is settling placements and labels, and see what it settled."""

    @abstractmethod
    async def queue_for(self, connection: AsyncConnection, topic: str) -> None:
        """Wait until no other unit is at this topic, and see what the others did; until commit."""

    @abstractmethod
    async def order_events(self, connection: AsyncConnection) -> None:
        """Wait until no other unit can commit events before this one."""

    @abstractmethod
    async def notify(self, connection: AsyncConnection, last_event: int) -> None:
        """Tell other processes, at commit, that events up to this id exist."""

    @abstractmethod
    async def watch(self, seen: Callable[[], None]) -> None:
        """Call `seen` whenever another process may have committed events; until cancelled."""

    @abstractmethod
    def skip_locked(self, statement: Any) -> Any:
        """Make a claiming SELECT pass over rows that another claimer holds."""

    def for_update(self, statement: Any) -> Any:
        """Lock the rows a write is about to judge; SQLite has one writer and needs no lock."""
        return statement

    def collided(self, error: BaseException) -> bool:
        """Whether a unit failed only because another ran beside it, so that it may run again."""
        return False

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """Lend a connection inside a transaction: committed at the end, rolled back on error.

        Raises Unavailable when no connection is to be had.
        """
        async with _lent(self._writes) as connection, connection.begin():
            yield connection

    async def read(self, ask: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Run reads on a connection; once more on another if the first turns out to be broken.

        Raises Unavailable.
        """
        try:
            async with self.reading() as connection:
                return await ask(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
        try:
            async with self.reading() as connection:
                return await ask(connection)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise Unavailable("The database", "it closed the connection.") from error

    async def keep(self, work: Awaitable[T]) -> T:
        """Run `work` to its end even if the caller is cancelled, and return its result."""
        task = asyncio.ensure_future(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            # The caller is gone; its unit of work goes on, and its failure is only logged.
            task.add_done_callback(_log_failure)
            raise

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` after each commit here, with its last event or 0; return the way out."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def announce(self, last_event: int) -> None:
        """Tell listeners of this process that events up to this id are committed."""
        for listener in tuple(self._listeners):
            listener(last_event)

    async def ping(self) -> None:
        """Ask the database for a sign of life. Raises Unavailable."""
        try:
            async with self.reading() as connection:
                await connection.execute(text("SELECT 1"))
        except SQLAlchemyError as error:
            raise Unavailable("The database", type(error).__name__) from error

    async def close(self) -> None:
        """Let every started unit of work end, then give the connections back."""
        while self._kept:
            await asyncio.gather(*self._kept, return_exceptions=True)
        await self._engine.dispose()


@asynccontextmanager
async def _lent(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Lend a connection of an engine; give it back whole even if the borrower is cancelled."""
    try:
        connection = await engine.connect()
    except PoolExhausted as error:
        raise Unavailable("The database", "all its connections are busy.") from error
    except (OSError, DBAPIError) as error:
        raise Unavailable("The database", type(error).__name__) from error
    try:
        yield connection
    finally:
        await asyncio.shield(connection.close())


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("a unit of work failed after its caller had left: %s", error)


class SqliteDatabase(Database):
    """A file, in WAL mode, on a local disk."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        path = make_url(url).database or ""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        engine = create_async_engine(
            url,
            pool_size=POOL_SIZE + 1,  # one is for `watch`
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            query_cache_size=STATEMENTS,
            json_serializer=_json,
            json_deserializer=_parsed,
        )
        event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
        event.listen(engine.sync_engine, "begin", _on_sqlite_begin)
        event.listen(engine.sync_engine, "before_cursor_execute", _refuse_nul)
        super().__init__(url, engine)
        self._path = path
        self._lock = asyncio.Lock()
        self._lock_file: int | None = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with _lent(self._engine) as connection:
            yield connection

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._lock:
            handle = await self._take_file_lock()
            try:
                yield
            finally:
                fcntl.flock(handle, fcntl.LOCK_UN)

    async def _take_file_lock(self) -> int:
        if self._lock_file is None:
            self._lock_file = os.open(self._path + ".turn", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # A thread that waits cannot be stopped, so whoever is cancelled meanwhile waits for
            # it too: a turn handed to nobody would keep all writers waiting.
            waiting = asyncio.ensure_future(
                asyncio.to_thread(fcntl.flock, self._lock_file, fcntl.LOCK_EX)
            )
            if await _outlasted(waiting):
                fcntl.flock(self._lock_file, fcntl.LOCK_UN)
                raise asyncio.CancelledError from None
        return self._lock_file

    async def take_ids(self, connection: AsyncConnection, n: int = 1, *, kind: str = "main") -> int:
        _check_amount(n)
        after = await connection.scalar(
            text("UPDATE ids SET next = next + :n WHERE name = :kind RETURNING next"),
            {"n": n, "kind": kind},
        )
        if after is None:
            raise ValueError(f"there is no counter of ids named {kind!r}")
        return int(after) - n

    async def bulk(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
    ) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        marks = ", ".join("?" * len(columns))
        encoded = _encoders(table, columns)
        data = [_encode(row, encoded) for row in rows]
        if data:
            await connection.exec_driver_sql(
                f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', data
            )

    def members(self, column: Any, ids: Iterable[int]) -> Any:
        if isinstance(ids, range) and ids.step == 1:
            return column.between(ids.start, ids.stop - 1)
        values = orjson.dumps(sorted(ids)).decode()
        listed = func.json_each(bindparam(None, values)).table_valued("value")
        return column.in_(select(listed.c.value))

    async def order_labels(self, connection: AsyncConnection) -> None:
        return

    async def queue_for(self, connection: AsyncConnection, topic: str) -> None:
        return

    async def order_events(self, connection: AsyncConnection) -> None:
        return

    async def notify(self, connection: AsyncConnection, last_event: int) -> None:
        return

    async def watch(self, seen: Callable[[], None]) -> None:
        async with self._engine.connect() as connection:
            before: Any = None
            newest: Any = -1
            while True:
                version = await connection.scalar(text("PRAGMA data_version"))
                if version != before:
                    before = version
                    # Most commits are heartbeats and the like, which no one needs to be told of.
                    last = await connection.scalar(text("SELECT max(id) FROM event"))
                    if last != newest:
                        newest = last
                        seen()
                await asyncio.sleep(POLL_SECONDS)

    def skip_locked(self, statement: Any) -> Any:
        return statement

    async def close(self) -> None:
        await super().close()
        if self._lock_file is not None:
            os.close(self._lock_file)
            self._lock_file = None


def _on_sqlite_connect(driver_connection: Any, _record: Any) -> None:
    driver_connection.isolation_level = None
    cursor = driver_connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _on_sqlite_begin(connection: Any) -> None:
    if connection.get_execution_options().get("write"):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _refuse_nul(
    connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
) -> None:
    """Refuse what the other database cannot keep: the character NUL in a text that is written."""
    if not connection.get_execution_options().get("write"):
        return
    for row in parameters if many else (parameters,):
        for value in row:
            if isinstance(value, str) and "\0" in value:
                raise UnicodeEncodeError("text", value[:40], 0, 1, "NUL cannot be stored")


class PostgresDatabase(Database):
    """A PostgreSQL server, shared by any number of server processes."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        engine = create_async_engine(
            url,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT,
            pool_recycle=1800,
            query_cache_size=STATEMENTS,
            skip_autocommit_rollback=True,
            json_serializer=_json,
            json_deserializer=_parsed,
            connect_args={"server_settings": {"jit": "off", "application_name": "imagehub"}},
        )
        super().__init__(url, engine)
        self._reads = engine.execution_options(isolation_level="AUTOCOMMIT")
        # Some connections are left to readers: a unit of work that reads by the catalogue too
        # would otherwise wait for a connection that only other such units could give back.
        self._turns = asyncio.Semaphore(POOL_SIZE - 2)
        self._counting = False

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        async with _lent(self._reads) as connection:
            yield connection

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._turns:
            yield

    async def take_ids(self, connection: AsyncConnection, n: int = 1, *, kind: str = "main") -> int:
        _check_amount(n)
        first = await connection.scalar(text("SELECT take_ids(:n, :kind)"), {"n": n, "kind": kind})
        return int(first or 0)

    async def bulk(
        self,
        connection: AsyncConnection,
        table: Table,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
    ) -> None:
        encoded = _encoders(table, columns)
        raw: Any = (await connection.get_raw_connection()).driver_connection
        if not raw.is_in_transaction():
            # The transaction begins with the first statement the pool's own driver sees.
            await connection.execute(text("SELECT 1"))
        try:
            await raw.copy_records_to_table(
                table.name, columns=list(columns), records=(_encode(row, encoded) for row in rows)
            )
        except asyncpg.IntegrityConstraintViolationError as error:
            raise IntegrityError(f"COPY {table.name}", None, error) from error
        except asyncpg.DataError as error:
            raise DBAPIError(f"COPY {table.name}", None, error) from error

    def members(self, column: Any, ids: Iterable[int]) -> Any:
        if isinstance(ids, range) and ids.step == 1:
            return column.between(ids.start, ids.stop - 1)
        values = bindparam(None, sorted(ids), type_=ARRAY(BigInteger))
        if self._counting:
            return column == func.any(values)
        return column.in_(select(func.unnest(values)))

    @property
    def form(self) -> str:
        return "postgresql counting" if self._counting else self.dialect

    def counting(self) -> Self:
        other = copy.copy(self)
        other._counting = True
        return other

    def collided(self, error: BaseException) -> bool:
        return getattr(getattr(error, "orig", None), "sqlstate", None) in _COLLISIONS

    async def order_labels(self, connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": LABEL_LOCK})

    async def queue_for(self, connection: AsyncConnection, topic: str) -> None:
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:k, hashtext(:topic))"),
            {"k": TOPIC_LOCKS, "topic": topic},
        )

    async def order_events(self, connection: AsyncConnection) -> None:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:k)"), {"k": EVENT_LOCK})

    async def notify(self, connection: AsyncConnection, last_event: int) -> None:
        await connection.execute(
            text("SELECT pg_notify('imagehub', :payload)"), {"payload": str(last_event)}
        )

    async def watch(self, seen: Callable[[], None]) -> None:
        dsn = make_url(self.url).set(drivername="postgresql").render_as_string(False)
        while True:
            try:
                connection = await asyncpg.connect(dsn)
            except (OSError, asyncpg.PostgresError) as error:
                log.warning("cannot listen for events of other processes: %s", error)
                await asyncio.sleep(5)
                continue
            closed = asyncio.Event()
            connection.add_termination_listener(lambda _connection, c=closed: c.set())
            try:
                await connection.add_listener("imagehub", lambda *_: seen())
                seen()
                await closed.wait()
            finally:
                if not connection.is_closed():
                    await connection.close()

    def skip_locked(self, statement: Any) -> Any:
        return statement.with_for_update(skip_locked=True)

    def for_update(self, statement: Any) -> Any:
        # Not the stronger lock, which would also stop others from referring to the row.
        return statement.with_for_update(key_share=True)


def connect(url: str) -> Database:
    """Open the database a URL names; tables are made by `store.migrations`."""
    if url.startswith("sqlite+aiosqlite:"):
        return SqliteDatabase(url)
    if url.startswith("postgresql+asyncpg:"):
        return PostgresDatabase(url)
    raise ValueError(
        f"The database URL {url!r} is neither sqlite:///FILE nor postgresql://USER@HOST/NAME."
    )


def refusal(error: BaseException) -> Refusal | None:
    """Return what a driver's error says about the values it was given; None for any other."""
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return Refusal.RANGE
    if isinstance(error, IntegrityError):
        said = str(error.orig).casefold()
        return next((found for words, found in _REFUSALS if words in said), Refusal.UNIQUE)
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return Refusal.RANGE if state.startswith("22") else None


async def _outlasted(waiting: asyncio.Future[Any]) -> bool:
    """Wait for a future that cannot be stopped; return whether the waiter was cancelled."""
    cancelled = False
    while not waiting.done():
        try:
            await asyncio.shield(waiting)
        except asyncio.CancelledError:
            cancelled = True
    return cancelled


def _check_amount(n: int) -> None:
    if n < 1:
        raise ValueError(f"{n} ids were asked for; at least 1 is needed")


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _parsed(value: Any) -> Any:
    """Read JSON; SQLite has turned a bare number into one already."""
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _encoders(table: Table, columns: Sequence[str]) -> list[bool]:
    """Tell which columns hold JSON, which drivers want as text."""
    return [_is_json(table.c[name]) for name in columns]


def _is_json(column: Column[Any]) -> bool:
    return column.type.__class__.__name__ in {"JSON", "JSONB"}


def _encode(row: Sequence[Any], is_json: Sequence[bool]) -> tuple[Any, ...]:
    return tuple(
        _json(value) if as_text and value is not None else value
        for value, as_text in zip(row, is_json, strict=True)
    )
