"""Reading images, their pixels, channels and settings."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.filters import AllOf, Condition, Filter, Holds
from adapters.relations import lies_in, with_channel, with_pixels
from resolvers.filters import Translate, tests, tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import BY_NAME, seen, seen_pages, standing
from schema.context import Info
from schema.filters import TextFilter
from schema.images import (
    Channel,
    Image,
    ImageOrder,
    ImageOrderField,
    ImageWhere,
    Thumbnail,
)
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.renderings import UserRendering
from schema.scalars import decode_id, decode_ids
from store.paging import Keyset, OrderKey, Page
from store.tables import containers, images, screens

IMAGES = Ordering(
    {
        ImageOrderField.NAME: BY_NAME,
        ImageOrderField.CREATED: OrderKey("created_at", int),
        ImageOrderField.ID: OrderKey("id", int),
    },
    default=(BY_NAME,),
)


def image_filter(where: ImageWhere | None, hub: Any) -> Filter | None:
    """Return the filter tree of an `ImageWhere`."""

    def within(noun: Any) -> Translate:
        kind = noun.__name__
        return lambda id: Holds(
            lies_in(hub.catalog, images.Image, noun, decode_id(id, kind, field=kind.lower()))
        )

    return tree(
        where,
        {
            **standing(images.Image),
            "made_by": lambda id: Condition(
                "made_by_job", "eq", decode_id(id, "Job", field="madeBy")
            ),
            **{noun.__name__.lower(): within(noun) for noun in _ABOVE},
            "pixels": lambda asked: Holds(with_pixels(tree(asked, {"type": _sample_type}))),
            "channel": lambda asked: Holds(with_channel(tree(asked, {}))),
        },
    )


_ABOVE: tuple[Any, ...] = (
    containers.Project, containers.Dataset, screens.Screen, screens.Plate, screens.Acquisition,
    screens.Well,
)  # fmt: skip


def _sample_type(asked: TextFilter) -> Filter:
    return AllOf(tests("dtype", asked))


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
async def look_of_image(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    """The settings themselves, which also name the picture they make."""
    found: Mapping[int, Any] = await hub.images.looks(keys)
    return found


@relation(missing=list)
async def renderings_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[UserRendering]]:
    found = await hub.renderings.of_images(keys)
    return {id: [UserRendering.of(one) for one in saved] for id, saved in found.items()}


@paged_relation(lambda pair: Image.of(*pair), IMAGES)
async def images_of_dataset(
    hub: Any, parents: list[int], keyset: Keyset, where: ImageWhere | None
) -> Mapping[int, Page[Any]]:
    return seen_pages(
        hub,
        await hub.containers.children(
            containers.Dataset, images.Image, parents, keyset, image_filter(where, hub)
        ),
    )


@images_of_dataset.counting
async def count_images_of_dataset(
    hub: Any, parents: list[int], where: ImageWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.containers.count_children(
        containers.Dataset, images.Image, parents, image_filter(where, hub)
    )
    return found


@strawberry.type
class ImageQueries:
    @strawberry.field(description="One image.")
    async def image(self, info: Info, id: strawberry.ID) -> Image | None:
        return await one(info, id, Image)

    @strawberry.field(
        description="Small pictures of many images at once, in their order; null for what you may "
        "not see and for images without samples. At most 200."
    )
    async def thumbnails(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="The images.")],
        size: Annotated[
            int, strawberry.argument(description="Pixels of the longer side, up to 512.")
        ] = 96,
    ) -> list[Thumbnail | None]:
        found = await info.context.hub.thumbnails.of(decode_ids(ids, "Image", field="ids"), size)
        return [None if one is None else Thumbnail(source=one, url=one.url) for one in found]

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
        narrowed = image_filter(where, hub)
        found = await hub.containers.page(images.Image, keyset, narrowed)
        return connection(
            seen(hub, found),
            lambda pair: Image.of(*pair),
            lambda: hub.containers.count(images.Image, narrowed),
        )
