"""Regions drawn on images in projects, many in one act, and their places changed afterwards.

What is sent is checked item by item first; the good ones are stored together as one command. A
region bound to no project stays so when it is changed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import shapely

from adapters.annotation_values import checked_value
from adapters.attaching import attach, insert
from adapters.drawing import NewRoi, add_regions
from adapters.geometry.simplify import simplified
from adapters.geometry.text import read_wkt, wkt
from adapters.placements import Placed, Placements
from adapters.planes import Plane, Planes, Stack
from adapters.region_lists import Region, RegionLists
from adapters.shapes import Canvas, Columns, Draft, Wkt, prepared
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, HubError, Invalid, NotFound
from store.statement import cols
from store.tables.annotations import AnnotationKind
from store.tables.containers import Project
from store.tables.ontologies import Term
from store.tables.rois import Roi, RoiKind, RoiTrack, Shape, Track
from store.unit import Unit

_roi, _shape, _member = cols(Roi), cols(Shape), cols(RoiTrack)
_IN_THREAD = 20


@dataclass(frozen=True, slots=True)
class NewRegion:
    """A region to be drawn on an image in a project, or on a plane of one.

    text: WKT in pixels, y up; what lies outside the image is cut off. Without `plane_id` the plane
    that stands for the image is meant. pairs: key-values that go with it.
    """

    text: str
    placement_id: int | None = None
    plane_id: int | None = None
    terms: Sequence[int] = ()
    tracks: Sequence[int] = ()
    pairs: Sequence[tuple[str, str]] = ()
    points: tuple[int | None, int | None] = (None, None)


@dataclass(slots=True)
class _Ready:
    """An item on its way: where it lies, and its columns."""

    new: NewRegion
    place: Placed
    plane: Plane
    channels: int
    columns: list[Columns] = field(default_factory=list)

    @property
    def where(self) -> tuple[int, int]:
        return self.place.row.image_id, self.place.row.project_id

    def draft(self, text: str) -> Draft:
        c = self.plane.c if self.channels > 1 else None
        return Draft(Wkt(text, y_up=True, clip=True), c, self.plane.z, self.plane.t)


class DrawnRegions:
    """Verbs that draw and redraw regions as projects show them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._placements, self._planes = Placements(catalog), Planes(catalog)

    async def add(
        self,
        news: Sequence[NewRegion],
        *,
        kind: RoiKind = RoiKind.USER,
        namespace: str | None = None,
    ) -> list[int | HubError]:
        """Draw regions; return for each its id, or why it was refused. One command.

        `namespace` is that of the key-values.
        """
        done: list[int | HubError | None] = [None] * len(news)
        ready = await self._located(news, done)
        await self._check_terms(ready, done)
        await self._check_tracks(ready, done)
        await _prepare(ready, done)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"draw {len(ready)} regions"
            groups: dict[tuple[int, int], list[int]] = {}
            for at, one in ready.items():
                groups.setdefault(one.where, []).append(at)
            await _refuse_taken(unit, ready, done)
            for where, ats in groups.items():
                await _store(unit, where, {at: ready[at] for at in ats if at in ready}, kind, done)
            await _add_to_tracks(unit, ready, done)
            await _add_pairs(unit, ready, done, namespace)

        if ready:
            await self._catalog.write("create_roi", work)
        return [one if one is not None else Invalid("location", "not stored.") for one in done]

    async def redraw(
        self,
        region: Region,
        *,
        text: str | None = None,
        plane_id: int | None = None,
    ) -> bool:
        """Replace the shapes of the plane a region is shown on, or move them to another plane.

        A text or plane as shown now changes nothing; tell whether anything changed. The first of
        the old shapes passes on its style. Raises Invalid, NotFound or Forbidden.
        """
        fresh = await self._redrawn(region, text, plane_id)
        if fresh is None:
            return False

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"change region {region.id}"
            await replace(unit, region, fresh)

        await self._catalog.write("update_roi", work)
        return True

    async def _redrawn(
        self, region: Region, text: str | None, plane_id: int | None
    ) -> list[Columns] | None:
        """Return the columns of the shapes that a region is to have in place of those shown."""
        if text is not None and _same(text, region.wkt):
            text = None
        if plane_id == region.slice_id:
            plane_id = None
        if text is None and plane_id is None:
            return None
        stack = (await self._planes.of_placements([region.place.row]))[region.place.row.id]
        at: dict[str, Any] = {}
        if plane_id is not None:
            plane = stack.plane(plane_id)
            if plane is None:
                raise Invalid("slice", f"{plane_id} is no plane of the annotation's image.")
            at = {"c": plane.c if stack.channels > 1 else None, "z": plane.z, "t": plane.t}
        rows = await self._catalog.all(
            Shape,
            self._catalog.select(Shape)
            .where(self._catalog.members(_shape.id, [one.id for one in region.shapes]))
            .order_by(_shape.id),
        )
        if text is None:
            return [Columns.of(row)._replace(**at) for row in rows]
        first = rows[0]
        held: dict[str, Any] = {"c": first.c, "z": first.z, "t": first.t}
        draft = Draft(
            Wkt(text, y_up=True, clip=True),
            **(held | at),
            style=first.style,
            text=first.text if len(rows) == 1 else None,
        )
        return _columns(draft, canvas_of(region.place))

    async def correct(
        self, regions: Sequence[Region], geometry: str, *, remove: bool
    ) -> Region | None:
        """Cut a geometry (WKT, y up) out of regions, or join it with them into the first.

        Regions of which nothing is left, and those joined into another, are put into the trash.
        Return the region that was kept. One command. Raises NotFound for no regions.
        """
        if not regions:
            raise NotFound("annotation", "that meets this geometry")
        shape = read_wkt(geometry)
        kept: list[tuple[Region, str]] = []
        gone: list[int] = []
        if remove:
            for one in regions:
                left = shapely.difference(shapely.from_wkt(one.wkt), shape)
                if left.is_empty:
                    gone.append(one.id)
                else:
                    kept.append((one, wkt(left)))
        else:
            every = [shapely.from_wkt(one.wkt) for one in regions]
            kept = [(regions[0], wkt(shapely.unary_union([*every, shape])))]
            gone = [one.id for one in regions[1:]]
        fresh = [(one, await self._redrawn(one, text, None)) for one, text in kept]

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"correct {len(regions)} regions"
            for one, columns in fresh:
                if columns is not None:
                    await replace(unit, one, columns)
            if gone:
                await unit.trash(Roi, gone)

        await self._catalog.write("update_roi", work)
        first = kept[0][0] if kept else None
        return (
            None
            if first is None
            else await RegionLists(self._catalog).one(first.id, first.place.row.project_id)
        )

    # inside

    async def _located(
        self, news: Sequence[NewRegion], done: list[int | HubError | None]
    ) -> dict[int, _Ready]:
        planes = await self._planes.located(
            {new.plane_id for new in news if new.plane_id is not None}
        )
        wanted = {plane.placement_id for plane in planes.values()} | {
            new.placement_id for new in news if new.plane_id is None
        }
        ids = [id for id in wanted if id is not None]
        places = {one.row.id: one for one in await self._placements.by_ids(ids)}
        stacks = await self._planes.of_placements([one.row for one in places.values()])
        ready: dict[int, _Ready] = {}
        for at, new in enumerate(news):
            try:
                place, plane = await self._place(new, planes, places, stacks)
                canvas_of(place)
                ready[at] = _Ready(new, place, plane, stacks[place.row.id].channels)
            except HubError as error:
                done[at] = error
        return ready

    async def _place(
        self,
        new: NewRegion,
        planes: Mapping[int, Plane],
        places: Mapping[int, Placed],
        stacks: dict[int, Stack],
    ) -> tuple[Placed, Plane]:
        if new.plane_id is not None:
            plane = planes.get(new.plane_id)
            at = None if plane is None else places.get(plane.placement_id or 0)
            if plane is None or at is None:
                raise NotFound("slice", new.plane_id)
            return at, plane
        place = places.get(new.placement_id or 0)
        if place is None:
            raise NotFound("image", new.placement_id)
        found = stacks[place.row.id].reference()
        if found is None:
            # A declared image gets a plane when the first region needs one.
            _, stacks[place.row.id] = await self._placements.stack(place.row.id, fill=True)
            found = stacks[place.row.id].reference()
        if found is None:
            raise Invalid("image", f"image {place.row.id} has no plane to draw on.")
        return place, found

    async def _check_terms(
        self, ready: dict[int, _Ready], done: list[int | HubError | None]
    ) -> None:
        asked = sorted({term for one in ready.values() for term in one.new.terms})
        if not asked:
            return
        rows = await self._catalog.by_ids(Term, asked)
        terms = {row.id: row for row in rows if row is not None}
        ids = sorted({one.where[1] for one in ready.values()})
        projects = {row.id: row for row in await self._catalog.by_ids(Project, ids) if row}
        for at, one in list(ready.items()):
            ontology = projects[one.where[1]].ontology_id if one.where[1] in projects else None
            for id in one.new.terms:
                if id not in terms:
                    done[at] = NotFound("term", id)
                elif terms[id].ontology_id != ontology:
                    done[at] = Invalid(
                        "term", f"{terms[id].name!r} is not a term of the project's ontology."
                    )
            if done[at] is not None:
                del ready[at]

    async def _check_tracks(
        self, ready: dict[int, _Ready], done: list[int | HubError | None]
    ) -> None:
        asked = sorted({track for one in ready.values() for track in one.new.tracks})
        if not asked:
            return
        tracks = {row.id: row for row in await self._catalog.by_ids(Track, asked) if row}
        for at, one in list(ready.items()):
            image, project = one.where
            for id in one.new.tracks:
                track = tracks.get(id)
                if track is None:
                    done[at] = NotFound("track", id)
                elif track.image_id != image or track.project_id not in (None, project):
                    done[at] = Invalid("track", f"track {id} is not of the annotation's image.")
            if done[at] is not None:
                del ready[at]


async def replace(unit: Unit, region: Region, fresh: Sequence[Columns]) -> None:
    """Put shapes in place of those a region is shown by; the order of all is kept."""
    row = await unit.one(Roi, region.id, can=Can.EDIT)
    old = await unit.all(Shape, _shape.roi_id == region.id, order=_shape.id)
    there = {one.id for one in region.shapes}
    if not there <= {one.id for one in old}:
        raise Conflict(f"Annotation {region.id} was changed meanwhile; read it again.")
    start = min(n for n, one in enumerate(old) if one.id in there)
    after = [one for one in old[start:] if one.id not in there]
    # Ids give the order, so what came after the shapes that go is written anew.
    wanted = [*fresh, *(Columns.of(one) for one in after)]
    await unit.stamp(Shape, [one.id for one in old[start:]])
    await unit.add_many(
        Shape,
        ("roi_id", "image_id", *Columns._fields),
        [(row.id, row.image_id, *columns) for columns in wanted],
    )
    await unit.grow(Roi, row)


def canvas_of(place: Placed) -> Canvas:
    """Return what is drawn on. Raises Invalid for an image declared without a size."""
    pixels = place.pixels
    if not pixels.size_x or not pixels.size_y:
        raise Invalid("image", f"image {place.row.id} has no size, so it cannot hold shapes.")
    return Canvas(
        pixels.size_x, pixels.size_y, pixels.size_c or 1, pixels.size_z or 1, pixels.size_t or 1
    )


def _same(text: str, shown: str) -> bool:
    if text.strip() == shown:
        return True
    return wkt(read_wkt(text)) == shown


def _columns(draft: Draft, canvas: Canvas) -> list[Columns]:
    try:
        (found,) = prepared([draft], canvas)
    except Invalid as error:
        field = error.field.rpartition(".")[2]
        raise Invalid("location" if field == "wkt" else field, error.reason) from error
    return found


async def _prepare(ready: dict[int, _Ready], done: list[int | HubError | None]) -> None:
    if len(ready) > _IN_THREAD:
        await asyncio.to_thread(_prepare_all, ready, done)
    else:
        _prepare_all(ready, done)


def _prepare_all(ready: dict[int, _Ready], done: list[int | HubError | None]) -> None:
    """Give each item its columns; those that cannot be drawn are refused. Of an image at once."""
    groups: dict[tuple[int, int], list[int]] = {}
    for at, one in ready.items():
        groups.setdefault(one.where, []).append(at)
    for ats in groups.values():
        canvas = canvas_of(ready[ats[0]].place)
        try:
            drafts = [ready[at].draft(_text(ready[at].new)) for at in ats]
            for at, columns in zip(ats, prepared(drafts, canvas), strict=True):
                ready[at].columns = columns
        except Invalid:
            for at in ats:
                try:
                    one = ready[at]
                    one.columns = _columns(one.draft(_text(one.new)), canvas)
                except Invalid as error:
                    done[at] = error
                    del ready[at]


def _text(new: NewRegion) -> str:
    least, most = new.points
    if most is None:
        return new.text
    return wkt(simplified(read_wkt(new.text), least, most)[0])


async def _store(
    unit: Unit,
    where: tuple[int, int],
    items: Mapping[int, _Ready],
    kind: RoiKind,
    done: list[int | HubError | None],
) -> None:
    """Store the items of one image in one project; a refusal is that of all of them."""
    news = [NewRoi((), one.new.terms) for one in items.values()]
    image_id, project_id = where
    try:
        ids = await add_regions(
            unit,
            image_id,
            news,
            [one.columns for one in items.values()],
            project_id=project_id,
            kind=kind,
            author_id=None,
        )
    except HubError as error:  # Raised before anything is stored.
        for at in items:
            done[at] = error
        return
    for at, id in zip(items, ids, strict=True):
        done[at] = id


def _places_in_tracks(ready: Mapping[int, _Ready]) -> list[tuple[int, int, int]]:
    return [
        (at, track, one.plane.rank)
        for at, one in ready.items()
        for track in dict.fromkeys(one.new.tracks)
    ]


async def _refuse_taken(
    unit: Unit, ready: dict[int, _Ready], done: list[int | HubError | None]
) -> None:
    """Refuse what would be the second region of a track on one plane."""
    wanted = _places_in_tracks(ready)
    if not wanted:
        return
    members = await unit.all(RoiTrack, unit.members(_member.track_id, {one[1] for one in wanted}))
    taken = {(one.track_id, one.rank) for one in members}
    for at, track, rank in wanted:
        if (track, rank) in taken:
            done[at] = Conflict(f"Track {track} has an annotation on this slice already.")
            ready.pop(at, None)
        taken.add((track, rank))


async def _add_to_tracks(
    unit: Unit, ready: Mapping[int, _Ready], done: Sequence[int | HubError | None]
) -> None:
    now, me = now_ms(), unit.actor.author_id
    await unit.add_many(
        RoiTrack,
        ("roi_id", "track_id", "rank", "owner_id", "created_at"),
        [
            (done[at], track, rank, me, now)
            for at, track, rank in _places_in_tracks(ready)
            if isinstance(done[at], int)
        ],
    )


async def _add_pairs(
    unit: Unit,
    ready: Mapping[int, _Ready],
    done: Sequence[int | HubError | None],
    namespace: str | None,
) -> None:
    for at, one in ready.items():
        id = done[at]
        if not one.new.pairs or not isinstance(id, int):
            continue
        (roi,) = await unit.all(Roi, _roi.id == id)
        pairs: Any = checked_value(AnnotationKind.MAP, list(one.new.pairs))
        made = await insert(unit, AnnotationKind.MAP, pairs, [one.place.image], ns=namespace)
        await attach(unit, [made.id], {("roi", id): roi})


__all__ = ["DrawnRegions", "NewRegion", "canvas_of"]
