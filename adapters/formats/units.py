"""Units of image files turned into the hub's: µm, s, nm, and milliseconds since 1970 UTC.

A value in a unit that is no length or no time, such as ``pixel`` or ``reference frame``, is unknown
and becomes None, and so does a size that is zero, negative, infinite or not a number.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

_METRES = {
    "pm": 1e-12,
    "å": 1e-10,
    "angstrom": 1e-10,
    "nm": 1e-9,
    "nanometer": 1e-9,
    "µm": 1e-6,
    "um": 1e-6,
    "micron": 1e-6,
    "microns": 1e-6,
    "micrometer": 1e-6,
    "mm": 1e-3,
    "millimeter": 1e-3,
    "cm": 1e-2,
    "centimeter": 1e-2,
    "dm": 1e-1,
    "m": 1.0,
    "meter": 1.0,
    "km": 1e3,
    "in": 0.0254,
    "inch": 0.0254,
    "ft": 0.3048,
}
_SECONDS = {
    "ns": 1e-9,
    "nsec": 1e-9,
    "µs": 1e-6,
    "us": 1e-6,
    "usec": 1e-6,
    "ms": 1e-3,
    "msec": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}


def micrometres(value: object, unit: str | None = "µm") -> float | None:
    """Return a positive length in µm."""
    return _scaled(value, unit, _METRES, 1e-6)


def nanometres(value: object, unit: str | None = "nm") -> float | None:
    """Return a positive wavelength in nm."""
    return _scaled(value, unit, _METRES, 1e-9)


def seconds(value: object, unit: str | None = "s") -> float | None:
    """Return a positive duration in s."""
    return _scaled(value, unit, _SECONDS, 1.0)


def number(value: object) -> float | None:
    """Return a finite number, or None for anything else."""
    try:
        found = float(value)  # type: ignore[arg-type]  # a text or a number; others raise
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def iso_moment(text: str | None) -> int | None:
    """Return an ISO 8601 moment; one without a zone is taken as UTC, as OME-XML does."""
    if not text:
        return None
    try:
        return _milliseconds(datetime.fromisoformat(text.strip()))
    except (ValueError, OverflowError):
        return None


def tag_moment(text: object) -> int | None:
    """Return the moment of a TIFF or EXIF tag, ``YYYY:MM:DD HH:MM:SS``, taken as UTC."""
    if not isinstance(text, str):
        return None
    for form in ("%Y:%m:%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y%m%d %H:%M:%S"):
        try:
            return _milliseconds(datetime.strptime(text.strip("\0 "), form).replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            continue
    return None


def _milliseconds(moment: datetime) -> int | None:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since = moment.timestamp()
    return round(since * 1000) if since > 0 else None


def _scaled(
    value: object, unit: str | None, table: dict[str, float], target: float
) -> float | None:
    found = number(value)
    # U+03BC (Greek mu) and U+00B5 (micro sign) look alike, and files have both.
    scale = table.get((unit or "").strip().lower().replace("μ", "µ"))
    if found is None or scale is None or found <= 0:
        return None
    if scale == target:
        return found
    # Rounding removes the last-digit noise of the scale, so that 250 nm is 0.25 µm.
    return float(f"{found * scale / target:.12g}")
