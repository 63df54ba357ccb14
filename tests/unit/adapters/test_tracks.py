"""Tracks: regions in the order of their planes, one per plane, of one image."""

from __future__ import annotations

import pytest

from adapters.containers import Containers
from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from adapters.tracks import Tracks
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from tests.fixtures.hub import GroupLevel

POINT = Drawn(Kind.POINT, {"x": 5, "y": 5})


async def scene(world):
    """An owner and a colleague of a read-annotate group, and an image of 2 × 3 × 4 planes."""
    owner, colleague = await world.person("owner"), await world.person("colleague")
    lab = await world.group("lab", GroupLevel.read_annotate, members=[owner, colleague])
    system = world.system()
    from adapters.groups import Groups

    await Groups(system).set_default(owner, lab)
    return owner, colleague, await world.image(owner)


async def point(world, user, image, **plane) -> int:
    rois = Rois(await world.catalog(user))
    return (await rois.create(image.id, [Draft(POINT, **plane)])).id


async def test_regions_are_ordered_by_the_rank_of_their_plane(world):
    owner, _, image = await scene(world)
    late = await point(world, owner, image, t=1, z=2, c=1)
    early = await point(world, owner, image, t=0, z=3, c=2)
    tracks = Tracks(await world.catalog(owner))
    track = await tracks.create(image.id, "Cell 1", color=255, roi_ids=[late, early])
    members = (await tracks.members([track.id]))[track.id]
    # rank = c + 3 · (z + 4 · t)
    assert [(one.roi_id, one.rank) for one in members] == [(early, 11), (late, 19)]
    assert await tracks.add(track.id, [late]) == 0
    assert [one.name for one in (await tracks.of_images([image.id]))[image.id]] == ["Cell 1"]


async def test_a_track_has_one_region_per_plane(world):
    owner, _, image = await scene(world)
    first, second = [await point(world, owner, image, t=0, z=0, c=0) for _ in range(2)]
    tracks = Tracks(await world.catalog(owner))
    track = await tracks.create(image.id, "Cell", roi_ids=[first])
    with pytest.raises(Conflict):
        await tracks.add(track.id, [second])


async def test_a_region_on_every_plane_or_on_another_image_cannot_be_followed(world):
    owner, _, image = await scene(world)
    everywhere = await point(world, owner, image, t=1)
    other = await world.image(owner, "other.tif")
    elsewhere = await point(world, owner, other, t=0, z=0, c=0)
    tracks = Tracks(await world.catalog(owner))
    for id, says in ((everywhere, "no single plane"), (elsewhere, "another image")):
        with pytest.raises(Invalid, match=says):
            await tracks.create(image.id, "Cell", roi_ids=[id])
    with pytest.raises(NotFound):
        await tracks.create(image.id, "Cell", roi_ids=[999_999])
    assert (await tracks.of_images([image.id]))[image.id] == []


async def test_a_name_is_taken_once_per_image(world):
    owner, _, image = await scene(world)
    tracks = Tracks(await world.catalog(owner))
    await tracks.create(image.id, "Cell")
    with pytest.raises(Conflict, match="already track"):
        await tracks.create(image.id, "CELL")


async def test_what_others_drew_is_not_put_into_ones_own_track(world):
    owner, colleague, image = await scene(world)
    theirs = await point(world, owner, image, t=0, z=0, c=0)
    tracks = Tracks(await world.catalog(colleague))
    with pytest.raises(Forbidden):
        await tracks.create(image.id, "Cell", roi_ids=[theirs])
    assert (await tracks.create(image.id, "Mine")).group_id == image.group_id


async def test_a_track_is_renamed_deleted_and_brought_back_with_its_regions(world):
    owner, colleague, image = await scene(world)
    first = await point(world, owner, image, t=0, z=0, c=0)
    tracks = Tracks(await world.catalog(owner))
    track = await tracks.create(image.id, "Cell", roi_ids=[first])
    await tracks.create(image.id, "Other")
    with pytest.raises(Conflict):
        await tracks.update(track.id, name="OTHER")
    with pytest.raises(Forbidden):
        await Tracks(await world.catalog(colleague)).update(track.id, name="theirs")
    changed = await tracks.update(track.id, name="Nucleus", color=7, expected=1)
    assert (changed.name, changed.color, changed.version) == ("Nucleus", 7, 2)
    with pytest.raises(Invalid):
        await tracks.update(track.id, image_id=3)
    await tracks.delete([track.id])
    assert (await tracks.of_rois([first]))[first] == []
    with pytest.raises(NotFound):
        await tracks.get(track.id)
    await world.undo_last(owner)
    assert [one.track_id for one in (await tracks.of_rois([first]))[first]] == [track.id]


async def test_a_region_taken_out_or_deleted_frees_its_plane_in_the_track(world):
    owner, _, image = await scene(world)
    first, second = [await point(world, owner, image, t=0, z=0, c=0) for _ in range(2)]
    tracks = Tracks(await world.catalog(owner))
    track = await tracks.create(image.id, "Cell", roi_ids=[first])
    with pytest.raises(Conflict, match="already"):
        await tracks.add(track.id, [first], anew=True)
    (gone,) = await tracks.remove(track.id, [first])
    assert (gone.roi_id, gone.rank) == (first, 0)
    with pytest.raises(NotFound):
        await tracks.remove(track.id, [first])
    await tracks.add(track.id, [first], anew=True)
    await Rois(await world.catalog(owner)).delete([first])
    assert await tracks.add(track.id, [second]) == 1
    members = (await tracks.members([track.id]))[track.id]
    assert [one.roi_id for one in members] == [second]


async def test_tracks_of_a_project_are_those_bound_to_it_and_those_bound_to_none(world):
    owner, _, image = await scene(world)
    project, other = [await world.project(owner, name) for name in ("One", "Two")]
    tracks = Tracks(await world.catalog(owner))
    with pytest.raises(Invalid, match="does not lie in"):
        await tracks.create(image.id, "Bound", project_id=project.id)
    containers = Containers(await world.catalog(owner))
    for each in (project, other):
        dataset = await world.dataset(owner, each.name)
        await containers.link(Project, each.id, Dataset, [dataset.id])
        await containers.link(Dataset, dataset.id, Image, [image.id])
    await tracks.create(image.id, "Bound", project_id=project.id)
    await tracks.create(image.id, "Anywhere")
    assert [one.name for one in await tracks.of_project(project.id)] == ["Anywhere", "Bound"]
    assert [one.name for one in await tracks.of_project(other.id)] == ["Anywhere"]
