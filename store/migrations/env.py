"""What Alembic runs for every command: it works on the connection that `run.config` was given.

Things the tables do not describe are hidden from comparison: the id counters, the spatial index of
SQLite with its shadow tables, and the spatial index of PostgreSQL, which is over an expression.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import store.tables  # noqa: F401  # fills the metadata

HIDDEN_TABLES = ("ids", "shape_box")
HIDDEN_INDEXES = "gist_"


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Tell whether something found in the database takes part in the comparison."""
    if kind == "table":
        return name is None or not any(
            name == hidden or name.startswith(f"{hidden}_") for hidden in HIDDEN_TABLES
        )
    return kind != "index" or name is None or not name.startswith(HIDDEN_INDEXES)


def run() -> None:
    """Run the revisions Alembic has chosen, inside the transaction of the caller."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        include_name=include_name,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
