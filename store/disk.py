"""Durable files: flushing, atomic renames and disk errors in words.

`os.fsync` is called once per file when a piece of work is finished, not while it is written; the
rename that publishes the work comes after, so a crash in between leaves only unnamed leftovers.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from store.errors import Unavailable

_FLUSHING = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def disk_errors(place: str) -> Iterator[None]:
    """Turn a full or read-only disk into `Unavailable`; let every other error pass."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Unavailable(place, "the disk is full; free some space and try again") from error
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}:
            raise Unavailable(place, error.strerror or "the disk cannot be written") from error
        raise


def flush(path: Path) -> None:
    """Wait until a file's bytes, or a folder's entries, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def flush_tree(folder: Path) -> None:
    """Flush every file and folder below `folder`, and `folder` itself.

    Several at a time: the disk then commits them together, which took 0.35 s instead of 6 to 8 s
    for 1000 files in 2000 folders. Only after this returned is any of it named, so the order does
    not matter.
    """
    with ThreadPoolExecutor(_FLUSHING) as threads:
        paths = _everything_below(folder)
        while batch := list(islice(paths, 1000)):
            for _ in threads.map(flush, batch):
                pass


def _everything_below(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        here = Path(where)
        yield here
        yield from (here / name for name in names)


def publish(source: Path, target: Path) -> None:
    """Rename flushed work to its final name on the same disk, and flush both parents.

    Folders of `target` are made as needed and flushed up to the one that was there before.
    """
    made = _make_folders(target.parent)
    source.rename(target)
    flush(target.parent)
    flush(source.parent)
    for folder in made:
        flush(folder)


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it; silent if it is gone."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)


def size_of_tree(folder: Path) -> tuple[int, int]:
    """Return the number of files below a folder and their bytes."""
    count = size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            count += 1
            size += (Path(where) / name).lstat().st_size
    return count, size


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder; return the parents whose entries changed, nearest first."""
    changed: list[Path] = []
    missing = folder
    while not missing.exists():
        missing = missing.parent
        changed.append(missing)
    folder.mkdir(parents=True, exist_ok=True)
    return changed
