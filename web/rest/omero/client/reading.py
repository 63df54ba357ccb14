"""What requests to the web client's addresses name: objects, numbers, texts.

Objects are named by repeated keys (``image=1&image=2``, or ``image=1,2``), in the query or in the
form. A number that cannot be read is a 400, as everywhere in the dialect.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from starlette.datastructures import ImmutableMultiDict, UploadFile
from starlette.requests import Request

from adapters.annotations import Target
from adapters.hub import Hub
from store.errors import Forbidden, Invalid, TooLarge
from web.rest.omero.parameters import number, read
from web.rest.omero.resource import form_of

Fields: TypeAlias = ImmutableMultiDict[str, str | UploadFile]

# Some clients say `run` and some `acquisition`.
TARGETS = {
    "project": "project",
    "dataset": "dataset",
    "image": "image",
    "screen": "screen",
    "plate": "plate",
    "acquisition": "acquisition",
    "run": "acquisition",
    "well": "well",
}
MOST_OBJECTS = 500
PAGE = 200
MOST_ROWS = 10_000


def asked(request: Request) -> Fields:
    """Return the parameters of the address."""
    return ImmutableMultiDict(request.query_params.multi_items())


async def sent(request: Request) -> Fields:
    """Return the parameters of the address and the fields of the form, together."""
    form = await form_of(request)
    return ImmutableMultiDict([*request.query_params.multi_items(), *form.multi_items()])


def text(fields: Fields, name: str) -> str | None:
    """Return a field as a text; None if it is missing or a file."""
    value = fields.get(name)
    return value if isinstance(value, str) else None


def numbers(fields: Fields, name: str) -> list[int]:
    """Return all numbers a key gives, each once. Raises BadNumber, TooLarge."""
    found: dict[int, None] = {}
    for value in fields.getlist(name):
        if isinstance(value, str):
            for part in value.split(","):
                if part.strip() or "," not in value:
                    found[read(part)] = None
    if len(found) > MOST_OBJECTS:
        raise TooLarge(f"A list of {len(found)} objects", MOST_OBJECTS, "objects")
    return list(found)


def targets(fields: Fields) -> list[Target]:
    """Return the objects named. Raises BadNumber, TooLarge."""
    found = [(noun, id) for key, noun in TARGETS.items() for id in numbers(fields, key)]
    if len(found) > MOST_OBJECTS:
        raise TooLarge(f"A list of {len(found)} objects", MOST_OBJECTS, "objects")
    return list(dict.fromkeys(found))


def some_targets(fields: Fields) -> list[Target]:
    """Return the objects named. Raises Invalid if there are none."""
    found = targets(fields)
    if not found:
        raise Invalid("objects", "name the objects, for example by image=1.")
    return found


def page(request: Request) -> tuple[int, int | None]:
    """Return offset and limit of ``page`` (from 1; 0 is everything) and ``limit``."""
    which, limit = number(request, "page", 1), number(request, "limit", PAGE)
    assert which is not None
    assert limit is not None
    if which <= 0:
        return 0, None
    limit = min(limit if limit > 0 else PAGE, MOST_ROWS)
    return min((which - 1) * limit, 2**62), limit


def chosen(request: Request, name: str) -> int | None:
    """Return an id that narrows a list; None where it is left out or -1."""
    value = number(request, name)
    return None if value is None or value < 0 else value


def group(request: Request, hub: Hub) -> int | None:
    """Return the group a list is narrowed to. Raises Forbidden for one that is not the caller's."""
    id = chosen(request, "group")
    if id is not None and not (id in hub.actor.groups or hub.actor.leads(id)):
        raise Forbidden("list", "group", id, "you are not a member of it.")
    return id


def slice_of(rows: Sequence[object], offset: int, limit: int | None) -> slice:
    """Return the slice of a list that is at hand whole."""
    return slice(offset, len(rows) if limit is None else offset + limit)


def flags(words: Iterable[tuple[str, bool]]) -> str:
    """Return the words that hold, with blanks between."""
    return " ".join(word for word, holds in words if holds)
