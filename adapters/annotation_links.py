"""Links between annotations and objects: who attached what, to what, and what is used how often.

A link is its own row with its own owner: the same tag may be put on one image by two people. Lists
start from objects or annotations that were found visible before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlmodel import SQLModel

from adapters.attaching import Target, targeted
from adapters.filters import Filter, compiled
from store.access.visible import ANNOTATABLE, broad
from store.catalog import Catalog
from store.errors import Invalid, TooLarge
from store.paging import Keyset, Page
from store.statement import cols, table, word
from store.tables.annotations import Annotation, AnnotationLink

MOST_OBJECTS = 500
_annotation, _link = cols(Annotation), cols(AnnotationLink)


@dataclass(frozen=True, slots=True)
class Attached:
    """An annotation on an object: the link's id, who made it and when (ms), and the annotation."""

    link_id: int
    owner_id: int
    created_at: int
    target: Target
    annotation: Any


@dataclass(frozen=True, slots=True)
class NamespaceUse:
    """How many annotations of a kind have a namespace; None for those without one."""

    ns: str | None
    kind: str
    count: int


class AnnotationLinks:
    """Verbs on what is attached to what."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def on(
        self, targets: Iterable[Target], where: Filter | None = None
    ) -> dict[Target, list[Attached]]:
        """Return what is attached to objects found visible before, oldest link first.

        One statement. `where` narrows the annotations. Raises TooLarge beyond 5,000 objects.
        """
        gathered: dict[Target, list[Attached]] = {target: [] for target in targets}
        if not gathered:
            return {}
        if len(gathered) > 10 * MOST_OBJECTS:
            raise TooLarge(f"A list of {len(gathered)} objects", 10 * MOST_OBJECTS, "objects")
        rows = await self._catalog.rows(
            self._catalog.select(Annotation)
            .add_columns(
                _link.id.label("link_id"),
                _link.owner_id.label("linked_by"),
                _link.created_at.label("linked_at"),
                _link.target_type.label("on_type"),
                _link.target_id.label("on_id"),
            )
            .join(table(AnnotationLink), _link.annotation_id == _annotation.id)
            .where(targeted(self._catalog.members, gathered), compiled(where, _annotation))
            .order_by(_link.id),
            settled=("annotation", "annotation_link"),
        )
        for row in rows:
            target = (row.on_type, row.on_id)
            gathered[target].append(
                Attached(row.link_id, row.linked_by, row.linked_at, target, row)
            )
        return gathered

    async def visible(self, targets: Iterable[Target]) -> list[Target]:
        """Return those of these objects that the actor sees, in their order: a statement a noun.

        Raises Invalid for a noun that cannot be annotated.
        """
        wanted = list(dict.fromkeys(targets))
        by_noun: dict[str, list[int]] = {}
        for noun, id in wanted:
            if noun not in ANNOTATABLE:
                raise Invalid("targets", f"a {noun} cannot be annotated.")
            by_noun.setdefault(noun, []).append(id)
        seen: set[Target] = set()
        for noun, ids in by_noun.items():
            row = cols(ANNOTATABLE[noun])
            found = await self._catalog.rows(
                select(row.id).where(self._catalog.members(row.id, ids))
            )
            seen |= {(noun, one.id) for one in found}
        return [target for target in wanted if target in seen]

    async def pages_of(
        self, annotation_ids: Sequence[int], keyset: Keyset, nouns: Collection[str] = ()
    ) -> dict[int, Page[Any]]:
        """Return one page of the links of each annotation to objects the actor sees.

        One statement; `nouns` narrows to plain words such as ``image``.
        """
        statement = self._of(annotation_ids, nouns)
        return await self._catalog.pages(AnnotationLink, statement, _link.annotation_id, keyset)

    async def counts_of(
        self, annotation_ids: Sequence[int], nouns: Collection[str] = ()
    ) -> dict[int, int]:
        """Count the links of each annotation to objects the actor sees; one statement."""
        return await self._catalog.counts(self._of(annotation_ids, nouns), _link.annotation_id)

    def _of(self, annotation_ids: Sequence[int], nouns: Collection[str]) -> Select[Any]:
        statement = self._catalog.select(AnnotationLink).where(
            self._catalog.members(_link.annotation_id, set(annotation_ids))
        )
        return statement.where(_link.target_type.in_(sorted(nouns))) if nouns else statement

    async def namespaces(self, where: Filter | None = None) -> list[NamespaceUse]:
        """Return which namespaces the annotations of one's groups use, with counts, by name.

        One statement. Annotations count once however often they are attached.
        """
        statement = (
            select(_annotation.ns, _annotation.kind, func.count())
            .where(compiled(where, _annotation))
            .group_by(_annotation.ns, _annotation.kind)
        )
        everything = broad(_annotation, self._catalog.actor)
        if everything is not None:
            statement = statement.where(everything)
        found = await self._catalog.rows(statement)
        uses = [NamespaceUse(ns, kind, count) for ns, kind, count in found]
        return sorted(uses, key=lambda use: (use.ns is not None, use.ns or "", use.kind))


def annotated_by(noun: type[SQLModel], where: Filter | None) -> Any:
    """Return the predicate that an object carries an annotation that meets a filter: for `Holds`.

    Whoever sees an object reads what is attached to it, so only liveness is asked.
    """
    return cols(noun).id.in_(
        select(_link.target_id)
        .join(table(Annotation), _annotation.id == _link.annotation_id)
        .where(
            _link.target_type == word(noun),
            _link.trashed_by.is_(None),
            _annotation.trashed_by.is_(None),
            compiled(where, _annotation),
        )
    )
