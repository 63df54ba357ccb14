"""Search: objects whose name, description or annotations hold all the words that were typed.

Every word must be found, each in any of the places looked at, as part of a word and in upper or
lower case alike; words within quotes are one phrase. What counts is what an object says of itself:
its name, its description, and the tags, key-values and comments on it. Each noun is one statement,
and one more tells how many there are in all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, literal, or_, select
from sqlmodel import SQLModel

from adapters.screens import label
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Invalid
from store.statement import cols, table, word
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink, KeyValue
from store.tables.columns import name_key
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.screens import Plate, Screen, Well

NOUNS: dict[str, type[SQLModel]] = {
    word(noun): noun for noun in (Project, Dataset, Image, Screen, Plate, Well)
}
PLACES = ("name", "description", "annotations")
LONGEST_TEXT = 200
MOST_WORDS = 10
MOST_HITS = 1000
_ANNOTATED = (AnnotationKind.TAG, AnnotationKind.COMMENT, AnnotationKind.XML)
_WORDS = re.compile(r'"([^"]+)"?|(\S+)')
_annotation, _link, _pair = cols(Annotation), cols(AnnotationLink), cols(KeyValue)
_plate, _well = cols(Plate), cols(Well)
# Wells have no name and no description; this is what they say of themselves instead.
_WELL_TEXTS = {"name": ("type", "external_id"), "description": ("status", "external_description")}


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and within what it is looked for.

    `nouns` are plain words (``project dataset image screen plate well``), `places` of ``name
    description annotations``. Times are ms UTC, the first included and the last not; `created`
    times are those of coming into the hub. `acquired` times leave out all but images.
    """

    text: str
    nouns: Collection[str] = tuple(NOUNS)
    places: Collection[str] = PLACES
    owner_id: int | None = None
    group_id: int | None = None
    created_from: int | None = None
    created_to: int | None = None
    acquired_from: int | None = None
    acquired_to: int | None = None
    words: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        if len(self.text) > LONGEST_TEXT:
            raise Invalid("text", f"has {len(self.text)} characters; at most {LONGEST_TEXT}.")
        words = tuple(phrase or single for phrase, single in _WORDS.findall(self.text))
        words = tuple(dict.fromkeys(one.strip() for one in words if one.strip().strip('"')))
        if not words or any("\0" in one for one in words):
            raise Invalid("text", "send at least one word to look for.")
        if len(words) > MOST_WORDS:
            raise Invalid("text", f"has {len(words)} words; at most {MOST_WORDS} are looked for.")
        for name, given, known in (
            ("types", self.nouns, NOUNS),
            ("places", self.places, PLACES),
        ):
            for one in given:
                if one not in known:
                    raise Invalid(name, f"{one!r} is not one of {', '.join(known)}.")
            if not given:
                raise Invalid(name, "name at least one.")
        object.__setattr__(self, "words", words)


@dataclass(frozen=True, slots=True)
class Hit:
    """One object that was found, with what the actor may do to it.

    A well is named after its plate and its place on it. `acquired_at` is None for all but images.
    """

    noun: str
    row: Any
    can: Can
    name: str
    description: str | None
    created_at: int
    acquired_at: int | None
    owner_id: int
    group_id: int

    @property
    def id(self) -> int:
        """The object's number."""
        return int(self.row.id)


@dataclass(frozen=True, slots=True)
class Hits:
    """What was found of one noun, best first, and whether there is more."""

    noun: str
    hits: Sequence[Hit]
    has_more: bool


class Search:
    """Verbs that find objects by words."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def find(self, query: Query, *, limit: int = 50, offset: int = 0) -> list[Hits]:
        """Return what is found of each noun, in the order of `NOUNS`.

        Names that are the text come first, then names that begin with it, then names that hold its
        first word, then the rest; among equals by name. Raises Invalid for a limit out of range.
        """
        if not (1 <= limit <= MOST_HITS and 0 <= offset <= 1_000_000):
            raise Invalid("first", f"take 1 to {MOST_HITS} of each kind, from 0 on.")
        return [
            await self._of(noun, query, limit, offset)
            for noun in NOUNS
            if noun in query.nouns and _possible(noun, query)
        ]

    async def count(self, query: Query) -> dict[str, int]:
        """Count what would be found of each noun; one statement each."""
        return {
            noun: await self._catalog.count(_statement(self._catalog, noun, query))
            for noun in NOUNS
            if noun in query.nouns and _possible(noun, query)
        }

    async def _of(self, noun: str, query: Query, limit: int, offset: int) -> Hits:
        statement = _statement(self._catalog, noun, query)
        ordered = statement.order_by(*_best_first(noun, query)).limit(limit + 1).offset(offset)
        rows = list(await self._catalog.rows(ordered))
        kept = rows[:limit]
        allowed = await self._catalog.capabilities(NOUNS[noun], kept) if kept else []
        hits = [_hit(noun, row, can) for row, can in zip(kept, allowed, strict=True)]
        return Hits(noun, hits, len(rows) > limit)


def _possible(noun: str, query: Query) -> bool:
    return noun == word(Image) or (query.acquired_from is None and query.acquired_to is None)


def _statement(catalog: Catalog, noun: str, query: Query) -> Select[Any]:
    kind = NOUNS[noun]
    row: Mapping[str, Any] = cols(kind)
    statement = catalog.select(kind)
    if kind is Well:
        statement = statement.add_columns(
            _plate.name.label("plate_name"), _plate.row_naming, _plate.column_naming
        ).join(table(Plate), _plate.id == _well.plate_id)
    statement = statement.where(
        *(or_(*_found(kind, row, one, query.places)) for one in query.words)
    )
    for column, tested, value in (
        ("owner_id", "eq", query.owner_id),
        ("group_id", "eq", query.group_id),
        ("created_at", "from", query.created_from),
        ("created_at", "to", query.created_to),
        ("acquired_at", "from", query.acquired_from),
        ("acquired_at", "to", query.acquired_to),
    ):
        if value is not None:
            statement = statement.where(_within(row[column], tested, value))
    return statement


def _within(column: Any, tested: str, value: int) -> ColumnElement[bool]:
    tests = {"eq": column == value, "from": column >= value, "to": column < value}
    return tests[tested]  # type: ignore[no-any-return]  # columns compare to elements


def _found(
    kind: type[SQLModel], row: Mapping[str, Any], text: str, places: Collection[str]
) -> list[ColumnElement[bool]]:
    """Return the tests of which one must hold for a word."""
    tests: list[ColumnElement[bool]] = []
    if kind is Well:
        for place, columns in _WELL_TEXTS.items():
            if place in places:
                tests += [row[one].icontains(text, autoescape=True) for one in columns]
        if "name" in places:
            tests.append(_plate.name_key.contains(name_key(text), autoescape=True))
    else:
        if "name" in places:
            tests.append(row["name_key"].contains(name_key(text), autoescape=True))
        if "description" in places:
            tests.append(row["description"].icontains(text, autoescape=True))
    if "annotations" in places:
        tests.append(row["id"].in_(_annotated(kind, text)))
    return tests


def _annotated(kind: type[SQLModel], text: str) -> Select[Any]:
    """Return the objects of a noun that carry an annotation with a word.

    Whoever sees the object reads what is attached to it, so only liveness is asked.
    """
    paired = select(_pair.annotation_id).where(
        _pair.trashed_by.is_(None),
        or_(
            _pair.key.icontains(text, autoescape=True),
            _pair.value.icontains(text, autoescape=True),
        ),
    )
    said = and_(
        _annotation.kind.in_([one.value for one in _ANNOTATED]),
        or_(
            _annotation.text_key.contains(name_key(text), autoescape=True),
            _annotation.text.icontains(text, autoescape=True),
        ),
    )
    return (
        select(_link.target_id)
        .join(table(Annotation), _annotation.id == _link.annotation_id)
        .where(
            _link.target_type == word(kind),
            _link.trashed_by.is_(None),
            _annotation.trashed_by.is_(None),
            or_(said, _annotation.id.in_(paired)),
        )
    )


def _best_first(noun: str, query: Query) -> tuple[Any, ...]:
    if NOUNS[noun] is Well:
        return (_plate.name_key, _plate.id, _well.row, _well.column)
    row = cols(NOUNS[noun])
    whole, first = name_key(query.text.strip().strip('"')), name_key(query.words[0])
    rank = case(
        (row.name_key == whole, literal(0)),
        (row.name_key.startswith(whole, autoescape=True), literal(1)),
        (row.name_key.contains(first, autoescape=True), literal(2)),
        else_=literal(3),
    )
    return (rank, row.name_key, row.id)


def _hit(noun: str, row: Any, can: Can) -> Hit:
    if NOUNS[noun] is Well:
        place = label(row.row, row.column, row.row_naming, row.column_naming)
        name, description = f"{row.plate_name} [{place}]", row.external_description
    else:
        name, description = row.name, row.description
    return Hit(
        noun=noun,
        row=row,
        can=can | Can.READ,
        name=name,
        description=description,
        created_at=row.created_at,
        acquired_at=getattr(row, "acquired_at", None),
        owner_id=row.owner_id,
        group_id=row.group_id,
    )
