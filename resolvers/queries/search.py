"""Finding objects by words."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated, Any

import strawberry

from adapters.search import NOUNS as WORDS
from adapters.search import PLACES, Query
from resolvers.queries.history import noun_of
from schema.context import Info
from schema.filters import MomentFilter
from schema.scalars import decode_id
from schema.search import SearchHit, SearchHits, SearchPlace, SearchType


@strawberry.type
class SearchQueries:
    @strawberry.field(
        description="Projects, datasets, images, screens, plates and wells that hold all these "
        "words in their name, description or annotations; upper and lower case are alike, and "
        'words within "quotes" stand together.'
    )
    async def search(
        self,
        info: Info,
        text: Annotated[str, strawberry.argument(description="The words.")],
        types: Annotated[
            list[SearchType] | None, strawberry.argument(description="Only these kinds.")
        ] = None,
        places: Annotated[
            list[SearchPlace] | None,
            strawberry.argument(description="Where to look; everywhere if left out."),
        ] = None,
        owner: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only of this person.")
        ] = None,
        group: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only of this group.")
        ] = None,
        created_at: Annotated[
            MomentFilter | None,
            strawberry.argument(description="When they came into the hub."),
        ] = None,
        acquired_at: Annotated[
            MomentFilter | None,
            strawberry.argument(description="When they were taken; finds images only."),
        ] = None,
        first: Annotated[
            int, strawberry.argument(description="At most this many of each kind, up to 1,000.")
        ] = 50,
        offset: Annotated[
            int, strawberry.argument(description="Leave out this many of each kind.")
        ] = 0,
    ) -> list[SearchHits]:
        search = info.context.hub.search
        query = Query(
            text=text,
            nouns=tuple(WORDS) if types is None else [str(one.value) for one in types],
            places=PLACES if places is None else [str(one.value) for one in places],
            owner_id=None if owner is None else decode_id(owner, "User", field="owner"),
            group_id=None if group is None else decode_id(group, "Group", field="group"),
            created_from=None if created_at is None else created_at.gte,
            created_to=None if created_at is None else created_at.lt,
            acquired_from=None if acquired_at is None else acquired_at.gte,
            acquired_to=None if acquired_at is None else acquired_at.lt,
        )

        def counting(noun: str) -> Callable[[], Awaitable[int]]:
            async def count() -> int:
                found: Any = await search.count(replace(query, nouns=(noun,)))
                return int(found[noun])

            return count

        return [
            SearchHits(
                type=SearchType(one.noun),
                hits=[SearchHit.of(hit, noun_of(one.noun)) for hit in one.hits],
                has_more=one.has_more,
                count=counting(one.noun),
            )
            for one in await search.find(query, limit=first, offset=offset)
        ]
