"""Events: what happened in the hub, in the order of commits, for whoever may see it.

Nothing is queued for a subscriber. Each keeps the number of the last event it was given, is woken
when something commits, here or in another process, and reads what lies behind that number under
the permissions of that moment. So a slow one costs nothing, and one that comes back misses nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass

from sqlalchemy import select

from store.catalog import Catalog
from store.engine import Database
from store.errors import Invalid
from store.statement import cols
from store.tables.history import Event

BATCH = 200  # events in one read
FALLBACK = 5.0  # seconds after which a subscriber looks although nothing woke it
GATHER = 0.02  # seconds after a wake, so that a burst of commits is one read
_event = cols(Event)
log = logging.getLogger(__name__)

Current = Callable[[], Awaitable[Catalog]]


class EventFeed:
    """Wakes subscribers of one process whenever something may have committed.

    One per process. Commits of the own process wake it from `start` on, those of other processes by
    the one watcher it runs. It carries no events, so that a wake too many does no harm.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = 0
        self._waiting: set[asyncio.Future[None]] = set()
        self._listeners: list[Callable[[], None]] = []
        self._deaf: Callable[[], None] | None = None
        self._watcher: asyncio.Task[None] | None = None

    @property
    def turn(self) -> int:
        """A number that grows with each wake; take it before reading, then wait for another."""
        return self._turn

    def start(self, listener: Callable[[], None] | None = None) -> None:
        """Begin to listen, inside the event loop; `listener` is called at each wake as well."""
        if listener is not None:
            self._listeners.append(listener)
        if self._deaf is None:
            self._deaf = self._database.listen(self._committed)
            self._watcher = asyncio.create_task(self._database.watch(self.wake))
            self._watcher.add_done_callback(_ended)

    async def stop(self) -> None:
        """Stop listening and wake everybody a last time."""
        if self._deaf is not None:
            self._deaf()
            self._deaf = None
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        self.wake()

    def wake(self) -> None:
        """Tell everybody that there may be something new."""
        self._turn += 1
        for listener in self._listeners:
            listener()
        waiting, self._waiting = self._waiting, set()
        for one in waiting:
            if not one.done():
                one.set_result(None)

    async def wait(self, turn: int, seconds: float = FALLBACK) -> None:
        """Return once the turn is no longer this one, or after some seconds."""
        if self._turn != turn:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(woken)
        try:
            await asyncio.wait({woken}, timeout=seconds)
        finally:
            self._waiting.discard(woken)
            woken.cancel()

    def _committed(self, last_event: int) -> None:
        # A unit without events changed nothing that anybody is told of.
        if last_event:
            self.wake()


def _ended(watcher: asyncio.Task[None]) -> None:
    if not watcher.cancelled() and (error := watcher.exception()) is not None:
        log.error("commits of other processes are no longer watched: %s", error)


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in order; `cursor` is the number of the last one looked at, seen or not."""

    events: tuple[Event, ...]
    cursor: int


class Events:
    """Reading events as one actor."""

    def __init__(self, feed: EventFeed, catalog: Catalog) -> None:
        self._feed = feed
        self._catalog = catalog

    async def latest(self) -> int:
        """Return the number of the newest event of the hub, 0 if there never was one."""
        newest = select(_event.id).order_by(_event.id.desc()).limit(1).scalar_subquery()
        # Inside a subquery no rule applies: the number tells nothing but that something happened.
        ((number,),) = await self._catalog.rows(select(newest))
        return int(number or 0)

    async def read(
        self,
        after: int,
        *,
        kinds: Collection[str] = (),
        nouns: Collection[str] = (),
        image_id: int | None = None,
        project_id: int | None = None,
        most: int = BATCH,
    ) -> Batch:
        """Return the visible events after a number that fit, at most `most`. Two statements.

        Empty `kinds` or `nouns` mean all. Events are numbered in commit order, so none appears
        later behind the cursor that is returned.
        """
        last = await self.latest()
        if last <= after:
            return Batch((), after)
        statement = (
            self._catalog.select(Event)
            .where(_event.id > after, _event.id <= last)
            .order_by(_event.id)
            .limit(most)
        )
        if kinds:
            statement = statement.where(_event.kind.in_(sorted(kinds)))
        if nouns:
            statement = statement.where(_event.target_type.in_(sorted(nouns)))
        if image_id is not None:
            statement = statement.where(_event.image_id == image_id)
        if project_id is not None:
            statement = statement.where(_event.project_id == project_id)
        found = tuple(await self._catalog.all(Event, statement))
        return Batch(found, found[-1].id if len(found) == most else last)

    async def changes(
        self,
        *,
        after: int | None = None,
        kinds: Collection[str] = (),
        nouns: Collection[str] = (),
        image_id: int | None = None,
        project_id: int | None = None,
        current: Current | None = None,
    ) -> AsyncIterator[Event]:
        """Give each visible event that fits once, in order: after a number, or from now on.

        `current` gives the catalog to read with, before each read, so that what was permitted or
        forbidden meanwhile counts; without it the one at the start is kept. Raises Invalid for a
        number beyond the newest event.
        """
        newest = await self.latest()
        cursor = newest if after is None else after
        if not 0 <= cursor <= newest:
            raise Invalid("after", f"the newest event is number {newest}; {cursor} is none so far.")
        while True:
            turn = self._feed.turn
            mine = self if current is None else Events(self._feed, await current())
            batch = await mine.read(
                cursor, kinds=kinds, nouns=nouns, image_id=image_id, project_id=project_id
            )
            for event in batch.events:
                yield event
            waiting = batch.cursor == cursor
            cursor = batch.cursor
            if waiting:
                await self._feed.wait(turn)
                await asyncio.sleep(GATHER)
