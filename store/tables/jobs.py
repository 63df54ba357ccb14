"""Jobs: every run whose result is kept, with its parameters, data, log and lineage."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import text
from sqlmodel import Field

from store.tables.columns import Json, Keyed, Owned, index, live_index, live_unique, one_of


class JobState(StrEnum):
    """Where a job stands; the first nine are those of one dialect, in its numbering."""

    NOT_LAUNCHED = "not_launched"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INDETERMINATE = "indeterminate"
    WAITING = "waiting"
    PREVIEWED = "previewed"
    KILLED = "killed"
    RETRYING = "retrying"


class JobDirection(StrEnum):
    """Read by a job or made by it."""

    IN = "in"
    OUT = "out"


class Job(Owned, table=True):
    """One run of an operation. A worker holds it by a lease; `attempts` fences late finishers.

    `options` say where results go and which part of the input is meant. `progress` is in percent.
    The higher `priority` runs first.
    """

    __tablename__ = "job"
    __table_args__ = (
        one_of("state", JobState),
        live_unique("operation_id", "project_id", "number"),
        live_unique(
            "operation_id", "number", where="project_id IS NULL", name="ux_job_unbound_live"
        ),
        live_index("owner_id", "id"),
        live_index("group_id", "id"),
        live_index("project_id", "id"),
        index("state", "lease_until"),
        index(
            text("priority DESC"),
            "id",
            where="state IN ('queued', 'retrying')",
            name="desc_job_queue",
        ),
        index("lease_until", where="state = 'running'", name="ix_job_lease"),
    )

    operation_id: int = Field(foreign_key="operation.id")
    project_id: int | None = Field(default=None, foreign_key="project.id")
    user_job_id: int | None = Field(default=None, foreign_key="user_.id")
    number: int = 1
    state: str = JobState.NOT_LAUNCHED.value
    progress: int = 0
    comment: str | None = None
    error: str | None = None
    priority: int = 0
    queued_at: int | None = None
    started_at: int | None = None
    finished_at: int | None = None
    lease_owner: str | None = None
    lease_until: int | None = None
    heartbeat_at: int | None = None
    attempts: int = 0
    cancel_asked: bool = False
    favorite: bool = False
    rate: float | None = None
    log_file_id: int | None = Field(default=None, foreign_key="stored_file.id")
    options: dict[str, Any] | None = Field(default=None, sa_type=Json)


class JobParameter(Keyed, table=True):
    """The value a job was given at a port, as text."""

    __tablename__ = "job_parameter"
    __table_args__ = (live_unique("job_id", "port_id"),)

    job_id: int = Field(foreign_key="job.id")
    port_id: int = Field(foreign_key="port.id")
    value: str | None = None
    trashed_by: int | None = None


class JobData(Keyed, table=True):
    """A file a job keeps beside its results."""

    __tablename__ = "job_data"
    __table_args__ = (index("job_id"),)

    job_id: int = Field(foreign_key="job.id")
    key: str
    filename: str
    file_id: int | None = Field(default=None, foreign_key="stored_file.id")
    trashed_by: int | None = None


class JobIo(Keyed, table=True):
    """Lineage: an object a job read or made, at which port and in which generation."""

    __tablename__ = "job_io"
    __table_args__ = (
        one_of("direction", JobDirection),
        index("job_id", "direction"),
        index("target_type", "target_id"),
    )

    job_id: int = Field(foreign_key="job.id")
    direction: str
    port: str
    target_type: str
    target_id: int
    generation: int | None = None


class JobLog(Keyed, table=True):
    """A line a job wrote."""

    __tablename__ = "job_log"
    __table_args__ = (index("job_id", "id"),)

    job_id: int = Field(foreign_key="job.id")
    at: int
    level: str = "info"
    message: str
