"""Rows for the registered operations, so that jobs, projects and dialects can refer to them.

Written at start-up, once for each name and version; an operation that changes gets a new version
and a new row, and old jobs keep naming the one they ran.
"""

from __future__ import annotations

from typing import Any

from adapters.operations import Operation as Declared
from adapters.operations import Port as DeclaredPort
from adapters.operations import registry
from store.catalog import Catalog
from store.statement import cols
from store.tables.operations import Operation, Port
from store.tables.people import ROOT, SYSTEM_GROUP
from store.unit import Unit


async def write_operations(catalog: Catalog) -> int:
    """Add a row for every registered operation that has none; return how many were added."""
    row = cols(Operation)
    known = {
        (one.name, one.release)
        for one in await catalog.all(
            Operation, catalog.select(Operation).where(row.source == "builtin")
        )
    }
    missing = [one for one in registry.all() if (one.name, one.version) not in known]
    if not missing:
        return 0

    async def work(unit: Unit) -> int:
        unit.journal.summary = f"register {len(missing)} operations"
        unit.journal.undoable = False
        for declared in missing:
            await write_operation(unit, declared)
        return len(missing)

    return await catalog.write("register_operations", work)


async def write_operation(unit: Unit, declared: Declared, **fields: Any) -> Operation:
    """Add the rows of one operation and its ports; `fields` are more columns of the operation."""
    stored = await unit.add(
        Operation(
            name=declared.name,
            release=declared.version,
            source=declared.source,
            description=declared.summary,
            locality=declared.locality.kind,
            owner_id=ROOT,
            group_id=SYSTEM_GROUP,
            **fields,
        ),
        tell=False,
    )
    for direction, ports in (("in", declared.inputs), ("out", declared.outputs)):
        for position, port in enumerate(ports):
            await unit.add(_port(stored.id, direction, position, port), tell=False)
    return stored


def _port(operation_id: int, direction: str, position: int, port: DeclaredPort) -> Port:
    described = port.describe()
    default = described["default"]
    return Port(
        operation_id=operation_id,
        direction=direction,
        name=port.name,
        type=port.type.value,
        default=None if default is None else str(default),
        position=position,
        required=port.required,
        choices=described["choices"],
        limits={
            name: described[name]
            for name in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "unit")
            if described[name] is not None
        },
        label=port.label,
        description=port.summary,
    )
