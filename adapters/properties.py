"""Properties: named texts on an object, each a pair of one of the maps attached to it.

A key is there once per object here, whoever wrote it, though maps allow doubles: other doors make
them. A new property goes into the caller's own map on that object. A map that lies on several
objects is copied before it is edited on one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select

from adapters.annotation_values import checked_value
from adapters.attaching import (
    Target,
    add_pairs,
    attach,
    detach,
    insert,
    objects_of,
    targeted,
)
from store.access.capabilities import Can
from store.access.visible import ANNOTATABLE
from store.catalog import Catalog
from store.errors import Conflict, Forbidden, HubError, Invalid, NotFound
from store.statement import cols, table
from store.tables.annotations import Annotation, AnnotationKind, AnnotationLink, KeyValue
from store.tables.containers import Placement, Project
from store.tables.images import Image
from store.tables.rois import Roi
from store.unit import Unit

_pair, _note, _link = cols(KeyValue), cols(Annotation), cols(AnnotationLink)
_placement, _roi = cols(Placement), cols(Roi)
_NAMES = ("id", "annotation_id", "position", "key", "value", "created_at", "updated_at", "ns",
          "owner_id", "noun", "target_id")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Property:
    """A pair on an object; times (ms UTC) are of the map it is in."""

    id: int
    annotation_id: int
    position: int
    key: str
    value: str
    created_at: int
    updated_at: int | None
    ns: str | None
    owner_id: int
    noun: str
    target_id: int

    @property
    def target(self) -> Target:
        """The object it is on."""
        return self.noun, self.target_id


@dataclass(frozen=True, slots=True)
class NewProperty:
    """A property to be made."""

    target: Target
    key: str
    value: str


class Properties:
    """Verbs on properties. `ns` is the namespace that maps made here bear."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    # reading

    async def on(self, targets: Iterable[Target]) -> dict[Target, list[Property]]:
        """Return the properties of objects found visible before, by map and place; one statement.

        A pair of a map that two people attached is there once.
        """
        gathered: dict[Target, dict[int, Property]] = {target: {} for target in targets}
        if not gathered:
            return {}
        for found in _properties(
            await self._catalog.rows(
                _on(self._catalog.members, gathered),
                settled=("key_value", "annotation", "annotation_link"),
            )
        ):
            gathered[found.target].setdefault(found.id, found)
        return {target: list(several.values()) for target, several in gathered.items()}

    async def get(self, target: Target, id: int) -> Property:
        """Return a property of an object found visible before. Raises NotFound."""
        for found in (await self.on([target]))[target]:
            if found.id == id:
                return found
        raise NotFound("property", id)

    async def named(self, target: Target, key: str) -> Property:
        """Return the first property of a name on an object. Raises NotFound."""
        for found in (await self.on([target]))[target]:
            if found.key == key:
                return found
        raise NotFound("property", key[:80])

    async def keys_of_images(self, project_id: int) -> list[str]:
        """Return the names in use on the images of a project, sorted. Raises NotFound."""
        await self._catalog.one(Project, project_id)
        placed = select(_placement.image_id).where(
            _placement.project_id == project_id, _placement.state == "live"
        )
        return await self._keys("image", placed, self._catalog.visible_ids(Image))

    async def keys_of_rois(
        self,
        *,
        project_id: int | None = None,
        image_id: int | None = None,
        author_id: int | None = None,
    ) -> list[str]:
        """Return the names in use on regions of a project, or of an image found visible before.

        Unbound regions count for every project that holds their image. Raises NotFound, or Invalid
        if neither is told.
        """
        chosen = select(_roi.id).where(_roi.trashed_by.is_(None))
        if project_id is None and image_id is None:
            raise Invalid("idProject", "name a project or an image.")
        if project_id is not None:
            await self._catalog.one(Project, project_id)
            placed = select(_placement.image_id).where(
                _placement.project_id == project_id, _placement.state == "live"
            )
            bound = (_roi.project_id == project_id) | _roi.project_id.is_(None)
            chosen = chosen.where(_roi.image_id.in_(placed), bound)
        if image_id is not None:
            chosen = chosen.where(_roi.image_id == image_id)
        if author_id is not None:
            chosen = chosen.where(_roi.author_id == author_id)
        return await self._keys("roi", chosen, self._catalog.visible_ids(Roi))

    async def _keys(self, noun: str, chosen: Any, seen: Any) -> list[str]:
        rows = await self._catalog.rows(
            select(_pair.key)
            .distinct()
            .select_from(_joined())
            .where(
                _link.target_type == noun, _link.target_id.in_(chosen), _link.target_id.in_(seen)
            ),
            settled=("key_value", "annotation", "annotation_link"),
        )
        return sorted(row.key for row in rows)

    async def of_rois(self, image_id: int, author_id: int, key: str) -> dict[int, str]:
        """Return the value of a property by region, of those somebody drew on an image."""
        drawn = select(_roi.id).where(
            _roi.image_id == image_id, _roi.author_id == author_id, _roi.trashed_by.is_(None)
        )
        rows = await self._catalog.rows(
            select(_link.target_id, _pair.value)
            .select_from(_joined())
            .where(
                _link.target_type == "roi",
                _link.target_id.in_(drawn),
                _link.target_id.in_(self._catalog.visible_ids(Roi)),
                _pair.key == key,
            )
            .order_by(_link.target_id, _pair.annotation_id.desc(), _pair.position.desc()),
            settled=("key_value", "annotation", "annotation_link"),
        )
        return {row.target_id: row.value for row in rows}

    # writing

    async def add(self, target: Target, key: str, value: str, *, ns: str) -> Property:
        """Put a property on an object. Raises NotFound, Forbidden, Invalid, Conflict if taken."""
        (made,) = await self.add_many([NewProperty(target, key, value)], ns=ns)
        if isinstance(made, HubError):
            raise made
        return await self.get(target, made)

    async def add_many(self, wanted: Sequence[NewProperty], *, ns: str) -> list[int | HubError]:
        """Put properties on objects as one act; return for each its id or why it was refused."""

        async def work(unit: Unit) -> list[int | HubError]:
            unit.journal.summary = f"add {_counted(len(wanted))}"
            await unit.queue_for("properties")
            objects, refused = await _judged(unit, [one.target for one in wanted])
            taken = {(one.target, one.key) for one in await _present(unit, objects)}
            answers: list[int | HubError | None] = [None] * len(wanted)
            fresh: dict[Target, list[int]] = {}
            for place, one in enumerate(wanted):
                problem = refused.get(one.target) or _problem(one, taken)
                if problem is not None:
                    answers[place] = problem
                    continue
                taken.add((one.target, one.key))
                fresh.setdefault(one.target, []).append(place)
            spots = await _insert(unit, objects, wanted, fresh, ns)
            ids = {
                (row.annotation_id, row.position): row.id
                for row in await unit.rows(
                    select(_pair.id, _pair.annotation_id, _pair.position).where(
                        unit.members(_pair.annotation_id, {id for id, _ in spots.values()}),
                        _pair.trashed_by.is_(None),
                    )
                )
            }
            for place, spot in spots.items():
                answers[place] = ids[spot]
            return [one for one in answers if one is not None]

        return await self._catalog.write("add_properties", work)

    async def change(
        self, target: Target, id: int, *, key: str | None = None, value: str | None = None
    ) -> Property:
        """Change name or value of a property; None leaves it, and what is sent back as it is too.

        Raises NotFound, Forbidden, Invalid, Conflict for a name that the object has already. The id
        is another one if the map had to be copied.
        """

        async def work(unit: Unit) -> int:
            await unit.queue_for("properties")
            objects = await objects_of(unit, [target])
            present = await _present(unit, objects)
            seen = _found(present, id)
            new = seen.key if key is None else key, seen.value if value is None else value
            if new == (seen.key, seen.value):
                return id
            checked_value(AnnotationKind.MAP, [new])
            if new[0] != seen.key and any(one.key == new[0] for one in present):
                raise _taken(target, new[0])
            unit.journal.summary = f"change property {seen.key}"
            if await _shared(unit, seen.annotation_id):
                pairs = [new if one.id == id else (one.key, one.value)
                         for one in present if one.annotation_id == seen.annotation_id]  # fmt: skip
                return await _copied(unit, objects, seen, pairs, new)
            row = await unit.one(Annotation, seen.annotation_id, can=Can.EDIT)
            await unit.change(KeyValue, id, key=new[0], value=new[1])
            await unit.grow(Annotation, row)
            return id

        return await self.get(target, await self._catalog.write("change_property", work))

    async def remove(self, target: Target, id: int) -> None:
        """Take a property off an object. Raises NotFound or Forbidden."""

        async def work(unit: Unit) -> None:
            await unit.queue_for("properties")
            objects = await objects_of(unit, [target])
            present = await _present(unit, objects)
            seen = _found(present, id)
            unit.journal.summary = f"remove property {seen.key}"
            rest = [(one.key, one.value) for one in present
                    if one.annotation_id == seen.annotation_id and one.id != id]  # fmt: skip
            if await _shared(unit, seen.annotation_id):
                if rest:
                    await _copied(unit, objects, seen, rest)
                else:
                    await detach(unit, [seen.annotation_id], objects)
                return
            row = await unit.one(Annotation, seen.annotation_id, can=Can.EDIT)
            if rest:
                await unit.stamp(KeyValue, [id])
                await unit.grow(Annotation, row)
            else:
                await unit.trash(Annotation, [row.id])

        await self._catalog.write("remove_property", work)


def _joined() -> Any:
    pairs = table(KeyValue).join(table(Annotation), _note.id == _pair.annotation_id)
    return pairs.join(table(AnnotationLink), _link.annotation_id == _note.id)


def _on(members: Any, targets: Iterable[Target]) -> Select[Any]:
    """Return the statement over the pairs of objects; whoever runs it hides what is trashed."""
    return (
        select(
            _pair.id, _pair.annotation_id, _pair.position, _pair.key, _pair.value,
            _note.created_at, _note.updated_at, _note.ns, _note.owner_id,
            _link.target_type, _link.target_id,
        )
        .select_from(_joined())
        .where(targeted(members, targets))
        .order_by(_note.id, _pair.position, _pair.id)
    )  # fmt: skip


def _properties(rows: Iterable[Any]) -> list[Property]:
    return [Property(**dict(zip(_NAMES, row, strict=True))) for row in rows]


async def _present(unit: Unit, targets: Mapping[Target, Any]) -> list[Property]:
    """Return the properties that objects have, each once."""
    if not targets:
        return []
    rows = await unit.rows(
        _on(unit.members, targets).where(
            _pair.trashed_by.is_(None), _note.trashed_by.is_(None), _link.trashed_by.is_(None)
        )
    )
    return list({(one.id, one.target): one for one in _properties(rows)}.values())


async def _judged(
    unit: Unit, targets: Sequence[Target]
) -> tuple[dict[Target, Any], dict[Target, HubError]]:
    """Return the objects that may be annotated, and why the others may not."""
    objects: dict[Target, Any] = {}
    refused: dict[Target, HubError] = {}
    for word in dict.fromkeys(noun for noun, _ in targets):
        ids = {id for noun, id in targets if noun == word}
        if word not in ANNOTATABLE:
            refused |= {(word, id): Invalid("target", f"a {word} takes none.") for id in ids}
            continue
        noun = ANNOTATABLE[word]
        rows: Sequence[Any] = await unit.all(noun, unit.members(cols(noun).id, ids))
        refused |= {(word, id): NotFound(word, id) for id in ids - {row.id for row in rows}}
        for row, can in zip(rows, await unit.judge.capabilities(noun, rows), strict=True):
            if can & Can.ANNOTATE:
                objects[word, row.id] = row
            else:
                refused[word, row.id] = Forbidden("annotate", word, row.id)
    return objects, refused


def _problem(one: NewProperty, taken: set[tuple[Target, str]]) -> HubError | None:
    try:
        checked_value(AnnotationKind.MAP, [(one.key, one.value)])
    except Invalid as error:
        return error
    return _taken(one.target, one.key) if (one.target, one.key) in taken else None


def _taken(target: Target, key: str) -> Conflict:
    noun, id = target
    return Conflict(f"{noun} {id} has a property {key[:80]!r} already.", noun=noun, id=id)


def _found(present: Iterable[Property], id: int) -> Property:
    for one in present:
        if one.id == id:
            return one
    raise NotFound("property", id)


def _counted(n: int) -> str:
    return "a property" if n == 1 else f"{n} properties"


async def _insert(
    unit: Unit,
    objects: Mapping[Target, Any],
    wanted: Sequence[NewProperty],
    fresh: Mapping[Target, Sequence[int]],
    ns: str,
) -> dict[int, tuple[int, int]]:
    """Add pairs to the caller's maps, made where there is none; return map and place of each."""
    maps = await _own_maps(unit, fresh, ns)
    spots: dict[int, tuple[int, int]] = {}
    for target, places in fresh.items():
        pairs = [(wanted[place].key, wanted[place].value) for place in places]
        known = maps.get(target)
        if known is None:
            row = await insert(unit, AnnotationKind.MAP, pairs, [objects[target]], ns=ns)
            await attach(unit, [row.id], {target: objects[target]})
            first = 0
        else:
            row = await unit.one(Annotation, known, can=Can.EDIT)
            (last,) = await unit.scalars(
                select(_pair.position)
                .where(_pair.annotation_id == known)
                .order_by(_pair.position.desc())
                .limit(1)
            ) or [-1]
            first = last + 1
            await add_pairs(unit, known, list(enumerate(pairs, first)))
            await unit.grow(Annotation, row)
            unit.tell("changed", ANNOTATABLE[target[0]], objects[target])
        spots |= {place: (row.id, first + n) for n, place in enumerate(places)}
    return spots


async def _own_maps(unit: Unit, targets: Iterable[Target], ns: str) -> dict[Target, int]:
    """Return the caller's first map of a namespace on each object, of those on no other object."""
    wanted = list(targets)
    if not wanted:
        return {}
    rows = await unit.rows(
        select(_link.annotation_id, _link.target_type, _link.target_id)
        .join(table(Annotation), _note.id == _link.annotation_id)
        .where(
            targeted(unit.members, wanted),
            _note.kind == AnnotationKind.MAP.value,
            _note.ns == ns,
            _note.owner_id == unit.actor.author_id,
            _note.trashed_by.is_(None),
            _link.trashed_by.is_(None),
        )
        .order_by(_note.id)
    )
    alone = await _alone(unit, {row.annotation_id for row in rows})
    found: dict[Target, int] = {}
    for row in rows:
        if row.annotation_id in alone:
            found.setdefault((row.target_type, row.target_id), row.annotation_id)
    return found


async def _alone(unit: Unit, ids: Iterable[int]) -> set[int]:
    """Return which of these annotations lie on one object."""
    on: dict[int, set[Target]] = {}
    for row in await unit.rows(
        select(_link.annotation_id, _link.target_type, _link.target_id).where(
            unit.members(_link.annotation_id, ids), _link.trashed_by.is_(None)
        )
    ):
        on.setdefault(row.annotation_id, set()).add((row.target_type, row.target_id))
    return {id for id, targets in on.items() if len(targets) == 1}


async def _shared(unit: Unit, annotation_id: int) -> bool:
    return not await _alone(unit, [annotation_id])


async def _copied(
    unit: Unit,
    objects: Mapping[Target, Any],
    seen: Property,
    pairs: Sequence[tuple[str, str]],
    changed: tuple[str, str] | None = None,
) -> int:
    """Give an object a map of its own instead of one it shares; return the changed pair's id."""
    row = await insert(unit, AnnotationKind.MAP, list(pairs), objects.values(), ns=seen.ns)
    await attach(unit, [row.id], objects)
    await detach(unit, [seen.annotation_id], objects)
    found = await unit.rows(
        select(_pair.id, _pair.key, _pair.value)
        .where(_pair.annotation_id == row.id)
        .order_by(_pair.position)
    )
    return next((one.id for one in found if (one.key, one.value) == changed), seen.id)
