"""From a `where` input to the filter tree of the services.

A noun says which input fields are columns and which it translates itself; `and`, `or` and `not`
nest as far as the document limits allow.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from adapters.filters import AllOf, AnyOf, Condition, Filter, Not
from schema.filters import MomentFilter, NumberFilter, TextFilter

Translate = Callable[[Any], Filter]


def tree(where: Any, special: Mapping[str, Translate]) -> Filter | None:
    """Return the filter tree of a `where` input; None without one.

    `special` translates fields that are no columns. Other fields are columns of the same name, and
    hold a `TextFilter`, `NumberFilter`, `MomentFilter` or the value that must be met.
    """
    if where is None:
        return None
    parts: list[Filter] = []
    for one in dataclasses.fields(where):
        value = getattr(where, one.name)
        if value is None:
            continue
        if one.name in ("and_", "or_"):
            inner = [part for part in (tree(each, special) for each in value) if part is not None]
            parts.append(AllOf(inner) if one.name == "and_" else AnyOf(inner))
        elif one.name == "not_":
            inside = tree(value, special)
            if inside is not None:
                parts.append(Not(inside))
        elif one.name in special:
            parts.append(special[one.name](value))
        else:
            parts.extend(tests(one.name, value))
    return AllOf(parts)


def tests(field: str, value: Any) -> list[Filter]:
    """Return the tests an input makes on one column."""
    if not isinstance(value, TextFilter | NumberFilter | MomentFilter):
        return [Condition(field, "eq", value)]
    return [
        Condition(field, one.name.rstrip("_"), asked)
        for one in dataclasses.fields(value)
        if (asked := getattr(value, one.name)) is not None
    ]
