"""Reading regions of interest, their shapes and terms."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import strawberry

from adapters.filters import AllOf, Condition, Filter, Holds
from adapters.rois import LARGEST_VIEW, Seen, drawn_on, labelled
from adapters.shapes import Shown
from resolvers.filters import tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
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
    ViewportInput,
)
from schema.scalars import decode_id, decode_ids
from schema.shapes import PlaneInput, Shape
from store.paging import Keyset, OrderKey, Page
from store.spatial import Box

ROIS = Ordering(
    {
        RoiOrderField.ID: OrderKey("id", int),
        RoiOrderField.CREATED: OrderKey("created_at", int),
    },
)
Wanted: TypeAlias = tuple[RoiWhere | None, ViewportInput | None]


def roi_filter(where: RoiWhere | None) -> Filter:
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
        },
    )
    own = Condition("kind", "ne", RoiKind.REVIEWED.value)
    if found is None:
        return own
    return found if where is not None and where.kinds is not None else AllOf([own, found])


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


def shapes(rows: Sequence[Any]) -> list[Shape]:
    """Show stored shapes."""
    return [Shape.of(Shown(row)) for row in rows]


@paged_relation(ROI.of, ROIS)
async def rois_of_image(
    hub: Any, parents: list[int], keyset: Keyset, where: Wanted
) -> Mapping[int, Page[Any]]:
    narrowed, viewport = where
    pages = await hub.rois.of_images(parents, keyset, roi_filter(narrowed), box_of(viewport))
    return await seen_pages(hub, pages)


@rois_of_image.counting
async def count_rois_of_image(hub: Any, parents: list[int], where: Wanted) -> Mapping[int, int]:
    narrowed, viewport = where
    found: Mapping[int, int] = await hub.rois.count_of_images(
        parents, roi_filter(narrowed), box_of(viewport)
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
        narrowed = roi_filter(where)
        found = await hub.rois.page(keyset, narrowed)
        return connection(await seen(hub, found), ROI.of, lambda: hub.rois.count(narrowed))

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
        view = await info.context.hub.rois.in_view(
            decode_id(image, "Image", field="image"), box, limit=limit, where=roi_filter(where),
            plane=None if plane is None else plane.axes(),
        )  # fmt: skip
        return ShapesInView(shapes=shapes(view.shapes), truncated=view.truncated)
