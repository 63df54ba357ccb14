"""Images in projects: coming, going and coming back, lists by offset, and the numbers of planes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from adapters.placement_fields import Narrowing
from adapters.placements import Which
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.images import Image
from store.tables.rois import Roi
from store.unit import Unit
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

_placement = cols(Placement)


async def project(world: HubWorld, who: str = "owner", name: str = "Lung", **fields: Any) -> int:
    hub = await world.hub(who)
    made = await hub.projects.create(name, **fields)
    return made.id


async def picture(world: HubWorld, who: str = "owner", size: Any = (4, 6), **options: Any) -> Image:
    return await world.picture(who, np.zeros(size, "uint8"), again=True, **options)


async def state(world: HubWorld, id: int) -> str:
    async with world.database.reading() as connection:
        found = await connection.scalar(select(_placement.state).where(_placement.id == id))
    return str(found)


async def bound(world: HubWorld, who: str, image_id: int, project_id: int | None) -> int:
    """Draw a region without shapes, straight into the store."""
    hub = await world.hub(who)

    async def work(unit: Unit) -> int:
        row = Roi(
            owner_id=world.people[who], author_id=world.people[who], image_id=image_id,
            project_id=project_id,
        )  # fmt: skip
        return (await unit.add(row)).id

    return await hub.catalog.write("draw", work)


async def test_an_image_comes_into_a_project_by_an_inbox_made_once(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    first, second = [await picture(hub_world) for _ in range(2)]
    hub = await hub_world.hub("owner")
    placed = await hub.placements.add(first.id, into, name="First")
    other = await (await hub_world.hub("owner")).placements.add(second.id, into)
    assert (placed.name, placed.image.id, placed.row.project_id) == ("First", first.id, into)
    assert (other.name, other.row.added_by) == (second.name, hub_world.people["owner"])
    hub = await hub_world.hub("owner")
    (dataset,) = await hub.catalog.all(Dataset)
    stored = await hub.catalog.one(Project, into)
    assert dataset.id == stored.inbox_dataset_id
    assert (dataset.name, dataset.made_for_project_id) == ("Lung", into)
    assert len(await hub.catalog.all(ProjectDataset)) == 1
    assert {one.image_id for one in await hub.catalog.all(DatasetImage)} == {first.id, second.id}


async def test_an_image_is_in_a_project_once(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    await (await hub_world.hub("owner")).placements.add(image.id, into)
    before = await hub_world.stored()
    with pytest.raises(Conflict, match="already"):
        await (await hub_world.hub("owner")).placements.add(image.id, into)
    assert await hub_world.stored() == before


async def test_nothing_is_made_for_somebody_who_may_not_add(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    before = await hub_world.stored()
    with pytest.raises(NotFound):
        await (await hub_world.hub("stranger")).placements.add(image.id, into)
    with pytest.raises(Forbidden):
        await (await hub_world.hub("annotator")).placements.add(image.id, into)
    assert await hub_world.stored() == before


async def test_a_member_of_another_group_adds_an_image_that_lies_nowhere_only_with_the_right(
    hub_world: HubWorld,
) -> None:
    into = await project(hub_world, "owner")
    mine = await picture(hub_world, "stranger")
    owner = await hub_world.hub("owner")
    await owner.members.add(into, [hub_world.people["stranger"]])
    before = await hub_world.stored()
    with pytest.raises((Conflict, Forbidden)):
        await (await hub_world.hub("stranger")).placements.add(mine.id, into)
    after = await hub_world.stored()
    assert after["placement"] == before["placement"]
    assert after["dataset_image"] == before["dataset_image"]


async def test_removing_takes_the_regions_along_and_returning_brings_none_back(
    hub_world: HubWorld,
) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    placed = await (await hub_world.hub("owner")).placements.add(image.id, into)
    mine = await bound(hub_world, "owner", image.id, into)
    free = await bound(hub_world, "owner", image.id, None)
    await (await hub_world.hub("owner")).placements.remove(placed.row.id)
    hub = await hub_world.hub("owner")
    assert await state(hub_world, placed.row.id) == "left"
    assert [row.id for row in await hub.catalog.all(Roi)] == [free]
    with pytest.raises(NotFound):
        await hub.placements.get(placed.row.id)
    again = await hub.placements.add(image.id, into)
    assert again.row.id == placed.row.id
    assert mine not in {row.id for row in await hub.catalog.all(Roi)}


async def test_undo_of_a_removal_brings_image_and_regions_back(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    placed = await (await hub_world.hub("owner")).placements.add(image.id, into)
    mine = await bound(hub_world, "owner", image.id, into)
    await (await hub_world.hub("owner")).placements.remove(placed.row.id)
    await hub_world.undo_last(hub_world.people["owner"])
    hub = await hub_world.hub("owner")
    assert (await hub.placements.get(placed.row.id)).image.id == image.id
    assert [row.id for row in await hub.catalog.all(Roi)] == [mine]


async def test_undo_of_adding_leaves_the_inbox(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    placed = await (await hub_world.hub("owner")).placements.add(image.id, into)
    await hub_world.undo_last(hub_world.people["owner"])
    assert await state(hub_world, placed.row.id) == "left"
    hub = await hub_world.hub("owner")
    assert (await hub.catalog.one(Project, into)).inbox_dataset_id is not None
    await hub_world.redo_last(hub_world.people["owner"])
    assert await state(hub_world, placed.row.id) == "live"


async def test_a_dataset_shared_with_another_project_keeps_the_image(hub_world: HubWorld) -> None:
    here = await project(hub_world, name="here")
    there = await project(hub_world, name="there")
    image = await picture(hub_world)
    hub = await hub_world.hub("owner")
    dataset = await hub.containers.create(Dataset, name="shared", into=here)
    await hub.containers.link(Dataset, dataset.id, Image, [image.id])
    await (await hub_world.hub("owner")).containers.link(Project, there, Dataset, [dataset.id])
    hub = await hub_world.hub("owner")
    (at,) = await hub.placements.page(Which(project_ids=[here]))
    await hub.placements.remove(at.row.id)
    assert await state(hub_world, at.row.id) == "excluded"
    hub = await hub_world.hub("owner")
    assert len(await hub.placements.page(Which(project_ids=[there]))) == 1
    assert len(await hub.catalog.all(DatasetImage)) == 1
    # Back by name, though the shared dataset still holds it.
    assert (await hub.placements.add(image.id, here)).row.id == at.row.id


async def test_an_image_in_review_stays(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    hub = await hub_world.hub("owner")
    placed = await hub.placements.add(image.id, into)

    async def work(unit: Unit) -> None:
        await unit.change(Placement, placed.row.id, review_started_at=5)

    await (await hub_world.hub("owner")).catalog.write("review", work)
    before = await hub_world.stored()
    with pytest.raises(Conflict, match="in review"):
        await (await hub_world.hub("owner")).placements.remove(placed.row.id)
    assert await hub_world.stored() == before


async def test_what_is_sent_back_as_shown_is_no_change(hub_world: HubWorld) -> None:
    into, image = await project(hub_world), await picture(hub_world)
    placed = await (await hub_world.hub("owner")).placements.add(image.id, into)
    before = await hub_world.stored()
    hub = await hub_world.hub("owner")
    same = await hub.placements.change(
        placed.row.id, name=image.name, magnification=None, physical_size_x=None, project_id=into
    )
    assert same.row.version == placed.row.version
    assert await hub_world.stored() == before
    changed = await hub.placements.change(placed.row.id, name="New", physical_size_x=0.25)
    assert (changed.name, changed.own("physical_size_x")) == ("New", 0.25)
    assert (await hub.catalog.one(Image, image.id)).name == image.name
    with pytest.raises(Invalid):
        await hub.placements.change(placed.row.id, fps=-1.0)


async def test_another_project_takes_image_and_regions_with_their_ids(hub_world: HubWorld) -> None:
    here, there = await project(hub_world, name="here"), await project(hub_world, name="there")
    image = await picture(hub_world)
    placed = await (await hub_world.hub("owner")).placements.add(image.id, here, name="Mine")
    roi = await bound(hub_world, "owner", image.id, here)
    hub = await hub_world.hub("owner")
    moved = await hub.placements.change(placed.row.id, project_id=there)
    assert (moved.row.id, moved.row.project_id, moved.name) == (placed.row.id, there, "Mine")
    assert (await hub.catalog.one(Roi, roi)).project_id == there
    assert await hub.placements.count(Which(project_ids=[here])) == 0
    # Where it was before, it returns under the id of then.
    back = await (await hub_world.hub("owner")).placements.change(moved.row.id, project_id=here)
    again = await (await hub_world.hub("owner")).placements.change(back.row.id, project_id=there)
    assert (again.row.project_id, again.name) == (there, "Mine")
    await hub_world.undo_last(hub_world.people["owner"])
    hub = await hub_world.hub("owner")
    assert await hub.placements.count(Which(project_ids=[here])) == 1
    assert (await hub.catalog.one(Roi, roi)).project_id == here


async def test_lists_are_narrowed_sorted_and_paged_in_the_store(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    wide = await picture(hub_world, size=(4, 9), name="Übersicht_1.tif")
    narrow = await picture(hub_world, size=(4, 5), name="detail.tif")
    tall = await picture(hub_world, size=(8, 7), name="Detail 100%.tif")
    for image in (wide, narrow, tall):
        await (await hub_world.hub("owner")).placements.add(image.id, into)
    hub = await hub_world.hub("owner")

    async def found(*tests: Narrowing, **options: Any) -> list[int]:
        which = Which(project_ids=[into], tests=tests)
        rows = await hub.placements.page(which, **options)
        assert await hub.placements.count(which) == len(rows) or options
        return [one.image.id for one in rows]

    assert await found() == [tall.id, narrow.id, wide.id]
    assert await found(sort="size_x", descending=False) == [narrow.id, tall.id, wide.id]
    assert await found(sort="name", descending=False) == [tall.id, narrow.id, wide.id]
    assert await found(sort="no such field") == [tall.id, narrow.id, wide.id]
    assert await found(offset=1, limit=1) == [narrow.id]
    assert await found(offset=2) == [wide.id]
    assert await found(Narrowing("name", "ilike", "DETAIL*")) == [tall.id, narrow.id]
    assert await found(Narrowing("name", "ilike", "über")) == [wide.id]
    assert await found(Narrowing("name", "ilike", "t_1")) == [wide.id]
    assert await found(Narrowing("size_x", "gte", "7"), Narrowing("size_y", "lte", "4")) == [
        wide.id
    ]
    assert await found(Narrowing("size_x", "in", "5,7")) == [tall.id, narrow.id]
    assert await found(Narrowing("magnification", "equals", "null")) == [
        tall.id,
        narrow.id,
        wide.id,
    ]
    assert await found(Narrowing("reviewed", "equals", "true")) == []
    roi = await bound(hub_world, "owner", narrow.id, into)
    assert roi
    assert await found(Narrowing("drawn_by_people", "gte", "1")) == [narrow.id]
    assert (await found(sort="drawn_by_people"))[0] == narrow.id
    with pytest.raises(Invalid):
        await found(Narrowing("size_x", "gte", "wide"))
    with pytest.raises(Invalid):
        await found(Narrowing("secret", "equals", "1"))
    bounds = await hub.placements.bounds(into)
    assert bounds["size_x"] == [5, 7, 9]
    assert bounds["drawn_by_people"] == [0, 1]


async def test_a_list_takes_as_many_statements_whatever_its_length(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    counts = []
    for _ in range(2):
        for _ in range(3):
            image = await picture(hub_world)
            await (await hub_world.hub("owner")).placements.add(image.id, into)
        hub = await hub_world.hub("owner")
        with statements(hub_world.database) as sent:
            rows = await hub.placements.page(Which(project_ids=[into]))
            await hub.placements.drawn(rows)
            await hub.planes.of_placements([one.row for one in rows])
        counts.append(len([one for one in sent if one.startswith("SELECT")]))
    assert counts[0] == counts[1] <= 3


async def test_planes_are_numbered_by_rank_and_found_by_number(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    dataset = await (await hub_world.hub("owner")).containers.create(Dataset, name="d", into=into)
    image = await picture(hub_world, size=(5, 4, 6), dataset_id=dataset.id)
    other = await picture(hub_world, size=(2, 4, 6), dataset_id=dataset.id)
    hub = await hub_world.hub("owner")
    stack = await hub.planes.of_image(image.id)
    assert (stack.channels, stack.depth, stack.duration, len(stack)) == (1, 5, 1, 5)
    (placed,) = await hub.placements.page(Which(image_id=image.id))
    (beside,) = await hub.placements.page(Which(image_id=other.id))
    placed_stack = await hub.planes.of_placement(placed.row)
    base = placed.row.slice_base or 0
    assert base >= 2**40
    assert [plane.id for plane in placed_stack.planes()] == list(range(base, base + 5))
    assert [plane.base_id for plane in placed_stack.planes(1, 3)] == [
        (image.slice_base or 0) + 1,
        (image.slice_base or 0) + 2,
    ]
    reference = placed_stack.reference()
    assert reference is not None
    assert (reference.c, reference.z, reference.t, reference.rank) == (0, 2, 0, 2)
    asked = [base + 2, (image.slice_base or 0) + 1, beside.row.slice_base or 0, 2**45, 17]
    found = await hub.planes.located(asked)
    assert {id: (one.image_id, one.placement_id, one.z) for id, one in found.items()} == {
        asked[0]: (image.id, placed.row.id, 2),
        asked[1]: (image.id, None, 1),
        asked[2]: (other.id, beside.row.id, 0),
    }
    stranger = await hub_world.hub("stranger")
    assert await stranger.planes.located(asked) == {}


async def test_a_declared_image_has_rows_for_planes(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    hub = await hub_world.hub("owner")
    image = await hub.declared.create_image("nothing.svs", size_x=40, size_c=2)
    plane, _ = await hub.declared.create_plane(image.id, 1, 0, 0, name="DAPI")
    assert (plane.c, plane.rank, plane.base_id) == (1, 1, plane.id)
    with pytest.raises(Conflict, match="already"):
        await hub.declared.create_plane(image.id, 1, 0, 0)
    with pytest.raises(Invalid):
        await hub.declared.create_plane(image.id, -1, 0, 0)
    placed = await hub.placements.add(image.id, into)
    hub = await hub_world.hub("owner")
    _, stack = await hub.placements.stack(placed.row.id)
    (there,) = stack.planes()
    assert (there.base_id, there.c, there.placement_id) == (plane.id, 1, placed.row.id)
    with pytest.raises(Conflict, match="already"):
        await hub.declared.create_placed_plane(placed.row.id, plane.id)
    with pytest.raises(Conflict, match="project"):
        await hub.declared.delete_image(image.id)
    more, _ = await hub.declared.create_plane(image.id, 0, 0, 0)
    made, _ = await hub.declared.create_placed_plane(placed.row.id, more.id)
    assert {one.id for one in (await hub.planes.of_placement(placed.row)).planes()} == {
        there.id,
        made.id,
    }
    await hub.declared.delete_plane(plane.id)
    assert [one.id for one in (await hub.planes.of_placement(placed.row)).planes()] == [made.id]
    await hub.placements.remove(placed.row.id)
    await (await hub_world.hub("owner")).declared.delete_image(image.id)
    with pytest.raises(NotFound):
        await (await hub_world.hub("owner")).image_pages.get(image.id)


async def test_a_declared_image_without_planes_gets_one_when_it_is_needed(
    hub_world: HubWorld,
) -> None:
    into = await project(hub_world)
    hub = await hub_world.hub("owner")
    image = await hub.declared.create_image("nothing.svs")
    placed = await hub.placements.add(image.id, into)
    reader = await hub_world.hub("annotator")
    _, empty = await reader.placements.stack(placed.row.id)
    assert len(empty) == 0
    _, stack = await reader.placements.stack(placed.row.id, fill=True)
    (plane,) = stack.planes()
    assert (plane.c, plane.z, plane.t) == (0, 0, 0)
    _, again = await reader.placements.stack(placed.row.id, fill=True)
    assert [one.id for one in again.planes()] == [plane.id]


async def test_planes_with_pixels_are_neither_added_nor_deleted(hub_world: HubWorld) -> None:
    image = await picture(hub_world)
    hub = await hub_world.hub("owner")
    (plane,) = (await hub.planes.of_image(image.id)).planes()
    with pytest.raises(Conflict, match="has pixels"):
        await hub.declared.create_plane(image.id, 0, 1, 0)
    with pytest.raises(Invalid, match="pixels"):
        await hub.declared.delete_plane(plane.id)


async def test_a_blind_project_keeps_names_from_all_but_its_managers(hub_world: HubWorld) -> None:
    into = await project(hub_world, "owner", name="Blind", blind=True)
    image = await picture(hub_world, name="secret.tif")
    hub = await hub_world.hub("owner")
    placed = await hub.placements.add(image.id, into)
    await (await hub_world.hub("owner")).members.add(into, [hub_world.people["stranger"]])
    assert not (await (await hub_world.hub("owner")).placements.get(placed.row.id)).nameless
    guest = await hub_world.hub("stranger")
    assert (await guest.placements.get(placed.row.id)).nameless
    assert (await guest.image_pages.get(image.id)).nameless
    seek = Which(project_ids=[into], tests=[Narrowing("name", "ilike", "secret")])
    assert await guest.placements.count(seek) == 0
    assert await hub.placements.count(seek) == 1


async def test_neighbours_follow_the_newest_first(hub_world: HubWorld) -> None:
    into = await project(hub_world)
    ids = []
    for _ in range(3):
        image = await picture(hub_world)
        placed = await (await hub_world.hub("owner")).placements.add(image.id, into)
        ids.append(placed.row.id)
    hub = await hub_world.hub("owner")
    after = await hub.placements.neighbour(ids[1], forward=True)
    before = await hub.placements.neighbour(ids[1], forward=False)
    assert (after and after.row.id, before and before.row.id) == (ids[0], ids[2])
    assert await hub.placements.neighbour(ids[0], forward=True) is None
