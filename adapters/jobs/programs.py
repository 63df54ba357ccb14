"""Where the code of an operation is: in this process, or in a script that the database names.

Nothing is kept from one question to the next: another server may have changed a script, and what a
row of an operation says never changes, so the row alone decides what a job runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from adapters.infrastructure import Infrastructure
from adapters.jobs import declaration
from adapters.jobs.script_session import ScriptSession
from adapters.operations import Operation as Declared
from adapters.operations import registry, search
from store.catalog import Catalog
from store.errors import Conflict, NotFound
from store.statement import cols
from store.tables.files import StoredFile
from store.tables.operations import Operation, OperationSource

_operation, _file = cols(Operation), cols(StoredFile)
SCRIPT = OperationSource.SCRIPT.value


@dataclass(frozen=True, slots=True)
class Program:
    """An operation that can be run: what it declares, and the script it is of, if it is of one."""

    declared: Declared
    description: dict[str, Any] | None = None
    name: str = ""
    source: str = ""

    @contextmanager
    def started(self, memory_limit: int, **session: Any) -> Iterator[Declared]:
        """Give the operation ready to be called; that of a script has a process until the end.

        Raises `adapters.jobs.script_session.ScriptError` if its file cannot be imported any more.
        """
        if self.description is None:
            yield self.declared
            return
        with ScriptSession(memory_limit, **session) as process:
            process.load(self.name, self.source)
            origin = self.declared.origin or 0
            call = process.caller(self.declared.name)
            yield declaration.read(self.description, self.declared.version, origin, call)


class Programs:
    """Finds operations by name, by row, and all of them, under the actor's visibility."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog

    async def all(self, text: str | None = None) -> Sequence[Declared]:
        """Return every operation by name; with a text, those it finds. One statement."""
        rows = await self.rows(_operation.deprecated.is_(False))
        scripted = {row.name: shown(row) for row in rows}
        both = {one.name: one for one in registry.all()} | scripted
        listed = [both[name] for name in sorted(both)]
        return search(listed, text) if text else listed

    async def current(self, name: str) -> Declared:
        """Return an operation by name, of a script in its present version. Raises NotFound."""
        if name in registry:
            return registry.get(name)
        return shown(await self._row(name))

    async def _row(self, name: str) -> Operation:
        rows = await self.rows(_operation.name == name, _operation.deprecated.is_(False))
        if not rows:
            raise NotFound("operation", name)
        return rows[-1]

    async def rows(self, *where: Any) -> Sequence[Operation]:
        """Return rows of operations of scripts, older ones first."""
        statement = self._catalog.select(Operation).where(_operation.source == SCRIPT, *where)
        return await self._catalog.all(Operation, statement.order_by(_operation.id))

    async def of_name(self, name: str) -> Program:
        """Return what a new job of this operation would run. Raises NotFound."""
        return Program(registry.get(name)) if name in registry else await self.of(
            await self._row(name)
        )  # fmt: skip

    async def of(self, row: Operation) -> Program:
        """Return what a job of this row runs. Raises NotFound, or Conflict if it was deleted."""
        if row.source != SCRIPT:
            return Program(registry.get(row.name))
        declared = shown(row)
        files = await self.files([declared.origin or 0])
        if not files or files[0].sha256 is None:
            raise Conflict(
                f"The script of {row.name}, version {row.release}, was deleted; restore it, or run "
                "another operation."
            )
        source = await self.source(files[0])
        return Program(declared, described(row), files[0].name, source)

    async def files(self, ids: Iterable[int]) -> Sequence[StoredFile]:
        """Return the live files that operations found visible before are of; one statement."""
        statement = self._catalog.select(StoredFile).where(
            self._catalog.members(_file.id, set(ids))
        )
        return await self._catalog.all(
            StoredFile, statement.order_by(_file.id), settled=("stored_file",)
        )

    async def source(self, file: StoredFile) -> str:
        """Return the text of a script's file."""
        path = self._infrastructure.files.path(file.sha256 or "")
        return await self._infrastructure.run(path.read_text, "utf-8")


def described(row: Operation) -> dict[str, Any]:
    """Return the declaration that the row of a script's operation keeps."""
    found: dict[str, Any] = (row.steps or [{}])[0]
    return found


def origin(row: Operation) -> int:
    """Return the stored file whose code a script's operation is."""
    return int(row.command or 0)


def shown(row: Operation) -> Declared:
    """Return a script's operation to be shown and bound, not to be called."""
    return declaration.read(described(row), row.release, origin(row), None)
