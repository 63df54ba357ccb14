"""Raw samples in an answer: plane, row, column, stack or any box with steps."""

from typing import Annotated, Any

import strawberry

from schema.context import Info


@strawberry.input(description="Indexes of one axis.")
class SpanInput:
    start: int = strawberry.field(default=0, description="The first.")
    stop: int | None = strawberry.field(
        default=None, description="The first one not wanted; the end of the axis if left out."
    )
    step: int = strawberry.field(default=1, description="Take each so-many-th.")


@strawberry.input(description="A box of samples; an axis that is left out is taken whole.")
class HypercubeInput:
    t: SpanInput | None = strawberry.field(default=None, description="Points in time.")
    c: list[int] | None = strawberry.field(
        default=None, description="Channels, in the order wanted."
    )
    z: SpanInput | None = strawberry.field(default=None, description="Focal planes.")
    y: SpanInput | None = strawberry.field(default=None, description="Rows.")
    x: SpanInput | None = strawberry.field(default=None, description="Columns.")


@strawberry.type(description="Samples with all it takes to read them.")
class Samples:
    data: str = strawberry.field(
        description="The bytes in base64: little-endian, the last axis fastest."
    )
    shape: list[int] = strawberry.field(description="Sizes along t, c, z, y and x.")
    type: str = strawberry.field(description="Sample type, such as uint16 or float32.")
    byte_order: str = strawberry.field(description="Always little.")
    url: str = strawberry.field(
        description="Where the same box, without its steps, comes as plain bytes of any amount."
    )

    @classmethod
    def of(cls, samples: Any) -> "Samples":
        """Show samples."""
        return cls(
            data=samples.data,
            shape=list(samples.shape),
            type=samples.dtype,
            byte_order="little",
            url=samples.url,
        )


C = Annotated[int, strawberry.argument(description="The channel, from 0.")]
Z = Annotated[int, strawberry.argument(description="The focal plane, from 0.")]
T = Annotated[int, strawberry.argument(description="The point in time, from 0.")]


@strawberry.type(
    description="The samples of one level of an image, as an answer of at most 4 MiB; what is "
    "larger is refused with the address that has it."
)
class RawPixels:
    image_key: strawberry.Private[int]
    level: int = strawberry.field(description="The level; 0 is the full resolution.")

    @strawberry.field(description="One plane of one channel.")
    async def plane(self, info: Info, c: C = 0, z: Z = 0, t: T = 0) -> Samples:
        return await self._read(info, t=t, c=[c], z=z)

    @strawberry.field(description="One row of a plane.")
    async def row(
        self,
        info: Info,
        y: Annotated[int, strawberry.argument(description="The row, from 0 at the top.")],
        c: C = 0,
        z: Z = 0,
        t: T = 0,
    ) -> Samples:
        return await self._read(info, t=t, c=[c], z=z, y=y)

    @strawberry.field(description="One column of a plane.")
    async def column(
        self,
        info: Info,
        x: Annotated[int, strawberry.argument(description="The column, from 0 at the left.")],
        c: C = 0,
        z: Z = 0,
        t: T = 0,
    ) -> Samples:
        return await self._read(info, t=t, c=[c], z=z, x=x)

    @strawberry.field(description="All focal planes of a channel at one time.")
    async def stack(self, info: Info, c: C = 0, t: T = 0) -> Samples:
        return await self._read(info, t=t, c=[c])

    @strawberry.field(description="All channels and focal planes of one time.")
    async def timepoint(self, info: Info, t: T = 0) -> Samples:
        return await self._read(info, t=t)

    @strawberry.field(description="Any box, with steps along the axes.")
    async def hypercube(self, info: Info, box: HypercubeInput) -> Samples:
        return await self._read(info, t=box.t, c=box.c, z=box.z, y=box.y, x=box.x)

    async def _read(self, info: Info, **axes: Any) -> Samples:
        """Read a box; along an axis a number is one index, None is everything."""
        plain = {
            axis: (asked.start, asked.stop, asked.step) if isinstance(asked, SpanInput) else asked
            for axis, asked in axes.items()
        }
        return Samples.of(
            await info.context.hub.raw_samples.box(self.image_key, level=self.level, **plain)
        )
