"""Keyset pages: which slice of an ordered list is asked for, and what comes back.

A page starts after the order values of a row, never at an offset, so that page 900 costs what page
1 costs and a row inserted meanwhile neither repeats nor hides another. The last order key must be
unique (the id) and no order column may be NULL: comparing with NULL is neither true nor false and
would drop rows, so nullable columns are ordered by a `coalesce`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_

Row = TypeVar("Row")
Value = int | str | float
Position = tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class OrderKey:
    """One column of an ordering; `name` is also the attribute of the row that holds the value."""

    name: str
    kind: type[Value]
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Keyset:
    """At most `limit` rows after (or, backward, before) `position` in `order`.

    `position` holds one value per order key; None starts at the first (backward: the last) row.
    """

    order: tuple[OrderKey, ...]
    limit: int
    position: Position | None = None
    backward: bool = False

    def position_of(self, row: Any) -> Position:
        """Return the order values of a row, read from its attributes of the keys' names."""
        return tuple(getattr(row, key.name) for key in self.order)


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows in the asked order, and whether more lie on either side.

    `keyset` and `position_of` let the edge make a cursor for any row without asking again.
    """

    rows: Sequence[Row]
    has_next: bool
    has_previous: bool
    keyset: Keyset
    position_of: Callable[[Row], Position] = field(repr=False)


def apply_keyset(statement: Select[Any], columns: Mapping[str, Any], keyset: Keyset) -> Select[Any]:
    """Return the statement limited to the keyset and one row more, which tells whether more follow.

    `columns` maps each order key's name to its SQL expression. Backward pages come in reverse;
    `finish_page` turns them round.
    """
    ordered = [_expression(columns, key) for key in keyset.order]
    if keyset.position is not None:
        statement = statement.where(_beyond(ordered, keyset))
    return statement.order_by(None).order_by(*_directions(ordered, keyset)).limit(keyset.limit + 1)


def finish_page(
    rows: Sequence[Row],
    keyset: Keyset,
    position_of: Callable[[Row], Position] | None = None,
) -> Page[Row]:
    """Turn what `apply_keyset` fetched into a page: drop the extra row, restore the order.

    The row at the cursor counts as a neighbour: a page fetched after it has a previous page.
    `position_of` is needed only where order values are not attributes of the rows.
    """
    more = len(rows) > keyset.limit
    kept = list(rows[: keyset.limit])
    started = keyset.position is not None
    if keyset.backward:
        kept.reverse()
    return Page(
        rows=kept,
        has_next=started if keyset.backward else more,
        has_previous=more if keyset.backward else started,
        keyset=keyset,
        position_of=position_of or keyset.position_of,
    )


def apply_keyset_per_parent(
    statement: Select[Any], parent: Any, columns: Mapping[str, Any], keyset: Keyset
) -> Select[Any]:
    """Return one statement that fetches the same keyset of each parent's children.

    `statement` selects plain columns with distinct names; a column ``parent_id`` holding `parent`
    is added. Rows are ordered by parent and then by the keyset; `finish_pages` splits them.
    """
    ordered = [_expression(columns, key) for key in keyset.order]
    if keyset.position is not None:
        statement = statement.where(_beyond(ordered, keyset))
    place = func.row_number().over(partition_by=parent, order_by=_directions(ordered, keyset))
    inner = statement.order_by(None).add_columns(
        _element(parent).label("parent_id"), place.label("place_in_parent")
    )
    ranked = inner.subquery()
    kept = [column for column in ranked.c if column.key != "place_in_parent"]
    return (
        select(*kept)
        .where(ranked.c.place_in_parent <= keyset.limit + 1)
        .order_by(ranked.c.parent_id, ranked.c.place_in_parent)
    )


def finish_pages(
    rows: Iterable[Row],
    keyset: Keyset,
    position_of: Callable[[Row], Position] | None = None,
) -> dict[int, Page[Row]]:
    """Split what `apply_keyset_per_parent` fetched into one page per parent that has children."""
    by_parent: dict[int, list[Row]] = {}
    for row in rows:
        by_parent.setdefault(row.parent_id, []).append(row)  # type: ignore[attr-defined]  # added above
    return {
        parent: finish_page(children, keyset, position_of) for parent, children in by_parent.items()
    }


def empty_page(keyset: Keyset) -> Page[Any]:
    """Return the page of a parent without children."""
    return finish_page([], keyset)


def _element(expression: Any) -> ColumnElement[Any]:
    if hasattr(expression, "__clause_element__"):
        expression = expression.__clause_element__()
    element: ColumnElement[Any] = expression
    return element


def _expression(columns: Mapping[str, Any], key: OrderKey) -> ColumnElement[Any]:
    return _element(columns[key.name])


def _directions(ordered: Sequence[ColumnElement[Any]], keyset: Keyset) -> list[ColumnElement[Any]]:
    return [
        column.desc() if key.descending != keyset.backward else column.asc()
        for column, key in zip(ordered, keyset.order, strict=True)
    ]


def _beyond(ordered: Sequence[ColumnElement[Any]], keyset: Keyset) -> ColumnElement[bool]:
    """Compare the order columns with the position.

    One direction throughout is a row-value comparison, which both databases answer from an index;
    mixed directions become the equivalent chain of ORs behind a plain bound on the first column.
    """
    position = keyset.position or ()
    values = [literal(value, column.type) for column, value in zip(ordered, position, strict=True)]
    down = [key.descending != keyset.backward for key in keyset.order]
    if len(ordered) == 1:
        return ordered[0] < values[0] if down[0] else ordered[0] > values[0]
    if len(set(down)) == 1:
        here, there = tuple_(*ordered), tuple_(*values)
        return here < there if down[0] else here > there
    chain = []
    for index in range(len(ordered)):
        equal = [ordered[i] == values[i] for i in range(index)]
        past = ordered[index] < values[index] if down[index] else ordered[index] > values[index]
        chain.append(and_(*equal, past))
    bound = ordered[0] <= values[0] if down[0] else ordered[0] >= values[0]
    return and_(bound, or_(*chain))
