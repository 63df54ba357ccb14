"""Who is asking: their account, groups and session, and what they may do in the whole hub."""

import strawberry

from schema.access import SessionInfo
from schema.context import Info
from schema.people import Group, Membership, TokenScope, User, groups_of


@strawberry.type(description="What you may do in the whole hub, by account and by credential.")
class Capabilities:
    can_write: bool = strawberry.field(
        description="Change anything at all; false for guests and for tokens that only read."
    )
    can_administer: bool = strawberry.field(description="Make accounts and groups, change roles.")
    can_see_all: bool = strawberry.field(description="See everything, whatever the groups say.")
    can_manage_credentials: bool = strawberry.field(
        description="Make and revoke tokens, close sessions, change the own password."
    )
    scopes: list[TokenScope] = strawberry.field(
        description="What the token you came with is good for; empty without a token."
    )


@strawberry.type(description="Who you are to the hub.")
class Viewer:
    username: str = strawberry.field(description="Your name for signing in.")
    administrator: bool = strawberry.field(description="Whether you administer the hub.")
    capabilities: Capabilities = strawberry.field(
        description="What you may do in the whole hub; each object says more in `permissions`."
    )
    administration_open: bool = strawberry.field(
        description="Whether you use every right of an administrator at this moment."
    )
    user_key: strawberry.Private[int]
    default_group_key: strawberry.Private[int | None]

    @strawberry.field(description="Your account.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(description="The groups you belong to, and whether you lead them.")
    async def groups(self, info: Info) -> list[Membership]:
        found: list[Membership] = await info.context.loaders.memberships_of_user.load(self.user_key)
        return found

    @strawberry.field(description="Where what you make goes unless you name another group.")
    async def default_group(self, info: Info) -> Group | None:
        if self.default_group_key is None:
            return None
        group: Group | None = await info.context.loaders.group_by_id.load(self.default_group_key)
        return group

    @strawberry.field(description="The groups you lead.")
    async def led_groups(self, info: Info) -> list[Group]:
        found: list[Membership] = await info.context.loaders.memberships_of_user.load(self.user_key)
        return await groups_of(info, [one.group_key for one in found if one.leader])

    @strawberry.field(description="The sign-in you ask with; null if you came with a token.")
    async def session(self, info: Info) -> SessionInfo | None:
        if info.context.session_id is None:
            return None
        session: SessionInfo | None = await info.context.loaders.session_by_id.load(
            info.context.session_id
        )
        return session
