"""Saving a graph within a unit of work: containers, then regions and annotations, then links.

Each object is written by the same functions as by its own verb, so every right and every check is
the same; this module only puts them into an order in which each finds what it refers to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlmodel import SQLModel

from adapters.annotation_values import checked_value
from adapters.attaching import alter, changes_of, group_for, insert
from adapters.containers import checked_fields, checked_name
from adapters.drawing import NewRoi, add_regions
from adapters.graph_links import Links
from adapters.graph_plan import CONTAINERS, Pairs, Plan, Thing, at
from adapters.graph_shapes import Drawn, image_of, reshape
from adapters.labelling import give_terms, take_terms
from store.errors import Forbidden, Invalid, NotFound
from store.statement import cols, word
from store.tables.annotations import Annotation, AnnotationKind, KeyValue
from store.tables.files import StoredFile
from store.tables.images import Image
from store.tables.rois import Roi, RoiKind, RoiTerm
from store.unit import Unit

_pair, _roi_term = cols(KeyValue), cols(RoiTerm)
Outcome = Literal["created", "changed", "unchanged"]


@dataclass(frozen=True, slots=True)
class Saved:
    """What became of one object of a graph."""

    path: str
    ref: str | None
    noun: type[SQLModel]
    id: int
    outcome: Outcome


class Saving:
    """One graph being saved. `rows` holds what was read or made, by the thing that names it."""

    def __init__(self, unit: Unit, plan: Plan, drawn: Drawn) -> None:
        self._unit = unit
        self._plan = plan
        self._drawn = drawn
        self._rows: dict[Thing, Any] = {}
        self._changed: set[Thing] = set()

    async def run(self) -> list[Saved]:
        """Save everything. Raises whatever is refused, with its place."""
        await self._read()
        objects = self._plan.objects
        for noun in CONTAINERS:
            await self._create(noun, [one for one in objects if one.noun is noun and one.new])
        for thing in objects:
            if not thing.new and thing.noun in (*CONTAINERS, Image):
                with at(thing.path):
                    await self._change(thing)
        await self._regions()
        for thing in objects:
            if thing.noun is Annotation:
                with at(thing.path):
                    await (self._note(thing) if thing.new else self._alter(thing))
        links = Links(self._unit, self._plan, self._rows)
        self._changed |= await links.tie()
        return [self._saved(thing) for thing in objects]

    def _saved(self, thing: Thing) -> Saved:
        outcome: Outcome = "changed" if thing in self._changed else "unchanged"
        if thing.new:
            outcome = "created"
        return Saved(thing.path, thing.ref, thing.noun, self._rows[thing].id, outcome)

    def _row(self, thing: Thing) -> Any:
        """Return the row of an object or of a placeholder for one."""
        return self._rows[self._plan.target(thing)]

    async def _read(self) -> None:
        """Read every object that has an id; one statement for each noun."""
        by_noun: dict[type[SQLModel], list[Thing]] = {}
        for thing in self._plan.known:
            by_noun.setdefault(thing.noun, []).append(thing)
        for noun, things in by_noun.items():
            ids = {thing.id for thing in things if thing.id is not None}
            found: Sequence[Any] = await self._unit.all(
                noun, self._unit.members(cols(noun).id, ids)
            )
            rows = {row.id: row for row in found}
            for thing in things:
                if thing.id not in rows:
                    with at(thing.path):
                        raise NotFound(word(noun), thing.id)
                self._rows[thing] = rows[thing.id]

    # containers and images

    async def _create(self, noun: type[SQLModel], things: Sequence[Thing]) -> None:
        """Make containers of one noun: three statements for those that say the same fields."""
        unit = self._unit
        alike: dict[tuple[str, ...], list[tuple[Thing, dict[str, Any]]]] = {}
        for thing in things:
            with at(thing.path):
                values = self._values(thing)
                if not await unit.judge.may_add(noun, noun(**values)):
                    raise Forbidden("create", word(noun), values["name"])
            alike.setdefault(tuple(sorted(values)), []).append((thing, values))
        for columns, made in alike.items():
            ids = await unit.add_many(
                noun, columns, [[values[one] for one in columns] for _, values in made]
            )
            rows: Sequence[Any] = await unit.stored(noun, ids)
            for (thing, _), row in zip(made, rows, strict=True):
                self._rows[thing] = row
                unit.tell("created", noun, row)

    def _values(self, thing: Thing) -> dict[str, Any]:
        """Return the columns of a new container."""
        fields = dict(thing.fields)
        name = checked_name(fields.pop("name", None))
        return {
            **checked_fields(thing.noun, fields),
            **self._references(thing),
            "name": name,
            "owner_id": self._unit.actor.author_id,
            "group_id": self._group(thing),
        }

    def _group(self, thing: Thing) -> int:
        """Return the group of a new object: as asked, else of what it is put into."""
        group_id = thing.group_id
        if group_id is None:
            above = [
                self._plan.target(item)
                for name in ("projects", "screens")
                if name in thing.many
                for item in thing.many[name].items
            ]
            home = self._plan.homes.get(thing)
            above += [] if home is None else [self._plan.target(home)]
            rows = [self._rows[one] for one in above if one in self._rows]
            group_id = next((row.group_id for row in rows if hasattr(row, "group_id")), None)
        return group_for(self._unit, group_id)

    def _references(self, thing: Thing) -> dict[str, Any]:
        """Return the columns of fields that name other objects; null means none."""
        if "ontology" not in thing.one:
            return {}
        ontology = thing.one["ontology"]
        return {"ontology_id": None if ontology is None else self._row(ontology).id}

    async def _change(self, thing: Thing) -> None:
        after = {**checked_fields(thing.noun, dict(thing.fields)), **self._references(thing)}
        if "name" in after:
            after["name"] = checked_name(after["name"])
        if after or thing.version is not None:
            await self._put(thing, after)

    async def _put(self, thing: Thing, after: Mapping[str, Any]) -> Any:
        """Change fields of a row, and note if that changed anything."""
        seen = self._rows[thing]
        row = await self._unit.change(thing.noun, seen.id, expected=thing.version, **after)
        if any(getattr(row, name) != getattr(seen, name) for name in after):
            self._changed.add(thing)
        self._rows[thing] = row
        return row

    # regions

    async def _regions(self) -> None:
        groups: dict[tuple[int, int | None], list[Thing]] = {}
        for thing in self._plan.objects:
            if thing.noun is not Roi:
                continue
            with at(thing.path):
                if thing.new:
                    groups.setdefault(self._place(thing), []).append(thing)
                else:
                    await self._redraw(thing)
        for (image_id, project_id), things in groups.items():
            with at(things[0].path):
                await self._draw(image_id, project_id, things)

    def _place(self, thing: Thing) -> tuple[int, int | None]:
        """Return the image a new region is drawn on, and the project it is bound to."""
        image_id = image_of(self._plan, thing, {})
        if image_id is None:
            raise Invalid("image", "is required by a new region.")
        if "shapes" not in thing.many or not thing.many["shapes"].items:
            raise Invalid("shapes", "a region needs at least one shape.")
        for item in thing.many["shapes"].items:
            if item.id is not None:
                with at(item.path):
                    raise Invalid("id", "a new region has no shapes yet.")
        project = thing.one.get("project")
        return image_id, None if project is None else self._row(project).id

    async def _draw(self, image_id: int, project_id: int | None, things: Sequence[Thing]) -> None:
        news, ready = [], []
        for thing in things:
            fields, shapes = thing.fields, thing.many["shapes"].items
            with at(thing.path):
                name = fields.get("name")
                name = None if name is None else checked_name(name)
            news.append(NewRoi([], _terms(thing), name, fields.get("description")))
            ready.append([columns for one in shapes for columns in self._drawn[one]])
        ids = await add_regions(
            self._unit, image_id, news, ready, project_id=project_id, kind=RoiKind.USER,
            author_id=None,
        )  # fmt: skip
        rows = {row.id: row for row in await self._unit.stored(Roi, ids)}
        for thing, id in zip(things, ids, strict=True):
            self._rows[thing] = rows[id]

    async def _redraw(self, thing: Thing) -> None:
        seen = self._rows[thing]
        self._stays(thing, seen)
        after = dict(thing.fields)
        if after.get("name") is not None:
            after["name"] = checked_name(after["name"])
        if not (after or thing.version is not None or thing.many.keys() & {"shapes", "terms"}):
            return
        row = await self._put(thing, after)
        if "shapes" in thing.many and await reshape(
            self._unit, row, thing.many["shapes"], self._drawn
        ):
            self._changed.add(thing)
            if row.version == seen.version:
                self._rows[thing] = await self._unit.grow(Roi, row)
        if "terms" in thing.many and await self._label(thing, row):
            self._changed.add(thing)

    def _stays(self, thing: Thing, seen: Roi) -> None:
        """Refuse to move a region to another image or project."""
        for name, column in (("image", "image_id"), ("project", "project_id")):
            if name in thing.one:
                other = thing.one[name]
                if (None if other is None else self._row(other).id) != getattr(seen, column):
                    raise Invalid(name, f"a region stays in its {name}; draw another one there.")

    async def _label(self, thing: Thing, row: Roi) -> bool:
        wanted, many = _terms(thing), thing.many["terms"]
        known = {one.term_id for one in await self._unit.all(RoiTerm, _roi_term.roi_id == row.id)}
        fresh = [id for id in wanted if id not in known]
        gone = [] if many.filtered else sorted(known - set(wanted))
        if fresh:
            await give_terms(self._unit, [row], fresh)
        if gone:
            await take_terms(self._unit, [row], gone)
        return bool(fresh or gone)

    # annotations

    async def _note(self, thing: Thing) -> None:
        fields, pairs = dict(thing.fields), thing.fields.get("pairs")
        kind, value = fields.pop("value", (AnnotationKind.MAP, None))
        if pairs is not None and kind is AnnotationKind.MAP and value is None:
            value = pairs.pairs
        if value is None:
            raise Invalid("value", "is required by a new annotation.")
        fields.pop("pairs", None)
        stated = changes_of(kind, fields).columns
        content = checked_value(kind, value)
        if kind is AnnotationKind.FILE:
            await self._unit.one(StoredFile, content)
        home = self._plan.homes.get(thing)
        above = [] if home is None else [self._plan.target(home)]
        if "targets" in thing.many:
            above += [self._plan.target(item) for item in thing.many["targets"].items]
        objects = [self._rows[one] for one in above if one in self._rows]
        self._rows[thing] = await insert(
            self._unit, kind, content, objects, thing.group_id, **stated
        )

    async def _alter(self, thing: Thing) -> None:
        seen: Annotation = self._rows[thing]
        fields, pairs = dict(thing.fields), thing.fields.get("pairs")
        kind, value = fields.pop("value", (AnnotationKind(seen.kind), None))
        if kind.value != seen.kind:
            raise Invalid("value", f"it is a {seen.kind}; it cannot become a {kind.value}.")
        fields.pop("pairs", None)
        if pairs is not None:
            value = await self._merged(seen, pairs)
        if not fields and value is None and thing.version is None:
            return
        row = await alter(
            self._unit, seen.id, changes_of(kind, fields, value), expected=thing.version
        )
        if row.version != seen.version:
            self._changed.add(thing)
        self._rows[thing] = row

    async def _merged(self, seen: Annotation, pairs: Pairs) -> list[tuple[str, str]]:
        """Return all pairs that a map is to have."""
        if seen.kind != AnnotationKind.MAP.value:
            raise Invalid("pairs", f"it is a {seen.kind}; only a map has pairs.")
        if not pairs.filtered:
            return list(pairs.pairs)
        rows = await self._unit.all(KeyValue, _pair.annotation_id == seen.id, order=_pair.position)
        merged = [(row.key, row.value) for row in rows]
        for key, value in pairs.pairs:
            places = [place for place, (known, _) in enumerate(merged) if known == key]
            if places:
                merged[places[0]] = (key, value)
            else:
                merged.append((key, value))
        return merged


def _terms(thing: Thing) -> list[int]:
    many = thing.many.get("terms")
    return [] if many is None else [item.id for item in many.items if item.id is not None]
