"""OME-TIFF: is there a description, does it speak of this file alone, and of which images?

The description names files by UUID and by file name. Stored originals have other names, so a file
is recognised by its UUID only, and the names are taken out before the pages are sought.
Companion files are refused: a part of an image is worse than none.

Source: OME-TIFF specification, 2016-06.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from tifffile import TiffFile

from adapters.formats import ome_xml
from adapters.formats.base import Limits, SourceMetadata
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
    images = [element for element in root if ome_xml.tag(element) == "Image"]
    return OmeDescription(
        xml=_anonymous(root, text),
        names=[image.get("Name", "") for image in images],
        images=ome_xml.read(root, text),
    )


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


def _anonymous(root: Element, text: str) -> str:
    """Return the XML without the names of files."""
    changed = False
    for data in _tiff_data(root):
        for element in list(data):
            if ome_xml.tag(element) == "UUID":
                data.remove(element)
                changed = True
    return ElementTree.tostring(root, encoding="unicode") if changed else text


def _tiff_data(root: Element) -> Iterator[Element]:
    return (element for element in root.iter() if ome_xml.tag(element) == "TiffData")
