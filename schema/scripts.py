"""Scripts: Python files of operations, which administrators add."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from schema.context import Info
from schema.nodes import Node
from schema.operations import Operation
from schema.scalars import BigInt, DateTime

if TYPE_CHECKING:
    from schema.people import User


@strawberry.type(description="One version of a script.")
class ScriptVersion:
    number: int = strawberry.field(description="Its number, the version of its operations.")
    present: bool = strawberry.field(description="Whether new runs take it.")
    sha256: str = strawberry.field(description="The hash of its text, in hexadecimal.")
    size: BigInt = strawberry.field(description="How many bytes its text has.")
    created_at: DateTime = strawberry.field(description="When it was added.")
    row: strawberry.Private[Any]

    @classmethod
    def of(cls, version: Any) -> "ScriptVersion":
        """Show a version."""
        file = version.file
        return cls(
            number=version.number,
            present=version.present,
            sha256=file.sha256,
            size=BigInt(file.size),
            created_at=DateTime(file.created_at),
            row=file,
        )

    @strawberry.field(description="Who added it; null if you may not see them.")
    async def author(
        self, info: Info
    ) -> Annotated["User", strawberry.lazy("schema.people")] | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.row.owner_id)
        return person

    @strawberry.field(description="Its text; null if you are no administrator.")
    async def source(self, info: Info) -> str | None:
        text: str | None = await info.context.hub.scripts.source(self.row)
        return text


@strawberry.federation.type(
    keys=["id"], description="A Python file of operations, run in a process of its own."
)
class Script(Node):
    name: str = strawberry.field(description="The name of the file.")
    created_at: DateTime = strawberry.field(description="When it was first added.")
    version: ScriptVersion = strawberry.field(description="Its present version.")
    operations: list[Operation] = strawberry.field(description="What its present version declares.")

    @classmethod
    def of(cls, script: Any) -> "Script":
        """Show a script."""
        return cls(
            key=script.id,
            name=script.name,
            created_at=DateTime(script.first.created_at),
            version=ScriptVersion.of(script.version),
            operations=[Operation.of(one) for one in script.operations],
        )

    @strawberry.field(description="Its present text; null if you are no administrator.")
    async def source(self, info: Info) -> str | None:
        text: str | None = await info.context.hub.scripts.source(self.version.row)
        return text

    @strawberry.field(description="All its versions, newest first.")
    async def versions(self, info: Info) -> list[ScriptVersion]:
        found: list[ScriptVersion] = await info.context.loaders.versions_of_script.load(self.key)
        return found


@strawberry.input(description="A new script.")
class AddScriptInput:
    name: str = strawberry.field(description="The name of its file, such as smooth.py.")
    source: str = strawberry.field(
        description="Its text, at most 256 KiB: Python that declares operations with @operation."
    )


@strawberry.input(description="What to change of a script.")
class UpdateScriptInput:
    id: strawberry.ID = strawberry.field(description="The script.")
    name: str | None = strawberry.field(
        default=None, description="Its new name; the old one if left out."
    )
    source: str | None = strawberry.field(
        default=None,
        description="Its new text, which becomes a new version; the old one if left out.",
    )


@strawberry.input(description="A script to take away.")
class DeleteScriptInput:
    id: strawberry.ID = strawberry.field(description="The script.")
    dry_run: bool = strawberry.field(
        default=False, description="Only count what would go; change nothing."
    )


@strawberry.type(description="The new or changed script.")
class ScriptPayload:
    script: Script = strawberry.field(description="As it is now.")
