"""Terms on regions within a unit of work: giving them, and taking them off.

A term is given in the actor's name, or in that of the job whose account is used; taking one off
takes it off whoever gave it, unless one author is named. A classifier also says how sure it is, and
which term it was told to expect.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from adapters.drawing import check_terms, tell_changed
from store.access.capabilities import Can
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.rois import Roi, RoiTerm
from store.unit import Unit

_roi, _roi_term = cols(Roi), cols(RoiTerm)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a classifier says besides the term: how sure it is (0 to 1), and what was expected."""

    rate: float | None = None
    expected_term_id: int | None = None

    def check(self) -> None:
        """Raise Invalid for a rate that is no share."""
        if self.rate is not None and not (math.isfinite(self.rate) and 0 <= self.rate <= 1):
            raise Invalid("rate", f"must lie between 0 and 1, found {self.rate}.")


async def writable_regions(unit: Unit, roi_ids: Collection[int]) -> Sequence[Roi]:
    """Return regions whose terms may be changed. Raises NotFound or Forbidden."""
    rows = await unit.all(Roi, unit.members(_roi.id, set(roi_ids)), order=_roi.id)
    missing = set(roi_ids) - {row.id for row in rows}
    if missing:
        raise NotFound("roi", min(missing))
    for row, can in zip(rows, await unit.judge.capabilities(Roi, rows), strict=True):
        if not can & Can.EDIT:
            raise Forbidden("change the terms of", "roi", row.id)
    return rows


async def give_terms(unit: Unit, rows: Sequence[Roi], term_ids: Collection[int]) -> int:
    """Give terms to judged regions; return how many are new. Raises NotFound or Invalid."""
    for project_id in {row.project_id for row in rows}:
        await check_terms(unit, term_ids, project_id)
    owner, author = unit.actor.author_id, unit.actor.draws_as
    known = {
        (one.roi_id, one.term_id)
        for one in await unit.rows(
            select(_roi_term.roi_id, _roi_term.term_id).where(
                unit.members(_roi_term.roi_id, [row.id for row in rows]),
                unit.members(_roi_term.term_id, term_ids),
                _roi_term.author_id == author,
                _roi_term.trashed_by.is_(None),
            )
        )
    }
    now = now_ms()
    fresh = [
        (row.id, term, author, owner, now)
        for row in rows
        for term in dict.fromkeys(term_ids)
        if (row.id, term) not in known
    ]
    await unit.add_many(
        RoiTerm, ("roi_id", "term_id", "author_id", "owner_id", "created_at"), fresh
    )
    tell_changed(unit, rows, {one[0] for one in fresh})
    return len(fresh)


async def take_terms(unit: Unit, rows: Sequence[Roi], term_ids: Collection[int]) -> int:
    """Take terms off judged regions; return how many went."""
    links = await unit.rows(
        select(_roi_term.id, _roi_term.roi_id).where(
            unit.members(_roi_term.roi_id, [row.id for row in rows]),
            unit.members(_roi_term.term_id, term_ids),
            _roi_term.trashed_by.is_(None),
        )
    )
    if links:
        await unit.stamp(RoiTerm, [link.id for link in links])
    tell_changed(unit, rows, {link.roi_id for link in links})
    return len(links)


async def give_term(
    unit: Unit, roi: Roi, term_id: int, verdict: Verdict, *, within: int | None = None
) -> RoiTerm:
    """Give one term to a judged region; return who gave which.

    `within` is the project whose ontology counts where the region is bound to none. Raises
    Conflict if the actor gave it before, NotFound or Invalid for terms that cannot be.
    """
    verdict.check()
    asked = {term_id} | ({verdict.expected_term_id} - {None})
    await check_terms(unit, {id for id in asked if id is not None}, roi.project_id or within)
    author = unit.actor.draws_as
    if await unit.all(
        RoiTerm,
        _roi_term.roi_id == roi.id,
        _roi_term.term_id == term_id,
        _roi_term.author_id == author,
    ):
        raise Conflict(
            f"Region {roi.id} carries term {term_id} by the same author already.",
            noun="roi_term",
            id=roi.id,
        )
    made = await unit.add(
        RoiTerm(
            roi_id=roi.id, term_id=term_id, author_id=author, owner_id=unit.actor.author_id,
            rate=verdict.rate, expected_term_id=verdict.expected_term_id,
        ),
        tell=False,
    )  # fmt: skip
    unit.tell("changed", Roi, roi)
    return made


async def take_term(unit: Unit, roi: Roi, link: RoiTerm) -> None:
    """Take one term off a judged region."""
    await unit.stamp(RoiTerm, [link.id])
    unit.tell("changed", Roi, roi)


async def clear_terms(unit: Unit, roi: Roi, but: int, author_id: int | None) -> int:
    """Take all other terms off a judged region, of one author or of all; return how many went."""
    where = [_roi_term.roi_id == roi.id, _roi_term.term_id != but]
    if author_id is not None:
        where.append(_roi_term.author_id == author_id)
    links = await unit.all(RoiTerm, *where)
    if links:
        await unit.stamp(RoiTerm, [link.id for link in links])
        unit.tell("changed", Roi, roi)
    return len(links)
