"""Paths: every way from the root of a hierarchy down to an object, through what the actor sees.

Walking goes upwards one level at a time, each level one statement for all objects at once, so the
cost depends on the depth of the hierarchy and never on how many objects are asked about. What the
actor may not see cuts a path short: it then begins at the first thing that can be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sqlalchemy import select
from sqlmodel import SQLModel

from adapters.hierarchy import link_of
from store.catalog import Catalog
from store.errors import Invalid, TooLarge
from store.statement import cols, table, word
from store.tables.containers import Dataset, Project
from store.tables.images import Image
from store.tables.rois import Roi, Shape
from store.tables.screens import Acquisition, Plate, Screen, Well, WellSample

MOST_OBJECTS = 500
Steps: TypeAlias = "tuple[Step, ...]"

_field, _well = cols(WellSample), cols(Well)
# child → the parent it lies in for good, and the column that says so
_PARENT: dict[type[SQLModel], tuple[type[SQLModel], str]] = {
    Shape: (Roi, "roi_id"),
    Roi: (Image, "image_id"),
    Acquisition: (Plate, "plate_id"),
}
# child → the container it may be linked into
_CONTAINER: dict[type[SQLModel], type[SQLModel]] = {
    Dataset: Project,
    Image: Dataset,
    Plate: Screen,
}
NOUNS: dict[str, type[SQLModel]] = {
    word(noun): noun
    for noun in (
        Project, Dataset, Image, Screen, Plate, Acquisition, Well, WellSample, Roi, Shape,
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One object of a path: the plain word of its noun, and its row."""

    noun: str
    row: Any

    @property
    def id(self) -> int:
        """The object's number."""
        return int(self.row.id)


@dataclass(frozen=True, slots=True)
class Path:
    """From the root down to the object; `owner_id` is the root's owner."""

    steps: Steps

    @property
    def root(self) -> Step:
        """The first object that has an owner: a project, a dataset, a screen, a plate, an image."""
        return self.steps[0]

    @property
    def owner_id(self) -> int:
        """Who owns the root."""
        return int(self.root.row.owner_id)

    @property
    def orphaned(self) -> bool:
        """Whether it begins at an image: in no dataset and no well that the actor sees."""
        return self.root.noun == word(Image)


class Paths:
    """Finds paths of many objects at once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def of(self, noun: type[SQLModel] | str, ids: Sequence[int]) -> dict[int, list[Path]]:
        """Return every path to each object, ordered by the ids along it; at least one path each.

        Objects that are not to be seen are left out. An image lies in datasets and in fields of
        wells; a well below the runs its fields were taken in, or below its plate where none is
        known. Raises Invalid for a noun without a hierarchy, TooLarge beyond 500 objects.
        """
        kind = NOUNS.get(noun) if isinstance(noun, str) else noun
        if kind is None or kind not in NOUNS.values():
            raise Invalid("noun", f"{noun} has no place in a hierarchy.")
        if len(ids) > MOST_OBJECTS:
            raise TooLarge(f"A list of {len(ids)} objects", MOST_OBJECTS, "objects")
        found = await self._catalog.by_ids(kind, list(dict.fromkeys(ids)))
        rows = [row for row in found if row is not None]
        ways = await self._to(kind, rows)
        return {
            id: [Path(steps) for steps in sorted(several, key=_numbers)]
            for id, several in ways.items()
        }

    async def _to(self, noun: type[SQLModel], rows: Iterable[Any]) -> dict[int, list[Steps]]:
        """Return the ways to rows that were found visible, each ending with the row."""
        listed = {row.id: row for row in rows}
        if not listed:
            return {}
        above = await self._above(noun, listed)
        return {
            id: [(*way, Step(word(noun), row)) for way in above.get(id) or [()]]
            for id, row in listed.items()
        }

    async def _above(self, noun: type[SQLModel], rows: Mapping[int, Any]) -> dict[int, list[Steps]]:
        if noun in _PARENT:
            parent, column = _PARENT[noun]
            return await self._owned(parent, column, rows)
        if noun is Well:
            return await self._wells(rows)
        if noun is WellSample:
            return await self._fields(rows)
        if noun in _CONTAINER:
            ways = await self._linked(_CONTAINER[noun], noun, rows)
            if noun is Image:
                for id, more in (await self._shown(rows)).items():
                    ways.setdefault(id, []).extend(more)
            return ways
        return {}

    async def _owned(
        self, parent: type[SQLModel], column: str, rows: Mapping[int, Any]
    ) -> dict[int, list[Steps]]:
        ids = sorted({getattr(row, column) for row in rows.values()})
        found = await self._catalog.by_ids(parent, ids)
        ways = await self._to(parent, (row for row in found if row is not None))
        return {id: ways.get(getattr(row, column), []) for id, row in rows.items()}

    async def _linked(
        self, parent: type[SQLModel], child: type[SQLModel], rows: Mapping[int, Any]
    ) -> dict[int, list[Steps]]:
        link, above, below = link_of(parent, child)
        row = cols(link)
        found = await self._catalog.rows(
            self._catalog.select(parent)
            .add_columns(row[below].label("child_id"))
            .join(table(link), row[above] == cols(parent).id)
            .where(self._catalog.members(row[below], rows.keys())),
            settled=(table(link).name,),
        )
        ways = await self._to(parent, found)
        gathered: dict[int, list[Steps]] = {}
        for one in found:
            gathered.setdefault(one.child_id, []).extend(ways[one.id])
        return gathered

    async def _shown(self, rows: Mapping[int, Any]) -> dict[int, list[Steps]]:
        """Return the ways to images through the fields that show them."""
        fields = await self._catalog.all(
            WellSample,
            self._catalog.select(WellSample).where(
                self._catalog.members(_field.image_id, rows.keys())
            ),
        )
        ways = await self._to(WellSample, fields)
        gathered: dict[int, list[Steps]] = {}
        for field in fields:
            gathered.setdefault(field.image_id, []).extend(ways[field.id])
        return gathered

    async def _fields(self, rows: Mapping[int, Any]) -> dict[int, list[Steps]]:
        """Return the ways to fields: through the run that took each, if that is known."""
        found = await self._catalog.by_ids(Well, sorted({one.well_id for one in rows.values()}))
        wells = {one.id: one for one in found if one is not None}
        wanted = {(one.well_id, one.acquisition_id) for one in rows.values()}
        ways = await self._through_runs(wells, wanted)
        return {
            id: ways.get((field.well_id, field.acquisition_id), []) for id, field in rows.items()
        }

    async def _wells(self, rows: Mapping[int, Any]) -> dict[int, list[Steps]]:
        """Return the ways to wells, without the wells themselves: one for each run."""
        found = await self._catalog.rows(
            select(_field.well_id, _field.acquisition_id)
            .where(self._catalog.members(_field.well_id, rows.keys()))
            .distinct()
        )
        wanted = {(one.well_id, one.acquisition_id) for one in found}
        wanted |= {(id, None) for id in rows.keys() - {well for well, _run in wanted}}
        ways = await self._through_runs(rows, wanted)
        gathered: dict[int, list[Steps]] = {}
        for (well, _run), several in ways.items():
            gathered.setdefault(well, []).extend(way[:-1] for way in several)
        return gathered

    async def _through_runs(
        self, wells: Mapping[int, Any], wanted: Iterable[tuple[int, int | None]]
    ) -> dict[tuple[int, int | None], list[Steps]]:
        """Return the ways to each well, with a run between it and its plate if one is named."""
        pairs = [(well, run) for well, run in wanted if well in wells]
        seen = await self._catalog.by_ids(
            Plate, sorted({wells[well].plate_id for well, _ in pairs})
        )
        plates = await self._to(Plate, (plate for plate in seen if plate is not None))
        run_ids = sorted({run for _, run in pairs if run is not None})
        found = await self._catalog.by_ids(Acquisition, run_ids) if run_ids else []
        runs = {run.id: Step(word(Acquisition), run) for run in found if run is not None}
        ways: dict[tuple[int, int | None], list[Steps]] = {}
        for well, run in pairs:
            between = () if run is None or run not in runs else (runs[run],)
            ways[well, run] = [
                (*way, *between, Step(word(Well), wells[well]))
                for way in plates.get(wells[well].plate_id) or [()]
            ]
        return ways


def _numbers(steps: Steps) -> tuple[tuple[str, int], ...]:
    return tuple((step.noun, step.id) for step in steps)
