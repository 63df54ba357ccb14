"""What subscribers are told when something happens."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.nodes import Node
from schema.scalars import BigInt, DateTime, encode_id

if TYPE_CHECKING:
    from schema.rois import ROI


@strawberry.enum(description="What happened to an object.")
class EventKind(Enum):
    CREATED = strawberry.enum_value("created", description="It came into being.")
    IMPORTED = strawberry.enum_value("imported", description="It came in from a file.")
    CHANGED = strawberry.enum_value("changed", description="Its values changed.")
    TRASHED = strawberry.enum_value("trashed", description="It went into the trash.")
    RESTORED = strawberry.enum_value("restored", description="It came back from the trash.")
    REMOVED = strawberry.enum_value("removed", description="It is gone for good.")


@strawberry.type(description="Something that happened to one object.")
class Event:
    cursor: BigInt = strawberry.field(
        description="Its number, which only grows; send the last one as `after` to miss nothing."
    )
    at: DateTime = strawberry.field(description="When.")
    kind: EventKind = strawberry.field(description="What happened.")
    noun: str = strawberry.field(description="The kind of object, such as Image or ROI.")
    id: strawberry.ID = strawberry.field(description="The object.")
    image_id: strawberry.ID | None = strawberry.field(description="The image it is on or in.")
    project_id: strawberry.ID | None = strawberry.field(description="The project it is bound to.")
    number: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any, noun: str) -> "Event":
        """Show a row; `noun` is the one in the object's global id."""
        return cls(
            cursor=BigInt(row.id),
            at=DateTime(row.at),
            kind=_kind(row.kind),
            noun=noun,
            id=strawberry.ID(encode_id(noun, row.target_id)),
            image_id=_id("Image", row.image_id),
            project_id=_id("Project", row.project_id),
            number=row.target_id,
        )

    @strawberry.field(
        description="The object as it is now; null if it is gone, hidden, or no node."
    )
    async def object(self, info: Info) -> Node | None:
        found: Node | None = await info.context.loaders.object_of_event.load(
            (self.noun, self.number)
        )
        return found


@strawberry.type(description="Something that happened to a region of an image.")
class RoiEvent:
    cursor: BigInt = strawberry.field(
        description="Its number, which only grows; send the last one as `after` to miss nothing."
    )
    at: DateTime = strawberry.field(description="When.")
    kind: EventKind = strawberry.field(description="What happened.")
    id: strawberry.ID | None = strawberry.field(
        description="The region; null if so much changed at once that the list is to be read anew."
    )
    number: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any) -> "RoiEvent":
        """Show a row about a region, or about its image when many changed at once."""
        number = row.target_id if row.target_type == "roi" else None
        return cls(
            cursor=BigInt(row.id),
            at=DateTime(row.at),
            kind=_kind(row.kind),
            id=_id("ROI", number),
            number=number,
        )

    @strawberry.field(description="The region as it is now; null if it is gone or hidden.")
    async def roi(self, info: Info) -> Annotated["ROI", strawberry.lazy("schema.rois")] | None:
        if self.number is None:
            return None
        roi: ROI | None = await info.context.loaders.roi_by_id.load(self.number)
        return roi


def _kind(word: str) -> EventKind:
    known = {str(one.value): one for one in EventKind}
    return known.get(word, EventKind.CHANGED)


def _id(noun: str, number: int | None) -> strawberry.ID | None:
    return None if number is None else strawberry.ID(encode_id(noun, number))
