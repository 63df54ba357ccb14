"""OME-TIFF: is there a description, does it speak of this file alone, and of which images?

The description names files by UUID and by file name. Stored originals have other names, so a file
is recognised by its UUID only. Companion files are refused: a part of an image is worse than none.
Pages are sought by a copy of the description without names of files, so that no other file is ever
opened, and without annotations, whose axes within axes would not fit t, c and z.

Source: OME-TIFF specification, 2016-06.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tifffile import TiffFile

from adapters.formats import ome_xml
from adapters.formats.base import Limits, SourceMetadata
from adapters.formats.units import number
from store.errors import TooLarge, Unsupported


@dataclass(frozen=True, slots=True)
class OmeDescription:
    """The XML to find pages by, and what it says of each image."""

    xml: str
    names: Sequence[str]
    images: Sequence[SourceMetadata]

    def image(self, number: int, name: str, count: int) -> SourceMetadata | None:
        """Return the description of a series: by number, or by name if images are missing."""
        if len(self.images) == count:
            return self.images[number]
        if self.names.count(name) == 1:
            return self.images[self.names.index(name)]
        return None


def read_description(tiff: TiffFile, name: str, limits: Limits) -> OmeDescription | None:
    """Return the OME description of a file, or None if it has none that can be parsed.

    Raises
    ------
    Unsupported
        If the image is spread over several files.
    Invalid
        If the XML declares a document type or entities, which OME-XML has no use for.
    TooLarge
        If the XML is longer than the limit.
    """
    text = tiff.ome_metadata
    if not text:
        return None
    if len(text) > limits.max_metadata_bytes:
        raise TooLarge(f"the OME-XML of {name}", limits.max_metadata_bytes, "bytes")
    root = ome_xml.parse(text, name)
    if root is None:
        return None
    _refuse_companions(root, name)
    _refuse_absurd(root, name, limits)
    images = [element for element in root if ome_xml.tag(element) == "Image"]
    described = ome_xml.read(root, text)
    names = [image.get("Name", "") for image in images]
    return OmeDescription(_stripped(root), names, described)


def _refuse_companions(root: Element, name: str) -> None:
    if any(ome_xml.tag(element) == "BinaryOnly" for element in root):
        raise Unsupported(
            f"{name} is one part of a multi-file OME-TIFF whose description lies in another file;"
            " save the image as one file, or as OME-Zarr."
        )
    named = {
        (element.text or "").strip(): element.get("FileName", "?")
        for data in _tiff_data(root)
        for element in data
        if ome_xml.tag(element) == "UUID"
    }
    own = root.get("UUID", "")
    others = sorted(file for uuid, file in named.items() if uuid != own)
    if len(named) > 1 or (own and others):
        raise Unsupported(
            f"{name} is one part of an OME-TIFF of several files ({', '.join(others[:3])}"
            f"{', …' if len(others) > 3 else ''}); save the image as one file, or as OME-Zarr."
        )


def _refuse_absurd(root: Element, name: str, limits: Limits) -> None:
    """Refuse counts of planes that would be listed before any page is looked at."""
    counts = [
        int(number(data.get(key)) or 0)
        for data in _tiff_data(root)
        for key in ("IFD", "FirstT", "FirstC", "FirstZ", "PlaneCount", "NumPlanes")
    ]
    for pixels in root.iter():
        if ome_xml.tag(pixels) == "Pixels":
            sizes = [int(number(pixels.get(f"Size{axis}")) or 0) for axis in "TCZ"]
            counts.append(prod(sizes))
    if max(counts, default=0) > limits.max_planes:
        raise TooLarge(f"{name}, described as {max(counts):,} planes,", limits.max_planes, "planes")


def _stripped(root: Element) -> str:
    """Return the XML without names of files and without annotations; changes `root`."""
    for data in _tiff_data(root):
        for element in list(data):
            if ome_xml.tag(element) == "UUID":
                data.remove(element)
    for element in list(root):
        if ome_xml.tag(element) == "StructuredAnnotations":
            root.remove(element)
    return ElementTree.tostring(root, encoding="unicode")


def _tiff_data(root: Element) -> Iterator[Element]:
    return (element for element in root.iter() if ome_xml.tag(element) == "TiffData")
