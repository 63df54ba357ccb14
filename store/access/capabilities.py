"""What may be done to a row, as a set of flags, and what each standing is worth.

The table of standings is the one in ``docs/permissions.md``. Capabilities of a row are the union of
what its group level, its owner and its grants give; a guest or a read-only token is capped at READ.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Can(IntFlag):
    """Capabilities of an actor towards one row."""

    NOTHING = 0
    READ = 1
    ANNOTATE = 2  # draw, tag, comment
    EDIT = 4
    DELETE = 8
    PLACE = 16  # link into containers
    SHARE = 32  # grant to others, move to another group

    ALL = READ | ANNOTATE | EDIT | DELETE | PLACE | SHARE


class Level(IntEnum):
    """How open a group is to its own members."""

    PRIVATE = 0
    READ_ONLY = 1
    READ_ANNOTATE = 2
    READ_WRITE = 3


MEMBER: dict[int, Can] = {
    Level.PRIVATE: Can.NOTHING,
    Level.READ_ONLY: Can.READ,
    Level.READ_ANNOTATE: Can.READ | Can.ANNOTATE,
    Level.READ_WRITE: Can.READ | Can.ANNOTATE | Can.EDIT | Can.DELETE | Can.PLACE,
}

GRANT: dict[str, Can] = {
    "read": Can.READ,
    "annotate": Can.READ | Can.ANNOTATE,
    "write": Can.READ | Can.ANNOTATE | Can.EDIT,
    "manage": Can.READ | Can.ANNOTATE | Can.EDIT,
}


def oversight(level: int) -> Can:
    """What a leader of the group, or an administrator, may do to rows of others."""
    kept = Can.READ | Can.EDIT | Can.DELETE | Can.SHARE
    return kept if level == Level.PRIVATE else kept | Can.ANNOTATE | Can.PLACE
