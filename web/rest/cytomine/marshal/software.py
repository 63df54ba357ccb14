"""Operations and their ports as software and software parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from adapters.external import about_of, full_name, is_external
from adapters.external_jobs import NUMBERS
from adapters.external_places import Place
from adapters.port_rules import Kind, Rule
from store.errors import Invalid
from store.tables.jobs import JobState
from web.rest.cytomine.marshal.users import common

HUB_SERVER = 490  # the fixed id of the hub itself as a server
OUR_TYPES = {
    "String": "text", "Boolean": "boolean", "Number": "float", "Date": "date", "List": "list",
    "Domain": "object", "ListDomain": "objects",
}  # fmt: skip
_THEIR_TYPES = {
    "text": "String", "choice": "String", "points": "String", "boolean": "Boolean",
    "float": "Number", "integer": "Number", "date": "Date", "list": "List",
    "objects": "ListDomain",
}  # fmt: skip
_IMAGES = {
    "uri": "/api/project/$currentProject$/imageinstance.json",
    "uri_label": "instanceFilename",
    "uri_order": "instanceFilename",
}
# Fields of software that only this dialect knows, and the names they are kept under.
ABOUT = {
    "resultName": "result_name",
    "pullingCommand": "pull_command",
    "softwareUserRepository": "source_id",
    "defaultProcessingServer": "server_id",
    "sourcePath": "source_path",
}
# The same of parameters.
LIMITS = {
    "uri": "uri",
    "uriPrintAttribut": "uri_label",
    "uriSortAttribut": "uri_order",
    "serverParameter": "server_parameter",
    "valueKey": "value_key",
    "commandLineFlag": "flag",
}
_COUNTED = {
    "numberOfNotLaunch": JobState.NOT_LAUNCHED,
    "numberOfInQueue": JobState.QUEUED,
    "numberOfRunning": JobState.RUNNING,
    "numberOfSuccess": JobState.SUCCEEDED,
    "numberOfFailed": JobState.FAILED,
    "numberOfIndeterminate": JobState.INDETERMINATE,
    "numberOfWait": JobState.WAITING,
    "numberOfKilled": JobState.KILLED,
}


def our_type(text: str) -> str:
    """Return the type of a port by the word of the dialect, in any case. Raises Invalid."""
    for theirs, ours in OUR_TYPES.items():
        if theirs.lower() == text.strip().lower():
            return ours
    raise Invalid("type", f"{text[:40]!r} is not one of {', '.join(OUR_TYPES)}.")


def their_type(type: str) -> str:
    """Return the word of the dialect for the type of a port; what holds data is an object."""
    return _THEIR_TYPES.get(type, "Domain")


def job_counts(states: Mapping[str, int]) -> dict[str, int]:
    """Write how many jobs stand where."""
    by_number: dict[int, int] = {}
    for state, number in states.items():
        place = NUMBERS[JobState(state)]
        by_number[place] = by_number.get(place, 0) + number
    counted = {name: by_number.get(NUMBERS[state], 0) for name, state in _COUNTED.items()}
    return {"numberOfJob": sum(states.values())} | counted


def software(
    row: Any, ports: Sequence[Any] = (), states: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Write an operation with the parameters a person fills."""
    runs_here, about = not is_external(row), about_of(row)
    written = common("Software", row.id, row.created_at, row.updated_at) | {
        "name": row.name,
        "softwareVersion": row.release or None,
        "fullName": full_name(row.name, row.release),
        "description": row.description,
        "executeCommand": None if runs_here else row.command,
        "deprecated": row.deprecated,
        "executable": runs_here,
        **{theirs: about.get(ours) for theirs, ours in ABOUT.items()},
        "parameters": [parameter(port) for port in ports if not port.server_set],
    }
    if runs_here:
        written["defaultProcessingServer"] = HUB_SERVER
    return written | job_counts(states or {})


def parameter(port: Any) -> dict[str, Any]:
    """Write a port."""
    limits = dict(port.limits or {})
    type = their_type(port.type)
    if type == "Domain" and port.type != "object":
        limits = _IMAGES | limits
    return common("SoftwareParameter", port.id, None) | {
        "name": port.name,
        "humanName": port.label or port.name,
        "description": port.description,
        "type": type,
        "software": port.operation_id,
        "defaultParamValue": port.default,
        "required": port.required,
        "index": port.position,
        "setByServer": port.server_set,
        "uri": limits.get("uri"),
        "uriPrintAttribut": limits.get("uri_label"),
        "uriSortAttribut": limits.get("uri_order"),
        "serverParameter": bool(limits.get("server_parameter", False)),
        "valueKey": limits.get("value_key") or f"[{port.name.upper()}]",
        "commandLineFlag": limits.get("flag"),
    }


def constraint(rule: Rule) -> dict[str, Any]:
    """Write a rule of a parameter."""
    return common("SoftwareParameterConstraint", rule.id, None) | {
        "parameterConstraint": rule.kind.id,
        "softwareParameter": rule.port_id,
        "value": rule.value,
        "name": rule.kind.name,
    }


def constraint_kind(kind: Kind) -> dict[str, Any]:
    """Write a kind of rule."""
    return common("ParameterConstraint", kind.id, None) | {
        "name": kind.name,
        "dataType": "Number" if kind.numbers else "String",
        "expression": kind.name,
    }


def software_project(link: Any, operation: Any) -> dict[str, Any]:
    """Write that a project offers an operation."""
    return common("SoftwareProject", link.id, link.created_at) | {
        "software": link.operation_id,
        "project": link.project_id,
        "name": operation.name,
        "softwareVersion": operation.release or None,
        "fullName": full_name(operation.name, operation.release),
        "executable": not is_external(operation),
        "deprecated": operation.deprecated,
    }


def place(name: str, one: Place) -> dict[str, Any]:
    """Write a trusted source or a processing server."""
    return common(name, one.id, one.created_at, one.updated_at) | dict(one.fields)
