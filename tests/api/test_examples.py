"""The documents that the pages send, held against the schema as committed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, OperationDefinitionNode, build_schema, parse, validate

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted((ROOT / "web" / "src").rglob("*.graphql"))
EXAMPLES = sorted((ROOT / "web" / "src" / "graphiql" / "examples").glob("*.graphql"))
PLACEHOLDERS = {"@image", "@annotated", "@dataset", "@job"}


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    path = ROOT / "schema" / "schema.graphql"
    if not path.exists():
        pytest.skip("schema/schema.graphql is not printed yet.")
    return build_schema(path.read_text(encoding="utf-8"), assume_valid_sdl=True)


def operation_of(path: Path) -> OperationDefinitionNode:
    """Return the single operation of a document."""
    definitions = parse(path.read_text(encoding="utf-8")).definitions
    (operation,) = (one for one in definitions if isinstance(one, OperationDefinitionNode))
    return operation


def variables_of(path: Path) -> dict[str, Any]:
    """Return the variables that stand beside an example."""
    return json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_of_the_pages_is_valid(schema, path):
    errors = validate(schema, parse(path.read_text(encoding="utf-8")))
    assert [error.message for error in errors] == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_brings_the_variables_it_declares(path):
    operation = operation_of(path)
    declared = {one.variable.name.value for one in operation.variable_definitions or ()}
    variables = variables_of(path)
    assert set(variables) == declared
    stand_ins = {one for one in variables.values() if isinstance(one, str) and one.startswith("@")}
    assert stand_ins <= PLACEHOLDERS


def test_there_is_an_example_of_each_kind_of_operation():
    kinds = {operation_of(path).operation.value for path in EXAMPLES}
    assert kinds == {"query", "mutation", "subscription"}
    assert len(EXAMPLES) >= 5
