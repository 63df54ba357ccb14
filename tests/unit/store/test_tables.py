"""What every table promises, asked of real databases of both kinds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import BigInteger, Connection, Inspector, insert, inspect, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from store.statement import cols, table
from store.tables import ALL, Group, Image, Label, Placement, Project, Roi, Shape, Track, User
from store.tables.columns import name_key
from store.tables.records import record_type, records

# Written down from the model, table by table, so that a lost or renamed one is noticed.
MODEL = """
user_ group_ membership user_role grant_ session_ token label label_object
project dataset project_dataset dataset_image screen_plate placement
project_representative default_layer project_operation
screen plate acquisition well well_sample
image pixels channel rendering image_slice stored_file image_file storage storage_member label_set
roi shape roi_term roi_track track ontology term relation_term
annotation key_value annotation_link
operation port job job_parameter job_data job_io job_log result_table result_row workspace_object
command change event activity source external_ref saved_search
image_group image_group_item roi_group roi_group_item setting
"""
# Rows of these are never deleted in numbers, so an index over live rows is enough for them.
SELDOM_DELETED = {"user_", "group_", "label"}
OWNED = {"created_at": 1, "owner_id": 2, "group_id": 3}


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[AsyncConnection]:
    engine = create_async_engine(database_url, poolclass=NullPool)
    async with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            await connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        await connection.execute(
            insert(table(User)).values(id=2, username="Root", default_group_id=3, created_at=1)
        )
        yield connection
    await engine.dispose()


async def refused(connection: AsyncConnection, statement: Any) -> bool:
    """Tell whether a statement breaks a rule; the transaction goes on either way."""
    point = await connection.begin_nested()
    try:
        await connection.execute(statement)
    except IntegrityError:
        await point.rollback()
        return True
    await point.commit()
    return False


def leading_columns(inspector: Inspector, name: str) -> tuple[set[Any], set[Any]]:
    """Return the columns that lead an index over every row with a value, and over some rows."""
    full: set[Any] = {inspector.get_pk_constraint(name)["constrained_columns"][0]}
    partial: set[Any] = set()
    for index in inspector.get_indexes(name):
        leading = index["column_names"][0]
        options = index.get("dialect_options", {})
        where = str(options.get("sqlite_where", options.get("postgresql_where", "")))
        whole = where.strip("()") in ("", f"{leading} IS NOT NULL")
        (full if whole else partial).add(leading)
    return full, partial


def test_every_table_of_the_model_exists() -> None:
    assert sorted(table(noun).name for noun in ALL) == sorted(MODEL.split())


def test_every_table_says_what_it_is() -> None:
    assert [noun.__name__ for noun in ALL if not (noun.__doc__ or "").strip()] == []


def test_every_name_comes_with_its_key() -> None:
    named = [table(noun) for noun in ALL if "name" in table(noun).c]
    assert len(named) > 20
    for one in named:
        assert one.c.name_key.nullable == one.c.name.nullable, one.name


def test_labelled_nouns_carry_a_label_that_may_be_missing() -> None:
    labelled = {noun.__tablename__ for noun in ALL if "label_id" in table(noun).c}
    assert labelled == {"project", "dataset", "screen", "plate", "image", "label_object"}
    assert cols(Image).label_id.nullable


def test_parents_come_before_children_in_the_list_of_tables() -> None:
    seen: set[str] = set()
    for noun in ALL:
        one = table(noun)
        parents = {key.column.table.name for key in one.foreign_keys} - {one.name}
        assert parents <= seen, one.name
        seen.add(one.name)


async def test_every_foreign_key_leads_an_index(connection: AsyncConnection) -> None:
    def unindexed(plain: Connection) -> list[str]:
        inspector = inspect(plain)
        bare = []
        for noun in ALL:
            name = str(noun.__tablename__)
            full, partial = leading_columns(inspector, name)
            for key in inspector.get_foreign_keys(name):
                seldom = key["referred_table"] in SELDOM_DELETED
                allowed = full | partial if seldom else full
                bare += [f"{name}.{c}" for c in key["constrained_columns"][:1] if c not in allowed]
        return bare

    assert await connection.run_sync(unindexed) == []


async def test_every_trash_stamp_is_indexed(connection: AsyncConnection) -> None:
    def bare(plain: Connection) -> list[str]:
        inspector = inspect(plain)
        return [
            str(noun.__tablename__)
            for noun in ALL
            if "trashed_by" in table(noun).c
            and "trashed_by" not in leading_columns(inspector, str(noun.__tablename__))[0]
        ]

    assert await connection.run_sync(bare) == []


async def test_every_integer_is_64_bits_wide(connection: AsyncConnection) -> None:
    def narrow(plain: Connection) -> list[str]:
        inspector = inspect(plain)
        return [
            f"{noun.__tablename__}.{column['name']}"
            for noun in ALL
            for column in inspector.get_columns(str(noun.__tablename__))
            if column["type"].python_type is int and not isinstance(column["type"], BigInteger)
        ]

    if connection.dialect.name == "postgresql":
        assert await connection.run_sync(narrow) == []
    else:  # SQLite has one integer type, and only INTEGER makes a key the rowid itself
        large = 2**53 - 1
        await connection.execute(
            insert(table(Label)).values(id=large, group_id=3, key="3:9007199254740991")
        )
        assert await connection.scalar(select(cols(Label).id)) == large


async def test_a_name_is_unique_among_live_groups_and_trash_frees_it(
    connection: AsyncConnection,
) -> None:
    def group(id: int, name: str) -> Any:
        return insert(table(Group)).values(id=id, name=name, created_at=1)

    assert not await refused(connection, group(1000, "Lab"))
    assert await refused(connection, group(1001, "LAB"))
    await connection.execute(
        update(table(Group)).where(cols(Group).id == 1000).values(trashed_by=9)
    )
    assert not await refused(connection, group(1001, "LAB"))
    restore = update(table(Group)).where(cols(Group).id == 1000).values(trashed_by=None)
    assert await refused(connection, restore)


async def test_a_track_without_project_has_a_unique_name_too(connection: AsyncConnection) -> None:
    await connection.execute(insert(table(Image)).values(id=1000, name="a.tif", **OWNED))
    await connection.execute(insert(table(Project)).values(id=1001, name="P", **OWNED))

    def track(id: int, project: int | None, image: int = 1000) -> Any:
        values = {"id": id, "name": "cell 1", "image_id": image, "project_id": project}
        return insert(table(Track)).values(**values, **OWNED)

    assert not await refused(connection, track(1002, None))
    assert not await refused(connection, track(1003, 1001))
    assert await refused(connection, track(1004, None))
    assert await refused(connection, track(1005, 1001))


async def test_an_image_has_one_placement_per_project(connection: AsyncConnection) -> None:
    await connection.execute(insert(table(Image)).values(id=1000, name="a.tif", **OWNED))
    await connection.execute(insert(table(Project)).values(id=1001, name="P", **OWNED))

    def placement(id: int, **values: Any) -> Any:
        fixed = {"image_id": 1000, "project_id": 1001, "added_by": 2, "created_at": 1}
        return insert(table(Placement)).values(id=id, **fixed, **values)

    assert not await refused(connection, placement(1002, state="left"))
    assert await refused(connection, placement(1003))


async def test_a_word_that_is_none_of_the_choices_is_refused(connection: AsyncConnection) -> None:
    statement = insert(table(Image)).values(id=1000, name="a.tif", state="lost", **OWNED)
    assert await refused(connection, statement)


async def test_a_row_cannot_point_at_nothing(connection: AsyncConnection) -> None:
    statement = insert(table(Image)).values(id=1000, name="a.tif", file_id=77, **OWNED)
    assert await refused(connection, statement)


async def test_names_sort_by_the_bytes_of_their_keys_on_both_databases(
    connection: AsyncConnection,
) -> None:
    names = ["zebra", "Apfel", "apple", "Äpfel", "éclair", "_x", "a b", "a-b", "ab", "Straße", "10"]
    await connection.execute(
        insert(table(Image)),
        [{"id": 1000 + n, "name": name, **OWNED} for n, name in enumerate(names)],
    )
    ordered = list(
        await connection.scalars(select(cols(Image).name).order_by(cols(Image).name_key))
    )
    assert ordered == sorted(names, key=lambda name: name.casefold().encode())


def test_a_name_key_ignores_case_and_has_a_bounded_length() -> None:
    assert name_key("STRASSE") == name_key("Straße") == "strasse"
    assert len(name_key("é" * 5000)) == 255


async def test_a_bulk_insert_may_leave_out_what_has_a_default(connection: AsyncConnection) -> None:
    columns = "id, name, name_key, created_at, owner_id, group_id"
    await connection.exec_driver_sql(
        f"INSERT INTO image ({columns}) VALUES (1000, 'a', 'a', 1, 2, 3)"
    )
    (image,) = records(await connection.execute(select(table(Image))), Image)
    assert (image.version, image.archived, image.state, image.series) == (1, False, "ready", 0)
    assert image.description_html is False
    assert image.trashed_by is None


async def test_a_record_reads_columns_named_like_methods_of_a_tuple(
    connection: AsyncConnection,
) -> None:
    await connection.execute(insert(table(Image)).values(id=1000, name="a.tif", **OWNED))
    await connection.execute(
        insert(table(Roi)).values(id=1001, image_id=1000, owner_id=2, author_id=2, created_at=1)
    )
    box = {"x0": 1.5, "y0": 2.0, "x1": 4.0, "y1": 6.0, "size": 4.0, "cx": 2.75, "cy": 4.0}
    await connection.execute(
        insert(table(Shape)).values(
            id=1002, roi_id=1001, image_id=1000, kind="rectangle", t=7, footprint=b"\x01\xff",
            wkt="POLYGON EMPTY", params={"x": 0.1}, area=10.0, perimeter=13.0, points=4, **box,
        )
    )  # fmt: skip
    (shape,) = records(await connection.execute(select(table(Shape))), Shape)
    assert (shape.t, shape.z, shape.footprint, shape.params) == (7, None, b"\x01\xff", {"x": 0.1})
    assert (shape.x0, shape.size, shape.points) == (1.5, 4.0, 4)
    assert type(shape) is record_type(Shape)  # type: ignore[comparison-overlap]
    with pytest.raises(AttributeError):
        shape.t = 8


async def test_no_value_in_a_json_column_is_null_to_sql(connection: AsyncConnection) -> None:
    await connection.execute(
        insert(table(Image)).values(id=1000, name="a.tif", acquisition=None, **OWNED)
    )
    missing = select(cols(Image).id).where(cols(Image).acquisition.is_(None))
    assert await connection.scalar(missing) == 1000
