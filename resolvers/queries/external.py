"""Reading the register of operations, the files of jobs, trusted sources and servers."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.external_places import PlaceKind as Kind
from resolvers.loaders import relation
from resolvers.nodes import one
from schema.context import Info
from schema.external import ExternalPlace, JobFile, PlaceKind, RegisteredOperation
from schema.scalars import decode_id
from store.tables import operations


@relation(node=RegisteredOperation)
async def registered_operation_by_id(
    hub: Any, keys: list[int]
) -> Mapping[int, RegisteredOperation]:
    rows = (await hub.external.many(keys)).values()
    return {one.key: one for one in await shown(hub, list(rows))}


async def shown(hub: Any, rows: list[Any]) -> list[RegisteredOperation]:
    """Show rows of the register with what the caller may do to them."""
    allowed = await hub.catalog.capabilities(operations.Operation, rows) if rows else []
    return [RegisteredOperation.of(row, can) for row, can in zip(rows, allowed, strict=True)]


@relation(missing=list)
async def inputs_of_operation(hub: Any, keys: list[int]) -> Mapping[int, list[Any]]:
    found: Mapping[int, list[Any]] = await hub.external.ports(keys)
    return found


@relation(missing=dict)
async def job_counts_of_operation(hub: Any, keys: list[int]) -> Mapping[int, dict[str, int]]:
    found: Mapping[int, dict[str, int]] = await hub.external.counts(keys)
    return found


@relation(node=JobFile)
async def job_file_by_id(hub: Any, keys: list[int]) -> Mapping[int, JobFile]:
    return {id: JobFile.of(row) for id, row in (await hub.job_files.many(keys)).items()}


@relation()
async def size_of_job_file(hub: Any, keys: list[int]) -> Mapping[int, int]:
    rows = (await hub.job_files.many(keys)).values()
    return {id: file.size for id, file in (await hub.job_files.files(list(rows))).items()}


@relation(missing=list)
async def files_of_job(hub: Any, keys: list[int]) -> Mapping[int, list[JobFile]]:
    found = await hub.job_files.of_jobs(keys)
    return {id: [JobFile.of(row) for row in rows] for id, rows in found.items()}


@strawberry.type
class ExternalQueries:
    @strawberry.field(description="One operation of the register.")
    async def registered_operation(
        self, info: Info, id: strawberry.ID
    ) -> RegisteredOperation | None:
        return await one(info, id, RegisteredOperation)

    @strawberry.field(
        description="The register of operations, newest first; with a project, what it offers."
    )
    async def registered_operations(
        self, info: Info, project: strawberry.ID | None = None
    ) -> list[RegisteredOperation]:
        hub = info.context.hub
        id = None if project is None else decode_id(project, "Project", field="project")
        rows = await hub.external.listed(id)
        return await shown(hub, list(rows))

    @strawberry.field(description="Trusted sources of algorithms, or servers that run them.")
    async def external_places(self, info: Info, kind: PlaceKind) -> list[ExternalPlace]:
        word: Any = kind
        found = await info.context.hub.external_places.listed(Kind(word.value))
        return [ExternalPlace.of(place) for place in found]
