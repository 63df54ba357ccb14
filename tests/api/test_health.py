"""What operators ask: alive, ready, how much of what."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path

import httpx
import numpy as np
import pytest

from adapters.jobs.service import Reference, Request
from adapters.tokens import Scope
from store.errors import Unavailable
from store.tables.jobs import JobState
from tests.fixtures.app import AppClients, live, settings_for

pytestmark = pytest.mark.asyncio(loop_scope="module")


def numbers(text: str) -> dict[str, float]:
    """Return the samples of a Prometheus text; each family must be introduced by its type."""
    found, known = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            known.add(line.split()[2])
        elif not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name.partition("{")[0] in known, line
            found[name] = float(value)
    return found


async def test_the_process_says_that_it_lives(shared_app: AppClients) -> None:
    for path, word in (("/healthz", "ok"), ("/readyz", "ready")):
        answer = await shared_app[None].get(path)
        assert (answer.status_code, answer.text) == (200, word)
        assert answer.headers["content-type"].startswith("text/plain")
        assert answer.headers["cache-control"] == "no-store"
        assert (await shared_app[None].head(path)).status_code == 200


async def test_it_is_not_ready_without_its_database(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone() -> None:
        raise Unavailable("The database", "OperationalError")

    monkeypatch.setattr(shared_app.app.state.services.database, "ping", gone)
    answer = await shared_app[None].get("/readyz")
    assert answer.status_code == 503
    assert answer.text == "The database is not available: OperationalError"
    assert (await shared_app[None].get("/healthz")).status_code == 200


async def test_it_is_not_ready_while_its_database_is_silent(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared_app.app.state.services.database, "ping", lambda: asyncio.sleep(60))
    monkeypatch.setattr("web.health.PATIENCE", 0.05)
    answer = await asyncio.wait_for(shared_app[None].get("/readyz"), 5)
    assert answer.status_code == 503
    assert "silent" in answer.text


async def test_the_hub_tells_what_it_is(shared_app: AppClients) -> None:
    answer = (await shared_app[None].get("/app/about")).json()
    assert answer["version"] == version("imagehub")
    assert answer["demo"] is False
    there = {one["path"]: one["available"] for one in answer["dialects"]}
    assert there["/graphql"]
    assert not there["/modules"]


async def test_requests_and_jobs_are_counted(shared_app: AppClients) -> None:
    client = shared_app[None]
    before = numbers((await client.get("/metrics")).text)
    for path in ("/healthz", "/healthz", "/tiles/1/thumbnail", "/zarr/1.zarr/zarr.json", "/no"):
        await client.get(path)
    answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    after = numbers(answer.text)

    def grown(dialect: str, status: int) -> float:
        name = f'imagehub_requests_total{{dialect="{dialect}",status="{status}"}}'
        return after[name] - before.get(name, 0)

    assert grown("health", 200) == 2
    assert grown("tiles", 404) == 1
    assert grown("zarr", 404) == 1
    assert grown("unknown", 404) == 1
    assert grown("metrics", 200) == 1
    assert after["imagehub_requests_open"] == 1
    assert after["imagehub_uptime_seconds"] >= before["imagehub_uptime_seconds"] > 0
    jobs = {name for name in after if name.startswith("imagehub_jobs")}
    assert jobs == {f'imagehub_jobs{{state="{state}"}}' for state in JobState}


async def test_a_queued_job_is_counted(shared_app: AppClients) -> None:
    image = await shared_app.world.image("owner", np.zeros((1, 1, 1, 20, 20), "uint8"))
    hub = await shared_app.world.hub("owner")
    before = numbers((await shared_app[None].get("/metrics")).text)
    await hub.jobs.submit(
        Request("filter.gaussian", {"sigma": 1.0}, {"image": Reference("image", image.id)})
    )
    after = numbers((await shared_app[None].get("/metrics")).text)
    name = 'imagehub_jobs{state="queued"}'
    assert after[name] == before[name] + 1


async def test_a_failure_is_counted_and_nothing_stays_open(
    shared_app: AppClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_name: str) -> str:
        raise RuntimeError("a secret of the inside")

    monkeypatch.setattr("web.about.version", broken)
    transport = httpx.ASGITransport(shared_app.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub.test") as client:
        answer = await client.get("/app/about")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"
    assert "secret" not in answer.text
    found = numbers((await shared_app[None].get("/metrics")).text)
    assert found['imagehub_requests_total{dialect="session",status="500"}'] == 1
    assert found["imagehub_requests_open"] == 1


async def test_numbers_are_for_this_machine_and_for_administrators(
    shared_app: AppClients,
) -> None:
    world = shared_app.world

    async def status(address: str, **headers: str) -> int:
        async with shared_app.client(address, headers=headers) as client:
            return (await client.get("/metrics")).status_code

    assert await status("127.0.0.1") == 200
    assert await status("127.8.8.8") == 200
    assert await status("::1") == 200
    for elsewhere in ("203.0.113.9", "10.0.0.1", "::ffff:203.0.113.9", "localhost.example"):
        assert await status(elsewhere) == 401
        assert await status(elsewhere, **world.bearer("owner")) == 403
        assert await status(elsewhere, **world.bearer("root")) == 200
        assert await status(elsewhere, Authorization="Bearer ihb_no") == 401
    reading = await world.token("root", Scope.READ)
    assert await status("203.0.113.9", Authorization=f"Bearer {reading}") == 200
    # A proxy on this machine makes everybody look local; it says so in one of these.
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert await status("127.0.0.1", **{name: "127.0.0.1"}) == 401


@pytest.mark.parametrize("trusted", [(), ("127.0.0.1",)])
async def test_a_forwarded_address_counts_only_from_a_trusted_proxy(
    sqlite_url: str, tmp_path: Path, trusted: tuple[str, ...]
) -> None:
    settings = settings_for(sqlite_url, tmp_path, trusted_proxies=trusted)
    async with live(settings) as hub, httpx.AsyncClient(base_url=hub.url) as client:
        secure = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
        cookie = (await client.get("/app/session", headers=secure)).headers["set-cookie"]
        assert ("Secure" in cookie) == bool(trusted)
        assert "Secure" not in (await client.get("/app/session")).headers["set-cookie"]
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/metrics", headers=secure)).status_code == 401
        # Failures are counted by name and address; the named one counts only if it is trusted.
        statuses = []
        for number in range(8):
            body = {"username": "nobody", "password": "wrong"}
            named = {"X-Forwarded-For": f"203.0.113.{number}"}
            answer = await client.post("/app/session", json=body, headers=named)
            statuses.append(answer.status_code)
        assert (429 in statuses) != bool(trusted)
