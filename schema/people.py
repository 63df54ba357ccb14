"""People and groups, who belongs where, and who is asking."""

from enum import Enum
from typing import Any

import strawberry

from schema.context import Info
from schema.filters import MomentFilter, TextFilter
from schema.nodes import Node
from schema.paging import (
    After,
    Before,
    Connection,
    First,
    Last,
    OrderDirection,
    PageArguments,
)
from schema.scalars import DateTime
from store.tables.people import Role


@strawberry.enum(description="How open a group is to its own members.")
class GroupLevel(Enum):
    PRIVATE = strawberry.enum_value(0, description="Members see only what is their own.")
    READ_ONLY = strawberry.enum_value(1, description="Members see what others own.")
    READ_ANNOTATE = strawberry.enum_value(2, description="Members also draw on it and tag it.")
    READ_WRITE = strawberry.enum_value(3, description="Members also change and delete it.")


@strawberry.enum(description="What somebody is in the whole hub.")
class UserRole(Enum):
    GUEST = strawberry.enum_value(11, description="May look and change nothing.")
    USER = strawberry.enum_value(12, description="May do what groups and grants give.")
    ADMINISTRATOR = strawberry.enum_value(13, description="Also sees everything, keeps accounts.")
    SUPER_ADMINISTRATOR = strawberry.enum_value(14, description="Also makes administrators' like.")


@strawberry.enum(description="Whose account it is.")
class UserKind(Enum):
    HUMAN = strawberry.enum_value("human", description="A person.")
    JOB = strawberry.enum_value("job", description="A job, which draws regions under its own name.")


@strawberry.enum(description="What a token is good for, within what its account may do.")
class TokenScope(Enum):
    READ = strawberry.enum_value("read", description="Reading.")
    WRITE = strawberry.enum_value("write", description="Reading and changing.")
    ADMIN = strawberry.enum_value("admin", description="Administration as well.")
    WORKSPACE = strawberry.enum_value(
        "workspace", description="Reading, and short-lived results in the own workspace."
    )


@strawberry.enum(description="What people may be ordered by.")
class UserOrderField(Enum):
    USERNAME = strawberry.enum_value("USERNAME", description="Their name for signing in.")
    CREATED = strawberry.enum_value("CREATED", description="When the account was made.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order people.")
class UserOrder:
    field: UserOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="Which people; all that is given must hold.")
class UserWhere:
    username: TextFilter | None = strawberry.field(
        default=None, description="Tests on the name for signing in."
    )
    first_name: TextFilter | None = strawberry.field(
        default=None, description="Tests on the first name."
    )
    last_name: TextFilter | None = strawberry.field(
        default=None, description="Tests on the last name."
    )
    institution: TextFilter | None = strawberry.field(
        default=None, description="Tests on the institution."
    )
    enabled: bool | None = strawberry.field(
        default=None, description="Whether they may sign in at all."
    )
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When the account was made."
    )
    and_: list["UserWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["UserWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "UserWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.enum(description="What groups may be ordered by.")
class GroupOrderField(Enum):
    NAME = strawberry.enum_value("NAME", description="Their name; upper and lower case are alike.")
    ID = strawberry.enum_value("ID", description="Their number, which grows with time.")


@strawberry.input(description="How to order groups.")
class GroupOrder:
    field: GroupOrderField = strawberry.field(description="By what.")
    direction: OrderDirection = strawberry.field(
        default=OrderDirection.ASC, description="Which way."
    )


@strawberry.input(description="Which groups; all that is given must hold.")
class GroupWhere:
    name: TextFilter | None = strawberry.field(default=None, description="Tests on the name.")
    description: TextFilter | None = strawberry.field(
        default=None, description="Tests on the description."
    )
    level: GroupLevel | None = strawberry.field(default=None, description="Exactly this open.")
    created_at: MomentFilter | None = strawberry.field(
        default=None, description="When they were made."
    )
    and_: list["GroupWhere"] | None = strawberry.field(
        default=None, name="and", description="All of these hold."
    )
    or_: list["GroupWhere"] | None = strawberry.field(
        default=None, name="or", description="One of these holds."
    )
    not_: "GroupWhere | None" = strawberry.field(
        default=None, name="not", description="This does not hold."
    )


@strawberry.federation.type(keys=["id"], description="A person, or the account a job draws under.")
class User(Node):
    username: str = strawberry.field(description="The name for signing in.")
    first_name: str = strawberry.field(description="First name, perhaps empty.")
    middle_name: str = strawberry.field(description="Middle name, perhaps empty.")
    last_name: str = strawberry.field(description="Last name, perhaps empty.")
    name: str = strawberry.field(description="All names in reading order, or the user name.")
    email: str | None = strawberry.field(
        description="E-mail; null to all but the person and administrators."
    )
    institution: str | None = strawberry.field(description="Where they work.")
    language: str = strawberry.field(description="The language they prefer, such as en.")
    kind: UserKind = strawberry.field(description="A person's account or a job's.")
    enabled: bool = strawberry.field(description="Whether they may sign in.")
    deleted: bool = strawberry.field(
        description="Whether the account is gone; what it owned keeps its name."
    )
    created_at: DateTime = strawberry.field(description="When the account was made.")
    version: int = strawberry.field(
        description="Grows with each change; send it back to change only what you have seen."
    )
    default_group_key: strawberry.Private[int]

    @classmethod
    def of(cls, row: Any) -> "User":
        """Show a row as `People.seen` left it."""
        names = (row.first_name, row.middle_name, row.last_name)
        return cls(
            key=row.id,
            username=row.username,
            first_name=row.first_name,
            middle_name=row.middle_name,
            last_name=row.last_name,
            name=" ".join(name for name in names if name) or row.username,
            email=row.email,
            institution=row.institution,
            language=row.language,
            kind=UserKind(row.kind),
            enabled=row.enabled,
            deleted=row.trashed_by is not None,
            created_at=DateTime(row.created_at),
            version=row.version,
            default_group_key=row.default_group_id,
        )

    @strawberry.field(description="The highest role in the whole hub; null for a job's account.")
    async def role(self, info: Info) -> UserRole | None:
        held: list[int] = await info.context.loaders.roles_of_user.load(self.key)
        return UserRole(max(held)) if held else None

    @strawberry.field(description="Whether they administer the hub.")
    async def administrator(self, info: Info) -> bool:
        held: list[int] = await info.context.loaders.roles_of_user.load(self.key)
        return any(role >= Role.admin for role in held)

    @strawberry.field(description="The groups they belong to, and whether they lead them.")
    async def memberships(self, info: Info) -> list["Membership"]:
        found: list[Membership] = await info.context.loaders.memberships_of_user.load(self.key)
        return found

    @strawberry.field(description="The groups they belong to.")
    async def groups(self, info: Info) -> list["Group"]:
        found: list[Membership] = await info.context.loaders.memberships_of_user.load(self.key)
        return await groups_of(info, [one.group_key for one in found])

    @strawberry.field(description="The groups they lead.")
    async def led_groups(self, info: Info) -> list["Group"]:
        found: list[Membership] = await info.context.loaders.memberships_of_user.load(self.key)
        return await groups_of(info, [one.group_key for one in found if one.leader])

    @strawberry.field(description="Where what they make goes unless they name another group.")
    async def default_group(self, info: Info) -> "Group | None":
        group: Group | None = await info.context.loaders.group_by_id.load(self.default_group_key)
        return group


@strawberry.federation.type(
    keys=["id"], description="People who share: its level says what they may do with each other's."
)
class Group(Node):
    name: str = strawberry.field(description="What it is called.")
    description: str = strawberry.field(description="What it is for, perhaps empty.")
    level: GroupLevel = strawberry.field(description="How open it is to its own members.")
    created_at: DateTime = strawberry.field(description="When it was made.")
    version: int = strawberry.field(
        description="Grows with each change; send it back to change only what you have seen."
    )

    @classmethod
    def of(cls, row: Any) -> "Group":
        """Show a row."""
        return cls(
            key=row.id,
            name=row.name,
            description=row.description,
            level=GroupLevel(row.level),
            created_at=DateTime(row.created_at),
            version=row.version,
        )

    @strawberry.field(description="Who belongs to it, in the order they joined.")
    async def members(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection["Membership"]:
        page = PageArguments(first, after, last, before)
        found: Connection[Membership] = await info.context.connect(
            "members_of_group", self.key, page
        )
        return found

    @strawberry.field(description="Who leads it.")
    async def leaders(self, info: Info) -> list[User]:
        found: list[User] = await info.context.loaders.leaders_of_group.load(self.key)
        return found


async def groups_of(info: Info, keys: list[int]) -> list[Group]:
    """Return the groups of some numbers, those that can be seen."""
    found = await info.context.loaders.group_by_id.load_many(keys)
    return [group for group in found if group is not None]


@strawberry.type(description="A person in a group.")
class Membership:
    user_key: strawberry.Private[int]
    group_key: strawberry.Private[int]
    leader: bool = strawberry.field(description="Whether they lead the group.")

    @classmethod
    def of(cls, row: Any) -> "Membership":
        """Show a row."""
        return cls(user_key=row.user_id, group_key=row.group_id, leader=row.leader)

    @strawberry.field(description="The person.")
    async def user(self, info: Info) -> User | None:
        person: User | None = await info.context.loaders.user_by_id.load(self.user_key)
        return person

    @strawberry.field(description="The group.")
    async def group(self, info: Info) -> Group | None:
        group: Group | None = await info.context.loaders.group_by_id.load(self.group_key)
        return group


@strawberry.enum(description="What somebody is to be in a group.")
class Place(Enum):
    NONE = strawberry.enum_value("none", description="Not in it.")
    MEMBER = strawberry.enum_value("member", description="A plain member.")
    LEADER = strawberry.enum_value("leader", description="One of its leaders.")


@strawberry.input(description="What somebody is to be in a group from now on.")
class MemberChangeInput:
    group: strawberry.ID = strawberry.field(description="The group.")
    user: strawberry.ID = strawberry.field(description="The person.")
    place: Place = strawberry.field(description="What they are to be.")


@strawberry.input(description="Changes of memberships, in any number of groups.")
class ChangeMembersInput:
    changes: list[MemberChangeInput] = strawberry.field(
        description="At most 500; all of them are made, or none."
    )


@strawberry.input(description="A new account.")
class CreateUserInput:
    username: str = strawberry.field(description="The name for signing in; not ':' and not '/'.")
    password: str | None = strawberry.field(
        default=None, description="At least 8 characters; without one nobody can sign in yet."
    )
    groups: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Its groups, the default one first; commons if none."
    )
    administrator: bool = strawberry.field(
        default=False, description="Whether to make an administrator."
    )
    guest: bool = strawberry.field(default=False, description="Whether it may only look.")
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="First name.")
    middle_name: str | None = strawberry.field(default=strawberry.UNSET, description="Middle name.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="Last name.")
    email: str | None = strawberry.field(default=strawberry.UNSET, description="E-mail.")
    institution: str | None = strawberry.field(
        default=strawberry.UNSET, description="Where they work."
    )
    language: str | None = strawberry.field(
        default=strawberry.UNSET, description="The language they prefer, such as en."
    )


@strawberry.input(description="What to change of an account.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(
        description="The account; your own or, for administrators, any."
    )
    username: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its new name for signing in; by administrators."
    )
    enabled: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether it may sign in; by administrators."
    )
    first_name: str | None = strawberry.field(default=strawberry.UNSET, description="First name.")
    middle_name: str | None = strawberry.field(default=strawberry.UNSET, description="Middle name.")
    last_name: str | None = strawberry.field(default=strawberry.UNSET, description="Last name.")
    email: str | None = strawberry.field(
        default=strawberry.UNSET, description="E-mail; null removes it."
    )
    institution: str | None = strawberry.field(
        default=strawberry.UNSET, description="Where they work; null removes it."
    )
    language: str | None = strawberry.field(
        default=strawberry.UNSET, description="The language they prefer, such as en."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="A new password.")
class SetPasswordInput:
    user: strawberry.ID | None = strawberry.field(
        default=None, description="Whose; your own if left out, anybody's for administrators."
    )
    password: str = strawberry.field(description="At least 8 characters.")
    current: str | None = strawberry.field(
        default=None, description="Your password until now, to change your own."
    )


@strawberry.input(description="The highest role somebody shall have.")
class SetRoleInput:
    user: strawberry.ID = strawberry.field(description="The person.")
    role: UserRole = strawberry.field(description="The role; higher ones are taken away.")


@strawberry.input(description="A new group.")
class CreateGroupInput:
    name: str = strawberry.field(description="What to call it, at most 255 characters.")
    description: str = strawberry.field(default="", description="What it is for.")
    level: GroupLevel = strawberry.field(
        default=GroupLevel.PRIVATE, description="How open it is to its own members."
    )
    members: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Who belongs to it."
    )
    leaders: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Who leads it."
    )


@strawberry.input(description="What to change of a group.")
class UpdateGroupInput:
    id: strawberry.ID = strawberry.field(description="The group.")
    name: str | None = strawberry.field(default=strawberry.UNSET, description="Its new name.")
    description: str | None = strawberry.field(
        default=strawberry.UNSET, description="What it is for."
    )
    level: GroupLevel | None = strawberry.field(
        default=strawberry.UNSET, description="How open it is to its own members."
    )
    version: int | None = strawberry.field(
        default=None, description="The version you saw; refused if it was changed since."
    )


@strawberry.input(description="A person and a group.")
class MemberInput:
    group: strawberry.ID = strawberry.field(description="The group.")
    user: strawberry.ID = strawberry.field(description="The person.")


@strawberry.input(description="A member of a group, and whether they lead it.")
class SetLeaderInput(MemberInput):
    leader: bool = strawberry.field(default=True, description="Whether they lead the group.")


@strawberry.input(description="Where what somebody makes goes.")
class SetDefaultGroupInput:
    group: strawberry.ID = strawberry.field(description="A group they belong to.")
    user: strawberry.ID | None = strawberry.field(
        default=None, description="Whose; your own if left out, anybody's for administrators."
    )


@strawberry.input(description="An account to delete.")
class DeleteUserInput:
    id: strawberry.ID = strawberry.field(description="The account.")


@strawberry.input(description="A group to delete.")
class DeleteGroupInput:
    id: strawberry.ID = strawberry.field(description="The group; it must be empty.")


@strawberry.input(description="How long to use every right of an administrator.")
class OpenAdministrationInput:
    minutes: int = strawberry.field(default=60, description="From 1 to 720; 0 ends it at once.")


@strawberry.type(description="The new or changed account.")
class UserPayload:
    user: User = strawberry.field(description="As it is now.")


@strawberry.type(description="The new or changed group.")
class GroupPayload:
    group: Group = strawberry.field(description="As it is now.")


@strawberry.type(description="Somebody's place in a group, as it is now.")
class MembershipPayload:
    membership: Membership = strawberry.field(description="The person in the group.")


@strawberry.type(description="The memberships named in the changes, as they are now.")
class ChangeMembersPayload:
    memberships: list[Membership] = strawberry.field(
        description="Those that are; whoever was taken out is missing."
    )


@strawberry.type(description="Who left which group.")
class RemoveMemberPayload:
    group: Group | None = strawberry.field(description="The group.")
    user: User | None = strawberry.field(description="The person.")


@strawberry.type(description="Until when you may use every right of an administrator.")
class AdministrationPayload:
    until: DateTime | None = strawberry.field(description="The moment it ends; null if it ended.")
