"""Passwords, sessions, tokens, links and keys: what opens, what does not, and what is kept."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import text, update

from adapters.credentials import WRONG_PASSWORD, Credentials
from adapters.keys import Keys
from adapters.passwords import Passwords
from adapters.people import People, ensure_root
from adapters.throttle import Throttle, network
from adapters.tokens import Tokens, digest
from store.access.cache import VerdictCache
from store.access.load import load_actor
from store.actor import Actor
from store.catalog import Catalog
from store.clock import now_ms
from store.engine import Database, connect
from store.errors import Forbidden, Invalid, NotFound, Throttled, Unauthenticated, Unavailable
from store.sealing import Sealing, open_sealing
from store.statement import cols, table
from store.tables.access import Session, Token
from store.tables.people import User
from store.unit import Unit
from tests.fixtures.people import QUICK, QUICK_HASHER, everything_stored

KEY = bytes(range(32))
ROOT = 2
SECRET = "correct horse battery"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = connect(database_url)
    await ensure_root(opened, SECRET, QUICK)
    yield opened
    await opened.close()


@pytest.fixture
async def credentials(database: Database) -> AsyncIterator[Credentials]:
    made = Credentials(database, Sealing(KEY), passwords=QUICK)
    yield made
    await made.settle()


async def people(database: Database) -> People:
    return People(Catalog(database, await load_actor(database, ROOT)), QUICK)


async def person(database: Database, username: str = "mira") -> User:
    return await (await people(database)).create(username, SECRET)


async def tokens_of(database: Database, user_id: int, **limits: Any) -> Tokens:
    return Tokens(Catalog(database, await load_actor(database, user_id, **limits)))


async def change(database: Database, noun: Any, **values: Any) -> None:
    """Set stored values behind everybody's back, as waiting or an older version would."""

    async def work(unit: Unit) -> None:
        await unit.execute(update(table(noun)).values(**values))

    await Catalog(database, Actor.system()).write("age", work)


# passwords


async def test_the_right_password_opens_a_session(
    credentials: Credentials, database: Database
) -> None:
    signed_in = await credentials.login("ROOT", SECRET)
    session = await credentials.session(signed_in.key)
    assert session is not None
    assert session.user_id == ROOT
    assert session.key_hash == digest(signed_in.key)
    assert 23 < (session.expires_at - now_ms()) / 3_600_000 <= 24
    assert signed_in.key not in repr(signed_in)


async def test_wrong_unknown_disabled_and_passwordless_get_the_same_answer(
    credentials: Credentials, database: Database
) -> None:
    mira = await person(database)
    there = await people(database)
    await there.change(mira.id, enabled=False)
    await there.create("silent")
    answers = []
    for name, password in (
        ("root", "wrong password"),
        ("nobody", SECRET),
        ("mira", SECRET),
        ("silent", ""),
        ("mi\x00ra", SECRET),
        ("\ud800", SECRET),
        ("root", "\ud800"),
        ("root", SECRET + "x" * 5000),
        ("root", SECRET + " "),
        ("", ""),
    ):
        with pytest.raises(Unauthenticated) as raised:
            await credentials.login(name, password)
        answers.append((raised.value.message, raised.value.fields))
    assert set(map(str, answers)) == {str((WRONG_PASSWORD, {}))}


async def test_an_unknown_name_costs_as_much_as_a_wrong_password(database: Database) -> None:
    slow = Passwords(PasswordHasher(time_cost=2, memory_cost=16384, parallelism=1))
    await (await people(database)).create("mira")
    root = People(Catalog(database, await load_actor(database, ROOT)), slow)
    await root.create("slow", SECRET)
    credentials = Credentials(database, Sealing(KEY), passwords=slow, throttle=Throttle(free=999))
    taken: dict[str, list[float]] = {"slow": [], "unknown": [], "mira": []}
    for name in ["slow", *list(taken) * 7]:
        started = time.perf_counter()
        with pytest.raises(Unauthenticated):
            await credentials.login(name, "wrong password")
        taken[name].append(time.perf_counter() - started)
    fastest = {name: min(times) for name, times in taken.items()}
    assert fastest["unknown"] > 0.6 * fastest["slow"]
    assert fastest["mira"] > 0.6 * fastest["slow"]


async def test_a_weaker_hash_is_renewed_at_sign_in(database: Database) -> None:
    stronger = Passwords(PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    before = await stored_hash(database)
    await Credentials(database, Sealing(KEY), passwords=stronger).login("root", SECRET)
    after = await stored_hash(database)
    assert "t=1" in before
    assert "t=2" in after
    await Credentials(database, Sealing(KEY), passwords=stronger).login("root", SECRET)
    assert await stored_hash(database) == after


async def stored_hash(database: Database) -> str:
    hub = Catalog(database, Actor.system())
    return (await hub.one(User, ROOT)).password_hash or ""


@pytest.mark.parametrize("password", ["short", "", "x" * 2000, "half\ud800character"])
async def test_a_password_that_is_no_good_is_refused(password: str) -> None:
    with pytest.raises(Invalid):
        await QUICK.hash(password)


async def test_hashing_leaves_the_event_loop_free() -> None:
    slow = Passwords(PasswordHasher(time_cost=4, memory_cost=65536, parallelism=1))
    hashing = asyncio.create_task(slow.hash(SECRET))
    longest, last = 0.0, time.perf_counter()
    while not hashing.done():
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    assert (await hashing).startswith("$argon2id$")
    assert longest < 0.1


async def test_too_many_sign_ins_at_once_are_put_off() -> None:
    narrow = Passwords(QUICK_HASHER, threads=1, waiting=1)
    answers = await asyncio.gather(
        *(narrow.check(None, "x") for _ in range(6)), return_exceptions=True
    )
    assert sum(isinstance(one, Throttled) for one in answers) == 4
    assert (await narrow.check(None, "x")).right is False


async def test_a_password_of_a_disabled_account_is_not_even_compared(
    credentials: Credentials, database: Database
) -> None:
    mira = await person(database)
    assert (await credentials.verify("mira", SECRET)).id == mira.id
    await (await people(database)).change(mira.id, enabled=False)
    with pytest.raises(Unauthenticated, match=WRONG_PASSWORD):
        await credentials.verify("mira", SECRET)


# throttle


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def fail(throttle: Throttle, name: str = "mira", address: str = "10.0.0.1") -> None:
    async with throttle.attempt(name, address):
        pass


async def wait_of(throttle: Throttle, **where: str) -> float:
    with pytest.raises(Throttled) as raised:
        await fail(throttle, **where)
    return raised.value.retry_after


async def test_delays_double_after_the_free_failures_and_end_with_the_window() -> None:
    clock = Clock()
    throttle = Throttle(free=3, window=900, first=1, longest=8, clock=clock)
    for _ in range(3):
        await fail(throttle)
    waits = []
    for _ in range(5):
        waits.append(await wait_of(throttle))
        clock.now += waits[-1]
        await fail(throttle)
    assert waits == [1, 2, 4, 8, 8]
    clock.now += 901
    for _ in range(3):
        await fail(throttle)
    assert await wait_of(throttle) == 1


async def test_success_resets_the_throttle_and_refusals_do_not_count() -> None:
    clock = Clock()
    throttle = Throttle(free=2, clock=clock)
    for _ in range(2):
        await fail(throttle)
    for _ in range(50):
        assert await wait_of(throttle) == 1
    clock.now += 1
    async with throttle.attempt("MIRA", "10.0.0.1") as attempt:
        attempt.succeeded()
    assert throttle.kept == 0
    for _ in range(2):
        await fail(throttle)


async def test_another_place_and_another_name_are_not_held_up() -> None:
    throttle = Throttle(free=1, clock=Clock())
    await fail(throttle)
    assert await wait_of(throttle) == 1
    await fail(throttle, address="10.0.0.2")
    await fail(throttle, name="other")


def test_an_ipv6_house_is_one_place() -> None:
    assert network("2001:db8::1") == network("2001:db8::ffff:2") != network("2001:db8:0:1::1")
    assert network("::ffff:10.0.0.1") == network("10.0.0.1") == "10.0.0.1"
    assert network("socket") == "socket"


async def test_a_burst_of_guesses_counts_each_of_them(
    database: Database, credentials: Credentials
) -> None:
    guesses = await asyncio.gather(
        *(credentials.login("root", f"guess number {n}", address="10.0.0.1") for n in range(20)),
        return_exceptions=True,
    )
    wrong = [one for one in guesses if isinstance(one, Unauthenticated)]
    held = [one for one in guesses if isinstance(one, Throttled)]
    assert (len(wrong), len(held)) == (5, 15)
    with pytest.raises(Throttled):
        await credentials.login("root", SECRET, address="10.0.0.1")
    assert (await credentials.login("root", SECRET, address="10.0.0.2")).user.id == ROOT


async def test_many_right_sign_ins_at_once_all_succeed(credentials: Credentials) -> None:
    opened = await asyncio.gather(
        *(credentials.login("root", SECRET, address="10.0.0.1") for _ in range(12))
    )
    assert len({one.key for one in opened}) == 12


async def test_the_throttle_remembers_a_bounded_number_of_keys() -> None:
    throttle = Throttle(size=10, clock=Clock())
    for number in range(50):
        await fail(throttle, name=f"user {number}")
    assert throttle.kept == 10


# sessions


async def test_a_closed_session_and_an_unknown_key_open_nothing(credentials: Credentials) -> None:
    signed_in = await credentials.login("root", SECRET)
    assert await credentials.logout(signed_in.key)
    assert await credentials.session(signed_in.key) is None
    assert not await credentials.logout(signed_in.key)
    assert await credentials.session("made up") is None


async def test_a_session_ends_when_unused_and_lives_on_when_used(
    credentials: Credentials, database: Database
) -> None:
    signed_in = await credentials.login("root", SECRET)
    hour = 3_600_000
    await change(database, Session, seen_at=now_ms() - 23 * hour, expires_at=now_ms() + hour)
    assert await credentials.session(signed_in.key) is not None
    await credentials.settle()
    renewed = await credentials.session(signed_in.key)
    assert renewed is not None
    assert renewed.expires_at - now_ms() > 23.9 * hour
    await change(database, Session, expires_at=now_ms())
    assert await credentials.session(signed_in.key) is None


async def test_the_last_use_is_written_once_a_minute(
    credentials: Credentials, database: Database
) -> None:
    signed_in = await credentials.login("root", SECRET)
    seen = signed_in.session.seen_at
    for _ in range(3):
        await credentials.session(signed_in.key)
        await credentials.settle()
    again = await credentials.session(signed_in.key)
    assert again is not None
    assert again.seen_at == seen


async def test_ended_sessions_are_cleared_away(
    credentials: Credentials, database: Database
) -> None:
    await credentials.login("root", SECRET)
    await change(database, Session, expires_at=now_ms() - 1)
    kept = await credentials.login("root", SECRET)
    rows = await Catalog(database, Actor.system()).all(Session)
    assert [row.id for row in rows] == [kept.session.id]


async def test_one_lists_and_closes_only_ones_own_sessions(
    credentials: Credentials, database: Database
) -> None:
    mira = await person(database)
    foreign = await credentials.login("root", SECRET)
    first = await credentials.login("mira", SECRET)
    second = await credentials.login("mira", SECRET)
    own = People(Catalog(database, await load_actor(database, mira.id))).sessions
    assert {one.id for one in await own.all()} == {first.session.id, second.session.id}
    with pytest.raises(NotFound):
        await own.close(foreign.session.id)
    await own.close(first.session.id)
    assert await credentials.session(first.key) is None
    assert await own.close_others(second.session.id) == 0
    assert await own.close_others() == 1
    assert await credentials.session(foreign.key) is not None


async def test_disabling_and_a_new_password_end_sessions(
    credentials: Credentials, database: Database
) -> None:
    mira = await person(database)
    there = await people(database)
    first = await credentials.login("mira", SECRET)
    await there.set_password(mira.id, "another password")
    assert await credentials.session(first.key) is None
    second = await credentials.login("mira", "another password")
    await there.change(mira.id, enabled=False)
    assert await credentials.session(second.key) is None
    with pytest.raises(Unauthenticated):
        await load_actor(database, mira.id)


async def test_the_session_one_changes_ones_password_in_goes_on(
    credentials: Credentials, database: Database
) -> None:
    mira = await person(database)
    here, elsewhere = [await credentials.login("mira", SECRET) for _ in range(2)]
    own = People(Catalog(database, await load_actor(database, mira.id)), QUICK)
    await own.set_password(
        mira.id, "another password", current=SECRET, kept_session=here.session.id
    )
    assert await credentials.session(here.key) is not None
    assert await credentials.session(elsewhere.key) is None


async def test_signing_in_is_no_command(credentials: Credentials, database: Database) -> None:
    async with database.reading() as connection:
        before = await connection.scalar(text("SELECT count(*) FROM command"))
        signed_in = await credentials.login("root", SECRET)
        await credentials.logout(signed_in.key)
        assert await connection.scalar(text("SELECT count(*) FROM command")) == before


# tokens


async def test_a_token_opens_until_it_is_revoked(
    credentials: Credentials, database: Database
) -> None:
    tokens = await tokens_of(database, ROOT)
    made = await tokens.create("script", ["write", "read"])
    found = await credentials.token(made.plain)
    assert made.plain.startswith("ihb_")
    assert found is not None
    assert (found.user_id, found.name, found.scopes) == (ROOT, "script", ["read", "write"])
    assert [one.id for one in await tokens.all()] == [made.token.id]
    await tokens.revoke(made.token.id)
    assert await credentials.token(made.plain) is None
    with pytest.raises(NotFound):
        await tokens.revoke(made.token.id)


async def test_an_ended_token_opens_nothing(credentials: Credentials, database: Database) -> None:
    tokens = await tokens_of(database, ROOT)
    made = await tokens.create("script", expires_at=now_ms() + 60_000)
    assert await credentials.token(made.plain) is not None
    await credentials.settle()
    await change(database, Token, expires_at=now_ms())
    assert await credentials.token(made.plain) is None
    with pytest.raises(Invalid):
        await tokens.create("late", expires_at=now_ms() - 1)


async def test_the_use_of_a_token_is_noted(credentials: Credentials, database: Database) -> None:
    tokens = await tokens_of(database, ROOT)
    made = await tokens.create("script")
    assert made.token.used_at is None
    await credentials.token(made.plain)
    await credentials.settle()
    used = (await tokens.all())[0].used_at
    assert used is not None
    assert abs(used - now_ms()) < 10_000


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "READ"]])
async def test_scopes_are_checked(database: Database, scopes: list[str]) -> None:
    with pytest.raises(Invalid):
        await (await tokens_of(database, ROOT)).create("script", scopes)


async def test_a_token_makes_no_other_credential(database: Database) -> None:
    mira = await person(database)
    for scopes in (["read"], ["write"], ["workspace"]):
        limited = await tokens_of(database, mira.id, scopes=scopes)
        with pytest.raises(Forbidden):
            await limited.create("wider", ["admin"])
        catalog = Catalog(database, await load_actor(database, mira.id, scopes=scopes))
        with pytest.raises(Forbidden):
            await Keys(catalog, Sealing(KEY)).of(mira.id)
        with pytest.raises(Forbidden):
            await People(catalog, QUICK).set_password(mira.id, "another password", current=SECRET)


async def test_nobody_has_no_tokens(database: Database) -> None:
    nobody = Tokens(Catalog(database, Actor.nobody()))
    assert await nobody.all() == []
    with pytest.raises(Unauthenticated):
        await nobody.create("script")


async def test_a_guest_may_have_a_token(database: Database, credentials: Credentials) -> None:
    guest = await (await people(database)).create("guest", SECRET, guest=True)
    made = await (await tokens_of(database, guest.id)).create("script", ["write"])
    assert await credentials.token(made.plain) is not None


async def test_one_revokes_only_ones_own_tokens(database: Database) -> None:
    mira = await person(database)
    made = await (await tokens_of(database, ROOT)).create("script")
    with pytest.raises(NotFound):
        await (await tokens_of(database, mira.id)).revoke(made.token.id)


# keys and the seal


async def test_a_key_pair_is_made_once_and_renewed_on_demand(
    database: Database, credentials: Credentials
) -> None:
    mira = await person(database)
    own = Keys(Catalog(database, await load_actor(database, mira.id)), Sealing(KEY))
    pair = await own.of(mira.id)
    assert await own.of(mira.id) == pair
    assert pair.private not in repr(pair)
    assert await credentials.key_pair(pair.public) == pair
    fresh = await own.renew(mira.id)
    assert fresh.public != pair.public
    assert await credentials.key_pair(pair.public) is None
    assert await credentials.key_pair(fresh.public) == fresh


async def test_keys_are_for_their_owner_and_administrators(database: Database) -> None:
    mira, other = await person(database), await person(database, "other")
    theirs = Keys(Catalog(database, await load_actor(database, other.id)), Sealing(KEY))
    with pytest.raises(Forbidden):
        await theirs.of(mira.id)
    root = Keys(Catalog(database, await load_actor(database, ROOT)), Sealing(KEY))
    assert (await root.of(mira.id)).user_id == mira.id


async def test_keys_of_a_disabled_account_open_nothing(
    database: Database, credentials: Credentials
) -> None:
    mira = await person(database)
    root = await people(database)
    pair = await Keys(Catalog(database, await load_actor(database, ROOT)), Sealing(KEY)).of(mira.id)
    await root.change(mira.id, enabled=False)
    assert await credentials.key_pair(pair.public) is None


async def test_a_private_key_opens_with_the_server_key_only(database: Database) -> None:
    root = Keys(Catalog(database, await load_actor(database, ROOT)), Sealing(KEY))
    pair = await root.of(ROOT)
    stored = await Catalog(database, Actor.system()).one(User, ROOT)
    assert stored.private_key_sealed is not None
    assert pair.private not in stored.private_key_sealed
    other = Keys(Catalog(database, await load_actor(database, ROOT)), Sealing(bytes(32)))
    with pytest.raises(Unavailable, match=r"server\.key"):
        await other.of(ROOT)


async def test_a_sealed_key_moved_to_another_account_does_not_open(database: Database) -> None:
    mira = await person(database)
    root = Keys(Catalog(database, await load_actor(database, ROOT)), Sealing(KEY))
    await root.of(ROOT)
    stored = await Catalog(database, Actor.system()).one(User, ROOT)
    await root.of(mira.id)
    await change(database, User, private_key_sealed=stored.private_key_sealed)
    assert (await root.of(ROOT)).user_id == ROOT
    with pytest.raises(Unavailable):
        await root.of(mira.id)


def test_a_seal_is_bound_to_its_purpose_and_damage_shows() -> None:
    sealing = Sealing(KEY)
    sealed = sealing.seal("secret", "a")
    assert sealing.open(sealed, "a") == "secret"
    assert sealing.seal("secret", "a") != sealed
    damaged = sealed[:-8] + ("A" if sealed[-8] != "A" else "B") + sealed[-7:]
    for wrong, purpose in ((sealed, "b"), (damaged, "a"), ("", "a"), ("v1.", "a"), ("v1.é", "a")):
        with pytest.raises(Unavailable):
            sealing.open(wrong, purpose)


def test_a_signature_is_of_one_text_and_one_key() -> None:
    signature = Sealing(KEY).sign("image:1")
    assert Sealing(KEY).signed("image:1", signature)
    assert not Sealing(KEY).signed("image:2", signature)
    assert not Sealing(bytes(32)).signed("image:1", signature)
    assert not Sealing(KEY).signed("image:1", "ü" + signature[1:])


def test_the_key_file_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    sealed = open_sealing(folder).seal("secret", "a")
    path = folder / "server.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert open_sealing(folder).open(sealed, "a") == "secret"
    assert os.listdir(folder) == ["server.key"]


def test_a_damaged_key_file_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "server.key"
    for content in ("", "AAAA\n", "not base64 !\n"):
        path.write_text(content)
        path.chmod(0o600)
        with pytest.raises(Unavailable):
            open_sealing(tmp_path)
        assert path.read_text() == content


def test_processes_that_start_together_agree_on_the_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from store.sealing import open_sealing; "
        "print(open_sealing(pathlib.Path(sys.argv[1])).sign('x'))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[3],
        )
        for _ in range(4)
    ]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1
    assert os.listdir(tmp_path) == ["server.key"]


# what is kept


async def test_no_secret_is_stored_in_plain(database: Database, credentials: Credentials) -> None:
    mira = await person(database)
    own = People(Catalog(database, await load_actor(database, mira.id)), QUICK)
    signed_in = await credentials.login("mira", SECRET)
    token = await own.tokens.create("script", ["write"])
    pair = await Keys(Catalog(database, await load_actor(database, mira.id)), Sealing(KEY)).of(
        mira.id
    )
    await own.set_password(mira.id, "another password", current=SECRET)
    stored = await everything_stored(database)
    assert "mira storage" in stored
    assert digest(token.plain) in stored
    for secret in (SECRET, "another password", signed_in.key, token.plain, pair.private):
        assert secret not in stored


async def test_secrets_are_not_logged(
    database: Database, credentials: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    signed_in = await credentials.login("root", SECRET)
    with pytest.raises(Unauthenticated):
        await credentials.login("root", "a wrong password")
    token = await (await tokens_of(database, ROOT)).create("script")
    await credentials.token(token.plain)
    for secret in (SECRET, "a wrong password", signed_in.key, token.plain):
        assert secret not in caplog.text


# verdicts


async def test_a_verdict_lasts_for_its_time_and_no_longer_than_its_credential() -> None:
    clock = Clock()
    cache = VerdictCache(ttl=5, clock=clock)
    cache.put("a", 1)
    cache.put("b", 2, ttl=1)
    cache.put("c", 3, ttl=0)
    assert [cache.get(key) for key in "abc"] == [1, 2, None]
    clock.now += 1
    assert [cache.get(key) for key in "ab"] == [1, None]
    clock.now += 4
    assert cache.get("a") is None


async def test_a_verdict_worked_out_while_the_rules_changed_is_not_kept() -> None:
    cache = VerdictCache()
    asked, go = asyncio.Event(), asyncio.Event()

    async def load() -> tuple[str, None]:
        asked.set()
        await go.wait()
        return "old", None

    waiting = asyncio.create_task(cache.remember("a", load))
    await asked.wait()
    cache.clear()
    go.set()
    assert await waiting == "old"
    assert cache.get("a") is None


async def test_callers_at_the_same_moment_share_one_look_up_and_failures_are_not_kept() -> None:
    cache = VerdictCache()
    calls = 0

    async def load() -> tuple[int, None]:
        nonlocal calls
        calls += 1
        await asyncio.sleep(0.01)
        if calls == 1:
            raise Unauthenticated
        return calls, None

    refused = await asyncio.gather(
        *(cache.remember("a", load) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(one, Unauthenticated) for one in refused)
    assert calls == 1
    assert await asyncio.gather(*(cache.remember("a", load) for _ in range(5))) == [2] * 5
    assert await cache.remember("a", load) == 2


async def test_the_cache_is_bounded() -> None:
    cache = VerdictCache(size=3)
    for number in range(10):
        cache.put(number, number + 1)
    assert cache.kept == 3
    assert cache.get(9) == 10


async def test_columns_of_every_table_take_part_in_the_scan(database: Database) -> None:
    stored = await everything_stored(database)
    hub = Catalog(database, Actor.system())
    root = (await hub.all(User, hub.select(User).where(cols(User).id == ROOT)))[0]
    assert str(root.password_hash) in stored
