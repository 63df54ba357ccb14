"""An operation as JSON, and back: how what a script declares is kept and shown without the script.

Everything but code survives. Where a declaration holds a function (a halo, a rule, the operation
itself), the JSON says that there is one, and whoever has the script's process gives the call.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import numpy as np

from adapters.operations.locality import (
    Global,
    Locality,
    Neighbourhood,
    ObjectWise,
    Pointwise,
    Projection,
    Reduction,
    Whole,
)
from adapters.operations.port import Port
from adapters.operations.register import Operation
from adapters.operations.samples import PortType

Call = Callable[[str, list[Any]], Any]
"""Calls a named part of an operation where its code is."""

LOCALITIES: dict[str, type[Locality]] = {
    one.kind: one
    for one in (Pointwise, Neighbourhood, Global, Reduction, Projection, ObjectWise, Whole)
}


def written(operation: Operation) -> dict[str, Any]:
    """Return an operation as JSON."""
    return {
        "name": operation.name,
        "label": operation.label,
        "summary": operation.summary,
        "description": operation.description,
        "menu": list(operation.menu),
        "working_bytes": operation.working_bytes,
        "rule": operation.rule is not None,
        "locality": _written_locality(operation.locality),
        "ports": [_written_port(port) for port in operation.ports],
        "outputs": [_written_port(port) for port in operation.outputs],
    }


def read(description: Mapping[str, Any], release: str, origin: int, call: Call | None) -> Operation:
    """Return the operation that JSON describes.

    Without `call` it can be shown and bound, but not run, and its rule is not asked.
    """
    ask = _silent if call is None else call
    outputs = tuple(_read_port(port, ask) for port in description["outputs"])
    return Operation(
        name=description["name"],
        function=_function(ask, outputs),
        locality=_read_locality(description["locality"], ask),
        summary=description["summary"],
        description=description["description"],
        label=description["label"],
        menu=tuple(description["menu"]),
        version=release,
        ports=tuple(_read_port(port, ask) for port in description["ports"]),
        outputs=outputs,
        working_bytes=description["working_bytes"],
        rule=_asking(ask, "rule") if call is not None and description["rule"] else None,
        source="script",
        origin=origin,
    )


def part(operation: Operation, name: str) -> Callable[..., Any]:
    """Return the function that a name given to `Call` stands for; raises KeyError."""
    if name == "function":
        return lambda arguments: operation.call(arguments)
    if name == "rule" and operation.rule is not None:
        return operation.rule
    head, _, port = name.partition(":")
    if head == "dtype":
        rule = next(one.dtype for one in operation.outputs if one.name == port)
        if callable(rule):
            return rule
    found = getattr(operation.locality, name, None)
    if not callable(found):
        raise KeyError(name)
    return found  # type: ignore[no-any-return]  # a field of a locality


def _function(ask: Call, outputs: tuple[Port, ...]) -> Callable[..., Any]:
    def function(**arguments: Any) -> Any:
        found = ask("function", [arguments])
        return SimpleNamespace(**found) if len(outputs) > 1 else found[outputs[0].name]

    return function


def _asking(ask: Call, name: str) -> Callable[..., Any]:
    return lambda *arguments: ask(name, list(arguments))


def _silent(name: str, arguments: list[Any]) -> Any:
    raise RuntimeError(f"{name} was asked for without the script's process.")


def _written_locality(locality: Locality) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": locality.kind}
    for one in fields(locality):
        value = getattr(locality, one.name)
        found[one.name] = {"call": one.name} if callable(value) else value
    return found


def _read_locality(found: Mapping[str, Any], ask: Call) -> Locality:
    values = {
        name: _asking(ask, value["call"]) if isinstance(value, Mapping) else value
        for name, value in found.items()
        if name != "kind"
    }
    return LOCALITIES[found["kind"]](**values)


def _written_port(port: Port) -> dict[str, Any]:
    found: dict[str, Any] = {one.name: getattr(port, one.name) for one in fields(port)}
    found["type"] = port.type.value
    found["choices"] = list(port.choices)
    found["dtype"] = {"call": f"dtype:{port.name}"} if callable(port.dtype) else port.dtype
    default = port.default.tolist() if isinstance(port.default, np.ndarray) else port.default
    found["default"] = list(default) if isinstance(default, tuple) else default
    return found


def _read_port(found: Mapping[str, Any], ask: Call) -> Port:
    dtype = found["dtype"]
    values = {
        **found,
        "type": PortType(found["type"]),
        "choices": tuple(found["choices"]),
        "dtype": _asking(ask, dtype["call"]) if isinstance(dtype, Mapping) else dtype,
    }
    port = Port(**{**values, "default": None})
    default = found["default"]
    return port if default is None else port.named(default=port.check(default))
