"""What a client may watch; every event is asked for under the watcher's permissions."""

from collections.abc import AsyncGenerator

import strawberry

from resolvers.streams import subscription
from schema.context import Info
from schema.operations import Job
from schema.scalars import decode_id


@strawberry.type
class JobSubscriptions:
    @subscription
    async def job_progress(self, info: Info, id: strawberry.ID) -> AsyncGenerator[Job, None]:
        """A job now, whenever it moves on, and at its end, which also ends the subscription."""
        hub = info.context.hub
        async for row in hub.jobs.watch(decode_id(id, "Job")):
            yield Job.of(row, hub.actor.can_owned(row))
