"""Reading what came or changed when."""

from typing import Annotated, Any

import strawberry

from adapters.timeline import EARLIEST, LATEST, USUAL, Clock, Period, Span
from resolvers.paging import connection, to_keyset
from resolvers.queries.history import noun_of
from schema.context import Info
from schema.paging import (
    After,
    Before,
    Connection,
    First,
    Last,
    OrderDirection,
    PageArguments,
)
from schema.scalars import DateTime, decode_id
from schema.timeline import (
    TimelineClock,
    TimelineCount,
    TimelineEntry,
    TimelineNoun,
    TimelinePeriod,
)

From = Annotated[DateTime | None, strawberry.argument(name="from", description="Then or later.")]
To = Annotated[DateTime | None, strawberry.argument(name="to", description="Before then.")]
OfUser = Annotated[strawberry.ID | None, strawberry.argument(description="Only what they own.")]
InGroup = Annotated[
    strawberry.ID | None, strawberry.argument(description="Only what lies in this group.")
]
Types = Annotated[
    list[TimelineNoun] | None,
    strawberry.argument(
        description="Only these kinds; projects, datasets, screens, plates and images if left out."
    ),
]
ByClock = Annotated[TimelineClock, strawberry.argument(description="Which moment counts.")]


def span(
    since: DateTime | None,
    until: DateTime | None,
    user: strawberry.ID | None,
    group: strawberry.ID | None,
    types: list[TimelineNoun] | None,
    clock: TimelineClock,
) -> Span:
    """Return what is looked at. Raises Invalid."""
    return Span(
        nouns=USUAL if types is None else tuple(str(one.value) for one in types),
        since=since,
        until=until,
        user_id=None if user is None else decode_id(user, "User", field="user"),
        group_id=None if group is None else decode_id(group, "Group", field="group"),
        clock=Clock(str(clock.value)),
    )


def show(entry: Any) -> TimelineEntry:
    """Show an entry of a timeline."""
    return TimelineEntry.of(entry, noun_of(entry.noun))


@strawberry.type
class TimelineQueries:
    @strawberry.field(description="Objects of all kinds in one list by time, the latest first.")
    async def timeline(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        since: From = None,
        until: To = None,
        user: OfUser = None,
        group: InGroup = None,
        types: Types = None,
        clock: ByClock = TimelineClock.CREATED,
        direction: Annotated[
            OrderDirection, strawberry.argument(description="DESC is the latest first.")
        ] = OrderDirection.DESC,
    ) -> Connection[TimelineEntry]:
        timeline = info.context.hub.timeline
        asked = span(since, until, user, group, types, clock)
        order = LATEST if direction is OrderDirection.DESC else EARLIEST
        keyset = to_keyset(PageArguments(first, after, last, before), order)
        return connection(await timeline.page(asked, keyset), show, lambda: timeline.count(asked))

    @strawberry.field(
        description="How much came or changed in each day, week, month or year that has anything."
    )
    async def timeline_counts(
        self,
        info: Info,
        period: Annotated[
            TimelinePeriod, strawberry.argument(description="How long the periods are.")
        ] = TimelinePeriod.DAY,
        since: From = None,
        until: To = None,
        user: OfUser = None,
        group: InGroup = None,
        types: Types = None,
        clock: ByClock = TimelineClock.CREATED,
    ) -> list[TimelineCount]:
        found = await info.context.hub.timeline.counts(
            span(since, until, user, group, types, clock), Period(str(period.value))
        )
        return [TimelineCount.of(one) for one in found]
