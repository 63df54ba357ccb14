"""Reading what people looked at and did."""

from collections.abc import Mapping
from typing import Any

import strawberry

from adapters.activity import NEWEST, Which
from resolvers.loaders import relation
from resolvers.paging import connection, to_keyset
from schema.activity import Activity, ActivityWhere
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import decode_id
from store.tables import activity


@relation(node=Activity)
async def activity_by_id(hub: Any, keys: list[int]) -> Mapping[int, Activity]:
    found = await hub.activity.many(keys)
    return {id: Activity.of(row) for id, row in found.items()}


def which_of(where: ActivityWhere | None) -> Which:
    """Return what a list is narrowed to. Raises Invalid for an id of another noun."""
    if where is None:
        return Which()

    def number(field: str, noun: str) -> int | None:
        id = getattr(where, field)
        return None if id is None else decode_id(id, noun, field=field)

    return Which(
        kind=None if where.kind is None else activity.ActivityKind(str(where.kind.value)),
        project_id=number("project", "Project"),
        image_id=number("image", "Image"),
        user_id=number("user", "User"),
        since=where.since,
        until=where.until,
    )


@strawberry.type
class ActivityQueries:
    @strawberry.field(
        description="What was looked at and done in viewers, the newest first: yours, all in "
        "projects you manage, and elsewhere where others are in images you see and what they do "
        "with regions. It is forgotten after a year."
    )
    async def activity(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: ActivityWhere | None = None,
    ) -> Connection[Activity]:
        activities, which = info.context.hub.activity, which_of(where)
        keyset = to_keyset(PageArguments(first, after, last, before), NEWEST)
        return connection(
            await activities.page(which, keyset), Activity.of, lambda: activities.count_told(which)
        )
