"""Reading what the hub is set to."""

from typing import Annotated

import strawberry

from adapters.configuration import BY_KEY
from resolvers.limits import Limits
from resolvers.paging import DEFAULT_PAGE, LARGEST_PAGE, connection, to_keyset
from schema.configuration import Configuration, Setting
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.scalars import BigInt

LIMITS = Limits()


@strawberry.type
class ConfigurationQueries:
    @strawberry.field(description="What this hub is and what it takes.")
    def configuration(self, info: Info) -> Configuration:
        facts = info.context.hub.configuration.facts()
        return Configuration(
            version=facts.version,
            database=facts.database,
            public_reading=facts.public_reading,
            session_hours=facts.session_hours,
            upload_limit=BigInt(facts.upload_limit),
            body_limit=BigInt(facts.body_limit),
            memory_limit=BigInt(facts.memory_limit),
            job_workers=facts.job_workers,
            sample_types=list(facts.sample_types),
            import_formats=list(facts.import_formats),
            export_formats=list(facts.export_formats),
            picture_formats=list(facts.picture_formats),
            lookup_tables=list(facts.lookup_tables),
            default_page=DEFAULT_PAGE,
            largest_page=LARGEST_PAGE,
            longest_query=LIMITS.characters,
            deepest_query=LIMITS.depth,
            largest_answer=BigInt(LIMITS.objects),
        )

    @strawberry.field(description="One setting; an error if you may not read it.")
    async def setting(
        self,
        info: Info,
        key: Annotated[str, strawberry.argument(description="What it is called.")],
    ) -> Setting | None:
        return Setting.of(await info.context.hub.configuration.get(key))

    @strawberry.field(description="The settings you may read, by key.")
    async def settings(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        prefix: Annotated[
            str, strawberry.argument(description="Only those whose key begins with this.")
        ] = "",
    ) -> Connection[Setting]:
        hub = info.context.hub
        keyset = to_keyset(PageArguments(first, after, last, before), BY_KEY)
        return connection(
            await hub.configuration.page(keyset, prefix),
            Setting.of,
            lambda: hub.configuration.count(prefix),
        )
