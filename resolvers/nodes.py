"""Any object by its global id: for `node`, `nodes`, single root fields and federation alike.

All four ask the relation that a noun declared with ``@relation(node=…)``, which asks a service of
the hub, so the permission rule is the same and is written nowhere here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TypeVar

import strawberry

from resolvers.loaders import NODES
from schema.context import Info
from schema.nodes import Node
from schema.scalars import decode_id, split_id
from store.errors import NotFound, TooLarge

T = TypeVar("T", bound=Node)

MOST_NODES = 500


async def one(info: Info, id: strawberry.ID, kind: type[T], field: str = "id") -> T:
    """Return the object of a global id of one noun.

    Raises `Invalid` if the id is malformed or of another noun, `NotFound` if it is not to be seen.
    """
    key = decode_id(id, kind.__name__, field=field)
    found: T | None = await getattr(info.context.loaders, NODES[kind.__name__]).load(key)
    if found is None:
        raise NotFound(kind.__name__, id)
    return found


async def any_node(info: Info, id: strawberry.ID) -> Node:
    """Return the object of any global id; raises as `one`."""
    noun, _ = split_id(id)
    found = await _load(info, id)
    if found is None:
        raise NotFound(noun, id)
    return found


async def many_nodes(info: Info, ids: Sequence[strawberry.ID]) -> list[Node | None]:
    """Return the objects of several ids in their order, None for those not to be seen."""
    if len(ids) > MOST_NODES:
        raise TooLarge(f"A list of {len(ids)} ids", MOST_NODES, "ids")
    return list(await asyncio.gather(*(_load(info, id) for id in ids)))


async def _load(info: Info, id: strawberry.ID) -> Node | None:
    key = decode_id(id, *sorted(NODES))
    found: Node | None = await getattr(info.context.loaders, NODES[split_id(id)[0]]).load(key)
    return found
