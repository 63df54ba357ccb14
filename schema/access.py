"""What opens doors: grants on objects, and one's own tokens and sessions.

They have ids but are no nodes: they are reached only through their object or their holder, so that
no id opens a second way to them.
"""

from enum import Enum
from typing import Any

import strawberry

from schema.context import Info
from schema.people import Group, TokenScope, User
from schema.scalars import DateTime, Duration, encode_id


@strawberry.enum(description="What a grant gives, each including the ones before.")
class GrantLevel(Enum):
    READ = strawberry.enum_value("read", description="See it and what lies in it.")
    ANNOTATE = strawberry.enum_value("annotate", description="Draw, tag and comment.")
    WRITE = strawberry.enum_value("write", description="Change its values.")
    MANAGE = strawberry.enum_value("manage", description="Also grant it to others.")


@strawberry.type(description="Access to one object and all it holds, given to somebody.")
class Grant:
    id: strawberry.ID = strawberry.field(description="The id to revoke it by.")
    target_id: strawberry.ID = strawberry.field(description="What it opens.")
    level: GrantLevel = strawberry.field(description="What it gives.")
    link: bool = strawberry.field(description="Whether it is a secret link, for whoever holds it.")
    expires_at: DateTime | None = strawberry.field(description="When it ends; null never.")
    created_at: DateTime = strawberry.field(description="When it was given.")
    user_key: strawberry.Private[int | None]
    group_key: strawberry.Private[int | None]
    giver_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any) -> "Grant":
        """Show a row."""
        return cls(
            id=strawberry.ID(encode_id("Grant", row.id)),
            target_id=strawberry.ID(encode_id(row.target_type.capitalize(), row.target_id)),
            level=GrantLevel(row.level),
            link=row.link_hash is not None,
            expires_at=None if row.expires_at is None else DateTime(row.expires_at),
            created_at=DateTime(row.created_at),
            user_key=row.user_id,
            group_key=row.grantee_group_id,
            giver_key=row.given_by,
        )

    @strawberry.field(description="The person let in; null for a group or a link.")
    async def user(self, info: Info) -> User | None:
        if self.user_key is None:
            return None
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(description="The group let in; null for a person or a link.")
    async def group(self, info: Info) -> Group | None:
        if self.group_key is None:
            return None
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group

    @strawberry.field(description="Who gave it.")
    async def given_by(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.giver_key)
        return person


@strawberry.type(description="A token of yours, without its secret.")
class Token:
    id: strawberry.ID = strawberry.field(description="The id to revoke it by.")
    name: str = strawberry.field(description="What you called it.")
    scopes: list[TokenScope] = strawberry.field(description="What it is good for.")
    created_at: DateTime = strawberry.field(description="When it was made.")
    expires_at: DateTime | None = strawberry.field(description="When it ends; null never.")
    used_at: DateTime | None = strawberry.field(
        description="When it was last used, to the minute; null if never."
    )

    @classmethod
    def of(cls, row: Any) -> "Token":
        """Show a row."""
        return cls(
            id=strawberry.ID(encode_id("Token", row.id)),
            name=row.name,
            scopes=[TokenScope(scope) for scope in row.scopes],
            created_at=DateTime(row.created_at),
            expires_at=None if row.expires_at is None else DateTime(row.expires_at),
            used_at=None if row.used_at is None else DateTime(row.used_at),
        )


@strawberry.type(description="A place where somebody is signed in.")
class SessionInfo:
    id: strawberry.ID = strawberry.field(description="The id to close it by.")
    current: bool = strawberry.field(description="Whether it is the one you ask with.")
    created_at: DateTime = strawberry.field(description="When it was opened.")
    seen_at: DateTime = strawberry.field(description="When it was last used, to the minute.")
    expires_at: DateTime = strawberry.field(description="When it ends if it is not used.")
    idle: Duration = strawberry.field(description="How long it lasts without being used.")
    user_key: strawberry.Private[int]
    group_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any, current_id: int | None) -> "SessionInfo":
        """Show a row; `current_id` is the session of this request, if it has one."""
        return cls(
            id=strawberry.ID(encode_id("Session", row.id)),
            current=row.id == current_id,
            created_at=DateTime(row.created_at),
            seen_at=DateTime(row.seen_at),
            expires_at=DateTime(row.expires_at),
            idle=Duration(row.expires_at - row.seen_at),
            user_key=row.user_id,
            group_key=row.group_id,
        )

    @strawberry.field(description="Who is signed in.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(
        description="The group it works in, for clients that show one group at a time. What is "
        "made goes to the default group of the account unless another is named."
    )
    async def group(self, info: Info) -> Group | None:
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group


@strawberry.input(
    description="Whom to let in where. Name a user, or a group, or ask for a secret link."
)
class GiveGrantInput:
    target: strawberry.ID = strawberry.field(
        description="A project, dataset, screen, plate or image; what lies in it opens too."
    )
    level: GrantLevel = strawberry.field(
        default=GrantLevel.READ, description="What to give; a link gives READ or ANNOTATE."
    )
    user: strawberry.ID | None = strawberry.field(default=None, description="The person.")
    group: strawberry.ID | None = strawberry.field(default=None, description="The group.")
    link: bool = strawberry.field(default=False, description="Make a secret link.")
    expires_at: DateTime | None = strawberry.field(
        default=None, description="When it ends; never if left out."
    )


@strawberry.input(description="A grant to take back.")
class RevokeGrantInput:
    id: strawberry.ID = strawberry.field(description="The grant.")


@strawberry.input(description="A new token of yours.")
class CreateTokenInput:
    name: str = strawberry.field(description="What to call it, such as the script that uses it.")
    scopes: list[TokenScope] = strawberry.field(
        default_factory=lambda: [TokenScope.READ], description="What it is good for."
    )
    expires_at: DateTime | None = strawberry.field(
        default=None, description="When it ends; never if left out."
    )


@strawberry.input(description="A token to end.")
class RevokeTokenInput:
    id: strawberry.ID = strawberry.field(description="The token.")


@strawberry.input(description="A session to close.")
class CloseSessionInput:
    id: strawberry.ID = strawberry.field(description="The session.")


@strawberry.input(description="Whose sessions to close; the one you ask with stays open.")
class CloseSessionsInput:
    user: strawberry.ID | None = strawberry.field(
        default=None, description="Yours if left out, anybody's for administrators."
    )


@strawberry.input(description="What to change of a session of yours.")
class UpdateSessionInput:
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The session; the one you ask with if left out."
    )
    group: strawberry.ID | None = strawberry.field(
        default=None, description="The group it is to work in, one you belong to."
    )
    idle: Duration | None = strawberry.field(
        default=None,
        description="How long it is to last without being used: at least two minutes, at most what "
        "the server gives to new ones.",
    )


@strawberry.type(description="The grant, and the secret of a new link.")
class GrantPayload:
    grant: Grant = strawberry.field(description="As it is now.")
    secret: str | None = strawberry.field(
        description="The text of a secret link; shown now and never again."
    )


@strawberry.type(description="The new token.")
class CreateTokenPayload:
    token: Token = strawberry.field(description="The token.")
    secret: str = strawberry.field(description="Its text; shown now and never again.")


@strawberry.type(description="What was ended for good.")
class RevokePayload:
    revoked_id: strawberry.ID = strawberry.field(description="What is no more.")


@strawberry.type(description="The session.")
class SessionPayload:
    session: SessionInfo = strawberry.field(description="As it is now.")


@strawberry.type(description="How much was closed.")
class CloseSessionsPayload:
    closed: int = strawberry.field(description="How many sessions were open.")
