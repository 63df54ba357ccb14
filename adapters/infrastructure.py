"""What services need besides rows: pixels, files, worker threads, limits. One per process."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ParamSpec, TypeVar

from adapters.events import EventFeed
from store.engine import Database
from store.files import FileStore
from store.pixels.zarr import ZarrPixelStore
from store.presence import Presence
from store.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="pixels")


def _slow_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(2, os.cpu_count() or 2), thread_name_prefix="files")


@dataclass(frozen=True, slots=True)
class Infrastructure:
    """The process's stores and its bounded pools of threads.

    `threads` serve what somebody waits for in front of a screen; `slow` is for whole files, which
    take minutes, so that a few downloads never hold up the tiles.
    """

    settings: Settings
    database: Database
    pixels: ZarrPixelStore
    files: FileStore
    threads: ThreadPoolExecutor = field(default_factory=_threads)
    slow: ThreadPoolExecutor = field(default_factory=_slow_threads)
    presence: Presence | None = None
    background: set[asyncio.Task[None]] = field(default_factory=set)
    feed: EventFeed = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "feed", EventFeed(self.database))

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that reads, computes or encodes, off the event loop."""
        call = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.threads, call)

    async def run_long(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a function that works through a whole file; further ones wait for their turn."""
        call = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self.slow, call)

    def later(self, work: Coroutine[Any, Any, None]) -> None:
        """Go on with something that nobody waits for; closing stops it."""
        task = asyncio.get_running_loop().create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def close(self) -> None:
        """End what runs, the threads and the database connections, and leave the data folder."""
        running = list(self.background)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self.feed.stop()
        await self.database.close()
        self.threads.shutdown(wait=True, cancel_futures=True)
        self.slow.shutdown(wait=True, cancel_futures=True)
        if self.presence is not None:
            self.presence.close()
