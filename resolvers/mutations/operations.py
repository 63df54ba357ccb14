"""Running operations, and stopping or repeating jobs."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.jobs.service import Reference, Request
from resolvers.mutations.base import mutation
from schema.context import Info
from schema.operations import Job, JobPayload, RegionInput, RunOperationInput
from schema.scalars import decode_id, split_id
from store.errors import Invalid

NOUNS = {"Image": "image", "LabelSet": "label_set"}


@strawberry.type
class OperationMutations:
    @mutation
    async def run_operation(self, info: Info, input: RunOperationInput) -> JobPayload:
        """Queue a run of an operation; watch it with `jobProgress`."""
        hub = info.context.hub
        declared = await hub.jobs.declared(input.operation)
        arguments: Any = {} if input.arguments is None else input.arguments
        if not isinstance(arguments, Mapping):
            raise Invalid("arguments", "must be an object of values by name.")
        references = {one.port: _reference(one.id, one.port) for one in input.data}
        if input.image is not None:
            ports = [port.name for port in declared.inputs if port.is_pixels]
            if not ports:
                raise Invalid("image", f"{declared.name} takes no image.")
            references.setdefault(ports[0], _reference(input.image, "image"))
        row = await hub.jobs.submit(
            Request(
                operation=input.operation,
                values=dict(arguments),
                references=references,
                selection=_selection(input.region),
                dataset_id=None
                if input.dataset is None
                else decode_id(input.dataset, "Dataset", field="dataset"),
                name=input.name,
                priority=input.priority,
            )
        )
        return JobPayload(job=Job.of(row, hub.actor.can_owned(row)))

    @mutation
    async def cancel_job(self, info: Info, id: strawberry.ID) -> JobPayload:
        """Stop a job that waits or runs."""
        hub = info.context.hub
        row = await hub.jobs.cancel(decode_id(id, "Job"))
        return JobPayload(job=Job.of(row, hub.actor.can_owned(row)))

    @mutation
    async def retry_job(self, info: Info, id: strawberry.ID) -> JobPayload:
        """Queue a failed or stopped job again."""
        hub = info.context.hub
        row = await hub.jobs.retry(decode_id(id, "Job"))
        return JobPayload(job=Job.of(row, hub.actor.can_owned(row)))


def _reference(id: strawberry.ID, field: str) -> Reference:
    noun, number = split_id(id, field)
    if noun not in NOUNS:
        raise Invalid(field, f"takes an Image or a LabelSet, not a {noun}.")
    return Reference(NOUNS[noun], number)


def _selection(region: RegionInput | None) -> dict[str, Any]:
    if region is None:
        return {}
    chosen: dict[str, Any] = {
        axis: getattr(region, axis) for axis in "tcz" if getattr(region, axis) is not None
    }
    for axis, size in (("x", region.width), ("y", region.height)):
        start = getattr(region, axis)
        if (start is None) != (size is None):
            raise Invalid("region", "x goes with width, and y with height.")
        if start is not None and size is not None:
            if start < 0 or size < 1:
                raise Invalid("region", f"{axis} {start} with {size} pixels is no region.")
            chosen[axis] = (start, start + size)
    return chosen
