"""Remote hubs and foreign ids, saved searches, groups of images and of ROIs, and settings."""

from __future__ import annotations

from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import (
    Json,
    Keyed,
    Link,
    Named,
    Owned,
    index,
    live_index,
    live_unique,
)


class Source(Named, Owned, table=True):
    """A remote system mounted into this hub; `kind` names the adapter that speaks to it."""

    __tablename__ = "source"
    __table_args__ = (live_unique("group_id", "name_key"),)

    kind: str
    url: str
    credential_sealed: str | None = None
    enabled: bool = True
    checked_at: int | None = None
    health: dict[str, Any] | None = Field(default=None, sa_type=Json)


class ExternalRef(Keyed, table=True):
    """An id somewhere else for an object here."""

    __tablename__ = "external_ref"
    __table_args__ = (
        index("source_id", "target_type", "external_id", unique=True),
        index("target_type", "target_id"),
    )

    source_id: int = Field(foreign_key="source.id")
    target_type: str
    target_id: int
    external_id: str


class SavedSearch(Named, Owned, table=True):
    """A query somebody keeps."""

    __tablename__ = "saved_search"
    __table_args__ = (live_index("owner_id", "name_key", "id"),)

    query: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class ImageGroup(Named, Owned, table=True):
    """Images of a project that belong together, such as serial sections."""

    __tablename__ = "image_group"

    project_id: int = Field(foreign_key="project.id")


class ImageGroupItem(Link, table=True):
    """An image in an image group."""

    __tablename__ = "image_group_item"
    __table_args__ = (live_unique("image_group_id", "image_id"),)

    image_group_id: int = Field(foreign_key="image_group.id")
    image_id: int = Field(foreign_key="image.id")


class RoiGroup(Owned, table=True):
    """ROIs across an image group that show one thing; `type` says in which sense."""

    __tablename__ = "roi_group"

    project_id: int = Field(foreign_key="project.id")
    image_group_id: int | None = Field(default=None, foreign_key="image_group.id")
    type: str


class RoiGroupItem(Link, table=True):
    """A ROI in a ROI group."""

    __tablename__ = "roi_group_item"
    __table_args__ = (live_unique("roi_group_id", "roi_id"),)

    roi_group_id: int = Field(foreign_key="roi_group.id")
    roi_id: int = Field(foreign_key="roi.id")


class Setting(SQLModel, table=True):
    """A setting changed while the hub runs; `reading_role` is the least that may read it."""

    __tablename__ = "setting"

    key: str = Field(primary_key=True)
    value: Any = Field(default=None, sa_type=Json, nullable=True)
    reading_role: int = 13
