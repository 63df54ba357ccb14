"""Reading what was shared by and with the asking one."""

import strawberry

from adapters.shares import NEWEST
from resolvers.paging import connection, to_keyset
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.shares import Share


@strawberry.type
class ShareQueries:
    @strawberry.field(
        description="What you gave to others and still see, secret links too, the newest first; "
        "also what has ended."
    )
    async def shared_by_me(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Share]:
        shares = info.context.hub.shares
        keyset = to_keyset(PageArguments(first, after, last, before), NEWEST)
        return connection(await shares.by_me(keyset), Share.of, shares.count_by_me)

    @strawberry.field(
        description="What others gave to you or your groups and has not ended, the newest first."
    )
    async def shared_with_me(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[Share]:
        shares = info.context.hub.shares
        keyset = to_keyset(PageArguments(first, after, last, before), NEWEST)
        return connection(await shares.with_me(keyset), Share.of, shares.count_with_me)
