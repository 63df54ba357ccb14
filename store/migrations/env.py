"""What Alembic runs for every command: it works on the connection that `run.config` was given.

Hidden from comparison is what the tables do not describe: the id counters and the spatial indexes,
with the shadow tables of SQLite's; and indexes over a descending column, which cannot be compared.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from sqlmodel import SQLModel

import store.tables  # noqa: F401  # fills the metadata

HIDDEN_TABLES = ("ids", "shape_box")
HIDDEN_INDEXES = ("gist_", "desc_")


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Tell whether something found in the database takes part in the comparison."""
    return kind != "table" or not any(
        name == hidden or str(name).startswith(f"{hidden}_") for hidden in HIDDEN_TABLES
    )


def include_object(_thing: Any, name: str | None, kind: str, _found: bool, _other: Any) -> bool:
    """Tell whether something of either side takes part in the comparison."""
    return kind != "index" or not str(name).startswith(HIDDEN_INDEXES)


def run() -> None:
    """Run the revisions Alembic has chosen, inside the transaction of the caller."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=SQLModel.metadata,
        render_as_batch=True,
        include_name=include_name,
        include_object=include_object,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
