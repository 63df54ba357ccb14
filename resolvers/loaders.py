"""One loader per relation, one batch = one statement.

A relation is a function from many keys to a mapping, declared in ``resolvers/queries/<noun>.py``
beside the noun it returns; its name is how a field of the schema asks for it. Fields of siblings
ask within one turn of the event loop, so the function is called once for all of them. A permission
that hides an object hides it here too: a key without a result is None (an empty list, a zero).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from strawberry.dataloader import DataLoader

from resolvers.paging import Ordering, connection, to_keyset
from schema.paging import Connection, PageArguments
from store.errors import HubError
from store.paging import Keyset, Page, empty_page

T = TypeVar("T")
Found = Mapping[int, T]
Batch = Callable[[Any, list[int]], Awaitable[Found[T]]]
PagedBatch = Callable[[Any, list[int], Keyset, Any], Awaitable[Found[Page[Any]]]]
CountBatch = Callable[[Any, list[int], Any], Awaitable[Found[int]]]

LARGEST_BATCH = 5000

RELATIONS: dict[str, Relation[Any] | PagedRelation[Any]] = {}
NODES: dict[str, str] = {}


@dataclass(frozen=True)
class Relation(Generic[T]):
    """Keys to one value each; `missing` makes the value of a key without result."""

    batch: Batch[T]
    missing: Callable[[], Any]

    def loader(self, hub: Any) -> DataLoader[int, Any]:
        """Return the loader of one request."""

        async def load(keys: list[int]) -> list[Any]:
            found = await self.batch(hub, keys)
            return [found[key] if key in found else self.missing() for key in keys]

        return DataLoader(load_fn=load, max_batch_size=LARGEST_BATCH)


@dataclass
class PagedRelation(Generic[T]):
    """Parent keys to one page of children each; `counting` adds how many each has in all."""

    batch: PagedBatch
    of: Callable[[Any], T]
    ordering: Ordering
    count: CountBatch | None = None

    def counting(self, count: CountBatch) -> CountBatch:
        """Declare how the children of many parents are counted, by `where`."""
        self.count = count
        return count

    def loader(self, hub: Any) -> PagedLoader:
        """Return the loader of one request."""
        return PagedLoader(self, hub)


@dataclass(frozen=True)
class Wanted:
    """One parent's children as one field asks for them."""

    parent: int
    keyset: Keyset | None
    where: Any


class PagedLoader:
    """Pages and counts of one relation in one request.

    Siblings send equal arguments, so what is wanted is grouped by keyset and filter and each group
    is one statement. Nothing is kept: two aliases with equal arguments share the batch anyway.
    """

    def __init__(self, relation: PagedRelation[Any], hub: Any) -> None:
        self._relation = relation
        self._hub = hub
        self._pages: DataLoader[Any, Any] = DataLoader(
            load_fn=self._load_pages, max_batch_size=LARGEST_BATCH, cache=False
        )
        self._counts: DataLoader[Any, int] = DataLoader(
            load_fn=self._load_counts, max_batch_size=LARGEST_BATCH, cache=False
        )

    async def connect(
        self, parent: int, page: PageArguments, order_by: Any = None, where: Any = None
    ) -> Connection[Any]:
        """Return one parent's page as a connection; raises as `to_keyset`."""
        relation = self._relation
        keyset = to_keyset(page, relation.ordering.by(order_by))
        rows: Page[Any] = await self._pages.load(Wanted(parent, keyset, where))

        async def count() -> int:
            return await self._counts.load(Wanted(parent, None, where))

        return connection(rows, relation.of, count)

    async def _load_pages(self, wanted: list[Wanted]) -> list[Page[Any]]:
        async def ask(parents: list[int], like: Wanted) -> Found[Page[Any]]:
            assert like.keyset is not None
            return await self._relation.batch(self._hub, parents, like.keyset, like.where)

        found = await _grouped(wanted, ask)
        return [
            page if page is not None else empty_page(one.keyset)
            for page, one in zip(found, wanted, strict=True)
            if one.keyset is not None
        ]

    async def _load_counts(self, wanted: list[Wanted]) -> list[int]:
        count = self._relation.count
        if count is None:
            raise NotImplementedError(f"{self._relation.batch.__name__} has no counting function")

        async def ask(parents: list[int], like: Wanted) -> Found[int]:
            return await count(self._hub, parents, like.where)

        return [number or 0 for number in await _grouped(wanted, ask)]


async def _grouped(
    wanted: Sequence[Wanted], ask: Callable[[list[int], Wanted], Awaitable[Found[T]]]
) -> list[T | None]:
    """Ask once per distinct keyset and filter; inputs compare by value but are not hashable."""
    groups: list[tuple[Wanted, list[int]]] = []
    place: list[int] = []
    for one in wanted:
        alike = (
            index
            for index, (like, _) in enumerate(groups)
            if like.keyset == one.keyset and like.where == one.where
        )
        index = next(alike, len(groups))
        if index == len(groups):
            groups.append((one, []))
        groups[index][1].append(one.parent)
        place.append(index)
    found: list[Found[T] | HubError] = []
    for like, parents in groups:
        try:
            found.append(await ask(list(dict.fromkeys(parents)), like))
        except HubError as error:
            found.append(error)
    answers: list[Any] = []
    for one, index in zip(wanted, place, strict=True):
        group = found[index]
        answers.append(group if isinstance(group, HubError) else group.get(one.parent))
    return answers


def relation(
    *, missing: Callable[[], Any] = lambda: None, node: type | None = None
) -> Callable[[Batch[T]], Batch[T]]:
    """Declare a function ``(hub, keys) -> {key: value}`` as a relation of its own name.

    `missing=list` suits to-many relations that are never paged. `node` names the type whose ids
    `node`, `nodes` and the federation's entities resolve through this relation.
    """

    def declare(batch: Batch[T]) -> Batch[T]:
        _register(batch.__name__, Relation(batch, missing))
        if node is not None:
            if node.__name__ in NODES:
                raise ValueError(f"{node.__name__} has two node relations")
            NODES[node.__name__] = batch.__name__
        return batch

    return declare


def paged_relation(
    of: Callable[[Any], T], ordering: Ordering
) -> Callable[[PagedBatch], PagedRelation[T]]:
    """Declare a function ``(hub, parents, keyset, where) -> {parent: Page}`` as a relation.

    Declare the count with ``@<name>.counting``: ``(hub, parents, where) -> {parent: n}``.
    """

    def declare(batch: PagedBatch) -> PagedRelation[T]:
        made: PagedRelation[T] = PagedRelation(batch, of, ordering)
        _register(batch.__name__, made)
        return made

    return declare


def _register(name: str, made: Relation[Any] | PagedRelation[Any]) -> None:
    if name in RELATIONS:
        raise ValueError(f"two relations are named {name}")
    RELATIONS[name] = made


class Loaders:
    """The loaders of one request, made when first asked for, by the relation's name."""

    def __init__(self, hub: Any) -> None:
        self._hub = hub
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in RELATIONS:
            raise AttributeError(f"no relation is named {name}; declare it with @relation")
        if name not in self._made:
            self._made[name] = RELATIONS[name].loader(self._hub)
        return self._made[name]

    def clear(self) -> None:
        """Forget what was loaded: after a write, and before each event of a subscription."""
        self._made.clear()
