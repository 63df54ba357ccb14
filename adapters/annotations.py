"""Annotations: metadata of nine kinds, on any object, often on many at once.

An annotation belongs to its author's group and may be attached to objects of other groups; whoever
reads the object reads it. Attaching needs `annotate` on the object and `read` on the annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Select, and_, or_, select

from adapters.annotation_values import VALUE, checked_namespace, checked_value
from adapters.containers import USERS_GROUP, checked_name
from adapters.filters import Filter, compiled
from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE, broad
from store.catalog import Catalog
from store.clock import now_ms
from store.errors import Forbidden, Invalid, NotFound
from store.paging import Keyset, Page
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink, KeyValue
from store.tables.columns import name_key
from store.tables.files import StoredFile
from store.unit import Unit

Target: TypeAlias = tuple[str, int]  # the plain word of a noun, as in ANNOTATABLE, and an id
Pairs: TypeAlias = Sequence[tuple[str, str]]

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
            .where(_targeted(self._catalog.members, gathered))
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
        }
        content = checked_value(kind, value)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"create {kind.value} annotation"
            objects = await _objects(unit, wanted)
            if kind is AnnotationKind.FILE:
                await unit.one(StoredFile, value)
            fields = {} if VALUE[kind] is None else {str(VALUE[kind]): content}
            if fields.get("text") is not None:
                fields["text_key"] = name_key(fields["text"])
            row = await unit.add(
                Annotation(
                    kind=kind.value, owner_id=unit.actor.author_id,
                    group_id=group_for(unit, group_id, objects.values()),
                    extra=None if extra is None else dict(extra), **stated, **fields,
                )
            )  # fmt: skip
            if kind is AnnotationKind.MAP:
                await _add_pairs(unit, row.id, list(enumerate(content)))
            await _attach(unit, [row.id], objects)
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
        for field in fields:
            if field not in ("ns", "name", "description", "extra"):
                raise Invalid(field, "an annotation has no such field to set.")
        after = dict(fields)
        if "ns" in after:
            after["ns"] = checked_namespace(after["ns"])
        if after.get("name") is not None:
            after["name"] = checked_name(after["name"])
        pairs: Pairs | None = None
        if value is not None:
            content = checked_value(kind, value)
            column = VALUE[kind]
            if column is None:
                pairs = content
            else:
                after[column] = content
            if column == "text":
                after["text_key"] = name_key(content)

        async def work(unit: Unit) -> Annotation:
            unit.journal.summary = f"change {kind.value} annotation {id}"
            if kind is AnnotationKind.FILE and value is not None:
                await unit.one(StoredFile, value)
            seen = await unit.one(Annotation, id)
            row = await unit.change(Annotation, id, expected=expected, **after)
            replaced = pairs is not None and await _replace_pairs(unit, id, pairs)
            if replaced and row.version == seen.version:
                row = await unit.grow(Annotation, row)
            return row

        return await self._catalog.write("update_annotation", work)

    async def attach(self, ids: Sequence[int], targets: Iterable[Target]) -> int:
        """Attach annotations to objects in the actor's name; return how many links are new."""
        wanted = list(dict.fromkeys(targets))

        async def work(unit: Unit) -> int:
            found = await unit.all(Annotation, unit.members(_annotation.id, set(ids)))
            _complete("annotation", ids, [row.id for row in found])
            unit.journal.summary = f"attach {len(found)} annotations to {len(wanted)} objects"
            return await _attach(unit, list(dict.fromkeys(ids)), await _objects(unit, wanted))

        return await self._catalog.write("attach_annotations", work)

    async def detach(self, ids: Sequence[int], targets: Iterable[Target]) -> int:
        """Take annotations off objects; return how many links went.

        Own links need `annotate` on the object, those of others `edit`. Raises NotFound for an
        object that is not seen, Forbidden if there are links and the actor may cut none of them.
        """
        wanted = list(dict.fromkeys(targets))

        async def work(unit: Unit) -> int:
            unit.journal.summary = f"detach {len(ids)} annotations from {len(wanted)} objects"
            await _objects(unit, wanted)
            links = await unit.all(
                AnnotationLink,
                unit.members(_link.annotation_id, set(ids)),
                _targeted(unit.members, wanted),
            )
            allowed = await unit.judge.capabilities(AnnotationLink, links)
            mine = [link for link, can in zip(links, allowed, strict=True) if can & Can.DELETE]
            if links and not mine:
                link = links[0]
                raise Forbidden("detach annotations from", link.target_type, link.target_id)
            if mine:
                await unit.trash(AnnotationLink, [link.id for link in mine])
                await _tell_objects(unit, {(one.target_type, one.target_id) for one in mine})
            return len(mine)

        return await self._catalog.write("detach_annotations", work)


def group_for(unit: Unit, group_id: int | None, objects: Iterable[Any] = ()) -> int:
    """Return the group of a new annotation or ontology. Raises Forbidden or Invalid."""
    actor = unit.actor
    if not actor.signed_in:
        raise Forbidden("create", "object", "here", "sign in first.")
    if group_id is None:
        groups = [one.group_id for one in objects if hasattr(one, "group_id")]
        group_id = next((group for group in groups if group in actor.groups), actor.default_group)
    if group_id is None:
        raise Invalid("group", "you have no default group; name one.")
    if group_id == USERS_GROUP or not (group_id in actor.groups or actor.leads(group_id)):
        raise Forbidden("create in", "group", group_id, "you are not a member of it.")
    return group_id


def _targeted(members: Any, targets: Iterable[Target]) -> Any:
    """Return the test that a link is of one of these objects: one bound list per noun."""
    by_noun: dict[str, list[int]] = {}
    for noun, id in targets:
        by_noun.setdefault(noun, []).append(id)
    return or_(
        *(
            and_(_link.target_type == noun, members(_link.target_id, set(ids)))
            for noun, ids in by_noun.items()
        )
    )


async def _objects(unit: Unit, targets: Sequence[Target]) -> dict[Target, Any]:
    """Return the objects, two statements per noun. Raises NotFound or Forbidden."""
    found: dict[Target, Any] = {}
    for word in dict.fromkeys(noun for noun, _ in targets):
        if word not in ANNOTATABLE:
            raise Invalid("targets", f"a {word} cannot be annotated.")
        noun, ids = ANNOTATABLE[word], [id for name, id in targets if name == word]
        rows: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, set(ids)))
        _complete(word, ids, [row.id for row in rows])
        for row, can in zip(rows, await unit.judge.capabilities(noun, rows), strict=True):
            if not can & Can.ANNOTATE:
                raise Forbidden("annotate", word, row.id)
            found[word, row.id] = row
    return found


def _complete(noun: str, wanted: Iterable[int], found: Iterable[int]) -> None:
    missing = set(wanted) - set(found)
    if missing:
        raise NotFound(noun, min(missing))


async def _attach(unit: Unit, ids: Sequence[int], objects: Mapping[Target, Any]) -> int:
    if not objects or not ids:
        return 0
    me, now = unit.actor.author_id, now_ms()
    known = {
        (row.annotation_id, row.target_type, row.target_id)
        for row in await unit.rows(
            select(_link.annotation_id, _link.target_type, _link.target_id).where(
                unit.members(_link.annotation_id, ids),
                _targeted(unit.members, objects),
                _link.owner_id == me,
                _link.trashed_by.is_(None),
            )
        )
    }
    fresh = [
        (id, *target, me, now) for id in ids for target in objects if (id, *target) not in known
    ]
    await unit.add_many(
        AnnotationLink,
        ("annotation_id", "target_type", "target_id", "owner_id", "created_at"),
        fresh,
    )
    for noun, id in dict.fromkeys((row[1], row[2]) for row in fresh):
        unit.tell("changed", ANNOTATABLE[noun], objects[noun, id])
    return len(fresh)


async def _tell_objects(unit: Unit, targets: set[Target]) -> None:
    for word in sorted({noun for noun, _ in targets}):
        noun = ANNOTATABLE[word]
        ids = [id for name, id in targets if name == word]
        rows: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, ids))
        for row in rows:
            unit.tell("changed", noun, row)


async def _add_pairs(
    unit: Unit, annotation_id: int, pairs: Sequence[tuple[int, tuple[str, str]]]
) -> None:
    await unit.add_many(
        KeyValue,
        ("annotation_id", "position", "key", "value"),
        [(annotation_id, position, key, value) for position, (key, value) in pairs],
    )


async def _replace_pairs(unit: Unit, annotation_id: int, pairs: Pairs) -> bool:
    """Bring the pairs of a map to what is wanted; tell whether anything changed.

    A pair that stays keeps its id, and so does one whose key stays and whose value is new.
    """
    old = list(await unit.all(KeyValue, _pair.annotation_id == annotation_id, order=_pair.position))
    taken: dict[int, KeyValue] = {}
    for keep in ("exact", "key"):
        for position, (key, value) in enumerate(pairs):
            match = next(
                (row for row in old if row.key == key and (keep == "key" or row.value == value)),
                None,
            )
            if position not in taken and match is not None:
                old.remove(match)
                taken[position] = match
    changed = bool(old) or len(taken) < len(pairs)
    for position, row in taken.items():
        value = pairs[position][1]
        if (row.position, row.value) != (position, value):
            await unit.change(KeyValue, row.id, position=position, value=value)
            changed = True
    if old:
        await unit.stamp(KeyValue, [row.id for row in old])
    fresh = [(n, pair) for n, pair in enumerate(pairs) if n not in taken]
    await _add_pairs(unit, annotation_id, fresh)
    return changed


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
