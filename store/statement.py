"""Columns of a table class, for building statements.

Table classes type their attributes as plain values (``name: str``), which is what readers of rows
want; a statement wants columns. `cols` gives those, so that no statement needs a cast.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import Table
from sqlmodel import SQLModel


def table(noun: type[SQLModel]) -> Table:
    """Return the table of a table class."""
    return cast(Table, noun.__table__)  # type: ignore[attr-defined]  # set by the metaclass


def cols(noun: type[SQLModel]) -> Any:
    """Return the columns of a table class, by attribute."""
    return table(noun).c


def key(noun: type[SQLModel]) -> Any:
    """Return the column that identifies a row: its id, or the image it describes."""
    columns = cols(noun)
    return columns.id if "id" in columns else columns.image_id


def word(noun: type[SQLModel]) -> str:
    """Return the plain word of a noun: ``roi``, ``dataset_image``."""
    return table(noun).name.rstrip("_")
