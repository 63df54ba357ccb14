"""Annotations: metadata of nine kinds, on any object, often on many at once.

An annotation belongs to its author's group and may be attached to objects of other groups; whoever
reads the object reads it. Attaching needs `annotate` on the object and `read` on the annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Select, select

from adapters.annotation_values import checked_namespace, checked_value
from adapters.attaching import Target as Target
from adapters.attaching import (
    alter,
    attach,
    changes_of,
    complete,
    detach,
    insert,
    objects_of,
    targeted,
)
from adapters.attaching import group_for as group_for
from adapters.containers import checked_name
from adapters.filters import Filter, compiled
from store.access.capabilities import Can
from store.access.visible import broad
from store.catalog import Catalog
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink, KeyValue
from store.tables.files import StoredFile
from store.unit import Unit

_annotation, _link, _pair = cols(Annotation), cols(AnnotationLink), cols(KeyValue)
_file = cols(StoredFile)


class Annotations:
    """Verbs on annotations and what they are attached to."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def get(self, id: int) -> Annotation:
        """Return one annotation. Raises NotFound."""
        return await self._catalog.one(Annotation, id)

    async def many(self, ids: Sequence[int]) -> dict[int, Annotation]:
        """Return the visible ones of these annotations by id, in one statement."""
        found = await self._catalog.by_ids(Annotation, ids)
        return {id: one for id, one in zip(ids, found, strict=True) if one is not None}

    def can(self, row: Annotation) -> Can:
        """Return what the actor may do to an annotation that was found visible."""
        return self._catalog.actor.can_owned(row) | Can.READ

    async def page(self, keyset: Keyset, where: Filter | None = None) -> Page[Annotation]:
        """Return one page of the annotations of groups one reads, attached or not."""
        return await self._catalog.page(Annotation, self._list(where), keyset)

    async def count(self, where: Filter | None = None) -> int:
        """Count annotations as `page` lists them."""
        return await self._catalog.count(self._list(where))

    def _list(self, where: Filter | None) -> Select[Any]:
        statement = self._catalog.select(Annotation).where(compiled(where, _annotation))
        # Without an object to start from, group and ownership alone decide: asking every link of
        # every annotation would cost a hundred times as much.
        everything = broad(_annotation, self._catalog.actor)
        return statement if everything is None else statement.where(everything)

    async def on(self, targets: Iterable[Target]) -> dict[Target, list[Annotation]]:
        """Return the annotations of objects found visible before, oldest first; one statement."""
        gathered: dict[Target, list[Annotation]] = {target: [] for target in targets}
        if not gathered:
            return {}
        rows = await self._catalog.rows(
            self._catalog.select(Annotation)
            .add_columns(_link.target_type.label("on_type"), _link.target_id.label("on_id"))
            .join(table(AnnotationLink), _link.annotation_id == _annotation.id)
            .where(targeted(self._catalog.members, gathered))
            .order_by(_annotation.id),
            settled=("annotation", "annotation_link"),
        )
        for row in rows:
            found = gathered[row.on_type, row.on_id]
            if not found or found[-1].id != row.id:  # Two people may attach the same one.
                found.append(row)
        return gathered

    async def targets_of(self, ids: Sequence[int]) -> dict[int, list[Target]]:
        """Return the objects that annotations are attached to, those one sees; one statement."""
        links = await self._catalog.all(
            AnnotationLink,
            self._catalog.select(AnnotationLink)
            .where(self._catalog.members(_link.annotation_id, set(ids)))
            .order_by(_link.id),
        )
        gathered: dict[int, dict[Target, None]] = {id: {} for id in ids}
        for link in links:
            gathered[link.annotation_id][link.target_type, link.target_id] = None
        return {id: list(found) for id, found in gathered.items()}

    async def pairs_of(self, ids: Sequence[int]) -> dict[int, list[KeyValue]]:
        """Return the pairs of maps found visible before, in order; one statement."""
        gathered: dict[int, list[KeyValue]] = {id: [] for id in ids}
        rows = await self._catalog.all(
            KeyValue,
            self._catalog.select(KeyValue)
            .where(self._catalog.members(_pair.annotation_id, set(ids)))
            .order_by(_pair.annotation_id, _pair.position, _pair.id),
            settled=("key_value",),
        )
        for row in rows:
            gathered[row.annotation_id].append(row)
        return gathered

    async def files_of(self, ids: Sequence[int]) -> dict[int, StoredFile]:
        """Return the files of annotations found visible before, by annotation; one statement."""
        rows = await self._catalog.rows(
            self._catalog.select(StoredFile)
            .add_columns(_annotation.id.label("annotation_id"))
            .join(table(Annotation), _annotation.file_id == _file.id)
            .where(self._catalog.members(_annotation.id, set(ids))),
            settled=("stored_file", "annotation"),
        )
        return {row.annotation_id: row for row in rows}

    # writing

    async def create(
        self,
        kind: AnnotationKind,
        value: Any,
        *,
        ns: str | None = None,
        name: str | None = None,
        description: str | None = None,
        extra: Mapping[str, Any] | None = None,
        group_id: int | None = None,
        targets: Iterable[Target] = (),
    ) -> Annotation:
        """Make an annotation, attached to objects if any are named, in one command.

        `value` by kind: text of a tag, comment or XML; pairs of a map; int, float or bool; ms of a
        timestamp; id of a stored file. The group is the one asked for, else that of the first
        object if the actor belongs to it, else the actor's default group.
        """
        kind = AnnotationKind(kind)
        wanted = list(dict.fromkeys(targets))
        stated: dict[str, Any] = {
            "ns": checked_namespace(ns),
            "name": None if name is None else checked_name(name),
            "description": description,
            "extra": None if extra is None else dict(extra),
        }
        content = checked_value(kind, value)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"create {kind.value} annotation"
            objects = await objects_of(unit, wanted)
            if kind is AnnotationKind.FILE:
                await unit.one(StoredFile, value)
            row = await insert(unit, kind, content, objects.values(), group_id, **stated)
            await attach(unit, [row.id], objects)
            return row

        return await self._catalog.write("create_annotation", work)

    async def update(
        self, id: int, *, expected: int | None = None, value: Any = None, **fields: Any
    ) -> Annotation:
        """Change the value, name, description or namespace; None as value leaves it.

        The pairs of a map are replaced as a whole; unchanged ones keep their ids.
        """
        before = await self.get(id)
        kind = AnnotationKind(before.kind)
        changes = changes_of(kind, fields, value)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"change {kind.value} annotation {id}"
            return await alter(unit, id, changes, expected=expected)

        return await self._catalog.write("update_annotation", work)

    async def attach(self, ids: Sequence[int], targets: Iterable[Target]) -> int:
        """Attach annotations to objects in the actor's name; return how many links are new."""
        wanted = list(dict.fromkeys(targets))

        async def work(unit: Unit) -> int:
            found = await unit.all(Annotation, unit.members(_annotation.id, set(ids)))
            complete("annotation", ids, [row.id for row in found])
            unit.journal.summary = f"attach {len(found)} annotations to {len(wanted)} objects"
            return await attach(unit, list(dict.fromkeys(ids)), await objects_of(unit, wanted))

        return await self._catalog.write("attach_annotations", work)

    async def detach(self, ids: Sequence[int], targets: Iterable[Target]) -> int:
        """Take annotations off objects; return how many links went.

        Own links need `annotate` on the object, those of others `edit`. Raises NotFound for an
        object that is not seen, Forbidden if there are links and the actor may cut none of them.
        """
        wanted = list(dict.fromkeys(targets))

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"detach {len(ids)} annotations from {len(wanted)} objects"
            return await detach(unit, ids, await objects_of(unit, wanted))

        return await self._catalog.write("detach_annotations", work)


def annotated(noun: Any, annotation_id: int) -> Any:
    """Return the predicate that an object carries an annotation: for `Holds`."""
    return cols(noun).id.in_(
        select(_link.target_id).where(
            _link.annotation_id == annotation_id,
            _link.target_type == table(noun).name,
            _link.trashed_by.is_(None),
        )
    )


def having_pair(*, key: str | None = None, value: str | None = None) -> Any:
    """Return the predicate that a map has a pair with this key or value: for `Holds`."""
    tests = [
        column == wanted
        for column, wanted in ((_pair.key, key), (_pair.value, value))
        if wanted is not None
    ]
    return _annotation.id.in_(select(_pair.annotation_id).where(_pair.trashed_by.is_(None), *tests))
