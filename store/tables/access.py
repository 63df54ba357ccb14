"""What opens a door: grants, sessions, tokens, and labels, the access rule in interned form."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from store.tables.columns import Json, Keyed, Named, index, one_of


class GrantLevel(StrEnum):
    """What a grant gives, each including the ones before."""

    READ = "read"
    ANNOTATE = "annotate"
    WRITE = "write"
    MANAGE = "manage"


class GrantTarget(StrEnum):
    """What can be granted; inherited downwards."""

    PROJECT = "project"
    DATASET = "dataset"
    SCREEN = "screen"
    PLATE = "plate"
    IMAGE = "image"


class Grant(Keyed, table=True):
    """Access to one object for one user, one group or whoever holds a secret link."""

    __tablename__ = "grant_"
    __table_args__ = (
        one_of("level", GrantLevel),
        one_of("target_type", GrantTarget),
        CheckConstraint(
            "CASE WHEN user_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN grantee_group_id IS NULL THEN 0 ELSE 1 END"
            " + CASE WHEN link_hash IS NULL THEN 0 ELSE 1 END = 1",
            name="one_grantee",
        ),
        index("user_id", "target_type", "target_id", unique=True),
        index("grantee_group_id", "target_type", "target_id", unique=True),
        index("link_hash", unique=True),
        index("target_type", "target_id"),
    )

    user_id: int | None = Field(default=None, foreign_key="user_.id")
    grantee_group_id: int | None = Field(default=None, foreign_key="group_.id")
    link_hash: str | None = None
    target_type: str
    target_id: int
    level: str
    expires_at: int | None = None
    given_by: int = Field(foreign_key="user_.id")
    created_at: int = Field(default=None, nullable=False)


class Session(Keyed, table=True):
    """A signed-in browser or client; only the hash of its key is kept."""

    __tablename__ = "session_"
    __table_args__ = (index("key_hash", unique=True), index("expires_at"))

    key_hash: str
    user_id: int = Field(foreign_key="user_.id")
    group_id: int = Field(foreign_key="group_.id")
    created_at: int = Field(default=None, nullable=False)
    seen_at: int
    expires_at: int
    clipboard: dict[str, Any] | None = Field(default=None, sa_type=Json)


class Token(Named, Keyed, table=True):
    """A bearer token of a user, with scopes; only its hash is kept."""

    __tablename__ = "token"
    __table_args__ = (index("hash", unique=True),)

    hash: str
    user_id: int = Field(foreign_key="user_.id")
    scopes: list[str] = Field(default_factory=list, sa_type=Json)
    created_at: int = Field(default=None, nullable=False)
    expires_at: int | None = None
    used_at: int | None = None


class Label(Keyed, table=True):
    """One distinct answer to "who may see this": a group and the granted objects above a row."""

    __tablename__ = "label"
    __table_args__ = (index("key", unique=True),)

    group_id: int = Field(foreign_key="group_.id")
    key: str


class LabelObject(SQLModel, table=True):
    """An object whose grants count for a label; the object may be of any grantable noun."""

    __tablename__ = "label_object"
    __table_args__ = (index("object_id", "label_id"),)

    label_id: int = Field(
        foreign_key="label.id", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    object_id: int = Field(
        default=None, primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
