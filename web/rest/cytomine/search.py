"""Lists that are narrowed by ``field[op]=value`` and sorted by ``sort`` and ``order``.

This looks at objects as they are written, so any field of an answer can be asked for; it is meant
for nouns of which a hub has hundreds, such as projects and people. Large lists do it in the store.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from store.errors import Invalid
from web.rest.cytomine.envelope import collection, slice_of

_FILTER = re.compile(r"(\w+)\[(\w+)\]")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
OPERATORS = ("equals", "nequals", "like", "ilike", "lte", "gte", "in")
Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Test:
    """One filter: a field of the answer, an operator, and the value as it was sent."""

    field: str
    op: str
    value: str

    def holds(self, item: Mapping[str, Any]) -> bool:
        """Whether an object passes; a value that is not there passes only ``nequals``."""
        if self.field not in item:
            raise Invalid(f"{self.field}[{self.op}]", "there is no such field to filter by.")
        found = item[self.field]
        if isinstance(found, list):
            return any(self._meets(one) for one in found)
        return self._meets(found)

    def _meets(self, found: Any) -> bool:
        match self.op:
            case "equals":
                return _same(found, self.value)
            case "nequals":
                return not _same(found, self.value)
            case "in":
                return any(_same(found, part.strip()) for part in self.value.split(","))
            case "like" | "ilike":
                folded = self.op == "ilike"
                text, wanted = _text(found), self.value
                if folded:
                    text, wanted = text.casefold(), wanted.casefold()
                return _pattern(wanted).fullmatch(text) is not None
            case _:
                number, limit = _number(found), _number(self.value)
                if number is None or limit is None:
                    return False
                return number <= limit if self.op == "lte" else number >= limit


def tests_of(given: QueryParams) -> list[Test]:
    """Return the filters of a request. Raises Invalid for an operator that is not there."""
    found = []
    for name, value in given.multi_items():
        asked = _FILTER.fullmatch(name)
        if asked is None:
            continue
        field, op = asked.groups()
        if op not in OPERATORS:
            raise Invalid(name, f"the operator is one of {', '.join(OPERATORS)}.")
        if op in ("lte", "gte") and _number(value) is None:
            raise Invalid(name, f"{value[:40]!r} is not a number.")
        found.append(Test(field, op, value))
    return found


def asks_for(given: QueryParams, fields: Sequence[str]) -> bool:
    """Whether a request filters or sorts by one of these fields."""
    return given.get("sort") in fields or any(test.field in fields for test in tests_of(given))


def found(
    given: QueryParams,
    items: Sequence[Item],
    *,
    sort: str = "created",
    order: str = "desc",
    also: Mapping[str, Callable[[Item], Any]] | None = None,
) -> list[Item]:
    """Return the objects that pass the filters of a request, in its order; ties go by id.

    `also` are fields that can be asked for and are not written. A field that no object has sorts
    nothing. Raises Invalid for a filter by one.
    """
    tests = tests_of(given)
    extra = also or {}

    def looked_at(item: Item) -> Item:
        return {**item, **{name: value(item) for name, value in extra.items()}} if extra else item

    seen = [(looked_at(item), item) for item in items]
    kept = [pair for pair in seen if all(test.holds(pair[0]) for test in tests)]
    field = given.get("sort") or sort
    down = (given.get("order") or order).lower() == "desc"
    kept.sort(key=lambda pair: (_rank(pair[0].get(field)), pair[1]["id"]), reverse=down)
    return [item for _look, item in kept]


def page(given: QueryParams, items: Sequence[Item]) -> dict[str, Any]:
    """Return the asked page of objects that are all here."""
    which = slice_of(given)
    stop = None if which.limit is None else which.offset + which.limit
    return collection(items[which.offset : stop], len(items), which)


def _same(found: Any, wanted: str) -> bool:
    if found is None:
        return wanted.lower() in ("null", "none", "")
    if isinstance(found, bool):
        return wanted.lower() == str(found).lower()
    if isinstance(found, int | float):
        return _number(wanted) == found
    return _text(found) == wanted


def _text(found: Any) -> str:
    return "" if found is None else str(found)


def _number(found: Any) -> float | None:
    if isinstance(found, bool) or found is None:
        return None
    if isinstance(found, int | float):
        return float(found)
    return float(found) if _NUMBER.fullmatch(str(found).strip()) else None


def _pattern(wanted: str) -> re.Pattern[str]:
    """Return the pattern of a text in which ``*`` and ``%`` stand for anything.

    Without one, the text may stand anywhere.
    """
    parts = [re.escape(part) for part in re.split(r"[*%]+", wanted)]
    inner = ".*".join(parts)
    return re.compile(inner if len(parts) > 1 else f".*{inner}.*", re.DOTALL)


def _rank(value: Any) -> tuple[int, float, str]:
    """Return a key that sorts values of any kind: those that are not there first."""
    if value is None:
        return (0, 0.0, "")
    if isinstance(value, bool):
        return (1, float(value), "")
    number = _number(value)
    if number is not None:
        return (1, number, "")
    return (2, 0.0, str(value).casefold())
