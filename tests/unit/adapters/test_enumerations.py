"""Enumerations: numbers that never change, signs of units, and words that agree with the tables."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.enumerations import ENUMERATIONS, entry, enumeration
from adapters.formats.units import micrometres, seconds
from store.errors import NotFound
from store.pixels.samples import STORED
from store.tables.jobs import JobState
from store.tables.rois import ShapeKind

# Clients keep these numbers: a line here may be added, never changed.
PINNED = {
    ("PixelsType", "bit"): 1,
    ("PixelsType", "int8"): 2,
    ("PixelsType", "uint8"): 5,
    ("PixelsType", "uint16"): 6,
    ("PixelsType", "uint32"): 7,
    ("PixelsType", "float"): 8,
    ("PixelsType", "double"): 9,
    ("PhotometricInterpretation", "RGB"): 1,
    ("PhotometricInterpretation", "Monochrome"): 5,
    ("DimensionOrder", "XYZCT"): 1,
    ("AcquisitionMode", "WideField"): 1,
    ("AcquisitionMode", "SPIM"): 24,
    ("ContrastMethod", "Fluorescence"): 8,
    ("Illumination", "Epifluorescence"): 2,
    ("UnitsLength", "METER"): 11,
    ("UnitsLength", "MICROMETER"): 15,
    ("UnitsLength", "REFERENCEFRAME"): 34,
    ("UnitsTime", "SECOND"): 11,
    ("UnitsTime", "DAY"): 24,
    ("JobState", "not_launched"): 0,
    ("JobState", "killed"): 8,
    ("Role", "admin"): 13,
    ("GroupLevel", "private"): 0,
}


@pytest.mark.parametrize(("place", "number"), PINNED.items(), ids=str)
def test_numbers_stay_what_they_are(place: tuple[str, str], number: int) -> None:
    found = entry(*place)
    assert found is not None
    assert found.id == number


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_words_and_numbers_of_an_enumeration_are_unlike(name: str) -> None:
    entries = enumeration(name)
    assert entries
    assert len({one.id for one in entries}) == len(entries)
    assert len({one.value for one in entries}) == len(entries)
    assert all(0 <= one.id < 1000 and one.value.strip() == one.value for one in entries)


def test_units_agree_with_those_that_files_are_read_by() -> None:
    # Upper and lower case are alike to the reader of files: it takes Mm for mm, and so on.
    alike = ("Mm", "Pm", "Ms", "Ps")
    read = 0
    for name, reader, base in (("UnitsLength", micrometres, 1e-6), ("UnitsTime", seconds, 1.0)):
        for one in enumeration(name):
            known = reader(1.0, one.symbol)
            if known is not None and one.symbol not in alike:
                assert one.factor is not None
                assert known * base == pytest.approx(one.factor)
                read += 1
    assert read >= 14


def test_temperatures_are_turned_by_factor_and_offset() -> None:
    boiling = {"KELVIN": 373.15, "CELSIUS": 100.0, "FAHRENHEIT": 212.0, "RANKINE": 671.67}
    for value, degrees in boiling.items():
        unit = entry("UnitsTemperature", value)
        assert unit is not None
        assert unit.factor is not None
        assert degrees * unit.factor + unit.offset == pytest.approx(373.15)


def test_every_stored_sample_type_has_a_word() -> None:
    symbols = {one.symbol: one for one in enumeration("PixelsType")}
    assert set(STORED) <= set(symbols)
    assert all(np.dtype(symbol) for symbol in symbols)


def test_words_of_tables_are_those_of_the_tables() -> None:
    assert [one.value for one in enumeration("JobState")] == [state.value for state in JobState]
    assert {one.value for one in enumeration("ShapeKind")} == {kind.value for kind in ShapeKind}


def test_an_unknown_enumeration_or_word_is_told() -> None:
    assert entry("Immersion", "oil") is None
    with pytest.raises(NotFound):
        enumeration("Nothing")
