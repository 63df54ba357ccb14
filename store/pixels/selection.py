"""What a caller asks of an image, checked: one range per axis, in samples of a level.

Slices must lie inside the level: a request beyond the edge is a mistake to be told, not to be
clipped. Only positive steps of 1 are known; an integer means one sample.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

from store.errors import Invalid


def checked_level(level: int, count: int) -> int:
    """Return a level number of a pyramid of `count` levels, or raise `Invalid`."""
    if not 0 <= level < count:
        raise Invalid("level", f"{level} was asked for, the pyramid has levels 0 to {count - 1}")
    return level


def index_range(axis: str, asked: slice | int, size: int) -> range:
    """Return the samples of one axis that are asked for, or raise `Invalid`."""
    if not isinstance(asked, slice):
        number = operator.index(asked)
        if not 0 <= number < size:
            raise Invalid(axis, f"{number} was asked for, there are {size} (0 to {size - 1})")
        return range(number, number + 1)
    start = 0 if asked.start is None else operator.index(asked.start)
    stop = size if asked.stop is None else operator.index(asked.stop)
    if asked.step not in (None, 1):
        raise Invalid(axis, f"steps of {asked.step} are not known, ask for a level instead")
    if not 0 <= start < stop <= size:
        raise Invalid(axis, f"{start}:{stop} was asked for, the range is 0:{size}")
    return range(start, stop)


def channel_list(asked: slice | int | Sequence[int], size: int) -> Sequence[int]:
    """Return the channels asked for, in the order asked for, or raise `Invalid`."""
    if isinstance(asked, Sequence):
        if not asked:
            raise Invalid("c", "an empty list was asked for")
        return [index_range("c", number, size).start for number in asked]
    return index_range("c", asked, size)
