"""Whose regions a project shows first, and whom to ask about it.

A default layer is a user whose regions viewers switch on when they open an image of the project, or
list and leave off if `hidden`. A representative is a member; a project keeps at least one of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from store.catalog import Catalog
from store.errors import Conflict, Invalid
from store.statement import cols
from store.tables.access import Grant
from store.tables.containers import DefaultLayer, Project, ProjectRepresentative
from store.tables.people import Membership, User
from store.unit import Unit

L = TypeVar("L", DefaultLayer, ProjectRepresentative)
_layer, _representative = cols(DefaultLayer), cols(ProjectRepresentative)
_grant, _membership = cols(Grant), cols(Membership)


class Layers:
    """Verbs on default layers and representatives. Changing them needs the right to edit."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def defaults(self, project_ids: Sequence[int]) -> list[list[DefaultLayer]]:
        """Return the default layers of each project, the oldest first. One statement."""
        return await self._catalog.grouped(DefaultLayer, "project_id", project_ids)

    async def default(self, id: int) -> DefaultLayer:
        """Return one default layer. Raises NotFound."""
        return await self._catalog.one(DefaultLayer, id)

    async def add_default(
        self, project_id: int, user_id: int, *, hidden: bool = False
    ) -> DefaultLayer:
        """Make an account's regions a default layer. Raises Conflict if they are one."""

        async def work(unit: Unit) -> DefaultLayer:
            project = await unit.one(Project, project_id)
            person = await unit.one(User, user_id)
            await _refuse_double(unit, DefaultLayer, project_id, user_id, "a default layer")
            unit.journal.summary = f"make {person.username} a default layer of {project.name}"
            return await unit.add(
                DefaultLayer(
                    project_id=project_id,
                    user_id=user_id,
                    hidden=hidden,
                    owner_id=unit.actor.author_id,
                )
            )

        return await self._catalog.write("add_default_layer", work)

    async def change_default(self, id: int, *, hidden: bool) -> DefaultLayer:
        """Say whether a default layer is listed and left off at first."""

        async def work(unit: Unit) -> DefaultLayer:
            unit.journal.summary = f"change default layer {id}"
            return await unit.change(DefaultLayer, id, hidden=hidden)

        return await self._catalog.write("change_default_layer", work)

    async def remove_default(self, id: int) -> DefaultLayer:
        """Take a default layer away; return it as it was. Raises NotFound or Forbidden."""

        async def work(unit: Unit) -> DefaultLayer:
            layer = await unit.one(DefaultLayer, id)
            unit.journal.summary = f"remove default layer {id}"
            await unit.trash(DefaultLayer, [id])
            return layer

        return await self._catalog.write("remove_default_layer", work)

    async def representatives(
        self, project_ids: Sequence[int]
    ) -> list[list[ProjectRepresentative]]:
        """Return whom to ask about each project, the oldest first. One statement."""
        return await self._catalog.grouped(ProjectRepresentative, "project_id", project_ids)

    async def representative(self, id: int) -> ProjectRepresentative:
        """Return one representative. Raises NotFound."""
        return await self._catalog.one(ProjectRepresentative, id)

    async def add_representative(self, project_id: int, user_id: int) -> ProjectRepresentative:
        """Name a member to ask about a project.

        Raises Conflict if they are named, Invalid if they are no member.
        """

        async def work(unit: Unit) -> ProjectRepresentative:
            project = await unit.one(Project, project_id)
            person = await unit.one(User, user_id)
            await _require_member(unit, project, person)
            title = "a representative"
            await _refuse_double(unit, ProjectRepresentative, project_id, user_id, title)
            unit.journal.summary = f"make {person.username} {title} of {project.name}"
            return await represent(unit, project_id, user_id)

        return await self._catalog.write("add_representative", work)

    async def remove_representative(self, id: int) -> ProjectRepresentative:
        """Take a representative away; return the row as it was. Raises Conflict for the last."""

        async def work(unit: Unit) -> ProjectRepresentative:
            row = await unit.one(ProjectRepresentative, id)
            await unit.one(Project, row.project_id)  # two must not each take the other's away
            named = await unit.all(
                ProjectRepresentative, _representative.project_id == row.project_id
            )
            if [one.id for one in named] == [id]:
                raise Conflict(
                    "This is the last representative of the project; name another first.",
                    noun="representative",
                    id=id,
                )
            unit.journal.summary = f"remove representative {id}"
            await unit.trash(ProjectRepresentative, [id])
            return row

        return await self._catalog.write("remove_representative", work)


async def represent(unit: Unit, project_id: int, user_id: int) -> ProjectRepresentative:
    """Insert a representative."""
    return await unit.add(
        ProjectRepresentative(project_id=project_id, user_id=user_id, owner_id=unit.actor.author_id)
    )


async def represented_by(unit: Unit, project: Project, *, without: Sequence[int]) -> None:
    """Take people from the representatives of a project; the owner stands in if none is left."""
    named = await unit.all(ProjectRepresentative, _representative.project_id == project.id)
    going = [one.id for one in named if one.user_id in without]
    if not going:
        return
    await unit.trash(ProjectRepresentative, going)
    if len(going) == len(named):
        await represent(unit, project.id, project.owner_id)


async def _refuse_double(
    unit: Unit, noun: type[L], project_id: int, user_id: int, title: str
) -> None:
    row = cols(noun)
    if await unit.all(noun, row.project_id == project_id, row.user_id == user_id):
        raise Conflict(f"User {user_id} is {title} of project {project_id} already.")


async def _require_member(unit: Unit, project: Project, person: User) -> None:
    if person.id == project.owner_id:
        return
    groups = await unit.all(Membership, _membership.user_id == person.id)
    letting_in = await unit.all(
        Grant,
        _grant.target_type == "project",
        _grant.target_id == project.id,
        (_grant.user_id == person.id)
        | unit.members(_grant.grantee_group_id, [one.group_id for one in groups]),
    )
    if not letting_in:
        raise Invalid("user", f"{person.username} is no member of project {project.name}.")
