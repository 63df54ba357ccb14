"""Laws of keyset pages: cursors come back as they went, and pages put together are the list."""

import base64
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from resolvers.paging import read_cursor, to_keyset, write_cursor
from schema.paging import PageArguments
from store.errors import Invalid
from store.paging import (
    Keyset,
    OrderKey,
    apply_keyset,
    apply_keyset_per_parent,
    finish_page,
    finish_pages,
)

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("parent", sa.BigInteger, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.Float, nullable=False),
)
KINDS: dict[str, type[Any]] = {"name": str, "size": float, "parent": int}

texts = st.text(st.sampled_from('aBz09 _-é\u0001\u2028ß"\\😀'), max_size=8)
whole = st.integers(-(2**63), 2**63 - 1)
real = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def orders(draw: st.DrawFn) -> tuple[OrderKey, ...]:
    names = draw(st.lists(st.sampled_from(sorted(KINDS)), unique=True, max_size=3))
    keys = [OrderKey(name, KINDS[name], draw(st.booleans())) for name in names]
    return (*keys, OrderKey("id", int, draw(st.booleans())))


@st.composite
def positions(draw: st.DrawFn) -> tuple[tuple[OrderKey, ...], tuple[Any, ...]]:
    order = draw(orders())
    values = {str: texts, float: real, int: whole}
    return order, tuple(draw(values[key.kind]) for key in order)


@given(positions())
def test_a_cursor_returns_the_position_it_was_made_of(
    made: tuple[tuple[OrderKey, ...], tuple[Any, ...]],
) -> None:
    order, position = made
    cursor = write_cursor(position, order)
    assert cursor.isascii()
    assert read_cursor(cursor, order, "after") == position


@given(positions(), orders())
def test_a_cursor_of_another_order_is_refused(
    made: tuple[tuple[OrderKey, ...], tuple[Any, ...]], other: tuple[OrderKey, ...]
) -> None:
    order, position = made
    if order != other:
        with pytest.raises(Invalid) as refused:
            read_cursor(write_cursor(position, order), other, "before")
        assert refused.value.field == "before"


@given(positions(), st.data())
def test_a_cursor_with_a_character_changed_is_refused(
    made: tuple[tuple[OrderKey, ...], tuple[Any, ...]], data: st.DataObject
) -> None:
    order, position = made
    cursor = write_cursor(position, order)
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("ABCDefgh0189-_"))
    edited = cursor[:place] + letter + cursor[place + 1 :]
    if _bytes(edited) != _bytes(cursor):
        with pytest.raises(Invalid):
            read_cursor(edited, order, "after")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        read_cursor(text, (OrderKey("id", int),), "after")


rows_of_things = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(["", "a", "B", "b", "é", "zz", "😀"]),
        st.sampled_from([-1.5, 0.0, 2.25]),
    ),
    max_size=14,
)


def stored(rows: Sequence[tuple[int, str, float]]) -> sa.Connection:
    connection = sa.create_engine("sqlite://").connect()
    METADATA.create_all(connection)
    if rows:
        values = [
            {"id": n + 1, "parent": parent, "name": name, "size": size}
            for n, (parent, name, size) in enumerate(rows)
        ]
        connection.execute(THINGS.insert(), values)
    return connection


def in_order(rows: Sequence[Any], order: tuple[OrderKey, ...]) -> list[int]:
    """Sort as SQL would, by stable sorts from the last key to the first."""
    sorted_rows = list(rows)
    for key in reversed(order):
        sorted_rows.sort(key=lambda row: getattr(row, key.name), reverse=key.descending)
    return [row.id for row in sorted_rows]


@settings(max_examples=60, deadline=None)
@given(rows_of_things, orders(), st.integers(1, 5), st.booleans())
def test_pages_put_together_are_the_whole_list_either_way(
    rows: list[tuple[int, str, float]],
    order: tuple[OrderKey, ...],
    limit: int,
    backward: bool,
) -> None:
    with stored(rows) as connection:
        whole_list = in_order(connection.execute(sa.select(THINGS)).all(), order)
        walked: list[int] = []
        cursor: str | None = None
        for number in range(len(rows) + 1):
            asked = (
                PageArguments(last=limit, before=cursor)
                if backward
                else PageArguments(first=limit, after=cursor)
            )
            keyset = to_keyset(asked, order)
            found = connection.execute(apply_keyset(sa.select(THINGS), THINGS.c, keyset)).all()
            page = finish_page(found, keyset)
            ids = [row.id for row in page.rows]
            walked = ids + walked if backward else walked + ids
            behind, ahead = (
                (page.has_next, page.has_previous)
                if backward
                else (page.has_previous, page.has_next)
            )
            assert behind is (number > 0)
            assert ahead is (len(walked) < len(rows))
            if not ahead:
                break
            edge = page.rows[0 if backward else -1]
            cursor = write_cursor(page.position_of(edge), order)
    assert walked == whole_list


@settings(max_examples=60, deadline=None)
@given(rows_of_things, orders(), st.integers(0, 4), st.booleans(), st.data())
def test_one_statement_pages_every_parent_as_each_alone_would(
    rows: list[tuple[int, str, float]],
    order: tuple[OrderKey, ...],
    limit: int,
    backward: bool,
    data: st.DataObject,
) -> None:
    with stored(rows) as connection:
        every = connection.execute(sa.select(THINGS)).all()
        start = data.draw(st.sampled_from([None, *every]))
        position = None
        if start is not None:
            position = tuple(getattr(start, key.name) for key in order)
        keyset = Keyset(order, limit, position, backward)
        together = finish_pages(
            connection.execute(
                apply_keyset_per_parent(sa.select(THINGS), THINGS.c.parent, THINGS.c, keyset)
            ).all(),
            keyset,
        )
        for parent in range(3):
            mine = sa.select(THINGS).where(THINGS.c.parent == parent)
            alone = finish_page(
                connection.execute(apply_keyset(mine, THINGS.c, keyset)).all(), keyset
            )
            if parent not in together:
                assert not alone.rows
                assert not alone.has_next or backward or limit == 0
                continue
            assert [row.id for row in together[parent].rows] == [row.id for row in alone.rows]
            assert together[parent].has_next == alone.has_next
            assert together[parent].has_previous == alone.has_previous
