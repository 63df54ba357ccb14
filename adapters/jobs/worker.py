"""Workers: take a waiting job, run it in a thread, publish what it made, or say why not.

Results are written to folders nothing names and become visible in one transaction that also ends
the job, under the fence of the lease. A worker that dies leaves nothing but orphans and a lease
that runs out; the job is then tried again, three times at most.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from adapters.hub import Hub
from adapters.infrastructure import Infrastructure
from adapters.jobs.execute import Cancelled, Results, execute
from adapters.jobs.plan import OutputPlan
from adapters.jobs.programs import Program
from adapters.jobs.publish import publish_results
from adapters.jobs.script_session import ScriptError
from adapters.jobs.service import Reference
from adapters.jobs.views import ImageInput, Selection
from adapters.operations import Bound, Calibration
from store import leases
from store.access.load import load_actor
from store.clock import now_ms
from store.errors import HubError, NotFound
from store.leases import Lease
from store.pixels.base import ChannelDescription, ImageDescription, PixelWriter
from store.tables.images import Image, LabelSet, Pixels
from store.tables.jobs import JobIo, JobState

log = logging.getLogger(__name__)
THREADS = max(1, os.cpu_count() or 1)  # tiles of one job computed at the same time
ABREAST = min(2, THREADS)  # of a script: one tile is computed while the next is read
IDLE = 0.5  # seconds between looks at the queue of another process
BEAT = 0.5  # seconds between reports of progress
QUIET_BEATS = 4  # beats without progress after which a job still shows that it lives
RECOVERY = 5.0  # seconds between looks for lost leases


@dataclass(slots=True, eq=False)
class Running:
    """What thread and event loop say to each other about one run."""

    done: int = 0
    total: int = 1
    share: float = 0.0  # of the call that runs now, as far as an operation tells
    stop: bool = False
    lines: deque[tuple[int, str]] = field(default_factory=deque)

    @property
    def progress(self) -> int:
        """How far the run is, in percent; the last one is for publishing."""
        return min(99, int(100 * (self.done + self.share) / max(1, self.total)))

    def step(self, done: int, total: int) -> None:
        """Note what is finished."""
        self.done, self.total, self.share = done, total, 0.0

    def reach(self, share: float) -> None:
        """Note how far the present call is."""
        self.share = share

    def write(self, text: str) -> None:
        """Note a line for the log."""
        self.lines.append((now_ms(), text))

    def take_lines(self) -> list[tuple[int, str]]:
        """Return the lines noted since the last look."""
        return [self.lines.popleft() for _ in range(len(self.lines))]


class Workers:
    """The workers of one server process."""

    def __init__(self, infrastructure: Infrastructure, count: int) -> None:
        self._infrastructure = infrastructure
        self._count = count
        self._name = secrets.token_hex(6)
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._threads = ThreadPoolExecutor(max(1, count), thread_name_prefix="job")
        self._running: set[Running] = set()
        self._closing = False

    def start(self) -> None:
        """Start taking jobs."""
        self._tasks = [
            asyncio.create_task(self._work(f"{self._name}:{number}"))
            for number in range(self._count)
        ]
        self._tasks.append(asyncio.create_task(self._recover()))

    def wake(self) -> None:
        """Look at the queue now."""
        self._wake.set()

    async def stop(self) -> None:
        """Stop taking jobs; what runs is stopped and queued again."""
        self._closing = True
        for running in self._running:
            running.stop = True
        for task in self._tasks[-1:]:
            task.cancel()
        self._wake.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=True)

    async def drain(self) -> None:
        """Run until nothing waits: for the command line, the demo and tests."""
        while (lease := await leases.claim(self._infrastructure.database, self._name)) is not None:
            await self._run(lease)

    async def _work(self, name: str) -> None:
        while not self._closing:
            try:
                lease = await leases.claim(self._infrastructure.database, name)
                if lease is not None:
                    await self._run(lease)
                    continue
            except Exception:
                log.exception("a worker could not take a job")
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), IDLE)

    async def _recover(self) -> None:
        while True:
            try:
                if await leases.recover(self._infrastructure.database):
                    self.wake()
            except Exception:
                log.exception("lost jobs could not be queued again")
            await asyncio.sleep(RECOVERY)

    async def _run(self, lease: Lease) -> None:
        """Run one job to one of its ends; never raises."""
        database, running = self._infrastructure.database, Running()
        self._running.add(running)
        beating = asyncio.create_task(self._beat(lease, running))
        try:
            await self._perform(lease, running)
        except Cancelled:
            if self._closing:
                outcome = JobState.RETRYING, "The server was stopped."
            else:
                outcome = JobState.KILLED, "It was stopped."
        except HubError as refused:
            outcome = JobState.FAILED, refused.message
        except ScriptError as failure:
            outcome = JobState.FAILED, str(failure)[:1000]
        except MemoryError:
            outcome = JobState.FAILED, "There was not enough memory."
        except Exception as failure:
            log.exception("job %s failed", lease.job.id)
            outcome = JobState.FAILED, f"{type(failure).__name__}: {failure}"[:1000]
        else:
            return
        finally:
            beating.cancel()
            self._running.discard(running)
            await leases.log_all(database, lease.job.id, running.take_lines())
        state, error = outcome
        await leases.log(database, lease.job.id, error, "error")
        await leases.end(database, lease, state.value, error=error)

    async def _beat(self, lease: Lease, running: Running) -> None:
        told, quiet = -1, 0
        while True:
            await asyncio.sleep(BEAT)
            quiet += 1
            await leases.log_all(self._infrastructure.database, lease.job.id, running.take_lines())
            if running.progress == told and quiet < QUIET_BEATS:
                continue
            told, quiet = running.progress, 0
            asked = await leases.beat(self._infrastructure.database, lease, told)
            if asked is None or asked:
                running.stop = True

    async def _perform(self, lease: Lease, running: Running) -> None:
        job = lease.job
        actor = await load_actor(self._infrastructure.database, job.owner_id)
        hub = Hub(self._infrastructure, actor)
        row = (await hub.jobs.operations([job.operation_id])).get(job.operation_id)
        if row is None:
            raise NotFound("operation", job.operation_id)
        program = await hub.jobs.programs.of(row)
        operation = program.declared
        arguments = dict((await hub.jobs.parameters([job.id]))[job.id])
        ins = [one for one in (await hub.jobs.lineage([job.id]))[job.id] if one.direction == "in"]
        references = {one.port: Reference(one.target_type, one.target_id) for one in ins}
        bound = operation.bind({**arguments, **references})
        inputs = await self._inputs(hub, job.options or {}, ins)
        await leases.log(
            self._infrastructure.database, job.id,
            f"{operation.name} {operation.version} {json.dumps(arguments, default=str)}",
        )  # fmt: skip
        results = await self._execute(program, bound, inputs, running)
        await leases.log_all(self._infrastructure.database, job.id, running.take_lines())
        try:
            await publish_results(hub, lease, operation, results, ins)
        except BaseException:
            for made in results.images.values():
                await self._infrastructure.run(
                    self._infrastructure.pixels.delete, made.written.store_key
                )
            raise

    async def _execute(
        self, program: Program, bound: Bound, inputs: dict[str, Any], running: Running
    ) -> Results:
        limit = self._infrastructure.settings.memory_limit

        def writer(plan: OutputPlan) -> PixelWriter:
            return self._infrastructure.pixels.create(
                plan.layout, _description(plan), labels=plan.content.value == "labels"
            )

        def cancelled() -> bool:
            return running.stop

        def work() -> Results:
            with program.started(
                limit, log=running.write, cancelled=cancelled, progress=running.reach
            ) as operation:
                return execute(
                    operation, bound, inputs, writer, progress=running.step, cancelled=cancelled,
                    memory_limit=limit, workers=THREADS if operation.origin is None else ABREAST,
                )  # fmt: skip

        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def _inputs(
        self, hub: Hub, options: dict[str, Any], ins: list[JobIo]
    ) -> dict[str, ImageInput]:
        selection = _selection(options.get("selection") or {})
        found = {}
        for one in ins:
            image_id, key = await _stored(hub, one)
            pixels = await hub.catalog.one(Pixels, image_id)
            found[one.port] = ImageInput(
                self._infrastructure.pixels.open(key), calibration_of(pixels), selection
            )
        return found


async def _stored(hub: Hub, one: JobIo) -> tuple[int, str]:
    if one.target_type == "label_set":
        labels = await hub.catalog.one(LabelSet, one.target_id)
        return labels.image_id, labels.store_key
    await hub.catalog.one(Image, one.target_id)
    pixels = await hub.catalog.one(Pixels, one.target_id)
    return one.target_id, pixels.store_key or ""


def calibration_of(pixels: Pixels) -> Calibration:
    """Return the pixel size an image states."""
    return Calibration(
        pixels.physical_size_x,
        pixels.physical_size_y,
        pixels.physical_size_z,
        pixels.time_increment,
    )


def _selection(chosen: dict[str, Any]) -> Selection:
    span = {axis: tuple(chosen[axis]) for axis in ("y", "x") if chosen.get(axis) is not None}
    picked = {axis: chosen[axis] for axis in ("t", "c", "z") if chosen.get(axis) is not None}
    return Selection(**picked, **span)


def _description(plan: OutputPlan) -> ImageDescription:
    scale = plan.calibration
    return ImageDescription(
        name=plan.name,
        physical_size_x=scale.physical_size_x,
        physical_size_y=scale.physical_size_y,
        physical_size_z=scale.physical_size_z,
        time_increment=scale.time_increment,
        channels=tuple(ChannelDescription() for _ in range(plan.layout.size_c)),
    )
