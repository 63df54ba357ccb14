"""Units of length by their names in OMERO and by the symbols that the store keeps."""

from __future__ import annotations

STROKE, FONT = "PIXEL", "POINT"
"""What a width and a font size are in where nothing else is said."""

_SYMBOLS = {
    "YOTTAMETER": "Ym", "ZETTAMETER": "Zm", "EXAMETER": "Em", "PETAMETER": "Pm",
    "TERAMETER": "Tm", "GIGAMETER": "Gm", "MEGAMETER": "Mm", "KILOMETER": "km",
    "HECTOMETER": "hm", "DECAMETER": "dam", "METER": "m", "DECIMETER": "dm", "CENTIMETER": "cm",
    "MILLIMETER": "mm", "MICROMETER": "µm", "NANOMETER": "nm", "PICOMETER": "pm",
    "FEMTOMETER": "fm", "ATTOMETER": "am", "ZEPTOMETER": "zm", "YOCTOMETER": "ym",
    "ANGSTROM": "Å", "THOU": "thou", "LINE": "li", "INCH": "in", "FOOT": "ft", "YARD": "yd",
    "MILE": "mi", "ASTRONOMICALUNIT": "ua", "LIGHTYEAR": "ly", "PARSEC": "pc", "POINT": "pt",
    "PIXEL": "pixel", "REFERENCEFRAME": "reference frame",
}  # fmt: skip
# The short forms that files and other dialects use, beside the symbols above.
_ALSO = {"px": "PIXEL", "pixels": "PIXEL", "um": "MICROMETER", "μm": "MICROMETER"}
_NAMES = {symbol: name for name, symbol in _SYMBOLS.items()} | _ALSO


def name_of(stored: str | None, default: str) -> str:
    """Return the name of a stored unit; one that such clients cannot know is the default."""
    if stored is None:
        return default
    found = _NAMES.get(stored)
    if found is not None:
        return found
    return stored.upper() if stored.upper() in _SYMBOLS else default


def symbol_of(name: str) -> str:
    """Return the symbol of a unit."""
    return _SYMBOLS[name]


def stored(name: str) -> str | None:
    """Return what the store keeps of a unit that a client names; None if it is not known."""
    return "px" if name == STROKE else _SYMBOLS.get(name)
