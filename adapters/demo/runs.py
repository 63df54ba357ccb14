"""Finished jobs, one for each kind of result: image, values, labels, table, regions."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select

from adapters.demo.lab import STACK, containers, image_named
from adapters.demo.scene import Scene
from adapters.hub import Hub
from adapters.jobs.service import FINISHED, Reference, Request
from adapters.jobs.worker import Workers
from store.errors import Conflict
from store.statement import cols, table
from store.tables.jobs import Job, JobIo, JobState
from store.tables.operations import Operation

_job, _io, _operation = cols(Job), cols(JobIo), cols(Operation)


async def runs(scene: Scene) -> None:
    """From the stack to measured nuclei: five runs, each on what the one before made."""
    lab, hub = await containers(scene), await scene.hub("owner")
    stack = Reference("image", (await image_named(hub, STACK)).id)
    into = lab.fluorescence.id

    async def run(
        operation: str,
        references: Mapping[str, Reference],
        values: Mapping[str, Any] | None = None,
        **request: Any,
    ) -> Sequence[JobIo]:
        wanted = Request(
            operation, values or {}, references, dataset_id=into, **request
        )  # fmt: skip
        return await _made(scene, hub, wanted)

    flat = await run("project.max", {"image": stack}, name="epithelium, projected")
    smooth = await run(
        "filter.gaussian", {"image": _image(flat)}, {"sigma": 2.0},
        name="nuclei, smoothed", selection={"c": [0]},
    )  # fmt: skip
    mask = await run("threshold.otsu", {"image": _image(smooth)}, name="nuclei, mask")
    labels = await run("segment.label", {"mask": _image(mask)})
    objects = next(Reference("label_set", one.target_id) for one in labels)
    await run("measure.regions", {"labels": objects, "intensity": _image(smooth)})
    await run("roi.from_labels", {"labels": objects})


def _image(made: Sequence[JobIo]) -> Reference:
    return next(Reference("image", one.target_id) for one in made if one.target_type == "image")


async def _made(scene: Scene, hub: Hub, request: Request) -> Sequence[JobIo]:
    """Return what a run made; it is queued, and waited for, unless it has been before."""
    first = next(iter(request.references.values()))
    there = await hub.catalog.rows(
        select(_job.id)
        .select_from(
            table(Job)
            .join(table(Operation), _operation.id == _job.operation_id)
            .join(table(JobIo), _io.job_id == _job.id)
        )
        .where(
            _operation.name == request.operation,
            _io.direction == "in",
            _io.target_type == first.noun,
            _io.target_id == first.id,
            _job.owner_id == hub.actor.author_id,
            _job.state.in_(("queued", "running", "retrying", "succeeded")),
        )
        .order_by(_job.id)
    )
    job_id = there[0].id if there else (await hub.jobs.submit(request)).id
    await _finished(scene, hub, job_id)
    return [one for one in (await hub.jobs.lineage([job_id]))[job_id] if one.direction == "out"]


async def _finished(scene: Scene, hub: Hub, job_id: int) -> None:
    """Work until the job has ended, here or in a server that took it. Raises Conflict."""
    while (job := await hub.catalog.one(Job, job_id)).state not in FINISHED:
        workers = Workers(scene.infrastructure, 1)
        await workers.drain()
        await workers.stop()
        await asyncio.sleep(0.05)
    if job.state != JobState.SUCCEEDED:
        raise Conflict(f"Job {job_id} of the demo has {job.state}: {job.error}")
