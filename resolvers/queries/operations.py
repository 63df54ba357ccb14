"""Reading operations, jobs and what jobs made."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.filters import AllOf, Condition, Filter, Holds
from adapters.relations import of_operation, touching
from resolvers.filters import Translate, tests, tree
from resolvers.loaders import relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from resolvers.queries.containers import named, owned_by
from schema.context import Info
from schema.operations import Job, JobWhere, LabelSet, Operation, ResultTable, ResultWhere
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.paging import OrderKey
from store.tables import containers, images, results

NEWEST = Ordering({}, default=(OrderKey("id", int, True),))


@relation(node=Job)
async def job_by_id(hub: Any, keys: list[int]) -> Mapping[int, Job]:
    found = await hub.jobs.many(keys)
    return {id: Job.of(row, hub.actor.can_owned(row)) for id, row in found.items()}


@relation(missing=list)
async def jobs_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[Job]]:
    found = await hub.jobs.of_images(keys)
    return {
        id: [Job.of(row, hub.actor.can_owned(row)) for row in rows] for id, rows in found.items()
    }


@relation(node=LabelSet)
async def label_set_by_id(hub: Any, keys: list[int]) -> Mapping[int, LabelSet]:
    found = await hub.containers.many(images.LabelSet, keys)
    return {id: LabelSet.of(row, hub.actor.can_owned(row)) for id, row in found.items()}


@relation(node=ResultTable)
async def result_table_by_id(hub: Any, keys: list[int]) -> Mapping[int, ResultTable]:
    found = await hub.containers.many(results.ResultTable, keys)
    return {id: ResultTable.of(row, hub.actor.can_owned(row)) for id, row in found.items()}


@relation(missing=list)
async def label_sets_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[LabelSet]]:
    found = await hub.jobs.label_sets(keys)
    return {
        id: [LabelSet.of(row, hub.actor.can_owned(row)) for row in rows]
        for id, rows in found.items()
    }


@relation(missing=list)
async def tables_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[ResultTable]]:
    found = await hub.jobs.tables(keys)
    return {
        id: [ResultTable.of(row, hub.actor.can_owned(row)) for row in rows]
        for id, rows in found.items()
    }


@relation()
async def operation_row(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    found: Mapping[int, Any] = await hub.jobs.operations(keys)
    return found


@relation(missing=list)
async def arguments_of_job(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    found: Mapping[int, Any] = await hub.jobs.parameters(keys)
    return found


@relation(missing=list)
async def lineage_of_job(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    found: Mapping[int, Any] = await hub.jobs.lineage(keys)
    return found


@relation(missing=list)
async def log_of_job(hub: Any, keys: list[int]) -> Mapping[int, Any]:
    found: Mapping[int, Any] = await hub.jobs.log(keys)
    return found


@relation(missing=int)
async def row_count_of_table(hub: Any, keys: list[int]) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.jobs.row_counts(keys)
    return found


def job_filter(where: JobWhere | None, hub: Any) -> Filter | None:
    """Return the filter tree of a `JobWhere`."""

    def image(direction: str, field: str) -> Translate:
        return lambda id: Holds(
            touching(hub.catalog, decode_id(id, "Image", field=field), direction)
        )

    return tree(
        where,
        {
            **owned_by(),
            "state": lambda state: Condition("state", "eq", state.value),
            "states": lambda states: Condition("state", "in", [one.value for one in states]),
            "operation": lambda asked: Holds(of_operation(AllOf(tests("name", asked)))),
            "project": named(hub, containers.Project, "Project", "project_id", "project"),
            "reads": image("in", "reads"),
            "made": image("out", "made"),
        },
    )


async def results_listed(
    info: Info, noun: Any, kind: Any, page: PageArguments, where: ResultWhere | None
) -> Connection[Any]:
    """Return one page of what jobs made as a connection."""
    hub = info.context.hub
    narrowed = tree(
        where,
        {
            **owned_by(),
            "image": named(hub, images.Image, "Image", "image_id", "image"),
            "made_by": lambda id: Condition(
                "made_by_job", "eq", decode_id(id, "Job", field="madeBy")
            ),
        },
    )
    return connection(
        await hub.containers.page(noun, to_keyset(page, NEWEST.by(None)), narrowed),
        lambda row: kind.of(row, hub.actor.can_owned(row)),
        lambda: hub.containers.count(noun, narrowed),
    )


@strawberry.type
class OperationQueries:
    @strawberry.field(description="What can be run, by name; with a text, what it finds.")
    async def operations(self, info: Info, search: str | None = None) -> list[Operation]:
        return [Operation.of(one) for one in await info.context.hub.jobs.catalogue(search)]

    @strawberry.field(description="One operation by its name.")
    async def operation(self, info: Info, name: str) -> Operation | None:
        return Operation.of(await info.context.hub.jobs.declared(name))

    @strawberry.field(description="One job.")
    async def job(self, info: Info, id: strawberry.ID) -> Job | None:
        return await one(info, id, Job)

    @strawberry.field(description="The jobs you may see, newest first.")
    async def jobs(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: JobWhere | None = None,
    ) -> Connection[Job]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), NEWEST.by(None))
        narrowed = job_filter(where, hub)
        return connection(
            await hub.jobs.page(keyset, narrowed),
            lambda row: Job.of(row, hub.actor.can_owned(row)),
            lambda: hub.jobs.count(narrowed),
        )

    @strawberry.field(description="The label sets you may see, of all images, newest first.")
    async def label_sets(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ResultWhere | None = None,
    ) -> Connection[LabelSet]:
        page = PageArguments(first, after, last, before)
        return await results_listed(info, images.LabelSet, LabelSet, page, where)

    @strawberry.field(description="The result tables you may see, newest first.")
    async def tables(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ResultWhere | None = None,
    ) -> Connection[ResultTable]:
        page = PageArguments(first, after, last, before)
        return await results_listed(info, results.ResultTable, ResultTable, page, where)
