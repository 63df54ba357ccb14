"""Columns that nobody has to give: sort keys follow from texts, creation times from the clock.

Names, user names and texts are sorted and found by a case-folded key beside them, made here in
Python because the two databases fold differently.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import SQLModel

from store.clock import now_ms
from store.statement import cols
from store.tables.columns import name_key

_KEYS = {"name": "name_key", "username": "username_key", "text": "text_key"}


def sort_keys(noun: type[SQLModel], values: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the sort keys that follow from these values, by column."""
    columns = cols(noun)
    return {
        column: None if values[text] is None else name_key(values[text])
        for text, column in _KEYS.items()
        if column in columns and text in values
    }


def completed(
    noun: type[SQLModel], names: Sequence[str], ids: range, rows: Sequence[Sequence[Any]]
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Return bulk columns and rows with ids, and with creation times and sort keys left out."""
    columns = cols(noun)
    stamp: tuple[Any, ...] = ()
    if "created_at" in columns and "created_at" not in names:
        names, stamp = (*names, "created_at"), (now_ms(),)
    texts = [
        (names.index(text) - 1, column)
        for text, column in _KEYS.items()
        if column in columns and text in names and column not in names
    ]
    if not texts:
        return tuple(names), [(id, *row, *stamp) for id, row in zip(ids, rows, strict=True)]
    made = [
        tuple(None if row[place] is None else name_key(row[place]) for place, _ in texts)
        for row in rows
    ]
    return (*names, *(column for _, column in texts)), [
        (id, *row, *stamp, *keys) for id, row, keys in zip(ids, rows, made, strict=True)
    ]


def light_records(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> Iterable[Any]:
    """Return bulk rows with their columns as attributes."""
    make: Any = namedtuple
    return map(make("Light", names)._make, rows)
