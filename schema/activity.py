"""Who looked at what: traces that viewers leave, which are neither history nor events."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.nodes import Node
from schema.people import User
from schema.scalars import BigInt, DateTime

if TYPE_CHECKING:
    from schema.containers import Project
    from schema.images import Image
    from schema.rois import ROI


@strawberry.enum(description="What somebody did.")
class ActivityKind(Enum):
    VIEW = strawberry.enum_value("view", description="Opened an image.")
    POSITION = strawberry.enum_value("position", description="Looked at a part of an image.")
    CONNECTION = strawberry.enum_value("connection", description="Opened a project.")
    ACTION = strawberry.enum_value("action", description="Did something with a region.")


@strawberry.type(description="A point in image pixels, from the top left.")
class ViewPoint:
    x: float = strawberry.field(description="To the right.")
    y: float = strawberry.field(description="Downwards.")


@strawberry.input(description="A point in image pixels, from the top left.")
class ViewPointInput:
    x: float = strawberry.field(description="To the right.")
    y: float = strawberry.field(description="Downwards.")


@strawberry.federation.type(keys=["id"], description="A trace that somebody left.")
class Activity(Node):
    kind: ActivityKind = strawberry.field(description="What was done.")
    at: DateTime = strawberry.field(description="When.")
    mode: str | None = strawberry.field(description="Of a view: how, as the viewer calls it.")
    corners: list[ViewPoint] | None = strawberry.field(
        description="Of a position: the four corners of what was seen, from the top left on."
    )
    plane: BigInt | None = strawberry.field(
        description="The rank of the plane, c + C·(z + Z·t), if it was told."
    )
    zoom: float | None = strawberry.field(description="Of a position: as the viewer counts it.")
    rotation: float | None = strawberry.field(description="Of a position: in degrees.")
    broadcast: bool | None = strawberry.field(
        description="Of a position: whether others were invited to follow."
    )
    action: str | None = strawberry.field(description="Of an action: what, such as select.")
    os: str | None = strawberry.field(description="Of a connection: the operating system.")
    browser: str | None = strawberry.field(description="Of a connection: the browser.")
    browser_version: str | None = strawberry.field(description="Of a connection: its version.")
    user_key: strawberry.Private[int]
    project_key: strawberry.Private[int | None]
    image_key: strawberry.Private[int | None]
    roi_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any) -> "Activity":
        """Show a row."""
        data = row.data or {}
        corners = data.get("corners")
        return cls(
            key=row.id,
            kind=ActivityKind(row.kind),
            at=DateTime(row.at),
            mode=data.get("mode"),
            corners=None if corners is None else [ViewPoint(x=x, y=y) for x, y in corners],
            plane=None if row.slice is None else BigInt(row.slice),
            zoom=data.get("zoom"),
            rotation=data.get("rotation"),
            broadcast=data.get("broadcast"),
            action=data.get("action"),
            os=data.get("os"),
            browser=data.get("browser"),
            browser_version=data.get("browser_version"),
            user_key=row.user_id,
            project_key=row.project_id,
            image_key=row.image_id,
            roi_key=data.get("roi"),
        )

    @strawberry.field(description="Who.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(description="In which project; null outside, or if you may not see it.")
    async def project(
        self, info: Info
    ) -> Annotated["Project", strawberry.lazy("schema.containers")] | None:
        if self.project_key is None:
            return None
        project: Project | None = await info.context.loaders.project_by_id.load(self.project_key)
        return project

    @strawberry.field(description="Which image; null if there is none or you may not see it.")
    async def image(
        self, info: Info
    ) -> Annotated["Image", strawberry.lazy("schema.images")] | None:
        if self.image_key is None:
            return None
        image: Image | None = await info.context.loaders.image_by_id.load(self.image_key)
        return image

    @strawberry.field(description="Of an action: the region; null if you may not see it.")
    async def roi(self, info: Info) -> Annotated["ROI", strawberry.lazy("schema.rois")] | None:
        if self.roi_key is None:
            return None
        roi: ROI | None = await info.context.loaders.roi_by_id.load(self.roi_key)
        return roi


@strawberry.input(description="Which traces; all that is given must hold.")
class ActivityWhere:
    kind: ActivityKind | None = strawberry.field(default=None, description="Of this kind.")
    project: strawberry.ID | None = strawberry.field(default=None, description="In this project.")
    image: strawberry.ID | None = strawberry.field(default=None, description="On this image.")
    user: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    since: DateTime | None = strawberry.field(default=None, description="Then or later.")
    until: DateTime | None = strawberry.field(default=None, description="Before then.")


@strawberry.input(description="An image that was opened.")
class NoteViewInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="The project it was opened in, which must hold it."
    )
    mode: str | None = strawberry.field(
        default=None, description="How it was opened, in the viewer's words."
    )


@strawberry.input(description="The part of an image that is seen.")
class NotePositionInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    corners: list[ViewPointInput] = strawberry.field(
        description="Four: top left, top right, bottom right, bottom left as they are on screen."
    )
    project: strawberry.ID | None = strawberry.field(
        default=None, description="The project it is seen in, which must hold it."
    )
    plane: BigInt | None = strawberry.field(
        default=None, description="The rank of the plane, c + C·(z + Z·t)."
    )
    zoom: float | None = strawberry.field(default=None, description="As the viewer counts it.")
    rotation: float | None = strawberry.field(default=None, description="In degrees.")
    broadcast: bool = strawberry.field(default=False, description="Invite others to follow.")


@strawberry.input(description="A project that was opened.")
class NoteConnectionInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    os: str | None = strawberry.field(default=None, description="The operating system.")
    browser: str | None = strawberry.field(default=None, description="The browser.")
    browser_version: str | None = strawberry.field(default=None, description="Its version.")


@strawberry.input(description="Something done with a region in a viewer.")
class NoteActionInput:
    roi: strawberry.ID = strawberry.field(description="The region.")
    action: str = strawberry.field(description="What, such as select.")
    project: strawberry.ID | None = strawberry.field(
        default=None, description="The project, for a region that is bound to none."
    )


@strawberry.type(description="The trace that was left.")
class ActivityPayload:
    activity: Activity = strawberry.field(description="The trace.")
