"""One filter tree for every dialect: what a list is narrowed to, free of wire formats.

A dialect parses its own parameters into `Condition`, `AllOf`, `AnyOf` and `Not`; `compiled` turns
the tree into a predicate over columns. Parts of a text are found in any case: by the folded key
where the column has one, else as far as the database folds letters (SQLite: A to Z only).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import ColumnElement, and_, not_, or_, true

from store.errors import Invalid
from store.tables.columns import name_key


@dataclass(frozen=True, slots=True)
class Condition:
    """One test: `op` is eq, ne, in, contains, starts_with, gt, gte, lt, lte or is_null."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; true when there is none."""

    parts: Sequence[Filter]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: Sequence[Filter]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


@dataclass(frozen=True, slots=True)
class Holds:
    """A predicate a service made itself: membership in a container, a tag, a region."""

    predicate: Any


Filter: TypeAlias = Condition | AllOf | AnyOf | Not | Holds

_OPERATORS = {
    "eq": lambda column, value: column == value,
    "ne": lambda column, value: column != value,
    "in": lambda column, value: column.in_(value),
    "gt": lambda column, value: column > value,
    "gte": lambda column, value: column >= value,
    "lt": lambda column, value: column < value,
    "lte": lambda column, value: column <= value,
    "is_null": lambda column, value: column.is_(None) if value else column.is_not(None),
    "contains": lambda column, value: column.contains(value, autoescape=True),
    "starts_with": lambda column, value: column.startswith(value, autoescape=True),
    "icontains": lambda column, value: column.icontains(value, autoescape=True),
    "istarts_with": lambda column, value: column.istartswith(value, autoescape=True),
}


def compiled(tree: Filter | None, columns: Mapping[str, Any]) -> ColumnElement[bool]:
    """Return the predicate of a tree over the columns of one noun.

    Raises `Invalid` for a field or an operator the noun does not have.
    """
    match tree:
        case None:
            return true()
        case Holds(predicate):
            element: ColumnElement[bool] = predicate
            return element
        case AllOf(parts):
            return and_(true(), *(compiled(part, columns) for part in parts))
        case AnyOf(parts):
            return or_(*(compiled(part, columns) for part in parts)) if parts else ~true()
        case Not(part):
            return not_(compiled(part, columns))
        case Condition(field, op, value):
            return _test(columns, field, op, value)


def _test(columns: Mapping[str, Any], field: str, op: str, value: Any) -> ColumnElement[bool]:
    if field not in columns:
        raise Invalid(f"where.{field}", "there is no such field to filter by.")
    if op not in _OPERATORS:
        raise Invalid(f"where.{field}", f"the test {op!r} is not known.")
    column = columns[field]
    if isinstance(value, str) and op in ("contains", "starts_with"):
        folded = f"{field}_key"
        if folded in columns:
            column, value = columns[folded], name_key(value)
        else:
            op = f"i{op}"
    element: ColumnElement[bool] = _OPERATORS[op](column, value)
    return element
