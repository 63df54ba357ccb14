"""How an image is shown: frozen settings, their defaults, their stored form and their fingerprint.

Settings know nothing of pixels. They are checked once, when made, so that the functions that draw
can rely on them.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np

from adapters.colors import Color, bare, parse
from adapters.render import luts
from store.errors import Invalid
from store.pixels.base import Layout

RGB = tuple[int, int, int]

# More channels than these start switched off; a mixture of more than three is hardly readable.
SHOWN_AT_FIRST = 3

_CYCLE: tuple[RGB, ...] = (
    (255, 0, 0),
    (0, 255, 0),
    (0, 0, 255),
    (0, 255, 255),
    (255, 0, 255),
    (255, 255, 0),
    (255, 255, 255),
)
_MIXED: tuple[RGB, ...] = ((255, 0, 255), (0, 255, 255), (255, 255, 0), (255, 255, 255))


class Family(StrEnum):
    """The curve between the window's start and end."""

    LINEAR = "linear"
    POLYNOMIAL = "polynomial"
    EXPONENTIAL = "exponential"
    LOGARITHMIC = "logarithmic"


class Model(StrEnum):
    """All active channels in their colours, or the first active one in grey."""

    COLOR = "color"
    GREYSCALE = "greyscale"


class Method(StrEnum):
    """How the planes of a z-range become one plane."""

    MAXIMUM = "intmax"
    MEAN = "intmean"
    SUM = "intsum"
    MINIMUM = "intmin"


@dataclass(frozen=True, slots=True)
class Projection:
    """Project the planes `first` to `last`, both included, from 0; None means the end."""

    method: Method
    first: int = 0
    last: int | None = None

    def __post_init__(self) -> None:
        if self.first < 0:
            raise Invalid("projection", f"the first plane is {self.first}; planes count from 0.")
        if self.last is not None and self.last < self.first:
            raise Invalid("projection", f"the last plane {self.last} is before {self.first}.")


@dataclass(frozen=True, slots=True)
class ChannelSettings:
    """How one channel is shown.

    Samples at or below `start` map to 0, at or above `end` to 255. `color` is red, green, blue,
    0-255; a `lut`, if given, replaces it. `inverted` turns 0-255 around before the colour.
    """

    active: bool = True
    start: float = 0.0
    end: float = 255.0
    color: RGB = (255, 255, 255)
    lut: str | None = None
    inverted: bool = False
    family: Family = Family.LINEAR
    coefficient: float = 1.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and math.isfinite(self.end)):
            raise Invalid("window", f"{self.start}:{self.end} is not a pair of finite numbers.")
        if self.start > self.end:
            raise Invalid("window", f"the start {self.start} is above the end {self.end}.")
        if not math.isfinite(self.end - self.start):
            raise Invalid("window", f"{self.start}:{self.end} is too wide for double precision.")
        if len(self.color) != 3 or not all(0 <= value <= 255 for value in self.color):
            raise Invalid("color", f"{self.color} is not three numbers from 0 to 255.")
        if not (math.isfinite(self.coefficient) and 0 < self.coefficient <= 100):
            raise Invalid("coefficient", f"{self.coefficient} is not between 0 and 100.")


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """How an image is shown; `channels` has one entry per channel, in order. z and t from 0."""

    channels: tuple[ChannelSettings, ...]
    model: Model = Model.COLOR
    z: int = 0
    t: int = 0
    projection: Projection | None = None
    custom: Mapping[str, luts.Table] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.z < 0 or self.t < 0:
            raise Invalid("plane", f"z {self.z}, t {self.t}: planes count from 0.")

    @property
    def visible(self) -> tuple[int, ...]:
        """Positions of the channels that reach the picture."""
        active = tuple(index for index, channel in enumerate(self.channels) if channel.active)
        return active[:1] if self.model is Model.GREYSCALE else active

    def key(self) -> str:
        """Return 20 hexadecimal digits that name the picture these settings make.

        Settings that cannot show, such as the window of a channel that is off, do not change it.
        """
        shown = [(index, self._seen(self.channels[index])) for index in self.visible]
        plane = self.projection if self.projection is not None else self.z
        text = repr((self.t, plane, shown))
        return hashlib.blake2b(text.encode(), digest_size=10).hexdigest()

    def _seen(self, channel: ChannelSettings) -> tuple[object, ...]:
        look: object = channel.color
        if self.model is Model.GREYSCALE:
            look = "grey"
        elif channel.lut is not None:
            table = luts.table(channel.lut, self.custom)
            look = hashlib.blake2b(table.tobytes(), digest_size=10).hexdigest()
        linear = channel.family is Family.LINEAR
        curve = None if linear else (channel.family.value, float(channel.coefficient))
        # Adding zero makes minus zero, which draws the same, the same text.
        return (channel.start + 0.0, channel.end + 0.0, look, channel.inverted, curve)


def defaults(
    layout: Layout,
    windows: Sequence[tuple[float, float] | None] = (),
    *,
    colors: Sequence[RGB | None] = (),
    emissions: Sequence[float | None] = (),
    lut_names: Sequence[str | None] = (),
    active: Sequence[bool] = (),
) -> RenderSettings:
    """Make the settings an image is first shown with: the middle plane, the first time point.

    Parameters
    ----------
    windows
        Start and end per channel, usually the channel's minimum and maximum. A missing one becomes
        the whole range of an integer sample type, 0-1 for floats. Colour pictures (``layout.rgb``)
        always show the full range.
    colors, lut_names
        What the file's metadata asks for; None where it asks for nothing.
    emissions
        Wavelengths in nm. They decide the colours not given: to 500 blue, to 560 green, beyond red;
        if two channels claim the same colour, the longer wavelength gets the next free one. Without
        a wavelength the first free colour is taken. A single channel is grey.
    active
        Which channels are on; by default the first three.
    """
    guessed = _colors(layout, emissions)
    channels = []
    for index in range(layout.size_c):
        start, end = _window(layout, _at(windows, index))
        channels.append(
            ChannelSettings(
                active=bool(active[index]) if index < len(active) else index < SHOWN_AT_FIRST,
                start=start,
                end=end,
                color=_at(colors, index) or guessed[index],
                lut=_at(lut_names, index),
            )
        )
    plain = all(channel.color == (255, 255, 255) and channel.lut is None for channel in channels)
    model = Model.GREYSCALE if layout.size_c == 1 and plain else Model.COLOR
    return RenderSettings(channels=tuple(channels), model=model, z=layout.size_z // 2, t=0)


def channels_json(settings: RenderSettings) -> list[dict[str, Any]]:
    """Write the channels as the JSON that the `rendering` table keeps."""
    return [
        {
            "active": channel.active,
            "start": channel.start,
            "end": channel.end,
            "color": bare(Color(*channel.color)),
            "lut": channel.lut,
            "inverted": channel.inverted,
            "family": channel.family.value,
            "coefficient": channel.coefficient,
        }
        for channel in settings.channels
    ]


def channels_of(stored: Sequence[Mapping[str, Any]]) -> tuple[ChannelSettings, ...]:
    """Read what `channels_json` wrote; keys that are missing take their defaults."""
    plain = ChannelSettings()
    return tuple(
        ChannelSettings(
            active=bool(entry.get("active", True)),
            start=float(entry.get("start", plain.start)),
            end=float(entry.get("end", plain.end)),
            color=parse(entry["color"]).rgb if entry.get("color") else plain.color,
            lut=entry.get("lut"),
            inverted=bool(entry.get("inverted", False)),
            family=family(entry.get("family", "linear")),
            coefficient=float(entry.get("coefficient", 1.0)),
        )
        for entry in stored
    )


def family(text: str) -> Family:
    """Read the name of a curve; raises `Invalid` for an unknown one."""
    try:
        return Family(text)
    except ValueError:
        raise Invalid("family", f"{text!r} is not one of {', '.join(Family)}.") from None


def _at(values: Sequence[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def _colors(layout: Layout, emissions: Sequence[float | None]) -> list[RGB]:
    if layout.size_c == 1:
        return [(255, 255, 255)]
    if layout.rgb:
        return list(_CYCLE[: layout.size_c])
    chosen: dict[int, RGB] = {}
    waves = {i: wave for i, wave in enumerate(emissions[: layout.size_c]) if wave and wave > 0}
    for index in sorted(waves, key=lambda i: (waves[i], i)):
        wanted = _color_of(waves[index])
        taken = set(chosen.values())
        chosen[index] = _free(taken, _MIXED) if wanted in taken else wanted
    for index in range(layout.size_c):
        if index not in chosen:
            chosen[index] = _free(set(chosen.values()), _CYCLE, index)
    return [chosen[index] for index in range(layout.size_c)]


def _free(taken: set[RGB], candidates: Sequence[RGB], index: int = 0) -> RGB:
    free = (color for color in (*candidates, *_CYCLE) if color not in taken)
    return next(free, _CYCLE[index % len(_CYCLE)])


def _color_of(wavelength: float) -> RGB:
    if wavelength <= 500:
        return (0, 0, 255)
    return (0, 255, 0) if wavelength <= 560 else (255, 0, 0)


def _window(layout: Layout, given: tuple[float, float] | None) -> tuple[float, float]:
    dtype = np.dtype(layout.dtype)
    if dtype.kind in "iu":
        full = (float(np.iinfo(dtype).min), float(np.iinfo(dtype).max))
    else:
        full = (0.0, 1.0)
    if layout.rgb or given is None or not all(math.isfinite(value) for value in given):
        return full
    start, end = float(min(given)), float(max(given))
    # An image of one value would be all white in an empty window; it is black in this one.
    return (start, end) if start < end else (start, start + max(1.0, abs(start) * 1e-6))
