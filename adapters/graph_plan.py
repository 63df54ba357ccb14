"""A graph of new and changed objects, before it meets the store: its parts, and who refers to whom.

The three rules by which an unloaded part never overwrites what is stored live here as data: a
`Thing` with nothing but an id or a reference is a placeholder; a collection that is not named is
kept; and one that is `filtered` only ever adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import SQLModel

from store.errors import HubError, Invalid, TooLarge
from store.statement import word
from store.tables.annotations import Annotation
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.ontologies import Ontology, Term
from store.tables.rois import Roi, Shape
from store.tables.screens import Plate, Screen

MOST_THINGS = 10_000
ANYTHING: type[SQLModel] = SQLModel  # the noun of a placeholder that may be of any
CONTAINERS: tuple[type[SQLModel], ...] = (Project, Screen, Dataset, Plate)  # parents first
SAVED: tuple[type[SQLModel], ...] = (*CONTAINERS, Image, Roi, Annotation)

# owner, collection → parent and child of the link, and whether the owner is the parent.
LINKED: dict[tuple[type[SQLModel], str], tuple[type[SQLModel], type[SQLModel], bool]] = {
    (Project, "datasets"): (Project, Dataset, True),
    (Dataset, "projects"): (Project, Dataset, False),
    (Dataset, "images"): (Dataset, Image, True),
    (Image, "datasets"): (Dataset, Image, False),
    (Screen, "plates"): (Screen, Plate, True),
    (Plate, "screens"): (Screen, Plate, False),
}
INSIDE = {(Roi, "shapes"): Shape, (Roi, "terms"): Term, (Image, "rois"): Roi}
SINGLE = {(Project, "ontology"): Ontology, (Roi, "image"): Image, (Roi, "project"): Project}


@dataclass(frozen=True, slots=True)
class Many:
    """A collection that was named. `filtered`: what is not in it stays as it is."""

    items: tuple[Thing, ...]
    filtered: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """One object of a graph, or a placeholder for one; `path` is where it stands in the request.

    `fields` are plain columns; an annotation has its `value` there, as (kind, content), a shape its
    `draft`, a map that is changed pair by pair its `pairs`.
    """

    noun: type[SQLModel]
    path: str
    id: int | None = None
    ref: str | None = None
    version: int | None = None
    group_id: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)
    one: Mapping[str, Thing | None] = field(default_factory=dict)
    many: Mapping[str, Many] = field(default_factory=dict)

    @property
    def placeholder(self) -> bool:
        """Whether it only names an object, so that nothing of it is changed."""
        named = self.id is not None or self.ref is not None
        content = self.fields or self.one or self.many
        return named and not content and self.version is None and self.group_id is None

    @property
    def new(self) -> bool:
        """Whether it is to be made."""
        return self.id is None and not self.placeholder


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of a map. `filtered`: pairs of other keys stay as they are."""

    pairs: tuple[tuple[str, str], ...]
    filtered: bool = False


@dataclass(frozen=True, slots=True)
class Tie:
    """A link by itself: a child into a container, or an annotation onto an object."""

    path: str
    parent: Thing
    child: Thing


@dataclass(slots=True)
class Plan:
    """A graph with its references resolved. `objects` are all that is new or changed, in order.

    `homes` names for each object the one it was found in.
    """

    objects: list[Thing] = field(default_factory=list)
    known: list[Thing] = field(default_factory=list)  # whatever has an id, placeholders too
    ties: list[Tie] = field(default_factory=list)
    homes: dict[Thing, Thing] = field(default_factory=dict)
    refs: dict[str, Thing] = field(default_factory=dict)
    count: int = 0

    @classmethod
    def of(cls, graph: Sequence[Thing | Tie]) -> Plan:
        """Walk a graph. Raises Invalid naming the path, or TooLarge."""
        plan = cls()
        for one in graph:
            if isinstance(one, Tie):
                plan.ties.append(one)
                plan._take(one.parent, None)
                plan._take(one.child, None)
            else:
                plan._take(one, None)
        plan._check_references(graph)
        plan._check_once()
        return plan

    def target(self, thing: Thing) -> Thing:
        """Return the object that a placeholder by reference stands for; any other is itself."""
        if thing.id is None and thing.placeholder:
            return self.refs[thing.ref or ""]
        return thing

    def _take(self, thing: Thing, home: Thing | None) -> None:
        self.count += 1
        if self.count > MOST_THINGS:
            raise TooLarge("The graph", MOST_THINGS, "objects")
        if home is not None:
            self.homes[thing] = home
        if thing.id is not None and thing.noun not in (Shape, Term):
            self.known.append(thing)
        if thing.ref is not None and (thing.id is not None or not thing.placeholder):
            self._declare(thing.ref, thing)
        if not thing.placeholder and thing.noun in SAVED:
            self.objects.append(thing)
        _check(thing)
        for inner in walk(thing):
            self._take(inner, thing)

    def _declare(self, ref: str, thing: Thing) -> None:
        if ref in self.refs:
            raise Invalid(
                f"{thing.path}.ref", f"{ref!r} is declared by {self.refs[ref].path} already."
            )
        self.refs[ref] = thing

    def _check_references(self, graph: Sequence[Thing | Tie]) -> None:
        waiting = [one for one in graph if isinstance(one, Thing)]
        waiting += [end for one in graph if isinstance(one, Tie) for end in (one.parent, one.child)]
        while waiting:
            thing = waiting.pop()
            waiting += walk(thing)
            if thing.id is None and thing.placeholder:
                found = self.refs.get(thing.ref or "")
                if found is None:
                    raise Invalid(f"{thing.path}.ref", f"no object declares {thing.ref!r}.")
                if thing.noun is not ANYTHING and found.noun is not thing.noun:
                    raise Invalid(
                        f"{thing.path}.ref",
                        f"{thing.ref!r} is a {word(found.noun)}, not a {word(thing.noun)}.",
                    )

    def _check_once(self) -> None:
        seen: dict[tuple[type[SQLModel], int], Thing] = {}
        for thing in self.objects:
            if thing.id is not None:
                first = seen.setdefault((thing.noun, thing.id), thing)
                if first is not thing:
                    raise Invalid(
                        thing.path, f"{first.path} changes the same {word(thing.noun)} already."
                    )


def walk(thing: Thing) -> list[Thing]:
    """Return what a thing holds directly."""
    found = [one for one in thing.one.values() if one is not None]
    return found + [item for many in thing.many.values() for item in many.items]


def _check(thing: Thing) -> None:
    """Raise Invalid for what no object may be."""
    if thing.new and thing.noun not in (*CONTAINERS, Roi, Annotation, Shape):
        raise Invalid(
            f"{thing.path}.id",
            f"name an existing {word(thing.noun)}; this mutation makes none.",
        )
    if thing.new and thing.version is not None:
        raise Invalid(f"{thing.path}.version", "goes with an id.")
    if thing.id is not None and thing.group_id is not None:
        raise Invalid(f"{thing.path}.group", "is for new objects; `moveToGroup` moves others.")
    for name in thing.many:
        pair = (thing.noun, name)
        if not (pair in LINKED or pair in INSIDE or name in ("annotations", "targets")):
            raise Invalid(f"{thing.path}.{name}", f"a {word(thing.noun)} has no such collection.")
    for name in thing.one:
        if (thing.noun, name) not in SINGLE:
            raise Invalid(f"{thing.path}.{name}", f"a {word(thing.noun)} has no such field.")


@contextmanager
def at(path: str) -> Iterator[None]:
    """Put the place in the request in front of whatever is refused there."""
    try:
        yield
    except HubError as error:
        raise placed(error, path) from error


def placed(error: HubError, path: str) -> HubError:
    """Return an error that names its place; one that does already stays as it is."""
    if "path" in error.fields:
        return error
    found: HubError = error
    if isinstance(error, Invalid):
        found = Invalid(f"{path}.{error.field}" if error.field else path, error.reason)
    else:
        error.message = f"{path}: {error.message}"
        error.args = (error.message,)
    found.fields["path"] = path
    return found
