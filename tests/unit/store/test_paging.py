"""Keyset pages on both databases: forward, backward, mixed directions, per parent."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from store.paging import (
    Keyset,
    OrderKey,
    Page,
    apply_keyset,
    apply_keyset_per_parent,
    empty_page,
    finish_page,
    finish_pages,
)

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
METADATA = sa.MetaData()
FRUIT = sa.Table(
    "fruit",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True),
    sa.Column("parent", sa.BigInteger, nullable=False),
    sa.Column("name", TEXT, nullable=False),
    sa.Column("size", sa.Float, nullable=False),
    sa.Column("eaten_at", sa.BigInteger, nullable=True),
)
ROWS = [
    {"id": id, "parent": parent, "name": name, "size": size, "eaten_at": eaten}
    for id, (parent, name, size, eaten) in enumerate(
        (
            (1, "b", 1.5, None),
            (1, "a", 1.5, 7),
            (2, "B", 0.0, None),
            (2, "é", 1.5, 3),
            (1, "a", 0.0, 2**40),
            (1, "b", 2.0, None),
            (3, "zz", 2.0, 5),
        ),
        start=2**33,
    )
]


@pytest.fixture
async def connection(empty_database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(empty_database_url)
    async with engine.connect() as made:
        await made.run_sync(METADATA.create_all)
        await made.execute(FRUIT.insert(), ROWS)
        yield made
    await engine.dispose()


def order_of(*names: str) -> tuple[OrderKey, ...]:
    kinds: dict[str, Any] = {"name": str, "size": float, "id": int, "eaten_at": int}
    return tuple(
        OrderKey(name.lstrip("-"), kinds[name.lstrip("-")], name.startswith("-")) for name in names
    )


def sorted_ids(order: tuple[OrderKey, ...], rows: list[dict[str, Any]]) -> list[int]:
    rows = list(rows)
    for key in reversed(order):
        rows.sort(key=lambda row: row[key.name], reverse=key.descending)
    return [row["id"] for row in rows]


ORDERS = [
    order_of(*(sign + name for sign, name in zip(signs, names, strict=True)))
    for names in (("id",), ("name", "id"), ("size", "name", "id"))
    for signs in product(("", "-"), repeat=len(names))
]


def ids(page: Page[Any]) -> list[int]:
    return [row.id for row in page.rows]


async def fetch(connection: AsyncConnection, keyset: Keyset) -> Page[Any]:
    found = await connection.execute(apply_keyset(sa.select(FRUIT), FRUIT.c, keyset))
    return finish_page(found.all(), keyset)


@pytest.mark.parametrize("backward", [False, True], ids=["forward", "backward"])
async def test_pages_walk_the_whole_list_in_every_order(
    connection: AsyncConnection, backward: bool
) -> None:
    for order in ORDERS:
        walked: list[int] = []
        position = None
        while True:
            page = await fetch(connection, Keyset(order, 3, position, backward))
            walked = ids(page) + walked if backward else walked + ids(page)
            if not (page.has_previous if backward else page.has_next):
                break
            position = page.position_of(page.rows[0 if backward else -1])
        assert walked == sorted_ids(order, ROWS), order


async def test_a_page_of_each_parent_comes_from_one_statement(connection: AsyncConnection) -> None:
    for order in ORDERS:
        keyset = Keyset(order, 2)
        statement = apply_keyset_per_parent(sa.select(FRUIT), FRUIT.c.parent, FRUIT.c, keyset)
        pages = finish_pages((await connection.execute(statement)).all(), keyset)
        for parent in (1, 2, 3):
            mine = sorted_ids(order, [row for row in ROWS if row["parent"] == parent])
            assert ids(pages[parent]) == mine[:2], order
            assert pages[parent].has_next is (len(mine) > 2)


async def test_a_nullable_column_is_ordered_by_its_coalesce(connection: AsyncConnection) -> None:
    eaten = sa.func.coalesce(FRUIT.c.eaten_at, -1)
    order = order_of("-eaten_at", "id")
    columns = {"eaten_at": eaten, "id": FRUIT.c.id}
    walked: list[int] = []
    position = None
    for _ in range(4):
        keyset = Keyset(order, 2, position)
        found = await connection.execute(apply_keyset(sa.select(FRUIT), columns, keyset))
        page = finish_page(
            found.all(), keyset, lambda row: (-1 if row.eaten_at is None else row.eaten_at, row.id)
        )
        walked += ids(page)
        position = page.position_of(page.rows[-1])
    by_hand = sorted(ROWS, key=lambda row: (-(row["eaten_at"] or -1), row["id"]))
    assert walked == [row["id"] for row in by_hand]


async def test_a_limit_of_zero_tells_only_whether_there_is_anything(
    connection: AsyncConnection,
) -> None:
    page = await fetch(connection, Keyset(order_of("id"), 0))
    assert (ids(page), page.has_next) == ([], True)
    assert empty_page(Keyset(order_of("id"), 0)).has_next is False
