"""What the store shows and allows equals the slow definition, in random worlds.

Every person is asked about every noun: the rows that `Catalog.all` returns, and what may be done to
each. The definition is in `tests/fixtures/access_oracle.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from sqlalchemy import delete, insert, select

from store.access.load import load_actor, load_link
from store.actor import Actor
from store.catalog import Catalog
from store.engine import Database, connect
from store.statement import key, table
from store.tables import ALL
from store.tables.containers import Dataset, DatasetImage, Placement, ProjectDataset
from store.tables.people import Group
from tests.fixtures.access_oracle import CONTAINERS, MAY, VISIBLE, Oracle, Person, Rows
from tests.fixtures.access_scene import SCENES, THREADS, Scene, build, happen


def examples(number: int) -> settings:
    """Return settings for slow examples, each with a database of its own."""
    return settings(
        deadline=None,
        max_examples=number,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    )


async def actor_of(database: Database, person: Person) -> Actor:
    """Load the person as a request would."""
    if person.user_id is None:
        if person.link_hash is None:
            return Actor.nobody()
        return await load_link(database, person.link_hash)
    return await load_actor(
        database,
        person.user_id,
        scopes=("admin",) if person.full else (),
        read_only=person.reads_only,
        link_hash=person.link_hash,
    )


async def compare(database: Database, person: Person, rows: Rows) -> None:
    """Compare what one person sees and may do, noun by noun."""
    oracle = Oracle(rows, person)
    catalog = Catalog(database, await actor_of(database, person))
    for noun in VISIBLE:
        if not rows.of[noun]:
            continue
        found = await catalog.all(noun)
        ids = sorted(getattr(row, key(noun).name) for row in found)
        assert ids == sorted(oracle.visible(noun)), f"{person} sees other {noun.__name__}"
        if noun in MAY:
            allowed = await catalog.capabilities(noun, found)
            for row, can in zip(found, allowed, strict=True):
                wanted = oracle.may(noun, row)
                assert can == wanted, f"{person} on {noun.__name__} {row.id}: {can}, not {wanted}"
    for name, noun in CONTAINERS.items():
        for row in rows.live(noun):
            assert catalog.actor.can(row) == oracle.can(name, row), f"{person}, {name} {row.id}"


def check_placements(rows: Rows) -> None:
    """A path has a live or excluded placement; a placement without a path is not live."""
    paths = {
        (above.project_id, below.image_id)
        for above in rows.live(ProjectDataset)
        for below in rows.live(DatasetImage)
        if above.dataset_id == below.dataset_id and rows.get(Dataset, below.dataset_id) is not None
    }
    states = {(one.project_id, one.image_id): one.state for one in rows.live(Placement)}
    assert paths <= states.keys()
    for pair, state in states.items():
        assert state in (("live", "excluded") if pair in paths else ("left", "excluded"))


async def _scene_holds(database: Database, builtin: Sequence[Any], scene: Scene) -> None:
    await _empty(database, builtin)
    made = await build(database, scene)
    await happen(database, made, scene.steps)
    rows = await Rows.read(database)
    check_placements(rows)
    for person in made.persons():
        await compare(database, person, rows)


async def _empty(database: Database, builtin: Sequence[Any]) -> None:
    """Delete every row but those that migrations insert; statements stay compiled meanwhile."""
    async with database.turn(), database.writing() as connection:
        for noun in reversed(ALL):
            await connection.execute(delete(table(noun)))
        await connection.execute(insert(table(Group)), [row._asdict() for row in builtin])


async def _builtin(database: Database) -> Sequence[Any]:
    async with database.reading() as connection:
        return (await connection.execute(select(table(Group)))).all()


def _scenes_hold(url: str, number: int) -> None:
    database = connect(url)
    with asyncio.Runner() as runner:
        builtin = runner.run(_builtin(database))

        @examples(number)
        @given(SCENES)
        def holds(scene: Scene) -> None:
            runner.run(_scene_holds(database, builtin, scene))

        try:
            for scene in THREADS:
                runner.run(_scene_holds(database, builtin, scene))
            holds()
        finally:
            runner.run(database.close())


def test_everybody_sees_and_may_do_what_the_definition_says_on_sqlite(sqlite_url: str) -> None:
    _scenes_hold(sqlite_url, 30)


def test_everybody_sees_and_may_do_what_the_definition_says_on_postgresql(
    postgres_url: str,
) -> None:
    _scenes_hold(postgres_url, 8)
