"""Reading annotations: on objects, by id, and as lists of tags or of anything."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.annotation_links import MOST_OBJECTS, Attached
from adapters.annotations import Target, having_pair
from adapters.filters import AllOf, Condition, Filter, Holds
from resolvers.filters import tests, tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from schema.annotations import (
    Annotation,
    AnnotationLink,
    AnnotationOrder,
    AnnotationOrderField,
    AnnotationWhere,
    KeyValue,
    NamespaceUse,
    ObjectAnnotations,
    StoredFile,
    Tag,
    TagOrder,
    TagOrderField,
)
from schema.context import Info
from schema.nodes import AnnotationKind
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import BigInt, DateTime, decode_id, split_id
from store.errors import Invalid, TooLarge
from store.paging import Keyset, OrderKey, Page

BY_ID, BY_CREATED = OrderKey("id", int), OrderKey("created_at", int)
ANNOTATIONS = Ordering(
    {AnnotationOrderField.CREATED: BY_CREATED, AnnotationOrderField.ID: BY_ID},
)
# Every tag has a text, so its key is never null.
TAGS = Ordering(
    {
        TagOrderField.TEXT: OrderKey("text_key", str),
        TagOrderField.CREATED: BY_CREATED,
        TagOrderField.ID: BY_ID,
    },
    default=(OrderKey("text_key", str),),
)


# The noun of a global id → the plain word that links keep.
TARGETS: dict[str, str] = {
    "Project": "project",
    "Dataset": "dataset",
    "Image": "image",
    "Screen": "screen",
    "Plate": "plate",
    "Acquisition": "acquisition",
    "PlateAcquisition": "acquisition",
    "Well": "well",
    "ROI": "roi",
}


def targets_of(ids: list[strawberry.ID], field: str = "targets") -> list[Target]:
    """Return the objects of global ids of any annotatable nouns. Raises Invalid."""
    found: list[Target] = []
    for place, id in enumerate(ids):
        noun, number = split_id(id, f"{field}[{place}]")
        if noun not in TARGETS:
            raise Invalid(f"{field}[{place}]", f"a {noun} cannot be annotated.")
        found.append((TARGETS[noun], number))
    return found


def annotation_filter(where: AnnotationWhere | None) -> Filter | None:
    """Return the filter tree of an `AnnotationWhere`."""
    return tree(
        where,
        {
            "kinds": lambda kinds: Condition("kind", "in", [kind.value for kind in kinds]),
            "namespace": lambda asked: AllOf(tests("ns", asked)),
            "moment": lambda asked: AllOf(tests("at", asked)),
            "pair": lambda pair: Holds(having_pair(key=pair.key, value=pair.value)),
            "owner": lambda id: Condition("owner_id", "eq", decode_id(id, "User", field="owner")),
            "group": lambda id: Condition("group_id", "eq", decode_id(id, "Group", field="group")),
        },
    )


@relation(node=Annotation)
async def annotation_by_id(hub: Any, keys: list[int]) -> Mapping[int, Annotation]:
    found = await hub.annotations.many(keys)
    return {id: Annotation.of(row, hub.annotations.can(row)) for id, row in found.items()}


@relation(missing=list)
async def annotations_on(hub: Any, keys: list[Any]) -> Mapping[Any, list[Annotation]]:
    """Annotations by (noun, id), of objects of any nouns at once."""
    found = await hub.annotations.on(keys)
    return {
        target: [Annotation.of(row, hub.annotations.can(row)) for row in rows]
        for target, rows in found.items()
    }


@relation(missing=list)
async def annotation_links_on(hub: Any, keys: list[Any]) -> Mapping[Any, list[AnnotationLink]]:
    """Links with their annotations by (noun, id), of objects of any nouns at once."""
    found = await hub.annotation_links.on(keys)
    return {target: [show_link(hub, one) for one in several] for target, several in found.items()}


def show_link(hub: Any, attached: Attached) -> AnnotationLink:
    """Show what is attached to an object."""
    row = attached.annotation
    return AnnotationLink(
        key=attached.link_id,
        owner_key=attached.owner_id,
        annotation_key=row.id,
        target=attached.target,
        shown=Annotation.of(row, hub.annotations.can(row)),
        created_at=DateTime(attached.created_at),
    )


def link_of(row: Any) -> AnnotationLink:
    """Show a row of a link alone."""
    return AnnotationLink(
        key=row.id,
        owner_key=row.owner_id,
        annotation_key=row.annotation_id,
        target=(row.target_type, row.target_id),
        created_at=DateTime(row.created_at),
    )


@paged_relation(link_of, Ordering({}))
async def links_of_annotation(
    hub: Any, parents: list[int], keyset: Keyset, where: tuple[str, ...] | None
) -> Mapping[int, Page[Any]]:
    found: Mapping[int, Page[Any]] = await hub.annotation_links.pages_of(
        parents, keyset, where or ()
    )
    return found


@links_of_annotation.counting
async def count_links_of_annotation(
    hub: Any, parents: list[int], where: tuple[str, ...] | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.annotation_links.counts_of(parents, where or ())
    return found


@relation(missing=list)
async def pairs_of_annotation(hub: Any, keys: list[int]) -> Mapping[int, list[KeyValue]]:
    found = await hub.annotations.pairs_of(keys)
    return {
        id: [KeyValue(key=row.key, value=row.value) for row in rows] for id, rows in found.items()
    }


@relation()
async def file_of_annotation(hub: Any, keys: list[int]) -> Mapping[int, StoredFile]:
    found = await hub.annotations.files_of(keys)
    return {id: StoredFile.of(row, hub.actor.can_owned(row)) for id, row in found.items()}


def seen(hub: Any, page: Page[Any]) -> Page[Any]:
    """Return the page with each row beside what the actor may do to it."""
    rows = [(row, hub.annotations.can(row)) for row in page.rows]
    return Page(
        rows, page.has_next, page.has_previous, page.keyset, lambda pair: page.position_of(pair[0])
    )


@strawberry.type
class AnnotationQueries:
    @strawberry.field(description="One annotation.")
    async def annotation(self, info: Info, id: strawberry.ID) -> Annotation | None:
        return await one(info, id, Annotation)

    @strawberry.field(
        description="The annotations of your groups, attached or not. Those on one object are its "
        "own field `annotations`."
    )
    async def annotations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: AnnotationWhere | None = None,
        order_by: list[AnnotationOrder] | None = None,
    ) -> Connection[Annotation]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), ANNOTATIONS.by(order_by))
        narrowed = annotation_filter(where)
        found = await hub.annotations.page(keyset, narrowed)
        return connection(
            seen(hub, found),
            lambda pair: Annotation.of(*pair),
            lambda: hub.annotations.count(narrowed),
        )

    @strawberry.field(
        description="What is attached to many objects, of several kinds too, in one go. Objects "
        "you may not see are left out."
    )
    async def annotations_on(
        self,
        info: Info,
        ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(
                description="Projects, datasets, images, screens, plates, acquisitions, wells, "
                "regions; at most 500."
            ),
        ],
        where: Annotated[
            AnnotationWhere | None, strawberry.argument(description="Only these annotations.")
        ] = None,
    ) -> list[ObjectAnnotations]:
        if len(ids) > MOST_OBJECTS:
            raise TooLarge(f"A list of {len(ids)} ids", MOST_OBJECTS, "ids")
        hub = info.context.hub
        asked = dict(zip(targets_of(ids, "ids"), ids, strict=True))
        seen = await hub.annotation_links.visible(asked)
        found = await hub.annotation_links.on(seen, annotation_filter(where))
        return [
            ObjectAnnotations(
                id=asked[target], links=[show_link(hub, one) for one in found[target]]
            )
            for target in seen
        ]

    @strawberry.field(
        description="The namespaces that the annotations of your groups use, with their counts."
    )
    async def namespaces(
        self,
        info: Info,
        where: Annotated[
            AnnotationWhere | None, strawberry.argument(description="Count only these.")
        ] = None,
    ) -> list[NamespaceUse]:
        found = await info.context.hub.annotation_links.namespaces(annotation_filter(where))
        return [
            NamespaceUse(namespace=one.ns, kind=AnnotationKind(one.kind), count=BigInt(one.count))
            for one in found
        ]

    @strawberry.field(description="The tags of your groups, by their word.")
    async def tags(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: AnnotationWhere | None = None,
        order_by: list[TagOrder] | None = None,
    ) -> Connection[Tag]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), TAGS.by(order_by))
        only = Condition("kind", "eq", AnnotationKind.TAG.value)
        asked = annotation_filter(where)
        narrowed = only if asked is None else AllOf([only, asked])
        found = await hub.annotations.page(keyset, narrowed)
        tags: Connection[Any] = connection(
            seen(hub, found),
            lambda pair: Annotation.of(*pair),
            lambda: hub.annotations.count(narrowed),
        )
        return tags
