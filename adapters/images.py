"""Images: publishing pixels under a row, and what a reader of an image needs to know.

Pixels are written first, to a folder nothing names; `publish` then names them in one transaction
together with channels, default rendering, plane ids and links. Nobody ever sees half an image.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlmodel import SQLModel

from adapters.colors import Color, pack, parse, unpack
from adapters.containers import checked_name
from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.render.settings import (
    Method,
    Model,
    Projection,
    RenderSettings,
    channels_json,
    channels_of,
    defaults,
)
from store.access.capabilities import Can
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Invalid
from store.pixels.base import Layout, Written
from store.statement import cols, table
from store.tables.containers import Dataset, DatasetImage, Project, ProjectDataset
from store.tables.images import Channel, Image, ImageState, Pixels, Rendering
from store.tables.screens import Well, WellSample
from store.unit import Unit

PALETTE = "table:"  # a channel's own lookup table, 768 bytes in base64, instead of a known name


@dataclass(frozen=True, slots=True)
class NewImage:
    """Pixels that are written and wait for a row, with everything known about them."""

    name: str
    written: Written
    layout: Layout
    metadata: SourceMetadata = field(default_factory=SourceMetadata)
    group_id: int | None = None
    description: str | None = None
    format: str | None = None
    series: int = 0
    file_id: int | None = None
    made_by_job: int | None = None
    dataset_ids: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class View:
    """One image with what drawing it takes; read in five statements whatever its size."""

    image: Image
    pixels: Pixels
    channels: Sequence[Channel]
    settings: RenderSettings


class Images:
    """Verbs on images and their channels."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def publish(self, unit: Unit, new: NewImage) -> Image:
        """Name written pixels in a unit of work; return the image's row.

        Raises Forbidden or Conflict for datasets the image may not go into.
        """
        actor = unit.actor
        layout, written, metadata = new.layout, new.written, new.metadata
        group = new.group_id
        if group is None and new.dataset_ids:
            group = (await unit.one(Dataset, new.dataset_ids[0])).group_id
        if group is None:
            group = actor.default_group
        if group is None:
            raise Invalid("group", "you have no default group; name a dataset or a group.")
        colors = 1 if layout.rgb else layout.size_c
        planes = colors * layout.size_z * layout.size_t
        base = await unit.take_ids(planes, kind="plane")
        image = await unit.add(
            Image(
                name=checked_name(new.name),
                owner_id=actor.author_id,
                group_id=group,
                description=new.description or metadata.text or None,
                acquired_at=metadata.acquired_at,
                magnification=metadata.magnification,
                acquisition=_acquisition(metadata),
                series=new.series,
                format=new.format,
                file_id=new.file_id,
                state=ImageState.READY.value,
                slice_base=base,
                slice_count=planes,
                made_by_job=new.made_by_job,
                created_at=now_ms(),
            )
        )
        await unit.add(_pixels(image.id, new), tell=False)
        channels = _channels(layout, written, metadata)
        for channel in channels:
            channel.image_id = image.id
            await unit.add(channel, tell=False)
        await unit.add(_rendering(image.id, layout, written, metadata), tell=False)
        for dataset_id in new.dataset_ids:
            await unit.one(Dataset, dataset_id, can=Can.EDIT)
            await unit.add(
                DatasetImage(
                    dataset_id=dataset_id, image_id=image.id, owner_id=actor.author_id,
                    name_key=image.name_key,
                )
            )  # fmt: skip
        return image

    async def view(self, image_id: int) -> View:
        """Return an image ready to be read and drawn. Raises NotFound, Conflict without pixels."""
        image = await self._catalog.one(Image, image_id)
        pixels = await self.pixels(image)
        (channels,) = await self._catalog.grouped(
            Channel, "image_id", [image_id], order=(cols(Channel).position,)
        )
        saved = (await self.renderings([image_id])).get(image_id)
        return View(image, pixels, channels, look_of(saved, pixels, channels))

    async def views(self, image_ids: Sequence[int]) -> dict[int, View]:
        """Return those of the images that are visible and have pixels, ready to be drawn.

        Five statements, however many images.
        """
        images = [one for one in await self._catalog.by_ids(Image, image_ids) if one is not None]
        ids = [image.id for image in images]
        pixels = await self._catalog.by_ids(Pixels, ids)
        channels, saved = await self.channels(ids), await self.renderings(ids)
        return {
            image.id: View(
                image, held, channels[image.id],
                look_of(saved.get(image.id), held, channels[image.id]),
            )
            for image, held in zip(images, pixels, strict=True)
            if held is not None and held.store_key is not None
        }  # fmt: skip

    async def inside(self, noun: type[SQLModel], id: int) -> list[int]:
        """Return the images in a project, dataset or well, in order. Raises NotFound, Invalid."""
        await self._catalog.one(noun, id)
        image, link = cols(Image), cols(DatasetImage)
        if noun is Well:
            field = cols(WellSample)
            found = (
                select(image.id)
                .join(table(WellSample), field.image_id == image.id)
                .where(field.well_id == id)
            )
        elif noun in (Dataset, Project):
            found = select(image.id).join(table(DatasetImage), link.image_id == image.id)
            if noun is Project:
                above = cols(ProjectDataset)
                found = found.join(
                    table(ProjectDataset), above.dataset_id == link.dataset_id
                ).where(above.project_id == id)
            else:
                found = found.where(link.dataset_id == id)
        else:
            raise Invalid("noun", "images lie in projects, datasets and wells.")
        return sorted({row.id for row in await self._catalog.rows(found)})

    async def pixels(self, image: Image) -> Pixels:
        """Return the pixels of an image. Raises Conflict for an image that has none."""
        pixels = await self._catalog.one(Pixels, image.id)
        if pixels.store_key is None:
            raise Invalid("image", f"image {image.id} was declared without pixels.")
        return pixels

    async def channels(self, image_ids: Sequence[int]) -> dict[int, list[Channel]]:
        """Return the channels of many images, in order, in one statement."""
        found = await self._catalog.grouped(
            Channel, "image_id", image_ids, order=(cols(Channel).position,)
        )
        return dict(zip(image_ids, found, strict=True))

    async def renderings(self, image_ids: Sequence[int]) -> dict[int, RenderSettings]:
        """Return how the actor sees each image: own settings, the owner's, or as imported."""
        row, image, me = cols(Rendering), cols(Image), self._catalog.actor.user_id
        found = await self._catalog.all(
            Rendering,
            self._catalog.select(Rendering).where(self._catalog.members(row.image_id, image_ids)),
        )
        owners = await self._catalog.rows(
            select(image.id, image.owner_id).where(self._catalog.members(image.id, image_ids))
        )
        owner_of = {one.id: one.owner_id for one in owners}
        chosen: dict[int, tuple[int, Rendering]] = {}
        for one in found:
            rank = _rank(one.user_id, owner_of.get(one.image_id), me)
            if rank is not None and rank < chosen.get(one.image_id, (9, one))[0]:
                chosen[one.image_id] = (rank, one)
        return {id: settings_of(one) for id, (_, one) in chosen.items()}

    async def looks(self, image_ids: Sequence[int]) -> dict[int, RenderSettings]:
        """Return how the actor sees each image that has pixels, as `look_of` says.

        Two statements, however many images; two more where one has no settings or its own table.
        """
        saved = await self.renderings(image_ids)
        unsaved = [id for id in image_ids if id not in saved]
        found = await self._catalog.by_ids(Pixels, unsaved) if unsaved else []
        pixels = {one.image_id: one for one in found if one is not None and one.store_key}
        own = [id for id, look in saved.items() if _has_own_table(look)]
        channels = await self.channels([*pixels, *own]) if pixels or own else {}
        return {
            id: look_of(saved.get(id), pixels.get(id), channels.get(id, ()))
            for id in image_ids
            if id in saved or id in pixels
        }

    async def update_channel(self, channel_id: int, **fields: Any) -> Channel:
        """Change the name, colour or wavelengths of a channel."""

        async def work(unit: Unit) -> Channel:
            unit.journal.summary = f"change channel {channel_id}"
            return await unit.change(Channel, channel_id, **fields)

        return await self._catalog.write("update_channel", work)


def _rank(user_id: int | None, owner_id: int | None, me: int | None) -> int | None:
    """Own settings come before the owner's, those before the file's; others' do not count."""
    if user_id is None:
        return 2
    if user_id == me:
        return 0
    return 1 if user_id == owner_id else None


def look_of(
    saved: RenderSettings | None, pixels: Pixels | None, channels: Sequence[Channel]
) -> RenderSettings:
    """Return saved settings with the image's own lookup tables, else what its samples suggest."""
    if saved is not None:
        return replace(saved, custom=custom_tables(channels))
    assert pixels is not None, "without saved settings the pixels decide"
    return suggested(pixels, channels)


def _has_own_table(look: RenderSettings) -> bool:
    return any(one.lut is not None and one.lut.startswith(PALETTE) for one in look.channels)


def suggested(pixels: Pixels, channels: Sequence[Channel]) -> RenderSettings:
    """Return settings from what is known of the channels: their extremes, colours and tables."""
    windows = [
        None if one.minimum is None or one.maximum is None else (one.minimum, one.maximum)
        for one in channels
    ]
    made = defaults(
        layout_of(pixels),
        windows,
        colors=[unpack(one.color).rgb for one in channels],
        lut_names=[one.lut for one in channels],
    )
    return replace(made, custom=custom_tables(channels))


def layout_of(pixels: Pixels) -> Layout:
    """Return the sizes and sample type that a row of pixels states."""
    sizes = (pixels.size_t, pixels.size_c, pixels.size_z, pixels.size_y, pixels.size_x)
    t, c, z, y, x = (size or 0 for size in sizes)
    return Layout(t, c, z, y, x, pixels.dtype or "uint8", pixels.rgb)


def settings_of(row: Any, custom: dict[str, Any] | None = None) -> RenderSettings:
    """Return the settings a row of renderings keeps."""
    return RenderSettings(
        channels=channels_of(row.channels),
        model=Model(row.model),
        z=row.z,
        t=row.t,
        projection=_projection(row.projection),
        custom=custom,
    )


def stored_settings(settings: RenderSettings) -> dict[str, Any]:
    """Return the columns of a rendering for settings."""
    projection = settings.projection
    text = None
    if projection is not None:
        last = "" if projection.last is None else projection.last
        text = f"{projection.method}|{projection.first}:{last}"
    return {
        "model": settings.model.value,
        "z": settings.z,
        "t": settings.t,
        "projection": text,
        "channels": channels_json(settings),
    }


def custom_tables(channels: Sequence[Channel]) -> dict[str, Any]:
    """Return the lookup tables that came with the image, by the name channels use for them."""
    tables = {}
    for channel in channels:
        if channel.lut and channel.lut.startswith(PALETTE):
            raw = base64.b64decode(channel.lut.removeprefix(PALETTE))
            tables[channel.lut] = np.frombuffer(raw, np.uint8).reshape(256, 3)
    return tables


def _projection(text: str | None) -> Projection | None:
    if text is None:
        return None
    method, _, span = text.partition("|")
    first, _, last = span.partition(":")
    return Projection(Method(method), int(first or 0), int(last) if last else None)


def _pixels(image_id: int, new: NewImage) -> Pixels:
    layout, written, metadata = new.layout, new.written, new.metadata
    return Pixels(
        image_id=image_id,
        size_t=layout.size_t,
        size_c=layout.size_c,
        size_z=layout.size_z,
        size_y=layout.size_y,
        size_x=layout.size_x,
        dtype=layout.dtype,
        rgb=layout.rgb,
        significant_bits=np.dtype(layout.dtype).itemsize * 8,
        physical_size_x=metadata.physical_size_x,
        physical_size_y=metadata.physical_size_y,
        physical_size_z=metadata.physical_size_z,
        time_increment=metadata.time_increment,
        levels=[
            {"path": level.path, "shape": list(level.shape), "chunks": list(level.chunks)}
            for level in written.levels
        ],
        store_key=written.store_key,
        sha256=written.sha256,
        bytes=written.bytes,
    )


def _acquisition(metadata: SourceMetadata) -> dict[str, Any] | None:
    kept = {
        "instrument": dict(metadata.instrument) or None,
        "original": dict(metadata.original) or None,
    }
    found = {name: value for name, value in kept.items() if value}
    return found or None


def _source_channel(metadata: SourceMetadata, position: int) -> SourceChannel:
    channels = metadata.channels
    return channels[position] if position < len(channels) else SourceChannel()


def _defaults(layout: Layout, written: Written, metadata: SourceMetadata) -> RenderSettings:
    sources = [_source_channel(metadata, position) for position in range(layout.size_c)]
    windows = []
    for position, source in enumerate(sources):
        if source.window_start is not None and source.window_end is not None:
            windows.append((source.window_start, source.window_end))
        else:
            windows.append((written.minima[position], written.maxima[position]))
    shown = defaults(
        layout,
        windows,
        colors=[parse(source.color).rgb if source.color else None for source in sources],
        emissions=[source.emission_nm for source in sources],
        lut_names=[_lut(source) for source in sources],
        active=[source.active for source in sources] if metadata.channels else (),
    )
    turned = tuple(
        replace(channel, inverted=source.inverted)
        for channel, source in zip(shown.channels, sources, strict=True)
    )
    return replace(shown, channels=turned)


def _lut(source: SourceChannel) -> str | None:
    return PALETTE + base64.b64encode(source.lut).decode() if source.lut else None


def _channels(layout: Layout, written: Written, metadata: SourceMetadata) -> list[Channel]:
    shown = _defaults(layout, written, metadata)
    channels = []
    for position, look in enumerate(shown.channels):
        source = _source_channel(metadata, position)
        channels.append(
            Channel(
                position=position,
                name=source.name or (("Red", "Green", "Blue")[position] if layout.rgb else None),
                color=pack(Color(*look.color)),
                lut=look.lut,
                emission_nm=source.emission_nm,
                excitation_nm=source.excitation_nm,
                fluor=source.fluor,
                minimum=_finite(written.minima[position]),
                maximum=_finite(written.maxima[position]),
            )  # type: ignore[call-arg]  # id and image are given when it is stored
        )
    return channels


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _rendering(
    image_id: int, layout: Layout, written: Written, metadata: SourceMetadata
) -> Rendering:
    shown = _defaults(layout, written, metadata)
    return Rendering(image_id=image_id, user_id=None, **stored_settings(shown))
