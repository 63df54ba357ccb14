"""What documents amount to, counted by hand."""

import time

import pytest
from graphql import build_schema, parse

from resolvers.limits import Limits, cost, shape_errors

SCHEMA = build_schema("""
    type Query {
        images(first: Int, last: Int): ImageConnection!
        image: Image
        nodes(ids: [ID!]!): [Node]!
    }
    type ImageConnection { nodes: [Image!]! edges: [ImageEdge!]! pageInfo: PageInfo! total: Int }
    type ImageEdge { cursor: String! node: Image! }
    type PageInfo { more: Boolean }
    interface Node { id: ID! }
    type Image implements Node {
        id: ID! channels: [Channel!]! images(first: Int): ImageConnection!
    }
    type Channel { label: String }
    type Mutation { drop: Image }
""")


@pytest.mark.parametrize(
    ("text", "variables", "objects"),
    [
        ("{ image { id } }", {}, 1),
        ("{ images { total } }", {}, 1),
        ("{ images { nodes { id } } }", {}, 1 + 50),
        ("{ images(first: 7) { nodes { id } pageInfo { more } } }", {}, 1 + 7),
        ("{ images(last: 7) { nodes { id } } }", {}, 1 + 7),
        ("{ images(first: 7) { edges { cursor node { id } } } }", {}, 1 + 7 + 7),
        ("{ images(first: 3) { nodes { channels { label } } } }", {}, 1 + 3 + 3 * 10),
        ("{ images(first: 3) { nodes { images(first: 4) { nodes { id } } } } }", {}, 1 + 3 + 3 * 5),
        ("query ($n: Int) { images(first: $n) { nodes { id } } }", {"n": 9}, 1 + 9),
        ("query ($n: Int = 8) { images(first: $n) { nodes { id } } }", {}, 1 + 8),
        ("query ($n: Int) { images(first: $n) { nodes { id } } }", {"n": "x"}, 1 + 50),
        ("{ images(first: 99999) { nodes { id } } }", {}, 1 + 500),
        ('{ nodes(ids: ["a", "b"]) { id ... on Image { channels { label } } } }', {}, 2 + 2 * 10),
        ("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 4}, 4),
        ("{ ...F } fragment F on Query { a: image { id } b: image { ...G } }"
         " fragment G on Image { channels { label } }", {}, 1 + 1 + 10),
        ("{ images(first: 2) { ...P } } fragment P on ImageConnection { nodes { id } }", {}, 1 + 2),
        ("mutation { drop { channels { label } } }", {}, 1 + 10),
        ("{ __schema { types { name } } }", {}, 0),
    ],
)  # fmt: skip
def test_the_cost_is_the_number_of_objects_an_answer_may_hold(
    text: str, variables: dict[str, object], objects: int
) -> None:
    found = cost(SCHEMA, parse(text), None, variables)
    assert found.objects == objects
    assert found.fixed is ("$" not in text)


def test_a_named_operation_is_costed_alone() -> None:
    text = "query A { image { id } } query B { images(first: 5) { nodes { id } } }"
    assert cost(SCHEMA, parse(text), "B", {}).objects == 6


def found_in(text: str, limits: Limits) -> dict[str, int]:
    errors = shape_errors(parse(text), limits)
    return {
        error.extensions["what"]: error.extensions["found"] for error in errors if error.extensions
    }


def test_fragments_are_counted_where_they_are_spread() -> None:
    text = """{ a: image { ...F } b: image { ...F } ...R }
        fragment F on Image { x: id y: id channels { label } }
        fragment R on Query { image { id } }"""
    nothing = Limits(depth=0, aliases=0, fields=0, root_fields=0)
    assert found_in(text, nothing) == {
        "levels deep": 3,
        "aliases": 6,
        "fields": 12,
        "fields at its root": 3,
    }
    assert found_in(text, Limits()) == {}


def test_a_cycle_of_fragments_ends() -> None:
    text = "{ ...A } fragment A on Query { image { id } ...B } fragment B on Query { ...A }"
    assert found_in(text, Limits(depth=1)) == {"levels deep": 2}


def test_a_bomb_of_nested_fragments_is_measured_at_once_and_refused() -> None:
    levels = 30
    parts = [f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(levels)]
    text = "{ ...F0 } " + " ".join(parts) + f" fragment F{levels} on Query {{ image {{ id }} }}"
    started = time.perf_counter()
    found = found_in(text, Limits())
    assert found["fields"] == 2 * 2**levels
    assert time.perf_counter() - started < 1
