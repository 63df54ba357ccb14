"""The one description of an object, as a thing of its own: set once, changed, taken away.

It is a column of the object; `description_id` is taken when a text is first set, and stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel

from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict, Invalid, NotFound
from store.statement import cols, word
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.ontologies import Ontology
from store.tables.operations import Operation
from store.tables.rois import Roi
from store.tables.screens import Acquisition, Plate, Screen
from store.unit import Unit

MOST = 1_000_000  # characters
NOUNS: dict[str, type[SQLModel]] = {
    word(noun): noun
    for noun in (
        Project, Dataset, Image, Screen, Plate, Acquisition, Roi, Ontology, Operation,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """A description; times (ms UTC) are the object's."""

    id: int
    noun: str
    object_id: int
    text: str
    html: bool
    created_at: int
    updated_at: int | None


class Descriptions:
    """Verbs on descriptions of objects named by their plain word and id."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(self, noun: str, id: int) -> Description:
        """Return the description of an object. Raises NotFound, also where there is no text."""
        return _description(noun, await self._catalog.one(_noun(noun), id))

    async def everywhere(self, nouns: tuple[str, ...] = ("project", "image", "roi")) -> list[Any]:
        """Return every description that one sees of objects of some nouns; a statement a noun."""
        found: list[Description] = []
        for noun in nouns:
            kind = _noun(noun)
            rows = await self._catalog.all(
                kind, self._catalog.select(kind).where(cols(kind).description.is_not(None))
            )
            found += [_description(noun, row) for row in rows]
        return found

    async def add(self, noun: str, id: int, text: str, *, html: bool = True) -> Description:
        """Describe an object that is not. Raises Conflict for one that is, NotFound, Forbidden."""
        return await self._set(noun, id, text, html, fresh=True)

    async def change(self, noun: str, id: int, text: str, *, html: bool = True) -> Description:
        """Change the description of an object. Raises NotFound for none, Forbidden."""
        return await self._set(noun, id, text, html, fresh=False)

    async def _set(self, noun: str, id: int, text: str, html: bool, *, fresh: bool) -> Description:
        if len(text) > MOST or "\0" in text:
            raise Invalid("data", f"is a text of at most {MOST} characters without code 0.")
        kind = _noun(noun)

        async def work(unit: Unit) -> Description:
            unit.journal.summary = f"describe {noun} {id}"
            seen: Any = await unit.one(kind, id, can=Can.EDIT)
            if fresh and seen.description is not None:
                raise Conflict(f"{noun} {id} has a description already.", noun=noun, id=id)
            if not fresh:
                _description(noun, seen)
                if seen.description == text:
                    return _description(noun, seen)
            after = {"description": text, "description_html": html}
            return _description(noun, await unit.put(kind, seen, after))

        return await self._catalog.write("describe", work)

    async def remove(self, noun: str, id: int) -> Description:
        """Take the description off an object and return it. Raises NotFound, Forbidden."""
        kind = _noun(noun)

        async def work(unit: Unit) -> Description:
            unit.journal.summary = f"remove description of {noun} {id}"
            seen = await unit.one(kind, id, can=Can.EDIT)
            gone = _description(noun, seen)
            await unit.put(kind, seen, {"description": None, "description_html": False})
            return gone

        return await self._catalog.write("remove_description", work)


def _noun(noun: str) -> type[SQLModel]:
    if noun not in NOUNS:
        raise Invalid("domainClassName", f"a {noun} has no description.")
    return NOUNS[noun]


def _description(noun: str, row: Any) -> Description:
    if row.description is None:
        raise NotFound("description of", f"{noun} {row.id}")
    return Description(
        row.description_id or row.id, noun, row.id, row.description, row.description_html,
        row.created_at, row.updated_at,
    )  # fmt: skip
