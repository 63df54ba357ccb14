"""Tasks: how far something has come that a client does step by step, for that person alone.

They live in the workspace for a day and are neither commands nor events.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update

from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Invalid, NotFound, Unauthenticated
from store.statement import cols, table
from store.tables.results import WorkspaceObject
from store.unit import Unit

KEPT_MS = 86_400_000
MOST_COMMENTS, COMMENT_LENGTH = 100, 1000
_object = cols(WorkspaceObject)


@dataclass(frozen=True, slots=True)
class Task:
    """A task; progress in percent, what was said about it the newest first."""

    id: int
    user_id: int
    project_id: int | None
    progress: int = 0
    comments: list[str] = field(default_factory=list)


class Tasks:
    """Verbs on the actor's tasks."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(self, project_id: int | None = None) -> Task:
        """Begin a task."""
        user_id = self._catalog.actor.user_id
        if user_id is None:
            raise Unauthenticated

        async def work(unit: Unit) -> Task:
            id, now = await unit.take_ids(), now_ms()
            value: dict[str, Any] = {"project_id": project_id, "progress": 0, "comments": []}
            await unit.add(
                WorkspaceObject(
                    key=_key(id), user_id=user_id, class_="task", created_at=now,
                    expires_at=now + KEPT_MS, value=value,
                ),
                tell=False,
            )  # fmt: skip
            return Task(id, user_id, project_id)

        return await self._catalog.write("begin_task", work)

    async def get(self, id: int) -> Task:
        """Return a task of the actor's. Raises NotFound."""
        statement = self._catalog.select(WorkspaceObject).where(_object.key == _key(id))
        found = await self._catalog.all(WorkspaceObject, statement)
        if not found:
            raise NotFound("task", id)
        return _read(id, found[0])

    async def advance(
        self, id: int, *, progress: int | None = None, comment: str | None = None
    ) -> Task:
        """Say how far a task has come. Raises Invalid, NotFound."""
        if progress is not None and not 0 <= progress <= 100:
            raise Invalid("progress", "is a percentage.")
        if comment is not None and len(comment) > COMMENT_LENGTH:
            raise Invalid("comment", f"has more than {COMMENT_LENGTH} characters.")

        async def work(unit: Unit) -> Task:
            found = await unit.all(WorkspaceObject, _object.key == _key(id))
            if not found:
                raise NotFound("task", id)
            seen = _read(id, found[0])
            comments = seen.comments if not comment else [comment, *seen.comments]
            value: dict[str, Any] = {
                "project_id": seen.project_id,
                "progress": seen.progress if progress is None else progress,
                "comments": comments[:MOST_COMMENTS],
            }
            await unit.execute(
                update(table(WorkspaceObject)).where(_object.key == _key(id)).values(value=value)
            )
            return Task(id, seen.user_id, **value)

        return await self._catalog.write("advance_task", work)


def _key(id: int) -> str:
    return f"task:{id}"


def _read(id: int, row: WorkspaceObject) -> Task:
    return Task(id, row.user_id, **row.value)
