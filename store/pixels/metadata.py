"""The OME-Zarr 0.5 documents of an image: what is written beside the chunks, and read back.

A scale per level says the size of a sample, a translation where the centre of the first one lies:
a mean of 2ⁿ×2ⁿ samples sits (2ⁿ-1)/2 samples of level 0 further right and down. Labels take the top
left sample of a block, so they have none. Beside the `ome` object lies one named `imagehub`: the
checksum, the files and bytes of each level and the extremes, which make a lost file detectable
(to a reader of zarr a missing chunk is just empty).
Source: NGFF specification 0.5; the `omero` block as in its "omero" metadata section.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from store.pixels.base import ChannelDescription, ImageDescription, Layout, Level
from store.pixels.codec import Codec

_PALETTE = ("00FF00", "FF0000", "0000FF", "FF00FF", "00FFFF", "FFFF00", "FFFFFF")
_RGB = ("FF0000", "00FF00", "0000FF")
_AXES = ("t", "c", "z", "y", "x")


def array_document(level: Level, dtype: np.dtype[Any], codec: Codec) -> dict[str, Any]:
    """Return the ``zarr.json`` of one level."""
    chunk_codecs = [
        {"name": "bytes", "configuration": {"endian": "little"}}
        if dtype.itemsize > 1
        else {"name": "bytes"},
        codec.document(dtype.itemsize),
    ]
    codecs: list[dict[str, Any]] = chunk_codecs
    if level.shards is not None:
        codecs = [
            {
                "name": "sharding_indexed",
                "configuration": {
                    "chunk_shape": list(level.chunks),
                    "codecs": chunk_codecs,
                    "index_codecs": [
                        {"name": "bytes", "configuration": {"endian": "little"}},
                        {"name": "crc32c"},
                    ],
                    "index_location": "end",
                },
            }
        ]
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": list(level.shape),
        "data_type": dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": list(level.shards or level.chunks)},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0 if dtype.kind == "f" else 0,
        "codecs": codecs,
        "attributes": {},
        "dimension_names": list(_AXES),
    }


def group_document(ome: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``zarr.json`` of the image's group."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {"ome": dict(ome), "imagehub": dict(record)},
    }


def labels_document(names: Sequence[str]) -> dict[str, Any]:
    """Return the ``zarr.json`` of the ``labels`` group below an image that has label sets."""
    return {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": {"ome": {"version": "0.5", "labels": list(names)}},
    }


def ome_document(
    layout: Layout,
    levels: Sequence[Level],
    description: ImageDescription,
    minima: Sequence[float],
    maxima: Sequence[float],
    *,
    labels: bool = False,
) -> dict[str, Any]:
    """Return the `ome` object of an image, or of a label set."""
    ome: dict[str, Any] = {
        "version": "0.5",
        "multiscales": [
            {
                "name": description.name or "image",
                "axes": _axes(description),
                "datasets": [_dataset(level, description, labels) for level in levels],
                "type": "nearest" if labels else "mean",
            }
        ],
    }
    if labels:
        ome["image-label"] = {"version": "0.5", "source": {"image": "../../"}}
    else:
        ome["omero"] = _omero(layout, description, minima, maxima)
    return ome


def _axes(description: ImageDescription) -> list[dict[str, str]]:
    axes = [
        {"name": "t", "type": "time"},
        {"name": "c", "type": "channel"},
        {"name": "z", "type": "space"},
        {"name": "y", "type": "space"},
        {"name": "x", "type": "space"},
    ]
    sizes = _sizes(description)
    for axis in axes:
        if sizes[axis["name"]] is not None:
            axis["unit"] = "second" if axis["name"] == "t" else "micrometer"
    return axes


def _sizes(description: ImageDescription) -> dict[str, float | None]:
    return {
        "t": description.time_increment,
        "c": None,
        "z": description.physical_size_z,
        "y": description.physical_size_y,
        "x": description.physical_size_x,
    }


def _dataset(level: Level, description: ImageDescription, labels: bool) -> dict[str, Any]:
    sizes = [size if size else 1.0 for size in _sizes(description).values()]
    factors = [1.0, 1.0, 1.0, level.downsample, level.downsample]
    scale = [float(size * factor) for size, factor in zip(sizes, factors, strict=True)]
    transforms: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if level.downsample > 1 and not labels:
        shift = [
            float(size * (factor - 1) / 2) for size, factor in zip(sizes, factors, strict=True)
        ]
        transforms.append({"type": "translation", "translation": shift})
    return {"path": level.path, "coordinateTransformations": transforms}


def _omero(
    layout: Layout,
    description: ImageDescription,
    minima: Sequence[float],
    maxima: Sequence[float],
) -> dict[str, Any]:
    given = list(description.channels)[: layout.size_c]
    given += [ChannelDescription()] * (layout.size_c - len(given))
    coloured = layout.rgb or layout.size_c > 1 or any(channel.color for channel in given)
    return {
        "version": "0.5",
        "name": description.name or "image",
        "channels": [
            _channel(layout, number, channel, minima[number], maxima[number])
            for number, channel in enumerate(given)
        ],
        "rdefs": {
            "defaultT": 0,
            "defaultZ": layout.size_z // 2,
            "model": "color" if coloured else "greyscale",
        },
    }


def _channel(
    layout: Layout, number: int, channel: ChannelDescription, low: float, high: float
) -> dict[str, Any]:
    dtype = np.dtype(layout.dtype)
    low, high = (value if math.isfinite(value) else 0.0 for value in (low, high))
    floor, ceiling = low, high
    if dtype.kind in "ui" and dtype.itemsize <= 2:
        floor, ceiling = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    start, end = (floor, ceiling) if layout.rgb and dtype == np.uint8 else (low, high)
    start = channel.window_start if channel.window_start is not None else start
    end = channel.window_end if channel.window_end is not None else end
    return {
        "label": channel.name or _label(layout, number),
        "color": (channel.color or _color(layout, number)).removeprefix("#").upper(),
        "active": channel.active,
        "coefficient": 1.0,
        "family": "linear",
        "inverted": False,
        "window": {
            "min": min(floor, start),
            "max": max(ceiling, end),
            "start": start,
            "end": end,
        },
    }


def _label(layout: Layout, number: int) -> str:
    if layout.rgb and number < 3:
        return ("Red", "Green", "Blue")[number]
    return f"Channel {number}"


def _color(layout: Layout, number: int) -> str:
    if layout.rgb and number < 3:
        return _RGB[number]
    return "FFFFFF" if layout.size_c == 1 else _PALETTE[number % len(_PALETTE)]
