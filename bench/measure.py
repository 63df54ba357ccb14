"""What all benches share: taking turns, medians, rows with a verdict.

Contestants take turns on the same input in one process or through one pipe, so that a busy machine
disturbs all alike; ratios of medians are compared, never times of different runs.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

Row = dict[str, Any]
"""``name``, ``ratio`` (None if it could not be measured), ``limit``, ``note``.

A limit that is a number, or a text such as ``≤ 1.3``, is the greatest good ratio; ``≥ 5`` is the
least. None means that there is no goal.
"""
Work = Callable[[int], float]
"""Does the work of a round and returns how many milliseconds it took."""


def timed(work: Callable[[int], object]) -> Work:
    """Turn a function of the round's number into `Work`."""

    def measured(number: int) -> float:
        start = time.perf_counter()
        work(number)
        return (time.perf_counter() - start) * 1e3

    return measured


def awaited(runner: asyncio.Runner, work: Callable[[int], Awaitable[object]]) -> Work:
    """Turn an asynchronous function into `Work`; starting the event loop is not counted."""

    async def measured(number: int) -> float:
        start = time.perf_counter()
        await work(number)
        return (time.perf_counter() - start) * 1e3

    return lambda number: runner.run(measured(number))


def take_turns(works: Mapping[str, Work], rounds: int, warm: int = 10) -> dict[str, float]:
    """Return the median milliseconds of each work; the first `warm` rounds are not counted."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for number in range(warm + rounds):
        for name, work in works.items():
            elapsed = work(number)
            if number >= warm:
                times[name].append(elapsed)
    return {name: statistics.median(values) for name, values in times.items()}


def row(name: str, ratio: float | None, limit: float | str | None, note: str) -> Row:
    """Return one line of a bench's table."""
    return {"name": name, "ratio": ratio, "limit": limit, "note": note}


def not_installed(name: str, limit: float | str | None) -> Row:
    """Return the line of a comparison whose peer is missing."""
    return row(name, None, limit, "peer not installed: make bench-peers")


def limit_text(limit: float | str | None) -> str:
    """Return a limit as people read it; a plain number is an upper one."""
    return "" if limit is None else limit if isinstance(limit, str) else f"≤ {limit:g}"


def verdict(one: Row) -> str:
    """Return ``met``, ``missed``, ``not run``, or nothing where there is no goal."""
    ratio, limit = one["ratio"], limit_text(one["limit"])
    if ratio is None:
        return "not run"
    if not limit:
        return ""
    sign, bound = limit.split()
    good = ratio <= float(bound) if sign == "≤" else ratio >= float(bound)
    return "met" if good else "missed"


def show(rows: list[Row]) -> None:
    """Print rows as plain text, for a bench that is run by itself."""
    for one in rows:
        ratio = "-" if one["ratio"] is None else f"{one['ratio']:.2f}"
        print(f"{one['name']}: {ratio} {limit_text(one['limit'])} {verdict(one)}  {one['note']}")
