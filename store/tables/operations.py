"""Operations as rows: what can be run, and the typed ports of each."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlmodel import Field

from store.tables.columns import Described, Json, Keyed, Named, Owned, live_unique, one_of


class OperationSource(StrEnum):
    """Where an operation comes from."""

    BUILTIN = "builtin"
    EXTERNAL = "external"
    SCRIPT = "script"
    PIPELINE = "pipeline"


class PortDirection(StrEnum):
    """Into an operation or out of it."""

    IN = "in"
    OUT = "out"


class Operation(Described, Named, Owned, table=True):
    """Something that can be run on images, tables and values.

    `release` is the operation's own version; `version` counts changes of the row, as everywhere.
    """

    __tablename__ = "operation"
    __table_args__ = (one_of("source", OperationSource), live_unique("name", "release"))

    release: str = ""
    source: str = OperationSource.BUILTIN.value
    command: str | None = None
    steps: list[Any] | None = Field(default=None, sa_type=Json)
    deprecated: bool = False
    locality: str | None = None


class Port(Named, Keyed, table=True):
    """A typed input or output of an operation. `server_set` values are filled in by the hub."""

    __tablename__ = "port"
    __table_args__ = (
        one_of("direction", PortDirection),
        live_unique("operation_id", "direction", "name"),
    )

    operation_id: int = Field(foreign_key="operation.id")
    direction: str = PortDirection.IN.value
    type: str
    default: str | None = None
    position: int = 0
    required: bool = False
    server_set: bool = False
    choices: list[Any] | None = Field(default=None, sa_type=Json)
    limits: dict[str, Any] | None = Field(default=None, sa_type=Json)
    label: str | None = None
    description: str | None = None
    trashed_by: int | None = None
