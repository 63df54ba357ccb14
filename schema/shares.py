"""Shares: objects given to people together."""

from typing import Any

import strawberry

from schema.access import Grant, GrantLevel
from schema.context import Info
from schema.nodes import Node
from schema.people import Group, User
from schema.scalars import DateTime, encode_id


@strawberry.type(
    description="Objects given to people together, with one end and perhaps a message. It is the "
    "grants that were given at one moment; a grant or a secret link given alone is one as well."
)
class Share:
    id: strawberry.ID = strawberry.field(description="The id to extend or close it by.")
    created_at: DateTime = strawberry.field(description="When it was given.")
    expires_at: DateTime | None = strawberry.field(description="When it ends; null never.")
    active: bool = strawberry.field(description="Whether it still opens anything.")
    message: str | None = strawberry.field(
        description="What its giver said: a comment on the objects, for all who see them."
    )
    grants: list[Grant] = strawberry.field(description="Who was let in to what, one by one.")
    link: bool = strawberry.field(description="Whether it is a secret link.")
    giver_key: strawberry.Private[int]
    user_keys: strawberry.Private[list[int]]
    group_keys: strawberry.Private[list[int]]
    targets: strawberry.Private[list[tuple[str, int]]]

    @classmethod
    def of(cls, share: Any) -> "Share":
        """Show a share."""
        return cls(
            id=strawberry.ID(encode_id("Share", share.id)),
            created_at=DateTime(share.created_at),
            expires_at=None if share.expires_at is None else DateTime(share.expires_at),
            active=share.active,
            message=share.message,
            grants=[Grant.of(one) for one in share.grants],
            link=any(one.link_hash is not None for one in share.grants),
            giver_key=share.given_by,
            user_keys=_each(one.user_id for one in share.grants),
            group_keys=_each(one.grantee_group_id for one in share.grants),
            targets=_each((one.target_type.capitalize(), one.target_id) for one in share.grants),
        )

    @strawberry.field(description="Who gave it.")
    async def given_by(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.giver_key)
        return person

    @strawberry.field(description="The people let in by name.")
    async def users(self, info: Info) -> list[User]:
        found = await info.context.loaders.user_by_id.load_many(self.user_keys)
        return [one for one in found if one is not None]

    @strawberry.field(description="The groups let in.")
    async def groups(self, info: Info) -> list[Group]:
        found = await info.context.loaders.group_by_id.load_many(self.group_keys)
        return [one for one in found if one is not None]

    @strawberry.field(description="What it opens, each with all it holds.")
    async def objects(self, info: Info) -> list[Node]:
        found = await info.context.loaders.object_of_event.load_many(self.targets)
        return [one for one in found if one is not None]


def _each(values: Any) -> list[Any]:
    return [one for one in dict.fromkeys(values) if one is not None]


@strawberry.input(description="What to give to whom.")
class ShareInput:
    objects: list[strawberry.ID] = strawberry.field(
        description="Projects, datasets, screens, plates or images, at most 500; what lies in them "
        "opens too."
    )
    users: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The people to let in."
    )
    groups: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The groups to let in."
    )
    level: GrantLevel = strawberry.field(default=GrantLevel.READ, description="What to give.")
    expires_at: DateTime | None = strawberry.field(
        default=None, description="When it ends; never if left out."
    )
    message: str | None = strawberry.field(
        default=None,
        description="What to say to them; kept as a comment on the objects, which everybody who "
        "sees them can read.",
    )


@strawberry.input(description="Another end for a share.")
class ExtendShareInput:
    id: strawberry.ID = strawberry.field(description="The share.")
    expires_at: DateTime | None = strawberry.field(
        description="When it shall end, later or earlier; null never."
    )


@strawberry.input(description="A share to take back.")
class CloseShareInput:
    id: strawberry.ID = strawberry.field(description="The share.")


@strawberry.type(description="The share.")
class SharePayload:
    share: Share = strawberry.field(description="As it is now, with what it newly gave.")


@strawberry.type(description="What was taken back.")
class CloseSharePayload:
    closed_id: strawberry.ID = strawberry.field(description="The share that is no more.")
    revoked: int = strawberry.field(description="How many grants it had.")
