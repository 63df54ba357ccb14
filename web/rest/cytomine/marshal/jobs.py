"""Jobs with what they were given and keep, and the templates of jobs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.external import is_external
from adapters.external_jobs import NUMBERS
from adapters.job_parameters import Given
from store.errors import Invalid
from store.tables.jobs import JobState
from web.rest.cytomine.marshal.software import HUB_SERVER, parameter
from web.rest.cytomine.marshal.users import common

_SECRET = re.compile(r"public_?key|private_?key|cytomine", re.IGNORECASE)
_STATES = {number: state for state, number in NUMBERS.items() if state is not JobState.RETRYING}
_ABOUT_PORT = (
    "name", "humanName", "type", "index", "uri", "uriPrintAttribut", "uriSortAttribut",
    "setByServer", "required",
)  # fmt: skip


def status_of(state: str) -> int:
    """Return the number of a state."""
    return NUMBERS[JobState(state)]


def state_of(status: int) -> JobState:
    """Return the state of a number. Raises Invalid."""
    found = _STATES.get(status)
    if found is None:
        raise Invalid("status", f"{status} is not one of 0 to {max(_STATES)}.")
    return found


def job(
    row: Any, operation: Any | None, human: Any | None, given: Sequence[Given] | None = None
) -> dict[str, Any]:
    """Write a job; `given` are its parameters, which a list leaves out unless asked for."""
    name = None if operation is None else operation.name
    options = row.options or {}
    server = HUB_SERVER if operation is not None and not is_external(operation) else None
    written = common("Job", row.id, row.created_at, row.updated_at) | {
        "algoType": "job",
        "progress": row.progress,
        "status": status_of(row.state),
        "number": row.number,
        "statusComment": row.comment if row.comment is not None else row.error,
        "project": row.project_id,
        "software": row.operation_id,
        "softwareName": name,
        "name": f"{name} : {row.number}",
        "processingServer": server,
        "rate": row.rate,
        "dataDeleted": bool(options.get("data_deleted", False)),
        "favorite": row.favorite,
        "username": None if human is None else human.username,
        "userJob": row.user_job_id,
    }
    if given is not None:
        written["jobParameters"] = [job_parameter(one) for one in given]
    return written


def job_parameter(one: Given) -> dict[str, Any]:
    """Write what a job was given; the values of keys are written as asterisks."""
    about = parameter(one.port)
    hidden = one.text is not None and _SECRET.search(one.port.name)
    return common("JobParameter", one.id, None) | {
        "job": one.job_id,
        "softwareParameter": one.port.id,
        "value": "*" * len(one.text or "") if hidden else one.text,
        **{name: about[name] for name in _ABOUT_PORT},
    }


def job_data(row: Any, file: Any | None) -> dict[str, Any]:
    """Write a file of a job; its size is null until its bytes have come."""
    return common("JobData", row.id, None if file is None else file.created_at) | {
        "key": row.key,
        "job": row.job_id,
        "filename": row.filename,
        "size": None if file is None else file.size,
    }


def job_template(row: Any) -> dict[str, Any]:
    """Write a template of jobs."""
    return common("JobTemplate", row.id, row.created_at, row.updated_at) | {
        "name": (row.options or {}).get("name"),
        "software": row.operation_id,
        "project": row.project_id,
    }
