"""Operations that run elsewhere: an algorithm makes itself known, with the ports it takes.

The hub never runs them. Their code asks for a job, reports how it goes and draws what it found
(`adapters.external_jobs`). Whoever registers one owns it; everybody signed in may read of it. What
only one dialect knows of an operation is kept in its single step, and of a port in its limits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, or_, select

from adapters.containers import checked_name
from adapters.operations import PortType, registry
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.columns import name_key
from store.tables.containers import Project, ProjectOperation
from store.tables.jobs import Job
from store.tables.operations import Operation, OperationSource, Port, PortDirection
from store.tables.people import COMMONS_GROUP
from store.unit import Unit

EXTERNAL, SCRIPT = OperationSource.EXTERNAL.value, OperationSource.SCRIPT.value
# Words for ports that only an operation elsewhere may have, besides those of the hub's own.
FOREIGN_TYPES = frozenset({"date", "list", "object", "objects"})
TYPES = frozenset({one.value for one in PortType}) | FOREIGN_TYPES
TEXT_LENGTH = 10_000
_operation, _port, _job = cols(Operation), cols(Port), cols(Job)
_offered = cols(ProjectOperation)
_CHANGEABLE = frozenset({"name", "release", "command", "description", "deprecated", "about"})
_PORT_FIELDS = frozenset(
    {
        "name", "type", "default", "position", "required", "server_set", "choices", "limits",
        "label", "description",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewPort:
    """A port to be added; `type` is one of `TYPES`, no position is the last one."""

    name: str
    type: str
    default: str | None = None
    required: bool = False
    position: int | None = None
    server_set: bool = False
    label: str | None = None
    description: str | None = None
    choices: Sequence[Any] | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


class External:
    """Verbs on rows of operations and their ports."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def listed(self, project_id: int | None = None) -> Sequence[Operation]:
        """Return what can be run now, newest first; of a project, what it offers.

        Older versions of the hub's own operations and of scripts are left out. Raises NotFound for
        a project that the actor does not see.
        """
        statement = self._catalog.select(Operation).where(
            or_(
                _operation.source == EXTERNAL,
                (_operation.source == SCRIPT) & _operation.deprecated.is_(False),
                _operation.source == OperationSource.BUILTIN.value,
            )
        )
        if project_id is not None:
            await self._catalog.one(Project, project_id)
            offered = select(_offered.operation_id).where(
                _offered.project_id == project_id, _offered.trashed_by.is_(None)
            )
            statement = statement.where(_operation.id.in_(offered))
        rows = await self._catalog.all(Operation, statement.order_by(_operation.id.desc()))
        return [row for row in rows if is_current(row)]

    async def get(self, id: int) -> Operation:
        """Return one operation. Raises NotFound."""
        return await self._catalog.one(Operation, id)

    async def many(self, ids: Sequence[int]) -> dict[int, Operation]:
        """Return the visible ones of these operations. One statement."""
        found = await self._catalog.by_ids(Operation, ids) if ids else []
        return {row.id: row for row in found if row is not None}

    async def ports(self, operation_ids: Sequence[int]) -> dict[int, list[Port]]:
        """Return the inputs of each operation in their order. One statement."""
        found: dict[int, list[Port]] = {id: [] for id in operation_ids}
        if not found:
            return found
        statement = (
            self._catalog.select(Port)
            .where(
                self._catalog.members(_port.operation_id, found),
                _port.direction == PortDirection.IN.value,
            )
            .order_by(_port.operation_id, _port.position, _port.id)
        )
        for row in await self._catalog.all(Port, statement):
            found[row.operation_id].append(row)
        return found

    async def every_port(self) -> Sequence[Port]:
        """Return the inputs of all operations that can be run now."""
        ids = [row.id for row in await self.listed()]
        return [port for ports in (await self.ports(ids)).values() for port in ports]

    async def port(self, id: int) -> Port:
        """Return one input. Raises NotFound."""
        row = await self._catalog.one(Port, id)
        if row.direction != PortDirection.IN.value:
            raise NotFound("port", id)
        return row

    async def counts(
        self, operation_ids: Sequence[int], project_id: int | None = None
    ) -> dict[int, dict[str, int]]:
        """Count the visible jobs of each operation by state. One statement."""
        counted: dict[int, dict[str, int]] = {id: {} for id in operation_ids}
        if not counted:
            return counted
        statement = (
            select(_job.operation_id, _job.state, func.count())
            .where(self._catalog.members(_job.operation_id, counted), _job.number > 0)
            .group_by(_job.operation_id, _job.state)
        )
        if project_id is not None:
            statement = statement.where(_job.project_id == project_id)
        for operation_id, state, number in await self._catalog.rows(statement):
            counted[operation_id][state] = number
        return counted

    # operations

    async def register(
        self,
        name: str,
        release: str = "",
        *,
        command: str | None = None,
        description: str | None = None,
        deprecated: bool = False,
        about: Mapping[str, Any] | None = None,
        ports: Sequence[NewPort] = (),
    ) -> Operation:
        """Make an operation known that runs elsewhere; the actor owns it.

        Raises Invalid, Forbidden for guests, Conflict for a name and version that are there, or a
        name of the hub's own.
        """
        fields = _checked(
            {"name": name, "release": release, "command": command, "description": description}
        )

        async def work(unit: Unit) -> Operation:
            await _free(unit, fields["name"])
            unit.journal.summary = f"register {full_name(fields['name'], fields['release'])}"
            made = await unit.add(
                Operation(
                    **fields,
                    source=EXTERNAL,
                    deprecated=deprecated,
                    steps=[_plain(about)],
                    owner_id=unit.actor.author_id,
                    group_id=unit.actor.default_group or COMMONS_GROUP,
                )
            )
            for place, port in enumerate(ports):
                await _add_port(unit, made.id, port, place)
            return made

        return await self._catalog.write("register_operation", work)

    async def change(self, id: int, *, expected: int | None = None, **fields: Any) -> Operation:
        """Change an operation that runs elsewhere; `about` is merged into what is known of it.

        Raises Forbidden for the hub's own, Invalid, Conflict as `register`.
        """
        if not set(fields) <= _CHANGEABLE:
            raise Invalid(min(set(fields) - _CHANGEABLE), "there is no such field to set.")
        after = _checked(fields)
        about = _plain(after.pop("about", None))

        async def work(unit: Unit) -> Operation:
            seen = await unit.one(Operation, id)
            if about:
                after["steps"] = [{**about_of(seen), **about}]
            if all(getattr(seen, name) == value for name, value in after.items()):
                return seen
            _require_external(seen, "change")
            if "name" in after and after["name"] != seen.name:
                await _free(unit, after["name"])
                after["name_key"] = name_key(after["name"])
            unit.journal.summary = f"change {full_name(seen.name, seen.release)}"
            return await unit.change(Operation, id, expected=expected, **after)

        return await self._catalog.write("change_operation", work)

    async def remove(self, id: int) -> Operation:
        """Put an operation that runs elsewhere into the trash, with its ports; return it.

        Raises Conflict while there are jobs of it: deprecate it instead.
        """

        async def work(unit: Unit) -> Operation:
            seen = await unit.one(Operation, id)
            _require_external(seen, "delete")
            unit.journal.summary = f"delete {full_name(seen.name, seen.release)}"
            await unit.trash(Operation, [id])
            return seen

        return await self._catalog.write("delete_operation", work)

    # ports

    async def add_ports(self, items: Sequence[tuple[int, NewPort]]) -> list[Port]:
        """Add inputs to operations, in one act. Raises Conflict for a name that is there."""

        async def work(unit: Unit) -> list[Port]:
            made = []
            for operation_id, port in items:
                seen = await unit.one(Operation, operation_id, can=Can.EDIT)
                _require_external(seen, "change")
                (last,) = await unit.scalars(
                    select(func.max(_port.position)).where(
                        _port.operation_id == operation_id,
                        _port.direction == PortDirection.IN.value,
                        _port.trashed_by.is_(None),
                    )
                )
                made.append(await _add_port(unit, operation_id, port, (last or 0) + 1))
                unit.journal.summary = f"add parameter {port.name} to {seen.name}"
            return made

        return await self._catalog.write("add_port", work)

    async def change_port(self, id: int, **fields: Any) -> Port:
        """Change an input; `limits` are merged into what is known. Raises as `add_ports`."""
        if not set(fields) <= _PORT_FIELDS:
            raise Invalid(min(set(fields) - _PORT_FIELDS), "there is no such field to set.")
        after = _checked_port(fields)

        async def work(unit: Unit) -> Port:
            seen = await unit.one(Port, id)
            if "limits" in after:
                after["limits"] = {**(seen.limits or {}), **_plain(after["limits"])}
            if all(getattr(seen, name) == value for name, value in after.items()):
                return seen
            _require_external(await unit.one(Operation, seen.operation_id), "change")
            if "name" in after:
                await _refuse_twice(unit, seen.operation_id, after["name"], id)
                after["name_key"] = name_key(after["name"])
            unit.journal.summary = f"change parameter {seen.name}"
            return await unit.change(Port, id, **after)

        return await self._catalog.write("change_port", work)

    async def remove_port(self, id: int) -> Port:
        """Put an input into the trash; return it."""

        async def work(unit: Unit) -> Port:
            seen = await unit.one(Port, id)
            _require_external(await unit.one(Operation, seen.operation_id), "change")
            unit.journal.summary = f"delete parameter {seen.name}"
            await unit.trash(Port, [id])
            return seen

        return await self._catalog.write("delete_port", work)


def is_external(row: Operation) -> bool:
    """Whether an operation runs elsewhere."""
    return row.source == EXTERNAL


def is_current(row: Operation) -> bool:
    """Whether a row is the present version of what it names."""
    if row.source != OperationSource.BUILTIN.value:
        return True
    return row.name in registry and registry.get(row.name).version == row.release


def about_of(row: Operation) -> dict[str, Any]:
    """Return what a dialect keeps besides of an operation that runs elsewhere."""
    if not is_external(row):
        return {}
    found: dict[str, Any] = (row.steps or [{}])[0]
    return found


def full_name(name: str, release: str) -> str:
    """Return name and version of an operation, for people."""
    return f"{name} ({release})" if release else name


async def _add_port(unit: Unit, operation_id: int, port: NewPort, place: int) -> Port:
    fields = _checked_port(
        {
            "name": port.name, "type": port.type, "default": port.default, "label": port.label,
            "description": port.description,
        }
    )  # fmt: skip
    await _refuse_twice(unit, operation_id, fields["name"])
    return await unit.add(
        Port(
            **fields,
            operation_id=operation_id,
            direction=PortDirection.IN.value,
            position=place if port.position is None else port.position,
            required=port.required,
            server_set=port.server_set,
            choices=None if port.choices is None else list(port.choices),
            limits=_plain(port.limits),
        ),
        tell=False,
    )


async def _refuse_twice(unit: Unit, operation_id: int, name: str, but: int = 0) -> None:
    there = await unit.all(
        Port,
        _port.operation_id == operation_id,
        _port.direction == PortDirection.IN.value,
        _port.name == name,
        _port.id != but,
    )
    if there:
        raise Conflict(f"The operation has a parameter {name!r} already.", noun="port")


async def _free(unit: Unit, name: str) -> None:
    """Raise Conflict for a name under which the hub itself would run something."""
    taken = name in registry or await unit.all(
        Operation, _operation.name == name, _operation.source == SCRIPT
    )
    if taken:
        raise Conflict(f"The hub itself has an operation {name!r}; take another name.")


def _require_external(row: Operation, action: str) -> None:
    if not is_external(row):
        raise Forbidden(action, "operation", row.id, "it is one of the hub's own.")


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(fields)
    if "name" in after:
        after["name"] = checked_name(after["name"])
    if "release" in after:
        after["release"] = (after["release"] or "").strip()
    for name, most in (("release", 255), ("command", TEXT_LENGTH), ("description", TEXT_LENGTH)):
        _check_text(name, after.get(name), most)
    return after


def _checked_port(fields: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(fields)
    if "name" in after:
        after["name"] = checked_name(after["name"])
    if "type" in after and after["type"] not in TYPES:
        raise Invalid("type", f"is one of {', '.join(sorted(TYPES))}.")
    for name in ("default", "label", "description"):
        _check_text(name, after.get(name), TEXT_LENGTH)
    return after


def _check_text(name: str, value: str | None, most: int) -> None:
    if value is not None and (len(value) > most or "\0" in value):
        raise Invalid(name, f"takes at most {most} characters, none of them of code 0.")


def _plain(about: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(about or {})
    for name, value in found.items():
        if isinstance(value, str):
            _check_text(name, value, TEXT_LENGTH)
    return found
