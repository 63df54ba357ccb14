"""Tracks: one object followed through time or depth, as an ordered set of regions of an image.

The rank of a region in its track is the rank of its plane in the image, ``c + C·(z + Z·t)`` with
C = 1 for RGB, so that a track has one region per plane at most.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.containers import checked_name
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Conflict, Invalid, NotFound
from store.statement import cols
from store.tables.columns import name_key
from store.tables.images import Image, Pixels
from store.tables.rois import Roi, RoiTrack, Shape, Track
from store.unit import Unit

_track, _member, _roi, _shape = cols(Track), cols(RoiTrack), cols(Roi), cols(Shape)


class Tracks:
    """Verbs on tracks and the regions in them."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, id: int) -> Track:
        """Return one track. Raises NotFound."""
        return await self._catalog.one(Track, id)

    async def of_images(self, image_ids: Sequence[int]) -> dict[int, list[Track]]:
        """Return the tracks of each image, by name; one statement."""
        found = await self._catalog.grouped(
            Track, "image_id", image_ids, order=(_track.name_key, _track.id)
        )
        return dict(zip(image_ids, found, strict=True))

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

    async def add(self, track_id: int, roi_ids: Sequence[int]) -> int:
        """Put regions into a track; return how many are new. Raises as `create`."""

        async def work(unit: Unit) -> int:
            track = await unit.one(Track, track_id, can=Can.EDIT)
            unit.journal.summary = f"add {len(roi_ids)} regions to track {track.name}"
            return await self._add(unit, track, roi_ids)

        return await self._catalog.write("add_to_track", work)

    async def _free(self, unit: Unit, image_id: int, project_id: int | None, title: str) -> None:
        held = await unit.all(
            Track,
            _track.image_id == image_id,
            _track.project_id.is_(None) if project_id is None else _track.project_id == project_id,
            _track.name_key == name_key(title),
        )
        if held:
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
