"""The pages of docs/compat say what the routes offer, and name tests that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.fixtures.compat import BEGIN, END, endpoints
from web.rest.omero.urls import ROUTES

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^\| (\w+) \| `([^`]+)` \| (.*) \| (?:—|\[(.+)\]\(\.\./\.\./(.+)\)) \|$")


def rows() -> list[re.Match[str]]:
    text = (ROOT / "docs/compat/omero.md").read_text()
    table = text.partition(BEGIN)[2].partition(END)[0].strip().splitlines()[2:]
    found = [LINE.match(line) for line in table]
    assert None not in found
    return [one for one in found if one is not None]


def test_every_address_of_the_dialect_is_on_its_page() -> None:
    offered = {(one.method, one.path) for one in endpoints(ROUTES)}
    assert {(row[1], row[2]) for row in rows()} == offered, "run `make compat`"


def test_every_address_has_a_test() -> None:
    assert [f"{row[1]} {row[2]}" for row in rows() if row[4] is None] == []


def test_every_address_says_what_it_does() -> None:
    assert [row[2] for row in rows() if not row[3].strip()] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row[1]} {row[2]}")
def test_the_test_that_proves_an_address_exists(row: re.Match[str]) -> None:
    if row[4] is None:
        pytest.skip("told by another test")
    tree = ast.parse((ROOT / row[5]).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = {node.name for node in ast.walk(tree) if isinstance(node, functions)}
    assert row[4].rpartition(" › ")[2] in names
