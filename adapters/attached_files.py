"""Files attached to objects, each by the link that attaches it.

One file may be attached to several objects; here each of these is a thing of its own, which is
taken off one object at a time. `adapters.attachments` keeps and attaches files.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from adapters.attaching import Changes, Target, alter, targeted, tell_objects
from store.access.capabilities import Can
from store.catalog import Catalog
from store.errors import NotFound
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.files import StoredFile
from store.unit import Unit

_note, _link, _file = cols(Annotation), cols(AnnotationLink), cols(StoredFile)
_HANGING = ("annotation", "stored_file")


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file on an object: the link's id and time (ms UTC), the annotation, and the stored file."""

    id: int
    created_at: int
    noun: str
    target_id: int
    annotation_id: int
    updated_at: int | None
    extra: dict[str, Any] | None
    file_id: int
    filename: str

    @property
    def target(self) -> Target:
        """The object it is on."""
        return self.noun, self.target_id


class AttachedFiles:
    """Verbs on files that are on objects."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def on(self, targets: Iterable[Target]) -> dict[Target, list[AttachedFile]]:
        """Return the files on objects found visible before, oldest first; one statement."""
        gathered: dict[Target, list[AttachedFile]] = {target: [] for target in targets}
        if not gathered:
            return {}
        rows = await self._catalog.rows(
            _all().where(targeted(self._catalog.members, gathered)),
            settled=(*_HANGING, "annotation_link"),
        )
        for found in (AttachedFile(*row) for row in rows):
            gathered[found.target].append(found)
        return gathered

    async def everywhere(self) -> list[AttachedFile]:
        """Return every file on everything that one sees, the newest first."""
        rows = await self._catalog.rows(_all(), settled=_HANGING)
        return [AttachedFile(*row) for row in rows][::-1]

    async def get(self, id: int) -> AttachedFile:
        """Return one, by the link's id. Raises NotFound."""
        rows = await self._catalog.rows(_all().where(_link.id == id), settled=_HANGING)
        if not rows:
            raise NotFound("attached file", id)
        return AttachedFile(*rows[0])

    async def of(self, annotation_id: int, target: Target) -> AttachedFile:
        """Return what an annotation is on an object. Raises NotFound."""
        for found in (await self.on([target]))[target]:
            if found.annotation_id == annotation_id:
                return found
        raise NotFound("attached file", annotation_id)

    async def replace(self, id: int, file_id: int) -> AttachedFile:
        """Attach another stored file in the place of this one. Raises NotFound or Forbidden."""
        seen = await self.get(id)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"replace attached file {seen.filename}"
            await unit.one(Annotation, seen.annotation_id, can=Can.EDIT)
            await alter(unit, seen.annotation_id, Changes({"file_id": file_id}, file_id=file_id))

        await self._catalog.write("replace_attached_file", work)
        return await self.get(id)

    async def take_off(self, id: int) -> None:
        """Take a file off an object; one that is on nothing else goes to the trash with it.

        Raises NotFound or Forbidden.
        """
        seen = await self.get(id)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"take file {seen.filename} off {seen.noun} {seen.target_id}"
            await unit.trash(AnnotationLink, [id])
            others = await unit.scalars(
                select(_link.id)
                .where(_link.annotation_id == seen.annotation_id, _link.trashed_by.is_(None))
                .limit(1)
            )
            if not others:
                for row in await unit.stored(Annotation, [seen.annotation_id]):
                    (can,) = await unit.judge.capabilities(Annotation, [row])
                    if can & Can.DELETE:
                        await unit.discard(Annotation, [row])
            await tell_objects(unit, {seen.target})

        await self._catalog.write("detach_file", work)


def _all() -> Select[Any]:
    return (
        select(
            _link.id, _link.created_at, _link.target_type, _link.target_id,
            _note.id, _note.updated_at, _note.extra, _file.id, _file.name,
        )
        .select_from(
            table(AnnotationLink)
            .join(table(Annotation), _note.id == _link.annotation_id)
            .join(table(StoredFile), _file.id == _note.file_id)
        )
        .where(_note.kind == AnnotationKind.FILE.value)
        .order_by(_link.id)
    )  # fmt: skip
