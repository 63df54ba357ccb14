"""Reading through the catalogue: what is found, in how many statements, and for whom."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from store.access.capabilities import Can
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, NotFound, Unauthenticated
from store.paging import Keyset, OrderKey
from store.statement import cols, table
from store.tables.access import Grant, Label
from store.tables.annotations import Annotation, AnnotationLink
from store.tables.containers import Dataset, DatasetImage, Project, ProjectDataset
from store.tables.history import Event
from store.tables.images import Image, Pixels, Rendering
from store.tables.people import User, UserRole
from store.tables.rois import Roi, RoiTerm, Shape
from store.tables.sources import Setting, Source
from store.unit import Unit
from tests.fixtures.hub import GroupLevel, World, statements

BY_NAME = (OrderKey("name_key", str), OrderKey("id", int))


class Lab:
    """A read-only group with an owner, a member, a stranger, and a friend by grant."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def settle_in(self) -> None:
        world = self.world
        self.group = await world.group("lab", GroupLevel.read_only)
        self.owner = await world.person("owner", self.group)
        self.member = await world.person("member", self.group)
        self.stranger = await world.person("stranger")
        self.friend = await world.person("friend")
        self.project = (await world.project(self.owner)).id
        self.datasets = [
            (await world.dataset(self.owner, f"d{n}", into=self.project)).id for n in range(3)
        ]
        await world.grant("annotate", "project", self.project, self.friend)

    async def images(self, number: int) -> list[int]:
        """Make images in bulk, spread over the datasets."""

        async def work(unit: Unit) -> range:
            ids = await unit.add_many(
                Image,
                ("name", "owner_id", "group_id"),
                [(f"i{n:04}", self.owner, self.group) for n in range(number)],
            )
            await unit.add_many(
                DatasetImage,
                ("dataset_id", "image_id", "owner_id", "name_key"),
                [(self.datasets[id % 3], id, self.owner, f"i{id - ids[0]:04}") for id in ids],
            )
            return ids

        return list(await self.world.system().write("import", work))


@pytest.fixture
async def lab(world: World) -> Lab:
    made = Lab(world)
    await made.settle_in()
    return made


async def test_pages_follow_one_another_without_gap_or_overlap(lab: Lab) -> None:
    ids = await lab.images(25)
    catalog = await lab.world.catalog(lab.member)
    found: list[int] = []
    keyset = Keyset(BY_NAME, 10)
    pages = 0
    while True:
        page = await catalog.page(Image, catalog.select(Image), keyset)
        found += [row.id for row in page.rows]
        pages += 1
        assert page.has_previous == (pages > 1)
        if not page.has_next:
            break
        keyset = replace(keyset, position=page.position_of(page.rows[-1]))
    assert (found, pages) == (ids, 3)


async def test_what_one_may_not_see_is_in_no_page_count_or_list(lab: Lab) -> None:
    ids = await lab.images(5)
    for user, seen in ((lab.owner, 5), (lab.member, 5), (lab.friend, 5), (lab.stranger, 0)):
        catalog = await lab.world.catalog(user)
        page = await catalog.page(Image, catalog.select(Image), Keyset(BY_NAME, 10))
        assert len(page.rows) == seen
        assert await catalog.count(catalog.select(Image)) == seen
        assert [row is not None for row in await catalog.by_ids(Image, ids)] == [bool(seen)] * 5
        counted = await catalog.counts(
            catalog.select(Image)
            .join(table(DatasetImage), cols(DatasetImage).image_id == cols(Image).id),
            cols(DatasetImage).dataset_id,
        )  # fmt: skip
        assert sum(counted.values()) == seen
    nobody = Catalog(lab.world.database, Actor.nobody())
    assert await nobody.count(nobody.select(Image)) == 0


async def test_rows_come_in_the_order_of_their_ids_with_gaps(lab: Lab) -> None:
    ids = await lab.images(4)
    catalog = await lab.world.catalog(lab.member)
    asked = [ids[2], 5, ids[0], ids[2], 2**63, -1]
    found = await catalog.by_ids(Image, asked)
    assert [row and row.id for row in found] == [ids[2], None, ids[0], ids[2], None, None]


async def test_one_row_or_a_reason(lab: Lab) -> None:
    member, stranger = await lab.world.catalog(lab.member), await lab.world.catalog(lab.stranger)
    assert (await member.one(Project, lab.project)).id == lab.project
    with pytest.raises(NotFound):
        await stranger.one(Project, lab.project)
    with pytest.raises(NotFound):
        await member.one(Project, 2**70)
    with pytest.raises(Forbidden, match="may not change project"):
        await member.one(Project, lab.project, can=Can.EDIT)
    friend = await lab.world.catalog(lab.friend)
    with pytest.raises(Forbidden):
        await friend.one(Project, lab.project, can=Can.ANNOTATE | Can.EDIT)
    assert await friend.one(Project, lab.project, can=Can.ANNOTATE)


async def test_grouped_rows_keep_every_asked_id_and_nouns_without_id(lab: Lab) -> None:
    ids = await lab.images(2)

    async def work(unit: Unit) -> None:
        await unit.add(Pixels(image_id=ids[1], dtype="uint8"))

    await lab.world.system().write("pixels", work)
    catalog = await lab.world.catalog(lab.member)
    none, one = await catalog.grouped(Pixels, "image_id", ids)
    assert (none, one[0].dtype) == ([], "uint8")


async def test_a_table_nobody_decided_about_is_read_by_the_hub_alone(lab: Lab) -> None:
    await lab.images(1)
    for user in (lab.owner, lab.stranger):
        assert not await (await lab.world.catalog(user)).all(Label)
    administrator = await lab.world.person("admin", admin=True)
    assert not await (await lab.world.catalog(administrator)).all(Label)
    assert await lab.world.system().all(Label)


async def test_settings_and_sources_are_kept_from_those_they_do_not_concern(lab: Lab) -> None:
    async def work(unit: Unit) -> None:
        for role in (0, 12, 13):
            await unit.add(Setting(key=f"k{role}", value=1, reading_role=role))
        await unit.add(
            Source(name="s", kind="hub", url="u", owner_id=lab.owner, group_id=lab.group)
        )

    await lab.world.system().write("set", work)
    administrator = await lab.world.person("admin", admin=True)
    for user, settings, sources in (
        (None, 1, 0), (lab.stranger, 2, 0), (lab.member, 2, 1), (administrator, 3, 1),
    ):  # fmt: skip
        catalog = await lab.world.catalog(user)
        assert (len(await catalog.all(Setting)), len(await catalog.all(Source))) == (
            settings, sources,
        )  # fmt: skip


# statements


async def test_reading_takes_one_statement_however_much_is_read(lab: Lab) -> None:
    ids = await lab.images(40)
    catalog = await lab.world.catalog(lab.member)
    asked: list[Any] = [
        lambda: catalog.all(Image),
        lambda: catalog.by_ids(Image, ids),
        lambda: catalog.page(Image, catalog.select(Image), Keyset(BY_NAME, 20)),
        lambda: catalog.grouped(DatasetImage, "dataset_id", lab.datasets),
        lambda: catalog.count(catalog.select(Image)),
    ]
    for ask in asked:
        with statements(lab.world.database) as sent:
            await ask()
        assert len(sent) == 1, sent


async def test_capabilities_take_as_many_statements_for_forty_rows_as_for_one(lab: Lab) -> None:
    ids = await lab.images(40)

    async def furnish(unit: Unit) -> None:
        rois = await unit.add_many(
            Roi,
            ("image_id", "project_id", "owner_id", "author_id"),
            [(id, lab.project if id % 2 else None, lab.owner, lab.owner) for id in ids],
        )
        await unit.add_many(
            Shape,
            ("roi_id", "image_id", "kind", "footprint", "wkt", "area", "perimeter", "cx", "cy",
             "x0", "y0", "x1", "y1", "size", "points"),
            [(roi, id, "point", b"", "", *[0.0] * 9, 1)
             for roi, id in zip(rois, ids, strict=True)],
        )  # fmt: skip
        note = await unit.add(
            Annotation(kind="tag", text="t", owner_id=lab.owner, group_id=lab.group)
        )
        await unit.add_many(
            AnnotationLink,
            ("annotation_id", "target_type", "target_id", "owner_id"),
            [(note.id, *target, lab.owner) for target in
             [*(("image", id) for id in ids), *(("roi", id) for id in rois)]],
        )  # fmt: skip
        await unit.add_many(
            Rendering,
            ("image_id", "user_id", "channels"),
            [(id, lab.owner, []) for id in ids],
        )

    await lab.world.system().write("furnish", furnish)
    catalog = await lab.world.catalog(lab.friend)
    most = {Image: 0, Dataset: 0, Annotation: 0, DatasetImage: 2, ProjectDataset: 1, Roi: 2,
            Shape: 3, AnnotationLink: 4, Rendering: 1, Grant: 1}  # fmt: skip
    for noun, limit in most.items():
        rows = await catalog.all(noun)
        assert rows, noun
        counts = []
        for some in (rows[:1], rows):
            with statements(lab.world.database) as sent:
                assert len(await catalog.capabilities(noun, some)) == len(some)
            counts.append(len(sent))
        assert counts[-1] <= limit, noun
    assert not await catalog.all(RoiTerm)


async def test_an_actor_is_loaded_in_four_statements_whatever_they_belong_to(lab: Lab) -> None:
    for number in range(4):
        group = await lab.world.group(f"g{number}", GroupLevel.read_annotate)
        await lab.world.system().write("join", _join(lab.friend, group))
        await lab.world.grant("read", "dataset", lab.datasets[number % 3], lab.friend)
    await lab.images(10)
    administrator = await lab.world.person("admin", admin=True)
    for user, scopes, most in (
        (lab.friend, (), 4), (lab.owner, (), 4), (administrator, (), 4),
        (administrator, ("admin",), 1),
    ):  # fmt: skip
        with statements(lab.world.database) as sent:
            await load_actor(lab.world.database, user, scopes=scopes)
        assert len(sent) <= most, sent


def _join(user: int, group: int) -> Any:
    from store.tables.people import Membership

    async def work(unit: Unit) -> None:
        await unit.add(Membership(user_id=user, group_id=group))

    return work


# actors


async def test_the_best_of_several_grants_counts_and_an_ended_one_does_not(lab: Lab) -> None:
    (image,) = await lab.images(1)
    world = lab.world
    await world.grant("read", "dataset", lab.datasets[image % 3], lab.friend)
    catalog = await world.catalog(lab.friend)
    row = await catalog.one(Image, image)
    assert catalog.actor.can(row) == Can.READ | Can.ANNOTATE

    async def end(unit: Unit) -> None:
        for grant in await unit.all(Grant, cols(Grant).target_type == "project"):
            await unit.change(Grant, grant.id, expires_at=now_ms() - 1)

    await world.system().write("end", end)
    catalog = await world.catalog(lab.friend)
    assert catalog.actor.can(await catalog.one(Image, image)) == Can.READ


async def test_an_account_that_is_gone_is_nobody(lab: Lab) -> None:
    async def disable(unit: Unit) -> None:
        await unit.change(User, lab.stranger, enabled=False)

    await lab.world.system().write("disable", disable)
    for user in (lab.stranger, 999_999):
        with pytest.raises(Unauthenticated):
            await load_actor(lab.world.database, user)


async def test_a_guest_reads_and_a_manager_with_a_reading_token_is_hidden_nothing(
    lab: Lab,
) -> None:
    world = lab.world
    (image,) = await lab.images(1)
    await world.grant("manage", "project", lab.project, lab.friend)

    async def work(unit: Unit) -> None:
        await unit.change(Project, lab.project, hide_members=True, hide_managers=True)
        await unit.add(
            Roi(image_id=image, project_id=lab.project, owner_id=lab.owner, author_id=lab.owner)
        )
        await unit.add(UserRole(user_id=lab.stranger, role=11))

    await world.system().write("hide", work)
    reading = await load_actor(world.database, lab.friend, scopes=("read",), read_only=True)
    assert len(await Catalog(world.database, reading).all(Roi)) == 1
    assert len(await (await world.catalog(lab.member)).all(Roi)) == 0
    assert not reading.manages(await world.system().one(Project, lab.project), lab.project)


async def test_an_actor_with_other_groups_has_a_memory_of_its_own(lab: Lab) -> None:
    await lab.images(1)
    catalog = await lab.world.catalog(lab.member)
    assert await catalog.all(Image)
    shrunk = replace(catalog.actor, groups={}, labels={})
    assert not await Catalog(lab.world.database, shrunk).all(Image)


# side by side


async def test_reads_run_side_by_side_with_a_write(lab: Lab) -> None:
    await lab.images(5)
    catalog = await lab.world.catalog(lab.owner)
    started, read = asyncio.Event(), asyncio.Event()

    async def slow(unit: Unit) -> None:
        await unit.change(Project, lab.project, name="Renamed")
        started.set()
        await read.wait()

    writing = asyncio.create_task(catalog.write("slow", slow))
    await started.wait()
    names = await asyncio.gather(*(catalog.one(Project, lab.project) for _ in range(20)))
    assert {one.name for one in names} == {"Mitosis"}
    read.set()
    await writing
    assert (await catalog.one(Project, lab.project)).name == "Renamed"


async def test_events_of_the_trash_reach_those_who_saw_what_went(lab: Lab) -> None:
    from adapters.containers import Containers

    await Containers(await lab.world.catalog(lab.owner)).delete(Project, [lab.project])
    seen = await (await lab.world.catalog(lab.member)).all(Event)
    assert ("trashed", lab.project) in {(row.kind, row.target_id) for row in seen}
    assert not await (await lab.world.catalog(lab.stranger)).all(Event)


async def test_a_unit_that_keeps_colliding_ends_as_a_conflict(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy.exc import DBAPIError

    runs = 0

    async def work(unit: Unit) -> None:
        nonlocal runs
        runs += 1
        raise DBAPIError("x", None, Exception())

    monkeypatch.setattr(type(lab.world.database), "collided", lambda self, error: True)
    with pytest.raises(Conflict, match="try again"):
        await lab.world.system().write("collide", work)
    assert runs == 4
    assert await lab.world.system().rows(select(cols(Project).id))
