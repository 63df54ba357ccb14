"""Annotations: tags, key-values, comments, files and plain values, attached to any object."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from store.tables.columns import (
    Described,
    Json,
    Keyed,
    KeyText,
    Link,
    MaybeNamed,
    Owned,
    index,
    live_index,
    live_unique,
    name_key,
    one_of,
)

KEY_LIMIT = 500  # characters of a key, so that keys can be indexed on both databases


class AnnotationKind(StrEnum):
    """What an annotation carries."""

    TAG = "tag"
    MAP = "map"
    COMMENT = "comment"
    FILE = "file"
    LONG = "long"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    TIMESTAMP = "timestamp"
    XML = "xml"


def _default_text_key(context: Any) -> str | None:
    value = context.get_current_parameters().get("text")
    return None if value is None else name_key(value)


class Annotation(Described, MaybeNamed, Owned, table=True):
    """A piece of metadata. Which of text, number, flag, at and file counts follows from the kind.

    `number` keeps doubles, `whole` keeps integers, which a double would round beyond 2⁵³.
    `text_key` is the start of the text, case folded, by which tags are found and sorted.
    """

    __tablename__ = "annotation"
    __table_args__ = (
        one_of("kind", AnnotationKind),
        live_index("kind", "ns", "id"),
        live_index("kind", "text_key", "id"),
    )

    kind: str
    ns: str | None = None
    text: str | None = None
    text_key: str | None = Field(sa_type=KeyText, sa_column_kwargs={"default": _default_text_key})
    number: float | None = None
    whole: int | None = None
    flag: bool | None = None
    at: int | None = None
    file_id: int | None = Field(default=None, foreign_key="stored_file.id")
    extra: dict[str, Any] | None = Field(default=None, sa_type=Json)


class KeyValue(Keyed, table=True):
    """A pair of a map annotation; pairs are ordered and keys may repeat."""

    __tablename__ = "key_value"
    __table_args__ = (
        CheckConstraint(f"length(key) <= {KEY_LIMIT}", name="key_length"),
        index("annotation_id", "position"),
        index("key", "annotation_id"),
    )

    annotation_id: int = Field(foreign_key="annotation.id")
    position: int
    key: str
    value: str
    trashed_by: int | None = None


class AnnotationLink(Link, table=True):
    """An annotation on an object of any noun."""

    __tablename__ = "annotation_link"
    __table_args__ = (
        live_unique(
            "annotation_id", "target_id", "target_type", "owner_id", name="ux_annotation_link_live"
        ),
        live_index("target_type", "target_id"),
    )

    annotation_id: int = Field(foreign_key="annotation.id")
    target_type: str
    target_id: int
