"""OME-Zarr folders as images: one image, the series of a collection, or the fields of a plate.

Blocks follow the chunks that are stored, so that no chunk is decoded twice: where a chunk spans
several planes, their bands are read together and handed out one after the other. Chunks that lie
outside the folder by a link are refused. A description in OME-XML beside the images is read too.

Source: NGFF 0.4 and 0.5; the ``OME/METADATA.ome.xml`` of the bioformats2raw layout 3.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np

from adapters.formats import ome_xml
from adapters.formats.base import Block, ImageSource, Limits, SourceChannel, SourceMetadata
from store.errors import HubError, Invalid, NotFound, TooLarge, Unsupported
from store.pixels.base import Layout
from store.pixels.foreign import ForeignImage, FoundImage, find_images, open_ome_zarr


@dataclass(frozen=True, slots=True)
class OmeZarrSource:
    """One image of an OME-Zarr folder. `place` says where it is on a plate, if it is on one."""

    name: str
    layout: Layout
    description: SourceMetadata
    image: ForeignImage
    place: FoundImage
    series: int
    limits: Limits
    format: str = "OME-Zarr"

    def blocks(self) -> Iterator[Block]:
        """Yield the samples. See `ImageSource.blocks`."""
        sizes, chunks = self.layout.shape, self.image.levels[0].chunks
        rows, columns = self._step()
        steps = (*chunks[:3], rows, columns)
        starts = [range(0, size, step) for size, step in zip(sizes, steps, strict=True)]
        for start in product(*starts):
            t, c, z, y, x = (
                slice(first, min(first + step, size))
                for first, step, size in zip(start, steps, sizes, strict=True)
            )
            try:
                samples = self.image.region(level=0, t=t, c=c, z=z, y=y, x=x)
            except HubError as error:
                raise Invalid("file", f"{self.name} cannot be read: {error.message}") from error
            for index in np.ndindex(samples.shape[:3]):
                dt, dc, dz = index
                yield Block(
                    samples[index], t.start + dt, c.start + dc, z.start + dz, y.start, x.start
                )

    def _step(self) -> tuple[int, int]:
        """Return rows and columns of a band: whole rows of chunks if they fit the budget."""
        t, c, z, chunk_y, chunk_x = self.image.levels[0].chunks
        sample = np.dtype(self.layout.dtype).itemsize * t * c * z
        row = self.layout.size_x * sample
        if row * chunk_y <= self.limits.band_bytes:
            return self.limits.rows(row, chunk_y), self.layout.size_x
        wide = max(1, self.limits.band_bytes // (chunk_y * chunk_x * sample))
        return chunk_y, wide * chunk_x


def open_folder(path: Path, *, name: str, limits: Limits) -> list[ImageSource]:
    """Return the images of an OME-Zarr folder. See `adapters.formats.base.open_file`."""
    try:
        places = find_images(path)
    except HubError as error:
        raise Invalid("file", f"{name} is no readable OME-Zarr: {error.message}") from error
    if not places:
        raise Unsupported(f"{name} is a folder, but no OME-Zarr image; name the files in it.")
    if len(places) > limits.max_planes:
        raise TooLarge(f"{name} with {len(places):,} images", limits.max_planes, "images")
    size = _bytes_inside(path, name)
    described = _described(path, name, limits)
    sources: list[ImageSource] = []
    for number, place in enumerate(places):
        label = name if len(places) == 1 else f"{name} [{place.path}]"
        image = _open(path, place, label)
        _check(image, label, size, limits)
        about = described[number] if len(described) == len(places) else SourceMetadata()
        sources.append(
            OmeZarrSource(label, image.layout, _merged(image, about), image, place, number, limits)
        )
    return sources


def _open(path: Path, place: FoundImage, name: str) -> ForeignImage:
    root = path.resolve()
    folder = (root / place.path).resolve()
    if folder != root and root not in folder.parents:
        raise Invalid("file", f"{name} leads out of its folder")
    try:
        return open_ome_zarr(folder)
    except (NotFound, Invalid) as error:
        raise Invalid("file", f"{name} is no readable image: {error.message}") from error


def _check(image: ForeignImage, name: str, size: int, limits: Limits) -> None:
    itemsize = np.dtype(image.layout.dtype).itemsize
    limits.check(image.layout, itemsize, size, name)
    chunk = image.levels[0].chunks
    limits.check_whole(int(np.prod(chunk, dtype=object)) * itemsize, f"a chunk of {name}")


def _bytes_inside(path: Path, name: str) -> int:
    """Return the bytes of all files; raises `Invalid` if a link leads out of the folder."""
    root, total = path.resolve(), 0
    for folder, folders, files in os.walk(root):
        for entry in (*folders, *files):
            found = Path(folder, entry)
            if found.is_symlink() and root not in found.resolve().parents:
                raise Invalid("file", f"{name}: {entry} is a link that leads out of the folder")
        total += sum(Path(folder, file).lstat().st_size for file in files)
    return total


def _described(path: Path, name: str, limits: Limits) -> list[SourceMetadata]:
    """Return what an OME-XML document beside the images says, in their order."""
    document = path / "OME" / "METADATA.ome.xml"
    if not document.is_file():
        return []
    if document.stat().st_size > limits.max_metadata_bytes:
        raise TooLarge(f"the OME-XML of {name}", limits.max_metadata_bytes, "bytes")
    text = document.read_text("utf-8", "replace")
    root = ome_xml.parse(text, name)
    return [] if root is None else ome_xml.read(root, text)


def _merged(image: ForeignImage, about: SourceMetadata) -> SourceMetadata:
    """Return both descriptions as one; the folder's own counts where both speak."""
    stored, count = image.description, image.layout.size_c
    known = about.channels if len(about.channels) == count else (SourceChannel(),) * count
    given = list(stored.channels)[:count]
    channels = tuple(
        replace(
            channel,
            name=one.name or channel.name,
            color=one.color or channel.color,
            window_start=one.window_start,
            window_end=one.window_end,
            active=one.active,
        )
        for channel, one in zip(known, given, strict=False)
    )
    if len(channels) < count:
        channels = known if about.channels and not image.layout.rgb else ()
    return replace(
        about,
        physical_size_x=stored.physical_size_x or about.physical_size_x,
        physical_size_y=stored.physical_size_y or about.physical_size_y,
        physical_size_z=stored.physical_size_z or about.physical_size_z,
        time_increment=stored.time_increment or about.time_increment,
        channels=channels,
    )
