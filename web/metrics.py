"""Facts about this process for Prometheus: ``/metrics``, in its text format 0.0.4.

Numbers of requests count since the process started and each server process has its own; jobs are
read from the database and are the same in all. Shown on this machine, and elsewhere to an
administrator's token. Behind a proxy on the same machine everybody seems to be local, so a request
that was forwarded never counts as such.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter
from collections.abc import Iterator, Mapping

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from store.actor import Actor
from store.catalog import Catalog
from store.errors import Forbidden, Unauthenticated
from store.statement import cols
from store.tables.jobs import Job, JobState
from web.auth.resolve import services_of
from web.dialects import caller_of, dialect_of

MEDIA_TYPE = "text/plain; version=0.0.4"
CLIENT_LEFT = 499  # as proxies write it; nobody receives it
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class Meter:
    """Counts what a process answers."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.answered: Counter[tuple[str, int]] = Counter()  # by dialect and status
        self.open = 0

    @property
    def uptime(self) -> float:
        """Seconds since the process began to serve."""
        return time.monotonic() - self.started


class Metered:
    """Middleware that counts HTTP requests in ``app.state.meter``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        meter: Meter = scope["app"].state.meter
        status = CLIENT_LEFT  # unless an answer begins

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        meter.open += 1
        try:
            await self._app(scope, receive, noted)
        except Exception:
            status = 500  # said further out
            raise
        finally:
            meter.open -= 1
            meter.answered[dialect_of(scope["path"]).name, status] += 1


async def show(request: Request) -> Response:
    """Write the facts. Raises Unauthenticated or Forbidden for who may not read them."""
    if not _is_local(request):
        caller = await caller_of(request)
        if not caller.actor.signed_in:
            raise Unauthenticated("Send an administrator's token to read this from elsewhere.")
        if not caller.actor.administrator:
            raise Forbidden("read", "page", request.url.path, "it is for administrators.")
    catalog = Catalog(services_of(request).database, Actor.system())
    jobs = await catalog.counts(catalog.select(Job), cols(Job).state)
    lines = _lines(request.app.state.meter, {str(state): count for state, count in jobs.items()})
    return PlainTextResponse(
        "".join(f"{line}\n" for line in lines),
        media_type=MEDIA_TYPE,
        headers={"Cache-Control": "no-store"},
    )


def _is_local(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _lines(meter: Meter, jobs: Mapping[str, int]) -> Iterator[str]:
    yield from _head("imagehub_uptime_seconds", "gauge", "Seconds since the process started.")
    yield f"imagehub_uptime_seconds {meter.uptime:.3f}"
    yield from _head("imagehub_requests_open", "gauge", "Requests being answered.")
    yield f"imagehub_requests_open {meter.open}"
    yield from _head("imagehub_requests_total", "counter", "Requests answered.")
    for (dialect, status), count in sorted(meter.answered.items()):
        yield f'imagehub_requests_total{{dialect="{dialect}",status="{status}"}} {count}'
    yield from _head("imagehub_jobs", "gauge", "Jobs by state.")
    for state in JobState:
        yield f'imagehub_jobs{{state="{state.value}"}} {jobs.get(state.value, 0)}'


def _head(name: str, kind: str, help: str) -> tuple[str, str]:
    return f"# HELP {name} {help}", f"# TYPE {name} {kind}"


ROUTES = [Route("/metrics", show)]
