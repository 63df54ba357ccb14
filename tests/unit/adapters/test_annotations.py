"""Annotations: nine kinds, on objects of any noun, shared by whoever reads the object."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.annotation_values import checked_value
from adapters.annotations import Annotations, annotated, having_pair
from adapters.containers import Containers
from adapters.filters import Condition, Holds
from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from store.access.capabilities import Can
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.paging import Keyset, OrderKey
from store.statement import cols
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.containers import Dataset, Project
from store.tables.files import Storage, StoredFile
from store.tables.history import Command
from store.tables.images import Image
from store.tables.people import GroupLevel
from store.tables.screens import Screen
from store.unit import Unit
from tests.fixtures.hub import ROOT, World, statements

BY_ID = Keyset((OrderKey("id", int),), 100)


async def annotations(world: World, user_id: int | None) -> Annotations:
    return Annotations(await world.catalog(user_id))


@pytest.fixture
async def lab(world: World) -> int:
    return await world.group("lab", GroupLevel.read_annotate)


@pytest.fixture
async def ada(world: World, lab: int) -> int:
    return await world.person("ada", lab)


VALUES: list[tuple[AnnotationKind, Any, str, Any]] = [
    (AnnotationKind.TAG, " mitosis ", "text", "mitosis"),
    (AnnotationKind.COMMENT, "Looks odd.", "text", "Looks odd."),
    (AnnotationKind.XML, "<a b='1'>µ</a>", "text", "<a b='1'>µ</a>"),
    (AnnotationKind.LONG, 2**62 + 1, "whole", 2**62 + 1),
    (AnnotationKind.DOUBLE, 0.1, "number", 0.1),
    (AnnotationKind.BOOLEAN, False, "flag", False),
    (AnnotationKind.TIMESTAMP, 1_700_000_000_123, "at", 1_700_000_000_123),
]


async def test_a_value_comes_back_exactly(world: World, ada: int) -> None:
    service = await annotations(world, ada)
    for kind, value, column, stored in VALUES:
        made = await service.create(kind, value, ns="lab.example/notes", name="Note")
        row = await service.get(made.id)
        assert getattr(row, column) == stored
        assert type(getattr(row, column)) is type(stored)
        assert (row.kind, row.ns, row.name, row.owner_id) == (
            kind,
            "lab.example/notes",
            "Note",
            ada,
        )
        others = {"text", "number", "whole", "flag", "at", "file_id"} - {column}
        assert all(getattr(row, other) is None for other in others)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (AnnotationKind.TAG, "  "),
        (AnnotationKind.TAG, "x" * 256),
        (AnnotationKind.COMMENT, ""),
        (AnnotationKind.COMMENT, "a\0b"),
        (AnnotationKind.XML, "<a>"),
        (AnnotationKind.XML, "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"),
        (AnnotationKind.LONG, 2**63),
        (AnnotationKind.LONG, True),
        (AnnotationKind.DOUBLE, float("nan")),
        (AnnotationKind.BOOLEAN, 1),
        (AnnotationKind.TIMESTAMP, 1.5),
        (AnnotationKind.MAP, [("", "x")]),
        (AnnotationKind.MAP, [("k" * 501, "x")]),
    ],
)
def test_a_value_that_cannot_be_is_refused(kind: AnnotationKind, value: Any) -> None:
    with pytest.raises(Invalid):
        checked_value(kind, value)


async def test_a_map_keeps_order_and_the_ids_of_pairs_that_stay(world: World, ada: int) -> None:
    service = await annotations(world, ada)
    pairs = [("Gene", "CDC20"), ("Cell", "HeLa"), ("Gene", "MAD2")]
    made = await service.create(AnnotationKind.MAP, pairs)
    before = (await service.pairs_of([made.id]))[made.id]
    assert [(one.key, one.value) for one in before] == pairs
    commands = len(await (await world.catalog(ada)).all(Command))
    assert (await service.update(made.id, value=pairs)).version == 1
    assert len(await (await world.catalog(ada)).all(Command)) == commands
    wanted = [("Gene", "MAD2"), ("Cell", "U2OS"), ("Dose", "5 nM")]
    changed = await service.update(made.id, expected=1, value=wanted)
    after = (await service.pairs_of([made.id]))[made.id]
    assert changed.version == 2
    assert [(one.key, one.value) for one in after] == wanted
    assert after[0].id == before[2].id  # Moved to the front.
    assert after[1].id == before[1].id  # The key stayed, the value is new.
    assert after[2].id not in {one.id for one in before}
    await world.undo_last(ada)
    assert (await service.pairs_of([made.id]))[made.id] == before
    with pytest.raises(Conflict):
        await service.update(made.id, expected=1, value=wanted)


async def test_a_file_annotation_names_a_file_one_can_see(world: World, lab: int, ada: int) -> None:
    bob = await world.person("bob", lab)
    catalog = await world.catalog(bob)

    async def upload(unit: Unit) -> StoredFile:
        (storage,) = await unit.all(Storage, cols(Storage).owner_id == bob)
        file: Any = StoredFile(
            name="notes.csv", storage_id=storage.id, owner_id=bob, group_id=lab, size=12,
            media_type="text/csv",
        )  # fmt: skip
        stored: StoredFile = await unit.add(file)
        return stored

    file = await catalog.write("upload", upload)
    image = await world.image(bob)
    with pytest.raises(NotFound):
        await (await annotations(world, ada)).create(AnnotationKind.FILE, file.id)
    made = await Annotations(catalog).create(
        AnnotationKind.FILE, file.id, targets=[("image", image.id)]
    )
    reader = await annotations(world, ada)
    (seen,) = (await reader.on([("image", image.id)]))["image", image.id]
    assert seen.id == made.id
    assert (await reader.files_of([made.id]))[made.id].name == "notes.csv"


async def test_annotations_of_many_objects_are_one_statement(world: World, ada: int) -> None:
    catalog = await world.catalog(ada)
    service = Annotations(catalog)
    project, dataset = await world.project(ada), await world.dataset(ada)
    image = await world.image(ada)
    screen = await Containers(catalog).create(Screen, name="RNAi")
    roi = await Rois(catalog).create(image.id, [Draft(Drawn(Kind.POINT, {"x": 1, "y": 2}))])
    targets = [("project", project.id), ("dataset", dataset.id), ("image", image.id),
               ("screen", screen.id), ("roi", roi.id)]  # fmt: skip
    tag = await service.create(AnnotationKind.TAG, "good", targets=targets)
    note = await service.create(AnnotationKind.COMMENT, "one", targets=targets[2:3])
    with statements(world.database) as sent:
        found = await service.on([*targets, ("image", 99)])
    assert len(sent) == 1
    assert {key: [one.id for one in rows] for key, rows in found.items()} == {
        targets[0]: [tag.id], targets[1]: [tag.id], targets[2]: [tag.id, note.id],
        targets[3]: [tag.id], targets[4]: [tag.id], ("image", 99): [],
    }  # fmt: skip
    assert (await service.targets_of([tag.id]))[tag.id] == targets
    tagged = await Containers(catalog).page(Image, BY_ID, Holds(annotated(Image, tag.id)))
    assert [row.id for row in tagged.rows] == [image.id]


async def test_attaching_twice_is_one_link_and_two_people_are_two(
    world: World, lab: int, ada: int
) -> None:
    bob = await world.person("bob", lab)
    image = await world.image(ada)
    mine, his = await annotations(world, ada), await annotations(world, bob)
    tag = await mine.create(AnnotationKind.TAG, "good")
    target = ("image", image.id)
    assert await mine.attach([tag.id], [target, target]) == 1
    assert await mine.attach([tag.id], [target]) == 0
    assert await his.attach([tag.id], [target]) == 1
    assert [one.id for one in (await mine.on([target]))[target]] == [tag.id]
    assert await his.detach([tag.id], [target]) == 1  # His own link only: he may not edit.
    with pytest.raises(Forbidden):
        await his.detach([tag.id], [target])
    assert await mine.detach([tag.id], [target]) == 1
    assert await mine.detach([tag.id], [target]) == 0
    assert (await mine.on([target]))[target] == []


@pytest.mark.parametrize(
    ("level", "may"),
    [
        (GroupLevel.read_only, False),
        (GroupLevel.read_annotate, True),
        (GroupLevel.read_write, True),
    ],
    ids=lambda one: getattr(one, "name", str(one)),
)
async def test_attaching_needs_annotate_on_the_object(
    world: World, level: GroupLevel, may: bool
) -> None:
    lab = await world.group("levels", level)
    owner, member = await world.person("owner", lab), await world.person("member", lab)
    image = await world.image(owner)
    service = await annotations(world, member)
    if may:
        made = await service.create(AnnotationKind.TAG, "good", targets=[("image", image.id)])
        assert made.group_id == lab
    else:
        with pytest.raises(Forbidden):
            await service.create(AnnotationKind.TAG, "good", targets=[("image", image.id)])
        assert await service.count() == 0


async def test_a_leader_may_not_annotate_others_rows_of_a_private_group(world: World) -> None:
    lead = await world.person("lead")
    vault = await world.group("vault", GroupLevel.private, leaders=[lead])
    keeper = await world.person("keeper", vault)
    image = await world.image(keeper)
    for user_id in (lead, ROOT):
        with pytest.raises(Forbidden):
            await (await annotations(world, user_id)).create(
                AnnotationKind.TAG, "seen", targets=[("image", image.id)]
            )


async def test_whoever_reads_the_object_reads_what_is_on_it(
    world: World, lab: int, ada: int
) -> None:
    guest, stranger = await world.person("guest"), await world.person("stranger")
    image = await world.image(ada)
    service = await annotations(world, ada)
    tag = await service.create(AnnotationKind.TAG, "good", targets=[("image", image.id)])
    loose = await service.create(AnnotationKind.TAG, "loose")
    await world.grant("annotate", "image", image.id, guest)
    his = await annotations(world, guest)
    assert (await his.get(tag.id)).text == "good"
    assert await his.many([loose.id]) == {}
    assert await his.count() == 0  # Lists without an object go by group alone.
    assert not his.can(await his.get(tag.id)) & Can.EDIT
    with pytest.raises(Forbidden):
        await his.update(tag.id, value="bad")
    for hidden in (tag, loose):
        with pytest.raises(NotFound):
            await (await annotations(world, stranger)).get(hidden.id)
    own = await his.create(AnnotationKind.COMMENT, "from outside", targets=[("image", image.id)])
    assert own.group_id != lab
    assert (await service.get(own.id)).text == "from outside"


async def test_attaching_an_annotation_one_cannot_read_or_to_an_object_one_cannot_see(
    world: World, ada: int
) -> None:
    stranger = await world.person("stranger")
    image = await world.image(ada)
    service = await annotations(world, ada)
    tag = await service.create(AnnotationKind.TAG, "good")
    his = await annotations(world, stranger)
    mine = await his.create(AnnotationKind.TAG, "mine")
    with pytest.raises(NotFound):
        await his.attach([mine.id], [("image", image.id)])
    with pytest.raises(NotFound):
        await his.attach([tag.id], [])
    with pytest.raises(Invalid, match="cannot be annotated"):
        await service.attach([tag.id], [("user", ada)])


async def test_deleting_a_tag_takes_its_links_and_restoring_brings_them_back(
    world: World, ada: int
) -> None:
    catalog = await world.catalog(ada)
    service = Annotations(catalog)
    image = await world.image(ada)
    target = ("image", image.id)
    tag = await service.create(AnnotationKind.TAG, "good", targets=[target])
    gone = await service.create(AnnotationKind.TAG, "cut", targets=[target])
    await service.detach([gone.id], [target])
    await Containers(catalog).delete(Annotation, [tag.id, gone.id])
    assert (await service.on([target]))[target] == []
    assert await catalog.all(AnnotationLink) == []
    assert await Containers(catalog).restore(Annotation, [tag.id, gone.id]) == 2
    # What was taken off before the deletion stays off.
    assert [one.id for one in (await service.on([target]))[target]] == [tag.id]
    await Containers(catalog).delete(Annotation, [tag.id])
    await world.undo_last(ada)
    assert [one.id for one in (await service.on([target]))[target]] == [tag.id]


async def test_tags_and_maps_are_found_by_what_they_say(world: World, ada: int) -> None:
    service = await annotations(world, ada)
    for text in ("Mitosis", "meiosis", "mitotic spindle", "100%"):
        await service.create(AnnotationKind.TAG, text)
    await service.create(AnnotationKind.MAP, [("Gene", "CDC20"), ("Cell", "HeLa")])
    await service.create(AnnotationKind.MAP, [("Cell", "CDC20")])

    async def found(*where: Any) -> list[str | None]:
        page = await service.page(BY_ID, *where)
        return [row.text for row in page.rows]

    assert await found(Condition("text", "starts_with", "MIT")) == ["Mitosis", "mitotic spindle"]
    assert await found(Condition("text", "contains", "0%")) == ["100%"]
    assert await service.count(Holds(having_pair(key="Cell", value="CDC20"))) == 1
    assert await service.count(Holds(having_pair(value="CDC20"))) == 2


async def test_what_is_said_of_a_trashed_object_is_not_seen_by_its_readers(
    world: World, ada: int
) -> None:
    guest = await world.person("guest")
    project = await world.project(ada)
    dataset = await world.dataset(ada, into=project.id)
    await world.grant("read", "project", project.id, guest)
    service = await annotations(world, ada)
    tag = await service.create(AnnotationKind.TAG, "good", targets=[("dataset", dataset.id)])
    assert (await (await annotations(world, guest)).get(tag.id)).id == tag.id
    await Containers(await world.catalog(ada)).unlink(Project, project.id, Dataset, [dataset.id])
    with pytest.raises(NotFound):
        await (await annotations(world, guest)).get(tag.id)
