"""Who has a data folder open: a shared lock for every process that may write, dropped at its death.

What a writer began is rubbish only once nobody writes. Times of files answer that badly, the kernel
answers it exactly: it takes the lock away from a killed process at once, also from one elsewhere on
a network file system.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.disk import disk_errors

LOCK_FILE = ".open"


class Presence:
    """One process's share in a data folder, until `close`."""

    def __init__(self, folder: Path) -> None:
        self._handle: int | None = _opened(folder)
        # Waits only for somebody who is alone and clears up, for as long as that takes.
        fcntl.flock(self._handle, fcntl.LOCK_SH)

    def close(self) -> None:
        """Leave the folder; safe to call twice."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


@contextmanager
def alone(folder: Path) -> Iterator[bool]:
    """Tell whether no other process has the folder open; if so, none can open it in this block."""
    handle = _opened(folder)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)


def _opened(folder: Path) -> int:
    with disk_errors(str(folder)):
        return os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
