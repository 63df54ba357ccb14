"""Changing accounts, groups and grants, and one's own tokens and sessions."""

from typing import Any, cast

import strawberry

from adapters.groups import MemberChange, Place
from resolvers.mutations.base import given, mutation
from resolvers.mutations.containers import LABELLED, changes
from schema.access import (
    CloseSessionInput,
    CloseSessionsInput,
    CloseSessionsPayload,
    CreateTokenInput,
    CreateTokenPayload,
    GiveGrantInput,
    Grant,
    GrantPayload,
    RevokeGrantInput,
    RevokePayload,
    RevokeTokenInput,
    SessionInfo,
    SessionPayload,
    Token,
    UpdateSessionInput,
)
from schema.context import Info
from schema.nodes import DeletePayload, Impact
from schema.people import (
    AdministrationPayload,
    ChangeMembersInput,
    ChangeMembersPayload,
    CreateGroupInput,
    CreateUserInput,
    DeleteGroupInput,
    DeleteUserInput,
    Group,
    GroupPayload,
    MemberInput,
    Membership,
    MembershipPayload,
    OpenAdministrationInput,
    RemoveMemberPayload,
    SetDefaultGroupInput,
    SetLeaderInput,
    SetPasswordInput,
    SetRoleInput,
    UpdateGroupInput,
    UpdateUserInput,
    User,
    UserPayload,
)
from schema.scalars import BigInt, DateTime, decode_id, decode_ids, split_id
from store.clock import now_ms
from store.errors import Invalid, Unauthenticated
from store.tables.people import Role

LONGEST_ADMINISTRATION = 720  # minutes
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def person_of(info: Info, id: strawberry.ID | None, field: str = "user") -> int:
    """Return the number of a person, the asking one if none is named. Raises Unauthenticated."""
    if id is not None:
        return decode_id(id, "User", field=field)
    if info.context.actor.user_id is None:
        raise Unauthenticated
    return info.context.actor.user_id


def deleted(id: strawberry.ID, impact: Any) -> DeletePayload:
    """Return the payload of a deletion that cannot be undone by its command."""
    return DeletePayload(
        deleted_ids=[id],
        dry_run=False,
        impact=[
            Impact(noun=name, count=BigInt(count), unreadable=BigInt(impact.unreadable))
            for name, count in impact.counts.items()
        ],
        command_id=None,
    )


@strawberry.type
class PeopleMutations:
    @mutation
    async def create_user(self, info: Info, input: CreateUserInput) -> UserPayload:
        """Make an account. By administrators."""
        profile = given(input, username="", password="", groups="", administrator="", guest="")
        row = await info.context.hub.people.create(
            input.username,
            input.password,
            groups=decode_ids(input.groups, "Group", field="groups"),
            admin=input.administrator,
            guest=input.guest,
            **profile,
        )
        return UserPayload(user=User.of(row))

    @mutation
    async def update_user(self, info: Info, input: UpdateUserInput) -> UserPayload:
        """Change an account; fields left out stay."""
        row = await info.context.hub.people.change(
            decode_id(input.id, "User"), expected=input.version, **changes(input)
        )
        return UserPayload(user=User.of(row))

    @mutation
    async def set_password(self, info: Info, input: SetPasswordInput) -> UserPayload:
        """Set a password; the other sessions of the account end."""
        people = info.context.hub.people
        id = person_of(info, input.user)
        await people.set_password(
            id, input.password, current=input.current, kept_session=info.context.session_id
        )
        return UserPayload(user=User.of(await people.get(id)))

    @mutation
    async def set_role(self, info: Info, input: SetRoleInput) -> UserPayload:
        """Say what somebody is in the whole hub. By administrators."""
        people = info.context.hub.people
        id = person_of(info, input.user)
        await people.roles.define(id, Role(cast(int, input.role.value)))
        return UserPayload(user=User.of(await people.get(id)))

    @mutation
    async def delete_user(self, info: Info, input: DeleteUserInput) -> DeletePayload:
        """Delete an account; its sessions and tokens end, what it owns stays. By administrators."""
        impact = await info.context.hub.people.delete(decode_id(input.id, "User"))
        return deleted(input.id, impact)

    @mutation
    async def open_administration(
        self, info: Info, input: OpenAdministrationInput
    ) -> AdministrationPayload:
        """Use every right of an administrator for a while, over others' objects too."""
        if not 0 <= input.minutes <= LONGEST_ADMINISTRATION:
            raise Invalid("minutes", f"must be from 0 to {LONGEST_ADMINISTRATION}.")
        until = now_ms() + input.minutes * MINUTE_MS if input.minutes else 0
        await info.context.hub.people.open_administration(until)
        return AdministrationPayload(until=DateTime(until) if until else None)

    @mutation
    async def create_group(self, info: Info, input: CreateGroupInput) -> GroupPayload:
        """Make a group. By administrators."""
        row = await info.context.hub.people.groups.create(
            input.name,
            description=input.description,
            level=input.level.value,
            members=decode_ids(input.members, "User", field="members"),
            leaders=decode_ids(input.leaders, "User", field="leaders"),
        )
        return GroupPayload(group=Group.of(row))

    @mutation
    async def update_group(self, info: Info, input: UpdateGroupInput) -> GroupPayload:
        """Change a group's name, description or level; fields left out stay. By administrators."""
        row = await info.context.hub.people.groups.change(
            decode_id(input.id, "Group"), expected=input.version, **changes(input)
        )
        return GroupPayload(group=Group.of(row))

    @mutation
    async def delete_group(self, info: Info, input: DeleteGroupInput) -> DeletePayload:
        """Delete an empty group. By administrators."""
        impact = await info.context.hub.people.groups.delete(decode_id(input.id, "Group"))
        return deleted(input.id, impact)

    @mutation
    async def add_member(self, info: Info, input: MemberInput) -> MembershipPayload:
        """Take somebody into a group, as a plain member. By its leaders and administrators."""
        return await _placed(info, input, leader=None)

    @mutation
    async def set_leader(self, info: Info, input: SetLeaderInput) -> MembershipPayload:
        """Make somebody leader of a group, or a plain member again."""
        return await _placed(info, input, leader=input.leader)

    @mutation
    async def remove_member(self, info: Info, input: MemberInput) -> RemoveMemberPayload:
        """Take somebody out of a group; what they own there stays, out of their reach."""
        people = info.context.hub.people
        group_id = decode_id(input.group, "Group", field="group")
        user_id = decode_id(input.user, "User", field="user")
        await people.groups.remove_member(group_id, user_id)
        return RemoveMemberPayload(
            group=Group.of(await people.groups.get(group_id)),
            user=User.of(await people.get(user_id)),
        )

    @mutation
    async def change_members(self, info: Info, input: ChangeMembersInput) -> ChangeMembersPayload:
        """Let people into groups and take them out, all at once. By leaders and administrators."""
        rows = await info.context.hub.people.groups.change_members(
            [
                MemberChange(
                    decode_id(one.group, "Group", field="changes.group"),
                    decode_id(one.user, "User", field="changes.user"),
                    Place(str(one.place.value)),
                )
                for one in input.changes
            ]
        )
        return ChangeMembersPayload(memberships=[Membership.of(row) for row in rows])

    @mutation
    async def set_default_group(self, info: Info, input: SetDefaultGroupInput) -> UserPayload:
        """Choose the group that what somebody makes goes to."""
        people = info.context.hub.people
        id = person_of(info, input.user)
        await people.groups.set_default(id, decode_id(input.group, "Group", field="group"))
        return UserPayload(user=User.of(await people.get(id)))

    @mutation
    async def give_grant(self, info: Info, input: GiveGrantInput) -> GrantPayload:
        """Let somebody in to an object; an earlier grant to the same one is replaced."""
        noun, target_id = split_id(input.target, "target")
        if noun not in LABELLED:
            raise Invalid("target", f"{noun} is not one of {', '.join(LABELLED)}.")
        if (input.user is not None) + (input.group is not None) + input.link != 1:
            raise Invalid("user", "name a user, or a group, or ask for a link: one of the three.")
        grants, level = info.context.hub.people.grants, input.level.value
        if input.link:
            made = await grants.give_link(
                noun.lower(), target_id, level, expires_at=input.expires_at
            )
            return GrantPayload(grant=Grant.of(made.grant), secret=made.plain)
        row = await grants.give(
            noun.lower(),
            target_id,
            level,
            user_id=None if input.user is None else decode_id(input.user, "User", field="user"),
            group_id=(
                None if input.group is None else decode_id(input.group, "Group", field="group")
            ),
            expires_at=input.expires_at,
        )
        return GrantPayload(grant=Grant.of(row), secret=None)

    @mutation
    async def revoke_grant(self, info: Info, input: RevokeGrantInput) -> RevokePayload:
        """Take a grant or a secret link back at once."""
        await info.context.hub.people.grants.revoke(decode_id(input.id, "Grant"))
        return RevokePayload(revoked_id=input.id)

    @mutation
    async def create_token(self, info: Info, input: CreateTokenInput) -> CreateTokenPayload:
        """Make a token of your own for scripts; its text is shown in this answer only."""
        made = await info.context.hub.people.tokens.create(
            input.name, [scope.value for scope in input.scopes], expires_at=input.expires_at
        )
        return CreateTokenPayload(token=Token.of(made.token), secret=made.plain)

    @mutation
    async def revoke_token(self, info: Info, input: RevokeTokenInput) -> RevokePayload:
        """End one of your tokens at once."""
        await info.context.hub.people.tokens.revoke(decode_id(input.id, "Token"))
        return RevokePayload(revoked_id=input.id)

    @mutation
    async def close_session(self, info: Info, input: CloseSessionInput) -> RevokePayload:
        """Sign out one of the places where you are signed in; administrators, anybody's."""
        await info.context.hub.people.sessions.close(decode_id(input.id, "Session"))
        return RevokePayload(revoked_id=input.id)

    @mutation
    async def close_sessions(self, info: Info, input: CloseSessionsInput) -> CloseSessionsPayload:
        """Sign out everywhere but here; administrators, anybody else."""
        closed = await info.context.hub.people.sessions.close_all(
            person_of(info, input.user), info.context.session_id
        )
        return CloseSessionsPayload(closed=closed)

    @mutation
    async def update_session(self, info: Info, input: UpdateSessionInput) -> SessionPayload:
        """Let a session of yours work in another group, or last longer or shorter unused."""
        sessions, current = info.context.hub.people.sessions, info.context.session_id
        if input.id is not None:
            id = decode_id(input.id, "Session")
        elif current is not None:
            id = current
        else:
            raise Invalid("id", "name a session; you do not ask with one.")
        longest = info.context.hub.infrastructure.settings.session_hours * HOUR_MS
        group = None if input.group is None else decode_id(input.group, "Group", field="group")
        row = await sessions.change(id, group_id=group, idle_ms=input.idle, longest_ms=longest)
        return SessionPayload(session=SessionInfo.of(row, current))


async def _placed(info: Info, input: MemberInput, leader: bool | None) -> MembershipPayload:
    """Make somebody a member; `leader` None keeps what they were."""
    row = await info.context.hub.people.groups.put_member(
        decode_id(input.group, "Group", field="group"),
        decode_id(input.user, "User", field="user"),
        leader=leader,
    )
    return MembershipPayload(membership=Membership.of(row))
