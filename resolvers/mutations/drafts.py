"""Making images of samples and files of bytes."""

import base64
import binascii
from typing import Any

import strawberry

from adapters.colors import bare, unpack
from adapters.image_drafts import ImagePlan
from resolvers.mutations.base import mutation
from resolvers.mutations.containers import group_of
from resolvers.queries.drafts import show_file
from schema.context import Info
from schema.drafts import (
    BeginFileInput,
    CreateImageInput,
    DiscardDraftInput,
    DiscardDraftPayload,
    FileDraft,
    FileDraftPayload,
    FilePayload,
    FinishFileInput,
    FinishImageInput,
    ImageDraft,
    ImageDraftPayload,
    NewChannelInput,
    NewImageInput,
    UploadFileInput,
    WriteFileInput,
    WriteSamplesInput,
)
from schema.images import Image, ImagePayload
from schema.scalars import decode_id
from store.errors import Invalid, NotFound
from store.pixels.base import Layout


def plan_of(input: NewImageInput) -> ImagePlan:
    """Return what an image is to be. Raises Invalid."""
    layout = Layout(
        input.size_t, input.size_c, input.size_z, input.size_y, input.size_x,
        str(input.type.value), rgb=input.rgb,
    )  # fmt: skip
    return ImagePlan(
        name=input.name,
        layout=layout,
        channels=[_channel(one) for one in input.channels],
        description=input.description,
        physical_size_x=input.physical_size_x,
        physical_size_y=input.physical_size_y,
        physical_size_z=input.physical_size_z,
        time_increment=input.time_increment,
        acquired_at=input.acquired_at,
        dataset_id=None
        if input.dataset is None
        else decode_id(input.dataset, "Dataset", field="dataset"),
        group_id=group_of(input.group),
    )


def _channel(input: NewChannelInput) -> dict[str, Any]:
    stated = {
        "name": input.name,
        "color": None if input.color is None else bare(unpack(input.color)),
        "emission_nm": input.emission_nm,
        "excitation_nm": input.excitation_nm,
        "fluor": input.fluor,
    }
    return {name: value for name, value in stated.items() if value is not None}


def bytes_of(text: str, field: str = "data") -> bytes:
    """Return the bytes of base64. Raises Invalid."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(field, "is not base64.") from error


@strawberry.type
class DraftMutations:
    @mutation
    async def create_image(self, info: Info, input: CreateImageInput) -> ImagePayload:
        """Make an image of all its planes at once; for more than about 700 kB begin a draft."""
        hub = info.context.hub
        planes = {}
        for place, one in enumerate(input.planes):
            if (one.t, one.c, one.z) in planes:
                raise Invalid(f"planes[{place}]", "this plane was sent before.")
            planes[one.t, one.c, one.z] = bytes_of(one.data, f"planes[{place}].data")
        row = await hub.image_drafts.create(plan_of(input), planes)
        return await _image(info, row.id)

    @mutation
    async def begin_image(self, info: Info, input: NewImageInput) -> ImageDraftPayload:
        """Begin an image whose samples follow in any order; `finishImage` publishes it."""
        draft = await info.context.hub.image_drafts.begin(plan_of(input))
        return ImageDraftPayload(draft=ImageDraft.of(draft))

    @mutation
    async def write_samples(self, info: Info, input: WriteSamplesInput) -> ImageDraftPayload:
        """Send a plane, a row, a stack or any box of an image that is being made."""
        drafts = info.context.hub.image_drafts
        layout = ImagePlan.read((await drafts.get(input.draft)).header).layout
        shape = (
            input.size_t, input.size_c, input.size_z,
            layout.size_y - input.y if input.height is None else input.height,
            layout.size_x - input.x if input.width is None else input.width,
        )  # fmt: skip
        start = (input.t, input.c, input.z, input.y, input.x)
        draft = await drafts.write(input.draft, start, shape, bytes_of(input.data))
        return ImageDraftPayload(draft=ImageDraft.of(draft))

    @mutation
    async def finish_image(self, info: Info, input: FinishImageInput) -> ImagePayload:
        """Publish an image that was being made; others see it from then on."""
        hub = info.context.hub
        row = await hub.image_drafts.finish(input.draft, allow_missing=input.allow_missing)
        return await _image(info, row.id)

    @mutation
    async def discard_draft(self, info: Info, input: DiscardDraftInput) -> DiscardDraftPayload:
        """Throw away an image or a file that is being made."""
        hub = info.context.hub
        try:
            await hub.image_drafts.discard(input.draft)
        except NotFound:
            await hub.file_drafts.discard(input.draft)
        return DiscardDraftPayload(id=input.draft)

    @mutation
    async def upload_file(self, info: Info, input: UploadFileInput) -> FilePayload:
        """Keep a file of modest size, to be attached to objects."""
        row = await info.context.hub.files.keep(
            input.name,
            [bytes_of(input.data)],
            media_type=input.media_type,
            group_id=group_of(input.group),
        )
        return FilePayload(file=show_file(info, row))

    @mutation
    async def begin_file(self, info: Info, input: BeginFileInput) -> FileDraftPayload:
        """Begin a file whose bytes follow in ranges; `finishFile` keeps it."""
        draft = await info.context.hub.file_drafts.begin(
            input.name, media_type=input.media_type, group_id=group_of(input.group)
        )
        return FileDraftPayload(draft=FileDraft.of(draft))

    @mutation
    async def write_file(self, info: Info, input: WriteFileInput) -> FileDraftPayload:
        """Send a range of a file that was begun."""
        draft = await info.context.hub.file_drafts.write(
            input.draft, input.offset, bytes_of(input.data)
        )
        return FileDraftPayload(draft=FileDraft.of(draft))

    @mutation
    async def finish_file(self, info: Info, input: FinishFileInput) -> FilePayload:
        """Keep a file whose bytes have all come."""
        row = await info.context.hub.file_drafts.finish(input.draft, input.sha256)
        return FilePayload(file=show_file(info, row))


async def _image(info: Info, id: int) -> ImagePayload:
    hub = info.context.hub
    row = await hub.image_drafts.published(id)
    return ImagePayload(image=Image.of(row, hub.actor.can(row)))
