"""The registry of operations and the decorator that fills it.

A decorated function stays a plain function of arrays; what the registry keeps is its description.
Families are imported on first use, not at start: scipy and its like cost a second to load. Families
of other distributions come through the entry point group ``imagehub.operations``.
"""

from __future__ import annotations

import importlib
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Any, TypeVar

from adapters.operations.locality import (
    Global,
    Locality,
    Neighbourhood,
    Projection,
    Reduction,
    Values,
)
from adapters.operations.port import Port
from adapters.operations.samples import INJECTED_TYPES, Blocks, Frame, PortType
from adapters.operations.signature import (
    DeclarationError,
    read_document,
    read_inputs,
    read_outputs,
    split_results,
)
from store.errors import Invalid, NotFound

ENTRY_POINTS = "imagehub.operations"
BUILTIN = "adapters.ops"
NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")

logger = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Bound:
    """Arguments that passed every check: plain values, and references to stored data by port."""

    operation: Operation
    values: Mapping[str, Any]
    references: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operation:
    """One registered operation. `ports` are all parameters, `inputs` those a client fills."""

    name: str
    function: Callable[..., Any]
    locality: Locality
    summary: str
    description: str
    label: str
    menu: tuple[str, ...]
    version: str
    ports: tuple[Port, ...]
    outputs: tuple[Port, ...]
    working_bytes: int
    rule: Callable[[Values], None] | None = None
    source: str = "builtin"
    origin: int | None = None  # the stored file whose code it is, of an operation of a script
    inputs: tuple[Port, ...] = field(init=False)

    def __post_init__(self) -> None:
        shown = tuple(port for port in self.ports if port.type not in INJECTED_TYPES)
        object.__setattr__(self, "inputs", shown)

    @property
    def family(self) -> str:
        """The part of the name before the first dot."""
        return self.name.partition(".")[0]

    @property
    def images(self) -> tuple[Port, ...]:
        """Input ports that carry samples."""
        return tuple(port for port in self.inputs if port.is_pixels)

    def injected(self, kind: PortType) -> str | None:
        """Name of the parameter the runner fills with `kind`, if the function has one."""
        return next((port.name for port in self.ports if port.type is kind), None)

    def bind(self, arguments: Mapping[str, Any]) -> Bound:
        """Check arguments and fill in defaults.

        Data ports (images, tables, regions) take any reference; what it means is the caller's.
        Raises `store.errors.Invalid` naming the port that is missing, unknown, or has a value of
        the wrong type or out of range.
        """
        known = {port.name for port in self.inputs}
        for name in arguments:
            if name not in known:
                takes = ", ".join(port.name for port in self.inputs) or "nothing"
                raise Invalid(str(name), f"is not an input of {self.name}, which takes {takes}.")
        values: dict[str, Any] = {}
        references: dict[str, Any] = {}
        for port in self.inputs:
            target = references if port.is_data else values
            value = arguments.get(port.name)
            if value is not None:
                target[port.name] = port.check(value)
            elif port.required:
                raise Invalid(port.name, f"is required by {self.name}.")
            elif not port.is_data:
                target[port.name] = port.default
        if self.rule is not None:
            self.rule(values)
        return Bound(self, values, references)

    def read(self, texts: Mapping[str, str]) -> dict[str, Any]:
        """Turn arguments written as text into values; references stay text."""
        ports = {port.name: port for port in self.inputs}
        return {
            name: ports[name].read(text) if name in ports and not ports[name].is_data else text
            for name, text in texts.items()
        }

    def call(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Call the function with arguments as it declares them; answer results by port name."""
        return split_results(self.outputs, self.function(**arguments))

    def __call__(self, **arguments: Any) -> dict[str, Any]:
        """Run on arrays in memory, each as the port's axes say, without tiles.

        This is the definition the tiled runs are measured against. Raises as `bind` does.
        """
        bound = self.bind(arguments)
        frame = self.injected(PortType.FRAME)
        given: dict[str, Any] = {**bound.values, **bound.references}
        for port in self.images:
            if port.streamed and port.name in given:
                array = given[port.name]
                split = isinstance(self.locality, Projection)
                given[port.name] = Blocks.of(list(array) if split else [array])
        reduced = self.injected(PortType.REDUCED)
        if isinstance(self.locality, Global) and reduced is not None:
            blocks = [Blocks.of([given[p.name]]) for p in self.images if p.name in given]
            given[reduced] = self.locality.reduce(*blocks, bound.values)
        return self.call(given | ({frame: Frame()} if frame else {}))

    def describe(self) -> dict[str, Any]:
        """The whole operation as JSON values."""
        return {
            "name": self.name,
            "version": self.version,
            "label": self.label,
            "summary": self.summary,
            "description": self.description,
            "family": self.family,
            "menu": list(self.menu),
            "locality": self.locality.kind,
            "source": self.source,
            "inputs": [port.describe() for port in self.inputs],
            "outputs": [port.describe() for port in self.outputs],
        }


class Registry:
    """Operations by name. Thread-safe; built-in and third-party families load on first look."""

    def __init__(self, *, builtin: str | None = BUILTIN, group: str | None = ENTRY_POINTS) -> None:
        self._operations: dict[str, Operation] = {}
        self._builtin = builtin
        self._group = group
        self._loaded = False
        self._lock = threading.RLock()
        self.failures: dict[str, str] = {}

    def add(self, operation: Operation) -> None:
        """Register; raises `DeclarationError` if the name is taken."""
        taken = self._operations.get(operation.name)
        if taken is not None:
            raise DeclarationError(
                f"{operation.name} is declared twice: by {taken.function.__module__} and by "
                f"{operation.function.__module__}."
            )
        self._operations[operation.name] = operation

    def get(self, name: str) -> Operation:
        """Find one by its exact name; raises `store.errors.NotFound`."""
        self.load()
        try:
            return self._operations[name]
        except KeyError:
            raise NotFound("operation", name) from None

    def all(self) -> tuple[Operation, ...]:
        """Every operation, by name."""
        self.load()
        return tuple(self._operations[name] for name in sorted(self._operations))

    def declared(self) -> tuple[Operation, ...]:
        """What was declared so far, in that order, without loading any family."""
        return tuple(self._operations.values())

    def __iter__(self) -> Iterator[Operation]:
        return iter(self.all())

    def __contains__(self, name: object) -> bool:
        self.load()
        return name in self._operations

    def search(self, text: str) -> tuple[Operation, ...]:
        """Operations in which every word of `text` occurs, those with it in the name first."""
        return search(self.all(), text)

    def load(self) -> None:
        """Import all families once. A third-party family that fails is logged and left out."""
        if self._loaded:
            return
        with self._lock:
            if self._loaded:
                return
            if self._builtin is not None:
                importlib.import_module(self._builtin)
            if self._group is not None:
                self._load_entry_points(self._group)
            self._loaded = True

    def _load_entry_points(self, group: str) -> None:
        for entry in entry_points(group=group):
            before = dict(self._operations)
            try:
                entry.load()
            except (ImportError, AttributeError, DeclarationError) as error:
                self._operations = before
                self.failures[entry.name] = str(error)
                logger.warning("The operations of %s were left out: %s", entry.name, error)


def search(operations: Iterable[Operation], text: str) -> tuple[Operation, ...]:
    """Operations in which every word of `text` occurs, those with it in the name first."""
    words = text.casefold().split()
    found = []
    for operation in operations:
        title = f"{operation.name} {operation.label}".casefold()
        whole = " ".join([title, *operation.menu, operation.summary]).casefold()
        if all(word in whole for word in words):
            found.append((-sum(word in title for word in words), operation.name, operation))
    return tuple(operation for _, _, operation in sorted(found, key=lambda hit: hit[:2]))


registry = Registry()


def operation(
    name: str,
    *,
    locality: Locality,
    menu: str = "",
    version: str = "1",
    working_bytes: int = 16,
    rule: Callable[[Values], None] | None = None,
    into: Registry | None = None,
) -> Callable[[F], F]:
    """Register a function as an operation and give it back unchanged.

    `menu` is a path such as ``Process > Filters > Median...``. `working_bytes` is what the function
    allocates per sample of a block beside its inputs and outputs; the memory limit is kept with it.
    `rule` checks values against one another and raises `store.errors.Invalid`. Raises
    `DeclarationError` for whatever cannot be described: see `adapters.operations.signature`.
    """

    def register(function: F) -> F:
        document = read_document(function)
        if not NAME.fullmatch(name):
            raise DeclarationError(
                f"{name!r} is no operation name; write family.verb in lower case."
            )
        if not document.summary:
            raise DeclarationError(f"{name}: the function has no docstring to take a summary from.")
        path = tuple(step.strip() for step in menu.split(">") if step.strip())
        declared = Operation(
            name=name,
            function=function,
            locality=locality,
            summary=document.summary,
            description=document.description,
            label=_label(name, path),
            menu=path,
            version=version,
            ports=read_inputs(function, document),
            outputs=read_outputs(function),
            working_bytes=working_bytes,
            rule=rule,
            source="builtin" if function.__module__.startswith(f"{BUILTIN}.") else "external",
        )
        _consistent(declared)
        (registry if into is None else into).add(declared)
        return function

    return register


def _label(name: str, menu: Sequence[str]) -> str:
    if menu:
        return menu[-1].rstrip(".…").strip()
    return name.rpartition(".")[2].replace("_", " ").capitalize()


def _consistent(operation: Operation) -> None:
    """Refuse a locality that does not fit the ports."""
    images = [port for port in operation.images if port.aligned]
    streamed = any(port.streamed for port in images)
    problem = ""
    if len({port.axes for port in images}) > 1:
        problem = "its aligned images see different axes"
    elif isinstance(operation.locality, Global) != (
        operation.injected(PortType.REDUCED) is not None
    ):
        problem = "a Global operation, and no other, takes one REDUCED parameter"
    elif streamed and not isinstance(operation.locality, Reduction | Projection):
        problem = "only a Reduction or a Projection may stream its images"
    elif isinstance(operation.locality, Reduction) and any(p.is_pixels for p in operation.outputs):
        problem = "a Reduction answers values and tables, not images"
    elif not images and isinstance(
        operation.locality, Neighbourhood | Global | Reduction | Projection
    ):
        problem = f"{operation.locality.kind} needs an image"
    if problem:
        raise DeclarationError(f"{operation.name}: {problem}.")
