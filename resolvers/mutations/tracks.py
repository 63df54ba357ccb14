"""Changing tracks."""

import strawberry

from resolvers.mutations.base import given, mutation
from resolvers.queries.tracks import shown
from schema.context import Info
from schema.scalars import decode_id, decode_ids, encode_id
from schema.tracks import (
    CreateTrackInput,
    DeleteTracksInput,
    DeleteTracksPayload,
    Track,
    TrackPayload,
    TrackRoisInput,
    UpdateTrackInput,
)


@strawberry.type
class TrackMutations:
    @mutation
    async def create_track(self, info: Info, input: CreateTrackInput) -> TrackPayload:
        """Make a track of an image, with regions of it if any are named."""
        project = input.project
        row = await info.context.hub.tracks.create(
            decode_id(input.image, "Image", field="image"),
            input.name,
            color=input.color,
            project_id=None if project is None else decode_id(project, "Project", field="project"),
            roi_ids=decode_ids(input.rois, "ROI", field="rois"),
        )
        return TrackPayload(track=await _track(info, row.id))

    @mutation
    async def update_track(self, info: Info, input: UpdateTrackInput) -> TrackPayload:
        """Change a track; fields left out stay."""
        id = decode_id(input.id, "Track")
        fields = {
            name: value
            for name, value in given(input, id="", version="").items()
            if not (name == "color" and value is None)
        }
        await info.context.hub.tracks.update(id, expected=input.version, **fields)
        return TrackPayload(track=await _track(info, id))

    @mutation
    async def add_to_track(self, info: Info, input: TrackRoisInput) -> TrackPayload:
        """Put regions into a track of their image, each on a plane of its own."""
        id, rois = _members(input)
        await info.context.hub.tracks.add(id, rois)
        return TrackPayload(track=await _track(info, id))

    @mutation
    async def remove_from_track(self, info: Info, input: TrackRoisInput) -> TrackPayload:
        """Take regions out of a track; they stay on the image."""
        id, rois = _members(input)
        await info.context.hub.tracks.remove(id, rois)
        return TrackPayload(track=await _track(info, id))

    @mutation
    async def delete_tracks(self, info: Info, input: DeleteTracksInput) -> DeleteTracksPayload:
        """Delete tracks; the regions in them stay."""
        ids = decode_ids(input.ids, "Track", field="ids")
        await info.context.hub.tracks.delete(ids)
        return DeleteTracksPayload(
            deleted_ids=[strawberry.ID(encode_id("Track", id)) for id in ids]
        )


def _members(input: TrackRoisInput) -> tuple[int, list[int]]:
    return decode_id(input.track, "Track", field="track"), decode_ids(
        input.rois, "ROI", field="rois"
    )


async def _track(info: Info, id: int) -> Track:
    hub = info.context.hub
    return (await shown(hub, [await hub.tracks.get(id)]))[id]
