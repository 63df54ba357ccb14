"""Pixels for looking at: raw regions, tiles, thumbnails, histograms, statistics.

One permission question per image, remembered for five seconds at most and dropped as soon as a
commit touched who may see what; reading, drawing and encoding run in worker threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.images import Images, View
from adapters.infrastructure import Infrastructure
from adapters.render import encode
from adapters.render.encode import Format
from adapters.render.region import TILE_SIZE, render_region, thumbnail, tile
from adapters.render.settings import RenderSettings
from adapters.render.split import render_split
from store.access.cache import VerdictCache
from store.actor import Actor
from store.catalog import Catalog
from store.errors import Invalid, TooLarge
from store.pixels import statistics
from store.pixels.base import StoredBytes
from store.pixels.statistics import Histogram, Selection, Statistics

MAX_REGION_BYTES = 256 * 2**20
MAX_FIGURED = 2**30  # samples; some seconds of one thread


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of one level, in that level's pixels from its top left corner."""

    x: int
    y: int
    width: int
    height: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture and what a client may keep it under."""

    data: bytes
    media_type: str


class PixelAccess:
    """Verbs that read samples of one image for one actor."""

    def __init__(
        self,
        infrastructure: Infrastructure,
        catalog: Catalog,
        images: Images,
        views: VerdictCache,
    ) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._images = images
        self._views = views

    async def view(self, image_id: int) -> View:
        """Return the image with its channels and settings. Raises NotFound."""
        actor = self._catalog.actor
        # One credential is one actor object for as long as its verdict is kept, so the object
        # itself tells what the account, the token and a link together open.
        key = ("view", id(actor), image_id)
        known: tuple[Actor, View] | None = self._views.get(key)
        if known is not None and known[0] is actor:
            return known[1]
        epoch = self._views.epoch
        view = await self._images.view(image_id)
        self._views.put(key, (actor, view), epoch=epoch)
        return view

    async def views(self, image_ids: Sequence[int]) -> dict[int, View]:
        """Return those of the images that can be drawn; five statements, however many."""
        return await self._images.views(image_ids)

    async def region(
        self,
        view: View,
        box: Box,
        *,
        channels: Sequence[int] | None = None,
        z: tuple[int, int] = (0, 1),
        t: tuple[int, int] = (0, 1),
    ) -> NDArray[Any]:
        """Return samples as ``(t, c, z, y, x)``; z and t are half-open ranges.

        Raises Invalid outside the image, TooLarge beyond 256 MiB.
        """

        def read() -> NDArray[Any]:
            reader = self._infrastructure.pixels.open(_key(view))
            wanted = range(reader.layout.size_c) if channels is None else channels
            samples = len(wanted) * (z[1] - z[0]) * (t[1] - t[0]) * box.width * box.height
            if samples * np.dtype(reader.layout.dtype).itemsize > MAX_REGION_BYTES:
                raise TooLarge("The region", MAX_REGION_BYTES, "bytes")
            return reader.region(
                level=box.level,
                t=slice(*t),
                c=tuple(wanted),
                z=slice(*z),
                y=slice(box.y, box.y + box.height),
                x=slice(box.x, box.x + box.width),
            )

        return await self._infrastructure.run(read)

    async def picture(
        self,
        view: View,
        box: Box,
        settings: RenderSettings,
        format: Format,
        quality: int | None = None,
    ) -> Picture:
        """Draw and encode a rectangle of a level, cut to the level's borders."""

        def draw(reader: Any) -> Any:
            return render_region(
                reader, settings, level=box.level, x=box.x, y=box.y,
                width=box.width, height=box.height,
            )  # fmt: skip

        return await self._drawn(view, draw, format, quality)

    async def tile(
        self,
        view: View,
        settings: RenderSettings,
        *,
        level: int,
        tx: int,
        ty: int,
        size: int = TILE_SIZE,
        format: Format = Format.JPEG,
        quality: int | None = None,
    ) -> Picture:
        """Draw and encode one tile of a level."""

        def draw(reader: Any) -> Any:
            return tile(reader, settings, level=level, tx=tx, ty=ty, size=size)

        return await self._drawn(view, draw, format, quality)

    async def thumbnail(
        self,
        view: View,
        settings: RenderSettings,
        longest_side: int = 96,
        format: Format = Format.JPEG,
        *,
        enlarge: bool = False,
    ) -> Picture:
        """Draw and encode the whole plane, its longer side `longest_side` pixels.

        A smaller image stays as it is unless `enlarge`.
        """

        def draw(reader: Any) -> Any:
            return thumbnail(reader, settings, longest_side, enlarge=enlarge)

        return await self._drawn(view, draw, format, None)

    async def split(
        self,
        view: View,
        settings: RenderSettings,
        format: Format = Format.JPEG,
        quality: int | None = None,
    ) -> Picture:
        """Draw and encode a grid of the active channels, each by itself and then together."""
        return await self._drawn(
            view, lambda reader: render_split(reader, settings), format, quality
        )

    async def _drawn(
        self, view: View, draw: Callable[[Any], Any], format: Format, quality: int | None
    ) -> Picture:
        def work() -> bytes:
            picture = draw(self._infrastructure.pixels.open(_key(view)))
            if quality is None:
                return encode.encode(picture, format)
            return encode.encode(picture, format, quality=quality)

        return Picture(await self._infrastructure.run(work), format.media_type)

    async def histogram(
        self,
        view: View,
        *,
        channel: int,
        z: int | None = 0,
        t: int | None = 0,
        bins: int = 256,
        limits: tuple[float, float] | None = None,
        level: int = 0,
    ) -> Histogram:
        """Return counts and edges of one plane, between its extremes or other limits.

        None for z or t takes all of them. Raises TooLarge beyond 2³⁰ samples.
        """
        reader = self._infrastructure.pixels.open(_key(view))
        wanted = _selected(view, channel, z, t, level)
        return await self._infrastructure.run(
            statistics.histogram, reader, wanted, bins=bins, limits=limits
        )

    async def statistics(
        self,
        view: View,
        *,
        channel: int,
        z: int | None = 0,
        t: int | None = 0,
        level: int = 0,
    ) -> Statistics:
        """Return minimum, maximum, mean, deviation and sum; planes as in `histogram`."""
        reader = self._infrastructure.pixels.open(_key(view))
        wanted = _selected(view, channel, z, t, level)
        return await self._infrastructure.run(statistics.statistics, reader, wanted)

    async def file(self, view: View, path: str) -> StoredBytes | None:
        """Find one file of the image's OME-Zarr group; None for a chunk that is not there."""
        return await self._infrastructure.run(self._infrastructure.pixels.file, _key(view), path)


def _selected(view: View, channel: int, z: int | None, t: int | None, level: int) -> Selection:
    """Return what figures are made of; refuse what would keep a thread busy for minutes."""
    everything = slice(None)
    wanted = Selection(
        c=channel,
        z=everything if z is None else z,
        t=everything if t is None else t,
        level=level,
    )
    shape = view.pixels.levels[level]["shape"] if 0 <= level < len(view.pixels.levels) else ()
    if shape:
        planes = (shape[0] if t is None else 1) * (shape[2] if z is None else 1)
        samples = planes * shape[3] * shape[4]
        if samples > MAX_FIGURED:
            raise TooLarge(
                f"{samples:,} samples at level {level}; ask for a smaller level or fewer planes: "
                "that",
                MAX_FIGURED,
                "samples",
            )
    return wanted


def _key(view: View) -> str:
    if view.pixels.store_key is None:
        raise Invalid("image", f"image {view.image.id} was declared without pixels.")
    return view.pixels.store_key
