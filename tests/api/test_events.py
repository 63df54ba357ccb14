"""Events: in commit order, none lost, none twice, and only what may be seen at that moment."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from typing import Any, TypeVar

import pytest
from sqlalchemy import select

from adapters.containers import Containers
from adapters.events import FALLBACK, EventFeed, Events
from adapters.rois import Rois
from adapters.shapes import Draft, Drawn, Kind
from schema.scalars import encode_id
from store.access.load import load_actor
from store.catalog import Catalog
from store.engine import connect
from store.errors import Invalid
from store.statement import cols
from store.tables.containers import Dataset, Project
from store.tables.history import Event
from store.tables.images import Image
from store.tables.rois import Roi
from tests.fixtures.hub import statements
from tests.fixtures.hub_world import HubWorld

T = TypeVar("T")
PATIENCE = 20.0


async def take(stream: AsyncIterator[T], n: int) -> list[T]:
    """Return the next `n` of a stream."""

    async def collect() -> list[T]:
        return [await anext(stream) for _ in range(n)]

    return await asyncio.wait_for(collect(), PATIENCE)


async def silent(stream: AsyncIterator[Any], seconds: float = 0.4) -> bool:
    """Whether a stream gives nothing for a while; it cannot be used afterwards."""
    following = asyncio.ensure_future(anext(stream))
    done, _ = await asyncio.wait({following}, timeout=seconds)
    following.cancel()
    await asyncio.wait({following})
    return not done


@pytest.fixture
async def feed(hub_world: HubWorld) -> EventFeed:
    """The feed of the process, listening; the world stops it."""
    hub_world.infrastructure.feed.start()
    return hub_world.infrastructure.feed


async def events(world: HubWorld, who: str) -> Events:
    return (await world.hub(who)).events


def fresh(world: HubWorld, who: str) -> Any:
    """Return how to read with permissions of the moment."""

    async def current() -> Catalog:
        return await world.catalog(world.people[who])

    return current


async def create(world: HubWorld, name: str, who: str = "owner") -> Project:
    return await world.project(world.people[who], name)


async def test_a_subscriber_is_told_from_now_on(hub_world: HubWorld, feed: EventFeed) -> None:
    await create(hub_world, "before")
    mine = await events(hub_world, "annotator")
    async with aclosing(mine.changes()) as stream:
        following = asyncio.ensure_future(take(stream, 1))
        await asyncio.sleep(0.2)
        made = await create(hub_world, "after")
        (event,) = await following
    assert (event.kind, event.target_type, event.target_id) == ("created", "project", made.id)


async def test_who_comes_back_with_a_cursor_misses_nothing(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    made = [(await create(hub_world, f"{number}")).id for number in range(6)]
    mine = await events(hub_world, "owner")
    async with aclosing(mine.changes(after=0, nouns=["project"])) as stream:
        first = await take(stream, 2)
    async with aclosing(mine.changes(after=first[-1].id, nouns=["project"])) as stream:
        rest = await take(stream, 4)
    assert [one.target_id for one in first + rest] == made


async def test_more_than_one_batch_is_given_whole(
    hub_world: HubWorld, feed: EventFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.events.BATCH", 3)
    made = [(await create(hub_world, f"{number}")).id for number in range(8)]
    mine = await events(hub_world, "owner")
    async with aclosing(mine.changes(after=0, nouns=["project"])) as stream:
        found = await take(stream, 8)
    assert [one.target_id for one in found] == made


@pytest.mark.parametrize("after", [-1, 10_000])
async def test_a_cursor_that_never_was_is_refused(hub_world: HubWorld, after: int) -> None:
    mine = await events(hub_world, "owner")
    with pytest.raises(Invalid, match="the newest event is number"):
        await anext(mine.changes(after=after))


async def test_events_of_writers_at_once_come_in_order_without_gaps(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    """Two databases stand for two processes, each with three writers."""
    other = connect(hub_world.database.url)
    owner = hub_world.people["owner"]

    async def write(catalog: Catalog, name: str) -> None:
        for number in range(8):
            made = await Containers(catalog).create(Dataset, name=f"{name} {number}")
            if number % 2:
                await Containers(catalog).update(Dataset, made.id, description="again")

    mine = await events(hub_world, "annotator")
    stream = mine.changes(nouns=["dataset"], current=fresh(hub_world, "annotator"))
    try:
        async with aclosing(stream):
            following = asyncio.ensure_future(take(stream, 6 * 12))
            await asyncio.sleep(0.2)
            catalogs = [
                Catalog(database, await load_actor(hub_world.database, owner))
                for database in (hub_world.database, other)
                for _ in range(3)
            ]
            await asyncio.gather(
                *(write(catalog, f"writer {at}") for at, catalog in enumerate(catalogs))
            )
            found = await following
    finally:
        await other.close()
    event = cols(Event)
    async with hub_world.database.reading() as connection:
        stored = list(
            await connection.scalars(
                select(event.id).where(event.target_type == "dataset").order_by(event.id)
            )
        )
    ids = [one.id for one in found]
    assert ids == stored
    assert all(before < after for before, after in pairwise(ids))
    created = {one.target_id for one in found if one.kind == "created"}
    assert len(created) == 48


async def test_a_commit_of_another_process_wakes_a_subscriber(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    other = connect(hub_world.database.url)
    mine = await events(hub_world, "annotator")
    loop = asyncio.get_running_loop()
    try:
        stream = mine.changes(nouns=["dataset"], current=fresh(hub_world, "annotator"))
        async with aclosing(stream):
            following = asyncio.ensure_future(take(stream, 1))
            await asyncio.sleep(0.3)
            catalog = Catalog(other, await load_actor(other, hub_world.people["owner"]))
            await Containers(catalog).create(Dataset, name="elsewhere")
            began = loop.time()
            (event,) = await following
            took = loop.time() - began
    finally:
        await other.close()
    assert event.target_type == "dataset"
    assert took < FALLBACK / 2


async def test_a_stranger_is_told_nothing_until_let_in(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    project = await create(hub_world, "hidden")
    containers = Containers(await hub_world.catalog(hub_world.people["owner"]))
    outside = await events(hub_world, "stranger")
    stream = outside.changes(after=0, current=fresh(hub_world, "stranger"))
    async with aclosing(stream):
        following = asyncio.ensure_future(take(stream, 1))
        await asyncio.sleep(0.2)
        await containers.update(Project, project.id, description="still hidden")
        await asyncio.sleep(0.2)
        assert not following.done()
        await hub_world.grant("read", "project", project.id, hub_world.people["stranger"])
        await containers.update(Project, project.id, description="seen")
        (event,) = await following
    assert (event.target_type, event.target_id) == ("project", project.id)


async def test_who_left_the_group_is_told_no_more(hub_world: HubWorld, feed: EventFeed) -> None:
    project = await create(hub_world, "Mitosis")
    owner = Containers(await hub_world.catalog(hub_world.people["owner"]))
    mine = await events(hub_world, "annotator")
    stream = mine.changes(nouns=["project"], current=fresh(hub_world, "annotator"))
    async with aclosing(stream):
        following = asyncio.ensure_future(take(stream, 1))
        await asyncio.sleep(0.2)
        await owner.update(Project, project.id, description="one")
        assert len(await following) == 1
        root = (await hub_world.hub("root")).people.groups
        annotator = hub_world.people["annotator"]
        await root.put_member(hub_world.groups["readers"], annotator)
        await root.set_default(annotator, hub_world.groups["readers"])
        await root.remove_member(hub_world.groups["lab"], annotator)
        await owner.update(Project, project.id, description="two")
        assert await silent(stream)


async def test_a_deletion_is_told_although_the_object_is_gone(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    project = await create(hub_world, "Mitosis")
    owner = Containers(await hub_world.catalog(hub_world.people["owner"]))
    await owner.delete(Project, [project.id])
    await owner.restore(Project, [project.id])
    mine = await events(hub_world, "annotator")
    async with aclosing(mine.changes(after=0, nouns=["project"])) as stream:
        found = await take(stream, 3)
    assert [one.kind for one in found] == ["created", "trashed", "restored"]


async def test_accounts_and_grants_are_told_to_administrators_only(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    project = await create(hub_world, "Mitosis")
    await hub_world.grant("read", "project", project.id, hub_world.people["reader"])
    for who, told in (("root", True), ("owner", False)):
        batch = await (await events(hub_world, who)).read(0, nouns=["user", "grant"])
        assert bool(batch.events) is told


async def test_a_wake_without_news_costs_two_statements_and_a_quiet_one_none(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    mine = await events(hub_world, "owner")
    async with aclosing(mine.changes()) as stream:
        following = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.2)
        with statements(hub_world.database) as quiet:
            await asyncio.sleep(0.3)
        with statements(hub_world.database) as woken:
            feed.wake()
            await asyncio.sleep(0.2)
        following.cancel()
        await asyncio.wait({following})
    asked = [one for one in quiet + woken if "data_version" not in one]
    assert len(asked) <= 2


# over GraphQL

CHANGES = """subscription($after: BigInt, $nouns: [String!], $project: ID, $image: ID) {
  changes(after: $after, nouns: $nouns, project: $project, image: $image) {
    cursor kind noun id imageId projectId object { id ... on Project { name } } } }"""


async def told(stream: Any, n: int) -> list[dict[str, Any]]:
    """Return the data of the next results of a subscription."""
    results = await take(stream, n)
    for result in results:
        assert result.errors is None, result.errors
    return [next(iter(result.data.values())) for result in results]


async def refusal(stream: Any) -> str:
    """Return the error that a subscription ends with."""
    (result,) = await take(stream, 1)
    assert result.errors is not None
    return str(result.errors[0])


async def test_changes_carry_the_object_as_it_is_now(hub_world: HubWorld, feed: EventFeed) -> None:
    stream = await hub_world.subscribe("annotator", CHANGES, {"nouns": ["Project"]})
    async with aclosing(stream):
        following = asyncio.ensure_future(told(stream, 2))
        await asyncio.sleep(0.3)
        project = await create(hub_world, "Mitosis")
        owner = Containers(await hub_world.catalog(hub_world.people["owner"]))
        await owner.delete(Project, [project.id])
        created, trashed = await following
    id = encode_id("Project", project.id)
    assert (created["kind"], created["noun"], created["id"]) == ("CREATED", "Project", id)
    assert created["projectId"] == id
    assert trashed["kind"] == "TRASHED"
    assert trashed["object"] is None
    assert int(trashed["cursor"]) > int(created["cursor"])


async def test_changes_resume_behind_a_cursor(hub_world: HubWorld, feed: EventFeed) -> None:
    for number in range(3):
        await create(hub_world, f"{number}")
    variables = {"after": 0, "nouns": ["Project"]}
    first = await hub_world.subscribe("owner", CHANGES, variables)
    async with aclosing(first):
        (start,) = await told(first, 1)
    second = await hub_world.subscribe("owner", CHANGES, variables | {"after": start["cursor"]})
    async with aclosing(second):
        rest = await told(second, 2)
    assert [one["object"]["name"] for one in [start, *rest]] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "variables", [{"nouns": ["Kitten"]}, {"after": 10**9}, {"image": "nonsense"}]
)
async def test_a_wrong_argument_ends_a_subscription_with_its_error(
    hub_world: HubWorld, feed: EventFeed, variables: dict[str, Any]
) -> None:
    stream = await hub_world.subscribe("owner", CHANGES, variables)
    async with aclosing(stream):
        assert re.search(r"Kitten|newest event|not an id", await refusal(stream))


async def test_an_account_that_is_disabled_hears_no_more(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    stream = await hub_world.subscribe("annotator", CHANGES)
    async with aclosing(stream):
        following = asyncio.ensure_future(refusal(stream))
        await asyncio.sleep(0.3)
        root = (await hub_world.hub("root")).people
        await root.change(hub_world.people["annotator"], enabled=False)
        assert "disabled" in await following


async def test_an_imported_image_is_told_with_its_pixels(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    owner = hub_world.people["owner"]
    project = await create(hub_world, "Mitosis")
    inside = await hub_world.dataset(owner, "inside", into=project.id)
    beside = await hub_world.dataset(owner, "beside")
    query = """subscription($dataset: ID, $project: ID) {
      imageImported(dataset: $dataset, project: $project) { name pixels { sizeX } } }"""
    scopes = [
        {"dataset": encode_id("Dataset", inside.id)},
        {"project": encode_id("Project", project.id)},
    ]
    for number, scope in enumerate(scopes):
        stream = await hub_world.subscribe("annotator", query, scope)
        async with aclosing(stream):
            following = asyncio.ensure_future(told(stream, 1))
            await asyncio.sleep(0.3)
            await hub_world.picture("owner", dataset_id=beside.id, name=f"beside {number}")
            await hub_world.picture("owner", dataset_id=inside.id, name=f"inside {number}")
            (image,) = await following
        assert image == {"name": f"inside {number}", "pixels": {"sizeX": 16}}


async def test_the_regions_of_an_image_are_told_to_who_sees_it(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    owner = hub_world.people["owner"]
    image: Image = await hub_world.image(owner)
    other: Image = await hub_world.image(owner, "other")
    drawn = Draft(Drawn(Kind.RECTANGLE, {"x": 1, "y": 2, "width": 3, "height": 4}))
    query = """subscription($image: ID!) { roiChanged(image: $image) { kind id roi { id } } }"""
    stream = await hub_world.subscribe("annotator", query, {"image": encode_id("Image", image.id)})
    async with aclosing(stream):
        following = asyncio.ensure_future(told(stream, 2))
        await asyncio.sleep(0.3)
        rois = Rois(await hub_world.catalog(owner))
        await rois.create(other.id, [drawn])
        roi = await rois.create(image.id, [drawn])
        await Containers(await hub_world.catalog(owner)).delete(Roi, [roi.id])
        created, gone = await following
    id = encode_id("ROI", roi.id)
    assert (created["kind"], created["id"]) == ("CREATED", id)
    assert (gone["kind"], gone["roi"]) == ("TRASHED", None)


async def test_regions_of_a_hidden_image_can_not_be_watched(
    hub_world: HubWorld, feed: EventFeed
) -> None:
    image = await hub_world.image(hub_world.people["owner"])
    query = "subscription($image: ID!) { roiChanged(image: $image) { kind } }"
    stream = await hub_world.subscribe("stranger", query, {"image": encode_id("Image", image.id)})
    async with aclosing(stream):
        assert "no Image" in await refusal(stream)
