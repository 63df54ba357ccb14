"""One term on one region at a time: who gave it, how sure a classifier was, and taking it back.

Terms on many regions at once are verbs of `adapters.rois`. Here a term that its author gave before
is refused instead of left alone, because these callers were told that they made something.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.labelling import Verdict, clear_terms, give_term, take_term, writable_regions
from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols
from store.tables.rois import Roi, RoiTerm
from store.unit import Unit

_given = cols(RoiTerm)
PLAIN = Verdict()


class RoiTerms:
    """Verbs on single terms of single regions."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of(self, roi_id: int) -> Sequence[RoiTerm]:
        """Return who gave which term to a region, the oldest first. Raises NotFound."""
        await self._catalog.one(Roi, roi_id)
        (found,) = await self._catalog.grouped(RoiTerm, "roi_id", [roi_id])
        return found

    async def find(self, roi_id: int, term_id: int, author_id: int | None = None) -> RoiTerm:
        """Return one term of a region: an author's; else the actor's own, else the oldest.

        Raises NotFound.
        """
        return self._chosen(await self.of(roi_id), term_id, author_id)

    def _chosen(
        self,
        rows: Sequence[RoiTerm],
        term_id: int,
        author_id: int | None,
        *,
        any_author: bool = True,
    ) -> RoiTerm:
        fit = [row for row in rows if row.term_id == term_id]
        wanted = self._catalog.actor.draws_as if author_id is None else author_id
        for row in fit:
            if row.author_id == wanted:
                return row
        if author_id is None and any_author and fit:
            return fit[0]
        raise NotFound("term of the region", term_id)

    async def give(
        self,
        roi_id: int,
        term_id: int,
        verdict: Verdict = PLAIN,
        *,
        within: int | None = None,
    ) -> RoiTerm:
        """Give a term in the actor's name; a classifier also gives its verdict.

        `within` is the project whose ontology counts for a region bound to none. Raises Conflict if
        the actor gave it before, Invalid for a term of another ontology or a rate that is no share.
        """

        async def work(unit: Unit) -> RoiTerm:
            unit.journal.summary = f"give term {term_id} to region {roi_id}"
            (roi,) = await writable_regions(unit, [roi_id])
            return await give_term(unit, roi, term_id, verdict, within=within)

        return await self._catalog.write("give_term", work)

    async def take(self, roi_id: int, term_id: int, author_id: int | None = None) -> RoiTerm:
        """Take a term off: an author's, or the actor's own; return it as it was.

        Whoever has opened administration takes anybody's if no author is named. Raises NotFound.
        """

        async def work(unit: Unit) -> RoiTerm:
            unit.journal.summary = f"take term {term_id} off region {roi_id}"
            (roi,) = await writable_regions(unit, [roi_id])
            rows = await unit.all(RoiTerm, _given.roi_id == roi_id, order=_given.id)
            link = self._chosen(rows, term_id, author_id, any_author=unit.actor.full)
            await take_term(unit, roi, link)
            return link

        return await self._catalog.write("take_term", work)

    async def replace(
        self,
        roi_id: int,
        term_id: int,
        verdict: Verdict = PLAIN,
        *,
        everybodys: bool = False,
        within: int | None = None,
    ) -> RoiTerm:
        """Leave a region with one term of the actor's: the others they gave, or all, are taken off.

        Raises as `give`; a term that is there already stays as it is.
        """

        async def work(unit: Unit) -> RoiTerm:
            unit.journal.summary = f"replace the terms of region {roi_id} by term {term_id}"
            (roi,) = await writable_regions(unit, [roi_id])
            author = unit.actor.draws_as
            await clear_terms(unit, roi, term_id, None if everybodys else author)
            known = await unit.all(
                RoiTerm,
                _given.roi_id == roi_id,
                _given.term_id == term_id,
                _given.author_id == author,
            )
            if known:
                return known[0]
            return await give_term(unit, roi, term_id, verdict, within=within)

        return await self._catalog.write("replace_terms", work)
