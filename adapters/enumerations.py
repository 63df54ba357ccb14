"""Every list of words that forms and files choose from: sample types, modes, units, kinds, states.

They live in code and not in a table: their numbers must be the same in every hub for ever, since
clients of one dialect keep them. A word is never renumbered or removed; new ones go to the end of
their list. The words about microscopes and the signs of units are those of the OME data model
2016-06; those about the hub are read from its tables, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import cache
from typing import get_args

from adapters.exports import FORMATS
from adapters.formats.recognise import Format as FileFormat
from adapters.render.encode import Format as PictureFormat
from adapters.render.settings import Family, Method, Model
from adapters.tokens import Scope
from store.errors import NotFound
from store.tables.access import GrantLevel, GrantTarget
from store.tables.annotations import AnnotationKind
from store.tables.containers import ProjectMode
from store.tables.files import FileRole
from store.tables.images import ImageState
from store.tables.jobs import JobState
from store.tables.people import GroupLevel, Role
from store.tables.rois import RoiKind, ShapeKind


@dataclass(frozen=True, slots=True)
class Entry:
    """One word of an enumeration.

    `id` is small and never changes. `symbol` is the short sign of a unit or the array name of a
    sample type. `factor` is how many base units (m, s, K, W, Pa, V, Hz) one of this unit is; None
    for what is no measure, such as a pixel. `offset` is added after that, for temperatures.
    """

    id: int
    value: str
    symbol: str | None = None
    factor: float | None = None
    offset: float = 0.0
    description: str | None = None


def enumeration(name: str) -> tuple[Entry, ...]:
    """Return the words of an enumeration, in the order to show them. Raises NotFound."""
    if name not in ENUMERATIONS:
        raise NotFound("enumeration", name)
    return ENUMERATIONS[name]


def entry(name: str, value: str) -> Entry | None:
    """Return the word of an enumeration with exactly this spelling, or None."""
    return _by_value(name).get(value)


@cache
def _by_value(name: str) -> Mapping[str, Entry]:
    return {one.value: one for one in enumeration(name)}


def _words(text: str, first: int = 1) -> tuple[Entry, ...]:
    return tuple(Entry(id, value) for id, value in enumerate(text.split(), first))


def _of(words: Iterable[StrEnum], first: int = 1) -> tuple[Entry, ...]:
    return tuple(Entry(id, word.value) for id, word in enumerate(words, first))


def _levels(words: Iterable[IntEnum]) -> tuple[Entry, ...]:
    return tuple(Entry(word.value, word.name) for word in words)


_PREFIXES = {
    "YOTTA": ("Y", 24), "ZETTA": ("Z", 21), "EXA": ("E", 18), "PETA": ("P", 15), "TERA": ("T", 12),
    "GIGA": ("G", 9), "MEGA": ("M", 6), "KILO": ("k", 3), "HECTO": ("h", 2), "DECA": ("da", 1),
    "": ("", 0), "DECI": ("d", -1), "CENTI": ("c", -2), "MILLI": ("m", -3), "MICRO": ("µ", -6),
    "NANO": ("n", -9), "PICO": ("p", -12), "FEMTO": ("f", -15), "ATTO": ("a", -18),
    "ZEPTO": ("z", -21), "YOCTO": ("y", -24),
}  # fmt: skip


def _units(
    name: str, sign: str, others: Iterable[tuple[str, str, float | None]] = ()
) -> tuple[Entry, ...]:
    """Return a unit under every decimal prefix, then others with their size in that unit."""
    decimal = [
        (prefix + name, short + sign, float(f"1e{power}"))
        for prefix, (short, power) in _PREFIXES.items()
    ]
    return tuple(
        Entry(id, value, symbol, factor)
        for id, (value, symbol, factor) in enumerate([*decimal, *others], 1)
    )


_AU, _LIGHT_YEAR = 149_597_870_700.0, 9_460_730_472_580_800.0
_PARSEC = 3.0856775814913673e16
_INCH = 0.0254
_ATM = 101_325.0
_PSI = 6894.757293168361
_MMHG = 133.322387415

_LENGTHS = _units(
    "METER",
    "m",
    (
        ("ANGSTROM", "Å", 1e-10),
        ("THOU", "thou", _INCH / 1000),
        ("LINE", "li", _INCH / 12),
        ("INCH", "in", _INCH),
        ("FOOT", "ft", 12 * _INCH),
        ("YARD", "yd", 36 * _INCH),
        ("MILE", "mi", 63_360 * _INCH),
        ("ASTRONOMICALUNIT", "ua", _AU),
        ("LIGHTYEAR", "ly", _LIGHT_YEAR),
        ("PARSEC", "pc", _PARSEC),
        ("POINT", "pt", _INCH / 72),
        ("PIXEL", "pixel", None),
        ("REFERENCEFRAME", "reference frame", None),
    ),
)
_TIMES = _units(
    "SECOND", "s", (("MINUTE", "min", 60.0), ("HOUR", "h", 3600.0), ("DAY", "d", 86_400.0))
)
_PRESSURES = _units(
    "PASCAL",
    "Pa",
    (
        ("BAR", "bar", 1e5),
        ("MEGABAR", "Mbar", 1e11),
        ("KILOBAR", "kbar", 1e8),
        ("DECIBAR", "dbar", 1e4),
        ("CENTIBAR", "cbar", 1e3),
        ("MILLIBAR", "mbar", 1e2),
        ("ATMOSPHERE", "atm", _ATM),
        ("PSI", "psi", _PSI),
        ("TORR", "Torr", _ATM / 760),
        ("MILLITORR", "mTorr", _ATM / 760_000),
        ("MMHG", "mm Hg", _MMHG),
    ),
)
_TEMPERATURES = (
    Entry(1, "KELVIN", "K", 1.0),
    Entry(2, "CELSIUS", "°C", 1.0, 273.15),
    Entry(3, "FAHRENHEIT", "°F", 5 / 9, 273.15 - 32 * 5 / 9),
    Entry(4, "RANKINE", "°R", 5 / 9),
)
_NOT_STORED = "Not stored: such files are refused."
_PIXELS_TYPES = (
    Entry(1, "bit", "bool", description="Stored as uint8 with 0 and 1."),
    Entry(2, "int8", "int8"),
    Entry(3, "int16", "int16"),
    Entry(4, "int32", "int32"),
    Entry(5, "uint8", "uint8"),
    Entry(6, "uint16", "uint16"),
    Entry(7, "uint32", "uint32"),
    Entry(8, "float", "float32"),
    Entry(9, "double", "float64"),
    Entry(10, "complex", "complex64", description=_NOT_STORED),
    Entry(11, "double-complex", "complex128", description=_NOT_STORED),
    Entry(12, "int64", "int64", description="Beyond the OME data model."),
    Entry(13, "uint64", "uint64", description="Beyond the OME data model."),
)

ENUMERATIONS: Mapping[str, tuple[Entry, ...]] = {
    # Samples and how they are shown.
    "PixelsType": _PIXELS_TYPES,
    "DimensionOrder": _words("XYZCT XYZTC XYCTZ XYCZT XYTCZ XYTZC"),
    "PhotometricInterpretation": _words("RGB ARGB CMYK HSV Monochrome ColorMap"),
    "RenderingModel": _of(Model),
    "RenderingFamily": _of(Family),
    "Projection": _of(Method),
    # How the picture was taken.
    "AcquisitionMode": _words(
        "WideField LaserScanningConfocalMicroscopy SpinningDiskConfocal SlitScanConfocal "
        "MultiPhotonMicroscopy StructuredIllumination SingleMoleculeImaging "
        "TotalInternalReflection FluorescenceLifetime SpectralImaging "
        "FluorescenceCorrelationSpectroscopy NearFieldScanningOpticalMicroscopy "
        "SecondHarmonicGenerationImaging PALM STORM STED TIRF FSM LCM Other Unknown "
        "BrightField SweptFieldConfocal SPIM"
    ),
    "ContrastMethod": _words(
        "Brightfield Phase DIC HoffmanModulation ObliqueIllumination PolarizedLight Darkfield "
        "Fluorescence Other Unknown"
    ),
    "Illumination": _words("Transmitted Epifluorescence Oblique NonLinear Other Unknown"),
    "Immersion": _words("Oil Water WaterDipping Air Multi Glycerol Other Unknown"),
    "Correction": _words(
        "UV PlanApo PlanFluor SuperFluor VioletCorrected Achro Achromat Fluor Fl Fluar Neofluar "
        "Fluotar Apo PlanNeofluar Other Unknown"
    ),
    "Medium": _words("Air Oil Water Glycerol Other Unknown"),
    "MicroscopeType": _words("Upright Inverted Dissection Electrophysiology Other Unknown"),
    "DetectorType": _words(
        "CCD IntensifiedCCD AnalogVideo PMT Photodiode Spectroscopy LifetimeImaging "
        "CorrelationSpectroscopy FTIR EMCCD APD CMOS EBCCD Other Unknown"
    ),
    "Binning": _words("1x1 2x2 4x4 8x8 Other Unknown"),
    "FilterType": _words(
        "Dichroic LongPass ShortPass BandPass MultiPass NeutralDensity Tuneable Other Unknown"
    ),
    "LaserType": _words(
        "Excimer Gas MetalVapor SolidState Dye Semiconductor FreeElectron Other Unknown"
    ),
    "ArcType": _words("Hg Xe HgXe Other Unknown"),
    "FilamentType": _words("Incandescent Halogen Other Unknown"),
    "Pulse": _words("CW Single QSwitched Repetitive ModeLocked Other Unknown"),
    "ExperimentType": _words(
        "FP FRET TimeLapse FourDPlus Screen Immunocytochemistry Immunofluorescence FISH "
        "Electrophysiology IonImaging Colocalization PGIDocumentation FluorescenceLifetime "
        "SpectralImaging Photobleaching SPIM Other Unknown"
    ),
    # Units.
    "UnitsLength": _LENGTHS,
    "UnitsTime": _TIMES,
    "UnitsTemperature": _TEMPERATURES,
    "UnitsPower": _units("WATT", "W"),
    "UnitsPressure": _PRESSURES,
    "UnitsElectricPotential": _units("VOLT", "V"),
    "UnitsFrequency": _units("HERTZ", "Hz"),
    # What is drawn and written on images.
    "ShapeKind": _of(ShapeKind),
    "RoiKind": _of(RoiKind),
    "FillRule": _words("EvenOdd NonZero"),
    "FontFamily": _words("cursive fantasy monospace sans-serif serif"),
    "FontStyle": _words("Normal Bold Italic BoldItalic"),
    "Marker": _words("Arrow"),
    "AnnotationKind": _of(AnnotationKind),
    # People, objects and jobs.
    "Role": _levels(Role),
    "GroupLevel": _levels(GroupLevel),
    "GrantLevel": _of(GrantLevel),
    "GrantTarget": _of(GrantTarget),
    "TokenScope": _of(Scope),
    "ProjectMode": _of(ProjectMode),
    "ImageState": _of(ImageState),
    "JobState": _of(JobState, first=0),
    # Files.
    "FileRole": _of(FileRole),
    "ChecksumAlgorithm": _words("SHA-256"),
    "ImportFormat": _words(" ".join(get_args(FileFormat))),
    "ExportFormat": _words(" ".join(FORMATS)),
    "PictureFormat": _of(PictureFormat),
}
