"""Annotating many objects as one act: one command, one undo, nothing left of what is refused."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.attachments import Attachments
from store.errors import Forbidden, Invalid, NotFound, TooLarge
from store.tables.annotations import AnnotationKind
from tests.fixtures.hub_world import HubWorld

NS = "test/rating"


async def values(world: HubWorld, target: tuple[str, int]) -> list[tuple[str, Any]]:
    hub = await world.hub("owner")
    found = (await hub.annotations.on([target]))[target]
    return [(one.kind, one.text or one.whole) for one in found]


async def images(world: HubWorld, number: int = 2) -> list[tuple[str, int]]:
    me = world.people["owner"]
    return [("image", (await world.image(me, f"i{n}")).id) for n in range(number)]


def kept(world: HubWorld, content: bytes) -> bool:
    return world.infrastructure.files.exists(hashlib.sha256(content).hexdigest())


async def test_a_file_is_kept_attached_and_undone_as_one(hub_world: HubWorld) -> None:
    targets = await images(hub_world)
    hub = await hub_world.hub("owner")
    note = await hub.attachments.add_file("cells.csv", io.BytesIO(b"a,b\n"), targets, ns="x")
    file = (await hub.annotations.files_of([note.id]))[note.id]
    assert (file.name, file.size, file.media_type) == ("cells.csv", 4, "text/csv")
    assert (note.kind, note.ns, note.file_id) == ("file", "x", file.id)
    for target in targets:
        assert [kind for kind, _ in await values(hub_world, target)] == ["file"]
    await hub_world.undo_last(hub_world.people["owner"])
    for target in targets:
        assert await values(hub_world, target) == []
    await hub_world.redo_last(hub_world.people["owner"])
    assert len(await values(hub_world, targets[0])) == 1


async def test_a_file_that_is_refused_is_not_even_read(hub_world: HubWorld) -> None:
    target = (await images(hub_world, 1))[0]

    def never() -> Iterator[bytes]:
        raise AssertionError("the file was read")
        yield b""

    for who, targets, error in (
        ("stranger", [target], NotFound), ("owner", [("image", 999_999)], NotFound),
        ("owner", [target, ("term", 5)], Invalid), ("owner", [], Invalid),
    ):  # fmt: skip
        hub = await hub_world.hub(who)
        with pytest.raises(error):
            await hub.attachments.add_file("a", never(), targets)
    reader = await hub_world.hub("owner")
    with pytest.raises(Invalid):
        await reader.attachments.add_file(" ", never(), [target])


async def test_bytes_of_a_failed_attachment_are_taken_away(
    hub_world: HubWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = (await images(hub_world, 1))[0]
    hub = await hub_world.hub("owner")
    before = await hub_world.stored()

    async def passes(self: Attachments, targets: Any) -> None: ...

    with monkeypatch.context() as patch:
        patch.setattr(Attachments, "_require", passes)
        with pytest.raises(NotFound):
            await hub.attachments.add_file("a", io.BytesIO(b"gone"), [target, ("image", 999_999)])
    assert not kept(hub_world, b"gone")
    assert await hub_world.stored() == before


async def test_a_file_beyond_the_limit_is_refused(hub_world: HubWorld) -> None:
    target = (await images(hub_world, 1))[0]
    hub = await hub_world.hub("owner")
    limit = hub.infrastructure.settings.upload_limit

    class Large(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            raise TooLarge("The file", limit)

    with pytest.raises(TooLarge):
        await hub.attachments.add_file("a", Large(), [target])
    assert await values(hub_world, target) == []


async def test_ratings_are_changed_where_they_are_ones_own(hub_world: HubWorld) -> None:
    one, two = await images(hub_world)
    owner, annotator = [await hub_world.hub(who) for who in ("owner", "annotator")]
    await owner.attachments.rate([one, two], 2, ns=NS)
    assert await values(hub_world, one) == await values(hub_world, two) == [("long", 2)]
    (mine,) = (await owner.annotations.on([one]))[one]
    await owner.attachments.rate([one], 5, ns=NS)
    (same,) = (await owner.annotations.on([one]))[one]
    assert (same.id, same.whole) == (mine.id, 5)
    assert await values(hub_world, two) == [("long", 2)]
    # A rating that somebody put on several objects stays as it is on the others.
    await annotator.annotations.create(AnnotationKind.LONG, 1, ns=NS, targets=[one, two])
    await annotator.attachments.rate([one], 4, ns=NS)
    assert sorted(await values(hub_world, one)) == [("long", 4), ("long", 5)]
    assert sorted(await values(hub_world, two)) == [("long", 1), ("long", 2)]
    await owner.attachments.rate([one, two], 0, ns=NS)
    assert await values(hub_world, one) == [("long", 4)]
    await hub_world.undo_last(hub_world.people["owner"])
    assert sorted(await values(hub_world, one)) == [("long", 4), ("long", 5)]
    for stars in (-1, 6):
        with pytest.raises(Invalid):
            await owner.attachments.rate([one], stars, ns=NS)


async def test_only_the_owner_of_a_map_replaces_its_pairs(hub_world: HubWorld) -> None:
    (target,) = await images(hub_world, 1)
    owner, annotator = [await hub_world.hub(who) for who in ("owner", "annotator")]
    first, second = await owner.attachments.add_map(
        [("a", "1")], [target, ("image", (await images(hub_world, 1))[0][1])], each=True
    )
    with pytest.raises(Forbidden):
        await annotator.attachments.replace_maps([first], [("a", "2")])
    before = await owner.annotations.get(first)
    await owner.attachments.replace_maps([first, second], [("a", "1"), ("b", "2")])
    pairs = await owner.annotations.pairs_of([first, second])
    for id in (first, second):
        assert [(one.key, one.value) for one in pairs[id]] == [("a", "1"), ("b", "2")]
    assert (await owner.annotations.get(first)).version == before.version + 1
    # What is sent back as it is changes nothing.
    await owner.attachments.replace_maps([first], [("a", "1"), ("b", "2")])
    assert (await owner.annotations.get(first)).version == before.version + 1
    await hub_world.undo_last(hub_world.people["owner"])
    assert len((await owner.annotations.pairs_of([first]))[first]) == 1


async def test_tags_of_a_form_are_one_command(hub_world: HubWorld) -> None:
    targets = await images(hub_world)
    hub = await hub_world.hub("owner")
    old = await hub.annotations.create(AnnotationKind.TAG, "old", targets=targets)
    new = await hub.annotations.create(AnnotationKind.TAG, "new")
    done = await hub.attachments.retag(targets, [new.id], [("fresh", None)])
    assert (done.added, done.removed) == ((new.id,), (old.id,))
    for target in targets:
        assert sorted(text for _, text in await values(hub_world, target)) == ["fresh", "new"]
    await hub_world.undo_last(hub_world.people["owner"])
    for target in targets:
        assert await values(hub_world, target) == [("tag", "old")]
    again = await hub.attachments.retag(targets, [old.id])
    assert (again.added, again.removed, again.made) == ((), (), ())
