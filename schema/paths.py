"""Paths: where an object lies, from the root of the hierarchy down."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from schema.context import Info
from schema.scalars import BigInt, encode_id

if TYPE_CHECKING:
    from schema.people import User


@strawberry.type(description="One object of a path.")
class PathStep:
    key: strawberry.Private[int]
    noun: str = strawberry.field(description="What it is, such as Dataset.")
    name: str | None = strawberry.field(description="What it is called, if it has a name.")

    @strawberry.field(description="The object.")
    def id(self) -> strawberry.ID:
        return strawberry.ID(encode_id(self.noun, self.key))

    @strawberry.field(description="The number that OMERO and Cytomine clients know it by.")
    def legacy_id(self) -> BigInt:
        return BigInt(self.key)


@strawberry.type(description="One way from the root of a hierarchy down to an object.")
class ObjectPath:
    owner_key: strawberry.Private[int]
    orphaned: bool = strawberry.field(
        description="Whether the root is an image: in no dataset and no well that you see."
    )
    steps: list[PathStep] = strawberry.field(
        description="Project, dataset, image; or screen, plate, acquisition, well, well sample, "
        "image; then a region and a shape. What you may not see is left out."
    )

    @strawberry.field(description="Who owns the root; null if you may not see them.")
    async def owner(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.owner_key)
        return person


@strawberry.type(description="An object with every way that leads to it.")
class ObjectPaths:
    id: strawberry.ID = strawberry.field(description="The object.")
    paths: list[ObjectPath] = strawberry.field(description="Every way to it; at least one.")
