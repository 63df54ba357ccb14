"""Images, pixels and channels as such clients see them.

Pixels and channels borrow the details of their image. Two hundred images are written for one
answer, so what many of them have in common is made once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from adapters.descriptions import plain
from adapters.images import PALETTE
from store.tables.images import Channel
from web.rest.omero.marshal.values import (
    duration,
    enumeration,
    length,
    pixels_type,
    present,
    signed,
    typed,
)

_SCALES = ("PhysicalSizeX", "PhysicalSizeY", "PhysicalSizeZ")
_IMAGE, _PIXELS, _CHANNEL = typed("Image"), typed("Pixels"), typed("Channel")


def image(row: Any, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return an image without its pixels; `row` has the columns that `Listing.images` reads."""
    made = {
        "@id": row.id,
        "@type": _IMAGE,
        "Name": row.name,
        "omero:series": row.series,
        "omero:details": details,
    }
    if row.description is not None:
        made["Description"] = plain(row.description, row.description_html)
    if row.acquired_at is not None:
        made["AcquisitionDate"] = row.acquired_at
    if row.archived:
        made["omero:archived"] = True
    return made


def pixels(row: Any, details: Mapping[str, Any]) -> dict[str, Any]:
    """Return the pixels of an image, whose number they share, without channels.

    The key named sha1 holds the hash the hub keeps of the samples, which is a longer one.
    """
    made = {
        "@id": row.id,
        "@type": _PIXELS,
        "SizeX": row.size_x,
        "SizeY": row.size_y,
        "SizeZ": row.size_z,
        "SizeC": row.size_c,
        "SizeT": row.size_t,
        "Type": _type(row.dtype),
        "omero:details": details,
    }
    if row.significant_bits is not None:
        made["SignificantBits"] = row.significant_bits
    for key, value in zip(
        _SCALES, (row.physical_size_x, row.physical_size_y, row.physical_size_z), strict=True
    ):
        if value is not None and (written := _micrometres(value)) is not None:
            made[key] = written
    if row.time_increment is not None and (lasting := _seconds(row.time_increment)) is not None:
        made["TimeIncrement"] = lasting
    if row.sha256 is not None:
        made["omero:sha1"] = row.sha256
    return made


def image_with_pixels(
    row: Any, details: Mapping[str, Any], channels: Sequence[Channel] | None = None
) -> dict[str, Any]:
    """Return an image with its pixels, and with their channels where these were read."""
    made, inside = image(row, details), pixels(row, details)
    if channels:
        inside["Channels"] = [channel(one, details, rgb=row.rgb) for one in channels]
    made["Pixels"] = inside
    return made


def channel(row: Channel, details: Mapping[str, Any], *, rgb: bool) -> dict[str, Any]:
    """Return a channel, whose number is also that of its logical channel.

    A lookup table that came with the image has no name and is left out.
    """
    modes = row.modes or {}
    named_table = row.lut and not row.lut.startswith(PALETTE)
    return present(
        {
            "@id": row.id,
            "@type": _CHANNEL,
            "Name": row.name,
            "Color": signed(row.color),
            "omero:lookupTable": row.lut if named_table else None,
            "omero:LogicalChannelId": row.id,
            "EmissionWavelength": length(row.emission_nm, "NANOMETER"),
            "ExcitationWavelength": length(row.excitation_nm, "NANOMETER"),
            "Fluor": row.fluor,
            "NDFilter": row.nd_filter,
            "PinholeSize": length(row.pinhole_um),
            "PockelCellSetting": row.pockel_cell,
            "SamplesPerPixel": 3 if rgb else 1,
            "ContrastMethod": enumeration("ContrastMethod", modes.get("contrast_method")),
            "Illumination": enumeration("Illumination", modes.get("illumination")),
            "AcquisitionMode": enumeration("AcquisitionMode", modes.get("acquisition_mode")),
            "omero:photometricInterpretation": enumeration(
                "PhotometricInterpretation", "RGB" if rgb else "Monochrome"
            ),
            "omero:details": details,
        }
    )


@lru_cache
def _type(dtype: str | None) -> dict[str, Any] | None:
    return enumeration("PixelsType", pixels_type(dtype))


@lru_cache(1024)
def _micrometres(value: float) -> dict[str, Any] | None:
    return length(value)


@lru_cache(1024)
def _seconds(value: float) -> dict[str, Any] | None:
    return duration(value)
