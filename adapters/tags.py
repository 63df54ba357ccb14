"""Tags as a list of words: each there once, and what they are put on.

A tag made here has a name that is taken once among those its maker can read, though the table
allows doubles: other doors make them. A tag is on an object once here, whoever put it there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from adapters.annotation_values import checked_value
from adapters.attaching import Target, attach, insert, objects_of, targeted, tell_objects
from store.access.visible import broad
from store.catalog import Catalog
from store.errors import Conflict, NotFound
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink
from store.tables.columns import name_key
from store.unit import Unit

_note, _link = cols(Annotation), cols(AnnotationLink)


@dataclass(frozen=True, slots=True)
class Tagging:
    """A tag on an object: the link's id, who made it and when (ms UTC), and the tag."""

    id: int
    owner_id: int
    created_at: int
    noun: str
    target_id: int
    tag_id: int
    name: str

    @property
    def target(self) -> Target:
        """The object it is on."""
        return self.noun, self.target_id


class Tags:
    """Verbs on tags."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def all(self) -> Sequence[Annotation]:
        """Return the tags of the groups one reads, attached or not, the newest first."""
        statement = self._catalog.select(Annotation).where(_note.kind == AnnotationKind.TAG.value)
        everything = broad(_note, self._catalog.actor)
        if everything is not None:
            statement = statement.where(everything)
        return await self._catalog.all(Annotation, statement.order_by(_note.id.desc()))

    async def get(self, id: int) -> Annotation:
        """Return a tag. Raises NotFound, also for an annotation of another kind."""
        row = await self._catalog.one(Annotation, id)
        if row.kind != AnnotationKind.TAG.value:
            raise NotFound("tag", id)
        return row

    async def create(self, name: str) -> Annotation:
        """Make a tag. Raises Invalid, Conflict for a name that is taken."""
        text = checked_value(AnnotationKind.TAG, name)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"create tag {text}"
            await _refuse_taken(unit, text)
            return await insert(unit, AnnotationKind.TAG, text, ())

        return await self._catalog.write("create_tag", work)

    async def rename(self, id: int, name: str) -> Annotation:
        """Give a tag another name. Raises NotFound, Forbidden, Invalid, Conflict if it is taken."""
        text = checked_value(AnnotationKind.TAG, name)

        async def work(unit: Unit) -> Annotation:
            seen = await _tag(unit, id)
            unit.journal.summary = f"rename tag {seen.text} to {text}"
            if seen.text != text:
                await _refuse_taken(unit, text, but=id)
            return await unit.change(Annotation, id, text=text, text_key=name_key(text))

        return await self._catalog.write("rename_tag", work)

    async def delete(self, id: int) -> None:
        """Delete a tag; it is taken off everything. Raises NotFound or Forbidden."""

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"delete tag {(await _tag(unit, id)).text}"
            await unit.trash(Annotation, [id])

        await self._catalog.write("delete_tag", work)

    # on objects

    async def on(self, targets: Iterable[Target]) -> dict[Target, list[Tagging]]:
        """Return the tags on objects found visible before, oldest first; one statement."""
        gathered: dict[Target, list[Tagging]] = {target: [] for target in targets}
        if not gathered:
            return {}
        for found in await self._taggings(targeted(self._catalog.members, gathered), settled=True):
            gathered[found.target].append(found)
        return gathered

    async def everywhere(self) -> list[Tagging]:
        """Return every tag on everything that one sees, the newest first."""
        return (await self._taggings())[::-1]

    async def tagging(self, id: int) -> Tagging:
        """Return one tag on an object. Raises NotFound."""
        found = await self._taggings(_link.id == id)
        if not found:
            raise NotFound("tag association", id)
        return found[0]

    async def _taggings(self, *where: Any, settled: bool = False) -> list[Tagging]:
        # Whoever sees an object reads what is attached to it, so the tag itself is not asked.
        names = ("annotation", "annotation_link") if settled else ("annotation",)
        return [
            Tagging(*row)
            for row in await self._catalog.rows(_all_taggings().where(*where), settled=names)
        ]

    async def put_on(self, tag_id: int, target: Target) -> Tagging:
        """Put a tag on an object. Raises NotFound, Forbidden, Conflict if it is there already."""

        async def work(unit: Unit) -> int:
            tag = await _tag(unit, tag_id)
            unit.journal.summary = f"tag {target[0]} {target[1]} with {tag.text}"
            await unit.queue_for(f"tag:{tag_id}")
            objects = await objects_of(unit, [target])
            there = select(_link.id).where(
                _link.annotation_id == tag_id,
                targeted(unit.members, objects),
                _link.trashed_by.is_(None),
            )
            if await unit.scalars(there):
                raise Conflict(f"{target[0]} {target[1]} bears tag {tag.text} already.", tag=tag_id)
            await attach(unit, [tag_id], objects)
            return int((await unit.scalars(there))[0])

        return await self.tagging(await self._catalog.write("attach_tag", work))

    async def take_off(self, id: int) -> None:
        """Take a tag off an object, by the link's id. Raises NotFound or Forbidden."""
        seen = await self.tagging(id)

        async def work(unit: Unit) -> None:
            unit.journal.summary = f"take tag {seen.name} off {seen.noun} {seen.target_id}"
            await unit.trash(AnnotationLink, [id])
            await tell_objects(unit, {seen.target})

        await self._catalog.write("detach_tag", work)


def _all_taggings() -> Select[Any]:
    return (
        select(
            _link.id, _link.owner_id, _link.created_at, _link.target_type, _link.target_id,
            _note.id, _note.text,
        )
        .select_from(
            table(AnnotationLink).join(table(Annotation), _note.id == _link.annotation_id)
        )
        .where(_note.kind == AnnotationKind.TAG.value)
        .order_by(_link.id)
    )  # fmt: skip


async def _tag(unit: Unit, id: int) -> Annotation:
    row = await unit.one(Annotation, id)
    if row.kind != AnnotationKind.TAG.value:
        raise NotFound("tag", id)
    return row


async def _refuse_taken(unit: Unit, text: str, but: int | None = None) -> None:
    """Raise Conflict if the actor reads another tag of this name, in any case of letters."""
    await unit.queue_for("tags")
    found = await unit.all(
        Annotation,
        _note.kind == AnnotationKind.TAG.value,
        _note.text_key == name_key(text),
        order=_note.id,
    )
    for row in found:
        if row.id != but and (row.text or "").casefold() == text.casefold():
            raise Conflict(f"There is a tag {row.text!r} already: {row.id}.", tag=row.id)
