"""OME-XML read into the hub's words.

Read with the standard library and not through the typed model: files of ten years have schemas of
every age and much that is not valid, and 20,000 planes take 30 ms instead of a second. What the hub
does not model is kept as the original text. Writing, where validity matters, uses the typed model.

Source: OME schema 2016-06; element and attribute names are stable since 2008.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.formats.units import iso_moment, micrometres, nanometres, number, seconds
from store.errors import Invalid

_MAX_TEXT = 10_000
_PLAIN_CHANNEL = {
    "ID",
    "Name",
    "Color",
    "Fluor",
    "SamplesPerPixel",
    "EmissionWavelength",
    "EmissionWavelengthUnit",
    "ExcitationWavelength",
    "ExcitationWavelengthUnit",
}


def parse(text: str, name: str) -> Element | None:
    """Return the root element, or None if the text is not well-formed.

    Raises
    ------
    Invalid
        If it declares a document type or entities, which OME-XML has no use for.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise Invalid("file", f"the OME-XML of {name} declares a document type; remove it")
    try:
        return ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        return None


def tag(element: Element) -> str:
    """Return the name of an element without its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def read(root: Element, text: str) -> list[SourceMetadata]:
    """Return what the XML says of each of its images, in document order."""
    by_id = {
        identifier: element
        for element in root.iter()
        if (identifier := element.get("ID")) and not tag(element).endswith(("Ref", "Settings"))
    }
    return [_image(element, by_id, root, text) for element in children(root, "Image")]


def children(parent: Element | None, name: str) -> Iterator[Element]:
    """Yield the children of this name, whatever their namespace."""
    return (child for child in (() if parent is None else parent) if tag(child) == name)


def child(parent: Element | None, name: str) -> Element | None:
    """Return the first child of this name."""
    return next(children(parent, name), None)


def _image(image: Element, by_id: dict[str, Element], root: Element, text: str) -> SourceMetadata:
    pixels = child(image, "Pixels")
    sizes = pixels.attrib if pixels is not None else {}
    instrument, magnification = _instrument(image, by_id)
    return SourceMetadata(
        physical_size_x=_size(sizes, "X"),
        physical_size_y=_size(sizes, "Y"),
        physical_size_z=_size(sizes, "Z"),
        time_increment=_increment(pixels),
        channels=tuple(_channels(pixels)),
        acquired_at=iso_moment(_date(image)),
        magnification=magnification,
        instrument=instrument,
        text=_text(child(image, "Description")),
        original=_original(root, image),
        ome_xml=text,
    )


def _size(attributes: dict[str, str], axis: str) -> float | None:
    unit = attributes.get(f"PhysicalSize{axis}Unit", "µm")
    return micrometres(attributes.get(f"PhysicalSize{axis}"), unit)


def _date(image: Element) -> str | None:
    """Return the acquisition date; schemas before 2012 called it the creation date."""
    for name in ("AcquisitionDate", "AcquiredDate", "CreationDate"):
        if (element := child(image, name)) is not None:
            return element.text
    return None


def _increment(pixels: Element | None) -> float | None:
    """Return the stated time between frames, or the mean one from the times of the planes."""
    if pixels is None:
        return None
    stated = seconds(pixels.get("TimeIncrement"), pixels.get("TimeIncrementUnit", "s"))
    if stated:
        return stated
    moments: dict[int, float] = {}
    for plane in children(pixels, "Plane"):
        if plane.get("TheC", "0") != "0" or plane.get("TheZ", "0") != "0":
            continue
        elapsed, at = number(plane.get("DeltaT")), number(plane.get("TheT"))
        if elapsed is not None and at is not None:
            unit = seconds(1, plane.get("DeltaTUnit", "s"))
            moments[int(at)] = elapsed * (unit or 1.0)
    first, last = min(moments, default=0), max(moments, default=0)
    return (moments[last] - moments[first]) / (last - first) if last > first else None


def _channels(pixels: Element | None) -> Iterator[SourceChannel]:
    """Yield one channel for each; one that is stored as several samples counts for each of them."""
    for element in children(pixels, "Channel"):
        channel = _channel(element)
        for _ in range(min(int(number(element.get("SamplesPerPixel")) or 1), 4096)):
            yield channel


def _channel(element: Element) -> SourceChannel:
    extra: dict[str, Any] = {
        _snake(key): value for key, value in element.attrib.items() if key not in _PLAIN_CHANNEL
    }
    for settings in ("DetectorSettings", "LightSourceSettings"):
        if (found := child(element, settings)) is not None:
            extra[_snake(settings)] = _attributes(found)
    return SourceChannel(
        name=element.get("Name"),
        color=_color(element.get("Color")),
        emission_nm=_wavelength(element, "Emission"),
        excitation_nm=_wavelength(element, "Excitation"),
        fluor=element.get("Fluor"),
        extra=extra,
    )


def _wavelength(element: Element, kind: str) -> float | None:
    unit = element.get(f"{kind}WavelengthUnit", "nm")
    return nanometres(element.get(f"{kind}Wavelength"), unit)


def _color(text: str | None) -> str | None:
    """Return ``RRGGBB`` of a signed 32-bit RGBA number."""
    value = number(text)
    return None if value is None else f"{int(value) % 2**32 >> 8:06X}"


def _instrument(image: Element, by_id: dict[str, Element]) -> tuple[dict[str, Any], float | None]:
    """Return the instrument as attributes by element, and the magnification of its objective."""
    found: dict[str, Any] = {}
    reference = child(image, "InstrumentRef")
    instrument = by_id.get(reference.get("ID", "")) if reference is not None else None
    for part in () if instrument is None else instrument:
        if tag(part) not in {"Objective"} and part.attrib:
            found.setdefault(_snake(tag(part)), []).append(_attributes(part))
    if len(found.get("microscope", ())) == 1:
        found["microscope"] = found["microscope"][0]
    settings = child(image, "ObjectiveSettings")
    objective = by_id.get(settings.get("ID", "")) if settings is not None else None
    if objective is None:
        only = list(children(instrument, "Objective"))
        objective = only[0] if len(only) == 1 else None
    if settings is not None:
        found["objective_settings"] = _attributes(settings)
    if objective is not None:
        found["objective"] = _attributes(objective)
    if (environment := child(image, "ImagingEnvironment")) is not None:
        found["environment"] = _attributes(environment)
    lens = {} if objective is None else objective.attrib
    return found, number(lens.get("CalibratedMagnification", lens.get("NominalMagnification")))


def _original(root: Element, image: Element) -> dict[str, str]:
    """Return annotations as text: key and value pairs, comments, tags."""
    found: dict[str, str] = {}
    annotations = child(root, "StructuredAnnotations")
    for annotation in () if annotations is None else annotations:
        for element in annotation.iter():
            key, value = _pair(annotation, element)
            if key and value:
                found[key[:200]] = value
    if name := image.get("Name"):
        found.setdefault("Image Name", name)
    return found


def _pair(annotation: Element, element: Element) -> tuple[str, str]:
    """Return the key and value that an element of an annotation holds, empty if it holds none."""
    match tag(element):
        case "OriginalMetadata":
            return _text(child(element, "Key")), _text(child(element, "Value"))
        case "M":
            return element.get("K", ""), _text(element)
        case "Value" if tag(annotation) not in {"XMLAnnotation", "MapAnnotation"}:
            return annotation.get("ID", ""), _text(element)
    return "", ""


def _attributes(element: Element) -> dict[str, str]:
    return {_snake(key): value for key, value in element.attrib.items() if key != "ID"}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


def _text(element: Element | None) -> str:
    return "" if element is None or not element.text else element.text.strip()[:_MAX_TEXT]
