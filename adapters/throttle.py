"""Slowing down whoever guesses passwords, at every door alike.

Failures are counted per user name and network address, so that a stranger elsewhere cannot lock an
account's owner out. Attempts under one key take turns: a burst of parallel guesses counts as so
many guesses, while a script that signs in many times at once with the right password only waits a
little. Counts live in the memory of one server process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from store.errors import Throttled

WAITING = 32  # attempts in line under one key


class Attempt:
    """Failures under one key; `succeeded` forgets them."""

    def __init__(self) -> None:
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.failures: list[float] = []

    def succeeded(self) -> None:
        """Forget the failures: the password was right."""
        self.failures.clear()


class Throttle:
    """`free` failures within `window` seconds cost nothing; each further one doubles the delay.

    The delay starts at `first` seconds and stays below `longest`. At most `size` keys are kept,
    the least recently used are dropped.
    """

    def __init__(
        self,
        *,
        free: int = 5,
        window: float = 900.0,
        first: float = 1.0,
        longest: float = 300.0,
        size: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free = free
        self._window = window
        self._first = first
        self._longest = longest
        self._size = size
        self._clock = clock
        self._attempts: OrderedDict[tuple[str, str], Attempt] = OrderedDict()

    @property
    def kept(self) -> int:
        """How many keys are remembered at this moment."""
        return len(self._attempts)

    @asynccontextmanager
    async def attempt(self, username: str, address: str) -> AsyncIterator[Attempt]:
        """Hold the turn for one try, which counts as failed unless `succeeded` is called.

        Raises Throttled, without any try, while the delay lasts or when too many stand in line.
        """
        attempt = self._of(username, address)
        if attempt.waiting >= WAITING:
            raise Throttled("sign-ins at once", 2)
        attempt.waiting += 1
        try:
            async with attempt.turn:
                self._refuse_early(attempt)
                attempt.failures.append(self._clock())
                yield attempt
        finally:
            attempt.waiting -= 1
            if not attempt.failures and not attempt.waiting:
                self._forget(username, address, attempt)

    def _of(self, username: str, address: str) -> Attempt:
        key = (username.casefold()[:255], network(address))
        attempt = self._attempts.setdefault(key, Attempt())
        self._attempts.move_to_end(key)
        while len(self._attempts) > self._size:
            self._attempts.popitem(last=False)
        return attempt

    def _forget(self, username: str, address: str, attempt: Attempt) -> None:
        key = (username.casefold()[:255], network(address))
        if self._attempts.get(key) is attempt:
            del self._attempts[key]

    def _refuse_early(self, attempt: Attempt) -> None:
        now = self._clock()
        attempt.failures = [at for at in attempt.failures if at > now - self._window]
        beyond = len(attempt.failures) - self._free
        if beyond < 0:
            return
        delay = min(self._first * 2.0 ** min(beyond, 60), self._longest)
        left = attempt.failures[-1] + delay - now
        if left > 0:
            raise Throttled("failed sign-ins", math.ceil(left))


def network(address: str) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
