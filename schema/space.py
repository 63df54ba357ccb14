"""How much space things take, and how much is left."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.scalars import BigInt

if TYPE_CHECKING:
    from schema.people import Group, User


@strawberry.type(description="Space taken; what lies in the trash is left out.")
class SpaceUse:
    images: BigInt = strawberry.field(description="How many images.")
    pixels: BigInt = strawberry.field(description="Bytes of their samples.")
    files: BigInt = strawberry.field(description="How many files.")
    originals: BigInt = strawberry.field(description="Bytes of files that were uploaded.")
    attachments: BigInt = strawberry.field(description="Bytes of files attached to objects.")
    bytes: BigInt = strawberry.field(description="All bytes together.")

    @classmethod
    def of(cls, use: Any) -> "SpaceUse":
        """Show a sum of `adapters.space`."""
        return cls(
            images=BigInt(use.images),
            pixels=BigInt(use.pixels),
            files=BigInt(use.files),
            originals=BigInt(use.originals),
            attachments=BigInt(use.attachments),
            bytes=BigInt(use.bytes),
        )


@strawberry.type(description="What a person's things take.")
class SpaceOfUser:
    user_key: strawberry.Private[int]
    use: SpaceUse = strawberry.field(description="How much.")

    @strawberry.field(description="The person.")
    async def user(self, info: Info) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person


@strawberry.type(description="What a group's things take.")
class SpaceOfGroup:
    group_key: strawberry.Private[int]
    use: SpaceUse = strawberry.field(description="How much.")

    @strawberry.field(description="The group.")
    async def group(
        self, info: Info
    ) -> Annotated["Group", strawberry.lazy("schema.people")] | None:
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group


@strawberry.type(description="The disk that the hub keeps its data on; others may use it too.")
class DiskSpace:
    size: BigInt = strawberry.field(description="Bytes it holds.")
    used: BigInt = strawberry.field(description="Bytes in use, by whomever.")
    free: BigInt = strawberry.field(description="Bytes that the hub may still write.")


@strawberry.type(
    description="Space taken by what you may see. You find your own things, and of your groups as "
    "much as they show; administrators find everything."
)
class Space:
    total: SpaceUse = strawberry.field(description="All of it.")
    by_user: list[SpaceOfUser] = strawberry.field(description="By owner, the greatest first.")
    by_group: list[SpaceOfGroup] = strawberry.field(description="By group, the greatest first.")

    @strawberry.field(
        description="Bytes of all files you may see, with equal files counted once, as the disk "
        "keeps them."
    )
    async def files_kept(self, info: Info) -> BigInt:
        return BigInt(await info.context.hub.space.kept())

    @strawberry.field(description="The disk of the hub.")
    async def disk(self, info: Info) -> DiskSpace:
        disk = await info.context.hub.space.disk()
        return DiskSpace(size=BigInt(disk.size), used=BigInt(disk.used), free=BigInt(disk.free))
