"""Reviewing images, and giving single terms with a classifier's verdict."""

from typing import Any

import strawberry

from adapters.labelling import Verdict
from resolvers.mutations.base import mutation
from resolvers.queries.rois import shown
from schema.context import Info
from schema.reviews import (
    Review,
    ReviewInput,
    ReviewLayersInput,
    ReviewPayload,
    ReviewRoiInput,
    ReviewRoiPayload,
    ReviewRoisPayload,
    UnreviewPayload,
    UnreviewRoiInput,
)
from schema.rois import RateTermInput, RoiPayload
from schema.scalars import decode_id, decode_ids, encode_id


@strawberry.type
class ReviewMutations:
    @mutation
    async def start_review(self, info: Info, input: ReviewInput) -> ReviewPayload:
        """Begin to review an image in a project; you are its reviewer."""
        return await _changed(info, input, "start")

    @mutation
    async def stop_review(self, info: Info, input: ReviewInput) -> ReviewPayload:
        """End your review of an image: it is reviewed."""
        return await _changed(info, input, "stop")

    @mutation
    async def cancel_review(self, info: Info, input: ReviewInput) -> ReviewPayload:
        """Take a review one step back: from reviewed to in review, or from that to neither."""
        return await _changed(info, input, "cancel")

    @mutation
    async def review_roi(self, info: Info, input: ReviewRoiInput) -> ReviewRoiPayload:
        """Accept a region: a reviewed copy of it is kept."""
        terms = None if input.terms is None else decode_ids(input.terms, "Term", field="terms")
        row = await info.context.hub.reviews.review(
            decode_id(input.roi, "ROI", field="roi"), terms, project_id=_project(input.project)
        )
        (roi,) = await shown(info, [row])
        return ReviewRoiPayload(roi=roi)

    @mutation
    async def review_layers(self, info: Info, input: ReviewLayersInput) -> ReviewRoisPayload:
        """Accept all regions on an image, or those of some authors, that were not yet."""
        rows = await info.context.hub.reviews.review_layers(
            await _placement(info, input), _authors(input)
        )
        return ReviewRoisPayload(rois=await shown(info, rows))

    @mutation
    async def unreview_roi(self, info: Info, input: UnreviewRoiInput) -> UnreviewPayload:
        """Reject a region that was accepted: its reviewed copy goes to the trash."""
        row = await info.context.hub.reviews.unreview(
            decode_id(input.roi, "ROI", field="roi"), project_id=_project(input.project)
        )
        return UnreviewPayload(deleted_ids=[strawberry.ID(encode_id("ROI", row.id))])

    @mutation
    async def unreview_layers(self, info: Info, input: ReviewLayersInput) -> UnreviewPayload:
        """Reject all accepted regions on an image, or those of some authors."""
        rows = await info.context.hub.reviews.unreview_layers(
            await _placement(info, input), _authors(input)
        )
        return UnreviewPayload(
            deleted_ids=[strawberry.ID(encode_id("ROI", row.id)) for row in rows]
        )

    @mutation
    async def rate_term(self, info: Info, input: RateTermInput) -> RoiPayload:
        """Give a region a term with a classifier's verdict, in your name."""
        hub, roi_id = info.context.hub, decode_id(input.roi, "ROI", field="roi")
        expected = input.expected
        verdict = Verdict(
            input.rate, None if expected is None else decode_id(expected, "Term", field="expected")
        )
        await hub.roi_terms.give(roi_id, decode_id(input.term, "Term", field="term"), verdict)
        (roi,) = await shown(info, [await hub.rois.get(roi_id)])
        return RoiPayload(roi=roi)


async def _changed(info: Info, input: ReviewInput, verb: str) -> ReviewPayload:
    row: Any = await getattr(info.context.hub.reviews, verb)(await _placement(info, input))
    return ReviewPayload(review=Review.of(row))


async def _placement(info: Info, input: ReviewInput) -> int:
    row = await info.context.hub.reviews.at(
        decode_id(input.image, "Image", field="image"),
        decode_id(input.project, "Project", field="project"),
    )
    id: int = row.id
    return id


def _project(id: strawberry.ID | None) -> int | None:
    return None if id is None else decode_id(id, "Project", field="project")


def _authors(input: ReviewLayersInput) -> list[int] | None:
    if input.authors is None:
        return None
    return decode_ids(input.authors, "User", field="authors")
