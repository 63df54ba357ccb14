"""Periods of the timeline: where each begins and ends."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.timeline import Period, Span, _next, _start
from store.errors import Invalid


@pytest.mark.parametrize(
    ("day", "period", "start", "end"),
    [
        (date(2024, 2, 29), Period.DAY, date(2024, 2, 29), date(2024, 3, 1)),
        (date(2024, 1, 1), Period.WEEK, date(2024, 1, 1), date(2024, 1, 8)),
        (date(2023, 12, 31), Period.WEEK, date(2023, 12, 25), date(2024, 1, 1)),
        (date(2024, 1, 31), Period.MONTH, date(2024, 1, 1), date(2024, 2, 1)),
        (date(2024, 12, 31), Period.MONTH, date(2024, 12, 1), date(2025, 1, 1)),
        (date(2024, 2, 29), Period.YEAR, date(2024, 1, 1), date(2025, 1, 1)),
    ],
)
def test_a_period_begins_and_ends_with_the_calendar(
    day: date, period: Period, start: date, end: date
) -> None:
    assert _start(day, period) == start
    assert _next(start, period) == end


def test_a_span_names_known_nouns() -> None:
    with pytest.raises(Invalid, match="types"):
        Span(nouns=("project", "well"))
