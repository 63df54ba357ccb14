"""Many edits of regions at once, and regions by offset, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from adapters.plain_shapes import plain_shapes, points_text
from adapters.roi_edits import Edits, Redrawn, RoiEdits
from adapters.roi_lists import Narrowed, RoiLists
from adapters.rois import NewRoi, Rois
from adapters.shapes import Columns, Draft, Drawn, Kind
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.history import Change, Command, Event
from store.tables.images import Image
from store.tables.people import GroupLevel
from store.tables.rois import Roi, RoiKind, Shape
from store.unit import Unit
from tests.fixtures.hub import ROOT, World, statements


def rectangle(x: float, **plane: int) -> Draft:
    return Draft(Drawn(Kind.RECTANGLE, {"x": x, "y": 0.1, "width": 0.2, "height": 7}), **plane)


def polygon(size: float) -> Draft:
    return Draft(Drawn(Kind.POLYGON, {"points": [[0, 0], [size, 0], [size, size]]}))


@pytest.fixture
async def ada(world: World) -> int:
    return await world.person("ada", await world.group("lab", GroupLevel.read_annotate))


@pytest.fixture
async def image(world: World, ada: int) -> Image:
    """An image of hers: 2 × 3 × 4 planes of 600 × 400 pixels."""
    return await world.image(ada)


async def services(world: World, user: int) -> tuple[Rois, RoiEdits, RoiLists]:
    catalog = await world.catalog(user)
    return Rois(catalog), RoiEdits(catalog), RoiLists(catalog)


async def shapes_of(rois: Rois, image: Image) -> dict[int, Columns]:
    """Return all live shapes of an image by id."""
    rows = await rois._catalog.all(Shape)
    return {row.id: Columns.of(row) for row in rows if row.image_id == image.id}


async def test_everything_of_one_edit_is_one_command_and_is_undone_together(
    world: World, ada: int, image: Image
) -> None:
    rois, edits, _ = await services(world, ada)
    first, second, third = await rois.create_many(
        image.id, [NewRoi([rectangle(0), polygon(3)]), NewRoi([rectangle(1)]), NewRoi([polygon(9)])]
    )
    rows = await rois.shapes_of([first, second, third])
    before = await shapes_of(rois, image)
    (box, corner), (other,), _ = (rows[id] for id in (first, second, third))
    done = await edits.edit(
        image.id,
        Edits(
            new=[polygon(5), rectangle(2, z=1)],
            redrawn=[Redrawn(corner, polygon(4))],
            deleted_shapes=[other.id],
            deleted_rois=[third],
        ),
    )
    assert done.refused == []
    assert (done.redrawn, done.deleted_shapes) == ({corner.id: first}, {other.id: second})
    assert (done.deleted_rois, list(done.new)) == ({third}, [0, 1])
    after = await shapes_of(rois, image)
    drawn = {shape for _, shape in done.new.values()}
    assert set(after) == {box.id, corner.id} | drawn
    assert (after[corner.id].area, after[box.id]) == (8, before[box.id])
    assert [(await rois.get(id)).version for id in (first, second)] == [2, 2]
    catalog = await world.catalog(ROOT)
    commands = await catalog.all(Command, catalog.select(Command).order_by(cols(Command).id))
    assert (commands[-1].verb, commands[-1].image_id) == ("edit_rois", image.id)
    kinds = await catalog.rows(
        select(cols(Change).kind, cols(Change).noun).where(
            cols(Change).command_id == commands[-1].id
        )
    )
    assert sorted(map(tuple, kinds)) == [
        ("hide", "roi"), ("hide", "shape"), ("set", "shape"), ("show", "roi"), ("show", "shape"),
    ]  # fmt: skip
    told = {(one.kind, one.target_id) for one in await catalog.all(Event)}
    assert {("changed", first), ("changed", second), ("trashed", third)} <= told
    await world.undo_last(ada)
    assert await shapes_of(rois, image) == before
    await world.redo_last(ada)
    assert await shapes_of(rois, image) == after


async def test_each_item_is_refused_for_itself(world: World, ada: int, image: Image) -> None:
    rois, edits, _ = await services(world, ada)
    bob = await world.person("bob", image.group_id)
    mine, copied, copy = (
        await rois.create(image.id, [rectangle(0)]),
        await rois.create(image.id, [rectangle(0)]),
        await rois.create_many(image.id, [NewRoi([rectangle(0)])], kind=RoiKind.REVIEWED),
    )

    async def reviewed(unit: Unit) -> None:
        await unit.change(Roi, copy[0], original_id=copied.id)

    await (await world.catalog(ROOT)).write("review", reviewed)
    (shape,) = (await rois.shapes_of([mine.id]))[mine.id]
    done = await edits.edit(
        image.id,
        Edits(
            new=[rectangle(0, z=9), rectangle(0)],
            redrawn=[Redrawn(shape, rectangle(0, t=5))],
            deleted_rois=[copied.id, copy[0], mine.id, 10**9],
        ),
    )
    assert list(done.new) == [1]
    assert isinstance(done.new_refused[0], Invalid)
    assert isinstance(done.shapes_refused[shape.id], Invalid)
    assert done.deleted_rois == {mine.id}
    assert {id: type(error) for id, error in done.rois_refused.items()} == {
        copied.id: Conflict, copy[0]: NotFound, 10**9: NotFound,
    }  # fmt: skip
    _, theirs, _ = await services(world, bob)
    refused = await theirs.edit(image.id, Edits(deleted_rois=[copied.id]))
    assert isinstance(refused.rois_refused[copied.id], Forbidden)
    assert refused.deleted_rois == set()


async def test_a_shape_that_was_changed_meanwhile_is_left_alone(
    world: World, ada: int, image: Image
) -> None:
    rois, edits, _ = await services(world, ada)
    roi = await rois.create(image.id, [polygon(3)])
    (seen,) = (await rois.shapes_of([roi.id]))[roi.id]
    await edits.edit(image.id, Edits(redrawn=[Redrawn(seen, polygon(4))]))
    done = await edits.edit(image.id, Edits(redrawn=[Redrawn(seen, polygon(5))]))
    assert isinstance(done.shapes_refused[seen.id], Conflict)
    (now,) = (await rois.shapes_of([roi.id]))[roi.id]
    assert now.area == 8


async def test_what_is_redrawn_as_it_is_writes_nothing(
    world: World, ada: int, image: Image
) -> None:
    rois, edits, _ = await services(world, ada)
    roi = await rois.create(image.id, [polygon(3)])
    (seen,) = (await rois.shapes_of([roi.id]))[roi.id]
    before = len(await rois._catalog.all(Command))
    done = await edits.edit(image.id, Edits(redrawn=[Redrawn(seen, polygon(3))]))
    assert done.redrawn == {seen.id: roi.id}
    assert len(await rois._catalog.all(Command)) == before
    assert (await rois.get(roi.id)).version == 1


async def test_a_stranger_finds_no_image_to_edit(world: World, ada: int, image: Image) -> None:
    stranger = await world.person("eve", await world.group("outside", GroupLevel.private))
    _, edits, _ = await services(world, stranger)
    with pytest.raises(NotFound):
        await edits.edit(image.id, Edits(new=[rectangle(0)]))


async def test_deleting_the_last_shape_leaves_the_region(
    world: World, ada: int, image: Image
) -> None:
    rois, _, lists = await services(world, ada)
    roi = await rois.create(image.id, [polygon(3)])
    (shape,) = (await rois.shapes_of([roi.id]))[roi.id]
    await rois.delete_shape(shape.id)
    assert (await lists.region(roi.id)).version == 2
    assert await lists.shapes_of([roi.id]) == {roi.id: []}
    with pytest.raises(NotFound):
        await rois.delete_shape(shape.id)
    await world.undo_last(ada)
    assert len((await lists.shapes_of([roi.id]))[roi.id]) == 1
    await rois.delete([roi.id])
    with pytest.raises(NotFound):
        await lists.region(roi.id)


# lists


async def test_pages_by_offset_are_the_whole_list_in_order(
    world: World, ada: int, image: Image
) -> None:
    rois, _, lists = await services(world, ada)
    ids = list(await rois.create_many(image.id, [NewRoi([rectangle(n)]) for n in range(7)]))
    which = Narrowed(image.id)
    found = []
    for offset in range(0, 9, 3):
        page = await lists.page(which, offset=offset, limit=3)
        assert page.total == 7
        found += [row.id for row in page.rows]
    assert found == ids
    parts = [part async for part in lists.ids(which, at_once=3)]
    assert parts == [ids[:3], ids[3:6], ids[6:]]
    shapes = await lists.shapes_page(which, offset=2, limit=2)
    assert (shapes.total, [row.roi_id for row in shapes.rows]) == (7, ids[2:4])
    assert await lists.place_of(await rois.get(ids[4])) == (4, 7)
    assert await lists.counts_of([image.id]) == {image.id: 7}


async def test_lists_are_narrowed_by_owner_group_and_plane(
    world: World, ada: int, image: Image
) -> None:
    rois, _, lists = await services(world, ada)
    bob = await world.person("bob", image.group_id)
    (theirs, _, _) = await services(world, bob)
    mine = await rois.create(image.id, [rectangle(0, z=1, t=0), rectangle(1, z=3)])
    other = await theirs.create(image.id, [rectangle(0)])

    async def found(**narrowed: object) -> list[int]:
        page = await lists.page(Narrowed(image.id, **narrowed), offset=0, limit=9)  # type: ignore[arg-type]  # as the fields are
        return [row.id for row in page.rows]

    assert await found() == [mine.id, other.id]
    assert await found(owner_id=bob) == [other.id]
    assert await found(group_id=image.group_id) == [mine.id, other.id]
    assert await found(group_id=image.group_id + 1) == []
    assert await found(z=(1, 1), t=(0, 0)) == [mine.id, other.id]
    assert await found(z=(1, 1), t=(1, 1)) == [other.id]
    assert await found(z=(2, 3), t=(1, 1)) == [mine.id, other.id]
    assert sorted(await lists.counts_by_plane(image.id), key=str) == [
        (1, 0, 1), (3, None, 1), (None, None, 1),
    ]  # fmt: skip


async def test_what_one_may_not_see_neither_shows_nor_counts(
    world: World, ada: int, image: Image
) -> None:
    rois, _, _ = await services(world, ada)
    roi = await rois.create(image.id, [rectangle(0)])
    stranger = await world.person("eve", await world.group("outside", GroupLevel.private))
    _, _, lists = await services(world, stranger)
    for page in (lists.page, lists.shapes_page):
        found = await page(Narrowed(), offset=0, limit=9)
        assert (list(found.rows), found.total) == ([], 0)
    assert await lists.counts_of([image.id]) == {}
    assert await lists.counts_by_plane(image.id) == []
    with pytest.raises(NotFound):
        await lists.region(roi.id)


async def test_a_page_costs_the_same_however_long(world: World, ada: int, image: Image) -> None:
    rois, _, lists = await services(world, ada)
    await rois.create_many(image.id, [NewRoi([rectangle(n)]) for n in range(20)])
    counts = []
    for limit in (1, 20):
        with statements(world.database) as sent:
            page = await lists.page(Narrowed(image.id), offset=0, limit=limit)
            shapes = await lists.shapes_of([row.id for row in page.rows])
            await lists.names_of(shapes)
        assert len(shapes) == limit
        counts.append(len(sent))
    assert counts == [5, 5]


def test_points_are_short_texts() -> None:
    assert points_text([[0.0, 10.0], [0.1, -2.5], [1e12, 3.0]]) == "0,10 0.1,-2.5 1000000000000,3"
    assert plain_shapes([]) == []
