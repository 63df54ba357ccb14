"""Changing who is in a project, whose regions it shows first, and whom to ask about it."""

from typing import Any

import strawberry

from resolvers.mutations.base import mutation
from schema.containers import Project, ProjectPayload
from schema.context import Info
from schema.members import (
    AddMembersInput,
    DeleteProjectInput,
    MembersInput,
    ProjectUserInput,
    SetDefaultLayerInput,
)
from schema.nodes import DeletePayload, Impact
from schema.scalars import BigInt, decode_id, decode_ids, encode_id
from store.errors import NotFound
from store.tables import containers


async def project_payload(hub: Any, id: int) -> ProjectPayload:
    """Show a project as it is now."""
    row = await hub.containers.get(containers.Project, id)
    return ProjectPayload(project=Project.of(row, hub.actor.can(row)))


def of_project(id: strawberry.ID) -> int:
    """Return the number of a project."""
    return decode_id(id, "Project", field="project")


@strawberry.type
class MemberMutations:
    @mutation
    async def add_members(self, info: Info, input: AddMembersInput) -> ProjectPayload:
        """Let people into a project, as members or managers; for its managers."""
        hub, id = info.context.hub, of_project(input.project)
        users = decode_ids(input.users, "User", field="users")
        await hub.members.add(id, users, manager=input.manager)
        return await project_payload(hub, id)

    @mutation
    async def remove_members(self, info: Info, input: MembersInput) -> ProjectPayload:
        """Take people out of a project, all but its owner; what they drew stays."""
        hub, id = info.context.hub, of_project(input.project)
        await hub.members.remove(id, decode_ids(input.users, "User", field="users"))
        return await project_payload(hub, id)

    @mutation
    async def demote_managers(self, info: Info, input: MembersInput) -> ProjectPayload:
        """Make managers of a project plain members again."""
        hub, id = info.context.hub, of_project(input.project)
        await hub.members.demote(id, decode_ids(input.users, "User", field="users"))
        return await project_payload(hub, id)

    @mutation
    async def set_default_layer(self, info: Info, input: SetDefaultLayerInput) -> ProjectPayload:
        """Show somebody's regions first in a project, or change how."""
        hub, id = info.context.hub, of_project(input.project)
        user_id = decode_id(input.user, "User", field="user")
        (there,) = await hub.layers.defaults([id])
        known = next((one for one in there if one.user_id == user_id), None)
        if known is None:
            await hub.layers.add_default(id, user_id, hidden=input.hidden)
        else:
            await hub.layers.change_default(known.id, hidden=input.hidden)
        return await project_payload(hub, id)

    @mutation
    async def remove_default_layer(self, info: Info, input: ProjectUserInput) -> ProjectPayload:
        """Show somebody's regions in a project no longer first."""
        hub, id = info.context.hub, of_project(input.project)
        user_id = decode_id(input.user, "User", field="user")
        (there,) = await hub.layers.defaults([id])
        known = next((one for one in there if one.user_id == user_id), None)
        if known is None:
            raise NotFound("default layer", user_id)
        await hub.layers.remove_default(known.id)
        return await project_payload(hub, id)

    @mutation
    async def add_representative(self, info: Info, input: ProjectUserInput) -> ProjectPayload:
        """Name a member to ask about a project."""
        hub, id = info.context.hub, of_project(input.project)
        await hub.layers.add_representative(id, decode_id(input.user, "User", field="user"))
        return await project_payload(hub, id)

    @mutation
    async def remove_representative(self, info: Info, input: ProjectUserInput) -> ProjectPayload:
        """Take somebody from those to ask about a project, all but the last."""
        hub, id = info.context.hub, of_project(input.project)
        user_id = decode_id(input.user, "User", field="user")
        (there,) = await hub.layers.representatives([id])
        known = next((one for one in there if one.user_id == user_id), None)
        if known is None:
            raise NotFound("representative", user_id)
        await hub.layers.remove_representative(known.id)
        return await project_payload(hub, id)

    @mutation
    async def delete_project_with_content(
        self, info: Info, input: DeleteProjectInput
    ) -> DeletePayload:
        """Move a project to the trash with the regions bound to it and its own inbox.

        Images stay. Undo brings everything back; `delete` would leave the regions.
        """
        found = await info.context.hub.projects.delete(
            decode_id(input.id, "Project"), dry_run=input.dry_run
        )
        command = found.command_id
        return DeletePayload(
            deleted_ids=[input.id],
            dry_run=input.dry_run,
            impact=[
                Impact(noun=noun, count=BigInt(count), unreadable=BigInt(0))
                for noun, count in found.impact.counts.items()
            ],
            command_id=None if command is None else strawberry.ID(encode_id("Command", command)),
        )
