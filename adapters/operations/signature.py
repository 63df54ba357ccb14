"""Reads ports from a function: its annotations, defaults and numpydoc Parameters section.

Everything is read once, at import, and whatever is missing is an error there: an operation that
cannot be described must not exist.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from adapters.operations.port import Port
from adapters.operations.samples import Frame, Marker, PortType, Samples, Table
from store.errors import Invalid

PLAIN_TYPES = {
    float: PortType.FLOAT,
    int: PortType.INTEGER,
    bool: PortType.BOOLEAN,
    str: PortType.TEXT,
    Table: PortType.TABLE,
    Frame: PortType.FRAME,
}
SELF_EVIDENT = {
    PortType.IMAGE: "Image to work on.",
    PortType.LABELS: "Label image; 0 is background.",
    PortType.MASK: "Binary image; every sample other than 0 is foreground.",
    PortType.TABLE: "Table of results.",
    PortType.REGIONS: "Outlined regions.",
}
RESULT_SUMMARIES = {
    PortType.IMAGE: "Resulting image.",
    PortType.LABELS: "Label image; 0 is background.",
    PortType.MASK: "Binary image, 0 or 255.",
    PortType.TABLE: "Table of results.",
    PortType.REGIONS: "Outlined regions.",
}
RESULT_NAMES = {
    PortType.IMAGE: "image",
    PortType.LABELS: "labels",
    PortType.MASK: "mask",
    PortType.TABLE: "table",
    PortType.REGIONS: "regions",
    PortType.POINTS: "points",
}
MASK_DTYPE, LABEL_DTYPE = "uint8", "int32"


class DeclarationError(TypeError):
    """An operation is declared in a way that cannot be described or run."""


class Document(NamedTuple):
    """What a docstring says."""

    summary: str
    description: str
    parameters: dict[str, str]


def read_document(function: Callable[..., Any]) -> Document:
    """Split a numpydoc docstring into summary, description and parameter texts."""
    text = inspect.getdoc(function) or ""
    summary, _, rest = text.partition("\n\n")
    sections = re.split(r"^(\w[\w ]*)\n-{3,}\n", rest, flags=re.MULTILINE)
    named = dict(zip(sections[1::2], sections[2::2], strict=True))
    parameters: dict[str, str] = {}
    for entry in re.finditer(
        r"^(\w+)[^\n]*\n((?:[ \t]+[^\n]*\n?|\n)+)", named.get("Parameters", ""), re.MULTILINE
    ):
        parameters[entry[1]] = " ".join(entry[2].split())
    return Document(" ".join(summary.split()), sections[0].strip(), parameters)


def read_inputs(function: Callable[..., Any], document: Document) -> tuple[Port, ...]:
    """Read one port per parameter.

    Raises `DeclarationError` for a parameter without annotation, type or summary, or with a default
    that its own check refuses.
    """
    hints = _hints(function)
    ports = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name not in hints:
            raise DeclarationError(f"{_where(function)}: parameter {name} has no annotation.")
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeclarationError(f"{_where(function)}: parameter {name} is of no fixed number.")
        required = parameter.default is parameter.empty
        default = None if required else _plain(parameter.default)
        port = _read(name, hints[name], _where(function))
        summary = port.summary or document.parameters.get(name) or SELF_EVIDENT.get(port.type, "")
        if not summary and port.type not in (PortType.FRAME, PortType.REDUCED):
            raise DeclarationError(f"{_where(function)}: parameter {name} has no summary.")
        ports.append(_with_default(port.named(summary=summary), required, default, function))
    for name in document.parameters:
        if name not in hints:
            raise DeclarationError(
                f"{_where(function)}: the docstring tells of {name}, which is no parameter."
            )
    return tuple(ports)


def read_outputs(function: Callable[..., Any]) -> tuple[Port, ...]:
    """Read one port from a plain return type, or one per field of a dataclass or NamedTuple.

    Raises `DeclarationError` for a missing or unknown return type.
    """
    where = _where(function)
    annotation = _hints(function).get("return")
    if annotation is None:
        raise DeclarationError(f"{where}: the return type is not annotated.")
    if _is_record(annotation):
        hints = get_type_hints(annotation, include_extras=True)
        return tuple(_result(_read(name, hint, where)) for name, hint in hints.items())
    port = _read("", annotation, where)
    return (_result(port.named(name=port.name or RESULT_NAMES.get(port.type, "value"))),)


def split_results(ports: Sequence[Port], result: Any) -> dict[str, Any]:
    """Answer what a function returned by the names of its output ports."""
    if len(ports) > 1 or _is_record(type(result)):
        return {port.name: getattr(result, port.name) for port in ports}
    return {ports[0].name: result}


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError as error:
        raise DeclarationError(f"{_where(function)}: {error}.") from error


def _is_record(annotation: Any) -> bool:
    if not isinstance(annotation, type) or issubclass(annotation, Table):
        return False
    return dataclasses.is_dataclass(annotation) or hasattr(annotation, "_fields")


def _result(port: Port) -> Port:
    dtype = {PortType.MASK: MASK_DTYPE, PortType.LABELS: LABEL_DTYPE}.get(port.type, port.dtype)
    return port.named(
        dtype=dtype,
        summary=port.summary or RESULT_SUMMARIES.get(port.type, "Resulting value."),
        label=_label(port.name) if not port.label else port.label,
    )


def _with_default(port: Port, required: bool, default: Any, function: Callable[..., Any]) -> Port:
    if not required and default is not None:
        try:
            default = port.check(default)
        except Invalid as error:
            raise DeclarationError(f"{_where(function)}: the default of {error}") from error
    return port.named(required=required, default=default)


def _read(name: str, annotation: Any, where: str) -> Port:
    base, notes = _unwrapped(annotation)
    is_list = get_origin(base) is list or get_args(base)[1:] == (...,)
    many = is_list and not any(isinstance(note, Marker) for note in notes)
    if many:
        base, inner = _unwrapped(get_args(base)[0])
        notes += inner
    port = next((note for note in notes if isinstance(note, Port)), Port())
    found: dict[str, Any] = {
        "name": port.name or name,
        "label": port.label or _label(name),
        "many": many,
    }
    samples = next((note for note in notes if isinstance(note, Samples)), None)
    marker = next((note for note in notes if isinstance(note, Marker)), None)
    if samples is not None:
        found |= {"type": samples.type, "axes": samples.axes, "streamed": samples.streamed}
    elif marker is not None:
        found |= {"type": marker.type}
    elif get_origin(base) is Literal:
        found |= {"type": PortType.CHOICE, "choices": get_args(base)}
    elif isinstance(base, type) and issubclass(base, StrEnum):
        found |= {"type": PortType.CHOICE, "choices": tuple(member.value for member in base)}
    elif base in PLAIN_TYPES:
        found |= {"type": PLAIN_TYPES[base]}
    else:
        raise DeclarationError(f"{where}: {name or 'the result'} has the unknown type {base!r}.")
    return port.named(**found)


def _unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """Take off ``Annotated`` and ``| None``, in any order, and keep what they said."""
    notes: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            notes += annotation.__metadata__
            annotation = annotation.__origin__
            continue
        members = get_args(annotation)
        if get_origin(annotation) in (Union, types.UnionType) and type(None) in members:
            rest = [member for member in members if member is not type(None)]
            if len(rest) == 1:
                annotation = rest[0]
                continue
        return annotation, notes


def _plain(default: Any) -> Any:
    return default.value if isinstance(default, StrEnum) else default


def _label(name: str) -> str:
    return name.replace("_", " ").strip().capitalize()


def _where(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{function.__qualname__}"
