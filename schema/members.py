"""Who is in a project, whose regions it shows first, whom to ask about it."""

from enum import Enum
from typing import Any

import strawberry

from schema.context import Info
from schema.people import User
from schema.scalars import DateTime


@strawberry.enum(description="What somebody is in a project.")
class ProjectRole(Enum):
    READER = strawberry.enum_value(1, description="Looks.")
    MEMBER = strawberry.enum_value(2, description="Draws and comments, as far as its mode lets.")
    MANAGER = strawberry.enum_value(3, description="Also keeps its members and settings.")
    OWNER = strawberry.enum_value(4, description="Made it, and stays; may also delete it.")


@strawberry.type(description="Somebody in a project, as owner or by a grant.")
class ProjectMember:
    role: ProjectRole = strawberry.field(description="What they are in it.")
    by_group: bool = strawberry.field(description="Whether only a group of theirs let them in.")
    user_key: strawberry.Private[int]

    @classmethod
    def of(cls, member: Any) -> "ProjectMember":
        """Show a member."""
        return cls(
            role=ProjectRole(int(member.standing)),
            by_group=member.by_group,
            user_key=member.user_id,
        )

    @strawberry.field(description="Who.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person


@strawberry.type(description="Somebody whose regions viewers show first in a project.")
class DefaultLayer:
    hidden: bool = strawberry.field(description="Listed, but left off until switched on.")
    user_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any) -> "DefaultLayer":
        """Show a row."""
        return cls(hidden=row.hidden, user_key=row.user_id)

    @strawberry.field(description="Whose regions.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person


@strawberry.type(description="A member to ask about a project.")
class Representative:
    since: DateTime = strawberry.field(description="When they were named.")
    user_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any) -> "Representative":
        """Show a row."""
        return cls(since=DateTime(row.created_at), user_key=row.user_id)

    @strawberry.field(description="Who.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person


@strawberry.input(description="People to let into a project.")
class AddMembersInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    users: list[strawberry.ID] = strawberry.field(
        description="The people; nobody is made less than they are."
    )
    manager: bool = strawberry.field(
        default=False, description="As managers, who keep members and settings."
    )


@strawberry.input(description="People of a project.")
class MembersInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    users: list[strawberry.ID] = strawberry.field(description="The people.")


@strawberry.input(description="Somebody and a project.")
class ProjectUserInput:
    project: strawberry.ID = strawberry.field(description="The project.")
    user: strawberry.ID = strawberry.field(description="The person, or the account of a job.")


@strawberry.input(description="Whose regions a project is to show first.")
class SetDefaultLayerInput(ProjectUserInput):
    hidden: bool = strawberry.field(
        default=False, description="List them, but leave them off until switched on."
    )


@strawberry.input(description="A project to delete with what was drawn in it.")
class DeleteProjectInput:
    id: strawberry.ID = strawberry.field(description="The project.")
    dry_run: bool = strawberry.field(default=False, description="Only count what would go.")
