"""Activity: who looked at what. No command, no event, and kept for a limited time only."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlmodel import Field

from store.tables.columns import Json, Keyed, index, one_of


class ActivityKind(StrEnum):
    """Opened an image, moved in it, was connected, or did something in the viewer."""

    VIEW = "view"
    POSITION = "position"
    CONNECTION = "connection"
    ACTION = "action"


class Activity(Keyed, table=True):
    """One observation; project and image are plain ids, so that they may be purged before it."""

    __tablename__ = "activity"
    __table_args__ = (
        one_of("kind", ActivityKind),
        index("image_id", "at", where="image_id IS NOT NULL"),
        index("project_id", "user_id", "at"),
        index("at"),
    )

    kind: str
    user_id: int = Field(foreign_key="user_.id")
    project_id: int | None = None
    image_id: int | None = None
    slice: int | None = None
    at: int
    data: dict[str, Any] | None = Field(default=None, sa_type=Json)
