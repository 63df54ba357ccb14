"""Search: objects found by words, of several kinds at once."""

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.nodes import Node, Permissions
from schema.scalars import BigInt, DateTime, encode_id
from store.access.capabilities import Can

if TYPE_CHECKING:
    from schema.people import Group, User


@strawberry.enum(description="What can be searched for.")
class SearchType(Enum):
    PROJECT = strawberry.enum_value("project", description="Projects.")
    DATASET = strawberry.enum_value("dataset", description="Datasets.")
    IMAGE = strawberry.enum_value("image", description="Images.")
    SCREEN = strawberry.enum_value("screen", description="Screens.")
    PLATE = strawberry.enum_value("plate", description="Plates.")
    WELL = strawberry.enum_value("well", description="Wells, by their plate's name or their own.")


@strawberry.enum(description="Where words are looked for.")
class SearchPlace(Enum):
    NAME = strawberry.enum_value("name", description="In names.")
    DESCRIPTION = strawberry.enum_value("description", description="In descriptions.")
    ANNOTATIONS = strawberry.enum_value(
        "annotations", description="In tags, key-values, comments and XML on the object."
    )


@strawberry.type(description="One object that was found.")
class SearchHit:
    noun: strawberry.Private[str]
    key: strawberry.Private[int]
    owner_key: strawberry.Private[int]
    group_key: strawberry.Private[int]
    can: strawberry.Private[Can]
    type: SearchType = strawberry.field(description="What it is.")
    name: str = strawberry.field(description="What it is called; wells after plate and place.")
    description: str | None = strawberry.field(description="What it is about.")
    acquired_at: DateTime | None = strawberry.field(
        description="When it was taken; null for all but images."
    )
    created_at: DateTime = strawberry.field(description="When it came into the hub.")

    @classmethod
    def of(cls, hit: Any, noun: str) -> "SearchHit":
        """Show a hit; `noun` is that of its global id."""
        return cls(
            noun=noun,
            key=hit.id,
            owner_key=hit.owner_id,
            group_key=hit.group_id,
            can=hit.can,
            type=SearchType(hit.noun),
            name=hit.name,
            description=hit.description,
            acquired_at=None if hit.acquired_at is None else DateTime(hit.acquired_at),
            created_at=DateTime(hit.created_at),
        )

    @strawberry.field(description="The object's global id.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id(self.noun, self.key))

    @strawberry.field(description="The number that OMERO and Cytomine clients know it by.")
    def legacy_id(self) -> BigInt:
        return BigInt(self.key)

    @strawberry.field(description="What you may do to it.")
    def permissions(self) -> Permissions:
        return Permissions.of(self.can)

    @strawberry.field(description="The person it belongs to; null if you may not see them.")
    async def owner(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.owner_key)
        return person

    @strawberry.field(description="The group it belongs to; null if you may not see it.")
    async def group(
        self, info: Info
    ) -> Annotated["Group", strawberry.lazy("schema.people")] | None:
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group

    @strawberry.field(description="The object itself.")
    async def object(self, info: Info) -> Node | None:
        relation = f"{self.type.value}_by_id"
        found: Node | None = await getattr(info.context.loaders, relation).load(self.key)
        return found


@strawberry.type(description="What was found of one kind.")
class SearchHits:
    type: SearchType = strawberry.field(description="The kind.")
    hits: list[SearchHit] = strawberry.field(
        description="Best first: names that are the text, begin with it, hold it, then the rest."
    )
    has_more: bool = strawberry.field(description="Whether more follow; take them by `offset`.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="How many there are in all. Counted when asked for.")
    async def total_count(self) -> BigInt:
        return BigInt(await self.count())
