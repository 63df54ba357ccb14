"""Answers remembered for five seconds at most: a tile must not cost two statements.

Everything is forgotten as soon as a unit of work commits, here at once and for other processes when
their events arrive; the age is the bound for what no event tells. An answer that was being worked
out while the rules changed is used once and not kept. Writes never ask this cache, and what is
refused is never remembered.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from store.clock import now_ms

V = TypeVar("V")
TTL = 5.0  # seconds
SIZE = 4096

# Events about these nouns change who somebody is or what they may do.
POLICY_NOUNS = frozenset(
    {"user", "group", "membership", "user_role", "grant", "session", "token", "storage_member"}
)


class VerdictCache:
    """A bounded map from a question to its answer; belongs to one event loop."""

    def __init__(
        self, ttl: float = TTL, size: int = SIZE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ttl = ttl
        self._size = size
        self._clock = clock
        self._epoch = 0
        self._known: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._loading: dict[Hashable, asyncio.Task[Any]] = {}

    @property
    def kept(self) -> int:
        """How many answers are remembered, also those too old."""
        return len(self._known)

    @property
    def epoch(self) -> int:
        """A number that grows with each `clear`; read it before working an answer out."""
        return self._epoch

    def get(self, key: Hashable) -> Any | None:
        """Return the answer, or None if it is unknown or too old."""
        found = self._known.get(key)
        if found is None:
            return None
        until, value = found
        if self._clock() >= until:
            del self._known[key]
            return None
        self._known.move_to_end(key)
        return value

    def put(
        self, key: Hashable, value: Any, *, epoch: int | None = None, ttl: float | None = None
    ) -> None:
        """Remember an answer, unless the rules changed since `epoch`; the least used makes room.

        `ttl`, in seconds, only shortens the cache's own.
        """
        lasting = self._ttl if ttl is None else min(self._ttl, ttl)
        if lasting <= 0 or (epoch is not None and epoch != self._epoch):
            return
        self._known[key] = (self._clock() + lasting, value)
        self._known.move_to_end(key)
        while len(self._known) > self._size:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, also what is being worked out at this moment."""
        self._epoch += 1
        self._known.clear()
        self._loading.clear()

    async def remember(
        self, key: Hashable, load: Callable[[], Awaitable[tuple[V, int | None]]]
    ) -> V:
        """Return the answer of a key; callers that ask at the same moment share one `load`.

        `load` returns the answer and the moment (ms UTC) it ends at the latest, or None.
        """
        known: V | None = self.get(key)
        if known is not None:
            return known
        task = self._loading.get(key)
        if task is None:
            task = asyncio.create_task(self._load(key, load))
            self._loading[key] = task
            task.add_done_callback(lambda done: self._loaded(key, done))
        answer: V = await asyncio.shield(task)
        return answer

    async def _load(self, key: Hashable, load: Callable[[], Awaitable[tuple[V, int | None]]]) -> V:
        epoch = self._epoch
        value, ends_at = await load()
        ttl = None if ends_at is None else (ends_at - now_ms()) / 1000
        self.put(key, value, epoch=epoch, ttl=ttl)
        return value

    def _loaded(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        if self._loading.get(key) is task:
            del self._loading[key]
        if not task.cancelled():
            task.exception()  # Marks it as seen when every caller has left.
