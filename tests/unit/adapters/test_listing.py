"""Lists by offset: how they are found, and what they refuse."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from adapters.listing import EVERYTHING, Among, Listing
from store.access.visible import _froms, visible
from store.actor import Actor
from store.catalog import Catalog
from store.engine import Database
from store.errors import Invalid
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Project
from store.tables.images import Image
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Well
from tests.fixtures.hub import ROOT, GroupLevel, World


async def _plan(database: Database, catalog: Catalog, *, counting: bool) -> str:
    statement, settled, order = Listing(catalog)._list(Image, EVERYTHING)
    statement = visible(statement, catalog.actor, database, settled)
    if counting:
        statement = statement.with_only_columns(text("count(*)"), maintain_column_froms=True)
    else:
        statement = statement.order_by(*order).offset(5).limit(5)
    worded = statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    async with database.reading() as connection:
        rows = await connection.execute(text(f"EXPLAIN QUERY PLAN {worded}"))
        return "; ".join(row.detail for row in rows)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_deep_page_and_a_count_walk_the_index_made_for_them(world: World) -> None:
    lab = await world.group("lab", GroupLevel.read_annotate)
    member = await world.person("member", lab)
    await world.image(member)
    for catalog in (await world.catalog(member), await world.catalog(ROOT), world.system()):
        walk = await _plan(world.database, catalog, counting=False)
        assert "INDEX ix_image_name_key_id_state_label_id_owner_id_group_id_live" in walk
        assert "TEMP B-TREE" not in walk
        count = await _plan(world.database, catalog, counting=True)
        assert "INDEX ix_image_label_id_owner_id_group_id_state_live" in count


async def test_what_is_not_listed_so_is_refused(world: World) -> None:
    listing = Listing(world.system())
    with pytest.raises(Invalid):
        await listing.window(Roi, 0, 10)
    for noun, other in ((Project, Image), (Well, Dataset), (Acquisition, Well)):
        with pytest.raises(Invalid):
            await listing.window(noun, 0, 10, Among(near={other: 1}))
    with pytest.raises(Invalid):
        await listing.child_counts(Well, [1])


async def test_a_page_in_the_middle_agrees_with_the_whole(world: World) -> None:
    lab = await world.group("lab", GroupLevel.private)
    member, mate = await world.person("member", lab), await world.person("mate", lab)
    dataset = await world.dataset(member)
    made = [await world.image(member, f"n{number % 4}", into=dataset.id) for number in range(9)]
    await world.image(mate, "not seen")
    order = [one.id for one in sorted(made, key=lambda one: (one.name_key, one.id))]
    listing = Listing(await world.catalog(member))
    for among in (EVERYTHING, Among(near={Dataset: dataset.id}), Among(owner_id=member)):
        for offset, limit in ((0, 9), (0, 10), (3, 4), (8, 5), (9, 5), (0, 0), (40, 1)):
            window = await listing.window(Image, offset, limit, among)
            assert [row.id for row in window.rows] == order[offset : offset + limit]
            assert window.total == 9


def test_what_a_statement_reads_from_is_found_without_compiling_it() -> None:
    image, link, dataset = cols(Image), cols(DatasetImage), cols(Dataset)
    catalog = Catalog.__new__(Catalog)
    object.__setattr__(catalog, "actor", Actor.system())
    statements = [
        catalog.select(Image),
        catalog.select(Image).join(table(DatasetImage), link.image_id == image.id),
        catalog.select(Image)
        .join(table(DatasetImage), link.image_id == image.id)
        .join(table(Dataset), dataset.id == link.dataset_id)
        .where(dataset.name == "x"),
        catalog.select(Image).where(dataset.id == image.id),
        catalog.select(Image).with_only_columns(link.id, image.name),
    ]
    for statement in statements:
        ours, theirs = _froms(statement), statement.get_final_froms()
        assert len(ours) == len(theirs)
        assert all(one.compare(other) for one, other in zip(ours, theirs, strict=True))
