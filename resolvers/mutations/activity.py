"""Noting what people look at and do; none of it is history."""

import strawberry

from resolvers.mutations.base import mutation
from schema.activity import (
    Activity,
    ActivityPayload,
    NoteActionInput,
    NoteConnectionInput,
    NotePositionInput,
    NoteViewInput,
)
from schema.context import Info
from schema.scalars import decode_id


def project_of(id: strawberry.ID | None) -> int | None:
    """Return the number of an optional project."""
    return None if id is None else decode_id(id, "Project", field="project")


@strawberry.type
class ActivityMutations:
    @mutation
    async def note_view(self, info: Info, input: NoteViewInput) -> ActivityPayload:
        """Note that you opened an image."""
        row = await info.context.hub.activity.note_view(
            decode_id(input.image, "Image", field="image"),
            project_id=project_of(input.project),
            mode=input.mode,
        )
        return ActivityPayload(activity=Activity.of(row))

    @mutation
    async def note_position(self, info: Info, input: NotePositionInput) -> ActivityPayload:
        """Note which part of an image you see."""
        row = await info.context.hub.activity.note_position(
            decode_id(input.image, "Image", field="image"),
            [(point.x, point.y) for point in input.corners],
            project_id=project_of(input.project),
            slice=input.plane,
            zoom=input.zoom,
            rotation=input.rotation,
            broadcast=input.broadcast,
        )
        return ActivityPayload(activity=Activity.of(row))

    @mutation
    async def note_connection(self, info: Info, input: NoteConnectionInput) -> ActivityPayload:
        """Note that you opened a project."""
        row = await info.context.hub.activity.note_connection(
            decode_id(input.project, "Project", field="project"),
            os=input.os,
            browser=input.browser,
            browser_version=input.browser_version,
        )
        return ActivityPayload(activity=Activity.of(row))

    @mutation
    async def note_action(self, info: Info, input: NoteActionInput) -> ActivityPayload:
        """Note what you did with a region in a viewer."""
        row = await info.context.hub.activity.note_action(
            decode_id(input.roi, "ROI", field="roi"),
            input.action,
            project_id=project_of(input.project),
        )
        return ActivityPayload(activity=Activity.of(row))
