"""History: commands with their changes, from which undo works, and events in commit order.

None of these rows has a foreign key to what it speaks of: history outlives its objects.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import Json, Keyed, index, one_of


class CommandStack(StrEnum):
    """Which stack of its author a command lies on."""

    UNDO = "undo"
    REDO = "redo"
    NONE = "none"


class ChangeKind(StrEnum):
    """Three kinds are enough: the inverse of each is one of them."""

    SHOW = "show"
    HIDE = "hide"
    SET = "set"


class Command(Keyed, table=True):
    """One unit of work: who did what, when. An undo is a command that names the undone one."""

    __tablename__ = "command"
    __table_args__ = (
        one_of("stack", CommandStack),
        index("user_id", "stack", "id"),
        index("project_id", "id", where="project_id IS NOT NULL"),
        index("image_id", "id", where="image_id IS NOT NULL"),
    )

    user_id: int = Field(foreign_key="user_.id")
    verb: str
    at: int
    project_id: int | None = None
    image_id: int | None = None
    summary: str = ""
    undoable: bool = True
    stack: str = CommandStack.UNDO.value
    transaction_key: str | None = None
    undoes_id: int | None = Field(default=None, foreign_key="command.id")


class Change(SQLModel, table=True):
    """What a command did to a range of rows of a noun, or to the fields of one row.

    For show and hide, `first_id` to `last_id` is a range; for set, both are the row, and `before`
    and `after` hold the changed fields only.
    """

    __tablename__ = "change"
    __table_args__ = (one_of("kind", ChangeKind), index("noun", "first_id", "last_id"))

    command_id: int = Field(
        foreign_key="command.id", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    kind: str
    noun: str
    first_id: int
    last_id: int
    before: dict[str, Any] | None = Field(default=None, sa_type=Json)
    after: dict[str, Any] | None = Field(default=None, sa_type=Json)


class Event(Keyed, table=True):
    """Something that happened; ids are a counter of their own, in the order of commits."""

    __tablename__ = "event"
    __table_args__ = (index("at"),)

    at: int
    kind: str
    target_type: str
    target_id: int
    image_id: int | None = None
    project_id: int | None = None
