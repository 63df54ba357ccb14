"""What a listing of regions is narrowed to: one frozen query, and the conditions that follow.

Values within a field are alternatives; fields narrow together. Where regions lie is asked by
geometry, which the index answers roughly and `adapters.region_places` exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from store.catalog import Catalog
from store.statement import cols
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.containers import Placement, PlacementState
from store.tables.people import User
from store.tables.rois import Roi, RoiKind, RoiTerm, RoiTrack, Shape

_roi, _shape, _term, _track = cols(Roi), cols(Shape), cols(RoiTerm), cols(RoiTrack)
_placement, _link, _annotation = cols(Placement), cols(AnnotationLink), cols(Annotation)
_user = cols(User)
Ids = Sequence[int]


@dataclass(frozen=True, slots=True)
class Near:
    """Regions that meet a geometry, or lie within a distance of it in pixels.

    `y_up` says that the geometry counts y from the bottom of each image.
    """

    geometry: BaseGeometry
    distance: float = 0.0
    y_up: bool = False


@dataclass(frozen=True, slots=True)
class OnPlane:
    """One plane of an image; `c` None where the image has one channel only."""

    image_id: int
    c: int | None
    z: int
    t: int


@dataclass(frozen=True, slots=True)
class RegionQuery:
    """Which regions of a project. None and False narrow nothing.

    Parameters
    ----------
    image_ids, planes
        Images of the project, and planes of them.
    kinds
        Drawn by people, by jobs, reviewed copies, regions to work in.
    author_ids, reviewer_ids, term_author_ids
        Who drew, who reviewed, who gave a term.
    without_term
        Regions without any term; together with `term_ids`, those or these.
    sure_term_ids, sure_author_ids
        Terms that a classifier gave, and classifiers.
    job_id, term_job_id
        The job that drew; the job that gave a term.
    ranks
        Places in the tracks asked about, both ends left out.
    created
        Milliseconds, both ends left out.
    newest_first
        Keep that order where tracks are asked about as well.
    near
        Geometries, all of which regions must come near.
    """

    project_id: int
    image_ids: Ids | None = None
    planes: Sequence[OnPlane] | None = None
    kinds: Sequence[RoiKind] = (RoiKind.USER,)
    ids: Ids | None = None
    author_ids: Ids | None = None
    reviewer_ids: Ids | None = None
    term_ids: Ids | None = None
    term_author_ids: Ids | None = None
    without_term: bool = False
    many_terms: bool = False
    track_ids: Ids | None = None
    without_track: bool = False
    many_tracks: bool = False
    tag_ids: Ids | None = None
    without_tag: bool = False
    not_reviewed: bool = False
    job_id: int | None = None
    term_job_id: int | None = None
    sure_term_ids: Ids | None = None
    sure_author_ids: Ids | None = None
    without_sure_term: bool = False
    created: tuple[int | None, int | None] = (None, None)
    ranks: tuple[int | None, int | None] = (None, None)
    but_id: int | None = None
    below_id: int | None = None
    newest_first: bool = False
    near: Sequence[Near] = ()

    @property
    def by_rank(self) -> bool:
        """Whether the order is that of planes in the tracks, not the newest first."""
        return bool(self.track_ids) and not self.newest_first


def conditions(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    """Yield what regions must meet, but for where they lie; all refer to the table of regions."""
    yield from _scope(catalog, query)
    yield from _people(catalog, query)
    yield from _terms(catalog, query)
    yield from _tracks(catalog, query)
    yield from _tags(catalog, query)
    if query.ids is not None:
        yield catalog.members(_roi.id, set(query.ids))
    if query.but_id is not None:
        yield _roi.id != query.but_id
    if query.below_id is not None:
        yield _roi.id < query.below_id
    yield from _between(_roi.created_at, query.created)
    if query.not_reviewed:
        copy = cols(Roi).id.table.alias()
        yield ~(
            select(copy.c.id)
            .where(
                copy.c.original_id == _roi.id,
                copy.c.trashed_by.is_(None),
                copy.c.project_id == query.project_id,
            )
            .exists()
        )


def order_of(catalog: Catalog, query: RegionQuery) -> tuple[Any, ...]:
    """Return the order: the newest first, or along the tracks that are asked about."""
    if not query.by_rank:
        return (_roi.id.desc(),)
    rank = (
        select(func.min(_track.rank))
        .where(
            _track.roi_id == _roi.id,
            _track.trashed_by.is_(None),
            catalog.members(_track.track_id, query.track_ids or ()),
        )
        .scalar_subquery()
    )
    return rank, _roi.id.desc()


def on_plane(catalog: Catalog, plane: OnPlane) -> ColumnElement[bool]:
    """Return the condition that a shape is on a plane; without a place it is on all of an axis."""
    tests = [_shape.image_id == plane.image_id]
    for axis, place in (("c", plane.c), ("z", plane.z), ("t", plane.t)):
        if place is not None:
            tests.append(or_(_shape[axis].is_(None), _shape[axis] == place))
    return and_(*tests)


def _scope(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    yield or_(_roi.project_id == query.project_id, _roi.project_id.is_(None))
    if query.image_ids is None:
        placed = select(_placement.image_id).where(
            _placement.project_id == query.project_id,
            _placement.state == PlacementState.LIVE.value,
        )
        yield _roi.image_id.in_(placed)
    elif len(query.image_ids) == 1:
        yield _roi.image_id == query.image_ids[0]
    else:
        yield catalog.members(_roi.image_id, set(query.image_ids))
    yield _roi.kind.in_([kind.value for kind in query.kinds])
    if query.planes is not None:
        yield (
            select(_shape.id)
            .where(
                _shape.roi_id == _roi.id,
                _shape.trashed_by.is_(None),
                or_(*(on_plane(catalog, plane) for plane in query.planes)),
            )
            .correlate(_roi.id.table)
            .exists()
        )


def _people(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    if query.author_ids is not None:
        yield catalog.members(_roi.author_id, set(query.author_ids))
    if query.reviewer_ids is not None:
        yield catalog.members(_roi.reviewer_id, set(query.reviewer_ids))
    if query.job_id is not None:
        yield _roi.author_id.in_(_accounts(query.job_id))


def _accounts(job_id: int) -> Select[Any]:
    return select(_user.id).where(_user.job_id == job_id)


def _terms(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    given = _given(_term)
    if query.term_ids is not None:
        # An author asked about along with terms is whoever gave one of these.
        by = _in(catalog, _term.author_id, query.term_author_ids)
        some = given.where(_in(catalog, _term.term_id, query.term_ids), by).exists()
        yield or_(some, ~given.exists()) if query.without_term else some
    elif query.term_author_ids is not None:
        yield given.where(_in(catalog, _term.author_id, query.term_author_ids)).exists()
    elif query.without_term:
        yield ~given.exists()
    if query.many_terms:
        yield _several(_term, _term.term_id)
    sure = given.where(_term.rate.is_not(None))
    if query.sure_term_ids is not None:
        yield sure.where(_in(catalog, _term.term_id, query.sure_term_ids)).exists()
    if query.sure_author_ids is not None:
        yield given.where(_in(catalog, _term.author_id, query.sure_author_ids)).exists()
    if query.term_job_id is not None:
        yield given.where(_term.author_id.in_(_accounts(query.term_job_id))).exists()
    if query.without_sure_term:
        yield ~sure.exists()


def _tracks(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    member = _given(_track)
    if query.track_ids is not None:
        inside = member.where(
            _in(catalog, _track.track_id, query.track_ids), *_between(_track.rank, query.ranks)
        )
        yield or_(inside.exists(), ~member.exists()) if query.without_track else inside.exists()
    elif query.without_track:
        yield ~member.exists()
    if query.many_tracks:
        yield _several(_track, _track.track_id)


def _tags(catalog: Catalog, query: RegionQuery) -> Iterator[ColumnElement[bool]]:
    tagged = (
        select(_link.id)
        .join(_annotation.id.table, _annotation.id == _link.annotation_id)
        .where(
            _link.target_type == "roi",
            _link.target_id == _roi.id,
            _link.trashed_by.is_(None),
            _annotation.trashed_by.is_(None),
            _annotation.kind == AnnotationKind.TAG.value,
        )
    )
    if query.tag_ids is not None:
        some = tagged.where(_in(catalog, _link.annotation_id, query.tag_ids)).exists()
        yield or_(some, ~tagged.exists()) if query.without_tag else some
    elif query.without_tag:
        yield ~tagged.exists()


def _given(links: Any) -> Select[Any]:
    return select(links.id).where(links.roi_id == _roi.id, links.trashed_by.is_(None))


def _several(links: Any, column: Any) -> ColumnElement[bool]:
    counted = (
        select(func.count(column.distinct()))
        .where(links.roi_id == _roi.id, links.trashed_by.is_(None))
        .scalar_subquery()
    )
    return counted >= 2


def _in(catalog: Catalog, column: Any, ids: Ids | None) -> Any:
    return True if ids is None else catalog.members(column, set(ids))


def _between(column: Any, ends: tuple[int | None, int | None]) -> Iterator[ColumnElement[bool]]:
    after, before = ends
    if after is not None:
        yield column > after
    if before is not None:
        yield column < before


__all__ = ["Near", "OnPlane", "RegionQuery", "conditions", "on_plane", "order_of"]
