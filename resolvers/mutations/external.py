"""Operations that run elsewhere, the jobs opened of them, their files, and trusted sources."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.external import NewPort
from adapters.external_places import PlaceKind as Kind
from resolvers.mutations.base import given, mutation
from resolvers.mutations.drafts import bytes_of
from resolvers.queries.external import shown
from schema.containers import Project
from schema.context import Info
from schema.external import (
    AddJobFileInput,
    AddOperationInputInput,
    ClearedPayload,
    DeleteJobFileInput,
    DeleteOperationInput,
    ExternalPlace,
    ExternalPlacePayload,
    FavorJobInput,
    JobFile,
    JobFilePayload,
    JobInput,
    NewInput,
    OfferOperationInput,
    OfferPayload,
    OpenJobInput,
    PurgeJobsInput,
    PurgePayload,
    PutExternalPlaceInput,
    RegisteredOperationPayload,
    RegisterOperationInput,
    RemoveExternalPlaceInput,
    ReportJobInput,
    UpdateOperationInput,
    WriteJobFileInput,
)
from schema.operations import Job, JobPayload
from schema.scalars import BigInt, decode_id, encode_id
from store.errors import Invalid
from store.tables import containers
from store.tables.jobs import Job as Row
from store.tables.jobs import JobState as State

UNIQUE = {
    Kind.SOURCE: ("provider", "username", "dockerUsername", "prefix"),
    Kind.SERVER: ("name",),
}


@strawberry.type
class ExternalMutations:
    @mutation
    async def register_operation(
        self, info: Info, input: RegisterOperationInput
    ) -> RegisteredOperationPayload:
        """Make an operation known that runs elsewhere; its jobs are opened with `openJob`."""
        row = await info.context.hub.external.register(
            input.name,
            input.release,
            command=input.command,
            description=input.description,
            ports=[_port(one) for one in input.inputs],
        )
        return await _registered(info, row)

    @mutation
    async def update_operation(
        self, info: Info, input: UpdateOperationInput
    ) -> RegisteredOperationPayload:
        """Change an operation that runs elsewhere."""
        row = await info.context.hub.external.change(
            decode_id(input.id, "RegisteredOperation"),
            expected=input.expected_version,
            **given(input, id="", expected_version=""),
        )
        return await _registered(info, row)

    @mutation
    async def add_operation_input(
        self, info: Info, input: AddOperationInputInput
    ) -> RegisteredOperationPayload:
        """Add an input to an operation that runs elsewhere."""
        id = decode_id(input.operation, "RegisteredOperation", field="operation")
        await info.context.hub.external.add_ports([(id, _port(input.input))])
        return await _registered(info, await info.context.hub.external.get(id))

    @mutation
    async def delete_operation(
        self, info: Info, input: DeleteOperationInput
    ) -> RegisteredOperationPayload:
        """Take an operation that runs elsewhere off the register; `undo` brings it back."""
        row = await info.context.hub.external.remove(decode_id(input.id, "RegisteredOperation"))
        return await _registered(info, row)

    @mutation
    async def offer_operation(self, info: Info, input: OfferOperationInput) -> OfferPayload:
        """Offer an operation to the members of a project."""
        project, operation = _pair(input)
        await info.context.hub.project_operations.offer(project, operation)
        return await _offer(info, project)

    @mutation
    async def withdraw_operation(self, info: Info, input: OfferOperationInput) -> OfferPayload:
        """Offer an operation to the members of a project no longer."""
        project, operation = _pair(input)
        await info.context.hub.project_operations.withdraw_operation(project, operation)
        return await _offer(info, project)

    @mutation
    async def open_job(self, info: Info, input: OpenJobInput) -> JobPayload:
        """Open a job of an operation in a project, with an account of its own to draw under.

        An operation that runs elsewhere is then carried out there and told about with `reportJob`;
        one of the hub's own is started with `startJob`.
        """
        hub = info.context.hub
        operation = decode_id(input.operation, "RegisteredOperation", field="operation")
        values: Any = {} if input.arguments is None else input.arguments
        if not isinstance(values, Mapping):
            raise Invalid("arguments", "must be an object of values by name.")
        ports = {port.name: port.id for port in (await hub.external.ports([operation]))[operation]}
        for name in values:
            if name not in ports:
                raise Invalid("arguments", f"{str(name)[:60]!r} is not an input of the operation.")
        row = await hub.external_jobs.open(
            operation,
            decode_id(input.project, "Project", field="project"),
            {ports[name]: _text(value) for name, value in values.items()},
        )
        return await _job(info, row)

    @mutation
    async def start_job(self, info: Info, input: JobInput) -> JobPayload:
        """Have the hub run a job that was opened of one of its own operations."""
        return await _job(info, await info.context.hub.jobs.start(decode_id(input.id, "Job")))

    @mutation
    async def report_job(self, info: Info, input: ReportJobInput) -> JobPayload:
        """Tell how a job goes that runs elsewhere; this is no history and is not undone."""
        row = await info.context.hub.external_jobs.report(
            decode_id(input.id, "Job"),
            state=None if input.state is None else State(_word(input.state)),
            progress=input.progress,
            comment=input.comment,
            rate=input.rate,
        )
        return await _job(info, row)

    @mutation
    async def kill_job(self, info: Info, input: JobInput) -> JobPayload:
        """Stop a job that runs elsewhere: its account cannot go on with it."""
        return await _job(
            info, await info.context.hub.external_jobs.kill(decode_id(input.id, "Job"))
        )

    @mutation
    async def copy_job(self, info: Info, input: JobInput) -> JobPayload:
        """Open another job in the same project, with the same arguments."""
        return await _job(
            info, await info.context.hub.external_jobs.copy(decode_id(input.id, "Job"))
        )

    @mutation
    async def favor_job(self, info: Info, input: FavorJobInput) -> JobPayload:
        """Spare a job when its project is purged, or no longer."""
        row = await info.context.hub.external_jobs.favor(decode_id(input.id, "Job"), input.favorite)
        return await _job(info, row)

    @mutation
    async def clear_job(self, info: Info, input: JobInput) -> ClearedPayload:
        """Put what a job drew and the files it keeps into the trash, and keep the job."""
        made = await info.context.hub.external_jobs.clear(decode_id(input.id, "Job"))
        return ClearedPayload(
            job=input.id, regions=BigInt(made["regions"]), files=BigInt(made["files"])
        )

    @mutation
    async def delete_job(self, info: Info, input: JobInput) -> JobPayload:
        """Put a job into the trash, with its account and all it made; `undo` brings it back."""
        return await _job(
            info, await info.context.hub.external_jobs.remove(decode_id(input.id, "Job"))
        )

    @mutation
    async def purge_jobs(self, info: Info, input: PurgeJobsInput) -> PurgePayload:
        """Put what the ended jobs of a project made into the trash, but for favorites."""
        cleared = await info.context.hub.external_jobs.purge(
            decode_id(input.project, "Project", field="project")
        )
        return PurgePayload(jobs=[strawberry.ID(encode_id("Job", id)) for id in cleared])

    @mutation
    async def add_job_file(self, info: Info, input: AddJobFileInput) -> JobFilePayload:
        """Give a job a file to keep, with its bytes or to be uploaded after."""
        hub = info.context.hub
        content = None if input.data is None else bytes_of(input.data)
        job = decode_id(input.job, "Job", field="job")
        (row,) = await hub.job_files.add([(job, input.label, input.filename)])
        if content is not None:
            row = await hub.job_files.keep(row.id, [content])
        return JobFilePayload(file=JobFile.of(row))

    @mutation
    async def write_job_file(self, info: Info, input: WriteJobFileInput) -> JobFilePayload:
        """Upload the bytes of a file of a job; those it had before go."""
        id = decode_id(input.file, "JobFile", field="file")
        row = await info.context.hub.job_files.keep(id, [bytes_of(input.data)])
        return JobFilePayload(file=JobFile.of(row))

    @mutation
    async def delete_job_file(self, info: Info, input: DeleteJobFileInput) -> JobFilePayload:
        """Put a file of a job into the trash; `undo` brings it back."""
        id = decode_id(input.file, "JobFile", field="file")
        return JobFilePayload(file=JobFile.of(await info.context.hub.job_files.remove(id)))

    @mutation
    async def put_external_place(
        self, info: Info, input: PutExternalPlaceInput
    ) -> ExternalPlacePayload:
        """Add or change a trusted source or a server; for administrators."""
        places, kind = info.context.hub.external_places, Kind(_word(input.kind))
        fields = _fields(input.fields)
        if input.number is None:
            made = await places.create(kind, fields, UNIQUE[kind])
        else:
            made = await places.change(kind, int(input.number), fields, UNIQUE[kind])
        return ExternalPlacePayload(place=ExternalPlace.of(made))

    @mutation
    async def remove_external_place(
        self, info: Info, input: RemoveExternalPlaceInput
    ) -> ExternalPlacePayload:
        """Remove a trusted source or a server; for administrators."""
        place = await info.context.hub.external_places.remove(
            Kind(_word(input.kind)), int(input.number)
        )
        return ExternalPlacePayload(place=ExternalPlace.of(place))


def _word(one: Any) -> str:
    return str(one.value)


def _port(one: NewInput) -> NewPort:
    return NewPort(
        name=one.name,
        type=one.type,
        default=one.default,
        required=one.required,
        label=one.label,
        description=one.description,
    )


def _pair(input: OfferOperationInput) -> tuple[int, int]:
    return (
        decode_id(input.project, "Project", field="project"),
        decode_id(input.operation, "RegisteredOperation", field="operation"),
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise Invalid("arguments", "each value is a text, a number, a boolean or null.")


def _fields(found: Any) -> dict[str, str | int | None]:
    if not isinstance(found, Mapping) or not all(
        value is None or (isinstance(value, str | int) and not isinstance(value, bool))
        for value in found.values()
    ):
        raise Invalid("fields", "must be an object of texts and whole numbers by name.")
    return dict(found)


async def _registered(info: Info, row: Any) -> RegisteredOperationPayload:
    (operation,) = await shown(info.context.hub, [row])
    return RegisteredOperationPayload(operation=operation)


async def _offer(info: Info, project_id: int) -> OfferPayload:
    hub = info.context.hub
    project = await hub.catalog.one(containers.Project, project_id)
    return OfferPayload(
        project=Project.of(project, hub.actor.can(project)),
        operations=await shown(hub, list(await hub.external.listed(project_id))),
    )


async def _job(info: Info, row: Any) -> JobPayload:
    (can,) = await info.context.hub.catalog.capabilities(Row, [row])
    return JobPayload(job=Job.of(row, can))
