"""The links of a graph within a unit of work: what lies where, and what is attached to what.

A collection that is not filtered is brought to exactly what it names, of what the actor sees; one
that is filtered only gains.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import SQLModel

from adapters.attaching import attach, objects_of, targeted, tell_objects
from adapters.graph_plan import LINKED, Many, Plan, Thing, at
from adapters.hierarchy import link_of, put_into
from store.access.capabilities import Can
from store.errors import Forbidden, Invalid
from store.statement import cols, word
from store.tables.annotations import Annotation, AnnotationLink
from store.tables.images import Image
from store.tables.rois import Roi, RoiKind
from store.unit import Unit

_link, _roi = cols(AnnotationLink), cols(Roi)


class Links:
    """Every link of one graph; `rows` are the objects, all stored by now."""

    def __init__(self, unit: Unit, plan: Plan, rows: dict[Thing, Any]) -> None:
        self._unit = unit
        self._plan = plan
        self._rows = rows

    async def tie(self) -> set[Thing]:
        """Make and cut links; return the objects whose collections changed."""
        changed = set()
        for thing in self._plan.objects:
            for name, many in thing.many.items():
                with at(f"{thing.path}.{name}"):
                    if await self._collection(thing, name, many):
                        changed.add(thing)
        for tie in self._plan.ties:
            with at(tie.path):
                await self._one(tie.parent, tie.child)
        return changed

    def _row(self, thing: Thing) -> Any:
        return self._rows[self._plan.target(thing)]

    def _noun(self, thing: Thing) -> type[SQLModel]:
        return self._plan.target(thing).noun

    async def _collection(self, thing: Thing, name: str, many: Many) -> bool:
        if (thing.noun, name) in LINKED:
            return await self._linked(thing, name, many)
        if (thing.noun, name) == (Image, "rois"):
            return await self._regions(thing, many)
        if name == "annotations":
            pairs = [(item, thing) for item in many.items]
            mine = _link.target_type == word(thing.noun)
            mine &= _link.target_id == self._row(thing).id
            return await self._attached(pairs, mine, filtered=many.filtered)
        if name == "targets":
            pairs = [(thing, item) for item in many.items]
            mine = _link.annotation_id == self._row(thing).id
            return await self._attached(pairs, mine, filtered=many.filtered)
        return False  # shapes and terms went with their region

    # containers

    async def _linked(self, thing: Thing, name: str, many: Many) -> bool:
        parent, child, down = LINKED[thing.noun, name]
        link, above, below = link_of(parent, child)
        own, other = (above, below) if down else (below, above)
        row, id = cols(link), self._row(thing).id
        present: Sequence[Any] = await self._unit.all(link, row[own] == id)
        known = {getattr(one, other) for one in present}
        wanted = [self._row(item) for item in many.items]
        fresh = [one for one in wanted if one.id not in known]
        if down and fresh:
            await put_into(self._unit, parent, id, child, fresh)
        if not down:
            for one in fresh:
                await put_into(self._unit, parent, one.id, child, [self._row(thing)])
        kept = {one.id for one in wanted}
        gone = [one.id for one in present if getattr(one, other) not in kept]
        if gone and not many.filtered:
            await self._unit.trash(link, gone)
            return True
        return bool(fresh)

    # regions of an image

    async def _regions(self, thing: Thing, many: Many) -> bool:
        image_id, kept = self._row(thing).id, set()
        for item in many.items:
            row = self._row(item)
            if row.image_id != image_id:
                with at(item.path):
                    raise Invalid("id", f"region {row.id} lies on image {row.image_id}.")
            kept.add(row.id)
        fresh = any(item.new for item in many.items)
        if many.filtered:
            return fresh
        present = await self._unit.all(
            Roi, _roi.image_id == image_id, _roi.kind != RoiKind.REVIEWED.value
        )
        gone = [row.id for row in present if row.id not in kept]
        if gone:
            await self._unit.trash(Roi, gone)
        return fresh or bool(gone)

    # annotations

    async def _attached(
        self, pairs: Sequence[tuple[Thing, Thing]], mine: Any, *, filtered: bool
    ) -> bool:
        """Attach what is not attached yet by anybody; unless filtered, detach everything else."""
        present = await self._unit.all(AnnotationLink, mine)
        known = {(one.annotation_id, one.target_type, one.target_id) for one in present}
        wanted = {self._key(annotation, target): target for annotation, target in pairs}
        fresh = {key: target for key, target in wanted.items() if key not in known}
        for (annotation_id, noun, id), target in fresh.items():
            with at(target.path):
                objects = await objects_of(self._unit, [(noun, id)])
                await attach(self._unit, [annotation_id], objects)
        gone = [
            one
            for one in present
            if (one.annotation_id, one.target_type, one.target_id) not in wanted
        ]
        if filtered or not gone:
            return bool(fresh)
        await self._detach(gone)
        return True

    def _key(self, annotation: Thing, target: Thing) -> tuple[int, str, int]:
        return self._row(annotation).id, word(self._noun(target)), self._row(target).id

    async def _detach(self, links: Sequence[AnnotationLink]) -> None:
        allowed = await self._unit.judge.capabilities(AnnotationLink, links)
        for link, can in zip(links, allowed, strict=True):
            if not can & Can.DELETE:
                raise Forbidden("detach annotations from", link.target_type, link.target_id)
        await self._unit.trash(AnnotationLink, [one.id for one in links])
        await tell_objects(self._unit, {(one.target_type, one.target_id) for one in links})

    # links by themselves

    async def _one(self, parent: Thing, child: Thing) -> None:
        """Link two objects that exist; nothing happens if they are linked already."""
        if self._noun(child) is Annotation:
            mine = targeted(self._unit.members, [(word(self._noun(parent)), self._row(parent).id)])
            await self._attached([(child, parent)], mine, filtered=True)
            return
        above, below = self._noun(parent), self._noun(child)
        await put_into(self._unit, above, self._row(parent).id, below, [self._row(child)])
