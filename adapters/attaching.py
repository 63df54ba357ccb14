"""Annotations within a unit of work: making them, attaching them, and their pairs.

Whoever writes several annotations as one act builds it of these; `adapters.annotations` holds the
verbs on single ones. Attaching needs `annotate` on the object and `read` on the annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import and_, or_, select

from adapters.annotation_values import VALUE, checked_namespace, checked_value
from adapters.containers import USERS_GROUP, checked_name
from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE
from store.clock import now_ms
from store.errors import Forbidden, Invalid, NotFound
from store.statement import cols
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink, KeyValue
from store.tables.columns import name_key
from store.tables.files import StoredFile
from store.unit import Unit

Target: TypeAlias = tuple[str, int]  # the plain word of a noun, as in ANNOTATABLE, and an id
Pairs: TypeAlias = Sequence[tuple[str, str]]

_link, _pair = cols(AnnotationLink), cols(KeyValue)


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


def targeted(members: Any, targets: Iterable[Target]) -> Any:
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


async def objects_of(unit: Unit, targets: Sequence[Target]) -> dict[Target, Any]:
    """Return the objects, two statements per noun. Raises NotFound or Forbidden."""
    found: dict[Target, Any] = {}
    for word in dict.fromkeys(noun for noun, _ in targets):
        if word not in ANNOTATABLE:
            raise Invalid("targets", f"a {word} cannot be annotated.")
        noun, ids = ANNOTATABLE[word], [id for name, id in targets if name == word]
        rows: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, set(ids)))
        complete(word, ids, [row.id for row in rows])
        for row, can in zip(rows, await unit.judge.capabilities(noun, rows), strict=True):
            if not can & Can.ANNOTATE:
                raise Forbidden("annotate", word, row.id)
            found[word, row.id] = row
    return found


def complete(noun: str, wanted: Iterable[int], found: Iterable[int]) -> None:
    """Raise NotFound for the first that was wanted and not found."""
    missing = set(wanted) - set(found)
    if missing:
        raise NotFound(noun, min(missing))


async def attach(unit: Unit, ids: Sequence[int], objects: Mapping[Target, Any]) -> int:
    """Attach annotations found visible to judged objects; return how many links are new."""
    if not objects or not ids:
        return 0
    me, now = unit.actor.author_id, now_ms()
    known = {
        (row.annotation_id, row.target_type, row.target_id)
        for row in await unit.rows(
            select(_link.annotation_id, _link.target_type, _link.target_id).where(
                unit.members(_link.annotation_id, ids),
                targeted(unit.members, objects),
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


async def tell_objects(unit: Unit, targets: set[Target]) -> None:
    """Announce that what these objects carry has changed."""
    for word in sorted({noun for noun, _ in targets}):
        noun = ANNOTATABLE[word]
        ids = [id for name, id in targets if name == word]
        rows: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, ids))
        for row in rows:
            unit.tell("changed", noun, row)


async def add_pairs(
    unit: Unit, annotation_id: int, pairs: Sequence[tuple[int, tuple[str, str]]]
) -> None:
    """Add pairs, each with its position, to a map that may be changed."""
    await unit.add_many(
        KeyValue,
        ("annotation_id", "position", "key", "value"),
        [(annotation_id, position, key, value) for position, (key, value) in pairs],
    )


async def replace_pairs(unit: Unit, annotation_id: int, pairs: Pairs) -> bool:
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
    await add_pairs(unit, annotation_id, fresh)
    return changed


async def insert(
    unit: Unit,
    kind: AnnotationKind,
    content: Any,
    objects: Iterable[Any],
    group_id: int | None = None,
    **stated: Any,
) -> Annotation:
    """Add an annotation with a checked value; attach it afterwards. Raises as `group_for`."""
    column = VALUE[kind]
    fields = {} if column is None else {column: content}
    if column == "text":
        fields["text_key"] = name_key(content)
    row = await unit.add(
        Annotation(
            kind=kind.value, owner_id=unit.actor.author_id,
            group_id=group_for(unit, group_id, objects), **stated, **fields,
        )
    )  # fmt: skip
    if kind is AnnotationKind.MAP:
        await add_pairs(unit, row.id, list(enumerate(content)))
    return row


@dataclass(frozen=True, slots=True)
class Changes:
    """What an annotation of some kind is to become: checked columns, and all pairs of a map."""

    columns: Mapping[str, Any]
    pairs: Pairs | None = None
    file_id: int | None = None


def changes_of(kind: AnnotationKind, fields: Mapping[str, Any], value: Any = None) -> Changes:
    """Check new fields, and a new value unless it is None. Raises Invalid."""
    for field in fields:
        if field not in ("ns", "name", "description", "extra"):
            raise Invalid(field, "an annotation has no such field to set.")
    after = dict(fields)
    if "ns" in after:
        after["ns"] = checked_namespace(after["ns"])
    if after.get("name") is not None:
        after["name"] = checked_name(after["name"])
    if value is None:
        return Changes(after)
    content, column = checked_value(kind, value), VALUE[kind]
    if column is None:
        return Changes(after, content)
    after[column] = content
    if column == "text":
        after["text_key"] = name_key(content)
    return Changes(after, file_id=content if kind is AnnotationKind.FILE else None)


async def alter(
    unit: Unit, id: int, changes: Changes, *, expected: int | None = None
) -> Annotation:
    """Change an annotation. Raises NotFound, Forbidden, Conflict on a stale version."""
    if changes.file_id is not None:
        await unit.one(StoredFile, changes.file_id)
    seen = await unit.one(Annotation, id)
    row = await unit.change(Annotation, id, expected=expected, **changes.columns)
    replaced = changes.pairs is not None and await replace_pairs(unit, id, changes.pairs)
    if replaced and row.version == seen.version:
        row = await unit.grow(Annotation, row)
    return row


async def detach(unit: Unit, ids: Iterable[int], objects: Mapping[Target, Any]) -> int:
    """Take annotations off objects; return how many links went.

    Own links need `annotate` on the object, those of others `edit`. Raises Forbidden if there are
    links and the actor may cut none of them.
    """
    if not objects:
        return 0
    links = await unit.all(
        AnnotationLink,
        unit.members(_link.annotation_id, set(ids)),
        targeted(unit.members, objects),
    )
    allowed = await unit.judge.capabilities(AnnotationLink, links)
    mine = [link for link, can in zip(links, allowed, strict=True) if can & Can.DELETE]
    if links and not mine:
        link = links[0]
        raise Forbidden("detach annotations from", link.target_type, link.target_id)
    if mine:
        await unit.trash(AnnotationLink, [link.id for link in mine])
        await tell_objects(unit, {(one.target_type, one.target_id) for one in mine})
    return len(mine)
