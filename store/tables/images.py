"""Images with their pixels, channels, rendering settings, declared slices and label sets."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel

from store.tables.columns import (
    Described,
    Json,
    Keyed,
    MaybeNamed,
    Named,
    Owned,
    index,
    listed,
    live_index,
    live_unique,
    one_of,
)

WHITE = -1  # 0xFFFFFFFF as a signed 32-bit RGBA colour


class ImageState(StrEnum):
    """Declared without pixels, being written, or published."""

    DECLARED = "declared"
    IMPORTING = "importing"
    READY = "ready"


class Image(Described, Named, Owned, table=True):
    """An image: the object people see, share and draw on. Its pixels have the same id.

    `slice_base` and `slice_count` are the block of plane ids taken when pixels are published.
    `roi_count` is a hint that chooses between two indexes, never an answer.
    """

    __tablename__ = "image"
    __table_args__ = (
        one_of("state", ImageState),
        *listed("state", "label_id", "owner_id", "group_id"),
        # Small, and all that counting visible images asks of them.
        live_index("label_id", "owner_id", "group_id", "state"),
        live_index("group_id", "id"),
        live_index("owner_id", "id"),
        live_index("id"),
        index("slice_base", unique=True),
    )

    label_id: int | None = Field(default=None, foreign_key="label.id")
    acquired_at: int | None = None
    series: int = 0
    format: str | None = None
    file_id: int | None = Field(default=None, foreign_key="stored_file.id")
    state: str = ImageState.READY.value
    slice_base: int | None = None
    slice_count: int | None = None
    magnification: float | None = None
    fps: float | None = None
    archived: bool = False
    acquisition: dict[str, Any] | None = Field(default=None, sa_type=Json)
    made_by_job: int | None = Field(default=None, foreign_key="job.id")
    roi_count: int = 0


class Pixels(SQLModel, table=True):
    """The samples of an image: sizes, type, scale in µm, and where the chunks lie.

    `levels` lists the pyramid from full resolution down; `generation` grows when values change.
    """

    __tablename__ = "pixels"

    image_id: int = Field(
        foreign_key="image.id", primary_key=True, sa_column_kwargs={"autoincrement": False}
    )
    size_t: int | None = None
    size_c: int | None = None
    size_z: int | None = None
    size_y: int | None = None
    size_x: int | None = None
    dtype: str | None = None
    rgb: bool = False
    significant_bits: int | None = None
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    time_increment: float | None = None
    levels: list[Any] = Field(default_factory=list, sa_type=Json)
    store_key: str | None = None
    generation: int = 1
    sha256: str | None = None
    bytes: int | None = None


class Channel(MaybeNamed, Keyed, table=True):
    """A channel of an image; wavelengths in nm, colour as signed 32-bit RGBA."""

    __tablename__ = "channel"
    __table_args__ = (index("image_id", "position", unique=True),)

    image_id: int = Field(foreign_key="image.id")
    position: int
    color: int = WHITE
    lut: str | None = None
    emission_nm: float | None = None
    excitation_nm: float | None = None
    fluor: str | None = None
    nd_filter: float | None = None
    pinhole_um: float | None = None
    pockel_cell: int | None = None
    modes: dict[str, Any] | None = Field(default=None, sa_type=Json)
    minimum: float | None = None
    maximum: float | None = None


class Rendering(Keyed, table=True):
    """How a user shows an image; without a user, as it was imported."""

    __tablename__ = "rendering"
    __table_args__ = (
        index("image_id", "user_id", unique=True),
        index("image_id", unique=True, where="user_id IS NULL", name="ux_rendering_imported"),
    )

    image_id: int = Field(foreign_key="image.id")
    user_id: int | None = Field(default=None, foreign_key="user_.id")
    model: str = "color"
    z: int = 0
    t: int = 0
    projection: str | None = None
    channels: list[Any] = Field(default_factory=list, sa_type=Json)


class ImageSlice(MaybeNamed, Keyed, table=True):
    """A plane of a declared image; planes of images with pixels are not rows."""

    __tablename__ = "image_slice"
    __table_args__ = (
        live_unique("image_id", "placement_id", "c", "z", "t"),
        live_unique(
            "image_id", "c", "z", "t", where="placement_id IS NULL", name="ux_image_slice_own_live"
        ),
    )

    image_id: int = Field(foreign_key="image.id")
    placement_id: int | None = Field(default=None, foreign_key="placement.id")
    base_id: int | None = Field(default=None, foreign_key="image_slice.id")
    c: int
    z: int
    t: int
    mime: str | None = None
    file_id: int | None = Field(default=None, foreign_key="stored_file.id")
    color: int | None = None
    trashed_by: int | None = None


class LabelSet(Named, Owned, table=True):
    """A label image that belongs to an image, stored beside its pixels."""

    __tablename__ = "label_set"
    __table_args__ = (live_unique("image_id", "name"),)

    image_id: int = Field(foreign_key="image.id")
    store_key: str
    generation: int = 1
    made_by_job: int | None = Field(default=None, foreign_key="job.id")
