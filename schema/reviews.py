"""Reviews: going over an image in a project and keeping copies of the regions one accepts."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.scalars import DateTime

if TYPE_CHECKING:
    from schema.containers import Project
    from schema.images import Image
    from schema.people import User
    from schema.rois import ROI


@strawberry.type(description="How many of the regions that somebody drew were reviewed.")
class ReviewedLayer:
    author_key: strawberry.Private[int]
    all: int = strawberry.field(description="Regions there are, reviewed copies left out.")
    reviewed: int = strawberry.field(description="Regions with a reviewed copy.")

    @classmethod
    def of(cls, one: Any) -> "ReviewedLayer":
        """Show figures."""
        return cls(author_key=one.author_id, all=one.all, reviewed=one.reviewed)

    @strawberry.field(description="Who drew them: a person, or the account of a job.")
    async def author(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.author_key)
        return person


@strawberry.type(description="The review of an image in a project.")
class Review:
    placement_key: strawberry.Private[int]
    image_key: strawberry.Private[int]
    project_key: strawberry.Private[int]
    reviewer_key: strawberry.Private[int | None]
    started_at: DateTime | None = strawberry.field(
        description="When it was begun; null if none goes on and none was ended."
    )
    stopped_at: DateTime | None = strawberry.field(
        description="When it was ended: the image is reviewed. Null until then."
    )

    @classmethod
    def of(cls, row: Any) -> "Review":
        """Show a row."""
        return cls(
            placement_key=row.id,
            image_key=row.image_id,
            project_key=row.project_id,
            reviewer_key=row.reviewer_id,
            started_at=_moment(row.review_started_at),
            stopped_at=_moment(row.review_stopped_at),
        )

    @strawberry.field(description="Whether it goes on.")
    def in_review(self) -> bool:
        return self.started_at is not None and self.stopped_at is None

    @strawberry.field(description="Who reviews; null if nobody does or you may not see them.")
    async def reviewer(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        if self.reviewer_key is None:
            return None
        person: User | None = await info.context.loaders.user_by_id.load(self.reviewer_key)
        return person

    @strawberry.field(description="The image.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        found: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return found

    @strawberry.field(description="The project it is reviewed in.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        found: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return found

    @strawberry.field(description="How far it has come, by who drew the regions.")
    async def layers(self, info: Info) -> list[ReviewedLayer]:
        found: list[ReviewedLayer] = await info.context.loaders.layers_of_review.load(
            self.placement_key
        )
        return found


def _moment(at: int | None) -> DateTime | None:
    return None if at is None else DateTime(at)


@strawberry.input(description="An image in a project.")
class ReviewInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    project: strawberry.ID = strawberry.field(description="The project, which must hold it.")


@strawberry.input(description="Regions to accept. Their image must be in review by you.")
class ReviewRoiInput:
    roi: strawberry.ID = strawberry.field(description="The region.")
    terms: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Terms of the copy; those of the region if left out or empty."
    )
    project: strawberry.ID | None = strawberry.field(
        default=None, description="In which project, for a region that is bound to none."
    )


@strawberry.input(description="A region to reject that was accepted.")
class UnreviewRoiInput:
    roi: strawberry.ID = strawberry.field(description="The region, or its reviewed copy.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="In which project, for a region that is bound to none."
    )


@strawberry.input(description="Whole layers of an image in a project.")
class ReviewLayersInput(ReviewInput):
    authors: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Regions drawn by these; by anybody if left out."
    )


@strawberry.type(description="The review.")
class ReviewPayload:
    review: Review = strawberry.field(description="As it is now.")


@strawberry.type(description="A region that was accepted.")
class ReviewRoiPayload:
    roi: Annotated["ROI", strawberry.lazy("schema.rois")] = strawberry.field(
        description="Its reviewed copy."
    )


@strawberry.type(description="Regions that were accepted.")
class ReviewRoisPayload:
    rois: list[Annotated["ROI", strawberry.lazy("schema.rois")]] = strawberry.field(
        description="Their reviewed copies."
    )


@strawberry.type(description="Regions that were rejected; undo brings the copies back.")
class UnreviewPayload:
    deleted_ids: list[strawberry.ID] = strawberry.field(
        description="The ids of their reviewed copies."
    )
