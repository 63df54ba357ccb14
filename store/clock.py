"""Time as the store keeps it: whole milliseconds since 1970 in UTC."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Return the present moment in milliseconds UTC."""
    return time.time_ns() // 1_000_000
