"""Reading people, groups, grants, and one's own tokens and sessions."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry

from adapters.filters import Condition, Filter
from adapters.roles import is_administrator
from adapters.sessions import LAST_USED
from adapters.tokens import Scope
from resolvers.filters import tree
from resolvers.loaders import paged_relation, relation
from resolvers.nodes import any_node, one
from resolvers.paging import Ordering, connection, to_keyset
from schema.access import Grant, SessionInfo, Token
from schema.context import Info
from schema.paging import After, Before, Connection, First, Last, PageArguments
from schema.people import (
    Group,
    GroupOrder,
    GroupOrderField,
    GroupWhere,
    Membership,
    TokenScope,
    User,
    UserOrder,
    UserOrderField,
    UserWhere,
)
from schema.scalars import decode_id, split_id
from schema.viewer import Capabilities, Viewer
from store.errors import Invalid
from store.paging import Keyset, OrderKey, Page

BY_USERNAME = OrderKey("username_key", str)
PEOPLE = Ordering(
    {
        UserOrderField.USERNAME: BY_USERNAME,
        UserOrderField.CREATED: OrderKey("created_at", int),
        UserOrderField.ID: OrderKey("id", int),
    },
    default=(BY_USERNAME,),
)
BY_NAME = OrderKey("name_key", str)
GROUPS = Ordering(
    {GroupOrderField.NAME: BY_NAME, GroupOrderField.ID: OrderKey("id", int)}, default=(BY_NAME,)
)
MEMBERS = Ordering({}, default=())
GRANTABLE = ("Project", "Dataset", "Screen", "Plate", "Image")


@relation(node=User)
async def user_by_id(hub: Any, keys: list[int]) -> Mapping[int, User]:
    found = await hub.people.by_ids(keys)
    return {row.id: User.of(row) for row in found if row is not None}


@relation(node=Group)
async def group_by_id(hub: Any, keys: list[int]) -> Mapping[int, Group]:
    found = await hub.people.groups.by_ids(keys)
    return {row.id: Group.of(row) for row in found if row is not None}


@relation()
async def session_by_id(hub: Any, keys: list[int]) -> Mapping[int, SessionInfo]:
    """Find one's own open sessions; it is asked for the one of the request alone."""
    found = await hub.people.sessions.many(keys)
    return {id: SessionInfo.of(row, id) for id, row in found.items()}


@relation(missing=list)
async def roles_of_user(hub: Any, keys: list[int]) -> Mapping[int, list[int]]:
    found = await hub.people.roles.of(keys)
    return {id: [role.value for role in roles] for id, roles in zip(keys, found, strict=True)}


@relation(missing=list)
async def memberships_of_user(hub: Any, keys: list[int]) -> Mapping[int, list[Membership]]:
    found = await hub.people.groups.of_users(keys)
    return {id: [Membership.of(row) for row in rows] for id, rows in zip(keys, found, strict=True)}


@relation(missing=list)
async def leaders_of_group(hub: Any, keys: list[int]) -> Mapping[int, list[User]]:
    rows = await hub.people.groups.leaders(keys)
    people = await user_by_id(hub, sorted({row.user_id for row in rows}))
    leading: dict[int, list[User]] = {id: [] for id in keys}
    for row in rows:
        if row.user_id in people:
            leading[row.group_id].append(people[row.user_id])
    return leading


@paged_relation(Membership.of, MEMBERS)
async def members_of_group(
    hub: Any, parents: list[int], keyset: Keyset, where: None
) -> Mapping[int, Page[Any]]:
    found: Mapping[int, Page[Any]] = await hub.people.groups.member_pages(parents, keyset)
    return found


@members_of_group.counting
async def count_members_of_group(hub: Any, parents: list[int], where: None) -> Mapping[int, int]:
    found: Mapping[int, int] = await hub.people.groups.count_members(parents)
    return found


def group_filter(where: GroupWhere | None) -> Filter | None:
    """Return the filter tree of a `GroupWhere`."""
    return tree(where, {"level": lambda level: Condition("level", "eq", level.value)})


@strawberry.type
class PeopleQueries:
    @strawberry.field(description="Who you are to the hub; null when nobody is signed in.")
    async def viewer(self, info: Info) -> Viewer | None:
        actor = info.context.actor
        if actor.user_id is None:
            return None
        return Viewer(
            username=actor.username,
            administrator=actor.administrator,
            capabilities=Capabilities(
                can_write=not actor.read_only,
                can_administer=is_administrator(actor),
                can_see_all=actor.sees_all,
                can_manage_credentials=not actor.scopes or "admin" in actor.scopes,
                scopes=[TokenScope(scope.value) for scope in Scope if scope in actor.scopes],
            ),
            administration_open=actor.full,
            user_key=actor.user_id,
            default_group_key=actor.default_group,
        )

    @strawberry.field(description="One person.")
    async def user(self, info: Info, id: strawberry.ID) -> User | None:
        return await one(info, id, User)

    @strawberry.field(description="The person of a name for signing in; null if there is none.")
    async def user_by_name(
        self,
        info: Info,
        username: Annotated[
            str, strawberry.argument(description="Upper and lower case are alike.")
        ],
    ) -> User | None:
        row = await info.context.hub.people.by_username(username)
        return None if row is None else User.of(row)

    @strawberry.field(description="The people of the hub, or of one group.")
    async def users(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        group: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only its members.")
        ] = None,
        where: UserWhere | None = None,
        order_by: list[UserOrder] | None = None,
    ) -> Connection[User]:
        people = info.context.hub.people
        keyset = to_keyset(PageArguments(first, after, last, before), PEOPLE.by(order_by))
        inside = None if group is None else decode_id(group, "Group", field="group")
        narrowed = tree(where, {})
        return connection(
            await people.page(keyset, narrowed, group_id=inside),
            User.of,
            lambda: people.count(narrowed, group_id=inside),
        )

    @strawberry.field(description="One group.")
    async def group(self, info: Info, id: strawberry.ID) -> Group | None:
        return await one(info, id, Group)

    @strawberry.field(description="The group of a name; null if there is none.")
    async def group_by_name(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="Upper and lower case are alike.")],
    ) -> Group | None:
        row = await info.context.hub.people.groups.by_name(name)
        return None if row is None else Group.of(row)

    @strawberry.field(description="The groups of the hub.")
    async def groups(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        where: GroupWhere | None = None,
        order_by: list[GroupOrder] | None = None,
    ) -> Connection[Group]:
        groups = info.context.hub.people.groups
        keyset = to_keyset(PageArguments(first, after, last, before), GROUPS.by(order_by))
        narrowed = group_filter(where)
        return connection(
            await groups.page(keyset, narrowed), Group.of, lambda: groups.count(narrowed)
        )

    @strawberry.field(
        description="Who was let in to an object directly; links are listed to who may make them."
    )
    async def grants(
        self,
        info: Info,
        target: Annotated[
            strawberry.ID,
            strawberry.argument(description="A project, dataset, screen, plate or image."),
        ],
    ) -> list[Grant]:
        noun, id = split_id(target, "target")
        if noun not in GRANTABLE:
            raise Invalid("target", f"{noun} is not one of {', '.join(GRANTABLE)}.")
        await any_node(info, target)
        (found,) = await info.context.hub.people.grants.of(noun.lower(), [id])
        return [Grant.of(row) for row in found]

    @strawberry.field(description="Your tokens, the newest first; also those that ended.")
    async def tokens(self, info: Info) -> list[Token]:
        return [Token.of(row) for row in await info.context.hub.people.tokens.all()]

    @strawberry.field(description="Where you are signed in, the place used last first.")
    async def sessions(self, info: Info) -> list[SessionInfo]:
        found = await info.context.hub.people.sessions.all()
        return [SessionInfo.of(row, info.context.session_id) for row in found]

    @strawberry.field(
        description="Where anybody is signed in, the place used last first. For administrators; "
        "others may name themselves."
    )
    async def open_sessions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        user: Annotated[
            strawberry.ID | None, strawberry.argument(description="Only of this person.")
        ] = None,
    ) -> Connection[SessionInfo] | None:
        sessions = info.context.hub.people.sessions
        whose = None if user is None else decode_id(user, "User", field="user")
        keyset = to_keyset(PageArguments(first, after, last, before), LAST_USED)
        current = info.context.session_id
        return connection(
            await sessions.page(keyset, user_id=whose),
            lambda row: SessionInfo.of(row, current),
            lambda: sessions.count(user_id=whose),
        )
