"""Drafts of images and files: made by one person, over many requests, published in one go.

A draft is known to the one who began it and to nobody else. What can be refused is refused when it
begins: names, sizes, types, and the right to put the result where it is to go, which is asked again
when it is finished.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from adapters.infrastructure import Infrastructure
from store.access.capabilities import Can
from store.actor import Actor
from store.catalog import Catalog
from store.drafts import Draft, DraftStore
from store.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge, Unauthenticated
from store.tables.containers import Dataset

P = ParamSpec("P")
T = TypeVar("T")
MOST_DRAFTS = 50
USERS_GROUP = 1


class Drafts:
    """What drafts of both kinds have in common; `kind` tells them apart."""

    kind = ""
    most_bytes = 0

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._store = DraftStore(infrastructure.settings.data / "drafts")

    async def mine(self) -> list[Draft]:
        """Return the actor's own drafts, those touched last first."""
        if self._catalog.actor.user_id is None:
            return []
        found = await self._run(self._store.all)
        own = [draft for draft in found if self._owns(draft)]
        return sorted(own, key=lambda draft: -draft.modified_ms)

    async def get(self, key: str) -> Draft:
        """Return one of the actor's own drafts. Raises NotFound."""
        draft = await self._run(self._store.get, key)
        if not self._owns(draft):
            raise NotFound("draft", key[:40])
        return draft

    async def discard(self, key: str) -> None:
        """Throw a draft away. Raises NotFound."""
        self._require_writing()
        await self.get(key)
        await self._run(self._store.discard, key)

    async def _begin(self, header: Mapping[str, Any], size: int, parts: int = 0) -> Draft:
        actor = self._require_writing()
        if size > self.most_bytes:
            raise TooLarge(f"A draft of {size:,} bytes", self.most_bytes, "bytes")
        for name in await self._run(self._store.ended):
            await self._run(self._store.clear, name)
        held = len(await self.mine())
        if held >= MOST_DRAFTS:
            raise Conflict(f"You have {held} drafts; finish or discard some of them first.")
        stated = {"user_id": actor.user_id, "kind": self.kind, **header}
        return await self._run(self._store.begin, stated, size, parts)

    def _require_writing(self) -> Actor:
        actor = self._catalog.actor
        if actor.user_id is None:
            raise Unauthenticated
        if actor.read_only:
            raise Forbidden("create", self.kind, "here", "your account or token may only read.")
        return actor

    async def _check_group(self, group_id: int | None, dataset_id: int | None) -> None:
        """Raise what publishing would raise, before anything is written."""
        actor = self._catalog.actor
        if dataset_id is not None:
            await self._catalog.one(Dataset, dataset_id, can=Can.EDIT)
        elif group_id is None:
            if actor.default_group is None:
                raise Invalid("group", "you have no default group; name one.")
        elif group_id == USERS_GROUP or not (group_id in actor.groups or actor.leads(group_id)):
            raise Forbidden("create in", "group", group_id, "you are not a member of it.")

    def _owns(self, draft: Draft) -> bool:
        return (
            draft.header.get("user_id") == self._catalog.actor.user_id
            and draft.header.get("kind") == self.kind
        )

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._infrastructure.run(function, *args, **kwargs)
