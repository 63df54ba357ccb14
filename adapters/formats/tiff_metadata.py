"""What TIFF tags and the description of an ImageJ file say of an image.

Print densities are not pixel sizes: a resolution counts only if it is per centimetre, as
microscopes write it, and gives pixels of at most 100 µm, or if the description names its unit.
A look-up table that is a straight ramp from black becomes a colour; one from white to black becomes
`inverted`.

Source: TIFF 6.0; description keys, ``Ranges``, ``LUTs``, ``Labels`` and ``Info`` of ImageJ 1.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPage

from adapters.formats.base import SourceChannel, SourceMetadata
from adapters.formats.units import micrometres, number, seconds, tag_moment
from store.pixels.base import Layout

_LARGEST_PIXEL = 100.0
_MAX_ENTRIES = 10_000
_MAX_TEXT = 10_000
_KEPT_TAGS = {
    "ImageDescription",
    "Make",
    "Model",
    "Software",
    "DateTime",
    "Artist",
    "HostComputer",
    "Copyright",
    "DocumentName",
    "PageName",
    "Orientation",
    "XResolution",
    "YResolution",
    "ResolutionUnit",
}


def describe(tiff: TiffFile, page: TiffPage, layout: Layout) -> SourceMetadata:
    """Return what the tags of a file say of the image whose first page is given."""
    stack: Mapping[str, Any] = (tiff.imagej_metadata or {}) if tiff.is_imagej else {}
    if stack:
        return _of_stack(stack, page, layout)
    size_x, size_y = _per_centimetre(page)
    return SourceMetadata(
        physical_size_x=size_x,
        physical_size_y=size_y,
        channels=_channels({}, page, layout),
        acquired_at=tag_moment(page.tags.valueof(306)),
        text="" if page.is_shaped else str(page.description or "")[:_MAX_TEXT],
        original=_original(page),
    )


def fitted(description: SourceMetadata, layout: Layout) -> SourceMetadata:
    """Return a description with one channel for each channel of the image, or with none.

    An RGB image has none: in OME-XML its three channels are one, and their colours say it all.
    """
    if len(description.channels) == layout.size_c and not layout.rgb:
        return description
    return replace(description, channels=())


def palette(table: NDArray[Any], bits: int) -> bytes:
    """Return a TIFF colour map ``(3, 2**bits)`` as a look-up table of 256 entries.

    Fewer entries than 256 are followed by black, so that an index is its own entry; more are
    thinned evenly. Maps written with 8-bit values, against the standard, are taken as such.
    """
    values = np.asarray(table)
    eight = values if values.max(initial=0) < 256 else values >> 8
    if eight.shape[1] > 256:
        eight = eight[:, np.linspace(0, eight.shape[1] - 1, 256).round().astype(int)]
    entries = np.zeros((256, 3), np.uint8)
    entries[: eight.shape[1]] = eight.T
    return entries.tobytes()


def coloured(channel: SourceChannel, lut: bytes) -> SourceChannel:
    """Return the channel with a look-up table, told as colour or inversion where it is no more."""
    entries = np.frombuffer(lut, np.uint8).reshape(256, 3).astype(int)
    ramp = np.arange(256)[:, None]
    if np.abs(entries - ramp * entries[255] / 255).max() <= 1 and entries[255].any():
        return replace(channel, color=entries[255].astype(np.uint8).tobytes().hex().upper())
    if (entries == 255 - ramp).all():
        return replace(channel, color="FFFFFF", inverted=not channel.inverted)
    return replace(channel, lut=lut)


def _of_stack(stack: Mapping[str, Any], page: TiffPage, layout: Layout) -> SourceMetadata:
    unit = _unit(stack.get("unit"))
    per_x, per_y = page.resolution
    original = _original(page)
    original.update(_entries(str(stack.get("Info", ""))))
    for key, value in stack.items():
        if isinstance(value, str | int | float) and key != "Info":
            original.setdefault(key, str(value)[:_MAX_TEXT])
    fps = seconds(stack.get("fps"))
    interval = seconds(stack.get("finterval"), str(stack.get("tunit", "s")))
    return SourceMetadata(
        physical_size_x=micrometres(1 / per_x, unit) if per_x else None,
        physical_size_y=micrometres(1 / per_y, _unit(stack.get("yunit")) or unit)
        if per_y
        else None,
        physical_size_z=micrometres(stack.get("spacing"), _unit(stack.get("zunit")) or unit),
        time_increment=(interval or (1 / fps if fps else None)) if layout.size_t > 1 else None,
        channels=_channels(stack, page, layout),
        acquired_at=tag_moment(page.tags.valueof(306)),
        original=original,
    )


def _unit(text: object) -> str | None:
    """Return the unit of a description, in which a micro sign may be written as an escape."""
    return text.replace("\\u00B5", "µ").replace("\\u00b5", "µ") if isinstance(text, str) else None


def _channels(
    stack: Mapping[str, Any], page: TiffPage, layout: Layout
) -> tuple[SourceChannel, ...]:
    """Return names, windows and colours; nothing for an RGB image, whose channels say it all."""
    if layout.rgb:
        return ()
    count = layout.size_c
    blank = SourceChannel(inverted=int(page.photometric) == 0)
    channels = [blank] * count
    for index, name in enumerate(_names(stack, layout)):
        channels[index] = replace(channels[index], name=name)
    for index, (start, end) in enumerate(_windows(stack, count)):
        channels[index] = replace(channels[index], window_start=start, window_end=end)
    for index, lut in enumerate(_tables(stack, page, count)):
        channels[index] = coloured(channels[index], lut)
        if int(page.photometric) == 3 and channels[index].lut:
            top = float(2 ** int(page.bitspersample) - 1)
            channels[index] = replace(channels[index], window_start=0.0, window_end=max(255.0, top))
    return () if all(channel == SourceChannel() for channel in channels) else tuple(channels)


def _names(stack: Mapping[str, Any], layout: Layout) -> list[str]:
    """Return slice labels as channel names: one for each channel, or the same on every plane."""
    labels = [str(label).split("\n")[0] for label in stack.get("Labels") or ()]
    if layout.size_c == 1 and layout.size_z * layout.size_t > 1:
        return labels[:1] if len(set(labels)) == 1 else []
    single = layout.size_t == layout.size_z == 1
    return labels if single and layout.size_c > 1 and len(labels) == layout.size_c else []


def _windows(stack: Mapping[str, Any], count: int) -> list[tuple[float, float]]:
    ranges = [number(value) for value in stack.get("Ranges") or ()]
    if len(ranges) != 2 * count:
        ranges = [number(stack.get("min")), number(stack.get("max"))] * count
    pairs = [
        (start, end)
        for start, end in zip(ranges[::2], ranges[1::2], strict=True)
        if start is not None and end is not None and start < end
    ]
    return pairs if len(pairs) == count else []


def _tables(stack: Mapping[str, Any], page: TiffPage, count: int) -> list[bytes]:
    """Return one look-up table for each channel, from the file's own list or its palette."""
    tables = [np.asarray(table) for table in stack.get("LUTs") or ()]
    if len(tables) == count and all(table.shape == (3, 256) for table in tables):
        return [np.ascontiguousarray(table.T.astype(np.uint8)).tobytes() for table in tables]
    table = page.colormap
    if table is None or table.ndim != 2 or not (stack or int(page.photometric) == 3):
        return []
    return [palette(table, int(page.bitspersample))] * count


def _per_centimetre(page: TiffPage) -> tuple[float | None, float | None]:
    if int(page.resolutionunit) != 3:
        return None, None
    sizes = [micrometres(1 / per, "cm") if per else None for per in page.resolution]
    x, y = (size if size and size <= _LARGEST_PIXEL else None for size in sizes)
    return x, y


def _original(page: TiffPage) -> dict[str, str]:
    """Return the tags worth searching as text."""
    found: dict[str, str] = {}
    for tag in page.tags.values():
        if tag.name in _KEPT_TAGS and tag.value is not None:
            value = tag.value
            if isinstance(value, tuple) and len(value) == 2 and value[1]:
                value = value[0] / value[1]
            found[tag.name] = str(value)[:_MAX_TEXT]
    return found


def _entries(text: str) -> dict[str, str]:
    """Return the lines ``key = value`` or ``key: value`` of a free text."""
    found: dict[str, str] = {}
    for line in text.splitlines()[:_MAX_ENTRIES]:
        separator = "=" if "=" in line else ":"
        key, _, value = line.partition(separator)
        if key.strip() and value.strip():
            found[key.strip()[:200]] = value.strip()[:_MAX_TEXT]
    return found
