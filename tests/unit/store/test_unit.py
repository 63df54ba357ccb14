"""A unit of work: what it stores, what it refuses, and that a failed one leaves nothing."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from sqlalchemy import func, select

from store.access.capabilities import Can
from store.actor import Actor
from store.catalog import Catalog
from store.engine import Database
from store.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from store.statement import cols, table
from store.tables import ALL
from store.tables.annotations import Annotation, AnnotationLink
from store.tables.containers import Dataset, DatasetImage, Placement, Project, ProjectDataset
from store.tables.history import Change, Command, Event
from store.tables.images import Image, Rendering
from store.tables.ontologies import Ontology, Term
from store.tables.people import Membership
from store.tables.rois import Roi, RoiTerm
from store.unit import Unit
from tests.fixtures.hub import GroupLevel, World
from tests.fixtures.people import everything_stored

COMMONS = 3


async def counted(database: Database) -> dict[str, int]:
    """Return the number of rows of every table."""
    async with database.reading() as connection:
        return {
            table(noun).name: int(
                await connection.scalar(select(func.count()).select_from(table(noun))) or 0
            )
            for noun in ALL
        }


async def new_dataset(unit: Unit, name: str = "d") -> Dataset:
    return await unit.add(Dataset(name=name, owner_id=2, group_id=COMMONS))


async def new_image(unit: Unit, name: str = "i") -> Image:
    return await unit.add(Image(name=name, owner_id=2, group_id=COMMONS))


async def dataset(catalog: Catalog, name: str = "d") -> Dataset:
    """Make a dataset in a unit of its own."""

    async def work(unit: Unit) -> Dataset:
        return await new_dataset(unit, name)

    return await catalog.write("make", work)


async def commands(catalog: Catalog) -> list[Command]:
    return sorted(await catalog.all(Command), key=lambda one: one.id)


async def changes_of(catalog: Catalog, command_id: int) -> list[Change]:
    rows = await catalog.all(
        Change, catalog.select(Change).where(cols(Change).command_id == command_id)
    )
    return sorted(rows, key=lambda one: one.position)


async def undo(catalog: Catalog, command_id: int) -> None:
    async def work(unit: Unit) -> None:
        await unit.undo(command_id)

    await catalog.write("undo", work)


async def redo(catalog: Catalog, command_id: int) -> None:
    async def work(unit: Unit) -> None:
        await unit.redo(command_id)

    await catalog.write("redo", work)


# one transaction


async def test_a_unit_writes_rows_command_changes_and_events_together(world: World) -> None:
    catalog = world.system()

    async def work(unit: Unit) -> Dataset:
        made = await new_dataset(unit, "Ärger")
        unit.journal.summary = "make one"
        return made

    made = await catalog.write("make", work)
    command = (await commands(catalog))[-1]
    assert (command.verb, command.summary, command.user_id) == ("make", "make one", 2)
    (change,) = await changes_of(catalog, command.id)
    assert (change.kind, change.noun, change.first_id, change.last_id) == (
        "show", "dataset", made.id, made.id,
    )  # fmt: skip
    event = max(await catalog.all(Event), key=lambda one: one.id)
    assert (event.kind, event.target_type, event.target_id) == ("created", "dataset", made.id)
    assert (made.name_key, made.version, made.updated_at) == ("ärger", 1, None)
    assert await catalog.one(Dataset, made.id) == made._replace(  # type: ignore[attr-defined]
        label_id=(await catalog.one(Dataset, made.id)).label_id
    )


async def test_a_failed_unit_leaves_every_table_as_it_was(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog)
    before = await everything_stored(world.database)

    async def work(unit: Unit) -> None:
        image = await new_image(unit)
        await unit.change(Dataset, made.id, name="other")
        await unit.add(
            DatasetImage(dataset_id=made.id, image_id=image.id, owner_id=2, name_key="i")
        )
        await unit.trash(Dataset, [made.id])
        raise Invalid("name", "is not wanted.")

    with pytest.raises(Invalid):
        await catalog.write("fail", work)
    assert without_counters(await everything_stored(world.database)) == without_counters(before)


def without_counters(text: str) -> str:
    return text


async def test_a_rehearsal_answers_and_leaves_nothing(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog)
    before = await everything_stored(world.database)

    async def work(unit: Unit) -> int:
        await unit.trash(Dataset, [made.id])
        return await unit.command_id()

    assert await catalog.rehearse("delete", work) > made.id
    assert await everything_stored(world.database) == before


async def test_a_unit_within_a_unit_is_refused_at_once(world: World) -> None:
    catalog = world.system()

    async def inner(unit: Unit) -> None:
        await new_dataset(unit)

    async def outer(unit: Unit) -> None:
        await catalog.write("inner", inner)

    with pytest.raises(RuntimeError, match="begun inside another"):
        await asyncio.wait_for(catalog.write("outer", outer), 5)


# changing


async def test_fields_sent_back_as_they_are_write_nothing(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog, "same")
    before = await everything_stored(world.database)

    async def work(unit: Unit) -> Dataset:
        return await unit.change(
            Dataset, made.id, expected=1, name="same", name_key="same", description=None
        )

    assert (await catalog.write("echo", work)).version == 1
    assert await everything_stored(world.database) == before


async def test_a_change_notes_only_what_differs_and_raises_the_version(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog, "Old")

    async def work(unit: Unit) -> Dataset:
        return await unit.change(Dataset, made.id, name="NEW", description=None)

    changed = await catalog.write("rename", work)
    assert changed == await catalog.one(Dataset, made.id)
    assert (changed.name, changed.name_key, changed.version) == ("NEW", "new", 2)
    assert changed.updated_at is not None
    (change,) = await changes_of(catalog, (await commands(catalog))[-1].id)
    assert (change.kind, change.before, change.after) == ("set", {"name": "Old"}, {"name": "NEW"})


async def test_a_change_of_a_version_seen_before_another_change_is_a_conflict(
    world: World,
) -> None:
    catalog = world.system()
    made = await dataset(catalog)

    async def rename(unit: Unit, name: str) -> None:
        await unit.change(Dataset, made.id, expected=1, name=name)

    await catalog.write("rename", lambda unit: rename(unit, "one"))
    with pytest.raises(Conflict, match="you saw version 1, it is now 2"):
        await catalog.write("rename", lambda unit: rename(unit, "two"))
    assert (await catalog.one(Dataset, made.id)).name == "one"


async def test_the_same_version_is_changed_by_one_of_many_writers(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog)

    async def rename(unit: Unit, name: str) -> None:
        await unit.change(Dataset, made.id, expected=1, name=name)

    outcomes = await asyncio.gather(
        *(
            catalog.write("rename", lambda unit, n=n: rename(unit, f"name {n}"))  # type: ignore[misc]
            for n in range(8)
        ),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Conflict"] * 7 + ["NoneType"]
    assert (await catalog.one(Dataset, made.id)).version == 2


async def test_a_name_taken_away_takes_its_sort_key_along(world: World) -> None:
    catalog = world.system()

    async def work(unit: Unit) -> Annotation:
        made = await unit.add(
            Annotation(kind="tag", name="Ab", text="Cd", owner_id=2, group_id=COMMONS)
        )
        assert (made.name_key, made.text_key) == ("ab", "cd")
        return await unit.change(Annotation, made.id, name=None)

    changed = await catalog.write("unname", work)
    assert changed == await catalog.one(Annotation, changed.id)
    assert (changed.name_key, changed.text_key) == (None, "cd")


async def test_links_carry_the_new_name_of_what_they_hold(world: World) -> None:
    catalog = world.system()

    async def work(unit: Unit) -> int:
        holder, image = await new_dataset(unit), await new_image(unit, "a")
        await unit.add(
            DatasetImage(dataset_id=holder.id, image_id=image.id, owner_id=2, name_key="a")
        )
        await unit.change(Image, image.id, name="Z")
        return image.id

    image_id = await catalog.write("rename", work)
    (link,) = await catalog.all(DatasetImage)
    assert (link.image_id, link.name_key) == (image_id, "z")


async def test_another_group_takes_the_right_to_share_and_membership_there(world: World) -> None:
    open_group = await world.group("open", GroupLevel.read_write)
    other = await world.group("other", GroupLevel.read_write)
    owner = await world.person("owner", open_group)
    mate = await world.person("mate", open_group, other)
    made = await world.project(owner)

    async def move(unit: Unit) -> None:
        await unit.change(Project, made.id, group_id=other)

    with pytest.raises(Forbidden):
        await (await world.catalog(mate)).write("move", move)
    with pytest.raises(Forbidden, match="not a member"):
        await (await world.catalog(owner)).write("move", move)
    assert (await world.system().one(Project, made.id)).group_id == open_group


# bulk


async def test_many_rows_are_one_range_with_their_keys_filled_in(world: World) -> None:
    catalog = world.system()

    async def work(unit: Unit) -> range:
        return await unit.add_many(
            Image, ("name", "owner_id", "group_id"), [(f"Im {n}", 2, COMMONS) for n in range(50)]
        )

    ids = await catalog.write("import", work)
    (change,) = await changes_of(catalog, (await commands(catalog))[-1].id)
    assert (change.first_id, change.last_id) == (ids[0], ids[-1])
    rows = sorted(await catalog.all(Image), key=lambda one: one.id)
    assert [row.id for row in rows] == list(ids)
    assert [row.name_key for row in rows] == [f"im {n}" for n in range(50)]
    assert all(row.created_at > 10**12 and row.version == 1 for row in rows)
    assert {row.label_id for row in rows} != {None}, "bulk rows are labelled too"


async def test_images_linked_in_bulk_are_placed(world: World) -> None:
    catalog = world.system()

    async def work(unit: Unit) -> range:
        project = await unit.add(Project(name="p", owner_id=2, group_id=COMMONS))
        holder = await new_dataset(unit)
        await unit.add(
            ProjectDataset(project_id=project.id, dataset_id=holder.id, owner_id=2, name_key="d")
        )
        ids = await unit.add_many(Image, ("name", "owner_id", "group_id"), [("i", 2, COMMONS)] * 20)
        await unit.add_many(
            DatasetImage,
            ("dataset_id", "image_id", "owner_id", "name_key"),
            [(holder.id, id, 2, "i") for id in ids],
        )
        return ids

    ids = await catalog.write("import", work)
    assert sorted(one.image_id for one in await catalog.all(Placement)) == list(ids)


@pytest.mark.parametrize(
    ("noun", "values", "error", "said"),
    [
        (DatasetImage, {"dataset_id": 7, "image_id": 8}, Conflict, "does not exist"),
        (Project, {"name": "p", "group_id": COMMONS, "mode": "loud"}, Invalid, "out of its range"),
        (Project, {"name": None, "group_id": COMMONS}, Invalid, "missing"),
        (Project, {"name": "p", "group_id": COMMONS, "updated_at": 2**63}, Invalid, "too large"),
    ],
)
async def test_what_the_database_refuses_is_told_and_nothing_is_stored(
    world: World, noun: Any, values: dict[str, Any], error: type[HubError], said: str
) -> None:
    catalog = world.system()
    before = await counted(world.database)
    given = {"owner_id": 2, "name_key": "k", **values}

    async def single(unit: Unit) -> None:
        await new_dataset(unit)
        await unit.add(noun(**given))

    async def bulk(unit: Unit) -> None:
        await new_dataset(unit)
        await unit.add_many(noun, tuple(given), [tuple(given.values())])

    for work in (single, bulk):
        with pytest.raises(error, match=said) as caught:
            await catalog.write("fail", work)
        assert "INSERT" not in str(caught.value)
        assert await counted(world.database) == before


async def test_a_second_link_of_the_same_two_is_a_conflict(world: World) -> None:
    catalog = world.system()

    async def once(unit: Unit) -> tuple[Any, ...]:
        holder, image = await new_dataset(unit), await new_image(unit)
        await unit.add(
            DatasetImage(dataset_id=holder.id, image_id=image.id, owner_id=2, name_key="i")
        )
        return holder.id, image.id, 2, "i"

    row = await catalog.write("link", once)

    async def again(unit: Unit) -> None:
        await unit.add_many(DatasetImage, ("dataset_id", "image_id", "owner_id", "name_key"), [row])

    with pytest.raises(Conflict, match="already such a dataset_image"):
        await catalog.write("link", again)


# trash


async def test_the_trash_takes_along_what_another_rule_would_still_show(world: World) -> None:
    catalog = world.system()

    async def make(unit: Unit) -> tuple[int, list[int]]:
        image = await new_image(unit)
        note = await unit.add(Annotation(kind="tag", text="t", owner_id=2, group_id=COMMONS))
        links = [
            await unit.add(
                AnnotationLink(
                    annotation_id=note.id, target_type="image", target_id=image.id, owner_id=owner
                )
            )
            for owner in (2,)
        ]
        return note.id, [one.id for one in links]

    note, links = await catalog.write("note", make)

    async def trash(unit: Unit) -> None:
        await unit.trash(Annotation, [note])

    await catalog.write("delete", trash)
    command = (await commands(catalog))[-1]
    steps = [(one.kind, one.noun, one.first_id) for one in await changes_of(catalog, command.id)]
    assert steps == [("hide", "annotation_link", links[0]), ("hide", "annotation", note)]
    assert not await catalog.all(AnnotationLink)

    async def restore(unit: Unit) -> int:
        return await unit.restore(Annotation, [note])

    assert await catalog.write("restore", restore) == 1
    assert [one.id for one in await catalog.all(AnnotationLink)] == links


async def test_what_was_trashed_before_stays_in_the_trash(world: World) -> None:
    catalog = world.system()

    async def make(unit: Unit) -> tuple[int, int, int]:
        ontology = await unit.add(Ontology(name="o", owner_id=2, group_id=COMMONS))
        terms = [
            await unit.add(Term(name=name, ontology_id=ontology.id)) for name in ("old", "new")
        ]
        return ontology.id, terms[0].id, terms[1].id

    ontology, old, new = await catalog.write("make", make)

    async def trash(unit: Unit, noun: Any, id: int) -> None:
        await unit.trash(noun, [id])

    await catalog.write("one", lambda unit: trash(unit, Term, old))
    await catalog.write("all", lambda unit: trash(unit, Ontology, ontology))

    async def restore(unit: Unit) -> None:
        await unit.restore(Ontology, [ontology])

    await catalog.write("restore", restore)
    assert [one.id for one in await catalog.all(Term)] == [new]


async def test_restoring_onto_a_taken_name_names_the_holder_and_can_rename(world: World) -> None:
    catalog = world.system()

    async def make(unit: Unit) -> int:
        return (await unit.add(Ontology(name="Cells", owner_id=2, group_id=COMMONS))).id

    async def trash(unit: Unit) -> None:
        await unit.trash(Ontology, [first])

    first = await catalog.write("make", make)
    await catalog.write("delete", trash)
    holder = await catalog.write("make", make)
    deletion = (await commands(catalog))[-2].id

    async def restore(unit: Unit, name: str | None = None) -> int:
        return await unit.restore(Ontology, [first], rename=name)

    with pytest.raises(Conflict, match=rf"the name 'Cells' is taken by ontology {holder}"):
        await catalog.write("restore", restore)
    with pytest.raises(Conflict, match=f"ontology {holder}"):
        await undo(catalog, deletion)
    assert await catalog.write("restore", lambda unit: restore(unit, "Cells 2")) == 1
    assert (await catalog.one(Ontology, first)).name_key == "cells 2"
    await undo(catalog, (await commands(catalog))[-1].id)
    assert await catalog.by_ids(Ontology, [first]) == [None]


async def test_a_holder_one_cannot_see_is_not_named(world: World) -> None:
    private = await world.group("private", GroupLevel.private)
    one, other = await world.person("one", private), await world.person("other", private)
    mine, theirs = await world.catalog(one), await world.catalog(other)

    async def make(unit: Unit) -> int:
        return (
            await unit.add(Ontology(name="o", owner_id=unit.actor.user_id, group_id=private))
        ).id

    first = await mine.write("make", make)

    async def trash(unit: Unit) -> None:
        await unit.trash(Ontology, [first])

    async def restore(unit: Unit) -> None:
        await unit.restore(Ontology, [first])

    await mine.write("delete", trash)
    holder = await theirs.write("make", make)
    with pytest.raises(Conflict, match="you cannot see") as caught:
        await mine.write("restore", restore)
    assert str(holder) not in str(caught.value)
    assert caught.value.fields["holder"] is None


async def test_restoring_needs_the_right_to_delete(world: World) -> None:
    group = await world.group("g", GroupLevel.read_only)
    owner, reader = await world.person("owner", group), await world.person("reader", group)
    stranger = await world.person("stranger")
    made = await world.dataset(owner)

    async def trash(unit: Unit) -> None:
        await unit.trash(Dataset, [made.id])

    async def restore(unit: Unit) -> None:
        await unit.restore(Dataset, [made.id])

    await (await world.catalog(owner)).write("delete", trash)
    with pytest.raises(Forbidden):
        await (await world.catalog(reader)).write("restore", restore)
    with pytest.raises(NotFound):
        await (await world.catalog(stranger)).write("restore", restore)
    await (await world.catalog(owner)).write("restore", restore)


async def test_two_who_delete_the_same_at_once_are_told_apart(world: World) -> None:
    catalog = world.system()
    made = await dataset(catalog)

    async def trash(unit: Unit) -> None:
        await unit.trash(Dataset, [made.id])

    outcomes = await asyncio.gather(
        *(catalog.write("delete", trash) for _ in range(4)), return_exceptions=True
    )
    assert sum(one is None for one in outcomes) == 1
    assert all(isinstance(one, NotFound) for one in outcomes if one is not None)


# undo


async def state(catalog: Catalog) -> dict[str, Any]:
    """Return what people see: every live row, without the traces that undo leaves on purpose."""
    seen: dict[str, Any] = {}
    traces = {"version", "updated_at", "label_id"}
    for noun in (Project, Dataset, Image, ProjectDataset, DatasetImage, Placement, Ontology, Term,
                 Annotation, AnnotationLink, Roi, RoiTerm):  # fmt: skip
        rows = await catalog.all(noun)
        seen[table(noun).name] = sorted(
            tuple((k, v) for k, v in row._asdict().items() if k not in traces)  # type: ignore[attr-defined]
            for row in rows
        )
    return seen


class Hand:
    """Does random things to a hub, one command each."""

    def __init__(self, catalog: Catalog, seed: int) -> None:
        self.catalog, self.random = catalog, random.Random(seed)

    async def act(self) -> int | None:
        """Do one thing; return its command, or None if the hub refused it or nothing changed."""
        deed = self.random.choice(
            [self.make, self.make, self.rename, self.trash, self.link, self.unlink, self.note,
             self.draw, self.restore, self.bulk]
        )  # fmt: skip

        async def work(unit: Unit) -> int | None:
            await deed(unit)
            return unit.journal.command_id if not unit.journal.changes else await unit.command_id()

        try:
            return await self.catalog.write(deed.__name__, work)
        except (Conflict, NotFound):
            return None

    async def some(self, unit: Unit, noun: Any) -> Any:
        rows = await unit.all(noun)
        if not rows:
            raise NotFound("row", 0)
        return self.random.choice(sorted(rows, key=lambda row: row.id))

    async def make(self, unit: Unit) -> None:
        noun = self.random.choice([Project, Dataset, Image, Ontology])
        name = f"n{self.random.randrange(4)}"
        made = await unit.add(noun(name=name, owner_id=2, group_id=COMMONS))
        if noun is Ontology:
            await unit.add(Term(name="t", ontology_id=made.id))

    async def bulk(self, unit: Unit) -> None:
        await unit.add_many(Image, ("name", "owner_id", "group_id"), [("b", 2, COMMONS)] * 3)

    async def rename(self, unit: Unit) -> None:
        noun = self.random.choice([Project, Dataset, Image, Ontology])
        one = await self.some(unit, noun)
        await unit.change(noun, one.id, name=f"n{self.random.randrange(4)}")

    async def trash(self, unit: Unit) -> None:
        noun = self.random.choice([Project, Dataset, Image, Ontology, Term, Annotation, Roi])
        await unit.trash(noun, [(await self.some(unit, noun)).id])

    async def restore(self, unit: Unit) -> None:
        noun = self.random.choice([Project, Dataset, Image, Ontology])
        gone = await unit.scalars(
            select(cols(noun).id).where(cols(noun).trashed_by.is_not(None)).order_by(cols(noun).id)
        )
        if gone:
            await unit.restore(noun, [self.random.choice(gone)])

    async def link(self, unit: Unit) -> None:
        if self.random.random() < 0.5:
            up, down = await self.some(unit, Project), await self.some(unit, Dataset)
            await unit.add(
                ProjectDataset(
                    project_id=up.id, dataset_id=down.id, owner_id=2, name_key=down.name_key
                )
            )
        else:
            up, down = await self.some(unit, Dataset), await self.some(unit, Image)
            await unit.add(
                DatasetImage(dataset_id=up.id, image_id=down.id, owner_id=2, name_key=down.name_key)
            )

    async def unlink(self, unit: Unit) -> None:
        noun = self.random.choice([ProjectDataset, DatasetImage])
        await unit.trash(noun, [(await self.some(unit, noun)).id])

    async def note(self, unit: Unit) -> None:
        image = await self.some(unit, Image)
        made = await unit.add(Annotation(kind="tag", text="t", owner_id=2, group_id=COMMONS))
        await unit.add(
            AnnotationLink(
                annotation_id=made.id, target_type="image", target_id=image.id, owner_id=2
            )
        )

    async def draw(self, unit: Unit) -> None:
        image, term = await self.some(unit, Image), await self.some(unit, Term)
        roi = await unit.add(Roi(image_id=image.id, owner_id=2, author_id=2))
        await unit.add(RoiTerm(roi_id=roi.id, term_id=term.id, author_id=2, owner_id=2))


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_commands_are_undone_and_redone_through_every_state(
    world: World, seed: int
) -> None:
    catalog = world.system()
    hand = Hand(catalog, seed)
    done: list[int] = []
    states = [await state(catalog)]
    for _ in range(60):
        command = await hand.act()
        if command is not None:
            done.append(command)
            states.append(await state(catalog))
    assert len(done) > 20
    for _ in range(2):
        for place in reversed(range(len(done))):
            await undo(catalog, done[place])
            assert await state(catalog) == states[place]
        for place, command in enumerate(done):
            await redo(catalog, command)
            assert await state(catalog) == states[place + 1]


async def test_a_field_changed_since_is_named_with_who_changed_it(world: World) -> None:
    group = await world.group("g", GroupLevel.read_write)
    one, other = await world.person("one", group), await world.person("other", group)
    made = await world.dataset(one, "first")
    mine, theirs = await world.catalog(one), await world.catalog(other)

    async def change(unit: Unit, **fields: Any) -> int:
        await unit.change(Dataset, made.id, **fields)
        return await unit.command_id()

    command = await mine.write("change", lambda unit: change(unit, name="second", description="d"))
    await theirs.write("change", lambda unit: change(unit, name="third"))
    before = await everything_stored(world.database)
    with pytest.raises(Conflict, match=r"changed since by other \(command \d+\): name\.") as caught:
        await undo(mine, command)
    assert caught.value.fields["fields"] == ["name"]
    assert await everything_stored(world.database) == before
    await theirs.write("change", lambda unit: change(unit, name="second"))
    await undo(mine, command)
    assert (await mine.one(Dataset, made.id)).name == "first"


async def test_the_making_of_a_region_with_a_reviewed_copy_cannot_be_undone(world: World) -> None:
    catalog = world.system()

    async def draw(unit: Unit) -> tuple[int, int]:
        image = await new_image(unit)
        roi = await unit.add(Roi(image_id=image.id, owner_id=2, author_id=2))
        return roi.id, await unit.command_id()

    roi, command = await catalog.write("draw", draw)
    image_id = (await catalog.one(Roi, roi)).image_id

    async def review(unit: Unit) -> int:
        copy = await unit.add(
            Roi(image_id=image_id, owner_id=2, author_id=2, kind="reviewed", original_id=roi)
        )
        return copy.id

    copy = await catalog.write("review", review)
    with pytest.raises(Conflict, match="reviewed copy"):
        await undo(catalog, command)

    async def reject(unit: Unit) -> None:
        await unit.trash(Roi, [copy])

    await catalog.write("reject", reject)
    await undo(catalog, command)
    assert not await catalog.all(Roi)


async def test_the_making_of_what_is_in_the_trash_by_another_cannot_be_undone(
    world: World,
) -> None:
    catalog = world.system()
    made = await dataset(catalog)
    command = (await commands(catalog))[-1].id

    async def trash(unit: Unit) -> int:
        await unit.trash(Dataset, [made.id])
        return await unit.command_id()

    deletion = await catalog.write("delete", trash)
    with pytest.raises(Conflict, match="already in the trash"):
        await undo(catalog, command)

    async def restore(unit: Unit) -> None:
        await unit.restore(Dataset, [made.id])

    await catalog.write("restore", restore)
    await catalog.write("delete", trash)
    with pytest.raises(Conflict, match="no longer in the trash by it"):
        await undo(catalog, deletion)


async def test_undo_is_for_the_author_once_and_not_for_what_is_for_good(world: World) -> None:
    group = await world.group("g", GroupLevel.read_write)
    one, other = await world.person("one", group), await world.person("other", group)
    project = await world.project(one)
    mine, theirs = await world.catalog(one), await world.catalog(other)
    making = max((c for c in await mine.all(Command) if c.user_id == one), key=lambda c: c.id).id
    with pytest.raises((Forbidden, NotFound)):
        await undo(theirs, making)
    await undo(mine, making)
    with pytest.raises(Conflict, match="undone already"):
        await undo(mine, making)
    await redo(mine, making)
    with pytest.raises(Conflict, match="was not undone"):
        await redo(mine, making)
    await world.grant("read", "project", project.id, other)
    granting = max(await world.system().all(Command), key=lambda c: c.id)
    assert not granting.undoable
    with pytest.raises(Conflict, match="cannot be undone"):
        await undo(world.system(), granting.id)


async def test_undo_needs_the_rights_of_today(world: World) -> None:
    group = await world.group("g", GroupLevel.private)
    owner, friend = await world.person("owner", group), await world.person("friend")
    made = await world.dataset(owner)
    await world.grant("write", "dataset", made.id, friend)

    async def rename(unit: Unit) -> int:
        await unit.change(Dataset, made.id, name="by a friend")
        return await unit.command_id()

    command = await (await world.catalog(friend)).write("rename", rename)

    async def revoke(unit: Unit) -> None:
        from store.tables.access import Grant

        for grant in await unit.all(Grant):
            await unit.remove(Grant, grant.id)

    await world.system().write("revoke", revoke)
    with pytest.raises(NotFound):
        await undo(await world.catalog(friend), command)


# cancelled callers, and units that lock one another out


async def test_callers_that_leave_neither_break_a_unit_nor_keep_others_waiting(
    world: World,
) -> None:
    catalog = world.system()
    chance = random.Random(7)
    told: list[tuple[int, int]] = []

    async def pair(unit: Unit) -> None:
        first = await new_dataset(unit, "twin")
        await asyncio.sleep(chance.random() * 0.002)
        second = await new_dataset(unit, "twin")
        told.append((first.id, second.id))

    async def impatient() -> None:
        with pytest.MonkeyPatch.context():
            task = asyncio.create_task(catalog.write("pair", pair))
            await asyncio.sleep(chance.random() * 0.01)
            if chance.random() < 0.7:
                task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return

    async def rounds(number: int) -> None:
        for _ in range(number):
            await impatient()

    await asyncio.wait_for(asyncio.gather(*(rounds(14) for _ in range(6))), 60)
    await asyncio.wait_for(dataset(catalog), 10)
    await asyncio.gather(*world.database._kept)
    stored = {row.id for row in await catalog.all(Dataset) if row.name == "twin"}
    assert stored == {id for both in told for id in both}
    assert len(await catalog.all(Command)) >= len(told)


async def test_units_that_lock_one_another_out_both_end_well(world: World) -> None:
    catalog = world.system()
    first, second = await dataset(catalog, "a"), await dataset(catalog, "b")
    both = asyncio.Barrier(2)
    runs = 0

    async def rename(unit: Unit, one: int, other: int, name: str) -> None:
        nonlocal runs
        runs += 1
        await unit.change(Dataset, one, name=name)
        if world.database.dialect == "postgresql" and runs <= 2:
            await both.wait()
        await unit.change(Dataset, other, name=name)

    await asyncio.gather(
        catalog.write("x", lambda unit: rename(unit, first.id, second.id, "x")),
        catalog.write("y", lambda unit: rename(unit, second.id, first.id, "y")),
    )
    names = {(await catalog.one(Dataset, id)).name for id in (first.id, second.id)}
    assert names in ({"x"}, {"y"})
    assert runs == (3 if world.database.dialect == "postgresql" else 2)


# who may add


async def test_nobody_adds_in_the_name_of_another(world: World) -> None:
    group = await world.group("g", GroupLevel.read_write)
    one, other = await world.person("one", group), await world.person("other", group)

    async def add(unit: Unit) -> None:
        await unit.add(Dataset(name="d", owner_id=other, group_id=group))

    with pytest.raises(Forbidden):
        await (await world.catalog(one)).write("add", add)


async def test_nothing_is_put_into_the_group_of_everybody(world: World) -> None:
    one = await world.person("one")

    async def add(unit: Unit) -> None:
        await unit.add(Dataset(name="d", owner_id=one, group_id=1))

    with pytest.raises(Forbidden):
        await (await world.catalog(one)).write("add", add)


async def test_a_field_of_a_plate_takes_the_right_to_place_the_image(world: World) -> None:
    from store.tables.screens import Plate, Well, WellSample

    group = await world.group("g", GroupLevel.read_annotate)
    one, other = await world.person("one", group), await world.person("other", group)
    image = await world.image(other)

    async def add(unit: Unit) -> None:
        plate = await unit.add(Plate(name="p", owner_id=one, group_id=group))
        well = await unit.add(
            Well(plate_id=plate.id, row=0, column=0, owner_id=one, group_id=group)
        )
        await unit.add(
            WellSample(well_id=well.id, image_id=image.id, position=0, owner_id=one, group_id=group)
        )

    with pytest.raises(Forbidden, match="well_sample"):
        await (await world.catalog(one)).write("add", add)


async def test_an_annotation_one_cannot_read_cannot_be_attached(world: World) -> None:
    private = await world.group("private", GroupLevel.private)
    one, other = await world.person("one", private), await world.person("other", private)
    mine = await world.dataset(one)

    async def note(unit: Unit) -> int:
        return (
            await unit.add(Annotation(kind="tag", text="t", owner_id=other, group_id=private))
        ).id

    secret = await (await world.catalog(other)).write("note", note)

    async def attach(unit: Unit) -> None:
        await unit.add(
            AnnotationLink(
                annotation_id=secret, target_type="dataset", target_id=mine.id, owner_id=one
            )
        )

    with pytest.raises(Forbidden):
        await (await world.catalog(one)).write("attach", attach)


async def test_who_only_reads_writes_nothing(world: World) -> None:
    group = await world.group("g", GroupLevel.read_write)
    one = await world.person("one", group)
    made = await world.dataset(one)
    from store.access.load import load_actor

    actor = await load_actor(world.database, one, scopes=("read",), read_only=True)
    catalog = Catalog(world.database, actor)

    async def rename(unit: Unit) -> None:
        await unit.change(Dataset, made.id, name="x")

    async def add(unit: Unit) -> None:
        await unit.add(Rendering(image_id=1, user_id=one))

    for work in (rename, add):
        with pytest.raises(Forbidden):
            await catalog.write("try", work)
    assert await catalog.capabilities(Dataset, [made]) == [Can.READ]
    assert actor.memo is not Actor.nobody().memo
    _ = Membership
