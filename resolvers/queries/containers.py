"""Reading projects, datasets and screens."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.annotation_links import annotated_by
from adapters.annotations import annotated
from adapters.containers import orphaned
from adapters.filters import AllOf, Condition, Filter, Holds, Not
from adapters.relations import holds, lies_in
from adapters.relations import seen as seen_by
from resolvers.filters import Translate, tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.annotations import annotation_filter
from schema.containers import (
    ContainerOrder,
    ContainerOrderField,
    ContainerWhere,
    Dataset,
    Project,
    Screen,
)
from schema.context import Info
from schema.members import DefaultLayer, ProjectMember, Representative
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.errors import Invalid
from store.paging import Keyset, OrderKey, Page
from store.tables import containers, images, screens

BY_NAME = OrderKey("name_key", str)
CONTAINERS = Ordering(
    {
        ContainerOrderField.NAME: BY_NAME,
        ContainerOrderField.CREATED: OrderKey("created_at", int),
        ContainerOrderField.ID: OrderKey("id", int),
    },
    default=(BY_NAME,),
)


def owned_by() -> dict[str, Translate]:
    """Return how the `where` fields of owner and group are translated."""
    return {
        "owner": lambda id: Condition("owner_id", "eq", decode_id(id, "User", field="owner")),
        "group": lambda id: Condition("group_id", "eq", decode_id(id, "Group", field="group")),
    }


def named(hub: Any, noun: Any, kind: str, column: str, field: str) -> Translate:
    """Return how a `where` field that names an object one sees is translated."""

    def translate(id: strawberry.ID) -> Filter:
        number = decode_id(id, kind, field=field)
        return AllOf([Condition(column, "eq", number), Holds(seen_by(hub.catalog, noun, number))])

    return translate


def carrying(noun: Any) -> Translate:
    """Return how the `where` field on annotations is translated."""
    return lambda where: Holds(annotated_by(noun, annotation_filter(where)))


def standing(noun: Any) -> dict[str, Translate]:
    """Return how the `where` fields that all containers and images share are translated."""

    def in_nothing(wanted: bool) -> Filter:
        lonely = Holds(orphaned(noun))
        return lonely if wanted else Not(lonely)

    return {
        **owned_by(),
        "orphaned": in_nothing,
        "annotations": carrying(noun),
        "annotation": lambda id: Holds(
            annotated(noun, decode_id(id, "Annotation", field="annotation"))
        ),
    }


def container_filter(where: ContainerWhere | None, noun: Any, hub: Any) -> Filter | None:
    """Return the filter tree of a `ContainerWhere` over one noun."""

    def inside(id: strawberry.ID) -> Filter:
        parent, number = _container(noun, id, _PARENTS, "inside")
        return Holds(lies_in(hub.catalog, noun, parent, number))

    def holding(id: strawberry.ID) -> Filter:
        child, number = _container(noun, id, _CHILDREN, "holds")
        return Holds(holds(hub.catalog, noun, child, number))

    return tree(where, {**standing(noun), "inside": inside, "holds": holding})


def _container(
    noun: Any, id: strawberry.ID, kinds: Mapping[Any, tuple[str, Any]], field: str
) -> tuple[Any, int]:
    """Return the noun and number of what a filter names. Raises Invalid."""
    if noun not in kinds:
        raise Invalid(f"where.{field}", f"does not apply to a {noun.__name__}.")
    kind, found = kinds[noun]
    return found, decode_id(id, kind, field=field)


_PARENTS: dict[Any, tuple[str, Any]] = {
    containers.Dataset: ("Project", containers.Project),
    screens.Plate: ("Screen", screens.Screen),
}
_CHILDREN: dict[Any, tuple[str, Any]] = {
    containers.Project: ("Dataset", containers.Dataset),
    containers.Dataset: ("Image", images.Image),
    screens.Screen: ("Plate", screens.Plate),
}


@relation(node=Project)
async def project_by_id(hub: Any, keys: list[int]) -> Mapping[int, Project]:
    found = await hub.containers.many(containers.Project, keys)
    return {id: Project.of(row, hub.actor.can(row)) for id, row in found.items()}


@relation(node=Dataset)
async def dataset_by_id(hub: Any, keys: list[int]) -> Mapping[int, Dataset]:
    found = await hub.containers.many(containers.Dataset, keys)
    return {id: Dataset.of(row, hub.actor.can(row)) for id, row in found.items()}


@relation(node=Screen)
async def screen_by_id(hub: Any, keys: list[int]) -> Mapping[int, Screen]:
    found = await hub.containers.many(screens.Screen, keys)
    return {id: Screen.of(row, hub.actor.can(row)) for id, row in found.items()}


@relation(missing=list)
async def projects_of_dataset(hub: Any, keys: list[int]) -> Mapping[int, list[Project]]:
    found = await hub.containers.parents(containers.Project, containers.Dataset, keys)
    return {id: [Project.of(row, hub.actor.can(row)) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def members_of_project(hub: Any, keys: list[int]) -> Mapping[int, list[ProjectMember]]:
    found = await hub.members.of(keys)
    return {id: [ProjectMember.of(one) for one in there] for id, there in found.items()}


@relation(missing=list)
async def default_layers_of_project(hub: Any, keys: list[int]) -> Mapping[int, list[DefaultLayer]]:
    found = await hub.layers.defaults(keys)
    return {
        id: [DefaultLayer.of(row) for row in rows] for id, rows in zip(keys, found, strict=True)
    }


@relation(missing=list)
async def representatives_of_project(
    hub: Any, keys: list[int]
) -> Mapping[int, list[Representative]]:
    found = await hub.layers.representatives(keys)
    return {
        id: [Representative.of(row) for row in rows] for id, rows in zip(keys, found, strict=True)
    }


@relation(missing=list)
async def datasets_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[Dataset]]:
    found = await hub.containers.parents(containers.Dataset, images.Image, keys)
    return {id: [Dataset.of(row, hub.actor.can(row)) for row in rows] for id, rows in found.items()}


@paged_relation(lambda seen: Dataset.of(*seen), CONTAINERS)
async def datasets_of_project(
    hub: Any, parents: list[int], keyset: Keyset, where: ContainerWhere | None
) -> Mapping[int, Page[Any]]:
    return seen_pages(
        hub,
        await hub.containers.children(
            containers.Project, containers.Dataset, parents, keyset,
            container_filter(where, containers.Dataset, hub),
        ),
    )  # fmt: skip


@datasets_of_project.counting
async def count_datasets_of_project(
    hub: Any, parents: list[int], where: ContainerWhere | None
) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.containers.count_children(
        containers.Project,
        containers.Dataset,
        parents,
        container_filter(where, containers.Dataset, hub),
    )
    return found


def seen(hub: Any, page: Page[Any]) -> Page[Any]:
    """Return the page with each row beside what the actor may do to it."""
    rows = [(row, hub.actor.can(row)) for row in page.rows]
    return Page(
        rows, page.has_next, page.has_previous, page.keyset, lambda pair: page.position_of(pair[0])
    )


def seen_pages(hub: Any, pages: Mapping[int, Page[Any]]) -> Mapping[int, Page[Any]]:
    """Return the pages of many parents with capabilities."""
    return {parent: seen(hub, page) for parent, page in pages.items()}


async def listed(
    info: Info, noun: Any, kind: Any, page: PageArguments, where: Any, order_by: Any
) -> Connection[Any]:
    """Return one page of a container noun as a connection."""
    hub = info.context.hub
    narrowed = container_filter(where, noun, hub)
    found = await hub.containers.page(noun, to_keyset(page, CONTAINERS.by(order_by)), narrowed)
    return connection(
        seen(hub, found),
        lambda pair: kind.of(*pair),
        lambda: hub.containers.count(noun, narrowed),
    )


@strawberry.type
class ContainerQueries:
    @strawberry.field(description="One project.")
    async def project(self, info: Info, id: strawberry.ID) -> Project | None:
        return await one(info, id, Project)

    @strawberry.field(description="One dataset.")
    async def dataset(self, info: Info, id: strawberry.ID) -> Dataset | None:
        return await one(info, id, Dataset)

    @strawberry.field(description="One screen.")
    async def screen(self, info: Info, id: strawberry.ID) -> Screen | None:
        return await one(info, id, Screen)

    @strawberry.field(description="The projects you may see.")
    async def projects(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection[Project]:
        page = PageArguments(first, after, last, before)
        return await listed(info, containers.Project, Project, page, where, order_by)

    @strawberry.field(description="The datasets you may see.")
    async def datasets(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection[Dataset]:
        page = PageArguments(first, after, last, before)
        return await listed(info, containers.Dataset, Dataset, page, where, order_by)

    @strawberry.field(description="The screens you may see.")
    async def screens(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ContainerWhere | None = None,
        order_by: list[ContainerOrder] | None = None,
    ) -> Connection[Screen]:
        page = PageArguments(first, after, last, before)
        return await listed(info, screens.Screen, Screen, page, where, order_by)
