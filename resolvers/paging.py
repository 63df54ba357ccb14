"""Opaque cursors ↔ keyset pages.

A cursor holds the order values of one row and a checksum over them and the ordering. The checksum
is no secret (a cursor opens nothing: permissions are in the WHERE); it makes a cut or edited
cursor, and one from another ordering, a precise error instead of a wrong page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Protocol, TypeVar

import orjson

from schema.paging import Connection, OrderDirection, PageArguments
from store.errors import Invalid
from store.paging import Keyset, OrderKey, Page, Position, Value

Node = TypeVar("Node")

DEFAULT_PAGE = 50
LARGEST_PAGE = 500
_LONGEST_CURSOR = 4096
_DIGEST = 9


class OrderBy(Protocol):
    """An order input of any noun: `field` is one of its enum, `direction` is optional."""

    field: Any
    direction: OrderDirection


@dataclass(frozen=True)
class Ordering:
    """How a noun's list may be ordered: each enum member's order key, and what holds unasked.

    The id is appended as the last key of every ordering, so that it is total.
    """

    keys: Mapping[Enum, OrderKey]
    default: tuple[OrderKey, ...] = ()

    def by(self, order_by: Iterable[OrderBy] | None) -> tuple[OrderKey, ...]:
        """Return the order keys of a request; raises `Invalid` for a field named twice."""
        chosen = [
            replace(self.keys[one.field], descending=one.direction is OrderDirection.DESC)
            for one in order_by or ()
        ] or list(self.default)
        names = [key.name for key in chosen]
        if len(set(names)) < len(names):
            raise Invalid("orderBy", "a field is named twice; name each field once.")
        if "id" not in names:
            downwards = bool(chosen) and chosen[-1].descending
            chosen.append(OrderKey("id", int, downwards))
        return tuple(chosen)


def to_keyset(page: PageArguments, order: tuple[OrderKey, ...]) -> Keyset:
    """Return the slice the four arguments ask for.

    Raises `Invalid` for a size out of bounds, for `first` with `last`, for `after` with `before`,
    for a cursor against the direction, and for a cursor that is damaged or of another ordering.
    """
    if page.first is not None and page.last is not None:
        raise Invalid("first", "send either first or last, not both.")
    if page.after is not None and page.before is not None:
        raise Invalid("before", "send either after or before, not both.")
    backward = page.last is not None or page.before is not None
    if backward and page.after is not None:
        raise Invalid("after", "goes with first; to walk backwards send last and before.")
    if backward and page.first is not None:
        raise Invalid("before", "goes with last; to walk forwards send first and after.")
    name, size = ("last", page.last) if backward else ("first", page.first)
    text = page.before if backward else page.after
    position = None
    if text is not None:
        position = read_cursor(text, order, "before" if backward else "after")
    return Keyset(order, _size(name, size), position, backward)


def _size(name: str, size: int | None) -> int:
    if size is None:
        return DEFAULT_PAGE
    if not 0 <= size <= LARGEST_PAGE:
        raise Invalid(name, f"must be from 0 to {LARGEST_PAGE}, found {size}.")
    return size


def write_cursor(position: Position, order: Sequence[OrderKey]) -> str:
    """Return the cursor of the row with these order values."""
    if any(value is None for value in position):
        raise ValueError(f"order values may not be NULL: {order} {position}")
    body = orjson.dumps(list(position))
    return base64.urlsafe_b64encode(_checksum(body, order) + body).rstrip(b"=").decode()


def read_cursor(text: str, order: Sequence[OrderKey], field: str) -> Position:
    """Return the order values in a cursor; raises `Invalid` naming `field`."""
    raw = _raw(text)
    digest, body = raw[:_DIGEST], raw[_DIGEST:]
    if not body or digest != _checksum(body, order):
        raise Invalid(
            field,
            "is not a cursor of this list in this order; send one the list gave with the same "
            "orderBy, or leave it out to start anew.",
        )
    values: list[Any] = orjson.loads(body)
    if len(values) != len(order) or not all(map(_fits, values, order)):
        raise Invalid(field, "is not a cursor of this list.")
    return tuple(values)


def _raw(text: str) -> bytes:
    if len(text) > _LONGEST_CURSOR:
        return b""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _checksum(body: bytes, order: Sequence[OrderKey]) -> bytes:
    shape = ",".join(f"{'-' if key.descending else '+'}{key.name}" for key in order)
    return hashlib.blake2b(shape.encode() + b"\0" + body, digest_size=_DIGEST).digest()


def _fits(value: Value, key: OrderKey) -> bool:
    """Whether a database will take the value: of the key's kind, in range, storable as text."""
    if isinstance(value, bool):
        return False
    if key.kind is float:
        return isinstance(value, int | float) and math.isfinite(value)
    if not isinstance(value, key.kind):
        return False
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not (isinstance(value, str) and "\0" in value)


def connection(
    page: Page[Any], of: Callable[[Any], Node], count: Callable[[], Awaitable[int]]
) -> Connection[Node]:
    """Return a page of rows as a connection of schema objects.

    `of` turns one row into its type, `count` is awaited only if `totalCount` is selected.
    """
    order = page.keyset.order
    return Connection(
        nodes=[of(row) for row in page.rows],
        page=page,
        cursor_of=lambda row: write_cursor(page.position_of(row), order),
        count=count,
    )
