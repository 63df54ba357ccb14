"""What lists may be narrowed by: tests on texts, numbers and moments, the same for every noun."""

import strawberry

from schema.scalars import DateTime


@strawberry.input(description="Tests on a text; all that are given must hold.")
class TextFilter:
    eq: str | None = strawberry.field(default=None, description="Exactly this.")
    ne: str | None = strawberry.field(default=None, description="Anything but this.")
    in_: list[str] | None = strawberry.field(default=None, name="in", description="One of these.")
    contains: str | None = strawberry.field(
        default=None, description="Holds this somewhere; upper and lower case are alike."
    )
    starts_with: str | None = strawberry.field(
        default=None, description="Begins with this; upper and lower case are alike."
    )


@strawberry.input(description="Tests on a number; all that are given must hold.")
class NumberFilter:
    eq: float | None = strawberry.field(default=None, description="Exactly this.")
    gt: float | None = strawberry.field(default=None, description="More than this.")
    gte: float | None = strawberry.field(default=None, description="This or more.")
    lt: float | None = strawberry.field(default=None, description="Less than this.")
    lte: float | None = strawberry.field(default=None, description="This or less.")


@strawberry.input(description="Tests on a moment; all that are given must hold.")
class MomentFilter:
    gte: DateTime | None = strawberry.field(default=None, description="Then or later.")
    lt: DateTime | None = strawberry.field(default=None, description="Before then.")
