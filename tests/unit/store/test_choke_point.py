"""One place executes SQL, and every table has been decided about: who reads it, who writes it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.access import judge, restorable, visible
from store.statement import table
from store.tables import ALL

ROOT = Path(__file__).parents[3]
ABOVE_THE_STORE = ("adapters", "resolvers", "schema", "web")
# Reading and writing rows, as methods of connections, engines, drivers and sessions.
EXECUTING = frozenset(
    {"execute", "executemany", "executescript", "exec_driver_sql", "scalar_one", "begin_nested",
     "run_sync", "copy_records_to_table", "fetchall", "fetchone"}
)  # fmt: skip
# What else is called so: an unjournalled write handed to the store's unit of work is executed
# there; a GraphQL document and a function in a thread are no statements.
OTHERS = frozenset({"unit", "self.schema", "anyio.to_thread"})
# Written by the hub itself as the trace or the interned form of what others write.
WRITTEN_BY_THE_HUB = {"command", "change", "event", "label", "label_object"}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ABOVE_THE_STORE:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def executions(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Yield line, receiver and name of every call that would execute a statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = ast.unparse(node.func.value)
            if node.func.attr in EXECUTING and receiver not in OTHERS:
                yield node.lineno, receiver, node.func.attr


def test_the_search_finds_an_execution() -> None:
    found = list(executions(ast.parse("async def f(c):\n    await c.execute(select(x))")))
    assert found == [(2, "c", "execute")]


def test_statements_are_executed_in_the_store_alone() -> None:
    found = [
        f"{path}:{line}: {receiver}.{name}()"
        for path, tree in sources()
        for line, receiver, name in executions(tree)
    ]
    assert not found, "hand the statement to Catalog or Unit: " + "; ".join(found)


def test_nobody_above_the_store_writes_sql_as_text() -> None:
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                names = {alias.name for alias in node.names}
                if names & {"text", "TextClause", "literal_column", "create_engine"} or any(
                    part in (node.module or "") for part in ("ext.asyncio", "orm", "engine")
                ):
                    found.append(f"{path}:{node.lineno}: {node.module} {sorted(names)}")
            elif isinstance(node, ast.Import):
                found += [
                    f"{path}:{node.lineno}: {alias.name}"
                    for alias in node.names
                    if alias.name in ("asyncpg", "aiosqlite", "psycopg")
                ]
    reading_a_url = "sqlalchemy.engine ['make_url']"
    assert [one for one in found if one.partition(": ")[2] != reading_a_url] == []


def test_every_table_is_readable_by_a_rule_or_by_the_hub_alone() -> None:
    names = {table(noun).name for noun in ALL}
    assert names == set(visible.RULES) | visible.UNREADABLE
    assert not set(visible.RULES) & visible.UNREADABLE


def test_every_table_is_writable_by_a_rule_or_by_the_hub_alone() -> None:
    judged = {
        *visible.LABELLED.values(), *judge.OWNED, *judge.PERSONAL, *judge.ADMINISTERED,
        *judge.PARENT, *judge.LINK, *judge._JUDGES, *judge.BY_STANDING,
    }  # fmt: skip
    hub = {table(noun).name for noun in judge.HUB_ONLY}
    assert hub == WRITTEN_BY_THE_HUB
    assert {table(noun).name for noun in ALL} == {table(noun).name for noun in judged} | hub
    assert not {table(noun).name for noun in judged} & hub


@pytest.mark.parametrize("noun", [*judge.PARENT, *judge.LINK], ids=lambda noun: noun.__name__)
def test_a_row_inside_another_names_a_column_it_has(noun: type) -> None:
    columns = table(noun).c
    if noun in judge.PARENT:
        column, parent, _can = judge.PARENT[noun]
        named = [(column, parent)]
    else:
        named = list(judge.LINK[noun])
    for column, parent in named:
        (key,) = columns[column].foreign_keys
        assert key.column.table is table(parent)


def test_what_can_be_listed_from_the_trash_can_be_trashed() -> None:
    assert all("trashed_by" in table(noun).c for noun in restorable.RULES)
