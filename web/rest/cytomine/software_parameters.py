"""Software parameters and the constraints on their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from adapters.external import NewPort
from adapters.hub import Hub
from adapters.port_rules import BY_ID, KINDS
from store.catalog import receipt
from store.errors import Invalid, NotFound
from web.rest.cytomine import parameters
from web.rest.cytomine.domains import domain
from web.rest.cytomine.envelope import done, each, sliced
from web.rest.cytomine.marshal.software import (
    LIMITS,
    constraint,
    constraint_kind,
    our_type,
    parameter,
)
from web.rest.cytomine.resource import Answer, as_json, resource

PARAMETER, CONSTRAINT = domain("SoftwareParameter"), domain("SoftwareParameterConstraint")
_FLAGS = {"required": "required", "setByServer": "server_set"}
_TEXTS = {
    "name": "name", "humanName": "label", "description": "description",
    "defaultParamValue": "default",
}  # fmt: skip


async def listing(request: Request, hub: Hub) -> Answer:
    """List the parameters of all software."""
    return sliced(request, await hub.external.every_port(), parameter)


async def of_software(request: Request, hub: Hub) -> Answer:
    """List the parameters of a software; those the server sets only with ``setByServer``."""
    id, given = request.path_params["id"], request.query_params
    await hub.external.get(id)
    ports = (await hub.external.ports([id]))[id]
    if not any(parameters.flag(given, name) for name in ("setByServer", "withSetByServer")):
        ports = [port for port in ports if not port.server_set]
    return sliced(request, ports, parameter)


async def one(request: Request, hub: Hub) -> Answer:
    """Return a parameter."""
    return parameter(await hub.external.port(request.path_params["id"]))


async def create(request: Request, hub: Hub) -> Answer:
    """Add a parameter to a software, or each of an array."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(given, lambda item: _created(hub, item), "softwareparameters")
        return as_json(answer, status)
    with receipt() as noted:
        id = await _created(hub, given)
    item = parameter(await hub.external.port(id))
    return done("Add", PARAMETER, item, noted, f"SoftwareParameter {id} ({item['name']}) added")


async def _created(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    name, type = parameters.text(given, "name"), parameters.text(given, "type")
    if name is None or type is None:
        raise Invalid("name" if name is None else "type", "is needed.")
    port = NewPort(
        name=name,
        type=our_type(type),
        default=_default(given),
        required=parameters.flag(given, "required"),
        position=parameters.whole(given, "index"),
        server_set=parameters.flag(given, "setByServer"),
        label=parameters.text(given, "humanName"),
        description=parameters.text(given, "description"),
        limits=_limits(given),
    )
    (made,) = await hub.external.add_ports([(parameters.required(given, "software"), port)])
    return made.id


def _default(given: Mapping[str, Any]) -> str | None:
    """Return the value to start from, by either of its names."""
    found = parameters.text(given, "defaultValue")
    return parameters.text(given, "defaultParamValue") if found is None else found


def _limits(given: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for theirs, ours in LIMITS.items():
        if theirs in given:
            read: Callable[..., Any] = (
                parameters.flag if theirs == "serverParameter" else parameters.text
            )
            found[ours] = read(given, theirs)
    return found


async def change(request: Request, hub: Hub) -> Answer:
    """Change a parameter; fields sent back as they are change nothing."""
    given = await parameters.object_of(request)
    row = await hub.external.port(request.path_params["id"])
    now = parameter(row)
    if "defaultValue" in given:
        sent = {"defaultParamValue": parameters.text(given, "defaultValue")}
        stale = given.get("defaultParamValue", now["defaultParamValue"])
        if sent["defaultParamValue"] != now["defaultParamValue"] == stale:
            given = given | sent
    differing = {name: value for name, value in given.items() if now.get(name, value) != value}
    fields: dict[str, Any] = {
        ours: parameters.text(differing, theirs)
        for theirs, ours in _TEXTS.items()
        if theirs in differing
    }
    fields |= {
        ours: parameters.flag(differing, theirs)
        for theirs, ours in _FLAGS.items()
        if theirs in differing
    }
    if "type" in differing:
        fields["type"] = our_type(parameters.text(differing, "type") or "")
    if "index" in differing:
        fields["position"] = parameters.required(differing, "index")
    if limits := _limits(differing):
        fields["limits"] = limits
    with receipt() as noted:
        if fields:
            row = await hub.external.change_port(row.id, **fields)
    return done(
        "Edit", PARAMETER, parameter(row), noted, f"SoftwareParameter {row.id} ({row.name}) edited"
    )


async def delete(request: Request, hub: Hub) -> Answer:
    """Delete a parameter."""
    with receipt() as noted:
        row = await hub.external.remove_port(request.path_params["id"])
    text = f"SoftwareParameter {row.id} ({row.name}) deleted"
    return done("Delete", PARAMETER, parameter(row), noted, text)


# constraints


async def kinds(request: Request, hub: Hub) -> Answer:
    """List the kinds of constraints."""
    return sliced(request, KINDS, constraint_kind)


async def one_kind(request: Request, hub: Hub) -> Answer:
    """Return a kind of constraint."""
    found = BY_ID.get(request.path_params["id"])
    if found is None:
        raise NotFound("parameter constraint", request.path_params["id"])
    return constraint_kind(found)


async def constraints(request: Request, hub: Hub) -> Answer:
    """List the constraints on all parameters."""
    return sliced(request, await hub.port_rules.all(), constraint)


async def constraints_of(request: Request, hub: Hub) -> Answer:
    """List the constraints on a parameter."""
    rules = await hub.port_rules.of_port(request.path_params["id"])
    return sliced(request, rules, constraint)


async def one_constraint(request: Request, hub: Hub) -> Answer:
    """Return a constraint."""
    return constraint(await hub.port_rules.get(request.path_params["id"]))


async def create_constraint(request: Request, hub: Hub) -> Answer:
    """Put a constraint on a parameter, or each of an array."""
    given = await parameters.json_of(request)
    if isinstance(given, list):
        answer, status = await each(
            given, lambda item: _constrained(hub, item), "softwareparameterconstraints"
        )
        return as_json(answer, status)
    with receipt() as noted:
        id = await _constrained(hub, given)
    item = constraint(await hub.port_rules.get(id))
    return done("Add", CONSTRAINT, item, noted, f"SoftwareParameterConstraint {id} added")


async def _constrained(hub: Hub, given: Any) -> int:
    if not isinstance(given, dict):
        raise Invalid("body", "a JSON object is needed.")
    made = await hub.port_rules.add(
        parameters.required(given, "softwareParameter"),
        parameters.required(given, "parameterConstraint"),
        _value(given),
    )
    return made.id


def _value(given: Mapping[str, Any]) -> str:
    found = parameters.text(given, "value")
    if found is None:
        raise Invalid("value", "is needed.")
    return found


async def change_constraint(request: Request, hub: Hub) -> Answer:
    """Change a constraint."""
    given = await parameters.object_of(request)
    seen = await hub.port_rules.get(request.path_params["id"])
    kind = parameters.whole(given, "parameterConstraint", seen.kind.id) or seen.kind.id
    value = parameters.text(given, "value")
    value = seen.value if value is None else value
    with receipt() as noted:
        if (kind, value) != (seen.kind.id, seen.value):
            seen = await hub.port_rules.change(seen.id, kind, value)
    text = f"SoftwareParameterConstraint {seen.id} edited"
    return done("Edit", CONSTRAINT, constraint(seen), noted, text)


async def delete_constraint(request: Request, hub: Hub) -> Answer:
    """Take a constraint away."""
    with receipt() as noted:
        seen = await hub.port_rules.remove(request.path_params["id"])
    text = f"SoftwareParameterConstraint {seen.id} deleted"
    return done("Delete", CONSTRAINT, constraint(seen), noted, text)


async def evaluate(request: Request, hub: Hub) -> Answer:
    """Say whether a value passes a constraint."""
    rule = await hub.port_rules.get(request.path_params["id"])
    value = request.query_params.get("value")
    if value is None:
        raise Invalid("value", "is needed.")
    try:
        passes = rule.kind.holds(value, rule.value)
    except Invalid:
        passes = False
    return {"result": passes}


_ITEM = "/api/{name}/{{id:number}}"
ROUTES = [
    *(
        route
        for name in ("software_parameter", "softwareparameter")
        for route in (
            *resource(f"/api/{name}", get=listing, post=create),
            *resource(_ITEM.format(name=name), get=one, put=change, delete=delete),
            *resource(f"/api/software/{{id:number}}/{name}", get=of_software),
            *resource(
                f"/api/{name}/{{id:number}}/software_parameter_constraint", get=constraints_of
            ),
        )
    ),
    *resource("/api/software/{id:number}/parameter", get=of_software),
    *resource("/api/software_parameter_constraint", get=constraints, post=create_constraint),
    *resource(
        "/api/software_parameter_constraint/{id:number}",
        get=one_constraint,
        put=change_constraint,
        delete=delete_constraint,
    ),
    *resource("/api/software_parameter_constraint/{id:number}/evaluate", get=evaluate),
    *resource("/api/parameter_constraint", get=kinds),
    *resource("/api/parameter_constraint/{id:number}", get=one_kind),
]
