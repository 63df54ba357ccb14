"""Connections: how every list of the schema is paged, as the Relay specification describes.

Cursors and the total are made only when they are selected: a page of 500 rows whose cursors nobody
reads costs nothing beyond its rows, and a count is a statement of its own.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Generic, TypeAlias, TypeVar

import strawberry

from schema.scalars import BigInt
from store.paging import Page

T = TypeVar("T")

First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description="Take this many from the start, at most 500; 50 if left out."),
]
After: TypeAlias = Annotated[
    str | None, strawberry.argument(description="Start behind the object with this cursor.")
]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description="Take this many from the end, at most 500.")
]
Before: TypeAlias = Annotated[
    str | None, strawberry.argument(description="End before the object with this cursor.")
]


@dataclass(frozen=True, slots=True)
class PageArguments:
    """The four arguments of a list, as they were sent; `resolvers.paging` checks them."""

    first: int | None = None
    after: str | None = None
    last: int | None = None
    before: str | None = None


@strawberry.enum(description="Which way a list is ordered.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Smallest, earliest or A first.")
    DESC = strawberry.enum_value("DESC", description="Largest, latest or Z first.")


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more objects follow.")
    has_previous_page: bool = strawberry.field(description="Whether objects come before.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first object.")
    end_cursor: str | None = strawberry.field(
        description="The cursor of the last object; send it as `after` for the next page."
    )


@strawberry.type(description="An object and its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The place of this object in this ordering.")
    node: T = strawberry.field(description="The object.")


@strawberry.type(description="One page of a list.")
class Connection(Generic[T]):
    nodes: list[T] = strawberry.field(description="The objects of this page.")
    page: strawberry.Private[Page[Any]]
    cursor_of: strawberry.Private[Callable[[Any], str]]
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="The objects of this page, each with its cursor.")
    def edges(self) -> list[Edge[T]]:
        pairs = zip(self.nodes, self.page.rows, strict=True)
        return [Edge(cursor=self.cursor_of(row), node=node) for node, row in pairs]

    @strawberry.field(description="Where this page lies in the list.")
    def page_info(self) -> PageInfo:
        rows = self.page.rows
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_previous,
            start_cursor=self.cursor_of(rows[0]) if rows else None,
            end_cursor=self.cursor_of(rows[-1]) if rows else None,
        )

    @strawberry.field(
        description="How many objects the whole list holds for you. Counted when asked for."
    )
    async def total_count(self) -> BigInt:
        return BigInt(await self.count())
