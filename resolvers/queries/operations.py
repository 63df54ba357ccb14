"""Reading operations, jobs and what jobs made."""

from collections.abc import Mapping
from typing import Any

import strawberry

from resolvers.loaders import relation
from resolvers.nodes import one
from resolvers.paging import Ordering, connection, to_keyset
from schema.context import Info
from schema.operations import Job, JobWhere, LabelSet, Operation, ResultTable
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.paging import OrderKey
from store.tables import images, results

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


@strawberry.type
class OperationQueries:
    @strawberry.field(description="What can be run, by name; with a text, what it finds.")
    def operations(self, info: Info, search: str | None = None) -> list[Operation]:
        return [Operation.of(one) for one in info.context.hub.jobs.catalogue(search)]

    @strawberry.field(description="One operation by its name.")
    def operation(self, info: Info, name: str) -> Operation | None:
        return Operation.of(info.context.hub.jobs.declared(name))

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
        state = None if where is None or where.state is None else where.state.value
        owner = (
            None
            if where is None or where.owner is None
            else decode_id(where.owner, "User", field="owner")
        )
        page = await hub.jobs.page(keyset, state=state, owner_id=owner)
        return connection(
            page,
            lambda row: Job.of(row, hub.actor.can_owned(row)),
            lambda: hub.jobs.count(state=state, owner_id=owner),
        )
