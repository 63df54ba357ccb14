"""Searches that somebody keeps under a name, shared with their group as its level says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from adapters.containers import checked_name
from store.catalog import Catalog
from store.errors import Forbidden, Invalid, TooLarge
from store.statement import cols
from store.tables.sources import SavedSearch
from store.unit import Unit

QUERY_BYTES = 64 * 1024
_search = cols(SavedSearch)


class SavedSearches:
    """Verbs on saved searches."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> Sequence[SavedSearch]:
        """Return the searches that the actor sees, the newest first. One statement."""
        statement = self._catalog.select(SavedSearch).order_by(_search.id.desc())
        return await self._catalog.all(SavedSearch, statement)

    async def get(self, id: int) -> SavedSearch:
        """Return one search. Raises NotFound."""
        return await self._catalog.one(SavedSearch, id)

    async def create(self, name: str, query: Mapping[str, Any]) -> SavedSearch:
        """Keep a search in the actor's default group. Raises Invalid, TooLarge, Forbidden."""
        title, kept = checked_name(name), _checked(query)

        async def work(unit: Unit) -> SavedSearch:
            actor = unit.actor
            if actor.default_group is None:
                raise Forbidden("keep a search", "group", "none", "you have no default group.")
            unit.journal.summary = f"save search {title}"
            return await unit.add(
                SavedSearch(
                    name=title, query=kept, owner_id=actor.author_id, group_id=actor.default_group
                )
            )

        return await self._catalog.write("create_search", work)

    async def change(
        self, id: int, *, name: str | None = None, query: Mapping[str, Any] | None = None
    ) -> SavedSearch:
        """Change name or query; None leaves it. Raises as `create`, and NotFound."""
        after: dict[str, Any] = {}
        if name is not None:
            after["name"] = checked_name(name)
        if query is not None:
            after["query"] = _checked(query)

        async def work(unit: Unit) -> SavedSearch:
            unit.journal.summary = f"change search {id}"
            return await unit.change(SavedSearch, id, **after)

        return await self._catalog.write("update_search", work)

    async def delete(self, id: int) -> SavedSearch:
        """Put a search into the trash; return it as it was."""

        async def work(unit: Unit) -> SavedSearch:
            seen = await unit.one(SavedSearch, id)
            unit.journal.summary = f"delete search {seen.name}"
            await unit.trash(SavedSearch, [id])
            return seen

        return await self._catalog.write("delete_search", work)


def _checked(query: Mapping[str, Any]) -> dict[str, Any]:
    try:
        size = len(orjson.dumps(query))
    except TypeError as error:
        raise Invalid("query", f"is not JSON: {error}.") from error
    if size > QUERY_BYTES:
        raise TooLarge("A search", QUERY_BYTES, "bytes")
    return dict(query)
