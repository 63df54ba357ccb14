"""What came or changed when."""

from enum import Enum
from typing import Any

import strawberry

from schema.context import Info
from schema.nodes import Node
from schema.scalars import BigInt, DateTime


@strawberry.enum(description="What a timeline holds.")
class TimelineNoun(Enum):
    PROJECT = strawberry.enum_value("project", description="Projects.")
    DATASET = strawberry.enum_value("dataset", description="Datasets.")
    SCREEN = strawberry.enum_value("screen", description="Screens.")
    PLATE = strawberry.enum_value("plate", description="Plates.")
    ACQUISITION = strawberry.enum_value("acquisition", description="Runs over plates.")
    IMAGE = strawberry.enum_value("image", description="Images.")
    ROI = strawberry.enum_value("roi", description="Regions of interest, reviewed copies too.")
    ANNOTATION = strawberry.enum_value(
        "annotation", description="Tags, comments, files and values, of groups you can read."
    )


@strawberry.enum(description="Which moment of an object counts.")
class TimelineClock(Enum):
    CREATED = strawberry.enum_value("created", description="When it came into being.")
    CHANGED = strawberry.enum_value(
        "changed", description="When it was last changed, or came where it never was."
    )


@strawberry.enum(description="How long the periods are, in UTC.")
class TimelinePeriod(Enum):
    DAY = strawberry.enum_value("day", description="Days.")
    WEEK = strawberry.enum_value("week", description="Weeks from Monday on.")
    MONTH = strawberry.enum_value("month", description="Months.")
    YEAR = strawberry.enum_value("year", description="Years.")


@strawberry.type(description="An object at the moment that counts.")
class TimelineEntry:
    at: DateTime = strawberry.field(description="The moment.")
    type: TimelineNoun = strawberry.field(description="The kind of object.")
    created_at: DateTime = strawberry.field(description="When it came into being.")
    updated_at: DateTime | None = strawberry.field(
        description="When it was last changed; null until then."
    )
    number: strawberry.Private[int]
    noun: strawberry.Private[str]

    @classmethod
    def of(cls, entry: Any, noun: str) -> "TimelineEntry":
        """Show an entry; `noun` is the one in the object's global id."""
        return cls(
            at=DateTime(entry.at),
            type=TimelineNoun(entry.noun),
            created_at=DateTime(entry.created_at),
            updated_at=None if entry.updated_at is None else DateTime(entry.updated_at),
            number=entry.id,
            noun=noun,
        )

    @strawberry.field(description="The object; null if it went away meanwhile.")
    async def object(self, info: Info) -> Node | None:
        found: Node | None = await info.context.loaders.object_of_event.load(
            (self.noun, self.number)
        )
        return found


@strawberry.type(description="How many objects of one kind.")
class TimelineNounCount:
    type: TimelineNoun = strawberry.field(description="The kind of object.")
    count: BigInt = strawberry.field(description="How many.")


@strawberry.type(description="How much came or changed in a period.")
class TimelineCount:
    start: DateTime = strawberry.field(description="Its first moment.")
    end: DateTime = strawberry.field(description="The first moment after it.")
    total: BigInt = strawberry.field(description="All kinds together.")
    counts: list[TimelineNounCount] = strawberry.field(
        description="By kind, those that there are any of."
    )

    @classmethod
    def of(cls, counted: Any) -> "TimelineCount":
        """Show the counts of one period."""
        return cls(
            start=DateTime(counted.start),
            end=DateTime(counted.end),
            total=BigInt(counted.total),
            counts=[
                TimelineNounCount(type=TimelineNoun(noun), count=BigInt(count))
                for noun, count in sorted(counted.counts.items())
            ],
        )
