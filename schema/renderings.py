"""How images are shown: settings, whose they are, and giving them to many images at once."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info

if TYPE_CHECKING:
    from schema.people import User


@strawberry.type(description="How one channel is shown.")
class ChannelRendering:
    active: bool = strawberry.field(description="Whether it is shown.")
    start: float = strawberry.field(description="Samples up to this are black.")
    end: float = strawberry.field(description="Samples from this on are brightest.")
    color: str = strawberry.field(description="Its colour, as RRGGBB.")
    lut: str | None = strawberry.field(description="A lookup table instead of the colour.")
    inverted: bool = strawberry.field(description="Whether bright and dark change places.")
    family: str = strawberry.field(description="The curve: linear, polynomial, exponential, …")
    coefficient: float = strawberry.field(description="The curve's parameter; gamma.")


@strawberry.type(description="How an image is shown to you.")
class Rendering:
    model: str = strawberry.field(description="color or greyscale.")
    z: int = strawberry.field(description="The plane shown first.")
    t: int = strawberry.field(description="The point in time shown first.")
    projection: str | None = strawberry.field(description="intmax, intmean, intsum or null.")
    channels: list[ChannelRendering] = strawberry.field(description="One entry per channel.")

    @classmethod
    def of(cls, settings: Any) -> "Rendering":
        """Show settings."""
        projection = settings.projection
        return cls(
            model=settings.model.value,
            z=settings.z,
            t=settings.t,
            projection=None if projection is None else projection.method.value,
            channels=[
                ChannelRendering(
                    active=one.active, start=one.start, end=one.end,
                    color="{:02X}{:02X}{:02X}".format(*one.color), lut=one.lut,
                    inverted=one.inverted, family=one.family.value, coefficient=one.coefficient,
                )
                for one in settings.channels
            ],
        )  # fmt: skip


@strawberry.type(description="How somebody shows an image.")
class UserRendering:
    user_key: strawberry.Private[int | None]
    imported: bool = strawberry.field(description="Whether the file asked for it, and nobody yet.")
    rendering: Rendering = strawberry.field(description="The settings.")

    @classmethod
    def of(cls, saved: Any) -> "UserRendering":
        """Show saved settings."""
        return cls(
            user_key=saved.user_id,
            imported=saved.user_id is None,
            rendering=Rendering.of(saved.settings),
        )

    @strawberry.field(description="Whose settings these are; null for those of the file.")
    async def user(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        if self.user_key is None:
            return None
        found: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return found


@strawberry.input(description="How to show one channel; what is left out stays.")
class ChannelRenderingInput:
    position: int = strawberry.field(description="The channel's place, from 0.")
    active: bool | None = strawberry.field(default=None, description="Whether it is shown.")
    start: float | None = strawberry.field(default=None, description="Up to this is black.")
    end: float | None = strawberry.field(default=None, description="From this on is brightest.")
    color: str | None = strawberry.field(default=None, description="Its colour, as RRGGBB.")
    lut: str | None = strawberry.field(
        default=strawberry.UNSET, description="A lookup table by name; null for the colour."
    )
    inverted: bool | None = strawberry.field(default=None, description="Swap bright and dark.")
    family: str | None = strawberry.field(default=None, description="The curve's family.")
    coefficient: float | None = strawberry.field(default=None, description="The curve's parameter.")


@strawberry.input(description="How you want to see an image.")
class SaveRenderingInput:
    id: strawberry.ID = strawberry.field(description="The image.")
    channels: list[ChannelRenderingInput] = strawberry.field(
        default_factory=list, description="Channels to change."
    )
    model: str | None = strawberry.field(default=None, description="color or greyscale.")
    z: int | None = strawberry.field(default=None, description="The plane shown first.")
    t: int | None = strawberry.field(default=None, description="The time shown first.")


@strawberry.enum(description="What settings to go back to.")
class ResetTo(Enum):
    IMPORTED = strawberry.enum_value("imported", description="Those the file asked for.")
    MIN_MAX = strawberry.enum_value(
        "min_max", description="Every channel from its smallest to its greatest sample."
    )
    OWNER = strawberry.enum_value("owner", description="Those of the image's owner.")


_TARGETS = "Images, or datasets, plates, runs and wells for the images in them."


@strawberry.input(description="Whose look to copy.")
class CopyRenderingInput:
    id: strawberry.ID = strawberry.field(description="The image, as you see it.")


@strawberry.input(description="What to show like another image.")
class PasteRenderingInput:
    targets: list[strawberry.ID] = strawberry.field(description=_TARGETS)
    source: strawberry.ID | None = strawberry.field(
        default=None,
        description="The image to be like, as you see it; without it, what you copied last.",
    )


@strawberry.input(description="What to show with which settings again.")
class ResetRenderingInput:
    targets: list[strawberry.ID] = strawberry.field(description=_TARGETS)
    to: ResetTo = strawberry.field(default=ResetTo.IMPORTED, description="Which settings.")


@strawberry.type(description="What lies on the clipboard of your session now.")
class CopyRenderingPayload:
    rendering: Rendering = strawberry.field(description="The settings copied.")


@strawberry.type(description="Which images you see with the settings now.")
class RenderingsPayload:
    done: list[strawberry.ID] = strawberry.field(description="Images that are shown so now.")
    refused: list[strawberry.ID] = strawberry.field(
        description="Images with another number of channels, and those you may not annotate."
    )
