"""The four page arguments and the orderings, refused and accepted."""

from dataclasses import dataclass
from enum import Enum

import orjson
import pytest

from resolvers import paging
from resolvers.paging import Ordering, read_cursor, to_keyset, write_cursor
from schema.paging import OrderDirection, PageArguments
from store.errors import Invalid
from store.paging import Keyset, OrderKey

ID = (OrderKey("id", int),)
CURSOR = write_cursor((7,), ID)


@pytest.mark.parametrize(
    ("arguments", "keyset"),
    [
        ({}, Keyset(ID, 50)),
        ({"first": 0}, Keyset(ID, 0)),
        ({"first": 500, "after": CURSOR}, Keyset(ID, 500, (7,))),
        ({"last": 3}, Keyset(ID, 3, None, True)),
        ({"last": 3, "before": CURSOR}, Keyset(ID, 3, (7,), True)),
        ({"before": CURSOR}, Keyset(ID, 50, (7,), True)),
    ],
)
def test_arguments_become_a_slice(arguments: dict[str, object], keyset: Keyset) -> None:
    assert to_keyset(PageArguments(**arguments), ID) == keyset  # type: ignore[arg-type]  # mixed on purpose


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"first": 501}, "first"),
        ({"first": -1}, "first"),
        ({"last": 501}, "last"),
        ({"first": 1, "last": 1}, "first"),
        ({"after": CURSOR, "before": CURSOR}, "before"),
        ({"last": 1, "after": CURSOR}, "after"),
        ({"first": 1, "before": CURSOR}, "before"),
        ({"after": ""}, "after"),
        ({"before": CURSOR[:-2]}, "before"),
        ({"after": "A" * 100_000}, "after"),
    ],
)
def test_wrong_arguments_are_refused_by_name(arguments: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        to_keyset(PageArguments(**arguments), ID)  # type: ignore[arg-type]  # mixed on purpose
    assert refused.value.field == field


@pytest.mark.parametrize("value", [2**63, True, 1.0, "7", None, [7], "a\0b"])
def test_a_forged_cursor_with_a_value_the_database_would_refuse_is_refused(value: object) -> None:
    key = OrderKey("name", str) if value == "a\0b" else ID[0]
    body = (
        orjson.dumps([str(value)]).replace(b'"', b"") if value == 2**63 else orjson.dumps([value])
    )
    raw = paging._checksum(body, (key,)) + body
    text = paging.base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(Invalid):
        read_cursor(text, (key,), "after")


def test_a_null_order_value_is_a_mistake_in_the_program() -> None:
    with pytest.raises(ValueError, match="may not be NULL"):
        write_cursor((None,), ID)  # type: ignore[arg-type]  # the mistake


class By(Enum):
    NAME = 1
    SIZE = 2
    ID = 3


@dataclass
class Order:
    field: By
    direction: OrderDirection = OrderDirection.ASC


NAME, SIZE = OrderKey("name_key", str), OrderKey("size", float)
ORDERING = Ordering({By.NAME: NAME, By.SIZE: SIZE, By.ID: ID[0]}, default=(NAME,))
DOWN = OrderDirection.DESC


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        (None, (NAME, ID[0])),
        ([], (NAME, ID[0])),
        ([Order(By.SIZE, DOWN)], (OrderKey("size", float, True), OrderKey("id", int, True))),
        ([Order(By.SIZE, DOWN), Order(By.NAME)], (OrderKey("size", float, True), NAME, ID[0])),
        ([Order(By.ID, DOWN)], (OrderKey("id", int, True),)),
    ],
)
def test_the_id_makes_every_order_total(
    asked: list[Order] | None, order: tuple[OrderKey, ...]
) -> None:
    assert ORDERING.by(asked) == order


def test_a_field_named_twice_is_refused() -> None:
    with pytest.raises(Invalid, match="twice"):
        ORDERING.by([Order(By.NAME), Order(By.NAME, DOWN)])
