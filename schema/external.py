"""Operations as the hub registers them, those that run elsewhere too, and the files of jobs."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.nodes import Node, Owned
from schema.operations import Job, JobState, OperationSource
from schema.scalars import JSON, BigInt, DateTime
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.containers import Project


@strawberry.type(description="An input of a registered operation.")
class RegisteredInput:
    name: str = strawberry.field(description="Its name, as jobs are given values by.")
    label: str | None = strawberry.field(description="Its name for people.")
    type: str = strawberry.field(
        description="As of a port of an operation; elsewhere also date, list, object or objects."
    )
    default: str | None = strawberry.field(description="What it is if no value is given, as text.")
    required: bool = strawberry.field(description="Whether a job must be given a value.")
    position: int = strawberry.field(description="Its place among the inputs.")
    server_set: bool = strawberry.field(description="Whether the hub fills it in, not a person.")
    description: str | None = strawberry.field(description="What it means.")

    @classmethod
    def of(cls, row: Any) -> "RegisteredInput":
        """Show a row."""
        return cls(
            name=row.name,
            label=row.label,
            type=row.type,
            default=row.default,
            required=row.required,
            position=row.position,
            server_set=row.server_set,
            description=row.description,
        )


@strawberry.type(description="How many jobs of an operation are in a state.")
class JobCount:
    state: JobState = strawberry.field(description="The state.")
    count: BigInt = strawberry.field(description="How many jobs you see in it.")


@strawberry.federation.type(
    keys=["id"],
    description="An operation in the hub's register: its own, a script's, or one that runs "
    "elsewhere and has made itself known.",
)
class RegisteredOperation(Owned):
    name: str = strawberry.field(description="What it is called.")
    release: str = strawberry.field(description="Its own version; name and version occur once.")
    source: OperationSource = strawberry.field(description="Where it comes from.")
    command: str | None = strawberry.field(description="How it is started where it runs.")
    deprecated: bool = strawberry.field(description="Whether it should be used no longer.")
    description: str | None = strawberry.field(description="What it does.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "RegisteredOperation":
        """Show a row."""
        source = OperationSource(row.source)
        return cls(
            **shared(row, can),
            name=row.name,
            release=row.release,
            source=source,
            command=row.command if source is OperationSource.EXTERNAL else None,
            deprecated=row.deprecated,
            description=row.description,
        )

    @strawberry.field(description="What it takes, in order.")
    async def inputs(self, info: Info) -> list[RegisteredInput]:
        found: list[Any] = await info.context.loaders.inputs_of_operation.load(self.key)
        return [RegisteredInput.of(row) for row in found]

    @strawberry.field(description="How many jobs of it you see, by state.")
    async def job_counts(self, info: Info) -> list[JobCount]:
        found: dict[str, int] = await info.context.loaders.job_counts_of_operation.load(self.key)
        return [
            JobCount(state=JobState(state), count=BigInt(number))
            for state, number in sorted(found.items())
        ]


@strawberry.federation.type(keys=["id"], description="A file that a job keeps.")
class JobFile(Node):
    label: str = strawberry.field(description="What the job calls it, such as model.")
    filename: str = strawberry.field(description="Its name as a file.")
    job_key: strawberry.Private[int]
    file_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any) -> "JobFile":
        """Show a row."""
        return cls(
            key=row.id,
            label=row.key,
            filename=row.filename,
            job_key=row.job_id,
            file_key=row.file_id,
        )

    @strawberry.field(description="The job; null if you may not see it.")
    async def job(self, info: Info) -> Job | None:
        job: Job | None = await info.context.loaders.job_by_id.load(self.job_key)
        return job

    @strawberry.field(description="How many bytes it has; null until they were uploaded.")
    async def size(self, info: Info) -> BigInt | None:
        size: int | None = await info.context.loaders.size_of_job_file.load(self.key)
        return None if size is None else BigInt(size)

    @strawberry.field(description="Where to download it; null until it was uploaded.")
    def download_url(self) -> str | None:
        return None if self.file_key is None else f"/transfers/files/{self.file_key}"


@strawberry.enum(description="What is kept in the lists of places.")
class PlaceKind(Enum):
    SOURCE = strawberry.enum_value("trusted-source", description="Where algorithms come from.")
    SERVER = strawberry.enum_value("processing-server", description="Where algorithms run.")


@strawberry.type(description="A trusted source of algorithms, or a server that runs them.")
class ExternalPlace:
    number: BigInt = strawberry.field(description="Its number, by which it is changed.")
    kind: PlaceKind = strawberry.field(description="Which of both it is.")
    fields: JSON = strawberry.field(description="What is known of it: texts and numbers by name.")
    created_at: DateTime = strawberry.field(description="When it was added.")
    updated_at: DateTime | None = strawberry.field(description="When it was last changed.")

    @classmethod
    def of(cls, place: Any) -> "ExternalPlace":
        """Show a place."""
        return cls(
            number=BigInt(place.id),
            kind=PlaceKind(place.kind.value),
            fields=JSON(dict(place.fields)),
            created_at=DateTime(place.created_at),
            updated_at=None if place.updated_at is None else DateTime(place.updated_at),
        )


@strawberry.input(description="An input of an operation that makes itself known.")
class NewInput:
    name: str = strawberry.field(description="Its name.")
    type: str = strawberry.field(
        description="image, labels, mask, table, regions, points, float, integer, boolean, text, "
        "choice, date, list, object or objects."
    )
    default: str | None = strawberry.field(default=None, description="Its default, as text.")
    required: bool = strawberry.field(default=False, description="Whether it must be given.")
    label: str | None = strawberry.field(default=None, description="Its name for people.")
    description: str | None = strawberry.field(default=None, description="What it means.")


@strawberry.input(description="An operation that runs elsewhere.")
class RegisterOperationInput:
    name: str = strawberry.field(description="What it is called.")
    release: str = strawberry.field(default="", description="Its own version.")
    command: str | None = strawberry.field(default=None, description="How it is started.")
    description: str | None = strawberry.field(default=None, description="What it does.")
    inputs: list[NewInput] = strawberry.field(
        default_factory=list, description="What it takes, in order."
    )


@strawberry.input(description="What to change of an operation that runs elsewhere.")
class UpdateOperationInput:
    id: strawberry.ID = strawberry.field(description="The operation.")
    expected_version: int | None = strawberry.field(
        default=None, description="The version you saw; a Conflict if it is another now."
    )
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    release: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new own version."
    )
    command: str | None = strawberry.field(
        default=strawberry.UNSET, description="How it is started now."
    )
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it does now."
    )
    deprecated: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether it should be used no longer."
    )


@strawberry.input(description="An input to be added to an operation that runs elsewhere.")
class AddOperationInputInput:
    operation: strawberry.ID = strawberry.field(description="The operation.")
    input: NewInput = strawberry.field(description="The input, which becomes the last one.")


@strawberry.input(description="An operation of the register.")
class DeleteOperationInput:
    id: strawberry.ID = strawberry.field(description="The operation, which was never run.")


@strawberry.input(description="An operation and a project that offers it.")
class OfferOperationInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    operation: strawberry.ID = strawberry.field(description="The operation.")


@strawberry.input(description="A job to be opened in a project.")
class OpenJobInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    operation: strawberry.ID = strawberry.field(description="What it runs.")
    arguments: JSON | None = strawberry.field(
        default=None,
        description="Values by name of the input, kept as text; images by their number.",
    )


@strawberry.input(description="How a job goes that the hub does not carry out itself.")
class ReportJobInput:
    id: strawberry.ID = strawberry.field(description="The job.")
    state: JobState | None = strawberry.field(default=None, description="Where it stands.")
    progress: int | None = strawberry.field(default=None, description="In percent.")
    comment: str | None = strawberry.field(default=None, description="What it says of itself.")
    rate: float | None = strawberry.field(default=None, description="How good its results are.")


@strawberry.input(description="Whether a job is spared when its project is purged.")
class FavorJobInput:
    id: strawberry.ID = strawberry.field(description="The job.")
    favorite: bool = strawberry.field(default=True, description="Whether it is spared.")


@strawberry.input(description="A job.")
class JobInput:
    id: strawberry.ID = strawberry.field(description="The job.")


@strawberry.input(description="The project whose jobs are purged.")
class PurgeJobsInput:
    project: strawberry.ID = strawberry.field(description="The project.")


@strawberry.input(description="A file for a job to keep.")
class AddJobFileInput:
    job: strawberry.ID = strawberry.field(description="The job.")
    label: str = strawberry.field(description="What the job calls it.")
    filename: str = strawberry.field(description="Its name as a file.")
    data: str | None = strawberry.field(default=None, description="Its bytes in base64.")


@strawberry.input(description="Bytes of a file of a job.")
class WriteJobFileInput:
    file: strawberry.ID = strawberry.field(description="The file.")
    data: str = strawberry.field(description="All its bytes in base64.")


@strawberry.input(description="A file of a job.")
class DeleteJobFileInput:
    file: strawberry.ID = strawberry.field(description="The file.")


@strawberry.input(description="A trusted source or a server, added or changed.")
class PutExternalPlaceInput:
    kind: PlaceKind = strawberry.field(description="Which of both it is.")
    number: BigInt | None = strawberry.field(
        default=None, description="The one to change; a new one if left out."
    )
    fields: JSON = strawberry.field(description="Texts and numbers by name; others stay.")


@strawberry.input(description="A trusted source or a server.")
class RemoveExternalPlaceInput:
    kind: PlaceKind = strawberry.field(description="Which of both it is.")
    number: BigInt = strawberry.field(description="Its number.")


@strawberry.type(description="An operation of the register, as it is now.")
class RegisteredOperationPayload:
    operation: RegisteredOperation = strawberry.field(description="As it is now.")


@strawberry.type(description="A project and what it offers now.")
class OfferPayload:
    project: Annotated["Project", strawberry.lazy("schema.containers")] = strawberry.field(
        description="The project."
    )
    operations: list[RegisteredOperation] = strawberry.field(description="What it offers now.")


@strawberry.type(description="The jobs that were cleared.")
class PurgePayload:
    jobs: list[strawberry.ID] = strawberry.field(
        description="Those whose results are in the trash now."
    )


@strawberry.type(description="What went with a job's results.")
class ClearedPayload:
    job: strawberry.ID = strawberry.field(description="The job.")
    regions: BigInt = strawberry.field(description="How many regions it had drawn.")
    files: BigInt = strawberry.field(description="How many files it had kept.")


@strawberry.type(description="A file of a job, as it is now.")
class JobFilePayload:
    file: JobFile = strawberry.field(description="As it is now.")


@strawberry.type(description="A trusted source or a server, as it is now or was.")
class ExternalPlacePayload:
    place: ExternalPlace = strawberry.field(description="As it is now or was.")
