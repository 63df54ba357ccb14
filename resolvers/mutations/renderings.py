"""Giving images the look of another one, or the one they had at first."""

from typing import Any

import strawberry

from adapters.renderings import Applied, Reset, Targets
from resolvers.mutations.base import mutation
from schema.context import Info
from schema.renderings import (
    CopyRenderingInput,
    CopyRenderingPayload,
    PasteRenderingInput,
    Rendering,
    RenderingsPayload,
    ResetRenderingInput,
)
from schema.scalars import decode_id, encode_id, split_id
from store.errors import Invalid
from store.tables.containers import Dataset
from store.tables.images import Image
from store.tables.screens import Acquisition, Plate, Well

_NOUNS: dict[str, Any] = {
    noun.__name__: noun for noun in (Image, Dataset, Plate, Acquisition, Well)
}


@strawberry.type
class RenderingMutations:
    @mutation
    async def copy_rendering(self, info: Info, input: CopyRenderingInput) -> CopyRenderingPayload:
        """Put how you see an image on the clipboard of your session."""
        hub = info.context.hub
        view = await hub.pixels.view(decode_id(input.id, "Image"))
        await hub.clipboard(info.context.session_id).copy(view.image.id, view.settings)
        return CopyRenderingPayload(rendering=Rendering.of(view.settings))

    @mutation
    async def paste_rendering(self, info: Info, input: PasteRenderingInput) -> RenderingsPayload:
        """Show images like another: its channels' windows, colours and curves; planes stay."""
        hub = info.context.hub
        if input.source is not None:
            view = await hub.pixels.view(decode_id(input.source, "Image", field="source"))
            settings = view.settings
        else:
            copied = await hub.clipboard(info.context.session_id).copied()
            if copied is None:
                raise Invalid("source", "nothing was copied in this session; name an image.")
            settings = copied.settings
        return _payload(await hub.renderings.paste(settings, _targets(input.targets)))

    @mutation
    async def reset_rendering(self, info: Info, input: ResetRenderingInput) -> RenderingsPayload:
        """Show images as they were imported, between their extremes, or as their owners do."""
        renderings = info.context.hub.renderings
        applied = await renderings.reset(Reset[input.to.name], _targets(input.targets))
        return _payload(applied)


def _targets(ids: list[strawberry.ID]) -> Targets:
    targets = []
    for id in ids:
        noun, key = split_id(id, "targets")
        if noun not in _NOUNS:
            raise Invalid("targets", f"a {noun} holds no images to be shown.")
        targets.append((_NOUNS[noun], key))
    return targets


def _payload(applied: Applied) -> RenderingsPayload:
    return RenderingsPayload(
        done=[strawberry.ID(encode_id("Image", id)) for id in applied.done],
        refused=[strawberry.ID(encode_id("Image", id)) for id in applied.refused],
    )
