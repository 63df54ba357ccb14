"""Regions as a project shows them, listed by offset: each once, on one plane, with what is asked.

A page costs the same number of statements whatever its length; a group of columns that is not
asked for costs none. Where all is asked for, nothing is counted: what came is what there is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select

from adapters.geometry.drawn import Kind
from adapters.geometry.footprint import Footprint, join_shapes
from adapters.placements import Placed, Placements, Which
from adapters.planes import Planes, Stack
from adapters.region_places import BOUNDS, Plane, candidates, really_near, shown
from adapters.region_query import OnPlane, RegionQuery, conditions, order_of
from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.people import User
from store.tables.rois import Roi, RoiKind, RoiTerm, RoiTrack, Shape, Track

_roi, _shape, _term, _member = cols(Roi), cols(Shape), cols(RoiTerm), cols(RoiTrack)
_track, _user = cols(Track), cols(User)
_link, _annotation = cols(AnnotationLink), cols(Annotation)
_ROI = ("id", "kind", "image_id", "project_id", "owner_id", "author_id", "original_id",
        "reviewer_id", "status", "created_at", "updated_at")  # fmt: skip
_MEASURED = ("footprint", "wkt", "area", "perimeter", "cx", "cy", *BOUNDS, "size", "points")
_LIGHT = ("kind", "c", "z", "t")
EVERY_KIND = tuple(RoiKind)


@dataclass(frozen=True, slots=True)
class Groups:
    """Which columns are wanted besides what every region has."""

    text: bool = False
    measures: bool = False
    terms: bool = False
    tracks: bool = False
    people: bool = False
    counts: bool = False


EVERYTHING = Groups(text=True, measures=True, terms=True, tracks=True, counts=True)


@dataclass(slots=True)
class Region:
    """A region as it is shown: what it is, the image in the project, its plane and shapes there.

    row: the columns of the region. terms, tracks: the rows that give them, oldest first.
    footprint: of all shapes shown, y down; where `measures` were asked for or it took several.
    """

    row: Any
    place: Placed
    plane: Plane
    slice_id: int | None
    shapes: Sequence[Any]
    every: Sequence[Any]
    footprint: Footprint | None = None
    terms: list[Any] = field(default_factory=list)
    tracks: list[Any] = field(default_factory=list)
    person: Any = None
    comments: int = 0
    copies: int = 0

    @property
    def id(self) -> int:
        """The id of the region."""
        return int(self.row.id)

    @property
    def wkt(self) -> str:
        """The shapes as one geometry, y up."""
        return self.shapes[0].wkt if self.footprint is None else self.footprint.wkt_up


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of regions, and how many there are in all."""

    regions: Sequence[Region]
    total: int


class RegionLists:
    """Verbs that list regions as projects show them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._placements = Placements(catalog)

    async def one(self, id: int, project_id: int | None = None) -> Region:
        """Return one region of any kind, with everything. Raises NotFound if nothing shows it.

        A region bound to no project is shown in the project asked about, else where its image was
        placed first.
        """
        row = await self._catalog.one(Roi, id)
        home = row.project_id or project_id
        if home is None:
            placed = await self._placements.page(Which(image_id=row.image_id))
            if not placed:
                raise NotFound("annotation", id)
            home = min(placed, key=lambda one: one.row.id).row.project_id
        query = RegionQuery(home, image_ids=[row.image_id], kinds=EVERY_KIND, ids=[id])
        found = (await self.page(query, EVERYTHING)).regions
        if not found:
            raise NotFound("annotation", id)
        return found[0]

    async def page(
        self,
        query: RegionQuery,
        groups: Groups,
        *,
        offset: int = 0,
        limit: int | None = None,
        counted: bool = True,
    ) -> Listed:
        """Return regions, the newest first, or along the tracks asked about. Raises Invalid.

        Not `counted`, the total is that of the page: for whoever reads on by `below_id`.
        """
        places: Mapping[int, Placed] | None = None
        if query.image_ids is not None or query.near:
            places = await self._places(query.project_id, query.image_ids)
        where = list(conditions(self._catalog, query))
        where += [candidates(self._catalog, near, places or {}) for near in query.near]
        if limit is None and offset == 0:
            found = await self._found(query, where, groups, places)
            await self._complete(found, groups)
            return Listed(found, len(found))
        ids, total = await self._ids(query, where, places, offset, limit, counted)
        if not ids:
            return Listed([], total)
        found = await self._regions(
            query, [self._catalog.members(_roi.id, ids)], groups, places, settled=("roi",)
        )
        await self._complete(found, groups)
        return Listed(found, total)

    async def count(self, query: RegionQuery) -> int:
        """Count regions that are shown; of those near something by listing them."""
        if query.near:
            return (await self.page(query, Groups(), limit=1)).total
        return await self._catalog.count(
            self._ordered(query, list(conditions(self._catalog, query)))
        )

    async def count_of_author(
        self, author_id: int, kind: RoiKind, project_id: int | None = None
    ) -> int:
        """Count what somebody drew, in all projects or bound to one. One statement."""
        statement = self._catalog.select(Roi).where(
            _roi.author_id == author_id, _roi.kind == kind.value
        )
        if project_id is not None:
            statement = statement.where(_roi.project_id == project_id)
        return await self._catalog.count(statement)

    async def by_author(self, query: RegionQuery) -> dict[tuple[int, bool], int]:
        """Count regions by author, and by whether they are reviewed copies. One statement."""
        reviewed = (_roi.kind == RoiKind.REVIEWED.value).label("reviewed")
        statement = (
            select(_roi.author_id, reviewed, func.count())
            .where(*conditions(self._catalog, query), _drawn())
            .group_by(_roi.author_id, reviewed)
        )
        return {(row[0], bool(row[1])): row[2] for row in await self._catalog.rows(statement)}

    # inside

    async def _places(
        self, project_id: int, image_ids: Collection[int] | None
    ) -> dict[int, Placed]:
        which = Which(
            project_ids=[project_id],
            image_ids=None if image_ids is None else sorted(set(image_ids)),
        )
        return {one.row.image_id: one for one in await self._placements.page(which)}

    def _ordered(self, query: RegionQuery, where: Sequence[Any]) -> Select[Any]:
        return select(_roi.id).where(*where, _drawn()).order_by(*order_of(self._catalog, query))

    async def _ids(
        self,
        query: RegionQuery,
        where: Sequence[Any],
        places: Mapping[int, Placed] | None,
        offset: int,
        limit: int | None,
        counted: bool,
    ) -> tuple[list[int], int]:
        """Return the ids of a page, and how many there are in all."""
        if query.near:
            found = await self._found(query, where, Groups(), places)
            stop = None if limit is None else offset + limit
            return [one.id for one in found[offset:stop]], len(found)
        statement = self._ordered(query, where)
        total = await self._catalog.count(statement) if counted else 0
        if counted and offset >= total:
            return [], total
        limited = statement.offset(offset).limit(total if limit is None else limit)
        ids = [row[0] for row in await self._catalog.rows(limited)]
        return ids, total if counted else len(ids)

    async def _found(
        self,
        query: RegionQuery,
        where: Sequence[Any],
        groups: Groups,
        places: Mapping[int, Placed] | None,
    ) -> list[Region]:
        found = await self._regions(query, where, groups, places)
        for near in query.near:
            hits = await really_near(
                self._catalog, near, {one.id: (one.place, one.shapes) for one in found}
            )
            found = [one for one in found if one.id in hits]
        return found

    async def _regions(
        self,
        query: RegionQuery,
        where: Sequence[Any],
        groups: Groups,
        places: Mapping[int, Placed] | None,
        settled: tuple[str, ...] = (),
    ) -> list[Region]:
        """Return regions with their shapes on the plane they are shown on; a constant few reads."""
        rows = await self._catalog.rows(
            self._joined(query, groups)
            .where(*where)
            .order_by(*order_of(self._catalog, query), _shape.id),
            settled=("shape", *settled),
        )
        gathered: dict[int, list[Any]] = {}
        for row in rows:
            gathered.setdefault(row.id, []).append(row)
        if not gathered:
            return []
        if places is None:
            images = {parts[0].image_id for parts in gathered.values()}
            places = await self._places(query.project_id, images)
        stacks = await Planes(self._catalog).of_placements([one.row for one in places.values()])
        return [
            _shown(parts, place, stacks[place.row.id], query.planes)
            for parts in gathered.values()
            if (place := places.get(parts[0].image_id)) is not None and place.row.id in stacks
        ]

    def _joined(self, query: RegionQuery, groups: Groups) -> Select[Any]:
        wanted = [*_LIGHT]
        if groups.measures:
            wanted += _MEASURED
        elif groups.text:
            wanted += ("wkt",)
        if query.near and not groups.measures:
            wanted += BOUNDS
        # Rows have a `t` of their own, and regions a kind.
        shape = [
            _shape[name].label(f"shape_{name}" if name in ("kind", "t") else name)
            for name in wanted
        ]
        return select(
            *(_roi[name] for name in _ROI), _shape.id.label("shape_id"), *shape
        ).select_from(table(Roi).join(table(Shape), _shape.roi_id == _roi.id))

    async def _complete(self, found: Sequence[Region], groups: Groups) -> None:
        """Fetch what is asked for besides the regions themselves."""
        await self._join(found, groups)
        ids = [one.id for one in found]
        if not ids:
            return
        by_id = {one.id: one for one in found}
        if groups.terms:
            for row in await self._terms(ids):
                by_id[row.roi_id].terms.append(row)
        if groups.tracks:
            for row in await self._tracks(ids):
                by_id[row.roi_id].tracks.append(row)
        if groups.counts:
            for id, number in (await self._comments(ids)).items():
                by_id[id].comments = number
            for id, number in (await self._copies(ids)).items():
                by_id[id].copies = number
        if groups.people:
            people = await self._people({one.row.author_id for one in found})
            for one in found:
                one.person = people.get(one.row.author_id)

    async def _join(self, found: Sequence[Region], groups: Groups) -> None:
        """Make one geometry of several shapes, and measures of all."""
        several = [one for one in found if len(one.shapes) > 1]
        columns: dict[int, Any] = {}
        if several and groups.text and not groups.measures:
            ids = [shape.id for one in several for shape in one.shapes]
            rows = await self._catalog.rows(
                select(_shape.id, *(_shape[name] for name in _MEASURED)).where(
                    self._catalog.members(_shape.id, ids)
                ),
                settled=("shape",),
            )
            columns = {row.id: row for row in rows}
        if groups.measures:
            several = list(found)
        if not (groups.text or groups.measures):
            return
        for one in several:
            parts = [
                (Kind(shape.kind), _footprint(columns.get(shape.id, shape))) for shape in one.shapes
            ]
            one.footprint = join_shapes(parts, one.place.pixels.size_y or 0)

    async def _terms(self, ids: Collection[int]) -> Sequence[Any]:
        return await self._catalog.rows(
            select(
                _term.id, _term.roi_id, _term.term_id, _term.author_id, _term.rate,
                _term.expected_term_id,
            )
            .where(self._catalog.members(_term.roi_id, ids))
            .order_by(_term.id),
            settled=("roi_term",),
        )  # fmt: skip

    async def _tracks(self, ids: Collection[int]) -> Sequence[Any]:
        return await self._catalog.rows(
            select(_member.id, _member.roi_id, _member.track_id, _member.rank)
            .join(table(Track), _track.id == _member.track_id)
            .where(self._catalog.members(_member.roi_id, ids))
            .order_by(_member.id),
            settled=("roi_track", "track"),
        )

    async def _comments(self, ids: Collection[int]) -> dict[int, int]:
        rows = await self._catalog.rows(
            select(_link.target_id, func.count(_annotation.id.distinct()))
            .join(table(Annotation), _annotation.id == _link.annotation_id)
            .where(
                _link.target_type == "roi",
                self._catalog.members(_link.target_id, ids),
                _annotation.kind == AnnotationKind.COMMENT.value,
            )
            .group_by(_link.target_id),
            settled=("annotation_link", "annotation"),
        )
        return {row[0]: row[1] for row in rows}

    async def _copies(self, ids: Collection[int]) -> dict[int, int]:
        rows = await self._catalog.rows(
            select(_roi.original_id, func.count())
            .where(self._catalog.members(_roi.original_id, ids))
            .group_by(_roi.original_id),
            settled=("roi",),
        )
        return {row[0]: row[1] for row in rows}

    async def _people(self, ids: Collection[int]) -> dict[int, Any]:
        rows = await self._catalog.rows(
            select(_user.id, _user.username, _user.first_name, _user.last_name).where(
                self._catalog.members(_user.id, ids)
            )
        )
        return {row.id: row for row in rows}


def _drawn() -> Any:
    return (
        select(_shape.id)
        .where(_shape.roi_id == _roi.id, _shape.trashed_by.is_(None))
        .correlate(table(Roi))
        .exists()
    )


class _Part:
    """One shape of a joined row, by the names of its own columns."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        self._row = row

    @property
    def id(self) -> int:
        return int(self._row.shape_id)

    @property
    def kind(self) -> str:
        return str(self._row.shape_kind)

    @property
    def t(self) -> int | None:
        found: int | None = self._row.shape_t
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._row, name)


def _shown(
    rows: Sequence[Any], place: Placed, stack: Stack, planes: Sequence[OnPlane] | None
) -> Region:
    every = [_Part(row) for row in rows]
    here = None
    if planes is not None:
        here = [plane for plane in planes if plane.image_id == rows[0].image_id]
    plane, there = shown(every, stack, here)
    drawn = [part for part in there if part.kind != Kind.LABEL] or there
    return Region(rows[0], place, plane, stack.id_of(*plane), drawn, every)


def _footprint(row: Any) -> Footprint:
    return Footprint(
        row.footprint, row.wkt, row.area, row.perimeter, row.cx, row.cy,
        row.x0, row.y0, row.x1, row.y1, row.size, row.points,
    )  # fmt: skip


__all__ = ["EVERYTHING", "EVERY_KIND", "Groups", "Listed", "Region", "RegionLists"]
