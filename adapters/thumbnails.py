"""Thumbnails of many images at once: addresses for free, pictures when they are asked for.

What drawing takes is read for all images together, in five statements; the pictures themselves are
drawn side by side in the pool of threads.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.images import Images, View
from adapters.infrastructure import Infrastructure
from adapters.pixels import PixelAccess
from adapters.render.encode import Format
from store.errors import Invalid, TooLarge

MOST_IMAGES = 200
LARGEST_SIDE = 512


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """One image that can be drawn small: its longer side has `size` pixels."""

    view: View
    size: int

    @property
    def url(self) -> str:
        """Where the picture is."""
        pixels = self.view.pixels
        key = self.view.settings.key()
        return (
            f"/tiles/{self.view.image.id}/thumbnail?size={self.size}&v={pixels.generation}&s={key}"
        )


class Thumbnails:
    """Verbs on sets of thumbnails."""

    def __init__(self, infrastructure: Infrastructure, images: Images, pixels: PixelAccess) -> None:
        self._infrastructure = infrastructure
        self._images = images
        self._pixels = pixels

    async def of(self, image_ids: Sequence[int], size: int = 96) -> list[Thumbnail | None]:
        """Return one per image, in their order; None for what is not to be seen or has no pixels.

        Five statements. Raises Invalid for a size out of range, TooLarge beyond 200 images.
        """
        if not 1 <= size <= LARGEST_SIDE:
            raise Invalid("size", f"{size} is not between 1 and {LARGEST_SIDE}.")
        if len(image_ids) > MOST_IMAGES:
            raise TooLarge(f"A list of {len(image_ids)} images", MOST_IMAGES, "images")
        views = await self._images.views(list(dict.fromkeys(image_ids)))
        return [Thumbnail(views[id], size) if id in views else None for id in image_ids]

    async def picture(self, thumbnail: Thumbnail, format: Format = Format.JPEG) -> bytes:
        """Draw and encode one."""
        drawn = await self._pixels.thumbnail(
            thumbnail.view, thumbnail.view.settings, thumbnail.size, format
        )
        return drawn.data

    async def data_url(self, thumbnail: Thumbnail) -> str:
        """Draw one as a ``data:`` address with a JPEG inside."""
        picture = await self.picture(thumbnail)
        return f"data:{Format.JPEG.media_type};base64,{base64.b64encode(picture).decode()}"
