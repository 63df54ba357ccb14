"""Projecting images."""

import strawberry

from adapters.projections import ProjectionPlan
from adapters.raw_samples import Span
from resolvers.mutations.base import mutation
from schema.context import Info
from schema.operations import Job, JobPayload
from schema.projections import ProjectImageInput
from schema.raw_samples import SpanInput
from schema.scalars import decode_id


@strawberry.type
class ProjectionMutations:
    @mutation
    async def project_image(self, info: Info, input: ProjectImageInput) -> JobPayload:
        """Queue a projection of an image into a new one; watch its job with `jobProgress`."""
        hub = info.context.hub
        row = await hub.projections.submit(
            ProjectionPlan(
                image_id=decode_id(input.image, "Image", field="image"),
                method=str(input.method.value),
                axis=str(input.axis.value),
                z=_span(input.z),
                t=_span(input.t),
                channels=input.channels,
                dataset_id=None
                if input.dataset is None
                else decode_id(input.dataset, "Dataset", field="dataset"),
                name=input.name,
                priority=input.priority,
            )
        )
        return JobPayload(job=Job.of(row, hub.actor.can_owned(row)))


def _span(asked: SpanInput | None) -> Span:
    return Span() if asked is None else Span(asked.start, asked.stop, asked.step)
