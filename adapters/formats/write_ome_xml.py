"""The OME-XML of an exported image, built with the typed model so that it is valid.

Only facts that the schema has a place for go in: windows and look-up tables of the display have
none. Free texts of the original file travel as one annotation of keys and values.

Source: OME schema 2016-06, as modelled by ome-types.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ome_types import OME, model, to_xml
from pydantic import ValidationError

from adapters.formats.base import SourceChannel, SourceMetadata
from store.errors import Unsupported
from store.pixels.base import Layout

_TYPES = {
    "uint8": "uint8",
    "uint16": "uint16",
    "uint32": "uint32",
    "int8": "int8",
    "int16": "int16",
    "int32": "int32",
    "float32": "float",
    "float64": "double",
}
_NAMESPACE = "imagehub/original-metadata"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OBJECTIVE = (
    "manufacturer",
    "model",
    "serial_number",
    "lot_number",
    "lens_na",
    "immersion",
    "correction",
    "working_distance",
)
_MICROSCOPE = ("manufacturer", "model", "serial_number", "lot_number", "type")


def ome_document(name: str, layout: Layout, metadata: SourceMetadata) -> str:
    """Return the description of an image whose planes are stored in the order ``(t, c, z)``.

    Raises
    ------
    Unsupported
        For 64-bit integers, which OME-XML does not know.
    """
    if layout.dtype not in _TYPES:
        raise Unsupported(
            f"OME-TIFF has no samples of type {layout.dtype}; export {name} as OME-Zarr.",
            dtype=layout.dtype,
        )
    instrument = _instrument(metadata)
    notes = _notes(metadata.original)
    image = model.Image(
        id="Image:0",
        name=_clean(name),
        description=_clean(metadata.text) or None,
        acquisition_date=_moment(metadata.acquired_at),
        pixels=_pixels(layout, metadata),
        instrument_ref=model.InstrumentRef(id="Instrument:0") if instrument else None,
        objective_settings=_settings(instrument),
        annotation_refs=[model.AnnotationRef(id=note.id) for note in notes],
    )
    document = OME(
        creator="imagehub",
        images=[image],
        instruments=[instrument] if instrument else [],
        structured_annotations=model.StructuredAnnotations(map_annotations=notes)
        if notes
        else None,
    )
    return to_xml(document)


def _pixels(layout: Layout, metadata: SourceMetadata) -> model.Pixels:
    planes = layout.size_t * layout.size_z * (1 if layout.rgb else layout.size_c)
    sizes: dict[str, Any] = {
        f"physical_size_{axis}": value
        for axis, value in (
            ("x", metadata.physical_size_x),
            ("y", metadata.physical_size_y),
            ("z", metadata.physical_size_z),
        )
        if value
    }
    return model.Pixels(
        id="Pixels:0",
        dimension_order=model.Pixels_DimensionOrder.XYZCT,
        type=model.PixelType(_TYPES[layout.dtype]),
        size_t=layout.size_t,
        size_c=layout.size_c,
        size_z=layout.size_z,
        size_y=layout.size_y,
        size_x=layout.size_x,
        interleaved=layout.rgb or None,
        time_increment=metadata.time_increment or None,
        channels=_channels(layout, metadata.channels),
        tiff_data_blocks=[model.TiffData(ifd=0, plane_count=planes)],
        **sizes,
    )


def _channels(layout: Layout, channels: Sequence[SourceChannel]) -> list[model.Channel]:
    """Return one channel for each; the colours of an RGB image are one channel of three samples."""
    if layout.rgb:
        return [model.Channel(id="Channel:0:0", samples_per_pixel=3)]
    known = list(channels) if len(channels) == layout.size_c else [SourceChannel()] * layout.size_c
    return [_channel(number, channel) for number, channel in enumerate(known)]


def _channel(number: int, channel: SourceChannel) -> model.Channel:
    given: dict[str, Any] = {}
    if channel.color:
        given["color"] = model.Color(f"#{channel.color.removeprefix('#')}")
    if channel.emission_nm:
        given["emission_wavelength"] = channel.emission_nm
    if channel.excitation_nm:
        given["excitation_wavelength"] = channel.excitation_nm
    return model.Channel(
        id=f"Channel:0:{number}",
        name=_clean(channel.name) if channel.name else None,
        fluor=_clean(channel.fluor) if channel.fluor else None,
        samples_per_pixel=1,
        **given,
    )


def _instrument(metadata: SourceMetadata) -> model.Instrument | None:
    lens = _valid(model.Objective, metadata.instrument.get("objective"), _OBJECTIVE)
    body = _valid(model.Microscope, metadata.instrument.get("microscope"), _MICROSCOPE)
    if metadata.magnification:
        lens["nominal_magnification"] = metadata.magnification
    if not lens and not body:
        return None
    return model.Instrument(
        id="Instrument:0",
        microscope=model.Microscope(**body) if body else None,
        objectives=[model.Objective(id="Objective:0:0", **lens)] if lens else [],
    )


def _settings(instrument: model.Instrument | None) -> model.ObjectiveSettings | None:
    if instrument is None or not instrument.objectives:
        return None
    return model.ObjectiveSettings(id="Objective:0:0")


def _valid(kind: Any, found: object, fields: Sequence[str]) -> dict[str, Any]:
    """Return the fields that the schema accepts as they are; files invent words for some."""
    accepted: dict[str, Any] = {}
    for field in fields if isinstance(found, Mapping) else ():
        value = found.get(field)  # type: ignore[attr-defined]  # a Mapping, or the loop is empty
        if value in (None, ""):
            continue
        value = _clean(value) if isinstance(value, str) else value
        try:
            kind(
                **{"id": "Objective:0:0", field: value}
                if "id" in kind.model_fields
                else {field: value}
            )
        except ValidationError:
            continue
        accepted[field] = value
    return accepted


def _notes(original: Mapping[str, str]) -> list[model.MapAnnotation]:
    if not original:
        return []
    pairs = [
        model.Map.M(k=_clean(str(key)), value=_clean(str(value))) for key, value in original.items()
    ]
    return [model.MapAnnotation(id="Annotation:0", namespace=_NAMESPACE, value=model.Map(ms=pairs))]


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _clean(text: str) -> str:
    """Return the text without characters that XML cannot hold."""
    return _FORBIDDEN.sub("�", text)
