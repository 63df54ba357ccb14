"""How a long call says how far it is; whoever runs the operation decides who hears it.

Most operations never need this: the runner counts planes and tiles. It is for one call that takes
minutes, and it does nothing where nobody listens.
"""

from __future__ import annotations

from collections.abc import Callable

Listener = Callable[[float], None]
_listeners: list[Listener] = []


def report(done: float, total: float = 1.0) -> None:
    """Say that `done` of `total` of the present call is done, in any unit."""
    if _listeners and total > 0:
        _listeners[-1](min(1.0, max(0.0, done / total)))


def listen(listener: Listener) -> None:
    """Hear what is reported in this process from now on."""
    _listeners[:] = [listener]
