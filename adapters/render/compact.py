"""The short texts in which viewers write rendering settings into a URL, both ways.

``c=1|300:8000$0000FF,-2|0:1500$fire.lut`` names channels from 1, a minus sign switching one off,
with window and colour or lookup table as wished; channels not named are off. A window may end in
``r`` or ``-r``, as older viewers say that a channel is inverted or not. ``m`` is the model,
``p`` the projection with its planes from 0, ``maps`` a JSON list, one entry per channel of ``c``.
Source of the grammar: webgateway, as described in the OMERO developer documentation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.colors import Color, bare, parse
from adapters.render import luts
from adapters.render.settings import (
    ChannelSettings,
    Method,
    Model,
    Projection,
    RenderSettings,
    family,
)
from store.errors import Invalid

_CHANNEL = re.compile(
    r"\s*(?P<off>-?)(?P<number>[0-9]{1,9})(?:\|(?P<window>[^$]*))?(?:\$(?P<look>.*))?"
)
_TURNED = re.compile(r"(?P<off>-?)r\s*\Z")
_HEX = re.compile(r"#?(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})", re.IGNORECASE)
_MODELS = {"c": Model.COLOR, "g": Model.GREYSCALE}


def read(
    base: RenderSettings,
    *,
    c: str | None = None,
    m: str | None = None,
    p: str | None = None,
    maps: str | None = None,
) -> RenderSettings:
    """Apply texts to saved or default settings; what is not given stays.

    Raises `Invalid` naming the parameter (``c``, ``m``, ``p``, ``maps``) and the part at fault.
    """
    settings = base
    named: list[int] = []
    if c:
        settings, named = _channels(base, c)
    if maps:
        settings = _maps(settings, maps, named or list(range(len(base.channels))))
    if m:
        settings = replace(settings, model=read_model(m))
    if p:
        settings = replace(settings, projection=read_projection(p))
    return settings


def read_model(text: str) -> Model:
    """Read ``c`` (colour) or ``g`` (greyscale)."""
    if text not in _MODELS:
        raise Invalid("m", f"{text[:20]!r} is neither c (colour) nor g (greyscale).")
    return _MODELS[text]


def read_projection(text: str) -> Projection | None:
    """Read ``normal``, ``intmax``, ``intmean``, ``intsum`` or ``intmin``, with ``|first:last``."""
    name, bar, planes = text.partition("|")
    if name == "normal":
        return None
    if name not in list(Method):
        raise Invalid("p", f"{name[:20]!r} is not one of normal, {', '.join(Method)}.")
    if not bar:
        return Projection(Method(name))
    match = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", planes)
    if match is None:
        raise Invalid("p", f"{planes[:20]!r} is not a range of planes such as 0:5.")
    first, last = int(match[1]), int(match[2])
    if last < first:
        raise Invalid("p", f"the last plane {last} is before the first, {first}.")
    return Projection(Method(name), first, last)


def read_quality(text: str) -> int:
    """Read a quality written as a fraction, 0 to 1, as per cent, at least 1."""
    quality = _number(text, "q")
    if not 0 <= quality <= 1:
        raise Invalid("q", f"{text[:20]!r} is not between 0 and 1.")
    return max(1, round(quality * 100))


def write(settings: RenderSettings) -> dict[str, str]:
    """Write settings as the texts ``c``, ``m``, ``p`` and ``maps`` that `read` understands."""
    channels = []
    maps = []
    for number, channel in enumerate(settings.channels, start=1):
        look = f"{channel.lut}.lut" if channel.lut else bare(Color(*channel.color))
        sign = "" if channel.active else "-"
        window = f"{_written(channel.start)}:{_written(channel.end)}"
        channels.append(f"{sign}{number}|{window}${look}")
        maps.append(
            {
                "inverted": {"enabled": channel.inverted},
                "quantization": {
                    "family": channel.family.value,
                    "coefficient": channel.coefficient,
                },
            }
        )
    projection = "normal"
    if settings.projection is not None:
        projection = settings.projection.method.value
        if settings.projection.last is not None:
            projection += f"|{settings.projection.first}:{settings.projection.last}"
    return {
        "c": ",".join(channels),
        "m": "g" if settings.model is Model.GREYSCALE else "c",
        "p": projection,
        "maps": json.dumps(maps, separators=(",", ":")),
    }


def _channels(base: RenderSettings, text: str) -> tuple[RenderSettings, list[int]]:
    channels = [replace(channel, active=False) for channel in base.channels]
    named = []
    for part in text.split(","):
        match = _CHANNEL.fullmatch(part.rstrip())
        if match is None:
            raise Invalid(
                "c",
                f"{part[:60]!r} is not a channel; write number|start:end$colour, as in "
                "1|300:8000$0000FF.",
            )
        index = int(match["number"]) - 1
        if not 0 <= index < len(channels):
            raise Invalid(
                "c", f"there is no channel {index + 1}; the image has 1 to {len(channels)}."
            )
        channels[index] = _channel(base, base.channels[index], match)
        named.append(index)
    return replace(base, channels=tuple(channels)), named


def _channel(
    base: RenderSettings, channel: ChannelSettings, match: re.Match[str]
) -> ChannelSettings:
    changes: dict[str, Any] = {"active": not match["off"]}
    if match["window"]:
        window, turned = match["window"], _TURNED.search(match["window"])
        if turned is not None:
            changes["inverted"] = not turned["off"]
            window = window[: turned.start()]
        changes["start"], changes["end"] = _window(window)
    if match["look"]:
        changes |= _look(match["look"], base.custom)
    return replace(channel, **changes)


def _window(text: str) -> tuple[float, float]:
    start, colon, end = text.partition(":")
    if not colon:
        raise Invalid("c", f"{text[:40]!r} is not a window; write start:end, as in 300:8000.")
    low, high = _number(start, "c"), _number(end, "c")
    if low > high:
        raise Invalid("c", f"the window starts at {start[:20]}, above its end {end[:20]}.")
    return low, high


def _look(text: str, custom: Mapping[str, luts.Table] | None) -> dict[str, Any]:
    if _HEX.fullmatch(text):
        return {"color": parse(text).rgb, "lut": None}
    if not luts.known(text, custom):
        raise Invalid(
            "c", f"{text[:60]!r} is neither a colour such as 0000FF nor a lookup table the hub has."
        )
    return {"lut": luts.own(text, custom) or luts.canonical(text)}


def _maps(settings: RenderSettings, text: str, named: list[int]) -> RenderSettings:
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Invalid("maps", f"this is not JSON: {error}.") from error
    if not isinstance(entries, list):
        raise Invalid("maps", "this is not a JSON list with one entry per channel.")
    if len(entries) > len(named):
        raise Invalid("maps", f"there are {len(entries)} entries for {len(named)} channels.")
    channels = list(settings.channels)
    for index, entry in zip(named, entries, strict=False):
        if entry is not None:
            channels[index] = replace(channels[index], **_map(entry))
    return replace(settings, channels=tuple(channels))


def _map(entry: object) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise Invalid("maps", f"an entry is an object or null, not {str(entry)[:40]!r}.")
    changes: dict[str, Any] = {}
    inverted = entry.get("inverted", entry.get("reverse"))
    if isinstance(inverted, Mapping):
        inverted = inverted.get("enabled")
    if inverted is not None:
        if not isinstance(inverted, bool):
            raise Invalid("maps", f"inverted is true or false, not {str(inverted)[:40]!r}.")
        changes["inverted"] = inverted
    curve = entry.get("quantization")
    if curve is not None:
        if not isinstance(curve, Mapping):
            raise Invalid("maps", "quantization is an object with family and coefficient.")
        changes |= _quantization(curve)
    return changes


def _quantization(curve: Mapping[str, object]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if (name := curve.get("family")) is not None:
        changes["family"] = family(str(name))
    if (coefficient := curve.get("coefficient")) is not None:
        if isinstance(coefficient, bool) or not isinstance(coefficient, int | float):
            raise Invalid("maps", f"the coefficient {str(coefficient)[:40]!r} is not a number.")
        changes["coefficient"] = float(coefficient)
    return changes


def _number(text: str, field: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise Invalid(field, f"{text[:40]!r} is not a number.") from None
    if not math.isfinite(number):
        raise Invalid(field, f"{text[:40]!r} is not a finite number.")
    return number


def _written(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
