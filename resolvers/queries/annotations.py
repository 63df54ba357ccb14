"""Reading annotations: on objects, by id, and as lists of tags or of anything."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.annotations import having_pair
from adapters.filters import AllOf, Condition, Filter, Holds
from resolvers.filters import tests, tree
from resolvers.loaders import relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from schema.annotations import (
    Annotation,
    AnnotationOrder,
    AnnotationOrderField,
    AnnotationWhere,
    AttachedFile,
    KeyValue,
    Tag,
    TagOrder,
    TagOrderField,
)
from schema.context import Info
from schema.nodes import AnnotationKind
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.paging import OrderKey, Page

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


def annotation_filter(where: AnnotationWhere | None) -> Filter | None:
    """Return the filter tree of an `AnnotationWhere`."""
    return tree(
        where,
        {
            "kinds": lambda kinds: Condition("kind", "in", [kind.value for kind in kinds]),
            "namespace": lambda asked: AllOf(tests("ns", asked)),
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
async def pairs_of_annotation(hub: Any, keys: list[int]) -> Mapping[int, list[KeyValue]]:
    found = await hub.annotations.pairs_of(keys)
    return {
        id: [KeyValue(key=row.key, value=row.value) for row in rows] for id, rows in found.items()
    }


@relation()
async def file_of_annotation(hub: Any, keys: list[int]) -> Mapping[int, AttachedFile]:
    found = await hub.annotations.files_of(keys)
    return {id: AttachedFile.of(row) for id, row in found.items()}


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
