"""What came or changed when, across all nouns: one list by time, and counts per period.

Ids are unique across nouns, so time and id together order everything, and each noun answers for its
part of a page: one statement per noun asked for, each limited to the page. Days, weeks from Monday,
months and years are those of UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import func, literal, select
from sqlmodel import SQLModel

from store.access.visible import broad
from store.catalog import Catalog
from store.errors import Invalid
from store.paging import Keyset, OrderKey, Page, apply_keyset, finish_page
from store.statement import cols, table
from store.tables.annotations import Annotation
from store.tables.columns import Id
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Screen

DAY_MS = 86_400_000
NOUNS: Mapping[str, type[SQLModel]] = {
    "project": Project, "dataset": Dataset, "screen": Screen, "plate": Plate,
    "acquisition": Acquisition, "image": Image, "roi": Roi, "annotation": Annotation,
}  # fmt: skip
# What a list holds unasked: regions come by the thousand and would hide everything else.
USUAL = ("project", "dataset", "screen", "plate", "image")
LATEST = (OrderKey("at", int, descending=True), OrderKey("id", int, descending=True))
EARLIEST = (OrderKey("at", int), OrderKey("id", int))
_image = cols(Image)
# Written out: PostgreSQL takes two placeholders of the same value for different expressions.
_DAY = literal(DAY_MS, Id, literal_execute=True)


class Clock(StrEnum):
    """Which moment of an object counts."""

    CREATED = "created"
    CHANGED = "changed"  # the last change, or the creation where there was none


class Period(StrEnum):
    """How long the periods are that counts are given for."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at: nouns, from a moment to before another (ms UTC), owner, group."""

    nouns: tuple[str, ...] = USUAL
    since: int | None = None
    until: int | None = None
    user_id: int | None = None
    group_id: int | None = None
    clock: Clock = Clock.CREATED

    def __post_init__(self) -> None:
        for noun in self.nouns:
            if noun not in NOUNS:
                raise Invalid("types", f"{noun} is not one of {', '.join(NOUNS)}.")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise Invalid("from", "is after the end.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One object at its moment."""

    at: int
    id: int
    noun: str
    created_at: int
    updated_at: int | None


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of each noun falls into a period, from its first moment to before its end."""

    start: int
    end: int
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All nouns together."""
        return sum(self.counts.values())


class Timeline:
    """Questions about when things came."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def page(self, span: Span, keyset: Keyset) -> Page[Entry]:
        """Return one page of objects by time; the order is `LATEST` or `EARLIEST`.

        One statement for each noun.
        """
        found: list[Entry] = []
        for word in dict.fromkeys(span.nouns):
            found += await self._nearest(word, span, keyset)
        downwards = keyset.order[0].descending != keyset.backward
        found.sort(key=lambda entry: (entry.at, entry.id), reverse=downwards)
        return finish_page(found[: keyset.limit + 1], keyset)

    async def _nearest(self, word: str, span: Span, keyset: Keyset) -> list[Entry]:
        row = cols(NOUNS[word])
        at = _moment(row, span.clock)
        statement = self._limited(
            select(row.id, at.label("at"), row.created_at, row.updated_at), word, span
        )
        rows = await self._catalog.rows(apply_keyset(statement, {"at": at, "id": row.id}, keyset))
        return [Entry(one.at, one.id, word, one.created_at, one.updated_at) for one in rows]

    async def count(self, span: Span) -> int:
        """Count what `page` goes through. One statement for each noun."""
        sums = [
            await self._catalog.count(self._limited(select(table(NOUNS[word])), word, span))
            for word in dict.fromkeys(span.nouns)
        ]
        return sum(sums)

    async def counts(self, span: Span, period: Period) -> list[Counted]:
        """Return counts for each period that holds anything, the earliest first.

        One statement for each noun, which counts by day; longer periods are added up here.
        """
        sums: dict[date, dict[str, int]] = {}
        for word in dict.fromkeys(span.nouns):
            day = _moment(cols(NOUNS[word]), span.clock) // _DAY
            statement = self._limited(select(table(NOUNS[word])), word, span)
            for number, count in (await self._catalog.counts(statement, day)).items():
                start = _start(date(1970, 1, 1) + timedelta(days=number), period)
                counts = sums.setdefault(start, {})
                counts[word] = counts.get(word, 0) + count
        return [
            Counted(_milliseconds(start), _milliseconds(_next(start, period)), counts)
            for start, counts in sorted(sums.items())
        ]

    def _limited(self, statement: Any, word: str, span: Span) -> Any:
        row = cols(NOUNS[word])
        at = _moment(row, span.clock)
        if span.since is not None:
            statement = statement.where(at >= span.since)
        if span.until is not None:
            statement = statement.where(at < span.until)
        if span.user_id is not None:
            statement = statement.where(row.owner_id == span.user_id)
        if span.group_id is not None:
            statement = statement.where(_in_group(word, row, span.group_id))
        if word == "annotation":
            # As in lists of annotations: what is only linked to something readable is left out,
            # since asking every link would cost a hundred times as much.
            everything = broad(row, self._catalog.actor)
            statement = statement if everything is None else statement.where(everything)
        return statement


def _moment(row: Any, clock: Clock) -> Any:
    if clock is Clock.CREATED:
        return row.created_at
    return func.coalesce(row.updated_at, row.created_at)


def _in_group(word: str, row: Any, group_id: int) -> Any:
    if word != "roi":
        return row.group_id == group_id
    # A region borrows the group of its image.
    return row.image_id.in_(select(_image.id).where(_image.group_id == group_id))


def _start(day: date, period: Period) -> date:
    """Return the first day of the period that a day lies in."""
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)
        case Period.YEAR:
            return day.replace(month=1, day=1)


def _next(start: date, period: Period) -> date:
    """Return the first day after a period."""
    match period:
        case Period.DAY:
            return start + timedelta(days=1)
        case Period.WEEK:
            return start + timedelta(days=7)
        case Period.MONTH:
            return _start(start + timedelta(days=31), period)
        case Period.YEAR:
            return start.replace(year=start.year + 1)


def _milliseconds(day: date) -> int:
    return round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
