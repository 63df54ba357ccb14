"""What a client may watch; every event is asked for under the watcher's permissions."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Annotated

import strawberry

from adapters.containers import inside, placed_in
from adapters.filters import AllOf, Condition, Filter, Holds
from resolvers.nodes import one
from resolvers.queries.events import words_of
from resolvers.queries.history import noun_of
from resolvers.streams import subscription
from schema.containers import Dataset, Project
from schema.context import Info
from schema.events import Event, EventKind, RoiEvent
from schema.images import Image
from schema.operations import Job
from schema.scalars import BigInt, decode_id
from store.catalog import Catalog
from store.tables import containers, images

Start = Annotated[
    BigInt | None,
    strawberry.argument(
        description="The cursor of the last event you have; from now on if left out."
    ),
]


def as_now(info: Info) -> Callable[[], Awaitable[Catalog]]:
    """Return how to read as the credential is entitled to at each moment."""

    async def current() -> Catalog:
        await info.context.renew()
        catalog: Catalog = info.context.hub.catalog
        return catalog

    return current


@strawberry.type
class JobSubscriptions:
    @subscription
    async def job_progress(self, info: Info, id: strawberry.ID) -> AsyncGenerator[Job, None]:
        """A job now, whenever it moves on, and at its end, which also ends the subscription."""
        hub = info.context.hub
        async for row in hub.jobs.watch(decode_id(id, "Job")):
            yield Job.of(row, hub.actor.can_owned(row))


@strawberry.type
class EventSubscriptions:
    @subscription
    async def changes(
        self,
        info: Info,
        after: Start = None,
        nouns: Annotated[
            list[str] | None,
            strawberry.argument(description="Only of these kinds, such as Image, ROI, Dataset."),
        ] = None,
        kinds: Annotated[
            list[EventKind] | None, strawberry.argument(description="Only if this happened.")
        ] = None,
        image: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only of this image and what is on it."),
        ] = None,
        project: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Only of this project and what is bound to it."),
        ] = None,
    ) -> AsyncGenerator[Event, None]:
        """Everything that happens to what you may see, in order; nothing is lost or repeated."""
        events = info.context.hub.events.changes(
            after=after,
            nouns=words_of(nouns),
            kinds=[str(kind.value) for kind in kinds or ()],
            image_id=None if image is None else decode_id(image, "Image", field="image"),
            project_id=None if project is None else decode_id(project, "Project", field="project"),
            current=as_now(info),
        )
        async for row in events:
            yield Event.of(row, noun_of(row.target_type))

    @subscription
    async def image_imported(
        self,
        info: Info,
        dataset: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only into this dataset.")
        ] = None,
        project: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only into this project.")
        ] = None,
    ) -> AsyncGenerator[Image, None]:
        """Each image that comes in from a file, as soon as its pixels can be read."""
        narrowed: list[Filter] = []
        if dataset is not None:
            await one(info, dataset, Dataset, "dataset")
            id = decode_id(dataset, "Dataset", field="dataset")
            narrowed.append(Holds(inside(containers.Dataset, id)))
        if project is not None:
            await one(info, project, Project, "project")
            narrowed.append(Holds(placed_in(decode_id(project, "Project", field="project"))))
        events = info.context.hub.events.changes(
            nouns=["image"], kinds=["imported"], current=as_now(info)
        )
        async for event in events:
            hub = info.context.hub
            here = AllOf([Condition("id", "eq", event.target_id), *narrowed])
            if await hub.containers.count(images.Image, here):
                row = await hub.containers.get(images.Image, event.target_id)
                yield Image.of(row, hub.actor.can(row))

    @subscription
    async def roi_changed(
        self, info: Info, image: strawberry.ID, after: Start = None
    ) -> AsyncGenerator[RoiEvent, None]:
        """What happens to the regions of one image: drawn, changed, deleted, restored."""
        await one(info, image, Image, "image")
        events = info.context.hub.events.changes(
            after=after,
            # A thousand regions at once are told of as one change of their image.
            nouns=["roi", "image"],
            image_id=decode_id(image, "Image", field="image"),
            current=as_now(info),
        )
        async for row in events:
            yield RoiEvent.of(row)
