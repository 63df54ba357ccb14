"""Projections of stacks and time series."""

from enum import Enum

import strawberry

from schema.raw_samples import SpanInput


@strawberry.enum(description="How several samples become one.")
class ProjectionMethod(Enum):
    MAX = strawberry.enum_value("max", description="The greatest.")
    MIN = strawberry.enum_value("min", description="The least.")
    MEAN = strawberry.enum_value("mean", description="Their mean, as float32.")
    SUM = strawberry.enum_value("sum", description="Their sum, as float64.")
    DEVIATION = strawberry.enum_value(
        "deviation", description="Their standard deviation, over n - 1, as float32."
    )


@strawberry.enum(description="What is projected along.")
class ProjectionAxis(Enum):
    Z = strawberry.enum_value("z", description="Depth: a stack becomes one plane.")
    T = strawberry.enum_value("t", description="Time: a series becomes one point in time.")


@strawberry.input(description="A projection of an image into a new one.")
class ProjectImageInput:
    image: strawberry.ID = strawberry.field(description="The image.")
    method: ProjectionMethod = strawberry.field(
        default=ProjectionMethod.MAX, description="How several samples become one."
    )
    axis: ProjectionAxis = strawberry.field(
        default=ProjectionAxis.Z, description="Along depth or along time."
    )
    z: SpanInput | None = strawberry.field(
        default=None, description="Which focal planes; all if left out."
    )
    t: SpanInput | None = strawberry.field(
        default=None, description="Which points in time; all if left out."
    )
    channels: list[int] | None = strawberry.field(
        default=None, description="Which channels, from 0; all if left out."
    )
    dataset: strawberry.ID | None = strawberry.field(
        default=None, description="Where the new image goes; the image's own dataset if left out."
    )
    name: str | None = strawberry.field(default=None, description="What to call the new image.")
    priority: int = strawberry.field(default=0, description="Higher runs first; 0 is usual.")
