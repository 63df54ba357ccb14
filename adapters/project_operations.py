"""Operations that a project offers to its members."""

from __future__ import annotations

from collections.abc import Sequence

from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import Conflict
from store.statement import cols
from store.tables.containers import Project, ProjectOperation
from store.tables.operations import Operation
from store.unit import Unit

_offered = cols(ProjectOperation)


class ProjectOperations:
    """Verbs on what projects offer; changed by whoever may change the project."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> Sequence[ProjectOperation]:
        """Return what the projects that the actor sees offer."""
        statement = self._catalog.select(ProjectOperation).where(
            _offered.operation_id.in_(self._catalog.visible_ids(Operation))
        )
        return await self._catalog.all(ProjectOperation, statement.order_by(_offered.id))

    async def of_projects(self, project_ids: Sequence[int]) -> dict[int, list[ProjectOperation]]:
        """Return what each of these projects offers. One statement."""
        found = await self._catalog.grouped(ProjectOperation, "project_id", project_ids)
        return dict(zip(project_ids, found, strict=True))

    async def of_project(self, project_id: int) -> Sequence[ProjectOperation]:
        """Return what a project offers. Raises NotFound."""
        await self._catalog.one(Project, project_id)
        return (await self.of_projects([project_id]))[project_id]

    async def get(self, id: int) -> ProjectOperation:
        """Return one link. Raises NotFound."""
        return await self._catalog.one(ProjectOperation, id)

    async def offer(self, project_id: int, operation_id: int) -> ProjectOperation:
        """Offer an operation in a project. Raises Conflict if it is offered there."""

        async def work(unit: Unit) -> ProjectOperation:
            project = await unit.one(Project, project_id, can=Can.EDIT)
            operation = await unit.one(Operation, operation_id)
            there = await unit.all(
                ProjectOperation,
                _offered.project_id == project_id,
                _offered.operation_id == operation_id,
            )
            if there:
                raise Conflict(f"{operation.name} is offered in {project.name} already.")
            unit.journal.summary = f"offer {operation.name} in {project.name}"
            made = await unit.add(
                ProjectOperation(
                    project_id=project_id,
                    operation_id=operation_id,
                    owner_id=unit.actor.author_id,
                ),
                tell=False,
            )
            unit.tell("changed", Project, project)
            return made

        return await self._catalog.write("offer_operation", work)

    async def withdraw(self, id: int) -> ProjectOperation:
        """Offer an operation in a project no longer; return the link that was."""

        async def work(unit: Unit) -> ProjectOperation:
            seen = await unit.one(ProjectOperation, id)
            project = await unit.one(Project, seen.project_id, can=Can.EDIT)
            unit.journal.summary = f"offer an operation in {project.name} no longer"
            await unit.trash(ProjectOperation, [id])
            unit.tell("changed", Project, project)
            return seen

        return await self._catalog.write("withdraw_operation", work)

    async def withdraw_operation(self, project_id: int, operation_id: int) -> ProjectOperation:
        """As `withdraw`, by project and operation. Raises Conflict if it is not offered there."""
        there = [
            row for row in await self.of_project(project_id) if row.operation_id == operation_id
        ]
        if not there:
            raise Conflict(f"Project {project_id} does not offer operation {operation_id}.")
        return await self.withdraw(there[0].id)
