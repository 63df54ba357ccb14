"""Sessions over GraphQL: who sees which, who closes which, their group and their time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select, update

from adapters.credentials import Credentials, SignedIn
from resolvers.root import graphql_schema
from schema.scalars import encode_id, write_date_time
from store.clock import now_ms
from store.sealing import open_sealing
from store.statement import cols, table
from store.tables.access import Session
from store.unit import Unit
from tests.fixtures.hub_world import HubWorld, code_of
from tests.fixtures.people import QUICK

MINUTE_MS = 60_000
PASSWORD = "a good password"
OPEN = """query($user: ID, $first: Int, $after: String) {
  openSessions(user: $user, first: $first, after: $after) {
    totalCount pageInfo { hasNextPage endCursor }
    nodes { id current createdAt seenAt expiresAt idle user { username } group { name } } } }"""
UPDATED = "session { id group { name } idle seenAt expiresAt }"


@dataclass
class Doors:
    """Sign-ins into a hub."""

    world: HubWorld
    credentials: Credentials
    keys: list[str] = field(default_factory=list)

    async def sign_in(self, who: str) -> SignedIn:
        password = "root's password" if who == "root" else PASSWORD
        opened = await self.credentials.login(who, password)
        self.keys.append(opened.key)
        return opened

    async def ask(self, who: str, document: str, session: SignedIn) -> Any:
        """Run an operation in somebody's name, with a session of theirs."""
        context = await self.world.context(who)
        context.session_id = session.session.id
        return await graphql_schema.execute(document, context_value=context)

    async def change(self, session: SignedIn, **values: int) -> None:
        async def work(unit: Unit) -> None:
            where = cols(Session).id == session.session.id
            await unit.execute(update(table(Session)).where(where).values(**values))

        await self.world.system().write("test", work)

    async def stored(self, session: SignedIn) -> Any:
        async with self.world.database.reading() as connection:
            where = cols(Session).id == session.session.id
            return (await connection.execute(select(table(Session)).where(where))).first()


@pytest.fixture
async def doors(hub_world: HubWorld) -> AsyncIterator[Doors]:
    sealing = open_sealing(hub_world.infrastructure.settings.data)
    credentials = Credentials(hub_world.database, sealing, passwords=QUICK)
    yield Doors(hub_world, credentials)
    await credentials.settle()


def id_of(opened: SignedIn) -> str:
    return encode_id("Session", opened.session.id)


def person(world: HubWorld, name: str) -> str:
    return encode_id("User", world.people[name])


async def ids(world: HubWorld, who: str, **arguments: Any) -> list[str]:
    found = (await world.graphql(who, OPEN, arguments))["openSessions"]
    assert found["totalCount"] == len(found["nodes"])
    return [one["id"] for one in found["nodes"]]


async def test_an_administrator_sees_every_session_with_its_times(doors: Doors) -> None:
    world = doors.world
    first, second = await doors.sign_in("owner"), await doors.sign_in("reader")
    await doors.change(first, seen_at=5_000, expires_at=now_ms() + MINUTE_MS)
    assert await ids(world, "root") == [id_of(second), id_of(first)]
    assert await ids(world, "root", user=person(world, "owner")) == [id_of(first)]
    shown = (await world.graphql("root", OPEN))["openSessions"]["nodes"][0]
    row = second.session
    assert shown == {
        "id": id_of(second),
        "current": False,
        "createdAt": write_date_time(row.created_at),
        "seenAt": write_date_time(row.seen_at),
        "expiresAt": write_date_time(row.expires_at),
        "idle": "PT24H",
        "user": {"username": "reader"},
        "group": {"name": "readers"},
    }


async def test_sessions_are_paged_by_their_last_use(doors: Doors) -> None:
    opened = [await doors.sign_in("owner") for _ in range(3)]
    for minute, one in enumerate(opened):
        await doors.change(one, seen_at=now_ms() - minute * MINUTE_MS)
    first = (await doors.world.graphql("root", OPEN, {"first": 2}))["openSessions"]
    after = {"after": first["pageInfo"]["endCursor"]}
    rest = (await doors.world.graphql("root", OPEN, after))["openSessions"]
    listed = [one["id"] for one in first["nodes"] + rest["nodes"]]
    assert listed == [id_of(one) for one in opened]


async def test_others_see_their_own_only(doors: Doors) -> None:
    world = doors.world
    mine = await doors.sign_in("owner")
    theirs = await doors.sign_in("annotator")
    assert await ids(world, "owner", user=person(world, "owner")) == [id_of(mine)]
    for arguments in ({}, {"user": person(world, "annotator")}):
        assert code_of(await world.execute("owner", OPEN, arguments)) == "forbidden"
    assert code_of(await world.execute(None, OPEN)) == "unauthenticated"
    listed = await world.graphql("owner", "{ sessions { id user { username } } }")
    assert listed == {"sessions": [{"id": id_of(mine), "user": {"username": "owner"}}]}
    assert await doors.stored(theirs) is not None


async def test_an_ended_session_is_not_listed(doors: Doors) -> None:
    opened = await doors.sign_in("owner")
    await doors.change(opened, expires_at=now_ms() - 1)
    assert await ids(doors.world, "root") == []


async def test_a_session_works_in_a_group_of_its_person(doors: Doors) -> None:
    world = doors.world
    opened = await doors.sign_in("owner")
    id = {"id": id_of(opened)}
    vault = {"group": encode_id("Group", world.groups["vault"])}
    outsider = await world.mutate("owner", "updateSession", id | vault, UPDATED)
    await world.mutate("root", "addMember", vault | {"user": person(world, "owner")}, "__typename")
    member = await world.mutate("owner", "updateSession", id | vault, UPDATED)
    empty = await world.mutate(
        "owner", "updateSession", id | {"group": encode_id("Group", 1)}, UPDATED
    )
    stranger = await world.mutate("annotator", "updateSession", id | vault, UPDATED)
    nameless = await world.mutate("owner", "updateSession", vault, UPDATED)
    assert outsider["code"] == "conflict"
    assert member["session"]["group"] == {"name": "vault"}
    assert empty["code"] == "conflict"
    assert stranger["code"] == "not_found"
    assert nameless["code"] == "invalid"
    assert (await doors.stored(opened)).group_id == world.groups["vault"]


async def test_the_viewer_shows_the_session_asked_with(doors: Doors) -> None:
    opened, other = await doors.sign_in("owner"), await doors.sign_in("owner")
    query = "{ viewer { session { id current group { name } } administrationOpen } }"
    answer = await doors.ask("owner", query, opened)
    assert answer.data["viewer"] == {
        "session": {"id": id_of(opened), "current": True, "group": {"name": "lab"}},
        "administrationOpen": False,
    }
    assert (await doors.world.graphql("owner", query))["viewer"]["session"] is None
    assert other.session.id != opened.session.id


async def test_a_session_keeps_the_idle_time_its_holder_chose(doors: Doors) -> None:
    opened = await doors.sign_in("owner")
    shorter = {"id": id_of(opened), "idle": "PT10M"}
    made = await doors.world.mutate("owner", "updateSession", shorter, UPDATED)
    assert made["session"]["idle"] == "PT10M"
    row = await doors.stored(opened)
    assert row.expires_at - row.seen_at == 10 * MINUTE_MS
    assert abs(row.seen_at - now_ms()) < MINUTE_MS
    await doors.change(
        opened, seen_at=now_ms() - 5 * MINUTE_MS, expires_at=now_ms() + 5 * MINUTE_MS
    )
    assert await doors.credentials.session(opened.key) is not None
    await doors.credentials.settle()
    used = await doors.stored(opened)
    assert used.seen_at > now_ms() - MINUTE_MS
    assert used.expires_at - used.seen_at == 10 * MINUTE_MS


@pytest.mark.parametrize("idle", ["PT1M59S", "PT24H1S", "-PT10M"])
async def test_an_idle_time_keeps_within_bounds(doors: Doors, idle: str) -> None:
    opened = await doors.sign_in("owner")
    wanted = {"id": id_of(opened), "idle": idle}
    refused = await doors.world.mutate("owner", "updateSession", wanted, UPDATED)
    assert (refused["code"], refused["field"]) == ("invalid", "idle")


async def test_all_sessions_but_the_present_one_are_closed(doors: Doors) -> None:
    here = await doors.sign_in("owner")
    others = [await doors.sign_in("owner") for _ in range(2)]
    bystander = await doors.sign_in("annotator")
    document = """mutation { closeSessions(input: {}) {
      ... on CloseSessionsPayload { closed } } }"""
    answer = await doors.ask("owner", document, here)
    assert answer.data == {"closeSessions": {"closed": 2}}
    assert await doors.credentials.session(here.key) is not None
    assert await doors.credentials.session(bystander.key) is not None
    for one in others:
        assert await doors.credentials.session(one.key) is None


async def test_administrators_close_the_sessions_of_others(doors: Doors) -> None:
    world = doors.world
    first, second = await doors.sign_in("owner"), await doors.sign_in("owner")
    owner = {"user": person(world, "owner")}
    mate = await world.mutate("annotator", "closeSession", {"id": id_of(first)}, "revokedId")
    mates = await world.mutate("annotator", "closeSessions", owner, "closed")
    one = await world.mutate("root", "closeSession", {"id": id_of(first)}, "revokedId")
    rest = await world.mutate("root", "closeSessions", owner, "closed")
    assert mate["code"] == "not_found"
    assert mates["code"] == "forbidden"
    assert one == {"revokedId": id_of(first)}
    assert rest == {"closed": 1}
    assert await doors.credentials.session(second.key) is None


async def test_a_plain_administrator_does_not_sign_out_a_super_administrator(
    doors: Doors,
) -> None:
    world = doors.world
    role = {"user": person(world, "owner"), "role": "ADMINISTRATOR"}
    await world.mutate("root", "setRole", role, "user { username }")
    roots = await doors.sign_in("root")
    one = await world.mutate("owner", "closeSession", {"id": id_of(roots)}, "revokedId")
    everything = await world.mutate(
        "owner", "closeSessions", {"user": person(world, "root")}, "closed"
    )
    assert (one["code"], everything["code"]) == ("forbidden", "forbidden")
    assert await doors.credentials.session(roots.key) is not None
