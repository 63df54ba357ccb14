"""Making images of samples and files of bytes, at once or over many requests."""

from enum import Enum
from typing import Any

import strawberry

from schema.annotations import FIRST, StoredFile
from schema.scalars import BigInt, Color, DateTime


@strawberry.enum(description="Types of samples.")
class SampleType(Enum):
    UINT8 = strawberry.enum_value("uint8", description="Whole numbers from 0 to 255.")
    UINT16 = strawberry.enum_value("uint16", description="Whole numbers from 0 to 65,535.")
    UINT32 = strawberry.enum_value("uint32", description="Whole numbers of 32 bits from 0 on.")
    UINT64 = strawberry.enum_value("uint64", description="Whole numbers of 64 bits from 0 on.")
    INT8 = strawberry.enum_value("int8", description="Whole numbers from -128 to 127.")
    INT16 = strawberry.enum_value("int16", description="Whole numbers from -32,768 to 32,767.")
    INT32 = strawberry.enum_value("int32", description="Whole numbers of 32 bits with sign.")
    INT64 = strawberry.enum_value("int64", description="Whole numbers of 64 bits with sign.")
    FLOAT32 = strawberry.enum_value("float32", description="Numbers of single precision.")
    FLOAT64 = strawberry.enum_value("float64", description="Numbers of double precision.")


@strawberry.input(description="What is known of a channel of a new image.")
class NewChannelInput:
    name: str | None = strawberry.field(default=None, description="What to call it.")
    color: Color | None = strawberry.field(default=None, description="The colour to show it in.")
    emission_nm: float | None = strawberry.field(
        default=None, description="Emission wavelength in nm."
    )
    excitation_nm: float | None = strawberry.field(
        default=None, description="Excitation wavelength in nm."
    )
    fluor: str | None = strawberry.field(default=None, description="The dye.")


@strawberry.input(description="A new image: its sizes, its type, and where it is to go.")
class NewImageInput:
    name: str = strawberry.field(description="What to call it.")
    type: SampleType = strawberry.field(description="The type of its samples.")
    size_y: int = strawberry.field(description="Rows.")
    size_x: int = strawberry.field(description="Columns.")
    size_z: int = strawberry.field(default=1, description="Focal planes.")
    size_c: int = strawberry.field(default=1, description="Channels.")
    size_t: int = strawberry.field(default=1, description="Points in time.")
    rgb: bool = strawberry.field(
        default=False, description="A colour picture: three channels of UINT8, red green blue."
    )
    channels: list[NewChannelInput] = strawberry.field(
        default_factory=list, description="One entry per channel, or none."
    )
    description: str | None = strawberry.field(default=None, description="What it shows.")
    physical_size_x: float | None = strawberry.field(
        default=None, description="Width of a pixel in µm."
    )
    physical_size_y: float | None = strawberry.field(
        default=None, description="Height of a pixel in µm."
    )
    physical_size_z: float | None = strawberry.field(
        default=None, description="Step between planes in µm."
    )
    time_increment: float | None = strawberry.field(
        default=None, description="Seconds between points in time."
    )
    acquired_at: DateTime | None = strawberry.field(default=None, description="When it was taken.")
    dataset: strawberry.ID | None = strawberry.field(
        default=None, description="The dataset to put it into."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it belongs to, if no dataset says so; else yours."
    )


@strawberry.input(description="One plane of a new image.")
class NewPlaneInput:
    data: str = strawberry.field(
        description="Its samples in base64: little-endian, row by row from the top."
    )
    c: int = strawberry.field(default=0, description="Its channel.")
    z: int = strawberry.field(default=0, description="Its focal plane.")
    t: int = strawberry.field(default=0, description="Its point in time.")


@strawberry.input(description="A new image with all its planes.")
class CreateImageInput(NewImageInput):
    planes: list[NewPlaneInput] = strawberry.field(
        default_factory=list, description="Every plane of it, in any order."
    )


@strawberry.input(
    description="Samples for an image that is being made: a plane unless told otherwise. What is "
    "sent goes into a box that begins at t, c, z, y, x."
)
class WriteSamplesInput:
    draft: strawberry.ID = strawberry.field(description="The image being made.")
    data: str = strawberry.field(
        description="The samples in base64: little-endian, in the order t, c, z, y, x, the last "
        "fastest. A request holds about 700 kB of them; send large planes in bands of rows."
    )
    t: int = strawberry.field(default=0, description="The first point in time.")
    c: int = strawberry.field(default=0, description="The first channel.")
    z: int = strawberry.field(default=0, description="The first focal plane.")
    y: int = strawberry.field(default=0, description="The first row.")
    x: int = strawberry.field(default=0, description="The first column.")
    size_t: int = strawberry.field(default=1, description="Points in time sent.")
    size_c: int = strawberry.field(default=1, description="Channels sent.")
    size_z: int = strawberry.field(default=1, description="Focal planes sent.")
    height: int | None = strawberry.field(
        default=None, description="Rows sent; down to the last if left out."
    )
    width: int | None = strawberry.field(
        default=None, description="Columns sent; up to the last if left out."
    )


@strawberry.input(description="An image that is to be published.")
class FinishImageInput:
    draft: strawberry.ID = strawberry.field(description="The image being made.")
    allow_missing: bool = strawberry.field(
        default=False, description="Publish it although some planes were never sent; they are 0."
    )


@strawberry.input(description="Something being made that is to be thrown away.")
class DiscardDraftInput:
    draft: strawberry.ID = strawberry.field(description="An image or a file being made.")


@strawberry.type(description="An image that is being made: only you see it.")
class ImageDraft:
    id: strawberry.ID = strawberry.field(description="Send it with the samples.")
    name: str = strawberry.field(description="What it will be called.")
    type: SampleType = strawberry.field(description="The type of its samples.")
    shape: list[int] = strawberry.field(description="Sizes along t, c, z, y and x.")
    missing_planes: int = strawberry.field(description="Planes to which nothing was written yet.")
    expires_at: DateTime = strawberry.field(
        description="When it is thrown away unless samples are sent: a day after the last."
    )

    @classmethod
    def of(cls, draft: Any) -> "ImageDraft":
        """Show a draft."""
        layout = draft.header["layout"]
        return cls(
            id=strawberry.ID(draft.key),
            name=draft.header["name"],
            type=SampleType(layout["dtype"]),
            shape=[layout[f"size_{axis}"] for axis in "tczyx"],
            missing_planes=draft.missing,
            expires_at=DateTime(draft.expires_at),
        )


@strawberry.type(description="The image being made.")
class ImageDraftPayload:
    draft: ImageDraft = strawberry.field(description="As it is now.")


@strawberry.type(description="What was thrown away.")
class DiscardDraftPayload:
    id: strawberry.ID = strawberry.field(description="It is gone.")


@strawberry.input(description="A file of modest size.")
class UploadFileInput:
    name: str = strawberry.field(description="What to call it, with its ending.")
    data: str = strawberry.field(description="Its bytes in base64; about 700 kB at most.")
    media_type: str | None = strawberry.field(
        default=None, description="What it holds, such as text/csv; by its ending if left out."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it belongs to; your default group if left out."
    )


@strawberry.input(description="A file whose bytes follow.")
class BeginFileInput:
    name: str = strawberry.field(description="What to call it, with its ending.")
    media_type: str | None = strawberry.field(
        default=None, description="What it holds, such as text/csv; by its ending if left out."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it belongs to; your default group if left out."
    )


@strawberry.input(description="Bytes for a file that is being sent.")
class WriteFileInput:
    draft: strawberry.ID = strawberry.field(description="The file being sent.")
    data: str = strawberry.field(description="The bytes in base64; about 700 kB at most.")
    offset: BigInt = strawberry.field(
        default=FIRST, description="Where the first of them goes; ranges may come in any order."
    )


@strawberry.input(description="A file that is to be kept.")
class FinishFileInput:
    draft: strawberry.ID = strawberry.field(description="The file being sent.")
    sha256: str = strawberry.field(
        description="The SHA-256 of all its bytes in hexadecimal: nothing is kept that differs."
    )


@strawberry.type(description="A file that is being sent: only you see it.")
class FileDraft:
    id: strawberry.ID = strawberry.field(description="Send it with the bytes.")
    name: str = strawberry.field(description="What it will be called.")
    size: BigInt = strawberry.field(description="How far the bytes reach that have come.")
    expires_at: DateTime = strawberry.field(
        description="When it is thrown away unless bytes are sent: a day after the last."
    )

    @classmethod
    def of(cls, draft: Any) -> "FileDraft":
        """Show a draft."""
        return cls(
            id=strawberry.ID(draft.key),
            name=draft.header["name"],
            size=BigInt(draft.size),
            expires_at=DateTime(draft.expires_at),
        )


@strawberry.type(description="The file being sent.")
class FileDraftPayload:
    draft: FileDraft = strawberry.field(description="As it is now.")


@strawberry.type(description="The file that was kept.")
class FilePayload:
    file: StoredFile = strawberry.field(description="Attach it by its number.")
