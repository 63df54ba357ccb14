"""Properties, tags, descriptions, attached files and storages on both databases."""

from __future__ import annotations

import asyncio
import io

import pytest

from adapters.properties import NewProperty
from store.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from store.tables.annotations import AnnotationKind
from store.tables.containers import Project
from tests.fixtures.hub_world import HubWorld

NS = "test/properties"


async def image(world: HubWorld, name: str = "i") -> tuple[str, int]:
    return "image", (await world.image(world.people["owner"], name)).id


async def test_properties_of_one_object_share_a_map(hub_world: HubWorld) -> None:
    target, hub = await image(hub_world), await hub_world.hub("owner")
    first = await hub.properties.add(target, "a", "1", ns=NS)
    second = await hub.properties.add(target, "b", "2", ns=NS)
    assert first.annotation_id == second.annotation_id
    assert (first.position, second.position) == (0, 1)
    other = await hub_world.hub("annotator")
    third = await other.properties.add(target, "c", "3", ns=NS)
    assert third.annotation_id != first.annotation_id
    found = (await hub.properties.on([target]))[target]
    assert [(one.key, one.value) for one in found] == [("a", "1"), ("b", "2"), ("c", "3")]
    with pytest.raises(Forbidden):
        await other.properties.change(target, first.id, value="9")
    changed = await hub.properties.change(target, first.id, key="z", value="9")
    assert (changed.id, changed.key, changed.value) == (first.id, "z", "9")
    await hub.properties.remove(target, second.id)
    await hub_world.undo_last(hub_world.people["owner"])
    await hub_world.undo_last(hub_world.people["owner"])
    found = (await hub.properties.on([target]))[target]
    assert [one.key for one in found] == ["a", "b", "c"]


async def test_many_properties_are_one_step_and_bad_ones_are_told(hub_world: HubWorld) -> None:
    one, two = await image(hub_world), await image(hub_world)
    hub = await hub_world.hub("owner")
    wanted = [
        NewProperty(one, "a", "1"), NewProperty(two, "a", "1"), NewProperty(one, "a", "2"),
        NewProperty(("image", 987654), "a", "1"), NewProperty(one, " ", "1"),
        NewProperty(("term", 5), "a", "1"), NewProperty(one, "b", "2"),
    ]  # fmt: skip
    answers = await hub.properties.add_many(wanted, ns=NS)
    kinds = [type(answer) if isinstance(answer, HubError) else int for answer in answers]
    assert kinds == [int, int, Conflict, NotFound, Invalid, Invalid, int]
    found = await hub.properties.on([one, two])
    assert [prop.id for prop in found[one]] == [answers[0], answers[6]]
    assert [prop.id for prop in found[two]] == [answers[1]]
    await hub_world.undo_last(hub_world.people["owner"])
    assert await hub.properties.on([one, two]) == {one: [], two: []}


async def test_a_key_raced_for_is_there_once(hub_world: HubWorld) -> None:
    target, hub = await image(hub_world), await hub_world.hub("owner")
    answers = await asyncio.gather(
        *(hub.properties.add(target, "k", str(n), ns=NS) for n in range(6)), return_exceptions=True
    )
    assert [isinstance(one, Conflict) for one in answers].count(False) == 1
    assert len((await hub.properties.on([target]))[target]) == 1


async def test_a_shared_map_is_copied_to_change_one_object(hub_world: HubWorld) -> None:
    one, two = await image(hub_world), await image(hub_world)
    hub = await hub_world.hub("owner")
    note = await hub.annotations.create(
        AnnotationKind.MAP, [("a", "1"), ("b", "2")], targets=[one, two]
    )
    first, second = (await hub.properties.on([one]))[one]
    assert first.annotation_id == note.id
    stored = await hub.properties.change(one, first.id, value="9")
    assert stored.id != first.id
    await hub.properties.remove(two, second.id)
    found = await hub.properties.on([one, two])
    pairs = [[(prop.key, prop.value) for prop in found[target]] for target in (one, two)]
    assert pairs == [[("a", "9"), ("b", "2")], [("a", "1")]]


async def test_a_tag_is_taken_once_by_those_who_read_it(hub_world: HubWorld) -> None:
    hub = await hub_world.hub("owner")
    answers = await asyncio.gather(
        *(hub.tags.create("Red") for _ in range(5)), return_exceptions=True
    )
    assert [isinstance(one, Conflict) for one in answers].count(False) == 1
    with pytest.raises(Conflict):
        await (await hub_world.hub("annotator")).tags.create("RED")
    theirs = await (await hub_world.hub("stranger")).tags.create("red")
    (mine,) = await hub.tags.all()
    with pytest.raises(NotFound):
        await hub.tags.get(theirs.id)
    target = await image(hub_world)
    made = await hub.tags.put_on(mine.id, target)
    with pytest.raises(Conflict):
        await (await hub_world.hub("annotator")).tags.put_on(mine.id, target)
    assert (await hub.tags.on([target]))[target] == [made]
    assert await hub.tags.everywhere() == [made]
    await hub.tags.delete(mine.id)
    assert await hub.tags.everywhere() == []
    await hub_world.undo_last(hub_world.people["owner"])
    assert await hub.tags.everywhere() == [made]


async def test_a_description_takes_its_id_when_a_text_is_first_set(hub_world: HubWorld) -> None:
    hub = await hub_world.hub("owner")
    project = await hub.containers.create(Project, name="p", description="by another door")
    found = await hub.descriptions.get("project", project.id)
    assert (found.text, found.html) == ("by another door", False)
    assert found.id not in (project.id, None)
    assert found.id == project.description_id
    bare = await hub.containers.create(Project, name="q")
    assert bare.description_id is None
    with pytest.raises(NotFound):
        await hub.descriptions.get("project", bare.id)
    made = await hub.descriptions.add("project", bare.id, "<b>x</b>")
    with pytest.raises(Conflict):
        await hub.descriptions.add("project", bare.id, "again")
    await hub.descriptions.remove("project", bare.id)
    again = await hub.descriptions.add("project", bare.id, "y")
    assert again.id == made.id
    with pytest.raises(Invalid):
        await hub.descriptions.get("term", 5)


async def test_a_file_is_taken_off_one_object_at_a_time(hub_world: HubWorld) -> None:
    one, two = await image(hub_world), await image(hub_world)
    hub = await hub_world.hub("owner")
    note = await hub.attachments.add_file(
        "a.txt", io.BytesIO(b"abc"), [one, two], extra={"key": "k"}
    )
    first = await hub.attached_files.of(note.id, one)
    second = await hub.attached_files.of(note.id, two)
    assert (first.filename, first.extra, first.target) == ("a.txt", {"key": "k"}, one)
    assert len(await hub.attached_files.everywhere()) == 2
    await hub.attached_files.take_off(first.id)
    assert (await hub.attached_files.on([one, two])) == {one: [], two: [second]}
    assert (await hub.annotations.get(note.id)).id == note.id
    await hub.attached_files.take_off(second.id)
    with pytest.raises(NotFound):
        await hub.annotations.get(note.id)
    await hub_world.undo_last(hub_world.people["owner"])
    assert (await hub.attached_files.on([two]))[two] == [second]


async def test_whoever_has_no_storage_gets_one(hub_world: HubWorld) -> None:
    hub = await hub_world.hub("owner")
    first = list(await hub.storages.mine())
    assert [one.owner_id for one in first] == [hub_world.people["owner"]]
    assert list(await hub.storages.mine()) == first
    with pytest.raises(NotFound):
        await (await hub_world.hub("stranger")).storages.get(first[0].id)
    await hub.storages.admit(first[0].id, [hub_world.people["stranger"]])
    stranger = await hub_world.hub("stranger")
    assert first[0].id in [one.id for one in await stranger.storages.mine()]
    assert await stranger.storages.members(first[0].id) == [
        hub_world.people["owner"], hub_world.people["stranger"],
    ]  # fmt: skip
    with pytest.raises(Forbidden):
        await stranger.storages.admit(first[0].id, [hub_world.people["reader"]])
    await hub.storages.expel(first[0].id, [hub_world.people["stranger"]])
    with pytest.raises(NotFound):
        await (await hub_world.hub("stranger")).storages.get(first[0].id)
