"""Tracks: one object followed through time or depth, as an ordered set of regions of an image.

The rank of a region in its track is the rank of its plane in the image, ``c + C·(z + Z·t)`` with
C = 1 for RGB, so that a track has one region per plane at most.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import or_, select

from adapters.containers import checked_name
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Invalid, NotFound
from store.statement import cols
from store.tables.columns import name_key
from store.tables.containers import Placement, PlacementState, Project
from store.tables.images import Image, Pixels
from store.tables.rois import Roi, RoiTrack, Shape, Track
from store.unit import Unit

_track, _member, _roi, _shape = cols(Track), cols(RoiTrack), cols(Roi), cols(Shape)
_placement = cols(Placement)


class Tracks:
    """Verbs on tracks and the regions in them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, id: int) -> Track:
        """Return one track. Raises NotFound."""
        return await self._catalog.one(Track, id)

    async def many(self, ids: Sequence[int]) -> dict[int, Track]:
        """Return the visible ones of these tracks by id, in one statement."""
        found = await self._catalog.by_ids(Track, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    async def capabilities(self, rows: Sequence[Track]) -> list[Can]:
        """Return what the actor may do to each track."""
        return await self._catalog.capabilities(Track, rows)

    async def of_images(self, image_ids: Sequence[int]) -> dict[int, list[Track]]:
        """Return the tracks of each image, by name; one statement."""
        found = await self._catalog.grouped(
            Track, "image_id", image_ids, order=(_track.name_key, _track.id)
        )
        return dict(zip(image_ids, found, strict=True))

    async def of_project(self, project_id: int) -> Sequence[Track]:
        """Return the tracks shown in a project, by name: bound to it, or to none on its images.

        A track on an image that left the project is not shown. Raises NotFound.
        """
        await self._catalog.one(Project, project_id)
        placed = select(_placement.image_id).where(
            _placement.project_id == project_id,
            _placement.state == PlacementState.LIVE.value,
        )
        return await self._catalog.all(
            Track,
            self._catalog.select(Track)
            .where(
                or_(_track.project_id == project_id, _track.project_id.is_(None)),
                _track.image_id.in_(placed),
            )
            .order_by(_track.name_key, _track.id),
        )

    async def of_rois(self, roi_ids: Sequence[int]) -> dict[int, list[RoiTrack]]:
        """Return the places of regions in tracks that live, by id; one statement."""
        gathered: dict[int, list[RoiTrack]] = {id: [] for id in roi_ids}
        for row in await self._catalog.all(
            RoiTrack,
            self._catalog.select(RoiTrack)
            .where(
                self._catalog.members(_member.roi_id, set(roi_ids)),
                _member.track_id.in_(self._catalog.visible_ids(Track)),
            )
            .order_by(_member.id),
        ):
            gathered[row.roi_id].append(row)
        return gathered

    async def member(self, track_id: int, roi_id: int) -> RoiTrack:
        """Return the place of a region in a track. Raises NotFound."""
        await self.get(track_id)
        for row in (await self.members([track_id]))[track_id]:
            if row.roi_id == roi_id:
                return row
        raise NotFound("region of the track", roi_id)

    async def members(self, track_ids: Sequence[int]) -> dict[int, list[RoiTrack]]:
        """Return the regions of each track, in order; one statement."""
        found = await self._catalog.grouped(
            RoiTrack, "track_id", track_ids, order=(_member.rank, _member.id)
        )
        return dict(zip(track_ids, found, strict=True))

    async def create(
        self,
        image_id: int,
        name: str,
        *,
        color: int = -1,
        project_id: int | None = None,
        roi_ids: Sequence[int] = (),
    ) -> Track:
        """Make a track of an image, with regions of it if any are named.

        Raises Conflict for a taken name or two regions on one plane, Invalid for a region that lies
        on another image or on every plane at once.
        """
        title = checked_name(name)

        async def work(unit: Unit) -> Track:
            unit.journal.summary = f"create track {title}"
            image = await unit.one(Image, image_id, can=Can.ANNOTATE)
            if project_id is not None:
                await _placed(unit, image_id, project_id)
            await self._free(unit, image_id, project_id, title)
            track = await unit.add(
                Track(
                    image_id=image_id, project_id=project_id, name=title, color=color,
                    owner_id=unit.actor.author_id, group_id=image.group_id,
                )
            )  # fmt: skip
            await self._add(unit, track, roi_ids)
            return track

        return await self._catalog.write("create_track", work)

    async def update(self, id: int, *, expected: int | None = None, **fields: Any) -> Track:
        """Change name or colour. Raises Conflict for a taken name or a stale version."""
        after = _checked(fields)

        async def work(unit: Unit) -> Track:
            unit.journal.summary = f"change track {id}"
            if "name" in after:
                row = await unit.one(Track, id)
                await self._free(unit, row.image_id, row.project_id, after["name"], but=id)
            return await unit.change(Track, id, expected=expected, **after)

        return await self._catalog.write("update_track", work)

    async def delete(self, ids: Sequence[int]) -> None:
        """Put tracks into the trash; the regions in them stay. Raises NotFound or Forbidden."""

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"delete {len(ids)} tracks"
            await unit.trash(Track, ids)

        await self._catalog.write("delete_track", work)

    async def add(self, track_id: int, roi_ids: Sequence[int], *, anew: bool = False) -> int:
        """Put regions into a track; return how many are new. Raises as `create`.

        With `anew`, one that is in the track already is a Conflict.
        """

        async def work(unit: Unit) -> int:
            track = await unit.one(Track, track_id, can=Can.EDIT)
            unit.journal.summary = f"add {len(roi_ids)} regions to track {track.name}"
            added = await self._add(unit, track, roi_ids)
            if anew and added < len(roi_ids):
                raise Conflict(f"Track {track.name} has this region already.", noun="roi_track")
            if added:
                unit.tell("changed", Track, track)
            return added

        return await self._catalog.write("add_to_track", work)

    async def remove(self, track_id: int, roi_ids: Sequence[int]) -> Sequence[RoiTrack]:
        """Take regions out of a track; return the places they had. Raises NotFound for others."""

        async def work(unit: Unit) -> Sequence[RoiTrack]:
            track = await unit.one(Track, track_id, can=Can.EDIT)
            unit.journal.summary = f"take {len(roi_ids)} regions out of track {track.name}"
            gone = await unit.all(
                RoiTrack, _member.track_id == track_id, unit.members(_member.roi_id, roi_ids)
            )
            missing = set(roi_ids) - {row.roi_id for row in gone}
            if missing:
                raise NotFound("region of the track", min(missing))
            await unit.stamp(RoiTrack, [row.id for row in gone])
            unit.tell("changed", Track, track)
            return gone

        return await self._catalog.write("remove_from_track", work)

    async def _free(
        self,
        unit: Unit,
        image_id: int,
        project_id: int | None,
        title: str,
        *,
        but: int | None = None,
    ) -> None:
        held = await unit.all(
            Track,
            _track.image_id == image_id,
            _track.project_id.is_(None) if project_id is None else _track.project_id == project_id,
            _track.name_key == name_key(title),
        )
        if any(one.id != but for one in held):
            raise Conflict(
                f"There is already track {held[0].id} named {title!r}; choose another name.",
                noun="track",
                id=held[0].id,
            )

    async def _add(self, unit: Unit, track: Track, roi_ids: Sequence[int]) -> int:
        wanted = list(dict.fromkeys(roi_ids))
        rows = {row.id: row for row in await unit.all(Roi, unit.members(_roi.id, wanted))}
        ranks = await self._ranks(unit, track.image_id, wanted)
        members = await unit.all(RoiTrack, _member.track_id == track.id)
        there = {member.roi_id for member in members}
        taken = {member.rank for member in members}
        fresh = []
        for id in wanted:
            if id not in rows:
                raise NotFound("roi", id)
            await unit.require(Roi, rows[id], Can.EDIT)
            if rows[id].image_id != track.image_id:
                raise Invalid("rois", f"region {id} lies on another image than the track.")
            if id in there:
                continue
            if id not in ranks:
                raise Invalid("rois", f"region {id} lies on no single plane.")
            if ranks[id] in taken:
                raise Conflict(f"Track {track.name} has a region on the plane of region {id}.")
            taken.add(ranks[id])
            fresh.append((id, track.id, ranks[id], unit.actor.author_id, now_ms()))
        await unit.add_many(
            RoiTrack, ("roi_id", "track_id", "rank", "owner_id", "created_at"), fresh
        )
        return len(fresh)

    async def _ranks(self, unit: Unit, image_id: int, roi_ids: Sequence[int]) -> dict[int, int]:
        """Return the rank of the one plane of each region, where there is one."""
        pixels = await unit.one(Pixels, image_id)
        size_c, size_z = (1 if pixels.rgb else pixels.size_c or 1), pixels.size_z or 1
        size_t = pixels.size_t or 1
        found: dict[int, set[int | None]] = {}
        for shape in await unit.all(Shape, unit.members(_shape.roi_id, roi_ids)):
            # An axis of one plane needs no index.
            c, z, t = (
                0 if place is None and size == 1 else place
                for place, size in ((shape.c, size_c), (shape.z, size_z), (shape.t, size_t))
            )
            if c is None or z is None or t is None:
                found.setdefault(shape.roi_id, set()).add(None)
            else:
                found.setdefault(shape.roi_id, set()).add(c + size_c * (z + size_z * t))
        return {
            id: rank for id, (rank, *others) in found.items() if rank is not None and not others
        }


async def _placed(unit: Unit, image_id: int, project_id: int) -> None:
    """Raise Invalid unless the image lies in the project."""
    if not await unit.all(
        Placement, _placement.project_id == project_id, _placement.image_id == image_id
    ):
        raise Invalid("project", f"image {image_id} does not lie in project {project_id}.")


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    after = dict(fields)
    for name in after:
        if name not in ("name", "color"):
            raise Invalid(name, "a track has no such field to set.")
    if "name" in after:
        after["name"] = checked_name(after["name"] or "")
    if "color" in after and not -(2**31) <= after["color"] < 2**31:
        raise Invalid("color", "must be a signed 32-bit colour.")
    return after
