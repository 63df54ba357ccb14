"""Export: an image as OME-TIFF or OME-Zarr, whole and with its metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from adapters.colors import bare, unpack
from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.formats.write_ome_tiff import write_ome_tiff
from adapters.formats.write_ome_zarr import StoreFile, folder_files, write_folder, zip_stream
from adapters.images import View
from adapters.infrastructure import Infrastructure
from adapters.pixels import PixelAccess
from store.errors import Conflict, Invalid
from store.pixels.base import Progress

FORMATS = ("ome-tiff", "ome-zarr")


class Exports:
    """Verbs that bring images out."""

    def __init__(self, infrastructure: Infrastructure, pixels: PixelAccess) -> None:
        self._infrastructure = infrastructure
        self._pixels = pixels

    async def to_path(
        self,
        image_id: int,
        format: str,
        target: Path,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> Path:
        """Write an image to a file or folder that does not exist yet.

        Raises NotFound, Invalid for an unknown format, Conflict if the target exists.
        """
        view = await self._pixels.view(image_id)
        if format not in FORMATS:
            raise Invalid("format", f"{format!r} is not one of {', '.join(FORMATS)}.")
        if await self._infrastructure.run(target.exists):
            raise Conflict(f"{target} exists already; choose another name or remove it.")
        if format == "ome-zarr":
            files = await self._infrastructure.run(self._files, view)
            await self._infrastructure.run_long(write_folder, files, target, progress=report)
        else:
            await self.ome_tiff(view, target, report)
        return target

    async def ome_tiff(
        self,
        view: View,
        target: Path | BinaryIO,
        report: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        """Write an image as OME-TIFF: tiled, compressed, with its pyramid and full OME-XML."""

        def work() -> None:
            reader = self._infrastructure.pixels.open(view.pixels.store_key or "")
            write_ome_tiff(
                target, reader, name=view.image.name, metadata=metadata_of(view), progress=report
            )

        await self._infrastructure.run_long(work)

    async def zarr_archive(
        self, view: View, prefix: str
    ) -> tuple[Sequence[StoreFile], Iterator[bytes]]:
        """Return the files of an image's OME-Zarr and their zip archive, piece by piece."""
        files = await self._infrastructure.run(self._files, view)
        return files, zip_stream(files, prefix=prefix)

    def _files(self, view: View) -> list[StoreFile]:
        key = view.pixels.store_key or ""
        return folder_files(self._infrastructure.pixels.folder(key))


def metadata_of(view: View) -> SourceMetadata:
    """Return what the hub knows of an image in the form that files say it."""
    image, pixels = view.image, view.pixels
    acquisition = image.acquisition or {}
    return SourceMetadata(
        physical_size_x=pixels.physical_size_x,
        physical_size_y=pixels.physical_size_y,
        physical_size_z=pixels.physical_size_z,
        time_increment=pixels.time_increment,
        channels=tuple(
            SourceChannel(
                name=channel.name,
                color=bare(unpack(channel.color)),
                emission_nm=channel.emission_nm,
                excitation_nm=channel.excitation_nm,
                fluor=channel.fluor,
            )
            for channel in view.channels
        ),
        acquired_at=image.acquired_at,
        magnification=image.magnification,
        instrument=acquisition.get("instrument") or {},
        original=acquisition.get("original") or {},
        text=image.description or "",
    )
