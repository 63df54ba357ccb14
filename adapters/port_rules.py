"""Rules on the values of ports of operations that run elsewhere: least, greatest, allowed values.

A rule lies with its port under an id of its own; the hub checks it whenever a job gets a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.operations import Operation, OperationSource, Port
from store.unit import Unit

_port, _operation = cols(Port), cols(Operation)
VALUE_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of rule, under a fixed id; `numbers` says that it is for numbers only."""

    id: int
    name: str
    numbers: bool
    holds: Callable[[str, str], bool]


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError as error:
        raise Invalid("value", f"{text[:40]!r} is not a number.") from error
    return found


def _listed(text: str) -> list[str]:
    return [one.strip() for one in re.split(r"[,;]", text)]


KINDS = (
    Kind(401, "minimum", True, lambda value, limit: _number(value) >= _number(limit)),
    Kind(402, "maximum", True, lambda value, limit: _number(value) <= _number(limit)),
    Kind(
        403, "integer", True,
        lambda value, limit: _number(value).is_integer() or limit.lower() == "false",
    ),
    Kind(404, "equals", False, lambda value, limit: value == limit),
    Kind(405, "in", False, lambda value, limit: value in _listed(limit)),
    Kind(406, "minimum length", False, lambda value, limit: len(value) >= _number(limit)),
    Kind(407, "maximum length", False, lambda value, limit: len(value) <= _number(limit)),
)  # fmt: skip
BY_ID: Mapping[int, Kind] = {kind.id: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a port."""

    id: int
    port_id: int
    kind: Kind
    value: str


class PortRules:
    """Verbs on rules."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of_port(self, port_id: int) -> list[Rule]:
        """Return the rules of a port. Raises NotFound."""
        return rules_of(await self._catalog.one(Port, port_id))

    async def all(self) -> list[Rule]:
        """Return every rule."""
        return [rule for port in await self._with_rules() for rule in rules_of(port)]

    async def get(self, id: int) -> Rule:
        """Return one rule. Raises NotFound."""
        found = next((rule for rule in await self.all() if rule.id == id), None)
        if found is None:
            raise NotFound("rule", id)
        return found

    async def add(self, port_id: int, kind_id: int, value: str) -> Rule:
        """Give a port a rule; a second one of the same kind is a Conflict."""
        kind = _checked(kind_id, value)

        async def work(unit: Unit) -> Rule:
            port = await self._changeable(unit, port_id)
            rules = rules_of(port)
            if any(rule.kind is kind for rule in rules):
                raise Conflict(f"{port.name} has a rule {kind.name!r} already.")
            made = Rule(await unit.take_ids(), port_id, kind, value)
            unit.journal.summary = f"give parameter {port.name} the rule {kind.name}"
            await _store(unit, port, [*rules, made])
            return made

        return await self._catalog.write("add_port_rule", work)

    async def change(self, id: int, kind_id: int, value: str) -> Rule:
        """Change a rule. Raises as `add`."""
        kind, seen = _checked(kind_id, value), await self.get(id)

        async def work(unit: Unit) -> Rule:
            port = await self._changeable(unit, seen.port_id)
            rules = rules_of(port)
            if any(rule.kind is kind and rule.id != id for rule in rules):
                raise Conflict(f"{port.name} has a rule {kind.name!r} already.")
            made = Rule(id, port.id, kind, value)
            unit.journal.summary = f"change the rule {kind.name} of parameter {port.name}"
            await _store(unit, port, [made if rule.id == id else rule for rule in rules])
            return made

        return await self._catalog.write("change_port_rule", work)

    async def remove(self, id: int) -> Rule:
        """Take a rule off its port; return it."""
        seen = await self.get(id)

        async def work(unit: Unit) -> None:
            port = await self._changeable(unit, seen.port_id)
            unit.journal.summary = f"take the rule {seen.kind.name} off parameter {port.name}"
            await _store(unit, port, [rule for rule in rules_of(port) if rule.id != id])

        await self._catalog.write("remove_port_rule", work)
        return seen

    async def _with_rules(self) -> Sequence[Port]:
        external = self._catalog.visible_ids(Operation)
        statement = self._catalog.select(Port).where(
            _port.operation_id.in_(external), _port.limits.is_not(None)
        )
        return await self._catalog.all(Port, statement.order_by(_port.id))

    async def _changeable(self, unit: Unit, port_id: int) -> Port:
        port = await unit.one(Port, port_id, can=Can.EDIT)
        owner = await unit.one(Operation, port.operation_id)
        if owner.source != OperationSource.EXTERNAL.value:
            raise Forbidden("change", "operation", owner.id, "it is one of the hub's own.")
        return port


def rules_of(port: Port) -> list[Rule]:
    """Return the rules that lie with a port."""
    return [
        Rule(one["id"], port.id, BY_ID[one["kind"]], one["value"])
        for one in (port.limits or {}).get("rules", ())
    ]


def check_value(port: Port, text: str) -> None:
    """Raise Invalid, naming the rule, for a value that a rule of the port forbids."""
    for rule in rules_of(port):
        if not rule.kind.holds(text, rule.value):
            raise Invalid(
                port.name, f"{text[:60]!r} breaks the rule {rule.kind.name} {rule.value[:60]}."
            )


def _checked(kind_id: int, value: str) -> Kind:
    kind = BY_ID.get(kind_id)
    if kind is None:
        raise Invalid("rule", f"{kind_id} is no kind of rule.")
    if len(value) > VALUE_LENGTH or "\0" in value:
        raise Invalid("value", f"takes at most {VALUE_LENGTH} characters.")
    if kind.name in ("minimum", "maximum", "minimum length", "maximum length"):
        _number(value)
    return kind


async def _store(unit: Unit, port: Port, rules: Sequence[Rule]) -> None:
    written: list[dict[str, Any]] = [
        {"id": rule.id, "kind": rule.kind.id, "value": rule.value} for rule in rules
    ]
    await unit.change(Port, port.id, limits={**(port.limits or {}), "rules": written})
