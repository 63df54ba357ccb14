"""Lists of images by ``field[op]``, ``sort``, ``order``, ``max`` and ``offset``, in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.datastructures import QueryParams

from adapters.placement_fields import Narrowing
from store.errors import Invalid
from web.rest.cytomine import search

# What clients call the fields of lists. Levels are sorted by the side that decides them.
INSTANCE_FIELDS: Mapping[str, str] = {
    "id": "id",
    "created": "created_at",
    "updated": "updated_at",
    "instanceFilename": "name",
    "name": "name",
    "blindedName": "image_id",
    "originalFilename": "image_name",
    "filename": "image_name",
    "path": "image_name",
    "baseImage": "image_id",
    "project": "project_id",
    "projectName": "project_name",
    "user": "added_by",
    "reviewUser": "reviewer_id",
    "reviewStart": "review_started_at",
    "reviewStop": "review_stopped_at",
    "reviewed": "reviewed",
    "inReview": "in_review",
    "width": "size_x",
    "height": "size_y",
    "depth": "size_z",
    "duration": "size_t",
    "channels": "channels",
    "extrinsicChannels": "channels",
    "apparentChannels": "channels",
    "samplePerPixel": "samples",
    "bitPerSample": "bits",
    "zoom": "longer_side",
    "physicalSizeX": "physical_size_x",
    "physicalSizeY": "physical_size_y",
    "physicalSizeZ": "physical_size_z",
    "resolution": "physical_size_x",
    "fps": "fps",
    "magnification": "magnification",
    "numberOfAnnotations": "drawn_by_people",
    "numberOfJobAnnotations": "drawn_by_jobs",
    "numberOfReviewedAnnotations": "drawn_reviewed",
    "tag": "tag",
}
ABSTRACT_FIELDS: Mapping[str, str] = {
    "id": "id",
    "created": "created_at",
    "updated": "updated_at",
    "originalFilename": "image_name",
    "filename": "image_name",
    "uploadedFile": "file_id",
    "user": "added_by",
    **{
        name: INSTANCE_FIELDS[name]
        for name in (
            "width", "height", "depth", "duration", "channels", "samplePerPixel", "physicalSizeX",
            "physicalSizeY", "physicalSizeZ", "fps", "magnification",
        )
    },
}  # fmt: skip
_ONLY_SORTED = ("zoom", "apparentChannels")


def tests_of(given: QueryParams, known: Mapping[str, str]) -> Sequence[Narrowing]:
    """Return the filters of a request. Raises Invalid for a field or operator that is not there."""
    found = []
    for test in search.tests_of(given):
        if test.field not in known or test.field in _ONLY_SORTED:
            raise Invalid(f"{test.field}[{test.op}]", "there is no such field to filter by.")
        found.append(Narrowing(known[test.field], test.op, test.value))
    return found


def turn_of(given: QueryParams, known: Mapping[str, str]) -> tuple[str | None, bool]:
    """Return the field to sort by, and whether downwards; the newest come first unless told."""
    return known.get(given.get("sort") or "created"), (given.get("order") or "desc").lower() == (
        "desc"
    )
