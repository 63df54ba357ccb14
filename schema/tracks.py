"""Tracks: one object followed through the planes of an image, and what is done to them."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.nodes import Owned
from schema.scalars import BigInt, Color
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.containers import Project
    from schema.images import Image
    from schema.rois import ROI


@strawberry.federation.type(
    keys=["id"],
    description="One object followed through time or depth: regions of an image in the order of "
    "their planes, one per plane.",
)
class Track(Owned):
    image_key: strawberry.Private[int]
    project_key: strawberry.Private[int | None]
    name: str = strawberry.field(description="What it is called.")
    color: Color = strawberry.field(description="The colour it is shown in.")

    @classmethod
    def of(cls, row: Any, can: Can) -> "Track":
        """Show a row."""
        return cls(
            **shared(row, can),
            image_key=row.image_id,
            project_key=row.project_id,
            name=row.name,
            color=Color(row.color),
        )

    @strawberry.field(description="The image it runs through.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        found: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return found

    @strawberry.field(
        description="The project it is bound to; null if it is shown in every project, or in one "
        "you may not see."
    )
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        if self.project_key is None:
            return None
        found: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return found

    @strawberry.field(description="Its regions, in the order of their planes.")
    async def members(self, info: Info) -> list["TrackMember"]:
        found: list[TrackMember] = await info.context.loaders.members_of_track.load(self.key)
        return found


@strawberry.type(description="A region in a track.")
class TrackMember:
    roi_key: strawberry.Private[int]
    rank: BigInt = strawberry.field(
        description="The rank of its plane: channel + channels × (z + planes × t), from 0."
    )

    @classmethod
    def of(cls, row: Any) -> "TrackMember":
        """Show a row."""
        return cls(roi_key=row.roi_id, rank=BigInt(row.rank))

    @strawberry.field(description="The region; null if you may not see it.")
    async def roi(self, info: Info) -> Annotated["ROI", strawberry.lazy("schema.rois")] | None:
        found: ROI | None = await info.context.loaders.roi_by_id.load(self.roi_key)
        return found


@strawberry.input(description="A new track.")
class CreateTrackInput:
    image: strawberry.ID = strawberry.field(description="The image it runs through.")
    name: str = strawberry.field(description="What to call it; unique on the image.")
    color: Color = strawberry.field(default=Color(-1), description="Its colour; white if left out.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="Bind it to this project, which must hold the image."
    )
    rois: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Its first regions, each on a plane of its own."
    )


@strawberry.input(description="What to change of a track.")
class UpdateTrackInput:
    id: strawberry.ID = strawberry.field(description="The track.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    color: Color | None = strawberry.field(default=strawberry.UNSET, description="Its new colour.")
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="Regions to put into a track, or to take out of it.")
class TrackRoisInput:
    track: strawberry.ID = strawberry.field(description="The track.")
    rois: list[strawberry.ID] = strawberry.field(description="The regions.")


@strawberry.input(description="Tracks to delete.")
class DeleteTracksInput:
    ids: list[strawberry.ID] = strawberry.field(description="The tracks; their regions stay.")


@strawberry.type(description="The new or changed track.")
class TrackPayload:
    track: Track = strawberry.field(description="As it is now.")


@strawberry.type(description="The tracks that were deleted; undo brings them back.")
class DeleteTracksPayload:
    deleted_ids: list[strawberry.ID] = strawberry.field(description="Their ids.")
