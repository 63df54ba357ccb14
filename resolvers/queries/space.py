"""Reading how much space things take."""

from typing import Annotated

import strawberry

from adapters.space import by_group, by_user, total
from schema.context import Info
from schema.scalars import decode_id
from schema.space import Space, SpaceOfGroup, SpaceOfUser, SpaceUse


@strawberry.type
class SpaceQueries:
    @strawberry.field(description="How much space what you may see takes, and how much is left.")
    async def space(
        self,
        info: Info,
        user: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what they own.")
        ] = None,
        group: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only what lies in it.")
        ] = None,
    ) -> Space | None:
        shares = await info.context.hub.space.used(
            user_id=None if user is None else decode_id(user, "User", field="user"),
            group_id=None if group is None else decode_id(group, "Group", field="group"),
        )
        return Space(
            total=SpaceUse.of(total(shares)),
            by_user=[SpaceOfUser(user_key=id, use=SpaceUse.of(use)) for id, use in by_user(shares)],
            by_group=[
                SpaceOfGroup(group_key=id, use=SpaceUse.of(use)) for id, use in by_group(shares)
            ],
        )
