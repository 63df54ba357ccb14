"""Reading regions of interest, their shapes and terms."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import strawberry

from adapters.filters import AllOf, Condition, Filter, Holds
from adapters.relations import drawn_in, with_shape
from adapters.rois import LARGEST_VIEW, Seen, drawn_on, labelled
from adapters.shapes import Shown
from resolvers.filters import Translate, tests, tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import carrying
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.rois import (
    ROI,
    RoiKind,
    RoiOrder,
    RoiOrderField,
    RoiTerm,
    RoiWhere,
    ShapesInView,
    ShapeStatistics,
    ViewportInput,
)
from schema.scalars import decode_id, decode_ids, split_id
from schema.shapes import PlaneInput, Shape
from store.paging import Keyset, OrderKey, Page
from store.spatial import Box
from store.tables.rois import Roi

ROIS = Ordering(
    {
        RoiOrderField.ID: OrderKey("id", int),
        RoiOrderField.CREATED: OrderKey("created_at", int),
    },
)
Wanted: TypeAlias = tuple[RoiWhere | None, ViewportInput | None]


def roi_filter(where: RoiWhere | None, hub: Any) -> Filter:
    """Return the filter tree of a `RoiWhere`; reviewed copies are left out unless asked for."""
    found = tree(
        where,
        {
            "kinds": lambda kinds: Condition("kind", "in", [kind.value for kind in kinds]),
            "image": lambda id: Condition("image_id", "eq", decode_id(id, "Image", field="image")),
            "author": lambda id: Condition(
                "author_id", "eq", decode_id(id, "User", field="author")
            ),
            "project": lambda id: Condition(
                "project_id", "eq", decode_id(id, "Project", field="project")
            ),
            "bound": lambda bound: Condition("project_id", "is_null", not bound),
            "terms": lambda ids: Holds(labelled(decode_ids(ids, "Term", field="terms"))),
            "plane": lambda plane: Holds(drawn_on(plane.axes())),
            "shape": lambda asked: Holds(with_shape(tree(asked, _SHAPE))),
            "dataset": lambda id: Holds(
                drawn_in(hub.catalog, decode_id(id, "Dataset", field="dataset"))
            ),
            "annotations": carrying(Roi),
        },
    )
    own = Condition("kind", "ne", RoiKind.REVIEWED.value)
    if found is None:
        return own
    return found if where is not None and where.kinds is not None else AllOf([own, found])


_SHAPE: dict[str, Translate] = {
    "kinds": lambda kinds: Condition("kind", "in", [kind.value for kind in kinds]),
    "label_value": lambda asked: AllOf(tests("label", asked)),
}


def box_of(viewport: ViewportInput | None) -> Box | None:
    """Return the box of a viewport. Raises Invalid for a negative size."""
    if viewport is None:
        return None
    return Box(viewport.x, viewport.y, viewport.x + viewport.width, viewport.y + viewport.height)


async def seen(hub: Any, page: Page[Any]) -> Page[Any]:
    """Return the page with each row beside what the actor may do to it."""
    return (await seen_pages(hub, {0: page}))[0]


async def seen_pages(hub: Any, pages: Mapping[int, Page[Any]]) -> Mapping[int, Page[Any]]:
    """Return the pages of many parents with capabilities, judged together."""
    judged = iter(await hub.rois.seen([row for page in pages.values() for row in page.rows]))
    return {
        parent: Page(
            [next(judged) for _ in page.rows], page.has_next, page.has_previous, page.keyset,
            lambda one, page=page: page.position_of(one.row),  # type: ignore[misc]  # a bound default
        )
        for parent, page in pages.items()
    }  # fmt: skip


@relation(node=ROI)
async def roi_by_id(hub: Any, keys: list[int]) -> Mapping[int, ROI]:
    found = await hub.rois.many(keys)
    return {one.row.id: ROI.of(one) for one in await hub.rois.seen(found.values())}


@relation(node=Shape)
async def shape_by_id(hub: Any, keys: list[int]) -> Mapping[int, Shape]:
    return {id: Shape.of(Shown(row)) for id, row in (await hub.rois.shapes(keys)).items()}


@relation(missing=list)
async def shapes_of_roi(hub: Any, keys: list[int]) -> Mapping[int, list[Shape]]:
    found = await hub.rois.shapes_of(keys)
    return {id: shapes(rows) for id, rows in found.items()}


@relation(missing=list)
async def terms_of_roi(hub: Any, keys: list[int]) -> Mapping[int, list[RoiTerm]]:
    found = await hub.rois.terms_of(keys)
    return {id: [RoiTerm.of(row) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def statistics_of_shape(hub: Any, keys: list[Any]) -> Mapping[Any, list[ShapeStatistics]]:
    """Keys are (shape, channels or None, z or None, t or None)."""
    found = await hub.shape_statistics.each(keys)
    return {key: [ShapeStatistics.of(one) for one in rows] for key, rows in found.items()}


def shapes(rows: Sequence[Any]) -> list[Shape]:
    """Show stored shapes."""
    return [Shape.of(Shown(row)) for row in rows]


@paged_relation(ROI.of, ROIS)
async def rois_of_image(
    hub: Any, parents: list[int], keyset: Keyset, where: Wanted
) -> Mapping[int, Page[Any]]:
    narrowed, viewport = where
    pages = await hub.rois.of_images(parents, keyset, roi_filter(narrowed, hub), box_of(viewport))
    return await seen_pages(hub, pages)


@rois_of_image.counting
async def count_rois_of_image(hub: Any, parents: list[int], where: Wanted) -> Mapping[int, int]:
    narrowed, viewport = where
    found: Mapping[int, int] = await hub.rois.count_of_images(
        parents, roi_filter(narrowed, hub), box_of(viewport)
    )
    return found


async def shown(info: Info, rows: Sequence[Any]) -> list[ROI]:
    """Show rows of regions with what the actor may do to them."""
    judged: list[Seen] = await info.context.hub.rois.seen(rows)
    return [ROI.of(one) for one in judged]


@strawberry.type
class RoiQueries:
    @strawberry.field(description="One region of interest.")
    async def roi(self, info: Info, id: strawberry.ID) -> ROI | None:
        return await one(info, id, ROI)

    @strawberry.field(
        description="The regions you may see, on all images; reviewed copies only if `kinds` asks."
    )
    async def rois(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: RoiWhere | None = None,
        order_by: list[RoiOrder] | None = None,
    ) -> Connection[ROI]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), ROIS.by(order_by))
        narrowed = roi_filter(where, hub)
        found = await hub.rois.page(keyset, narrowed)
        return connection(await seen(hub, found), ROI.of, lambda: hub.rois.count(narrowed))

    @strawberry.field(
        description="Grey values inside many shapes, or all shapes of regions, channel by channel. "
        "What you may not see is left out; at most 1,000 shapes."
    )
    async def shape_statistics(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="Shapes and regions.")],
        channels: Annotated[
            list[int] | None, strawberry.argument(description="Only these channels, from 0.")
        ] = None,
        z: Annotated[
            int | None,
            strawberry.argument(description="The plane of shapes that are on all of them."),
        ] = None,
        t: Annotated[
            int | None,
            strawberry.argument(description="The time of shapes that are at all of them."),
        ] = None,
    ) -> list[ShapeStatistics]:
        hub = info.context.hub
        asked = [(split_id(id, "ids")[0], decode_id(id, "Shape", "ROI", field="ids")) for id in ids]
        regions = await hub.rois.many([id for noun, id in asked if noun == "ROI"])
        inside = await hub.rois.shapes_of(list(regions))
        wanted: list[int] = []
        for noun, id in asked:
            wanted += [id] if noun == "Shape" else [shape.id for shape in inside.get(id, ())]
        found = await hub.shape_statistics.of(
            list(dict.fromkeys(wanted)), channels=channels, z=z, t=t
        )
        return [ShapeStatistics.of(one) for rows in found.values() for one in rows]

    @strawberry.field(
        description="The largest shapes of an image that meet a viewport, for drawing them over "
        "it: quick even where hundreds of thousands lie."
    )
    async def shapes_in_view(
        self,
        info: Info,
        image: strawberry.ID,
        viewport: ViewportInput,
        limit: Annotated[
            int, strawberry.argument(description=f"At most this many, up to {LARGEST_VIEW}.")
        ] = 1000,
        plane: Annotated[
            PlaneInput | None,
            strawberry.argument(description="Only shapes on this plane, or on all planes of it."),
        ] = None,
        where: RoiWhere | None = None,
    ) -> ShapesInView:
        box = box_of(viewport)
        assert box is not None
        hub = info.context.hub
        view = await hub.rois.in_view(
            decode_id(image, "Image", field="image"), box, limit=limit,
            where=roi_filter(where, hub), plane=None if plane is None else plane.axes(),
        )  # fmt: skip
        return ShapesInView(shapes=shapes(view.shapes), truncated=view.truncated)
