"""Images with their pixels and channels, and where to get them as data or as pictures."""

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.containers import shared
from schema.context import Info
from schema.filters import MomentFilter, NumberFilter, TextFilter
from schema.nodes import Annotatable, Node, Owned
from schema.paging import (
    After,
    Before,
    Connection,
    First,
    Last,
    OrderDirection,
    PageArguments,
)
from schema.raw_samples import RawPixels
from schema.renderings import Rendering, UserRendering
from schema.scalars import JSON, BigInt, Color, DateTime, finite
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.annotations import AnnotationWhere
    from schema.containers import Dataset
    from schema.operations import Job, LabelSet, ResultTable
    from schema.reviews import Review
    from schema.rois import ROI, RoiOrder, RoiWhere, ViewportInput
    from schema.screens import WellSample
    from schema.tracks import Track


@strawberry.enum(description="What images may be ordered by.")
class ImageOrderField(Enum):
    NAME = strawberry.enum_value("NAME", description="Their name; upper and lower case are alike.")
    CREATED = strawberry.enum_value("CREATED", description="When they came into the hub.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order images.")
class ImageOrder:
    field: ImageOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="Tests on sizes, type and scale; all that is given must hold.")
class PixelsWhere:
    size_t: NumberFilter | None = strawberry.field(default=None, description="Points in time.")
    size_c: NumberFilter | None = strawberry.field(default=None, description="Channels.")
    size_z: NumberFilter | None = strawberry.field(default=None, description="Focal planes.")
    size_y: NumberFilter | None = strawberry.field(default=None, description="Rows.")
    size_x: NumberFilter | None = strawberry.field(default=None, description="Columns.")
    type: TextFilter | None = strawberry.field(
        default=None, description="Sample type, such as uint16."
    )
    rgb: bool | None = strawberry.field(default=None, description="Colour pictures or not.")
    physical_size_x: NumberFilter | None = strawberry.field(
        default=None, description="Width of a pixel in µm."
    )
    physical_size_y: NumberFilter | None = strawberry.field(
        default=None, description="Height of a pixel in µm."
    )
    physical_size_z: NumberFilter | None = strawberry.field(
        default=None, description="Step between planes in µm."
    )
    time_increment: NumberFilter | None = strawberry.field(
        default=None, description="Seconds between points in time."
    )


@strawberry.input(description="Tests on one channel; all that is given must hold of the same.")
class ChannelWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on its name.")
    fluor: TextFilter | None = strawberry.field(default=None, description="Tests on its dye.")
    emission_nm: NumberFilter | None = strawberry.field(
        default=None, description="Emission wavelength in nm."
    )
    excitation_nm: NumberFilter | None = strawberry.field(
        default=None, description="Excitation wavelength in nm."
    )


@strawberry.input(description="Which images; all that is given must hold.")
class ImageWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they came into the hub."
    )
    acquired_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were taken."
    )
    owner: strawberry.ID | None = strawberry.field(default=None, description="Of this person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="Of this group.")
    dataset: strawberry.ID | None = strawberry.field(default=None, description="In this dataset.")
    made_by: strawberry.ID | None = strawberry.field(default=None, description="Made by this job.")
    annotation: strawberry.ID | None = strawberry.field(
        default=None, description="Carrying this tag or other annotation."
    )
    orphaned: bool | None = strawberry.field(
        default=None, description="True: in no dataset and no well; false: in at least one."
    )
    updated_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were last changed."
    )
    format: TextFilter | None = strawberry.field(
        default=None, description="Tests on the format of the file it came from."
    )
    magnification: NumberFilter | None = strawberry.field(
        default=None, description="Tests on the magnification of the objective."
    )
    project: strawberry.ID | None = strawberry.field(
        default=None, description="In a dataset of this project."
    )
    screen: strawberry.ID | None = strawberry.field(
        default=None, description="On a plate of this screen."
    )
    plate: strawberry.ID | None = strawberry.field(default=None, description="On this plate.")
    acquisition: strawberry.ID | None = strawberry.field(
        default=None, description="Taken in this run of the instrument."
    )
    well: strawberry.ID | None = strawberry.field(default=None, description="In this well.")
    pixels: PixelsWhere | None = strawberry.field(
        default=None, description="With samples for which this holds."
    )
    channel: ChannelWhere | None = strawberry.field(
        default=None, description="With a channel for which this holds."
    )
    annotations: Annotated["AnnotationWhere", strawberry.lazy("schema.annotations")] | None = (
        strawberry.field(default=None, description="Carrying an annotation for which this holds.")
    )
    and_: list["ImageWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["ImageWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "ImageWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.type(description="One step of the pyramid of resolutions.")
class PixelsLevel:
    path: str = strawberry.field(description="Its name inside the image's OME-Zarr.")
    size_y: BigInt = strawberry.field(description="Rows.")
    size_x: BigInt = strawberry.field(description="Columns.")


@strawberry.type(description="The samples of an image: sizes, type and scale.")
class Pixels:
    size_t: int = strawberry.field(description="Points in time.")
    size_c: int = strawberry.field(description="Channels; red, green and blue count as three.")
    size_z: int = strawberry.field(description="Focal planes.")
    size_y: BigInt = strawberry.field(description="Rows of the full resolution.")
    size_x: BigInt = strawberry.field(description="Columns of the full resolution.")
    type: str = strawberry.field(description="Sample type, such as uint16 or float32.")
    rgb: bool = strawberry.field(description="Whether it is a colour picture.")
    physical_size_x: float | None = strawberry.field(description="Width of a pixel in µm.")
    physical_size_y: float | None = strawberry.field(description="Height of a pixel in µm.")
    physical_size_z: float | None = strawberry.field(description="Step between planes in µm.")
    time_increment: float | None = strawberry.field(description="Seconds between points in time.")
    levels: list[PixelsLevel] = strawberry.field(description="The pyramid, full resolution first.")
    generation: int = strawberry.field(
        description="Grows when the samples change; part of the addresses of pictures."
    )
    sha256: str | None = strawberry.field(description="Checksum of the full resolution.")
    bytes: BigInt | None = strawberry.field(description="Space on disk.")

    @classmethod
    def of(cls, row: Any) -> "Pixels | None":
        """Show a row; None for an image declared without pixels."""
        if row.store_key is None:
            return None
        return cls(
            size_t=row.size_t,
            size_c=row.size_c,
            size_z=row.size_z,
            size_y=BigInt(row.size_y),
            size_x=BigInt(row.size_x),
            type=row.dtype,
            rgb=row.rgb,
            physical_size_x=row.physical_size_x,
            physical_size_y=row.physical_size_y,
            physical_size_z=row.physical_size_z,
            time_increment=row.time_increment,
            levels=[
                PixelsLevel(
                    path=level["path"],
                    size_y=BigInt(level["shape"][3]),
                    size_x=BigInt(level["shape"][4]),
                )
                for level in row.levels
            ],
            generation=row.generation,
            sha256=row.sha256,
            bytes=None if row.bytes is None else BigInt(row.bytes),
        )


@strawberry.type(description="One channel of an image.")
class Channel(Node):
    position: int = strawberry.field(description="Its place among the channels, from 0.")
    name: str | None = strawberry.field(description="What it is called.")
    color: Color = strawberry.field(description="The colour it is shown in at first.")
    emission_nm: float | None = strawberry.field(description="Emission wavelength in nm.")
    excitation_nm: float | None = strawberry.field(description="Excitation wavelength in nm.")
    fluor: str | None = strawberry.field(description="The dye or fluorescent protein.")
    minimum: float | None = strawberry.field(description="Smallest sample of the channel.")
    maximum: float | None = strawberry.field(description="Greatest sample of the channel.")

    @classmethod
    def of(cls, row: Any) -> "Channel":
        """Show a row."""
        return cls(
            key=row.id,
            position=row.position,
            name=row.name,
            color=Color(row.color),
            emission_nm=row.emission_nm,
            excitation_nm=row.excitation_nm,
            fluor=row.fluor,
            minimum=row.minimum,
            maximum=row.maximum,
        )


@strawberry.type(description="How many samples fall into each of equal steps.")
class Histogram:
    counts: list[BigInt] = strawberry.field(description="Samples in each bin.")
    edges: list[float] = strawberry.field(description="Limits of the bins, one more than bins.")


@strawberry.type(description="Figures over samples of a channel.")
class Statistics:
    count: BigInt = strawberry.field(description="Samples; NaN are left out.")
    minimum: float | None = strawberry.field(description="Smallest sample.")
    maximum: float | None = strawberry.field(description="Greatest sample.")
    mean: float | None = strawberry.field(description="Mean.")
    std: float | None = strawberry.field(description="Standard deviation, over n.")
    sum: float | None = strawberry.field(description="Sum.")


@strawberry.type(description="Where to fetch samples, and how they are laid out there.")
class RegionLink:
    url: str = strawberry.field(description="Address of the raw bytes; send your credential.")
    shape: list[int] = strawberry.field(description="Sizes along t, c, z, y and x.")
    type: str = strawberry.field(description="Sample type.")
    byte_order: str = strawberry.field(description="Always little.")


@strawberry.federation.type(keys=["id"], description="An image.")
class Image(Owned, Annotatable):
    name: str = strawberry.field(description="What it is called.")
    description: str | None = strawberry.field(description="What it shows.")
    acquired_at: DateTime | None = strawberry.field(description="When it was taken.")
    format: str | None = strawberry.field(description="The format of the file it came from.")
    series: int = strawberry.field(description="Its number in that file, from 0.")
    magnification: float | None = strawberry.field(description="Of the objective.")
    acquisition: JSON | None = strawberry.field(
        description="What else the file says: instrument, objective, original metadata."
    )
    job_key: strawberry.Private[int | None]

    @classmethod
    def of(cls, row: Any, can: Can) -> "Image":
        """Show a row."""
        return cls(
            **shared(row, can),
            name=row.name,
            description=row.description,
            acquired_at=None if row.acquired_at is None else DateTime(row.acquired_at),
            format=row.format,
            series=row.series,
            magnification=row.magnification,
            acquisition=None if row.acquisition is None else JSON(row.acquisition),
            job_key=row.made_by_job,
        )

    @strawberry.field(description="Its samples; null for an image declared without any.")
    async def pixels(self, info: Info) -> Pixels | None:
        row = await info.context.loaders.pixels_of_image.load(self.key)
        return None if row is None else Pixels.of(row)

    @strawberry.field(description="Its channels, in order.")
    async def channels(self, info: Info) -> list[Channel]:
        found: list[Channel] = await info.context.loaders.channels_of_image.load(self.key)
        return found

    @strawberry.field(description="The datasets it lies in, those you may see.")
    async def datasets(
        self, info: Info
    ) -> list[Annotated["Dataset", strawberry.lazy("schema.containers")]]:
        found: list[Dataset] = await info.context.loaders.datasets_of_image.load(self.key)
        return found

    @strawberry.field(description="Its places in plates, those you may see.")
    async def well_samples(
        self, info: Info
    ) -> list[Annotated["WellSample", strawberry.lazy("schema.screens")]]:
        found: list[WellSample] = await info.context.loaders.samples_of_image.load(self.key)
        return found

    @strawberry.field(
        description="Its regions of interest. Reviewed copies are left out unless `kinds` asks."
    )
    async def rois(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: Annotated["RoiWhere", strawberry.lazy("schema.rois")] | None = None,
        viewport: Annotated[
            Annotated["ViewportInput", strawberry.lazy("schema.rois")] | None,
            strawberry.argument(description="Only those with a shape that meets this box."),
        ] = None,
        order_by: list[Annotated["RoiOrder", strawberry.lazy("schema.rois")]] | None = None,
    ) -> Connection[Annotated["ROI", strawberry.lazy("schema.rois")]]:
        page = PageArguments(first, after, last, before)
        found: Connection[ROI] = await info.context.connect(
            "rois_of_image", self.key, page, order_by, (where, viewport)
        )
        return found

    @strawberry.field(description="The tracks of regions on it, by name.")
    async def tracks(
        self, info: Info
    ) -> list[Annotated["Track", strawberry.lazy("schema.tracks")]]:
        found: list[Track] = await info.context.loaders.tracks_of_image.load(self.key)
        return found

    @strawberry.field(description="Its reviews that were begun, by project.")
    async def reviews(
        self, info: Info
    ) -> list[Annotated["Review", strawberry.lazy("schema.reviews")]]:
        found: list[Review] = await info.context.loaders.reviews_of_image.load(self.key)
        return found

    @strawberry.field(description="The job that made it; null for an imported image.")
    async def created_by(
        self, info: Info
    ) -> Annotated["Job", strawberry.lazy("schema.operations")] | None:
        if self.job_key is None:
            return None
        job: Job | None = await info.context.loaders.job_by_id.load(self.job_key)
        return job

    @strawberry.field(
        description="How it is shown to you: your settings, the owner's, or the file's."
    )
    async def rendering(self, info: Info) -> Rendering | None:
        look = await info.context.loaders.look_of_image.load(self.key)
        return None if look is None else Rendering.of(look)

    @strawberry.field(
        description="Everybody's settings for it, those of the file first; yours are used before "
        "the owner's, and those before the file's."
    )
    async def renderings(self, info: Info) -> list[UserRendering]:
        found: list[UserRendering] = await info.context.loaders.renderings_of_image.load(self.key)
        return found

    @strawberry.field(description="The jobs that read it, newest first.")
    async def jobs(
        self, info: Info
    ) -> list[Annotated["Job", strawberry.lazy("schema.operations")]]:
        found: list[Job] = await info.context.loaders.jobs_of_image.load(self.key)
        return found

    @strawberry.field(description="The label sets made of it.")
    async def label_sets(
        self, info: Info
    ) -> list[Annotated["LabelSet", strawberry.lazy("schema.operations")]]:
        found: list[LabelSet] = await info.context.loaders.label_sets_of_image.load(self.key)
        return found

    @strawberry.field(description="The result tables about it.")
    async def tables(
        self, info: Info
    ) -> list[Annotated["ResultTable", strawberry.lazy("schema.operations")]]:
        found: list[ResultTable] = await info.context.loaders.tables_of_image.load(self.key)
        return found

    @strawberry.field(description="Address of its OME-Zarr group, for viewers and scripts.")
    def zarr_url(self) -> str:
        return f"/zarr/{self.key}.zarr"

    @strawberry.field(
        description="Address of its OME-Zarr group for viewers that cannot send a credential. It "
        "opens for whoever has it, with your right to see the image, for this many seconds: at "
        "most seven days, with a token at most an hour. It cannot be taken back."
    )
    def signed_zarr_url(self, info: Info, expires_in: int = 3600) -> str:
        return info.context.signed_zarr_url(self.key, expires_in)

    @strawberry.field(
        description="Address of a small picture as you see it; the longer side has this many "
        "pixels. It may be kept for ever: other samples or settings have another address."
    )
    async def thumbnail_url(self, info: Info, size: int = 256) -> str:
        return f"/tiles/{self.key}/thumbnail?size={size}&{await self._seen(info, None, None)}"

    @strawberry.field(
        description="Address of one 256 × 256 tile of a level, drawn as you see it. It may be kept "
        "for ever: other samples or settings have another address."
    )
    async def tile_url(
        self,
        info: Info,
        level: int = 0,
        x: int = 0,
        y: int = 0,
        z: int | None = None,
        t: int | None = None,
    ) -> str:
        plane = "".join(f"&{axis}={n}" for axis, n in (("z", z), ("t", t)) if n is not None)
        return f"/tiles/{self.key}/{level}/{y}/{x}?{await self._seen(info, z, t)}{plane}"

    async def _seen(self, info: Info, z: int | None, t: int | None) -> str:
        """Return what makes an address name samples and settings of a plane for good."""
        row = await info.context.loaders.pixels_of_image.load(self.key)
        look = await info.context.loaders.look_of_image.load(self.key)
        if row is None or look is None:
            return "v=0"
        plane = {axis: n for axis, n in (("z", z), ("t", t)) if n is not None}
        return f"v={row.generation}&s={replace(look, **plane).key()}"

    @strawberry.field(description="Where to fetch raw samples of a box of one level.")
    async def region(
        self,
        info: Info,
        x: int = 0,
        y: int = 0,
        width: int | None = None,
        height: int | None = None,
        level: int = 0,
        c: list[int] | None = None,
        z: int = 0,
        t: int = 0,
    ) -> RegionLink | None:
        row = await info.context.loaders.pixels_of_image.load(self.key)
        if row is None or level >= len(row.levels) or level < 0:
            return None
        _t, size_c, _z, size_y, size_x = row.levels[level]["shape"]
        wide = min(width or size_x, size_x - x)
        high = min(height or size_y, size_y - y)
        listed = f"&c={','.join(map(str, c))}" if c is not None else ""
        return RegionLink(
            url=f"/tiles/{self.key}/region?level={level}&x={x}&y={y}&width={wide}&height={high}"
            f"&z={z}&t={t}{listed}&v={row.generation}",
            shape=[1, size_c if c is None else len(c), 1, high, wide],
            type=row.dtype,
            byte_order="little",
        )

    @strawberry.field(
        description="Its samples as an answer: planes, rows, columns, stacks and boxes of up to "
        "4 MiB. `region` has the address for more."
    )
    def raw(
        self,
        level: Annotated[
            int, strawberry.argument(description="The level; 0 is the full resolution.")
        ] = 0,
    ) -> RawPixels:
        return RawPixels(image_key=self.key, level=level)

    @strawberry.field(
        description="How the samples of a channel are distributed, on one plane or, with null for "
        "z or t, on all of them."
    )
    async def histogram(
        self,
        info: Info,
        channel: int = 0,
        z: int | None = 0,
        t: int | None = 0,
        bins: int = 256,
        level: int = 0,
    ) -> Histogram:
        found = await info.context.hub.histogram(
            self.key, channel=channel, z=z, t=t, bins=bins, level=level
        )
        return Histogram(
            counts=[BigInt(int(count)) for count in found.counts],
            edges=[float(edge) for edge in found.edges],
        )

    @strawberry.field(
        description="Figures over the samples of a channel, of one plane or, with null for z or t, "
        "of all of them."
    )
    async def statistics(
        self,
        info: Info,
        channel: int = 0,
        z: int | None = 0,
        t: int | None = 0,
        level: int = 0,
    ) -> Statistics:
        found = await info.context.hub.statistics(self.key, channel=channel, z=z, t=t, level=level)
        return Statistics(
            count=BigInt(found.count),
            minimum=finite(found.minimum),
            maximum=finite(found.maximum),
            mean=finite(found.mean),
            std=finite(found.std),
            sum=finite(float(found.sum)),
        )

    @strawberry.field(description="Address for downloading it: ome-tiff or ome-zarr.")
    def download_url(self, format: str = "ome-tiff") -> str:
        return f"/transfers/images/{self.key}?format={format}"


@strawberry.type(description="A small picture of an image.")
class Thumbnail:
    source: strawberry.Private[Any]
    url: str = strawberry.field(description="Its address; it may be kept for ever.")

    @strawberry.field(description="The picture itself, as a data: address with a JPEG inside.")
    async def data_url(self, info: Info) -> str:
        return str(await info.context.hub.thumbnails.data_url(self.source))

    @strawberry.field(description="The image.")
    async def image(self, info: Info) -> Image | None:
        found: Image | None = await info.context.loaders.image_by_id.load(self.source.view.image.id)
        return found


@strawberry.input(description="What to change of an image.")
class UpdateImageInput:
    id: strawberry.ID = strawberry.field(description="The image.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new description; null removes it."
    )
    acquired_at: DateTime | None = strawberry.field(
        default=strawberry.UNSET, description="When it was taken."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="What to change of a channel.")
class UpdateChannelInput:
    id: strawberry.ID = strawberry.field(description="The channel.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    color: Color | None = strawberry.field(default=strawberry.UNSET, description="Its new colour.")
    emission_nm: float | None = strawberry.field(
        default=strawberry.UNSET, description="Emission wavelength in nm."
    )
    excitation_nm: float | None = strawberry.field(
        default=strawberry.UNSET, description="Excitation wavelength in nm."
    )
    fluor: str | None = strawberry.field(default=strawberry.UNSET, description="The dye.")


@strawberry.type(description="The changed image.")
class ImagePayload:
    image: Image = strawberry.field(description="As it is now.")


@strawberry.type(description="The changed channel.")
class ChannelPayload:
    channel: Channel = strawberry.field(description="As it is now.")
