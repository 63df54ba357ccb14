"""Reviews: somebody goes over an image of a project and keeps copies of the regions they accept.

A reviewed copy is a region of its own, with its own geometry and terms, and names its original; it
is the reviewer's, while its author stays whoever drew the original. Copies are bound to the project
of the review. While one lives, its original cannot be deleted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, or_, select

from adapters.drawing import TOLD_ONE_BY_ONE, check_terms
from adapters.labelling import give_terms, take_terms, writable_regions
from adapters.shapes import Columns
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Forbidden, Invalid, NotFound
from store.statement import cols, table
from store.tables.containers import Placement, Project
from store.tables.images import Image
from store.tables.rois import Roi, RoiKind, RoiTerm, Shape
from store.unit import Unit

_placement, _roi, _shape, _given = cols(Placement), cols(Roi), cols(Shape), cols(RoiTerm)
REVIEWABLE = (RoiKind.USER.value, RoiKind.ALGO.value)
_COPIED = (
    "image_id", "project_id", "owner_id", "author_id", "kind", "original_id", "reviewer_id",
    "name", "name_key", "description", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How many regions of an author there are on an image, and how many were reviewed."""

    author_id: int
    all: int
    reviewed: int


@dataclass(frozen=True, slots=True)
class Which:
    """Which reviewed copies; None narrows nothing. Times in ms, both included."""

    project_id: int | None = None
    image_id: int | None = None
    reviewer_id: int | None = None
    since: int | None = None
    until: int | None = None


def in_review(placement: Placement) -> bool:
    """Whether a review of the image is going on in that project."""
    return placement.review_started_at is not None and placement.review_stopped_at is None


class Reviews:
    """Verbs on reviews; `id` is that of a placement, an image in a project."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def of(self, id: int) -> Placement:
        """Return an image in a project, with the state of its review. Raises NotFound."""
        return await self._catalog.one(Placement, id)

    async def at(self, image_id: int, project_id: int) -> Placement:
        """Return the placement of an image in a project. Raises NotFound."""
        await self._catalog.one(Project, project_id)
        found = await self._catalog.all(
            Placement,
            self._catalog.select(Placement).where(
                _placement.image_id == image_id, _placement.project_id == project_id
            ),
        )
        if not found:
            raise NotFound("image of the project", image_id)
        return found[0]

    async def of_images(self, image_ids: Sequence[int]) -> dict[int, list[Placement]]:
        """Return the reviews of each image that were begun, by project; one statement."""
        begun = await self._catalog.all(
            Placement,
            self._catalog.select(Placement)
            .where(
                self._catalog.members(_placement.image_id, set(image_ids)),
                _placement.review_started_at.is_not(None),
            )
            .order_by(_placement.id),
        )
        gathered: dict[int, list[Placement]] = {id: [] for id in image_ids}
        for row in begun:
            gathered[row.image_id].append(row)
        return gathered

    async def copies_of(self, roi_ids: Sequence[int]) -> dict[int, list[Roi]]:
        """Return the reviewed copies of regions, the oldest first; one statement."""
        found = await self._catalog.grouped(Roi, "original_id", roi_ids)
        return dict(zip(roi_ids, found, strict=True))

    async def homes(
        self, rows: Collection[Roi], project_id: int | None = None
    ) -> dict[int, Placement]:
        """Return the placement each region is shown at, by the region's id; one statement.

        That is the one in the project it is bound to; of an unbound one that in the project asked
        about, else the lowest the actor sees. Regions shown nowhere are left out.
        """
        found = await self._catalog.all(
            Placement,
            self._catalog.select(Placement)
            .where(self._catalog.members(_placement.image_id, {row.image_id for row in rows}))
            .order_by(_placement.id),
        )
        at = {(one.image_id, one.project_id): one for one in found}
        lowest: dict[int, Placement] = {}
        for one in found:
            lowest.setdefault(one.image_id, one)
        homes: dict[int, Placement | None] = {}
        for row in rows:
            wanted = row.project_id or project_id
            homes[row.id] = (
                lowest.get(row.image_id) if wanted is None else at.get((row.image_id, wanted))
            )
        return {id: one for id, one in homes.items() if one is not None}

    async def progress(self, id: int) -> list[Progress]:
        """Return by author how much of an image in a project was reviewed. Raises NotFound."""
        await self.of(id)
        return (await self.progresses([id]))[id]

    async def progresses(self, ids: Sequence[int]) -> dict[int, list[Progress]]:
        """Return by author how much was reviewed of each image in a project; one statement."""
        copy = table(Roi).alias()
        done = select(copy.c.id).where(
            copy.c.original_id == _roi.id,
            copy.c.trashed_by.is_(None),
            copy.c.project_id == _placement.project_id,
        )
        rows = await self._catalog.rows(
            select(
                _placement.id,
                _roi.author_id,
                func.count().label("all"),
                func.sum(case((done.exists(), 1), else_=0)).label("reviewed"),
            )
            .select_from(table(Placement).join(table(Roi), _roi.image_id == _placement.image_id))
            .where(
                self._catalog.members(_placement.id, set(ids)),
                or_(_roi.project_id == _placement.project_id, _roi.project_id.is_(None)),
                _roi.kind.in_(REVIEWABLE),
            )
            .group_by(_placement.id, _roi.author_id)
            .order_by(_placement.id, _roi.author_id)
        )
        gathered: dict[int, list[Progress]] = {id: [] for id in ids}
        for row in rows:
            gathered[row.id].append(Progress(row.author_id, row.all, int(row.reviewed or 0)))
        return gathered

    # the review of an image

    async def start(self, id: int) -> Placement:
        """Begin to review an image in a project; beginning again what one began changes nothing.

        Raises Conflict if somebody else reviews it or it was reviewed already.
        """

        async def work(unit: Unit) -> Placement:
            place = await unit.one(Placement, id, can=Can.EDIT)
            if in_review(place) and place.reviewer_id == unit.actor.user_id:
                return place
            if place.review_started_at is not None:
                state = "in review by somebody else" if in_review(place) else "reviewed already"
                raise Conflict(f"Image {place.image_id} is {state}.", noun="placement", id=id)
            unit.journal.summary = f"begin the review of image {place.image_id}"
            return await unit.put(
                Placement,
                place,
                {"review_started_at": now_ms(), "reviewer_id": unit.actor.author_id},
            )

        return await self._catalog.write("start_review", work)

    async def stop(self, id: int) -> Placement:
        """End a review: the image is reviewed. Raises Conflict if none goes on, Forbidden."""

        async def work(unit: Unit) -> Placement:
            place = await self._under_review(unit, id)
            unit.journal.summary = f"end the review of image {place.image_id}"
            return await unit.put(Placement, place, {"review_stopped_at": now_ms()})

        return await self._catalog.write("stop_review", work)

    async def cancel(self, id: int) -> Placement:
        """Take one step back: what was reviewed is in review again, what was in review is not.

        Copies that were made stay. Managers of the project may as well. Raises as `stop`.
        """

        async def work(unit: Unit) -> Placement:
            place = await unit.one(Placement, id)
            if place.review_started_at is None:
                raise _not_in_review(place)
            await self._is_reviewer(unit, place, managers=True)
            unit.journal.summary = f"take back the review of image {place.image_id}"
            after: dict[str, int | None] = {"review_stopped_at": None}
            if place.review_stopped_at is None:
                after = {"review_started_at": None, "reviewer_id": None}
            return await unit.put(Placement, place, after)

        return await self._catalog.write("cancel_review", work)

    async def _under_review(self, unit: Unit, id: int) -> Placement:
        """Return a placement that the actor reviews now, locked. Raises Conflict or Forbidden."""
        place = await unit.one(Placement, id)
        if not in_review(place):
            raise _not_in_review(place)
        await self._is_reviewer(unit, place)
        return place

    async def _is_reviewer(self, unit: Unit, place: Placement, *, managers: bool = False) -> None:
        if unit.actor.read_only:
            raise Forbidden("review", "image", place.image_id)
        if unit.actor.full or place.reviewer_id == unit.actor.user_id:
            return
        project = await unit.one(Project, place.project_id)
        if managers and unit.actor.manages(project, project.id):
            return
        raise Forbidden("review", "image", place.image_id, "somebody else reviews it.")

    # regions

    async def review(
        self, roi_id: int, term_ids: Sequence[int] | None = None, *, project_id: int | None = None
    ) -> Roi:
        """Keep a reviewed copy of a region, with these terms or, if none are given, its own.

        An unbound region is reviewed in the project asked about, else where the actor reviews its
        image. Raises Conflict if no review goes on or there is a copy, Forbidden, Invalid.
        """
        roi = await self._catalog.one(Roi, roi_id)
        place = await self._place_of(roi, project_id)

        async def work(unit: Unit) -> Roi:
            await self._under_review(unit, place.id)
            unit.journal.summary = f"review region {roi_id}"
            await check_terms(unit, term_ids or (), place.project_id)
            await unit.one(Roi, roi_id)
            (copy,) = await self._copied(unit, place, [roi_id], term_ids or None)
            return copy

        return await self._catalog.write("review_roi", work)

    async def review_layers(self, id: int, author_ids: Collection[int] | None = None) -> list[Roi]:
        """Keep copies of all regions of these authors, or of all, that have none yet.

        Each copy gets the terms of its original. One command. Raises as `stop`.
        """

        async def work(unit: Unit) -> list[Roi]:
            place = await self._under_review(unit, id)
            unit.journal.summary = f"review the regions on image {place.image_id}"
            rows = await unit.all(Roi, *_shown(place), *_by(unit, author_ids), order=_roi.id)
            known = await self._known(unit, place, [row.id for row in rows])
            return await self._copied(
                unit, place, [row.id for row in rows if row.id not in known], None
            )

        return await self._catalog.write("review_layers", work)

    async def unreview(self, roi_id: int, *, project_id: int | None = None) -> Roi:
        """Put the reviewed copy of a region into the trash; return it as it was.

        The id may be the copy's own. Raises NotFound without a copy; otherwise as `stop`.
        """
        roi = await self._catalog.one(Roi, roi_id)
        if roi.kind == RoiKind.REVIEWED and roi.original_id is not None:
            project_id = roi.project_id
        place = await self._place_of(roi, project_id)

        async def work(unit: Unit) -> Roi:
            await self._under_review(unit, place.id)
            wanted = _roi.id == roi_id if roi.kind == RoiKind.REVIEWED else _copy_of([roi_id], unit)
            rows = await unit.all(Roi, wanted, _roi.project_id == place.project_id)
            if not rows:
                raise NotFound("reviewed copy of region", roi_id)
            unit.journal.summary = f"reject the reviewed copy of region {rows[0].original_id}"
            await unit.trash(Roi, [rows[0].id])
            return rows[0]

        return await self._catalog.write("unreview_roi", work)

    async def unreview_layers(
        self, id: int, author_ids: Collection[int] | None = None
    ) -> list[Roi]:
        """Put all reviewed copies of these authors' regions into the trash; return them."""

        async def work(unit: Unit) -> list[Roi]:
            place = await self._under_review(unit, id)
            unit.journal.summary = f"reject the reviewed regions on image {place.image_id}"
            rows = await unit.all(
                Roi,
                _roi.image_id == place.image_id,
                _roi.project_id == place.project_id,
                _roi.kind == RoiKind.REVIEWED.value,
                *_by(unit, author_ids),
                order=_roi.id,
            )
            if rows:
                await unit.trash(Roi, [row.id for row in rows])
            return list(rows)

        return await self._catalog.write("unreview_layers", work)

    async def set_terms(self, roi_id: int, term_ids: Collection[int]) -> Roi:
        """Leave a reviewed copy with exactly these terms. Raises as labelling does."""

        async def work(unit: Unit) -> Roi:
            (roi,) = await writable_regions(unit, [roi_id])
            unit.journal.summary = f"change the terms of reviewed region {roi_id}"
            there = {row.term_id for row in await unit.all(RoiTerm, _given.roi_id == roi_id)}
            await take_terms(unit, [roi], there - set(term_ids))
            await give_terms(unit, [roi], [id for id in term_ids if id not in there])
            return roi

        return await self._catalog.write("set_review_terms", work)

    # lists of reviewed copies

    async def copies(
        self, which: Which, *, offset: int = 0, limit: int | None = None
    ) -> Sequence[Roi]:
        """Return reviewed copies, the newest first. One statement."""
        statement = self._narrowed(which).order_by(_roi.created_at.desc(), _roi.id.desc())
        if limit is not None:
            statement = statement.limit(limit)
        elif offset:
            statement = statement.limit(2**53)  # SQLite knows no OFFSET alone
        return await self._catalog.all(Roi, statement.offset(offset) if offset else statement)

    async def count(self, which: Which) -> int:
        """Count reviewed copies. One statement."""
        return await self._catalog.count(self._narrowed(which))

    def _narrowed(self, which: Which) -> Select[Any]:
        tests = {
            _roi.project_id: which.project_id,
            _roi.image_id: which.image_id,
            _roi.reviewer_id: which.reviewer_id,
        }
        statement = self._catalog.select(Roi).where(_roi.kind == RoiKind.REVIEWED.value)
        statement = statement.where(
            *(column == value for column, value in tests.items() if value is not None)
        )
        if which.since is not None:
            statement = statement.where(_roi.created_at >= which.since)
        if which.until is not None:
            statement = statement.where(_roi.created_at <= which.until)
        return statement

    async def _place_of(self, roi: Roi, project_id: int | None) -> Placement:
        """Return where a region is reviewed. Raises NotFound if it is shown nowhere."""
        if roi.project_id is None and project_id is None:
            begun = (await self.of_images([roi.image_id]))[roi.image_id]
            mine = [one for one in begun if one.reviewer_id == self._catalog.actor.user_id]
            going = [one for one in mine if in_review(one)] or mine
            if going:
                return going[0]
        home = (await self.homes([roi], project_id)).get(roi.id)
        if home is None:
            raise NotFound("roi", roi.id)
        return home

    async def _known(self, unit: Unit, place: Placement, roi_ids: Collection[int]) -> set[int]:
        """Return which of these regions have a copy in the project of the review."""
        return set(
            await unit.scalars(
                select(_roi.original_id).where(
                    unit.members(_roi.original_id, roi_ids),
                    _roi.project_id == place.project_id,
                    _roi.trashed_by.is_(None),
                )
            )
        )

    async def _copied(
        self,
        unit: Unit,
        place: Placement,
        roi_ids: Sequence[int],
        term_ids: Sequence[int] | None,
    ) -> list[Roi]:
        """Copy regions with their shapes and terms: a handful of statements for any number."""
        if not roi_ids:
            return []
        rows = [row for row in await unit.stored(Roi, roi_ids) if row.trashed_by is None]
        known = await self._known(unit, place, roi_ids)
        if known:
            raise Conflict(
                f"Region {min(known)} has a reviewed copy already.", noun="roi", id=min(known)
            )
        for row in rows:
            if row.kind not in REVIEWABLE:
                raise Invalid("roi", f"region {row.id} is {row.kind}; it cannot be reviewed.")
        me, now = unit.actor.author_id, now_ms()
        template = Roi(
            image_id=place.image_id, project_id=place.project_id, owner_id=me, author_id=me,
            kind=RoiKind.REVIEWED.value,
        )  # fmt: skip
        if not await unit.judge.may_add(Roi, template):
            raise Forbidden("review regions of", "image", place.image_id)
        ids = await unit.add_many(
            Roi,
            _COPIED,
            [
                (place.image_id, place.project_id, me, row.author_id, RoiKind.REVIEWED.value,
                 row.id, me, row.name, row.name_key, row.description, now)
                for row in rows
            ],
        )  # fmt: skip
        copy_of = {row.id: id for row, id in zip(rows, ids, strict=True)}
        await self._copy_shapes(unit, copy_of)
        await self._copy_terms(unit, copy_of, term_ids)
        copies = await unit.stored(Roi, ids)
        await _tell(unit, place, copies)
        return list(copies)

    async def _copy_shapes(self, unit: Unit, copy_of: Mapping[int, int]) -> None:
        shapes = await unit.all(Shape, unit.members(_shape.roi_id, copy_of), order=_shape.id)
        await unit.add_many(
            Shape,
            ("roi_id", "image_id", *Columns._fields),
            [(copy_of[row.roi_id], row.image_id, *Columns.of(row)) for row in shapes],
        )

    async def _copy_terms(
        self, unit: Unit, copy_of: Mapping[int, int], term_ids: Sequence[int] | None
    ) -> None:
        """Give the copies these terms, or those their originals carry, in the reviewer's name."""
        if term_ids is None:
            given = await unit.rows(
                select(_given.roi_id, _given.term_id)
                .where(unit.members(_given.roi_id, copy_of), _given.trashed_by.is_(None))
                .order_by(_given.id)
            )
            pairs = [(copy_of[row.roi_id], row.term_id) for row in given]
        else:
            pairs = [(id, term) for id in copy_of.values() for term in term_ids]
        me, now = unit.actor.author_id, now_ms()
        await unit.add_many(
            RoiTerm,
            ("roi_id", "term_id", "author_id", "owner_id", "created_at"),
            [(id, term, me, me, now) for id, term in dict.fromkeys(pairs)],
        )


def _shown(place: Placement) -> list[ColumnElement[bool]]:
    """Return tests for the regions of an image that a project shows and a review is about."""
    return [
        _roi.image_id == place.image_id,
        or_(_roi.project_id == place.project_id, _roi.project_id.is_(None)),
        _roi.kind.in_(REVIEWABLE),
    ]


def _by(unit: Unit, author_ids: Collection[int] | None) -> list[ColumnElement[bool]]:
    return [] if author_ids is None else [unit.members(_roi.author_id, set(author_ids))]


def _copy_of(roi_ids: Collection[int], unit: Unit) -> ColumnElement[bool]:
    found: ColumnElement[bool] = unit.members(_roi.original_id, roi_ids)
    return found


def _not_in_review(place: Placement) -> Conflict:
    return Conflict(
        f"Image {place.image_id} is not in review; begin its review first.",
        noun="placement",
        id=place.id,
    )


async def _tell(unit: Unit, place: Placement, copies: Sequence[Roi]) -> None:
    if len(copies) <= TOLD_ONE_BY_ONE:
        for row in copies:
            unit.tell("created", Roi, row)
        return
    (image,) = await unit.all(Image, cols(Image).id == place.image_id)
    unit.tell("changed", Image, image)
