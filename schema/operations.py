"""Operations, the jobs that run them, and what jobs make."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.filters import MomentFilter, NumberFilter, TextFilter
from schema.nodes import Owned
from schema.scalars import JSON, BigInt, DateTime
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.containers import Project
    from schema.external import JobFile, RegisteredOperation
    from schema.images import Image
    from schema.people import User
    from schema.rois import ROI
    from schema.scripts import Script


@strawberry.type(description="One typed input or output of an operation.")
class Port:
    name: str = strawberry.field(description="Its name, as in the arguments.")
    label: str = strawberry.field(description="Its name for people.")
    summary: str = strawberry.field(description="What it means.")
    type: str = strawberry.field(
        description="image, labels, mask, table, regions, points, float, integer, boolean, text, "
        "choice."
    )
    axes: str | None = strawberry.field(description="The axes one call sees, such as yx.")
    many: bool = strawberry.field(description="Whether it takes a list.")
    required: bool = strawberry.field(description="Whether it must be given.")
    default: JSON | None = strawberry.field(description="What it is if it is not given.")
    unit: str | None = strawberry.field(description="Its unit, such as pixel or µm.")
    minimum: float | None = strawberry.field(description="Its least value.")
    maximum: float | None = strawberry.field(description="Its greatest value.")
    choices: list[str] | None = strawberry.field(description="The words or numbers it may be.")

    @classmethod
    def of(cls, described: dict[str, Any]) -> "Port":
        """Show the description of a port."""
        choices = described["choices"]
        return cls(
            name=described["name"],
            label=described["label"],
            summary=described["summary"],
            type=described["type"],
            axes=described["axes"],
            many=described["many"],
            required=described["required"],
            default=None if described["default"] is None else JSON(described["default"]),
            unit=described["unit"],
            minimum=described["minimum"],
            maximum=described["maximum"],
            choices=None if choices is None else [str(choice) for choice in choices],
        )


@strawberry.enum(description="Where an operation comes from.")
class OperationSource(Enum):
    BUILTIN = strawberry.enum_value("builtin", description="The hub itself.")
    EXTERNAL = strawberry.enum_value(
        "external", description="Runs elsewhere and has made itself known."
    )
    SCRIPT = strawberry.enum_value("script", description="A file that an administrator added.")
    PIPELINE = strawberry.enum_value("pipeline", description="Other operations, one after another.")


@strawberry.type(description="Something that can be run on images, labels and values.")
class Operation:
    name: str = strawberry.field(description="Its name, such as filter.gaussian.")
    version: str = strawberry.field(description="Its version; results may differ between two.")
    label: str = strawberry.field(description="Its name for people.")
    family: str = strawberry.field(description="The family it belongs to.")
    menu: list[str] = strawberry.field(description="Where it stands in a menu.")
    summary: str = strawberry.field(description="What it does, in a line.")
    description: str = strawberry.field(description="What it does.")
    locality: str = strawberry.field(
        description="How far a result sample looks: pointwise, neighbourhood, global, projection, "
        "reduction, objectwise or whole."
    )
    source: OperationSource = strawberry.field(description="Where it comes from.")
    inputs: list[Port] = strawberry.field(description="What it takes.")
    outputs: list[Port] = strawberry.field(description="What it makes.")
    file_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, declared: Any) -> "Operation":
        """Show a registered operation."""
        described = declared.describe()
        return cls(
            name=described["name"],
            version=described["version"],
            label=described["label"],
            family=described["family"],
            menu=described["menu"],
            summary=described["summary"],
            description=described["description"],
            locality=described["locality"],
            source=OperationSource(described["source"]),
            file_key=declared.origin,
            inputs=[Port.of(port) for port in described["inputs"]],
            outputs=[Port.of(port) for port in described["outputs"]],
        )

    @strawberry.field(description="The script it is declared in; null for all others.")
    async def script(
        self, info: Info
    ) -> Annotated["Script", strawberry.lazy("schema.scripts")] | None:
        if self.file_key is None:
            return None
        script: Script | None = await info.context.loaders.script_of_file.load(self.file_key)
        return script


@strawberry.enum(description="Where a job stands.")
class JobState(Enum):
    NOT_LAUNCHED = strawberry.enum_value("not_launched", description="Not sent to the queue yet.")
    QUEUED = strawberry.enum_value("queued", description="Waiting for a worker.")
    RUNNING = strawberry.enum_value("running", description="A worker is at it.")
    SUCCEEDED = strawberry.enum_value("succeeded", description="Its results are published.")
    FAILED = strawberry.enum_value("failed", description="It ended with an error.")
    INDETERMINATE = strawberry.enum_value("indeterminate", description="Nobody knows.")
    WAITING = strawberry.enum_value("waiting", description="Waiting for something outside.")
    PREVIEWED = strawberry.enum_value("previewed", description="Ran for a preview only.")
    KILLED = strawberry.enum_value("killed", description="It was stopped.")
    RETRYING = strawberry.enum_value("retrying", description="Its worker was lost; it runs again.")


@strawberry.type(description="A value a job was given.")
class JobArgument:
    name: str = strawberry.field(description="The port.")
    value: JSON | None = strawberry.field(description="The value.")


@strawberry.type(description="A line a job wrote.")
class JobLogLine:
    at: DateTime = strawberry.field(description="When.")
    level: str = strawberry.field(description="info, warning or error.")
    message: str = strawberry.field(description="What it says.")


@strawberry.federation.type(
    keys=["id"], description="Labels of an image: each object of a plane has a number."
)
class LabelSet(Owned):
    name: str = strawberry.field(description="What it is called.")
    image_key: strawberry.Private[int]
    job_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "LabelSet":
        """Show a row."""
        return cls(
            **shared(row, can), name=row.name, image_key=row.image_id, job_key=row.made_by_job
        )

    @strawberry.field(description="The image it belongs to.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        image: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return image

    @strawberry.field(description="The job that made it.")
    async def created_by(self, info: Info) -> "Job | None":
        if self.job_key is None:
            return None
        job: Job | None = await info.context.loaders.job_by_id.load(self.job_key)
        return job


@strawberry.type(description="A column of a result table.")
class ResultColumn:
    name: str = strawberry.field(description="What it holds.")
    unit: str | None = strawberry.field(description="Its unit, such as µm².")


@strawberry.type(description="A row of a result table.")
class ResultRow:
    number: int = strawberry.field(description="Its place, from 0.")
    label: int | None = strawberry.field(description="The object's number in its label image.")
    c: int | None = strawberry.field(description="Channel it was measured on.")
    z: int | None = strawberry.field(description="Plane it was measured on.")
    t: int | None = strawberry.field(description="Time it was measured at.")
    cells: list[JSON | None] = strawberry.field(description="One value for each column.")
    roi_key: strawberry.Private[int | None]

    @strawberry.field(description="The region it is about.")
    async def roi(self, info: Info) -> Annotated["ROI", strawberry.lazy("schema.rois")] | None:
        if self.roi_key is None:
            return None
        roi: ROI | None = await info.context.loaders.roi_by_id.load(self.roi_key)
        return roi


@strawberry.federation.type(keys=["id"], description="A table of measurements.")
class ResultTable(Owned):
    name: str = strawberry.field(description="What it is called.")
    columns: list[ResultColumn] = strawberry.field(description="Its columns, in order.")
    image_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "ResultTable":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            columns=[ResultColumn(name=one["name"], unit=one.get("unit")) for one in row.columns],
            image_key=row.image_id,
        )

    @strawberry.field(description="The image it is about.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        if self.image_key is None:
            return None
        image: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return image

    @strawberry.field(description="How many rows it has.")
    async def row_count(self, info: Info) -> BigInt:
        return BigInt(await info.context.loaders.row_count_of_table.load(self.key))

    @strawberry.field(description="Rows from a place on, at most 1,000 at once.")
    async def rows(self, info: Info, first: int = 100, offset: int = 0) -> list[ResultRow]:
        found = await info.context.hub.jobs.rows(self.key, first=first, offset=offset)
        return [
            ResultRow(
                number=row.row_no,
                label=row.label,
                c=row.c,
                z=row.z,
                t=row.t,
                cells=[None if cell is None else JSON(cell) for cell in row.cells],
                roi_key=row.roi_id,
            )
            for row in found
        ]


JobObject: TypeAlias = Annotated[
    Annotated["Image", strawberry.lazy("schema.images")]
    | LabelSet
    | ResultTable
    | Annotated["ROI", strawberry.lazy("schema.rois")],
    strawberry.union("JobObject", description="Something a job read or made."),
]


@strawberry.type(description="Something a job read or made, and at which port.")
class JobLink:
    port: str = strawberry.field(description="The port.")
    generation: int | None = strawberry.field(description="The generation of samples it read.")
    noun: strawberry.Private[str]
    target: strawberry.Private[int]

    @strawberry.field(description="The object; null if you may not see it, or it is gone.")
    async def object(self, info: Info) -> JobObject | None:
        loader = {
            "image": "image_by_id",
            "label_set": "label_set_by_id",
            "result_table": "result_table_by_id",
            "roi": "roi_by_id",
        }.get(self.noun)
        if loader is None:
            return None
        found: JobObject | None = await getattr(info.context.loaders, loader).load(self.target)
        return found


@strawberry.federation.type(keys=["id"], description="One run of an operation.")
class Job(Owned):
    state: JobState = strawberry.field(description="Where it stands.")
    progress: int = strawberry.field(description="How far it is, in percent.")
    error: str | None = strawberry.field(description="Why it failed or stopped.")
    number: int = strawberry.field(description="Counts the jobs of an operation in a project.")
    comment: str | None = strawberry.field(description="What it last said of itself.")
    rate: float | None = strawberry.field(description="How good its results are, if it says so.")
    favorite: bool = strawberry.field(description="Whether it is spared when jobs are purged.")
    attempts: int = strawberry.field(description="How often it was started.")
    queued_at: DateTime | None = strawberry.field(description="When it was asked for.")
    started_at: DateTime | None = strawberry.field(description="When it was last started.")
    finished_at: DateTime | None = strawberry.field(description="When it ended.")
    operation_key: strawberry.Private[int]
    project_key: strawberry.Private[int | None]
    account_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "Job":
        """Show a row."""
        return cls(
            **shared(row, can),
            state=JobState(row.state),
            progress=row.progress,
            error=row.error,
            number=row.number,
            comment=row.comment,
            rate=row.rate,
            favorite=row.favorite,
            attempts=row.attempts,
            queued_at=_moment(row.queued_at),
            started_at=_moment(row.started_at),
            finished_at=_moment(row.finished_at),
            operation_key=row.operation_id,
            project_key=row.project_id,
            account_key=row.user_job_id,
        )

    @strawberry.field(description="The project it was opened in; null without one.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        if self.project_key is None:
            return None
        project: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return project

    @strawberry.field(description="The account it draws under; null if it never drew.")
    async def account(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        if self.account_key is None:
            return None
        account: User | None = await info.context.loaders.user_by_id.load(self.account_key)
        return account

    @strawberry.field(description="The operation it runs, as the hub registers it.")
    async def registered_operation(
        self, info: Info
    ) -> Annotated["RegisteredOperation", strawberry.lazy("schema.external")] | None:
        loader = info.context.loaders.registered_operation_by_id
        found: RegisteredOperation | None = await loader.load(self.operation_key)
        return found

    @strawberry.field(description="The files it keeps beside its results.")
    async def files(
        self, info: Info
    ) -> list[Annotated["JobFile", strawberry.lazy("schema.external")]]:
        found: list[JobFile] = await info.context.loaders.files_of_job.load(self.key)
        return found

    @strawberry.field(description="The name of what it runs.")
    async def operation_name(self, info: Info) -> str:
        row = await info.context.loaders.operation_row.load(self.operation_key)
        return "" if row is None else str(row.name)

    @strawberry.field(description="The version of what it runs.")
    async def operation_version(self, info: Info) -> str:
        row = await info.context.loaders.operation_row.load(self.operation_key)
        return "" if row is None else str(row.release)

    @strawberry.field(description="The values it was given, defaults included.")
    async def arguments(self, info: Info) -> list[JobArgument]:
        found = await info.context.loaders.arguments_of_job.load(self.key)
        return [
            JobArgument(name=name, value=None if value is None else JSON(value))
            for name, value in found
        ]

    @strawberry.field(description="What it read.")
    async def inputs(self, info: Info) -> list[JobLink]:
        found: list[Any] = await info.context.loaders.lineage_of_job.load(self.key)
        return [_link(one) for one in found if one.direction == "in"]

    @strawberry.field(description="What it made.")
    async def outputs(self, info: Info) -> list[JobLink]:
        found: list[Any] = await info.context.loaders.lineage_of_job.load(self.key)
        return [_link(one) for one in found if one.direction == "out"]

    @strawberry.field(description="What it wrote, oldest line first.")
    async def log(self, info: Info) -> list[JobLogLine]:
        found: list[Any] = await info.context.loaders.log_of_job.load(self.key)
        return [
            JobLogLine(at=DateTime(one.at), level=one.level, message=one.message) for one in found
        ]


def _moment(at: int | None) -> DateTime | None:
    return None if at is None else DateTime(at)


def _link(row: Any) -> JobLink:
    return JobLink(
        port=row.port, generation=row.generation, noun=row.target_type, target=row.target_id
    )


@strawberry.input(description="Which part of the inputs to work on; what is left out is whole.")
class RegionInput:
    t: list[int] | None = strawberry.field(default=None, description="Points in time, from 0.")
    c: list[int] | None = strawberry.field(default=None, description="Channels, from 0.")
    z: list[int] | None = strawberry.field(default=None, description="Planes, from 0.")
    x: int | None = strawberry.field(default=None, description="Left edge in pixels.")
    y: int | None = strawberry.field(default=None, description="Top edge in pixels.")
    width: int | None = strawberry.field(default=None, description="Width in pixels.")
    height: int | None = strawberry.field(default=None, description="Height in pixels.")


@strawberry.input(description="What goes into an input that takes an image or labels.")
class DataInput:
    port: str = strawberry.field(description="The input's name.")
    id: strawberry.ID = strawberry.field(description="An Image or a LabelSet.")


@strawberry.input(description="A run to be queued.")
class RunOperationInput:
    operation: str = strawberry.field(description="Its name, such as filter.gaussian.")
    image: strawberry.ID | None = strawberry.field(
        default=None, description="The Image or LabelSet for its first data input."
    )
    data: list[DataInput] = strawberry.field(
        default_factory=list, description="Further data inputs, by name."
    )
    arguments: JSON | None = strawberry.field(
        default=None, description='Plain values by name, such as {"sigma": 2}.'
    )
    region: RegionInput | None = strawberry.field(
        default=None, description="Which part of the inputs to work on."
    )
    dataset: strawberry.ID | None = strawberry.field(
        default=None, description="Where new images go; the input's own dataset if left out."
    )
    name: str | None = strawberry.field(default=None, description="What to call a new image.")
    priority: int = strawberry.field(default=0, description="Higher runs first; 0 is usual.")


@strawberry.input(description="Which jobs; all that is given must hold.")
class JobWhere:
    state: JobState | None = strawberry.field(default=None, description="In this state.")
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    states: list[JobState] | None = strawberry.field(
        default=None, description="In one of these states."
    )
    operation: TextFilter | None = strawberry.field(
        default=None, description="Tests on the operation's name, such as filter.gaussian."
    )
    project: strawberry.ID | None = strawberry.field(
        default=None, description="Run in this project."
    )
    reads: strawberry.ID | None = strawberry.field(default=None, description="Reading this image.")
    made: strawberry.ID | None = strawberry.field(default=None, description="That made this image.")
    progress: NumberFilter | None = strawberry.field(default=None, description="In percent.")
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were asked for."
    )
    started_at: MomentFilter | None = strawberry.field(
        default=None, description="When a worker began them."
    )
    finished_at: MomentFilter | None = strawberry.field(
        default=None, description="When they ended."
    )
    and_: list["JobWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["JobWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "JobWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.input(description="Which label sets or result tables; all that is given must hold.")
class ResultWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were made."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    image: strawberry.ID | None = strawberry.field(default=None, description="About this image.")
    made_by: strawberry.ID | None = strawberry.field(default=None, description="Made by this job.")
    and_: list["ResultWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["ResultWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "ResultWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.type(description="A job, as it is after the request.")
class JobPayload:
    job: Job = strawberry.field(description="As it is now.")
