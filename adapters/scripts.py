"""Scripts: Python files of operations that administrators add, change and take away.

A script is the stored file of its first version; later versions are files below it. Its operations
are rows that name their file, so a job keeps naming the very code it ran, and a version that is no
longer the present one is deprecated, never rewritten. The file itself is only ever imported in a
process of its own.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from adapters.containers import checked_name
from adapters.files import forget, storage_of
from adapters.infrastructure import Infrastructure
from adapters.jobs import declaration
from adapters.jobs.catalogue import write_operation
from adapters.jobs.programs import SCRIPT, Programs, described, origin, shown
from adapters.jobs.script_session import ScriptError, ScriptSession
from adapters.operations import Operation as Declared
from adapters.operations import registry
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from store.statement import cols
from store.tables.files import StoredFile
from store.tables.operations import Operation
from store.tables.people import COMMONS_GROUP, SYSTEM_GROUP, Group
from store.unit import Impact, Unit

LARGEST = 256 * 1024  # bytes of one file
MEDIA_TYPE = "text/x-python"
_operation, _file = cols(Operation), cols(StoredFile)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a script: its file, its number, and whether new runs take it."""

    number: int
    file: StoredFile
    present: bool


@dataclass(frozen=True, slots=True)
class Script:
    """A script as everybody signed in may know it. `id` is that of its first file."""

    id: int
    name: str
    first: StoredFile
    version: Version
    operations: Sequence[Declared] = field(default=())


class Scripts:
    """Verbs on scripts. Reading is for whoever is signed in; the rest is for administrators."""

    def __init__(self, infrastructure: Infrastructure, catalog: Catalog) -> None:
        self._infrastructure = infrastructure
        self._catalog = catalog
        self._programs = Programs(infrastructure, catalog)

    # reading

    async def all(self) -> list[Script]:
        """Return every script by name, as it is at present. Three statements at most."""
        return sorted((await self._present()).values(), key=lambda one: (one.name, one.id))

    async def many(self, ids: Iterable[int]) -> dict[int, Script]:
        """Return scripts by id, those that there are."""
        present = await self._present()
        return {id: present[id] for id in ids if id in present}

    async def of_files(self, file_ids: Iterable[int]) -> dict[int, Script]:
        """Return the script that each file is a version of."""
        wanted = set(file_ids)
        roots = {one.id: root_of(one) for one in await self._programs.files(wanted)}
        present = await self._present()
        return {id: present[root] for id, root in roots.items() if root in present}

    async def get(self, id: int) -> Script:
        """Return one script. Raises NotFound."""
        found = (await self._present()).get(id)
        if found is None:
            raise NotFound("script", id)
        return found

    async def _present(self) -> dict[int, Script]:
        rows = await self._programs.rows(_operation.deprecated.is_(False))
        by_file: dict[int, list[Operation]] = {}
        for row in rows:
            by_file.setdefault(origin(row), []).append(row)
        files = {one.id: one for one in await self._programs.files(by_file)}
        roots = {
            one.id: one
            for one in await self._programs.files({root_of(one) for one in files.values()})
        }
        found: dict[int, Script] = {}
        for id, file in files.items():
            first = roots.get(root_of(file))
            if first is not None:
                version = Version(_number(by_file[id][0]), file, present=True)
                operations = [shown(row) for row in by_file[id]]
                found[first.id] = Script(first.id, file.name, first, version, operations)
        return found

    async def versions(self, ids: Sequence[int]) -> dict[int, list[Version]]:
        """Return the versions of scripts found before, newest first. Two statements."""
        statement = self._catalog.select(StoredFile).where(
            self._catalog.members(_file.parent_id, set(ids))
            | self._catalog.members(_file.id, set(ids))
        )
        files = await self._catalog.all(StoredFile, statement, settled=("stored_file",))
        columns = (_operation.command, _operation.release, _operation.deprecated)
        rows = await self._catalog.rows(
            select(*columns).where(
                _operation.source == SCRIPT,
                _operation.command.in_([str(one.id) for one in files]),
            )
        )
        known = {int(row.command): row for row in rows}
        gathered: dict[int, list[Version]] = {id: [] for id in ids}
        for file in sorted(files, key=lambda one: one.id, reverse=True):
            if file.id in known:
                row = known[file.id]
                version = Version(int(row.release), file, present=not row.deprecated)
                gathered[root_of(file)].append(version)
        return gathered

    async def source(self, file: StoredFile) -> str | None:
        """Return the text of a version; None to whoever is no administrator."""
        return await self._programs.source(file) if self._catalog.actor.sees_all else None

    # writing

    async def add(self, name: str, source: str) -> Script:
        """Add a script and its operations.

        Raises Forbidden but to administrators, Invalid naming the line for a file that cannot be
        imported or declares what no operation may be, TooLarge beyond 256 KiB, Conflict for a name
        that another script has, or one of its operations.
        """
        self._administrators_only("add", name)
        title = checked_file_name(name)
        if any(one.name.casefold() == title.casefold() for one in await self.all()):
            raise Conflict(
                f"There is a script {title!r} already; update it instead.", noun="script"
            )
        descriptions = await self.inspect(title, source)

        async def work(unit: Unit, sha256: str, size: int) -> int:
            unit.journal.summary = f"add script {title}"
            return await self._store(unit, title, sha256, size, descriptions)

        return await self.get(await self._written("add_script", source, work))

    async def update(
        self, id: int, *, name: str | None = None, source: str | None = None
    ) -> Script:
        """Give a script another name, or a new version; the old one is deprecated, and kept.

        The same text again is no new version. Raises as `add`, and NotFound.
        """
        script = await self.get(id)
        self._administrators_only("change", script.name)
        title = script.name if name is None else checked_file_name(name)
        if source is None or source == await self.source(script.version.file):
            return await self._rename(script, title)
        descriptions = await self.inspect(title, source)

        async def work(unit: Unit, sha256: str, size: int) -> int:
            unit.journal.summary = f"update script {title}"
            await unit.one(StoredFile, id)
            for row in await self._rows_of(unit, id):
                if not row.deprecated:
                    await unit.change(Operation, row.id, deprecated=True)
            await self._store(unit, title, sha256, size, descriptions, parent_id=id)
            return id

        return await self.get(await self._written("update_script", source, work))

    async def _rename(self, script: Script, title: str) -> Script:
        async def work(unit: Unit) -> None:
            unit.journal.summary = f"rename script {script.name}"
            await unit.change(StoredFile, script.version.file.id, name=title)

        if title != script.name:
            await self._catalog.write("rename_script", work)
        return await self.get(script.id)

    async def delete(self, id: int, *, dry_run: bool = False) -> tuple[Impact, int | None]:
        """Take a script away; return what goes and the command's id, None when rehearsed.

        Its operations can no longer be run; jobs that ran them keep naming them.
        """
        script = await self.get(id)
        self._administrators_only("delete", script.name)

        async def work(unit: Unit) -> tuple[Impact, int | None]:
            unit.journal.summary = f"delete script {script.name}"
            impact = Impact()
            impact.counts["script"] = 1
            files = await unit.all(StoredFile, (_file.id == id) | (_file.parent_id == id))
            for row in await self._rows_of(unit, id):
                if not row.deprecated:
                    await unit.change(Operation, row.id, deprecated=True)
                    impact.count(Operation, 1)
            await unit.trash(StoredFile, [one.id for one in files])
            impact.counts["version"] = len(files)
            return impact, await unit.command_id()

        if dry_run:
            impact, _ = await self._catalog.rehearse("delete_script", work)
            return impact, None
        return await self._catalog.write("delete_script", work)

    async def inspect(self, name: str, source: str) -> list[dict[str, Any]]:
        """Import a file in a process of its own and return what it declares, as JSON.

        Raises Invalid naming the line, or TooLarge.
        """
        size = len(source.encode("utf-8", "surrogatepass"))
        if size > LARGEST:
            raise TooLarge("The script", LARGEST, "bytes")
        if not source.isascii():
            try:
                source.encode()
            except UnicodeEncodeError as error:
                raise Invalid("source", "is not a text of valid characters.") from error
        if "\0" in source:
            raise Invalid("source", "must not hold the character of code 0.")
        limit = self._infrastructure.settings.memory_limit

        def load() -> list[dict[str, Any]]:
            with ScriptSession(limit) as session:
                found = session.load(name, source)
                for one in found:
                    declaration.read(one, "1", 0, None)
                return found

        try:
            found = await self._infrastructure.run_long(load)
        except ScriptError as error:
            raise Invalid("source", str(error)) from error
        except MemoryError as error:
            raise Invalid("source", f"needs more than {limit:,} bytes to be imported.") from error
        except (LookupError, TypeError, ValueError) as error:
            raise Invalid("source", f"declares what cannot be read back: {error}") from error
        for one in found:
            if one["name"] in registry:
                raise Invalid("source", f"{one['name']} is an operation of the hub itself.")
        return found

    def _administrators_only(self, action: str, name: str) -> None:
        actor = self._catalog.actor
        if not actor.sees_all or actor.read_only:
            raise Forbidden(action, "script", name, "scripts are the administrators'.")

    async def _written(self, verb: str, source: str, work: Any) -> int:
        """Keep the bytes, then name them in one transaction."""
        pieces = [source.encode()]
        files = self._infrastructure.files
        blob = await self._infrastructure.run(files.receive, pieces, LARGEST)

        async def whole(unit: Unit) -> int:
            await unit.one(Group, SYSTEM_GROUP)  # one writer of scripts at a time
            done: int = await work(unit, blob.sha256, blob.size)
            return done

        try:
            return await self._catalog.write(verb, whole)
        except Exception:
            await forget(self._infrastructure, blob.sha256)
            raise

    async def _store(
        self,
        unit: Unit,
        name: str,
        sha256: str,
        size: int,
        descriptions: Sequence[Mapping[str, Any]],
        *,
        parent_id: int | None = None,
    ) -> int:
        """Add the file and the operations of a version; return the file's id."""
        names = [one["name"] for one in descriptions]
        rows = await unit.all(Operation, _operation.source == SCRIPT, _operation.name.in_(names))
        await self._refuse_taken(unit, rows)
        if parent_id is not None:
            rows = [*rows, *await self._rows_of(unit, parent_id)]
        release = str(1 + max((_number(row) for row in rows), default=0))
        file = await unit.add(
            StoredFile(
                storage_id=await storage_of(unit), parent_id=parent_id, name=name, size=size,
                media_type=MEDIA_TYPE, sha256=sha256, owner_id=unit.actor.author_id,
                group_id=unit.actor.default_group or COMMONS_GROUP,
            )
        )  # fmt: skip
        for description in descriptions:
            declared = declaration.read(description, release, file.id, None)
            await write_operation(unit, declared, command=str(file.id), steps=[dict(description)])
        return file.id

    async def _refuse_taken(self, unit: Unit, rows: Iterable[Operation]) -> None:
        taken = [row for row in rows if not row.deprecated]
        if taken:
            files = await unit.stored(StoredFile, [origin(taken[0])])
            where = files[0].name if files else "another script"
            raise Conflict(
                f"{taken[0].name} is an operation of {where} already; rename one of them.",
                noun="operation", id=taken[0].id,
            )  # fmt: skip

    async def _rows_of(self, unit: Unit, id: int) -> Sequence[Operation]:
        """Return the operations of all versions of a script."""
        files = await unit.scalars(
            select(_file.id).where((_file.id == id) | (_file.parent_id == id))
        )
        return await unit.all(
            Operation,
            _operation.source == SCRIPT,
            _operation.command.in_([str(one) for one in files]),
            order=_operation.id,
        )


def root_of(file: StoredFile) -> int:
    """Return the id of the script that a file is a version of."""
    return file.id if file.parent_id is None else file.parent_id


def checked_file_name(name: str) -> str:
    """Return a name that a Python file may have. Raises Invalid."""
    title = checked_name(name)
    stem = title.removesuffix(".py")
    if stem == title or "/" in stem or not stem.isidentifier() or keyword.iskeyword(stem):
        raise Invalid("name", f"{title!r} is no name of a Python file, such as smooth.py.")
    return title


def _number(row: Operation) -> int:
    return int(row.release)


__all__ = ["LARGEST", "Script", "Scripts", "Version", "described"]
