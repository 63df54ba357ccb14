"""Answers remembered for five seconds at most: a tile must not cost two statements.

Everything is forgotten as soon as a unit of work commits, here at once and for other processes when
their events arrive; the age is the bound for what no event tells. Writes never ask this cache.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

TTL = 5.0  # seconds
SIZE = 4096


class VerdictCache:
    """A bounded map from a question to its answer."""

    def __init__(self, ttl: float = TTL, size: int = SIZE) -> None:
        self._ttl = ttl
        self._size = size
        self._known: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def get(self, key: Hashable) -> Any | None:
        """Return the answer, or None if it is unknown or too old."""
        found = self._known.get(key)
        if found is None:
            return None
        at, value = found
        if time.monotonic() - at > self._ttl:
            del self._known[key]
            return None
        return value

    def put(self, key: Hashable, value: Any) -> None:
        """Remember an answer; the oldest one makes room."""
        self._known[key] = (time.monotonic(), value)
        self._known.move_to_end(key)
        if len(self._known) > self._size:
            self._known.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        self._known.clear()
