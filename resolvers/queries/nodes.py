"""The root fields that take any object's id."""

import strawberry

from resolvers.nodes import any_node, many_nodes
from schema.context import Info
from schema.nodes import Node


@strawberry.type
class NodeQueries:
    @strawberry.field(description="Any object by its global id.")
    async def node(
        self,
        info: Info,
        id: strawberry.ID,
    ) -> Node | None:
        return await any_node(info, id)

    @strawberry.field(
        description="Objects by their global ids, in that order; null where there is none you may "
        "see. At most 500."
    )
    async def nodes(self, info: Info, ids: list[strawberry.ID]) -> list[Node | None]:
        return await many_nodes(info, ids)
