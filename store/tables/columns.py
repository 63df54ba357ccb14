"""The vocabulary all tables share: column types, mixins, keys, and what each table gets by rule.

Four things are done for every table when it is made, so that no table can forget them: integers are
64 bits wide, a foreign key that leads no index gets one, `trashed_by` gets its partial index, and a
plain Python default is also the database's default (bulk copies may then leave the column out).

`trashed_by` holds the id of a command and has no foreign key: users are stamped by commands and
commands belong to users, and a row never outlives its stamp.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    DefaultClause,
    Double,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    event,
    false,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.sql.elements import conv
from sqlmodel import Field, SQLModel

KEY_LENGTH = 255  # characters of a name that sort it; keeps index rows below PostgreSQL's limit

# A BIGINT key in SQLite is no alias of the rowid: inserts cost half as much again.
Id: Any = BigInteger().with_variant(Integer(), "sqlite")
Millis: Any = Id
Json: Any = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
# Both databases must sort alike, byte by byte, whatever the locale of the server.
KeyText: Any = String().with_variant(String(collation="C"), "postgresql")

_UNINDEXED_LEADS = frozenset({"user_", "group_", "label"})
LIVE = "trashed_by IS NULL"


def name_key(name: str) -> str:
    """Return the text by which a name is sorted and found: case folded, at most 255 characters."""
    return name.casefold()[:KEY_LENGTH]


def _default_key(context: Any) -> str | None:
    """Fill `name_key` of an inserted row that gives a name and no key."""
    name = context.get_current_parameters().get("name")
    return None if name is None else name_key(name)


def _index_name(index: Index, table: Table) -> str:
    columns = "_".join(column.name for column in index.columns)
    kind = "ux" if index.unique else "ix"
    partial = "_live" if _is_live(index) else ""
    return f"{kind}_{table.name}_{columns}{partial}"


def _is_live(index: Index) -> bool:
    return LIVE in str(index.dialect_options["sqlite"].get("where"))


def _foreign_key_name(constraint: Any, table: Table) -> str:
    return f"fk_{table.name}_{'_'.join(column.name for column in constraint.columns)}"


def _set_naming_convention(metadata: MetaData) -> None:
    metadata.naming_convention = {
        "index_name": _index_name,
        "foreign_key_name": _foreign_key_name,
        "ix": "%(index_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "%(foreign_key_name)s",
        "pk": "pk_%(table_name)s",
    }


_set_naming_convention(SQLModel.metadata)


def index(*columns: Any, unique: bool = False, where: str | None = None, name: Any = None) -> Index:
    """Return an index, partial where `where` says; named after its columns unless told."""
    fixed = None if name is None else conv(name)
    return Index(fixed, *columns, unique=unique, **_partial(where))


def live_index(*columns: Any, where: str | None = None, name: Any = None) -> Index:
    """Return an index over the rows that are not in the trash."""
    return index(*columns, where=_live_and(where), name=name)


def live_unique(*columns: Any, where: str | None = None, name: Any = None) -> Index:
    """Return a unique index over the rows that are not in the trash: trash frees a name."""
    return index(*columns, unique=True, where=_live_and(where), name=name)


def _live_and(where: str | None) -> str:
    return LIVE if where is None else f"{LIVE} AND {where}"


def one_of(column: str, words: type[StrEnum]) -> CheckConstraint:
    """Return a check that a text column holds one of these words."""
    listed = ", ".join(f"'{word.value}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


def listed(*covered: str) -> tuple[Index, ...]:
    """Return the indexes of a noun that carries a label and is listed by name.

    `covered` are further columns of the index over all names: where it holds all that a list asks
    of a row, walking past the first 80,000 reads none of them.
    """
    return (
        live_index("label_id", "name_key", "id"),
        live_index("owner_id", "name_key", "id"),
        live_index("group_id", "name_key", "id"),
        live_index("name_key", "id", *covered),
    )


class Keyed(SQLModel):
    """A row with an id from `take_ids`; ids are never made by the database."""

    id: int = Field(default=None, primary_key=True, sa_column_kwargs={"autoincrement": False})


class Row(Keyed):
    """A noun: it can be changed, trashed and restored. `version` grows with each change."""

    created_at: int = Field(default=None, nullable=False)
    updated_at: int | None = None
    trashed_by: int | None = None
    version: int = 1


class Owned(Row):
    """H of the model: a noun with an owner, who is always a human, in a group."""

    owner_id: int = Field(foreign_key="user_.id")
    group_id: int = Field(foreign_key="group_.id")


class Named(SQLModel):
    """A row with a name; `name_key` sorts it alike on both databases."""

    name: str
    name_key: str = Field(
        default=None, nullable=False, sa_type=KeyText, sa_column_kwargs={"default": _default_key}
    )


class MaybeNamed(SQLModel):
    """A row that may have a name."""

    name: str | None = None
    name_key: str | None = Field(
        default=None, sa_type=KeyText, sa_column_kwargs={"default": _default_key}
    )


class Described(SQLModel):
    """D of the model: one description, whose own id is taken when a text is first set."""

    description: str | None = None
    description_html: bool = False
    description_id: int | None = None


class Link(Keyed):
    """L of the model: a link row, whose owner is whoever made it."""

    owner_id: int = Field(foreign_key="user_.id")
    created_at: int = Field(default=None, nullable=False)
    trashed_by: int | None = None


@event.listens_for(Table, "after_parent_attach")
def _finish(table: Table, metadata: MetaData) -> None:
    """Give a new table what every table has."""
    if metadata is not SQLModel.metadata:
        return
    for column in table.columns:
        if isinstance(column.type, Integer) and column.type is not Id:
            column.type = Id
        if type(column.type).__name__ == "Float":
            column.type = Double()
        _share_default(column)
    for column in list(_unindexed_foreign_keys(table)):
        _index_of(column)
    if "trashed_by" in table.c:
        _index_of(table.c.trashed_by)


def _share_default(column: Column[Any]) -> None:
    default = column.default
    if default is None or not default.is_scalar or column.server_default is not None:
        return
    value = default.arg  # type: ignore[attr-defined]  # a scalar default has it
    if isinstance(value, bool):
        column.server_default = DefaultClause(true() if value else false())
    elif isinstance(value, int | float | str):
        column.server_default = DefaultClause(
            text(f"'{value}'" if isinstance(value, str) else f"{value}")
        )


def _unindexed_foreign_keys(table: Table) -> Iterator[Column[Any]]:
    """Yield columns whose parent could not be deleted without reading the whole table.

    An index over live rows does not serve that check, but users, groups and labels are never
    deleted in numbers, so for them it is enough.
    """
    full = {next(iter(table.primary_key.columns), None)}
    live = set()
    for known in table.indexes:
        leading = next(iter(known.columns), None)
        condition = known.dialect_options["sqlite"]["where"]
        if condition is None or (
            leading is not None and str(condition) == f"{leading.name} IS NOT NULL"
        ):
            full.add(leading)
        else:
            live.add(leading)
    for column in table.columns:
        for key in column.foreign_keys:
            target = key.target_fullname.partition(".")[0]
            if column not in full and not (target in _UNINDEXED_LEADS and column in live):
                yield column


def _index_of(column: Column[Any]) -> Index:
    """Return an index for looking up rows by this column's value; nulls are left out."""
    return Index(
        None, column, **_partial(f"{column.name} IS NOT NULL" if column.nullable else None)
    )


def _partial(where: str | None) -> dict[str, Any]:
    if where is None:
        return {}
    return {"sqlite_where": text(where), "postgresql_where": text(where)}
