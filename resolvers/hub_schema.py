"""The schema object: an Apollo Federation 2 subgraph with the hub's scalars, limits and errors.

Entities resolve through the same relations as `node`. The stock resolver would build an entity from
whatever fields a gateway sends, past every permission, so it is replaced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.extensions import SchemaExtension
from strawberry.federation.schema import FederationAny
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types
from strawberry.types.base import get_object_definition
from strawberry.types.execution import ExecutionContext

from resolvers.errors import present_errors
from resolvers.extensions import Deadline, Documents, Guard
from resolvers.limits import Limits
from resolvers.nodes import many_nodes
from schema.scalars import SCALARS, split_id
from store.errors import Invalid


class HubSchema(strawberry.federation.Schema):
    """Strawberry's federation schema with our errors, entities and limits."""

    def __init__(
        self,
        queries: Sequence[type],
        mutations: Sequence[type] = (),
        subscriptions: Sequence[type] = (),
        types: Sequence[type] = (),
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.documents = Documents()
        self.entities_resolver = _entities()  # type: ignore[method-assign]  # replaces the stock one
        super().__init__(
            query=merge("Query", queries),
            mutation=merge("Mutation", mutations),
            subscription=merge("Subscription", subscriptions),
            types=types,
            extensions=[
                lambda: Guard(self.documents, self.limits),
                lambda: Deadline(self.limits),
            ],
            config=StrawberryConfig(scalar_map=SCALARS),
        )

    def get_extensions(self, sync: bool = False) -> list[SchemaExtension]:
        """Return fresh extensions; the deadline needs an event loop and is left out without."""
        made = super().get_extensions(sync)
        return [one for one in made if not (sync and isinstance(one, Deadline))]

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Rewrite errors to what a client may read; called for every transport."""
        context = execution_context.context if execution_context else None
        present_errors(errors, getattr(context, "request_id", ""))


def _entities() -> Any:
    """Return a resolver of a gateway's entities; one that may not be seen is null.

    A new function each time, since the base class writes the schema's entity union into it.
    """

    async def entities(info: strawberry.Info, representations: list[FederationAny]) -> Any:
        return await many_nodes(info, [_representation_id(one) for one in representations])

    return entities


def _representation_id(representation: Any) -> strawberry.ID:
    """Return the id in ``{__typename, id}``; raises `Invalid` unless it is an id of that type."""
    fields = representation if isinstance(representation, Mapping) else {}
    noun, id = fields.get("__typename"), fields.get("id")
    if not isinstance(noun, str) or not isinstance(id, str):
        raise Invalid("representations", "each must hold the texts __typename and id.")
    if split_id(id, "representations")[0] != noun:
        raise Invalid("representations", f"{id!r} is not the id of a {noun}.")
    return strawberry.ID(id)


def merge(name: str, parts: Sequence[type]) -> type | None:
    """Return one root type of all parts; raises when two parts define the same field."""
    seen: dict[str, str] = {}
    for part in parts:
        for field in get_object_definition(part, strict=True).fields:
            if field.name in seen:
                raise ValueError(
                    f"{name}.{field.name} is in {seen[field.name]} and {part.__name__}"
                )
            seen[field.name] = part.__name__
    return merge_types(name, tuple(parts)) if parts else None


__all__ = ["HubSchema", "merge"]
