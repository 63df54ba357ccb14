"""Lists of the hierarchy by page number, as trees of folders ask for them.

A list begins at a parent, at what lies in no container, or at everything of a person and a group.
Rows come by name, then by id. Images that were only declared have nothing to show and are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Select, literal, tuple_
from sqlmodel import SQLModel

from adapters.containers import orphaned
from adapters.hierarchy import link_of
from store.access.visible import broad
from store.catalog import Catalog
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind
from store.tables.images import Image, ImageState, Pixels

N = TypeVar("N", bound=SQLModel)

_annotation = cols(Annotation)


@dataclass(frozen=True, slots=True)
class Branch:
    """What a list is limited to; None limits nothing. `parent` is a noun and an id."""

    parent: tuple[type[SQLModel], int] | None = None
    owner_id: int | None = None
    group_id: int | None = None
    orphaned: bool = False


EVERYTHING = Branch()


class Tree:
    """Verbs that list what containers hold."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def list(
        self,
        noun: type[N],
        branch: Branch = EVERYTHING,
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> Sequence[N]:
        """Return some of a noun, by name. One statement; an unseen parent holds nothing."""
        row = cols(noun)
        order = (row.name_key, row.id)
        if branch.parent is not None:
            # Links copy the name of what they hold, so that a page is one range of their index.
            link, _above, below = link_of(branch.parent[0], noun)
            order = (cols(link).name_key, cols(link)[below])
        statement = self._statement(noun, branch).order_by(*order)
        return await self._catalog.all(noun, _slice(statement, offset, limit))

    async def count(self, noun: type[SQLModel], branch: Branch = EVERYTHING) -> int:
        """Count what `list` pages through."""
        return await self._catalog.count(self._statement(noun, branch))

    async def place(self, noun: type[SQLModel], branch: Branch, row: Any) -> int:
        """Return how many stand before a row in `list`. Without a parent in the branch."""
        listed = cols(noun)
        before = tuple_(listed.name_key, listed.id) < tuple_(
            literal(row.name_key, listed.name_key.type), literal(row.id, listed.id.type)
        )
        return await self._catalog.count(self._statement(noun, branch).where(before))

    async def places(self, parent: type[SQLModel], ids: Sequence[int], row: Any) -> dict[int, int]:
        """Return how many stand before an image in each dataset, of those found visible before.

        One statement.
        """
        link, above, below = link_of(parent, Image)
        edge, image = cols(link), cols(Image)
        before = tuple_(edge.name_key, edge[below]) < tuple_(
            literal(row.name_key, edge.name_key.type), literal(row.id, edge[below].type)
        )
        statement = (
            self._catalog.select(Image)
            .join(table(link), edge[below] == image.id)
            .where(self._catalog.members(edge[above], ids), before)
            .where(image.state == ImageState.READY.value)
        )
        counts = await self._catalog.counts(statement, edge[above], settled=(table(link).name,))
        return {id: counts.get(id, 0) for id in ids}

    def _statement(self, noun: type[SQLModel], branch: Branch) -> Select[Any]:
        row = cols(noun)
        statement = self._catalog.select(noun)
        if branch.parent is not None:
            parent, id = branch.parent
            link, above, below = link_of(parent, noun)
            edge = cols(link)
            statement = statement.join(table(link), edge[below] == row.id).where(edge[above] == id)
        elif branch.orphaned:
            statement = statement.where(orphaned(noun))
        if branch.owner_id is not None:
            statement = statement.where(row.owner_id == branch.owner_id)
        if branch.group_id is not None:
            statement = statement.where(row.group_id == branch.group_id)
        if noun is Image:
            statement = statement.where(row.state == ImageState.READY.value)
        return statement

    async def pixels(self, image_ids: Sequence[int]) -> dict[int, Pixels]:
        """Return the sizes and sample types of images, by image. One statement."""
        found = await self._catalog.by_ids(Pixels, image_ids)
        return {one.image_id: one for one in found if one is not None}

    async def tags(
        self,
        *,
        owner_id: int | None = None,
        group_id: int | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> Sequence[Annotation]:
        """Return tags of the groups one reads, by their text. One statement."""
        statement = self._catalog.select(Annotation).where(
            _annotation.kind == AnnotationKind.TAG.value
        )
        everything = broad(_annotation, self._catalog.actor)
        if everything is not None:
            statement = statement.where(everything)
        if owner_id is not None:
            statement = statement.where(_annotation.owner_id == owner_id)
        if group_id is not None:
            statement = statement.where(_annotation.group_id == group_id)
        statement = statement.order_by(_annotation.text_key, _annotation.id)
        return await self._catalog.all(Annotation, _slice(statement, offset, limit))


def _slice(statement: Select[Any], offset: int, limit: int | None) -> Select[Any]:
    return statement.offset(offset) if limit is None else statement.limit(limit).offset(offset)
