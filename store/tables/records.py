"""Rows of one table as read-only records: named tuples with the table's attributes.

An ORM instance costs about 70 µs to make, a tuple less than one; a page of 200 images is read far
more often than one image is changed. The fields of a record are looked up before the methods of
tuple, so that columns called `count` or `index` read the column.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, TypeVar, cast

from sqlmodel import SQLModel

N = TypeVar("N", bound=SQLModel)


@cache
def record_type(noun: type[SQLModel]) -> type[tuple[Any, ...]]:
    """Return the named tuple of a table: one field per column, in the table's order."""
    columns = [column.name for column in noun.__table__.columns]  # type: ignore[attr-defined]  # set by the mapper
    return namedtuple(noun.__name__, columns)


def records(rows: Iterable[Any], noun: type[N]) -> Sequence[N]:
    """Return the rows of ``select(noun.__table__)`` as records.

    They are typed as instances of the table class, whose attributes they have, but nothing can be
    set on them; a change goes through a unit of work.
    """
    make = record_type(noun)._make  # type: ignore[attr-defined]  # every named tuple has it
    return cast("Sequence[N]", [make(row) for row in rows])
