"""Quantities, enumerations and colours in OMERO's JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from adapters.enumerations import entry

SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06#"

SYMBOLS = {
    "MICROMETER": "µm",
    "NANOMETER": "nm",
    "MILLIMETER": "mm",
    "PIXEL": "pixel",
    "POINT": "pt",
    "REFERENCEFRAME": "reference frame",
    "SECOND": "s",
    "MILLISECOND": "ms",
}
_UNITS = {symbol: unit for unit, symbol in SYMBOLS.items()} | {
    "μm": "MICROMETER",
    "um": "MICROMETER",
}

_NOBODY = {
    "@type": "TBD#Permissions",
    "perm": "------",
    "canAnnotate": False,
    "canDelete": False,
    "canEdit": False,
    "canLink": False,
    "isUserRead": False,
    "isUserWrite": False,
    "isGroupRead": False,
    "isGroupAnnotate": False,
    "isGroupWrite": False,
    "isWorldRead": False,
    "isWorldWrite": False,
}
SYSTEM_DETAILS: Mapping[str, Any] = {"@type": "TBD#Details", "permissions": _NOBODY}
"""Details of what belongs to nobody: accounts and enumerations."""

_DTYPES = {"float32": "float", "float64": "double", "bool": "bit", "complex64": "complex",
           "complex128": "double-complex"}  # fmt: skip


def typed(name: str) -> str:
    """Return the ``@type`` of a noun of the model."""
    return SCHEMA + name


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mapping without what is null: such clients take a missing key for null."""
    return {key: value for key, value in values.items() if value is not None}


def finite(value: float | None) -> float | None:
    """Return a number as a float JSON can hold, or None."""
    return float(value) if value is not None and math.isfinite(value) else None


def length(value: float | None, unit: str = "MICROMETER") -> dict[str, Any] | None:
    """Return a length; `unit` is a name or a symbol (µm, nm, pixel, …)."""
    return _quantity("TBD#LengthI", value, unit)


def duration(value: float | None, unit: str = "SECOND") -> dict[str, Any] | None:
    """Return a time span."""
    return _quantity("TBD#TimeI", value, unit)


def _quantity(kind: str, value: float | None, unit: str) -> dict[str, Any] | None:
    number = finite(value)
    if number is None:
        return None
    name = _UNITS.get(unit, unit)
    return {"@type": kind, "Unit": name, "Symbol": SYMBOLS.get(name, unit), "Value": number}


def pixels_type(dtype: str | None) -> str | None:
    """Return what such clients call a numpy type: float32 is ``float``, bool is ``bit``."""
    return None if dtype is None else _DTYPES.get(dtype, dtype)


def enumeration(kind: str, value: str | None) -> dict[str, Any] | None:
    """Return a value of an enumeration with its constant number, 0 if the value is unknown."""
    if value is None:
        return None
    known = entry(kind, value)
    id = 0 if known is None else known.id
    return {"@id": id, "@type": f"TBD#{kind}", "value": value, "omero:details": SYSTEM_DETAILS}


def signed(color: int) -> int:
    """Return a colour as the signed 32-bit number ``R<<24 | G<<16 | B<<8 | A``."""
    color &= 0xFFFFFFFF
    return color - (1 << 32) if color >= 1 << 31 else color
