"""Lists by page number, places in them, links by the dozen, and names of channels."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.linking import Edge
from adapters.tree import Branch
from store.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from tests.fixtures.hub_world import HubWorld

NAMES = ["b", "A", "c", "a", "Ä"]


async def scene(world: HubWorld) -> tuple[int, dict[str, int]]:
    me = world.people["owner"]
    dataset = await world.dataset(me)
    made = {name: (await world.image(me, name, into=dataset.id)).id for name in NAMES}
    return dataset.id, made


async def test_lists_are_by_folded_name_and_then_by_id(hub_world: HubWorld) -> None:
    dataset, ids = await scene(hub_world)
    hub = await hub_world.hub("owner")
    for branch in (Branch((Dataset, dataset)), Branch(owner_id=hub_world.people["owner"])):
        rows = await hub.tree.list(Image, branch)
        assert [row.name for row in rows] == ["A", "a", "b", "c", "Ä"]
        page = await hub.tree.list(Image, branch, offset=1, limit=3)
        assert [row.name for row in page] == ["a", "b", "c"]
        assert await hub.tree.count(Image, branch) == len(ids)
    assert await hub.tree.list(Image, Branch(orphaned=True)) == []
    stranger = await hub_world.hub("stranger")
    assert await stranger.tree.list(Image, Branch((Dataset, dataset))) == []
    assert await stranger.tree.count(Image) == 0


async def test_a_place_is_the_position_in_the_list(hub_world: HubWorld) -> None:
    dataset, _ = await scene(hub_world)
    me = hub_world.people["owner"]
    further = await hub_world.dataset(me, "further")
    hub = await hub_world.hub("owner")
    loose = [await hub_world.image(me, name) for name in NAMES]
    await hub.containers.link(Dataset, further.id, Image, [loose[0].id])
    branch = Branch(owner_id=me, orphaned=True)
    for place, row in enumerate(await hub.tree.list(Image, branch)):
        assert await hub.tree.place(Image, branch, row) == place
    for place, row in enumerate(await hub.tree.list(Image, Branch((Dataset, dataset)))):
        places = await hub.tree.places(Dataset, [dataset, further.id], row)
        assert places[dataset] == place
        assert places[further.id] == (0 if row.name_key <= "b" else 1)


async def test_an_image_without_pixels_is_not_listed(hub_world: HubWorld) -> None:
    me = hub_world.people["owner"]
    image = await hub_world.image(me, "declared")

    async def declare(unit: object) -> None:
        await unit.change(Image, image.id, state="declared")  # type: ignore[attr-defined]  # a Unit

    await (await hub_world.hub("owner")).catalog.write("declare", declare)
    hub = await hub_world.hub("owner")
    assert await hub.tree.list(Image) == []
    assert await hub.tree.count(Image, Branch(orphaned=True)) == 0


async def test_links_of_a_call_are_one_command(hub_world: HubWorld) -> None:
    dataset, ids = await scene(hub_world)
    me = hub_world.people["owner"]
    project, other = await hub_world.project(me), await hub_world.dataset(me, "other")
    hub = await hub_world.hub("owner")
    edges = [
        Edge("project", project.id, "dataset", (dataset, other.id)),
        Edge("dataset", other.id, "image", tuple(ids.values())),
    ]
    assert await hub.linking.link(edges) == 2 + len(ids)
    assert await hub.linking.link(edges) == 0
    above = await hub.linking.above("image", [ids["a"]])
    assert {one.parent_id for one in above} == {dataset, other.id}
    assert {one.child_id for one in above} == {ids["a"]}
    assert await hub.linking.unlink(edges) == 2 + len(ids)
    await hub_world.undo_last(me)
    assert len(await hub.linking.above("dataset", [dataset, other.id])) == 2
    stranger = await hub_world.hub("stranger")
    assert await stranger.linking.above("image", list(ids.values())) == []
    with pytest.raises(NotFound):
        await stranger.linking.link(edges[:1])
    annotator = await hub_world.hub("annotator")
    with pytest.raises(Forbidden):
        await annotator.linking.unlink(edges[:1])


async def test_links_join_rows_of_one_group_only(hub_world: HubWorld) -> None:
    dataset, _ = await scene(hub_world)
    root = await hub_world.hub("root")
    vault = await root.containers.create(Project, name="V", group_id=hub_world.groups["vault"])
    with pytest.raises(Conflict):
        await root.linking.link([Edge("project", vault.id, "dataset", (dataset,))])
    assert await root.linking.above("dataset", [dataset]) == []


def test_an_edge_names_what_can_be_linked() -> None:
    for parent, child in (
        ("project", "image"), ("image", "dataset"), ("nothing", "image"), ("tag", "term"),
        ("dataset", "dataset"), ("user", "tag"),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            Edge(parent, 1, child, (2,))


async def test_a_call_has_its_limit(hub_world: HubWorld) -> None:
    hub = await hub_world.hub("owner")
    with pytest.raises(TooLarge):
        await hub.linking.link([Edge("dataset", 1, "image", tuple(range(5001)))])
    with pytest.raises(Invalid):
        await hub.linking.above("project", [1])


async def test_names_of_channels_sent_back_are_no_change(hub_world: HubWorld) -> None:
    image = await hub_world.picture("owner", np.zeros((16, 16, 3), "uint8"))
    hub = await hub_world.hub("owner")
    named = await hub.channels.name(image.id, {0: "DAPI", 2: " "})
    assert (named.images, named.changed) == (1, 1)
    names = [one.name for one in (await hub.images.channels([image.id]))[image.id]]
    assert names == ["DAPI", "Green", None]
    again = await hub.channels.name(image.id, {0: "DAPI", 2: ""})
    assert (again.images, again.changed) == (1, 0)
    with pytest.raises(Invalid):
        await hub.channels.name(image.id, {0: "a\nb"})
    await hub_world.undo_last(hub_world.people["owner"])
