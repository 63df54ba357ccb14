"""The pages of docs/compat say what the routes offer, and name tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.fixtures.compat import BEGIN, END, dialects, endpoints

DIALECTS = dialects()
ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^\| (\w+) \| `([^`]+)` \| (.*) \| (?:—|\[(.+)\]\(\.\./\.\./(.+)\)) \|$")


def rows(dialect: str) -> list[re.Match[str]]:
    text = (ROOT / "docs/compat" / f"{dialect}.md").read_text()
    table = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    found = [LINE.match(line) for line in table]
    assert None not in found
    return [one for one in found if one is not None]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_address_of_a_dialect_is_on_its_page(dialect: str) -> None:
    offered = {(one.method, one.path) for one in endpoints(DIALECTS[dialect])}
    assert {(row[1], row[2]) for row in rows(dialect)} == offered, "run `make compat`"


def test_every_address_of_omero_has_a_test() -> None:
    assert [f"{row[1]} {row[2]}" for row in rows("omero") if row[4] is None] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_address_says_what_it_does(dialect: str) -> None:
    assert [row[2] for row in rows(dialect) if not row[3].strip()] == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_tests_that_prove_addresses_exist(dialect: str) -> None:
    known: dict[str, set[str]] = {}
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for row in rows(dialect):
        if row[4] is None:
            continue
        if row[5] not in known:
            tree = ast.parse((ROOT / row[5]).read_text())
            known[row[5]] = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
        assert row[4].rpartition(" › ")[2] in known[row[5]], f"{row[1]} {row[2]}"
