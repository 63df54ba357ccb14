"""How much was drawn in a project: by term, by account, by image, over time.

Counted are regions as the actor sees them in the project: bound to it, or unbound on its images.
Reviewed copies are left out, or every region would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, func, or_, select

from adapters.projects import placed
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table
from store.tables.ontologies import Term
from store.tables.rois import Roi, RoiKind, RoiTerm

_roi, _roi_term, _term = cols(Roi), cols(RoiTerm), cols(Term)
MOST_PERIODS = 5000


@dataclass(frozen=True, slots=True)
class Counted:
    """Regions, and the images they lie on."""

    regions: int
    images: int


class Tallies:
    """Verbs that count what was drawn."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def by_author(self, project_id: int) -> dict[int, Counted]:
        """Count the regions of each account. One statement."""
        statement = (
            select(
                _roi.author_id,
                func.count().label("regions"),
                func.count(_roi.image_id.distinct()).label("images"),
            )
            .where(*_in(project_id))
            .group_by(_roi.author_id)
        )
        rows = await self._catalog.rows(statement)
        return {row.author_id: Counted(row.regions, row.images) for row in rows}

    async def by_term(self, project_id: int) -> dict[int, Counted]:
        """Count the regions that bear each term. One statement."""
        statement = (
            select(
                _roi_term.term_id,
                func.count(_roi.id.distinct()).label("regions"),
                func.count(_roi.image_id.distinct()).label("images"),
            )
            .select_from(table(Roi).join(table(RoiTerm), _roi_term.roi_id == _roi.id))
            .where(*_in(project_id))
            .group_by(_roi_term.term_id)
        )
        rows = await self._catalog.rows(statement)
        return {row.term_id: Counted(row.regions, row.images) for row in rows}

    async def by_author_and_term(self, project_id: int) -> dict[tuple[int, int], int]:
        """Count the regions of each account with each term. One statement."""
        statement = (
            select(_roi.author_id, _roi_term.term_id, func.count(_roi.id.distinct()).label("n"))
            .select_from(table(Roi).join(table(RoiTerm), _roi_term.roi_id == _roi.id))
            .where(*_in(project_id))
            .group_by(_roi.author_id, _roi_term.term_id)
        )
        rows = await self._catalog.rows(statement)
        return {(row.author_id, row.term_id): row.n for row in rows}

    async def terms(self, ontology_id: int | None) -> Sequence[Term]:
        """Return the terms of an ontology that the actor sees, by name."""
        if ontology_id is None:
            return []
        statement = self._catalog.select(Term).where(_term.ontology_id == ontology_id)
        return await self._catalog.all(Term, statement.order_by(_term.name_key, _term.id))

    async def over_time(
        self, project_id: int, width: int, since: int, until: int, term_id: int | None = None
    ) -> list[tuple[int, int]]:
        """Return how many regions came in each period of `width` ms from `since` to `until`.

        Every period is there, (start, count), also those without any. Raises Invalid for too many.
        """
        if width <= 0 or (until - since) // width > MOST_PERIODS:
            raise Invalid("period", f"there would be more than {MOST_PERIODS}; take longer ones.")
        past = _roi.created_at - bindparam("since", int(since), literal_execute=True)
        start = (past - past % bindparam("width", int(width), literal_execute=True)).label("start")
        statement = (
            select(start, func.count().label("n"))
            .where(*_in(project_id), _roi.created_at >= since, _roi.created_at < until)
            .group_by(start)
        )
        if term_id is not None:
            bearing = select(_roi_term.roi_id).where(
                _roi_term.term_id == term_id, _roi_term.trashed_by.is_(None)
            )
            statement = statement.where(_roi.id.in_(bearing))
        found = {row.start: row.n for row in await self._catalog.rows(statement)}
        return [
            (since + past, found.get(past, 0)) for past in range(0, max(0, until - since), width)
        ]


def _in(project_id: int) -> tuple[Any, ...]:
    return (
        _roi.kind != RoiKind.REVIEWED.value,
        or_(_roi.project_id == project_id, _roi.project_id.is_(None)),
        _roi.image_id.in_(placed(project_id)),
    )
