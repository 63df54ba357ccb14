"""Images made of samples that a program sends: all planes at once, or piece by piece as a draft.

Samples are little-endian in C order. A draft keeps them as they come, in any order and any boxes,
plane, row, stack or more; `finish` writes the pyramid and publishes the image in one transaction,
so that a crash at any moment leaves a draft or an image and nothing in between.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.colors import parse
from adapters.containers import checked_name
from adapters.drafts import Drafts
from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.images import Images, NewImage
from adapters.infrastructure import Infrastructure
from store.catalog import Catalog
from store.drafts import Draft
from store.errors import Conflict, Invalid, TooLarge
from store.pixels.base import Layout, PixelWriter, Written
from store.pixels.samples import stored_dtype
from store.tables.images import Image
from store.unit import Unit

MOST_PLANES = 65_536
MOST_CHANNELS = 1000
_BAND = 16 << 20
_NAMED = frozenset({"name", "color", "emission_nm", "excitation_nm", "fluor"})
Place = tuple[int, int, int, int, int]
"""``(t, c, z, y, x)``."""


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """What an image is to be. Physical sizes in µm, time in s, `acquired_at` in ms UTC.

    `channels` is empty or has one entry per channel, each with some of ``name color emission_nm
    excitation_nm fluor``; the colour is ``RRGGBB``. An RGB image has three channels of uint8.
    """

    name: str
    layout: Layout
    channels: Sequence[Mapping[str, Any]] = ()
    description: str | None = None
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    time_increment: float | None = None
    acquired_at: int | None = None
    dataset_id: int | None = None
    group_id: int | None = None
    planes: int = field(init=False)

    def __post_init__(self) -> None:
        layout = self.layout
        for axis, size in zip("tczyx", layout.shape, strict=True):
            if not 1 <= size < 2**31:
                raise Invalid(f"size_{axis}", f"must be at least 1, found {size}.")
        stored = stored_dtype(layout.dtype)
        if stored.name != layout.dtype:
            raise Invalid("type", f"{layout.dtype} is stored as {stored.name}; send that.")
        if layout.rgb and (layout.size_c != 3 or layout.dtype != "uint8"):
            raise Invalid("rgb", "a colour picture has three channels of uint8.")
        if layout.size_c > MOST_CHANNELS:
            raise TooLarge(f"An image of {layout.size_c} channels", MOST_CHANNELS, "channels")
        planes = layout.size_t * layout.size_c * layout.size_z
        if planes > MOST_PLANES:
            raise TooLarge(f"An image of {planes:,} planes", MOST_PLANES, "planes")
        if self.channels and len(self.channels) != layout.size_c:
            raise Invalid(
                "channels", f"{len(self.channels)} are described, the image has {layout.size_c}."
            )
        for channel in self.channels:
            for name in channel.keys() - _NAMED:
                raise Invalid("channels", f"a channel has no {name}.")
            if channel.get("color") is not None:
                parse(channel["color"])
        for name in ("physical_size_x", "physical_size_y", "physical_size_z", "time_increment"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1e15:
                raise Invalid(name, f"must be above 0, found {value}.")
        checked_name(self.name)
        object.__setattr__(self, "planes", planes)

    @property
    def bytes(self) -> int:
        """Bytes of all samples."""
        layout = self.layout
        return self.planes * layout.size_y * layout.size_x * np.dtype(layout.dtype).itemsize

    @property
    def metadata(self) -> SourceMetadata:
        """What the plan says in the form that files say it."""
        return SourceMetadata(
            physical_size_x=self.physical_size_x,
            physical_size_y=self.physical_size_y,
            physical_size_z=self.physical_size_z,
            time_increment=self.time_increment,
            channels=tuple(SourceChannel(**channel) for channel in self.channels),
            acquired_at=self.acquired_at,
        )

    def header(self) -> dict[str, Any]:
        """Return the plan as plain values, from which `read` makes it again."""
        plain = asdict(self)
        del plain["planes"]
        return plain

    @staticmethod
    def read(header: Mapping[str, Any]) -> ImagePlan:
        """Return the plan of a draft's header."""
        plain = {name: value for name, value in header.items() if name not in ("user_id", "kind")}
        return ImagePlan(**{**plain, "layout": Layout(**plain["layout"])})


class ImageDrafts(Drafts):
    """Verbs that make images of samples."""

    kind = "image"
    most_bytes = 4 << 30

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog, images: Images) -> None:
        super().__init__(infrastructure, catalog)
        self._images = images

    async def create(self, plan: ImagePlan, planes: Mapping[tuple[int, int, int], bytes]) -> Image:
        """Make an image of all its planes, by ``(t, c, z)``. Raises as `begin` and `write`.

        Raises Invalid if a plane is missing.
        """
        self._require_writing()
        await self._check_group(plan.group_id, plan.dataset_id)
        layout = plan.layout
        every = [
            (t, c, z)
            for t in range(layout.size_t)
            for c in range(layout.size_c)
            for z in range(layout.size_z)
        ]
        missing = [place for place in every if place not in planes]
        if missing:
            raise Invalid(
                "planes",
                f"{len(missing)} of {plan.planes} planes are missing, such as t, c, z = "
                f"{missing[0]}; send all of them, or begin a draft.",
            )
        blocks = {
            place: _samples(layout, planes[place], (1, 1, 1, layout.size_y, layout.size_x))
            for place in every
        }
        if extra := planes.keys() - blocks.keys():
            raise Invalid("planes", f"there is no plane t, c, z = {min(extra)}.")

        def fill(writer: PixelWriter) -> None:
            for (t, c, z), block in blocks.items():
                writer.write(block[0, 0, 0], t=t, c=c, z=z)

        return await self._catalog.database.keep(self._publish(plan, fill))

    async def begin(self, plan: ImagePlan) -> Draft:
        """Start an image whose samples follow. All of them are 0 at first.

        Raises Invalid or Unsupported for sizes and types that cannot be, TooLarge beyond 4 GiB,
        NotFound or Forbidden for the place it is to go, Conflict for too many drafts.
        """
        self._require_writing()
        await self._check_group(plan.group_id, plan.dataset_id)
        return await self._begin(plan.header(), plan.bytes, plan.planes)

    async def write(self, key: str, start: Place, shape: Place, data: bytes) -> Draft:
        """Put a box of samples into a draft; what was there before is replaced.

        Raises NotFound, Invalid for a box outside the image or bytes that do not fill it.
        """
        self._require_writing()
        draft = await self.get(key)
        layout = ImagePlan.read(draft.header).layout
        for axis, first, length, size in zip("tczyx", start, shape, layout.shape, strict=True):
            if first < 0 or length < 1 or first + length > size:
                raise Invalid(axis, f"{first} to {first + length} was sent, there are {size}.")
        box = _samples(layout, data, shape)

        def put() -> Draft:
            return self._store.write(key, _runs(layout, start, box), _parts(layout, start, shape))

        return await self._run(put)

    async def finish(self, key: str, *, allow_missing: bool = False) -> Image:
        """Publish a draft as an image. Raises Conflict while planes are missing, unless allowed.

        If publishing is refused, the draft is as it was.
        """
        self._require_writing()
        draft = await self.get(key)
        plan = ImagePlan.read(draft.header)
        if draft.missing and not allow_missing:
            place = np.unravel_index(draft.marks.index(0), plan.layout.shape[:3])
            raise Conflict(
                f"Nothing was written to {draft.missing} of {plan.planes} planes, such as t, c, z ="
                f" {tuple(int(one) for one in place)}; send them, or say that they may be empty.",
                missing=draft.missing,
            )
        return await self._catalog.database.keep(self._finish(key, plan))

    async def published(self, id: int) -> Image:
        """Return an image that was just made, with the label that its place gave it."""
        return await self._catalog.one(Image, id)

    async def _finish(self, key: str, plan: ImagePlan) -> Image:
        path = await self._run(self._store.take, key)
        try:
            image = await self._publish(plan, lambda writer: _copy(path, plan.layout, writer))
        except BaseException:
            await self._run(self._store.give_back, key)
            raise
        await self._run(self._store.drop, key)
        return image

    async def _publish(self, plan: ImagePlan, fill: Any) -> Image:
        pixels = self._infrastructure.pixels
        name = checked_name(plan.name)

        def make() -> Written:
            writer = pixels.create(plan.layout, plan.metadata.for_store(name))
            try:
                fill(writer)
                return writer.finish()
            except BaseException:
                writer.discard()
                raise

        written = await self._infrastructure.run_long(make)

        async def work(unit: Unit) -> Image:
            unit.journal.summary = f"create image {name}"
            return await self._images.publish(
                unit,
                NewImage(
                    name=name,
                    written=written,
                    layout=plan.layout,
                    metadata=plan.metadata,
                    group_id=plan.group_id,
                    description=plan.description,
                    dataset_ids=() if plan.dataset_id is None else (plan.dataset_id,),
                ),
            )

        try:
            return await self._catalog.write("create_image", work)
        except BaseException:
            await self._infrastructure.run(pixels.delete, written.store_key)
            raise


def _samples(layout: Layout, data: bytes, shape: Place) -> NDArray[Any]:
    """Return sent bytes as samples of a shape. Raises Invalid if they do not fill it."""
    dtype = np.dtype(layout.dtype)
    wanted = int(np.prod(shape, dtype=object)) * dtype.itemsize
    if len(data) != wanted:
        raise Invalid(
            "data",
            f"has {len(data):,} bytes; {' × '.join(map(str, shape))} samples (t c z y x) of "
            f"{dtype.name} have {wanted:,}.",
        )
    return np.frombuffer(data, dtype.newbyteorder("<")).astype(dtype, copy=False).reshape(shape)


def _runs(layout: Layout, start: Place, box: NDArray[Any]) -> Iterator[tuple[int, memoryview]]:
    """Cut a box into what lies together in the draft: planes if they are whole, else rows."""
    itemsize = box.dtype.itemsize
    whole_rows = box.shape[4] == layout.size_x
    for t, c, z in np.ndindex(box.shape[:3]):
        plane = np.ascontiguousarray(box[t, c, z])
        first = np.ravel_multi_index((start[0] + t, start[1] + c, start[2] + z), layout.shape[:3])
        at = (int(first) * layout.size_y + start[3]) * layout.size_x + start[4]
        if whole_rows:
            yield at * itemsize, plane.reshape(-1).view(np.uint8).data
            continue
        for number, row in enumerate(plane):
            yield (at + number * layout.size_x) * itemsize, row.view(np.uint8).data


def _parts(layout: Layout, start: Place, shape: Place) -> Iterator[int]:
    """Return the numbers of the planes that a box touches."""
    for t, c, z in np.ndindex(shape[:3]):
        place = (start[0] + t, start[1] + c, start[2] + z)
        yield int(np.ravel_multi_index(place, layout.shape[:3]))


def _copy(path: Path, layout: Layout, writer: PixelWriter) -> None:
    """Write what a draft holds, in bands of rows."""
    dtype = np.dtype(layout.dtype)
    row_bytes = layout.size_x * dtype.itemsize
    rows = max(1, _BAND // row_bytes)
    rows = rows // 256 * 256 or rows
    with path.open("rb") as file:
        for number, (t, c, z) in enumerate(np.ndindex(layout.shape[:3])):
            for top in range(0, layout.size_y, rows):
                height = min(rows, layout.size_y - top)
                at = (number * layout.size_y + top) * row_bytes
                band = os.pread(file.fileno(), height * row_bytes, at)
                block = np.frombuffer(band, dtype).reshape(height, layout.size_x)
                writer.write(block, t=t, c=c, z=z, y=top)
