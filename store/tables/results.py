"""Results: tables of measurements that are kept, and the short-lived objects of a workspace."""

from __future__ import annotations

from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import Json, Named, Owned, index


class ResultTable(Named, Owned, table=True):
    """A table of measurements; `columns` describe the cells, large tables lie in a file."""

    __tablename__ = "result_table"

    image_id: int | None = Field(default=None, foreign_key="image.id")
    made_by_job: int | None = Field(default=None, foreign_key="job.id")
    columns: list[Any] = Field(default_factory=list, sa_type=Json)
    file_id: int | None = Field(default=None, foreign_key="stored_file.id")


class ResultRow(SQLModel, table=True):
    """A row of a result table, perhaps about one ROI or one label on one plane."""

    __tablename__ = "result_row"
    __table_args__ = (
        index("roi_id", where="roi_id IS NOT NULL"),
        index("table_id", "label", where="label IS NOT NULL"),
    )

    table_id: int = Field(
        foreign_key="result_table.id", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    row_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    roi_id: int | None = Field(default=None, foreign_key="roi.id")
    label: int | None = None
    c: int | None = None
    z: int | None = None
    t: int | None = None
    cells: list[Any] = Field(default_factory=list, sa_type=Json)


class WorkspaceObject(SQLModel, table=True):
    """A result of an interactive run, of one user, until it expires or is kept."""

    __tablename__ = "workspace_object"
    __table_args__ = (index("user_id", "key"), index("expires_at"))

    key: str = Field(primary_key=True)
    user_id: int = Field(foreign_key="user_.id")
    class_: str
    made_by: str | None = None
    created_at: int = Field(default=None, nullable=False)
    used_at: int | None = None
    expires_at: int
    bytes: int = 0
    store_key: str | None = None
    value: Any = Field(default=None, sa_type=Json, nullable=True)
    provenance: dict[str, Any] | None = Field(default=None, sa_type=Json)
