"""Changing images, channels and how they are shown."""

from dataclasses import replace
from typing import Any

import strawberry

from adapters.colors import parse
from adapters.render.settings import ChannelSettings, Model, family
from resolvers.mutations.base import given, mutation
from resolvers.mutations.containers import changes
from schema.context import Info
from schema.images import (
    Channel,
    ChannelPayload,
    Image,
    ImagePayload,
    UpdateChannelInput,
    UpdateImageInput,
)
from schema.renderings import ChannelRenderingInput, SaveRenderingInput
from schema.scalars import decode_id
from store.errors import Invalid
from store.tables import images


@strawberry.type
class ImageMutations:
    @mutation
    async def update_image(self, info: Info, input: UpdateImageInput) -> ImagePayload:
        """Change an image's name, description or date; fields left out stay."""
        hub = info.context.hub
        row = await hub.containers.update(
            images.Image, decode_id(input.id, "Image"), expected=input.version, **changes(input)
        )
        return ImagePayload(image=Image.of(row, hub.actor.can(row)))

    @mutation
    async def update_channel(self, info: Info, input: UpdateChannelInput) -> ChannelPayload:
        """Change a channel's name, colour or wavelengths; fields left out stay."""
        row = await info.context.hub.images.update_channel(
            decode_id(input.id, "Channel"), **given(input, id="")
        )
        return ChannelPayload(channel=Channel.of(row))

    @mutation
    async def save_rendering(self, info: Info, input: SaveRenderingInput) -> ImagePayload:
        """Keep how you want to see an image; others keep their own settings."""
        hub = info.context.hub
        id = decode_id(input.id, "Image")
        view = await hub.pixels.view(id)
        settings = view.settings
        channels = list(settings.channels)
        for asked in input.channels:
            if not 0 <= asked.position < len(channels):
                raise Invalid("channels", f"there is no channel {asked.position}.")
            channels[asked.position] = _changed(channels[asked.position], asked)
        if input.model is not None and input.model not in set(Model):
            raise Invalid("model", "must be color or greyscale.")
        settings = replace(
            settings,
            channels=tuple(channels),
            model=settings.model if input.model is None else Model(input.model),
            z=_within("z", settings.z if input.z is None else input.z, view.pixels.size_z),
            t=_within("t", settings.t if input.t is None else input.t, view.pixels.size_t),
        )
        await hub.renderings.save(id, settings)
        return ImagePayload(image=Image.of(view.image, hub.actor.can(view.image)))


def _within(axis: str, value: int, size: int) -> int:
    if not 0 <= value < size:
        raise Invalid(axis, f"{value} is not between 0 and {size - 1}.")
    return value


def _changed(channel: ChannelSettings, asked: ChannelRenderingInput) -> ChannelSettings:
    sent: dict[str, Any] = {
        name: getattr(asked, name)
        for name in ("active", "start", "end", "inverted", "coefficient")
        if getattr(asked, name) is not None
    }
    if asked.color is not None:
        sent["color"] = parse(asked.color).rgb
    if asked.lut is not strawberry.UNSET:
        sent["lut"] = asked.lut
    if asked.family is not None:
        sent["family"] = family(asked.family)
    return replace(channel, **sent)
