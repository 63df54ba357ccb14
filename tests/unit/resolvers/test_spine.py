"""The GraphQL spine with a toy noun: shelves hold books, books may be hidden.

The classes below are the pattern that every noun follows; only the hub behind them is a list.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pytest
import strawberry

from resolvers.context import Context
from resolvers.hub_schema import HubSchema, merge
from resolvers.limits import Limits
from resolvers.loaders import Loaders, paged_relation, relation
from resolvers.mutations.base import given, mutation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.nodes import NodeQueries
from resolvers.streams import subscription
from schema.context import Info
from schema.nodes import Node
from schema.paging import After, Before, Connection, First, Last, OrderDirection, PageArguments
from schema.scalars import BigInt, decode_id, encode_id
from store.actor import Actor
from store.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from store.paging import Keyset, OrderKey, Page, finish_page


# schema/books.py
@strawberry.enum(description="What books may be ordered by.")
class BookOrderField(Enum):
    TITLE = "title"
    PAGES = "pages"


@strawberry.input(description="How to order books.")
class BookOrder:
    field: BookOrderField
    direction: OrderDirection = OrderDirection.ASC


@strawberry.input(description="Which books.")
class BookWhere:
    title_contains: str | None = strawberry.field(default=None, description="Part of the title.")


@strawberry.federation.type(keys=["id"], description="A book on a shelf.")
class Book(Node):
    shelf_key: strawberry.Private[int]
    title: str = strawberry.field(description="As printed.")
    pages: BigInt = strawberry.field(description="How many.")

    @classmethod
    def of(cls, row: "BookRow") -> "Book":
        """Return the book of a row."""
        return cls(key=row.id, shelf_key=row.shelf_id, title=row.title, pages=BigInt(row.pages))

    @strawberry.field(description="Where it stands; null if you may not see the shelf.")
    async def shelf(self, info: Info) -> "Shelf | None":
        found: Shelf | None = await info.context.loaders.spine_shelf_by_id.load(self.shelf_key)
        return found


@strawberry.federation.type(keys=["id"], description="A shelf.")
class Shelf(Node):
    name: str = strawberry.field(description="Painted on it.")

    @classmethod
    def of(cls, row: "ShelfRow") -> "Shelf":
        """Return the shelf of a row."""
        return cls(key=row.id, name=row.name)

    @strawberry.field(description="Its books.")
    async def books(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order_by: list[BookOrder] | None = None,
        where: BookWhere | None = None,
    ) -> Connection[Book]:
        page = PageArguments(first, after, last, before)
        found: Connection[Book] = await info.context.connect(
            "spine_books_of_shelf", self.key, page, order_by, where
        )
        return found


# resolvers/queries/books.py
BOOKS = Ordering(
    {
        BookOrderField.TITLE: OrderKey("title", str),
        BookOrderField.PAGES: OrderKey("pages", int),
    },
    default=(OrderKey("title", str),),
)


@relation(node=Shelf)
async def spine_shelf_by_id(hub: Any, keys: list[int]) -> Mapping[int, Shelf]:
    return {row.id: Shelf.of(row) for row in await hub.library.shelves_by_id(keys)}


@relation(node=Book)
async def spine_book_by_id(hub: Any, keys: list[int]) -> Mapping[int, Book]:
    return {row.id: Book.of(row) for row in await hub.library.books_by_id(keys)}


@paged_relation(Book.of, BOOKS)
async def spine_books_of_shelf(
    hub: Any, parents: list[int], keyset: Keyset, where: BookWhere | None
) -> Mapping[int, Page[Any]]:
    return await hub.library.books_of_shelves(parents, keyset, where)


@spine_books_of_shelf.counting
async def count_books(hub: Any, parents: list[int], where: BookWhere | None) -> Mapping[int, int]:
    return await hub.library.count_books(parents, where)


@strawberry.type
class BookQueries:
    @strawberry.field(description="One shelf.")
    async def shelf(self, info: Info, id: strawberry.ID) -> Shelf | None:
        return await one(info, id, Shelf)

    @strawberry.field(description="All shelves.")
    async def shelves(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Shelf]:
        keyset = to_keyset(PageArguments(first, after, last, before), (OrderKey("id", int),))
        library = info.context.hub.library
        return connection(await library.shelves(keyset), Shelf.of, library.count_shelves)

    @strawberry.field(description="Fails inside.")
    async def broken(self) -> int:
        raise RuntimeError("password=hunter2 at /secret/path.py")

    @strawberry.field(description="Never ready.")
    async def slow(self) -> int:
        await asyncio.sleep(30)
        return 1


# resolvers/mutations/books.py
@strawberry.input(description="A new or changed title.")
class RenameBookInput:
    id: strawberry.ID = strawberry.field(description="The book.")
    title: str | None = strawberry.field(default=strawberry.UNSET, description="Its new title.")


@strawberry.type(description="The renamed book.")
class RenameBookPayload:
    book: Book = strawberry.field(description="As it is now.")


@strawberry.type
class BookMutations:
    @mutation
    async def rename_book(self, info: Info, input: RenameBookInput) -> RenameBookPayload:
        """Give a book another title."""
        key = decode_id(input.id, "Book")
        row = await info.context.hub.library.change(key, **given(input, id=""))
        return RenameBookPayload(book=Book.of(row))


# resolvers/subscriptions.py
@strawberry.type
class BookSubscriptions:
    @subscription
    async def book_changed(self, info: Info, times: int) -> AsyncGenerator[Book, None]:
        """A book, whenever it changes."""
        for number in range(times):
            if number == 3:
                raise NotFound("Book", 99)
            row = await info.context.hub.library.change(11, title=f"Edition {number}")
            yield Book.of(row)


# adapters/library.py
@dataclass
class ShelfRow:
    id: int
    name: str


@dataclass
class BookRow:
    id: int
    shelf_id: int
    title: str
    pages: int


@dataclass
class Library:
    calls: list[str] = field(default_factory=list)
    shelf_rows: list[ShelfRow] = field(
        default_factory=lambda: [ShelfRow(id, f"Shelf {id}") for id in (1, 2, 3)]
    )
    book_rows: list[BookRow] = field(
        default_factory=lambda: [
            BookRow(shelf * 10 + n, shelf, f"Book {9 - n}", 2**40 + n)
            for shelf in (1, 2)
            for n in range(1, 6)
        ]
    )

    async def shelves_by_id(self, keys: list[int]) -> list[ShelfRow]:
        self.calls.append(f"shelves_by_id {sorted(keys)}")
        return [row for row in self.shelf_rows if row.id in keys]

    async def books_by_id(self, keys: list[int]) -> list[BookRow]:
        self.calls.append(f"books_by_id {sorted(keys)}")
        return [row for row in self.book_rows if row.id in keys]

    async def shelves(self, keyset: Keyset) -> Page[ShelfRow]:
        self.calls.append("shelves")
        return _page(self.shelf_rows, keyset)

    async def count_shelves(self) -> int:
        self.calls.append("count_shelves")
        return len(self.shelf_rows)

    def _matching(self, parent: int, where: BookWhere | None) -> list[BookRow]:
        wanted = (where and where.title_contains) or ""
        return [row for row in self.book_rows if row.shelf_id == parent and wanted in row.title]

    async def books_of_shelves(
        self, parents: list[int], keyset: Keyset, where: BookWhere | None
    ) -> dict[int, Page[BookRow]]:
        self.calls.append(f"books_of_shelves {parents}")
        pages = {parent: self._matching(parent, where) for parent in parents}
        return {parent: _page(rows, keyset) for parent, rows in pages.items() if rows}

    async def count_books(self, parents: list[int], where: BookWhere | None) -> dict[int, int]:
        self.calls.append(f"count_books {parents}")
        return {parent: len(self._matching(parent, where)) for parent in parents}

    async def change(self, key: int, **values: Any) -> BookRow:
        found = next((row for row in self.book_rows if row.id == key), None)
        if found is None:
            raise NotFound("Book", key)
        if values.get("title") == "":
            raise Invalid("title", "must not be empty.")
        if values.get("title") == "mine":
            raise Forbidden("rename", "Book", key)
        if values.get("title") == "taken":
            raise Conflict("The title is taken.", by=12)
        for name, value in values.items():
            setattr(found, name, value)
        return found


def _page(rows: list[Any], keyset: Keyset) -> Page[Any]:
    """Do in Python what a database does; keys here are ascending or descending throughout."""
    down = keyset.order[0].descending != keyset.backward
    ordered = sorted(rows, key=keyset.position_of, reverse=down)
    if keyset.position is not None:
        start = keyset.position
        ordered = [
            row
            for row in ordered
            if (keyset.position_of(row) < start if down else keyset.position_of(row) > start)
        ]
    return finish_page(ordered[: keyset.limit + 1], keyset)


@dataclass
class Hub:
    library: Library = field(default_factory=Library)


def make_schema(**limits: Any) -> HubSchema:
    return HubSchema(
        (NodeQueries, BookQueries), (BookMutations,), (BookSubscriptions,), limits=Limits(**limits)
    )


SCHEMA = make_schema()


@pytest.fixture
def context() -> Context:
    hub = Hub()
    return Context(request=None, hub=hub, actor=Actor.nobody(), request_id="r-7")


async def ask(context: Context, text: str, schema: HubSchema = SCHEMA, **variables: Any) -> Any:
    result = await schema.execute(text, variable_values=variables, context_value=context)
    return {
        "data": result.data,
        "errors": [error.formatted for error in result.errors or ()],
    }


async def test_a_list_and_its_children_take_one_statement_per_level(context: Context) -> None:
    answer = await ask(
        context, "{ shelves { nodes { name books(first: 2) { nodes { title shelf { name } } } } } }"
    )
    assert answer["errors"] == []
    assert [len(one["books"]["nodes"]) for one in answer["data"]["shelves"]["nodes"]] == [2, 2, 0]
    assert answer["data"]["shelves"]["nodes"][0]["books"]["nodes"] == [
        {"title": "Book 4", "shelf": {"name": "Shelf 1"}},
        {"title": "Book 5", "shelf": {"name": "Shelf 1"}},
    ]
    assert context.hub.library.calls == [
        "shelves",
        "books_of_shelves [1, 2, 3]",
        "shelves_by_id [1, 2]",
    ]


async def test_total_counts_of_siblings_are_one_statement_and_only_when_selected(
    context: Context,
) -> None:
    answer = await ask(
        context, "{ shelves { totalCount nodes { books(first: 1) { totalCount } } } }"
    )
    assert answer["data"]["shelves"]["totalCount"] == 3
    assert [one["books"]["totalCount"] for one in answer["data"]["shelves"]["nodes"]] == [5, 5, 0]
    assert context.hub.library.calls == [
        "shelves",
        "count_shelves",
        "books_of_shelves [1, 2, 3]",
        "count_books [1, 2, 3]",
    ]


async def test_fields_with_different_arguments_are_grouped_by_their_arguments(
    context: Context,
) -> None:
    await ask(
        context,
        """{ shelves { nodes {
            a: books(first: 1) { nodes { title } }
            b: books(first: 1) { nodes { title } }
            c: books(first: 1, where: {titleContains: "8"}) { nodes { title } }
        } } }""",
    )
    assert context.hub.library.calls == [
        "shelves",
        "books_of_shelves [1, 2, 3]",
        "books_of_shelves [1, 2, 3]",
    ]


async def test_edges_carry_cursors_that_continue_the_list_in_its_own_order(
    context: Context,
) -> None:
    query = """query ($shelf: ID!, $after: String) { shelf(id: $shelf) { books(
        first: 2, after: $after, orderBy: {field: PAGES, direction: DESC}
    ) { edges { cursor node { legacyId } } pageInfo { hasNextPage hasPreviousPage endCursor } } } }
    """
    seen: list[int] = []
    after, more = None, True
    while more:
        answer = await ask(context, query, shelf=encode_id("Shelf", 1), after=after)
        books = answer["data"]["shelf"]["books"]
        seen += [edge["node"]["legacyId"] for edge in books["edges"]]
        assert books["pageInfo"]["endCursor"] == books["edges"][-1]["cursor"]
        assert books["pageInfo"]["hasPreviousPage"] is (after is not None)
        after, more = books["pageInfo"]["endCursor"], books["pageInfo"]["hasNextPage"]
    assert seen == [15, 14, 13, 12, 11]


async def test_an_old_cursor_under_another_order_is_refused_by_name(context: Context) -> None:
    query = '{ shelf(id: "%s") { books(first: 1%s) { pageInfo { endCursor } } } }'
    shelf = encode_id("Shelf", 1)
    first = await ask(context, query % (shelf, ""))
    cursor = first["data"]["shelf"]["books"]["pageInfo"]["endCursor"]
    second = await ask(context, query % (shelf, f', after: "{cursor}", orderBy: {{field: PAGES}}'))
    assert second["errors"][0]["extensions"]["code"] == "invalid"
    assert second["errors"][0]["extensions"]["field"] == "after"
    assert second["errors"][0]["path"] == ["shelf", "books"]


async def test_nodes_of_any_kind_are_found_by_global_id(context: Context) -> None:
    ids = [encode_id("Book", 11), encode_id("Shelf", 2), encode_id("Book", 404)]
    answer = await ask(
        context,
        "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Book { title } } }",
        ids=ids,
    )
    assert answer["errors"] == []
    assert answer["data"]["nodes"] == [
        {"__typename": "Book", "id": ids[0], "title": "Book 8"},
        {"__typename": "Shelf", "id": ids[1]},
        None,
    ]
    assert sorted(context.hub.library.calls) == ["books_by_id [11, 404]", "shelves_by_id [2]"]


@pytest.mark.parametrize(
    ("id", "code", "words"),
    [
        (encode_id("Shelf", 404), "not_found", "no Shelf"),
        (encode_id("Book", 11), "invalid", "expected the id of a Shelf, found one of a Book"),
        ("42", "invalid", "is not an id of this hub"),
        ("", "invalid", "is not an id of this hub"),
    ],
)
async def test_a_wrong_id_is_a_precise_error_and_a_null(
    context: Context, id: str, code: str, words: str
) -> None:
    answer = await ask(context, "query ($id: ID!) { shelf(id: $id) { name } }", id=id)
    assert answer["data"] == {"shelf": None}
    assert answer["errors"][0]["extensions"]["code"] == code
    assert words in answer["errors"][0]["message"]


async def test_an_unexpected_exception_is_logged_and_shows_only_the_request_id(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(context, "{ broken }")
    assert answer["errors"][0]["message"] == "Internal error; the log has it as request r-7."
    assert answer["errors"][0]["extensions"] == {"code": "internal", "request_id": "r-7"}
    assert "hunter2" not in str(answer)
    assert "hunter2" in caplog.text


RENAME = """mutation ($id: ID!, $title: String) {
    renameBook(input: {id: $id, title: $title}) {
        __typename
        ... on RenameBookPayload { book { title shelf { name } } }
        ... on Error { message code }
        ... on InvalidError { field reason }
        ... on ConflictError { details }
        ... on ForbiddenError { action noun }
    }
}"""


async def test_a_mutation_answers_with_its_payload(context: Context) -> None:
    answer = await ask(context, RENAME, id=encode_id("Book", 12), title="New")
    assert answer["data"]["renameBook"] == {
        "__typename": "RenameBookPayload",
        "book": {"title": "New", "shelf": {"name": "Shelf 1"}},
    }


@pytest.mark.parametrize(
    ("id", "title", "expected"),
    [
        (("Book", 404), "x", {"__typename": "NotFoundError", "code": "not_found"}),
        (("Shelf", 1), "x", {"__typename": "InvalidError", "field": "id"}),
        (("Book", 11), "", {"field": "title", "reason": "must not be empty."}),
        (("Book", 11), "taken", {"__typename": "ConflictError", "details": {"by": 12}}),
        (("Book", 11), "mine", {"code": "forbidden", "action": "rename", "noun": "Book"}),
    ],
)
async def test_a_refused_mutation_answers_with_the_typed_error(
    context: Context, id: tuple[str, int], title: str, expected: dict[str, Any]
) -> None:
    answer = await ask(context, RENAME, id=encode_id(*id), title=title)
    assert answer["errors"] == []
    assert expected.items() <= answer["data"]["renameBook"].items()


async def test_a_field_left_out_is_not_a_null(context: Context) -> None:
    untouched = "mutation ($id: ID!) { renameBook(input: {id: $id}) { __typename } }"
    await ask(context, untouched, id=encode_id("Book", 12))
    assert context.hub.library.book_rows[1].title == "Book 7"
    await ask(context, RENAME, id=encode_id("Book", 12), title=None)
    assert context.hub.library.book_rows[1].title is None


async def test_the_second_mutation_of_a_request_sees_what_the_first_did(context: Context) -> None:
    answer = await ask(
        context,
        """mutation ($id: ID!) { a: renameBook(input: {id: $id, title: "A"}) { ...Shelf }
                                 b: renameBook(input: {id: $id, title: "B"}) { ...Shelf } }
        fragment Shelf on RenameBookPayload {
            book { shelf { books(where: {titleContains: "A"}) { totalCount } } } }""",
        id=encode_id("Book", 11),
    )
    totals = [part["book"]["shelf"]["books"]["totalCount"] for part in answer["data"].values()]
    assert totals == [1, 0]
    assert context.hub.library.calls.count("shelves_by_id [1]") == 2


async def test_a_subscription_loads_anew_for_each_event_and_ends_with_a_typed_error(
    context: Context,
) -> None:
    stream = await SCHEMA.stream(
        "subscription { bookChanged(times: 9) { title shelf { name } } }", context_value=context
    )
    results = [result async for result in stream]
    assert [one.data["bookChanged"]["title"] for one in results[:3]] == [
        "Edition 0",
        "Edition 1",
        "Edition 2",
    ]
    assert context.hub.library.calls == ["shelves_by_id [1]"] * 3
    assert results[3].errors[0].extensions["code"] == "not_found"
    assert len(results) == 4


async def test_a_revoked_credential_ends_a_subscription(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse() -> Context:
        raise Unauthenticated("The token was revoked.")

    monkeypatch.setattr("resolvers.streams.STANDING", -1.0)
    context.renewal = refuse
    stream = await SCHEMA.stream(
        "subscription { bookChanged(times: 2) { title } }", context_value=context
    )
    results = [result async for result in stream]
    assert len(results) == 1
    assert results[0].errors[0].message == "The token was revoked."
    assert results[0].errors[0].extensions == {"code": "unauthenticated"}


async def test_entities_of_a_gateway_pass_the_same_door_as_nodes(context: Context) -> None:
    query = """query ($them: [_Any!]!) { _entities(representations: $them) {
        ... on Book { title } ... on Shelf { name } } }"""
    them = [
        {"__typename": "Shelf", "id": encode_id("Shelf", 3)},
        {"__typename": "Book", "id": encode_id("Book", 404)},
        {"__typename": "Book", "id": encode_id("Book", 12)},
    ]
    answer = await ask(context, query, them=them)
    assert answer["data"]["_entities"] == [{"name": "Shelf 3"}, None, {"title": "Book 7"}]


@pytest.mark.parametrize(
    "representation",
    [
        {"__typename": "Book", "title": "forged", "key": 1, "shelf_key": 1, "pages": 1},
        {"__typename": "Book", "id": encode_id("Shelf", 1)},
        {"__typename": "PageInfo", "hasNextPage": True},
        {"id": encode_id("Book", 11)},
        {"__typename": "Nothing", "id": encode_id("Nothing", 1)},
        "Book",
    ],
)
async def test_a_forged_entity_is_refused(context: Context, representation: Any) -> None:
    query = "query ($r: [_Any!]!) { _entities(representations: $r) { ... on Book { title } } }"
    answer = await ask(context, query, r=[representation])
    assert answer["data"] is None
    assert answer["errors"][0]["extensions"]["code"] == "invalid"
    assert context.hub.library.calls == []


def test_the_subgraph_names_its_entities_and_their_keys() -> None:
    sdl = SCHEMA.as_str()
    assert 'type Book implements Node @key(fields: "id")' in sdl
    assert "union _Entity = Book | Shelf" in sdl
    assert "union RenameBookResult = RenameBookPayload | NotFoundError" in sdl
    assert "type BookConnection {" in sdl
    assert '@link(url: "https://specs.apollo.dev/federation/' in sdl


@pytest.mark.parametrize(
    ("query", "limits", "what"),
    [
        ("{ shelves { nodes { books { nodes { title } } } } }", {"depth": 4}, "levels deep"),
        ("{ a: broken b: broken c: broken }", {"aliases": 2}, "aliases"),
        ("{ a: broken b: broken c: broken }", {"root_fields": 2}, "fields at its root"),
        (
            "{ shelves(first: 500) { nodes { books(first: 500) { nodes { title } } } } }",
            {},
            "objects",
        ),
    ],
)
async def test_a_document_beyond_a_limit_is_refused_before_anything_runs(
    context: Context, query: str, limits: dict[str, int], what: str
) -> None:
    answer = await ask(context, query, make_schema(**limits))
    assert answer["data"] is None
    assert [error["extensions"]["what"] for error in answer["errors"]] == [what]
    assert answer["errors"][0]["extensions"]["code"] == "too_large"
    assert context.hub.library.calls == []


async def test_too_many_tokens_and_too_long_a_text_are_refused(context: Context) -> None:
    tokens = await ask(context, "{" + " broken" * 50 + "}", make_schema(tokens=40))
    assert tokens["errors"][0]["extensions"]["code"] == "syntax"
    assert "40 tokens" in tokens["errors"][0]["message"]
    text = await ask(context, "{ broken }" + " " * 100, make_schema(characters=50))
    assert "50" in text["errors"][0]["message"]


async def test_a_document_that_repeats_fields_to_wear_out_validation_is_refused(
    context: Context,
) -> None:
    parts = " books { nodes { title } }" * 500
    answer = await ask(context, "{ shelves { nodes {" + parts + "} } }")
    assert answer["errors"][0]["extensions"] == {"code": "too_large", "what": "repeated fields"}


async def test_an_operation_past_the_deadline_is_ended(context: Context) -> None:
    answer = await ask(context, "{ slow }", make_schema(seconds=0.05))
    assert answer["errors"][0]["extensions"] == {"code": "timeout", "seconds": 0.05}


async def test_introspection_is_allowed_within_the_limits(context: Context) -> None:
    from graphql import get_introspection_query

    answer = await ask(context, get_introspection_query())
    assert answer["errors"] == []
    names = {one["name"] for one in answer["data"]["__schema"]["types"]}
    assert {"Book", "BookConnection", "BookEdge", "PageInfo", "Error"} <= names


async def test_a_document_is_validated_once_but_its_cost_follows_the_variables(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = make_schema(objects=100)
    query = "query ($n: Int) { shelves(first: $n) { nodes { name } } }"
    assert (await ask(context, query, schema, n=10))["errors"] == []

    def fail(*_: Any) -> None:
        raise AssertionError("validated again")

    monkeypatch.setattr("resolvers.extensions.validate_document", fail)
    assert (await ask(context, query, schema, n=11))["errors"] == []
    refused = await ask(context, query, schema, n=101)
    assert refused["errors"][0]["extensions"]["found"] == 102


def test_two_parts_may_not_define_the_same_field() -> None:
    with pytest.raises(ValueError, match=r"Query\.node is in NodeQueries and NodeQueries"):
        merge("Query", (NodeQueries, NodeQueries))


def test_two_relations_may_not_share_a_name() -> None:
    async def spine_book_by_id(hub: Any, keys: list[int]) -> Mapping[int, Book]:
        return {}

    with pytest.raises(ValueError, match="two relations are named spine_book_by_id"):
        relation()(spine_book_by_id)


def test_an_unknown_relation_is_named() -> None:
    with pytest.raises(AttributeError, match="no relation is named boks"):
        _ = Loaders(Hub()).boks


def test_a_mutation_without_description_fails_at_import() -> None:
    async def rename(self: Any, info: Info) -> RenameBookPayload:
        raise AssertionError

    with pytest.raises(TypeError, match="no docstring"):
        mutation(rename)
