"""Placements follow the links: left, live again under the same id, excluded until linked anew."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from adapters.containers import Containers
from adapters.history import History
from store.catalog import Catalog
from store.statement import table
from store.tables.containers import Dataset, Placement, Project
from store.tables.images import Image
from store.tables.rois import Roi
from store.unit import Unit
from tests.fixtures.hub import World

Rows = dict[tuple[int, int], tuple[int, str]]


@dataclass
class Bench:
    """Two projects, three datasets (the third in both projects) and an image, all unlinked."""

    world: World
    catalog: Catalog
    containers: Containers
    projects: list[int]
    datasets: list[int]
    image: int

    async def placements(self) -> Rows:
        """Return id and state of every placement, whatever its state, by (project, image)."""
        async with self.world.database.reading() as connection:
            rows = await connection.execute(table(Placement).select())
            return {(row.project_id, row.image_id): (row.id, row.state) for row in rows}

    async def state(self, project: int = 0) -> str | None:
        """Return the state of the image in a project."""
        found = (await self.placements()).get((self.projects[project], self.image))
        return None if found is None else found[1]

    async def hold(self, project: int, dataset: int) -> None:
        await self.containers.link(
            Project, self.projects[project], Dataset, [self.datasets[dataset]]
        )

    async def put(self, dataset: int) -> None:
        await self.containers.link(Dataset, self.datasets[dataset], Image, [self.image])

    async def take(self, dataset: int) -> None:
        await self.containers.unlink(Dataset, self.datasets[dataset], Image, [self.image])

    async def exclude(self, project: int) -> None:
        """Take the image out of a project by name, as one dialect does."""
        id, _state = (await self.placements())[self.projects[project], self.image]

        async def work(unit: Unit) -> None:
            await unit.change(Placement, id, state="excluded")

        await self.catalog.write("exclude", work)


@pytest.fixture
async def bench(world: World) -> Bench:
    catalog = world.system()

    async def work(unit: Unit) -> tuple[list[int], list[int], int]:
        lies = {"owner_id": 2, "group_id": 3}
        projects = [(await unit.add(Project(name=f"p{n}", **lies))).id for n in range(2)]
        datasets = [(await unit.add(Dataset(name=f"d{n}", **lies))).id for n in range(3)]
        image = await unit.add(Image(name="i", slice_base=2**40 - 10, slice_count=6, **lies))
        return projects, datasets, image.id

    projects, datasets, image = await catalog.write("furnish", work)
    return Bench(world, catalog, Containers(catalog), projects, datasets, image)


async def test_a_path_makes_a_placement_with_planes_of_its_own(bench: Bench) -> None:
    await bench.put(0)
    assert await bench.state() is None
    await bench.hold(0, 0)
    (placement,) = await bench.catalog.all(Placement)
    assert (placement.project_id, placement.image_id) == (bench.projects[0], bench.image)
    assert placement.slice_base is not None
    assert placement.slice_base >= 2**40
    await bench.hold(1, 0)
    bases = sorted(one.slice_base or 0 for one in await bench.catalog.all(Placement))
    assert bases[1] >= bases[0] + 6


async def test_the_last_path_gone_leaves_and_a_new_one_brings_the_same_row_back(
    bench: Bench,
) -> None:
    await bench.hold(0, 0)
    await bench.hold(0, 1)
    await bench.put(0)
    await bench.put(1)
    (id, _), *_ = (await bench.placements()).values()
    await bench.take(0)
    assert await bench.state() == "live"
    await bench.take(1)
    assert await bench.state() == "left"
    assert not await bench.catalog.all(Placement)
    await bench.put(1)
    assert await bench.placements() == {(bench.projects[0], bench.image): (id, "live")}


async def test_a_dataset_in_the_trash_leaves_and_returns_with_its_images(bench: Bench) -> None:
    await bench.hold(0, 0)
    await bench.put(0)
    await bench.containers.delete(Dataset, [bench.datasets[0]])
    assert await bench.state() == "left"
    await bench.containers.restore(Dataset, [bench.datasets[0]])
    assert await bench.state() == "live"


async def test_a_project_in_the_trash_keeps_its_placements_unseen(bench: Bench) -> None:
    await bench.hold(0, 0)
    await bench.put(0)
    await bench.containers.delete(Project, [bench.projects[0]])
    assert await bench.state() == "live"
    assert not await bench.catalog.all(Placement)
    await bench.containers.restore(Project, [bench.projects[0]])
    assert len(await bench.catalog.all(Placement)) == 1


async def test_regions_bound_to_a_project_stay_bound_while_their_image_is_away(
    bench: Bench,
) -> None:
    await bench.hold(0, 0)
    await bench.put(0)

    async def draw(unit: Unit) -> int:
        roi = Roi(image_id=bench.image, project_id=bench.projects[0], owner_id=2, author_id=2)
        return (await unit.add(roi)).id

    roi = await bench.catalog.write("draw", draw)
    await bench.take(0)
    assert (await bench.catalog.one(Roi, roi)).project_id == bench.projects[0]
    await bench.put(0)
    assert await bench.state() == "live"


async def test_an_excluded_image_stays_out_though_its_dataset_stays(bench: Bench) -> None:
    await bench.hold(0, 2)
    await bench.hold(1, 2)
    await bench.put(2)
    await bench.exclude(0)
    assert (await bench.state(0), await bench.state(1)) == ("excluded", "live")
    # Neither a link elsewhere, nor a rename, nor a restored dataset is a link into this project.
    await bench.put(1)
    await bench.hold(1, 1)
    await bench.containers.update(Image, bench.image, name="other")
    await bench.containers.delete(Dataset, [bench.datasets[2]])
    assert await bench.state(0) == "excluded"
    await bench.containers.restore(Dataset, [bench.datasets[2]])
    assert (await bench.state(0), await bench.state(1)) == ("excluded", "live")


async def test_an_excluded_image_returns_when_its_dataset_is_linked_anew(bench: Bench) -> None:
    await bench.hold(0, 2)
    await bench.put(2)
    await bench.exclude(0)
    await bench.containers.unlink(Project, bench.projects[0], Dataset, [bench.datasets[2]])
    assert await bench.state(0) == "excluded"
    await History(bench.catalog).undo()
    assert await bench.state(0) == "excluded", "a link that undo brings back is no new link"
    await History(bench.catalog).redo()
    await bench.hold(0, 2)
    assert await bench.state(0) == "live"


async def test_an_excluded_image_returns_when_it_is_linked_anew_and_undo_excludes_it(
    bench: Bench,
) -> None:
    await bench.hold(0, 0)
    await bench.hold(0, 2)
    await bench.put(2)
    (id, _), *_ = (await bench.placements()).values()
    await bench.exclude(0)
    await bench.put(0)
    assert await bench.placements() == {(bench.projects[0], bench.image): (id, "live")}
    await History(bench.catalog).undo()
    assert await bench.state(0) == "excluded"
    await History(bench.catalog).redo()
    assert await bench.state(0) == "live"
    await History(bench.catalog).undo()
    await History(bench.catalog).undo()
    assert await bench.state(0) == "live", "the exclusion itself was undone"


async def test_two_links_made_at_once_place_an_image_once(bench: Bench) -> None:
    await bench.hold(0, 0)
    await bench.hold(0, 1)
    await asyncio.gather(bench.put(0), bench.put(1))
    rows = await bench.placements()
    assert list(rows) == [(bench.projects[0], bench.image)]
