"""Reading images, their pixels, channels and settings."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.colors import Color, bare
from adapters.containers import inside
from adapters.filters import Condition, Filter, Holds
from resolvers.filters import tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import BY_NAME, seen, seen_pages, standing
from schema.context import Info
from schema.images import (
    Channel,
    ChannelRendering,
    Image,
    ImageOrder,
    ImageOrderField,
    ImageWhere,
    Rendering,
)
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.paging import Keyset, OrderKey, Page
from store.tables import containers, images

IMAGES = Ordering(
    {
        ImageOrderField.NAME: BY_NAME,
        ImageOrderField.CREATED: OrderKey("created_at", int),
        ImageOrderField.ID: OrderKey("id", int),
    },
    default=(BY_NAME,),
)


def image_filter(where: ImageWhere | None) -> Filter | None:
    """Return the filter tree of an `ImageWhere`."""
    return tree(
        where,
        {
            **standing(images.Image),
            "made_by": lambda id: Condition(
                "made_by_job", "eq", decode_id(id, "Job", field="madeBy")
            ),
            "dataset": lambda id: Holds(
                inside(containers.Dataset, decode_id(id, "Dataset", field="dataset"))
            ),
        },
    )


@relation(node=Image)
async def image_by_id(hub: Any, keys: list[int]) -> Mapping[int, Image]:
    found = await hub.containers.many(images.Image, keys)
    return {id: Image.of(row, hub.actor.can(row)) for id, row in found.items()}


@relation()
async def pixels_of_image(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    found: Mapping[int, Any] = await hub.containers.many(images.Pixels, keys)
    return found


@relation(missing=list)
async def channels_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[Channel]]:
    rows = await hub.images.channels(keys)
    return {id: [Channel.of(row) for row in found] for id, found in rows.items()}


@relation(node=Channel)
async def channel_by_id(hub: Any, keys: list[int]) -> Mapping[int, Channel]:
    found = await hub.containers.many(images.Channel, keys)
    return {id: Channel.of(row) for id, row in found.items()}


@relation()
async def rendering_of_image(hub: Any, keys: list[int]) -> Mapping[int, Rendering]:
    found = await hub.images.renderings(keys)
    return {id: rendering(settings) for id, settings in found.items()}


def rendering(settings: Any) -> Rendering:
    """Show settings."""
    projection = settings.projection
    return Rendering(
        model=settings.model.value,
        z=settings.z,
        t=settings.t,
        projection=None if projection is None else projection.method.value,
        channels=[
            ChannelRendering(
                active=one.active, start=one.start, end=one.end, color=bare(Color(*one.color)),
                lut=one.lut, inverted=one.inverted, family=one.family.value,
                coefficient=one.coefficient,
            )
            for one in settings.channels
        ],
    )  # fmt: skip


@paged_relation(lambda pair: Image.of(*pair), IMAGES)
async def images_of_dataset(
    hub: Any, parents: list[int], keyset: Keyset, where: ImageWhere | None
) -> Mapping[int, Page[Any]]:
    return seen_pages(
        hub,
        await hub.containers.children(
            containers.Dataset, images.Image, parents, keyset, image_filter(where)
        ),
    )


@images_of_dataset.counting
async def count_images_of_dataset(
    hub: Any, parents: list[int], where: ImageWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.containers.count_children(
        containers.Dataset, images.Image, parents, image_filter(where)
    )
    return found


@strawberry.type
class ImageQueries:
    @strawberry.field(description="One image.")
    async def image(self, info: Info, id: strawberry.ID) -> Image | None:
        return await one(info, id, Image)

    @strawberry.field(description="The images you may see.")
    async def images(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ImageWhere | None = None,
        order_by: list[ImageOrder] | None = None,
    ) -> Connection[Image]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), IMAGES.by(order_by))
        narrowed = image_filter(where)
        found = await hub.containers.page(images.Image, keyset, narrowed)
        return connection(
            seen(hub, found),
            lambda pair: Image.of(*pair),
            lambda: hub.containers.count(images.Image, narrowed),
        )
