"""Reading tracks, and reviews of images."""

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry

from resolvers.loaders import relation
from resolvers.nodes import one
from schema.context import Info
from schema.reviews import Review, ReviewedLayer
from schema.rois import ROI
from schema.scalars import decode_id
from schema.tracks import Track, TrackMember


async def shown(hub: Any, rows: Sequence[Any]) -> dict[int, Track]:
    """Show tracks with what the actor may do to them, by id."""
    allowed = await hub.tracks.capabilities(rows) if rows else []
    return {row.id: Track.of(row, can) for row, can in zip(rows, allowed, strict=True)}


@relation(node=Track)
async def track_by_id(hub: Any, keys: list[int]) -> Mapping[int, Track]:
    return await shown(hub, list((await hub.tracks.many(keys)).values()))


@relation(missing=list)
async def tracks_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[Track]]:
    found = await hub.tracks.of_images(keys)
    tracks = await shown(hub, [row for rows in found.values() for row in rows])
    return {id: [tracks[row.id] for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def tracks_of_roi(hub: Any, keys: list[int]) -> Mapping[int, list[Track]]:
    found = await hub.tracks.of_rois(keys)
    wanted = sorted({row.track_id for rows in found.values() for row in rows})
    tracks = await shown(hub, list((await hub.tracks.many(wanted)).values()))
    return {
        id: [tracks[row.track_id] for row in rows if row.track_id in tracks]
        for id, rows in found.items()
    }


@relation(missing=list)
async def members_of_track(hub: Any, keys: list[int]) -> Mapping[int, list[TrackMember]]:
    found = await hub.tracks.members(keys)
    return {id: [TrackMember.of(row) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def reviews_of_image(hub: Any, keys: list[int]) -> Mapping[int, list[Review]]:
    found = await hub.reviews.of_images(keys)
    return {id: [Review.of(row) for row in rows] for id, rows in found.items()}


@relation(missing=list)
async def layers_of_review(hub: Any, keys: list[int]) -> Mapping[int, list[ReviewedLayer]]:
    found = await hub.reviews.progresses(keys)
    return {id: [ReviewedLayer.of(one) for one in rows] for id, rows in found.items()}


@relation(missing=list)
async def copies_of_roi(hub: Any, keys: list[int]) -> Mapping[int, list[ROI]]:
    found = await hub.reviews.copies_of(keys)
    judged = await hub.rois.seen([row for rows in found.values() for row in rows])
    copies = {one.row.id: ROI.of(one) for one in judged}
    return {id: [copies[row.id] for row in rows] for id, rows in found.items()}


@strawberry.type
class TrackQueries:
    @strawberry.field(description="One track.")
    async def track(self, info: Info, id: strawberry.ID) -> Track | None:
        return await one(info, id, Track)

    @strawberry.field(
        description="The tracks shown in a project, by name: those bound to it, and those bound to "
        "none on its images."
    )
    async def tracks(self, info: Info, project: strawberry.ID) -> list[Track]:
        hub = info.context.hub
        rows = await hub.tracks.of_project(decode_id(project, "Project", field="project"))
        return list((await shown(hub, rows)).values())
