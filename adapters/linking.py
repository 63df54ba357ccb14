"""Links of the hierarchy and of tags, many at once: what lies where, linking and unlinking.

An edge names a parent, the noun of its children, and their ids. All edges of a call are one
command: one refusal leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import SQLModel

from adapters.attaching import attach, detach, objects_of
from adapters.hierarchy import LINKS, link_of, put_into, visible_members
from store.access.visible import ANNOTATABLE
from store.catalog import Catalog
from store.errors import Invalid, NotFound, TooLarge
from store.statement import cols, word
from store.tables.annotations import Annotation, AnnotationKind
from store.unit import Unit

MOST_EDGES = 5000
TAG = "tag"
NOUNS: dict[str, type[SQLModel]] = {word(noun): noun for pair in LINKS for noun in pair}


@dataclass(frozen=True, slots=True)
class Edge:
    """Children of one noun in, or for, one parent; nouns are plain words, `tag` among them."""

    parent: str
    parent_id: int
    child: str
    child_ids: tuple[int, ...]

    def __post_init__(self) -> None:
        if TAG in (self.parent, self.child):
            other = self.child if self.parent == TAG else self.parent
            if other not in ANNOTATABLE:
                raise Invalid(self.parent, f"a tag cannot be put on a {other}.")
        elif self.parent not in NOUNS or self.child not in NOUNS:
            raise Invalid(self.parent, f"a {self.child} cannot be put into a {self.parent}.")
        else:
            link_of(NOUNS[self.parent], NOUNS[self.child])


@dataclass(frozen=True, slots=True)
class Lies:
    """One link of the hierarchy, by its id, and the ids of its two ends."""

    id: int
    parent_id: int
    child_id: int


class Linking:
    """Verbs on links."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def above(self, child: str, ids: Sequence[int]) -> list[Lies]:
        """Return the links that hold these children, of those the actor sees; one statement.

        Raises Invalid for a noun that lies in nothing.
        """
        parent = next((up for up, down in LINKS if word(down) == child), None)
        if parent is None:
            raise Invalid("child", f"a {child} lies in no container.")
        link, above, below = LINKS[parent, NOUNS[child]]
        row = cols(link)
        rows = await self._catalog.rows(
            select(row.id, row[above], row[below])
            .where(self._catalog.members(row[below], set(ids)))
            .order_by(row.id)
        )
        return [Lies(*one) for one in rows]

    async def link(self, edges: Sequence[Edge]) -> int:
        """Make links that are not there yet; return how many are new.

        Raises NotFound, Forbidden, Conflict for objects of different groups.
        """
        _check(edges)

        async def work(unit: Unit) -> int:
            unit.journal.summary = _summary("link", edges)
            return sum([await _link(unit, edge) for edge in edges])

        return await self._catalog.write("link", work)

    async def unlink(self, edges: Sequence[Edge]) -> int:
        """Take links away; the objects stay. Returns how many went. Raises NotFound, Forbidden."""
        _check(edges)

        async def work(unit: Unit) -> int:
            unit.journal.summary = _summary("unlink", edges)
            return sum([await _unlink(unit, edge) for edge in edges])

        return await self._catalog.write("unlink", work)


def _check(edges: Sequence[Edge]) -> None:
    count = sum(len(edge.child_ids) for edge in edges)
    if count > MOST_EDGES:
        raise TooLarge(f"A list of {count} links", MOST_EDGES, "links")


def _summary(verb: str, edges: Sequence[Edge]) -> str:
    parts = [
        f"{len(edge.child_ids)} {edge.child} {verb}ed with {edge.parent} {edge.parent_id}"
        for edge in edges[:3]
    ]
    return "; ".join(parts) + ("; …" if len(edges) > 3 else "")


async def _link(unit: Unit, edge: Edge) -> int:
    if TAG in (edge.parent, edge.child):
        tags, targets = await _tagging(unit, edge)
        return await attach(unit, tags, targets)
    parent, child = NOUNS[edge.parent], NOUNS[edge.child]
    await unit.one(parent, edge.parent_id)
    rows = await visible_members(unit, child, edge.child_ids)
    return await put_into(unit, parent, edge.parent_id, child, rows)


async def _unlink(unit: Unit, edge: Edge) -> int:
    if TAG in (edge.parent, edge.child):
        tags, targets = await _tagging(unit, edge)
        return await detach(unit, tags, targets)
    parent, child = NOUNS[edge.parent], NOUNS[edge.child]
    await unit.one(parent, edge.parent_id)
    link, above, below = LINKS[parent, child]
    row = cols(link)
    found: Sequence[Any] = await unit.all(
        link, row[above] == edge.parent_id, unit.members(row[below], edge.child_ids)
    )
    if found:
        await unit.trash(link, [one.id for one in found])
    return len(found)


async def _tagging(unit: Unit, edge: Edge) -> tuple[list[int], dict[Any, Any]]:
    """Return the tags of an edge, found visible, and the objects, judged."""
    parents, children = [edge.parent_id], list(dict.fromkeys(edge.child_ids))
    if edge.parent == TAG:
        tags, targets = parents, [(edge.child, id) for id in children]
    else:
        tags, targets = children, [(edge.parent, id) for id in parents]
    rows = await unit.all(Annotation, unit.members(cols(Annotation).id, tags))
    known = {row.id for row in rows if row.kind == AnnotationKind.TAG.value}
    for id in tags:
        if id not in known:
            raise NotFound(TAG, id)
    return tags, await objects_of(unit, targets)
