"""The printed schema is committed, so that every change of the API shows in review."""

from __future__ import annotations

from pathlib import Path

from resolvers.root import graphql_schema

SDL = Path(__file__).parents[3] / "schema" / "schema.graphql"


def test_the_committed_schema_is_the_printed_one() -> None:
    printed = graphql_schema.as_str() + "\n"
    assert SDL.read_text() == printed, "run `make schema` and look at what changed"
