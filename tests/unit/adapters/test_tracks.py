"""Tracks: regions in the order of their planes, one per plane, of one image."""

from __future__ import annotations

import pytest

from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from adapters.tracks import Tracks
from store.errors import Conflict, Forbidden, Invalid, NotFound
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
